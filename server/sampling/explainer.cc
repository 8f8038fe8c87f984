// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/explainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "server/sampling/batch_rows.h"
#include "server/sampling/item_filters.h"
#include "server/sampling/log_probability.h"
#include "server/sampling/nearness.h"
#include "server/sampling/source_account.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Items looked at between two looks at the clock.
constexpr uint32_t kItemsBetweenChecks = 4096;

// Counts how many of the keys that are added come before each of some others.
template <typename Key>
class PlaceCounter {
 public:
  // Key::IsBefore is a strict weak order.
  explicit PlaceCounter(std::vector<Key> keys) : keys_(std::move(keys)), order_(keys_.size()) {
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::sort(order_.begin(), order_.end(),
              [this](size_t a, size_t b) { return keys_[a].IsBefore(keys_[b]); });
    firsts_.assign(keys_.size() + 1, 0);
  }

  void Add(const Key& key) {
    const auto first =
        std::upper_bound(order_.begin(), order_.end(), key,
                         [this](const Key& k, size_t other) { return k.IsBefore(keys_[other]); });
    ++firsts_[static_cast<size_t>(first - order_.begin())];
  }

  // By position in the keys that it was made of.
  std::vector<int64_t> Finish() const {
    std::vector<int64_t> places(keys_.size());
    int64_t count = 0;
    for (size_t i = 0; i < order_.size(); ++i) places[order_[i]] = count += firsts_[i];
    return places;
  }

 private:
  std::vector<Key> keys_;
  std::vector<size_t> order_;    // Positions of keys, in order.
  std::vector<int64_t> firsts_;  // Added keys by the first place in the order that they are before.
};

struct MassKey {
  double mass;
  bool IsBefore(const MassKey& other) const { return mass > other.mass; }
};

struct ScoreKey {
  float score;
  Ordinal item;
  bool IsBefore(const ScoreKey& other) const {
    return score != other.score ? score > other.score : item < other.item;
  }
};

class Explainer {
 public:
  Explainer(const Policy& policy, const SourceContext& context, const SampleBatch& batch,
            std::span<const Ordinal> items, RowExplanation* explanation)
      : policy_(policy),
        context_(WithGuards(context, policy)),
        pool_(*context.pool),
        batch_(batch),
        items_(items),
        out_(*explanation),
        laws_(LawsOf(policy, context.pool->item_count())),
        masses_(Plausibility(), *context.pool) {
    ResolveRow(policy_, pool_, batch_, 0, &row_);
    if (context.vectors == nullptr) return;
    nearness_.emplace(policy.min_distance.value_or(MinDistance{1, kMaxNearHistory}), context_);
    nearness_->Begin({&row_, 1});
  }

  absl::Status Run() {
    NEGATRON_RETURN_IF_ERROR(Begin());
    DescribeItems();
    NEGATRON_RETURN_IF_ERROR(RankByMass());
    for (size_t s = 0; s < accounts_.size(); ++s) NEGATRON_RETURN_IF_ERROR(Account(s));
    Mix();
    return absl::OkStatus();
  }

 private:
  size_t component_count() const { return policy_.components.size(); }
  double& q(size_t i, size_t source) { return q_[i * accounts_.size() + source]; }

  absl::Status Begin() {
    for (const PolicyComponent& component : policy_.components) {
      AddSource(component.share > 0 ? &component : nullptr, laws_.components[accounts_.size()]);
    }
    if (policy_.fallback.has_value()) AddSource(&*policy_.fallback, laws_.fallback);
    out_.source_count = accounts_.size();
    out_.source_statuses.assign(accounts_.size(), 0);
    for (size_t s = 0; s < accounts_.size(); ++s) {
      if (accounts_[s] == nullptr) continue;
      NEGATRON_RETURN_IF_ERROR(accounts_[s]->Begin());
      out_.source_statuses[s] = static_cast<uint8_t>(accounts_[s]->status());
    }
    shares_.resize(component_count());
    out_.row_status = ShareOut(
        policy_, [this](size_t c) { return accounts_[c]->status(); }, shares_);
    out_.shares.assign(shares_.begin(), shares_.end());
    if (IsFallbackAlone()) out_.row_status = RowStatus::kOk;
    return absl::OkStatus();
  }

  void AddSource(const PolicyComponent* component, LawKind law) {
    const auto number = static_cast<uint32_t>(accounts_.size());
    accounts_.push_back(component == nullptr ? nullptr
                                             : std::make_unique<SourceAccount>(*component, context_,
                                                                               number, law, row_));
  }

  bool HasShares() const {
    return std::any_of(shares_.begin(), shares_.end(), [](double share) { return share > 0; });
  }
  bool IsFallbackAlone() const {
    return !HasShares() && policy_.fallback.has_value() &&
           accounts_.back()->status() == RowStatus::kOk;
  }

  bool IsAlive(Ordinal item) const { return pool_.IsAlive(item, row_.as_of); }

  uint8_t GroundsOf(Ordinal item) const {
    const std::span<const Ordinal> named = NamedExclusions(batch_, 0);
    uint8_t grounds = 0;
    if (item == row_.positive) grounds |= kGroundRowPositive;
    if (std::find(named.begin(), named.end(), item) != named.end()) grounds |= kGroundNamed;
    if (row_.user != kNoOrdinal) {
      const UserHistory& history = pool_.history(row_.user);
      if (history.size() > 0 && history.Contains(item, row_.as_of)) grounds |= kGroundHistory;
      if (IsInHorizon(history, item, row_.as_of, policy_.history_horizon_micros)) {
        grounds |= kGroundInHorizon;
      }
    }
    if (policy_.min_distance.has_value() && nearness_->IsNear(0, item)) {
      grounds |= kGroundNearPositive;
    }
    return grounds;
  }

  static ItemClass ClassOf(uint8_t grounds, bool alive) {
    if ((grounds & (kGroundRowPositive | kGroundHistory | kGroundNamed)) != 0) {
      return ItemClass::kPositive;
    }
    if (grounds != 0) return ItemClass::kUncertain;
    return alive ? ItemClass::kNegative : ItemClass::kDead;
  }

  Micros FirstPositive(Ordinal item) const {
    if (row_.user == kNoOrdinal) return kNever;
    const UserHistory& history = pool_.history(row_.user);
    const uint32_t found = history.Find(item);
    return found < history.size() ? history.at(found).time : kNever;
  }

  // What belongs to items alone, and to the row.
  void DescribeItems() {
    constexpr float kNanFloat = std::numeric_limits<float>::quiet_NaN();
    const size_t count = items_.size();
    out_.classes.assign(count, static_cast<uint8_t>(ItemClass::kUnknown));
    out_.grounds.assign(count, 0);
    out_.alive.assign(count, 0);
    out_.first_positives.assign(count, kNever);
    out_.masses.assign(count, kNanFloat);
    out_.base_weights.assign(count, kNanFloat);
    out_.distances.assign(count, kNanFloat);
    out_.nearest_positives.assign(count, kNoOrdinal);
    for (size_t i = 0; i < count; ++i) {
      const Ordinal item = items_[i];
      if (item == kNoOrdinal) continue;
      const bool alive = IsAlive(item);
      out_.alive[i] = alive ? 1 : 0;
      out_.grounds[i] = GroundsOf(item);
      out_.classes[i] = static_cast<uint8_t>(ClassOf(out_.grounds[i], alive));
      out_.first_positives[i] = FirstPositive(item);
      out_.masses[i] = static_cast<float>(masses_.MassOf(row_.as_of, item));
      out_.base_weights[i] = pool_.state(item).base_weight;
      if (!nearness_.has_value()) continue;
      if (const auto nearest = nearness_->Nearest(0, item); nearest.has_value()) {
        out_.distances[i] = static_cast<float>(nearest->distance);
        out_.nearest_positives[i] = nearest->positive;
      }
    }
  }

  absl::Status RankByMass() {
    std::vector<MassKey> keys;
    std::vector<size_t> owners;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (out_.alive[i] == 0) continue;
      keys.push_back({masses_.MassOf(row_.as_of, items_[i])});
      owners.push_back(i);
    }
    out_.living_count = pool_.LivingCount(row_.as_of);
    out_.popularity_ranks.assign(items_.size(), kNoPopularityRank);
    if (keys.empty()) return absl::OkStatus();
    PlaceCounter<MassKey> counter(std::move(keys));
    LivingItems living;
    pool_.alive().At(row_.as_of, &living);
    for (const LivingItems::Part& part : living.parts) {
      for (uint32_t i = 0; i < part.count; ++i) {
        if (i % kItemsBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
        counter.Add({masses_.MassOf(row_.as_of, part.items[i])});
      }
    }
    const std::vector<int64_t> places = counter.Finish();
    for (size_t p = 0; p < owners.size(); ++p) out_.popularity_ranks[owners[p]] = 1 + places[p];
    return absl::OkStatus();
  }

  // What keeps the row from an item, whatever the source.
  DrawObstacle RowObstacle(Ordinal item) const {
    if (item == kNoOrdinal) return DrawObstacle::kUnknownItem;
    if (!IsAlive(item)) return DrawObstacle::kDead;
    if (row_.excluded.Contains(item)) {
      return row_.excluded.IsUncertain(item) ? DrawObstacle::kUncertain : DrawObstacle::kExcluded;
    }
    if (context_.min_distance.has_value() && nearness_->IsNear(0, item)) {
      return DrawObstacle::kUncertain;
    }
    return DrawObstacle::kNone;
  }
  DrawObstacle ObstacleOf(const SourceAccount& account, Ordinal item) const {
    const DrawObstacle obstacle = RowObstacle(item);
    return obstacle == DrawObstacle::kNone ? account.Refusal(item) : obstacle;
  }

  // Fills the columns of a source.
  absl::Status Account(size_t source) {
    const size_t count = items_.size();
    const size_t sources = accounts_.size();
    if (source == 0) {
      q_.assign(count * sources, kNan);
      out_.obstacles.assign(count * sources, static_cast<uint8_t>(DrawObstacle::kNoShare));
      out_.scores.assign(count * sources, kNoScore);
      out_.score_ranks.assign(count * sources, kNoScoreRank);
      out_.ranked_counts.assign(sources, kNoScoreRank);
    }
    SourceAccount* const account = accounts_[source].get();
    if (account == nullptr) return absl::OkStatus();
    std::vector<DrawObstacle> obstacles(count);
    for (size_t i = 0; i < count; ++i) obstacles[i] = ObstacleOf(*account, items_[i]);
    std::vector<double> weights(count);
    NEGATRON_RETURN_IF_ERROR(account->Weigh(items_, obstacles, weights));
    for (size_t i = 0; i < count; ++i) {
      q(i, source) = weights[i];
      out_.obstacles[i * sources + source] = static_cast<uint8_t>(obstacles[i]);
    }
    return account->has_scores() ? RankByScore(source) : absl::OkStatus();
  }

  absl::Status RankByScore(size_t source) {
    const SourceAccount& account = *accounts_[source];
    std::vector<ScoreKey> keys;
    std::vector<size_t> owners;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (items_[i] == kNoOrdinal) continue;
      const float score = account.Score(items_[i]);
      if (std::isnan(score)) continue;
      keys.push_back({score, items_[i]});
      owners.push_back(i * accounts_.size() + source);
      out_.scores[owners.back()] = score;
    }
    PlaceCounter<ScoreKey> counter(std::move(keys));
    int64_t ranked = 0;
    NEGATRON_RETURN_IF_ERROR(account.ForEachScore([&](Ordinal item, float score) {
      if (ObstacleOf(account, item) != DrawObstacle::kNone) return;
      ++ranked;
      counter.Add({score, item});
    }));
    out_.ranked_counts[source] = ranked;
    const std::vector<int64_t> places = counter.Finish();
    for (size_t p = 0; p < owners.size(); ++p) out_.score_ranks[owners[p]] = places[p];
    return absl::OkStatus();
  }

  // Probabilities under the mixture, as CallSampler has them; then logarithms of all.
  void Mix() {
    std::vector<double> mixed(items_.size(), kNan);
    for (size_t i = 0; i < items_.size(); ++i) {
      if (items_[i] == kNoOrdinal) continue;
      if (IsFallbackAlone()) mixed[i] = q(i, accounts_.size() - 1);
      if (!HasShares()) continue;
      mixed[i] = 0;
      for (size_t c = 0; c < component_count(); ++c) {
        if (shares_[c] <= 0) continue;
        mixed[i] += shares_[c] * MixedProbability(q(i, c), shares_[c], laws_.components[c]);
      }
    }
    out_.log_q.resize(mixed.size());
    LogProbabilities(mixed, out_.log_q);
    out_.log_q_source.resize(q_.size());
    LogProbabilities(q_, out_.log_q_source);
  }

  const Policy& policy_;
  const SourceContext context_;
  const PoolView& pool_;
  const SampleBatch& batch_;
  const std::span<const Ordinal> items_;
  RowExplanation& out_;
  const PolicyLaws laws_;
  const PlausibleItems masses_;       // By the collection's half-life.
  std::optional<Nearness> nearness_;  // Unset without embeddings.
  Row row_;
  std::vector<std::unique_ptr<SourceAccount>> accounts_;  // Null: no share.
  std::vector<double> shares_;                            // By component.
  std::vector<double> q_;                                 // [items, sources].
};

}  // namespace

absl::Status ExplainRow(const Policy& policy, const SourceContext& context,
                        const SampleBatch& batch, std::span<const Ordinal> items,
                        RowExplanation* explanation) {
  return Explainer(policy, context, batch, items, explanation).Run();
}

}  // namespace negatron
