// SPDX-License-Identifier: Apache-2.0
#include "client/cli/output_file.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

#include "client/cli/session.h"

namespace negatron::client {

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path,
                                                               std::ostream* standard) {
  std::unique_ptr<OutputFile> output(new OutputFile(standard));
  if (path == "-") return output;
  output->path_ = path;
  std::error_code error;
  const auto found = std::filesystem::status(path, error).type();
  if (found != std::filesystem::file_type::regular &&
      found != std::filesystem::file_type::not_found) {
    return InputError(absl::StrCat(path, ": is not a file; - stands for standard output"));
  }
  const std::string part_path = absl::StrCat(path, ".part");
  output->file_.open(part_path, std::ios::binary | std::ios::trunc);
  if (!output->file_.is_open()) {
    return InputError(
        absl::StrCat(part_path, ": cannot be made: ", std::generic_category().message(errno)));
  }
  output->part_path_ = part_path;
  output->stream_ = &output->file_;
  return output;
}

OutputFile::~OutputFile() {
  if (part_path_.empty()) return;
  file_.close();
  std::error_code error;
  std::filesystem::remove(part_path_, error);
}

absl::Status OutputFile::Check() const {
  if (stream_->good()) return absl::OkStatus();
  const std::string name = path_.empty() ? "standard output" : part_path_;
  return InputError(absl::StrCat(name, ": cannot be written; is the disk full?"));
}

absl::Status OutputFile::Commit() {
  stream_->flush();
  if (absl::Status status = Check(); !status.ok() || part_path_.empty()) return status;
  file_.close();
  if (absl::Status status = Check(); !status.ok()) return status;
  std::error_code error;
  std::filesystem::rename(part_path_, path_, error);
  if (error) {
    return InputError(absl::StrCat(path_, ": cannot be given its name: ", error.message()));
  }
  part_path_.clear();
  return absl::OkStatus();
}

}  // namespace negatron::client
