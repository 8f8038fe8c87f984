// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <utility>

#include "server/index/search.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

bool Nearer(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.item < b.item;
}

// Some 30 us of work at 64 components and one anchor.
constexpr size_t kPagesBetweenChecks = 32;

// Bit r: scores[r] > threshold.
uint64_t Above(const float* scores, float threshold) {
  uint64_t mask = 0;
  for (uint32_t r = 0; r < VectorTable::kPageItems; ++r) {
    mask |= static_cast<uint64_t>(scores[r] > threshold) << r;
  }
  return mask;
}

// The best `limit` of the hits that were added, in order of ordinal. Keeps up to twice as many and
// then selects: cheaper than a heap, and the threshold rises as fast.
class BestHits {
 public:
  explicit BestHits(int limit) : limit_(static_cast<size_t>(limit)) { hits_.reserve(2 * limit_); }

  // A later hit must score more than this: among equals the lower ordinal wins.
  float threshold() const { return threshold_; }

  void Add(Hit hit) {
    hits_.push_back(hit);
    if (hits_.size() == 2 * limit_) Select();
  }

  std::vector<Hit> Take() && {
    if (hits_.size() > limit_) Select();
    std::sort(hits_.begin(), hits_.end(), Nearer);
    return std::move(hits_);
  }

 private:
  void Select() {
    const auto last = hits_.begin() + static_cast<std::ptrdiff_t>(limit_) - 1;
    std::nth_element(hits_.begin(), last, hits_.end(), Nearer);
    hits_.resize(limit_);
    threshold_ = hits_.back().score;
  }

  size_t limit_;
  float threshold_ = -std::numeric_limits<float>::infinity();
  std::vector<Hit> hits_;
};

}  // namespace

void ExactSearch::ScoreRows(const float* anchor, const float* rows, int row_count,
                            float* out) const {
  const auto kernel = table_.settings().metric == Metric::kL2 ? kernels_.negative_distances
                                                              : kernels_.inner_products;
  kernel(anchor, rows, row_count, table_.dimension(), out);
}

float ExactSearch::Score(const float* anchor, Ordinal item) const {
  float score;
  ScoreRows(anchor, table_.Find(item), 1, &score);
  return score;
}

absl::Status ExactSearch::Search(std::span<const float* const> anchors, int limit, Accept accept,
                                 const Cancellation& cancellation,
                                 std::vector<std::vector<Hit>>* hits) const {
  std::vector<BestHits> best(anchors.size(), BestHits(limit));
  float scores[VectorTable::kPageItems];
  for (size_t p = 0; p < table_.page_count(); ++p) {
    if (p % kPagesBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(cancellation.Check());
    const VectorTable::Page* page = table_.page(p);
    if (page == nullptr) continue;
    for (size_t q = 0; q < anchors.size(); ++q) {
      ScoreRows(anchors[q], page->values.data(), VectorTable::kPageItems, scores);
      for (uint64_t rest = page->present & Above(scores, best[q].threshold()); rest != 0;
           rest &= rest - 1) {
        const int row = std::countr_zero(rest);
        const auto item = static_cast<Ordinal>(p * VectorTable::kPageItems + row);
        // The threshold may have risen within the page.
        if (scores[row] > best[q].threshold() && accept(q, item)) best[q].Add({scores[row], item});
      }
    }
  }
  hits->clear();
  for (BestHits& one : best) hits->push_back(std::move(one).Take());
  return absl::OkStatus();
}

}  // namespace negatron
