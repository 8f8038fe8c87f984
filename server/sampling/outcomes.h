// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_OUTCOMES_H_
#define NEGATRON_SERVER_SAMPLING_OUTCOMES_H_

#include <cstdint>

// What is told of rows and draws.
namespace negatron {

// Meaning of a reported probability (see LawKind in sampling.proto).
enum class LawKind : uint8_t { kExact = 1, kConditional = 2, kNone = 3, kRowConstant = 4 };

// What became of a row (see RowStatus in sampling.proto); same numbers.
enum class RowStatus : uint8_t {
  kOk = 1,
  kNoLivingItem = 2,
  kExhausted = 3,
  kNoEvent = 4,
  kNoAnchor = 5,
  kNoCandidate = 6,
  kShort = 7,
};
inline constexpr int kRowStatusCount = 8;  // Numbers 0 to 7.

// Why drawn items are thrown back; the columns of `SampleColumns::rejects`.
enum class RejectCause : uint8_t {
  kExcluded = 0,
  kDead = 1,
  kFiltered = 2,
  kDuplicate = 3,
  kUncertain = 4,
  kMargin = 5,
};
inline constexpr int kRejectCauseCount = 6;

// What is to be known of a draw (see DrawTag in sampling.proto); bits, the same numbers.
enum DrawTag : uint8_t { kTagInHorizon = 1, kTagNearPositive = 2, kTagFallback = 4 };

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_OUTCOMES_H_
