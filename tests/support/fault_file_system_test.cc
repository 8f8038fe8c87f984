// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fault_file_system.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "gtest/gtest.h"

#include "tests/support/temp_folder.h"

namespace negatron {
namespace {

using rocksdb::IOStatus;
using Operation = FaultFileSystem::Operation;

class FaultFileSystemTest : public testing::Test {
 protected:
  FaultFileSystemTest() {
    std::filesystem::create_directory(folder_.path() + "/scratch");
    std::filesystem::create_directory(folder_.path() + "/data");
    disk_ = std::make_unique<FaultFileSystem>(folder_.path() + "/scratch");
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/data/" + name; }

  std::unique_ptr<rocksdb::FSWritableFile> Create(const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(disk_->NewWritableFile(Path(name), {}, &file, nullptr).ok());
    return file;
  }

  // Creates a file of which the first part is synced.
  void Write(const std::string& name, const std::string& synced, const std::string& unsynced) {
    const auto file = Create(name);
    EXPECT_TRUE(file->Append(synced, {}, nullptr).ok());
    EXPECT_TRUE(file->Sync({}, nullptr).ok());
    EXPECT_TRUE(file->Append(unsynced, {}, nullptr).ok());
  }

  void SyncFolder() {
    std::unique_ptr<rocksdb::FSDirectory> folder;
    ASSERT_TRUE(disk_->NewDirectory(folder_.path() + "/data", {}, &folder, nullptr).ok());
    ASSERT_TRUE(folder->Fsync({}, nullptr).ok());
  }

  // nullopt: no such file.
  std::optional<std::string> Read(const std::string& name) {
    std::string contents;
    if (!disk_->FileExists(Path(name), {}, nullptr).ok()) return std::nullopt;
    EXPECT_TRUE(rocksdb::ReadFileToString(disk_.get(), Path(name), &contents).ok());
    return contents;
  }

  FaultFileSystem::Fault MakeFault(Operation operation, double done = 0.0) {
    FaultFileSystem::Fault fault;
    fault.operation = operation;
    fault.done = done;
    return fault;
  }

  TempFolder folder_;
  std::unique_ptr<FaultFileSystem> disk_;
};

TEST_F(FaultFileSystemTest, KeepsEverythingWithoutALossOfPower) {
  Write("a", "synced", " not");
  disk_->Freeze();
  disk_->Thaw();
  EXPECT_EQ(Read("a"), "synced not");
}

TEST_F(FaultFileSystemTest, LosesUnsyncedBytes) {
  Write("a", "synced", " not");
  SyncFolder();
  disk_->LosePowerAndAllUnsynced();
  EXPECT_EQ(Read("a"), "synced");
}

TEST_F(FaultFileSystemTest, KeepsAnyPrefixOfUnsyncedBytes) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Write("a", "ab", "cd");
    SyncFolder();
    disk_->LosePower(seed);
    seen.insert(*Read("a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"ab", "abc", "abcd"}));
}

TEST_F(FaultFileSystemTest, LosesNamesWhoseFolderWasNotSynced) {
  Write("new", "synced", "");
  disk_->LosePowerAndAllUnsynced();
  EXPECT_EQ(Read("new"), std::nullopt);
}

TEST_F(FaultFileSystemTest, BringsBackDeletedAndReplacedFiles) {
  Write("deleted", "1", "");
  Write("target", "2", "");
  Write("source", "3", "");
  Write("recreated", "4", "");
  SyncFolder();
  ASSERT_TRUE(disk_->DeleteFile(Path("deleted"), {}, nullptr).ok());
  ASSERT_TRUE(disk_->RenameFile(Path("source"), Path("target"), {}, nullptr).ok());
  Write("recreated", "5", "");
  EXPECT_EQ(Read("deleted"), std::nullopt);
  EXPECT_EQ(Read("target"), "3");
  disk_->LosePowerAndAllUnsynced();
  EXPECT_EQ(Read("deleted"), "1");
  EXPECT_EQ(Read("target"), "2");
  EXPECT_EQ(Read("source"), "3");
  EXPECT_EQ(Read("recreated"), "4");
}

TEST_F(FaultFileSystemTest, SyncedFolderMakesChangesOfNamesStay) {
  Write("deleted", "1", "");
  Write("source", "3", "");
  SyncFolder();
  ASSERT_TRUE(disk_->DeleteFile(Path("deleted"), {}, nullptr).ok());
  ASSERT_TRUE(disk_->RenameFile(Path("source"), Path("target"), {}, nullptr).ok());
  SyncFolder();
  disk_->LosePowerAndAllUnsynced();
  EXPECT_EQ(Read("deleted"), std::nullopt);
  EXPECT_EQ(Read("source"), std::nullopt);
  EXPECT_EQ(Read("target"), "3");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/scratch"));
}

TEST_F(FaultFileSystemTest, TearsUnsyncedOverwrites) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Write("a", "0000", "");
    SyncFolder();
    std::unique_ptr<rocksdb::FSRandomRWFile> file;
    ASSERT_TRUE(disk_->NewRandomRWFile(Path("a"), {}, &file, nullptr).ok());
    ASSERT_TRUE(file->Write(0, "11", {}, nullptr).ok());
    ASSERT_TRUE(file->Sync({}, nullptr).ok());
    ASSERT_TRUE(file->Write(2, "22", {}, nullptr).ok());
    disk_->LosePower(seed);
    seen.insert(*Read("a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"1100", "1120", "1122"}));
}

TEST_F(FaultFileSystemTest, FrozenDiskRefusesEveryChange) {
  const auto file = Create("a");
  disk_->Freeze();
  std::unique_ptr<rocksdb::FSWritableFile> other;
  EXPECT_FALSE(disk_->NewWritableFile(Path("b"), {}, &other, nullptr).ok());
  EXPECT_FALSE(file->Append("x", {}, nullptr).ok());
  EXPECT_FALSE(file->Sync({}, nullptr).ok());
  EXPECT_FALSE(disk_->RenameFile(Path("a"), Path("c"), {}, nullptr).ok());
  EXPECT_FALSE(disk_->DeleteFile(Path("a"), {}, nullptr).ok());
  disk_->Thaw();
  EXPECT_EQ(Read("a"), "");
}

TEST_F(FaultFileSystemTest, FailsTheOperationsItWasToldTo) {
  FaultFileSystem::Fault fault = MakeFault(Operation::kAppend, 0.5);
  fault.path_part = "/a";
  fault.skip = 1;
  fault.count = 1;
  disk_->Inject(fault);
  const auto a = Create("a");
  const auto b = Create("b");
  EXPECT_TRUE(b->Append("xx", {}, nullptr).ok());
  EXPECT_TRUE(a->Append("11", {}, nullptr).ok());
  EXPECT_TRUE(b->Append("xx", {}, nullptr).ok());
  EXPECT_TRUE(a->Append("22", {}, nullptr).IsIOError());
  EXPECT_TRUE(a->Append("33", {}, nullptr).ok());
  EXPECT_EQ(Read("a"), "11233");
  EXPECT_EQ(Read("b"), "xxxx");
  EXPECT_EQ(disk_->failed_count(), 1);
}

TEST_F(FaultFileSystemTest, FailedSyncMayHaveWorked) {
  for (const double done : {0.0, 1.0}) {
    const auto file = Create("a");
    SyncFolder();
    ASSERT_TRUE(file->Append("x", {}, nullptr).ok());
    disk_->Inject(MakeFault(Operation::kSync, done));
    EXPECT_FALSE(file->Sync({}, nullptr).ok());
    disk_->LosePowerAndAllUnsynced();
    EXPECT_EQ(Read("a"), done > 0 ? "x" : "");
  }
}

TEST_F(FaultFileSystemTest, FullDiskTakesWhatFits) {
  const auto file = Create("a");
  disk_->SetFreeBytes(3);
  EXPECT_TRUE(file->Append("12", {}, nullptr).ok());
  EXPECT_TRUE(file->Append("34", {}, nullptr).IsNoSpace());
  EXPECT_EQ(Read("a"), "123");
  uint64_t free_bytes = 7;
  EXPECT_TRUE(disk_->GetFreeSpace(Path("a"), {}, &free_bytes, nullptr).ok());
  EXPECT_EQ(free_bytes, 0u);
  std::unique_ptr<rocksdb::FSWritableFile> other;
  EXPECT_TRUE(disk_->NewWritableFile(Path("b"), {}, &other, nullptr).IsNoSpace());
  disk_->SetFreeBytes(std::nullopt);
  EXPECT_TRUE(file->Append("4", {}, nullptr).ok());
  EXPECT_EQ(Read("a"), "1234");
}

}  // namespace
}  // namespace negatron
