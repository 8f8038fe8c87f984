// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_USER_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_USER_SOURCE_H_

#include <optional>
#include <span>
#include <vector>

#include "server/sampling/guard.h"
#include "server/sampling/source.h"
#include "server/sampling/weight_tables.h"

namespace negatron {

// Draws among what was shown to the row's user, or handed back for the user: an
// item in proportion to the decayed weight of its entries. Everything is
// enumerated for the row, so the law is exact.
//
// Cost: O(entries of the user) a row.
class UserEventSource final : public Source {
 public:
  UserEventSource(const ExposureSource& spec, const PolicyComponent& component,
                  const SourceContext& context);
  UserEventSource(const MinedSource& spec, const PolicyComponent& component,
                  const SourceContext& context);

  absl::Status Begin(std::span<const Row> rows, std::span<RowStatus> statuses) override;
  absl::Status Fill(Draws* draws, std::span<Rejects> rejects) override;
  void Probabilities(std::span<const RowItem> pairs, std::span<double> q) override;
  double PositiveProbability(uint32_t row) override;
  absl::Status Enumerate(uint32_t row, std::vector<Candidate>* candidates) override;

 private:
  struct Entry {
    double weight;
    Ordinal item;
    float importance_weight;
  };
  struct RowState {
    std::vector<Entry> entries;  // Eligible, by (item, weight, importance weight).
    std::vector<double> cumulated;
    WeightTable by_item;
    double positive = 0;  // Weight of the row's positive, if it were not excluded.
  };

  UserEventSource(bool mined, std::optional<int64_t> half_life, double clip,
                  const PolicyComponent& component, const SourceContext& context);
  RowStatus BeginRow(size_t r, RowState* state) const;
  bool IsExcluded(size_t r, Ordinal item) const {
    return rows_[r].excluded.Contains(item) || guard_.IsNear(r, item);
  }

  const SourceContext& context_;
  const bool mined_;
  const int64_t half_life_;
  const double clip_;
  const bool any_category_;
  const CategoryNumber category_;
  Guard guard_;
  std::span<const Row> rows_;
  std::vector<RowState> states_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_USER_SOURCE_H_
