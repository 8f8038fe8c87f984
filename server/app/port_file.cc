// SPDX-License-Identifier: Apache-2.0
#include "server/app/port_file.h"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <system_error>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace negatron {

void RemovePortFile(const std::string& path) {
  if (!path.empty()) unlink(path.c_str());
}

absl::Status WritePortFile(const std::string& path, int port) {
  if (path.empty()) return absl::OkStatus();
  const std::string temporary = absl::StrCat(path, ".", getpid(), ".tmp");
  std::ofstream file(temporary);
  file << port << '\n';
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    absl::Status status = absl::UnavailableError(absl::StrCat(
        "cannot write the port file ", path, ": ", std::generic_category().message(errno)));
    unlink(temporary.c_str());
    return status;
  }
  return absl::OkStatus();
}

}  // namespace negatron
