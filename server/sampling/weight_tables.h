// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_WEIGHT_TABLES_H_
#define NEGATRON_SERVER_SAMPLING_WEIGHT_TABLES_H_

#include <algorithm>
#include <vector>

#include "storage/model/records.h"

namespace negatron {

// Items with weights, to draw from by inverse CDF.
//
// Thread-safety: thread-compatible.
class WeightTable {
 public:
  // Items come in rising order, of positive weight.
  void Add(Ordinal item, double weight) {
    items_.push_back(item);
    weights_.push_back(weight);
    cumulated_.push_back(total() + weight);
  }

  bool empty() const { return items_.empty(); }
  double total() const { return cumulated_.empty() ? 0 : cumulated_.back(); }
  size_t size() const { return items_.size(); }
  Ordinal item(size_t i) const { return items_[i]; }
  double weight(size_t i) const { return weights_[i]; }

  // Position that the fraction `u` in [0, 1) of the total falls on.
  size_t Find(double u) const {
    const auto found = std::upper_bound(cumulated_.begin(), cumulated_.end(), u * total());
    return std::min(static_cast<size_t>(found - cumulated_.begin()), items_.size() - 1);
  }
  // 0 if the item is not there.
  double WeightOf(Ordinal item) const {
    const auto found = std::lower_bound(items_.begin(), items_.end(), item);
    return found == items_.end() || *found != item
               ? 0
               : weights_[static_cast<size_t>(found - items_.begin())];
  }

 private:
  std::vector<Ordinal> items_;
  std::vector<double> weights_;
  std::vector<double> cumulated_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_WEIGHT_TABLES_H_
