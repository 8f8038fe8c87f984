// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/index_files.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/file_system.h"

#include "storage/base/status.h"
#include "storage/rocks/file_copy.h"
#include "storage/rocks/io.h"

namespace negatron {
namespace {

std::string NameOf(int64_t incarnation) { return absl::StrCat(incarnation, ".index"); }

}  // namespace

absl::StatusOr<std::unique_ptr<IndexFiles>> IndexFiles::Open(
    const std::string& data_folder, std::shared_ptr<rocksdb::FileSystem> file_system) {
  if (file_system == nullptr) file_system = rocksdb::FileSystem::Default();
  const std::string folder = absl::StrCat(data_folder, "/index");
  NEGATRON_RETURN_IF_ERROR(MakeFolders(*file_system, folder));
  return std::unique_ptr<IndexFiles>(new IndexFiles(folder, std::move(file_system)));
}

IndexFiles::IndexFiles(std::string folder, std::shared_ptr<rocksdb::FileSystem> file_system)
    : folder_(std::move(folder)), file_system_(std::move(file_system)) {}

absl::StatusOr<std::optional<std::string>> IndexFiles::Read(int64_t incarnation) const {
  return ReadFile(*file_system_, absl::StrCat(folder_, "/", NameOf(incarnation)));
}

absl::Status IndexFiles::Replace(int64_t incarnation, absl::string_view contents) {
  return ReplaceFile(*file_system_, folder_, NameOf(incarnation), contents);
}

absl::Status IndexFiles::LinkAll(const std::string& copy) const {
  NEGATRON_RETURN_IF_ERROR(MakeFolders(*file_system_, copy));
  NEGATRON_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            ListFiles(*file_system_, folder_));
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".index")) continue;
    const std::string from = absl::StrCat(folder_, "/", name);
    const std::string to = absl::StrCat(copy, "/", name);
    if (LinkFile(*file_system_, from, to)) continue;
    const Cancellation nobody;
    NEGATRON_RETURN_IF_ERROR(CopyFile(*file_system_, from, to, {nobody, nullptr}).status());
  }
  return absl::OkStatus();
}

absl::Status IndexFiles::KeepOnly(const std::set<int64_t>& incarnations) {
  std::set<std::string> kept = {".", ".."};
  for (const int64_t incarnation : incarnations) kept.insert(NameOf(incarnation));
  std::vector<std::string> names;
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system_->GetChildren(folder_, {}, &names, nullptr),
                                     absl::StrCat("listing ", folder_)));
  for (const std::string& name : names) {
    if (kept.contains(name)) continue;
    NEGATRON_RETURN_IF_ERROR(
        FromRocks(file_system_->DeleteFile(absl::StrCat(folder_, "/", name), {}, nullptr),
                  absl::StrCat("removing ", name)));
  }
  return absl::OkStatus();
}

}  // namespace negatron
