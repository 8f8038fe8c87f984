// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "storage/model/limits.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

class ReadsTest : public testing::Test {
 protected:
  ReadsTest() {
    EXPECT_TRUE(harness_.Open().ok());
    CollectionRecord settings = Settings("c");
    settings.embedding = EmbeddingSettings{2, Metric::kInnerProduct};
    EXPECT_TRUE(harness_.Create(settings).ok());
    EXPECT_TRUE(harness_.Items("c", ItemsAlways({10, 20, 30, 40})).ok());
    EXPECT_TRUE(harness_.Events("c", EventsOf({1, 2, 2}, {10, 20, 30}, {100, 200, 300})).ok());
  }

  std::vector<std::string> BadFields(const SampleRequest& request) {
    const absl::Status status = harness_.Sample("c", request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    std::vector<std::string> fields;
    for (const auto& violation : FieldViolationsOf(status)) fields.push_back(violation.field);
    return fields;
  }

  EngineHarness harness_;
};

TEST_F(ReadsTest, UnknownCollectionIsNotFound) {
  EXPECT_EQ(harness_.Sample("none", SampleOf(UniformSource{}, 1, 1, 0)).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(harness_.engine().GetStatistics("none", 0).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ReadsTest, BadRequestsNameTheFieldAndRow) {
  const SampleRequest good = SampleOf(UniformSource{}, 2, 3, 1000);
  SampleRequest bad = good;
  bad.negative_count = 0;
  bad.row_count = -1;
  EXPECT_THAT(BadFields(bad), testing::ElementsAre("row_count", "negative_count"));
  bad = good;
  bad.negative_count = static_cast<int>(kMaxDraws / 2 + 1);
  EXPECT_THAT(BadFields(bad), testing::ElementsAre("negative_count"));
  bad = good;
  bad.policy.components.clear();
  EXPECT_THAT(BadFields(bad), testing::ElementsAre("policy.components"));
  bad = good;
  bad.as_of = {5, kMaxTime + 1};
  EXPECT_THAT(BadFields(bad), testing::ElementsAre("as_of_time", "as_of_micros[1]"));
  bad = good;
  bad.users = IdBatch{std::vector<int64_t>{1}};
  bad.positives = IdBatch{std::vector<std::string>{"a", "b"}};
  bad.exclusions = IdBatch{std::vector<int64_t>{1}};
  bad.exclusion_splits = {0, 2, 1};
  bad.row_keys = {1, 2, 3};
  EXPECT_THAT(BadFields(bad), testing::ElementsAre("user_ids", "positive_ids",
                                                   "exclusions.row_splits", "row_keys"));
}

TEST_F(ReadsTest, BadQueriesNameTheRow) {
  NearestSource nearest;
  nearest.rank_end = 2;
  SampleRequest bad = SampleOf(nearest, 2, 3, 1000);
  EXPECT_THAT(BadFields(bad), testing::ElementsAre("queries"));
  bad.query_columns = 3;
  bad.queries.assign(6, 1.0f);
  EXPECT_THAT(BadFields(bad), testing::ElementsAre("queries.column_count"));
  bad.query_columns = 2;
  EXPECT_THAT(BadFields(bad), testing::ElementsAre("queries.row_count"));
  bad.queries = {1, 1, 1, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THAT(BadFields(bad), testing::ElementsAre("queries[1]"));
  ASSERT_TRUE(harness_.Create(Settings("plain")).ok());
  EXPECT_EQ(harness_.Sample("plain", bad).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ReadsTest, ExcludesHistoryPositiveAndNamed) {
  SampleRequest request = SampleOf(UniformSource{}, 2, 50, 1000);
  request.users = IdBatch{std::vector<int64_t>{2, 777}};
  request.positives = IdBatch{std::vector<int64_t>{10, -5}};
  request.exclusions = IdBatch{std::vector<int64_t>{10, 20, 30}};
  request.exclusion_splits = {0, 0, 3};
  const auto result = harness_.Sample("c", request);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->ids, testing::Each(40));
  EXPECT_THAT(result->log_q, testing::Each(0.0f));
  EXPECT_TRUE(result->drawn.empty());
}

TEST_F(ReadsTest, TheClockIsTheDefaultAsOfAndIsReturned) {
  SampleRequest request = SampleOf(PopularitySource{}, 1, 20, 0);
  request.default_as_of.reset();
  harness_.clock().Set(150);
  const auto result = harness_.Sample("c", request);
  EXPECT_EQ(result->default_as_of, 150);
  EXPECT_THAT(result->ids, testing::Each(10));
  harness_.clock().Set(100);
  const auto before = harness_.Sample("c", request);
  EXPECT_EQ(before->statuses[0], static_cast<uint8_t>(RowStatus::kNoEvent));
  EXPECT_THAT(before->drawn, testing::ElementsAre(0));
}

TEST_F(ReadsTest, RowKeysDefaultToUserPositiveAndAsOf) {
  SampleRequest request = SampleOf(UniformSource{}, 3, 20, 1000);
  request.row_keys.clear();
  request.users = IdBatch{std::vector<int64_t>{8, 9, 8}};
  const auto result = harness_.Sample("c", request);
  const auto row = [&](int r) {
    return std::vector<int64_t>(result->ids.begin() + r * 20, result->ids.begin() + r * 20 + 20);
  };
  EXPECT_EQ(row(0), row(2));
  EXPECT_NE(row(0), row(1));
}

TEST_F(ReadsTest, EqualTokensGiveEqualBytesAfterARestart) {
  WriteEmbeddingsRequest vectors;
  vectors.ids.values = std::vector<int64_t>{10, 30, 40};
  vectors.column_count = 2;
  vectors.values = {1, 2, 3, 4, 5, 6};
  ASSERT_TRUE(harness_.Embeddings("c", vectors).ok());
  // Late, so that the log is not written in the order in which it is read.
  ASSERT_TRUE(harness_.Events("c", EventsOf({3, 3}, {40, 20}, {50, 100})).ok());
  NearestSource nearest;
  nearest.rank_end = 3;
  nearest.pick = NearestPick::kSoftmax;
  nearest.temperature = 2;
  SampleRequest request = SampleOf(UniformSource{}, 20, 9, 1000);
  request.policy.components.push_back({2, "", PopularitySource{}});
  request.policy.components.push_back({2, "", nearest});
  request.query_columns = 2;
  request.queries.assign(40, 0.25f);
  const auto before = harness_.Sample("c", request);
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_TRUE(harness_.Open().ok());
  const auto after = harness_.Sample("c", request);
  EXPECT_EQ(before->snapshot.incarnation, after->snapshot.incarnation);
  EXPECT_EQ(before->snapshot.commit_sequence, after->snapshot.commit_sequence);
  EXPECT_EQ(before->ids, after->ids);
  EXPECT_EQ(before->log_q, after->log_q);
  EXPECT_EQ(before->log_q_source, after->log_q_source);
}

TEST_F(ReadsTest, StatisticsCountWhatHappened) {
  ASSERT_TRUE(harness_.Sample("c", SampleOf(UniformSource{}, 4, 5, 1000)).ok());
  ASSERT_TRUE(harness_.Sample("c", SampleOf(PopularitySource{}, 2, 3, 50)).ok());
  const auto statistics = harness_.engine().GetStatistics("c", 250);
  EXPECT_EQ(statistics->item_count, 4);
  EXPECT_EQ(statistics->living_item_count, 4);
  EXPECT_EQ(statistics->user_count, 2);
  EXPECT_EQ(statistics->event_count, 3);
  EXPECT_EQ(statistics->past_event_count, 2);
  EXPECT_EQ(statistics->first_event_time, 100);
  EXPECT_EQ(statistics->last_event_time, 300);
  EXPECT_NEAR(statistics->event_mass, 2.0, 1e-5);
  EXPECT_EQ(statistics->sample_call_count, 2);
  EXPECT_EQ(statistics->sampled_row_count, 6);
  EXPECT_THAT(statistics->drawn_by_source, testing::ElementsAre(20, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(statistics->rows_by_status[static_cast<int>(RowStatus::kNoEvent)], 2);
}

TEST_F(ReadsTest, DynamicDrawsFromAPoolAndIsCounted) {
  WriteEmbeddingsRequest vectors;
  vectors.ids.values = std::vector<int64_t>{10, 20, 30};
  vectors.column_count = 2;
  vectors.values = {1, 0, 2, 0, 3, 0};
  ASSERT_TRUE(harness_.Embeddings("c", vectors).ok());
  DynamicSource dynamic{UniformSource{}, NearestAnchor::kQuery, kMaxPoolSize};
  dynamic.top_count = 2;
  SampleRequest request = SampleOf(dynamic, 2, 3, 1000);
  EXPECT_THAT(BadFields(request), testing::ElementsAre("queries"));
  request.query_columns = 2;
  request.queries = {1, 0, -1, 0};
  const auto sample = harness_.Sample("c", request);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_THAT(sample->ids, testing::ElementsAre(30, 20, 30, 10, 20, 10));
  const auto statistics = harness_.engine().GetStatistics("c", 250);
  EXPECT_THAT(statistics->drawn_by_source, testing::ElementsAre(0, 0, 0, 0, 0, 0, 6));
}

TEST_F(ReadsTest, CohortsOfAPoolNeedTheirIndex) {
  PopularitySource base;
  base.within_cohort = true;
  DynamicSource dynamic{base, NearestAnchor::kPositive, 4};
  dynamic.top_count = 2;
  EXPECT_THAT(BadFields(SampleOf(dynamic, 1, 1, 1000)),
              testing::ElementsAre("policy.components[0].dynamic.popularity.within_cohort"));
  EXPECT_THAT(BadFields(SampleOf(base, 1, 1, 1000)),
              testing::ElementsAre("policy.components[0].popularity.within_cohort"));
}

}  // namespace
}  // namespace negatron
