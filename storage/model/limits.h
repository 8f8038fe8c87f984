// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_MODEL_LIMITS_H_
#define NEGATRON_STORAGE_MODEL_LIMITS_H_

#include <cstdint>

// Limits of requests and records. Crossing one is INVALID_ARGUMENT unless it
// says otherwise. They may grow in later versions, never shrink.
namespace negatron {

// rows * negatives of one call: a full response with ids, two log q, component
// and score fits gRPC's default limit of 4 MiB.
inline constexpr int64_t kMaxDraws = 131072;

// rows * negatives of a shared block: the mask has a bit for each, 2 MiB.
inline constexpr int64_t kMaxSharedCells = 16777216;

inline constexpr int64_t kMaxBatchRows = 100000;  // Of one batch write or read.
inline constexpr int kMaxComponents = 16;         // Of a policy.
inline constexpr int kMaxRank = 10000;            // End of a window of `nearest`.
inline constexpr int kMaxIntervals = 64;          // Alive intervals of an item.
inline constexpr int kMaxDimension = 4096;        // Of embeddings.
inline constexpr int kMaxNameBytes = 128;         // Of a string id.
inline constexpr int kMaxRequestIdBytes = 64;
inline constexpr int kMaxCollectionIdBytes = 63;
inline constexpr int kMaxDisplayNameBytes = 256;
inline constexpr int kMaxCategories = 16;        // Of an item.
inline constexpr int kMaxCategoryBytes = 128;    // Of a category's name.
inline constexpr int kMaxAttributeBytes = 1024;  // Of an item.
inline constexpr int kMaxStreamIdBytes = 64;     // Of an import stream.
inline constexpr int kMaxLabels = 64;
inline constexpr int kMaxLabelKeyBytes = 63;
inline constexpr int kMaxLabelValueBytes = 256;

// Items or users of one collection: ordinals are 32 bits wide, and the highest
// values are reserved. Crossing it is RESOURCE_EXHAUSTED.
inline constexpr uint32_t kMaxOrdinals = 1u << 31;

// Distinct categories of one collection: their numbers are 16 bits wide, and
// the highest is reserved. Crossing it is RESOURCE_EXHAUSTED.
inline constexpr int kMaxCategoryNames = 65535;

// Import streams of one collection: a stream's position is kept for ever, since
// one that was forgotten would be imported twice. Crossing it is
// RESOURCE_EXHAUSTED.
inline constexpr int kMaxStreams = 65536;

// Versions of embeddings that one collection stages at a time, each with up to this many
// shards. Crossing the former is RESOURCE_EXHAUSTED. Of those that ended, the newest this
// many are told of.
inline constexpr int kMaxStagingVersions = 4;
inline constexpr int kMaxShards = 4096;
inline constexpr int kMaxEndedVersions = 32;

// How long a version may be staged.
inline constexpr int64_t kMinVersionTtlMicros = 60LL * 1000000;
inline constexpr int64_t kMaxVersionTtlMicros = 30LL * 86400 * 1000000;
inline constexpr int64_t kDefaultVersionTtlMicros = 86400LL * 1000000;

// Stored policies of one collection, the versions of each, and all versions together: they are
// kept in memory, and none is dropped to make room, since a trainer may have pinned it. Names of
// deleted ones are remembered with their last version. Crossing one is RESOURCE_EXHAUSTED.
inline constexpr int kMaxPolicies = 1000;
inline constexpr int kMaxPolicyVersions = 1000;
inline constexpr int kMaxAllPolicyVersions = 10000;
inline constexpr int kMaxPolicyNames = 10000;

// Controllers of one collection: they are kept in memory and copied by each report. Crossing it is
// RESOURCE_EXHAUSTED.
inline constexpr int kMaxControllers = 100;
inline constexpr int kMaxStopReports = 256;  // That a stop rule looks at: written with each report.
inline constexpr int64_t kMaxSmoothingOutcomes = 1000000000;
inline constexpr int64_t kMinStaleAfterMicros = 1000;
inline constexpr int64_t kMaxStaleAfterMicros = 36500LL * 86400 * 1000000;
inline constexpr double kMinTargetRate = 0.001;  // Nearer to 0 or 1 no report tells it from that.

// Of an entry of a report: outcomes, and the magnitude of hardness (sums never overflow); entries.
inline constexpr int64_t kMaxReportedOutcomes = 1LL << 40;
inline constexpr double kMaxHardness = 1e30;
inline constexpr int kMaxOutcomeSums = 256;
inline constexpr int kMaxOutcomeComponent = 64;  // The fallback of a plan's 64 components.

// Weights of events. Masses are kept as whole numbers of 2^-28 (see
// server/pool/decay.h); these bounds keep every weight exact to 2^-18 and every
// sum inside 128 bits.
inline constexpr float kMinWeight = 1.0f / 64;
inline constexpr float kMaxWeight = 4096.0f;

// Base weights of items: factors on the weights of their events.
inline constexpr float kMinBaseWeight = 1.0f / 16;
inline constexpr float kMaxBaseWeight = 16.0f;

inline constexpr int kMaxCohort = 255;  // Cohorts of events and rows: one byte.

// Half-lives of a collection.
inline constexpr int64_t kMinHalfLifeMicros = 60LL * 1000000;
inline constexpr int64_t kMaxHalfLifeMicros = 36500LL * 86400 * 1000000;

// Windows of a collection, and steps of its grid of popularity.
inline constexpr int64_t kMinWindowMicros = 60LL * 1000000;
inline constexpr int64_t kMaxWindowMicros = 36500LL * 86400 * 1000000;

// Each further half-life or window costs memory for every event.
inline constexpr int kMaxHalfLives = 8;
inline constexpr int kMaxWindows = 8;

inline constexpr int kMaxMinedPerUser = 4096;

// Of audits: what they cost is theirs to bound, and what is gone at once says nothing.
inline constexpr int64_t kMinAuditAgeMicros = 60LL * 1000000;
inline constexpr int64_t kDefaultAuditAgeMicros = 7LL * 86400 * 1000000;
inline constexpr int64_t kMinAuditBytes = int64_t{1} << 20;
inline constexpr int64_t kMaxAuditBytes = int64_t{1} << 40;
inline constexpr int64_t kDefaultAuditBytes = int64_t{256} << 20;

// Shortest retention: a mistaken one of seconds would empty a collection.
inline constexpr int64_t kMinRetentionMicros = 3600LL * 1000000;

// Remembered request ids: the newest this many of a collection, for this long.
inline constexpr int64_t kMaxRememberedRequests = 100000;
inline constexpr int64_t kRememberRequestMicros = 24LL * 3600 * 1000000;

}  // namespace negatron

#endif  // NEGATRON_STORAGE_MODEL_LIMITS_H_
