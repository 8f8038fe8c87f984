// SPDX-License-Identifier: Apache-2.0
#include "server/engine/indexer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/mutex.h"
#include "tests/server/engine/engine_harness.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kDimension = 16;
constexpr int kItems = 4000;
constexpr int kNegatives = 10;

class IndexerTest : public testing::Test {
 protected:
  IndexerTest() {
    harness_.options().index_min_items = 1000;
    // Rounds come when they are asked for.
    harness_.options().index_interval = absl::InfiniteDuration();
    harness_.options().on_warning = [this](const std::string& collection, const std::string& what) {
      MutexLock lock(mutex_);
      warnings_.push_back(collection + ": " + what);
    };
    harness_.options().on_index_health = [this](bool healthy) {
      MutexLock lock(mutex_);
      health_.push_back(healthy);
    };
    EXPECT_TRUE(harness_.Open().ok());
    CollectionRecord settings = Settings("c");
    settings.embedding = EmbeddingSettings{kDimension, Metric::kCosine};
    EXPECT_TRUE(harness_.Create(settings).ok());
    std::vector<int64_t> ids(kItems);
    std::iota(ids.begin(), ids.end(), 0);
    EXPECT_TRUE(harness_.Items("c", ItemsAlways(ids)).ok());
  }

  std::vector<float> RandomVector() {
    std::vector<float> vector;
    for (int i = 0; i < kDimension; ++i) {
      vector.push_back(static_cast<float>(random_.Unit() * 2 - 1));
    }
    return vector;
  }

  WriteEmbeddingsRequest RandomVectors(const std::vector<int64_t>& ids) {
    WriteEmbeddingsRequest request;
    request.ids = IdBatch{ids};
    request.column_count = kDimension;
    for (size_t i = 0; i < ids.size(); ++i) {
      const std::vector<float> vector = RandomVector();
      request.values.insert(request.values.end(), vector.begin(), vector.end());
    }
    return request;
  }

  void WriteVectors(const std::vector<int64_t>& ids) {
    const auto result = harness_.Embeddings("c", RandomVectors(ids));
    ASSERT_TRUE(result.ok()) << result.status();
  }

  void WriteRange(int64_t begin, int64_t end) {
    std::vector<int64_t> ids(static_cast<size_t>(end - begin));
    std::iota(ids.begin(), ids.end(), begin);
    WriteVectors(ids);
  }

  // The nearest items of some queries, always the same.
  SampleResult Nearest() {
    constexpr int kRows = 20;
    NearestSource nearest;
    nearest.rank_end = kNegatives;
    nearest.pick = NearestPick::kTop;
    SampleRequest request = SampleOf(nearest, kRows, kNegatives, 5);
    SplitMix random(99);
    request.query_columns = kDimension;
    for (int i = 0; i < kRows * kDimension; ++i) {
      request.queries.push_back(static_cast<float>(random.Unit() * 2 - 1));
    }
    auto result = harness_.Sample("c", request);
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }

  static double Overlap(const SampleResult& a, const SampleResult& b) {
    int common = 0;
    for (size_t row = 0; row < a.ids.size(); row += kNegatives) {
      for (size_t i = 0; i < kNegatives; ++i) {
        common += static_cast<int>(
            std::count(b.ids.begin() + row, b.ids.begin() + row + kNegatives, a.ids[row + i]));
      }
    }
    return static_cast<double>(common) / static_cast<double>(a.ids.size());
  }

  IndexStatistics Index() {
    const auto statistics = harness_.engine().GetStatistics("c", 5);
    EXPECT_TRUE(statistics.ok() && statistics->index.has_value());
    return *statistics->index;
  }

  std::vector<std::string> Warnings() {
    MutexLock lock(mutex_);
    return std::exchange(warnings_, {});
  }

  SplitMix random_{1};
  Mutex mutex_;
  std::vector<std::string> warnings_;
  std::vector<bool> health_;
  EngineHarness harness_;
};

TEST_F(IndexerTest, SmallCollectionsAreSearchedExactly) {
  WriteRange(0, 900);
  harness_.engine().RunIndexing();
  EXPECT_EQ(Index().generation, 0);
  EXPECT_EQ(Nearest().snapshot.generation, 0);
}

TEST_F(IndexerTest, BuildsAndSearchesWhatExactSearchFinds) {
  WriteRange(0, kItems);
  const SampleResult exact = Nearest();
  EXPECT_EQ(exact.snapshot.generation, 0);
  harness_.engine().RunIndexing();
  const IndexStatistics index = Index();
  EXPECT_GT(index.generation, 0);
  EXPECT_EQ(index.placed_count, kItems);
  EXPECT_EQ(index.delta_count, 0);
  EXPECT_GE(index.built_recall, 0.95);
  const SampleResult found = Nearest();
  EXPECT_EQ(found.snapshot.generation, index.generation);
  EXPECT_GT(found.snapshot.commit_sequence, exact.snapshot.commit_sequence);
  EXPECT_GE(Overlap(exact, found), 0.95);
  EXPECT_THAT(Warnings(), IsEmpty());
}

TEST_F(IndexerTest, AcknowledgedVectorsAreFoundAtOnce) {
  WriteRange(0, 3000);
  harness_.engine().RunIndexing();
  const SampleResult before = Nearest();
  // New items and moved ones, scored with what they are now.
  WriteRange(2900, 3400);
  EXPECT_GE(Index().delta_count, 400);
  const SampleResult after = Nearest();
  EXPECT_EQ(after.snapshot.generation, before.snapshot.generation);
  harness_.options().index_min_items = 1 << 20;
  harness_.Close();
  std::filesystem::remove_all(harness_.options().data_dir + "/index");
  ASSERT_TRUE(harness_.Open().ok());
  const SampleResult exact = Nearest();
  EXPECT_EQ(exact.snapshot.generation, 0);
  EXPECT_GE(Overlap(exact, after), 0.95);
  EXPECT_LT(Overlap(exact, before), 0.95) << "the test sees the new vectors";
}

TEST_F(IndexerTest, TableOfAnotherModelIsSearchedByItsDeltaUntilItIsBuilt) {
  WriteRange(0, 2000);
  harness_.engine().RunIndexing();
  const int64_t first = Index().generation;
  ASSERT_TRUE(harness_.Begin("c", {1}).ok());
  std::vector<int64_t> ids(2000);
  std::iota(ids.begin(), ids.end(), 1000);
  ASSERT_TRUE(harness_.Upload("c", 1, 0, 1, RandomVectors(ids)).ok());
  EXPECT_EQ(Index().delta_count, 0) << "nothing has changed yet";
  ASSERT_TRUE(harness_.Commit("c", {1, 2000, {}}).ok());
  EXPECT_EQ(Index().generation, first);
  EXPECT_GT(Index().delta_count, 1800) << "1,000 are new, and nearly all of the others have moved";
  const SampleResult before = Nearest();
  EXPECT_TRUE(std::all_of(before.ids.begin(), before.ids.end(),
                          [](int64_t id) { return id >= 1000 && id < 3000; }));
  const int64_t delta = Index().delta_count;
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(Index().delta_count, delta);
  const SampleResult again = Nearest();
  EXPECT_TRUE(std::equal(before.ids.begin(), before.ids.end(), again.ids.begin()));
  harness_.engine().RunIndexing();
  EXPECT_GT(Index().generation, first);
  EXPECT_EQ(Index().delta_count, 0);
  EXPECT_GE(Overlap(before, Nearest()), 0.95);
}

TEST_F(IndexerTest, LargeDeltaIsBuiltIn) {
  WriteRange(0, 2000);
  harness_.engine().RunIndexing();
  const int64_t first = Index().generation;
  WriteRange(2000, 2500);
  harness_.engine().RunIndexing();
  EXPECT_EQ(Index().generation, first) << "a small delta stays";
  WriteRange(2500, 3500);
  EXPECT_EQ(Index().delta_count, 1500);
  absl::SleepFor(
      absl::Seconds(Index().status.build_seconds));  // Builds pause as long as they take.
  harness_.engine().RunIndexing();
  EXPECT_GT(Index().generation, first);
  EXPECT_EQ(Index().delta_count, 0);
  EXPECT_EQ(Index().placed_count, 3500);
}

TEST_F(IndexerTest, TellsWhatBecameOfNeighbourhoods) {
  WriteItemsRequest items = ItemsAlways({});
  std::vector<int64_t> ids(kItems);
  std::iota(ids.begin(), ids.end(), 0);
  items.ids = IdBatch{ids};
  items.mask = {false, false, true, false};
  for (const int64_t id : ids) items.categories.push_back({id % 2 == 0 ? "even" : "odd"});
  ASSERT_TRUE(harness_.Items("c", items).ok());
  WriteRange(0, 2000);
  harness_.engine().RunIndexing();
  EXPECT_FALSE(Index().status.change.has_value());
  EXPECT_NEAR(*Index().status.category_purity, 0.5, 0.1);
  WriteRange(0, 2000);  // Nothing stays.
  absl::SleepFor(absl::Seconds(Index().status.build_seconds));
  harness_.engine().RunIndexing();
  ASSERT_TRUE(Index().status.change.has_value());
  EXPECT_LT(Index().status.change->preservation, 0.1);
  EXPECT_GT(Index().status.change->projection_shift, 0.3);
}

TEST_F(IndexerTest, RestartGoesOnWithTheSameGenerationAndDelta) {
  WriteRange(0, 3000);
  harness_.engine().RunIndexing();
  WriteRange(2900, 3300);
  const SampleResult before = Nearest();
  const IndexStatistics index = Index();
  harness_.Crash(/*lose_power=*/true, 3);
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(Index().generation, index.generation);
  EXPECT_EQ(Index().delta_count, index.delta_count);
  const SampleResult after = Nearest();
  EXPECT_EQ(after.snapshot.commit_sequence, before.snapshot.commit_sequence);
  EXPECT_TRUE(std::equal(before.ids.begin(), before.ids.end(), after.ids.begin(), after.ids.end()));
  EXPECT_THAT(Warnings(), IsEmpty());
}

TEST_F(IndexerTest, DamagedFileIsSaidAndBuiltAgain) {
  WriteRange(0, 2000);
  harness_.engine().RunIndexing();
  const int64_t first = Index().generation;
  harness_.Close();
  const auto folder = std::filesystem::directory_iterator(harness_.options().data_dir + "/index");
  const std::string path = folder->path();
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000);
    file.put('\x55');
    file.put('\x56');
  }
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(Warnings(), ElementsAre(HasSubstr("c: index file: its checksum does not fit")));
  EXPECT_EQ(Index().generation, 0) << "exact until it is built";
  harness_.engine().RunIndexing();
  EXPECT_GT(Index().generation, first);
}

TEST_F(IndexerTest, GoesOnInMemoryWhereTheFileCannotBeWritten) {
  WriteRange(0, 2000);
  harness_.disk().Inject({FaultFileSystem::Operation::kAppend, "/index/"});
  harness_.engine().RunIndexing();
  EXPECT_THAT(Warnings(), ElementsAre(HasSubstr("injected")));
  EXPECT_GT(Index().generation, 0);
  harness_.disk().ClearFaults();
}

TEST_F(IndexerTest, DeletedCollectionsLoseTheirFile) {
  WriteRange(0, 2000);
  harness_.engine().RunIndexing();
  const std::string folder = harness_.options().data_dir + "/index";
  EXPECT_FALSE(std::filesystem::is_empty(folder));
  ASSERT_TRUE(harness_.Delete("c").ok());
  harness_.engine().RunIndexing();
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

}  // namespace
}  // namespace negatron
