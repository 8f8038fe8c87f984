// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_OUTPUT_FILE_H_
#define NEGATRON_CLIENT_CLI_OUTPUT_FILE_H_

#include <fstream>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace negatron::client {

// Where a long result goes: a file that gets its name when it is whole, so that nobody takes half
// of one for all; or standard output.
//
// Thread-safety: thread-compatible. Ownership: borrows standard output.
class OutputFile {
 public:
  // `-` stands for `standard`. Makes `{path}.part` beside the target, in the place of what an
  // earlier run may have left. Input error if it cannot, or if the target is no file.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path,
                                                            std::ostream* standard);

  // Removes what was not committed.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  std::ostream& stream() { return *stream_; }

  // Input error if something could not be written.
  absl::Status Check() const;

  // Gives the file its name, in the place of another that has it.
  absl::Status Commit();

 private:
  explicit OutputFile(std::ostream* standard) : stream_(standard) {}

  std::string path_;
  std::string part_path_;  // Empty: standard output, or committed.
  std::ofstream file_;
  std::ostream* stream_;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_OUTPUT_FILE_H_
