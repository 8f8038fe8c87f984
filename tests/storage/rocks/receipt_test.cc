// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/receipt.h"

#include <filesystem>
#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/support/fault_file_system.h"
#include "tests/support/temp_folder.h"

namespace negatron {
namespace {

class ReceiptTest : public testing::Test {
 protected:
  ReceiptTest() {
    std::filesystem::create_directory(folder_.path() + "/scratch");
    std::filesystem::create_directory(data());
    disk_ = std::make_unique<FaultFileSystem>(folder_.path() + "/scratch");
  }

  std::string data() const { return folder_.path() + "/data"; }

  int64_t LoadedSequence() {
    const auto loaded = LoadReceipt(*disk_, data());
    if (!loaded.ok() || !loaded->has_value()) return -1;
    EXPECT_EQ((*loaded)->identity, identity_);
    return (*loaded)->durable_sequence;
  }

  const Identity identity_{9, 8, 7};
  TempFolder folder_;
  std::unique_ptr<FaultFileSystem> disk_;
};

TEST_F(ReceiptTest, IsMissingBeforeItIsCreated) {
  const auto loaded = LoadReceipt(*disk_, data());
  ASSERT_TRUE(loaded.ok());
  EXPECT_FALSE(loaded->has_value());
}

TEST_F(ReceiptTest, KeepsTheLastSequenceThroughALossOfPower) {
  auto receipt = Receipt::Create(*disk_, data(), {identity_, 5});
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  for (int64_t sequence = 6; sequence < 20; ++sequence) {
    ASSERT_TRUE((*receipt)->Write(sequence).ok());
    EXPECT_EQ(LoadedSequence(), sequence);
  }
  disk_->LosePowerAndAllUnsynced();
  EXPECT_EQ(LoadedSequence(), 19);
}

TEST_F(ReceiptTest, TornWriteLeavesTheOneBefore) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    auto receipt = Receipt::Create(*disk_, data(), {identity_, 5});
    ASSERT_TRUE(receipt.ok()) << receipt.status();
    for (int64_t sequence = 6; sequence <= 6 + static_cast<int64_t>(seed % 3); ++sequence) {
      ASSERT_TRUE((*receipt)->Write(sequence).ok());
    }
    const int64_t durable = LoadedSequence();
    disk_->Inject({.operation = FaultFileSystem::Operation::kSync, .path_part = "RECEIPT"});
    EXPECT_EQ((*receipt)->Write(100).code(), absl::StatusCode::kUnavailable);
    receipt->reset();
    disk_->LosePower(seed);
    const int64_t loaded = LoadedSequence();
    EXPECT_TRUE(loaded == durable || loaded == 100) << loaded << " with seed " << seed;
  }
}

TEST_F(ReceiptTest, FailedReplacementLeavesTheOldFile) {
  ASSERT_TRUE(Receipt::Create(*disk_, data(), {identity_, 5}).ok());
  disk_->SetFreeBytes(100);
  const absl::Status status = Receipt::Create(*disk_, data(), {identity_, 6}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  EXPECT_EQ(LoadedSequence(), 5);
}

TEST(ReceiptBytesTest, ReadsTheHigherSlotThatIsWhole) {
  const std::string low = EncodeReceiptSlot({Identity{1}, 7});
  const std::string high = EncodeReceiptSlot({Identity{1}, 8});
  std::string file = EncodeReceipt({Identity{1}, 7});
  file.replace(kReceiptSlotStride, high.size(), high);
  EXPECT_EQ(DecodeReceipt(file)->durable_sequence, 8);
  for (size_t i = 0; i < high.size(); ++i) {
    std::string damaged = file;
    damaged[kReceiptSlotStride + i] ^= 0x10;
    EXPECT_EQ(DecodeReceipt(damaged)->durable_sequence, 7) << "byte " << i;
  }
  for (size_t size = 0; size < low.size(); ++size) {
    const absl::Status status = DecodeReceipt(file.substr(0, size)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ReasonOf(status), "RECEIPT_DAMAGED");
  }
}

}  // namespace
}  // namespace negatron
