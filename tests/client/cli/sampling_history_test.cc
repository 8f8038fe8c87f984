// SPDX-License-Identifier: Apache-2.0
#include "client/cli/sampling_history.h"

#include <cmath>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kStart = 1'700'000'000;

void Add(int64_t bucket, const std::string& name, int64_t drawn, int64_t scored, double mean,
         v1::SamplingStatistics* statistics) {
  auto* const added = statistics->add_buckets();
  added->mutable_start_time()->set_seconds(kStart + bucket * 10);
  auto* const source = added->add_sources();
  source->set_source(name);
  source->set_drawn_count(drawn);
  if (scored == 0) return;
  source->mutable_scores()->set_count(scored);
  source->mutable_scores()->set_mean(mean);
}

v1::SamplingStatistics Empty() {
  v1::SamplingStatistics statistics;
  statistics.mutable_resolution()->set_seconds(10);
  return statistics;
}

TEST(SamplingHistoryTest, NothingDrawnIsAProblem) {
  EXPECT_THAT(ToHistory(Empty()).problem, Not(testing::IsEmpty()));
}

TEST(SamplingHistoryTest, BucketsAreWindowsWhereTheyAreFew) {
  v1::SamplingStatistics statistics = Empty();
  Add(0, "nearest", 5, 4, 0.5, &statistics);
  Add(2, "uniform", 7, 0, 0, &statistics);
  statistics.add_event_age_bounds_seconds(60);
  auto* const total = statistics.mutable_total()->add_sources();
  total->set_source("nearest");
  total->set_drawn_count(5);
  total->add_event_age_counts(2);
  total->add_event_age_counts(3);
  const SamplingHistory history = ToHistory(statistics);
  EXPECT_TRUE(history.problem.empty());
  EXPECT_THAT(history.start_micros, ElementsAre(kStart * 1'000'000, (kStart + 10) * 1'000'000,
                                                (kStart + 20) * 1'000'000));
  EXPECT_EQ(history.end_micros[2], (kStart + 30) * 1'000'000);
  ASSERT_THAT(history.sources, SizeIs(2));
  EXPECT_THAT(history.sources[0].drawn_counts, ElementsAre(5, 0, 0));
  EXPECT_EQ(history.sources[0].hardness[0], 0.5);
  EXPECT_TRUE(std::isnan(history.sources[0].hardness[1]));
  EXPECT_THAT(history.sources[1].drawn_counts, ElementsAre(0, 0, 7));
  EXPECT_TRUE(std::isnan(history.sources[1].hardness[2]));
  EXPECT_EQ(history.sources[0].total.drawn_count(), 5);
  EXPECT_THAT(history.age_bounds, ElementsAre(60));
  EXPECT_THAT(history.age_counts, ElementsAre(2, 3));
}

TEST(SamplingHistoryTest, ManyBucketsBecomeFewWindowsWithWeightedMeans) {
  v1::SamplingStatistics statistics = Empty();
  Add(0, "nearest", 1, 1, 1, &statistics);
  Add(1, "nearest", 3, 3, 2, &statistics);
  Add(143, "nearest", 1, 1, 4, &statistics);
  const SamplingHistory history = ToHistory(statistics);
  EXPECT_THAT(history.start_micros, SizeIs(72));
  EXPECT_EQ(history.end_micros[0] - history.start_micros[0], 20'000'000);
  EXPECT_EQ(history.sources[0].drawn_counts[0], 4);
  EXPECT_DOUBLE_EQ(history.sources[0].hardness[0], 1.75);
  EXPECT_EQ(history.sources[0].hardness[71], 4);
}

}  // namespace
}  // namespace negatron::client
