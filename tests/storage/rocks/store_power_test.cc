// SPDX-License-Identifier: Apache-2.0
// Crashes and losses of power, against a model.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "storage/rocks/store.h"
#include "tests/storage/rocks/store_model.h"
#include "tests/support/fault_file_system.h"
#include "tests/support/temp_folder.h"

namespace negatron {
namespace {

// One machine: a folder, its disk, and the history of what was written.
class Machine {
 public:
  explicit Machine(uint64_t seed, size_t write_buffer_bytes)
      : random_(seed), write_buffer_bytes_(write_buffer_bytes) {
    std::filesystem::create_directory(folder_.path() + "/scratch");
    disk_ = std::make_shared<FaultFileSystem>(folder_.path() + "/scratch");
    models_.emplace_back();
    Start();
  }

  void Start() {
    StoreOptions options;
    options.path = folder_.path() + "/data";
    options.file_system = disk_;
    options.write_buffer_bytes = write_buffer_bytes_;
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  // Writes `count` random batches, some of them synced.
  void Write(int count) {
    for (int i = 0; i < count; ++i) {
      const int64_t sequence = static_cast<int64_t>(models_.size());
      StoreModel model = models_.back();
      StoreBatch batch;
      RandomBatch(sequence, random_, model, batch);
      models_.push_back(std::move(model));
      const bool sync = random_() % 4 == 0;
      ASSERT_TRUE(store_->Write(batch, sequence, sync ? Store::Sync::kYes : Store::Sync::kNo).ok());
      if (random_() % 32 == 0) {
        ASSERT_TRUE(store_->SyncLog().ok());
      }
    }
  }

  void LosePower() {
    const int64_t durable = store_->durable_sequence();
    const int64_t written = store_->last_sequence();
    disk_->Freeze();
    store_.reset();
    disk_->LosePower(random_());
    Start();
    if (testing::Test::HasFatalFailure()) return;
    EXPECT_GE(store_->last_sequence(), durable);
    EXPECT_LE(store_->last_sequence(), written);
    ExpectPrefix();
  }

  void CrashProcess() {
    const int64_t written = store_->last_sequence();
    disk_->Freeze();
    store_.reset();
    disk_->Thaw();
    Start();
    if (testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(store_->last_sequence(), written);
    ExpectPrefix();
  }

  Store& store() { return *store_; }

 private:
  // The store holds exactly the batches up to its last sequence; those behind
  // it never were.
  void ExpectPrefix() {
    const int64_t last = store_->last_sequence();
    ASSERT_LT(static_cast<size_t>(last), models_.size());
    models_.resize(static_cast<size_t>(last) + 1);
    const absl::StatusOr<StoreModel> found = ReadStore(*store_);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_TRUE(*found == models_.back()) << "at sequence " << last << ": " << found->record_count()
                                          << " records, expected " << models_.back().record_count();
    EXPECT_EQ(store_->durable_sequence(), last);
  }

  TempFolder folder_;
  std::shared_ptr<FaultFileSystem> disk_;
  std::mt19937_64 random_;
  const size_t write_buffer_bytes_;
  std::vector<StoreModel> models_;  // After each batch; [0] is empty.
  std::unique_ptr<Store> store_;
};

// A write buffer this small makes RocksDB switch log files every few batches, so
// that several unsynced ones are cut at once.
constexpr size_t kTinyBuffer = 16 << 10;
constexpr size_t kLargeBuffer = 4 << 20;

class StorePowerTest : public testing::TestWithParam<int> {};

TEST_P(StorePowerTest, KeepsWhatWasAcknowledgedAndAPrefixOfTheRest) {
  const auto seed = static_cast<uint64_t>(GetParam());
  Machine machine(seed, seed % 2 == 0 ? kTinyBuffer : kLargeBuffer);
  std::mt19937_64 random(seed + 1000);
  for (int life = 0; life < 3 && !HasFatalFailure(); ++life) {
    machine.Write(static_cast<int>(random() % 60));
    machine.LosePower();
  }
}

class StoreCrashTest : public testing::TestWithParam<int> {};

TEST_P(StoreCrashTest, KeepsAllThatWasWrittenWhenTheProcessCrashes) {
  const auto seed = static_cast<uint64_t>(GetParam());
  Machine machine(seed, seed % 2 == 0 ? kTinyBuffer : kLargeBuffer);
  std::mt19937_64 random(seed + 2000);
  for (int life = 0; life < 2 && !HasFatalFailure(); ++life) {
    machine.Write(static_cast<int>(random() % 60));
    machine.CrashProcess();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StorePowerTest, testing::Range(0, 100));
INSTANTIATE_TEST_SUITE_P(Seeds, StoreCrashTest, testing::Range(0, 20));

}  // namespace
}  // namespace negatron
