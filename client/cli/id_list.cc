// SPDX-License-Identifier: Apache-2.0
#include "client/cli/id_list.h"

#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

// Limit of string ids in `negatron/v1/collections.proto`.
constexpr size_t kMaxNameBytes = 128;

}  // namespace

bool IsUtf8(absl::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[i++]);
    if (first < 0x80) continue;
    const size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || bytes.size() - i < more) return false;
    // Of a sequence's second byte, the smallest and the largest that the first byte allows.
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
    for (size_t k = 0; k < more; ++k, low = 0x80, high = 0xBF) {
      const auto next = static_cast<unsigned char>(bytes[i++]);
      if (next < low || next > high) return false;
    }
  }
  return true;
}

absl::Status IdList::Append(absl::string_view text) {
  if (strings_) {
    if (text.empty()) return absl::InvalidArgumentError("the id is empty");
    if (text.size() > kMaxNameBytes) {
      return absl::InvalidArgumentError(absl::StrCat("the id has ", text.size(), " bytes, at most ",
                                                     kMaxNameBytes, " are allowed"));
    }
    if (!IsUtf8(text)) return absl::InvalidArgumentError("the id is not UTF-8");
    names_.emplace_back(text);
    return absl::OkStatus();
  }
  int64_t number = 0;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &number)) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", text.substr(0, 40), "` is not an int64, as this collection's ids are"));
  }
  numbers_.push_back(number);
  return absl::OkStatus();
}

void IdList::Clear() {
  numbers_.clear();
  names_.clear();
}

void IdList::PopBack() {
  if (strings_) {
    names_.pop_back();
  } else {
    numbers_.pop_back();
  }
}

IdSpan IdList::span() const {
  if (strings_) return std::span<const std::string>(names_);
  return std::span<const int64_t>(numbers_);
}

void IdList::Write(v1::IdColumn* column) const {
  if (strings_) {
    WriteNames(names_, column);
  } else {
    WriteIds(numbers_, v1::COLUMN_ENCODING_TYPED, column);
  }
}

std::vector<std::string> IdTexts(const v1::IdColumn& column) {
  if (column.has_names()) return {column.names().values().begin(), column.names().values().end()};
  std::vector<std::string> texts;
  const absl::StatusOr<Int64View> ids = ViewIds(column, "");
  if (!ids.ok()) return texts;
  texts.reserve(ids->size());
  for (size_t i = 0; i < ids->size(); ++i) texts.push_back(absl::StrCat((*ids)[i]));
  return texts;
}

}  // namespace negatron::client
