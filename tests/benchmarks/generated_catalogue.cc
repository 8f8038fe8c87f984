// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/generated_catalogue.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <utility>

#include "tests/benchmarks/bench_data.h"

namespace negatron::bench {
namespace {

constexpr uint64_t kSeed = 7600;

// In [0, 1), of 53 bits.
double Unit(std::mt19937_64* random) { return static_cast<double>((*random)() >> 11) * 0x1p-53; }

template <typename T>
void Shuffle(std::vector<T>* values, std::mt19937_64* random) {
  for (size_t i = values->size(); i > 1; --i)
    std::swap((*values)[i - 1], (*values)[(*random)() % i]);
}

struct Span {
  int64_t begin;
  int64_t length;
};

void MakeItems(Span span, int64_t count, std::mt19937_64* random, GeneratedCatalogue* out) {
  out->item_ids.resize(count);
  std::iota(out->item_ids.begin(), out->item_ids.end(), 0);
  out->alive_from_micros.assign(count, std::numeric_limits<int64_t>::min());
  out->alive_until_micros.assign(count, std::numeric_limits<int64_t>::max());
  for (int64_t i = 0; i < count; ++i) {
    const double kind = Unit(random);
    const int64_t time = span.begin + static_cast<int64_t>(Unit(random) * span.length);
    if (kind < 0.1) {
      out->alive_until_micros[i] = time;
    } else if (kind < 0.5) {
      out->alive_from_micros[i] = time;
    }
  }
}

// Draws items by popularity. A rank that is log-uniform has a Zipf law of exponent 1.
class ItemPicker {
 public:
  ItemPicker(const GeneratedCatalogue* catalogue, std::mt19937_64* random)
      : catalogue_(*catalogue), random_(*random), order_(catalogue->item_ids) {
    Shuffle(&order_, random);
  }

  // An item that is alive at `time`, which is at `progress` in [0, 1) of the span.
  int64_t Pick(int64_t time, double progress) {
    const auto count = static_cast<int64_t>(order_.size());
    for (;;) {
      const auto rank = static_cast<int64_t>(std::pow(count, Unit(&random_))) - 1;
      const bool moves = (random_() & 1) != 0;
      const int64_t first = moves ? static_cast<int64_t>(progress * count) : 0;
      const int64_t item = order_[(first + rank) % count];
      if (catalogue_.alive_from_micros[item] <= time &&
          time < catalogue_.alive_until_micros[item]) {
        return item;
      }
    }
  }

 private:
  const GeneratedCatalogue& catalogue_;
  std::mt19937_64& random_;
  std::vector<int64_t> order_;
};

}  // namespace

GeneratedCatalogue GenerateCatalogue(int64_t item_count, int64_t event_count, absl::Time end) {
  std::mt19937_64 random(kSeed);
  const Span span = {absl::ToUnixMicros(end - kSpan), absl::ToInt64Microseconds(kSpan)};
  GeneratedCatalogue out;
  MakeItems(span, item_count, &random, &out);
  ItemPicker picker(&out, &random);

  // In every round each user has one event, in another order.
  const int64_t user_count = event_count / kEventsPerUser;
  std::vector<int64_t> users(user_count);
  std::iota(users.begin(), users.end(), 0);
  std::vector<int32_t> seen(event_count);  // [users, kEventsPerUser].
  out.user_ids.reserve(event_count);
  out.event_item_ids.reserve(event_count);
  out.event_time_micros.reserve(event_count);
  for (int64_t round = 0; round < kEventsPerUser; ++round) {
    Shuffle(&users, &random);
    for (const int64_t user : users) {
      const double progress = static_cast<double>(out.user_ids.size()) / event_count;
      const int64_t time = span.begin + static_cast<int64_t>(progress * span.length);
      const auto first = seen.begin() + user * kEventsPerUser;
      int64_t item = picker.Pick(time, progress);
      while (std::find(first, first + round, item) != first + round) {
        item = picker.Pick(time, progress);
      }
      first[round] = static_cast<int32_t>(item);
      out.user_ids.push_back(user);
      out.event_item_ids.push_back(item);
      out.event_time_micros.push_back(time);
    }
  }
  return out;
}

}  // namespace negatron::bench
