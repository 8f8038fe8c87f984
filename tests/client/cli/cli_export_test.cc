// SPDX-License-Identifier: Apache-2.0
// `negatron export`, and that `negatron import` reads what it writes.
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "client/cli/npy_reader.h"
#include "proto/cc/columns.h"
#include "tests/client/cli/cli_fixture.h"
#include "tests/client/cpp/fake_imports.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kAlways = std::numeric_limits<int64_t>::min();
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

class CliExportTest : public CliTest {
 protected:
  CliExportTest() {
    server_.handlers.statistics = [](const v1::GetCollectionStatisticsRequest&,
                                     v1::CollectionStatistics* statistics) {
      statistics->set_event_count(2);
      statistics->set_item_count(3);
      return grpc::Status::OK;
    };
    server_.handlers.list_events = [this](const v1::ListEventsRequest& request,
                                          v1::ListEventsResponse* page) {
      events_request_ = request;
      *page = request.page_token().empty() ? events_ : v1::ListEventsResponse();
      if (request.page_token().empty()) page->set_next_page_token("more");
      return grpc::Status::OK;
    };
    server_.handlers.list_items = [this](const v1::ListItemsRequest&, v1::ListItemsResponse* page) {
      *page->mutable_items() = items_;
      return grpc::Status::OK;
    };
    server_.handlers.import_events = event_imports_.Handler();
    server_.handlers.import_items = item_imports_.Handler();
    FillEvents();
    FillItems();
  }

  void FillEvents() {
    collection_.set_user_id_type(v1::ID_TYPE_STRING);
    const auto raw = v1::COLUMN_ENCODING_RAW;
    WriteNames(std::vector<std::string>{"ann", "\"bob\", jr"}, events_.mutable_user_ids());
    WriteIds(std::vector<int64_t>{-5, 7}, v1::COLUMN_ENCODING_TYPED, events_.mutable_item_ids());
    WriteInt64s(std::vector<int64_t>{1'500'000'000'000'001, 253'402'300'799'999'999}, raw,
                events_.mutable_event_time_micros());
    WriteFloats(std::vector<float>{0.1F, 1.0F / 3}, raw, events_.mutable_weights());
    WriteBytes(std::vector<uint8_t>{2, 1}, raw, events_.mutable_kinds());
    WriteFloats(std::vector<float>{0.7F, 0}, raw, events_.mutable_propensities());
    WriteBytes(std::vector<uint8_t>{0, 9}, raw, events_.mutable_cohorts());
  }

  void FillItems() {
    const auto raw = v1::COLUMN_ENCODING_RAW;
    WriteIds(std::vector<int64_t>{1, 2, 3}, raw, items_.mutable_ids());
    WriteInt64s(std::vector<int64_t>{kAlways, 5'000'000, 1}, raw,
                items_.mutable_alive_from_micros());
    WriteInt64s(std::vector<int64_t>{2, kNever, 2}, raw, items_.mutable_alive_until_micros());
    WriteInt64s(std::vector<int64_t>{0, 2, 2, 3}, raw, items_.mutable_interval_splits());
    WriteFloats(std::vector<float>{0.3F, 1, 16}, raw, items_.mutable_base_weights());
    WriteNames(std::vector<std::string>{"Drama", "Sci-Fi", "Drama"},
               items_.mutable_categories()->mutable_ids());
    WriteInt64s(std::vector<int64_t>{0, 2, 2, 3}, raw,
                items_.mutable_categories()->mutable_row_splits());
    for (const char* text : {"a, \"b\"", "", " x "}) items_.add_attributes(text);
  }

  std::string Target(const std::string& name) {
    const std::string path = File(name, "");
    std::filesystem::remove(path);
    return path;
  }

  static std::string Text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  // Exports to a file of that name, and imports it; `kind` is events or items.
  void RoundTrip(const std::string& kind, const std::string& name) {
    const std::string path = Target(name);
    EXPECT_EQ(Run({"export", kind, "--collection", "movies", "--out", path}), ExitCode::kOk)
        << err_.str();
    EXPECT_EQ(Run({"import", kind, path, "--collection", "movies", "--all-columns"}), ExitCode::kOk)
        << err_.str() << Text(path);
  }

  v1::ListEventsResponse events_;
  v1::ListEventsRequest events_request_;
  v1::ItemTable items_;
  FakeEventImports event_imports_;
  FakeItemImports item_imports_;
};

TEST_F(CliExportTest, EventsAreReadBackAsTheyWere) {
  for (const char* name : {"a.csv", "a.tsv", "a.inter"}) {
    RoundTrip("events", name);
    const v1::BatchWriteEventsRequest batch = event_imports_.chunks().back().batch();
    EXPECT_THAT(batch.user_ids().names().values(), ElementsAre("ann", "\"bob\", jr")) << name;
    EXPECT_THAT(ReadIds(batch.item_ids(), "").value(), ElementsAre(-5, 7));
    EXPECT_THAT(ReadInt64s(batch.event_time_micros(), "").value(),
                ElementsAre(1'500'000'000'000'001, 253'402'300'799'999'999));
    EXPECT_THAT(ReadFloats(batch.weights(), "").value(), ElementsAre(0.1F, 1.0F / 3));
    EXPECT_THAT(ReadBytes(batch.kinds(), "").value(), ElementsAre(2, 1));
    EXPECT_THAT(ReadFloats(batch.propensities(), "").value(), ElementsAre(0.7F, 0));
    EXPECT_THAT(ReadBytes(batch.cohorts(), "").value(), ElementsAre(0, 9));
  }
}

TEST_F(CliExportTest, ItemsAreReadBackAsTheyWere) {
  for (const char* name : {"a.csv", "a.tsv", "a.item"}) {
    RoundTrip("items", name);
    const v1::BatchWriteItemsRequest batch = item_imports_.chunks().back().batch();
    EXPECT_THAT(ReadIds(batch.item_ids(), "").value(), ElementsAre(1, 2, 3)) << name;
    EXPECT_THAT(ReadInt64s(batch.alive_from_micros(), "").value(),
                ElementsAre(kAlways, 5'000'000, 1));
    EXPECT_THAT(ReadInt64s(batch.alive_until_micros(), "").value(), ElementsAre(2, kNever, 2));
    EXPECT_THAT(ReadInt64s(batch.interval_splits(), "").value(), ElementsAre(0, 2, 2, 3));
    EXPECT_THAT(ReadFloats(batch.base_weights(), "").value(), ElementsAre(0.3F, 1, 16));
    EXPECT_THAT(batch.categories().ids().names().values(), ElementsAre("Drama", "Sci-Fi", "Drama"));
    EXPECT_THAT(ReadInt64s(batch.categories().row_splits(), "").value(), ElementsAre(0, 2, 2, 3));
    EXPECT_THAT(batch.attributes(), ElementsAre("a, \"b\"", "", " x "));
  }
}

TEST_F(CliExportTest, RecBoleHeadersHaveTypes) {
  const std::string path = Target("a.inter");
  EXPECT_EQ(Run({"export", "events", "--collection", "movies", "--out", path, "--without",
                 "weight,cohort", "--without", "propensity", "--kind", "positive"}),
            ExitCode::kOk);
  EXPECT_EQ(Text(path),
            "user_id:token\titem_id:token\ttimestamp:float\tkind:token\n"
            "\"bob\", jr\t7\t9999-12-31T23:59:59.999999Z\tpositive\n");
  EXPECT_THAT(out_.str(), HasSubstr("1 events of collections/movies written to "));
}

TEST_F(CliExportTest, StandardOutputHasNothingElse) {
  EXPECT_EQ(Run({"export", "items", "--collection", "movies", "--out", "-", "--without",
                 "alive_from,alive_until,attributes", "--json"}),
            ExitCode::kOk);
  EXPECT_EQ(out_.str(), "item_id,base_weight,categories\n1,0.3,Drama|Sci-Fi\n2,1,\n3,16,Drama\n");
  EXPECT_THAT(err_.str(), HasSubstr("3 items of collections/movies written to standard output"));
  EXPECT_EQ(Run({"export", "items", "--collection", "movies", "--out", Target("a.csv"), "--json"}),
            ExitCode::kOk);
  EXPECT_EQ(Json().fields().at("writtenCount").number_value(), 3);
}

TEST_F(CliExportTest, TimesBoundTheEvents) {
  EXPECT_EQ(Run({"export", "events", "--collection", "movies", "--out", "-", "--start",
                 "2020-01-01", "--end", "1600000000.5"}),
            ExitCode::kOk);
  EXPECT_EQ(events_request_.start_time().seconds(), 1'577'836'800);
  EXPECT_EQ(events_request_.end_time().nanos(), 500'000'000);
  EXPECT_EQ(events_request_.encoding(), v1::COLUMN_ENCODING_TYPED);
}

TEST_F(CliExportTest, WhatAFormatCannotHoldIsNamedAndLeavesNoFile) {
  items_.mutable_categories()->mutable_ids()->mutable_names()->set_values(2, "Science Fiction");
  const std::string path = Target("a.item");
  EXPECT_EQ(Run({"export", "items", "--collection", "movies", "--out", path}), ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("item `3`: category `Science Fiction`"));
  EXPECT_THAT(err_.str(), HasSubstr("--category-separator"));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
  EXPECT_EQ(Run({"export", "items", "--collection", "movies", "--out", path, "--category-separator",
                 ";"}),
            ExitCode::kOk);
  items_.set_attributes(1, "two\nlines");
  EXPECT_EQ(
      Run({"export", "items", "--collection", "movies", "--out", path, "--without", "categories"}),
      ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("item `2`: its attributes holds"));
  EXPECT_THAT(Text(path), HasSubstr("Science Fiction")) << "the file of the run before stays";
}

TEST_F(CliExportTest, EmbeddingsAreWrittenWithTheirIds) {
  collection_.mutable_embedding_settings()->set_dimension(2);
  server_.handlers.get_embeddings = [](const v1::BatchGetEmbeddingsRequest& request,
                                       v1::BatchGetEmbeddingsResponse* response) {
    EXPECT_THAT(ReadIds(request.item_ids(), "").value(), ElementsAre(1, 2, 3));
    const auto raw = v1::COLUMN_ENCODING_RAW;
    WriteBytes(std::vector<uint8_t>{1, 0, 1}, raw, response->mutable_found());
    WriteMatrix(std::vector<float>{1, 2, NAN, NAN, 5, 6}, 3, 2, raw, response->mutable_vectors());
    return grpc::Status::OK;
  };
  const std::string path = Target("a.npy");
  const std::string ids = Target("ids.txt");
  EXPECT_EQ(Run({"export", "embeddings", "--collection", "movies", "--out", path, "--ids", ids}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(Text(ids), "1\n3\n");
  std::ifstream file(path, std::ios::binary);
  auto reader = NpyReader::Open(&file).value();
  EXPECT_THAT(reader.header().shape, ElementsAre(2, 2));
  std::vector<float> values;
  ASSERT_TRUE(reader.ReadFloats(4, &values).ok());
  EXPECT_THAT(values, ElementsAre(1, 2, 5, 6));
  server_.handlers.list_users = [](const v1::ListUsersRequest&, v1::ListUsersResponse* page) {
    WriteNames(std::vector<std::string>{"ann"}, page->mutable_ids());
    WriteInt64s(std::vector<int64_t>{4}, v1::COLUMN_ENCODING_TYPED, page->mutable_numbers());
    return grpc::Status::OK;
  };
  server_.handlers.get_embeddings = [](const v1::BatchGetEmbeddingsRequest& request,
                                       v1::BatchGetEmbeddingsResponse* response) {
    EXPECT_THAT(ReadIds(request.user_ids(), "").value(), ElementsAre(4));
    const auto raw = v1::COLUMN_ENCODING_RAW;
    WriteBytes(std::vector<uint8_t>{1}, raw, response->mutable_found());
    WriteMatrix(std::vector<float>{7, 8}, 1, 2, raw, response->mutable_vectors());
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"export", "embeddings", "--users", "--collection", "movies", "--out", path,
                 "--ids", ids}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(Text(ids), "ann\n");
  EXPECT_EQ(Run({"export", "embeddings", "--users", "--collection", "movies", "--out", path,
                 "--ids", Target("ids.npy")}),
            ExitCode::kUsage);
}

TEST_F(CliExportTest, WrongOptionsAreUsageErrors) {
  const std::vector<std::vector<std::string>> lines = {
      {"export"},
      {"export", "items", "--collection", "movies"},
      {"export", "items", "--collection", "movies", "--out", "a.parquet"},
      {"export", "items", "--collection", "movies", "--out", "-", "--format", "json"},
      {"export", "items", "--collection", "movies", "--out", "-", "--without", "item_id"},
      {"export", "items", "--collection", "movies", "--out", "-", "--without", "alive_from"},
      {"export", "events", "--collection", "movies", "--out", "-", "--start", "then"},
      {"export", "events", "--collection", "movies", "--out", "-", "--kind", "viewed"},
      {"export", "embeddings", "--collection", "movies", "--out", "a.npy"},
      {"export", "embeddings", "--collection", "movies", "--out", "-", "--ids", "i.txt"},
      {"export", "embeddings", "--collection", "movies", "--out", "a.npy", "--ids", "i.txt"}};
  for (const std::vector<std::string>& line : lines) {
    EXPECT_EQ(Run(line), ExitCode::kUsage) << testing::PrintToString(line);
    EXPECT_NE(err_.str(), "") << testing::PrintToString(line);
  }
  EXPECT_EQ(Run({"export", "items", "--collection", "none", "--out", "-"}), ExitCode::kRefused);
}

}  // namespace
}  // namespace negatron::client
