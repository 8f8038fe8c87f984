// SPDX-License-Identifier: Apache-2.0
//
// Everything that an index goes through, at once: searches, vectors that drift, whole tables that
// take their place, items that come and die, builds and swaps. NEGATRON_SOAK_SECONDS sets how long
// (default 5); from a minute on, memory is watched, too.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

#include "storage/base/memory.h"
#include "storage/base/status.h"
#include "tests/server/engine/engine_harness.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int kDimension = 16;
constexpr int64_t kItems = 6000;
constexpr int64_t kDying = 500;  // The first items are alive and dead in turn.
constexpr int kRows = 16;
constexpr int kNegatives = 10;
constexpr Micros kAsOf = 500;

double SoakSeconds() {
  const char* text = std::getenv("NEGATRON_SOAK_SECONDS");
  return text == nullptr ? 5 : std::atof(text);
}

class IndexSoakTest : public testing::Test {
 protected:
  IndexSoakTest() {
    harness_.options().index_min_items = 1000;
    harness_.options().index_interval = absl::Milliseconds(20);
    harness_.options().on_warning = [this](const std::string&, const std::string& what) {
      Fail("warning", absl::InternalError(what));
    };
    EXPECT_TRUE(harness_.Open().ok());
    CollectionRecord settings = Settings("c");
    settings.embedding = EmbeddingSettings{kDimension, Metric::kCosine};
    EXPECT_TRUE(harness_.Create(settings).ok());
    std::vector<int64_t> ids(kItems);
    std::iota(ids.begin(), ids.end(), 0);
    EXPECT_TRUE(harness_.Items("c", ItemsAlways(ids)).ok());
  }

  void Fail(const std::string& who, const absl::Status& status) {
    ++failures_;
    ADD_FAILURE() << who << ": " << status;
  }

  // Between two calls of a thread; a build is of low priority and needs a share of the machine.
  bool running() const {
    if (gentle_) absl::SleepFor(absl::Milliseconds(100));
    return !stop_ && failures_ == 0;
  }

  int64_t Generation() {
    const auto statistics = harness_.engine().GetStatistics("c", kAsOf);
    return statistics.ok() ? statistics->index->generation : 0;
  }

  // Vectors near points that move with `step`.
  static WriteEmbeddingsRequest Vectors(SplitMix& random, int64_t begin, int64_t count,
                                        double step) {
    WriteEmbeddingsRequest request;
    std::vector<int64_t> ids(static_cast<size_t>(count));
    std::iota(ids.begin(), ids.end(), begin);
    request.column_count = kDimension;
    for (const int64_t id : ids) {
      SplitMix home(static_cast<uint64_t>(id));
      for (int i = 0; i < kDimension; ++i) {
        const double angle = 7 * home.Unit() + step * home.Unit();
        request.values.push_back(static_cast<float>(std::sin(angle) + 0.05 * random.Unit()));
      }
    }
    request.ids = IdBatch{std::move(ids)};
    return request;
  }

  void WriteVectors(WriteEmbeddingsRequest request) {
    const int64_t count = request.ids.size();
    request.options.level = AckLevel::kApplied;
    if (model_version_ > 0) request.model_version = model_version_;
    const auto result = harness_.Embeddings("c", std::move(request));
    // A later version may have been committed meanwhile.
    if (result.ok()) {
      updates_ += count;
    } else if (ReasonOf(result.status()) != "STALE_MODEL_VERSION") {
      Fail("update", result.status());
    }
  }

  void Drift() {
    SplitMix random(1);
    constexpr int64_t kBatch = 200;
    for (; running(); ++step_) {
      WriteVectors(Vectors(random, step_ * kBatch % kItems, kBatch, StepSize()));
    }
  }

  double StepSize() const { return static_cast<double>(step_) * 1e-3; }

  // Whole tables, which take the place of what was streamed.
  void Replace() {
    SplitMix random(5);
    for (int64_t version = 1; running(); ++version) {
      const auto begun = harness_.Begin("c", {version});
      if (!begun.ok()) return Fail("begin", begun.status());
      constexpr int64_t kChunk = kItems / 4;
      for (int64_t chunk = 0; chunk < 4; ++chunk) {
        const auto uploaded = harness_.Upload("c", version, 0, chunk + 1,
                                              Vectors(random, chunk * kChunk, kChunk, StepSize()));
        if (!uploaded.ok()) return Fail("upload", uploaded.status());
      }
      const auto committed = harness_.Commit("c", {version, kItems, {}});
      if (!committed.ok()) return Fail("commit", committed.status());
      model_version_ = version;
      absl::SleepFor(absl::Milliseconds(100));
    }
  }

  void LiveAndDie() {
    for (int64_t n = 0; running(); ++n) {
      WriteItemsRequest request;
      std::vector<int64_t> ids(kDying);
      std::iota(ids.begin(), ids.end(), 0);
      request.ids = IdBatch{std::move(ids)};
      request.mask = {true, false, false, false};
      request.alive.assign(kDying, {{0, n % 2 == 0 ? 100 : 1000}});
      const auto result = harness_.Items("c", std::move(request));
      if (!result.ok()) return Fail("items", result.status());
      absl::SleepFor(absl::Milliseconds(5));
    }
  }

  void Search(uint64_t seed) {
    SplitMix random(seed);
    while (running()) {
      NearestSource nearest;
      nearest.rank_end = 2 * kNegatives;
      SampleRequest request = SampleOf(nearest, kRows, kNegatives, kAsOf);
      request.query_columns = kDimension;
      request.want_scores = true;
      request.seed = random.Bits();
      for (int i = 0; i < kRows * kDimension; ++i) {
        request.queries.push_back(static_cast<float>(random.Unit() * 2 - 1));
      }
      const auto first = harness_.Sample("c", request);
      if (!first.ok()) return Fail("search", first.status());
      if (first->snapshot.generation > 0) ++indexed_;
      ++searches_;
      for (const uint8_t status : first->statuses) {
        if (status != static_cast<uint8_t>(RowStatus::kOk))
          return Fail("search", absl::InternalError("a row is empty"));
      }
      // Whoever saw the same state saw the same items.
      const auto second = harness_.Sample("c", request);
      if (!second.ok()) return Fail("search", second.status());
      if (second->snapshot.commit_sequence == first->snapshot.commit_sequence &&
          !std::equal(first->ids.begin(), first->ids.end(), second->ids.begin())) {
        return Fail("search", absl::InternalError("one state, two answers"));
      }
    }
  }

  std::atomic<bool> stop_{false};
  std::atomic<bool> gentle_{false};
  std::atomic<int> failures_{0};
  std::atomic<int64_t> step_{0}, model_version_{0};
  std::atomic<int64_t> updates_{0}, searches_{0}, indexed_{0};
  EngineHarness harness_;
};

TEST_F(IndexSoakTest, NothingFailsWhileEverythingChanges) {
  const double seconds = SoakSeconds();
  SplitMix random(9);
  WriteVectors(Vectors(random, 0, kItems, 0));
  harness_.engine().RunIndexing();
  const int64_t first = Generation();
  EXPECT_GT(first, 0);
  const absl::Time start = absl::Now();
  std::vector<std::thread> threads;
  threads.emplace_back([this] { Drift(); });
  threads.emplace_back([this] { Replace(); });
  threads.emplace_back([this] { LiveAndDie(); });
  threads.emplace_back([this] { Search(2); });
  threads.emplace_back([this] { Search(3); });
  absl::SleepFor(absl::Seconds(seconds / 3));
  const int64_t steady = ResidentBytes();
  int64_t highest = 0;
  const auto may_end = [&] {
    const absl::Duration taken = absl::Now() - start;
    gentle_ = taken > absl::Seconds(seconds);
    return gentle_ && (Generation() > first || taken > absl::Seconds(seconds) + absl::Minutes(8));
  };
  while (running() && !may_end()) {
    highest = std::max(highest, ResidentBytes());
    absl::SleepFor(absl::Milliseconds(50));
  }
  stop_ = true;
  for (std::thread& thread : threads) thread.join();
  const auto statistics = harness_.engine().GetStatistics("c", kAsOf);
  EXPECT_GT(statistics->index->generation, first) << "drift brought no build";
  EXPECT_EQ(indexed_, searches_) << "a search found no generation";
  EXPECT_GT(searches_, 0);
  EXPECT_GT(model_version_, 0);
  RecordProperty("searches", std::to_string(searches_));
  RecordProperty("updates", std::to_string(updates_));
  if (seconds >= 60) {
    EXPECT_LE(highest, steady * 1.3) << steady << " bytes at a third of the time";
  }
  std::cout << searches_ << " searches, " << updates_ << " updates, " << model_version_
            << " tables, generation " << statistics->index->generation << ", recall "
            << statistics->index->status.recall << ", memory " << highest << " against " << steady
            << " bytes\n";
}

}  // namespace
}  // namespace negatron
