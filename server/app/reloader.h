// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_RELOADER_H_
#define NEGATRON_SERVER_APP_RELOADER_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "storage/base/mutex.h"

namespace negatron {

// Files that are used together, such as a certificate and its key.
struct FileGroup {
  std::string name;  // For messages: "certificates" say.
  std::vector<std::string> paths;
  // Takes their contents, in order of `paths`. An error changes nothing.
  std::function<absl::Status(const std::vector<std::string>& contents)> apply;
};

// Reads the files of a group, each of at most 1 MiB. INVALID_ARGUMENT names the file.
absl::StatusOr<std::vector<std::string>> ReadFiles(const FileGroup& group);

// Looks for changed files, and has each change applied once. It compares contents, not times:
// nothing is missed within the tick of a clock, nor where a folder is swapped by a link
// (Kubernetes). Files that cannot be read or applied are tried again when they change.
//
// Thread-safety: thread-compatible; `apply` and `tell` are called on a thread of its own.
class Reloader {
 public:
  // Told of every change: what was loaded, or why it was not.
  using Tell = std::function<void(absl::string_view group, const absl::Status& status)>;

  // `groups` with the contents that are in use now, in the same order.
  Reloader(std::vector<FileGroup> groups, std::vector<std::vector<std::string>> contents,
           absl::Duration interval, Tell tell);
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

 private:
  void Run();
  void Look(size_t group);

  const std::vector<FileGroup> groups_;
  const absl::Duration interval_;
  const Tell tell_;
  // What was tried last, by group; confined to the thread.
  std::vector<absl::StatusOr<std::vector<std::string>>> tried_;
  Mutex mutex_;
  CondVar wake_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_RELOADER_H_
