// SPDX-License-Identifier: Apache-2.0
//
// Files of ids, one for each row of another file: text with one id a line, or a .npy file of
// integers.
#ifndef NEGATRON_CLIENT_CLI_ID_FILES_H_
#define NEGATRON_CLIENT_CLI_ID_FILES_H_

#include <fstream>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/cli/id_list.h"
#include "client/cli/npy_writer.h"

namespace negatron::client {

// An error about a file.
absl::Status FileError(const std::string& path, const absl::Status& status);

// Opens a file to read, or fails with an input error.
absl::Status OpenFile(const std::string& path, std::ifstream* file);

// Appends the ids of a file to `ids`. Input errors name the file and the line.
absl::Status ReadTextIds(const std::string& path, IdList* ids);
absl::Status ReadIdFile(const std::string& path, IdList* ids);  // By its suffix.

// Writes what ReadIdFile reads.
//
// Thread-safety: thread-compatible. Ownership: borrows the stream.
class IdFileWriter {
 public:
  // A usage error if string ids should go to a .npy file.
  static absl::StatusOr<IdFileWriter> Create(const std::string& path, v1::IdType type,
                                             std::ostream* output);

  // INVALID_ARGUMENT if a line of text cannot hold the id.
  absl::Status Append(absl::string_view id);

  // Ends the file.
  void Finish();

 private:
  explicit IdFileWriter(std::ostream* output) : output_(output) {}

  std::ostream* output_;
  std::optional<NpyWriter> npy_;  // Unset: text.
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_ID_FILES_H_
