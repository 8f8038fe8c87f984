// SPDX-License-Identifier: Apache-2.0
//
// The spans of time in which an item is alive, as two cells of a table.
//
// A cell has a time, or is empty: always alive before, never dead after. Several spans stand in
// both cells, in order, between separators; there `-inf` means always and `inf` never. An item that
// starts at `inf` has no span at all.
#ifndef NEGATRON_CLIENT_CLI_ITEM_LIVES_H_
#define NEGATRON_CLIENT_CLI_ITEM_LIVES_H_

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/cli/values.h"

namespace negatron::client {

// Separators of spans, and of categories: in plain tables, and in columns of RecBole's sequences.
inline constexpr char kPlainSeparator = '|';
inline constexpr char kSequenceSeparator = ' ';

struct ItemLife {
  int64_t from = std::numeric_limits<int64_t>::min();   // Microseconds; lowest: always.
  int64_t until = std::numeric_limits<int64_t>::max();  // Exclusive; highest: never.
};

// Reads cells. INVALID_ARGUMENT if a time cannot be read, or the spans are not in order, with a gap
// before each but the first.
absl::StatusOr<std::vector<ItemLife>> ParseLives(absl::string_view from, absl::string_view until,
                                                 TimeUnit unit, char separator);

// Cells that ParseLives reads back, with TimeUnit::kAuto.
struct LifeCells {
  std::string from;
  std::string until;
};
// INVALID_ARGUMENT if a time is not within the years 1 to 9999, which it would not read.
absl::StatusOr<LifeCells> FormatLives(std::span<const ItemLife> lives, char separator);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_ITEM_LIVES_H_
