// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_SAMPLING_SERIES_H_
#define NEGATRON_SERVER_ENGINE_SAMPLING_SERIES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "server/engine/hyper_log_log.h"
#include "server/sampling/draw_observer.h"
#include "server/sampling/outcomes.h"
#include "server/sampling/sampler.h"
#include "server/sampling/source_specs.h"
#include "storage/model/time.h"

// What was drawn from a collection over time. See SamplingStatistics in sampling_statistics.proto.
namespace negatron {

// Scores by magnitude, in eight even steps an octave within [2^-6, 2^7): the middle of a step is
// off by at most a sixteenth. What is smaller counts as 0, what is larger as the last step.
//
// Thread-safety: thread-compatible.
class ScoreHistogram {
 public:
  // `score` is not NaN.
  void Add(float score);
  void Merge(const ScoreHistogram& other);

  int64_t count() const { return count_; }
  // Of at least one score. `part` in [0, 1].
  double mean() const { return sum_ / static_cast<double>(count_); }
  double Quantile(double part) const;

 private:
  static constexpr int kStepBits = 3;
  static constexpr int kSteps = 13 << kStepBits;  // Of one sign.

  static double MiddleOf(size_t bin);

  std::array<uint32_t, 2 * kSteps + 1> bins_{};  // From the least score on.
  int64_t count_ = 0;
  double sum_ = 0;
};

// Ages of events: entry 0 up to a second, each further one up to four times the one before, the
// last without a bound.
inline constexpr size_t kAgeBins = 16;
size_t AgeBin(int64_t age_micros);
// Of an entry but the last.
double AgeBoundSeconds(size_t bin);

// The two checks of a law. See LawCheck in sampling_statistics.proto.
struct LawSums {
  int64_t draw_count = 0;
  double inverse_sum = 0;
  double inverse_squares = 0;
  int64_t pair_count = 0;
  int64_t collision_count = 0;
  double expected_collisions = 0;
  double squared_differences = 0;

  void Merge(const LawSums& other);
  bool empty() const { return draw_count == 0 && pair_count == 0; }
  double MeanInverse() const { return inverse_sum / static_cast<double>(draw_count); }
  std::optional<double> MeanInverseError() const;
  // Nothing with fewer expected collisions than kMinExpectedCollisions.
  std::optional<double> CollisionZ() const;

  static constexpr double kMinExpectedCollisions = 25;
};

// Of one kind of source in a part of time.
struct SourceBucket {
  int64_t drawn_count = 0;
  int64_t observed_count = 0;
  double configured_share = 0;  // Summed over observed rows.
  double effective_share = 0;
  ScoreHistogram scores;
  std::array<int64_t, kAgeBins> ages{};
  HyperLogLog items;
  LawSums law;

  void Add(const ObservedSource& seen);
  void Merge(const SourceBucket& other);
};

// What was drawn in a part of time.
struct SamplingBucket {
  Micros start = 0;
  int64_t call_count = 0;
  int64_t row_count = 0;
  int64_t observed_row_count = 0;
  std::array<int64_t, kRowStatusCount> rows_by_status{};
  std::array<int64_t, kRejectCauseCount> rejects_by_cause{};
  std::map<SourceKind, SourceBucket> sources;

  // Adds a call; components are those of `policy`.
  void Add(const Policy& policy, int64_t rows, const SampleTotals& totals);
  // Keeps `start`.
  void Merge(const SamplingBucket& other);
  int64_t bytes() const;
};

// At which length buckets are kept, and how long.
struct SamplingResolution {
  int64_t length_micros;
  int64_t kept_micros;
};
inline constexpr std::array<SamplingResolution, 3> kSamplingResolutions{{
    {10 * 1000000LL, 3600 * 1000000LL},
    {60 * 1000000LL, 12 * 3600LL * 1000000},
    {600 * 1000000LL, 7 * 86400LL * 1000000},
}};

// One row in so many is observed: of a call of 4,096 rows of 8, some 128 draws. More would tell
// more of a short time, and cost each call more.
inline constexpr int64_t kRowsPerObservation = 256;

struct SamplingSeriesRequest {
  std::optional<Micros> start = std::nullopt;               // Unset: an hour before the end.
  std::optional<Micros> end = std::nullopt;                 // Unset: now.
  std::optional<int64_t> window_micros = std::nullopt;      // Up to now; not with the others.
  std::optional<int64_t> resolution_micros = std::nullopt;  // Unset: by the start.
};

struct SamplingSeries {
  Micros start = 0;
  Micros end = 0;
  int64_t resolution_micros = 0;
  std::vector<std::shared_ptr<const SamplingBucket>> buckets;  // With calls, in order of time.
  SamplingBucket total;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_SAMPLING_SERIES_H_
