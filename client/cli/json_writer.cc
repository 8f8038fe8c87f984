// SPDX-License-Identifier: Apache-2.0
#include "client/cli/json_writer.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

#include "client/cli/id_list.h"

namespace negatron::client {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD.

}  // namespace

void JsonWriter::Separate() {
  if (!first_) out_.push_back(',');
  first_ = false;
}

void JsonWriter::Open(char bracket) {
  Separate();
  out_.push_back(bracket);
  first_ = true;
}

void JsonWriter::Close(char bracket) {
  out_.push_back(bracket);
  first_ = false;
}

void JsonWriter::Key(absl::string_view name) {
  Separate();
  Quote(name);
  out_.push_back(':');
  first_ = true;
}

void JsonWriter::String(absl::string_view text) {
  Separate();
  if (IsUtf8(text)) return Quote(text);
  std::string valid;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80) {
      valid.push_back(c);
    } else {
      absl::StrAppend(&valid, kReplacement);
    }
  }
  Quote(valid);
}

void JsonWriter::Quote(absl::string_view text) {
  out_.push_back('"');
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // U+2028 and U+2029.
    if (absl::StartsWith(text.substr(i), "\xE2\x80\xA8") ||
        absl::StartsWith(text.substr(i), "\xE2\x80\xA9")) {
      absl::StrAppendFormat(&out_, "\\u20%02x", static_cast<unsigned char>(text[i + 2]) - 0x80);
      i += 2;
    } else if (c == '"' || c == '\\') {
      out_.push_back('\\');
      out_.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '<' || c == '>' ||
               c == '&') {
      absl::StrAppendFormat(&out_, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      out_.push_back(c);
    }
  }
  out_.push_back('"');
}

void JsonWriter::Integer(int64_t value) {
  Separate();
  absl::StrAppend(&out_, value);
}

void JsonWriter::Bool(bool value) {
  Separate();
  absl::StrAppend(&out_, value ? "true" : "false");
}

void JsonWriter::Null() {
  Separate();
  absl::StrAppend(&out_, "null");
}

void JsonWriter::Number(double value, int digits) {
  if (std::isnan(value)) return Null();
  if (std::isinf(value)) return String(value > 0 ? "inf" : "-inf");
  Separate();
  absl::StrAppendFormat(&out_, "%.*g", digits, value);
}

void WriteStrings(absl::string_view key, const std::vector<std::string>& values, JsonWriter* json) {
  json->Key(key);
  json->BeginArray();
  for (const std::string& value : values) json->String(value);
  json->EndArray();
}

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

}  // namespace negatron::client
