// SPDX-License-Identifier: Apache-2.0
#include "server/app/address.h"

#include <arpa/inet.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace negatron {

bool Address::IsLoopback() const {
  in_addr ipv4{};
  // A name may begin with `127.`, too.
  const bool is_ipv4 = inet_pton(AF_INET, host.c_str(), &ipv4) == 1;
  return host == "localhost" || host == "::1" || (is_ipv4 && absl::StartsWith(host, "127."));
}

Address Address::ForLocalClient() const {
  if (host == "0.0.0.0") return {"127.0.0.1", port};
  if (host == "::") return {"::1", port};
  return *this;
}

std::string Address::ToString() const {
  if (absl::StrContains(host, ":")) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

absl::StatusOr<Address> ParseAddress(absl::string_view text) {
  const size_t colon = text.rfind(':');
  Address address;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(text.substr(colon + 1), &address.port) || address.port < 0 ||
      address.port > 65535) {
    return absl::InvalidArgumentError("must be host:port with a port in [0, 65535]");
  }
  absl::string_view host = text.substr(0, colon);
  const bool opened = absl::ConsumePrefix(&host, "[");
  const bool closed = absl::ConsumeSuffix(&host, "]");
  if (host.empty() || opened != closed || opened != absl::StrContains(host, ":")) {
    return absl::InvalidArgumentError("the host must be a name, an IPv4 or an [IPv6] address");
  }
  address.host = std::string(host);
  return address;
}

}  // namespace negatron
