// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "tests/client/cli/cli_fixture.h"

namespace negatron::client {
namespace {

using ::testing::HasSubstr;

class CliVersionsTest : public CliTest {
 protected:
  CliVersionsTest() {
    server_.handlers.list_versions = [](const v1::ListEmbeddingVersionsRequest& request,
                                        v1::ListEmbeddingVersionsResponse* response) {
      EXPECT_EQ(request.collection(), "collections/movies");
      v1::EmbeddingVersion& committed = *response->add_versions();
      committed.set_model_version(7);
      committed.set_state(v1::EMBEDDING_VERSION_STATE_COMMITTED);
      committed.set_row_count(1234);
      committed.mutable_end_time()->set_seconds(86400);
      v1::EmbeddingVersion& staging = *response->add_versions();
      staging.set_model_version(8);
      staging.set_state(v1::EMBEDDING_VERSION_STATE_STAGING);
      staging.mutable_expire_time()->set_seconds(2 * 86400);
      return grpc::Status::OK;
    };
    server_.handlers.abort_version = [](const v1::AbortEmbeddingVersionRequest& request,
                                        v1::EmbeddingVersion* version) {
      version->set_name(request.name());
      version->set_state(v1::EMBEDDING_VERSION_STATE_ABORTED);
      return grpc::Status::OK;
    };
  }
};

TEST_F(CliVersionsTest, VersionsAreListed) {
  EXPECT_EQ(Run({"embeddings", "versions", "--collection", "movies"}), ExitCode::kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("model version  state      began"));
  EXPECT_THAT(out_.str(), HasSubstr("7              committed  1970-01-01T00:00:00Z  "
                                    "1970-01-02T00:00:00Z  1,234"));
  EXPECT_THAT(out_.str(), HasSubstr("8              staging"));
  EXPECT_THAT(out_.str(), HasSubstr("1970-01-03T00:00:00Z"));
  EXPECT_EQ(Run({"embeddings", "versions", "--collection", "movies", "--json"}), ExitCode::kOk);
  EXPECT_EQ(Json().fields().at("versions").list_value().values_size(), 2);
}

TEST_F(CliVersionsTest, StagedVersionsAreAborted) {
  EXPECT_EQ(Run({"embeddings", "abort", "8", "--collection", "movies"}), ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(out_.str(), "collections/movies/embeddingVersions/8 is aborted\n");
  for (const std::vector<std::string>& line :
       std::vector<std::vector<std::string>>{{"embeddings"},
                                             {"embeddings", "abort", "--collection", "movies"},
                                             {"embeddings", "abort", "0", "--collection", "movies"},
                                             {"embeddings", "versions"}}) {
    EXPECT_EQ(Run(line), ExitCode::kUsage) << testing::PrintToString(line);
  }
}

}  // namespace
}  // namespace negatron::client
