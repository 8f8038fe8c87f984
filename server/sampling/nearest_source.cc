// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/nearest_source.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "server/sampling/anchor_noise.h"
#include "storage/base/status.h"

namespace negatron {
NearestCandidates::NearestCandidates(const NearestSource& spec, const PolicyComponent& component,
                                     const SourceContext& context)
    : spec_(spec),
      items_(spec.anchor, component.category, context),
      guard_(component, context),
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

ScoreRange NearestCandidates::BoundsOf(const Row& row, const float* anchor) const {
  return RangeOf(spec_, spec_.HasMargin() ? scorer_.Score(anchor, row.positive) : 0);
}

absl::Status NearestCandidates::Begin(std::span<const Row> rows, std::span<RowStatus> statuses) {
  rows_ = rows;
  guard_.Begin(rows);
  states_.clear();
  states_.resize(rows.size());
  SetAnchors();
  std::vector<const float*> anchors;
  std::vector<size_t> owners;
  std::vector<ScoreRange> bounds;
  for (size_t i = 0; i < rows.size(); ++i) {
    const float* anchor = states_[i].anchor;
    if (anchor == nullptr) continue;
    anchors.push_back(anchor);
    owners.push_back(i);
    bounds.push_back(BoundsOf(rows[i], anchor));
  }
  const auto accept = [&](size_t query, Ordinal item, float score) {
    const Row& row = rows[owners[query]];
    return bounds[query].Contains(score) && items_.Admits(row, item) &&
           !row.excluded.Contains(item) && guard_.Admits(owners[query], item);
  };
  std::vector<std::vector<Hit>> found;
  const auto search = MakeSearch(scorer_, context_.generation, context_.delta,
                                 [this](Ordinal item) { items_.Announce(item); });
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
  state->hits.erase(state->hits.begin(), state->hits.begin() + spec_.rank_begin);
  state->window = MakeWindow(std::move(state->hits));
  return RowStatus::kOk;
}

Window NearestCandidates::MakeWindow(std::vector<Hit> hits) const {
  switch (spec_.pick) {
    case NearestPick::kSoftmax:
      return Window::Softmax(std::move(hits), spec_.temperature);
    case NearestPick::kTop:
      return Window::InOrder(std::move(hits));
    case NearestPick::kUniform:
      break;
  }
  return Window::Uniform(std::move(hits));
}

absl::Status NearestCandidates::Fill(Draws* draws, std::span<Rejects>) {
  draws->scores.resize(draws->size());
  for (size_t d = 0; d < draws->size(); ++d) {
    const uint32_t row = draws->rows[d];
    Window& window = states_[row].window;
    const absl::uint128 bits = context_.random.Bits(rows_[row].key, draws->slots[d],
                                                    RandomPurpose::kWindow, draws->rounds[d]);
    const size_t i = window.Pick(absl::Uint128High64(bits));
    draws->items[d] = window.hit(i).item;
    draws->scores[d] = window.hit(i).score;
    draws->q[d] = window.q(i);
  }
  return absl::OkStatus();
}

void NearestCandidates::Probabilities(std::span<const RowItem> pairs, std::span<double> q) {
  for (size_t p = 0; p < pairs.size(); ++p) {
    q[p] = states_[pairs[p].row].window.Probability(pairs[p].item);
  }
}

double NearestCandidates::PositiveProbability(uint32_t) {
  return spec_.pick == NearestPick::kTop ? std::numeric_limits<double>::quiet_NaN() : 0.0;
}

std::optional<RowAnchor> NearestCandidates::AnchorOf(uint32_t row) const {
  const float* const anchor = states_[row].anchor;
  return RowAnchor{anchor, anchor == nullptr ? ScoreRange() : BoundsOf(rows_[row], anchor)};
}

absl::Status NearestCandidates::Enumerate(uint32_t row, std::vector<Candidate>* candidates) {
  states_[row].window.AppendTo(candidates);
  return absl::OkStatus();
}

}  // namespace negatron
