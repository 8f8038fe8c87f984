// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_MASS_BASE_H_
#define NEGATRON_SERVER_POOL_MASS_BASE_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"

#include "server/pool/alias_table.h"
#include "storage/base/cancellation.h"
#include "storage/base/mutex.h"
#include "storage/model/time.h"

namespace negatron {

class MassIndex;

// The masses that items have by their events before a boundary, as a table to draw
// from. Later events change neither these nor their proportions, so snapshots share
// it until an earlier event comes or goes or the boundary moves.
//
// The table is made when it is first wanted, O(items); who wants it meanwhile waits.
// What it draws depends on the events alone, so it does not matter when it is made,
// nor of which of the snapshots that share it.
//
// Thread-safety: thread-safe.
class MassBase {
 public:
  explicit MassBase(Micros boundary) : boundary_(boundary) {}

  Micros boundary() const { return boundary_; }

  // Of a snapshot that has this base. Null if no event is before the boundary; lives
  // as long as the base. Errors: CANCELLED, DEADLINE_EXCEEDED.
  absl::StatusOr<const AliasTable*> Table(const MassIndex& masses,
                                          const Cancellation& cancellation) const;
  int64_t bytes() const;

 private:
  const Micros boundary_;
  mutable Mutex mutex_;
  // Does not change once it is there.
  mutable std::optional<AliasTable> table_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_MASS_BASE_H_
