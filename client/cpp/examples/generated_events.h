// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CPP_EXAMPLES_GENERATED_EVENTS_H_
#define NEGATRON_CLIENT_CPP_EXAMPLES_GENERATED_EVENTS_H_

#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace negatron::examples {

inline constexpr int64_t kUsers = 600, kItems = 600, kGroups = 12, kEvents = 20 * kUsers;
inline constexpr int64_t kTraining = kEvents - kUsers;  // The last of each user is for the test.
inline constexpr int kTop = 20;

// Columns; times in microseconds since the Unix epoch.
struct Events {
  std::vector<int64_t> users, items, times;

  void Add(int64_t user, int64_t item, int64_t time) {
    users.push_back(user);
    items.push_back(item);
    times.push_back(time);
  }
};

// One event a second; users mostly choose what is popular in their own group.
inline Events MakeEvents(std::mt19937& random) {
  std::uniform_real_distribution<float> unit;
  std::vector<std::set<int64_t>> chosen(kUsers);
  Events events;
  for (int64_t n = 0; n < kEvents; ++n) {
    int64_t item = 0;
    do {
      const float x = unit(random);
      item = static_cast<int64_t>(x * x * kItems) % kItems;
      if (unit(random) < 0.8F) item += n % kGroups - item % kGroups;
    } while (!chosen[n % kUsers].insert(item).second);
    events.Add(n % kUsers, item, (1'600'000'000 + n) * 1'000'000);
  }
  return events;
}

// The share of the last events whose item is among the kTop with the highest scores, of those that
// the user had not chosen before.
template <typename ScoreOf>
double Recall(const Events& events, ScoreOf score) {
  std::vector<std::vector<bool>> seen(kUsers, std::vector<bool>(kItems));
  for (int64_t n = 0; n < kTraining; ++n) seen[events.users[n]][events.items[n]] = true;
  int hits = 0;
  for (int64_t n = kTraining; n < kEvents; ++n) {
    int better = 0;
    for (int64_t item = 0; item < kItems; ++item) {
      better += !seen[events.users[n]][item] &&
                score(events.users[n], item) > score(events.users[n], events.items[n]);
    }
    hits += better < kTop ? 1 : 0;
  }
  return static_cast<double>(hits) / kUsers;
}

}  // namespace negatron::examples

#endif  // NEGATRON_CLIENT_CPP_EXAMPLES_GENERATED_EVENTS_H_
