// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_STORAGE_ROCKS_STORE_TEST_BASE_H_
#define NEGATRON_TESTS_STORAGE_ROCKS_STORE_TEST_BASE_H_

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "storage/rocks/store.h"
#include "tests/storage/rocks/store_model.h"
#include "tests/support/fault_file_system.h"
#include "tests/support/temp_folder.h"

namespace negatron {

// A data folder on a disk that can fail.
class StoreTestBase : public testing::Test {
 protected:
  StoreTestBase() {
    std::filesystem::create_directory(folder_.path() + "/scratch");
    disk_ = std::make_shared<FaultFileSystem>(folder_.path() + "/scratch");
  }

  std::string data() const { return folder_.path() + "/data"; }

  absl::StatusOr<std::unique_ptr<Store>> TryOpen(bool accept_data_loss = false) {
    StoreOptions options;
    options.path = data();
    options.file_system = disk_;
    options.accept_data_loss = accept_data_loss;
    return Store::Open(options);
  }

  void Open(bool accept_data_loss = false) {
    store_.reset();
    auto store = TryOpen(accept_data_loss);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  // Expects that the folder does not open, and why.
  void ExpectRefused(absl::StatusCode code, const std::string& reason) {
    store_.reset();
    const absl::Status status = TryOpen().status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_EQ(ReasonOf(status), reason) << status;
  }

  // A batch that puts one item, with the sequence as its id, into incarnation 1.
  absl::Status WriteItem(int64_t sequence, Store::Sync sync, Ordinal ordinal = 0) {
    StoreBatch batch;
    CollectionRecord collection;
    collection.incarnation = 1;
    batch.PutCollection(collection);
    batch.PutItem(1, {ordinal, {sequence, ""}, {}, false, sequence});
    return store_->Write(batch, sequence, sync);
  }

  // The ids of the items of incarnation 1, by ordinal.
  std::vector<int64_t> Items() {
    std::vector<int64_t> ids;
    const absl::Status status = store_->ScanItems(1, [&](const ItemRecord& record) {
      ids.push_back(record.id.number);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return ids;
  }

  // The process dies; nothing more is written.
  void Crash() {
    disk_->Freeze();
    store_.reset();
    disk_->Thaw();
  }

  void LosePower() {
    disk_->Freeze();
    store_.reset();
    disk_->LosePowerAndAllUnsynced();
  }

  // The files of the database with this ending, newest last.
  std::vector<std::string> DatabaseFiles(const std::string& ending) const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(data() + "/db")) {
      if (entry.path().extension() == ending) paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  TempFolder folder_;
  std::shared_ptr<FaultFileSystem> disk_;
  std::unique_ptr<Store> store_;
};

}  // namespace negatron

#endif  // NEGATRON_TESTS_STORAGE_ROCKS_STORE_TEST_BASE_H_
