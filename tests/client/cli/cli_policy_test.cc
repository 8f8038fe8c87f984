// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "client/cli/commands_policy.h"
#include "proto/cc/columns.h"
#include "tests/client/cli/cli_fixture.h"

namespace negatron::client {
namespace {

using ::testing::HasSubstr;

constexpr char kPolicy[] = R"({"components": [
  {"nearest": {"rankEnd": 50, "noiseSchedule": {"points": [{"value": 1}, {"progress": 1}]}},
   "shareSchedule": {"points": [{"value": 1}]}},
  {"share": 2, "uniform": {}}]})";

class CliPolicyTest : public CliTest {
 protected:
  static void Fill(const std::string& name, int64_t version, v1::StoredPolicy* policy) {
    policy->set_name("collections/movies/policies/" + name);
    policy->set_version(version);
    policy->mutable_create_time()->set_seconds(1577836800);
    policy->mutable_policy()->add_components()->mutable_popularity();
  }
};

TEST_F(CliPolicyTest, PutReadsJsonAndPrintsTheVersion) {
  v1::PutPolicyRequest seen;
  server_.handlers.put_policy = [&](const v1::PutPolicyRequest& request,
                                    v1::StoredPolicy* response) {
    seen = request;
    Fill("warm", 3, response);
    return grpc::Status::OK;
  };
  const std::string file = File("p.json", kPolicy);
  EXPECT_EQ(Run({"policy", "put", "warm", file, "--collection", "movies"}), ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(out_.str(), "warm@3\n");
  EXPECT_EQ(seen.name(), "collections/movies/policies/warm");
  EXPECT_FALSE(seen.has_expected_version());
  EXPECT_FALSE(seen.request_id().empty());
  ASSERT_EQ(seen.policy().components_size(), 2);
  EXPECT_EQ(seen.policy().components(0).nearest().noise_schedule().points_size(), 2);
  EXPECT_EQ(Run({"policy", "put", "warm", file, "--collection", "movies", "--expected-version", "0",
                 "--json"}),
            ExitCode::kOk);
  EXPECT_TRUE(seen.has_expected_version());
  EXPECT_EQ(Json().fields().at("version").string_value(), "3");
  EXPECT_EQ(
      Run({"policy", "put", "warm", File("bad.json", "{\"nope\": 1}"), "--collection", "movies"}),
      ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("is not a policy in JSON"));
}

TEST_F(CliPolicyTest, GetPrintsWhatPutReads) {
  v1::GetPolicyRequest seen;
  server_.handlers.get_policy = [&](const v1::GetPolicyRequest& request,
                                    v1::StoredPolicy* response) {
    seen = request;
    Fill("warm", 2, response);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"policy", "get", "warm@2", "--collection", "movies"}), ExitCode::kOk);
  EXPECT_EQ(seen.name(), "collections/movies/policies/warm@2");
  v1::Policy policy;
  EXPECT_TRUE(ReadPolicyFile(File("got.json", out_.str()), &policy).ok());
  EXPECT_TRUE(policy.components(0).has_popularity());
}

TEST_F(CliPolicyTest, ListsFetchAllPages) {
  server_.handlers.list_policies = [&](const v1::ListPoliciesRequest& request,
                                       v1::ListPoliciesResponse* response) {
    const bool first = request.page_token().empty();
    Fill(first ? "a" : "uniform", 1, response->add_policies());
    response->mutable_policies(0)->set_built_in(!first);
    if (first) response->set_next_page_token("next");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"policy", "list", "--collection", "movies"}), ExitCode::kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("a@1"));
  EXPECT_THAT(out_.str(), HasSubstr("2020-01-01"));
  EXPECT_THAT(out_.str(), HasSubstr("uniform@1"));
  EXPECT_THAT(out_.str(), HasSubstr("built in"));
  server_.handlers.list_policy_versions = [&](const v1::ListPolicyVersionsRequest& request,
                                              v1::ListPolicyVersionsResponse* response) {
    EXPECT_EQ(request.name(), "collections/movies/policies/a");
    for (const int64_t version : {2, 1}) Fill("a", version, response->add_policies());
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"policy", "versions", "a", "--collection", "movies", "--json"}), ExitCode::kOk);
  EXPECT_EQ(Json().fields().at("policies").list_value().values_size(), 2);
}

TEST_F(CliPolicyTest, DeletesByName) {
  v1::DeletePolicyRequest seen;
  server_.handlers.delete_policy = [&](const v1::DeletePolicyRequest& request,
                                       google::protobuf::Empty*) {
    seen = request;
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"policy", "delete", "a", "--collection", "movies", "--allow-missing"}),
            ExitCode::kOk);
  EXPECT_EQ(seen.name(), "collections/movies/policies/a");
  EXPECT_TRUE(seen.allow_missing());
}

TEST_F(CliPolicyTest, SamplesByAStoredPolicy) {
  v1::SampleNegativesRequest seen;
  server_.handlers.sample = [&](const v1::SampleNegativesRequest& request,
                                v1::SampleNegativesResponse* response) {
    seen = request;
    WriteBytes(std::vector<uint8_t>{1}, v1::COLUMN_ENCODING_TYPED,
               response->mutable_row_statuses());
    WriteIds(std::vector<int64_t>{4}, v1::COLUMN_ENCODING_TYPED, response->mutable_item_ids());
    response->set_policy_name("collections/movies/policies/warm@3");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1", "--policy-name", "warm",
                 "--progress", "0.25"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(seen.policy_name(), "collections/movies/policies/warm");
  EXPECT_FALSE(seen.has_policy());
  EXPECT_EQ(seen.progress(), 0.25);
  EXPECT_THAT(out_.str(), HasSubstr("policy collections/movies/policies/warm@3"));
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1", "--policy-name", "warm",
                 "--unique"}),
            ExitCode::kUsage);
}

}  // namespace
}  // namespace negatron::client
