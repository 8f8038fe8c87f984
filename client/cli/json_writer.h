// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_JSON_WRITER_H_
#define NEGATRON_CLIENT_CLI_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace negatron::client {

// Writes JSON that may stand inside a `<script>` of an HTML page, whatever its strings hold: no
// `<`, `>` or `&` comes through as it is, nor the line separators that older JavaScript takes for
// ends of lines. Bytes that are not UTF-8 become U+FFFD.
//
// The caller opens and closes what it opened, and gives a key before each value of an object.
//
// Thread-safety: thread-compatible. Ownership: borrows the text that it appends to.
class JsonWriter {
 public:
  explicit JsonWriter(std::string* out) : out_(*out) {}

  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }
  void Key(absl::string_view name);

  void String(absl::string_view text);
  void Integer(int64_t value);
  void Bool(bool value);
  void Null();

  // With `digits` significant ones. NaN: null. Infinities, which JSON has no number for: "inf" and
  // "-inf".
  void Number(double value, int digits = 6);

 private:
  void Open(char bracket);
  void Close(char bracket);
  void Separate();  // From the value before.
  void Quote(absl::string_view text);

  std::string& out_;
  bool first_ = true;  // Of its array or object, or behind a key.
};

// Whole columns, as values of keys.
void WriteStrings(absl::string_view key, const std::vector<std::string>& values, JsonWriter* json);
template <typename T>
void WriteIntegers(absl::string_view key, const std::vector<T>& values, JsonWriter* json) {
  json->Key(key);
  json->BeginArray();
  for (const T value : values) json->Integer(static_cast<int64_t>(value));
  json->EndArray();
}
template <typename T>
void WriteNumbers(absl::string_view key, const std::vector<T>& values, JsonWriter* json) {
  json->Key(key);
  json->BeginArray();
  for (const T value : values) json->Number(value);
  json->EndArray();
}

// `&`, `<`, `>` and both quotes as HTML has them in text and attributes.
std::string EscapeHtml(absl::string_view text);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_JSON_WRITER_H_
