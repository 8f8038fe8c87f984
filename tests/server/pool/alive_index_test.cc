// SPDX-License-Identifier: Apache-2.0
// AliveIndex against a walk over all lives.
#include "server/pool/alive_index.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/random_catalogue.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

// What an index says of a time.
struct Listed {
  std::vector<Ordinal> items;  // In the index's own order.
  uint64_t weight = 0;
  bool bounds_weights = true;  // Whether each part knows its heaviest item.
};

// Items with their lives, and the index over them.
class Lives {
 public:
  void Add(Ordinal item, std::vector<Interval> alive, float base_weight) {
    if (item >= lives_.size()) {
      lives_.resize(item + 1);
      weights_.resize(item + 1, 0);
    }
    Remove(item);
    lives_[item] = std::move(alive);
    weights_[item] = AliveIndex::WeightUnits(base_weight);
    Change(item, true);
  }

  void Remove(Ordinal item) {
    Change(item, false);
    lives_[item].clear();
  }

  // Applies what was added and removed since the last time.
  void Commit() { index_ = Made(std::exchange(changes_, {}), index_); }

  // The index as it is if it is made of the lives in one go.
  AliveIndex Fresh() {
    std::vector<AliveIndex::Change> all;
    for (Ordinal item = 0; item < lives_.size(); ++item) {
      for (const Interval& life : lives_[item]) all.push_back({item, life, weights_[item], true});
    }
    return Made(std::move(all), AliveIndex());
  }

  Listed At(const AliveIndex& index, Micros time) const {
    LivingItems living;
    index.At(time, &living);
    Listed listed;
    listed.weight = living.weight;
    for (uint64_t i = 0; i < living.count; ++i) listed.items.push_back(living[i]);
    size_t next = 0;
    for (const LivingItems::Part& part : living.parts) {
      uint64_t sum = 0;
      uint32_t heaviest = 0;
      for (uint32_t i = 0; i < part.count; ++i) {
        const uint32_t weight = weights_[listed.items[next++]];
        sum += weight;
        heaviest = std::max(heaviest, weight);
      }
      listed.bounds_weights &= sum == part.weight && heaviest == part.max_weight;
    }
    return listed;
  }

  void ExpectAgreesAt(Micros time) const {
    SCOPED_TRACE(time);
    std::vector<Ordinal> expected;
    uint64_t weight = 0;
    for (Ordinal item = 0; item < lives_.size(); ++item) {
      const auto contains = [time](const Interval& life) { return life.Contains(time); };
      if (std::none_of(lives_[item].begin(), lives_[item].end(), contains)) continue;
      expected.push_back(item);
      weight += weights_[item];
    }
    Listed listed = At(index_, time);
    std::sort(listed.items.begin(), listed.items.end());
    ASSERT_TRUE(listed.items == expected)
        << listed.items.size() << " listed, " << expected.size() << " alive";
    ASSERT_EQ(listed.weight, weight);
    ASSERT_TRUE(listed.bounds_weights);
    ASSERT_EQ(index_.CountAt(time), expected.size());
  }

  const AliveIndex& index() const { return index_; }
  const std::vector<Interval>& LivesOf(Ordinal item) const { return lives_[item]; }

 private:
  void Change(Ordinal item, bool added) {
    for (const Interval& life : lives_[item]) {
      changes_.push_back({item, life, weights_[item], added});
    }
  }

  AliveIndex Made(std::vector<AliveIndex::Change> changes, const AliveIndex& base) const {
    return base.With(
        std::move(changes), [this](Ordinal item) { return lives_[item]; },
        [this](Ordinal item) { return weights_[item]; });
  }

  std::vector<std::vector<Interval>> lives_;
  std::vector<uint32_t> weights_;
  std::vector<AliveIndex::Change> changes_;
  AliveIndex index_;
};

constexpr Micros kHour = 3600LL * 1000000;
constexpr Ordinal kItems = 100000;

// Lives of all lengths, many that start or end together, some within one microsecond,
// which no tree can split.
std::vector<Interval> RandomLives(SplitMix& random) {
  switch (random.Below(8)) {
    case 0:
      return {Interval{}};
    case 1:
      return {{77 * kHour, 77 * kHour + 1}};
    case 2:
      return {{random.Between(0, 200) * kHour, kNever}};
    case 3:
      return {{kAlways, random.Between(0, 200) * kHour}};
    case 4: {
      std::vector<Interval> lives;
      Micros from = random.Between(0, 100) * kHour;
      for (int64_t i = random.Between(1, 4); i > 0; --i) {
        const Micros until = from + random.Between(1, 20 * kHour);
        lives.push_back({from, until});
        from = until + random.Between(1, 9 * kHour);
      }
      return lives;
    }
    case 5:
      return {};
    default: {
      const Micros from = random.Between(0, 200 * kHour);
      return {{from, from + random.Between(1, random.Chance(0.5) ? kHour : 50 * kHour)}};
    }
  }
}

float RandomWeight(SplitMix& random) { return static_cast<float>(random.Between(1, 256)) / 16; }

std::vector<Micros> Times(const Lives& lives, SplitMix& random) {
  std::vector<Micros> times = {kMinTime, kMaxTime, 0, 77 * kHour - 1, 77 * kHour, 77 * kHour + 1};
  while (times.size() < 40) {
    const std::vector<Interval>& some = lives.LivesOf(static_cast<Ordinal>(random.Below(kItems)));
    const Micros edge =
        some.empty() || some[0].until == kNever ? random.Between(0, 300 * kHour) : some[0].until;
    times.push_back(edge + random.Between(-1, 1));
  }
  return times;
}

// 100,000 items come in commits of all sizes, change, and go until a handful is left, so
// that nodes split and collapse. At every stage the lists are those of a walk, and those
// of an index that never knew the past.
TEST(AliveIndexTest, AgreesWithAWalkWhileItGrowsAndShrinks) {
  SplitMix random(TestSeed(1));
  Lives lives;
  const auto expect_agrees = [&] {
    const AliveIndex fresh = lives.Fresh();
    for (const Micros time : Times(lives, random)) {
      lives.ExpectAgreesAt(time);
      const Listed now = lives.At(lives.index(), time);
      ASSERT_TRUE(now.items == lives.At(fresh, time).items) << "order at " << time;
    }
  };
  for (Ordinal item = 0; item < kItems;) {
    const auto end = std::min<Ordinal>(
        kItems,
        item + static_cast<Ordinal>(random.Chance(0.7) ? random.Below(200) : random.Below(9000)));
    for (; item < end; ++item) lives.Add(item, RandomLives(random), RandomWeight(random));
    lives.Commit();
  }
  expect_agrees();
  for (int commit = 0; commit < 30; ++commit) {
    for (Ordinal item = random.Below(400); item < kItems; item += 1 + random.Below(400)) {
      lives.Add(item, RandomLives(random), RandomWeight(random));
    }
    lives.Commit();
  }
  expect_agrees();
  std::vector<Ordinal> left(kItems);
  for (Ordinal item = 0; item < kItems; ++item) left[item] = item;
  for (size_t i = left.size(); i > 1; --i) {
    std::swap(left[i - 1], left[random.Below(static_cast<int64_t>(i))]);
  }
  for (const size_t target : {50000u, 5000u, 500u, 70u, 3u, 0u}) {
    while (left.size() > target) {
      const size_t count = std::min<size_t>(left.size() - target, 1 + left.size() / 7);
      for (size_t i = 0; i < count; ++i) {
        lives.Remove(left.back());
        left.pop_back();
      }
      lives.Commit();
    }
    expect_agrees();
  }
  // Nothing is alive any more, and nothing is left of the tree.
  EXPECT_EQ(lives.index().bytes(), AliveIndex().bytes());
}

// A leaf holds 64 starts and ends; the 65th splits it, and taking that away undoes it.
TEST(AliveIndexTest, SplitsAndCollapsesAtItsBound) {
  for (const Ordinal count : {63u, 64u, 65u, 66u, 130u}) {
    SCOPED_TRACE(count);
    Lives lives;
    for (Ordinal item = 0; item < count; ++item) {
      lives.Add(item, {{item * 1000, item * 1000 + 64000}}, 1);
      lives.Commit();
    }
    for (Ordinal round = 0; round < 4; ++round) {
      for (Micros time = -1000; time < 200000; time += 500) lives.ExpectAgreesAt(time);
      lives.Remove(round * 7);
      lives.Commit();
    }
    const AliveIndex fresh = lives.Fresh();
    for (Micros time = -1000; time < 200000; time += 500) {
      ASSERT_TRUE(lives.At(lives.index(), time).items == lives.At(fresh, time).items);
    }
  }
}

// More lives than a leaf holds that start and end within a microsecond.
TEST(AliveIndexTest, LivesOfAMicrosecondAreListedAtThat) {
  Lives lives;
  for (Ordinal item = 0; item < 1000; ++item) {
    lives.Add(item, {{item % 2, item % 2 + 1}, {5, 6}}, 2);
  }
  lives.Commit();
  for (Micros time = -2; time < 9; ++time) lives.ExpectAgreesAt(time);
  for (Ordinal item = 0; item < 1000; item += 3) lives.Remove(item);
  lives.Commit();
  for (Micros time = -2; time < 9; ++time) lives.ExpectAgreesAt(time);
}

// Snapshots that share lists with later ones stay as they were.
TEST(AliveIndexTest, OldIndexesStayAsTheyWere) {
  SplitMix random(TestSeed(2));
  Lives lives;
  std::vector<std::pair<AliveIndex, std::vector<Listed>>> old;
  const std::vector<Micros> times = {0, 50 * kHour, 77 * kHour, 150 * kHour, 250 * kHour};
  for (int commit = 0; commit < 40; ++commit) {
    for (Ordinal item = random.Below(20); item < 1000; item += 1 + random.Below(40)) {
      lives.Add(item, RandomLives(random), 1);
    }
    lives.Commit();
    old.push_back({lives.index(), {}});
    for (const Micros time : times) old.back().second.push_back(lives.At(lives.index(), time));
  }
  for (const auto& [index, listed] : old) {
    for (size_t i = 0; i < times.size(); ++i) {
      ASSERT_TRUE(lives.At(index, times[i]).items == listed[i].items);
    }
  }
}

// Items that came in commits of `commit`; most are born at times of their own.
AliveIndex IndexOfCommits(Ordinal items, Ordinal commit) {
  constexpr Micros kDay = 24 * 3600LL * 1000000;
  const auto life_of = [](Ordinal item) {
    return Interval{1'700'000'000'000'000 + (item * 7919LL % 365) * kDay + item, kNever};
  };
  AliveIndex index;
  for (Ordinal first = 0; first < items; first += commit) {
    std::vector<AliveIndex::Change> changes;
    for (Ordinal i = first; i < first + commit; ++i) {
      changes.push_back({i, life_of(i), AliveIndex::WeightUnits(1), true});
    }
    index = index.With(
        changes, [&](Ordinal item) { return std::vector<Interval>{life_of(item)}; },
        [](Ordinal) { return AliveIndex::WeightUnits(1); });
  }
  return index;
}

// As at a start, which adds all items at once.
TEST(AliveIndexTest, ItemsAddedAtOnceTakeNoMoreMemoryThanInManyCommits) {
  EXPECT_LE(IndexOfCommits(kItems, kItems).bytes(),
            IndexOfCommits(kItems, kItems / 100).bytes() * 3 / 2);
}

// A list of those that live for ever stands at few levels of the tree: about 4 bytes each.
TEST(AliveIndexTest, AnItemTakesAFewBytesALevelOfItsOwnTime) {
  EXPECT_LE(IndexOfCommits(kItems, kItems).bytes(), int64_t{kItems} * 200);
}

}  // namespace
}  // namespace negatron
