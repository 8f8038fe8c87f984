// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_RECEIPT_H_
#define NEGATRON_STORAGE_ROCKS_RECEIPT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rocksdb {
class FileSystem;
class FSRandomRWFile;
}  // namespace rocksdb

namespace negatron {

// Random bytes given to a database when it is created.
using Identity = std::array<uint8_t, 16>;

struct ReceiptContents {
  Identity identity{};
  int64_t durable_sequence = 0;  // Everything up to here was acknowledged as durable.

  friend bool operator==(const ReceiptContents&, const ReceiptContents&) = default;
};

inline constexpr absl::string_view kReceiptName = "RECEIPT";
// Slots are a block of the disk apart, so that one torn write cannot hurt both.
inline constexpr uint64_t kReceiptSlotStride = 4096;

// The bytes of one slot, and of a whole file with `contents` in both.
std::string EncodeReceiptSlot(const ReceiptContents& contents);
std::string EncodeReceipt(const ReceiptContents& contents);

// Reads a file: the valid slot with the higher sequence.
//
// Errors: DATA_LOSS [RECEIPT_DAMAGED]: neither slot is valid;
//   FAILED_PRECONDITION [FORMAT_TOO_NEW]: written by a later version.
absl::StatusOr<ReceiptContents> DecodeReceipt(absl::string_view bytes);

// Reads the receipt of a data folder; nullopt if it has none. Errors: those of
// `DecodeReceipt`, and UNAVAILABLE.
absl::StatusOr<std::optional<ReceiptContents>> LoadReceipt(rocksdb::FileSystem& file_system,
                                                           const std::string& folder);

// Remembers, outside the database, what was acknowledged: a log that comes back
// shorter than that is noticed.
//
// Thread-safety: thread-compatible.
class Receipt {
 public:
  // Writes a new file in place of an old one, and keeps it open.
  static absl::StatusOr<std::unique_ptr<Receipt>> Create(rocksdb::FileSystem& file_system,
                                                         const std::string& folder,
                                                         const ReceiptContents& contents);
  ~Receipt();

  // Overwrites the older slot and syncs the file. After an error the file holds
  // the old contents or the new.
  absl::Status Write(int64_t durable_sequence);

 private:
  Receipt(std::unique_ptr<rocksdb::FSRandomRWFile> file, const ReceiptContents& contents);

  const std::unique_ptr<rocksdb::FSRandomRWFile> file_;
  ReceiptContents contents_;
  int next_slot_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_RECEIPT_H_
