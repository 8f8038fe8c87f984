// SPDX-License-Identifier: Apache-2.0
#include "client/cli/cli.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "proto/cc/columns.h"
#include "proto/cc/status.h"
#include "tests/client/cpp/fake_server.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class CliTest : public testing::Test {
 protected:
  CliTest() {
    server_.handlers.get_collection = [this](const v1::GetCollectionRequest& request,
                                             v1::Collection* collection) {
      if (request.name() != "collections/movies") {
        return grpc::Status(grpc::StatusCode::NOT_FOUND, "no collection " + request.name());
      }
      *collection = collection_;
      return grpc::Status::OK;
    };
    collection_.set_name("collections/movies");
    collection_.set_item_id_type(v1::ID_TYPE_INT64);
    collection_.set_user_id_type(v1::ID_TYPE_INT64);
  }

  ExitCode Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--server", server_.target()});
    return RunAlone(arguments);
  }

  ExitCode RunAlone(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return RunCli(arguments, out_, err_, false);
  }

  std::string File(const std::string& name, const std::string& text) {
    const std::string path = testing::TempDir() + "/" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
                             name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  // A .npy file, version 1.
  std::string Npy(const std::string& name, const std::string& type, const std::string& shape,
                  const void* data, size_t bytes) {
    std::string header =
        absl::StrCat("{'descr': '", type, "', 'fortran_order': False, 'shape': ", shape, ", }");
    header.resize(117, ' ');
    header.push_back('\n');
    std::string file("\x93NUMPY\x01\x00", 8);
    file.push_back(static_cast<char>(header.size()));
    file.push_back('\0');
    return File(name, file + header + std::string(static_cast<const char*>(data), bytes));
  }

  google::protobuf::Struct Json() {
    google::protobuf::Struct json;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(out_.str(), &json).ok()) << out_.str();
    return json;
  }

  FakeServer server_;
  v1::Collection collection_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CliTest, VersionAndHelpAreResults) {
  EXPECT_EQ(RunAlone({"--version"}), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("negatron " NEGATRON_VERSION));
  EXPECT_EQ(RunAlone({"--help"}), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("push-embeddings"));
  EXPECT_EQ(RunAlone({"import", "events", "--help"}), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("--min-rating"));
}

TEST_F(CliTest, WrongOptionsAreUsageErrors) {
  const std::vector<std::vector<std::string>> lines = {
      {},
      {"nonsense"},
      {"collection"},
      {"collection", "create"},
      {"collection", "create", "movies", "--metric", "manhattan"},
      {"collection", "create", "movies", "--metric", "cosine"},
      {"collection", "create", "movies", "--dim", "0"},
      {"collection", "create", "movies", "--half-life", "soon"},
      {"collection", "create", "movies", "--label", "novalue"},
      {"collection", "update", "movies"},
      {"import", "events", "f.csv"},
      {"sample", "--collection", "movies"},
      {"sample", "--collection", "movies", "--count", "2", "--source", "nearest"},
      {"sample", "--collection", "movies", "--count", "2", "--user", "1", "--user", "2",
       "--positive", "3"},
      {"sample", "--collection", "movies", "--count", "2", "--user", "notanumber"},
      {"sample", "--collection", "movies", "--count", "2", "--as-of", "yesterday"},
      {"info", "--timeout", "never"}};
  for (const auto& line : lines) {
    EXPECT_EQ(Run(line), ExitCode::kUsage) << testing::PrintToString(line);
    EXPECT_NE(err_.str(), "") << testing::PrintToString(line);
  }
}

TEST_F(CliTest, CreateSendsItsSettings) {
  v1::CreateCollectionRequest seen;
  server_.handlers.create_collection = [&](const v1::CreateCollectionRequest& request,
                                           v1::Collection* collection) {
    seen = request;
    *collection = request.collection();
    collection->set_name("collections/" + request.collection_id());
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"collection", "create", "movies", "--item-ids", "string", "--half-life", "30d",
                 "--dim", "64", "--metric", "cosine", "--missing-items", "create", "--label", "a=b",
                 "--label", "c=d=e", "--display-name", "My movies"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(seen.collection_id(), "movies");
  EXPECT_EQ(seen.collection().item_id_type(), v1::ID_TYPE_STRING);
  EXPECT_EQ(seen.collection().user_id_type(), v1::ID_TYPE_UNSPECIFIED);
  EXPECT_EQ(seen.collection().half_life().seconds(), 30 * 86'400);
  EXPECT_EQ(seen.collection().embedding_settings().dimension(), 64);
  EXPECT_EQ(seen.collection().embedding_settings().metric(), v1::EMBEDDING_METRIC_COSINE);
  EXPECT_EQ(seen.collection().missing_item_rule(), v1::MISSING_ITEM_RULE_CREATE);
  EXPECT_EQ(seen.collection().labels().at("c"), "d=e");
  EXPECT_THAT(out_.str(), HasSubstr("collections/movies"));
  EXPECT_THAT(out_.str(), HasSubstr("64 cosine"));
}

TEST_F(CliTest, UpdateMasksWhatIsGiven) {
  v1::UpdateCollectionRequest seen;
  server_.handlers.update_collection = [&](const v1::UpdateCollectionRequest& request,
                                           v1::Collection*) {
    seen = request;
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"collection", "update", "movies", "--display-name", "", "--dim", "8"}),
            ExitCode::kOk);
  EXPECT_EQ(seen.collection().name(), "collections/movies");
  EXPECT_THAT(seen.update_mask().paths(), ElementsAre("display_name", "embedding_settings"));
}

TEST_F(CliTest, ListFollowsThePages) {
  server_.handlers.list_collections = [](const v1::ListCollectionsRequest& request,
                                         v1::ListCollectionsResponse* response) {
    const bool first = request.page_token().empty();
    response->add_collections()->set_name(first ? "collections/a" : "collections/b");
    if (first) response->set_next_page_token("more");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"collection", "list"}), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("collections/a"));
  EXPECT_THAT(out_.str(), HasSubstr("collections/b"));
  EXPECT_EQ(Run({"--json", "collection", "list"}), ExitCode::kOk);
  EXPECT_EQ(Json().fields().at("collections").list_value().values_size(), 2);
}

TEST_F(CliTest, DeleteReportsARefusal) {
  server_.handlers.delete_collection = [](const v1::DeleteCollectionRequest& request,
                                          google::protobuf::Empty*) {
    if (request.etag() == "7") return grpc::Status::OK;
    return grpc::Status(grpc::StatusCode::ABORTED, "the etag is not current");
  };
  EXPECT_EQ(Run({"collection", "delete", "movies", "--etag", "7"}), ExitCode::kOk);
  EXPECT_EQ(Run({"collection", "delete", "movies", "--etag", "6"}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("the etag is not current"));
}

TEST_F(CliTest, UnreachableServerHasItsOwnExitCode) {
  EXPECT_EQ(RunAlone({"info", "--server", "dns:///127.0.0.1:1", "--timeout", "200ms"}),
            ExitCode::kUnreachable);
  EXPECT_THAT(err_.str(), HasSubstr("--server"));
}

TEST_F(CliTest, ErrorsNameTheFields) {
  server_.handlers.statistics = [](const v1::GetCollectionStatisticsRequest&,
                                   v1::CollectionStatistics*) {
    absl::Status status = absl::InvalidArgumentError("the request is not valid");
    AddBadRequest(status, "as_of_time", "is before the year 1");
    return ToGrpcStatus(status);
  };
  EXPECT_EQ(Run({"stats", "--collection", "movies"}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("as_of_time: is before the year 1"));
  EXPECT_EQ(out_.str(), "");
}

TEST_F(CliTest, AFewOfManyBadFieldsArePrinted) {
  server_.handlers.statistics = [](const v1::GetCollectionStatisticsRequest&,
                                   v1::CollectionStatistics*) {
    absl::Status status = absl::InvalidArgumentError("not valid");
    for (int i = 0; i < 20; ++i) AddBadRequest(status, absl::StrCat("f[", i, "]"), "is odd");
    return ToGrpcStatus(status);
  };
  EXPECT_EQ(Run({"stats", "--collection", "movies"}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("f[4]: is odd\n  ... and more of them\n"));
  EXPECT_THAT(err_.str(), Not(HasSubstr("f[5]")));
}

TEST_F(CliTest, ImportEventsWritesChunksAndASecondRunRepeatsTheirIds) {
  std::string text = "userId,movieId,rating,timestamp\n";
  for (int i = 0; i < 45'000; ++i) absl::StrAppend(&text, i, ",", i % 100, ",9,1500000000\n");
  const std::string path = File("ratings.csv", text);
  std::vector<std::string> ids;
  int64_t rows = 0;
  server_.handlers.write_events = [&](const v1::BatchWriteEventsRequest& request,
                                      v1::WriteReceipt* receipt) {
    receipt->set_replayed(std::count(ids.begin(), ids.end(), request.request_id()) > 0);
    ids.push_back(request.request_id());
    receipt->set_written_count(ColumnSize(request.user_ids()));
    rows += ColumnSize(request.user_ids());
    EXPECT_EQ(ReadInt64s(request.event_time_micros(), "").value()[0], 1'500'000'000'000'000);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies"}), ExitCode::kOk) << err_.str();
  EXPECT_EQ(rows, 45'000);
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_THAT(out_.str(), HasSubstr("45,000 events in collections/movies"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("were known")));
  EXPECT_EQ(Run({"import", "events", path, "--collection", "collections/movies", "--json"}),
            ExitCode::kOk);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 3u);
  EXPECT_EQ(Json().fields().at("replayedCallCount").number_value(), 3);
  EXPECT_EQ(Json().fields().at("writtenCount").number_value(), 45'000);
}

TEST_F(CliTest, NothingOfAChunkWithABadLineIsWritten) {
  std::string text = "user,item,time\n";
  for (size_t i = 0; i < 20'000; ++i) text += "1,2,3\n";
  int calls = 0;
  server_.handlers.write_events = [&](const v1::BatchWriteEventsRequest& request,
                                      v1::WriteReceipt* receipt) {
    ++calls;
    receipt->set_written_count(ColumnSize(request.user_ids()));
    return grpc::Status::OK;
  };
  const std::string path = File("a.csv", text + "1,2,3\n1,2,when\n");
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies"}), ExitCode::kInput);
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(err_.str(), HasSubstr(path + ":20003: time: `when`"));
  EXPECT_THAT(err_.str(), HasSubstr("20,000 rows before it are written"));
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies", "--skip-bad-lines"}),
            ExitCode::kOk);
  EXPECT_EQ(calls, 3);
  EXPECT_THAT(out_.str(), HasSubstr("20,001 events"));
  EXPECT_THAT(out_.str(), HasSubstr("1 bad lines skipped"));
  EXPECT_THAT(err_.str(), HasSubstr("skipped " + path + ":20003"));
}

TEST_F(CliTest, RefusedRowsAreNamedByTheirLines) {
  server_.handlers.write_events = [](const v1::BatchWriteEventsRequest&, v1::WriteReceipt*) {
    return ToGrpcStatus(BadFieldError("item_ids[1]", "there is no such item"));
  };
  // An empty line, so that rows and lines differ.
  const std::string path = File("a.csv", "user,item,time\n1,2,3\n\n1,5,3\n");
  EXPECT_EQ(Run({"import", "events", path, "--collection", "movies"}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr(path + ":4: item_ids: there is no such item"));
}

TEST_F(CliTest, ImportItemsSendsLives) {
  v1::BatchWriteItemsRequest seen;
  server_.handlers.write_items = [&](const v1::BatchWriteItemsRequest& request,
                                     v1::WriteReceipt* receipt) {
    seen = request;
    receipt->set_written_count(2);
    receipt->set_created_item_count(1);
    return grpc::Status::OK;
  };
  collection_.set_item_id_type(v1::ID_TYPE_STRING);
  EXPECT_EQ(Run({"import", "items", File("items.csv", "item_id,born\na,5\nb,\n"), "--collection",
                 "movies", "--alive-from-column", "born", "--time-unit", "us"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(seen.item_ids().names().values(), ElementsAre("a", "b"));
  EXPECT_THAT(ReadInt64s(seen.alive_from_micros(), "").value(),
              ElementsAre(5, std::numeric_limits<int64_t>::min()));
  EXPECT_THAT(out_.str(), HasSubstr("2 items in collections/movies"));
  EXPECT_THAT(out_.str(), HasSubstr("1 items created"));
}

TEST_F(CliTest, SamplePrintsATableOrJson) {
  v1::SampleNegativesRequest seen;
  server_.handlers.sample = [&](const v1::SampleNegativesRequest& request,
                                v1::SampleNegativesResponse* response) {
    seen = request;
    WriteIds(std::vector<int64_t>{11, 12, 13, -1}, v1::COLUMN_ENCODING_TYPED,
             response->mutable_item_ids());
    WriteFloats(std::vector<float>{-1.5F, -2, -3, std::nanf("")}, v1::COLUMN_ENCODING_TYPED,
                response->mutable_log_q());
    WriteBytes(std::vector<uint8_t>{0, 0, 0, 255}, v1::COLUMN_ENCODING_TYPED,
               response->mutable_component_indexes());
    WriteBytes(std::vector<uint8_t>{v1::ROW_STATUS_OK, v1::ROW_STATUS_EXHAUSTED},
               v1::COLUMN_ENCODING_TYPED, response->mutable_row_statuses());
    WriteInt64s(std::vector<int64_t>{2, 1}, v1::COLUMN_ENCODING_TYPED,
                response->mutable_drawn_counts());
    response->add_components()->set_source("popularity");
    response->set_law_kind(v1::LAW_KIND_EXACT);
    response->set_seed(7);
    return grpc::Status::OK;
  };
  const std::vector<std::string> line = {
      "sample", "--collection", "movies",     "--count",  "2",          "--user", "5", "--user",
      "-6",     "--as-of",      "2020-01-01", "--source", "popularity", "--seed", "7"};
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  EXPECT_THAT(ReadIds(seen.user_ids(), "").value(), ElementsAre(5, -6));
  EXPECT_EQ(seen.negative_count(), 2);
  EXPECT_EQ(seen.as_of_time().seconds(), 1'577'836'800);
  EXPECT_EQ(seen.seed(), 7);
  EXPECT_TRUE(seen.policy().components(0).has_popularity());
  EXPECT_THAT(out_.str(), HasSubstr("11           popularity  -1.5000  -"));
  EXPECT_THAT(out_.str(), HasSubstr("(1 missing)"));
  EXPECT_THAT(out_.str(), HasSubstr("EXHAUSTED"));
  EXPECT_THAT(out_.str(), HasSubstr("law of log q EXACT"));

  std::vector<std::string> json = line;
  json.push_back("--json");
  EXPECT_EQ(Run(json), ExitCode::kOk);
  EXPECT_EQ(Json().fields().at("seed").string_value(), "7");
}

TEST_F(CliTest, SampleTakesAPolicyFromAFile) {
  v1::SampleNegativesRequest seen;
  server_.handlers.sample = [&](const v1::SampleNegativesRequest& request,
                                v1::SampleNegativesResponse* response) {
    seen = request;
    WriteBytes(std::vector<uint8_t>{1}, v1::COLUMN_ENCODING_TYPED,
               response->mutable_row_statuses());
    WriteIds(std::vector<int64_t>{4}, v1::COLUMN_ENCODING_TYPED, response->mutable_item_ids());
    return grpc::Status::OK;
  };
  const std::string good =
      File("p.json", R"({"components":[{"share":1,"uniform":{}},{"share":3,"popularity":{}}]})");
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1", "--policy", good}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(seen.policy().components_size(), 2);
  EXPECT_EQ(seen.row_count(), 1);
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1", "--policy",
                 File("bad.json", "{\"shares\": 1}")}),
            ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("is not a policy"));
}

TEST_F(CliTest, PushEmbeddingsSendsRowsInOrder) {
  collection_.mutable_embedding_settings()->set_dimension(2);
  v1::BatchWriteEmbeddingsRequest seen;
  server_.handlers.write_embeddings = [&](const v1::BatchWriteEmbeddingsRequest& request,
                                          v1::WriteReceipt* receipt) {
    seen = request;
    receipt->set_written_count(request.vectors().row_count());
    return grpc::Status::OK;
  };
  const float values[] = {1, 2, 3, 4, 5, 6};
  const int64_t ids[] = {30, 10, 20};
  const std::string vectors = Npy("v.npy", "<f4", "(3, 2)", values, sizeof(values));
  EXPECT_EQ(Run({"push-embeddings", "--collection", "movies", "--ids",
                 Npy("ids.npy", "<i8", "(3,)", ids, sizeof(ids)), vectors}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(ReadIds(seen.item_ids(), "").value(), ElementsAre(30, 10, 20));
  EXPECT_THAT(ViewMatrix(seen.vectors(), "").value().ToVector(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(out_.str(), HasSubstr("3 embeddings"));

  EXPECT_EQ(Run({"push-embeddings", "--collection", "movies", "--ids", File("ids.txt", "7\n8\r\n9"),
                 vectors, "--durable"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(ReadIds(seen.item_ids(), "").value(), ElementsAre(7, 8, 9));
  EXPECT_EQ(seen.acknowledgement_level(), v1::ACKNOWLEDGEMENT_LEVEL_DURABLE);
}

TEST_F(CliTest, EmbeddingsThatDoNotFitAreInputErrors) {
  collection_.mutable_embedding_settings()->set_dimension(2);
  const float values[] = {1, 2, 3, 4, 5, 6};
  const std::string wide = Npy("wide.npy", "<f4", "(2, 3)", values, sizeof(values));
  const std::string flat = Npy("flat.npy", "<f4", "(6,)", values, sizeof(values));
  const std::string good = Npy("good.npy", "<f4", "(3, 2)", values, sizeof(values));
  const std::string ids = File("ids.txt", "1\n2\n");
  const auto push = [&](const std::string& vectors, const std::string& id_file) {
    return Run({"push-embeddings", "--collection", "movies", "--ids", id_file, vectors});
  };
  EXPECT_EQ(push(wide, ids), ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("3 columns"));
  EXPECT_EQ(push(flat, ids), ExitCode::kInput);
  EXPECT_EQ(push(good, ids), ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("3 rows"));
  EXPECT_EQ(push(good, File("bad.txt", "1\n2\nthree\n")), ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("bad.txt:3: "));
  EXPECT_EQ(push(good, good), ExitCode::kInput);
  EXPECT_EQ(push(good, "/nonexistent.npy"), ExitCode::kInput);
  EXPECT_EQ(push(ids, ids), ExitCode::kInput);
}

TEST_F(CliTest, GetItemShowsLivesAndMissingItems) {
  v1::BatchGetItemsRequest seen;
  server_.handlers.get_items = [&](const v1::BatchGetItemsRequest& request,
                                   v1::BatchGetItemsResponse* response) {
    seen = request;
    constexpr auto kTyped = v1::COLUMN_ENCODING_TYPED;
    WriteBytes(std::vector<uint8_t>{1, 0, 1}, kTyped, response->mutable_found());
    v1::ItemTable* items = response->mutable_items();
    WriteIds(std::vector<int64_t>{1, 3}, kTyped, items->mutable_ids());
    WriteInt64s(std::vector<int64_t>{0}, kTyped, items->mutable_alive_from_micros());
    WriteInt64s(std::vector<int64_t>{std::numeric_limits<int64_t>::max()}, kTyped,
                items->mutable_alive_until_micros());
    WriteInt64s(std::vector<int64_t>{0, 1, 1}, kTyped, items->mutable_interval_splits());
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"get-item", "--collection", "movies", "1", "2", "3"}), ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("1     [1970-01-01T00:00:00Z, never)"));
  EXPECT_THAT(out_.str(), HasSubstr("2     no such item"));
  EXPECT_THAT(out_.str(), HasSubstr("3     never alive"));
  Run({"get-item", "--collection", "movies", "--item", "-5"});
  EXPECT_THAT(ReadIds(seen.item_ids(), "").value(), ElementsAre(-5));
}

TEST_F(CliTest, StatsAndInfo) {
  server_.handlers.statistics = [](const v1::GetCollectionStatisticsRequest& request,
                                   v1::CollectionStatistics* stats) {
    stats->set_collection(request.collection());
    stats->set_event_count(1'234'567);
    auto* use = stats->add_memory_uses();
    use->set_structure("event_log");
    use->set_bytes(3 << 20);
    return grpc::Status::OK;
  };
  server_.handlers.server_info = [](const v1::GetServerInfoRequest&, v1::ServerInfo* info) {
    info->set_version("9.8.7");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"stats", "--collection", "movies"}), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("1,234,567"));
  EXPECT_THAT(out_.str(), HasSubstr("3.0 MiB"));
  EXPECT_EQ(Run({"stats", "--collection", "movies", "--json"}), ExitCode::kOk);
  EXPECT_EQ(Json().fields().at("eventCount").string_value(), "1234567");
  EXPECT_EQ(Run({"info"}), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("9.8.7"));
}

}  // namespace
}  // namespace negatron::client
