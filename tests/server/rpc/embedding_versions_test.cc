// SPDX-License-Identifier: Apache-2.0
// Model versions and ages of embeddings, through the service.
#include <chrono>
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

TEST_F(EmbeddingVersionsTest, APartialWriteNamesTheRowsThatItLeftOut) {
  v1::BatchWriteEmbeddingsRequest request;
  request.set_collection(kName);
  SetColumn(std::vector<int64_t>{10, 99, 11}, request.mutable_item_ids());
  SetMatrix({1, 2, NAN}, 1, request.mutable_vectors());
  v1::WriteReceipt receipt;
  const auto write = [&] {
    receipt.Clear();
    return Invoke(server_.embeddings(), &v1::EmbeddingService::Stub::BatchWriteEmbeddings, request,
                  &receipt);
  };
  EXPECT_THAT(BadFields(write()), ElementsAre("vectors.values[2]"));
  request.set_allow_partial(true);
  ASSERT_TRUE(write().ok());
  EXPECT_EQ(receipt.written_count(), 1);
  EXPECT_THAT(*ReadInt64s(receipt.refused_rows(), ""), ElementsAre(1, 2));
  EXPECT_THAT(*ReadBytes(receipt.row_refusals(), ""),
              ElementsAre(v1::ROW_REFUSAL_UNKNOWN_ITEM, v1::ROW_REFUSAL_INVALID_VECTOR));
  SetMatrix({1, 2}, 1, request.mutable_vectors());
  EXPECT_THAT(BadFields(write()), ElementsAre("vectors.row_count"));
  SetColumn(std::vector<int64_t>{12}, request.mutable_item_ids());
  SetMatrix({1}, 1, request.mutable_vectors());
  ASSERT_TRUE(write().ok());
  EXPECT_FALSE(receipt.has_refused_rows());
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

constexpr char kVersion[] = "collections/films/embeddingVersions/7";

// The same fixture, with what calls about whole tables need.
class TableTest : public EmbeddingVersionsTest {
 protected:
  using Stub = v1::EmbeddingService::Stub;

  v1::EmbeddingVersion Begin(int64_t model_version) {
    v1::BeginEmbeddingVersionRequest request;
    request.set_collection(kName);
    request.set_model_version(model_version);
    v1::EmbeddingVersion version;
    const absl::Status status =
        Invoke(server_.embeddings(), &Stub::BeginEmbeddingVersion, request, &version);
    EXPECT_TRUE(status.ok()) << status;
    return version;
  }

  static v1::UploadEmbeddingsRequest Chunk(int shard, int64_t chunk,
                                           const std::vector<int64_t>& items) {
    v1::UploadEmbeddingsRequest request;
    request.set_name(kVersion);
    request.set_shard(shard);
    request.set_chunk_number(chunk);
    SetColumn(items, request.mutable_item_ids());
    SetMatrix(std::vector<float>(items.size(), static_cast<float>(shard)), 1,
              request.mutable_vectors());
    return request;
  }
  absl::StatusOr<v1::ImportResponse> Upload(const v1::UploadEmbeddingsRequest& request) {
    v1::ImportResponse response;
    const absl::Status status =
        Invoke(server_.embeddings(), &Stub::UploadEmbeddings, request, &response);
    if (!status.ok()) return status;
    return response;
  }

  absl::StatusOr<v1::EmbeddingVersion> Commit(std::optional<int64_t> row_count = std::nullopt,
                                              const std::string& request_id = "") {
    v1::CommitEmbeddingVersionRequest request;
    request.set_name(kVersion);
    if (row_count.has_value()) request.set_row_count(*row_count);
    request.set_request_id(request_id);
    v1::EmbeddingVersion version;
    const absl::Status status =
        Invoke(server_.embeddings(), &Stub::CommitEmbeddingVersion, request, &version);
    if (!status.ok()) return status;
    return version;
  }

  v1::EmbeddingVersion Get() {
    v1::GetEmbeddingVersionRequest request;
    request.set_name(kVersion);
    v1::EmbeddingVersion version;
    EXPECT_TRUE(Invoke(server_.embeddings(), &Stub::GetEmbeddingVersion, request, &version).ok());
    return version;
  }

  std::vector<int64_t> ModelVersions() {
    v1::BatchGetEmbeddingsRequest request;
    request.set_collection(kName);
    SetColumn(std::vector<int64_t>{10, 11, 12, 13}, request.mutable_item_ids());
    request.set_include_model_versions(true);
    v1::BatchGetEmbeddingsResponse response;
    EXPECT_TRUE(Invoke(server_.embeddings(), &Stub::BatchGetEmbeddings, request, &response).ok());
    return *ReadInt64s(response.model_versions(), "");
  }
};

TEST_F(TableTest, AVersionIsUploadedAndCommitted) {
  ASSERT_TRUE(Write(13, 1).ok());
  const v1::EmbeddingVersion begun = Begin(7);
  EXPECT_EQ(begun.name(), kVersion);
  EXPECT_EQ(begun.state(), v1::EMBEDDING_VERSION_STATE_STAGING);
  EXPECT_EQ(begun.expire_time().seconds() - begun.create_time().seconds(), 86400);
  EXPECT_FALSE(begun.has_end_time());
  EXPECT_EQ(Begin(7).SerializeAsString(), begun.SerializeAsString());
  EXPECT_EQ(Upload(Chunk(2, 1, {10, 11}))->durable_chunk_number(), 1);
  const auto second = Upload(Chunk(5, 1, {12}));
  EXPECT_EQ(second->written_count(), 1);
  EXPECT_EQ(Upload(Chunk(5, 1, {12}))->SerializeAsString(), second->SerializeAsString());
  const v1::EmbeddingVersion staging = Get();
  ASSERT_EQ(staging.shards_size(), 2);
  EXPECT_EQ(staging.shards(0).shard(), 2);
  EXPECT_EQ(staging.shards(0).next_chunk_number(), 2);
  EXPECT_EQ(staging.shards(0).written_count(), 2);
  EXPECT_EQ(staging.shards(1).shard(), 5);
  EXPECT_THAT(ModelVersions(), ElementsAre(-1, -1, -1, 1));
  EXPECT_EQ(Reason(Commit(4).status()), "EMBEDDING_VERSION_INCOMPLETE");
  for (int i = 0; i < 2; ++i) {
    const auto committed = Commit(3, "commit-7");
    ASSERT_TRUE(committed.ok()) << committed.status();
    EXPECT_EQ(committed->state(), v1::EMBEDDING_VERSION_STATE_COMMITTED);
    EXPECT_EQ(committed->row_count(), 3);
    EXPECT_TRUE(committed->has_end_time());
  }
  EXPECT_THAT(ModelVersions(), ElementsAre(7, 7, 7, -1));
  EXPECT_EQ(Reason(Commit().status()), "EMBEDDING_VERSION_ENDED");
  EXPECT_EQ(Get().shards_size(), 0);
}

TEST_F(TableTest, AShardComesAsAStream) {
  Begin(7);
  const auto run = [&](const std::vector<v1::ImportEmbeddingsRequest>& messages,
                       v1::ImportResponse* last) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    const auto stream = server_.embeddings().ImportEmbeddings(&context);
    for (const auto& message : messages) stream->Write(message);
    stream->WritesDone();
    while (stream->Read(last)) {
    }
    return FromGrpcStatus(stream->Finish());
  };
  std::vector<v1::ImportEmbeddingsRequest> messages(3);
  messages[0].set_name(kVersion);
  messages[0].set_shard(3);
  for (int i = 1; i < 3; ++i) {
    messages[i].set_chunk_number(i);
    SetColumn({9 + i}, messages[i].mutable_batch()->mutable_item_ids());
    SetMatrix({1}, 1, messages[i].mutable_batch()->mutable_vectors());
  }
  v1::ImportResponse last;
  ASSERT_TRUE(run(messages, &last).ok());
  EXPECT_EQ(last.durable_chunk_number(), 2);
  EXPECT_EQ(last.written_count(), 2);
  last.Clear();
  ASSERT_TRUE(run({messages[0]}, &last).ok());
  EXPECT_EQ(last.durable_chunk_number(), 2) << "it goes on from there";
  // A unary call may go on with the shard.
  EXPECT_EQ(Upload(Chunk(3, 3, {12}))->durable_chunk_number(), 3);
  messages[2].set_chunk_number(4);
  SetColumn({99}, messages[2].mutable_batch()->mutable_item_ids());
  EXPECT_THAT(BadFields(run({messages[0], messages[2]}, &last)), ElementsAre("batch.item_ids[0]"));
  messages[2].mutable_batch()->set_model_version(7);
  EXPECT_THAT(BadFields(run({messages[0], messages[2]}, &last)),
              ElementsAre("batch.model_version"));
  messages[0].set_name("collections/films");
  EXPECT_THAT(BadFields(run({messages[0]}, &last)), ElementsAre("name"));
  messages[0].set_name("collections/films/embeddingVersions/8");
  EXPECT_EQ(Reason(run({messages[0]}, &last)), "EMBEDDING_VERSION_NOT_FOUND");
  ASSERT_TRUE(Commit(3).ok());
  messages[0].set_name(kVersion);
  EXPECT_EQ(Reason(run({messages[0]}, &last)), "EMBEDDING_VERSION_ENDED");
}

TEST_F(TableTest, NonsenseIsNamed) {
  const auto named = [&](const std::string& name) {
    v1::GetEmbeddingVersionRequest request;
    request.set_name(name);
    v1::EmbeddingVersion version;
    return Invoke(server_.embeddings(), &Stub::GetEmbeddingVersion, request, &version);
  };
  for (const char* name :
       {"", "collections/films", "collections/films/embeddingVersions/",
        "collections/films/embeddingVersions/0", "collections/films/embeddingVersions/-1",
        "collections/films/embeddingVersions/07", "collections/films/embeddingVersions/7/x",
        "collections/films/embeddingVersions/99999999999999999999",
        "collections/FILMS/embeddingVersions/7", "films/embeddingVersions/7"}) {
    EXPECT_THAT(BadFields(named(name)), ElementsAre("name")) << name;
  }
  EXPECT_EQ(Reason(named(kVersion)), "EMBEDDING_VERSION_NOT_FOUND");
  EXPECT_EQ(Reason(named("collections/none/embeddingVersions/7")), "COLLECTION_NOT_FOUND");
  EXPECT_EQ(Reason(Upload(Chunk(0, 1, {10})).status()), "EMBEDDING_VERSION_NOT_FOUND");
  Begin(7);
  EXPECT_THAT(BadFields(Upload(Chunk(0, 0, {10})).status()), ElementsAre("chunk_number"));
  EXPECT_THAT(BadFields(Upload(Chunk(0, 2, {10})).status()), ElementsAre("chunk_number"));
  EXPECT_THAT(BadFields(Upload(Chunk(-1, 1, {10})).status()), ElementsAre("shard"));
  EXPECT_THAT(BadFields(Upload(Chunk(0, 1, {10, 99})).status()), ElementsAre("item_ids[1]"));
  EXPECT_THAT(BadFields(Upload(Chunk(0, 1, {})).status()), ElementsAre("item_ids"));
  v1::UploadEmbeddingsRequest nan = Chunk(0, 1, {10});
  SetMatrix({NAN}, 1, nan.mutable_vectors());
  EXPECT_THAT(BadFields(Upload(nan).status()), ElementsAre("vectors.values[0]"));
  EXPECT_EQ(Get().shards_size(), 0);
  v1::BeginEmbeddingVersionRequest begin;
  begin.set_collection(kName);
  begin.set_model_version(8);
  begin.mutable_ttl()->set_seconds(1);
  v1::EmbeddingVersion version;
  EXPECT_THAT(
      BadFields(Invoke(server_.embeddings(), &Stub::BeginEmbeddingVersion, begin, &version)),
      ElementsAre("ttl"));
}

TEST_F(TableTest, AnAbortedVersionIsListed) {
  Begin(7);
  ASSERT_TRUE(Upload(Chunk(0, 1, {10})).ok());
  v1::AbortEmbeddingVersionRequest request;
  request.set_name(kVersion);
  v1::EmbeddingVersion version;
  ASSERT_TRUE(Invoke(server_.embeddings(), &Stub::AbortEmbeddingVersion, request, &version).ok());
  EXPECT_EQ(version.state(), v1::EMBEDDING_VERSION_STATE_ABORTED);
  EXPECT_EQ(Reason(Upload(Chunk(0, 2, {10})).status()), "EMBEDDING_VERSION_ENDED");
  Begin(9);
  v1::ListEmbeddingVersionsRequest list;
  list.set_collection(kName);
  v1::ListEmbeddingVersionsResponse versions;
  ASSERT_TRUE(Invoke(server_.embeddings(), &Stub::ListEmbeddingVersions, list, &versions).ok());
  ASSERT_EQ(versions.versions_size(), 2);
  EXPECT_EQ(versions.versions(0).name(), kVersion);
  EXPECT_EQ(versions.versions(1).model_version(), 9);
}

}  // namespace
}  // namespace negatron
