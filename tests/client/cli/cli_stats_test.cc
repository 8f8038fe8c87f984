// SPDX-License-Identifier: Apache-2.0
// `negatron stats --window`.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "client/cli/sampling_stats.h"
#include "tests/client/cli/cli_fixture.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CliStatsTest : public CliTest {
 protected:
  CliStatsTest() {
    server_.handlers.sampling_statistics = [this](const v1::GetSamplingStatisticsRequest& request,
                                                  v1::SamplingStatistics* stats) {
      seen_ = request;
      stats->set_collection(request.collection());
      stats->mutable_start_time()->set_seconds(1577836800);
      stats->mutable_end_time()->set_seconds(1577840400);
      stats->mutable_resolution()->set_seconds(10);
      stats->set_rows_per_observation(256);
      for (const double bound : {1.0, 4.0, 16.0}) stats->add_event_age_bounds_seconds(bound);
      AddBucket(1577836800, 100, stats->add_buckets());
      AddBucket(1577836830, 800, stats->add_buckets());
      AddBucket(1577836800, 900, stats->mutable_total());
      return grpc::Status::OK;
    };
  }

  static void AddBucket(int64_t start, int64_t drawn, v1::SamplingStatisticsBucket* bucket) {
    bucket->mutable_start_time()->set_seconds(start);
    bucket->set_row_count(1234567);
    auto* source = bucket->add_sources();
    source->set_source("popularity");
    source->set_drawn_count(drawn);
    source->mutable_scores()->set_mean(0.25);
    for (const int64_t count : {1, 2, 9, 0}) source->add_event_age_counts(count);
    source->mutable_law_check()->set_collision_z(-1.5);
  }

  v1::GetSamplingStatisticsRequest seen_;
};

TEST_F(CliStatsTest, ShowsTheLastTime) {
  ASSERT_EQ(Run({"stats", "--collection", "movies", "--window", "1h", "--resolution", "10s"}),
            ExitCode::kOk);
  EXPECT_EQ(seen_.collection(), "collections/movies");
  EXPECT_EQ(seen_.window().seconds(), 3600);
  EXPECT_EQ(seen_.resolution().seconds(), 10);
  EXPECT_THAT(out_.str(), HasSubstr("1,234,567"));
  EXPECT_THAT(out_.str(), HasSubstr("0.250"));
  EXPECT_THAT(out_.str(), HasSubstr("<= 16s"));
  EXPECT_THAT(out_.str(), HasSubstr("z -1.50"));
  EXPECT_THAT(out_.str(), HasSubstr("▂  █"));
}

TEST_F(CliStatsTest, PrintsJson) {
  ASSERT_EQ(Run({"stats", "--collection", "movies", "--window", "90m", "--json"}), ExitCode::kOk);
  EXPECT_FALSE(seen_.has_resolution());
  EXPECT_EQ(Json().fields().at("rowsPerObservation").number_value(), 256);
}

TEST_F(CliStatsTest, RefusesOptionsThatDoNotGoTogether) {
  EXPECT_EQ(Run({"stats", "--collection", "movies", "--resolution", "10s"}), ExitCode::kUsage);
  EXPECT_EQ(Run({"stats", "--collection", "movies", "--window", "1h", "--as-of", "2020-01-01"}),
            ExitCode::kUsage);
  EXPECT_EQ(Run({"stats", "--collection", "movies", "--window", "soon"}), ExitCode::kUsage);
}

TEST(SparklineTest, BarsAreInProportion) {
  EXPECT_EQ(Sparkline({0, 1, 50, 100}), " ▁▅█");
  EXPECT_THAT(Sparkline({}), IsEmpty());
  EXPECT_THAT(Sparkline({0, 0}), Not(HasSubstr("▁")));
}

TEST(SumNeighboursTest, FitsTheWidth) {
  EXPECT_THAT(SumNeighbours({1, 2, 3, 4, 5}, 2), ElementsAre(6, 9));
  EXPECT_THAT(SumNeighbours({1, 2, 3}, 5), ElementsAre(1, 2, 3));
  EXPECT_THAT(SumNeighbours({}, 5), IsEmpty());
}

}  // namespace
}  // namespace negatron::client
