// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_BYTE_BLOCK_H_
#define NEGATRON_SERVER_POOL_BYTE_BLOCK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace negatron {

// A block of bytes that copies share: what std::shared_ptr<std::byte[]> is, in half the size, since
// there are as many as items. Knows a number that its user gives it.
//
// Thread-safety: thread-compatible; copies may be made and dropped by different threads.
class ByteBlock {
 public:
  ByteBlock() = default;  // Of no bytes.
  ByteBlock(size_t bytes, uint32_t number)
      : head_(new (::operator new(sizeof(Head) + bytes)) Head{{1}, number}) {}
  ByteBlock(const ByteBlock& other) : head_(other.head_) {
    if (head_ != nullptr) head_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  ByteBlock(ByteBlock&& other) noexcept : head_(std::exchange(other.head_, nullptr)) {}
  // NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete): the analyzer does not follow the count.
  ByteBlock& operator=(ByteBlock other) noexcept {
    std::swap(head_, other.head_);
    return *this;
  }
  ~ByteBlock() {
    // Acquire, so that what other owners did comes before the end of the memory.
    if (head_ != nullptr && head_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      ::operator delete(head_);
    }
  }
  // Aligned to eight bytes.
  std::byte* data() const { return reinterpret_cast<std::byte*>(head_ + 1); }
  // NOLINTEND(clang-analyzer-cplusplus.NewDelete)
  uint32_t number() const { return head_ == nullptr ? 0 : head_->number; }

 private:
  struct Head {
    std::atomic<uint32_t> owners;
    uint32_t number;
  };
  static_assert(sizeof(Head) == 8);

  Head* head_ = nullptr;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_BYTE_BLOCK_H_
