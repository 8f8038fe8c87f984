// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_PORT_FILE_H_
#define NEGATRON_SERVER_APP_PORT_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace negatron {

// The port file tells whoever starts the server with port 0 which port it got. An empty path means
// none; then these do nothing.

// Removes what an earlier process left, so that the file's appearance tells that this one listens.
void RemovePortFile(const std::string& path);

// Writes the number and a line's end. The file appears whole or not at all.
absl::Status WritePortFile(const std::string& path, int port);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_PORT_FILE_H_
