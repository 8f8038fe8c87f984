// SPDX-License-Identifier: Apache-2.0
// Statistics over time: histograms, estimates, rings of buckets, and what the engine puts in them.
#include "server/engine/sampling_windows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/engine/sampling_series.h"
#include "storage/base/philox.h"
#include "storage/base/status.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Micros kSecond = 1000000;
constexpr Micros kMinute = 60 * kSecond;
constexpr Micros kHour = 60 * kMinute;
constexpr Micros kDay = 24 * kHour;
// A multiple of all lengths of buckets.
constexpr Micros kStart = 20000 * kDay;

// Estimates within four standard errors: a false alarm in 16,000 runs with other hashes, each.
TEST(HyperLogLogTest, EstimatesDistinctValues) {
  for (const int64_t count : {0, 1, 10, 500, 2000, 5000, 100000}) {
    HyperLogLog log;
    for (int repeat = 0; repeat < 2; ++repeat) {
      for (int64_t i = 0; i < count; ++i) log.Add(MixHash(0, static_cast<uint64_t>(i)));
    }
    const auto truth = static_cast<double>(count);
    EXPECT_NEAR(log.Estimate(), truth, 4 * HyperLogLog::kStandardError * truth) << count;
  }
}

TEST(HyperLogLogTest, MergingIsAddingAllValues) {
  HyperLogLog all;
  HyperLogLog left;
  HyperLogLog right;
  for (uint64_t i = 0; i < 3000; ++i) {
    all.Add(MixHash(0, i));
    if (i < 2000) left.Add(MixHash(0, i));
    if (i >= 1000) right.Add(MixHash(0, i));
  }
  left.Merge(right);
  EXPECT_EQ(left.Estimate(), all.Estimate());
}

TEST(ScoreHistogramTest, QuantilesAreThoseOfTheSortedScores) {
  std::vector<float> scores;
  scores.reserve(5000);
  ScoreHistogram histogram;
  ScoreHistogram other;
  double sum = 0;
  for (uint64_t i = 0; i < 5000; ++i) {
    const double u = UnitDouble(MixHash(3, i)) * 2 - 1;
    const auto score = static_cast<float>(u * u * u * 100);  // Both signs, many magnitudes.
    scores.push_back(score);
    sum += static_cast<double>(score);
    (i % 2 == 0 ? histogram : other).Add(score);
  }
  histogram.Merge(other);
  std::sort(scores.begin(), scores.end());
  EXPECT_EQ(histogram.count(), 5000);
  EXPECT_NEAR(histogram.mean(), sum / 5000, 1e-9);
  for (const double part : {0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0}) {
    const double truth = static_cast<double>(scores[static_cast<size_t>(part * 4999)]);
    EXPECT_NEAR(histogram.Quantile(part), truth, std::max(std::abs(truth) / 16, 1.0 / 64)) << part;
  }
}

TEST(ScoreHistogramTest, ClampsWhatIsOutOfRange) {
  ScoreHistogram histogram;
  histogram.Add(std::numeric_limits<float>::infinity());
  EXPECT_EQ(histogram.Quantile(0.5), 124);
  ScoreHistogram negative;
  negative.Add(-1e30F);
  EXPECT_EQ(negative.Quantile(0.5), -124);
  ScoreHistogram small;
  small.Add(-1e-30F);
  EXPECT_EQ(small.Quantile(0.5), 0);
}

TEST(AgeBinTest, BoundsAreInTheLowerBin) {
  for (size_t bin = 0; bin + 1 < kAgeBins; ++bin) {
    const auto bound = static_cast<int64_t>(AgeBoundSeconds(bin) * 1e6);
    EXPECT_EQ(AgeBin(bound), bin);
    EXPECT_EQ(AgeBin(bound + 1), bin + 1);
  }
  EXPECT_EQ(AgeBin(0), 0U);
  EXPECT_EQ(AgeBin(std::numeric_limits<int64_t>::max()), kAgeBins - 1);
}

TEST(LawSumsTest, TellsHowFarCollisionsAreOff) {
  LawSums law;
  EXPECT_FALSE(law.CollisionZ().has_value());
  law.pair_count = 1000;
  law.expected_collisions = 100;
  law.collision_count = 150;
  law.squared_differences = 100;
  EXPECT_DOUBLE_EQ(*law.CollisionZ(), 5);
  EXPECT_FALSE(law.MeanInverseError().has_value());
}

Policy Uniform() { return PolicyOf(UniformSource{}); }

// A call of one row and `drawn` negatives.
void AddCall(SamplingWindows* windows, Micros now, int64_t drawn) {
  SampleTotals totals;
  totals.drawn_by_component = {drawn};
  totals.rows_by_status[static_cast<int>(RowStatus::kOk)] = 1;
  windows->Add(now, Uniform(), 1, totals);
}

SamplingSeries Read(const SamplingWindows& windows, int64_t resolution, Micros now,
                    int64_t window = 7 * kDay) {
  absl::StatusOr<SamplingSeries> series =
      windows.Read({std::nullopt, std::nullopt, window, resolution}, now);
  EXPECT_TRUE(series.ok()) << series.status();
  return *std::move(series);
}

// Random calls over eleven days, against a plain list of them, at every resolution.
TEST(SamplingWindowsTest, EveryResolutionHasEveryCallThatItKeeps) {
  SamplingWindows windows;
  std::vector<std::pair<Micros, int64_t>> calls;
  calls.reserve(6000);
  Micros now = kStart;
  for (uint64_t i = 0; i < 6000; ++i) {
    // Mostly seconds, sometimes hours.
    const uint64_t bits = MixHash(5, i);
    now += static_cast<Micros>(BelowBound(bits, i % 100 == 7 ? 8 * kHour : 40 * kSecond));
    calls.emplace_back(now, static_cast<int64_t>(1 + i % 9));
    AddCall(&windows, now, calls.back().second);
    if (i % 500 != 499) continue;
    for (const SamplingResolution& resolution : kSamplingResolutions) {
      const int64_t length = resolution.length_micros;
      std::map<Micros, int64_t> expected;
      for (const auto& [time, drawn] : calls) {
        const Micros start = time / length * length;
        if (start > now - resolution.kept_micros - length &&
            start >= (now - 7 * kDay) / length * length) {
          expected[start] += drawn;
        }
      }
      std::map<Micros, int64_t> told;
      int64_t sum = 0;
      const SamplingSeries series = Read(windows, length, now);
      for (const auto& bucket : series.buckets) {
        told[bucket->start] += bucket->sources.at(SourceKind::kUniform).drawn_count;
        sum += bucket->call_count;
      }
      EXPECT_EQ(told, expected) << length << " after " << i;
      EXPECT_EQ(series.buckets.size(), expected.size());
      EXPECT_EQ(series.total.call_count, sum);
    }
  }
  EXPECT_LT(windows.bytes(), 8 << 20);
}

TEST(SamplingWindowsTest, AClockThatGoesBackLosesNothing) {
  SamplingWindows windows;
  AddCall(&windows, kStart + kMinute, 1);
  AddCall(&windows, kStart, 2);
  AddCall(&windows, kStart + kMinute + 9 * kSecond, 4);
  const SamplingSeries series = Read(windows, 10 * kSecond, kStart + kMinute + 9 * kSecond);
  ASSERT_THAT(series.buckets, SizeIs(1));
  EXPECT_EQ(series.buckets[0]->start, kStart + kMinute);
  EXPECT_EQ(series.total.sources.at(SourceKind::kUniform).drawn_count, 7);
}

TEST(SamplingWindowsTest, ResolutionFollowsTheTimeAskedFor) {
  const SamplingWindows windows;
  const auto resolution = [&](const SamplingSeriesRequest& request) {
    return windows.Read(request, kStart)->resolution_micros;
  };
  EXPECT_EQ(resolution({}), 10 * kSecond);
  EXPECT_EQ(resolution({{}, {}, kHour}), 10 * kSecond);
  EXPECT_EQ(resolution({{}, {}, kHour + 1}), kMinute);
  EXPECT_EQ(resolution({{}, {}, 12 * kHour}), kMinute);
  EXPECT_EQ(resolution({{}, {}, 13 * kHour}), 10 * kMinute);
  EXPECT_EQ(resolution({{}, {}, 30 * kDay}), 10 * kMinute);
  // Old, though short.
  EXPECT_EQ(resolution({kStart - 3 * kHour, kStart - 2 * kHour}), kMinute);
  EXPECT_EQ(resolution({{}, {}, kMinute, 10 * kMinute}), 10 * kMinute);
}

TEST(SamplingWindowsTest, BucketsBelongToTheTimeAskedFor) {
  SamplingWindows windows;
  for (int i = 0; i < 6; ++i) AddCall(&windows, kStart + i * 10 * kSecond, 1 + i);
  const Micros now = kStart + 50 * kSecond;
  const auto starts = [&](const SamplingSeriesRequest& request) {
    const SamplingSeries series = *windows.Read(request, now);
    std::vector<int64_t> places;
    places.reserve(series.buckets.size());
    for (const auto& bucket : series.buckets) {
      places.push_back((bucket->start - kStart) / (10 * kSecond));
    }
    return places;
  };
  EXPECT_THAT(starts({}), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(starts({kStart + 15 * kSecond, kStart + 30 * kSecond}), ElementsAre(1, 2));
  EXPECT_THAT(starts({{}, {}, 10 * kSecond}), ElementsAre(4, 5));
  EXPECT_THAT(starts({kStart - kMinute, kStart}), IsEmpty());
}

TEST(SamplingWindowsTest, RefusesWhatIsNoTime) {
  const SamplingWindows windows;
  const auto fields = [&](const SamplingSeriesRequest& request) {
    const absl::Status status = windows.Read(request, kStart).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    std::set<std::string> names;
    for (const FieldViolation& violation : FieldViolationsOf(status)) names.insert(violation.field);
    return names;
  };
  EXPECT_THAT(fields({{}, {}, 0}), ElementsAre("window"));
  EXPECT_THAT(fields({kStart, kStart, kHour}), ElementsAre("end_time", "start_time"));
  EXPECT_THAT(fields({kStart, kStart}), ElementsAre("end_time"));
  EXPECT_THAT(fields({{}, {}, kHour, kSecond}), ElementsAre("resolution"));
}

TEST(SamplingWindowsTest, IsReadWhileItIsWritten) {
  SamplingWindows windows;
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) AddCall(&windows, kStart + i * kSecond, 1);
    });
  }
  int64_t seen = 0;
  for (int i = 0; i < 50; ++i) {
    const int64_t now = Read(windows, 10 * kSecond, kStart + 2000 * kSecond).total.call_count;
    EXPECT_GE(now, seen);
    seen = now;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Read(windows, 10 * kSecond, kStart + 2000 * kSecond).total.call_count, 6000);
}

// --- In the engine. ---

class SamplingSeriesTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(harness_.Open().ok());
    harness_.clock().Set(kStart);
    ASSERT_TRUE(harness_.Create(Settings("films")).ok());
    std::vector<int64_t> ids(100);
    for (int64_t i = 0; i < 100; ++i) ids[static_cast<size_t>(i)] = i;
    ASSERT_TRUE(harness_.Items("films", ItemsAlways(ids)).ok());
  }

  SamplingSeries Series(const SamplingSeriesRequest& request = {}) {
    absl::StatusOr<SamplingSeries> series = harness_.engine().GetSamplingSeries("films", request);
    EXPECT_TRUE(series.ok()) << series.status();
    return *std::move(series);
  }

  EngineHarness harness_;
};

TEST_F(SamplingSeriesTest, CallsAreInTheBucketOfTheirTime) {
  ASSERT_TRUE(harness_.Sample("films", SampleOf(UniformSource{}, 8192, 4, kStart)).ok());
  harness_.clock().Set(kStart + 25 * kSecond);
  ASSERT_TRUE(harness_.Sample("films", SampleOf(PopularitySource{}, 512, 4, kStart)).ok());
  const SamplingSeries series = Series();
  ASSERT_THAT(series.buckets, SizeIs(2));
  const SamplingBucket& first = *series.buckets[0];
  EXPECT_EQ(first.start, kStart);
  EXPECT_EQ(first.row_count, 8192);
  EXPECT_EQ(first.observed_row_count, 8192 / kRowsPerObservation);
  const SourceBucket& uniform = first.sources.at(SourceKind::kUniform);
  EXPECT_EQ(uniform.drawn_count, 8192 * 4);
  EXPECT_EQ(uniform.observed_count, 4 * first.observed_row_count);
  EXPECT_EQ(uniform.law.draw_count, uniform.observed_count);
  EXPECT_NEAR(uniform.law.MeanInverse(), 1, 1e-9);
  EXPECT_GT(uniform.items.Estimate(), 30);
  EXPECT_LT(uniform.items.Estimate(), 120);
  // No event: no row is served, but the policy wants the source.
  const SamplingBucket& second = *series.buckets[1];
  EXPECT_EQ(second.start, kStart + 20 * kSecond);
  EXPECT_EQ(second.rows_by_status[static_cast<int>(RowStatus::kNoEvent)], 512);
  const SourceBucket& popularity = second.sources.at(SourceKind::kPopularity);
  EXPECT_EQ(popularity.drawn_count, 0);
  EXPECT_NEAR(popularity.configured_share, static_cast<double>(second.observed_row_count), 1e-9);
  EXPECT_EQ(popularity.effective_share, 0);
}

// Calls observe other rows each time, and draw the same.
TEST_F(SamplingSeriesTest, EqualCallsStayEqual) {
  const SampleRequest request = SampleOf(UniformSource{}, 2000, 4, kStart);
  const absl::StatusOr<SampleResult> first = harness_.Sample("films", request);
  ASSERT_TRUE(first.ok());
  for (int i = 0; i < 20; ++i) {
    const absl::StatusOr<SampleResult> again = harness_.Sample("films", request);
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(std::equal(first->ids.begin(), first->ids.end(), again->ids.begin()));
    EXPECT_EQ(
        std::memcmp(first->log_q.data(), again->log_q.data(), first->log_q.size() * sizeof(float)),
        0);
  }
  EXPECT_EQ(Series().total.call_count, 21);
}

// One row of 256 in single-row calls too: 20,000 of them, of which 78 +- 9 are observed; five
// standard deviations.
TEST_F(SamplingSeriesTest, SmallCallsAreObservedAsOften) {
  const SampleRequest request = SampleOf(UniformSource{}, 1, 2, kStart);
  for (int i = 0; i < 20000; ++i) ASSERT_TRUE(harness_.Sample("films", request).ok());
  EXPECT_NEAR(static_cast<double>(Series().total.observed_row_count), 20000.0 / 256,
              5 * std::sqrt(20000.0 / 256));
}

TEST_F(SamplingSeriesTest, EndsWithTheServer) {
  ASSERT_TRUE(harness_.Sample("films", SampleOf(UniformSource{}, 10, 4, kStart)).ok());
  EXPECT_EQ(Series().total.call_count, 1);
  harness_.Close();
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(Series().total.call_count, 0);
}

TEST_F(SamplingSeriesTest, UnknownCollection) {
  EXPECT_EQ(harness_.engine().GetSamplingSeries("books", {}).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace negatron
