// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/dynamic_source.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <variant>

#include "storage/base/status.h"

namespace negatron {
namespace {

// The slots of the pool would else meet those of other components.
SourceContext PoolContext(const SourceContext& context, uint32_t number) {
  const absl::uint128 bits = context.random.Bits(0, number, RandomPurpose::kPool, 0);
  SourceContext pool_context = context;
  pool_context.random = Philox(absl::Uint128Low64(bits));
  return pool_context;
}

// The base as a component of its own, of the same category and guards.
PolicyComponent BaseOf(PolicyComponent component, const DynamicSource& spec) {
  component.source = std::visit([](const auto& base) { return SourceSpec(base); }, spec.base);
  return component;
}

// In order of distance to `target`, which may be infinite.
void SortByDistance(double target, std::vector<Hit>* hits) {
  const auto [lowest, highest] = std::minmax_element(
      hits->begin(), hits->end(), [](const Hit& a, const Hit& b) { return a.score < b.score; });
  // Beyond all scores the order is the same, and far beyond distances would be equal.
  const double within = std::clamp(target, double{lowest->score}, double{highest->score});
  std::sort(hits->begin(), hits->end(), [within](const Hit& a, const Hit& b) {
    const double distance_a = std::abs(a.score - within);
    const double distance_b = std::abs(b.score - within);
    return distance_a != distance_b ? distance_a < distance_b : a.item < b.item;
  });
}

}  // namespace

DynamicItems::DynamicItems(const DynamicSource& spec, const PolicyComponent& component,
                           uint32_t number, const SourceContext& context)
    : spec_(spec),
      items_(spec.anchor, component.category, context),
      context_(context),
      scorer_(*context.vectors),
      pool_context_(PoolContext(context, number)),
      base_(MakeSource(BaseOf(component, spec), pool_context_)) {}

bool DynamicItems::ReadGoal(const Row& row, std::span<float> anchor, double* target) const {
  if (!items_.ReadAnchor(row, anchor)) return false;
  if (spec_.pick != DynamicPick::kAhns) return true;
  if (row.positive == kNoOrdinal || !items_.HasVector(row.positive)) return false;
  const double shifted = scorer_.Score(anchor.data(), row.positive) + spec_.target->alpha;
  if (!(shifted > 0)) return false;
  // A power that overflows is cut, so that it may be multiplied by 0.
  const double power =
      std::min(std::pow(shifted, spec_.target->p + 1), std::numeric_limits<double>::max());
  *target = spec_.target->beta * power;
  return true;
}

absl::Status DynamicItems::Begin(std::span<const Row> rows, std::span<RowStatus> statuses) {
  rows_ = rows;
  windows_.clear();
  windows_.resize(rows.size());
  pool_rejects_.assign(rows.size(), Rejects{});
  NEGATRON_RETURN_IF_ERROR(base_->Begin(rows, statuses));
  const auto dimension = static_cast<size_t>(context_.vectors->dimension());
  anchors_.resize(rows.size() * dimension);
  has_anchors_.assign(rows.size(), 0);
  std::vector<double> targets(rows.size());
  Draws pools;
  for (uint32_t r = 0; r < rows.size(); ++r) {
    if (statuses[r] == RowStatus::kNoLivingItem) continue;
    const auto anchor = std::span(anchors_).subspan(r * dimension, dimension);
    has_anchors_[r] = ReadGoal(rows[r], anchor, &targets[r]) ? 1 : 0;
    if (has_anchors_[r] == 0) {
      statuses[r] = RowStatus::kNoAnchor;
    } else if (statuses[r] == RowStatus::kOk) {
      pools.Open(r, 0, static_cast<uint32_t>(spec_.pool_size));
    }
  }
  NEGATRON_RETURN_IF_ERROR(base_->Fill(&pools, pool_rejects_));
  for (size_t begin = 0, end = 0; begin < pools.size(); begin = end) {
    NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
    const uint32_t r = pools.rows[begin];
    std::vector<Ordinal> pool;
    for (; end < pools.size() && pools.rows[end] == r; ++end) {
      if (!items_.HasVector(pools.items[end])) continue;
      scorer_.Fetch(pools.items[end]);
      pool.push_back(pools.items[end]);
    }
    if (pool.empty()) {
      statuses[r] = RowStatus::kNoCandidate;
    } else {
      windows_[r] = MakeWindow(std::move(pool), AnchorAt(r).data(), targets[r]);
    }
  }
  return absl::OkStatus();
}

Window DynamicItems::MakeWindow(std::vector<Ordinal> pool, const float* anchor,
                                double target) const {
  std::sort(pool.begin(), pool.end());
  std::vector<Hit> hits;
  std::vector<uint32_t> copies;
  for (const Ordinal item : pool) {
    if (hits.empty() || hits.back().item != item) {
      hits.push_back({scorer_.Score(anchor, item), item});
      copies.push_back(0);
    }
    ++copies.back();
  }
  if (spec_.pick == DynamicPick::kSoftmax) {
    return Window::Softmax(std::move(hits), spec_.temperature, copies);
  }
  if (spec_.pick == DynamicPick::kAhns) {
    SortByDistance(target, &hits);
    return Window::InOrder(std::move(hits));
  }
  const size_t count = std::min<size_t>(spec_.top_count, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(count), hits.end(),
                    [](const Hit& a, const Hit& b) {
                      return a.score != b.score ? a.score > b.score : a.item < b.item;
                    });
  hits.resize(count);
  return spec_.pick == DynamicPick::kUniform ? Window::Uniform(std::move(hits))
                                             : Window::InOrder(std::move(hits));
}

absl::Status DynamicItems::Fill(Draws* draws, std::span<Rejects> rejects) {
  draws->scores.resize(draws->size());
  for (size_t d = 0; d < draws->size(); ++d) {
    const uint32_t row = draws->rows[d];
    if (d == 0 || draws->rows[d - 1] != row) {
      for (size_t cause = 0; cause < pool_rejects_[row].size(); ++cause) {
        rejects[row][cause] += std::exchange(pool_rejects_[row][cause], 0);
      }
    }
    const absl::uint128 bits = context_.random.Bits(rows_[row].key, draws->slots[d],
                                                    RandomPurpose::kWindow, draws->rounds[d]);
    Window& window = windows_[row];
    const size_t i = window.Pick(absl::Uint128High64(bits));
    draws->items[d] = window.hit(i).item;
    draws->scores[d] = window.hit(i).score;
    draws->q[d] = window.q(i);
  }
  return absl::OkStatus();
}

void DynamicItems::Probabilities(std::span<const RowItem> pairs, std::span<double> q) {
  for (size_t p = 0; p < pairs.size(); ++p) {
    q[p] = windows_[pairs[p].row].Probability(pairs[p].item);
  }
}

double DynamicItems::PositiveProbability(uint32_t) {
  return spec_.HasLaw() ? 0.0 : std::numeric_limits<double>::quiet_NaN();
}

absl::Status DynamicItems::Enumerate(uint32_t row, std::vector<Candidate>* candidates) {
  windows_[row].AppendTo(candidates);
  return absl::OkStatus();
}

}  // namespace negatron
