// SPDX-License-Identifier: Apache-2.0
#include "server/app/reloader.h"

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "storage/base/status.h"

namespace negatron {
namespace {

// Certificates and tokens are far smaller; a path that was mistaken for a data file is not.
constexpr size_t kMaxFileBytes = size_t{1} << 20;

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read the file ", path));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is larger than 1 MiB"));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadFiles(const FileGroup& group) {
  std::vector<std::string> contents;
  contents.reserve(group.paths.size());
  for (const std::string& path : group.paths) {
    NEGATRON_ASSIGN_OR_RETURN(std::string text, ReadSmallFile(path));
    contents.push_back(std::move(text));
  }
  return contents;
}

Reloader::Reloader(std::vector<FileGroup> groups, std::vector<std::vector<std::string>> contents,
                   absl::Duration interval, Tell tell)
    : groups_(std::move(groups)), interval_(interval), tell_(std::move(tell)) {
  tried_.reserve(contents.size());
  for (std::vector<std::string>& in_use : contents) tried_.emplace_back(std::move(in_use));
  thread_ = std::thread([this] { Run(); });
}

Reloader::~Reloader() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    wake_.NotifyAll();
  }
  thread_.join();
}

void Reloader::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      const absl::Time next = absl::Now() + interval_;
      while (!ending_ && absl::Now() < next) wake_.WaitFor(mutex_, next - absl::Now());
      if (ending_) return;
    }
    for (size_t group = 0; group < groups_.size(); ++group) Look(group);
  }
}

void Reloader::Look(size_t group) {
  absl::StatusOr<std::vector<std::string>> contents = ReadFiles(groups_[group]);
  if (contents == tried_[group]) return;
  tried_[group] = std::move(contents);
  const absl::Status status =
      tried_[group].ok() ? groups_[group].apply(*tried_[group]) : tried_[group].status();
  tell_(groups_[group].name, status);
}

}  // namespace negatron
