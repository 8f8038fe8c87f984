// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/nearest_source.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "server/sampling/anchor_noise.h"
#include "storage/base/status.h"

namespace negatron {
NearestCandidates::NearestCandidates(const NearestSource& spec, const std::string& category,
                                     const SourceContext& context)
    : spec_(spec),
      items_(spec.anchor, category, context),
      context_(context),
      scorer_(*context.vectors) {}

// A row whose margins cannot be told has no anchor either; nor has one whose noise is too large to
// score against.
void NearestCandidates::SetAnchors() {
  const auto dimension = static_cast<size_t>(context_.vectors->dimension());
  anchors_.resize(rows_.size() * dimension);
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    const auto anchor = std::span(anchors_).subspan(i * dimension, dimension);
    if (!items_.ReadAnchor(row, anchor)) continue;
    if (spec_.HasMargin() && (row.positive == kNoOrdinal || !items_.HasVector(row.positive))) {
      continue;
    }
    if (spec_.noise > 0) {
      AddNoise(context_.random, row.key, spec_.noise, anchor);
      if (!PrepareVector(context_.vectors->settings().metric, anchor).empty()) continue;
    }
    states_[i].anchor = anchor.data();
  }
}

NearestCandidates::Bounds NearestCandidates::BoundsOf(const Row& row, const float* anchor) const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Bounds bounds{spec_.min_score.value_or(-kInfinity), spec_.max_score.value_or(kInfinity)};
  if (!spec_.HasMargin()) return bounds;
  const double positive = scorer_.Score(anchor, row.positive);
  if (spec_.margin.has_value()) bounds.most = std::min(bounds.most, positive - *spec_.margin);
  if (spec_.relative_margin.has_value()) {
    bounds.most = std::min(bounds.most, positive - *spec_.relative_margin * std::abs(positive));
  }
  return bounds;
}

absl::Status NearestCandidates::Begin(std::span<const Row> rows, std::span<RowStatus> statuses) {
  rows_ = rows;
  states_.clear();
  states_.resize(rows.size());
  SetAnchors();
  std::vector<const float*> anchors;
  std::vector<size_t> owners;
  std::vector<Bounds> bounds;
  for (size_t i = 0; i < rows.size(); ++i) {
    const float* anchor = states_[i].anchor;
    if (anchor == nullptr) continue;
    anchors.push_back(anchor);
    owners.push_back(i);
    bounds.push_back(BoundsOf(rows[i], anchor));
  }
  const auto accept = [&](size_t query, Ordinal item, float score) {
    const Row& row = rows[owners[query]];
    return bounds[query].Contain(score) && items_.Admits(row, item) && !row.excluded.Contains(item);
  };
  std::vector<std::vector<Hit>> found;
  const auto search = MakeSearch(scorer_, context_.generation, context_.delta);
  NEGATRON_RETURN_IF_ERROR(
      search->Search(anchors, spec_.rank_end, accept, *context_.cancellation, &found));
  for (size_t q = 0; q < owners.size(); ++q) states_[owners[q]].hits = std::move(found[q]);
  for (size_t i = 0; i < rows.size(); ++i) statuses[i] = Status(rows[i], &states_[i]);
  return absl::OkStatus();
}

RowStatus NearestCandidates::Status(const Row& row, RowState* state) const {
  if (state->hits.size() <= static_cast<size_t>(spec_.rank_begin)) {
    return items_.EmptyStatus(row, state->anchor != nullptr);
  }
  state->window = std::span<const Hit>(state->hits).subspan(spec_.rank_begin);
  Weigh(state);
  return RowStatus::kOk;
}

void NearestCandidates::Weigh(RowState* state) const {
  if (spec_.pick == NearestPick::kTop) return;
  const std::span<const Hit> window = state->window;
  state->q.assign(window.size(), 1.0 / static_cast<double>(window.size()));
  if (spec_.pick == NearestPick::kUniform) return;
  double sum = 0;
  for (size_t i = 0; i < window.size(); ++i) {
    // Relative to the highest score, so that nothing overflows.
    const double difference = double{window[i].score} - window[0].score;
    sum += state->q[i] = std::exp(difference / spec_.temperature);
    state->cumulated.push_back(sum);
  }
  for (double& q : state->q) q = std::max(q / sum, kLeastProbability);
}

absl::Status NearestCandidates::Fill(Draws* draws, std::span<Rejects>) {
  uint32_t row = std::numeric_limits<uint32_t>::max();
  size_t next_top = 0;
  draws->scores.resize(draws->size());
  for (size_t d = 0; d < draws->size(); ++d) {
    if (draws->rows[d] != row) {
      row = draws->rows[d];
      next_top = 0;
    }
    RowState& state = states_[row];
    const size_t size = state.window.size();
    const uint32_t round = draws->rounds[d];
    const absl::uint128 bits =
        context_.random.Bits(rows_[row].key, draws->slots[d], RandomPurpose::kWindow, round);
    const uint64_t high = absl::Uint128High64(bits);
    size_t i = 0;
    if (spec_.pick == NearestPick::kTop) {
      i = (next_top++ + round) % size;
    } else if (spec_.pick == NearestPick::kUniform) {
      i = BelowBound(high, size);
    } else {
      const double target = UnitDouble(high) * state.cumulated.back();
      const auto found = std::upper_bound(state.cumulated.begin(), state.cumulated.end(), target);
      i = std::min(static_cast<size_t>(found - state.cumulated.begin()), size - 1);
    }
    draws->items[d] = state.window[i].item;
    draws->scores[d] = state.window[i].score;
    draws->q[d] = state.q.empty() ? std::numeric_limits<double>::quiet_NaN() : state.q[i];
  }
  return absl::OkStatus();
}

void NearestCandidates::Probabilities(std::span<const RowItem> pairs, std::span<double> q) {
  for (size_t p = 0; p < pairs.size(); ++p) {
    RowState& state = states_[pairs[p].row];
    if (spec_.pick == NearestPick::kTop) {
      q[p] = std::numeric_limits<double>::quiet_NaN();
      continue;
    }
    if (state.by_item.empty()) {
      for (size_t i = 0; i < state.window.size(); ++i) {
        state.by_item.emplace_back(state.window[i].item, state.q[i]);
      }
      std::sort(state.by_item.begin(), state.by_item.end());
    }
    const auto found = std::lower_bound(state.by_item.begin(), state.by_item.end(),
                                        std::pair<Ordinal, double>(pairs[p].item, -1.0));
    q[p] = found != state.by_item.end() && found->first == pairs[p].item ? found->second : 0.0;
  }
}

double NearestCandidates::PositiveProbability(uint32_t) {
  return spec_.pick == NearestPick::kTop ? std::numeric_limits<double>::quiet_NaN() : 0.0;
}

absl::Status NearestCandidates::Enumerate(uint32_t row, std::vector<Candidate>* candidates) {
  const RowState& state = states_[row];
  for (size_t i = 0; i < state.window.size(); ++i) {
    const double weight = state.q.empty() ? 1.0 : state.q[i];
    candidates->push_back(
        {state.window[i].item, weight > kLeastProbability ? weight : 0.0, state.window[i].score});
  }
  return absl::OkStatus();
}

}  // namespace negatron
