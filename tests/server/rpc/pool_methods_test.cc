// SPDX-License-Identifier: Apache-2.0
// Properties of items, kinds of events, retraction, erasure, users, settings, policies over gRPC.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using Pool = v1::PoolService::Stub;

class PoolMethodsTest : public testing::Test {
 protected:
  PoolMethodsTest() {
    v1::CreateCollectionRequest request;
    request.set_collection_id("c");
    v1::Collection& collection = *request.mutable_collection();
    collection.set_user_id_type(v1::ID_TYPE_STRING);
    collection.mutable_half_life()->set_seconds(86400);
    collection.add_half_lives();  // No decay.
    collection.add_half_lives()->set_seconds(3600);
    collection.add_windows()->set_seconds(604800);
    collection.set_cohort_popularity(true);
    collection.mutable_event_retention()->set_seconds(36500LL * 86400);
    EXPECT_TRUE(Create(request, &created_).ok());
  }

  absl::Status Create(const v1::CreateCollectionRequest& request, v1::Collection* response) {
    return Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection, request,
                  response);
  }
  absl::Status WriteItems(const v1::BatchWriteItemsRequest& request) {
    v1::WriteReceipt receipt;
    return Invoke(server_.pool(), &Pool::BatchWriteItems, request, &receipt);
  }
  absl::Status WriteEvents(const v1::BatchWriteEventsRequest& request) {
    v1::WriteReceipt receipt;
    return Invoke(server_.pool(), &Pool::BatchWriteEvents, request, &receipt);
  }
  v1::BatchWriteItemsRequest Items(std::vector<int64_t> ids) {
    v1::BatchWriteItemsRequest request;
    request.set_collection("collections/c");
    SetColumn(ids, request.mutable_item_ids());
    return request;
  }
  v1::BatchWriteEventsRequest Events(std::vector<std::string> users, std::vector<int64_t> items,
                                     std::vector<int64_t> times) {
    v1::BatchWriteEventsRequest request;
    request.set_collection("collections/c");
    SetNames(users, request.mutable_user_ids());
    SetColumn(items, request.mutable_item_ids());
    SetColumn(times, request.mutable_event_time_micros());
    return request;
  }
  static std::vector<int64_t> Typed(const v1::ByteColumn& column) {
    return {column.typed().values().begin(), column.typed().values().end()};
  }

  RpcServer server_;
  v1::Collection created_;
};

TEST_F(PoolMethodsTest, SettingsComeBack) {
  ASSERT_EQ(created_.half_lives_size(), 2);
  EXPECT_EQ(created_.half_lives(0).seconds(), 0);
  EXPECT_EQ(created_.half_lives(1).seconds(), 3600);
  EXPECT_EQ(created_.windows(0).seconds(), 604800);
  EXPECT_TRUE(created_.cohort_popularity());
  EXPECT_FALSE(created_.category_popularity());
  EXPECT_EQ(created_.popularity_grid().seconds(), 86400 / 16);
  EXPECT_EQ(created_.mined_per_user(), 256);
  EXPECT_EQ(created_.event_retention().seconds(), 36500LL * 86400);
  v1::UpdateCollectionRequest update;
  update.mutable_collection()->set_name("collections/c");
  update.mutable_update_mask()->add_paths("event_retention");
  v1::Collection updated;
  ASSERT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::UpdateCollection, update,
                     &updated)
                  .ok());
  EXPECT_FALSE(updated.has_event_retention());
  EXPECT_NE(updated.etag(), created_.etag());
  update.mutable_update_mask()->set_paths(0, "windows");
  EXPECT_THAT(BadFields(Invoke(server_.collections(),
                               &v1::CollectionService::Stub::UpdateCollection, update, &updated)),
              ElementsAre("update_mask.paths[0]"));
}

TEST_F(PoolMethodsTest, BadSettingsAreNamed) {
  v1::CreateCollectionRequest request;
  request.set_collection_id("d");
  v1::Collection& collection = *request.mutable_collection();
  collection.add_half_lives()->set_seconds(1);
  for (int i = 0; i < 2; ++i) collection.add_windows()->set_seconds(3600);
  collection.add_windows();
  collection.mutable_popularity_grid()->set_seconds(59);
  collection.set_mined_per_user(4097);
  collection.mutable_event_retention()->set_seconds(3599);
  EXPECT_THAT(BadFields(Create(request, &created_)),
              ElementsAre("collection.half_lives[0]", "collection.windows[1]",
                          "collection.windows[2]", "collection.popularity_grid",
                          "collection.mined_per_user", "collection.event_retention"));
}

TEST_F(PoolMethodsTest, PropertiesOfItemsComeBack) {
  v1::BatchWriteItemsRequest request = Items({1, 2});
  SetColumn(std::vector<float>{2, 1}, request.mutable_base_weights());
  SetNames({"b", "a", "c"}, request.mutable_categories()->mutable_ids());
  SetColumn(std::vector<int64_t>{0, 2, 3}, request.mutable_categories()->mutable_row_splits());
  request.add_attributes("x");
  request.add_attributes("");
  ASSERT_TRUE(WriteItems(request).ok());
  v1::BatchWriteItemsRequest masked = Items({2, 3});
  masked.mutable_update_mask()->add_paths("attributes");
  masked.add_attributes("y");
  masked.add_attributes("z");
  ASSERT_TRUE(WriteItems(masked).ok());

  v1::BatchGetItemsRequest get;
  get.set_collection("collections/c");
  get.set_encoding(v1::COLUMN_ENCODING_TYPED);
  SetColumn({1, 2, 3}, get.mutable_item_ids());
  v1::BatchGetItemsResponse response;
  ASSERT_TRUE(Invoke(server_.pool(), &Pool::BatchGetItems, get, &response).ok());
  const v1::ItemTable& items = response.items();
  EXPECT_THAT(items.base_weights().typed().values(), ElementsAre(2, 1, 1));
  EXPECT_THAT(items.categories().ids().names().values(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(items.categories().row_splits().typed().values(), ElementsAre(0, 2, 3, 3));
  EXPECT_THAT(items.attributes(), ElementsAre("x", "y", "z"));
  // Defaults leave their columns out.
  SetColumn(std::vector<int64_t>{3}, get.mutable_item_ids());
  ASSERT_TRUE(Invoke(server_.pool(), &Pool::BatchGetItems, get, &response).ok());
  EXPECT_FALSE(response.items().has_base_weights());
  EXPECT_FALSE(response.items().has_categories());
}

TEST_F(PoolMethodsTest, BadPropertiesAreNamed) {
  v1::BatchWriteItemsRequest request = Items({1, 2});
  SetColumn(std::vector<float>{2, 17}, request.mutable_base_weights());
  request.add_attributes("x");
  EXPECT_THAT(BadFields(WriteItems(request)), ElementsAre("base_weights[1]", "attributes"));
  request = Items({1, 2});
  SetColumn({1, 2}, request.mutable_categories()->mutable_ids());
  EXPECT_THAT(BadFields(WriteItems(request)), ElementsAre("categories.ids"));
  request = Items({1, 2});
  SetNames({"a", "a"}, request.mutable_categories()->mutable_ids());
  SetColumn(std::vector<int64_t>{0, 2, 2}, request.mutable_categories()->mutable_row_splits());
  EXPECT_THAT(BadFields(WriteItems(request)), ElementsAre("categories.row_splits[1]"));
  request = Items({1, 2});
  request.mutable_update_mask()->add_paths("item_ids");
  EXPECT_THAT(BadFields(WriteItems(request)), ElementsAre("update_mask.paths[0]"));
  request.mutable_update_mask()->set_paths(0, "categories");
  SetColumn(std::vector<float>{2, 1}, request.mutable_base_weights());
  EXPECT_THAT(BadFields(WriteItems(request)), ElementsAre("base_weights"));
}

TEST_F(PoolMethodsTest, EventsAreRetractedByKindAndUsersErased) {
  ASSERT_TRUE(WriteItems(Items({1, 2})).ok());
  v1::BatchWriteEventsRequest events = Events({"ann", "ann", "bob"}, {1, 1, 2}, {10, 10, 10});
  WriteBytes(std::vector<uint8_t>{1, 2, 3}, v1::COLUMN_ENCODING_RAW, events.mutable_kinds());
  SetColumn(std::vector<float>{0, 0.5f, 0}, events.mutable_propensities());
  WriteBytes(std::vector<uint8_t>{9, 0, 0}, v1::COLUMN_ENCODING_RAW, events.mutable_cohorts());
  ASSERT_TRUE(WriteEvents(events).ok());
  WriteBytes(std::vector<uint8_t>{1, 0, 4}, v1::COLUMN_ENCODING_RAW, events.mutable_kinds());
  EXPECT_THAT(BadFields(WriteEvents(events)), ElementsAre("kinds[1]", "kinds[2]"));

  v1::RetractEventsRequest retract;
  retract.set_collection("collections/c");
  retract.set_encoding(v1::COLUMN_ENCODING_TYPED);
  SetNames({"ann", "bob"}, retract.mutable_user_ids());
  SetColumn({1, 1}, retract.mutable_item_ids());
  SetColumn(std::vector<int64_t>{10, 10}, retract.mutable_event_time_micros());
  v1::RetractEventsResponse retracted;
  ASSERT_TRUE(Invoke(server_.pool(), &Pool::RetractEvents, retract, &retracted).ok());
  EXPECT_THAT(Typed(retracted.found()), ElementsAre(1, 0));
  EXPECT_EQ(retracted.receipt().written_count(), 2);
  SetColumn(std::vector<int64_t>{10}, retract.mutable_event_time_micros());
  EXPECT_THAT(BadFields(Invoke(server_.pool(), &Pool::RetractEvents, retract, &retracted)),
              ElementsAre("event_time_micros"));

  v1::ListUsersRequest list;
  list.set_collection("collections/c");
  list.set_encoding(v1::COLUMN_ENCODING_TYPED);
  list.set_page_size(1);
  v1::ListUsersResponse users;
  ASSERT_TRUE(Invoke(server_.pool(), &Pool::ListUsers, list, &users).ok());
  EXPECT_THAT(users.ids().names().values(), ElementsAre("ann"));
  EXPECT_THAT(users.numbers().typed().values(), ElementsAre(0));
  list.set_page_token(users.next_page_token());
  ASSERT_TRUE(Invoke(server_.pool(), &Pool::ListUsers, list, &users).ok());
  EXPECT_THAT(users.ids().names().values(), ElementsAre("bob"));
  EXPECT_EQ(users.next_page_token(), "");
  v1::ListItemsRequest items;
  items.set_collection("collections/c");
  items.set_page_token(list.page_token());
  v1::ListItemsResponse item_page;
  EXPECT_THAT(BadFields(Invoke(server_.pool(), &Pool::ListItems, items, &item_page)),
              ElementsAre("page_token"));

  v1::EraseUsersRequest erase;
  erase.set_collection("collections/c");
  erase.set_encoding(v1::COLUMN_ENCODING_TYPED);
  erase.set_request_id("erase-1");
  SetNames({"bob", "nobody"}, erase.mutable_user_ids());
  v1::EraseUsersResponse erased;
  ASSERT_TRUE(Invoke(server_.pool(), &Pool::EraseUsers, erase, &erased).ok());
  EXPECT_THAT(Typed(erased.found()), ElementsAre(1, 0));
  ASSERT_TRUE(Invoke(server_.pool(), &Pool::EraseUsers, erase, &erased).ok());
  EXPECT_TRUE(erased.receipt().replayed());
  EXPECT_FALSE(erased.has_found());
  list.clear_page_token();
  list.set_page_size(0);
  ASSERT_TRUE(Invoke(server_.pool(), &Pool::ListUsers, list, &users).ok());
  EXPECT_THAT(users.ids().names().values(), ElementsAre("ann"));
  SetNames({"ann", "ann"}, erase.mutable_user_ids());
  erase.clear_request_id();
  EXPECT_THAT(BadFields(Invoke(server_.pool(), &Pool::EraseUsers, erase, &erased)),
              ElementsAre("user_ids[1]"));
}

TEST_F(PoolMethodsTest, PoliciesAreCheckedAgainstTheSettings) {
  v1::SampleNegativesRequest request;
  request.set_collection("collections/c");
  request.set_negative_count(1);
  request.set_row_count(2);
  v1::PolicyComponent& component = *request.mutable_policy()->add_components();
  component.set_share(1);
  v1::PopularitySource& popularity = *component.mutable_popularity();
  const auto bad = [&] {
    v1::SampleNegativesResponse response;
    return BadFields(Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives,
                            request, &response));
  };
  popularity.set_alpha(4.5);
  popularity.mutable_window();
  EXPECT_THAT(bad(), ElementsAre("policy.components[0].popularity.window",
                                 "policy.components[0].popularity.alpha"));
  popularity.set_alpha(0.75);
  popularity.mutable_window()->set_seconds(3600);
  popularity.mutable_half_life()->set_seconds(7200);
  EXPECT_THAT(bad(), testing::IsEmpty()) << "not listed: slower, but served";
  component.clear_source();
  component.mutable_exposure()->set_max_importance_weight(0.5);
  component.set_category(std::string(129, 'x'));
  request.mutable_policy()->set_category_cap(-1);
  request.mutable_policy()->set_positive_floor(1);
  EXPECT_THAT(bad(), ElementsAre("policy.components[0].category",
                                 "policy.components[0].exposure.max_importance_weight",
                                 "policy.category_cap", "policy.positive_floor"));
  request.clear_policy();
  request.mutable_policy()->add_components()->set_share(1);
  request.mutable_policy()->mutable_components(0)->mutable_uniform();
  WriteBytes(std::vector<uint8_t>{1}, v1::COLUMN_ENCODING_RAW, request.mutable_cohorts());
  EXPECT_THAT(bad(), ElementsAre("cohorts"));
}

TEST_F(PoolMethodsTest, SharedBlocksAreChecked) {
  v1::SampleSharedNegativesRequest request;
  request.set_collection("collections/c");
  request.set_negative_count(1024);
  request.set_row_count(131072);
  request.mutable_policy()->add_components()->set_share(1);
  request.mutable_policy()->mutable_components(0)->mutable_uniform();
  const auto bad = [&] {
    v1::SampleSharedNegativesResponse response;
    return BadFields(Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleSharedNegatives,
                            request, &response));
  };
  EXPECT_THAT(bad(), ElementsAre("negative_count"));
  request.set_row_count(2);
  request.mutable_policy()->set_unique(true);
  request.mutable_policy()->mutable_components(0)->mutable_mined();
  EXPECT_THAT(bad(), ElementsAre("policy.unique", "policy.components[0].source"));
}

}  // namespace
}  // namespace negatron
