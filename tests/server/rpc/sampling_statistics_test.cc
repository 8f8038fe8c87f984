// SPDX-License-Identifier: Apache-2.0
// `GetSamplingStatistics` through the service: what it tells, and bad input.
#include <gmock/gmock.h>

#include "negatron/v1/sampling_statistics.pb.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr char kName[] = "collections/films";

class SamplingStatisticsTest : public testing::Test {
 protected:
  // Three items.
  SamplingStatisticsTest() {
    v1::CreateCollectionRequest create;
    create.set_collection_id("films");
    v1::Collection collection;
    EXPECT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection)
                    .ok());
    v1::BatchWriteItemsRequest items;
    items.set_collection(kName);
    SetColumn({1, 2, 3}, items.mutable_item_ids());
    v1::WriteReceipt receipt;
    EXPECT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, items, &receipt).ok());
    request_.set_collection(kName);
  }

  void SampleUniform(int64_t rows, int count) {
    v1::SampleNegativesRequest sample;
    sample.set_collection(kName);
    sample.set_row_count(rows);
    sample.set_negative_count(count);
    sample.mutable_policy()->add_components()->set_share(1);
    sample.mutable_policy()->mutable_components(0)->mutable_uniform();
    v1::SampleNegativesResponse response;
    EXPECT_TRUE(
        Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives, sample, &response)
            .ok());
  }

  absl::Status Get() {
    told_.Clear();
    return Invoke(server_.inspection(), &v1::InspectionService::Stub::GetSamplingStatistics,
                  request_, &told_);
  }

  RpcServer server_;
  v1::GetSamplingStatisticsRequest request_;
  v1::SamplingStatistics told_;
};

TEST_F(SamplingStatisticsTest, TellsWhatWasDrawn) {
  SampleUniform(512, 5);
  ASSERT_TRUE(Get().ok());
  EXPECT_EQ(told_.collection(), kName);
  EXPECT_EQ(told_.resolution().seconds(), 10);
  EXPECT_EQ(told_.end_time().seconds() - told_.start_time().seconds() - 3600,
            told_.end_time().seconds() % 10);
  EXPECT_EQ(told_.rows_per_observation(), 256);
  EXPECT_THAT(told_.event_age_bounds_seconds(), SizeIs(15));
  ASSERT_THAT(told_.buckets(), SizeIs(1));
  EXPECT_EQ(told_.buckets(0).start_time().seconds() % 10, 0);
  EXPECT_EQ(told_.buckets(0).row_count(), 512);
  const v1::SamplingStatisticsBucket& total = told_.total();
  EXPECT_EQ(total.call_count(), 1);
  EXPECT_EQ(total.observed_row_count(), 2);
  ASSERT_THAT(total.rows(), SizeIs(1));
  EXPECT_EQ(total.rows(0).row_status(), v1::ROW_STATUS_OK);
  EXPECT_EQ(total.rows(0).count(), 512);
  ASSERT_THAT(total.sources(), SizeIs(1));
  const v1::SourceSamplingStatistics& uniform = total.sources(0);
  EXPECT_EQ(uniform.source(), "uniform");
  EXPECT_EQ(uniform.drawn_count(), 512 * 5);
  EXPECT_EQ(uniform.observed_count(), 10);
  EXPECT_EQ(uniform.configured_share(), 1);
  EXPECT_EQ(uniform.effective_share(), 1);
  EXPECT_FALSE(uniform.has_scores());
  EXPECT_THAT(uniform.event_age_counts(), IsEmpty());
  EXPECT_EQ(uniform.law_check().draw_count(), 10);
  EXPECT_NEAR(uniform.law_check().mean_inverse(), 1, 1e-9);
  EXPECT_EQ(uniform.law_check().pair_count(), 4);
  EXPECT_FALSE(uniform.law_check().has_collision_z());
}

TEST_F(SamplingStatisticsTest, TellsNothingOfATimeWithoutCalls) {
  SampleUniform(4, 5);
  request_.mutable_start_time()->set_seconds(1000);
  request_.mutable_end_time()->set_seconds(2000);
  ASSERT_TRUE(Get().ok());
  EXPECT_EQ(told_.resolution().seconds(), 600);
  EXPECT_THAT(told_.buckets(), IsEmpty());
  EXPECT_EQ(told_.total().call_count(), 0);
  EXPECT_THAT(told_.total().sources(), IsEmpty());
}

TEST_F(SamplingStatisticsTest, NamesWhatIsWrong) {
  request_.mutable_resolution()->set_seconds(11);
  absl::Status status = Get();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(BadFields(status), ElementsAre("resolution"));
  request_.clear_resolution();
  request_.mutable_window()->set_seconds(-5);
  request_.mutable_end_time()->set_seconds(1000);
  status = Get();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(BadFields(status), UnorderedElementsAre("window", "end_time"));
  request_.clear_window();
  request_.mutable_start_time()->set_seconds(1000);
  EXPECT_THAT(BadFields(Get()), ElementsAre("end_time"));
  request_.Clear();
  request_.set_collection("films");
  EXPECT_THAT(BadFields(Get()), ElementsAre("collection"));
  request_.set_collection("collections/books");
  EXPECT_EQ(Get().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace negatron
