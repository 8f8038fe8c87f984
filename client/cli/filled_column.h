// SPDX-License-Identifier: Apache-2.0
//
// Columns of answers, read with their defaults.
#ifndef NEGATRON_CLIENT_CLI_FILLED_COLUMN_H_
#define NEGATRON_CLIENT_CLI_FILLED_COLUMN_H_

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "negatron/v1/types.pb.h"

namespace negatron::client {

// Strings come only in the form for people.
inline v1::ColumnEncoding EncodingFor(bool strings) {
  return strings ? v1::COLUMN_ENCODING_TYPED : v1::COLUMN_ENCODING_RAW;
}

// A column of the server; `empty` in each row if it was not sent, and an error if it is not as long
// as the page.
template <typename T>
absl::Status Fill(absl::StatusOr<std::vector<T>> column, size_t rows, std::optional<T> empty,
                  std::vector<T>* out) {
  if (!column.ok()) return absl::InternalError(column.status().message());
  *out = *std::move(column);
  if (out->empty() && empty.has_value()) out->assign(rows, *empty);
  if (out->size() == rows) return absl::OkStatus();
  return absl::InternalError("the server's columns are not as long as its page");
}

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_FILLED_COLUMN_H_
