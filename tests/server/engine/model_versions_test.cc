// SPDX-License-Identifier: Apache-2.0
// Model versions and times of streamed embeddings.
#include <future>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr Micros kSecond = 1000000;

WriteEmbeddingsRequest VectorsOf(std::vector<int64_t> items, std::optional<int64_t> version,
                                 float value = 1, std::string request_id = "") {
  WriteEmbeddingsRequest request;
  request.column_count = 2;
  request.values.assign(2 * items.size(), value);
  request.ids.values = std::move(items);
  request.model_version = version;
  request.options.request_id = std::move(request_id);
  return request;
}

class ModelVersionsTest : public testing::Test {
 protected:
  ModelVersionsTest() {
    EXPECT_TRUE(harness_.Open().ok());
    CollectionRecord settings = Settings("c");
    settings.embedding = EmbeddingSettings{2, Metric::kInnerProduct};
    EXPECT_TRUE(harness_.Create(settings).ok());
    EXPECT_TRUE(harness_.Items("c", ItemsAlways({1, 2, 3})).ok());
  }

  absl::Status Write(std::vector<int64_t> items, std::optional<int64_t> version, float value = 1) {
    return harness_.Embeddings("c", VectorsOf(std::move(items), version, value)).status();
  }

  GetEmbeddingsResult Read() {
    return *harness_.engine().GetEmbeddings("c", VectorOwner::kItem,
                                            {std::vector<int64_t>{1, 2, 3}});
  }

  int64_t Highest() { return harness_.engine().GetStatistics("c", 0)->highest_model_version; }

  void ExpectStale(const absl::Status& status, const char* version, const char* highest) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_EQ(ReasonOf(status), "STALE_MODEL_VERSION");
    EXPECT_THAT(FactsOf(status), ElementsAre(Pair("highest_model_version", highest),
                                             Pair("model_version", version)));
  }

  EngineHarness harness_;
};

TEST_F(ModelVersionsTest, EveryVectorHasItsVersionAndTime) {
  harness_.clock().Set(7 * kSecond + 999999);
  ASSERT_TRUE(Write({1, 2}, 3).ok());
  harness_.clock().Set(9 * kSecond);
  ASSERT_TRUE(Write({2}, 4).ok());
  for (int round = 0; round < 2; ++round) {
    const GetEmbeddingsResult read = Read();
    EXPECT_THAT(read.model_versions, ElementsAre(3, 4, -1));
    EXPECT_THAT(read.write_times, ElementsAre(7 * kSecond, 9 * kSecond, 0));
    EXPECT_EQ(Highest(), 4);
    ASSERT_TRUE(harness_.Open().ok());
  }
}

TEST_F(ModelVersionsTest, AnOlderVersionIsRefusedAndChangesNothing) {
  ASSERT_TRUE(Write({1}, 5, 1).ok());
  const int64_t sequence = Read().snapshot.commit_sequence;
  for (int round = 0; round < 2; ++round) {
    ExpectStale(Write({2, 1}, 4, 2), "4", "5");
    const GetEmbeddingsResult read = Read();
    EXPECT_THAT(read.found, ElementsAre(1, 0, 0));
    EXPECT_EQ(read.values[0], 1);
    EXPECT_EQ(read.snapshot.commit_sequence, sequence);
    // Also after a restart, and although the unversioned item 2 has no vector at all.
    ASSERT_TRUE(harness_.Open().ok());
  }
  EXPECT_TRUE(Write({2, 1}, 5, 2).ok()) << "the same version may go on";
}

TEST_F(ModelVersionsTest, UnversionedVectorsMayBecomeVersionedButNotBack) {
  ASSERT_TRUE(Write({1}, std::nullopt).ok());
  ASSERT_TRUE(Write({1, 2}, std::nullopt).ok());
  EXPECT_THAT(Read().model_versions, ElementsAre(0, 0, -1));
  ASSERT_TRUE(Write({1}, 1).ok());
  const absl::Status status = Write({3}, std::nullopt);
  ExpectStale(status, "0", "1");
  EXPECT_THAT(status.message(), HasSubstr("model_version is not set"));
  EXPECT_THAT(Read().model_versions, ElementsAre(1, 0, -1));
}

TEST_F(ModelVersionsTest, AVersionIsAtLeastOne) {
  for (const int64_t version : {int64_t{0}, int64_t{-1}, INT64_MIN}) {
    const absl::Status status = Write({1}, version);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(FieldViolationsOf(status)[0].field, "model_version");
  }
  EXPECT_TRUE(Write({1}, INT64_MAX).ok());
}

TEST_F(ModelVersionsTest, ARepeatGetsItsFirstResponseWhateverCameSince) {
  const auto first = harness_.Embeddings("c", VectorsOf({1}, 3, 1, "a"));
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(Write({1}, 9, 2).ok());
  for (int round = 0; round < 2; ++round) {
    const auto again = harness_.Embeddings("c", VectorsOf({1}, 3, 1, "a"));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->commit_sequence, first->commit_sequence);
    EXPECT_EQ(Read().values[0], 2);
    ASSERT_TRUE(harness_.Open().ok());
  }
  for (const auto other : {std::optional<int64_t>(4), std::optional<int64_t>()}) {
    EXPECT_EQ(ReasonOf(harness_.Embeddings("c", VectorsOf({1}, other, 1, "a")).status()),
              "REQUEST_ID_REUSED")
        << "another version is another request";
  }
}

// Holds the commit thread in the answer to a write, so that what is queued meanwhile
// becomes one group.
TEST_F(ModelVersionsTest, VersionsOfTheSameGroupCount) {
  std::promise<void> held, go;
  harness_.engine().WriteItems("c", ItemsAlways({9}), [&](const absl::StatusOr<WriteResult>&) {
    held.set_value();
    go.get_future().wait();
  });
  held.get_future().wait();
  std::map<int64_t, std::promise<absl::Status>> outcomes;
  for (const int64_t version : {5, 4, 6}) {
    outcomes.try_emplace(version);
    harness_.engine().WriteEmbeddings(
        "c", VectorsOf({version - 3}, version),
        [&outcomes, version](const absl::StatusOr<WriteResult>& result) {
          outcomes[version].set_value(result.status());
        });
  }
  go.set_value();
  EXPECT_TRUE(outcomes[5].get_future().get().ok());
  ExpectStale(outcomes[4].get_future().get(), "4", "5");
  EXPECT_TRUE(outcomes[6].get_future().get().ok());
  EXPECT_THAT(Read().model_versions, ElementsAre(-1, 5, 6));
}

TEST_F(ModelVersionsTest, AVersionThatTheDiskRefusedIsForgotten) {
  ASSERT_TRUE(Write({1}, 2).ok());
  harness_.disk().SetFreeBytes(0);
  WriteEmbeddingsRequest request = VectorsOf({1}, 7);
  request.options.level = AckLevel::kDurable;
  EXPECT_EQ(harness_.Embeddings("c", request).status().code(), absl::StatusCode::kUnavailable);
  harness_.disk().SetFreeBytes(std::nullopt);
  EXPECT_EQ(Highest(), 2);
  EXPECT_TRUE(Write({1}, 3).ok());
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(Highest(), 3);
}

SampleRequest HardNegatives() {
  SampleRequest request = SampleOf(AdversarialSource{NearestAnchor::kQuery, 1}, 1, 64, kSecond);
  request.query_columns = 2;
  request.queries = {1, 0};
  request.want_model_versions = request.want_vector_ages = true;
  return request;
}

TEST_F(ModelVersionsTest, SamplesDrawByVectorsAsFreshAsTheyDemand) {
  harness_.clock().Set(10 * kSecond);
  ASSERT_TRUE(Write({1}, 1).ok());
  harness_.clock().Set(20 * kSecond);
  ASSERT_TRUE(Write({2}, 2).ok());
  harness_.clock().Set(35 * kSecond);
  const auto drawn = [&](const SampleRequest& request) {
    const auto result = harness_.Sample("c", request);
    EXPECT_TRUE(result.ok()) << result.status();
    std::set<std::tuple<int64_t, int64_t, float>> set;
    for (size_t i = 0; i < result->ids.size(); ++i) {
      set.emplace(result->ids[i], result->model_versions[i], result->vector_ages[i]);
    }
    return set;
  };
  using Tuple = std::tuple<int64_t, int64_t, float>;
  SampleRequest request = HardNegatives();
  EXPECT_THAT(drawn(request), ElementsAre(Tuple(1, 1, 25.0f), Tuple(2, 2, 15.0f)));
  request.min_model_version = 2;
  EXPECT_THAT(drawn(request), ElementsAre(Tuple(2, 2, 15.0f)));
  request = HardNegatives();
  request.max_staleness_micros = 15 * kSecond;
  EXPECT_THAT(drawn(request), ElementsAre(Tuple(2, 2, 15.0f)));
  EXPECT_EQ(harness_.Sample("c", request)->staleness_as_of, 35 * kSecond);
  request.max_staleness_micros = 15 * kSecond - 1;
  EXPECT_EQ(harness_.Sample("c", request)->statuses[0],
            static_cast<uint8_t>(RowStatus::kNoCandidate));
  // The time that the response told repeats the call later, also after a restart.
  harness_.clock().Set(1000 * kSecond);
  ASSERT_TRUE(harness_.Open().ok());
  request.max_staleness_micros = 15 * kSecond;
  EXPECT_EQ(harness_.Sample("c", request)->statuses[0],
            static_cast<uint8_t>(RowStatus::kNoCandidate));
  request.staleness_as_of = 35 * kSecond;
  EXPECT_THAT(drawn(request), ElementsAre(Tuple(2, 2, 15.0f)));
  EXPECT_EQ(harness_.Sample("c", request)->staleness_as_of, 35 * kSecond);
}

TEST_F(ModelVersionsTest, DemandsThatMakeNoSenseAreRefused) {
  const auto bad_field = [&](SampleRequest request) {
    const absl::Status status = harness_.Sample("c", request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return FieldViolationsOf(status)[0].field;
  };
  SampleRequest request = HardNegatives();
  request.min_model_version = -1;
  EXPECT_EQ(bad_field(request), "min_model_version");
  request = HardNegatives();
  request.max_staleness_micros = 0;
  EXPECT_EQ(bad_field(request), "max_staleness");
  request = HardNegatives();
  request.staleness_as_of = kMaxTime + 1;
  EXPECT_EQ(bad_field(request), "staleness_as_of_time");
}

TEST_F(ModelVersionsTest, ACollectionMadeAnewStartsAnew) {
  ASSERT_TRUE(Write({1}, 7).ok());
  ASSERT_TRUE(harness_.Delete("c").ok());
  CollectionRecord settings = Settings("c");
  settings.embedding = EmbeddingSettings{2, Metric::kInnerProduct};
  ASSERT_TRUE(harness_.Create(settings).ok());
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({1, 2, 3})).ok());
  EXPECT_TRUE(Write({1}, 1).ok());
  EXPECT_THAT(Read().model_versions, ElementsAre(1, -1, -1));
}

}  // namespace
}  // namespace negatron
