// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "proto/cc/columns.h"
#include "tests/client/cli/cli_fixture.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CliRemovalTest : public CliTest {
 protected:
  CliRemovalTest() {
    server_.handlers.retract_events = [this](const v1::RetractEventsRequest& request,
                                             v1::RetractEventsResponse* response) {
      retracted_ = request;
      Answer(request.item_ids(), response);
      return grpc::Status::OK;
    };
    server_.handlers.erase_users = [this](const v1::EraseUsersRequest& request,
                                          v1::EraseUsersResponse* response) {
      erased_ = request;
      Answer(request.user_ids(), response);
      return grpc::Status::OK;
    };
  }

  // All entries but the last were there.
  template <typename Response>
  static void Answer(const v1::IdColumn& ids, Response* response) {
    std::vector<uint8_t> found(static_cast<size_t>(ColumnSize(ids)), 1);
    found.back() = 0;
    WriteBytes(found, v1::COLUMN_ENCODING_RAW, response->mutable_found());
    response->mutable_receipt()->set_written_count(static_cast<int64_t>(found.size()) - 1);
  }

  v1::RetractEventsRequest retracted_;
  v1::EraseUsersRequest erased_;
};

TEST_F(CliRemovalTest, RetractsTheEventsOfAFile) {
  const std::string path = File("a.csv", "user,item,time,kind\n1,2,3,positive\n\n4,5,6,mined\n");
  EXPECT_EQ(Run({"events", "retract", path, "--collection", "movies", "--kind-column", "kind"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(ReadIds(retracted_.user_ids(), "").value(), ElementsAre(1, 4));
  EXPECT_THAT(ReadIds(retracted_.item_ids(), "").value(), ElementsAre(2, 5));
  EXPECT_THAT(ReadInt64s(retracted_.event_time_micros(), "").value(),
              ElementsAre(3'000'000, 6'000'000));
  EXPECT_THAT(ReadBytes(retracted_.kinds(), "").value(), ElementsAre(1, 3));
  EXPECT_THAT(out_.str(), HasSubstr("1 events of collections/movies removed; 1 of 2 entries"));
  EXPECT_THAT(err_.str(), HasSubstr(path + ":4: there is no such event"));
}

TEST_F(CliRemovalTest, RetractsOneEventThatTheOptionsName) {
  EXPECT_EQ(Run({"events", "retract", "--collection", "movies", "--user", "-7", "--item", "8",
                 "--time", "2024-01-01", "--json"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(ReadIds(retracted_.user_ids(), "").value(), ElementsAre(-7));
  EXPECT_FALSE(retracted_.has_kinds());
  EXPECT_EQ(Json().fields().at("removedCount").number_value(), 0);
  EXPECT_EQ(Json().fields().at("missingCount").number_value(), 1);
}

TEST_F(CliRemovalTest, ErasesUsersOfTheCommandLineOrAFile) {
  EXPECT_EQ(Run({"users", "erase", "--collection", "movies", "5", "6"}), ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(ReadIds(erased_.user_ids(), "").value(), ElementsAre(5, 6));
  EXPECT_THAT(out_.str(), HasSubstr("1 users of collections/movies removed"));
  EXPECT_THAT(err_.str(), HasSubstr("user 6: there is no such user"));
  EXPECT_EQ(Run({"users", "erase", "--collection", "movies", "--ids", File("ids", "7\n8\n9\n")}),
            ExitCode::kOk);
  EXPECT_THAT(ReadIds(erased_.user_ids(), "").value(), ElementsAre(7, 8, 9));
  EXPECT_EQ(Run({"users", "erase", "--collection", "movies", "--ids", File("bad", "7\nx\n")}),
            ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("bad:2: "));
}

TEST_F(CliRemovalTest, ListFollowsThePagesUpToItsLimit) {
  server_.handlers.list_users = [](const v1::ListUsersRequest& request,
                                   v1::ListUsersResponse* response) {
    const bool first = request.page_token().empty();
    WriteNames(first ? std::vector<std::string>{"ann", "bob"} : std::vector<std::string>{"cy"},
               response->mutable_ids());
    if (first) response->set_next_page_token("more");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"users", "list", "--collection", "movies"}), ExitCode::kOk);
  EXPECT_EQ(out_.str(), "ann\nbob\ncy\n");
  EXPECT_EQ(Run({"users", "list", "--collection", "movies", "--limit", "1"}), ExitCode::kOk);
  EXPECT_EQ(out_.str(), "ann\n");
  EXPECT_EQ(Run({"users", "list", "--collection", "movies", "--json"}), ExitCode::kOk);
  EXPECT_EQ(Json().fields().at("userIds").list_value().values_size(), 3);
}

TEST_F(CliRemovalTest, WrongOptionsAreUsageErrors) {
  const std::string path = File("a.csv", "user,item,time\n1,2,3\n");
  const std::vector<std::vector<std::string>> lines = {
      {"events"},
      {"events", "retract", "--collection", "movies"},
      {"events", "retract", "--collection", "movies", "--user", "1", "--item", "2"},
      {"events", "retract", "--collection", "movies", path, "--user", "1"},
      {"events", "retract", "--collection", "movies", path, "--kind", "viewed"},
      {"events", "retract", "--collection", "movies", path, "--time-column", "when"},
      {"events", "retract", "--collection", "movies", "--user", "x", "--item", "2", "--time", "3"},
      {"users"},
      {"users", "erase", "--collection", "movies"},
      {"users", "erase", "--collection", "movies", "one"},
      {"users", "list", "--collection", "movies", "--limit", "0"},
      {"users", "list"}};
  for (const std::vector<std::string>& line : lines) {
    EXPECT_EQ(Run(line), ExitCode::kUsage) << testing::PrintToString(line);
    EXPECT_NE(err_.str(), "") << testing::PrintToString(line);
  }
}

}  // namespace
}  // namespace negatron::client
