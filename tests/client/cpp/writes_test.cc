// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/writes.h"

#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/cc/columns.h"
#include "proto/cc/status.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;

std::vector<size_t> Ends(const std::vector<RowRange>& ranges) {
  std::vector<size_t> ends;
  size_t begin = 0;
  for (const RowRange range : ranges) {
    EXPECT_EQ(range.begin, begin);
    begin = range.end;
    ends.push_back(range.end);
  }
  return ends;
}

TEST(CutRowsTest, NoRowsNoRanges) {
  EXPECT_TRUE(CutRows(0, [](size_t) { return 1; }).empty());
}

TEST(CutRowsTest, CutsAtTheRowLimit) {
  const auto one = [](size_t) { return size_t{1}; };
  EXPECT_THAT(Ends(CutRows(kMaxRowsPerCall, one)), ElementsAre(kMaxRowsPerCall));
  EXPECT_THAT(Ends(CutRows(kMaxRowsPerCall + 1, one)),
              ElementsAre(kMaxRowsPerCall, kMaxRowsPerCall + 1));
}

TEST(CutRowsTest, CutsAtTheByteLimit) {
  EXPECT_THAT(Ends(CutRows(5, [](size_t) { return kMaxBytesPerCall / 2; })), ElementsAre(2, 4, 5));
}

TEST(CutRowsTest, RowOverTheLimitIsAloneInItsCall) {
  EXPECT_THAT(Ends(CutRows(3, [](size_t row) { return row == 1 ? kMaxBytesPerCall + 1 : 1; })),
              ElementsAre(1, 2, 3));
}

TEST(WritesTest, EventRequestCarriesTheRowsOfItsRange) {
  const std::vector<int64_t> users = {1, 2, 3, 4};
  const std::vector<std::string> items = {"a", "b", "c", "d"};
  const std::vector<int64_t> times = {10, 20, 30, 40};
  const std::vector<float> weights = {1, 2, 3, 4};
  const EventBatch batch{.collection = "collections/c",
                         .user_ids = std::span<const int64_t>(users),
                         .item_ids = std::span<const std::string>(items),
                         .time_micros = times,
                         .weights = weights};
  ASSERT_TRUE(CheckShape(batch).ok());
  const v1::BatchWriteEventsRequest request = MakeRequest(batch, RowRange{.begin = 1, .end = 3});
  EXPECT_EQ(request.collection(), "collections/c");
  EXPECT_THAT(ReadIds(request.user_ids(), "").value(), ElementsAre(2, 3));
  EXPECT_THAT(request.item_ids().names().values(), ElementsAre("b", "c"));
  EXPECT_THAT(ReadInt64s(request.event_time_micros(), "").value(), ElementsAre(20, 30));
  EXPECT_THAT(ReadFloats(request.weights(), "").value(), ElementsAre(2, 3));
}

TEST(WritesTest, ItemRequestMovesIntervalSplitsToZero) {
  const std::vector<int64_t> ids = {7, 8, 9};
  const std::vector<int64_t> from = {1, 3, 5, 7};
  const std::vector<int64_t> until = {2, 4, 6, 8};
  const std::vector<int64_t> splits = {0, 2, 2, 4};
  const ItemBatch batch{.collection = "collections/c",
                        .ids = std::span<const int64_t>(ids),
                        .alive_from_micros = from,
                        .alive_until_micros = until,
                        .interval_splits = splits};
  ASSERT_TRUE(CheckShape(batch).ok());
  const v1::BatchWriteItemsRequest request = MakeRequest(batch, RowRange{.begin = 1, .end = 3});
  EXPECT_THAT(ReadIds(request.item_ids(), "").value(), ElementsAre(8, 9));
  EXPECT_THAT(ReadInt64s(request.alive_from_micros(), "").value(), ElementsAre(5, 7));
  EXPECT_THAT(ReadInt64s(request.alive_until_micros(), "").value(), ElementsAre(6, 8));
  EXPECT_THAT(ReadInt64s(request.interval_splits(), "").value(), ElementsAre(0, 0, 2));
  EXPECT_EQ(IndexOffset(batch, "alive_from_micros[0]", 1), 2u);
  EXPECT_EQ(IndexOffset(batch, "item_ids[0]", 1), 1u);
}

TEST(WritesTest, EventRequestCarriesKindsPropensitiesAndCohorts) {
  const std::vector<int64_t> ids = {1, 2, 3};
  const std::vector<uint8_t> kinds = {v1::EVENT_KIND_POSITIVE, v1::EVENT_KIND_EXPOSURE,
                                      v1::EVENT_KIND_MINED};
  const std::vector<float> propensities = {0, 0.25F, 0};
  const std::vector<uint8_t> cohorts = {7, 0, 0};
  EventBatch batch{.collection = "collections/c",
                   .user_ids = std::span<const int64_t>(ids),
                   .item_ids = std::span<const int64_t>(ids),
                   .time_micros = ids,
                   .weights = {},
                   .kinds = kinds,
                   .propensities = propensities,
                   .cohorts = cohorts};
  ASSERT_TRUE(CheckShape(batch).ok());
  v1::BatchWriteEventsRequest request = MakeRequest(batch, RowRange{.begin = 0, .end = 2});
  EXPECT_THAT(ReadBytes(request.kinds(), "").value(), ElementsAre(1, 2));
  EXPECT_THAT(ReadFloats(request.propensities(), "").value(), ElementsAre(0, 0.25F));
  EXPECT_THAT(ReadBytes(request.cohorts(), "").value(), ElementsAre(7, 0));
  EXPECT_FALSE(request.has_weights());
  batch.cohorts = batch.cohorts.first(1);
  EXPECT_EQ(GetBadRequest(CheckShape(batch))->field_violations(0).field(), "cohorts");
}

TEST(WritesTest, ItemRequestCarriesPropertiesAndMovesCategorySplitsToZero) {
  const std::vector<int64_t> ids = {7, 8, 9};
  const std::vector<float> weights = {1, 2, 4};
  const std::vector<std::string> names = {"a", "b", "c"};
  const std::vector<int64_t> splits = {0, 1, 1, 3};
  const std::vector<std::string> attributes = {"", "x", std::string("\0", 1)};
  ItemBatch batch{.collection = "collections/c",
                  .ids = std::span<const int64_t>(ids),
                  .alive_from_micros = {},
                  .alive_until_micros = {},
                  .interval_splits = {},
                  .base_weights = weights,
                  .category_names = names,
                  .category_splits = splits,
                  .attributes = attributes,
                  .update_mask = {"base_weights", "categories", "attributes"}};
  ASSERT_TRUE(CheckShape(batch).ok());
  const v1::BatchWriteItemsRequest request = MakeRequest(batch, RowRange{.begin = 1, .end = 3});
  EXPECT_THAT(ReadFloats(request.base_weights(), "").value(), ElementsAre(2, 4));
  EXPECT_THAT(request.categories().ids().names().values(), ElementsAre("b", "c"));
  EXPECT_THAT(ReadInt64s(request.categories().row_splits(), "").value(), ElementsAre(0, 0, 2));
  EXPECT_THAT(request.attributes(), ElementsAre("x", attributes[2]));
  EXPECT_THAT(request.update_mask().paths(),
              ElementsAre("base_weights", "categories", "attributes"));
  EXPECT_EQ(IndexOffset(batch, "categories.ids[0]", 2), 1u);
  EXPECT_GT(RowBytes(batch, 2), RowBytes(batch, 1));
  batch.category_names = batch.category_names.first(2);
  EXPECT_EQ(GetBadRequest(CheckShape(batch))->field_violations(0).field(), "categories.ids");
}

TEST(WritesTest, PropertiesThatAreNotGivenAreNotSent) {
  const std::vector<int64_t> ids = {7};
  const v1::BatchWriteItemsRequest request =
      MakeRequest(ItemBatch{.collection = "collections/c",
                            .ids = std::span<const int64_t>(ids),
                            .alive_from_micros = {},
                            .alive_until_micros = {},
                            .interval_splits = {}},
                  RowRange{.begin = 0, .end = 1});
  EXPECT_FALSE(request.has_alive_from_micros());
  EXPECT_FALSE(request.has_alive_until_micros());
  EXPECT_FALSE(request.has_base_weights());
  EXPECT_FALSE(request.has_categories());
  EXPECT_FALSE(request.has_update_mask());
}

TEST(WritesTest, RemovalsCarryTheRowsOfTheirRange) {
  const std::vector<int64_t> ids = {1, 2, 3};
  const std::vector<uint8_t> kinds = {1, 2, 3};
  RetractionBatch entries{.collection = "collections/c",
                          .user_ids = std::span<const int64_t>(ids),
                          .item_ids = std::span<const int64_t>(ids),
                          .time_micros = ids,
                          .kinds = kinds};
  ASSERT_TRUE(CheckShape(entries).ok());
  const v1::RetractEventsRequest retract = MakeRequest(entries, RowRange{.begin = 1, .end = 3});
  EXPECT_THAT(ReadIds(retract.user_ids(), "").value(), ElementsAre(2, 3));
  EXPECT_THAT(ReadInt64s(retract.event_time_micros(), "").value(), ElementsAre(2, 3));
  EXPECT_THAT(ReadBytes(retract.kinds(), "").value(), ElementsAre(2, 3));
  entries.time_micros = entries.time_micros.first(2);
  EXPECT_EQ(GetBadRequest(CheckShape(entries))->field_violations(0).field(), "event_time_micros");
  const ErasureBatch users{.collection = "collections/c",
                           .user_ids = std::span<const int64_t>(ids)};
  const v1::EraseUsersRequest erase = MakeRequest(users, RowRange{.begin = 0, .end = 1});
  EXPECT_THAT(ReadIds(erase.user_ids(), "").value(), ElementsAre(1));
}

TEST(WritesTest, EmbeddingRequestCarriesTheRowsOfItsRange) {
  const std::vector<int64_t> ids = {7, 8, 9};
  std::vector<float> vectors(6);
  std::iota(vectors.begin(), vectors.end(), 0.0F);
  const EmbeddingBatch batch{.collection = "collections/c",
                             .ids = std::span<const int64_t>(ids),
                             .vectors = vectors,
                             .dimension = 2};
  ASSERT_TRUE(CheckShape(batch).ok());
  const v1::BatchWriteEmbeddingsRequest request =
      MakeRequest(batch, RowRange{.begin = 1, .end = 3});
  EXPECT_EQ(request.vectors().row_count(), 2);
  EXPECT_EQ(request.vectors().column_count(), 2);
  EXPECT_THAT(ViewMatrix(request.vectors(), "").value().ToVector(), ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(IndexOffset(batch, "vectors.values[0]", 1), 2u);
  EXPECT_EQ(IndexOffset(batch, "item_ids[0]", 1), 1u);
  EXPECT_FALSE(request.has_model_version());
  EmbeddingBatch versioned = batch;
  versioned.model_version = 5;
  EXPECT_EQ(MakeRequest(versioned, RowRange{.begin = 0, .end = 1}).model_version(), 5);
}

TEST(WritesTest, ColumnsThatAreNotParallelAreNamed) {
  const std::vector<int64_t> two = {1, 2};
  const std::vector<int64_t> three = {1, 2, 3};
  const std::vector<float> floats = {1, 2, 3};
  const auto field = [](const absl::Status& status) {
    const auto bad = GetBadRequest(status);
    return bad.has_value() ? bad->field_violations(0).field() : "";
  };
  EventBatch events{.collection = "",
                    .user_ids = std::span<const int64_t>(two),
                    .item_ids = std::span<const int64_t>(three),
                    .time_micros = three,
                    .weights = {}};
  EXPECT_EQ(field(CheckShape(events)), "user_ids");
  events.user_ids = std::span<const int64_t>(three);
  events.time_micros = two;
  EXPECT_EQ(field(CheckShape(events)), "event_time_micros");
  ItemBatch items{.collection = "",
                  .ids = std::span<const int64_t>(three),
                  .alive_from_micros = {},
                  .alive_until_micros = two,
                  .interval_splits = {}};
  EXPECT_EQ(field(CheckShape(items)), "alive_until_micros");
  items.interval_splits = three;
  EXPECT_EQ(field(CheckShape(items)), "interval_splits");
  EmbeddingBatch embeddings{
      .collection = "", .ids = std::span<const int64_t>(two), .vectors = floats, .dimension = 2};
  EXPECT_EQ(field(CheckShape(embeddings)), "vectors.values");
  embeddings.dimension = 0;
  EXPECT_EQ(field(CheckShape(embeddings)), "vectors.column_count");
}

TEST(LocateErrorTest, RowsCountFromTheStartOfTheBatch) {
  absl::Status status = absl::InvalidArgumentError("item_ids[1]: unknown; item_ids[12]: unknown");
  AddBadRequest(status, "item_ids[1]", "unknown");
  AddBadRequest(status, "item_ids[12]", "unknown");
  AddBadRequest(status, "collection", "odd");
  const absl::Status located = LocateError(status, RowRange{.begin = 50'000, .end = 60'000},
                                           [](const std::string&) { return 50'000; });
  EXPECT_EQ(located.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(located.message(),
            "rows 50000 to 59999: item_ids[50001]: unknown; item_ids[50012]: unknown");
  const auto bad = GetBadRequest(located);
  ASSERT_EQ(bad->field_violations_size(), 3);
  EXPECT_EQ(bad->field_violations(0).field(), "item_ids[50001]");
  EXPECT_EQ(bad->field_violations(1).field(), "item_ids[50012]");
  EXPECT_EQ(bad->field_violations(2).field(), "collection");
}

}  // namespace
}  // namespace negatron::client
