// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_PAGE_COLUMN_H_
#define NEGATRON_SERVER_INDEX_PAGE_COLUMN_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace negatron {

// A value for each of the `rows` rows of a page, at most 255. Many rows are written at
// once, so each distinct value is kept once, behind an index of a byte a row; a
// value that all rows share needs no index.
//
// Memory: beyond the object, the distinct values and, if there are two, a byte a row.
// Thread-safety: thread-compatible.
template <typename T, uint32_t rows>
class PageColumn {
  static_assert(rows <= 255, "an index, and one beyond the last, must fit a byte");

 public:
  // Of a row that was set.
  T at(uint32_t row) const { return values_[IndexOf(row)]; }

  void Set(uint32_t row, T value) {
    if (values_.empty()) {
      values_.push_back(value);  // Of all rows, until another is set.
      return;
    }
    const uint8_t old = IndexOf(row);
    if (values_[old] == value) return;
    const auto found = std::find(values_.begin(), values_.end(), value);
    const auto index = static_cast<uint8_t>(found - values_.begin());
    if (found == values_.end()) values_.push_back(value);
    if (indexes_.empty()) indexes_.assign(rows, 0);
    indexes_[row] = index;
    if (std::find(indexes_.begin(), indexes_.end(), old) == indexes_.end()) Remove(old);
  }

  // Beyond the object.
  int64_t bytes() const {
    return static_cast<int64_t>(values_.capacity() * sizeof(T) + indexes_.capacity());
  }

 private:
  uint8_t IndexOf(uint32_t row) const { return indexes_.empty() ? uint8_t{0} : indexes_[row]; }

  // Drops a value that no row has. The last takes its place.
  void Remove(uint8_t index) {
    const auto last = static_cast<uint8_t>(values_.size() - 1);
    values_[index] = values_[last];
    values_.pop_back();
    if (values_.size() == 1) {
      values_.shrink_to_fit();
      indexes_ = std::vector<uint8_t>();  // Not {}, which would keep the memory.
    } else {
      std::replace(indexes_.begin(), indexes_.end(), last, index);
    }
  }

  std::vector<T> values_;         // Distinct, at most one a row.
  std::vector<uint8_t> indexes_;  // [rows] into `values_`, or empty: all 0.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_PAGE_COLUMN_H_
