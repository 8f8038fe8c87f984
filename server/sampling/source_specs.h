// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SOURCE_SPECS_H_
#define NEGATRON_SERVER_SAMPLING_SOURCE_SPECS_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "server/sampling/schedule.h"

// The sources that a policy mixes, and their parameters; see policies.proto.
namespace negatron {

// Items alive at t, each with the same probability.
struct UniformSource {
  bool by_base_weight = false;  // In proportion to their base weights.

  friend bool operator==(const UniformSource&, const UniformSource&) = default;
};

// Items by the decayed mass of their positives before t, raised to `alpha`.
struct PopularitySource {
  // In (0, 4]. Other than 1: of the mass at the last boundary of the
  // collection's grid that is not after t.
  double alpha = 1;
  std::optional<int64_t> half_life_micros;       // 0: no decay. Unset: the collection's.
  int64_t window_micros = 0;                     // Events older than this do not count; 0: all do.
  bool within_cohort = false;                    // Only events of the row's cohort count,
  std::optional<uint8_t> cohort = std::nullopt;  // or, with that, of this one.

  friend bool operator==(const PopularitySource&, const PopularitySource&) = default;
};

enum class NearestAnchor : uint8_t { kQuery = 1, kPositive = 2, kUser = 3 };
enum class NearestPick : uint8_t { kUniform = 1, kSoftmax = 2, kTop = 3 };

// Items ranked by score against an anchor; picks from ranks
// [rank_begin, rank_end).
struct NearestSource {
  NearestAnchor anchor = NearestAnchor::kQuery;
  int rank_begin = 0;
  int rank_end = 0;  // In [1, kMaxRank], greater than rank_begin.
  NearestPick pick = NearestPick::kUniform;
  double temperature = 0;  // Of kSoftmax: positive, finite; 0 otherwise.

  // Only items whose score s has min_score <= s <= max_score, and against the
  // score p of the row's positive s <= p - margin and s <= p - relative_margin *
  // abs(p). All scores are against the anchor with its noise.
  std::optional<double> min_score = std::nullopt;        // Finite.
  std::optional<double> max_score = std::nullopt;        // Finite, not below min_score.
  std::optional<double> margin = std::nullopt;           // Finite, not negative.
  std::optional<double> relative_margin = std::nullopt;  // Finite, not negative.

  // Standard deviation of the Gaussian noise on each component of the anchor, in
  // units of the anchor's norm / sqrt(dimension). Finite, not negative.
  double noise = 0;

  // In the place of the numbers of these names, which are then 0. None once resolved.
  std::optional<Schedule> rank_begin_schedule = std::nullopt;
  std::optional<Schedule> rank_end_schedule = std::nullopt;
  std::optional<Schedule> temperature_schedule = std::nullopt;
  std::optional<Schedule> noise_schedule = std::nullopt;

  bool HasMargin() const { return margin.has_value() || relative_margin.has_value(); }

  friend bool operator==(const NearestSource&, const NearestSource&) = default;
};

// Items that the row's user was shown before t and did not choose, by decayed
// weight.
struct ExposureSource {
  std::optional<int64_t> half_life_micros;  // As for PopularitySource.
  // Bound of the inverse propensities that are returned; 0: none are.
  double max_importance_weight = 0;

  friend bool operator==(const ExposureSource&, const ExposureSource&) = default;
};

// Negatives that a trainer handed back for the row's user, up to t, by decayed
// weight.
struct MinedSource {
  std::optional<int64_t> half_life_micros;  // As for PopularitySource.

  friend bool operator==(const MinedSource&, const MinedSource&) = default;
};

// Items by the softmax of score / temperature against an anchor, over all that
// have a vector.
struct AdversarialSource {
  NearestAnchor anchor = NearestAnchor::kQuery;
  double temperature = 0;                                       // Positive, finite.
  std::optional<Schedule> temperature_schedule = std::nullopt;  // As for NearestSource.

  friend bool operator==(const AdversarialSource&, const AdversarialSource&) = default;
};

inline constexpr int kMaxPoolSize = 1024;

enum class DynamicPick : uint8_t { kTop = 1, kUniform = 2, kSoftmax = 3, kAhns = 4 };

// The score that AHNS looks for: beta * (score of the row's positive + alpha)^(p + 1).
// Finite numbers.
struct AhnsTarget {
  double alpha = 0;
  double beta = 0;
  double p = 0;

  friend bool operator==(const AhnsTarget&, const AhnsTarget&) = default;
};

// Items picked by score from a pool of `pool_size` draws of `base`, one pool a row.
struct DynamicSource {
  std::variant<UniformSource, PopularitySource> base;
  NearestAnchor anchor = NearestAnchor::kQuery;
  int pool_size = 0;  // In [1, kMaxPoolSize].
  DynamicPick pick = DynamicPick::kTop;
  int top_count = 0;       // Of kTop and kUniform: in [1, pool_size]; 0 otherwise.
  double temperature = 0;  // Of kSoftmax: positive, finite; 0 otherwise.
  std::optional<AhnsTarget> target = std::nullopt;              // Of kAhns, and only of it.
  std::optional<Schedule> temperature_schedule = std::nullopt;  // As for NearestSource.

  bool HasLaw() const { return pick == DynamicPick::kUniform || pick == DynamicPick::kSoftmax; }

  friend bool operator==(const DynamicSource&, const DynamicSource&) = default;
};

using SourceSpec = std::variant<UniformSource, PopularitySource, NearestSource, ExposureSource,
                                MinedSource, AdversarialSource, DynamicSource>;

// The order of SourceSpec; index of counters.
enum class SourceKind : uint8_t {
  kUniform = 0,
  kPopularity = 1,
  kNearest = 2,
  kExposure = 3,
  kMined = 4,
  kAdversarial = 5,
  kDynamic = 6,
};
inline constexpr int kSourceKindCount = 7;

std::string_view SourceName(SourceKind kind);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SOURCE_SPECS_H_
