// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_NAME_PAGES_H_
#define NEGATRON_SERVER_RPC_NAME_PAGES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "server/rpc/page_tokens.h"
#include "storage/base/status.h"

// Pages of what is listed by name.
namespace negatron {

struct NamePage {
  int size = 100;
  std::string after;  // What the page before ended with; empty: this is the first.

  // What to ask for: one more than the page tells whether another follows.
  int limit() const { return size + 1; }

  // Cuts `entries` to the page. Returns whether another follows.
  template <typename T>
  bool Cut(std::vector<T>* entries) const {
    const bool more = entries->size() > static_cast<size_t>(size);
    if (more) entries->resize(static_cast<size_t>(size));
    return more;
  }
};

// The page that a request asks for, in [0, 1000] of `page_size`. What is wrong goes to
// `violations`; `method` is the one whose tokens it may have.
template <typename Request>
NamePage ReadNamePage(const Request& request, NamePageKind kind, absl::string_view method,
                      Violations* violations) {
  constexpr int kMaxPageSize = 1000;
  NamePage page;
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    violations->Add("page_size", "must be in [0, 1000]");
  }
  if (request.page_size() != 0) page.size = request.page_size();
  if (request.page_token().empty()) return page;
  std::optional<std::string> after = ReadNamePageToken(kind, request.page_token());
  if (after.has_value()) {
    page.after = *std::move(after);
  } else {
    violations->Add("page_token", absl::StrCat("is not a token of ", method));
  }
  return page;
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_NAME_PAGES_H_
