// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/sampling.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;

v1::SampleNegativesResponse TwoRowsOfThree() {
  v1::SampleNegativesResponse response;
  WriteIds(std::vector<int64_t>{1, 2, 3, 4, -1, -1}, v1::COLUMN_ENCODING_RAW,
           response.mutable_item_ids());
  WriteFloats(std::vector<float>(6, -2.5F), v1::COLUMN_ENCODING_RAW, response.mutable_log_q());
  WriteBytes(std::vector<uint8_t>{0, 0, 0, 0, 255, 255}, v1::COLUMN_ENCODING_RAW,
             response.mutable_component_indexes());
  WriteBytes(std::vector<uint8_t>{1, 3}, v1::COLUMN_ENCODING_RAW, response.mutable_row_statuses());
  WriteInt64s(std::vector<int64_t>{3, 1}, v1::COLUMN_ENCODING_RAW, response.mutable_drawn_counts());
  response.add_components()->set_source("uniform");
  response.set_law_kind(v1::LAW_KIND_EXACT);
  response.set_seed(42);
  response.mutable_as_of_time()->set_seconds(1'700'000'000);
  response.mutable_as_of_time()->set_nanos(5'000);
  response.mutable_snapshot()->set_commit_sequence(17);
  response.set_kernel_id("portable-1");
  return response;
}

TEST(SamplingTest, ResponseBecomesVectors) {
  const SampleResult result = ReadResponse(TwoRowsOfThree(), 3).value();
  EXPECT_EQ(result.row_count, 2);
  EXPECT_EQ(result.negative_count, 3);
  EXPECT_THAT(result.item_ids, ElementsAre(1, 2, 3, 4, -1, -1));
  EXPECT_EQ(result.log_q.size(), 6u);
  EXPECT_TRUE(result.scores.empty());
  EXPECT_THAT(result.row_statuses, ElementsAre(v1::ROW_STATUS_OK, v1::ROW_STATUS_EXHAUSTED));
  EXPECT_THAT(result.drawn_counts, ElementsAre(3, 1));
  EXPECT_EQ(result.law_kind, v1::LAW_KIND_EXACT);
  EXPECT_EQ(result.seed, 42);
  EXPECT_EQ(absl::ToUnixMicros(result.as_of_time), 1'700'000'000'000'005);
  EXPECT_EQ(result.snapshot.commit_sequence(), 17);
  EXPECT_EQ(result.kernel_id, "portable-1");
  EXPECT_EQ(result.components[0].source(), "uniform");
}

TEST(SamplingTest, ResponseCarriesTheFurtherOutputs) {
  v1::SampleNegativesResponse response = TwoRowsOfThree();
  constexpr auto kRaw = v1::COLUMN_ENCODING_RAW;
  WriteFloats(std::vector<float>(6, 0.5F), kRaw, response.mutable_expected_counts());
  WriteFloats(std::vector<float>(6, 4), kRaw, response.mutable_importance_weights());
  WriteFloats(std::vector<float>{-1, -2}, kRaw, response.mutable_positive_log_q());
  WriteInt64s(std::vector<int64_t>{0, 9}, kRaw, response.mutable_popularity_boundary_micros());
  WriteInt64s(std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8}, kRaw,
              response.mutable_rejects_by_cause());
  WriteInt64s(std::vector<int64_t>{0, 1, 2, 3, -1, -1}, kRaw, response.mutable_model_versions());
  WriteFloats(std::vector<float>(6, 1.5F), kRaw, response.mutable_embedding_age_seconds());
  response.mutable_staleness_as_of_time()->set_seconds(8);
  WriteBytes(std::vector<uint8_t>{0, 1, 0, 0, 0, 0}, kRaw, response.mutable_tags());
  WriteInt64s(std::vector<int64_t>(10, 3), kRaw, response.mutable_rejects_by_all_causes());
  response.set_reject_cause_count(5);
  const SampleResult result = ReadResponse(response, 3).value();
  EXPECT_THAT(result.model_versions, ElementsAre(0, 1, 2, 3, -1, -1));
  EXPECT_THAT(result.tags, ElementsAre(0, 1, 0, 0, 0, 0));
  EXPECT_EQ(result.rejects_by_all_causes.size(), 10u);
  EXPECT_EQ(result.reject_cause_count, 5);
  EXPECT_EQ(result.embedding_age_seconds[5], 1.5F);
  EXPECT_EQ(absl::ToUnixSeconds(result.staleness_as_of_time), 8);
  EXPECT_EQ(result.expected_counts.size(), 6u);
  EXPECT_EQ(result.importance_weights[5], 4);
  EXPECT_THAT(result.positive_log_q, ElementsAre(-1, -2));
  EXPECT_THAT(result.popularity_boundary_micros, ElementsAre(0, 9));
  EXPECT_THAT(result.rejects_by_cause, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  WriteFloats(std::vector<float>{-1}, kRaw, response.mutable_positive_log_q());
  EXPECT_EQ(ReadResponse(response, 3).status().code(), absl::StatusCode::kInternal);
}

TEST(SamplingTest, SharedRequestCarriesEveryField) {
  const std::vector<int64_t> positives = {1, 2};
  const std::vector<int64_t> times = {10, 20};
  SharedRequest from;
  from.collection = "collections/c";
  from.negative_count = 11;
  from.positive_ids = std::span<const int64_t>(positives);
  from.as_of_micros = times;
  from.negatives_time = absl::FromUnixMicros(1'500'000);
  from.policy.add_components()->mutable_popularity();
  from.seed = 3;
  from.block_key = 5;
  const v1::SampleSharedNegativesRequest to = MakeRequest(from);
  EXPECT_EQ(to.collection(), "collections/c");
  EXPECT_EQ(to.negative_count(), 11);
  EXPECT_THAT(ReadIds(to.positive_ids(), "").value(), ElementsAre(1, 2));
  EXPECT_THAT(ReadInt64s(to.as_of_micros(), "").value(), ElementsAre(10, 20));
  EXPECT_EQ(to.negatives_time().seconds(), 1);
  EXPECT_EQ(to.negatives_time().nanos(), 500'000'000);
  EXPECT_TRUE(to.policy().components(0).has_popularity());
  EXPECT_EQ(to.seed(), 3);
  EXPECT_EQ(to.block_key(), 5);
  EXPECT_FALSE(to.has_user_ids());
}

TEST(SamplingTest, SharedResponseTellsWhatIsFalse) {
  v1::SampleSharedNegativesResponse response;
  constexpr auto kRaw = v1::COLUMN_ENCODING_RAW;
  WriteIds(std::vector<int64_t>{4, 5, 6, 7, 8, 9, 10, 11, 12}, kRaw, response.mutable_item_ids());
  WriteFloats(std::vector<float>(9, -2), kRaw, response.mutable_log_q());
  WriteBytes(std::vector<uint8_t>(9, 0), kRaw, response.mutable_component_indexes());
  WriteFloats(std::vector<float>{0, -0.1F}, kRaw, response.mutable_log_remaining());
  response.set_false_mask(std::string("\x02\x00\x80\x01", 4));
  response.set_law_kind(v1::LAW_KIND_EXACT);
  response.mutable_negatives_time()->set_seconds(7);
  const SharedResult result = ReadResponse(response, 9).value();
  EXPECT_EQ(result.row_count, 2);
  std::vector<std::pair<int, int>> wrong;
  for (int row = 0; row < 2; ++row) {
    for (int k = 0; k < 9; ++k) {
      if (result.IsFalse(row, k)) wrong.emplace_back(row, k);
    }
  }
  EXPECT_THAT(wrong, ElementsAre(testing::Pair(0, 1), testing::Pair(1, 7), testing::Pair(1, 8)));
  EXPECT_EQ(absl::ToUnixSeconds(result.negatives_time), 7);
  response.set_false_mask("\x02");
  EXPECT_EQ(ReadResponse(response, 9).status().code(), absl::StatusCode::kInternal);
}

TEST(SamplingTest, ResponseThatBreaksItsContractIsInternal) {
  v1::SampleNegativesResponse response = TwoRowsOfThree();
  EXPECT_EQ(ReadResponse(response, 4).status().code(), absl::StatusCode::kInternal);
  response.mutable_log_q()->mutable_raw()->pop_back();
  EXPECT_EQ(ReadResponse(response, 3).status().code(), absl::StatusCode::kInternal);
}

TEST(SamplingTest, RequestCarriesEveryField) {
  const std::vector<int64_t> users = {1, 2};
  const std::vector<std::string> positives = {"x", "y"};
  const std::vector<int64_t> excluded = {5, 6, 7};
  const std::vector<int64_t> splits = {0, 3, 3};
  const std::vector<int64_t> keys = {100, 200};
  const std::vector<float> queries = {1, 2, 3, 4};
  SampleRequest from;
  from.collection = "collections/c";
  from.negative_count = 8;
  from.user_ids = std::span<const int64_t>(users);
  from.positive_ids = std::span<const std::string>(positives);
  from.exclusions = std::span<const int64_t>(excluded);
  from.exclusion_splits = splits;
  from.as_of_time = absl::FromUnixMicros(-1);
  from.row_keys = keys;
  from.queries = queries;
  from.query_dimension = 2;
  from.policy.add_components()->mutable_uniform();
  from.seed = 0;
  from.outputs = {v1::SAMPLE_OUTPUT_SCORE};
  const std::vector<uint8_t> cohorts = {3, 0};
  from.cohorts = cohorts;
  from.min_model_version = 6;
  from.max_staleness = absl::Milliseconds(1500);
  from.staleness_as_of_time = absl::FromUnixMicros(2'000'000);

  const v1::SampleNegativesRequest to = MakeRequest(from).value();
  EXPECT_EQ(to.collection(), "collections/c");
  EXPECT_EQ(to.negative_count(), 8);
  EXPECT_THAT(ReadIds(to.user_ids(), "").value(), ElementsAre(1, 2));
  EXPECT_THAT(to.positive_ids().names().values(), ElementsAre("x", "y"));
  EXPECT_THAT(ReadIds(to.exclusions().ids(), "").value(), ElementsAre(5, 6, 7));
  EXPECT_THAT(ReadInt64s(to.exclusions().row_splits(), "").value(), ElementsAre(0, 3, 3));
  EXPECT_EQ(to.as_of_time().seconds(), -1);
  EXPECT_EQ(to.as_of_time().nanos(), 999'999'000);
  EXPECT_FALSE(to.has_as_of_micros());
  EXPECT_THAT(ReadInt64s(to.row_keys(), "").value(), ElementsAre(100, 200));
  EXPECT_EQ(to.queries().row_count(), 2);
  EXPECT_EQ(to.policy().components_size(), 1);
  EXPECT_TRUE(to.has_seed());
  EXPECT_THAT(to.outputs(), ElementsAre(v1::SAMPLE_OUTPUT_SCORE));
  EXPECT_EQ(to.encoding(), v1::COLUMN_ENCODING_RAW);
  EXPECT_THAT(ReadBytes(to.cohorts(), "").value(), ElementsAre(3, 0));
  EXPECT_EQ(to.min_model_version(), 6);
  EXPECT_EQ(to.max_staleness().seconds(), 1);
  EXPECT_EQ(to.max_staleness().nanos(), 500'000'000);
  EXPECT_EQ(to.staleness_as_of_time().seconds(), 2);
}

TEST(SamplingTest, AStoredPolicyIsNamedInThePlaceOfAnother) {
  SampleRequest from;
  from.negative_count = 1;
  from.policy.add_components()->mutable_uniform();
  from.policy_name = "collections/c/policies/p@3";
  from.progress = 0;
  v1::SampleNegativesRequest to = MakeRequest(from).value();
  EXPECT_EQ(to.policy_name(), "collections/c/policies/p@3");
  EXPECT_FALSE(to.has_policy());
  EXPECT_TRUE(to.has_progress());
  SharedRequest shared;
  shared.policy_name = from.policy_name;
  EXPECT_EQ(MakeRequest(shared).policy_name(), from.policy_name);

  v1::SampleNegativesResponse response = TwoRowsOfThree();
  response.set_policy_name("collections/c/policies/p@3");
  response.add_arm_names("a");
  WriteBytes(std::vector<uint8_t>{0, 0}, v1::COLUMN_ENCODING_RAW, response.mutable_arm_indexes());
  const SampleResult result = ReadResponse(response, 3).value();
  EXPECT_EQ(result.policy_name, "collections/c/policies/p@3");
  EXPECT_THAT(result.arm_names, ElementsAre("a"));
  EXPECT_THAT(result.arm_indexes, ElementsAre(0, 0));
}

TEST(SamplingTest, AControllerStandsInThePlaceOfAProgress) {
  SampleRequest from;
  from.negative_count = 1;
  from.controller = "collections/c/controllers/k";
  EXPECT_EQ(MakeRequest(from).value().controller(), from.controller);
  SharedRequest shared;
  shared.controller = from.controller;
  EXPECT_EQ(MakeRequest(shared).controller(), from.controller);

  v1::SampleNegativesResponse response = TwoRowsOfThree();
  EXPECT_EQ(ReadResponse(response, 3).value().progress, std::nullopt);
  response.set_progress(0.25);
  response.mutable_progress_time()->set_seconds(7);
  const SampleResult result = ReadResponse(response, 3).value();
  EXPECT_EQ(result.progress, 0.25);
  EXPECT_EQ(result.progress_time, absl::FromUnixSeconds(7));
}

TEST(SamplingTest, CandidateRequestCarriesEveryField) {
  const std::vector<float> queries = {1, 2, 3, 4};
  CandidateRequest from;
  from.sample.collection = "collections/c";
  from.sample.negative_count = 8;
  from.sample.queries = queries;
  from.sample.query_dimension = 2;
  from.anchor = v1::NEAREST_ANCHOR_POSITIVE;
  from.want_candidate_vectors = true;
  v1::GetCandidatesRequest to = MakeRequest(from).value();
  EXPECT_EQ(to.sample().collection(), "collections/c");
  EXPECT_EQ(to.sample().negative_count(), 8);
  EXPECT_EQ(to.sample().queries().row_count(), 2);
  EXPECT_EQ(to.sample().encoding(), v1::COLUMN_ENCODING_RAW);
  EXPECT_EQ(to.anchor(), v1::NEAREST_ANCHOR_POSITIVE);
  EXPECT_TRUE(to.include_candidate_vectors());
  EXPECT_FALSE(to.include_positive_vectors());
  from.want_positive_vectors = true;
  EXPECT_TRUE(MakeRequest(from).value().include_positive_vectors());
  from.sample.query_dimension = 3;
  EXPECT_EQ(MakeRequest(from).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SamplingTest, CandidateResponseHasVectors) {
  v1::GetCandidatesResponse response;
  *response.mutable_sample() = TwoRowsOfThree();
  constexpr auto kRaw = v1::COLUMN_ENCODING_RAW;
  WriteFloats(std::vector<float>{3, 2, 1, 4, 0, 0}, kRaw,
              response.mutable_sample()->mutable_scores());
  CandidateResult result = ReadResponse(response, 3).value();
  EXPECT_THAT(result.sample.item_ids, ElementsAre(1, 2, 3, 4, -1, -1));
  EXPECT_EQ(result.sample.scores[3], 4);
  EXPECT_EQ(result.dimension, 0);
  EXPECT_TRUE(result.candidate_vectors.empty());

  std::vector<float> values(12);
  values[7] = 5;
  WriteMatrix(values, 6, 2, kRaw, response.mutable_candidate_vectors());
  WriteMatrix(std::vector<float>{1, 2, 3, 4}, 2, 2, kRaw, response.mutable_positive_vectors());
  result = ReadResponse(response, 3).value();
  EXPECT_EQ(result.dimension, 2);
  EXPECT_EQ(result.candidate_vectors, values);
  EXPECT_THAT(result.positive_vectors, ElementsAre(1, 2, 3, 4));
  WriteMatrix(std::vector<float>{1, 2}, 1, 2, kRaw, response.mutable_positive_vectors());
  EXPECT_EQ(ReadResponse(response, 3).status().code(), absl::StatusCode::kInternal);
}

TEST(SamplingTest, ColumnsThatAreNotGivenAreNotSent) {
  SampleRequest from;
  from.row_count = 3;
  const v1::SampleNegativesRequest to = MakeRequest(from).value();
  EXPECT_EQ(to.row_count(), 3);
  EXPECT_FALSE(to.has_user_ids());
  EXPECT_FALSE(to.has_positive_ids());
  EXPECT_FALSE(to.has_exclusions());
  EXPECT_FALSE(to.has_as_of_time());
  EXPECT_FALSE(to.has_seed());
  EXPECT_FALSE(to.has_max_staleness());
  EXPECT_FALSE(to.has_staleness_as_of_time());
}

TEST(SamplingTest, QueriesMustFitTheirDimension) {
  const std::vector<float> queries = {1, 2, 3};
  SampleRequest from;
  from.queries = queries;
  from.query_dimension = 2;
  EXPECT_EQ(MakeRequest(from).status().code(), absl::StatusCode::kInvalidArgument);
  from.query_dimension = 0;
  EXPECT_EQ(MakeRequest(from).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace negatron::client
