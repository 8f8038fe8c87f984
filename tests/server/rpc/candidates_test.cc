// SPDX-License-Identifier: Apache-2.0
// `GetCandidates` through the service: forms, sizes, bad input.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "server/rpc/status_conversion.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::IsNan;
using testing::UnorderedElementsAre;

constexpr char kName[] = "collections/films";

class CandidatesTest : public testing::Test {
 protected:
  // Items 1 to `items`; item i has the embedding (i, -i, i, ...), but the first has none.
  void Fill(int dimension, int items) {
    v1::CreateCollectionRequest create;
    create.set_collection_id("films");
    auto* settings = create.mutable_collection()->mutable_embedding_settings();
    settings->set_dimension(dimension);
    settings->set_metric(v1::EMBEDDING_METRIC_INNER_PRODUCT);
    v1::Collection collection;
    ASSERT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection)
                    .ok());
    v1::BatchWriteItemsRequest write;
    write.set_collection(kName);
    std::vector<int64_t> ids;
    std::vector<float> vectors;
    for (int i = 1; i <= items; ++i) {
      ids.push_back(i);
      if (i == 1) continue;
      for (int d = 0; d < dimension; ++d) {
        vectors.push_back(static_cast<float>(d % 2 == 0 ? i : -i));
      }
    }
    SetColumn(ids, write.mutable_item_ids());
    v1::WriteReceipt receipt;
    ASSERT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, write, &receipt).ok());
    v1::BatchWriteEmbeddingsRequest embed;
    embed.set_collection(kName);
    ids.erase(ids.begin());
    SetColumn(ids, embed.mutable_item_ids());
    SetMatrix(vectors, dimension, embed.mutable_vectors());
    ASSERT_TRUE(Invoke(server_.embeddings(), &v1::EmbeddingService::Stub::BatchWriteEmbeddings,
                       embed, &receipt)
                    .ok());
  }

  static v1::GetCandidatesRequest Rows(int rows, int count, int dimension) {
    v1::GetCandidatesRequest request;
    v1::SampleNegativesRequest& sample = *request.mutable_sample();
    sample.set_collection(kName);
    sample.set_negative_count(count);
    std::vector<int64_t> numbers;
    for (int r = 0; r < rows; ++r) numbers.push_back(r);
    SetColumn(numbers, sample.mutable_row_keys());
    SetColumn(std::vector<int64_t>(static_cast<size_t>(rows), 2), sample.mutable_positive_ids());
    SetMatrix(std::vector<float>(static_cast<size_t>(rows * dimension), 1), dimension,
              sample.mutable_queries());
    sample.mutable_policy()->add_components()->set_share(1);
    sample.mutable_policy()->mutable_components(0)->mutable_uniform();
    sample.set_seed(3);
    sample.mutable_as_of_time()->set_seconds(1000);
    return request;
  }

  absl::Status Call(const v1::GetCandidatesRequest& request) {
    response_.Clear();
    return Invoke(server_.sampling(), &v1::SamplingService::Stub::GetCandidates, request,
                  &response_);
  }

  RpcServer server_;
  v1::GetCandidatesResponse response_;
};

TEST_F(CandidatesTest, BothEncodingsTellTheSame) {
  Fill(1, 4);
  v1::GetCandidatesRequest request = Rows(2, 4, 1);
  request.set_include_candidate_vectors(true);
  request.set_include_positive_vectors(true);
  request.mutable_sample()->add_outputs(v1::SAMPLE_OUTPUT_NONE);
  for (const v1::ColumnEncoding encoding : {v1::COLUMN_ENCODING_RAW, v1::COLUMN_ENCODING_TYPED}) {
    request.mutable_sample()->set_encoding(encoding);
    ASSERT_TRUE(Call(request).ok());
    const v1::SampleNegativesResponse& sample = response_.sample();
    EXPECT_EQ(sample.item_ids().has_raw(), encoding == v1::COLUMN_ENCODING_RAW);
    EXPECT_THAT(*ReadIds(sample.item_ids(), ""), ElementsAre(4, 3, 1, -1, 4, 3, 1, -1));
    EXPECT_THAT(*ReadFloats(sample.scores(), ""),
                ElementsAre(4, 3, IsNan(), IsNan(), 4, 3, IsNan(), IsNan()));
    EXPECT_THAT(*ReadInt64s(sample.drawn_counts(), ""), ElementsAre(3, 3));
    EXPECT_FALSE(sample.has_log_q());
    EXPECT_EQ(sample.seed(), 3);
    EXPECT_EQ(sample.as_of_time().seconds(), 1000);
    EXPECT_NE(sample.snapshot().commit_sequence(), 0);
    EXPECT_EQ(sample.components(0).drawn_count(), 6);
    const v1::FloatMatrix& vectors = response_.candidate_vectors();
    EXPECT_EQ(vectors.row_count(), 8);
    EXPECT_EQ(vectors.column_count(), 1);
    EXPECT_THAT(*ReadFloats(vectors.values(), ""),
                ElementsAre(4, 3, IsNan(), IsNan(), 4, 3, IsNan(), IsNan()));
    EXPECT_EQ(response_.positive_vectors().row_count(), 2);
    EXPECT_THAT(*ReadFloats(response_.positive_vectors().values(), ""), ElementsAre(2, 2));
  }
  request.set_include_candidate_vectors(false);
  request.set_include_positive_vectors(false);
  ASSERT_TRUE(Call(request).ok());
  EXPECT_FALSE(response_.has_candidate_vectors());
  EXPECT_FALSE(response_.has_positive_vectors());
}

TEST_F(CandidatesTest, TheAnchorIsChosenByTheRequest) {
  Fill(2, 5);
  v1::GetCandidatesRequest request = Rows(1, 3, 2);
  request.mutable_sample()
      ->mutable_policy()
      ->mutable_components(0)
      ->mutable_nearest()
      ->set_rank_end(9);
  SetColumn(std::vector<int64_t>{5}, request.mutable_sample()->mutable_positive_ids());
  ASSERT_TRUE(Call(request).ok());
  EXPECT_THAT(*ReadFloats(response_.sample().scores(), ""), ElementsAre(0, 0, 0))
      << "the queries are (1, 1), the embeddings (i, -i)";
  EXPECT_THAT(*ReadIds(response_.sample().item_ids(), ""), ElementsAre(2, 3, 4));
  request.set_anchor(v1::NEAREST_ANCHOR_POSITIVE);
  ASSERT_TRUE(Call(request).ok());
  EXPECT_THAT(*ReadFloats(response_.sample().scores(), ""), ElementsAre(40, 30, 20));
  EXPECT_THAT(*ReadIds(response_.sample().item_ids(), ""), ElementsAre(4, 3, 2));
}

TEST_F(CandidatesTest, AFullResponseFitsTheDefaultLimit) {
  Fill(8, 600);
  v1::GetCandidatesRequest request = Rows(128, 512, 8);
  request.set_include_candidate_vectors(true);
  ASSERT_TRUE(Call(request).ok());
  EXPECT_EQ(response_.candidate_vectors().values().raw().size(), 128u * 512 * 8 * 4);
  EXPECT_EQ(response_.sample().scores().raw().size(), 128u * 512 * 4);
  EXPECT_LT(response_.ByteSizeLong(), size_t{4} << 20);
  request.mutable_sample()->set_negative_count(513);
  EXPECT_THAT(BadFields(Call(request)), ElementsAre("sample.negative_count"));
}

TEST_F(CandidatesTest, WhatIsWrongIsNamedByItsPath) {
  Fill(2, 3);
  v1::GetCandidatesRequest request;
  EXPECT_THAT(BadFields(Call(request)), ElementsAre("sample.collection"));
  request.mutable_sample()->set_collection(kName);
  EXPECT_THAT(BadFields(Call(request)),
              UnorderedElementsAre("sample.negative_count", "sample.policy.components",
                                   "sample.row_count"));
  request = Rows(2, 2, 2);
  request.set_anchor(static_cast<v1::NearestAnchor>(17));
  request.mutable_sample()->mutable_policy()->mutable_components(0)->set_share(-1);
  EXPECT_THAT(BadFields(Call(request)),
              testing::IsSupersetOf({"anchor", "sample.policy.components[0].share"}));

  request = Rows(2, 2, 2);
  request.mutable_sample()->clear_queries();
  EXPECT_THAT(BadFields(Call(request)), ElementsAre("sample.queries"));
  request = Rows(2, 2, 3);
  EXPECT_THAT(BadFields(Call(request)), ElementsAre("sample.queries.column_count"));
  request = Rows(2, 2, 2);
  request.mutable_sample()->mutable_queries()->mutable_values()->mutable_raw()->pop_back();
  EXPECT_THAT(BadFields(Call(request)), ElementsAre("sample.queries.values.raw"));
  request = Rows(2, 2, 2);
  SetNames({"a", "b"}, request.mutable_sample()->mutable_positive_ids());
  EXPECT_THAT(BadFields(Call(request)), ElementsAre("sample.positive_ids"));
  request = Rows(2, 2, 2);
  request.mutable_sample()->set_min_model_version(-1);
  EXPECT_THAT(BadFields(Call(request)), ElementsAre("sample.min_model_version"));
  request = Rows(2, 2, 2);
  request.mutable_sample()->set_collection("collections/none");
  EXPECT_EQ(Reason(Call(request)), "COLLECTION_NOT_FOUND");
  request.mutable_sample()->set_collection("none");
  EXPECT_THAT(BadFields(Call(request)), ElementsAre("sample.collection"));
}

TEST_F(CandidatesTest, ACollectionWithoutEmbeddingsHasNone) {
  v1::CreateCollectionRequest create;
  create.set_collection_id("films");
  v1::Collection collection;
  ASSERT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection, create,
                     &collection)
                  .ok());
  const absl::Status status = Call(Rows(2, 2, 2));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(status), "EMBEDDINGS_NOT_CONFIGURED");
}

TEST(NestFieldsTest, ViolationsAreThoseOfAFieldAndStillCounted) {
  Violations violations;
  for (int i = 0; i < Violations::kMaxKept + 5; ++i) violations.AddRow("ids", i, "is bad");
  const absl::Status nested = NestFields(violations.ToStatus(), "sample");
  EXPECT_EQ(nested.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(nested.message(), "sample.ids[0]: is bad (and 24 more)");
  EXPECT_EQ(FieldViolationsOf(nested).size(), size_t{Violations::kMaxKept});
  EXPECT_EQ(FieldViolationsOf(nested)[1].field, "sample.ids[1]");
  const absl::Status other = WithReason(absl::NotFoundError("gone"), "X");
  EXPECT_EQ(NestFields(other, "sample"), other);
  EXPECT_TRUE(NestFields(absl::OkStatus(), "sample").ok());
}

}  // namespace
}  // namespace negatron
