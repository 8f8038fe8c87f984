// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_BENCHMARKS_VECTOR_DATA_H_
#define NEGATRON_TESTS_BENCHMARKS_VECTOR_DATA_H_

#include <cstdint>
#include <span>
#include <vector>

namespace negatron::bench {

inline constexpr int kDimension = 64;

// Shape of a search: queries of a call, and how many items each of them asks for.
inline constexpr int kQueries = 256;
inline constexpr int kTop = 100;

// Recall below which a search does not count.
inline constexpr double kLeastRecall = 0.95;

// An index is left as it is while it misses no more items than the larger of so many and one in so
// many.
inline constexpr int64_t kMissedItems = 1000;
inline constexpr int64_t kMissedShare = 50;

// [count, kDimension], row-major, of norm 1.
using Vectors = std::vector<float>;

inline constexpr uint64_t kItemSeed = 1;
inline constexpr uint64_t kQuerySeed = 2;

// Vectors around 1,000 Gaussian centres, which are always the same, with Gaussian noise of 0.7 of
// their width. Equal arguments, equal vectors.
Vectors ClusteredVectors(int64_t count, uint64_t seed);

// Each vector moved at random, so that its cosine to where it was is about 0.9.
Vectors Moved(const Vectors& vectors, uint64_t seed);

inline int64_t CountOf(const Vectors& vectors) {
  return static_cast<int64_t>(vectors.size()) / kDimension;
}

// What exact search finds, computed without any of the code that is measured.
//
// Thread-safety: immutable.
class ExactTop {
 public:
  // Of the kTop items of highest inner product for each query. `items` and `queries` must outlive
  // this.
  ExactTop(const Vectors& items, const Vectors& queries, int threads);

  // recall@kTop of `found`, [queries, kTop] item numbers, with -1 where there is none: the part
  // that scores as high as the lowest of the exact ones, so that ties do not count as misses.
  double Recall(std::span<const int64_t> found) const;

 private:
  const Vectors& items_;
  const Vectors& queries_;
  std::vector<float> lowest_;  // Score of the last of the exact ones, by query.
};

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_VECTOR_DATA_H_
