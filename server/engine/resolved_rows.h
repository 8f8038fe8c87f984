// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_RESOLVED_ROWS_H_
#define NEGATRON_SERVER_ENGINE_RESOLVED_ROWS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/engine/collection.h"
#include "server/engine/sample_requests.h"
#include "server/engine/served_policy.h"
#include "server/sampling/sampler.h"
#include "storage/base/uninitialized.h"

// The rows of a checked request, resolved against a snapshot.
namespace negatron {

// What the request demands of embeddings, with ages as of `as_of`.
Freshness FreshnessOf(const SampleRequest& request, Micros as_of);

// Of what a call saw.
SnapshotToken TokenOf(const Snapshot& snapshot, const ServedPolicy& policy);

// The hash of an id, for arms and row keys; the same for a name and its dictionary number.
uint64_t HashId(const std::optional<IdBatch>& ids, int64_t row, const IdIndex& index);

// The ids of items, -1 or empty for kNoOrdinal: as names if `want_names` and the collection has
// them, else as int64 ids or dictionary numbers.
void WriteIds(bool want_names, const IdIndex& index, std::span<const Ordinal> items,
              UninitializedVector<int64_t>* ids, std::vector<std::string>* names);

// Columns of a request.
//
// Thread-safety: immutable.
struct ResolvedRows {
  std::vector<Micros> as_of;
  std::vector<uint64_t> keys;  // Those of the caller, or a hash of user, positive and as-of.
  std::vector<Ordinal> users;
  std::vector<Ordinal> positives;
  std::vector<Ordinal> exclusions;

  ResolvedRows(const SampleRequest& request, const PoolView& pool, Micros default_as_of);

  // A batch that refers to this, the request and `queries`.
  SampleBatch Batch(const SampleRequest& request, const std::vector<float>& queries) const;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_RESOLVED_ROWS_H_
