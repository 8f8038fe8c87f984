// SPDX-License-Identifier: Apache-2.0
// Vectors of users: writing them, anchoring rows on them, and what takes them away.
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/server/engine/engine_harness.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr Micros kSecond = 1000000;
constexpr int kItems = 60;
constexpr int kUsers = 20;
constexpr int kDimension = 8;
constexpr auto kOk = static_cast<uint8_t>(RowStatus::kOk);
constexpr auto kNoAnchor = static_cast<uint8_t>(RowStatus::kNoAnchor);

std::vector<int64_t> Range(int64_t begin, int64_t end) {
  std::vector<int64_t> ids;
  for (int64_t id = begin; id < end; ++id) ids.push_back(id);
  return ids;
}

WriteEmbeddingsRequest Vectors(VectorOwner owner, std::vector<int64_t> ids, uint64_t seed,
                               std::optional<int64_t> version = std::nullopt) {
  SplitMix random(seed);
  WriteEmbeddingsRequest request;
  request.owner = owner;
  request.column_count = kDimension;
  for (size_t i = 0; i < ids.size() * kDimension; ++i) {
    request.values.push_back(static_cast<float>(random.Unit() - 0.5));
  }
  request.ids.values = std::move(ids);
  request.model_version = version;
  return request;
}

class UserEmbeddingsTest : public testing::Test {
 protected:
  UserEmbeddingsTest() {
    harness_.clock().Set(1000 * kSecond);
    EXPECT_TRUE(harness_.Open().ok());
    Make("c", Metric::kInnerProduct, ElementType::kFloat32);
  }

  void Make(const std::string& id, Metric metric, ElementType type) {
    CollectionRecord settings = Settings(id);
    settings.embedding = EmbeddingSettings{kDimension, metric, type};
    ASSERT_TRUE(harness_.Create(settings).ok());
    ASSERT_TRUE(harness_.Items(id, ItemsAlways(Range(0, kItems))).ok());
    ASSERT_TRUE(harness_.Embeddings(id, Vectors(VectorOwner::kItem, Range(0, kItems), 1)).ok());
  }

  absl::Status WriteUsers(std::vector<int64_t> users, uint64_t seed = 2,
                          std::optional<int64_t> version = std::nullopt) {
    return harness_.Embeddings("c", Vectors(VectorOwner::kUser, std::move(users), seed, version))
        .status();
  }

  GetEmbeddingsResult Read(const std::string& id, std::vector<int64_t> users) {
    return *harness_.engine().GetEmbeddings(id, VectorOwner::kUser, {std::move(users)});
  }

  int64_t VectorCount() { return harness_.engine().GetStatistics("c", 0)->user_embedding_count; }

  absl::StatusOr<WriteResult> Erase(std::vector<int64_t> users) {
    EraseUsersRequest request;
    request.users.values = std::move(users);
    return harness_.Erase("c", request);
  }

  // A row for each user.
  static SampleRequest RowsOf(SourceSpec source, std::vector<int64_t> users) {
    SampleRequest request =
        SampleOf(std::move(source), static_cast<int>(users.size()), 6, 2000 * kSecond);
    request.users = IdBatch{std::move(users)};
    request.want_scores = true;
    return request;
  }

  EngineHarness harness_;
};

SourceSpec WithAnchor(const SourceSpec& source, NearestAnchor anchor) {
  SourceSpec copy = source;
  if (auto* nearest = std::get_if<NearestSource>(&copy)) nearest->anchor = anchor;
  if (auto* adversarial = std::get_if<AdversarialSource>(&copy)) adversarial->anchor = anchor;
  if (auto* dynamic = std::get_if<DynamicSource>(&copy)) dynamic->anchor = anchor;
  return copy;
}

TEST_F(UserEmbeddingsTest, AnAnchorByUserIsTheQueryWithItsVector) {
  NearestSource noisy{NearestAnchor::kQuery, 2, 30, NearestPick::kSoftmax, 0.3};
  noisy.noise = 0.4;
  const std::vector<SourceSpec> sources = {
      NearestSource{NearestAnchor::kQuery, 0, 20, NearestPick::kTop}, noisy,
      AdversarialSource{NearestAnchor::kQuery, 0.5},
      DynamicSource{UniformSource{}, NearestAnchor::kQuery, 32, DynamicPick::kTop, 10}};
  Make("l2", Metric::kL2, ElementType::kBfloat16);
  for (const std::string id : {"c", "l2"}) {
    ASSERT_TRUE(harness_.Embeddings(id, Vectors(VectorOwner::kUser, Range(0, kUsers), 7)).ok());
    const GetEmbeddingsResult stored = Read(id, Range(0, kUsers));
    ASSERT_THAT(stored.found, Each(1));
    for (const SourceSpec& source : sources) {
      SampleRequest by_query = RowsOf(source, Range(0, kUsers));
      by_query.queries = stored.values;
      by_query.query_columns = kDimension;
      const SampleRequest by_user =
          RowsOf(WithAnchor(source, NearestAnchor::kUser), Range(0, kUsers));
      const auto expected = harness_.Sample(id, by_query);
      const auto got = harness_.Sample(id, by_user);
      ASSERT_TRUE(expected.ok()) << expected.status();
      ASSERT_TRUE(got.ok()) << got.status();
      EXPECT_EQ(got->ids, expected->ids);
      EXPECT_EQ(got->scores, expected->scores);
      EXPECT_EQ(got->statuses, expected->statuses);
      EXPECT_THAT(got->statuses, Each(kOk));
    }
  }
}

TEST_F(UserEmbeddingsTest, ARowWithoutSuchAVectorHasNoAnchor) {
  ASSERT_TRUE(WriteUsers({1}).ok());
  ASSERT_TRUE(harness_.Events("c", EventsOf({2}, {0}, {kSecond})).ok());
  const NearestSource nearest{NearestAnchor::kUser, 0, 20, NearestPick::kTop};
  const auto sample = harness_.Sample("c", RowsOf(nearest, {1, 2, 3}));
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_THAT(sample->statuses, ElementsAre(kOk, kNoAnchor, kNoAnchor));
  SampleRequest nobody = RowsOf(nearest, {1});
  nobody.users.reset();
  EXPECT_THAT(harness_.Sample("c", nobody)->statuses, ElementsAre(kNoAnchor));
}

TEST_F(UserEmbeddingsTest, UnknownUsersAreCreatedAndSurviveARestart) {
  ASSERT_TRUE(harness_.Events("c", EventsOf({5}, {0}, {kSecond})).ok());
  ASSERT_TRUE(WriteUsers({5, 6}).ok());
  ASSERT_TRUE(harness_.Events("c", EventsOf({6}, {1}, {kSecond})).ok());
  const GetEmbeddingsResult before = Read("c", {5, 6, 7});
  EXPECT_THAT(before.found, ElementsAre(1, 1, 0));
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(harness_.engine().ListUsers("c", 0, 10)->numbers, ElementsAre(5, 6));
    const GetEmbeddingsResult read = Read("c", {5, 6, 7});
    EXPECT_EQ(read.found, before.found);
    EXPECT_EQ(std::vector<float>(read.values.begin(), read.values.begin() + 2 * kDimension),
              std::vector<float>(before.values.begin(), before.values.begin() + 2 * kDimension));
    EXPECT_EQ(read.write_times, before.write_times);
    ASSERT_TRUE(harness_.Open().ok());
  }
  EXPECT_EQ(VectorCount(), 2);
}

TEST_F(UserEmbeddingsTest, ItemsAndUsersAreOfOneModel) {
  ASSERT_TRUE(harness_.Embeddings("c", Vectors(VectorOwner::kItem, Range(0, kItems), 1, 5)).ok());
  EXPECT_EQ(ReasonOf(WriteUsers({1}, 2, 4)), "STALE_MODEL_VERSION");
  EXPECT_EQ(ReasonOf(WriteUsers({1})), "STALE_MODEL_VERSION");
  ASSERT_TRUE(WriteUsers({1}, 2, 7).ok());
  EXPECT_EQ(ReasonOf(harness_.Embeddings("c", Vectors(VectorOwner::kItem, {1}, 1, 6)).status()),
            "STALE_MODEL_VERSION");
  EXPECT_EQ(ReasonOf(harness_.Begin("c", {7}).status()), "STALE_MODEL_VERSION");
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(harness_.engine().GetStatistics("c", 0)->highest_model_version, 7);
  EXPECT_EQ(ReasonOf(WriteUsers({1}, 2, 6)), "STALE_MODEL_VERSION");
}

TEST_F(UserEmbeddingsTest, FreshnessIsAskedOfTheAnchorToo) {
  ASSERT_TRUE(WriteUsers({1}, 2, 3).ok());
  harness_.clock().Set(1500 * kSecond);
  ASSERT_TRUE(harness_.Embeddings("c", Vectors(VectorOwner::kItem, Range(0, kItems), 1, 4)).ok());
  ASSERT_TRUE(WriteUsers({2}, 2, 4).ok());
  harness_.clock().Set(1600 * kSecond);
  const AdversarialSource source{NearestAnchor::kUser, 1};
  SampleRequest by_version = RowsOf(source, {1, 2});
  by_version.min_model_version = 4;
  EXPECT_THAT(harness_.Sample("c", by_version)->statuses, ElementsAre(kNoAnchor, kOk));
  SampleRequest by_age = RowsOf(source, {1, 2});
  by_age.max_staleness_micros = 200 * kSecond;
  EXPECT_THAT(harness_.Sample("c", by_age)->statuses, ElementsAre(kNoAnchor, kOk));
}

TEST_F(UserEmbeddingsTest, ErasingAUserTakesItsVectorsAway) {
  ASSERT_TRUE(WriteUsers({1, 2}, 2, 1).ok());
  ASSERT_TRUE(harness_.Begin("c", {2}).ok());
  ASSERT_TRUE(harness_.Upload("c", 2, 0, 1, Vectors(VectorOwner::kItem, Range(0, 5), 3)).ok());
  ASSERT_TRUE(harness_.Upload("c", 2, 0, 2, Vectors(VectorOwner::kUser, {1, 2, 3}, 3)).ok());
  ASSERT_TRUE(Erase({1}).ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(Read("c", {1, 2}).found, ElementsAre(0, 1));
    EXPECT_EQ(VectorCount(), 1);
    ASSERT_TRUE(harness_.Open().ok());
  }
  const auto committed = harness_.Commit("c", {2, std::nullopt, {}});
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->record.user_row_count, 2);
  EXPECT_THAT(Read("c", {1, 2, 3}).found, ElementsAre(0, 1, 1));
  ASSERT_TRUE(WriteUsers({1}, 4, 2).ok()) << "the id is free again";
  EXPECT_THAT(Read("c", {1, 2, 3}).found, ElementsAre(1, 1, 1));
}

// Wherever the erasure comes while the version is read and put in place.
TEST_F(UserEmbeddingsTest, ErasureDuringACommitIsKept) {
  for (int64_t version = 1; version <= 12; ++version) {
    ASSERT_TRUE(harness_.Begin("c", {version}).ok());
    ASSERT_TRUE(
        harness_.Upload("c", version, 0, 1, Vectors(VectorOwner::kItem, Range(0, kItems), 3)).ok());
    ASSERT_TRUE(
        harness_.Upload("c", version, 0, 2, Vectors(VectorOwner::kUser, Range(0, 2000), 3)).ok());
    std::thread eraser([&] { EXPECT_TRUE(Erase({version, 1000 + version}).ok()); });
    EXPECT_TRUE(harness_.Commit("c", {version, std::nullopt, {}}).ok());
    eraser.join();
    EXPECT_EQ(VectorCount(), 1998) << "version " << version;
  }
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(VectorCount(), 1998);
}

TEST_F(UserEmbeddingsTest, AVersionReplacesThoseOfUsersToo) {
  ASSERT_TRUE(WriteUsers({1, 9}, 2, 1).ok());
  ASSERT_TRUE(harness_.Begin("c", {2}).ok());
  ASSERT_TRUE(harness_.Upload("c", 2, 0, 1, Vectors(VectorOwner::kItem, Range(0, kItems), 3)).ok());
  ASSERT_TRUE(harness_.Upload("c", 2, 1, 1, Vectors(VectorOwner::kUser, {1, 2, 3}, 3)).ok());
  EXPECT_THAT(Read("c", {1, 2, 9}).found, ElementsAre(1, 0, 1)) << "nobody reads what is staged";
  const auto incomplete = harness_.Commit("c", {2, kItems, {}, 4});
  EXPECT_EQ(ReasonOf(incomplete.status()), "EMBEDDING_VERSION_INCOMPLETE");
  const auto committed = harness_.Commit("c", {2, kItems, {}, 3});
  ASSERT_TRUE(committed.ok()) << committed.status();
  for (int round = 0; round < 2; ++round) {
    const GetEmbeddingsResult read = Read("c", {1, 2, 3, 9});
    EXPECT_THAT(read.found, ElementsAre(1, 1, 1, 0));
    EXPECT_THAT(read.model_versions, ElementsAre(2, 2, 2, -1));
    const auto version = harness_.engine().GetVersion("c", 2);
    EXPECT_EQ(version->record.row_count, kItems);
    EXPECT_EQ(version->record.user_row_count, 3);
    ASSERT_TRUE(harness_.Open().ok());
  }
  ASSERT_TRUE(WriteUsers({9}, 5, 2).ok());
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(Read("c", {1, 9}).found, ElementsAre(1, 1)) << "streamed to the new table";
}

TEST_F(UserEmbeddingsTest, PartialWritesCreateOnlyUsersWhoGetAVector) {
  WriteEmbeddingsRequest request = Vectors(VectorOwner::kUser, {1, 2, 3}, 2);
  request.values[kDimension] = std::numeric_limits<float>::infinity();
  const absl::Status refused = harness_.Embeddings("c", request).status();
  ASSERT_EQ(FieldViolationsOf(refused).size(), 1u) << refused;
  EXPECT_EQ(FieldViolationsOf(refused)[0].field, "vectors[1]");
  EXPECT_THAT(harness_.engine().ListUsers("c", 0, 10)->numbers, ElementsAre());
  request.allow_partial = true;
  const auto written = harness_.Embeddings("c", request);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->written_count, 2);
  EXPECT_THAT(written->refusals,
              ElementsAre(RowRefusal::kNone, RowRefusal::kInvalidVector, RowRefusal::kNone));
  EXPECT_THAT(harness_.engine().ListUsers("c", 0, 10)->numbers, ElementsAre(1, 3));
}

TEST_F(UserEmbeddingsTest, DictionaryNumbersNameUsersThatExist) {
  CollectionRecord settings = Settings("names");
  settings.user_id_type = IdType::kString;
  settings.embedding = EmbeddingSettings{kDimension, Metric::kInnerProduct};
  ASSERT_TRUE(harness_.Create(settings).ok());
  WriteEmbeddingsRequest named = Vectors(VectorOwner::kUser, {0, 0}, 2);
  named.ids.values = std::vector<std::string>{"ann", "bob"};
  ASSERT_TRUE(harness_.Embeddings("names", named).ok());
  WriteEmbeddingsRequest numbered = Vectors(VectorOwner::kUser, {1, 2}, 3);
  const absl::Status refused = harness_.Embeddings("names", numbered).status();
  ASSERT_EQ(FieldViolationsOf(refused).size(), 1u) << refused;
  EXPECT_EQ(FieldViolationsOf(refused)[0].field, "user_ids[1]");
  numbered.allow_partial = true;
  EXPECT_THAT(harness_.Embeddings("names", numbered)->refusals,
              ElementsAre(RowRefusal::kNone, RowRefusal::kUnknownUser));
  const GetEmbeddingsResult read = Read("names", {0, 1});
  EXPECT_EQ(read.values[kDimension], numbered.values[0]);
  EXPECT_NE(read.values[0], numbered.values[0]);
}

TEST_F(UserEmbeddingsTest, CandidatesCanBeScoredAgainstTheUser) {
  ASSERT_TRUE(WriteUsers(Range(0, 3)).ok());
  CandidateRequest request;
  request.sample = RowsOf(UniformSource{}, Range(0, 3));
  request.anchor = NearestAnchor::kQuery;
  request.sample.queries = Read("c", Range(0, 3)).values;
  request.sample.query_columns = kDimension;
  const auto expected = harness_.engine().GetCandidates("c", request, Cancellation());
  ASSERT_TRUE(expected.ok()) << expected.status();
  request.anchor = NearestAnchor::kUser;
  request.sample.queries.clear();
  const auto got = harness_.engine().GetCandidates("c", request, Cancellation());
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->sample.ids, expected->sample.ids);
  EXPECT_EQ(got->sample.scores, expected->sample.scores);
  request.sample.users.reset();
  const absl::Status refused =
      harness_.engine().GetCandidates("c", request, Cancellation()).status();
  ASSERT_EQ(FieldViolationsOf(refused).size(), 1u) << refused;
  EXPECT_EQ(FieldViolationsOf(refused)[0].field, "user_ids");
}

}  // namespace
}  // namespace negatron
