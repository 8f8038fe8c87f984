// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/shared_block.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <vector>

#include "absl/functional/function_ref.h"

#include "server/sampling/batch_rows.h"
#include "server/sampling/nearness.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Below it, what remains of a law is not told by a difference: sums of a million terms
// are right to 1e-10.
constexpr double kLeastDifference = 1e-4;

// Items looked at between two looks at the clock.
constexpr size_t kItemsBetweenChecks = 4096;

// The law of the block: what one draw without exclusions gives.
class BlockLaw {
 public:
  BlockLaw(const Policy& policy, const SourceContext& context, Micros time,
           std::span<const float> shares)
      : context_(context), shares_(shares.begin(), shares.end()) {
    // The rounding of the floats must not show where little is left of their sum.
    const double sum = std::accumulate(shares_.begin(), shares_.end(), 0.0);
    for (double& share : shares_) share /= sum;
    static const UserHistory kNoHistory;
    row_.as_of = time;
    row_.excluded.Reset(kNoHistory, time, kNoOrdinal, {});
    for (size_t c = 0; c < policy.components.size(); ++c) {
      sources_.push_back(shares[c] > 0 ? MakeSource(policy.components[c], context) : nullptr);
    }
  }

  absl::Status Begin() {
    RowStatus status = RowStatus::kOk;
    for (const auto& source : sources_) {
      if (source) NEGATRON_RETURN_IF_ERROR(source->Begin({&row_, 1}, {&status, 1}));
    }
    return absl::OkStatus();
  }

  // What a draw hits with items that are not `gone`, summed over all items: right where
  // next to nothing remains and a difference would not be.
  absl::Status Remaining(absl::FunctionRef<bool(Ordinal)> gone, double* sum) {
    *sum = 0;
    for (size_t c = 0; c < sources_.size(); ++c) {
      if (!sources_[c]) continue;
      NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
      std::vector<Candidate> candidates;
      NEGATRON_RETURN_IF_ERROR(sources_[c]->Enumerate(0, &candidates));
      double all = 0;
      double rest = 0;
      for (const Candidate& candidate : candidates) {
        all += candidate.weight;
        if (!gone(candidate.item)) rest += candidate.weight;
      }
      *sum += shares_[c] * rest / all;
    }
    return absl::OkStatus();
  }

  // Adds up q of distinct items; those that are dead at the block's time have none.
  double Sum(const std::vector<Ordinal>& items) {
    std::vector<RowItem> pairs;
    for (const Ordinal item : items) {
      if (context_.pool->IsAlive(item, row_.as_of)) pairs.push_back({0, item});
    }
    std::vector<double> q(pairs.size());
    double sum = 0;
    for (size_t c = 0; c < sources_.size() && !pairs.empty(); ++c) {
      if (!sources_[c]) continue;
      sources_[c]->Probabilities(pairs, q);
      for (const double each : q) sum += shares_[c] * each;
    }
    return sum;
  }

 private:
  const SourceContext& context_;
  std::vector<double> shares_;  // Sum 1.
  Row row_;
  std::vector<std::unique_ptr<Source>> sources_;
};

// Items alive at `time` that do not live through [first, last].
std::vector<Ordinal> Mortals(const PoolView& pool, Micros time, Micros first, Micros last) {
  LivingItems living;
  pool.alive().At(time, &living);
  std::vector<Ordinal> mortals;
  for (const LivingItems::Part& part : living.parts) {
    for (uint32_t i = 0; i < part.count; ++i) {
      const std::vector<Interval> alive = pool.state(part.items[i]).Intervals();
      const bool throughout = std::any_of(alive.begin(), alive.end(), [&](const Interval& span) {
        return span.Contains(first) && span.Contains(last);
      });
      if (!throughout) mortals.push_back(part.items[i]);
    }
  }
  return mortals;
}

// Items that are near to positives of a row.
class NearItems {
 public:
  NearItems(const MinDistance& min_distance, const SourceContext& context)
      : context_(context), nearness_(min_distance, context), items_(context.vectors->Items()) {}

  // `row` stays where it is until the next.
  void TurnTo(const Row& row) {
    row_ = &row;
    nearness_.Begin({&row, 1});
  }
  bool Has(Ordinal item) const { return nearness_.IsNear(0, item); }

  // Appends those that are alive at the row's time and not excluded.
  absl::Status AppendTo(std::vector<Ordinal>* items) const {
    for (size_t i = 0; i < items_.size(); ++i) {
      if (i % kItemsBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
      const Ordinal item = items_[i];
      if (!Has(item) || row_->excluded.Contains(item)) continue;
      if (context_.pool->IsAlive(item, row_->as_of)) items->push_back(item);
    }
    return absl::OkStatus();
  }

 private:
  const SourceContext& context_;
  Nearness nearness_;
  std::vector<Ordinal> items_;  // That have a vector.
  const Row* row_ = nullptr;
};

}  // namespace

absl::Status SampleSharedBlock(const Policy& policy, const SourceContext& call_context,
                               const SampleBatch& batch, Micros time, uint64_t block_key,
                               const SharedColumns& columns, SampleTotals* totals) {
  SourceContext context = call_context;
  context.enumerates_guarded = true;
  const PoolView& pool = *context.pool;
  const auto count = static_cast<size_t>(batch.negative_count);
  SampleBatch block;
  block.row_count = 1;
  block.negative_count = batch.negative_count;
  block.as_of = {&time, 1};
  block.keys = {&block_key, 1};
  uint8_t status = 0;
  std::vector<float> shares(policy.components.size());
  SampleColumns drawn;
  drawn.items = columns.items;
  drawn.log_q = columns.log_q;
  drawn.components = columns.components;
  drawn.statuses = {&status, 1};
  drawn.shares = shares;
  Policy without_rows = policy;  // The block has no positives to keep away from.
  without_rows.min_distance.reset();
  NEGATRON_RETURN_IF_ERROR(SampleRows(without_rows, context, block, drawn, totals));
  if (status != static_cast<uint8_t>(RowStatus::kOk)) {
    std::fill(columns.log_remaining.begin(), columns.log_remaining.end(), 0.0f);
    return absl::OkStatus();
  }
  BlockLaw law(policy, context, time, shares);
  NEGATRON_RETURN_IF_ERROR(law.Begin());
  const auto [first, last] = std::minmax_element(batch.as_of.begin(), batch.as_of.end());
  const std::vector<Ordinal> mortals =
      Mortals(pool, time, std::min(*first, time), std::max(*last, time));
  std::unordered_map<Micros, double> dead_by_time;
  std::optional<NearItems> near;
  if (policy.min_distance.has_value()) near.emplace(*policy.min_distance, context);
  Row row;
  for (int64_t r = 0; r < batch.row_count; ++r) {
    NEGATRON_RETURN_IF_ERROR(context.cancellation->Check());
    ResolveRow(policy, pool, batch, r, &row);
    const Micros t = row.as_of;
    const Exclusions& excluded = row.excluded;
    if (near.has_value()) near->TurnTo(row);
    const auto [dead, is_new] = dead_by_time.try_emplace(t, 0.0);
    if (is_new) {
      std::vector<Ordinal> gone;
      for (const Ordinal item : mortals) {
        if (!pool.IsAlive(item, t)) gone.push_back(item);
      }
      dead->second = law.Sum(gone);
    }
    std::vector<Ordinal> known;
    excluded.AppendTo(&known);
    std::erase_if(known, [&](Ordinal item) { return !pool.IsAlive(item, t); });
    if (near.has_value()) NEGATRON_RETURN_IF_ERROR(near->AppendTo(&known));
    const double out = dead->second + law.Sum(known);
    const auto is_gone = [&](Ordinal item) {
      return !pool.IsAlive(item, t) || excluded.Contains(item) ||
             (near.has_value() && near->Has(item));
    };
    double remaining = 1 - out;
    if (remaining < kLeastDifference) NEGATRON_RETURN_IF_ERROR(law.Remaining(is_gone, &remaining));
    columns.log_remaining[r] = static_cast<float>(std::log(remaining));
    uint8_t* const mask = columns.false_mask.data() + static_cast<size_t>(r) * ((count + 7) / 8);
    for (size_t k = 0; k < count; ++k) {
      const Ordinal item = columns.items[k];
      if (is_gone(item)) mask[k / 8] = static_cast<uint8_t>(mask[k / 8] | (1u << (k % 8)));
    }
  }
  return absl::OkStatus();
}

}  // namespace negatron
