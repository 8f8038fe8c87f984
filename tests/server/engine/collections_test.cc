// SPDX-License-Identifier: Apache-2.0
#include <future>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

class CollectionsTest : public testing::Test {
 protected:
  CollectionsTest() { EXPECT_TRUE(harness_.Open().ok()); }

  EngineHarness harness_;
};

TEST_F(CollectionsTest, LiveThroughARestart) {
  CollectionRecord settings = Settings("films");
  settings.display_name = "Films";
  settings.labels = {{"team", "ranking"}};
  settings.embedding = EmbeddingSettings{8, Metric::kCosine, ElementType::kBfloat16};
  const auto created = harness_.Create(settings);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->create_time, harness_.clock().NowMicros());
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(*harness_.engine().GetCollection("films"), *created);
}

TEST_F(CollectionsTest, BadSettingsNameEveryField) {
  CollectionRecord settings = Settings("Films!");
  settings.half_life_micros = 5;
  settings.embedding = EmbeddingSettings{0, Metric::kCosine};
  settings.request_id = "has space";
  const absl::Status status = harness_.Create(settings).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::string> fields;
  for (const auto& violation : FieldViolationsOf(status)) fields.push_back(violation.field);
  EXPECT_THAT(fields, testing::ElementsAre("collection_id", "request_id", "collection.half_life",
                                           "collection.embedding_settings.dimension"));
  EXPECT_TRUE(harness_.engine().ListCollections("", 10).empty());
}

TEST_F(CollectionsTest, CreationIsRepeatableByRequestIdOnly) {
  CollectionRecord settings = Settings("films");
  settings.request_id = "r1";
  const auto created = harness_.Create(settings);
  ASSERT_TRUE(created.ok());
  EXPECT_EQ(*harness_.Create(settings), *created);
  settings.display_name = "Other";
  EXPECT_EQ(harness_.Create(settings).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(harness_.Create(Settings("films")).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(CollectionsTest, UpdatesCheckTheEtagAndKeepTheRest) {
  const auto created = harness_.Create(Settings("films"));
  CollectionUpdate update;
  update.display_name = "New";
  update.etag = EtagOf(*created);
  const auto updated = harness_.Update("films", update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->display_name, "New");
  EXPECT_EQ(updated->half_life_micros, created->half_life_micros);
  EXPECT_NE(EtagOf(*updated), EtagOf(*created));
  EXPECT_EQ(harness_.Update("films", update).status().code(), absl::StatusCode::kAborted);
  update.etag.clear();
  EXPECT_EQ(EtagOf(*harness_.Update("films", update)), EtagOf(*updated)) << "nothing changed";
  EXPECT_EQ(harness_.Update("none", update).status().code(), absl::StatusCode::kNotFound);
}

// Holds the commit thread in the answer to a write, so that what is queued meanwhile was checked
// against the collection that goes.
TEST_F(CollectionsTest, AWriteToACollectionThatGoesDoesNotReachTheNextOfItsName) {
  CollectionRecord settings = Settings("films");
  settings.embedding = EmbeddingSettings{2, Metric::kInnerProduct};
  ASSERT_TRUE(harness_.Create(settings).ok());
  ASSERT_TRUE(harness_.Items("films", ItemsAlways({1})).ok());
  std::promise<void> held, go;
  Engine& engine = harness_.engine();
  engine.WriteItems("films", ItemsAlways({2}), [&](const absl::StatusOr<WriteResult>&) {
    held.set_value();
    go.get_future().wait();
  });
  held.get_future().wait();
  engine.DeleteCollection("films", "", false, [](const absl::Status&) {});
  settings.embedding.reset();
  engine.CreateCollection(settings, [](const absl::StatusOr<CollectionRecord>&) {});
  engine.WriteItems("films", ItemsAlways({1}), [](const absl::StatusOr<WriteResult>&) {});
  WriteEmbeddingsRequest vectors;
  vectors.ids.values = std::vector<int64_t>{1};
  vectors.column_count = 2;
  vectors.values = {1, 2};
  std::promise<absl::Status> outcome;
  engine.WriteEmbeddings("films", vectors, [&](const absl::StatusOr<WriteResult>& result) {
    outcome.set_value(result.status());
  });
  go.set_value();
  EXPECT_EQ(outcome.get_future().get().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(engine.GetStatistics("films", 0)->item_count, 0);
}

TEST_F(CollectionsTest, EmbeddingsAreSetOnce) {
  ASSERT_TRUE(harness_.Create(Settings("films")).ok());
  CollectionUpdate update;
  update.embedding = EmbeddingSettings{4, Metric::kL2};
  EXPECT_TRUE(harness_.Update("films", update).ok());
  EXPECT_TRUE(harness_.Update("films", update).ok());
  update.embedding->dimension = 5;
  EXPECT_EQ(harness_.Update("films", update).status().code(), absl::StatusCode::kInvalidArgument);
  update.embedding = EmbeddingSettings{4, Metric::kL2, ElementType::kBfloat16};
  EXPECT_EQ(harness_.Update("films", update).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CollectionsTest, DeletedAndCreatedAgainIsAnother) {
  const auto first = harness_.Create(Settings("films"));
  ASSERT_TRUE(harness_.Items("films", ItemsAlways({1, 2})).ok());
  EXPECT_EQ(harness_.Delete("films", "0-0").code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(harness_.Delete("films", EtagOf(*first)).ok());
  EXPECT_EQ(harness_.Delete("films").code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(harness_.Delete("films", "", true).ok());
  const auto second = harness_.Create(Settings("films"));
  EXPECT_NE(first->incarnation, second->incarnation);
  EXPECT_EQ(harness_.engine().GetStatistics("films", 0)->item_count, 0);
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(harness_.engine().GetStatistics("films", 0)->item_count, 0);
}

TEST_F(CollectionsTest, ListsInOrderOfIds) {
  for (const char* id : {"c", "a", "b"}) ASSERT_TRUE(harness_.Create(Settings(id)).ok());
  const auto page = harness_.engine().ListCollections("a", 1);
  ASSERT_EQ(page.size(), 1u);
  EXPECT_EQ(page[0].id, "b");
  EXPECT_EQ(harness_.engine().ListCollections("", 10).size(), 3u);
}

}  // namespace
}  // namespace negatron
