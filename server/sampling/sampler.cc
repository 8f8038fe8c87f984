// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "server/sampling/slots.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

constexpr uint8_t kPadding = 255;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Rows that share a passage of `nearest` over the vectors.
constexpr int64_t kBlockRows = 16;

// Why a row is empty, if its components give different reasons: the one that
// comes first here.
RowStatus Stronger(RowStatus a, RowStatus b) {
  for (const RowStatus status : {RowStatus::kNoLivingItem, RowStatus::kExhausted,
                                 RowStatus::kNoCandidate, RowStatus::kNoAnchor}) {
    if (a == status || b == status) return status;
  }
  return RowStatus::kNoEvent;
}

// Draws the rows of one call.
class CallSampler {
 public:
  CallSampler(const Policy& policy, const SourceContext& context, const SampleBatch& batch,
              const SampleColumns& columns, SampleTotals* totals)
      : policy_(policy), context_(context), batch_(batch), columns_(columns), totals_(*totals) {
    for (const PolicyComponent& component : policy.components) {
      // A component without a share may lack what it needs, queries say.
      sources_.push_back(component.share > 0 ? MakeSource(component.source, context) : nullptr);
    }
    totals_.drawn_by_component.assign(sources_.size(), 0);
  }

  absl::Status Run() {
    std::vector<Row> block(std::min(batch_.row_count, kBlockRows));
    for (int64_t first = 0; first < batch_.row_count; first += kBlockRows) {
      NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
      const int64_t count = std::min(kBlockRows, batch_.row_count - first);
      for (int64_t i = 0; i < count; ++i) Resolve(first + i, &block[i]);
      const std::span<const Row> rows = std::span<const Row>(block).first(count);
      for (const auto& source : sources_) {
        if (source != nullptr) NEGATRON_RETURN_IF_ERROR(source->BeginBlock(rows));
      }
      for (int64_t i = 0; i < count; ++i) {
        NEGATRON_RETURN_IF_ERROR(SampleRow(first + i, i, rows[i].key));
      }
    }
    return absl::OkStatus();
  }

 private:
  void Resolve(int64_t r, Row* row) const {
    row->as_of = batch_.as_of[r];
    row->key = batch_.keys[r];
    row->positive = batch_.positives.empty() ? kNoOrdinal : batch_.positives[r];
    row->query = batch_.queries.empty() ? nullptr : &batch_.queries[r * batch_.query_columns];
    std::span<const UserPositive> history;
    if (!batch_.users.empty() && batch_.users[r] != kNoOrdinal) {
      history = context_.pool->HistoryBefore(batch_.users[r], row->as_of);
    }
    std::span<const Ordinal> named;
    if (!batch_.exclusion_splits.empty()) {
      const int64_t begin = batch_.exclusion_splits[r];
      named = batch_.exclusions.subspan(begin, batch_.exclusion_splits[r + 1] - begin);
    }
    row->excluded.Reset(history, row->positive, named);
  }

  absl::Status SampleRow(int64_t r, size_t index, uint64_t key) {
    const size_t component_count = sources_.size();
    std::array<double, kMaxComponents> shares{};
    RowStatus status = RowStatus::kOk;
    double sum = 0;
    for (size_t c = 0; c < component_count; ++c) {
      if (sources_[c] == nullptr) continue;
      NEGATRON_ASSIGN_OR_RETURN(const RowStatus ready, sources_[c]->BeginRow(index));
      if (ready == RowStatus::kOk) {
        sum += shares[c] = policy_.components[c].share;
      } else {
        status = status == RowStatus::kOk ? ready : Stronger(status, ready);
      }
    }
    Rejects rejects{};
    if (sum > 0) {
      status = RowStatus::kOk;
      for (double& share : shares) share /= sum;
      NEGATRON_RETURN_IF_ERROR(Draw(r, key, {shares.data(), component_count}, &rejects));
    } else {
      Pad(r);
    }
    Finish(r, status, {shares.data(), component_count}, rejects);
    return absl::OkStatus();
  }

  absl::Status Draw(int64_t r, uint64_t key, std::span<const double> shares, Rejects* rejects) {
    std::array<int, kMaxComponents> counts{};
    const double u =
        UnitDouble(absl::Uint128High64(context_.random.Bits(key, 0, RandomPurpose::kSlots, 0)));
    SystematicCounts(shares, batch_.negative_count, u, {counts.data(), shares.size()});
    const bool mixed =
        std::count_if(shares.begin(), shares.end(), [](double share) { return share > 0; }) > 1;
    uint32_t slot = 0;
    for (size_t c = 0; c < shares.size(); ++c) {
      totals_.drawn_by_component[c] += counts[c];
      for (int i = 0; i < counts[c]; ++i, ++slot) {
        NEGATRON_ASSIGN_OR_RETURN(const negatron::Draw draw, sources_[c]->NextDraw(slot, rejects));
        const int64_t at = r * batch_.negative_count + slot;
        columns_.items[at] = draw.item;
        if (!columns_.components.empty()) columns_.components[at] = static_cast<uint8_t>(c);
        if (!columns_.scores.empty()) columns_.scores[at] = draw.score;
        WriteLogs(at, c, draw, shares, mixed);
      }
    }
    return absl::OkStatus();
  }

  void WriteLogs(int64_t at, size_t component, const negatron::Draw& draw,
                 std::span<const double> shares, bool mixed) {
    if (columns_.log_q.empty() && columns_.log_q_source.empty()) return;
    if (draw.q != last_q_) {
      last_q_ = draw.q;
      last_log_q_ = static_cast<float>(std::log(draw.q));
    }
    const float log_q_source = last_log_q_;
    if (!columns_.log_q_source.empty()) columns_.log_q_source[at] = log_q_source;
    if (columns_.log_q.empty()) return;
    columns_.log_q[at] = log_q_source;
    if (!mixed) return;
    double q = 0;
    for (size_t c = 0; c < shares.size(); ++c) {
      if (shares[c] <= 0) continue;
      q += shares[c] * (c == component ? draw.q : sources_[c]->Probability(draw.item));
    }
    columns_.log_q[at] = static_cast<float>(std::log(q));
  }

  void Pad(int64_t r) const {
    const int64_t k = batch_.negative_count;
    const auto fill = [&](auto column, auto value) {
      if (!column.empty()) std::fill_n(column.begin() + r * k, k, value);
    };
    fill(columns_.items, kNoOrdinal);
    fill(columns_.log_q, kNan);
    fill(columns_.log_q_source, kNan);
    fill(columns_.components, kPadding);
    fill(columns_.scores, kNan);
  }

  void Finish(int64_t r, RowStatus status, std::span<const double> shares, const Rejects& rejects) {
    columns_.statuses[r] = static_cast<uint8_t>(status);
    ++totals_.rows_by_status[static_cast<int>(status)];
    for (size_t c = 0; c < rejects.size(); ++c) totals_.rejects[c] += rejects[c];
    if (!columns_.shares.empty()) {
      std::copy(shares.begin(), shares.end(), columns_.shares.begin() + r * shares.size());
    }
    if (!columns_.rejects.empty()) {
      std::copy(rejects.begin(), rejects.end(), columns_.rejects.begin() + r * rejects.size());
    }
  }

  const Policy& policy_;
  const SourceContext& context_;
  const SampleBatch& batch_;
  const SampleColumns& columns_;
  SampleTotals& totals_;
  std::vector<std::unique_ptr<Source>> sources_;  // Null: no share.
  double last_q_ = 1;                             // `uniform` repeats it.
  float last_log_q_ = 0;
};

}  // namespace

absl::Status SampleRows(const Policy& policy, const SourceContext& context,
                        const SampleBatch& batch, const SampleColumns& columns,
                        SampleTotals* totals) {
  return CallSampler(policy, context, batch, columns, totals).Run();
}

}  // namespace negatron
