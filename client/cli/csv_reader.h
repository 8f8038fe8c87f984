// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_CSV_READER_H_
#define NEGATRON_CLIENT_CLI_CSV_READER_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace negatron::client {

struct CsvOptions {
  // What stands between fields; at least one character. MovieLens uses `::`.
  std::string separator = ",";

  // A field may stand in double quotes, with quotes in it doubled, and may then hold separators and
  // line ends (RFC 4180). A quote elsewhere in a field is an ordinary character. Needs a separator
  // of one character.
  bool quotes = true;

  // A longer record is an error; bounds what a quote that is never closed can swallow.
  size_t max_record_bytes = size_t{1} << 20;
};

struct CsvRecord {
  int64_t line = 0;  // Where it starts, counted from 1.
  std::vector<std::string> fields;
};

// Reads records of delimiter-separated text: lines end with LF or CRLF, the last with or without;
// empty lines are skipped, and so is a UTF-8 byte order mark at the start. Bytes that are not ASCII
// pass as they are.
//
// Memory: bounded by `max_record_bytes`, whatever the input.
// Thread-safety: thread-compatible. Ownership: borrows the stream.
class CsvReader {
 public:
  CsvReader(std::istream* input, CsvOptions options);

  // Reads the next record and returns true, or false at the end of the input.
  //
  // Errors:
  //   INVALID_ARGUMENT: the record is bad (a quote never closed, text after a closing quote, a NUL
  //     byte, too long). `record->line` is set; the next call goes on with the line after it.
  //   DATA_LOSS: the stream failed.
  absl::StatusOr<bool> Next(CsvRecord* record);

  // Bytes of the input that belong to records returned so far.
  int64_t consumed_bytes() const { return dropped_ + static_cast<int64_t>(pos_); }

 private:
  // Appends input to `buffer_`; false at the end of the input.
  bool Fill();

  // Where the record at `pos_` ends in `buffer_`: its line end, or the end of the input.
  absl::StatusOr<size_t> FindEnd();

  // Moves behind the next line end, keeping nothing.
  void SkipLine();

  absl::Status Split(absl::string_view text, CsvRecord* record) const;
  absl::Status ReadQuoted(absl::string_view text, size_t* at, std::string* field) const;

  std::istream* const input_;
  const CsvOptions options_;
  std::string buffer_;    // Input not yet dropped.
  size_t pos_ = 0;        // Start of the next record in `buffer_`.
  int64_t dropped_ = 0;   // Bytes before `buffer_`.
  int64_t line_ = 1;      // Of the next record.
  bool started_ = false;  // The byte order mark has been dealt with.
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_CSV_READER_H_
