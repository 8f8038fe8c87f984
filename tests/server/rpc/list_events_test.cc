// SPDX-License-Identifier: Apache-2.0
// `ListEvents` over gRPC.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Pool = v1::PoolService::Stub;

class ListEventsTest : public testing::Test {
 protected:
  ListEventsTest() {
    MakeCollection("c", v1::ID_TYPE_STRING);
    v1::BatchWriteEventsRequest events;
    events.set_collection("collections/c");
    SetNames({"ann", "bob", "ann"}, events.mutable_user_ids());
    SetColumn({1, 2, 3}, events.mutable_item_ids());
    SetColumn(std::vector<int64_t>{1'000'000, 3'000'000, 2'000'000},
              events.mutable_event_time_micros());
    WriteBytes(std::vector<uint8_t>{1, 2, 3}, v1::COLUMN_ENCODING_RAW, events.mutable_kinds());
    SetColumn(std::vector<float>{0, 0.5f, 0}, events.mutable_propensities());
    WriteEvents(events);
    request_.set_collection("collections/c");
    request_.set_encoding(v1::COLUMN_ENCODING_TYPED);
  }

  void MakeCollection(const std::string& id, v1::IdType user_id_type) {
    v1::CreateCollectionRequest create;
    create.set_collection_id(id);
    create.mutable_collection()->set_user_id_type(user_id_type);
    create.mutable_collection()->set_missing_item_rule(v1::MISSING_ITEM_RULE_CREATE);
    v1::Collection created;
    ASSERT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &created)
                    .ok());
  }

  void WriteEvents(const v1::BatchWriteEventsRequest& events) {
    v1::WriteReceipt receipt;
    const absl::Status status = Invoke(server_.pool(), &Pool::BatchWriteEvents, events, &receipt);
    ASSERT_TRUE(status.ok()) << status;
  }

  absl::Status List() {
    response_.Clear();
    return Invoke(server_.pool(), &Pool::ListEvents, request_, &response_);
  }

  RpcServer server_;
  v1::ListEventsRequest request_;
  v1::ListEventsResponse response_;
};

TEST_F(ListEventsTest, ColumnsAreAsTheyWereWritten) {
  ASSERT_TRUE(List().ok());
  EXPECT_THAT(response_.user_ids().names().values(), ElementsAre("ann", "ann", "bob"));
  EXPECT_THAT(response_.item_ids().typed().values(), ElementsAre(1, 3, 2));
  EXPECT_THAT(response_.event_time_micros().typed().values(),
              ElementsAre(1'000'000, 2'000'000, 3'000'000));
  EXPECT_THAT(response_.kinds().typed().values(), ElementsAre(1, 3, 2));
  EXPECT_THAT(response_.propensities().typed().values(), ElementsAre(0, 0, 0.5f));
  EXPECT_FALSE(response_.has_weights()) << "each has the default";
  EXPECT_FALSE(response_.has_cohorts());
  EXPECT_EQ(response_.next_page_token(), "");
  EXPECT_GT(response_.snapshot().commit_sequence(), 0);
  request_.set_encoding(v1::COLUMN_ENCODING_RAW);
  ASSERT_TRUE(List().ok());
  EXPECT_THAT(*ReadIds(response_.user_ids(), "user_ids"), ElementsAre(0, 0, 1));
}

TEST_F(ListEventsTest, PagesAndTimesBoundWhatComes) {
  request_.mutable_start_time()->set_seconds(1);
  request_.mutable_end_time()->set_seconds(3);
  request_.set_page_size(1);
  ASSERT_TRUE(List().ok());
  EXPECT_THAT(response_.item_ids().typed().values(), ElementsAre(1));
  request_.set_page_token(response_.next_page_token());
  ASSERT_TRUE(List().ok());
  EXPECT_THAT(response_.item_ids().typed().values(), ElementsAre(3));
  EXPECT_EQ(response_.next_page_token(), "");
  request_.mutable_end_time()->set_seconds(1);
  request_.clear_page_token();
  ASSERT_TRUE(List().ok());
  EXPECT_THAT(response_.item_ids().typed().values(), IsEmpty());
}

TEST_F(ListEventsTest, BadRequestsAreNamed) {
  request_.set_page_size(1);
  ASSERT_TRUE(List().ok());
  const std::string token = response_.next_page_token();
  for (const std::string& bad : {std::string("x"), token + "A", token.substr(1)}) {
    request_.set_page_token(bad);
    EXPECT_THAT(BadFields(List()), ElementsAre("page_token"));
  }
  v1::ListItemsRequest items;
  items.set_collection("collections/c");
  items.set_page_size(1);
  v1::ListItemsResponse item_page;
  ASSERT_TRUE(Invoke(server_.pool(), &Pool::ListItems, items, &item_page).ok());
  request_.set_page_token(item_page.next_page_token());
  request_.set_page_size(100001);
  request_.mutable_start_time()->set_seconds(5);
  request_.mutable_end_time()->set_seconds(4);
  EXPECT_THAT(BadFields(List()), ElementsAre("page_size", "page_token", "end_time"));
  request_.mutable_start_time()->set_nanos(-1);
  EXPECT_THAT(BadFields(List()), testing::Contains("start_time"));
  // Of another collection, whose users and items the event may not have.
  MakeCollection("d", v1::ID_TYPE_INT64);
  v1::ListEventsRequest other;
  other.set_collection("collections/d");
  other.set_page_token(token);
  v1::ListEventsResponse page;
  EXPECT_THAT(BadFields(Invoke(server_.pool(), &Pool::ListEvents, other, &page)),
              ElementsAre("page_token"));
  other.clear_page_token();
  other.set_collection("collections/none");
  EXPECT_EQ(Invoke(server_.pool(), &Pool::ListEvents, other, &page).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ListEventsTest, TheLargestRawPageFitsTheDefaultLimit) {
  MakeCollection("big", v1::ID_TYPE_INT64);
  constexpr int kEvents = 100000;
  v1::BatchWriteEventsRequest events;
  events.set_collection("collections/big");
  SetColumn(std::vector<int64_t>(kEvents, 1), events.mutable_user_ids());
  SetColumn(std::vector<int64_t>(kEvents, -1), events.mutable_item_ids());
  SetColumn(std::vector<int64_t>(kEvents, 5), events.mutable_event_time_micros());
  SetColumn(std::vector<float>(kEvents, 2), events.mutable_weights());
  std::vector<uint8_t> kinds(kEvents, 1);
  std::vector<float> propensities(kEvents, 0);
  kinds[0] = 2;
  propensities[0] = 0.5f;
  WriteBytes(kinds, v1::COLUMN_ENCODING_RAW, events.mutable_kinds());
  SetColumn(propensities, events.mutable_propensities());
  std::vector<uint8_t> cohorts(kEvents, 1);
  cohorts[0] = 0;
  WriteBytes(cohorts, v1::COLUMN_ENCODING_RAW, events.mutable_cohorts());
  WriteEvents(events);
  request_.set_collection("collections/big");
  request_.set_encoding(v1::COLUMN_ENCODING_UNSPECIFIED);
  request_.set_page_size(kEvents);
  const absl::Status status = List();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(ColumnSize(response_.user_ids()), kEvents);
  EXPECT_EQ(ColumnSize(response_.cohorts()), kEvents);
  EXPECT_EQ(response_.next_page_token(), "");
}

}  // namespace
}  // namespace negatron
