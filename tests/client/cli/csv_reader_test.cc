// SPDX-License-Identifier: Apache-2.0
#include "client/cli/csv_reader.h"

#include <sstream>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Every record as `line: a|b|c`, every bad one as `line! why`.
std::vector<std::string> ReadAll(std::istream& input, CsvOptions options) {
  CsvReader reader(&input, std::move(options));
  CsvRecord record;
  std::vector<std::string> all;
  for (;;) {
    const absl::StatusOr<bool> more = reader.Next(&record);
    if (!more.ok()) {
      EXPECT_EQ(more.status().code(), absl::StatusCode::kInvalidArgument);
      all.push_back(absl::StrCat(record.line, "! ", more.status().message()));
    } else if (*more) {
      all.push_back(absl::StrCat(record.line, ": ", absl::StrJoin(record.fields, "|")));
    } else {
      return all;
    }
  }
}

std::vector<std::string> ReadAll(const std::string& text, CsvOptions options = {}) {
  std::istringstream input(text);
  return ReadAll(input, std::move(options));
}

TEST(CsvReaderTest, EmptyInputHasNoRecords) {
  EXPECT_THAT(ReadAll(""), ElementsAre());
  EXPECT_THAT(ReadAll("\n\r\n\n"), ElementsAre());
}

TEST(CsvReaderTest, LastLineNeedsNoLineEnd) {
  EXPECT_THAT(ReadAll("a,b\nc,d"), ElementsAre("1: a|b", "2: c|d"));
}

TEST(CsvReaderTest, EmptyFieldsAreKept) {
  EXPECT_THAT(ReadAll(",,\na,\n"), ElementsAre("1: ||", "2: a|"));
}

TEST(CsvReaderTest, CrLfAndEmptyLinesAndByteOrderMark) {
  EXPECT_THAT(ReadAll("\xEF\xBB\xBF"
                      "a,b\r\n\r\nc,d\r\n"),
              ElementsAre("1: a|b", "3: c|d"));
}

TEST(CsvReaderTest, QuotedFieldsHoldSeparatorsQuotesAndLineEnds) {
  EXPECT_THAT(ReadAll("\"a,1\",\"say \"\"hi\"\"\"\n\"two\nlines\",x\nlast,\"\"\n"),
              ElementsAre("1: a,1|say \"hi\"", "2: two\nlines|x", "4: last|"));
}

TEST(CsvReaderTest, QuoteInsideAnUnquotedFieldIsOrdinary) {
  EXPECT_THAT(ReadAll("5\" disk,a\"b\"\nc,d\n"), ElementsAre("1: 5\" disk|a\"b\"", "2: c|d"));
}

TEST(CsvReaderTest, WithoutQuotesTheyAreOrdinary) {
  EXPECT_THAT(ReadAll("\"a\tb\n", CsvOptions{.separator = "\t", .quotes = false}),
              ElementsAre("1: \"a|b"));
}

TEST(CsvReaderTest, SeparatorOfTwoCharacters) {
  EXPECT_THAT(ReadAll("1::2:3::::4\n", CsvOptions{.separator = "::", .quotes = false}),
              ElementsAre("1: 1|2:3||4"));
}

TEST(CsvReaderTest, TextBehindAClosingQuoteIsBadAndTheNextLineIsRead) {
  const auto all = ReadAll("a,\"b\"c\nd,e\n");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(all[0], HasSubstr("1! field 2"));
  EXPECT_EQ(all[1], "2: d|e");
}

TEST(CsvReaderTest, QuoteThatIsNeverClosedCostsOneLine) {
  const auto all = ReadAll("a,\"b\nc,d\ne,f\n");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_THAT(all[0], HasSubstr("1! a quote is opened and never closed"));
  EXPECT_EQ(all[1], "2: c|d");
  EXPECT_EQ(all[2], "3: e|f");
}

TEST(CsvReaderTest, QuoteThatIsNotClosedWithinTheLimitCostsOneLine) {
  std::string text = "\"open\n";
  for (int i = 0; i < 1'000; ++i) text += "some,more\n";
  const auto all = ReadAll(text, CsvOptions{.max_record_bytes = 500});
  ASSERT_EQ(all.size(), 1'001u);
  EXPECT_THAT(all[0], HasSubstr("not closed within 500 bytes"));
  EXPECT_EQ(all[1'000], "1001: some|more");
}

TEST(CsvReaderTest, NulByteIsBad) {
  const auto all = ReadAll(std::string("a,b\nc\0,d\ne,f\n", 13));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_THAT(all[1], HasSubstr("2! holds a NUL byte"));
  EXPECT_EQ(all[2], "3: e|f");
}

// A gigabyte without a line end, then a line end and a last line.
class HugeLine : public std::streambuf {
 public:
  int64_t given() const { return given_; }

 protected:
  int underflow() override {
    constexpr int64_t kGigabyte = int64_t{1} << 30;
    if (given_ > kGigabyte) return traits_type::eof();
    block_.assign(1 << 20, 'x');
    given_ += static_cast<int64_t>(block_.size());
    if (given_ > kGigabyte) block_ = "\nlast,line\n";
    setg(block_.data(), block_.data(), block_.data() + block_.size());
    return traits_type::to_int_type(*gptr());
  }

 private:
  std::string block_;
  int64_t given_ = 0;
};

TEST(CsvReaderTest, LineOfAGigabyteIsBadAndTheNextLineIsRead) {
  HugeLine huge;
  std::istream input(&huge);
  const auto all = ReadAll(input, CsvOptions());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(all[0], HasSubstr("1! the line does not end within 1048576 bytes"));
  EXPECT_EQ(all[1], "2: last|line");
  EXPECT_GT(huge.given(), int64_t{1} << 30);
}

TEST(CsvReaderTest, RecordsAcrossBlocksAndConsumedBytes) {
  std::string text;
  std::vector<std::string> want;
  for (int i = 0; i < 20'000; ++i) {
    absl::StrAppend(&text, i, ",\"", i * 7, "\"\n");
    want.push_back(absl::StrCat(i + 1, ": ", i, "|", i * 7));
  }
  EXPECT_EQ(ReadAll(text), want);
  std::istringstream input(text);
  CsvReader reader(&input, CsvOptions());
  CsvRecord record;
  int64_t before = 0;
  while (reader.Next(&record).value()) {
    ASSERT_GT(reader.consumed_bytes(), before);
    before = reader.consumed_bytes();
  }
  EXPECT_EQ(before, static_cast<int64_t>(text.size()));
}

}  // namespace
}  // namespace negatron::client
