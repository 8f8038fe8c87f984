// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/receipt.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/file_system.h"

#include "storage/base/crc32c.h"
#include "storage/base/status.h"
#include "storage/rocks/bytes.h"
#include "storage/rocks/io.h"

namespace negatron {
namespace {

constexpr absl::string_view kMagic = "NGTRCPT\n";
constexpr uint32_t kVersion = 1;
constexpr int kSlotCount = 2;
constexpr size_t kSlotBytes = 8 + 4 + 16 + 8 + 4;

struct Slot {
  uint32_t version = 0;
  ReceiptContents contents;
};

// nullopt unless the slot was written whole.
std::optional<Slot> DecodeSlot(absl::string_view bytes) {
  if (bytes.size() < kSlotBytes) return std::nullopt;
  ByteReader reader(bytes.substr(0, kSlotBytes));
  Slot slot;
  const bool has_magic = reader.Take(kMagic.size()) == kMagic;
  slot.version = reader.Little<uint32_t>();
  for (uint8_t& byte : slot.contents.identity) byte = reader.Little<uint8_t>();
  slot.contents.durable_sequence = reader.Little<int64_t>();
  const auto crc = reader.Little<uint32_t>();
  if (!has_magic || crc != Crc32c(bytes.data(), kSlotBytes - sizeof(crc))) return std::nullopt;
  return slot;
}

}  // namespace

std::string EncodeReceiptSlot(const ReceiptContents& contents) {
  std::string bytes(kMagic);
  AppendLittle(kVersion, &bytes);
  for (const uint8_t byte : contents.identity) AppendLittle(byte, &bytes);
  AppendLittle(contents.durable_sequence, &bytes);
  AppendLittle(Crc32c(bytes.data(), bytes.size()), &bytes);
  return bytes;
}

std::string EncodeReceipt(const ReceiptContents& contents) {
  std::string slot = EncodeReceiptSlot(contents);
  slot.resize(kReceiptSlotStride);
  return slot + slot;
}

absl::StatusOr<ReceiptContents> DecodeReceipt(absl::string_view bytes) {
  std::optional<ReceiptContents> newest;
  for (int i = 0; i < kSlotCount; ++i) {
    const size_t start = std::min(bytes.size(), static_cast<size_t>(i * kReceiptSlotStride));
    const std::optional<Slot> slot = DecodeSlot(bytes.substr(start));
    if (!slot.has_value()) continue;
    if (slot->version != kVersion) {
      return WithReason(
          absl::FailedPreconditionError(absl::StrCat(
              "the receipt has format version ", slot->version, "; this program knows version ",
              kVersion, ": use the version of Negatron that wrote it, or a later one")),
          "FORMAT_TOO_NEW");
    }
    if (!newest.has_value() || slot->contents.durable_sequence > newest->durable_sequence) {
      newest = slot->contents;
    }
  }
  if (newest.has_value()) return *newest;
  return WithReason(absl::DataLossError("neither slot of the receipt is readable"),
                    "RECEIPT_DAMAGED");
}

absl::StatusOr<std::optional<ReceiptContents>> LoadReceipt(rocksdb::FileSystem& file_system,
                                                           const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kReceiptName);
  NEGATRON_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, ReadFile(file_system, path));
  if (!bytes.has_value()) return std::nullopt;
  NEGATRON_ASSIGN_OR_RETURN(const ReceiptContents contents, DecodeReceipt(*bytes));
  return contents;
}

Receipt::Receipt(std::unique_ptr<rocksdb::FSRandomRWFile> file, const ReceiptContents& contents)
    : file_(std::move(file)), contents_(contents) {}

Receipt::~Receipt() = default;

absl::StatusOr<std::unique_ptr<Receipt>> Receipt::Create(rocksdb::FileSystem& file_system,
                                                         const std::string& folder,
                                                         const ReceiptContents& contents) {
  NEGATRON_RETURN_IF_ERROR(
      ReplaceFile(file_system, folder, std::string(kReceiptName), EncodeReceipt(contents)));
  const std::string path = absl::StrCat(folder, "/", kReceiptName);
  std::unique_ptr<rocksdb::FSRandomRWFile> file;
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system.NewRandomRWFile(path, {}, &file, nullptr),
                                     absl::StrCat("opening ", path)));
  return std::unique_ptr<Receipt>(new Receipt(std::move(file), contents));
}

absl::Status Receipt::Write(int64_t durable_sequence) {
  contents_.durable_sequence = durable_sequence;
  const uint64_t offset = next_slot_ * kReceiptSlotStride;
  rocksdb::IOStatus status = file_->Write(offset, EncodeReceiptSlot(contents_), {}, nullptr);
  if (status.ok()) status = file_->Sync({}, nullptr);
  NEGATRON_RETURN_IF_ERROR(FromRocks(status, "writing the receipt"));
  next_slot_ = 1 - next_slot_;
  return absl::OkStatus();
}

}  // namespace negatron
