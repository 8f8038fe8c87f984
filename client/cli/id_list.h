// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_ID_LIST_H_
#define NEGATRON_CLIENT_CLI_ID_LIST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "client/cpp/writes.h"
#include "negatron/v1/collections.pb.h"
#include "negatron/v1/types.pb.h"

namespace negatron::client {

// Whether the bytes are UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool IsUtf8(absl::string_view bytes);

// Ids of one type, read from text.
//
// Thread-safety: thread-compatible.
class IdList {
 public:
  explicit IdList(v1::IdType type) : strings_(type == v1::ID_TYPE_STRING) {}

  // Appends an id. INVALID_ARGUMENT, and nothing appended, if it is not an int64, or not a string
  // of 1 to 128 bytes of UTF-8.
  absl::Status Append(absl::string_view text);
  void Append(int64_t number) { numbers_.push_back(number); }  // Needs int64 ids.

  size_t size() const { return strings_ ? names_.size() : numbers_.size(); }
  bool strings() const { return strings_; }
  void Clear();
  void PopBack();

  // Borrows from this list until it changes.
  IdSpan span() const;

  // As a column of typed values or names, which answers are written like.
  void Write(v1::IdColumn* column) const;

 private:
  bool strings_;
  std::vector<int64_t> numbers_;
  std::vector<std::string> names_;
};

// Ids of a column, as text. Nothing if it is raw and not a whole number of ids.
std::vector<std::string> IdTexts(const v1::IdColumn& column);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_ID_LIST_H_
