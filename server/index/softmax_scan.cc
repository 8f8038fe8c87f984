// SPDX-License-Identifier: Apache-2.0
#include "server/index/softmax_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "server/index/equal_anchors.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

// Asks whether to go on after every so much work, some 30 us.
class Pacer {
 public:
  explicit Pacer(const Cancellation& cancellation) : cancellation_(cancellation) {}

  // `components`: of vectors that are about to be scored.
  absl::Status Spend(size_t components) {
    if (components <= left_) {
      left_ -= components;
      return absl::OkStatus();
    }
    left_ = kComponents;
    return cancellation_.Check();
  }

 private:
  static constexpr size_t kComponents = size_t{16} * VectorTable::kPageItems * 64;

  const Cancellation& cancellation_;
  size_t left_ = 0;
};

// What accepting, weighing or scaling one number costs, in components.
constexpr size_t kOneCost = 32;

// Of accepting and scoring a page.
size_t PageCost(const VectorTable& table) {
  return VectorTable::kPageItems * (static_cast<size_t>(table.dimension()) + kOneCost);
}

void Resize(SoftmaxBlock* block) {
  block->scores.resize(SoftmaxScan::kBlockItems);
  block->cumulated.resize(SoftmaxScan::kBlockItems);
  block->accepted.assign(SoftmaxScan::kBlockPages, 0);
}

}  // namespace

// x = k ln 2 + r with |r| <= ln 2 / 2; the series of e^r; then 2^k. Ln 2 is split as in fdlibm, so
// that k times its upper part is exact.
double ExpOfNegative(double x) {
  constexpr double kLeast = -708;
  constexpr double kLog2E = 1.44269504088896340736;
  constexpr double kLn2High = 6.93147180369123816490e-01;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr double kRound = 0x1.8p52;  // Adding it rounds to a whole number.
  constexpr int kTerms = 13;
  constexpr auto kFactors = [] {
    std::array<double, kTerms + 1> factors{1};
    double factorial = 1;
    for (int i = 1; i <= kTerms; ++i) factors[i] = 1 / (factorial *= i);
    return factors;
  }();
  if (x < kLeast) return 0;
  const double k = (x * kLog2E + kRound) - kRound;
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double series = kFactors[kTerms];
  for (int i = kTerms - 1; i >= 0; --i) series = series * r + kFactors[i];
  return series *
         std::bit_cast<double>(static_cast<uint64_t>(1023 + static_cast<int64_t>(k)) << 52);
}

size_t FindCumulated(std::span<const double> cumulated, double u) {
  const auto found = std::upper_bound(cumulated.begin(), cumulated.end(), u * cumulated.back());
  if (found != cumulated.end()) return static_cast<size_t>(found - cumulated.begin());
  // The product was rounded to the whole: the last that added to it.
  return static_cast<size_t>(
      std::lower_bound(cumulated.begin(), cumulated.end(), cumulated.back()) - cumulated.begin());
}

float SoftmaxScan::Max(const SoftmaxBlock& block) {
  float max = kNothing;
  for (size_t p = 0; p < kBlockPages; ++p) {
    const float* scores = block.scores.data() + p * VectorTable::kPageItems;
    for (uint64_t rest = block.accepted[p]; rest != 0; rest &= rest - 1) {
      max = std::max(max, scores[std::countr_zero(rest)]);
    }
  }
  return max;
}

double SoftmaxScan::Cumulate(float max, SoftmaxBlock* block) const {
  double sum = 0;
  for (size_t i = 0; i < kBlockItems; ++i) {
    const uint64_t accepted = block->accepted[i / VectorTable::kPageItems];
    if ((accepted >> (i % VectorTable::kPageItems) & 1) != 0) sum += Weight(block->scores[i], max);
    block->cumulated[i] = sum;
  }
  return sum;
}

absl::Status SoftmaxScan::Scan(std::span<const float* const> anchors, Accept accept,
                               const Cancellation& cancellation,
                               std::vector<SoftmaxSums>* sums) const {
  const VectorTable& table = scorer_.table();
  const size_t blocks = (table.page_count() + kBlockPages - 1) / kBlockPages;
  sums->assign(anchors.size(), SoftmaxSums{0, kNothing, {}, {}});
  for (SoftmaxSums& one : *sums) {
    one.block_max.reserve(blocks);
    one.cumulated.reserve(blocks);
  }
  const std::vector<size_t> first = FirstEqual(anchors, table.dimension());
  std::vector<SoftmaxBlock> scored(anchors.size());
  Pacer pacer(cancellation);
  for (size_t b = 0; b < blocks; ++b) {
    for (SoftmaxBlock& block : scored) Resize(&block);
    // Pages outside, so that a page stays near for all anchors.
    for (size_t p = 0; p < kBlockPages && b * kBlockPages + p < table.page_count(); ++p) {
      const VectorTable::Page* page = table.page(b * kBlockPages + p);
      if (page == nullptr) continue;
      for (size_t q = 0; q < anchors.size(); ++q) {
        NEGATRON_RETURN_IF_ERROR(pacer.Spend(PageCost(table)));
        scored[q].accepted[p] = accept(q, b * kBlockPages + p, page->present);
        if (scored[q].accepted[p] == 0) continue;
        const size_t place = p * VectorTable::kPageItems;
        if (first[q] != q && scored[first[q]].accepted[p] != 0) {
          std::copy_n(&scored[first[q]].scores[place], VectorTable::kPageItems,
                      &scored[q].scores[place]);
        } else {
          scorer_.ScorePage(anchors[q], *page, &scored[q].scores[place]);
        }
      }
    }
    for (size_t q = 0; q < anchors.size(); ++q) {
      NEGATRON_RETURN_IF_ERROR(pacer.Spend(kBlockItems * kOneCost));
      SoftmaxSums& one = (*sums)[q];
      const float max = Max(scored[q]);
      one.block_max.push_back(max);
      one.cumulated.push_back(max == kNothing ? 0 : Cumulate(max, &scored[q]));
      one.max_score = std::max(one.max_score, max);
    }
  }
  for (SoftmaxSums& one : *sums) {
    for (size_t b = 0; b < blocks; ++b) {
      NEGATRON_RETURN_IF_ERROR(pacer.Spend(kOneCost));
      if (one.block_max[b] != kNothing) {
        one.total += one.cumulated[b] * Weight(one.block_max[b], one.max_score);
      }
      one.cumulated[b] = one.total;
    }
  }
  return absl::OkStatus();
}

absl::Status SoftmaxScan::Weigh(size_t query, const float* anchor, size_t block, Accept accept,
                                const Cancellation& cancellation, SoftmaxBlock* out) const {
  const VectorTable& table = scorer_.table();
  Resize(out);
  Pacer pacer(cancellation);
  for (size_t p = 0; p < kBlockPages && block * kBlockPages + p < table.page_count(); ++p) {
    const VectorTable::Page* page = table.page(block * kBlockPages + p);
    if (page == nullptr) continue;
    NEGATRON_RETURN_IF_ERROR(pacer.Spend(PageCost(table)));
    out->accepted[p] = accept(query, block * kBlockPages + p, page->present);
    if (out->accepted[p] == 0) continue;
    scorer_.ScorePage(anchor, *page, out->scores.data() + p * VectorTable::kPageItems);
  }
  Cumulate(Max(*out), out);
  return absl::OkStatus();
}

double SoftmaxScan::Probability(const SoftmaxSums& sums, Ordinal item, float score) const {
  const float max = sums.block_max[item / kBlockItems];
  return Weight(score, max) * (Weight(max, sums.max_score) / sums.total);
}

}  // namespace negatron
