// SPDX-License-Identifier: Apache-2.0
#include "server/pool/mass_base.h"

#include <vector>

#include "server/pool/mass_index.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Items looked at between two looks at the clock.
constexpr Ordinal kBetweenChecks = 1 << 14;

}  // namespace

absl::StatusOr<const AliasTable*> MassBase::Table(const MassIndex& masses,
                                                  const Cancellation& cancellation) const {
  const MutexLock lock(mutex_);
  if (!table_.has_value()) {
    const MassIndex::AsOf as_of = masses.SpanAt(boundary_, 0);
    if (as_of.span.mass <= 0) return nullptr;
    // Up to the last item that has any: which snapshot this is leaves no trace.
    std::vector<double> weights;
    for (Ordinal item = 0; item < masses.columns_.size(); ++item) {
      if (item % kBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(cancellation.Check());
      const double mass = masses.ItemMass(masses.columns_[item], as_of);
      if (mass <= 0) continue;
      weights.resize(item);
      weights.push_back(mass);
    }
    NEGATRON_ASSIGN_OR_RETURN(table_, AliasTable::Of(weights, cancellation));
  }
  return &*table_;
}

int64_t MassBase::bytes() const {
  const MutexLock lock(mutex_);
  return table_.has_value() ? table_->bytes() : 0;
}

}  // namespace negatron
