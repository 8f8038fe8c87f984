// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_DRIFT_SKETCH_H_
#define NEGATRON_SERVER_INDEX_DRIFT_SKETCH_H_

#include <cstdint>
#include <span>
#include <vector>

#include "server/index/vector_table.h"
#include "storage/model/records.h"

namespace negatron {

// Remembers roughly where the vectors of a table were, in a bit a component instead
// of 32: the signs of a randomised Hadamard transform, of which a part in proportion
// to the angle differs for two vectors (Charikar, STOC 2002; Ailon, Chazelle, SIAM J.
// Comput. 2009). Beside them the norm, where the metric depends on it.
//
// Thread-safety: immutable once made.
class DriftSketch {
 public:
  // Of no vector.
  DriftSketch() = default;
  explicit DriftSketch(const VectorTable& table);

  // How far an item that had a vector is from where it was with this one, [dimension] as
  // stored, in units of its former norm. An estimate: at 64 bits its standard error
  // is 0.2 at a distance of 1 and less below.
  float Displacement(Ordinal item, std::span<const float> vector) const;

  int64_t bytes() const;

  // The columns, to be written and read.
  const std::vector<uint64_t>& signs() const { return signs_; }  // Of all items, one by one.
  const std::vector<float>& norms() const { return norms_; }     // [items], or empty.
  // Takes columns for so many items; false if they do not fit.
  bool Restore(const EmbeddingSettings& settings, size_t item_count, std::vector<uint64_t> signs,
               std::vector<float> norms);

 private:
  static int BitsOf(int dimension);
  static bool HasNorms(const EmbeddingSettings& settings);
  void Signs(std::span<const float> vector, uint64_t* signs) const;

  int bits_ = 0;  // An item; a multiple of 64.
  std::vector<uint64_t> signs_;
  std::vector<float> norms_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_DRIFT_SKETCH_H_
