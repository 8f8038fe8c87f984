// SPDX-License-Identifier: Apache-2.0
// The services in process, with a real engine: what good calls do.
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ServiceTest : public testing::Test {
 protected:
  v1::Collection Create(const v1::CreateCollectionRequest& request) {
    v1::Collection collection;
    const absl::Status status =
        Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection, request,
               &collection);
    EXPECT_TRUE(status.ok()) << status;
    return collection;
  }
  v1::Collection Create(const std::string& id) {
    v1::CreateCollectionRequest request;
    request.set_collection_id(id);
    return Create(request);
  }
  absl::StatusOr<v1::Collection> Update(const v1::UpdateCollectionRequest& request) {
    v1::Collection collection;
    const absl::Status status =
        Invoke(server_.collections(), &v1::CollectionService::Stub::UpdateCollection, request,
               &collection);
    if (!status.ok()) return status;
    return collection;
  }
  v1::WriteReceipt WriteItems(const v1::BatchWriteItemsRequest& request) {
    v1::WriteReceipt receipt;
    const absl::Status status =
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, request, &receipt);
    EXPECT_TRUE(status.ok()) << status;
    return receipt;
  }
  void WriteItems(const std::string& collection, const std::vector<int64_t>& ids) {
    v1::BatchWriteItemsRequest request;
    request.set_collection(collection);
    SetColumn(ids, request.mutable_item_ids());
    WriteItems(request);
  }
  v1::WriteReceipt WriteEvents(const v1::BatchWriteEventsRequest& request) {
    v1::WriteReceipt receipt;
    const absl::Status status =
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteEvents, request, &receipt);
    EXPECT_TRUE(status.ok()) << status;
    return receipt;
  }
  v1::SampleNegativesResponse Sample(const v1::SampleNegativesRequest& request) {
    v1::SampleNegativesResponse response;
    const absl::Status status =
        Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives, request, &response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  static v1::SampleNegativesRequest UniformRows(const std::string& collection, int rows,
                                                int count) {
    v1::SampleNegativesRequest request;
    request.set_collection(collection);
    request.set_row_count(rows);
    request.set_negative_count(count);
    auto* component = request.mutable_policy()->add_components();
    component->set_share(1);
    component->mutable_uniform();
    return request;
  }
  static std::vector<int64_t> Ids(const v1::IdColumn& column) { return *ReadIds(column, "ids"); }
  static std::vector<uint8_t> Bytes(const v1::ByteColumn& column) {
    return *ReadBytes(column, "bytes");
  }
  static std::vector<int64_t> Numbers(const v1::Int64Column& column) {
    return *ReadInt64s(column, "numbers");
  }
  static std::vector<float> Floats(const v1::FloatColumn& column) {
    return *ReadFloats(column, "floats");
  }

  RpcServer server_;
};

TEST_F(ServiceTest, CreatedCollectionComesBackAsItWasAskedFor) {
  v1::CreateCollectionRequest request;
  request.set_collection_id("films");
  auto* wanted = request.mutable_collection();
  wanted->set_display_name("Films");
  (*wanted->mutable_labels())["team"] = "search";
  wanted->set_item_id_type(v1::ID_TYPE_STRING);
  wanted->mutable_half_life()->set_seconds(3600);
  wanted->set_missing_item_rule(v1::MISSING_ITEM_RULE_CREATE);
  wanted->mutable_embedding_settings()->set_dimension(8);
  wanted->mutable_embedding_settings()->set_metric(v1::EMBEDDING_METRIC_L2);
  Create(request);
  v1::GetCollectionRequest get;
  get.set_name("collections/films");
  v1::Collection got;
  ASSERT_TRUE(
      Invoke(server_.collections(), &v1::CollectionService::Stub::GetCollection, get, &got).ok());
  EXPECT_EQ(got.name(), "collections/films");
  EXPECT_EQ(got.display_name(), "Films");
  EXPECT_EQ(got.labels().at("team"), "search");
  EXPECT_EQ(got.item_id_type(), v1::ID_TYPE_STRING);
  EXPECT_EQ(got.user_id_type(), v1::ID_TYPE_INT64);
  EXPECT_EQ(got.half_life().seconds(), 3600);
  EXPECT_EQ(got.missing_item_rule(), v1::MISSING_ITEM_RULE_CREATE);
  EXPECT_EQ(got.embedding_settings().dimension(), 8);
  EXPECT_EQ(got.embedding_settings().metric(), v1::EMBEDDING_METRIC_L2);
  EXPECT_GT(got.create_time().seconds(), 0);
  EXPECT_FALSE(got.etag().empty());
}

TEST_F(ServiceTest, BadSettingsAreAllNamed) {
  v1::CreateCollectionRequest request;
  request.set_collection_id("Films");
  request.mutable_collection()->mutable_half_life();
  request.mutable_collection()->mutable_embedding_settings();
  request.mutable_collection()->set_item_id_type(static_cast<v1::IdType>(7));
  v1::Collection collection;
  const absl::Status status = Invoke(
      server_.collections(), &v1::CollectionService::Stub::CreateCollection, request, &collection);
  EXPECT_THAT(BadFields(status),
              testing::IsSupersetOf({"collection_id", "collection.item_id_type",
                                     "collection.embedding_settings.metric",
                                     "collection.embedding_settings.dimension"}));
  request.set_collection_id("films");
  request.mutable_collection()->Clear();
  request.mutable_collection()->mutable_half_life();
  EXPECT_THAT(
      BadFields(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       request, &collection)),
      ElementsAre("collection.half_life"));
}

TEST_F(ServiceTest, UpdateChangesWhatTheMaskNames) {
  const v1::Collection created = Create("films");
  v1::UpdateCollectionRequest request;
  request.mutable_collection()->set_name(created.name());
  request.mutable_collection()->set_display_name("Films");
  (*request.mutable_collection()->mutable_labels())["team"] = "search";
  request.mutable_update_mask()->add_paths("display_name");
  absl::StatusOr<v1::Collection> updated = Update(request);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->display_name(), "Films");
  EXPECT_THAT(updated->labels(), IsEmpty());
  EXPECT_NE(updated->etag(), created.etag());

  // Without a mask: what is set.
  request.clear_update_mask();
  request.mutable_collection()->clear_display_name();
  updated = Update(request);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->display_name(), "Films");
  EXPECT_EQ(updated->labels().at("team"), "search");

  // A mask clears what it names and the collection leaves out.
  request.mutable_update_mask()->add_paths("display_name");
  updated = Update(request);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->display_name(), "");

  request.mutable_collection()->set_etag(created.etag());
  EXPECT_EQ(Update(request).status().code(), absl::StatusCode::kAborted);
}

TEST_F(ServiceTest, MaskOfUnknownOrImmutableFieldsIsRefused) {
  Create("films");
  v1::UpdateCollectionRequest request;
  request.mutable_collection()->set_name("collections/films");
  for (const char* path : {"half_life", "name", "labels.team", "*", "nonsense"}) {
    request.mutable_update_mask()->clear_paths();
    request.mutable_update_mask()->add_paths("display_name");
    request.mutable_update_mask()->add_paths(path);
    EXPECT_THAT(BadFields(Update(request).status()), ElementsAre("update_mask.paths[1]")) << path;
  }
  request.mutable_update_mask()->clear_paths();
  request.mutable_update_mask()->add_paths("embedding_settings");
  EXPECT_THAT(BadFields(Update(request).status()), ElementsAre("collection.embedding_settings"));
}

TEST_F(ServiceTest, CollectionsAreListedByPages) {
  for (const char* id : {"c", "a", "e", "b", "d"}) Create(id);
  v1::ListCollectionsRequest request;
  request.set_page_size(2);
  std::string names;
  int pages = 0;
  do {
    v1::ListCollectionsResponse response;
    ASSERT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::ListCollections,
                       request, &response)
                    .ok());
    for (const v1::Collection& collection : response.collections()) names += collection.name();
    request.set_page_token(response.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(names, "collections/acollections/bcollections/ccollections/dcollections/e");
  EXPECT_EQ(pages, 3);
  v1::ListCollectionsResponse response;
  const auto list = [&] {
    return Invoke(server_.collections(), &v1::CollectionService::Stub::ListCollections, request,
                  &response);
  };
  request.set_page_token("nonsense");
  EXPECT_THAT(BadFields(list()), ElementsAre("page_token"));
  request.clear_page_token();
  request.set_page_size(1001);
  EXPECT_THAT(BadFields(list()), ElementsAre("page_size"));
}

TEST_F(ServiceTest, DeletedCollectionIsGone) {
  Create("films");
  v1::DeleteCollectionRequest request;
  request.set_name("collections/films");
  request.set_etag("stale");
  google::protobuf::Empty empty;
  const auto remove = [&] {
    return Invoke(server_.collections(), &v1::CollectionService::Stub::DeleteCollection, request,
                  &empty);
  };
  EXPECT_EQ(remove().code(), absl::StatusCode::kAborted);
  request.clear_etag();
  EXPECT_TRUE(remove().ok());
  EXPECT_EQ(remove().code(), absl::StatusCode::kNotFound);
  request.set_allow_missing(true);
  EXPECT_TRUE(remove().ok());
}

TEST_F(ServiceTest, ItemsKeepTheirIntervalsAndAreListedInOrder) {
  Create("films");
  v1::BatchWriteItemsRequest write;
  write.set_collection("collections/films");
  SetColumn(std::vector<int64_t>{30, 10, 20}, write.mutable_item_ids());
  SetColumn(std::vector<int64_t>{0, 100, 7}, write.mutable_alive_from_micros());
  SetColumn(std::vector<int64_t>{50, 200, 8}, write.mutable_alive_until_micros());
  SetColumn(std::vector<int64_t>{0, 2, 2, 3}, write.mutable_interval_splits());
  const v1::WriteReceipt receipt = WriteItems(write);
  EXPECT_EQ(receipt.written_count(), 3);
  EXPECT_EQ(receipt.created_item_count(), 3);
  EXPECT_EQ(receipt.acknowledgement_level(), v1::ACKNOWLEDGEMENT_LEVEL_DURABLE);

  v1::BatchGetItemsRequest get;
  get.set_collection("collections/films");
  SetColumn(std::vector<int64_t>{20, 99, 30}, get.mutable_item_ids());
  v1::BatchGetItemsResponse got;
  ASSERT_TRUE(Invoke(server_.pool(), &v1::PoolService::Stub::BatchGetItems, get, &got).ok());
  EXPECT_THAT(Ids(got.items().ids()), ElementsAre(20, 30));
  EXPECT_THAT(Bytes(got.found()), ElementsAre(1, 0, 1));
  EXPECT_THAT(Numbers(got.items().interval_splits()), ElementsAre(0, 1, 3));
  EXPECT_THAT(Numbers(got.items().alive_from_micros()), ElementsAre(7, 0, 100));
  EXPECT_THAT(Numbers(got.items().alive_until_micros()), ElementsAre(8, 50, 200));

  v1::ListItemsRequest list;
  list.set_collection("collections/films");
  list.set_page_size(2);
  v1::ListItemsResponse page;
  ASSERT_TRUE(Invoke(server_.pool(), &v1::PoolService::Stub::ListItems, list, &page).ok());
  EXPECT_THAT(Ids(page.items().ids()), ElementsAre(30, 10));
  list.set_page_token(page.next_page_token());
  page.Clear();
  ASSERT_TRUE(Invoke(server_.pool(), &v1::PoolService::Stub::ListItems, list, &page).ok());
  EXPECT_THAT(Ids(page.items().ids()), ElementsAre(20));
  EXPECT_EQ(page.next_page_token(), "");

  Create("other");
  list.set_collection("collections/other");
  EXPECT_THAT(BadFields(Invoke(server_.pool(), &v1::PoolService::Stub::ListItems, list, &page)),
              ElementsAre("page_token"));
}

TEST_F(ServiceTest, RowsHaveTheirOutcomes) {
  Create("films");
  v1::SampleNegativesRequest request = UniformRows("collections/films", 2, 3);
  // An empty catalogue.
  v1::SampleNegativesResponse response = Sample(request);
  EXPECT_THAT(Bytes(response.row_statuses()), Each(v1::ROW_STATUS_NO_LIVING_ITEM));
  EXPECT_THAT(Ids(response.item_ids()), testing::AllOf(SizeIs(6), Each(-1)));
  EXPECT_THAT(Numbers(response.drawn_counts()), ElementsAre(0, 0));
  EXPECT_THAT(Bytes(response.component_indexes()), Each(255));
  EXPECT_THAT(Floats(response.log_q()), Each(testing::IsNan()));

  // User 1 has seen everything by t=1001, nothing before t=1000.
  WriteItems("collections/films", {10, 11});
  v1::BatchWriteEventsRequest events;
  events.set_collection("collections/films");
  SetColumn(std::vector<int64_t>{1, 1}, events.mutable_user_ids());
  SetColumn(std::vector<int64_t>{10, 11}, events.mutable_item_ids());
  SetColumn(std::vector<int64_t>{1000, 1000}, events.mutable_event_time_micros());
  WriteEvents(events);
  request.clear_row_count();
  SetColumn(std::vector<int64_t>{1, 1, 2}, request.mutable_user_ids());
  SetColumn(std::vector<int64_t>{1001, 1000, 1001}, request.mutable_as_of_micros());
  response = Sample(request);
  EXPECT_THAT(Bytes(response.row_statuses()),
              ElementsAre(v1::ROW_STATUS_EXHAUSTED, v1::ROW_STATUS_OK, v1::ROW_STATUS_OK));
  EXPECT_THAT(Numbers(response.drawn_counts()), ElementsAre(0, 3, 3));

  // Popularity as of the first event: there is none strictly before.
  request.mutable_policy()->mutable_components(0)->mutable_popularity();
  response = Sample(request);
  EXPECT_THAT(Bytes(response.row_statuses()),
              ElementsAre(v1::ROW_STATUS_EXHAUSTED, v1::ROW_STATUS_NO_EVENT, v1::ROW_STATUS_OK));
}

TEST_F(ServiceTest, NearestWithoutAnAnchorIsAnOutcomeOfTheRow) {
  v1::CreateCollectionRequest create;
  create.set_collection_id("films");
  create.mutable_collection()->mutable_embedding_settings()->set_dimension(2);
  create.mutable_collection()->mutable_embedding_settings()->set_metric(
      v1::EMBEDDING_METRIC_INNER_PRODUCT);
  Create(create);
  WriteItems("collections/films", {10, 11, 12});
  v1::BatchWriteEmbeddingsRequest write;
  write.set_collection("collections/films");
  SetColumn(std::vector<int64_t>{10, 11}, write.mutable_item_ids());
  SetMatrix({1, 0, 0.5, 0.5}, 2, write.mutable_vectors());
  v1::WriteReceipt receipt;
  ASSERT_TRUE(Invoke(server_.embeddings(), &v1::EmbeddingService::Stub::BatchWriteEmbeddings, write,
                     &receipt)
                  .ok());
  EXPECT_EQ(receipt.acknowledgement_level(), v1::ACKNOWLEDGEMENT_LEVEL_APPLIED);

  v1::SampleNegativesRequest request = UniformRows("collections/films", 2, 1);
  auto* nearest = request.mutable_policy()->mutable_components(0)->mutable_nearest();
  nearest->set_anchor(v1::NEAREST_ANCHOR_POSITIVE);
  nearest->set_rank_end(1);
  SetColumn(std::vector<int64_t>{10, 12}, request.mutable_positive_ids());
  request.add_outputs(v1::SAMPLE_OUTPUT_SCORE);
  const v1::SampleNegativesResponse response = Sample(request);
  EXPECT_THAT(Bytes(response.row_statuses()),
              ElementsAre(v1::ROW_STATUS_OK, v1::ROW_STATUS_NO_ANCHOR));
  EXPECT_THAT(Ids(response.item_ids()), ElementsAre(11, -1));
  EXPECT_FLOAT_EQ(Floats(response.scores())[0], 0.5f);
  EXPECT_FALSE(response.has_log_q());
  EXPECT_EQ(response.law_kind(), v1::LAW_KIND_CONDITIONAL);

  v1::BatchGetEmbeddingsRequest get;
  get.set_collection("collections/films");
  SetColumn(std::vector<int64_t>{12, 11}, get.mutable_item_ids());
  v1::BatchGetEmbeddingsResponse got;
  ASSERT_TRUE(
      Invoke(server_.embeddings(), &v1::EmbeddingService::Stub::BatchGetEmbeddings, get, &got)
          .ok());
  EXPECT_THAT(Bytes(got.found()), ElementsAre(0, 1));
  EXPECT_TRUE(std::isnan(Floats(got.vectors().values())[0]));
  EXPECT_EQ(Floats(got.vectors().values())[2], 0.5f);
  SetColumn(std::vector<int64_t>(70000, 11), get.mutable_item_ids());
  EXPECT_THAT(BadFields(Invoke(server_.embeddings(),
                               &v1::EmbeddingService::Stub::BatchGetEmbeddings, get, &got)),
              ElementsAre("item_ids"));
}

TEST_F(ServiceTest, RawAndTypedResponsesAgree) {
  v1::CreateCollectionRequest create;
  create.set_collection_id("films");
  create.mutable_collection()->set_item_id_type(v1::ID_TYPE_STRING);
  Create(create);
  v1::BatchWriteItemsRequest write;
  write.set_collection("collections/films");
  SetNames({"alien", "brazil", "charade"}, write.mutable_item_ids());
  WriteItems(write);
  v1::SampleNegativesRequest request = UniformRows("collections/films", 2000, 3);
  request.set_seed(5);
  request.mutable_as_of_time()->set_seconds(10);
  for (const v1::SampleOutput output :
       {v1::SAMPLE_OUTPUT_LOG_Q, v1::SAMPLE_OUTPUT_LOG_Q_SOURCE, v1::SAMPLE_OUTPUT_COMPONENT,
        v1::SAMPLE_OUTPUT_SCORE, v1::SAMPLE_OUTPUT_EFFECTIVE_SHARES, v1::SAMPLE_OUTPUT_REJECTS}) {
    request.add_outputs(output);
  }
  const v1::SampleNegativesResponse raw = Sample(request);
  request.set_encoding(v1::COLUMN_ENCODING_TYPED);
  const v1::SampleNegativesResponse typed = Sample(request);
  const std::vector<int64_t> numbers = Ids(raw.item_ids());
  ASSERT_EQ(numbers.size(), 6000u);
  const char* const names[] = {"alien", "brazil", "charade"};
  for (int i = 0; i < 6000; ++i) {
    ASSERT_EQ(typed.item_ids().names().values(i), names[numbers[i]]) << i;
  }
  EXPECT_EQ(Floats(raw.log_q()), Floats(typed.log_q()));
  EXPECT_EQ(Floats(raw.log_q_source()), Floats(typed.log_q_source()));
  EXPECT_THAT(Floats(raw.scores()), testing::AllOf(SizeIs(6000), Each(testing::IsNan())));
  EXPECT_EQ(Floats(raw.effective_shares()), Floats(typed.effective_shares()));
  EXPECT_EQ(Bytes(raw.component_indexes()), Bytes(typed.component_indexes()));
  EXPECT_EQ(Bytes(raw.row_statuses()), Bytes(typed.row_statuses()));
  EXPECT_EQ(Numbers(raw.reject_counts()), Numbers(typed.reject_counts()));
  EXPECT_EQ(raw.components(0).drawn_count(), 6000);
  EXPECT_EQ(raw.components(0).source(), "uniform");
  EXPECT_EQ(raw.law_kind(), v1::LAW_KIND_EXACT);
  EXPECT_EQ(raw.seed(), 5);
  EXPECT_EQ(raw.as_of_time().seconds(), 10);
  EXPECT_EQ(raw.kernel_id(), typed.kernel_id());
  EXPECT_EQ(raw.snapshot().commit_sequence(), typed.snapshot().commit_sequence());
}

TEST_F(ServiceTest, SeedsThatTheServerChoosesRepeatTheCall) {
  Create("films");
  WriteItems("collections/films", {1, 2, 3, 4, 5, 6, 7, 8, 9});
  v1::SampleNegativesRequest request = UniformRows("collections/films", 4, 16);
  const v1::SampleNegativesResponse first = Sample(request);
  const v1::SampleNegativesResponse second = Sample(request);
  EXPECT_NE(first.seed(), second.seed());
  request.set_seed(first.seed());
  *request.mutable_as_of_time() = first.as_of_time();
  EXPECT_EQ(Ids(Sample(request).item_ids()), Ids(first.item_ids()));
}

TEST_F(ServiceTest, TheLargestResponseFitsDefaultLimits) {
  Create("films");
  std::vector<int64_t> ids(5000);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i) << 40;
  WriteItems("collections/films", ids);
  v1::SampleNegativesRequest request = UniformRows("collections/films", 131072, 1);
  for (const v1::SampleOutput output : {v1::SAMPLE_OUTPUT_LOG_Q, v1::SAMPLE_OUTPUT_LOG_Q_SOURCE,
                                        v1::SAMPLE_OUTPUT_COMPONENT, v1::SAMPLE_OUTPUT_SCORE}) {
    request.add_outputs(output);
  }
  const v1::SampleNegativesResponse response = Sample(request);
  EXPECT_EQ(ColumnSize(response.item_ids()), 131072);
  EXPECT_EQ(ColumnSize(response.scores()), 131072);
  EXPECT_LE(response.ByteSizeLong(), size_t{4} << 20);
}

TEST_F(ServiceTest, RepeatedWriteReturnsTheFirstReceipt) {
  v1::CreateCollectionRequest create;
  create.set_collection_id("films");
  create.mutable_collection()->set_missing_item_rule(v1::MISSING_ITEM_RULE_CREATE);
  Create(create);
  v1::BatchWriteEventsRequest events;
  events.set_collection("collections/films");
  events.set_request_id("import-1");
  SetColumn(std::vector<int64_t>{1, 2}, events.mutable_user_ids());
  SetColumn(std::vector<int64_t>{10, 11}, events.mutable_item_ids());
  SetColumn(std::vector<int64_t>{1000, 1000}, events.mutable_event_time_micros());
  const v1::WriteReceipt first = WriteEvents(events);
  EXPECT_EQ(first.created_item_count(), 2);
  EXPECT_FALSE(first.replayed());
  const std::string before = Contents(server_, "collections/films");
  const v1::WriteReceipt second = WriteEvents(events);
  EXPECT_TRUE(second.replayed());
  EXPECT_EQ(second.commit_sequence(), first.commit_sequence());
  EXPECT_EQ(Contents(server_, "collections/films"), before);
}

TEST_F(ServiceTest, StatisticsCountWhatWasServed) {
  Create("films");
  WriteItems("collections/films", {1, 2, 3});
  Sample(UniformRows("collections/films", 4, 5));
  v1::GetCollectionStatisticsRequest request;
  request.set_collection("collections/films");
  v1::CollectionStatistics statistics;
  ASSERT_TRUE(Invoke(server_.inspection(), &v1::InspectionService::Stub::GetCollectionStatistics,
                     request, &statistics)
                  .ok());
  EXPECT_EQ(statistics.collection(), "collections/films");
  EXPECT_EQ(statistics.living_item_count(), 3);
  EXPECT_FALSE(statistics.has_first_event_time());
  EXPECT_EQ(statistics.sampled_row_count(), 4);
  EXPECT_EQ(statistics.sources(0).source(), "uniform");
  EXPECT_EQ(statistics.sources(0).drawn_count(), 20);
  EXPECT_EQ(statistics.short_rows(0).row_status(), v1::ROW_STATUS_NO_LIVING_ITEM);
  EXPECT_EQ(statistics.rejects(1).reject_cause(), v1::REJECT_CAUSE_DEAD);
}

TEST_F(ServiceTest, ServerInfoTellsState) {
  Create("films");
  v1::ServerInfo info;
  ASSERT_TRUE(Invoke(server_.inspection(), &v1::InspectionService::Stub::GetServerInfo,
                     v1::GetServerInfoRequest(), &info)
                  .ok());
  EXPECT_EQ(info.version(), NEGATRON_VERSION);
  EXPECT_TRUE(info.serving());
  EXPECT_EQ(info.recovery_progress(), 1);
  EXPECT_GT(info.durable_sequence(), 0);
}

}  // namespace
}  // namespace negatron
