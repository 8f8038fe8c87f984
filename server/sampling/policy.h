// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_POLICY_H_
#define NEGATRON_SERVER_SAMPLING_POLICY_H_

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/base/status.h"

namespace negatron {

// Items alive at t, each with the same probability.
struct UniformSource {};

// Items by the decayed mass of their events before t.
struct PopularitySource {};

enum class NearestAnchor : uint8_t { kQuery = 1, kPositive = 2 };
enum class NearestPick : uint8_t { kUniform = 1, kSoftmax = 2, kTop = 3 };

// Items ranked by score against an anchor; picks from ranks
// [rank_begin, rank_end).
struct NearestSource {
  NearestAnchor anchor = NearestAnchor::kQuery;
  int rank_begin = 0;
  int rank_end = 0;  // In [1, kMaxRank], greater than rank_begin.
  NearestPick pick = NearestPick::kUniform;
  double temperature = 0;  // Of kSoftmax: positive, finite; 0 otherwise.
};

using SourceSpec = std::variant<UniformSource, PopularitySource, NearestSource>;

// The order of SourceSpec; index of counters.
enum class SourceKind : uint8_t { kUniform = 0, kPopularity = 1, kNearest = 2 };
inline constexpr int kSourceKindCount = 3;

struct PolicyComponent {
  double share = 0;  // Not negative, finite.
  SourceSpec source;

  SourceKind kind() const { return static_cast<SourceKind>(source.index()); }
};

// A recipe. Shares need not sum to 1.
struct Policy {
  std::vector<PolicyComponent> components;  // 1 to kMaxComponents.

  bool NeedsQueries() const;
  bool NeedsEmbeddings() const;
};

// Meaning of a reported probability (see LawKind in sampling.proto).
enum class LawKind : uint8_t { kExact = 1, kConditional = 2, kNone = 3 };

// What became of a row (see RowStatus in sampling.proto); same numbers.
enum class RowStatus : uint8_t {
  kOk = 1,
  kNoLivingItem = 2,
  kExhausted = 3,
  kNoEvent = 4,
  kNoAnchor = 5,
  kNoCandidate = 6,
};
inline constexpr int kRowStatusCount = 7;  // Numbers 0 to 6.

// Why drawn items are thrown back; the columns of `SampleColumns::rejects`.
enum class RejectCause : uint8_t { kExcluded = 0, kDead = 1 };
inline constexpr int kRejectCauseCount = 2;

std::string_view SourceName(SourceKind kind);

// Law of `log_q_source` for the component.
LawKind LawOf(const PolicyComponent& component);

// Law of the mixture, over the components with a share: EXACT if every one is,
// NONE if any is, else CONDITIONAL.
LawKind LawOf(const Policy& policy);

// Adds all that is wrong with the policy, with field paths below "policy.".
void CheckPolicy(const Policy& policy, Violations* violations);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_POLICY_H_
