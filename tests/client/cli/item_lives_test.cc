// SPDX-License-Identifier: Apache-2.0
#include "client/cli/item_lives.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace negatron::client {
namespace {

using ::testing::HasSubstr;
using Spans = std::vector<std::pair<int64_t, int64_t>>;

constexpr int64_t kAlways = std::numeric_limits<int64_t>::min();
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

Spans Parse(absl::string_view from, absl::string_view until, char separator = kPlainSeparator) {
  const auto lives = ParseLives(from, until, TimeUnit::kAuto, separator);
  EXPECT_TRUE(lives.ok()) << lives.status();
  Spans spans;
  if (!lives.ok()) return spans;
  for (const ItemLife& life : *lives) spans.emplace_back(life.from, life.until);
  return spans;
}

std::string Problem(absl::string_view from, absl::string_view until) {
  return std::string(ParseLives(from, until, TimeUnit::kAuto, kPlainSeparator).status().message());
}

TEST(ItemLivesTest, EmptyCellsAreOpenEnds) {
  EXPECT_EQ(Parse("", ""), (Spans{{kAlways, kNever}}));
  EXPECT_EQ(Parse("5", " "), (Spans{{5'000'000, kNever}}));
  EXPECT_EQ(Parse("", "2020-01-01 00:00:00"), (Spans{{kAlways, 1'577'836'800'000'000}}));
}

TEST(ItemLivesTest, SeveralSpansStandBetweenSeparators) {
  EXPECT_EQ(Parse("|3", "2|"), (Spans{{kAlways, 2'000'000}, {3'000'000, kNever}}));
  EXPECT_EQ(Parse("-inf 3", "2 inf", ' '), (Spans{{kAlways, 2'000'000}, {3'000'000, kNever}}));
  EXPECT_EQ(Parse("inf", ""), Spans());
  EXPECT_EQ(Parse("inf", "inf"), Spans());
}

TEST(ItemLivesTest, NonsenseIsRefused) {
  EXPECT_THAT(Problem("1|3", "2"), HasSubstr("starts 2 times and ends 1 times"));
  EXPECT_THAT(Problem("5", "5"), HasSubstr("does not start before it ends"));
  EXPECT_THAT(Problem("1|2", "2|3"), HasSubstr("gap"));
  EXPECT_THAT(Problem("5|1", "6|2"), HasSubstr("order"));
  EXPECT_THAT(Problem("then", ""), HasSubstr("alive from: `then`"));
  EXPECT_THAT(Problem("", "0|inf|"), HasSubstr("starts 1 times"));
  std::string from, until;
  for (int i = 0; i < 65; ++i) {
    from += (i > 0 ? "|" : "") + std::to_string(2 * i);
    until += (i > 0 ? "|" : "") + std::to_string(2 * i + 1);
  }
  EXPECT_THAT(Problem(from, until), HasSubstr("65 lives"));
}

TEST(ItemLivesTest, WhatIsWrittenIsReadBack) {
  for (const Spans& spans : {Spans(), Spans{{kAlways, kNever}}, Spans{{-1, 1}},
                             Spans{{kAlways, 7}, {8, 9}, {11, kNever}},
                             Spans{{1'500'000'000'123'456, 253'402'300'799'999'999}}}) {
    std::vector<ItemLife> lives;
    for (const auto& [from, until] : spans) lives.push_back({from, until});
    for (const char separator : {kPlainSeparator, kSequenceSeparator}) {
      const LifeCells cells = FormatLives(lives, separator).value();
      EXPECT_EQ(Parse(cells.from, cells.until, separator), spans) << cells.from << cells.until;
    }
  }
  const ItemLife beyond{0, kNever - 1};
  EXPECT_THAT(FormatLives({&beyond, 1}, ' ').status().message(), HasSubstr("years 1 to 9999"));
}

}  // namespace
}  // namespace negatron::client
