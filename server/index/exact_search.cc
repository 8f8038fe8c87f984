// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include "server/index/equal_anchors.h"
#include "server/index/hit_key.h"
#include "server/index/search.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Some 30 us of work at 64 components and one anchor.
constexpr size_t kPagesBetweenChecks = 32;

using PageScores = std::array<float, VectorTable::kPageItems>;

// Bit r: scores[r] > threshold.
uint64_t Above(const float* scores, float threshold) {
  // Bytes first, eight of which one multiplication gathers: compilers turn this into vectors.
  alignas(64) uint8_t bytes[VectorTable::kPageItems];
  for (uint32_t r = 0; r < VectorTable::kPageItems; ++r) bytes[r] = scores[r] > threshold ? 1 : 0;
  uint64_t mask = 0;
  for (uint32_t r = 0; r < VectorTable::kPageItems; r += 8) {
    uint64_t eight;
    std::memcpy(&eight, bytes + r, sizeof(eight));
    mask |= ((eight * 0x0102040810204080) >> 56) << r;
  }
  return mask;
}

// Moves the `limit` largest of distinct keys to the front, in no order. Quickselect whose partition
// has no branch to mispredict; `spare` has room for all keys.
void SelectLargest(std::span<uint64_t> keys, size_t limit, uint64_t* spare) {
  constexpr size_t kFew = 32;
  constexpr int kMaxRounds = 48;  // Far more than any but made-up input takes.
  for (int round = 0; keys.size() > kFew && round < kMaxRounds; ++round) {
    const uint64_t a = keys[keys.size() / 4], b = keys[keys.size() / 2],
                   c = keys[keys.size() / 4 * 3];
    const uint64_t pivot = std::max(std::min(a, b), std::min(std::max(a, b), c));
    size_t larger = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
      const uint64_t key = keys[i];
      keys[larger] = key;
      spare[i - larger] = key;
      larger += static_cast<size_t>(key > pivot);
    }
    std::copy_n(spare, keys.size() - larger, keys.begin() + static_cast<std::ptrdiff_t>(larger));
    if (larger == limit) return;
    if (larger > limit) {
      keys = keys.first(larger);
    } else {
      keys = keys.subspan(larger);
      limit -= larger;
    }
  }
  std::nth_element(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(limit) - 1, keys.end(),
                   std::greater<>());
}

// The best `limit` of the hits that were added, in order of ordinal. Keeps up to twice as many and
// then selects: cheaper than a heap, and the threshold rises as fast.
class BestHits {
 public:
  explicit BestHits(int limit) : limit_(static_cast<size_t>(limit)) { keys_.reserve(2 * limit_); }

  // A later hit must score more than this: among equals the lower ordinal wins.
  float threshold() const { return threshold_; }

  // `spare` has room for twice `limit`.
  void Add(Hit hit, uint64_t* spare) {
    keys_.push_back(ToKey(hit));
    if (keys_.size() < 2 * limit_) return;
    SelectLargest(keys_, limit_, spare);
    keys_.resize(limit_);
    threshold_ = ToHit(*std::min_element(keys_.begin(), keys_.end())).score;
  }

  std::vector<Hit> Take(uint64_t* spare) && {
    if (keys_.size() > limit_) {
      SelectLargest(keys_, limit_, spare);
      keys_.resize(limit_);
    }
    std::sort(keys_.begin(), keys_.end(), std::greater<>());
    std::vector<Hit> hits(keys_.size());
    std::transform(keys_.begin(), keys_.end(), hits.begin(), ToHit);
    return hits;
  }

 private:
  size_t limit_;
  float threshold_ = -std::numeric_limits<float>::infinity();
  std::vector<uint64_t> keys_;
};

}  // namespace

absl::Status ExactSearch::Search(std::span<const float* const> anchors, int limit, Accept accept,
                                 const Cancellation& cancellation,
                                 std::vector<std::vector<Hit>>* hits) const {
  std::vector<BestHits> best(anchors.size(), BestHits(limit));
  const auto spare = std::make_unique_for_overwrite<uint64_t[]>(2 * static_cast<size_t>(limit));
  const VectorTable& table = scorer_.table();
  const std::vector<size_t> first = FirstEqual(anchors, table.dimension());
  std::vector<PageScores> scored(anchors.size());
  for (size_t p = 0; p < table.page_count(); ++p) {
    if (p % kPagesBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(cancellation.Check());
    const VectorTable::Page* page = table.page(p);
    if (page == nullptr) continue;
    for (size_t q = 0; q < anchors.size(); ++q) {
      if (first[q] == q) scorer_.ScorePage(anchors[q], *page, scored[q].data());
      const PageScores& scores = scored[first[q]];
      for (uint64_t rest = page->present & Above(scores.data(), best[q].threshold()); rest != 0;
           rest &= rest - 1) {
        const int row = std::countr_zero(rest);
        const auto item = static_cast<Ordinal>(p * VectorTable::kPageItems + row);
        // The threshold may have risen within the page.
        if (scores[row] > best[q].threshold() && accept(q, item, scores[row])) {
          best[q].Add({scores[row], item}, spare.get());
        }
      }
    }
  }
  hits->clear();
  for (BestHits& one : best) hits->push_back(std::move(one).Take(spare.get()));
  return absl::OkStatus();
}

}  // namespace negatron
