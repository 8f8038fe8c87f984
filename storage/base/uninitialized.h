// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_UNINITIALIZED_H_
#define NEGATRON_STORAGE_BASE_UNINITIALIZED_H_

#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace negatron {

// Leaves new elements of a vector as they are where no value is given: for large
// columns that are written whole, zeros first would be a pass over memory too many.
template <typename T>
struct UninitializedAllocator : std::allocator<T> {
  template <typename U>
  struct rebind {
    using other = UninitializedAllocator<U>;
  };

  template <typename U>
  void construct(U* place) {
    ::new (static_cast<void*>(place)) U;
  }
  template <typename U, typename... Arguments>
  void construct(U* place, Arguments&&... arguments) {
    ::new (static_cast<void*>(place)) U(std::forward<Arguments>(arguments)...);
  }
};

// A vector whose resize() does not fill.
template <typename T>
using UninitializedVector = std::vector<T, UninitializedAllocator<T>>;

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_UNINITIALIZED_H_
