// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/adversarial_source.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr uint32_t kNoRow = std::numeric_limits<uint32_t>::max();

}  // namespace

AdversarialItems::AdversarialItems(const AdversarialSource& spec, const PolicyComponent& component,
                                   const SourceContext& context)
    : spec_(spec),
      items_(spec.anchor, component.category, context),
      guard_(component, context),
      context_(context),
      scorer_(*context.vectors),
      scan_(scorer_, spec.temperature),
      enumerated_row_(kNoRow) {}

void AdversarialItems::SetAnchors() {
  const auto dimension = static_cast<size_t>(context_.vectors->dimension());
  anchors_.resize(rows_.size() * dimension);
  for (size_t i = 0; i < rows_.size(); ++i) {
    const auto anchor = std::span(anchors_).subspan(i * dimension, dimension);
    if (items_.ReadAnchor(rows_[i], anchor) && guard_.Serves(i)) states_[i].anchor = anchor.data();
  }
}

uint64_t AdversarialItems::Accepted(size_t row, size_t page, uint64_t present) const {
  const auto first = static_cast<Ordinal>(page * VectorTable::kPageItems);
  const std::vector<Ordinal>& excluded = states_[row].excluded;
  for (auto next = std::lower_bound(excluded.begin(), excluded.end(), first);
       next != excluded.end() && *next - first < VectorTable::kPageItems; ++next) {
    present &= ~(uint64_t{1} << (*next - first));
  }
  uint64_t accepted = 0;
  for (uint64_t rest = present; rest != 0; rest &= rest - 1) {
    const auto place = static_cast<uint32_t>(std::countr_zero(rest));
    const bool admitted =
        items_.Admits(rows_[row], first + place) && guard_.Admits(row, first + place);
    accepted |= uint64_t{admitted} << place;
  }
  return accepted;
}

absl::Status AdversarialItems::Begin(std::span<const Row> rows, std::span<RowStatus> statuses) {
  rows_ = rows;
  guard_.Begin(rows);
  states_.clear();
  states_.resize(rows.size());
  enumerated_row_ = kNoRow;
  SetAnchors();
  std::vector<const float*> anchors;
  std::vector<size_t> owners;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (states_[i].anchor == nullptr) continue;
    rows[i].excluded.AppendTo(&states_[i].excluded);
    std::sort(states_[i].excluded.begin(), states_[i].excluded.end());
    anchors.push_back(states_[i].anchor);
    owners.push_back(i);
  }
  const auto accept = [&](size_t query, size_t page, uint64_t present) {
    return Accepted(owners[query], page, present);
  };
  std::vector<SoftmaxSums> sums;
  NEGATRON_RETURN_IF_ERROR(scan_.Scan(anchors, accept, *context_.cancellation, &sums));
  for (size_t q = 0; q < owners.size(); ++q) states_[owners[q]].sums = std::move(sums[q]);
  for (size_t i = 0; i < rows.size(); ++i) {
    const RowState& state = states_[i];
    statuses[i] = state.sums.total > 0 ? RowStatus::kOk
                                       : items_.EmptyStatus(rows[i], state.anchor != nullptr);
  }
  return absl::OkStatus();
}

absl::Status AdversarialItems::Fill(Draws* draws, std::span<Rejects>) {
  draws->scores.resize(draws->size());
  for (size_t begin = 0, end = 0; begin < draws->size(); begin = end) {
    end = begin;
    while (end < draws->size() && draws->rows[end] == draws->rows[begin]) ++end;
    NEGATRON_RETURN_IF_ERROR(FillRow(begin, end, draws));
  }
  return absl::OkStatus();
}

absl::Status AdversarialItems::FillRow(size_t begin, size_t end, Draws* draws) {
  struct Pick {
    size_t block;
    size_t draw;
    double within;
  };
  const uint32_t row = draws->rows[begin];
  const RowState& state = states_[row];
  std::vector<Pick> picks;
  picks.reserve(end - begin);
  for (size_t d = begin; d < end; ++d) {
    const absl::uint128 bits = context_.random.Bits(rows_[row].key, draws->slots[d],
                                                    RandomPurpose::kWindow, draws->rounds[d]);
    picks.push_back({FindCumulated(state.sums.cumulated, UnitDouble(absl::Uint128High64(bits))), d,
                     UnitDouble(absl::Uint128Low64(bits))});
  }
  // A block is scored once for all draws that fell on it.
  std::sort(picks.begin(), picks.end(),
            [](const Pick& a, const Pick& b) { return a.block < b.block; });
  const auto accept = [&](size_t query, size_t page, uint64_t present) {
    return Accepted(query, page, present);
  };
  SoftmaxBlock block;
  for (size_t i = 0; i < picks.size(); ++i) {
    const Pick& pick = picks[i];
    if (i == 0 || picks[i - 1].block != pick.block) {
      NEGATRON_RETURN_IF_ERROR(
          scan_.Weigh(row, state.anchor, pick.block, accept, *context_.cancellation, &block));
    }
    const size_t place = FindCumulated(block.cumulated, pick.within);
    const auto item = static_cast<Ordinal>(pick.block * SoftmaxScan::kBlockItems + place);
    draws->items[pick.draw] = item;
    draws->scores[pick.draw] = block.scores[place];
    draws->q[pick.draw] = Probability(state, item, block.scores[place]);
  }
  return absl::OkStatus();
}

double AdversarialItems::Probability(const RowState& state, Ordinal item, float score) const {
  return std::max(scan_.Probability(state.sums, item, score), kLeastProbability);
}

void AdversarialItems::Probabilities(std::span<const RowItem> pairs, std::span<double> q) {
  for (size_t p = 0; p < pairs.size(); ++p) {
    const auto [row, item] = pairs[p];
    const bool drawable = context_.vectors->Contains(item) && items_.Admits(rows_[row], item) &&
                          guard_.Admits(row, item);
    const RowState& state = states_[row];
    q[p] = drawable ? Probability(state, item, scorer_.Score(state.anchor, item)) : 0.0;
  }
}

// The positive adds its weight to what the others have.
double AdversarialItems::PositiveProbability(uint32_t row) {
  const Ordinal positive = rows_[row].positive;
  if (positive == kNoOrdinal || !context_.vectors->Contains(positive) ||
      !items_.Admits(rows_[row], positive) || !guard_.Passes(row, positive)) {
    return 0;
  }
  const SoftmaxSums& sums = states_[row].sums;
  const float score = scorer_.Score(states_[row].anchor, positive);
  // Relative to the higher of the two, so that nothing overflows.
  if (score > sums.max_score) return 1 / (1 + sums.total * scan_.Weight(sums.max_score, score));
  const double weight = scan_.Weight(score, sums.max_score);
  return weight / (sums.total + weight);
}

absl::Status AdversarialItems::Enumerate(uint32_t row, std::vector<Candidate>* candidates) {
  const RowState& state = states_[row];
  if (enumerated_row_ != row) {
    enumerated_row_ = kNoRow;
    enumerated_.clear();
    const auto accept = [&](size_t query, size_t page, uint64_t present) {
      return Accepted(query, page, present);
    };
    SoftmaxBlock block;
    for (size_t b = 0; b < state.sums.block_max.size(); ++b) {
      if (state.sums.block_max[b] == -std::numeric_limits<float>::infinity()) continue;
      NEGATRON_RETURN_IF_ERROR(
          scan_.Weigh(row, state.anchor, b, accept, *context_.cancellation, &block));
      for (size_t i = 0; i < SoftmaxScan::kBlockItems; ++i) {
        const uint64_t accepted = block.accepted[i / VectorTable::kPageItems];
        if ((accepted >> (i % VectorTable::kPageItems) & 1) == 0) continue;
        enumerated_.push_back({static_cast<Ordinal>(b * SoftmaxScan::kBlockItems + i),
                               scan_.Weight(block.scores[i], state.sums.max_score),
                               block.scores[i]});
      }
    }
    enumerated_row_ = row;
  }
  candidates->insert(candidates->end(), enumerated_.begin(), enumerated_.end());
  return absl::OkStatus();
}

}  // namespace negatron
