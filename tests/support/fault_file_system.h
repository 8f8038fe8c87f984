// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_FAULT_FILE_SYSTEM_H_
#define NEGATRON_TESTS_SUPPORT_FAULT_FILE_SYSTEM_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "rocksdb/file_system.h"

#include "storage/base/mutex.h"

namespace negatron {

// The system's files, with a disk that loses power, fills up and fails when it
// is told to. Everything is tracked that was written through it:
//   - bytes appended or overwritten but not synced;
//   - files created, renamed or deleted whose folder was not synced.
// Folders themselves are taken to be durable once created, and so are the files
// that RocksDB logs to.
//
// A crash has three steps: `Freeze`, the destruction of whatever used the files
// (its last writes fail), and `Thaw` or `LosePower`.
//
// Thread-safety: thread-safe.
class FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  enum class Operation { kCreate, kAppend, kSync, kOverwrite, kRename, kDelete, kSyncFolder };

  // Fails operations on files whose path contains `path_part`.
  struct Fault {
    Operation operation = Operation::kAppend;
    std::string path_part;
    rocksdb::IOStatus error = rocksdb::IOStatus::IOError("injected");
    int skip = 0;                                 // Matches let through first.
    int count = std::numeric_limits<int>::max();  // Matches failed then.
    // Of a failed append or overwrite: the share of its bytes that is written;
    // of a failed sync: whether (1) or not (0) it took effect all the same.
    double done = 0.0;
  };

  // Keeps deleted files that may come back in `scratch_folder`, which must
  // exist, be empty and be on the same disk.
  explicit FaultFileSystem(std::string scratch_folder);

  void Inject(Fault fault);
  void ClearFaults();
  int failed_count() const;  // Operations that a fault or a full disk failed.

  // Bytes that can still be written; nullopt: no limit. Deleting frees nothing.
  void SetFreeBytes(std::optional<uint64_t> bytes);

  // From now on nothing changes the disk: what would fails, but for the rest of tables that are
  // being written, which is lost.
  void Freeze();
  // As after the crash of a process: what was written stays.
  void Thaw();
  // As after a loss of power. What was synced stays. Of the rest, by `seed`:
  // a prefix of unsynced appends, some unsynced overwrites whole or in part,
  // and per folder all unsynced changes of names or none. Also thaws.
  void LosePower(uint64_t seed);
  // As `LosePower`, and nothing unsynced stays.
  void LosePowerAndAllUnsynced();

  const char* Name() const override { return "FaultFileSystem"; }

  using IOOptions = rocksdb::IOOptions;
  using IOStatus = rocksdb::IOStatus;
  using FileOptions = rocksdb::FileOptions;
  using Debug = rocksdb::IODebugContext;

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file, Debug* dbg) override;
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file, Debug* dbg) override;
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file, Debug* dbg) override;
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* file, Debug* dbg) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* folder, Debug* dbg) override;
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      Debug* dbg) override;
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, Debug* dbg) override;
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    Debug* dbg) override;
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions& options,
                    Debug* dbg) override;
  IOStatus GetFreeSpace(const std::string& path, const IOOptions& options, uint64_t* bytes,
                        Debug* dbg) override;

 private:
  class WritableFile;
  class RandomFile;
  class Folder;

  // A file, whatever its name is.
  struct Inode {
    std::string path;  // Where it really is; in the scratch folder once deleted.
    uint64_t size = 0;
    uint64_t synced_size = 0;
    struct Overwrite {
      uint64_t offset = 0;
      std::string before;
      std::string after;
    };
    std::vector<Overwrite> overwrites;  // Not yet synced, in order.
  };
  using InodePointer = std::shared_ptr<Inode>;
  using Names = std::map<std::string, InodePointer>;  // By path.

  // What an operation is to do.
  struct Verdict {
    IOStatus status;    // Result.
    uint64_t done = 0;  // Bytes to write all the same; for syncs, 1 or 0.
  };
  Verdict Judge(Operation operation, const std::string& path, uint64_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Verdict JudgeFaults(Operation operation, const std::string& path, uint64_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsDurable(const InodePointer& inode) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes the name away from the file; keeps the file if it may come back.
  void Unlink(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SyncNames(const std::string& folder) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Null `random`: nothing unsynced stays.
  void Restart(std::mt19937_64* random);
  void RestoreBytes(const Inode& inode, std::mt19937_64* random);

  const std::string scratch_folder_;
  mutable Mutex mutex_;
  Names live_ ABSL_GUARDED_BY(mutex_);
  Names durable_ ABSL_GUARDED_BY(mutex_);  // After a loss of power.
  std::vector<Fault> faults_ ABSL_GUARDED_BY(mutex_);
  std::optional<uint64_t> free_bytes_ ABSL_GUARDED_BY(mutex_);
  bool frozen_ ABSL_GUARDED_BY(mutex_) = false;
  int failed_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int next_scratch_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_FAULT_FILE_SYSTEM_H_
