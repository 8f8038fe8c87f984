// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_DISTINCT_H_
#define NEGATRON_SERVER_SAMPLING_DISTINCT_H_

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "server/sampling/source.h"

namespace negatron {

// Draws again what repeats an item of its row, or passes the cap of a category.
// After kMaxRounds of a slot, draws from all that its component has left for the
// row, then from what other components have, the policy's fallback last; a row that
// none has anything left for is short.
//
// Thread-safety: confined to the thread that serves the call.
class DistinctRows {
 public:
  using Statuses = std::vector<std::vector<RowStatus>>;

  DistinctRows(const Policy& policy, const SourceContext& context, std::span<const Row> rows,
               std::span<const std::unique_ptr<Source>> sources, const Statuses& statuses)
      : policy_(policy), context_(context), rows_(rows), sources_(sources), statuses_(statuses) {
    for (const CategoryLimit& limit : policy.category_limits) {
      limits_[context.pool->categories().Find(limit.category)] = limit.max_count;
    }
  }

  // draws[c] are those of component c, filled once. A slot that cannot be filled
  // gets kNoOrdinal, and its row kShort.
  absl::Status Mend(std::vector<Draws>& draws, std::span<Rejects> rejects,
                    std::span<RowStatus> row_statuses);

  static constexpr uint32_t kMaxRounds = 16;

 private:
  struct Taken {
    absl::flat_hash_set<Ordinal> items;
    std::map<CategoryNumber, int> by_category;
  };

  // Items of the category in a row, at most; 0: any number.
  int CapOf(CategoryNumber category) const;
  bool Fits(const Taken& taken, Ordinal item) const;
  void Take(Taken* taken, Ordinal item) const;
  absl::Status Remaining(size_t component, const Taken& taken, Draws* draws, size_t i) const;

  const Policy& policy_;
  const SourceContext& context_;
  const std::span<const Row> rows_;
  const std::span<const std::unique_ptr<Source>> sources_;
  const Statuses& statuses_;
  std::map<CategoryNumber, int> limits_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_DISTINCT_H_
