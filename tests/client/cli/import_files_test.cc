// SPDX-License-Identifier: Apache-2.0
#include "client/cli/import_files.h"

#include <fstream>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/row_hash.h"
#include "client/cli/session.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ImportFilesTest : public testing::Test {
 protected:
  ImportOptions File(const std::string& name, const std::string& text) {
    ImportOptions options;
    options.path = testing::TempDir() + "/" +
                   testing::UnitTest::GetInstance()->current_test_info()->name() + "_" + name;
    std::ofstream(options.path, std::ios::binary) << text;
    return options;
  }

  // The events of a file of at most one chunk, each as `user item seconds`.
  std::vector<std::string> Events(const ImportOptions& options) {
    auto reader = ImportReader::OpenEvents(options);
    EXPECT_TRUE(reader.ok()) << reader.status();
    if (!reader.ok()) return {};
    EventChunk chunk(v1::ID_TYPE_STRING, v1::ID_TYPE_STRING);
    const absl::Status status = (*reader)->Read(&chunk);
    EXPECT_TRUE(status.ok()) << status;
    counts_ = (*reader)->counts();
    weights_ = chunk.weights;
    std::vector<std::string> events;
    const auto users = std::get<std::span<const std::string>>(chunk.users.span());
    const auto items = std::get<std::span<const std::string>>(chunk.items.span());
    for (size_t i = 0; i < chunk.lines.size(); ++i) {
      events.push_back(
          absl::StrCat(users[i], " ", items[i], " ", chunk.time_micros[i] / 1'000'000));
    }
    return events;
  }

  absl::Status FirstError(const ImportOptions& options) {
    auto reader = ImportReader::OpenEvents(options);
    if (!reader.ok()) return reader.status();
    EventChunk chunk(v1::ID_TYPE_INT64, v1::ID_TYPE_INT64);
    return (*reader)->Read(&chunk);
  }

  ImportCounts counts_;
  std::vector<float> weights_;
};

TEST_F(ImportFilesTest, MovieLensLatest) {
  EXPECT_THAT(
      Events(File("ratings.csv", "userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n")),
      ElementsAre("1 296 1147880044"));
}

TEST_F(ImportFilesTest, MovieLens1M) {
  EXPECT_THAT(Events(File("ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n")),
              ElementsAre("1 1193 978300760", "1 661 978302109"));
}

TEST_F(ImportFilesTest, MovieLens100K) {
  EXPECT_THAT(Events(File("u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n")),
              ElementsAre("196 242 881250949", "186 302 891717742"));
}

TEST_F(ImportFilesTest, TypedHeaderAndOtherOrder) {
  EXPECT_THAT(Events(File("a.inter", "timestamp:float\titem_id:token\tuser_id:token\n9\tx\tu\n")),
              ElementsAre("u x 9"));
}

TEST_F(ImportFilesTest, RecBoleInteractionsWithAllTheirColumns) {
  ImportOptions options =
      File("a.inter",
           "user_id:token\titem_id:token\ttimestamp:float\tweight:float\tkind:token\t"
           "propensity:float\tcohort:token\n"
           "u\t\"x\t1500000000.25\t0.1\texposure\t0.3\t0\nv\ty\t2\t1\tpositive\t0\t7\n");
  options.all_columns = true;
  auto reader = ImportReader::OpenEvents(options).value();
  EventChunk chunk(v1::ID_TYPE_STRING, v1::ID_TYPE_STRING);
  ASSERT_TRUE(reader->Read(&chunk).ok());
  EXPECT_THAT(std::get<1>(chunk.items.span()), ElementsAre("\"x", "y"));
  EXPECT_THAT(chunk.time_micros, ElementsAre(1'500'000'000'250'000, 2'000'000));
  EXPECT_THAT(chunk.weights, ElementsAre(0.1F, 1));
  EXPECT_THAT(chunk.kinds, ElementsAre(2, 1));
  EXPECT_THAT(chunk.propensities, ElementsAre(0.3F, 0));
  EXPECT_THAT(chunk.cohorts, ElementsAre(0, 7));
  // A kind that is given for all is not overridden by the file.
  options.kind = v1::EVENT_KIND_EXPOSURE;
  options.all_columns = false;
  auto given = ImportReader::OpenEvents(options).value();
  ASSERT_TRUE(given->Read(&chunk).ok());
  EXPECT_THAT(chunk.kinds, ElementsAre(2, 2));
}

TEST_F(ImportFilesTest, RecBoleItemsHaveSequencesBetweenSpaces) {
  ImportOptions options =
      File("a.item",
           "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
           "1\tToy Story\t1995\tAnimation Children's Comedy\n2\tGoldenEye\t1995\t\n");
  options.categories_column = "class";
  auto reader = ImportReader::OpenItems(options).value();
  ItemChunk chunk(v1::ID_TYPE_INT64);
  ASSERT_TRUE(reader->Read(&chunk).ok());
  EXPECT_THAT(chunk.category_names, ElementsAre("Animation", "Children's", "Comedy"));
  EXPECT_THAT(chunk.category_splits, ElementsAre(0, 3, 3));
  EXPECT_THAT(reader->ItemProperties(), ElementsAre("categories"));
  // A separator that is given counts more than the type.
  options.category_separator = "|";
  auto other = ImportReader::OpenItems(options).value();
  ASSERT_TRUE(other->Read(&chunk).ok());
  EXPECT_THAT(chunk.category_names, ElementsAre("Animation Children's Comedy"));
}

TEST_F(ImportFilesTest, ItemsWithSeveralLives) {
  constexpr int64_t kAlways = std::numeric_limits<int64_t>::min();
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  ItemChunk chunk(v1::ID_TYPE_INT64);
  for (const bool sequences : {false, true}) {
    ImportOptions options =
        sequences ? File("a.item",
                         "item_id:token\talive_from:float_seq\t"
                         "alive_until:float_seq\n1\t-inf 3\t2 4\n2\tinf\t\n3\t\t\n")
                  : File("a.csv", "item_id,alive_from,alive_until\n1,|3,2|4\n2,inf,\n3,,\n");
    options.all_columns = true;
    auto reader = ImportReader::OpenItems(options).value();
    ASSERT_TRUE(reader->Read(&chunk).ok());
    EXPECT_TRUE(reader->has_lives());
    EXPECT_THAT(chunk.alive_from_micros, ElementsAre(kAlways, 3'000'000, kAlways));
    EXPECT_THAT(chunk.alive_until_micros, ElementsAre(2'000'000, 4'000'000, kNever));
    EXPECT_THAT(chunk.Batch(true).interval_splits, ElementsAre(0, 2, 2, 3));
    EXPECT_TRUE(CheckShape(chunk.Batch(true)).ok());
  }
}

TEST_F(ImportFilesTest, ColumnsByNameAndByNumber) {
  ImportOptions named = File("a.csv", "who;what;when\n\"a;b\";2;3\n");
  named.user_column = "WHO";
  named.item_column = "what";
  named.time_column = "3";
  EXPECT_THAT(Events(named), ElementsAre("a;b 2 3"));
  ImportOptions numbered = File("b.csv", "7,8,9\n");
  numbered.time_column = "1";
  numbered.item_column = "2";
  numbered.user_column = "3";
  EXPECT_THAT(Events(numbered), ElementsAre("9 8 7"));
}

TEST_F(ImportFilesTest, RatingFilterAndWeights) {
  ImportOptions options =
      File("a.csv", "user,item,rating,w,time\n1,2,6,1,10\n1,3,7,0.5,11\n1,4,10,2,12\n");
  options.min_rating = 7;
  options.weight_column = "w";
  EXPECT_THAT(Events(options), ElementsAre("1 3 11", "1 4 12"));
  EXPECT_THAT(weights_, ElementsAre(0.5F, 2));
  EXPECT_EQ(counts_.row_count, 3);
  EXPECT_EQ(counts_.below_rating_count, 1);
}

TEST_F(ImportFilesTest, MissingColumnIsAUsageErrorThatNamesTheOption) {
  const absl::Status status = FirstError(File("a.csv", "a,b,c\n1,2,3\n"));
  EXPECT_EQ(ToExitCode(status), ExitCode::kUsage);
  EXPECT_THAT(status.message(), HasSubstr("--user-column"));
  EXPECT_THAT(status.message(), HasSubstr("a, b, c"));
  ImportOptions options = File("b.csv", "user,item,time\n1,2,3\n");
  options.weight_column = "nope";
  EXPECT_THAT(FirstError(options).message(), HasSubstr("--weight-column"));
}

TEST_F(ImportFilesTest, BadLinesNameFileAndLine) {
  const std::string good = "user,item,time\n1,2,3\n";
  for (const char* bad : {"1,2\n", "1,2,3,4\n", "x,2,3\n", "1,x,3\n", "1,2,x\n", "1,,3\n",
                          "1,2,\"3\n", "1,2,999999999999999999\n"}) {
    const ImportOptions options = File("a.csv", good + bad);
    const absl::Status status = FirstError(options);
    EXPECT_EQ(ToExitCode(status), ExitCode::kInput) << bad;
    EXPECT_THAT(status.message(), HasSubstr(options.path + ":3: ")) << bad;
  }
  ImportOptions weights = File("b.csv", "user,item,time,w\n1,2,3,0\n");
  weights.weight_column = "w";
  EXPECT_THAT(FirstError(weights).message(), HasSubstr(":2: weight"));
}

TEST_F(ImportFilesTest, BadLinesCanBeSkippedAndAreCounted) {
  ImportOptions options = File("a.csv", "user,item,time\n1,2,3\n1,2\n1,\"x,4\n5,6,7\n");
  options.skip_bad_lines = true;
  EXPECT_THAT(Events(options), ElementsAre("1 2 3", "5 6 7"));
  EXPECT_EQ(counts_.bad_line_count, 2);
  EXPECT_THAT(counts_.bad_line_samples, ElementsAre(HasSubstr(":3: "), HasSubstr(":4: ")));
}

TEST_F(ImportFilesTest, FilesThatCannotBeReadAreInputErrors) {
  ImportOptions missing;
  missing.path = testing::TempDir() + "/there_is_no_such_file.csv";
  EXPECT_EQ(ToExitCode(FirstError(missing)), ExitCode::kInput);
  ImportOptions folder;
  folder.path = testing::TempDir();
  EXPECT_EQ(ToExitCode(FirstError(folder)), ExitCode::kInput);
  EXPECT_EQ(ToExitCode(FirstError(File("empty.csv", ""))), ExitCode::kInput);
  const absl::Status gzip = FirstError(File("a.csv.gz", "\x1F\x8B\x08 rest"));
  EXPECT_EQ(ToExitCode(gzip), ExitCode::kInput);
  EXPECT_THAT(gzip.message(), HasSubstr("gunzip"));
}

TEST_F(ImportFilesTest, ChunksAreCutAtTheSamePlaces) {
  std::string text = "user,item,time\n";
  for (size_t i = 0; i < 2 * kChunkRows + 5; ++i) text += "1,2,3\n";
  auto reader = ImportReader::OpenEvents(File("a.csv", text)).value();
  EventChunk chunk(v1::ID_TYPE_INT64, v1::ID_TYPE_STRING);
  std::vector<size_t> sizes;
  do {
    ASSERT_TRUE(reader->Read(&chunk).ok());
    sizes.push_back(chunk.lines.size());
  } while (!chunk.lines.empty());
  EXPECT_THAT(sizes, ElementsAre(kChunkRows, kChunkRows, 5, 0));
}

TEST_F(ImportFilesTest, RowHashDependsOnEveryColumnAndOnTheCuts) {
  const auto hash = [](const char* user, const char* item, int64_t time, float weight,
                       uint8_t kind = 0, float propensity = 0, uint8_t cohort = 0) {
    EventChunk chunk(v1::ID_TYPE_STRING, v1::ID_TYPE_STRING);
    EXPECT_TRUE(chunk.users.Append(user).ok());
    EXPECT_TRUE(chunk.items.Append(item).ok());
    chunk.time_micros = {time};
    chunk.weights = {weight};
    if (kind > 0) chunk.kinds = {kind};
    if (propensity > 0) chunk.propensities = {propensity};
    if (cohort > 0) chunk.cohorts = {cohort};
    chunk.lines = {1};
    RowHash rows;
    rows.Add(chunk);
    return rows.Hex();
  };
  const std::set<std::string> hashes = {
      hash("a", "bc", 1, 1),    hash("ab", "c", 1, 1),          hash("a", "bc", 2, 1),
      hash("a", "bc", 1, 2),    hash("bc", "a", 1, 1),          hash("a", "bc", 1, 1, 1),
      hash("a", "bc", 1, 1, 2), hash("a", "bc", 1, 1, 2, 0.5F), hash("a", "bc", 1, 1, 1, 0, 1)};
  EXPECT_EQ(hashes.size(), 9u);
  EXPECT_EQ(hash("a", "bc", 1, 1), hash("a", "bc", 1, 1));
  EXPECT_EQ(hashes.begin()->size(), 32u);
}

TEST_F(ImportFilesTest, KindsPropensitiesAndCohortsOfTheWrongSortAreBadLines) {
  const auto error = [this](const char* row) {
    ImportOptions options = File("a.csv", std::string("user,item,time,k,p,c\n") + row);
    options.kind_column = "k";
    options.propensity_column = "p";
    options.cohort_column = "c";
    const absl::Status status = FirstError(options);
    EXPECT_EQ(ToExitCode(status), ExitCode::kInput) << row;
    return std::string(status.message());
  };
  EXPECT_THAT(error("1,2,3,viewed,,\n"), HasSubstr(":2: kind: `viewed`"));
  EXPECT_THAT(error("1,2,3,,,\n"), HasSubstr("kind: ``"));
  EXPECT_THAT(error("1,2,3,exposure,1.5,\n"), HasSubstr("propensity: `1.5`"));
  EXPECT_THAT(error("1,2,3,positive,0.5,\n"), HasSubstr("only an exposure"));
  EXPECT_THAT(error("1,2,3,positive,,-1\n"), HasSubstr("cohort: `-1`"));
  EXPECT_THAT(error("1,2,3,positive,,256\n"), HasSubstr("[0, 255]"));
  EXPECT_THAT(error("1,2,3,mined,,1\n"), HasSubstr("only a positive"));
}

TEST_F(ImportFilesTest, ItemsWithProperties) {
  ImportOptions options =
      File("items.csv", "item,w,c,a\n1,0.5,x;y,\"two, words\"\n2,,,\n3,17,,\n4,1,x;x,\n5,1,z,\n");
  options.table.separator = ",";
  options.base_weight_column = "w";
  options.categories_column = "c";
  options.category_separator = ";";
  options.attributes_column = "a";
  options.skip_bad_lines = true;
  auto reader = ImportReader::OpenItems(options).value();
  ItemChunk chunk(v1::ID_TYPE_INT64);
  ASSERT_TRUE(reader->Read(&chunk).ok());
  EXPECT_THAT(chunk.lines, ElementsAre(2, 3, 6));
  EXPECT_THAT(chunk.base_weights, ElementsAre(0.5F, 1, 1));
  EXPECT_THAT(chunk.category_names, ElementsAre("x", "y", "z"));
  EXPECT_THAT(chunk.category_splits, ElementsAre(0, 2, 2, 3));
  EXPECT_THAT(chunk.attributes, ElementsAre("two, words", "", ""));
  EXPECT_THAT(reader->counts().bad_line_samples,
              ElementsAre(HasSubstr("base weight: `17`"), HasSubstr("`x` is there twice")));
  EXPECT_TRUE(CheckShape(chunk.Batch(false)).ok());
}

TEST_F(ImportFilesTest, ItemsWithLives) {
  ImportOptions options = File("items.csv",
                               "item_id,title,from,until\n1,\"A, B\",2020-01-01,\n2,C,,2021-01-01\n"
                               "3,D,,\n");
  options.alive_from_column = "from";
  options.alive_until_column = "until";
  auto reader = ImportReader::OpenItems(options).value();
  ItemChunk chunk(v1::ID_TYPE_INT64);
  ASSERT_TRUE(reader->Read(&chunk).ok());
  constexpr int64_t kAlways = std::numeric_limits<int64_t>::min();
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(chunk.alive_from_micros, ElementsAre(1'577'836'800'000'000, kAlways, kAlways));
  EXPECT_THAT(chunk.alive_until_micros, ElementsAre(kNever, 1'609'459'200'000'000, kNever));
  EXPECT_THAT(chunk.lines, ElementsAre(2, 3, 4));
}

TEST_F(ImportFilesTest, ItemThatAppearsTwiceOrDiesBeforeItsBirthIsBad) {
  ItemChunk chunk(v1::ID_TYPE_INT64);
  auto twice = ImportReader::OpenItems(File("a.csv", "item\n1\n2\n1\n")).value();
  EXPECT_THAT(twice->Read(&chunk).message(), HasSubstr(":4: item `1` was already in line 2"));
  ImportOptions options = File("b.csv", "item,from,until\n1,5,5\n");
  options.alive_from_column = "from";
  options.alive_until_column = "until";
  auto empty = ImportReader::OpenItems(options).value();
  EXPECT_THAT(empty->Read(&chunk).message(), HasSubstr(":2: the item's life"));
}

}  // namespace
}  // namespace negatron::client
