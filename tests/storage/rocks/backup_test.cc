// SPDX-License-Identifier: Apache-2.0
// Backups of a store, and what is restored from them.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/file_system.h"

#include "storage/base/crc32c.h"
#include "storage/rocks/backup_folder.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/file_copy.h"
#include "storage/rocks/restore.h"
#include "tests/storage/rocks/store_test_base.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Micros kNoon = 1700000000000000;

BackupManifest Sample() {
  BackupManifest manifest;
  manifest.create_time = kNoon;
  manifest.id = BackupIdOf(kNoon);
  manifest.format_version = 5;
  manifest.identity[3] = 0xab;
  manifest.commit_sequence = 17;
  manifest.copied_bytes = 4;
  manifest.files = {{"RECEIPT", {8192, 7}}, {"db/000012.sst", {4, 0xdeadbeef}}};
  return manifest;
}

// The manifest with other text before its checksum, which is right again.
std::string Edited(absl::string_view from, absl::string_view to) {
  std::string text = absl::StrReplaceAll(EncodeManifest(Sample()), {{from, to}});
  text.resize(text.rfind("end "));
  return absl::StrCat(
      text, absl::StrCat("end ", absl::Hex(Crc32c(text.data(), text.size()), absl::kZeroPad8)),
      "\n");
}

TEST(BackupManifestTest, ComesBackAsItWasWritten) {
  const auto read = DecodeManifest(EncodeManifest(Sample()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Sample());
  EXPECT_EQ(read->size_bytes(), 8196);
}

TEST(BackupManifestTest, BytesAreThoseOfTheGoldenFile) {
  std::ifstream file(NEGATRON_GOLDEN_FOLDER "/backup-manifest-v1.txt", std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(EncodeManifest(Sample()), golden);
  const auto read = DecodeManifest(golden);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Sample());
}

TEST(BackupManifestTest, NoticesEveryFlippedBitAndEveryCut) {
  const std::string good = EncodeManifest(Sample());
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_EQ(ReasonOf(DecodeManifest(bad).status()), "BACKUP_DAMAGED") << i << " " << bit;
    }
    EXPECT_EQ(ReasonOf(DecodeManifest(good.substr(0, i)).status()), "BACKUP_DAMAGED") << i;
  }
}

TEST(BackupManifestTest, RefusesWhatItDoesNotUnderstand) {
  ASSERT_TRUE(DecodeManifest(Edited("17", "18")).ok()) << "the edit itself is refused";
  for (const char* path : {"db/../x", "../x", "/etc/x", "db/.x", "x", "db/", "db/a/b", "LOCK"}) {
    EXPECT_EQ(ReasonOf(DecodeManifest(Edited("db/000012.sst", path)).status()), "BACKUP_DAMAGED")
        << path;
  }
  EXPECT_EQ(ReasonOf(DecodeManifest(Edited("negatron-backup 1", "negatron-backup 2")).status()),
            "FORMAT_TOO_NEW");
  EXPECT_EQ(ReasonOf(DecodeManifest(Edited("copied_bytes", "more")).status()), "BACKUP_DAMAGED");
}

TEST(BackupManifestTest, IdsAreTimes) {
  EXPECT_EQ(BackupIdOf(kNoon + 42), "20231114-221320-000042");
  EXPECT_TRUE(IsBackupId("20231114-221320-000042"));
  for (const char* id : {"", "..", "20231114-221320-00004", "20231114-221320-0000421",
                         "2023111a-221320-000042", "20231114/221320-000042"}) {
    EXPECT_FALSE(IsBackupId(id)) << id;
  }
}

class BackupTest : public StoreTestBase {
 protected:
  BackupTest() : backups_(backup_dir(), disk_) { Open(); }

  std::string backup_dir() const { return folder_.path() + "/backups"; }

  absl::StatusOr<BackupManifest> Make(Micros time = kNoon) { return Make(time, backups_); }

  absl::StatusOr<BackupManifest> Make(Micros time, BackupFolder& backups) {
    NEGATRON_ASSIGN_OR_RETURN(const Store::Checkpoint staged, store_->MakeCheckpoint());
    BackupManifest manifest;
    manifest.create_time = time;
    manifest.format_version = staged.format_version;
    manifest.identity = staged.identity;
    manifest.commit_sequence = staged.last_sequence;
    return backups.Create(staged.folder, manifest, nobody_, nullptr);
  }

  absl::Status Restore(const std::string& id, const std::string& to) {
    return RestoreBackup({backup_dir(), id, to, disk_}, nobody_, nullptr).status();
  }

  // The items of a restored folder.
  std::vector<int64_t> ItemsIn(const std::string& folder) {
    store_.reset();
    StoreOptions options;
    options.path = folder;
    options.file_system = disk_;
    auto store = Store::Open(options);
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return {};
    store_ = *std::move(store);
    return Items();
  }

  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    const auto entries = backups_.List();
    EXPECT_TRUE(entries.ok()) << entries.status();
    for (const BackupEntry& entry : *entries) ids.push_back(entry.id);
    return ids;
  }

  Cancellation nobody_;
  BackupFolder backups_;
};

TEST_F(BackupTest, HoldsAllThatWasWrittenBeforeAndNothingAfter) {
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kNo, 1).ok());
  const auto made = Make();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->commit_sequence, 2);
  EXPECT_EQ(made->format_version, kFormatVersion);
  ASSERT_TRUE(WriteItem(3, Store::Sync::kYes, 2).ok());
  ASSERT_TRUE(backups_.Verify(made->id, nobody_, nullptr).ok());

  const std::string restored = folder_.path() + "/restored";
  ASSERT_TRUE(Restore(made->id, restored).ok());
  EXPECT_THAT(ItemsIn(restored), ElementsAre(1, 2));
  EXPECT_EQ(store_->last_sequence(), 2);
  EXPECT_EQ(store_->durable_sequence(), 2);
  // It goes on as any folder, and the backup stays what it was.
  ASSERT_TRUE(WriteItem(4, Store::Sync::kYes, 2).ok());
  EXPECT_TRUE(backups_.Verify(made->id, nobody_, nullptr).ok());
}

// The disk that can fail has no hard links.
TEST_F(BackupTest, SharesWhatDoesNotChange) {
  BackupFolder linking(backup_dir(), rocksdb::FileSystem::Default());
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  Open();  // Moves the log into tables.
  const auto first = Make(kNoon, linking);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->copied_bytes, first->size_bytes());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kYes, 1).ok());
  const auto second = Make(kNoon, linking);  // The same time: it is moved on.
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->create_time, kNoon + 1);
  EXPECT_LT(second->copied_bytes, second->size_bytes());
  // Each stands alone.
  ASSERT_TRUE(linking.Delete(first->id).ok());
  EXPECT_THAT(Ids(), ElementsAre(second->id));
  EXPECT_TRUE(linking.Verify(second->id, nobody_, nullptr).ok());
  ASSERT_TRUE(Restore(second->id, folder_.path() + "/restored").ok());
  EXPECT_THAT(ItemsIn(folder_.path() + "/restored"), ElementsAre(1, 2));
}

TEST_F(BackupTest, DoesNotShareWhatRotted) {
  BackupFolder linking(backup_dir(), rocksdb::FileSystem::Default());
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  Open();
  const auto first = Make(kNoon, linking);
  ASSERT_TRUE(first.ok()) << first.status();
  for (const BackupFile& file : first->files) {
    if (file.path.find(".sst") == std::string::npos) continue;
    std::fstream bytes(linking.PathOf(first->id) + "/" + file.path,
                       std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(file.sum.size_bytes / 2);
    bytes.put('\x5a').put('\xa5');
  }
  EXPECT_EQ(ReasonOf(linking.Verify(first->id, nobody_, nullptr).status()), "BACKUP_DAMAGED");
  const auto second = Make(kNoon + 5, linking);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(linking.Verify(second->id, nobody_, nullptr).ok());
}

TEST_F(BackupTest, EveryDamagedFileIsFoundAndNothingIsRestoredFromIt) {
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  Open();
  ASSERT_TRUE(WriteItem(2, Store::Sync::kYes, 1).ok());
  const auto made = Make();
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string target = folder_.path() + "/restored";
  for (const BackupFile& file : made->files) {
    if (file.sum.size_bytes == 0) continue;
    const std::string path = backups_.PathOf(made->id) + "/" + file.path;
    const std::string kept = folder_.path() + "/kept";
    std::filesystem::copy_file(path, kept, std::filesystem::copy_options::overwrite_existing);
    const auto damaged = [&] {
      const absl::Status status = Restore(made->id, target);
      EXPECT_EQ(ReasonOf(status), "BACKUP_DAMAGED") << file.path << " " << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(file.path));
      EXPECT_FALSE(std::filesystem::exists(target)) << file.path;
    };
    std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(file.sum.size_bytes - 1);
    const int last = bytes.get();
    bytes.seekp(file.sum.size_bytes - 1);
    bytes.put(static_cast<char>(last ^ 1));
    bytes.close();
    damaged();
    std::filesystem::resize_file(path, static_cast<uint64_t>(file.sum.size_bytes) - 1);
    damaged();
    std::filesystem::remove(path);
    damaged();
    std::filesystem::copy_file(kept, path);
  }
  EXPECT_TRUE(Restore(made->id, target).ok());
}

TEST_F(BackupTest, AnInterruptedBackupIsNeverListedAndIsRemoved) {
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  disk_->Inject({FaultFileSystem::Operation::kAppend, "backups/"});
  EXPECT_EQ(Make().status().code(), absl::StatusCode::kUnavailable);
  disk_->ClearFaults();
  EXPECT_THAT(Ids(), IsEmpty());
  // What a crash leaves.
  std::filesystem::create_directories(backup_dir() + "/20200101-000000-000000.tmp/db");
  EXPECT_THAT(Ids(), IsEmpty());
  ASSERT_TRUE(Make().ok());
  EXPECT_FALSE(std::filesystem::exists(backup_dir() + "/20200101-000000-000000.tmp"));
}

TEST_F(BackupTest, ACancelledBackupLeavesNothing) {
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  nobody_.Cancel();
  EXPECT_EQ(Make().status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(BackupTest, KeepsTheLastAndThoseThatCannotBeRead) {
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    const auto made = Make(kNoon + i);
    ASSERT_TRUE(made.ok()) << made.status();
    ids.push_back(made->id);
  }
  std::ofstream(backups_.PathOf(ids[0]) + "/BACKUP") << "nonsense";
  const auto deleted = backups_.KeepLast(2);
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_THAT(*deleted, ElementsAre(ids[1]));
  EXPECT_THAT(Ids(), ElementsAre(ids[0], ids[2], ids[3]));
  EXPECT_FALSE(backups_.List()->front().problem.ok());
  EXPECT_EQ(ReasonOf(backups_.Delete(ids[1])), "BACKUP_NOT_FOUND");
}

TEST_F(BackupTest, RestoresIntoAnEmptyFolderOnly) {
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  const auto made = Make();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(ReasonOf(Restore(made->id, data())), "DATA_FOLDER_NOT_EMPTY");
  EXPECT_EQ(ReasonOf(Restore("20200101-000000-000000", folder_.path() + "/x")), "BACKUP_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Restore("../data", folder_.path() + "/x")), "BACKUP_NOT_FOUND");
}

TEST_F(BackupTest, ABackupOfALaterFormatIsRefused) {
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  auto made = Make();
  ASSERT_TRUE(made.ok()) << made.status();
  made->format_version = kFormatVersion + 1;
  std::ofstream(backups_.PathOf(made->id) + "/BACKUP") << EncodeManifest(*made);
  const absl::Status status = Restore(made->id, folder_.path() + "/restored");
  EXPECT_EQ(ReasonOf(status), "FORMAT_TOO_NEW");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/restored"));
}

// At every file that is created: the process dies there, the start is refused, the way out works.
TEST_F(BackupTest, AnInterruptedRestoreIsRefusedAndCanBeRepeated) {
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  const auto made = Make();
  ASSERT_TRUE(made.ok()) << made.status();
  store_.reset();
  const std::string target = folder_.path() + "/restored";
  int interrupted = 0;
  for (int skip = 0; skip < 100; ++skip) {
    FaultFileSystem::Fault fault{FaultFileSystem::Operation::kCreate, "restored/"};
    fault.skip = skip;
    disk_->Inject(fault);
    const absl::Status status = Restore(made->id, target);
    disk_->ClearFaults();
    if (status.ok()) break;
    ++interrupted;
    if (std::filesystem::exists(target + "/RESTORING")) {
      StoreOptions options;
      options.path = target;
      options.file_system = disk_;
      options.accept_data_loss = true;  // Not even then.
      const absl::Status refused = Store::Open(options).status();
      EXPECT_EQ(ReasonOf(refused), "RESTORE_INCOMPLETE") << refused;
      EXPECT_EQ(ReasonOf(Restore(made->id, target)), "DATA_FOLDER_NOT_EMPTY");
    } else {
      EXPECT_FALSE(std::filesystem::exists(target + "/db")) << skip;
    }
    EXPECT_TRUE(RemoveFolder(*disk_, target).ok());
  }
  EXPECT_EQ(interrupted, static_cast<int>(made->files.size()) + 1);  // And the marker.
  EXPECT_THAT(ItemsIn(target), ElementsAre(1));
}

TEST_F(BackupTest, ACrashDuringABackupLeavesNothingInTheDataFolder) {
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  ASSERT_TRUE(store_->MakeCheckpoint().ok());
  EXPECT_TRUE(std::filesystem::exists(data() + "/backup.tmp"));
  Crash();
  Open();
  EXPECT_FALSE(std::filesystem::exists(data() + "/backup.tmp"));
  EXPECT_THAT(Items(), ElementsAre(1));
}

}  // namespace
}  // namespace negatron
