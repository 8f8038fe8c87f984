// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_COW_ARRAY_H_
#define NEGATRON_STORAGE_BASE_COW_ARRAY_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "storage/base/slab_allocator.h"

namespace negatron {

// An array in pages that copies share: copying costs one pointer a page, and an
// editor copies only the pages that it touches (copy on write).
//
// Thread-safety: immutable; made by a CowEditor.
template <typename T, size_t kPageSize = 64>
class CowArray {
 public:
  using Page = std::array<T, kPageSize>;

  size_t size() const { return size_; }
  const T& operator[](size_t i) const { return (*pages_[i / kPageSize])[i % kPageSize]; }
  size_t page_count() const { return pages_.size(); }
  const Page& page(size_t i) const { return *pages_[i]; }
  int64_t bytes() const {
    return static_cast<int64_t>(pages_.size() * (sizeof(Page) + sizeof(pages_[0])));
  }

 private:
  template <typename U, size_t n>
  friend class CowEditor;

  std::vector<std::shared_ptr<Page>> pages_;
  size_t size_ = 0;
};

// Changes a copy of a CowArray.
//
// Thread-safety: thread-compatible.
template <typename T, size_t kPageSize = 64>
class CowEditor {
 public:
  explicit CowEditor(CowArray<T, kPageSize> base)
      : array_(std::move(base)), owned_(array_.pages_.size(), false) {}

  size_t size() const { return array_.size(); }
  const T& operator[](size_t i) const { return array_[i]; }

  T& Mutable(size_t i) {
    const size_t page = i / kPageSize;
    if (!owned_[page]) {
      array_.pages_[page] = MakePage(*array_.pages_[page]);
      owned_[page] = true;
    }
    return (*array_.pages_[page])[i % kPageSize];
  }

  // Grows to `size` default values at the end; never shrinks.
  void Grow(size_t size) {
    while (array_.pages_.size() * kPageSize < size) {
      array_.pages_.push_back(MakePage());
      owned_.push_back(true);
    }
    array_.size_ = std::max(array_.size_, size);
  }

  void Append(T value) {
    Grow(array_.size_ + 1);
    Mutable(array_.size_ - 1) = std::move(value);
  }

  // The edited array. The editor is spent.
  CowArray<T, kPageSize> Finish() && { return std::move(array_); }

 private:
  using Page = typename CowArray<T, kPageSize>::Page;

  template <typename... Arguments>
  static std::shared_ptr<Page> MakePage(const Arguments&... arguments) {
    return std::allocate_shared<Page>(SlabAllocator<Page>(), arguments...);
  }

  CowArray<T, kPageSize> array_;
  std::vector<bool> owned_;  // Pages that no snapshot shares.
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_COW_ARRAY_H_
