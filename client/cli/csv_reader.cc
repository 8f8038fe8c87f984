// SPDX-License-Identifier: Apache-2.0
#include "client/cli/csv_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace negatron::client {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 16;

}  // namespace

CsvReader::CsvReader(std::istream* input, CsvOptions options)
    : input_(input), options_(std::move(options)) {}

bool CsvReader::Fill() {
  const size_t size = buffer_.size();
  buffer_.resize(size + kBlockBytes);
  input_->read(buffer_.data() + size, kBlockBytes);
  buffer_.resize(size + static_cast<size_t>(input_->gcount()));
  return buffer_.size() > size;
}

absl::StatusOr<size_t> CsvReader::FindEnd() {
  bool quoted = false;
  bool may_open = options_.quotes;  // At the start of a field, or right behind a closing quote.
  for (size_t i = pos_;; ++i) {
    if (i == buffer_.size() && !Fill()) {
      if (!quoted) return i;
      return absl::InvalidArgumentError("a quote is opened and never closed");
    }
    if (i - pos_ >= options_.max_record_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(quoted ? "a quote is opened and not closed" : "the line does not end",
                       " within ", options_.max_record_bytes, " bytes"));
    }
    const char c = buffer_[i];
    if (quoted) {
      quoted = c != '"';
      may_open = !quoted;
    } else if (c == '\n') {
      return i;
    } else if (c == '"' && may_open) {
      quoted = true;
    } else {
      may_open = options_.quotes && c == options_.separator[0];
    }
  }
}

void CsvReader::SkipLine() {
  for (;;) {
    const size_t end = buffer_.find('\n', pos_);
    if (end != std::string::npos) {
      pos_ = end + 1;
      ++line_;
      return;
    }
    dropped_ += static_cast<int64_t>(buffer_.size());
    buffer_.clear();
    pos_ = 0;
    if (!Fill()) return;
  }
}

absl::Status CsvReader::ReadQuoted(absl::string_view text, size_t* at, std::string* field) const {
  size_t i = *at + 1;
  for (;;) {
    const size_t quote = text.find('"', i);
    if (quote == absl::string_view::npos) {
      return absl::InvalidArgumentError("a quote is opened and never closed");
    }
    field->append(text.data() + i, quote - i);
    i = quote + 1;
    if (i >= text.size() || text[i] != '"') break;
    field->push_back('"');
    ++i;
  }
  *at = i;
  return absl::OkStatus();
}

absl::Status CsvReader::Split(absl::string_view text, CsvRecord* record) const {
  const absl::string_view separator = options_.separator;
  size_t count = 0;
  for (size_t i = 0;; i += separator.size()) {
    if (record->fields.size() <= count) record->fields.emplace_back();
    std::string& field = record->fields[count++];
    field.clear();
    if (options_.quotes && i < text.size() && text[i] == '"') {
      if (absl::Status status = ReadQuoted(text, &i, &field); !status.ok()) return status;
    } else {
      const size_t end = std::min(text.find(separator, i), text.size());
      field.append(text.data() + i, end - i);
      i = end;
    }
    if (i >= text.size()) break;
    if (!absl::StartsWith(text.substr(i), separator)) {
      return absl::InvalidArgumentError(
          absl::StrCat("field ", count, " goes on behind its closing quote"));
    }
  }
  record->fields.resize(count);
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::Next(CsvRecord* record) {
  for (;;) {
    if (pos_ >= kBlockBytes) {
      dropped_ += static_cast<int64_t>(pos_);
      buffer_.erase(0, pos_);
      pos_ = 0;
    }
    if (!started_) {
      started_ = true;
      Fill();
      if (absl::StartsWith(buffer_, "\xEF\xBB\xBF")) pos_ = 3;
    }
    if (pos_ == buffer_.size() && !Fill()) {
      if (input_->bad()) return absl::DataLossError("cannot be read to its end");
      return false;
    }
    record->line = line_;
    const absl::StatusOr<size_t> end = FindEnd();
    if (!end.ok()) {
      SkipLine();
      return end.status();
    }
    absl::string_view text = absl::string_view(buffer_).substr(pos_, *end - pos_);
    line_ += 1 + std::count(text.begin(), text.end(), '\n');
    pos_ = std::min(*end + 1, buffer_.size());
    if (absl::EndsWith(text, "\r")) text.remove_suffix(1);
    if (text.empty()) continue;
    if (text.find('\0') != absl::string_view::npos) {
      return absl::InvalidArgumentError("holds a NUL byte: not text, or not UTF-8");
    }
    if (absl::Status status = Split(text, record); !status.ok()) return status;
    return true;
  }
}

}  // namespace negatron::client
