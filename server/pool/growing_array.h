// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_GROWING_ARRAY_H_
#define NEGATRON_SERVER_POOL_GROWING_ARRAY_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

namespace negatron {

// An array whose copies share storage. A copy is a snapshot: it sees the
// elements that were there when it was made, whatever is appended to the
// original later, in the same storage while that has room.
//
// At any time one copy, the newest, may be appended to, by one thread; an older
// copy may take its place (the elements of the newer are then forgotten).
// Copies handed to other threads need the usual publication (a mutex).
//
// Thread-safety: thread-compatible; snapshots are immutable.
template <typename T>
class GrowingArray {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T& operator[](size_t i) const { return data_[i]; }
  const T& back() const { return data_[size_ - 1]; }
  const T* data() const { return data_.get(); }
  std::span<const T> view() const { return {data_.get(), size_}; }
  uint32_t capacity() const { return capacity_; }
  int64_t capacity_bytes() const { return int64_t{capacity_} * sizeof(T); }

  void Reserve(uint32_t capacity) {
    if (capacity <= capacity_) return;
    std::shared_ptr<T[]> data(new T[capacity]);
    std::copy_n(data_.get(), size_, data.get());
    data_ = std::move(data);
    capacity_ = capacity;
  }

  void Append(const T& value) {
    if (size_ == capacity_) Reserve(std::max(size_ + 1, size_ + size_ / 2));
    data_[size_++] = value;
  }

 private:
  std::shared_ptr<T[]> data_;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_GROWING_ARRAY_H_
