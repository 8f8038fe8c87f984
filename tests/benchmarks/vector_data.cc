// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/vector_data.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <random>
#include <thread>

namespace negatron::bench {
namespace {

constexpr int kCentres = 1000;
constexpr uint64_t kCentreSeed = 7;
constexpr float kNoise = 0.7F;

// Of the noise, against the norm: cosine 1 / sqrt(1 + length^2).
constexpr double kMoveLength = 0.484;

// Sums of products come in another order elsewhere; vectors have norm 1.
constexpr float kRounding = 2e-6F;

// Items that stay in a core's cache while all queries pass over them.
constexpr int64_t kBlockItems = 512;

using Normal = std::normal_distribution<float>;

void Normalise(std::span<float> vector) {
  double squares = 0;
  for (const float x : vector) squares += double{x} * x;
  const auto factor = static_cast<float>(1 / std::sqrt(squares));
  for (float& x : vector) x *= factor;
}

std::span<float> Row(Vectors* vectors, int64_t i) {
  return {vectors->data() + i * kDimension, kDimension};
}

float Product(const float* a, const float* b) {
  constexpr int kLanes = 16;  // As compilers make vectors of.
  std::array<float, kLanes> sums{};
  for (int i = 0; i < kDimension; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  float sum = 0;
  for (const float part : sums) sum += part;
  return sum;
}

// The highest scores so far, the lowest of them in front.
void Offer(float score, std::vector<float>* highest) {
  if (highest->size() == kTop) {
    if (score <= highest->front()) return;
    std::pop_heap(highest->begin(), highest->end(), std::greater<>());
    highest->back() = score;
  } else {
    highest->push_back(score);
  }
  std::push_heap(highest->begin(), highest->end(), std::greater<>());
}

// Fills lowest[begin, end).
void FindLowest(const Vectors& items, const Vectors& queries, int64_t begin, int64_t end,
                std::vector<float>* lowest) {
  std::vector<std::vector<float>> highest(static_cast<size_t>(end - begin));
  const int64_t count = CountOf(items);
  for (int64_t block = 0; block < count; block += kBlockItems) {
    const int64_t block_end = std::min(count, block + kBlockItems);
    for (int64_t q = begin; q < end; ++q) {
      const float* const query = queries.data() + q * kDimension;
      for (int64_t i = block; i < block_end; ++i) {
        Offer(Product(query, items.data() + i * kDimension), &highest[q - begin]);
      }
    }
  }
  for (int64_t q = begin; q < end; ++q) (*lowest)[q] = highest[q - begin].front();
}

}  // namespace

Vectors ClusteredVectors(int64_t count, uint64_t seed) {
  std::mt19937_64 centre_random(kCentreSeed);
  Vectors centres(size_t{kCentres} * kDimension);
  Normal normal;
  for (float& x : centres) x = normal(centre_random);
  std::mt19937_64 random(seed);
  Vectors vectors(static_cast<size_t>(count) * kDimension);
  for (int64_t i = 0; i < count; ++i) {
    const float* const centre = centres.data() + random() % kCentres * kDimension;
    const std::span<float> vector = Row(&vectors, i);
    for (int d = 0; d < kDimension; ++d) vector[d] = centre[d] + kNoise * normal(random);
    Normalise(vector);
  }
  return vectors;
}

Vectors Moved(const Vectors& vectors, uint64_t seed) {
  std::mt19937_64 random(seed);
  Normal normal(0, static_cast<float>(kMoveLength / std::sqrt(kDimension)));
  Vectors moved = vectors;
  for (float& x : moved) x += normal(random);
  for (int64_t i = 0; i < CountOf(moved); ++i) Normalise(Row(&moved, i));
  return moved;
}

ExactTop::ExactTop(const Vectors& items, const Vectors& queries, int threads)
    : items_(items), queries_(queries), lowest_(static_cast<size_t>(CountOf(queries))) {
  const int64_t count = CountOf(queries);
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) {
    pool.emplace_back([&, t] {
      FindLowest(items, queries, count * t / threads, count * (t + 1) / threads, &lowest_);
    });
  }
  for (std::thread& thread : pool) thread.join();
}

double ExactTop::Recall(std::span<const int64_t> found) const {
  int64_t hits = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] < 0) continue;
    const size_t query = i / kTop;
    const float score =
        Product(queries_.data() + query * kDimension, items_.data() + found[i] * kDimension);
    if (score >= lowest_[query] - kRounding) ++hits;
  }
  return static_cast<double>(hits) / static_cast<double>(lowest_.size() * kTop);
}

}  // namespace negatron::bench
