// SPDX-License-Identifier: Apache-2.0
#include "server/pool/alive_index.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <tuple>
#include <utility>

namespace negatron {
namespace {

// Lives that start or end within a leaf: a scan of them costs as much as two
// or three more levels would.
constexpr uint32_t kMaxLoose = 64;

bool Covers(const Interval& alive, const Interval& span) {
  return alive.from <= span.from && alive.until >= span.until;
}

bool Overlaps(const Interval& alive, const Interval& span) {
  return alive.from < span.until && alive.until > span.from;
}

// Where a span is cut in two. Time without bounds is cut at 1970 and 2112, so that
// what lives for ever is not listed on every level from there to the years of data.
Micros Middle(const Interval& span) {
  constexpr Micros kEnd = Micros{1} << 52;
  if (span.from < 0 && span.until > 0) return 0;
  if (span.from < kEnd && span.until > kEnd) return kEnd;
  const auto from = static_cast<uint64_t>(span.from);
  return static_cast<Micros>(from + (static_cast<uint64_t>(span.until) - from) / 2);
}

}  // namespace

struct AliveIndex::Node {
  struct Loose {
    Ordinal item;
    uint32_t weight;
    Interval alive;
    friend bool operator==(const Loose&, const Loose&) = default;
  };

  GrowingArray<Ordinal> items;  // Alive during the whole span.
  uint64_t weight = 0;
  uint32_t max_weight = 0;
  // Lives that start or end within the span. More than kMaxLoose: in the
  // children, else in `loose`, by (item, from).
  uint32_t loose_count = 0;
  std::vector<Loose> loose;
  std::shared_ptr<const Node> before;  // The first half of the span; may be null.
  std::shared_ptr<const Node> after;
};

// Makes new nodes for what changes touch.
class AliveIndex::Editor {
 public:
  using Changes = std::vector<Change>;
  using NodePtr = std::shared_ptr<const Node>;

  Editor(IntervalsOf intervals, WeightOf weight) : intervals_(intervals), weight_(weight) {}

  // `changes` overlap the span and are sorted by (item, from), what is taken out
  // before what is added. A start changes everything at once: each level lets go of
  // its changes before the next.
  NodePtr Edit(const Node* old, const Interval& span, Changes changes) {
    if (changes.empty() && old == nullptr) return nullptr;
    auto node = old == nullptr ? std::make_shared<Node>() : std::make_shared<Node>(*old);
    const auto loose =
        std::stable_partition(changes.begin(), changes.end(),
                              [&](const Change& change) { return Covers(change.alive, span); });
    if (loose != changes.begin()) {
      EditItems({changes.begin(), loose}, node.get());
      changes.erase(changes.begin(), loose);
    }
    if (!changes.empty()) EditLoose(std::move(changes), span, node.get());
    const bool empty = node->items.empty() && node->loose_count == 0;
    return empty ? nullptr : node;
  }

 private:
  void EditItems(std::span<const Change> changes, Node* node) {
    bool appends = true;
    bool lost_max = false;
    for (const Change& change : changes) {
      if (change.added) {
        node->weight += change.weight;
        node->max_weight = std::max(node->max_weight, change.weight);
        appends &= node->items.empty() || node->items.back() < change.item;
      } else {
        node->weight -= change.weight;
        lost_max |= change.weight == node->max_weight;
        appends = false;
      }
    }
    if (appends) {
      for (const Change& change : changes) node->items.Append(change.item);
      return;
    }
    const std::span<const Ordinal> old = node->items.view();
    GrowingArray<Ordinal> merged;
    merged.Reserve(static_cast<uint32_t>(old.size() + changes.size()));
    size_t i = 0;
    for (const Change& change : changes) {
      while (i < old.size() && old[i] < change.item) merged.Append(old[i++]);
      if (change.added) {
        merged.Append(change.item);
      } else if (i < old.size() && old[i] == change.item) {
        ++i;
      }
    }
    while (i < old.size()) merged.Append(old[i++]);
    node->items = merged;
    if (!lost_max) return;
    node->max_weight = 0;
    for (const Ordinal item : merged.view()) {
      node->max_weight = std::max(node->max_weight, weight_(item));
    }
  }

  void EditLoose(Changes changes, const Interval& span, Node* node) {
    const uint32_t old_count = node->loose_count;
    for (const Change& change : changes) node->loose_count += change.added ? 1 : -1;
    const bool can_split = Middle(span) > span.from;
    const bool was_split = old_count > kMaxLoose && can_split;
    const bool split = node->loose_count > kMaxLoose && can_split;
    if (was_split) {
      EditChildren(std::move(changes), span, node);
      if (!split) Collapse(span, node);
      return;
    }
    for (const Change& change : changes) {
      const Node::Loose entry{change.item, change.weight, change.alive};
      if (change.added) {
        const auto position = std::lower_bound(node->loose.begin(), node->loose.end(), entry,
                                               [](const Node::Loose& a, const Node::Loose& b) {
                                                 return std::tie(a.item, a.alive.from) <
                                                        std::tie(b.item, b.alive.from);
                                               });
        node->loose.insert(position, entry);
      } else {
        std::erase(node->loose, entry);
      }
    }
    if (!split) return;
    changes.clear();
    for (const Node::Loose& entry : node->loose) {
      changes.push_back({entry.item, entry.alive, entry.weight, true});
    }
    node->loose = std::vector<Node::Loose>();  // Without its room, which `= {}` would keep.
    EditChildren(std::move(changes), span, node);
  }

  void EditChildren(Changes changes, const Interval& span, Node* node) {
    const Micros middle = Middle(span);
    const Interval before{span.from, middle};
    const Interval after{middle, span.until};
    Changes later;
    std::copy_if(changes.begin(), changes.end(), std::back_inserter(later),
                 [&](const Change& change) { return Overlaps(change.alive, after); });
    std::erase_if(changes, [&](const Change& change) { return !Overlaps(change.alive, before); });
    if (!changes.empty()) node->before = Edit(node->before.get(), before, std::move(changes));
    if (!later.empty()) node->after = Edit(node->after.get(), after, std::move(later));
  }

  // So few are left that the node is a leaf again.
  void Collapse(const Interval& span, Node* node) {
    std::vector<Ordinal> items;
    Collect(node->before.get(), &items);
    Collect(node->after.get(), &items);
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
    node->before = node->after = nullptr;
    for (const Ordinal item : items) {
      for (const Interval& alive : intervals_(item)) {
        if (Overlaps(alive, span) && !Covers(alive, span))
          node->loose.push_back({item, weight_(item), alive});
      }
    }
  }

  static void Collect(const Node* node, std::vector<Ordinal>* items) {
    if (node == nullptr) return;
    items->insert(items->end(), node->items.view().begin(), node->items.view().end());
    for (const Node::Loose& entry : node->loose) items->push_back(entry.item);
    Collect(node->before.get(), items);
    Collect(node->after.get(), items);
  }

  const IntervalsOf intervals_;
  const WeightOf weight_;
};

void AliveIndex::At(Micros time, LivingItems* living) const {
  living->parts.clear();
  living->loose.clear();
  living->count = living->weight = 0;
  uint64_t loose_weight = 0;
  uint32_t max_loose_weight = 0;
  Interval span;
  const Node* node = root_.get();
  while (node != nullptr) {
    if (!node->items.empty()) {
      living->parts.push_back(
          {node->items.data(), node->items.size(), node->weight, node->max_weight});
      living->count += node->items.size();
      living->weight += node->weight;
    }
    for (const Node::Loose& entry : node->loose) {
      if (!entry.alive.Contains(time)) continue;
      living->loose.push_back(entry.item);
      loose_weight += entry.weight;
      max_loose_weight = std::max(max_loose_weight, entry.weight);
    }
    const Micros middle = Middle(span);
    const bool second = time >= middle;
    (second ? span.from : span.until) = middle;
    node = second ? node->after.get() : node->before.get();
  }
  if (!living->loose.empty()) {
    const auto loose_count = static_cast<uint32_t>(living->loose.size());
    living->parts.push_back({living->loose.data(), loose_count, loose_weight, max_loose_weight});
    living->count += loose_count;
    living->weight += loose_weight;
  }
  living->ends.clear();
  uint32_t end = 0;
  for (const LivingItems::Part& part : living->parts) living->ends.push_back(end += part.count);
  const int bits = std::bit_width(living->count);
  living->guide_shift = std::max(bits - 8, 0);
  uint8_t at = 0;  // There are fewer than 256 parts: one a level of the tree.
  for (uint64_t i = 0; i < living->count; i += uint64_t{1} << living->guide_shift) {
    while (i >= living->ends[at]) ++at;
    living->guide[i >> living->guide_shift] = at;
  }
}

uint64_t AliveIndex::CountAt(Micros time) const {
  LivingItems living;
  At(time, &living);
  return living.count;
}

AliveIndex AliveIndex::With(std::vector<Change> changes, IntervalsOf intervals,
                            WeightOf weight) const {
  // An item may change more than once: what came and went leaves no trace.
  const auto by_life = [](const Change& a, const Change& b) {
    return std::tie(a.item, a.alive.from, a.alive.until, a.weight) <
           std::tie(b.item, b.alive.from, b.alive.until, b.weight);
  };
  const auto middle = std::partition(changes.begin(), changes.end(),
                                     [](const Change& change) { return !change.added; });
  std::sort(changes.begin(), middle, by_life);
  std::sort(middle, changes.end(), by_life);
  std::vector<Change> net;
  std::set_difference(changes.begin(), middle, middle, changes.end(), std::back_inserter(net),
                      by_life);
  std::set_difference(middle, changes.end(), changes.begin(), middle, std::back_inserter(net),
                      by_life);
  changes = std::move(net);
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return std::tie(a.item, a.added, a.alive.from) < std::tie(b.item, b.added, b.alive.from);
  });
  AliveIndex result;
  result.root_ = Editor(intervals, weight).Edit(root_.get(), Interval{}, std::move(changes));
  return result;
}

int64_t AliveIndex::bytes() const {
  int64_t bytes = 0;
  std::vector<const Node*> nodes = {root_.get()};
  while (!nodes.empty()) {
    const Node* const node = nodes.back();
    nodes.pop_back();
    if (node == nullptr) continue;
    bytes += static_cast<int64_t>(sizeof(Node) + node->loose.capacity() * sizeof(Node::Loose)) +
             node->items.capacity_bytes();
    nodes.push_back(node->before.get());
    nodes.push_back(node->after.get());
  }
  return bytes;
}

}  // namespace negatron
