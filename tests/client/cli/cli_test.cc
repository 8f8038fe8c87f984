// SPDX-License-Identifier: Apache-2.0
#include "client/cli/cli.h"

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/cc/columns.h"
#include "proto/cc/status.h"
#include "tests/client/cli/cli_fixture.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

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
      {"collection", "create", "movies", "--half-lives", "7d,soon"},
      {"collection", "create", "movies", "--windows", "none"},
      {"collection", "create", "movies", "--mined-per-user", "0"},
      {"collection", "update", "movies", "--event-retention", "long"},
      {"collection", "update", "movies", "--audit-rate", "2"},
      {"collection", "update", "movies", "--audit-max-age", "3d"},
      {"collection", "update", "movies"},
      {"import", "events", "f.csv"},
      {"sample", "--collection", "movies"},
      {"sample", "--collection", "movies", "--count", "2", "--source", "nearest"},
      {"sample", "--collection", "movies", "--count", "2", "--user", "1", "--user", "2",
       "--positive", "3"},
      {"sample", "--collection", "movies", "--count", "2", "--user", "notanumber"},
      {"sample", "--collection", "movies", "--count", "2", "--as-of", "yesterday"},
      {"info", "--timeout", "never"},
      {"info", "--token-file", File("token", "ngt_a.b\n")},
      {"info", "--tls-cert", File("certificate", "x")}};
  for (const auto& line : lines) {
    EXPECT_EQ(Run(line), ExitCode::kUsage) << testing::PrintToString(line);
    EXPECT_NE(err_.str(), "") << testing::PrintToString(line);
  }
}

TEST_F(CliTest, FilesOfTheConnectionThatCannotBeReadAreInputErrors) {
  const std::string empty = File("empty", "");
  for (const char* option : {"--tls-ca", "--token-file"}) {
    EXPECT_EQ(Run({"info", option, "/no/such/file"}), ExitCode::kInput) << option;
    EXPECT_NE(err_.str().find("/no/such/file"), std::string::npos);
    EXPECT_EQ(Run({"info", option, empty}), ExitCode::kInput) << option;
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
  EXPECT_EQ(
      Run({"collection", "create",          "movies",   "--item-ids", "string", "--half-life",
           "30d",        "--dim",           "64",       "--metric",   "cosine", "--element-type",
           "bfloat16",   "--missing-items", "create",   "--label",    "a=b",    "--label",
           "c=d=e",      "--display-name",  "My movies"}),
      ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(seen.collection_id(), "movies");
  EXPECT_EQ(seen.collection().item_id_type(), v1::ID_TYPE_STRING);
  EXPECT_EQ(seen.collection().user_id_type(), v1::ID_TYPE_UNSPECIFIED);
  EXPECT_EQ(seen.collection().half_life().seconds(), 30 * 86'400);
  EXPECT_EQ(seen.collection().embedding_settings().dimension(), 64);
  EXPECT_EQ(seen.collection().embedding_settings().metric(), v1::EMBEDDING_METRIC_COSINE);
  EXPECT_EQ(seen.collection().embedding_settings().element_type(),
            v1::EMBEDDING_ELEMENT_TYPE_BFLOAT16);
  EXPECT_EQ(seen.collection().missing_item_rule(), v1::MISSING_ITEM_RULE_CREATE);
  EXPECT_EQ(seen.collection().labels().at("c"), "d=e");
  EXPECT_THAT(out_.str(), HasSubstr("collections/movies"));
  EXPECT_THAT(out_.str(), HasSubstr("64 cosine bfloat16"));
}

TEST_F(CliTest, CreateSendsTheSettingsOfPopularity) {
  v1::Collection seen;
  server_.handlers.create_collection = [&](const v1::CreateCollectionRequest& request,
                                           v1::Collection* collection) {
    seen = *collection = request.collection();
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"collection", "create", "movies", "--half-lives", "7d,none", "--half-lives", "90m",
                 "--windows", "30d", "--cohort-popularity", "--category-popularity",
                 "--popularity-grid", "1d", "--mined-per-user", "9", "--event-retention", "365d"}),
            ExitCode::kOk)
      << err_.str();
  ASSERT_EQ(seen.half_lives_size(), 3);
  EXPECT_EQ(seen.half_lives(0).seconds(), 7 * 86'400);
  EXPECT_EQ(seen.half_lives(1).seconds(), 0);
  EXPECT_EQ(seen.half_lives(2).seconds(), 5'400);
  ASSERT_EQ(seen.windows_size(), 1);
  EXPECT_EQ(seen.windows(0).seconds(), 30 * 86'400);
  EXPECT_TRUE(seen.cohort_popularity());
  EXPECT_TRUE(seen.category_popularity());
  EXPECT_EQ(seen.popularity_grid().seconds(), 86'400);
  EXPECT_EQ(seen.mined_per_user(), 9);
  EXPECT_EQ(seen.event_retention().seconds(), 365 * 86'400);
  EXPECT_FALSE(seen.has_half_life());
  EXPECT_THAT(out_.str(), HasSubstr("7d none 1h30m"));
}

TEST_F(CliTest, UpdateClearsTheRetention) {
  v1::UpdateCollectionRequest seen;
  server_.handlers.update_collection = [&](const v1::UpdateCollectionRequest& request,
                                           v1::Collection*) {
    seen = request;
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"collection", "update", "movies", "--event-retention", "none"}), ExitCode::kOk);
  EXPECT_THAT(seen.update_mask().paths(), ElementsAre("event_retention"));
  EXPECT_FALSE(seen.collection().has_event_retention());
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
  EXPECT_EQ(seen.collection().embedding_settings().element_type(),
            v1::EMBEDDING_ELEMENT_TYPE_FLOAT32);
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
                 vectors, "--durable", "--model-version", "12"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(ReadIds(seen.item_ids(), "").value(), ElementsAre(7, 8, 9));
  EXPECT_EQ(seen.acknowledgement_level(), v1::ACKNOWLEDGEMENT_LEVEL_DURABLE);
  EXPECT_EQ(seen.model_version(), 12);
  EXPECT_FALSE(seen.allow_partial());
  EXPECT_FALSE(seen.has_user_ids());

  EXPECT_EQ(Run({"push-embeddings", "--users", "--collection", "movies", "--ids",
                 File("ids.txt", "4\n5\n6"), vectors}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(ReadIds(seen.user_ids(), "").value(), ElementsAre(4, 5, 6));
  EXPECT_FALSE(seen.has_item_ids());
  EXPECT_EQ(Run({"push-embeddings", "--users", "--replace", "--model-version", "13", "--collection",
                 "movies", "--ids", File("ids.txt", "4\n5\n6"), vectors}),
            ExitCode::kUsage);
  server_.handlers.write_embeddings = [&](const v1::BatchWriteEmbeddingsRequest& request,
                                          v1::WriteReceipt* receipt) {
    EXPECT_TRUE(request.allow_partial());
    receipt->set_written_count(2);
    WriteInt64s(std::vector<int64_t>{1}, v1::COLUMN_ENCODING_RAW, receipt->mutable_refused_rows());
    WriteBytes(std::vector<uint8_t>{2}, v1::COLUMN_ENCODING_RAW, receipt->mutable_row_refusals());
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"push-embeddings", "--collection", "movies", "--ids", File("ids.txt", "7\n8\r\n9"),
                 vectors, "--allow-partial"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("left out 1 rows, the first of them row 1, from 0"));
}

TEST_F(CliTest, PushEmbeddingsReplacesAllAndGoesOnWhereItWas) {
  constexpr char kName[] = "collections/movies/embeddingVersions/12";
  constexpr int kRows = 60'000;  // Two parts.
  collection_.mutable_embedding_settings()->set_dimension(1);
  int64_t next_chunk = 1;
  std::vector<v1::UploadEmbeddingsRequest> uploads;
  v1::CommitEmbeddingVersionRequest committed;
  server_.handlers.begin_version = [&](const v1::BeginEmbeddingVersionRequest& request,
                                       v1::EmbeddingVersion* version) {
    EXPECT_EQ(request.model_version(), 12);
    version->set_name(kName);
    auto* shard = version->add_shards();
    shard->set_next_chunk_number(next_chunk);
    return grpc::Status::OK;
  };
  server_.handlers.upload_embeddings = [&](const v1::UploadEmbeddingsRequest& request,
                                           v1::ImportResponse* position) {
    EXPECT_EQ(request.name(), kName);
    uploads.push_back(request);
    position->set_durable_chunk_number(request.chunk_number());
    return grpc::Status::OK;
  };
  server_.handlers.commit_version = [&](const v1::CommitEmbeddingVersionRequest& request,
                                        v1::EmbeddingVersion*) {
    committed = request;
    return grpc::Status::OK;
  };
  std::vector<float> values(kRows);
  std::vector<int64_t> ids(kRows);
  for (int i = 0; i < kRows; ++i) values[i] = static_cast<float>(ids[i] = i);
  const std::vector<std::string> line = {
      "push-embeddings",
      "--collection",
      "movies",
      "--ids",
      Npy("ids.npy", "<i8", "(60000,)", ids.data(), ids.size() * sizeof(int64_t)),
      Npy("v.npy", "<f4", "(60000, 1)", values.data(), values.size() * sizeof(float)),
      "--replace",
      "--model-version",
      "12"};
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  ASSERT_EQ(uploads.size(), 2u);
  EXPECT_EQ(uploads[1].chunk_number(), 2);
  EXPECT_EQ(uploads[0].vectors().row_count() + uploads[1].vectors().row_count(), kRows);
  EXPECT_EQ(committed.name(), kName);
  EXPECT_EQ(committed.row_count(), kRows);
  EXPECT_FALSE(committed.request_id().empty());
  EXPECT_THAT(out_.str(), HasSubstr("60,000 embeddings"));

  next_chunk = 2;
  uploads.clear();
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  ASSERT_EQ(uploads.size(), 1u);
  EXPECT_EQ(uploads[0].chunk_number(), 2);
  EXPECT_EQ(ReadIds(uploads[0].item_ids(), "").value()[0],
            kRows - uploads[0].vectors().row_count());

  const std::vector<std::string> unnamed(line.begin(), line.end() - 2);
  EXPECT_EQ(Run(unnamed), ExitCode::kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--model-version"));
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
    WriteFloats(std::vector<float>{1, 0.5F}, kTyped, items->mutable_base_weights());
    WriteNames(std::vector<std::string>{"a", "b"}, items->mutable_categories()->mutable_ids());
    WriteInt64s(std::vector<int64_t>{0, 0, 2}, kTyped,
                items->mutable_categories()->mutable_row_splits());
    items->add_attributes(std::string("x\0", 2));
    items->add_attributes("");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"get-item", "--collection", "movies", "1", "2", "3"}), ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("1     [1970-01-01T00:00:00Z, never)  1            -"));
  EXPECT_THAT(out_.str(), HasSubstr("x\\000"));
  EXPECT_THAT(out_.str(), HasSubstr("0.5          a, b"));
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
