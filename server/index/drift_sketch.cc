// SPDX-License-Identifier: Apache-2.0
#include "server/index/drift_sketch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "storage/base/philox.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

constexpr int kMinBits = 64;
constexpr int kMaxBits = 256;
constexpr uint64_t kSignSeed = 0x5EED;

// In place; the size is a power of two.
void Hadamard(std::span<float> values) {
  for (size_t half = 1; half < values.size(); half *= 2) {
    for (size_t block = 0; block < values.size(); block += 2 * half) {
      for (size_t i = block; i < block + half; ++i) {
        const float a = values[i], b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
}

// The same for every table: +1 or -1 for each component.
const std::array<float, kMaxDimension>& RandomSigns() {
  static const auto signs = [] {
    std::array<float, kMaxDimension> made{};
    for (size_t i = 0; i < made.size(); ++i)
      made[i] = (MixHash(kSignSeed, i) & 1) != 0 ? 1.F : -1.F;
    return made;
  }();
  return signs;
}

float Norm(std::span<const float> vector) {
  double squares = 0;
  for (const float component : vector) squares += double{component} * component;
  return static_cast<float>(std::sqrt(squares));
}

}  // namespace

int DriftSketch::BitsOf(int dimension) {
  return std::clamp(static_cast<int>(std::bit_ceil(static_cast<unsigned>(dimension))), kMinBits,
                    kMaxBits);
}

DriftSketch::DriftSketch(const VectorTable& table) : bits_(BitsOf(table.dimension())) {
  const std::vector<Ordinal> items = table.Items();
  const size_t count = items.empty() ? 0 : size_t{items.back()} + 1;
  const size_t words = static_cast<size_t>(bits_) / 64;
  signs_.resize(count * words);
  if (HasNorms(table.settings())) norms_.resize(count);
  std::vector<float> vector(static_cast<size_t>(table.dimension()));
  for (const Ordinal item : items) {
    table.Read(item, vector);
    if (!norms_.empty()) norms_[item] = Norm(vector);
    Signs(vector, &signs_[item * words]);
  }
}

bool DriftSketch::HasNorms(const EmbeddingSettings& settings) {
  return settings.metric != Metric::kCosine;
}

void DriftSketch::Signs(std::span<const float> vector, uint64_t* signs) const {
  std::array<float, std::bit_ceil(size_t{kMaxDimension})> buffer;
  const auto values = std::span(buffer).first(
      std::max(std::bit_ceil(vector.size()), static_cast<size_t>(kMinBits)));
  const std::array<float, kMaxDimension>& random = RandomSigns();
  for (size_t i = 0; i < vector.size(); ++i) values[i] = vector[i] * random[i];
  std::fill(values.begin() + static_cast<ptrdiff_t>(vector.size()), values.end(), 0.F);
  Hadamard(values);
  for (int word = 0; word < bits_ / 64; ++word) {
    signs[word] = 0;
    for (int bit = 0; bit < 64; ++bit) {
      signs[word] |= static_cast<uint64_t>(values[word * 64 + bit] < 0) << bit;
    }
  }
}

float DriftSketch::Displacement(Ordinal item, std::span<const float> vector) const {
  double ratio = 1;
  if (!norms_.empty()) {
    const double norm = Norm(vector);
    if (norms_[item] == 0) return norm == 0 ? 0 : std::numeric_limits<float>::infinity();
    ratio = norm / norms_[item];
  }
  std::array<uint64_t, kMaxBits / 64> signs;
  Signs(vector, signs.data());
  const size_t words = static_cast<size_t>(bits_) / 64;
  int different = 0;
  for (size_t w = 0; w < words; ++w)
    different += std::popcount(signs[w] ^ signs_[item * words + w]);
  const double angle = std::numbers::pi * different / bits_;
  return static_cast<float>(
      std::sqrt(std::max(0.0, 1 + ratio * ratio - 2 * ratio * std::cos(angle))));
}

int64_t DriftSketch::bytes() const {
  return static_cast<int64_t>(signs_.capacity() * sizeof(uint64_t) +
                              norms_.capacity() * sizeof(float));
}

bool DriftSketch::Restore(const EmbeddingSettings& settings, size_t item_count,
                          std::vector<uint64_t> signs, std::vector<float> norms) {
  const int bits = BitsOf(settings.dimension);
  if (signs.size() != item_count * static_cast<size_t>(bits) / 64 ||
      norms.size() != (HasNorms(settings) ? item_count : 0)) {
    return false;
  }
  bits_ = bits;
  signs_ = std::move(signs);
  norms_ = std::move(norms);
  return true;
}

}  // namespace negatron
