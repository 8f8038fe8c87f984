// SPDX-License-Identifier: Apache-2.0
// Equal snapshot, as-of, seed and row key: equal bytes, on any number of threads,
// however rows are batched, after a restart, and however the content came to be.
#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/engine/eventful_collection.h"
#include "tests/server/engine/row_bytes.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int kRows = 60;

// The block, and what it says of a row.
std::string BytesOf(const SharedResult& result, size_t row) {
  const size_t rows = result.log_remaining.size();
  std::string bytes;
  AppendBytes<int64_t>(result.ids, 1, 0, &bytes);
  AppendBytes<float>(result.log_q, 1, 0, &bytes);
  AppendBytes<uint8_t>(result.components, 1, 0, &bytes);
  AppendBytes<uint8_t>(result.false_mask, rows, row, &bytes);
  AppendBytes<float>(result.log_remaining, rows, row, &bytes);
  return bytes;
}

// What every row gets under every policy, and under every policy of a shared block.
struct Answers {
  std::vector<std::vector<std::string>> rows;    // [policies][rows]
  std::vector<std::vector<std::string>> shared;  // [shared policies][rows]
  std::vector<SnapshotToken> tokens;             // Of all calls.

  bool operator==(const Answers& other) const {
    return rows == other.rows && shared == other.shared;
  }
};

class RepeatabilityTest : public testing::Test {
 protected:
  RepeatabilityTest() : rows_(TestSeed(3), kRows) {
    policies_ = EventfulPolicies();
    shared_policies_ = SharedPolicies();
    EXPECT_TRUE(harness_.Open().ok());
  }

  static std::vector<int> InOrder() {
    std::vector<int> order(kRows);
    std::iota(order.begin(), order.end(), 0);
    return order;
  }

  // Asks for the rows in the order `order`, in batches of at most `batch` rows; of a random
  // size if 0.
  Answers Ask(const std::string& id, const std::vector<int>& order, int batch, uint64_t seed = 1) {
    SplitMix random(seed);
    Answers answers;
    const auto ask = [&](const auto& policies, auto sample, auto* out) {
      for (const Policy& policy : policies) {
        std::vector<std::string> by_row(kRows);
        for (size_t begin = 0; begin < order.size();) {
          const auto size = static_cast<size_t>(batch > 0 ? batch : random.Between(1, 30));
          const size_t end = std::min(order.size(), begin + size);
          const std::vector<int> some(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                      order.begin() + static_cast<std::ptrdiff_t>(end));
          const auto result = sample(policy, some);
          ASSERT_TRUE(result.ok()) << result.status();
          answers.tokens.push_back(result->snapshot);
          for (size_t i = 0; i < some.size(); ++i) by_row[some[i]] = BytesOf(*result, i);
          begin = end;
        }
        out->push_back(std::move(by_row));
      }
    };
    const Engine& engine = harness_.engine();
    ask(
        policies_,
        [&](const Policy& policy, const std::vector<int>& some) {
          return engine.Sample(id, rows_.RequestFor(policy, some), Cancellation());
        },
        &answers.rows);
    ask(
        shared_policies_,
        [&](const Policy& policy, const std::vector<int>& some) {
          return engine.SampleShared(id, rows_.SharedRequestFor(policy, some), Cancellation());
        },
        &answers.shared);
    return answers;
  }

  static void ExpectSameBytes(const Answers& expected, const Answers& actual) {
    ASSERT_EQ(expected.rows.size(), actual.rows.size());
    ASSERT_EQ(expected.shared.size(), actual.shared.size());
    for (size_t p = 0; p < expected.rows.size(); ++p) {
      for (int r = 0; r < kRows; ++r) {
        EXPECT_TRUE(expected.rows[p][r] == actual.rows[p][r]) << "policy " << p << " row " << r;
      }
    }
    for (size_t p = 0; p < expected.shared.size(); ++p) {
      for (int r = 0; r < kRows; ++r) {
        EXPECT_TRUE(expected.shared[p][r] == actual.shared[p][r])
            << "shared policy " << p << " row " << r;
      }
    }
  }

  static void ExpectOneToken(const Answers& expected, const Answers& actual) {
    const SnapshotToken& token = expected.tokens.front();
    for (const Answers* const answers : {&expected, &actual}) {
      for (const SnapshotToken& each : answers->tokens) {
        ASSERT_EQ(each.incarnation, token.incarnation);
        ASSERT_EQ(each.commit_sequence, token.commit_sequence);
      }
    }
  }

  EngineHarness harness_;
  EventfulRows rows_;
  std::vector<Policy> policies_;
  std::vector<Policy> shared_policies_;
};

// Otherwise the tests below would compare nothing.
TEST_F(RepeatabilityTest, EverySourceServesSomeRows) {
  EventfulCollection(&harness_, TestSeed(1), true).Live("c");
  for (size_t p = 0; p < policies_.size(); ++p) {
    const auto result = harness_.Sample("c", rows_.RequestFor(policies_[p], InOrder()));
    ASSERT_TRUE(result.ok()) << result.status();
    const auto served = std::count(result->statuses.begin(), result->statuses.end(),
                                   static_cast<uint8_t>(RowStatus::kOk)) +
                        std::count(result->statuses.begin(), result->statuses.end(),
                                   static_cast<uint8_t>(RowStatus::kShort));
    const std::string& category = policies_[p].components[0].category;
    if (category == "unknown") {
      EXPECT_EQ(served, 0) << "policy " << p;
    } else {
      EXPECT_GT(served, 3) << "policy " << p;
    }
  }
}

TEST_F(RepeatabilityTest, EightThreadsGetTheBytesOfOne) {
  EventfulCollection(&harness_, TestSeed(1), true).Live("c");
  const Answers expected = Ask("c", InOrder(), kRows);
  std::vector<Answers> actual(8);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < actual.size(); ++t) {
    threads.emplace_back([&, t] { actual[t] = Ask("c", InOrder(), 0, t); });
  }
  // Other collections change meanwhile.
  ASSERT_TRUE(harness_.Create(Settings("other")).ok());
  for (int64_t i = 0; i < 50; ++i) {
    WriteItemsRequest items = ItemsAlways({i});
    items.options.level = AckLevel::kApplied;
    ASSERT_TRUE(harness_.Items("other", items).ok());
  }
  for (std::thread& thread : threads) thread.join();
  for (const Answers& each : actual) {
    ExpectSameBytes(expected, each);
    ExpectOneToken(expected, each);
  }
}

TEST_F(RepeatabilityTest, OrderAndSizesOfBatchesDoNotMatter) {
  EventfulCollection(&harness_, TestSeed(1), true).Live("c");
  const Answers expected = Ask("c", InOrder(), kRows);
  ExpectSameBytes(expected, Ask("c", InOrder(), 1));
  SplitMix random(TestSeed(4));
  for (uint64_t round = 0; round < 3; ++round) {
    std::vector<int> order = InOrder();
    for (size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[random.Below(static_cast<int64_t>(i))]);
    }
    const Answers actual = Ask("c", order, 0, round);
    ExpectSameBytes(expected, actual);
    ExpectOneToken(expected, actual);
  }
}

// After an end as it should be, after a crash, and with no memory of sums over histories.
TEST_F(RepeatabilityTest, ARestartDoesNotMatter) {
  EventfulCollection(&harness_, TestSeed(1), true).Live("c");
  const Answers expected = Ask("c", InOrder(), kRows);
  harness_.Close();
  ASSERT_TRUE(harness_.Open().ok());
  Answers actual = Ask("c", InOrder(), kRows);
  ExpectSameBytes(expected, actual);
  ExpectOneToken(expected, actual);
  harness_.Crash(/*lose_power=*/false, 1);
  harness_.options().excluded_mass_cache_bytes = 0;
  ASSERT_TRUE(harness_.Open().ok());
  actual = Ask("c", InOrder(), kRows);
  ExpectSameBytes(expected, actual);
  ExpectOneToken(expected, actual);
}

// What is drawn is a function of the lives and events alone (server/DESIGN.md, "The
// pool"), and of the order in which items came.
TEST_F(RepeatabilityTest, TheWayThatTheContentCameDoesNotMatter) {
  EventfulCollection content(&harness_, TestSeed(2), false);
  content.Live("lived");
  const Answers expected = Ask("lived", InOrder(), kRows);
  content.Rewrite("lived", "at-once", /*newest_first=*/false, 100000);
  ExpectSameBytes(expected, Ask("at-once", InOrder(), kRows));
  content.Rewrite("lived", "backwards", /*newest_first=*/true, 97);
  ExpectSameBytes(expected, Ask("backwards", InOrder(), kRows));
  harness_.Close();
  ASSERT_TRUE(harness_.Open().ok());
  ExpectSameBytes(expected, Ask("backwards", InOrder(), kRows));
}

}  // namespace
}  // namespace negatron
