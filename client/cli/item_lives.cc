// SPDX-License-Identifier: Apache-2.0
#include "client/cli/item_lives.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace negatron::client {
namespace {

constexpr int64_t kAlways = std::numeric_limits<int64_t>::min();
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr absl::string_view kAlwaysText = "-inf";
constexpr absl::string_view kNeverText = "inf";

constexpr size_t kMaxLives = 64;  // Limit of `negatron/v1/pool.proto`.

// The times of a cell; `empty` for those that are left empty.
absl::StatusOr<std::vector<int64_t>> ParseBounds(absl::string_view name, absl::string_view cell,
                                                 TimeUnit unit, char separator, int64_t empty) {
  std::vector<int64_t> bounds;
  for (const absl::string_view part : absl::StrSplit(cell, separator)) {
    const absl::string_view text = absl::StripAsciiWhitespace(part);
    if (text == kAlwaysText || text == kNeverText) {
      bounds.push_back(text == kNeverText ? kNever : kAlways);
    } else if (text.empty()) {
      bounds.push_back(empty);
    } else {
      const absl::StatusOr<int64_t> time = ParseEventTime(text, unit);
      if (!time.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(name, ": ", time.status().message()));
      }
      bounds.push_back(*time);
    }
  }
  return bounds;
}

absl::Status CheckOrder(const std::vector<ItemLife>& lives) {
  if (lives.size() > kMaxLives) {
    return absl::InvalidArgumentError(
        absl::StrCat("the item has ", lives.size(), " lives, at most ", kMaxLives, " are allowed"));
  }
  for (size_t i = 0; i < lives.size(); ++i) {
    if (lives[i].from >= lives[i].until) {
      return absl::InvalidArgumentError("the item's life does not start before it ends");
    }
    if (i > 0 && lives[i].from <= lives[i - 1].until) {
      return absl::InvalidArgumentError(
          "the item's lives are not in order of time, with a gap between them");
    }
  }
  return absl::OkStatus();
}

// A time of a cell; a bound that is open is `open`.
absl::Status AppendBound(int64_t bound, absl::string_view open, std::string* cell) {
  if (bound == kAlways || bound == kNever) {
    absl::StrAppend(cell, open);
    return absl::OkStatus();
  }
  if (!IsEventTime(bound)) {
    return absl::InvalidArgumentError(absl::StrCat("a bound of its life is ", bound,
                                                   " us, which is not within the years 1 to 9999"));
  }
  absl::StrAppend(cell, FormatSeconds(bound));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ItemLife>> ParseLives(absl::string_view from, absl::string_view until,
                                                 TimeUnit unit, char separator) {
  from = absl::StripAsciiWhitespace(from);
  until = absl::StripAsciiWhitespace(until);
  if (from == kNeverText && (until.empty() || until == kNeverText)) return std::vector<ItemLife>();
  const auto starts = ParseBounds("alive from", from, unit, separator, kAlways);
  if (!starts.ok()) return starts.status();
  const auto ends = ParseBounds("alive until", until, unit, separator, kNever);
  if (!ends.ok()) return ends.status();
  if (starts->size() != ends->size()) {
    return absl::InvalidArgumentError(absl::StrCat("the item's life starts ", starts->size(),
                                                   " times and ends ", ends->size(), " times"));
  }
  std::vector<ItemLife> lives;
  for (size_t i = 0; i < starts->size(); ++i) lives.push_back({(*starts)[i], (*ends)[i]});
  if (absl::Status status = CheckOrder(lives); !status.ok()) return status;
  return lives;
}

absl::StatusOr<LifeCells> FormatLives(std::span<const ItemLife> lives, char separator) {
  LifeCells cells;
  if (lives.empty()) {
    cells.from = std::string(kNeverText);
    return cells;
  }
  const bool several = lives.size() > 1;
  for (size_t i = 0; i < lives.size(); ++i) {
    if (i > 0) {
      cells.from.push_back(separator);
      cells.until.push_back(separator);
    }
    absl::Status status = AppendBound(lives[i].from, several ? kAlwaysText : "", &cells.from);
    status.Update(AppendBound(lives[i].until, several ? kNeverText : "", &cells.until));
    if (!status.ok()) return status;
  }
  return cells;
}

}  // namespace negatron::client
