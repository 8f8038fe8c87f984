// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_SCORER_H_
#define NEGATRON_SERVER_INDEX_SCORER_H_

#include <cstddef>

#include "server/index/kernels.h"
#include "server/index/vector_table.h"
#include "storage/model/records.h"

namespace negatron {

// Scores of an anchor against the vectors of a table, by its metric; higher is
// nearer. A pair has the same score by every method, to the bit.
//
// Thread-safety: immutable.
class Scorer {
 public:
  // `table` must outlive this.
  explicit Scorer(const VectorTable& table, const Kernels& kernels = BestKernels());

  const VectorTable& table() const { return *table_; }

  // Score of an item that has a vector. `anchor` is [dimension], as stored.
  float Score(const float* anchor, Ordinal item) const;

  // Asks for the vector of an item, to be scored soon.
  void Prefetch(Ordinal item) const;

  // Scores of the kPageItems places of a page that is not null; those of places
  // without a vector mean nothing.
  void ScorePage(const float* anchor, const VectorTable::Page& page, float* scores) const;

 private:
  const VectorTable* table_;
  Kernels::Kernel kernel_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_SCORER_H_
