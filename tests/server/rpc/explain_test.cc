// SPDX-License-Identifier: Apache-2.0
// `ExplainNegatives` through the service: forms and bad input.
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "negatron/v1/accounts.grpc.pb.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr char kName[] = "collections/films";

class ExplainTest : public testing::Test {
 protected:
  // Items `a`, `b`, `c`; user `u` chose `a` at 100 s and will choose `b` at 300 s.
  ExplainTest() {
    v1::CreateCollectionRequest create;
    create.set_collection_id("films");
    create.mutable_collection()->set_item_id_type(v1::ID_TYPE_STRING);
    create.mutable_collection()->set_user_id_type(v1::ID_TYPE_STRING);
    v1::Collection collection;
    EXPECT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection)
                    .ok());
    v1::BatchWriteItemsRequest items;
    items.set_collection(kName);
    SetNames({"a", "b", "c"}, items.mutable_item_ids());
    v1::WriteReceipt receipt;
    EXPECT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, items, &receipt).ok());
    v1::BatchWriteEventsRequest events;
    events.set_collection(kName);
    SetNames({"u", "u"}, events.mutable_user_ids());
    SetNames({"a", "b"}, events.mutable_item_ids());
    SetColumn({100000000, 300000000}, events.mutable_event_time_micros());
    EXPECT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteEvents, events, &receipt).ok());
    v1::SampleNegativesRequest& sample = *request_.mutable_sample();
    sample.set_collection(kName);
    SetNames({"u"}, sample.mutable_user_ids());
    sample.mutable_as_of_time()->set_seconds(200);
    sample.mutable_policy()->add_components()->set_share(1);
    sample.mutable_policy()->mutable_components(0)->mutable_uniform();
    SetNames({"a", "b", "c", "d"}, request_.mutable_item_ids());
  }

  absl::Status Call() {
    response_.Clear();
    const auto stub = v1::AccountService::NewStub(server_.channel());
    return Invoke(*stub, &v1::AccountService::Stub::ExplainNegatives, request_, &response_);
  }

  RpcServer server_;
  v1::ExplainNegativesRequest request_;
  v1::ExplainNegativesResponse response_;
};

TEST_F(ExplainTest, TellsClassesAndProbabilitiesInBothEncodings) {
  request_.mutable_sample()->mutable_policy()->mutable_history_horizon()->set_seconds(200);
  for (const v1::ColumnEncoding encoding : {v1::COLUMN_ENCODING_RAW, v1::COLUMN_ENCODING_TYPED}) {
    request_.mutable_sample()->set_encoding(encoding);
    ASSERT_TRUE(Call().ok());
    EXPECT_EQ(response_.masses().has_raw(), encoding == v1::COLUMN_ENCODING_RAW);
    EXPECT_THAT(*ReadBytes(response_.classes(), ""),
                ElementsAre(v1::ITEM_CLASS_POSITIVE, v1::ITEM_CLASS_UNCERTAIN,
                            v1::ITEM_CLASS_NEGATIVE, v1::ITEM_CLASS_UNKNOWN));
    EXPECT_THAT(*ReadBytes(response_.grounds(), ""),
                ElementsAre(v1::ITEM_GROUND_HISTORY, v1::ITEM_GROUND_IN_HORIZON, 0, 0));
    EXPECT_THAT(*ReadBytes(response_.obstacles(), ""),
                ElementsAre(v1::DRAW_OBSTACLE_EXCLUDED, v1::DRAW_OBSTACLE_UNCERTAIN, 0,
                            v1::DRAW_OBSTACLE_UNKNOWN_ITEM));
    EXPECT_THAT(*ReadInt64s(response_.first_positive_micros(), ""),
                ElementsAre(100000000, 300000000, INT64_MAX, INT64_MAX));
    EXPECT_THAT(*ReadInt64s(response_.popularity_ranks(), ""), ElementsAre(1, 2, 2, 0));
    const std::vector<float> log_q = *ReadFloats(response_.log_q(), "");
    EXPECT_EQ(log_q[2], 0);
    EXPECT_TRUE(std::isinf(log_q[0]) && std::isnan(log_q[3]));
    EXPECT_EQ(response_.living_item_count(), 3);
    EXPECT_EQ(response_.row_status(), v1::ROW_STATUS_OK);
    EXPECT_EQ(response_.components(0).source(), "uniform");
    EXPECT_EQ(response_.as_of_time().seconds(), 200);
    EXPECT_NE(response_.snapshot().commit_sequence(), 0);
    EXPECT_FALSE(response_.kernel_id().empty());
  }
}

TEST_F(ExplainTest, NamesEveryBadField) {
  request_.clear_item_ids();
  request_.mutable_sample()->mutable_policy()->mutable_components(0)->set_share(-1);
  EXPECT_THAT(BadFields(Call()),
              UnorderedElementsAre("item_ids", "sample.policy.components[0].share"));
}

TEST_F(ExplainTest, NamesTheRowOfABadName) {
  SetNames({"a", ""}, request_.mutable_item_ids());
  EXPECT_THAT(BadFields(Call()), ElementsAre("item_ids[1]"));
  SetNames({"a"}, request_.mutable_item_ids());
  SetNames({std::string(129, 'x')}, request_.mutable_sample()->mutable_user_ids());
  EXPECT_THAT(BadFields(Call()), ElementsAre("sample.user_ids[0]"));
}

TEST_F(ExplainTest, WantsOneRowAndAThousandItemsAtMost) {
  SetNames({"u", "v"}, request_.mutable_sample()->mutable_user_ids());
  EXPECT_THAT(BadFields(Call()), ElementsAre("sample.row_count"));
  SetNames({"u"}, request_.mutable_sample()->mutable_user_ids());
  SetColumn(std::vector<int64_t>(1001, 0), request_.mutable_item_ids());
  EXPECT_THAT(BadFields(Call()), ElementsAre("item_ids"));
}

TEST_F(ExplainTest, FailsForWhatDoesNotExist) {
  request_.mutable_sample()->set_collection("collections/none");
  EXPECT_EQ(Reason(Call()), "COLLECTION_NOT_FOUND");
  request_.mutable_sample()->set_collection(kName);
  request_.mutable_sample()->clear_policy();
  request_.mutable_sample()->set_policy_name("collections/films/policies/none");
  EXPECT_EQ(Reason(Call()), "POLICY_NOT_FOUND");
}

}  // namespace
}  // namespace negatron
