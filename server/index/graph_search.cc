// SPDX-License-Identifier: Apache-2.0
#include "server/index/graph_search.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "server/index/hit_key.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// A window of a larger part of all is cheaper to score against everything, and so are
// more items without a place, and a walk that has scored a larger part: an item
// found by links costs about ten times one that comes in order.
constexpr int64_t kMinItemsOfLimit = 16;
constexpr int64_t kMinItemsOfDelta = 4;
constexpr int64_t kMinItemsOfScored = 8;

}  // namespace

// The walks of a call, one after the other.
class GraphSearch::Walk {
 public:
  Walk(const Scorer& scorer, const CompactGraph& graph, const Announce& announce)
      : scorer_(scorer), graph_(graph), announce_(announce), epochs_(graph.ordinal_end(), 0) {}

  // Leaves the best `ef` accepted in best(); false: too long a way.
  template <typename AcceptItem>
  bool Run(const float* anchor, size_t ef, const AcceptItem& accept) {
    NextEpoch();
    anchor_ = anchor;
    best_.clear();
    open_.clear();
    int64_t scored = 0;
    const Ordinal start = Descend();
    Visit({start, scorer_.Fetch(start)}, ef, accept);
    while (!open_.empty()) {
      const uint64_t nearest = open_.front();
      if (best_.size() == ef && nearest < best_.front()) break;
      std::pop_heap(open_.begin(), open_.end());
      open_.pop_back();
      // What is nearest now is likely to be gone on with.
      if (!open_.empty()) __builtin_prefetch(graph_.ground.Of(ToHit(open_.front()).item).data());
      fresh_.clear();
      for (const uint32_t link : graph_.ground.Of(ToHit(nearest).item)) {
        if (epochs_[link] == epoch_) continue;
        epochs_[link] = epoch_;
        fresh_.push_back({link, scorer_.Fetch(link)});
        if (announce_) announce_(link);
      }
      scored += static_cast<int64_t>(fresh_.size());
      if (scored * kMinItemsOfScored > graph_.item_count) return false;
      for (const Fetched& one : fresh_) Visit(one, ef, accept);
    }
    return true;
  }

  // Considers an item that has no place, or a wrong one.
  template <typename AcceptItem>
  void Consider(Ordinal item, size_t ef, const AcceptItem& accept) {
    if (item < epochs_.size() && epochs_[item] == epoch_) return;
    const Hit hit{scorer_.Score(anchor_, item), item};
    const uint64_t key = ToKey(hit);
    if ((best_.size() < ef || key > best_.front()) && accept(hit)) Keep(key, ef);
  }

  std::vector<uint64_t>& best() { return best_; }  // A heap, the worst first.

 private:
  // An item on its way from memory; null: it has lost its vector, and is a way only.
  struct Fetched {
    Ordinal item;
    const std::byte* vector;
  };

  void NextEpoch() {
    if (++epoch_ != 0) return;
    std::fill(epochs_.begin(), epochs_.end(), uint16_t{0});
    epoch_ = 1;
  }

  float ScoreOf(const std::byte* vector) const {
    constexpr float kFar = -std::numeric_limits<float>::infinity();
    return vector != nullptr ? scorer_.ScoreFetched(anchor_, vector) : kFar;
  }

  Ordinal Descend() const {
    uint32_t node = graph_.entry;
    for (size_t l = graph_.upper_levels.size(); l-- > 0;) {
      const CompactGraph::UpperLevel& level = graph_.upper_levels[l];
      float score = ScoreOf(scorer_.Fetch(level.items[node]));
      for (bool moved = true; moved;) {
        moved = false;
        for (const uint32_t link : level.links.Of(node)) {
          const float other = ScoreOf(scorer_.Fetch(level.items[link]));
          if (other <= score) continue;
          score = other;
          node = link;
          moved = true;
        }
      }
      node = level.down[node];
    }
    return node;
  }

  template <typename AcceptItem>
  void Visit(const Fetched& one, size_t ef, const AcceptItem& accept) {
    epochs_[one.item] = epoch_;
    const Hit hit{ScoreOf(one.vector), one.item};
    const uint64_t key = ToKey(hit);
    if (best_.size() == ef && key < best_.front()) return;
    open_.push_back(key);
    std::push_heap(open_.begin(), open_.end());
    if (one.vector != nullptr && accept(hit)) Keep(key, ef);
  }

  void Keep(uint64_t key, size_t ef) {
    best_.push_back(key);
    std::push_heap(best_.begin(), best_.end(), std::greater<>());
    if (best_.size() <= ef) return;
    std::pop_heap(best_.begin(), best_.end(), std::greater<>());
    best_.pop_back();
  }

  const Scorer& scorer_;
  const CompactGraph& graph_;
  const Announce& announce_;
  const float* anchor_ = nullptr;
  std::vector<uint16_t> epochs_;  // By ordinal: the walk that saw it last.
  uint16_t epoch_ = 0;
  std::vector<uint64_t> open_;  // Heap of keys, the nearest first.
  std::vector<uint64_t> best_;
  std::vector<Fetched> fresh_;
};

bool GraphSearch::IsForGraph(int limit) const {
  const int64_t all = graph_.item_count;
  return limit * kMinItemsOfLimit <= all &&
         static_cast<int64_t>(delta_.size()) * kMinItemsOfDelta <= all;
}

absl::Status GraphSearch::Search(std::span<const float* const> anchors, int limit, Accept accept,
                                 const Cancellation& cancellation,
                                 std::vector<std::vector<Hit>>* hits) const {
  hits->assign(anchors.size(), {});
  const auto ef = static_cast<size_t>(std::max(ef_, limit));
  const bool is_for_graph = IsForGraph(limit);
  Walk walk(scorer_, graph_, announce_);
  std::vector<const float*> rest;
  std::vector<size_t> owners;  // Of the rest.
  for (size_t q = 0; q < anchors.size(); ++q) {
    NEGATRON_RETURN_IF_ERROR(cancellation.Check());
    const auto accept_hit = [&](Hit hit) { return accept(q, hit.item, hit.score); };
    if (is_for_graph && walk.Run(anchors[q], ef, accept_hit)) {
      for (const Ordinal item : delta_) walk.Consider(item, ef, accept_hit);
      std::vector<uint64_t>& best = walk.best();
      if (best.size() >= static_cast<size_t>(limit)) {
        std::sort(best.begin(), best.end(), std::greater<>());
        best.resize(static_cast<size_t>(limit));
        (*hits)[q].resize(best.size());
        std::transform(best.begin(), best.end(), (*hits)[q].begin(), ToHit);
        continue;
      }
    }
    rest.push_back(anchors[q]);
    owners.push_back(q);
  }
  if (rest.empty()) return absl::OkStatus();
  std::vector<std::vector<Hit>> found;
  const auto accept_rest = [&](size_t query, Ordinal item, float score) {
    return accept(owners[query], item, score);
  };
  NEGATRON_RETURN_IF_ERROR(
      ExactSearch(scorer_).Search(rest, limit, accept_rest, cancellation, &found));
  for (size_t i = 0; i < rest.size(); ++i) (*hits)[owners[i]] = std::move(found[i]);
  return absl::OkStatus();
}

}  // namespace negatron
