// SPDX-License-Identifier: Apache-2.0
// Engine::GetCandidates beside draws, a plain computation of scores, and reads of vectors.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "storage/model/limits.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsNan;

constexpr int kItems = 60;
constexpr int kDimension = 3;
constexpr Micros kNow = 1000000;
constexpr int64_t kDead = 7;  // An item that is not alive at kNow.

// Items with a number that 5 divides have no vector.
bool HasVector(int64_t item) { return item % 5 != 0; }

// Small whole numbers, so that every sum of products is exact. Many scores are equal.
float Component(int64_t item, int column) {
  return static_cast<float>((item * 7 + column * 3) % 5) - 2;
}

std::vector<float> VectorOf(int64_t item) {
  std::vector<float> vector(kDimension, std::numeric_limits<float>::quiet_NaN());
  for (int c = 0; c < kDimension && HasVector(item); ++c) vector[c] = Component(item, c);
  return vector;
}

float Product(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The bits, so that NaN equals NaN.
std::vector<uint32_t> Bits(const std::vector<float>& values) {
  std::vector<uint32_t> bits(values.size());
  if (!values.empty()) std::memcpy(bits.data(), values.data(), values.size() * sizeof(float));
  return bits;
}

class CandidatesTest : public testing::Test {
 protected:
  CandidatesTest() {
    EXPECT_TRUE(harness_.Open().ok());
    harness_.clock().Set(kNow);
    Fill("c", Metric::kInnerProduct);
  }

  void Fill(const std::string& id, Metric metric) {
    CollectionRecord settings = Settings(id);
    settings.embedding = EmbeddingSettings{kDimension, metric};
    ASSERT_TRUE(harness_.Create(settings).ok());
    std::vector<int64_t> ids;
    for (int64_t item = 0; item < kItems; ++item) ids.push_back(item);
    WriteItemsRequest items = ItemsAlways(ids);
    items.alive[kDead] = {Interval{0, kNow - 5}};
    ASSERT_TRUE(harness_.Items(id, items).ok());
    WriteEmbeddingsRequest vectors;
    vectors.column_count = kDimension;
    std::erase_if(ids, [](int64_t item) { return !HasVector(item); });
    vectors.ids.values = ids;
    for (const int64_t item : ids) {
      const std::vector<float> vector = VectorOf(item);
      vectors.values.insert(vectors.values.end(), vector.begin(), vector.end());
    }
    ASSERT_TRUE(harness_.Embeddings(id, vectors).ok());
    // User u chose the items u, u + 3, u + 6, ...; user 9 all but two.
    std::vector<int64_t> users;
    std::vector<int64_t> chosen;
    for (int64_t item = 0; item < kItems; ++item) {
      users.push_back(item % 3);
      chosen.push_back(item);
      if (item == 11 || item == 20) continue;
      users.push_back(9);
      chosen.push_back(item);
    }
    ASSERT_TRUE(
        harness_.Events(id, EventsOf(users, chosen, std::vector<Micros>(users.size(), 10))).ok());
  }

  // Rows of users 0, 1, 2 and 9, with positives, queries, exclusions.
  static CandidateRequest RowsOf(SourceSpec source, int count) {
    CandidateRequest request;
    request.sample = SampleOf(std::move(source), 4, count, kNow);
    request.sample.users = IdBatch{std::vector<int64_t>{0, 1, 2, 9}};
    request.sample.positives = IdBatch{std::vector<int64_t>{3, 10, 14, 1}};
    request.sample.exclusions = IdBatch{std::vector<int64_t>{4, 5, 8}};
    request.sample.exclusion_splits = {0, 2, 2, 3, 3};
    request.sample.query_columns = kDimension;
    request.sample.queries = {1, 0, 2, -1, 1, 1, 0, 0, 3, 2, 2, 1};
    return request;
  }

  static CandidateRequest MixedRows(int count) {
    CandidateRequest request = RowsOf(UniformSource{}, count);
    NearestSource nearest;
    nearest.rank_end = 20;
    nearest.noise = 0.5;  // Its scores are others than those against the query.
    request.sample.policy.components = {
        {0.5, "", UniformSource{}}, {0.3, "", PopularitySource{}}, {0.2, "", nearest}};
    return request;
  }

  CandidateResult Get(const CandidateRequest& request, const std::string& id = "c") {
    auto result = harness_.engine().GetCandidates(id, request, Cancellation());
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : CandidateResult();
  }

  absl::Status Fails(const CandidateRequest& request, const std::string& id = "c") {
    return harness_.engine().GetCandidates(id, request, Cancellation()).status();
  }

  static std::string Field(const absl::Status& status) {
    const std::vector<FieldViolation> violations = FieldViolationsOf(status);
    return violations.size() == 1 ? violations[0].field : status.ToString();
  }

  EngineHarness harness_;
};

TEST_F(CandidatesTest, RowsAreUniqueDrawsInOrderOfTheirScores) {
  constexpr int kCount = 12;
  CandidateRequest request = MixedRows(kCount);
  request.sample.want_expected_count = true;
  request.sample.want_importance_weights = true;
  const CandidateResult candidates = Get(request);
  const SampleResult& ranked = candidates.sample;

  SampleRequest plain = request.sample;
  plain.policy.unique = true;
  const SampleResult drawn = *harness_.Sample("c", plain);
  EXPECT_EQ(ranked.statuses, drawn.statuses);
  EXPECT_EQ(ranked.drawn, drawn.drawn);
  EXPECT_EQ(ranked.drawn_by_component, drawn.drawn_by_component);
  ASSERT_EQ(ranked.ids.size(), drawn.ids.size());
  bool reordered = false;
  for (int r = 0; r < 4; ++r) {
    std::map<int64_t, std::vector<double>> columns;
    const int64_t real = drawn.drawn.empty() ? kCount : drawn.drawn[r];
    for (int64_t i = r * kCount; i < r * kCount + real; ++i) {
      columns[drawn.ids[i]] = {drawn.log_q[i], drawn.log_q_source[i],
                               static_cast<double>(drawn.components[i]), drawn.expected_count[i],
                               drawn.importance_weights[i]};
      reordered |= drawn.ids[i] != ranked.ids[i];
    }
    ASSERT_EQ(static_cast<int64_t>(columns.size()), real) << "an item came twice";
    const std::vector<float> query(&request.sample.queries[r * kDimension],
                                   &request.sample.queries[r * kDimension] + kDimension);
    for (int64_t i = r * kCount; i < r * kCount + real; ++i) {
      const int64_t item = ranked.ids[i];
      ASSERT_TRUE(columns.contains(item)) << item;
      EXPECT_EQ(columns[item],
                (std::vector<double>{ranked.log_q[i], ranked.log_q_source[i],
                                     static_cast<double>(ranked.components[i]),
                                     ranked.expected_count[i], ranked.importance_weights[i]}))
          << item;
      columns.erase(item);
      EXPECT_NE(item, kDead);
      if (HasVector(item)) {
        EXPECT_EQ(ranked.scores[i], Product(query, VectorOf(item))) << item;
      } else {
        EXPECT_THAT(ranked.scores[i], IsNan()) << item;
      }
      if (i == r * kCount || std::isnan(ranked.scores[i - 1])) continue;
      // Items were written in the order of their numbers.
      EXPECT_TRUE(std::isnan(ranked.scores[i]) || ranked.scores[i - 1] > ranked.scores[i] ||
                  (ranked.scores[i - 1] == ranked.scores[i] && ranked.ids[i - 1] < item))
          << "row " << r << ", place " << i;
    }
  }
  EXPECT_TRUE(reordered) << "the test would not see an order that is not made";
}

TEST_F(CandidatesTest, ItemsWithoutAVectorStayAndComeLast) {
  const CandidateResult result = Get(RowsOf(UniformSource{}, 40));
  // User 0 may get 40 items but the dead one and two exclusions, one of them without a vector.
  const int64_t drawn = result.sample.drawn.at(0);
  EXPECT_EQ(drawn, 37);
  std::vector<int64_t> unscored;
  for (int64_t i = 0; i < drawn; ++i) {
    if (std::isnan(result.sample.scores[i])) {
      unscored.push_back(result.sample.ids[i]);
    } else {
      EXPECT_TRUE(unscored.empty()) << "a score behind none";
    }
  }
  EXPECT_THAT(unscored, ElementsAre(10, 20, 25, 35, 40, 50, 55));
}

TEST_F(CandidatesTest, ShortRowsArePaddedInEveryColumn) {
  CandidateRequest request = RowsOf(UniformSource{}, 4);
  request.want_candidate_vectors = true;
  request.sample.want_model_versions = true;
  request.sample.want_vector_ages = true;
  const CandidateResult result = Get(request);
  const SampleResult& sample = result.sample;
  ASSERT_THAT(sample.drawn, ElementsAre(4, 4, 4, 2));
  EXPECT_EQ(sample.statuses[3], static_cast<uint8_t>(RowStatus::kShort));
  EXPECT_THAT(std::vector<int64_t>(sample.ids.begin() + 12, sample.ids.end()),
              ElementsAre(11, 20, -1, -1));
  for (int i = 14; i < 16; ++i) {
    EXPECT_THAT(sample.log_q[i], IsNan());
    EXPECT_THAT(sample.scores[i], IsNan());
    EXPECT_EQ(sample.components[i], 255);
    EXPECT_EQ(sample.model_versions[i], -1);
    EXPECT_THAT(sample.vector_ages[i], IsNan());
  }
  EXPECT_EQ(sample.model_versions[13], -1) << "20 has no vector";
  EXPECT_THAT(std::vector<float>(result.candidate_vectors.end() - 3 * kDimension,
                                 result.candidate_vectors.end()),
              Each(IsNan()));
}

TEST_F(CandidatesTest, VectorsAreThoseThatAreStored) {
  for (const Metric metric : {Metric::kInnerProduct, Metric::kCosine, Metric::kL2}) {
    const std::string id = metric == Metric::kCosine ? "cosine" : "other";
    if (metric != Metric::kInnerProduct) Fill(id, metric);
    const std::string collection = metric == Metric::kInnerProduct ? "c" : id;
    CandidateRequest request = RowsOf(UniformSource{}, 9);
    request.want_candidate_vectors = request.want_positive_vectors = true;
    const CandidateResult result = Get(request, collection);
    EXPECT_EQ(result.dimension, kDimension);
    const IdBatch ids{std::vector<int64_t>(result.sample.ids.begin(), result.sample.ids.end())};
    const GetEmbeddingsResult stored =
        *harness_.engine().GetEmbeddings(collection, VectorOwner::kItem, ids);
    EXPECT_EQ(Bits(result.candidate_vectors), Bits(stored.values));
    const GetEmbeddingsResult positives =
        *harness_.engine().GetEmbeddings(collection, VectorOwner::kItem, *request.sample.positives);
    EXPECT_EQ(Bits(result.positive_vectors), Bits(positives.values));
    EXPECT_THAT(positives.found, ElementsAre(1, 0, 1, 1));
  }
  const CandidateResult none = Get(RowsOf(UniformSource{}, 9));
  EXPECT_TRUE(none.candidate_vectors.empty());
  EXPECT_TRUE(none.positive_vectors.empty());
}

TEST_F(CandidatesTest, PositivesAreAnchorsWhereTheyHaveAVector) {
  CandidateRequest request = RowsOf(UniformSource{}, 6);
  request.sample.queries.clear();
  request.anchor = NearestAnchor::kPositive;
  const SampleResult sample = Get(request).sample;
  const std::vector<int64_t> positives = {3, 10, 14, 1};
  for (int r = 0; r < 3; ++r) {
    for (int i = r * 6; i < r * 6 + 6; ++i) {
      if (HasVector(positives[r]) && HasVector(sample.ids[i])) {
        EXPECT_EQ(sample.scores[i], Product(VectorOf(positives[r]), VectorOf(sample.ids[i])));
      } else {
        EXPECT_THAT(sample.scores[i], IsNan());
      }
    }
  }
  // 10 has none: its candidates are there, in the order of items.
  EXPECT_EQ(sample.statuses[1], static_cast<uint8_t>(RowStatus::kOk));
  EXPECT_TRUE(std::is_sorted(sample.ids.begin() + 6, sample.ids.begin() + 12));
}

TEST_F(CandidatesTest, StaleVectorsCountAsNone) {
  WriteEmbeddingsRequest fresh;
  fresh.ids.values = std::vector<int64_t>{1, 13};
  fresh.column_count = kDimension;
  fresh.values = {1, 1, 1, 2, 2, 2};
  fresh.model_version = 5;
  harness_.clock().Set(3 * kNow);
  ASSERT_TRUE(harness_.Embeddings("c", fresh).ok());
  constexpr int kCount = 40;
  CandidateRequest request = RowsOf(UniformSource{}, kCount);
  request.sample.min_model_version = 5;
  request.sample.want_model_versions = request.sample.want_vector_ages = true;
  request.sample.staleness_as_of = 7 * kNow;
  request.want_candidate_vectors = request.want_positive_vectors = true;
  const CandidateResult result = Get(request);
  const SampleResult& sample = result.sample;
  ASSERT_EQ(sample.drawn.at(0), 37) << "all that the row may get";
  const auto floats = [](const auto& column, int64_t begin, int64_t end) {
    return std::vector<float>(column.begin() + begin, column.begin() + end);
  };
  EXPECT_THAT(floats(sample.ids, 0, 2), ElementsAre(13, 1));
  EXPECT_THAT(floats(sample.scores, 0, 2), ElementsAre(6, 3));
  EXPECT_THAT(floats(sample.model_versions, 0, 3), ElementsAre(5, 5, -1));
  EXPECT_EQ(sample.vector_ages[0], 4);
  EXPECT_THAT(floats(sample.scores, 2, kCount), Each(IsNan()));
  EXPECT_THAT(floats(sample.vector_ages, 2, kCount), Each(IsNan()));
  EXPECT_THAT(floats(result.candidate_vectors, 0, 2 * kDimension), ElementsAre(2, 2, 2, 1, 1, 1));
  EXPECT_THAT(floats(result.candidate_vectors, 2 * kDimension, kCount * kDimension), Each(IsNan()));
  // Of the positives only 1 has a fresh vector.
  EXPECT_THAT(floats(result.positive_vectors, 0, 3 * kDimension), Each(IsNan()));
  EXPECT_THAT(floats(result.positive_vectors, 3 * kDimension, 4 * kDimension), Each(1));
  // As anchors, too.
  request.anchor = NearestAnchor::kPositive;
  const SampleResult by_positive = Get(request).sample;
  EXPECT_THAT(floats(by_positive.scores, 0, kCount), Each(IsNan()));
}

TEST_F(CandidatesTest, ARowDoesNotDependOnItsBatch) {
  CandidateRequest request = MixedRows(10);
  request.want_candidate_vectors = true;
  request.sample.row_keys = {11, 12, 13, 14};
  const CandidateResult whole = Get(request);
  EXPECT_EQ(Bits(whole.candidate_vectors), Bits(Get(request).candidate_vectors));
  for (int r = 0; r < 4; ++r) {
    CandidateRequest one = request;
    SampleRequest& sample = one.sample;
    sample.row_count = 1;
    const auto pick = [r](std::optional<IdBatch>* ids) {
      **ids = IdBatch{std::vector<int64_t>{(*ids)->numbers()[r]}};
    };
    pick(&sample.users);
    pick(&sample.positives);
    const std::vector<int64_t> excluded = request.sample.exclusions->numbers();
    const auto begin = request.sample.exclusion_splits[r];
    const auto end = request.sample.exclusion_splits[r + 1];
    sample.exclusions =
        IdBatch{std::vector<int64_t>(excluded.begin() + begin, excluded.begin() + end)};
    sample.exclusion_splits = {0, end - begin};
    sample.row_keys = {request.sample.row_keys[r]};
    sample.queries.assign(request.sample.queries.begin() + r * kDimension,
                          request.sample.queries.begin() + (r + 1) * kDimension);
    const CandidateResult alone = Get(one);
    const auto row = [r](const auto& column, int width) {
      return std::vector<float>(column.begin() + r * width, column.begin() + (r + 1) * width);
    };
    const auto all = [](const auto& column) {
      return std::vector<float>(column.begin(), column.end());
    };
    EXPECT_EQ(Bits(row(whole.sample.ids, 10)), Bits(all(alone.sample.ids)));
    EXPECT_EQ(Bits(row(whole.sample.log_q, 10)), Bits(all(alone.sample.log_q)));
    EXPECT_EQ(Bits(row(whole.sample.scores, 10)), Bits(all(alone.sample.scores)));
    EXPECT_EQ(Bits(row(whole.candidate_vectors, 10 * kDimension)), Bits(alone.candidate_vectors));
  }
}

TEST_F(CandidatesTest, WhatScoresNeedMustBeThere) {
  ASSERT_TRUE(harness_.Create(Settings("bare")).ok());
  CandidateRequest request = RowsOf(UniformSource{}, 2);
  request.sample.queries.clear();
  EXPECT_EQ(Field(Fails(request)), "queries");
  request.anchor = NearestAnchor::kPositive;
  EXPECT_EQ(ReasonOf(Fails(request, "bare")), "EMBEDDINGS_NOT_CONFIGURED");
  EXPECT_EQ(Fails(request, "bare").code(), absl::StatusCode::kFailedPrecondition);
  request.sample.positives.reset();
  EXPECT_EQ(Field(Fails(request)), "positive_ids");
  request = RowsOf(UniformSource{}, 2);
  request.sample.positives.reset();
  EXPECT_TRUE(Fails(request).ok());
  request.want_positive_vectors = true;
  EXPECT_EQ(Field(Fails(request)), "positive_ids");
  request.sample.policy.components.clear();
  EXPECT_EQ(Field(Fails(request)), "policy.components");
  EXPECT_EQ(Fails(request, "none").code(), absl::StatusCode::kNotFound);
}

TEST_F(CandidatesTest, VectorsOfACallAreBounded) {
  // A vector of three values counts for eight.
  CandidateRequest request = RowsOf(UniformSource{}, kMaxCandidateValues / 8 / 4);
  request.want_candidate_vectors = true;
  EXPECT_TRUE(Fails(request).ok());
  request.want_positive_vectors = true;
  EXPECT_EQ(Field(Fails(request)), "negative_count");
  --request.sample.negative_count;
  EXPECT_TRUE(Fails(request).ok());
  request.want_positive_vectors = false;
  request.sample.negative_count += 2;
  EXPECT_EQ(Field(Fails(request)), "negative_count");
  request.want_candidate_vectors = false;
  EXPECT_TRUE(Fails(request).ok());
  request.sample.negative_count = kMaxDraws;
  EXPECT_EQ(Field(Fails(request)), "negative_count");
}

TEST_F(CandidatesTest, NamesFollowTheirScores) {
  CollectionRecord settings = Settings("names");
  settings.item_id_type = IdType::kString;
  settings.embedding = EmbeddingSettings{1, Metric::kInnerProduct};
  ASSERT_TRUE(harness_.Create(settings).ok());
  WriteItemsRequest items;
  items.ids.values = std::vector<std::string>{"low", "none", "high"};
  items.alive.assign(3, {Interval{}});
  ASSERT_TRUE(harness_.Items("names", items).ok());
  WriteEmbeddingsRequest vectors;
  vectors.ids.values = std::vector<std::string>{"low", "high"};
  vectors.column_count = 1;
  vectors.values = {1, 2};
  ASSERT_TRUE(harness_.Embeddings("names", vectors).ok());
  CandidateRequest request;
  request.sample = SampleOf(UniformSource{}, 1, 4, kNow);
  request.sample.query_columns = 1;
  request.sample.queries = {1};
  EXPECT_THAT(Get(request, "names").sample.ids, ElementsAre(2, 0, 1, -1));
  request.sample.want_names = true;
  EXPECT_THAT(Get(request, "names").sample.names, ElementsAre("high", "low", "none", ""));
}

}  // namespace
}  // namespace negatron
