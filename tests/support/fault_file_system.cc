// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fault_file_system.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace negatron {
namespace {

using rocksdb::IOStatus;
using rocksdb::Slice;

// RocksDB names one file with and without doubled slashes.
std::string Normalized(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

std::string FolderOf(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

std::string ReadRange(const std::string& path, uint64_t offset, uint64_t size) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::string bytes(size, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<size_t>(in.gcount()));
  return bytes;
}

void WriteRange(const std::string& path, uint64_t offset, const std::string& bytes) {
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(offset));
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

class FaultFileSystem::WritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WritableFile(FaultFileSystem* owner, InodePointer inode,
               std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), owner_(owner), inode_(std::move(inode)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, Debug* dbg) override {
    MutexLock lock(owner_->mutex_);
    const Verdict verdict = owner_->Judge(Operation::kAppend, inode_->path, data.size());
    if (verdict.done > 0) {
      const IOStatus status = target()->Append(Slice(data.data(), verdict.done), options, dbg);
      if (!status.ok()) return status;
      inode_->size += verdict.done;
    }
    return verdict.status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  Debug* dbg) override {
    return Append(data, options, dbg);
  }
  IOStatus PositionedAppend(const Slice&, uint64_t, const IOOptions&, Debug*) override {
    return IOStatus::NotSupported("PositionedAppend");
  }
  IOStatus PositionedAppend(const Slice&, uint64_t, const IOOptions&,
                            const rocksdb::DataVerificationInfo&, Debug*) override {
    return IOStatus::NotSupported("PositionedAppend");
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, Debug* dbg) override {
    MutexLock lock(owner_->mutex_);
    if (owner_->frozen_) return IOStatus::IOError("frozen");
    inode_->size = size;
    inode_->synced_size = std::min(inode_->synced_size, size);
    return target()->Truncate(size, options, dbg);
  }
  IOStatus Sync(const IOOptions&, Debug*) override {
    MutexLock lock(owner_->mutex_);
    const Verdict verdict = owner_->Judge(Operation::kSync, inode_->path, 1);
    // Not passed on: our own loss of power needs no help from the disk.
    if (verdict.done > 0) inode_->synced_size = inode_->size;
    return verdict.status;
  }
  IOStatus Fsync(const IOOptions& options, Debug* dbg) override { return Sync(options, dbg); }

 private:
  FaultFileSystem* const owner_;
  const InodePointer inode_;
};

class FaultFileSystem::RandomFile final : public rocksdb::FSRandomRWFileOwnerWrapper {
 public:
  RandomFile(FaultFileSystem* owner, InodePointer inode,
             std::unique_ptr<rocksdb::FSRandomRWFile> file)
      : FSRandomRWFileOwnerWrapper(std::move(file)), owner_(owner), inode_(std::move(inode)) {}

  IOStatus Write(uint64_t offset, const Slice& data, const IOOptions& options,
                 Debug* dbg) override {
    MutexLock lock(owner_->mutex_);
    const Verdict verdict = owner_->Judge(Operation::kOverwrite, inode_->path, data.size());
    if (verdict.done > 0) {
      if (offset + verdict.done > inode_->size) return IOStatus::NotSupported("growing a file");
      inode_->overwrites.push_back({offset, ReadRange(inode_->path, offset, verdict.done),
                                    std::string(data.data(), verdict.done)});
      const IOStatus status =
          target()->Write(offset, Slice(data.data(), verdict.done), options, dbg);
      if (!status.ok()) return status;
    }
    return verdict.status;
  }
  IOStatus Sync(const IOOptions&, Debug*) override {
    MutexLock lock(owner_->mutex_);
    const Verdict verdict = owner_->Judge(Operation::kSync, inode_->path, 1);
    if (verdict.done > 0) inode_->overwrites.clear();
    return verdict.status;
  }
  IOStatus Fsync(const IOOptions& options, Debug* dbg) override { return Sync(options, dbg); }

 private:
  FaultFileSystem* const owner_;
  const InodePointer inode_;
};

class FaultFileSystem::Folder final : public rocksdb::FSDirectoryWrapper {
 public:
  Folder(FaultFileSystem* owner, std::string path, std::unique_ptr<rocksdb::FSDirectory> folder)
      : FSDirectoryWrapper(std::move(folder)), owner_(owner), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, Debug*) override {
    MutexLock lock(owner_->mutex_);
    const Verdict verdict = owner_->Judge(Operation::kSyncFolder, path_, 1);
    if (verdict.done > 0) owner_->SyncNames(path_);
    return verdict.status;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, Debug* dbg,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, dbg);
  }

 private:
  FaultFileSystem* const owner_;
  const std::string path_;
};

FaultFileSystem::FaultFileSystem(std::string scratch_folder)
    : FileSystemWrapper(rocksdb::FileSystem::Default()),
      scratch_folder_(std::move(scratch_folder)) {}

void FaultFileSystem::Inject(Fault fault) {
  MutexLock lock(mutex_);
  faults_.push_back(std::move(fault));
}

void FaultFileSystem::ClearFaults() {
  MutexLock lock(mutex_);
  faults_.clear();
}

int FaultFileSystem::failed_count() const {
  MutexLock lock(mutex_);
  return failed_count_;
}

void FaultFileSystem::SetFreeBytes(std::optional<uint64_t> bytes) {
  MutexLock lock(mutex_);
  free_bytes_ = bytes;
}

void FaultFileSystem::Freeze() {
  MutexLock lock(mutex_);
  frozen_ = true;
}

void FaultFileSystem::Thaw() {
  MutexLock lock(mutex_);
  frozen_ = false;
}

void FaultFileSystem::LosePower(uint64_t seed) {
  std::mt19937_64 random(seed);
  Restart(&random);
}

void FaultFileSystem::LosePowerAndAllUnsynced() { Restart(nullptr); }

FaultFileSystem::Verdict FaultFileSystem::Judge(Operation operation, const std::string& path,
                                                uint64_t bytes) {
  if (frozen_) {
    // A table that is being written ends well, and nowhere: where a compaction that has no keys
    // fails, an assertion of RocksDB 7.8 would end the process instead of the machine.
    const bool ends = path.ends_with(".sst") &&
                      (operation == Operation::kAppend || operation == Operation::kSync);
    return {ends ? IOStatus::OK() : IOStatus::IOError("frozen"), 0};
  }
  Verdict verdict = JudgeFaults(operation, path, bytes);
  const bool needs_space = operation == Operation::kAppend || operation == Operation::kCreate;
  if (needs_space && free_bytes_.has_value()) {
    if (verdict.status.ok() && bytes > *free_bytes_) {
      verdict = {IOStatus::NoSpace("injected: the disk is full"), *free_bytes_};
    }
    *free_bytes_ -= std::min(*free_bytes_, verdict.done);
  }
  if (!verdict.status.ok()) ++failed_count_;
  return verdict;
}

FaultFileSystem::Verdict FaultFileSystem::JudgeFaults(Operation operation, const std::string& path,
                                                      uint64_t bytes) {
  for (Fault& fault : faults_) {
    if (fault.operation != operation || path.find(fault.path_part) == std::string::npos) continue;
    if (fault.skip > 0) {
      --fault.skip;
      continue;
    }
    if (fault.count == 0) continue;
    --fault.count;
    return {fault.error, static_cast<uint64_t>(static_cast<double>(bytes) * fault.done)};
  }
  return {IOStatus::OK(), bytes};
}

bool FaultFileSystem::IsDurable(const InodePointer& inode) const {
  return std::any_of(durable_.begin(), durable_.end(),
                     [&](const auto& entry) { return entry.second == inode; });
}

void FaultFileSystem::Unlink(const std::string& path) {
  const auto found = live_.find(path);
  if (found == live_.end()) return;
  const InodePointer inode = found->second;
  live_.erase(found);
  if (!IsDurable(inode)) {
    std::filesystem::remove(path);
    return;
  }
  inode->path = scratch_folder_ + "/" + std::to_string(next_scratch_++);
  std::filesystem::rename(path, inode->path);
}

void FaultFileSystem::SyncNames(const std::string& folder) {
  std::set<InodePointer> gone;
  for (auto entry = durable_.begin(); entry != durable_.end();) {
    if (FolderOf(entry->first) == folder) {
      gone.insert(entry->second);
      entry = durable_.erase(entry);
    } else {
      ++entry;
    }
  }
  for (const auto& [path, inode] : live_) {
    gone.erase(inode);
    if (FolderOf(path) == folder) durable_[path] = inode;
  }
  for (const InodePointer& inode : gone) std::filesystem::remove(inode->path);
}

IOStatus FaultFileSystem::NewWritableFile(const std::string& name, const FileOptions& options,
                                          std::unique_ptr<rocksdb::FSWritableFile>* file,
                                          Debug* dbg) {
  const std::string path = Normalized(name);
  MutexLock lock(mutex_);
  const Verdict verdict = Judge(Operation::kCreate, path, 1);
  if (!verdict.status.ok()) return verdict.status;
  Unlink(path);
  std::unique_ptr<rocksdb::FSWritableFile> real;
  const IOStatus status = target()->NewWritableFile(path, options, &real, dbg);
  if (!status.ok()) return status;
  auto inode = std::make_shared<Inode>();
  inode->path = path;
  live_[path] = inode;
  *file = std::make_unique<WritableFile>(this, std::move(inode), std::move(real));
  return status;
}

IOStatus FaultFileSystem::ReopenWritableFile(const std::string&, const FileOptions&,
                                             std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) {
  return IOStatus::NotSupported("ReopenWritableFile");
}

IOStatus FaultFileSystem::ReuseWritableFile(const std::string&, const std::string&,
                                            const FileOptions&,
                                            std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) {
  return IOStatus::NotSupported("ReuseWritableFile");
}

IOStatus FaultFileSystem::NewRandomRWFile(const std::string& name, const FileOptions& options,
                                          std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                          Debug* dbg) {
  const std::string path = Normalized(name);
  MutexLock lock(mutex_);
  if (frozen_) return IOStatus::IOError("frozen");
  const auto found = live_.find(path);
  if (found == live_.end()) return IOStatus::NotFound(path);
  std::unique_ptr<rocksdb::FSRandomRWFile> real;
  const IOStatus status = target()->NewRandomRWFile(path, options, &real, dbg);
  if (!status.ok()) return status;
  *file = std::make_unique<RandomFile>(this, found->second, std::move(real));
  return status;
}

IOStatus FaultFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                       std::unique_ptr<rocksdb::FSDirectory>* folder, Debug* dbg) {
  std::unique_ptr<rocksdb::FSDirectory> real;
  const IOStatus status = target()->NewDirectory(path, options, &real, dbg);
  if (!status.ok()) return status;
  *folder = std::make_unique<Folder>(this, FolderOf(Normalized(path + "/")), std::move(real));
  return status;
}

IOStatus FaultFileSystem::RenameFile(const std::string& from_name, const std::string& to_name,
                                     const IOOptions& options, Debug* dbg) {
  const std::string from = Normalized(from_name);
  const std::string to = Normalized(to_name);
  MutexLock lock(mutex_);
  const Verdict verdict = Judge(Operation::kRename, to, 1);
  if (!verdict.status.ok()) return verdict.status;
  const auto found = live_.find(from);
  // RocksDB's own log, which is not tracked.
  if (found == live_.end()) return target()->RenameFile(from, to, options, dbg);
  const InodePointer inode = found->second;
  Unlink(to);
  const IOStatus status = target()->RenameFile(from, to, options, dbg);
  if (!status.ok()) return status;
  live_.erase(from);
  inode->path = to;
  live_[to] = inode;
  return status;
}

IOStatus FaultFileSystem::DeleteFile(const std::string& name, const IOOptions& options,
                                     Debug* dbg) {
  const std::string path = Normalized(name);
  MutexLock lock(mutex_);
  const Verdict verdict = Judge(Operation::kDelete, path, 1);
  if (!verdict.status.ok()) return verdict.status;
  if (live_.count(path) == 0) return target()->DeleteFile(path, options, dbg);
  Unlink(path);
  return IOStatus::OK();
}

IOStatus FaultFileSystem::LinkFile(const std::string&, const std::string&, const IOOptions&,
                                   Debug*) {
  return IOStatus::NotSupported("LinkFile");
}

IOStatus FaultFileSystem::Truncate(const std::string&, size_t, const IOOptions&, Debug*) {
  return IOStatus::NotSupported("Truncate");
}

IOStatus FaultFileSystem::GetFreeSpace(const std::string& path, const IOOptions& options,
                                       uint64_t* bytes, Debug* dbg) {
  MutexLock lock(mutex_);
  if (!free_bytes_.has_value()) return target()->GetFreeSpace(path, options, bytes, dbg);
  *bytes = *free_bytes_;
  return IOStatus::OK();
}

void FaultFileSystem::RestoreBytes(const Inode& inode, std::mt19937_64* random) {
  uint64_t kept = inode.synced_size;
  if (random != nullptr) kept += (*random)() % (inode.size - inode.synced_size + 1);
  // Preallocation may have made the real file longer than what was written.
  std::filesystem::resize_file(inode.path, kept);
  for (auto write = inode.overwrites.rbegin(); write != inode.overwrites.rend(); ++write) {
    WriteRange(inode.path, write->offset, write->before);
  }
  if (random == nullptr) return;
  for (const Inode::Overwrite& write : inode.overwrites) {
    const size_t done = (*random)() % (write.after.size() + 1);
    WriteRange(inode.path, write.offset, write.after.substr(0, (*random)() % 2 == 0 ? done : 0));
  }
}

void FaultFileSystem::Restart(std::mt19937_64* random) {
  MutexLock lock(mutex_);
  Names names = durable_;
  std::set<std::string> folders;
  for (const auto& [path, inode] : live_) folders.insert(FolderOf(path));
  for (const std::string& folder : folders) {
    if (random == nullptr || (*random)() % 2 == 0) continue;
    SyncNames(folder);
    std::erase_if(names, [&](const auto& entry) { return FolderOf(entry.first) == folder; });
    for (const auto& [path, inode] : durable_) {
      if (FolderOf(path) == folder) names[path] = inode;
    }
  }
  // Away with all names, then back with those that stay.
  std::set<InodePointer> inodes;
  for (const auto& [path, inode] : live_) inodes.insert(inode);
  for (const auto& [path, inode] : names) inodes.insert(inode);
  for (const InodePointer& inode : inodes) {
    const std::string parked = scratch_folder_ + "/" + std::to_string(next_scratch_++);
    std::filesystem::rename(inode->path, parked);
    inode->path = parked;
  }
  Names restarted;
  for (const auto& [path, inode] : names) {
    RestoreBytes(*inode, random);
    std::filesystem::copy_file(inode->path, path);
    auto fresh = std::make_shared<Inode>();
    fresh->path = path;
    fresh->size = fresh->synced_size = std::filesystem::file_size(path);
    restarted[path] = std::move(fresh);
  }
  for (const InodePointer& inode : inodes) std::filesystem::remove(inode->path);
  live_ = durable_ = std::move(restarted);
  free_bytes_.reset();
  faults_.clear();
  frozen_ = false;
}

}  // namespace negatron
