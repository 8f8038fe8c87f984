// SPDX-License-Identifier: Apache-2.0
// Tables of embeddings that are uploaded beside the one in use and take its place.
#include <atomic>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <thread>
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

constexpr Micros kSecond = 1000000;
constexpr int kItems = 200;

WriteEmbeddingsRequest Rows(std::vector<int64_t> items, float value) {
  WriteEmbeddingsRequest request;
  request.column_count = 2;
  request.values.assign(2 * items.size(), value);
  request.ids.values = std::move(items);
  return request;
}

std::vector<int64_t> Range(int64_t begin, int64_t end) {
  std::vector<int64_t> ids;
  for (int64_t id = begin; id < end; ++id) ids.push_back(id);
  return ids;
}

class EmbeddingVersionsTest : public testing::Test {
 protected:
  EmbeddingVersionsTest() {
    harness_.clock().Set(1000 * kSecond);
    EXPECT_TRUE(harness_.Open().ok());
    MakeCollection();
  }

  void MakeCollection() {
    CollectionRecord settings = Settings("c");
    settings.embedding = EmbeddingSettings{2, Metric::kInnerProduct};
    EXPECT_TRUE(harness_.Create(settings).ok());
    EXPECT_TRUE(harness_.Items("c", ItemsAlways(Range(0, kItems))).ok());
  }

  void Begin(int64_t version) {
    const auto begun = harness_.Begin("c", {version});
    ASSERT_TRUE(begun.ok()) << begun.status();
    EXPECT_EQ(begun->record.model_version, version);
  }
  absl::Status Upload(int64_t version, int shard, int64_t chunk, std::vector<int64_t> items,
                      float value = 1) {
    return harness_.Upload("c", version, shard, chunk, Rows(std::move(items), value)).status();
  }
  absl::Status Commit(int64_t version, std::optional<int64_t> row_count = std::nullopt,
                      std::string request_id = "") {
    CommitVersionRequest request{version, row_count, {}};
    request.options.request_id = std::move(request_id);
    const auto committed = harness_.Commit("c", request);
    if (!committed.ok()) return committed.status();
    EXPECT_EQ(committed->record.state, EmbeddingVersionState::kCommitted);
    return absl::OkStatus();
  }
  absl::Status Stream(std::vector<int64_t> items, int64_t version, float value) {
    WriteEmbeddingsRequest request = Rows(std::move(items), value);
    request.model_version = version;
    return harness_.Embeddings("c", request).status();
  }

  GetEmbeddingsResult Read() {
    return *harness_.engine().GetEmbeddings("c", VectorOwner::kItem, {Range(0, kItems)});
  }
  // Of all items, from one snapshot; -1: no vector.
  std::vector<int64_t> Versions() { return Read().model_versions; }
  EmbeddingVersionState State(int64_t version) {
    return harness_.engine().GetVersion("c", version)->record.state;
  }

  static void ExpectReason(const absl::Status& status, absl::StatusCode code, const char* reason) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_EQ(ReasonOf(status), reason) << status;
  }
  static std::string BadField(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    const auto fields = FieldViolationsOf(status);
    return fields.empty() ? "" : fields[0].field;
  }

  EngineHarness harness_;
};

TEST_F(EmbeddingVersionsTest, SeveralRanksUploadAndOneCommits) {
  ASSERT_TRUE(Stream(Range(0, 100), 1, 5).ok());
  for (int rank = 0; rank < 4; ++rank) Begin(7);  // Each may: they get the same.
  for (int64_t chunk = 1; chunk <= 5; ++chunk) {
    for (int rank = 3; rank >= 0; --rank) {
      const int64_t first = 50 * rank + 10 * (chunk - 1);
      ASSERT_TRUE(Upload(7, rank, chunk, Range(first, first + 10), static_cast<float>(rank)).ok());
    }
  }
  const auto staging = harness_.engine().GetVersion("c", 7);
  ASSERT_TRUE(staging.ok());
  ASSERT_EQ(staging->shards.size(), 4u);
  for (const StreamRecord& shard : staging->shards) {
    EXPECT_EQ(shard.chunk_number, 5);
    EXPECT_EQ(shard.written_count, 50);
  }
  GetEmbeddingsResult read = Read();
  EXPECT_EQ(read.model_versions[0], 1) << "nobody reads what is staged";
  EXPECT_EQ(read.model_versions[100], -1);
  EXPECT_EQ(harness_.engine().GetStatistics("c", 0)->highest_model_version, 1);

  harness_.clock().Set(2000 * kSecond);
  ASSERT_TRUE(Commit(7, 200).ok());
  for (int round = 0; round < 2; ++round) {
    read = Read();
    EXPECT_THAT(read.model_versions, Each(7));
    for (int i = 0; i < kItems; ++i) EXPECT_EQ(read.values[2 * i], static_cast<float>(i / 50));
    EXPECT_THAT(read.write_times, Each(1000 * kSecond)) << "when they were uploaded";
    const auto version = harness_.engine().GetVersion("c", 7);
    EXPECT_EQ(version->record.state, EmbeddingVersionState::kCommitted);
    EXPECT_EQ(version->record.row_count, 200);
    EXPECT_EQ(version->record.end_time, 2000 * kSecond);
    EXPECT_TRUE(version->shards.empty());
    ASSERT_TRUE(harness_.Open().ok());
    EXPECT_GE(Read().snapshot.commit_sequence, read.snapshot.commit_sequence);
  }
}

TEST_F(EmbeddingVersionsTest, TheCommitTakesAwayWhatWasNotUploaded) {
  ASSERT_TRUE(Stream(Range(0, kItems), 1, 5).ok());
  Begin(2);
  ASSERT_TRUE(Upload(2, 0, 1, {3, 5}).ok());
  ASSERT_TRUE(Commit(2).ok());
  for (int round = 0; round < 2; ++round) {
    const std::vector<int64_t> versions = Versions();
    for (int i = 0; i < kItems; ++i) EXPECT_EQ(versions[i], i == 3 || i == 5 ? 2 : -1) << i;
    EXPECT_EQ(harness_.engine().GetStatistics("c", 0)->embedding_count, 2);
    ASSERT_TRUE(harness_.Open().ok());
  }
}

TEST_F(EmbeddingVersionsTest, StreamingGoesOnInTheNewTable) {
  ASSERT_TRUE(Stream({0, 1}, 1, 5).ok());
  for (const int64_t version : {3, 6}) {
    Begin(version);
    ASSERT_TRUE(Upload(version, 0, 1, {0, 1, 2}).ok());
    ASSERT_TRUE(Commit(version).ok());
    ASSERT_TRUE(Stream({2, 3}, version, 8).ok()) << "the version itself may go on";
    ASSERT_TRUE(Stream({1}, version + 1, 9).ok());
    for (int round = 0; round < 2; ++round) {
      const GetEmbeddingsResult read = Read();
      EXPECT_THAT(
          std::vector<int64_t>(read.model_versions.begin(), read.model_versions.begin() + 5),
          ElementsAre(version, version + 1, version, version, -1));
      EXPECT_EQ(read.values[2 * 1], 9);
      EXPECT_EQ(read.values[2 * 2], 8);
      ASSERT_TRUE(harness_.Open().ok());
    }
  }
}

TEST_F(EmbeddingVersionsTest, UploadsResumeWhereTheyWereCutOff) {
  for (const bool lose_power : {false, true}) {
    const int64_t version = lose_power ? 2 : 1;
    Begin(version);
    ASSERT_TRUE(Upload(version, 0, 1, Range(0, 10), 1).ok());
    ASSERT_TRUE(Upload(version, 0, 2, Range(10, 20), 1).ok());
    ASSERT_TRUE(Upload(version, 9, 1, {99}, 1).ok());
    harness_.Crash(lose_power, 1);
    ASSERT_TRUE(harness_.Open().ok());
    EXPECT_EQ(State(version), EmbeddingVersionState::kStaging);
    // A chunk that is there changes nothing, whatever it holds.
    const auto again = harness_.Upload("c", version, 0, 1, Rows(Range(0, 10), 77));
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->stream.chunk_number, 2);
    EXPECT_EQ(again->stream.written_count, 20);
    EXPECT_EQ(BadField(Upload(version, 0, 4, {50})), "chunk_number");
    EXPECT_EQ(BadField(Upload(version, 1, 2, {50})), "chunk_number");
    ASSERT_TRUE(Upload(version, 0, 3, Range(20, 30), 1).ok());
    ASSERT_TRUE(Commit(version, 31).ok());
    harness_.Crash(lose_power, 2);
    ASSERT_TRUE(harness_.Open().ok());
    const GetEmbeddingsResult read = Read();
    for (int i = 0; i < 30; ++i) {
      EXPECT_EQ(read.model_versions[i], version);
      EXPECT_EQ(read.values[2 * i], 1);
    }
    EXPECT_EQ(read.model_versions[30], -1);
    EXPECT_EQ(read.model_versions[99], version);
  }
}

TEST_F(EmbeddingVersionsTest, BadRowsAreNamedAndNothingIsWritten) {
  Begin(1);
  EXPECT_EQ(BadField(Upload(1, 0, 1, {0, 1, 9999})), "item_ids[2]");
  WriteEmbeddingsRequest infinite = Rows({0, 1}, 1);
  infinite.values[2] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(BadField(harness_.Upload("c", 1, 0, 1, infinite).status()), "vectors[1]");
  WriteEmbeddingsRequest wide = Rows({0, 1}, 1);
  wide.column_count = 4;
  EXPECT_EQ(BadField(harness_.Upload("c", 1, 0, 1, wide).status()), "vectors.column_count");
  EXPECT_EQ(BadField(Upload(1, 0, 1, {0, 0})), "item_ids[1]");
  EXPECT_EQ(BadField(Upload(1, -1, 1, {0})), "shard");
  EXPECT_EQ(BadField(Upload(1, kMaxShards, 1, {0})), "shard");
  EXPECT_EQ(BadField(Upload(0, 0, 1, {0})), "model_version");
  EXPECT_TRUE(harness_.engine().GetVersion("c", 1)->shards.empty());
  ASSERT_TRUE(Upload(1, kMaxShards - 1, 1, {7}).ok());
  ASSERT_TRUE(Commit(1, 1).ok());
}

TEST_F(EmbeddingVersionsTest, AVersionThatStreamingOvertookCannotBeCommitted) {
  Begin(5);
  ASSERT_TRUE(Upload(5, 0, 1, {0, 1}, 7).ok());
  ASSERT_TRUE(Stream({0}, 4, 2).ok()) << "streaming goes on meanwhile";
  ASSERT_TRUE(Stream({0}, 5, 3).ok());
  const absl::Status status = Commit(5);
  ExpectReason(status, absl::StatusCode::kFailedPrecondition, "STALE_MODEL_VERSION");
  EXPECT_EQ(FactsOf(status).at("highest_model_version"), "5");
  ExpectReason(Upload(5, 0, 2, {2}), absl::StatusCode::kFailedPrecondition, "STALE_MODEL_VERSION");
  EXPECT_EQ(Read().values[0], 3);
  for (const int64_t version : {4, 5}) {
    ASSERT_EQ(State(5), EmbeddingVersionState::kStaging);
    if (version == 5) {
      ASSERT_TRUE(harness_.AbortVersion("c", 5).ok());
    }
    const absl::Status begun = harness_.Begin("c", {version}).status();
    ExpectReason(begun, absl::StatusCode::kFailedPrecondition, "STALE_MODEL_VERSION");
  }
  Begin(6);
}

TEST_F(EmbeddingVersionsTest, ACommitCanBeRepeatedByItsRequestId) {
  Begin(1);
  ASSERT_TRUE(Upload(1, 0, 1, {0}).ok());
  ASSERT_TRUE(Commit(1, 1, "commit-1").ok());
  ASSERT_TRUE(Stream({0, 1}, 1, 4).ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(Commit(1, 1, "commit-1").ok());
    EXPECT_EQ(Read().values[0], 4) << "it was not done again";
    ExpectReason(Commit(1), absl::StatusCode::kFailedPrecondition, "EMBEDDING_VERSION_ENDED");
    ExpectReason(Commit(1, 2, "commit-1"), absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED");
    ExpectReason(harness_.AbortVersion("c", 1).status(), absl::StatusCode::kFailedPrecondition,
                 "EMBEDDING_VERSION_ENDED");
    ExpectReason(Upload(1, 0, 2, {1}), absl::StatusCode::kFailedPrecondition,
                 "EMBEDDING_VERSION_ENDED");
    ASSERT_TRUE(harness_.Open().ok());
  }
}

TEST_F(EmbeddingVersionsTest, AnIncompleteVersionStaysAndCanBeFinished) {
  Begin(1);
  ExpectReason(Commit(1), absl::StatusCode::kFailedPrecondition, "EMBEDDING_VERSION_INCOMPLETE");
  ASSERT_TRUE(Upload(1, 0, 1, {0, 1}).ok());
  ASSERT_TRUE(Upload(1, 1, 1, {1, 2}).ok());
  ExpectReason(Commit(1, 4), absl::StatusCode::kFailedPrecondition, "EMBEDDING_VERSION_INCOMPLETE");
  ASSERT_TRUE(Upload(1, 1, 2, {3}).ok()) << "it is open again";
  EXPECT_EQ(BadField(Commit(1, 0)), "row_count");
  EXPECT_TRUE(Commit(1, 4).ok()) << "items count once";
}

TEST_F(EmbeddingVersionsTest, NothingOfAnAbortedVersionComesBack) {
  ASSERT_TRUE(Stream({0, 1}, 1, 5).ok());
  Begin(2);
  ASSERT_TRUE(Upload(2, 0, 1, Range(0, 50)).ok());
  for (int round = 0; round < 2; ++round) {
    const auto aborted = harness_.AbortVersion("c", 2);
    ASSERT_TRUE(aborted.ok()) << aborted.status();
    EXPECT_EQ(aborted->record.state, EmbeddingVersionState::kAborted);
    EXPECT_TRUE(aborted->shards.empty());
    ExpectReason(Upload(2, 0, 2, {60}), absl::StatusCode::kFailedPrecondition,
                 "EMBEDDING_VERSION_ENDED");
    ExpectReason(Commit(2), absl::StatusCode::kFailedPrecondition, "EMBEDDING_VERSION_ENDED");
    ASSERT_TRUE(harness_.Open().ok());
  }
  EXPECT_EQ(Versions()[0], 1);
  Begin(2);
  EXPECT_EQ(BadField(Upload(2, 0, 2, {60})), "chunk_number") << "shards begin anew";
  ASSERT_TRUE(Upload(2, 0, 1, {60}).ok());
  ASSERT_TRUE(Commit(2, 1).ok());
  EXPECT_EQ(Versions()[0], -1);
  EXPECT_EQ(Versions()[60], 2);
}

TEST_F(EmbeddingVersionsTest, AVersionExpires) {
  ASSERT_TRUE(harness_.Begin("c", {1, 60 * kSecond}).ok());
  Begin(2);
  ASSERT_TRUE(Upload(1, 0, 1, {0}).ok());
  harness_.clock().Set((1000 + 59) * kSecond);
  harness_.engine().RunHousekeeping();
  EXPECT_EQ(State(1), EmbeddingVersionState::kStaging);
  harness_.clock().Set((1000 + 60) * kSecond);
  harness_.engine().RunHousekeeping();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(State(1), EmbeddingVersionState::kExpired);
    EXPECT_EQ(State(2), EmbeddingVersionState::kStaging);
    ExpectReason(Upload(1, 0, 2, {0}), absl::StatusCode::kFailedPrecondition,
                 "EMBEDDING_VERSION_ENDED");
    ExpectReason(Commit(1), absl::StatusCode::kFailedPrecondition, "EMBEDDING_VERSION_ENDED");
    EXPECT_TRUE(harness_.AbortVersion("c", 1).ok()) << "there is nothing left to abort";
    EXPECT_EQ(State(1), EmbeddingVersionState::kExpired);
    ASSERT_TRUE(harness_.Open().ok());
  }
}

TEST_F(EmbeddingVersionsTest, LimitsAndUnknownVersionsAreRefused) {
  for (const int64_t version : {int64_t{0}, int64_t{-3}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(BadField(harness_.Begin("c", {version}).status()), "model_version");
    EXPECT_EQ(BadField(Commit(version)), "model_version");
    EXPECT_EQ(BadField(harness_.AbortVersion("c", version).status()), "model_version");
  }
  EXPECT_EQ(BadField(harness_.Begin("c", {1, kMinVersionTtlMicros - 1}).status()), "ttl");
  EXPECT_EQ(BadField(harness_.Begin("c", {1, kMaxVersionTtlMicros + 1}).status()), "ttl");
  for (const absl::Status& status :
       {Upload(9, 0, 1, {0}), Commit(9), harness_.AbortVersion("c", 9).status(),
        harness_.engine().GetVersion("c", 9).status()}) {
    ExpectReason(status, absl::StatusCode::kNotFound, "EMBEDDING_VERSION_NOT_FOUND");
  }
  ExpectReason(harness_.Begin("none", {1}).status(), absl::StatusCode::kNotFound,
               "COLLECTION_NOT_FOUND");
  ASSERT_TRUE(harness_.Create(Settings("plain")).ok());
  ExpectReason(harness_.Begin("plain", {1}).status(), absl::StatusCode::kFailedPrecondition,
               "EMBEDDINGS_NOT_CONFIGURED");
  for (int version = 1; version <= kMaxStagingVersions; ++version) Begin(version);
  ExpectReason(harness_.Begin("c", {100}).status(), absl::StatusCode::kResourceExhausted,
               "COLLECTION_FULL");
  Begin(1);
}

TEST_F(EmbeddingVersionsTest, OldEndingsAreForgottenButNotTheTable) {
  Begin(1);
  ASSERT_TRUE(Upload(1, 0, 1, {0}).ok());
  ASSERT_TRUE(Commit(1).ok());
  for (int64_t version = 2; version < 60; ++version) {
    Begin(version);
    ASSERT_TRUE(harness_.AbortVersion("c", version).ok());
  }
  for (int round = 0; round < 2; ++round) {
    const auto versions = harness_.engine().ListVersions("c");
    ASSERT_TRUE(versions.ok());
    EXPECT_LE(versions->size(), static_cast<size_t>(kMaxEndedVersions) + 2);
    EXPECT_EQ(versions->front().model_version, 1);
    EXPECT_EQ(versions->back().model_version, 59);
    EXPECT_EQ(Versions()[0], 1);
    ASSERT_TRUE(harness_.Open().ok());
  }
}

TEST_F(EmbeddingVersionsTest, ADiskThatRefusesTheCommitLeavesAllAsItWas) {
  ASSERT_TRUE(Stream({0}, 1, 5).ok());
  Begin(2);
  ASSERT_TRUE(Upload(2, 0, 1, {0, 1}, 6).ok());
  harness_.disk().SetFreeBytes(0);
  EXPECT_EQ(Commit(2).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Read().values[0], 5);
  harness_.disk().SetFreeBytes(std::nullopt);
  EXPECT_EQ(State(2), EmbeddingVersionState::kStaging);
  ASSERT_TRUE(Upload(2, 0, 2, {2}, 6).ok()) << "it is not sealed any more";
  ASSERT_TRUE(Commit(2, 3).ok());
  harness_.Crash(true, 3);
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(Read().values[0], 6);
}

TEST_F(EmbeddingVersionsTest, ACollectionMadeAnewKnowsNoVersion) {
  Begin(1);
  ASSERT_TRUE(Upload(1, 0, 1, {0}).ok());
  ASSERT_TRUE(Commit(1).ok());
  Begin(2);
  ASSERT_TRUE(harness_.Delete("c").ok());
  MakeCollection();
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(harness_.engine().ListVersions("c")->empty());
    EXPECT_THAT(Versions(), Each(-1));
    ASSERT_TRUE(harness_.Open().ok());
  }
  ASSERT_TRUE(Stream({0}, 1, 1).ok());
}

// Whatever a reader sees is one version: all of it, whenever it looks.
TEST_F(EmbeddingVersionsTest, ReadersNeverSeeTwoVersions) {
  constexpr int64_t kVersions = 12;
  Begin(1);
  ASSERT_TRUE(Upload(1, 0, 1, Range(0, kItems)).ok());
  ASSERT_TRUE(Commit(1).ok());
  std::atomic<bool> stop{false};
  std::atomic<int64_t> looks{0};
  const auto look = [&](int which) {
    int64_t last = 0;
    SampleRequest request = SampleOf(AdversarialSource{NearestAnchor::kQuery, 1}, 2, 50, kSecond);
    if (which == 1)
      request.policy.components[0].source = NearestSource{NearestAnchor::kQuery, 0, 99};
    request.query_columns = 2;
    request.queries = {1, 0, 0, 1};
    request.want_model_versions = true;
    while (!stop) {
      std::vector<int64_t> versions;
      if (which == 2) {
        versions = Versions();
      } else {
        const auto sampled = harness_.Sample("c", request);
        ASSERT_TRUE(sampled.ok()) << sampled.status();
        versions = sampled->model_versions;
      }
      const std::set<int64_t> seen(versions.begin(), versions.end());
      ASSERT_EQ(seen.size(), 1u);
      ASSERT_GE(*seen.begin(), last) << "versions never go back";
      last = *seen.begin();
      ++looks;
    }
  };
  std::vector<std::thread> readers;
  for (const int which : {0, 1, 2}) readers.emplace_back(look, which);
  for (int64_t version = 2; version <= kVersions; ++version) {
    Begin(version);
    for (int64_t chunk = 1; chunk <= 4; ++chunk) {
      ASSERT_TRUE(Upload(version, 0, chunk, Range(50 * (chunk - 1), 50 * chunk),
                         static_cast<float>(version))
                      .ok());
      // Of the version that is in use: rows that change, but not their version.
      ASSERT_TRUE(Stream(Range(0, 20), version - 1, static_cast<float>(chunk)).ok());
    }
    ASSERT_TRUE(Commit(version, kItems).ok());
  }
  while (looks < 100) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_THAT(Versions(), Each(kVersions));
}

}  // namespace
}  // namespace negatron
