// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_ADDRESS_H_
#define NEGATRON_SERVER_APP_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace negatron {

// A TCP address to listen on, `host:port`; an IPv6 host stands in brackets.
struct Address {
  std::string host;  // Without brackets.
  int port = 0;      // In [0, 65535]; 0: any free one.

  // Whether only this machine can reach it.
  bool IsLoopback() const;

  // Where a client on this machine reaches it: the unspecified addresses become loopback.
  Address ForLocalClient() const;

  std::string ToString() const;
};

// Fails with INVALID_ARGUMENT.
absl::StatusOr<Address> ParseAddress(absl::string_view text);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_ADDRESS_H_
