// SPDX-License-Identifier: Apache-2.0
// Model versions and ages of embeddings, through the service.
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr char kName[] = "collections/films";

class EmbeddingVersionsTest : public testing::Test {
 protected:
  // Items 10 to 13, whose embeddings have one dimension.
  EmbeddingVersionsTest() {
    v1::CreateCollectionRequest create;
    create.set_collection_id("films");
    auto* settings = create.mutable_collection()->mutable_embedding_settings();
    settings->set_dimension(1);
    settings->set_metric(v1::EMBEDDING_METRIC_INNER_PRODUCT);
    v1::Collection collection;
    EXPECT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection)
                    .ok());
    v1::BatchWriteItemsRequest items;
    items.set_collection(kName);
    SetColumn(std::vector<int64_t>{10, 11, 12, 13}, items.mutable_item_ids());
    v1::WriteReceipt receipt;
    EXPECT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, items, &receipt).ok());
  }

  absl::Status Write(int64_t item, std::optional<int64_t> version) {
    v1::BatchWriteEmbeddingsRequest request;
    request.set_collection(kName);
    SetColumn(std::vector<int64_t>{item}, request.mutable_item_ids());
    SetMatrix({1}, 1, request.mutable_vectors());
    if (version.has_value()) request.set_model_version(*version);
    v1::WriteReceipt receipt;
    return Invoke(server_.embeddings(), &v1::EmbeddingService::Stub::BatchWriteEmbeddings, request,
                  &receipt);
  }

  static v1::SampleNegativesRequest HardNegatives() {
    v1::SampleNegativesRequest request;
    request.set_collection(kName);
    request.set_negative_count(64);
    SetMatrix({1}, 1, request.mutable_queries());
    for (int i = 0; i < 2; ++i) request.mutable_policy()->add_components()->set_share(1);
    auto* hard = request.mutable_policy()->mutable_components(0)->mutable_adversarial();
    hard->set_anchor(v1::NEAREST_ANCHOR_QUERY);
    hard->set_temperature(1);
    request.mutable_policy()->mutable_components(1)->mutable_uniform();
    request.set_seed(3);
    request.mutable_as_of_time()->set_seconds(1000);
    request.add_outputs(v1::SAMPLE_OUTPUT_SCORE);
    request.add_outputs(v1::SAMPLE_OUTPUT_MODEL_VERSION);
    request.add_outputs(v1::SAMPLE_OUTPUT_EMBEDDING_AGE);
    return request;
  }

  absl::StatusOr<v1::SampleNegativesResponse> Sample(const v1::SampleNegativesRequest& request) {
    v1::SampleNegativesResponse response;
    const absl::Status status =
        Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives, request, &response);
    if (!status.ok()) return status;
    return response;
  }

  // Versions of what was scored; checks the other draws.
  static std::set<int64_t> Versions(const v1::SampleNegativesResponse& response) {
    const std::vector<float> scores = *ReadFloats(response.scores(), "");
    const std::vector<float> ages = *ReadFloats(response.embedding_age_seconds(), "");
    const std::vector<int64_t> versions = *ReadInt64s(response.model_versions(), "");
    EXPECT_EQ(scores.size(), 64u);
    EXPECT_EQ(ages.size(), 64u);
    EXPECT_EQ(versions.size(), 64u);
    std::set<int64_t> scored;
    for (size_t i = 0; i < versions.size(); ++i) {
      EXPECT_EQ(std::isnan(scores[i]), versions[i] == -1);
      EXPECT_EQ(std::isnan(scores[i]), std::isnan(ages[i]));
      if (!std::isnan(scores[i])) scored.insert(versions[i]);
    }
    return scored;
  }

  RpcServer server_;
};

TEST_F(EmbeddingVersionsTest, AStaleWriteSaysWhatIsHighest) {
  ASSERT_TRUE(Write(10, 7).ok());
  const absl::Status status = Write(11, 6);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(status), "STALE_MODEL_VERSION");
  EXPECT_THAT(GetErrorInfo(status)->metadata(),
              UnorderedElementsAre(Pair("highest_model_version", "7"), Pair("model_version", "6")));
  EXPECT_EQ(Reason(Write(11, std::nullopt)), "STALE_MODEL_VERSION");
  EXPECT_THAT(BadFields(Write(11, 0)), ElementsAre("model_version"))
      << "a model whose steps count from 0 must not pass for one without versions";
  v1::GetCollectionStatisticsRequest request;
  request.set_collection(kName);
  v1::CollectionStatistics statistics;
  ASSERT_TRUE(Invoke(server_.inspection(), &v1::InspectionService::Stub::GetCollectionStatistics,
                     request, &statistics)
                  .ok());
  EXPECT_EQ(statistics.highest_model_version(), 7);
  EXPECT_EQ(statistics.embedding_count(), 1);
}

TEST_F(EmbeddingVersionsTest, EmbeddingsComeBackWithVersionsAndTimesOnRequest) {
  ASSERT_TRUE(Write(10, std::nullopt).ok());
  ASSERT_TRUE(Write(11, 4).ok());
  v1::BatchGetEmbeddingsRequest request;
  request.set_collection(kName);
  SetColumn(std::vector<int64_t>{10, 11, 12, 99}, request.mutable_item_ids());
  v1::BatchGetEmbeddingsResponse response;
  const auto get = [&] {
    response.Clear();
    return Invoke(server_.embeddings(), &v1::EmbeddingService::Stub::BatchGetEmbeddings, request,
                  &response);
  };
  ASSERT_TRUE(get().ok());
  EXPECT_FALSE(response.has_model_versions());
  EXPECT_FALSE(response.has_write_time_micros());
  request.set_include_model_versions(true);
  request.set_include_write_times(true);
  ASSERT_TRUE(get().ok());
  EXPECT_THAT(*ReadInt64s(response.model_versions(), ""), ElementsAre(0, 4, -1, -1));
  const std::vector<int64_t> times = *ReadInt64s(response.write_time_micros(), "");
  EXPECT_GT(times[0], int64_t{1700000000} * 1000000);
  EXPECT_EQ(times[0] % 1000000, 0);
  EXPECT_EQ(times[2], 0);
  EXPECT_EQ(times[3], 0);
}

TEST_F(EmbeddingVersionsTest, SamplesTakeDemandsAndTellStamps) {
  ASSERT_TRUE(Write(10, std::nullopt).ok());
  ASSERT_TRUE(Write(11, 4).ok());
  ASSERT_TRUE(Write(12, 9).ok());
  v1::SampleNegativesRequest request = HardNegatives();
  for (const v1::ColumnEncoding encoding : {v1::COLUMN_ENCODING_RAW, v1::COLUMN_ENCODING_TYPED}) {
    request.set_encoding(encoding);
    EXPECT_THAT(Versions(*Sample(request)), ElementsAre(0, 4, 9));
  }
  request.set_min_model_version(5);
  EXPECT_THAT(Versions(*Sample(request)), ElementsAre(9));
  request = HardNegatives();
  request.mutable_max_staleness()->set_seconds(3600);
  const auto fresh = Sample(request);
  EXPECT_THAT(Versions(*fresh), ElementsAre(0, 4, 9));
  // A day later they are too old; the response tells the time to repeat the call with.
  *request.mutable_staleness_as_of_time() = fresh->staleness_as_of_time();
  EXPECT_EQ(Sample(request)->SerializeAsString(), fresh->SerializeAsString());
  request.mutable_staleness_as_of_time()->set_seconds(fresh->staleness_as_of_time().seconds() +
                                                      86400);
  EXPECT_THAT(Versions(*Sample(request)), testing::IsEmpty());
}

TEST_F(EmbeddingVersionsTest, DemandsThatMakeNoSenseAreNamed) {
  v1::SampleNegativesRequest request = HardNegatives();
  request.set_min_model_version(-1);
  EXPECT_THAT(BadFields(Sample(request).status()), ElementsAre("min_model_version"));
  request = HardNegatives();
  request.mutable_max_staleness();
  EXPECT_THAT(BadFields(Sample(request).status()), ElementsAre("max_staleness"));
  request.mutable_max_staleness()->set_nanos(1);
  EXPECT_THAT(BadFields(Sample(request).status()), ElementsAre("max_staleness"));
  request = HardNegatives();
  request.mutable_staleness_as_of_time()->set_nanos(-1);
  EXPECT_THAT(BadFields(Sample(request).status()), ElementsAre("staleness_as_of_time"));
}

}  // namespace
}  // namespace negatron
