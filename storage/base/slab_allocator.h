// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_SLAB_ALLOCATOR_H_
#define NEGATRON_STORAGE_BASE_SLAB_ALLOCATOR_H_

#include <cstddef>
#include <new>
#include <vector>

#include "absl/base/thread_annotations.h"

#include "storage/base/mutex.h"

namespace negatron {

// Places of one size and alignment, cut from slabs. A place that is given back is kept for the
// next who asks. For pages that commits replace by the thousand: in the general heap, small blocks
// settle in the holes that such pages leave, and the next pages find no room.
//
// Memory is never given back to the system: a process keeps as many places as it once needed at
// a time.
//
// Thread-safety: thread-safe.
template <size_t kBytes, size_t kAlignment>
class SlabPool {
 public:
  static SlabPool& Get() {
    static auto* const pool = new SlabPool;  // Outlives all that is static.
    return *pool;
  }

  void* Take() {
    MutexLock lock(mutex_);
    if (free_.empty()) {
      auto* const slab =
          static_cast<std::byte*>(::operator new (kPlaces* kStride, std::align_val_t{kAlignment}));
      for (size_t i = kPlaces; i > 0; --i) free_.push_back(slab + (i - 1) * kStride);
    }
    void* const place = free_.back();
    free_.pop_back();
    return place;
  }

  void Give(void* place) {
    MutexLock lock(mutex_);
    free_.push_back(place);
  }

 private:
  static constexpr size_t kStride = (kBytes + kAlignment - 1) / kAlignment * kAlignment;
  static constexpr size_t kPlaces = (size_t{1} << 20) / kStride + 1;

  Mutex mutex_;
  std::vector<void*> free_ ABSL_GUARDED_BY(mutex_);
};

// A standard allocator of single objects from the SlabPool of their size; for
// std::allocate_shared. AddressSanitizer sees each as a block of its own.
template <typename T>
struct SlabAllocator {
  using value_type = T;

  SlabAllocator() = default;
  template <typename U>
  SlabAllocator(const SlabAllocator<U>&) {}  // NOLINT(google-explicit-constructor): a converter.

#if defined(__SANITIZE_ADDRESS__)
  T* allocate(size_t) { return static_cast<T*>(::operator new(sizeof(T), Alignment())); }
  void deallocate(T* place, size_t) { ::operator delete(place, Alignment()); }
#else
  T* allocate(size_t) { return static_cast<T*>(Pool::Get().Take()); }
  void deallocate(T* place, size_t) { Pool::Get().Give(place); }
#endif

  friend bool operator==(const SlabAllocator&, const SlabAllocator&) { return true; }

 private:
  using Pool = SlabPool<sizeof(T), alignof(T)>;
  static std::align_val_t Alignment() { return std::align_val_t{alignof(T)}; }
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_SLAB_ALLOCATOR_H_
