// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_CRC32C_H_
#define NEGATRON_STORAGE_BASE_CRC32C_H_

#include <cstddef>
#include <cstdint>

namespace negatron {

// CRC-32C (Castagnoli; RFC 3720, appendix B.4), for bytes on disk. To continue
// over further bytes, pass the value so far as `crc`. Uses the instruction of
// SSE4.2 where the processor has it.
//
// Thread-safety: thread-safe.
uint32_t Crc32c(const void* data, size_t size_bytes, uint32_t crc = 0);

// The same without the instruction; for tests, and for other processors.
uint32_t Crc32cPortable(const void* data, size_t size_bytes, uint32_t crc = 0);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_CRC32C_H_
