// SPDX-License-Identifier: Apache-2.0
// `explain`, `audit`, and the settings of the audit log.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "proto/cc/columns.h"
#include "tests/client/cli/cli_fixture.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr v1::ColumnEncoding kTyped = v1::COLUMN_ENCODING_TYPED;

class CliAccountTest : public CliTest {
 protected:
  CliAccountTest() {
    server_.handlers.get_collection = [](const v1::GetCollectionRequest& request,
                                         v1::Collection* response) {
      response->set_name(request.name());
      return grpc::Status::OK;
    };
  }

  // Item 17 is in the history, 18 can be drawn.
  static void Fill(v1::ExplainNegativesResponse* response) {
    const std::vector<uint8_t> classes = {2, 5}, grounds = {2, 0}, alive = {1, 1},
                               obstacles = {4, 0};
    const std::vector<int64_t> first = {1577836800000000, std::numeric_limits<int64_t>::max()},
                               ranks = {3, 1}, score_ranks = {-1, 4}, counts = {9}, none = {-1, 17};
    const float nan = std::nanf("");
    const std::vector<float> masses = {0.5, 2}, distances = {nan, 0.25}, log_q = {-INFINITY, -1.5},
                             scores = {nan, 0.75}, shares = {1};
    WriteBytes(classes, kTyped, response->mutable_classes());
    WriteBytes(grounds, kTyped, response->mutable_grounds());
    WriteBytes(alive, kTyped, response->mutable_alive());
    WriteBytes(obstacles, kTyped, response->mutable_obstacles());
    WriteInt64s(first, kTyped, response->mutable_first_positive_micros());
    WriteInt64s(ranks, kTyped, response->mutable_popularity_ranks());
    WriteInt64s(score_ranks, kTyped, response->mutable_score_ranks());
    WriteInt64s(counts, kTyped, response->mutable_ranked_counts());
    WriteIds(none, kTyped, response->mutable_nearest_positive_ids());
    WriteFloats(masses, kTyped, response->mutable_masses());
    WriteFloats(distances, kTyped, response->mutable_positive_distances());
    WriteFloats(log_q, kTyped, response->mutable_log_q());
    WriteFloats(log_q, kTyped, response->mutable_log_q_source());
    WriteFloats(scores, kTyped, response->mutable_scores());
    WriteFloats(shares, kTyped, response->mutable_effective_shares());
    response->add_components()->set_source("adversarial");
    response->set_row_status(v1::ROW_STATUS_OK);
    response->set_law_kind(v1::LAW_KIND_EXACT);
    response->set_living_item_count(1234);
  }

  static void Fill(int64_t id, v1::Audit* audit) {
    audit->set_name("collections/movies/audits/" + std::to_string(id));
    audit->mutable_create_time()->set_seconds(1577836800);
    audit->set_row_count(1);
    audit->set_negative_count(2);
    audit->set_seed(5);
    audit->set_policy_name("collections/movies/policies/warm@3");
    audit->set_stored_bytes(2048);
  }
};

TEST_F(CliAccountTest, ExplainSendsTheRowAndPrintsTables) {
  v1::ExplainNegativesRequest seen;
  server_.handlers.explain = [&](const v1::ExplainNegativesRequest& request,
                                 v1::ExplainNegativesResponse* response) {
    seen = request;
    Fill(response);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"explain", "--collection", "movies", "17", "18", "--user", "2", "--exclude", "3",
                 "--query", "0.5,1", "--as-of", "2020-01-02", "--seed", "4", "--row-key", "6",
                 "--source", "adversarial:anchor=query,temperature=1"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(*ReadIds(seen.item_ids(), ""), ElementsAre(17, 18));
  EXPECT_EQ(seen.sample().collection(), "collections/movies");
  EXPECT_EQ(seen.sample().row_count(), 1);
  EXPECT_THAT(*ReadIds(seen.sample().user_ids(), ""), ElementsAre(2));
  EXPECT_THAT(*ReadInt64s(seen.sample().exclusions().row_splits(), ""), ElementsAre(0, 1));
  EXPECT_THAT(*ReadInt64s(seen.sample().row_keys(), ""), ElementsAre(6));
  EXPECT_EQ(seen.sample().queries().column_count(), 2);
  EXPECT_EQ(seen.sample().seed(), 4);
  EXPECT_TRUE(seen.sample().policy().components(0).has_adversarial());
  EXPECT_THAT(out_.str(), HasSubstr("POSITIVE"));
  EXPECT_THAT(out_.str(), HasSubstr("HISTORY"));
  EXPECT_THAT(out_.str(), HasSubstr("2020-01-01T00:00:00Z"));
  EXPECT_THAT(out_.str(), HasSubstr("0.2500 to 17"));
  EXPECT_THAT(out_.str(), HasSubstr("EXCLUDED"));
  EXPECT_THAT(out_.str(), HasSubstr("4 of 9"));
  EXPECT_THAT(out_.str(), HasSubstr("1,234 living items"));
}

TEST_F(CliAccountTest, ExplainNeedsWhatItsSourcesNeed) {
  EXPECT_EQ(Run({"explain", "--collection", "movies"}), ExitCode::kUsage);
  EXPECT_EQ(Run({"explain", "--collection", "movies", "17", "--source", "nearest:end=5"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--positive"));
}

TEST_F(CliAccountTest, ListGoesOnToTheLimit) {
  std::vector<int32_t> sizes;
  server_.handlers.list_audits = [&](const v1::ListAuditsRequest& request,
                                     v1::ListAuditsResponse* response) {
    sizes.push_back(request.page_size());
    EXPECT_EQ(request.policy_name(), "collections/movies/policies/warm");
    Fill(static_cast<int64_t>(90 - sizes.size()), response->add_audits());
    response->set_next_page_token("more");
    return grpc::Status::OK;
  };
  EXPECT_EQ(
      Run({"audit", "list", "--collection", "movies", "--limit", "3", "--policy-name", "warm"}),
      ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(sizes, ElementsAre(3, 2, 1));
  EXPECT_THAT(out_.str(), HasSubstr("87"));
  EXPECT_THAT(out_.str(), HasSubstr("warm@3"));
  EXPECT_THAT(out_.str(), HasSubstr("2.0 KiB"));
}

TEST_F(CliAccountTest, GetPrintsTheDraws) {
  server_.handlers.get_audit = [](const v1::GetAuditRequest& request, v1::Audit* response) {
    EXPECT_EQ(request.name(), "collections/movies/audits/17");
    Fill(17, response);
    const std::vector<int64_t> items = {41, 42};
    const std::vector<uint8_t> components = {0, 255};
    WriteIds(items, kTyped, response->mutable_response()->mutable_item_ids());
    WriteBytes(components, kTyped, response->mutable_response()->mutable_component_indexes());
    response->mutable_response()->add_components()->set_source("uniform");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"audit", "get", "17", "--collection", "movies"}), ExitCode::kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("1 x 2"));
  EXPECT_THAT(out_.str(), HasSubstr("41"));
  EXPECT_THAT(out_.str(), HasSubstr("uniform"));
}

TEST_F(CliAccountTest, ReplayFailsWhereAnythingDiffers) {
  bool equal = true;
  server_.handlers.replay_audit = [&](const v1::ReplayAuditRequest&,
                                      v1::ReplayAuditResponse* response) {
    response->set_equal(equal);
    if (equal) return grpc::Status::OK;
    response->mutable_difference()->set_column("log_q");
    response->mutable_difference()->set_index(2);
    response->mutable_difference()->set_kept("-1");
    response->mutable_difference()->set_replayed("-2");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"audit", "replay", "17", "18", "--collection", "movies"}), ExitCode::kOk);
  EXPECT_EQ(out_.str(), "17: equal\n18: equal\n");
  equal = false;
  EXPECT_EQ(Run({"audit", "replay", "17", "--collection", "movies"}), ExitCode::kRefused);
  EXPECT_THAT(out_.str(), HasSubstr("log_q[2] was -1 and is -2"));
}

TEST_F(CliAccountTest, UpdateSetsAndRemovesTheAuditLog) {
  v1::UpdateCollectionRequest seen;
  server_.handlers.update_collection = [&](const v1::UpdateCollectionRequest& request,
                                           v1::Collection* response) {
    seen = request;
    *response = request.collection();
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"collection", "update", "movies", "--audit-rate", "0.25", "--audit-max-age", "3d",
                 "--audit-max-bytes", "2097152"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(seen.update_mask().paths(), ElementsAre("audit"));
  EXPECT_EQ(seen.collection().audit().rate(), 0.25);
  EXPECT_EQ(seen.collection().audit().max_age().seconds(), 3 * 86'400);
  EXPECT_THAT(out_.str(), HasSubstr("rate 0.25, at most 3d and 2.0 MiB"));
  EXPECT_EQ(Run({"collection", "update", "movies", "--audit-rate", "none"}), ExitCode::kOk);
  EXPECT_THAT(seen.update_mask().paths(), ElementsAre("audit"));
  EXPECT_FALSE(seen.collection().has_audit());
}

}  // namespace
}  // namespace negatron::client
