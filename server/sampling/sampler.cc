// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include "server/sampling/batch_rows.h"
#include "server/sampling/distinct.h"
#include "server/sampling/draw_observer.h"
#include "server/sampling/log_probability.h"
#include "server/sampling/nearness.h"
#include "server/sampling/short_rows.h"
#include "server/sampling/slots.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Rows that share a passage of `nearest` or `adversarial` over the vectors, or whose pools
// `dynamic` draws together.
constexpr int64_t kNearestBlockRows = 16;

// Draws of a block of rows that wait for memory together, and its bounds in rows.
constexpr int64_t kBlockDraws = 1024;
constexpr int64_t kMinBlockRows = 64;
constexpr int64_t kMaxBlockRows = 512;

int64_t BlockRows(const Policy& policy, int negative_count) {
  if (policy.NeedsEmbeddings()) return kNearestBlockRows;
  return std::clamp(kBlockDraws / negative_count, kMinBlockRows, kMaxBlockRows);
}

// Draws the rows of one call.
class CallSampler {
 public:
  CallSampler(const Policy& policy, const SourceContext& context, const SampleBatch& batch,
              const SampleColumns& columns, SampleTotals* totals)
      : policy_(policy),
        context_(WithGuards(context, policy)),
        batch_(batch),
        columns_(columns),
        totals_(*totals),
        block_rows_(BlockRows(policy, batch.negative_count)),
        laws_(LawsOf(policy, context.law_item_count())) {
    const bool tags_near = policy.min_distance.has_value() && !columns.tags.empty();
    if (tags_near) near_.emplace(*policy.min_distance, context_);
    for (const PolicyComponent& component : policy.components) {
      const auto number = static_cast<uint32_t>(sources_.size());
      // A component without a share may lack what it needs, queries say.
      sources_.push_back(component.share > 0 ? MakeSource(component, context_, number) : nullptr);
    }
    if (policy.fallback.has_value()) {
      const auto number = static_cast<uint32_t>(sources_.size());
      sources_.push_back(MakeSource(*policy.fallback, context_, number));
    }
    draws_.resize(sources_.size());
    statuses_.resize(sources_.size());
    totals_.drawn_by_component.assign(component_count(), 0);
    if (context_.observed_rows.has_value()) {
      observer_.emplace(policy, laws_, context_, *context_.observed_rows, &totals->observed);
    }
  }

  absl::Status Run() {
    std::vector<Row> block(std::min(batch_.row_count, block_rows_));
    for (int64_t first = 0; first < batch_.row_count; first += block_rows_) {
      NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
      const int64_t count = std::min(block_rows_, batch_.row_count - first);
      for (int64_t i = 0; i < count; ++i) {
        if (!batch_.users.empty() && batch_.users[first + i] != kNoOrdinal) {
          context_.pool->history(batch_.users[first + i]).Prefetch();
        }
      }
      for (int64_t i = 0; i < count; ++i) {
        ResolveRow(policy_, *context_.pool, batch_, first + i, &block[i]);
      }
      NEGATRON_RETURN_IF_ERROR(SampleBlock(first, std::span<const Row>(block).first(count)));
    }
    return absl::OkStatus();
  }

 private:
  // Sources [0, component_count()) are those of the components; one behind them is the fallback.
  size_t component_count() const { return policy_.components.size(); }
  bool IsFallback(size_t source) const { return source == component_count(); }

  absl::Status SampleBlock(int64_t first, std::span<const Row> rows) {
    rows_ = rows;
    if (near_.has_value()) near_->Begin(rows);
    for (size_t c = 0; c < sources_.size(); ++c) {
      draws_[c].clear();
      statuses_[c].assign(rows.size(), RowStatus::kOk);
      if (sources_[c] == nullptr || IsFallback(c)) continue;
      NEGATRON_RETURN_IF_ERROR(sources_[c]->Begin(rows, statuses_[c]));
    }
    rejects_.assign(rows.size(), Rejects{});
    shares_.assign(rows.size() * component_count(), 0);
    row_statuses_.assign(rows.size(), RowStatus::kOk);
    for (size_t r = 0; r < rows.size(); ++r) Allot(r, rows[r].key);
    if (policy_.fallback.has_value()) NEGATRON_RETURN_IF_ERROR(FallBack());
    for (size_t c = 0; c < sources_.size(); ++c) {
      if (!draws_[c].empty()) NEGATRON_RETURN_IF_ERROR(sources_[c]->Fill(&draws_[c], rejects_));
    }
    if (!policy_.IsWithRepetition()) {
      DistinctRows distinct(policy_, context_, rows, sources_, statuses_);
      NEGATRON_RETURN_IF_ERROR(distinct.Mend(draws_, rejects_, row_statuses_));
    }
    if (observer_.has_value()) {
      NEGATRON_RETURN_IF_ERROR(observer_->See(first, rows, sources_, draws_, shares_));
    }
    for (size_t c = 0; c < sources_.size(); ++c) Write(first, c);
    for (size_t r = 0; r < rows.size(); ++r) Finish(first, r, rows[r]);
    return absl::OkStatus();
  }

  std::span<double> Shares(size_t row) {
    return std::span<double>(shares_).subspan(row * component_count(), component_count());
  }
  bool HasShares(size_t row) {
    const std::span<const double> shares = Shares(row);
    return std::any_of(shares.begin(), shares.end(), [](double share) { return share > 0; });
  }

  // Opens the slots of empty rows that the fallback has something for. Short rows are known
  // only later.
  absl::Status FallBack() {
    std::vector<RowStatus>& statuses = statuses_.back();
    const bool all_full = std::all_of(row_statuses_.begin(), row_statuses_.end(),
                                      [](RowStatus status) { return status == RowStatus::kOk; });
    if (all_full && policy_.IsWithRepetition()) return absl::OkStatus();
    NEGATRON_RETURN_IF_ERROR(sources_.back()->Begin(rows_, statuses));
    for (uint32_t r = 0; r < rows_.size(); ++r) {
      if (row_statuses_[r] == RowStatus::kOk || statuses[r] != RowStatus::kOk) continue;
      row_statuses_[r] = RowStatus::kOk;
      draws_.back().Open(r, 0, static_cast<uint32_t>(batch_.negative_count));
    }
    return absl::OkStatus();
  }

  // Shares, and slots by them.
  void Allot(size_t r, uint64_t key) {
    const std::span<double> shares = Shares(r);
    const auto status_of = [&](size_t c) { return statuses_[c][r]; };
    row_statuses_[r] = ShareOut(policy_, status_of, shares);
    if (row_statuses_[r] != RowStatus::kOk) return;
    std::array<int, kMaxComponents> counts{};
    if (shares.size() == 1) {
      counts[0] = batch_.negative_count;
    } else {
      const double u =
          UnitDouble(absl::Uint128High64(context_.random.Bits(key, 0, RandomPurpose::kSlots, 0)));
      SystematicCounts(shares, batch_.negative_count, u, {counts.data(), shares.size()});
    }
    uint32_t slot = 0;
    for (size_t c = 0; c < shares.size(); ++c) {
      const auto count = static_cast<uint32_t>(counts[c]);
      draws_[c].Open(static_cast<uint32_t>(r), slot, count);
      slot += count;
    }
  }

  // Writes what component `c` drew. q of the other components is asked for all
  // draws at once.
  void Write(int64_t first, size_t c) {
    const Draws& draws = draws_[c];
    // The law of a single source is the mixture's.
    const bool mixes =
        !columns_.expected_counts.empty() || (sources_.size() > 1 && !columns_.log_q.empty());
    if (mixes) IsFallback(c) ? MixNothing(draws) : AddOthers(c);
    // A single source that fills all rows writes one piece of a column.
    const int64_t k = batch_.negative_count;
    const bool whole = sources_.size() == 1 && policy_.IsWithRepetition() &&
                       draws.size() == rejects_.size() * static_cast<size_t>(k);
    const auto write = [&](auto column, const auto& values) {
      if (column.empty()) return;
      if (whole) {
        std::copy(values.begin(), values.end(), column.begin() + first * k);
        return;
      }
      for (size_t i = 0; i < draws.size(); ++i) {
        column[(first + draws.rows[i]) * k + draws.slots[i]] = values[i];
      }
    };
    const auto write_logs = [&](std::span<float> column, std::span<const double> q) {
      if (column.empty()) return;
      if (whole) return LogProbabilities(q, column.subspan(first * k, q.size()));
      floats_.resize(q.size());
      LogProbabilities(q, floats_);
      write(column, floats_);
    };
    const auto write_floats = [&](std::span<float> column, const std::vector<float>& values,
                                  float without) {
      if (column.empty()) return;
      if (!values.empty()) return write(column, values);
      floats_.assign(draws.size(), without);
      write(column, floats_);
    };
    write(columns_.items, draws.items);
    if (!columns_.ids.empty()) {
      const IdIndex& ids = context_.pool->items();
      ids_.resize(draws.size());
      for (size_t i = 0; i < draws.size(); ++i) {
        ids_[i] = draws.items[i] == kNoOrdinal ? kNoId : ids.NumberAt(draws.items[i]);
      }
      write(columns_.ids, ids_);
    }
    if (!columns_.components.empty()) {
      write(columns_.components, std::vector<uint8_t>(draws.size(), static_cast<uint8_t>(c)));
    }
    write_floats(columns_.scores, draws.scores, kNan);
    write_floats(columns_.importance_weights, draws.importance_weights, 1);
    if (!columns_.model_versions.empty() || !columns_.vector_ages.empty()) {
      LookUpStamps(draws);
      write(columns_.model_versions, versions_);
      write(columns_.vector_ages, floats_);
    }
    if (!columns_.tags.empty()) {
      Tag(draws, IsFallback(c) ? kTagFallback : 0);
      write(columns_.tags, tags_);
    }
    write_logs(columns_.log_q_source, draws.q);
    write_logs(columns_.log_q, mixes ? mixed_ : draws.q);
    if (!columns_.expected_counts.empty()) {
      WriteExpectedCounts(IsFallback(c) ? laws_.fallback : laws_.components[c]);
      write(columns_.expected_counts, floats_);
    }
    (IsFallback(c) ? totals_.drawn_by_fallback : totals_.drawn_by_component[c]) +=
        static_cast<int64_t>(draws.size()) -
        std::count(draws.items.begin(), draws.items.end(), kNoOrdinal);
  }

  // Fills floats_, of draws by a component of this law; how often one is to be expected is not
  // known where probabilities have an unknown factor.
  void WriteExpectedCounts(LawKind law) {
    floats_.assign(mixed_.size(), kNan);
    if (law == LawKind::kRowConstant) return;
    const double k = batch_.negative_count;
    for (size_t i = 0; i < mixed_.size(); ++i) {
      floats_[i] =
          static_cast<float>(policy_.IsWithRepetition() ? mixed_[i] * k : -std::expm1(missed_[i]));
    }
  }

  uint8_t TagsOf(size_t r, Ordinal item) const {
    const Row& row = rows_[r];
    uint8_t tags = 0;
    if (row.user != kNoOrdinal && IsInHorizon(context_.pool->history(row.user), item, row.as_of,
                                              policy_.history_horizon_micros)) {
      tags |= kTagInHorizon;
    }
    if (near_.has_value() && near_->IsNear(r, item)) tags |= kTagNearPositive;
    return tags;
  }

  // Fills tags_; all draws have `common`.
  void Tag(const Draws& draws, uint8_t common) {
    tags_.assign(draws.size(), 0);
    for (size_t i = 0; i < draws.size(); ++i) {
      if (draws.items[i] != kNoOrdinal) tags_[i] = common | TagsOf(draws.rows[i], draws.items[i]);
    }
  }

  // Fills versions_, and floats_ with ages.
  void LookUpStamps(const Draws& draws) {
    versions_.assign(draws.size(), kNoVector);
    floats_.assign(draws.size(), kNan);
    for (size_t i = 0; i < draws.scores.size(); ++i) {
      if (draws.items[i] == kNoOrdinal || std::isnan(draws.scores[i])) continue;
      const VectorStamp stamp = context_.vectors->Stamp(draws.items[i]);
      versions_[i] = stamp.model_version;
      floats_[i] = context_.freshness.AgeOf(stamp);
    }
  }

  // Fills mixed_ and missed_ for draws of the fallback: alone in a row, its law is that of
  // the row; beside others there is none.
  void MixNothing(const Draws& draws) {
    mixed_.assign(draws.size(), kNan);
    missed_.assign(draws.size(), kNan);
    for (size_t i = 0; i < draws.size(); ++i) {
      if (draws.items[i] == kNoOrdinal || HasShares(draws.rows[i])) continue;
      mixed_[i] = draws.q[i];
      missed_[i] = batch_.negative_count * std::log1p(-std::min(draws.q[i], 1.0));
    }
  }

  // Fills mixed_ with sum over components of share * q, missed_ with the log of
  // the chance that none of the row's slots hits the item.
  void AddOthers(size_t own) {
    const Draws& draws = draws_[own];
    mixed_.assign(draws.size(), 0);
    missed_.assign(draws.size(), 0);
    for (size_t c = 0; c < component_count(); ++c) {
      pairs_.clear();
      owners_.clear();
      for (size_t i = 0; i < draws.size(); ++i) {
        if (draws.items[i] == kNoOrdinal || Shares(draws.rows[i])[c] <= 0) continue;
        pairs_.push_back({draws.rows[i], draws.items[i]});
        owners_.push_back(i);
      }
      if (pairs_.empty()) continue;
      probabilities_.resize(pairs_.size());
      if (c == own) {
        for (size_t p = 0; p < pairs_.size(); ++p) probabilities_[p] = draws.q[owners_[p]];
      } else {
        sources_[c]->Probabilities(pairs_, probabilities_);
      }
      for (size_t p = 0; p < pairs_.size(); ++p) {
        const double share = Shares(pairs_[p].row)[c];
        const double q = MixedProbability(probabilities_[p], share, laws_.components[c]);
        mixed_[owners_[p]] += share * q;
        if (!columns_.expected_counts.empty()) {
          // A certain item may come out a little above 1.
          missed_[owners_[p]] += share * batch_.negative_count * std::log1p(-std::min(q, 1.0));
        }
      }
    }
  }

  void Finish(int64_t first, size_t index, const Row& row) {
    const int64_t r = first + static_cast<int64_t>(index);
    const RowStatus status = row_statuses_[index];
    int64_t drawn = batch_.negative_count;
    if (status == RowStatus::kShort) {
      drawn = CompactRow(columns_, batch_.negative_count, r);
    } else if (status != RowStatus::kOk) {
      drawn = 0;
    }
    if (drawn < batch_.negative_count) PadRow(columns_, batch_.negative_count, r, drawn);
    columns_.statuses[r] = static_cast<uint8_t>(status);
    if (!columns_.drawn.empty()) columns_.drawn[r] = drawn;
    ++totals_.rows_by_status[static_cast<int>(status)];
    const Rejects& rejects = rejects_[index];
    for (size_t c = 0; c < rejects.size(); ++c) totals_.rejects[c] += rejects[c];
    const std::span<const double> shares = Shares(index);
    const auto at = static_cast<int64_t>(r * static_cast<int64_t>(shares.size()));
    if (!columns_.shares.empty()) {
      std::copy(shares.begin(), shares.end(), columns_.shares.begin() + at);
    }
    if (!columns_.rejects.empty()) {
      std::copy(rejects.begin(), rejects.end(), columns_.rejects.begin() + r * kRejectCauseCount);
    }
    if (!columns_.positive_log_q.empty()) {
      columns_.positive_log_q[r] = PositiveLogQ(row, static_cast<uint32_t>(index), drawn);
    }
    if (columns_.boundaries.empty()) return;
    for (size_t c = 0; c < shares.size(); ++c) {
      columns_.boundaries[at + static_cast<int64_t>(c)] =
          shares[c] > 0 ? sources_[c]->Boundary(static_cast<uint32_t>(index)) : 0;
    }
  }

  float PositiveLogQ(const Row& row, uint32_t index, int64_t drawn) {
    if (row.positive == kNoOrdinal || drawn == 0) return kNan;
    double q = 0;
    for (size_t c = 0; c < component_count(); ++c) {
      const double share = Shares(index)[c];
      if (share > 0) q += share * sources_[c]->PositiveProbability(index);
    }
    if (!HasShares(index)) q = sources_.back()->PositiveProbability(index);
    const double floor = policy_.positive_floor;
    if (floor > 0) {
      std::vector<Ordinal> excluded;
      row.excluded.AppendTo(&excluded);
      int64_t eligible = context_.pool->LivingCount(row.as_of) + 1;
      for (const Ordinal item : excluded) {
        if (context_.pool->IsAlive(item, row.as_of)) --eligible;
      }
      q = (1 - floor) * q + floor / static_cast<double>(eligible);
    }
    return static_cast<float>(std::log(q));
  }

  const Policy& policy_;
  const SourceContext context_;
  const SampleBatch& batch_;
  const SampleColumns& columns_;
  SampleTotals& totals_;
  const int64_t block_rows_;
  const PolicyLaws laws_;
  std::optional<Nearness> near_;                  // Of what is to be tagged.
  std::optional<DrawObserver> observer_;          // Unset: nothing is observed.
  std::vector<std::unique_ptr<Source>> sources_;  // Null: no share.
  // Of the block.
  std::span<const Row> rows_;
  std::vector<Draws> draws_;                      // By component, in order of rows.
  std::vector<std::vector<RowStatus>> statuses_;  // By component and row.
  std::vector<RowStatus> row_statuses_;
  std::vector<Rejects> rejects_;
  std::vector<double> shares_;  // [rows, components].
  std::vector<RowItem> pairs_;
  std::vector<size_t> owners_;
  std::vector<double> probabilities_;
  std::vector<double> mixed_;
  std::vector<double> missed_;
  std::vector<float> floats_;
  std::vector<int64_t> ids_;
  std::vector<int64_t> versions_;
  std::vector<uint8_t> tags_;
};

}  // namespace

void SampleTotals::Add(const SampleTotals& part, size_t first_component) {
  const auto add = [](const auto& from, auto* to) {
    std::transform(from.begin(), from.end(), to, to, std::plus<>());
  };
  add(part.drawn_by_component, drawn_by_component.data() + first_component);
  add(part.rows_by_status, rows_by_status.data());
  add(part.rejects, rejects.data());
  drawn_by_fallback += part.drawn_by_fallback;
  observed.Add(part.observed, first_component);
}

absl::Status SampleRows(const Policy& policy, const SourceContext& context,
                        const SampleBatch& batch, const SampleColumns& columns,
                        SampleTotals* totals) {
  return CallSampler(policy, context, batch, columns, totals).Run();
}

}  // namespace negatron
