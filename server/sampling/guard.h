// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_GUARD_H_
#define NEGATRON_SERVER_SAMPLING_GUARD_H_

#include <cstddef>
#include <optional>
#include <span>

#include "server/sampling/item_filters.h"
#include "server/sampling/nearness.h"
#include "server/sampling/policy.h"
#include "server/sampling/source.h"

namespace negatron {

// What a component refuses rows beside what is dead, of another category or excluded: items
// that do not pass its filters, or are too near to positives of the row. What is refused has no
// index, so a law can be exact only where all that a row may get is enumerated.
//
// Thread-safety: confined to the thread that serves the call.
class Guard {
 public:
  // `context` must outlive this.
  Guard(const PolicyComponent& component, const SourceContext& context);

  // Whether it refuses nothing, ever.
  bool empty() const { return empty_; }

  // Turns to `rows`, as Source::Begin.
  void Begin(std::span<const Row> rows);

  // Whether row number `row` has what the bounds on scores want; else it is NO_ANCHOR.
  bool Serves(size_t row) const { return !scores_.has_value() || scores_->Serves(row); }

  // Why a row that is served must not get the item; nothing if it may.
  std::optional<RejectCause> Refusal(size_t row, Ordinal item) const;
  bool Admits(size_t row, Ordinal item) const { return empty_ || !Refusal(row, item); }

  // The two halves of it. Every item is near to itself, so what is asked of a positive is Passes.
  bool Passes(size_t row, Ordinal item) const { return !Filtered(row, item).has_value(); }
  bool IsNear(size_t row, Ordinal item) const {
    return nearness_.has_value() && nearness_->IsNear(row, item);
  }

 private:
  std::optional<RejectCause> Filtered(size_t row, Ordinal item) const;

  bool empty_;
  std::span<const Row> rows_;
  std::optional<CategorySet> categories_;
  std::optional<PlausibleItems> plausible_;
  std::optional<BoundedScores> scores_;
  std::optional<Nearness> nearness_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_GUARD_H_
