// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "proto/cc/columns.h"
#include "tests/client/cli/cli_fixture.h"
#include "tests/client/cpp/fake_imports.h"

namespace negatron::client {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class CliImportTest : public CliTest {
 protected:
  CliImportTest() {
    server_.handlers.import_events = events_.Handler();
    server_.handlers.import_items = items_.Handler();
  }

  // A file of `rows` events.
  std::string Events(size_t rows) {
    std::string text = "userId,movieId,rating,timestamp\n";
    for (size_t i = 0; i < rows; ++i) absl::StrAppend(&text, i, ",", i % 100, ",9,1500000000\n");
    return File("ratings.csv", text);
  }

  FakeEventImports events_;
  FakeItemImports items_;
};

TEST_F(CliImportTest, SecondRunOfTheSameRowsWritesNothing) {
  const std::string path = Events(45'000);
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies"}), ExitCode::kOk) << err_.str();
  ASSERT_THAT(events_.chunks(), SizeIs(3));
  EXPECT_EQ(ReadInt64s(events_.chunks()[0].batch().event_time_micros(), "").value()[0],
            1'500'000'000'000'000);
  EXPECT_THAT(out_.str(), HasSubstr("45,000 events written to collections/movies"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("earlier run")));
  EXPECT_EQ(Run({"import", "events", path, "--collection", "collections/movies"}), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("0 events written"));
  EXPECT_THAT(out_.str(), HasSubstr("45,000 were written by an earlier run"));
  EXPECT_THAT(err_.str(), HasSubstr("--import-name"));
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies", "--json"}), ExitCode::kOk);
  const auto json = Json();
  EXPECT_EQ(json.fields().at("writtenCount").number_value(), 0);
  EXPECT_EQ(json.fields().at("skippedCount").number_value(), 45'000);
  EXPECT_EQ(json.fields().at("skippedChunkCount").number_value(), 3);
  EXPECT_EQ(json.fields().at("rowCount").number_value(), 45'000);
  EXPECT_THAT(events_.chunks(), SizeIs(3));
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies", "--import-name", "again"}),
            ExitCode::kOk);
  EXPECT_THAT(events_.chunks(), SizeIs(6));
}

TEST_F(CliImportTest, BrokenConnectionIsToldAndGoneOnWith) {
  events_.break_before = {2};
  events_.break_after = {3};
  EXPECT_EQ(Run({"import", "events", Events(70'000), "--collection", "movies", "--json"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(events_.chunks(), SizeIs(4));
  EXPECT_EQ(Json().fields().at("writtenCount").number_value(), 70'000);
  EXPECT_EQ(Json().fields().at("interruptionCount").number_value(), 2);
  EXPECT_THAT(err_.str(), HasSubstr("lost the server"));
}

TEST_F(CliImportTest, ServerThatStaysAwayEndsTheImportWithItsOwnExitCode) {
  events_.silent_from = 2;
  EXPECT_EQ(
      Run({"import", "events", Events(50'000), "--collection", "movies", "--patience", "300ms"}),
      ExitCode::kUnreachable);
  EXPECT_THAT(err_.str(), HasSubstr("20,000 rows before it are written"));
  EXPECT_THAT(err_.str(), HasSubstr("--patience"));
}

TEST_F(CliImportTest, BadLineIsFoundBeforeAnythingIsWritten) {
  std::string text = "user,item,time\n";
  for (size_t i = 0; i < 20'000; ++i) text += "1,2,3\n";
  const std::string path = File("a.csv", text + "1,2,3\n1,2,when\n");
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies"}), ExitCode::kInput);
  EXPECT_THAT(events_.chunks(), SizeIs(0));
  EXPECT_THAT(err_.str(), HasSubstr(path + ":20003: time: `when`"));
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies", "--skip-bad-lines"}),
            ExitCode::kOk);
  EXPECT_THAT(events_.chunks(), SizeIs(2));
  EXPECT_THAT(out_.str(), HasSubstr("20,001 events"));
  EXPECT_THAT(out_.str(), HasSubstr("1 bad lines skipped"));
  EXPECT_THAT(err_.str(), HasSubstr("skipped " + path + ":20003"));
}

TEST_F(CliImportTest, NamedStreamIsGoneOnWithAfterTheFileIsMended) {
  std::string text = "user,item,time\n";
  for (size_t i = 0; i < 20'000; ++i) text += "1,2,3\n";
  const std::vector<std::string> line = {"import", "events", "",         "--collection",
                                         "movies", "--json", "--stream", "feed-1"};
  std::vector<std::string> bad = line;
  bad[2] = File("bad.csv", text + "1,2,when\n");
  EXPECT_EQ(Run(bad), ExitCode::kInput);
  EXPECT_THAT(events_.chunks(), SizeIs(1));
  EXPECT_THAT(err_.str(), HasSubstr("20,000 rows before it are written"));
  EXPECT_THAT(err_.str(), HasSubstr("--stream feed-1"));
  std::vector<std::string> good = line;
  good[2] = File("good.csv", text + "1,2,4\n");
  EXPECT_EQ(Run(good), ExitCode::kOk) << err_.str();
  EXPECT_EQ(Json().fields().at("writtenCount").number_value(), 1);
  EXPECT_THAT(events_.stream_ids(), Each("feed-1"));
  good[2] = File("short.csv", "user,item,time\n1,2,4\n");
  EXPECT_EQ(Run(good), ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("it was another file"));
  EXPECT_THAT(events_.chunks(), SizeIs(2));
}

TEST_F(CliImportTest, RefusedRowsAreNamedByTheirLines) {
  events_.refuse = 1;
  // An empty line, so that rows and lines differ.
  const std::string path = File("a.csv", "user,item,time\n1,2,3\n\n1,5,3\n");
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies"}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr(path + ":4: item_ids: there is no such item"));
}

TEST_F(CliImportTest, RefusedChunkIsNamedThoughOthersWait) {
  events_.refuse = 3;
  const std::string path = Events(150'000);
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies"}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr(absl::StrCat(path, ":40003: item_ids: ")));
  EXPECT_THAT(err_.str(), HasSubstr("40,000 rows before it are written"));
}

TEST_F(CliImportTest, EventsCarryKindsPropensitiesAndCohorts) {
  const std::string path = File("a.csv",
                                "user,item,time,kind,p,c,w\n1,2,3,positive,,7,2\n"
                                "1,3,3,Exposure,0.25,,1\n1,4,3,3,0,0,1\n");
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies", "--kind-column", "kind",
                 "--propensity-column", "p", "--cohort-column", "c", "--weight-column", "w"}),
            ExitCode::kOk)
      << err_.str();
  const v1::BatchWriteEventsRequest batch = events_.chunks().at(0).batch();
  EXPECT_THAT(ReadBytes(batch.kinds(), "").value(), ElementsAre(1, 2, 3));
  EXPECT_THAT(ReadFloats(batch.propensities(), "").value(), ElementsAre(0, 0.25F, 0));
  EXPECT_THAT(ReadBytes(batch.cohorts(), "").value(), ElementsAre(7, 0, 0));
  EXPECT_THAT(ReadFloats(batch.weights(), "").value(), ElementsAre(2, 1, 1));
}

TEST_F(CliImportTest, ColumnThatLooksLikeAnOptionalOneIsPointedOut) {
  const std::string path = File("a.csv", "user,item,time,kind\n1,2,3,exposure\n");
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies"}), ExitCode::kOk);
  EXPECT_THAT(err_.str(), HasSubstr("column `kind` is not used; --kind-column would"));
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies", "--kind", "exposure"}),
            ExitCode::kOk);
  EXPECT_EQ(err_.str(), "");
  EXPECT_THAT(ReadBytes(events_.chunks().at(1).batch().kinds(), "").value(), ElementsAre(2));
}

TEST_F(CliImportTest, ItemsCarryLivesAndProperties) {
  collection_.set_item_id_type(v1::ID_TYPE_STRING);
  const std::string path =
      File("items.csv", "item_id,born,weight,genres,title\na,5,2,Drama| Comedy,A\nb,,,,\n");
  EXPECT_EQ(Run({"import", "items", path, "--collection", "movies", "--alive-from-column", "born",
                 "--time-unit", "us", "--base-weight-column", "weight", "--categories-column",
                 "genres", "--attributes-column", "title"}),
            ExitCode::kOk)
      << err_.str();
  const v1::BatchWriteItemsRequest batch = items_.chunks().at(0).batch();
  EXPECT_THAT(batch.item_ids().names().values(), ElementsAre("a", "b"));
  EXPECT_THAT(ReadInt64s(batch.alive_from_micros(), "").value(),
              ElementsAre(5, std::numeric_limits<int64_t>::min()));
  EXPECT_THAT(ReadFloats(batch.base_weights(), "").value(), ElementsAre(2, 1));
  EXPECT_THAT(batch.categories().ids().names().values(), ElementsAre("Drama", "Comedy"));
  EXPECT_THAT(ReadInt64s(batch.categories().row_splits(), "").value(), ElementsAre(0, 2, 2));
  EXPECT_THAT(batch.attributes(), ElementsAre("A", ""));
  EXPECT_EQ(batch.update_mask().paths_size(), 0);
  EXPECT_THAT(out_.str(), HasSubstr("2 items written to collections/movies"));
}

TEST_F(CliImportTest, PartialItemsReplaceOnlyWhatTheFileHas) {
  const std::string path = File("items.csv", "item_id,genres\n1,Drama\n");
  EXPECT_EQ(Run({"import", "items", path, "--collection", "movies", "--partial",
                 "--categories-column", "genres"}),
            ExitCode::kOk)
      << err_.str();
  const v1::BatchWriteItemsRequest batch = items_.chunks().at(0).batch();
  EXPECT_THAT(batch.update_mask().paths(), ElementsAre("categories"));
  EXPECT_FALSE(batch.has_alive_from_micros());
  EXPECT_EQ(Run({"import", "items", path, "--collection", "movies", "--partial"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--partial"));
}

TEST_F(CliImportTest, ItemsAreWrittenAgainByALaterRun) {
  const std::string path = File("items.csv", "item_id\n1\n2\n");
  EXPECT_EQ(Run({"import", "items", path, "--collection", "movies"}), ExitCode::kOk);
  EXPECT_EQ(Run({"import", "items", path, "--collection", "movies"}), ExitCode::kOk);
  EXPECT_THAT(items_.chunks(), SizeIs(2));
  EXPECT_NE(items_.stream_ids().at(0), items_.stream_ids().at(1));
}

TEST_F(CliImportTest, WrongOptionsAreUsageErrors) {
  const std::string path = File("a.csv", "user,item,time\n1,2,3\n");
  const std::vector<std::vector<std::string>> options = {
      {"--kind", "viewed"},         {"--kind", "mined", "--kind-column", "time"},
      {"--kind-column", "nothing"}, {"--cohort-column", "nothing"},
      {"--patience", "soon"},       {"--stream", "two words"},
      {"--propensity-column", "9"}};
  for (const std::vector<std::string>& some : options) {
    std::vector<std::string> line = {"import", "events", path, "--collection", "movies"};
    line.insert(line.end(), some.begin(), some.end());
    EXPECT_EQ(Run(line), ExitCode::kUsage) << testing::PrintToString(some);
    EXPECT_THAT(err_.str(), HasSubstr(some[0]));
  }
  EXPECT_THAT(events_.chunks(), SizeIs(0));
}

}  // namespace
}  // namespace negatron::client
