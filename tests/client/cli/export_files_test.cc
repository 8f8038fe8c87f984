// SPDX-License-Identifier: Apache-2.0
// What is written to files is read back as it was.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/id_files.h"
#include "client/cli/npy_reader.h"
#include "client/cli/npy_writer.h"
#include "client/cli/output_file.h"
#include "client/cli/session.h"
#include "client/cli/table_reader.h"
#include "client/cli/table_writer.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ExportFilesTest : public testing::Test {
 protected:
  ExportFilesTest()
      : folder_(absl::StrCat(testing::TempDir(), "/",
                             testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  static std::string Text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  // The rows that TableReader finds in what `write` writes.
  std::vector<std::vector<std::string>> ReadBack(
      TableFormat format, const std::vector<std::vector<std::string>>& rows) {
    const std::string path = Path("table");
    {
      std::ofstream file(path, std::ios::binary);
      TableWriter writer(&file, format, {{"id", "token"}, {"text", "token"}}, {});
      for (const auto& row : rows) {
        const absl::Status status = writer.WriteRow(row);
        EXPECT_TRUE(status.ok()) << status;
      }
    }
    const auto reader = TableReader::Open(path, TableOptions()).value();
    EXPECT_TRUE(reader->has_header());
    std::vector<std::vector<std::string>> read;
    CsvRecord record;
    for (;;) {
      const absl::StatusOr<bool> more = reader->Next(&record);
      EXPECT_TRUE(more.ok()) << more.status();
      if (!more.ok() || !*more) return read;
      read.push_back(record.fields);
    }
  }

  const std::string folder_;
};

TEST_F(ExportFilesTest, CsvHoldsAnyText) {
  const std::vector<std::vector<std::string>> rows = {{"a", ""},
                                                      {"\"", "say \"\"hi\"\", and go"},
                                                      {"a,b", "two\nlines\r\n"},
                                                      {"\t|;::", "\r"},
                                                      {" spaces ",
                                                       "\xEF\xBB\xBF"
                                                       "mark"},
                                                      {"\xE6\x97\xA5\xE6\x9C\xAC", "'"}};
  EXPECT_EQ(ReadBack(TableFormat::kCsv, rows), rows);
}

TEST_F(ExportFilesTest, TsvHoldsAllButTabsAndLineEnds) {
  const std::vector<std::vector<std::string>> rows = {
      {"a", ""}, {"\"quoted\" no", "\"open"}, {"a,b::c", "|;"}, {" spaces ", "  "}};
  EXPECT_EQ(ReadBack(TableFormat::kTsv, rows), rows);
  EXPECT_EQ(ReadBack(TableFormat::kRecBole, rows), rows);
  std::ostringstream text;
  TableWriter writer(&text, TableFormat::kTsv, {{"id", "token"}, {"text", "token"}}, {});
  for (const std::string& bad :
       {std::string("a\tb"), std::string("a\n"), std::string("\r"), std::string("\0", 1)}) {
    const absl::Status status = writer.WriteRow({"x", bad});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(status.message(), HasSubstr("its text holds"));
  }
  EXPECT_EQ(text.str(), "id\ttext\n") << "a row that cannot be written is not begun";
}

TEST_F(ExportFilesTest, HeaderHasTypesForRecBoleAndColumnsCanBeLeftOut) {
  std::ostringstream text;
  TableWriter writer(&text, TableFormat::kRecBole,
                     {{"a", "token"}, {"b", "float"}, {"c", "token_seq"}}, {"b"});
  // What is left out need not fit.
  EXPECT_TRUE(writer.WriteRow({"1", "\t", "x y"}).ok());
  EXPECT_EQ(text.str(), "a:token\tc:token_seq\n1\tx y\n");
  EXPECT_EQ(FormatOf("x.csv"), TableFormat::kCsv);
  EXPECT_EQ(FormatOf("x.tsv"), TableFormat::kTsv);
  EXPECT_EQ(FormatOf("x.inter"), TableFormat::kRecBole);
  EXPECT_EQ(FormatOf("x.item"), TableFormat::kRecBole);
  EXPECT_FALSE(FormatOf("csv").has_value());
}

TEST_F(ExportFilesTest, ArraysLearnTheirLengthAtTheEnd) {
  std::stringstream file;
  NpyWriter writer(&file, NpyType::kFloat32, 3);
  const std::vector<float> values = {1, 2.5F, -3, 4, 5, 6};
  writer.Append(values.data(), 1);
  writer.Append(values.data() + 3, 1);
  writer.Finish();
  auto reader = NpyReader::Open(&file).value();
  EXPECT_THAT(reader.header().shape, ElementsAre(2, 3));
  std::vector<float> read;
  ASSERT_TRUE(reader.ReadFloats(6, &read).ok());
  EXPECT_EQ(read, values);
  std::stringstream empty;
  NpyWriter(&empty, NpyType::kInt64, std::nullopt).Finish();
  EXPECT_EQ(empty.str().size() % 64, 0u);
  EXPECT_THAT(NpyReader::Open(&empty)->header().shape, ElementsAre(0));
}

TEST_F(ExportFilesTest, IdsAreReadBackFromTextAndArrays) {
  for (const char* name : {"ids.txt", "ids.npy"}) {
    {
      std::ofstream file(Path(name), std::ios::binary);
      auto writer = IdFileWriter::Create(Path(name), v1::ID_TYPE_INT64, &file).value();
      EXPECT_TRUE(writer.Append("-7").ok());
      EXPECT_TRUE(writer.Append("9223372036854775807").ok());
      writer.Finish();
    }
    IdList ids(v1::ID_TYPE_INT64);
    ASSERT_TRUE(ReadIdFile(Path(name), &ids).ok()) << name;
    EXPECT_THAT(std::get<0>(ids.span()), ElementsAre(-7, 9223372036854775807));
  }
  std::ostringstream text;
  EXPECT_EQ(ToExitCode(IdFileWriter::Create("a.npy", v1::ID_TYPE_STRING, &text).status()),
            ExitCode::kUsage);
  auto names = IdFileWriter::Create("a.txt", v1::ID_TYPE_STRING, &text).value();
  EXPECT_TRUE(names.Append(" a\t\"b\" ").ok());
  for (const char* bad : {"a\nb", "b\r", "\xEF\xBB\xBFx"}) EXPECT_FALSE(names.Append(bad).ok());
  EXPECT_EQ(text.str(), " a\t\"b\" \n");
}

TEST_F(ExportFilesTest, FileHasItsNameOnlyWhenItIsWhole) {
  std::ostringstream standard;
  const std::string path = Path("out.csv");
  std::ofstream(path) << "old";
  {
    const auto file = OutputFile::Create(path, &standard).value();
    file->stream() << "half";
  }
  EXPECT_EQ(Text(path), "old");
  {
    const auto file = OutputFile::Create(path, &standard).value();
    file->stream() << "whole";
    EXPECT_EQ(Text(path), "old");
    EXPECT_TRUE(file->Commit().ok());
  }
  EXPECT_EQ(Text(path), "whole");
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
  const auto dash = OutputFile::Create("-", &standard).value();
  dash->stream() << "here";
  EXPECT_TRUE(dash->Commit().ok());
  EXPECT_EQ(standard.str(), "here");
  EXPECT_EQ(ToExitCode(OutputFile::Create(folder_, &standard).status()), ExitCode::kInput);
  EXPECT_EQ(ToExitCode(OutputFile::Create(Path("none/a.csv"), &standard).status()),
            ExitCode::kInput);
  dash->stream().setstate(std::ios::badbit);
  EXPECT_EQ(ToExitCode(dash->Check()), ExitCode::kInput);
}

}  // namespace
}  // namespace negatron::client
