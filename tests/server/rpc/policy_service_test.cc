// SPDX-License-Identifier: Apache-2.0
// Stored policies, and sampling by them, as clients see them.
#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

v1::Policy Parse(const std::string& text) {
  v1::Policy policy;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &policy)) << text;
  return policy;
}

constexpr char kUniform[] = "components { share: 1 uniform {} }";
constexpr char kName[] = "collections/c/policies/p";

class PolicyServiceTest : public testing::Test {
 protected:
  PolicyServiceTest() {
    v1::CreateCollectionRequest create;
    create.set_collection_id("c");
    create.mutable_collection()->mutable_embedding_settings()->set_dimension(2);
    create.mutable_collection()->mutable_embedding_settings()->set_metric(
        v1::EMBEDDING_METRIC_INNER_PRODUCT);
    v1::Collection collection;
    EXPECT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection)
                    .ok());
    v1::BatchWriteItemsRequest items;
    items.set_collection("collections/c");
    SetColumn({1, 2, 3, 4, 5, 6}, items.mutable_item_ids());
    v1::WriteReceipt receipt;
    EXPECT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, items, &receipt).ok());
  }

  absl::Status Put(const v1::PutPolicyRequest& request, v1::StoredPolicy* stored) {
    return Invoke(server_.policies(), &v1::PolicyService::Stub::PutPolicy, request, stored);
  }
  absl::Status Put(const std::string& name, const std::string& text,
                   v1::StoredPolicy* stored = nullptr) {
    v1::PutPolicyRequest request;
    request.set_name(name);
    *request.mutable_policy() = Parse(text);
    v1::StoredPolicy ignored;
    return Put(request, stored == nullptr ? &ignored : stored);
  }
  absl::Status Get(const std::string& name, v1::StoredPolicy* stored) {
    v1::GetPolicyRequest request;
    request.set_name(name);
    return Invoke(server_.policies(), &v1::PolicyService::Stub::GetPolicy, request, stored);
  }

  // A request for two rows without policy.
  static v1::SampleNegativesRequest Rows() {
    v1::SampleNegativesRequest request;
    request.set_collection("collections/c");
    request.set_negative_count(3);
    request.set_seed(5);
    request.mutable_as_of_time()->set_seconds(1000);
    SetColumn({7, 8}, request.mutable_user_ids());
    return request;
  }
  absl::Status Sample(const v1::SampleNegativesRequest& request,
                      v1::SampleNegativesResponse* response) {
    return Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives, request,
                  response);
  }

  RpcServer server_;
};

// Every field of every message comes back, with defaults spelled out.
constexpr char kEverything[] = R"(
  experiment {
    name: "e"
    arms {
      name: "a" weight: 2
      policy {
        components { share: 0.5 category: "x" uniform { by_base_weight: true } }
        components {
          share: 1 popularity { alpha: 0.5 half_life { seconds: 3600 } window { seconds: 7200 } } }
        components {
          share: 1
          nearest {
            anchor: NEAREST_ANCHOR_POSITIVE rank_begin: 1 rank_end: 9 pick: NEAREST_PICK_SOFTMAX
            temperature: 0.5 min_score: -1 max_score: 2 margin: 0 relative_margin: 0.5 noise: 1 } }
        components {
          share: 1 exposure { half_life { seconds: 3600 } max_importance_weight: 10 } }
        components { share: 1 mined { half_life {} } }
        components { share: 1 adversarial { anchor: NEAREST_ANCHOR_QUERY temperature: 0.1 } }
        components {
          share: 1
          dynamic {
            popularity { alpha: 2 } anchor: NEAREST_ANCHOR_POSITIVE pool_size: 16
            pick: DYNAMIC_PICK_AHNS target { alpha: 1 beta: 2 p: -2 } } }
        unique: true category_cap: 2 positive_floor: 0
      }
    }
    arms {
      name: "b" weight: 1
      policy {
        rotation {
          cycle_count: 3
          turns {
            length: 1
            policy {
              components {
                nearest {
                  anchor: NEAREST_ANCHOR_QUERY pick: NEAREST_PICK_SOFTMAX
                  rank_begin_schedule {
                    interpolation: INTERPOLATION_LINEAR
                    points { progress: 0 value: 10 } points { progress: 1 value: 0 } }
                  rank_end_schedule {
                    interpolation: INTERPOLATION_STEPS
                    points { progress: 0.25 value: 100 } points { progress: 0.5 value: 20 } }
                  temperature_schedule {
                    interpolation: INTERPOLATION_COSINE points { progress: 1 value: 1 } }
                  noise_schedule {
                    interpolation: INTERPOLATION_LINEAR points { progress: 0 value: 0.5 } } }
                share_schedule {
                  interpolation: INTERPOLATION_LINEAR points { progress: 0 value: 1 } } } } }
          turns {
            length: 2
            policy {
              components {
                share: 1
                adversarial {
                  anchor: NEAREST_ANCHOR_QUERY
                  temperature_schedule {
                    interpolation: INTERPOLATION_LINEAR points { progress: 0 value: 1 } } } } } }
        }
      }
    }
    arms {
      name: "c" weight: 1
      policy {
        rotation {
          period { seconds: 604800 }
          turns {
            length: 1
            policy {
              components {
                share: 1
                dynamic {
                  uniform {} anchor: NEAREST_ANCHOR_QUERY pool_size: 8 pick: DYNAMIC_PICK_SOFTMAX
                  temperature_schedule {
                    interpolation: INTERPOLATION_LINEAR points { progress: 0 value: 1 } } } } } }
        }
      }
    }
  })";

TEST_F(PolicyServiceTest, EveryFieldComesBack) {
  v1::StoredPolicy put, got;
  ASSERT_TRUE(Put(kName, kEverything, &put).ok());
  EXPECT_EQ(put.name(), kName);
  EXPECT_EQ(put.version(), 1);
  EXPECT_FALSE(put.built_in());
  EXPECT_TRUE(put.has_create_time());
  std::string difference;
  MessageDifferencer differencer;
  differencer.set_message_field_comparison(MessageDifferencer::EQUIVALENT);
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(Parse(kEverything), put.policy())) << difference;
  ASSERT_TRUE(Get(std::string(kName) + "@1", &got).ok());
  EXPECT_TRUE(MessageDifferencer::Equals(put, got));
}

TEST_F(PolicyServiceTest, EveryErrorOfAPolicyIsNamed) {
  const std::string before = Contents(server_, "collections/c");
  const absl::Status status = Put(kName, R"(
    components { share: -1 uniform {} }
    components {}
    components { share: 1 category: "" popularity { alpha: 9 window {} within_cohort: true } }
    components { share: 1 nearest { pick: 77 anchor: 99 } }
    components { share: 1 adversarial { temperature_schedule { interpolation: 9 } } }
    components {
      share: 1 dynamic { pool_size: 0 temperature: 1 popularity { within_cohort: true } } }
    category_cap: -2 positive_floor: 1)");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string path = "policy.components";
  EXPECT_THAT(BadFields(status),
              UnorderedElementsAre(path + "[0].share", path + "[1].source",
                                   path + "[2].popularity.alpha", path + "[2].popularity.window",
                                   path + "[2].popularity.within_cohort", path + "[3].nearest.pick",
                                   path + "[3].nearest.anchor", path + "[3].nearest.rank_end",
                                   path + "[4].adversarial.temperature_schedule.interpolation",
                                   path + "[4].adversarial.temperature_schedule.points",
                                   path + "[5].dynamic.pool_size", path + "[5].dynamic.top_count",
                                   path + "[5].dynamic.temperature",
                                   path + "[5].dynamic.popularity.within_cohort",
                                   "policy.category_cap", "policy.positive_floor"));
  // The same for an inline one.
  v1::SampleNegativesRequest inline_request = Rows();
  *inline_request.mutable_policy() = Parse(R"(
    components { share: -1 uniform {} }
    components { share: 1 popularity { within_cohort: true } })");
  v1::SampleNegativesResponse response;
  EXPECT_THAT(BadFields(Sample(inline_request, &response)),
              UnorderedElementsAre(path + "[0].share", path + "[1].popularity.within_cohort"));
  EXPECT_EQ(Contents(server_, "collections/c"), before);
  v1::StoredPolicy stored;
  EXPECT_EQ(Reason(Get(kName, &stored)), "POLICY_NOT_FOUND");
}

TEST_F(PolicyServiceTest, ArmsAndTurnsAreRefusedWhereTheyDoNotBelong) {
  struct Case {
    const char* text;
    std::vector<std::string> bad;
  };
  const Case cases[] = {
      {"rotation {}", {"policy.rotation.cycle", "policy.rotation.turns"}},
      {"rotation { cycle_count: 0 turns { length: 1 policy { components { share: 1 uniform {} } } "
       "} }",
       {"policy.rotation.cycle_count"}},
      {"rotation { period {} turns { length: 0 policy {} } }",
       {"policy.rotation.period", "policy.rotation.turns[0].length",
        "policy.rotation.turns[0].policy.components"}},
      {"unique: true rotation { cycle_count: 1 turns { length: 1 policy { components { share: 1 "
       "uniform {} } } } }",
       {"policy.rotation"}},
      {"experiment {}", {"policy.experiment.name", "policy.experiment.arms"}},
      {"experiment { name: \"e\" arms { weight: 1 policy { components { share: 1 uniform {} } } } "
       "arms { name: \"b\" policy { experiment {} } } }",
       {"policy.experiment.arms[0].name", "policy.experiment.arms[1].weight",
        "policy.experiment.arms[1].policy.experiment",
        "policy.experiment.arms[1].policy.components"}},
      {"rotation { cycle_count: 1 turns { length: 1 policy { rotation {} components { share: 1 "
       "uniform {} } } } }",
       {"policy.rotation.turns[0].policy"}},
      {"components { share: 1 uniform {} } experiment { name: \"e\" arms { name: \"a\" weight: 1 "
       "policy { components { share: 1 uniform {} } } } }",
       {"policy.experiment"}}};
  for (const Case& c : cases) {
    EXPECT_THAT(BadFields(Put(kName, c.text)), testing::UnorderedElementsAreArray(c.bad)) << c.text;
  }
}

TEST_F(PolicyServiceTest, NamesAreOfTheirForm) {
  v1::StoredPolicy stored;
  for (const char* const name :
       {"", "p", "collections/c/policies/", "collections/c/policies/P", "policies/p",
        "collections/C/policies/p", "collections/c/policies/p@1"}) {
    EXPECT_THAT(BadFields(Put(name, kUniform)), ElementsAre("name")) << name;
  }
  for (const char* const name :
       {"collections/c/policies/p@", "collections/c/policies/p@0", "collections/c/policies/p@01",
        "collections/c/policies/p@x", "collections/c/policies/p@-1"}) {
    EXPECT_THAT(BadFields(Get(name, &stored)), ElementsAre("name")) << name;
  }
  EXPECT_EQ(Reason(Put("collections/other/policies/p", kUniform)), "COLLECTION_NOT_FOUND");
}

TEST_F(PolicyServiceTest, PutsHaveRequestIdsAndExpectedVersions) {
  v1::PutPolicyRequest request;
  request.set_name(kName);
  *request.mutable_policy() = Parse(kUniform);
  request.set_request_id("r-1");
  request.set_expected_version(0);
  v1::StoredPolicy stored;
  ASSERT_TRUE(Put(request, &stored).ok());
  ASSERT_TRUE(Put(request, &stored).ok()) << "a repetition";
  EXPECT_EQ(stored.version(), 1);
  request.set_request_id("r-2");
  request.mutable_policy()->set_unique(true);
  const absl::Status status = Put(request, &stored);
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Reason(status), "POLICY_VERSION_MISMATCH");
  request.set_expected_version(1);
  ASSERT_TRUE(Put(request, &stored).ok());
  EXPECT_EQ(stored.version(), 2);
}

TEST_F(PolicyServiceTest, ListsPoliciesAndVersionsInPages) {
  for (const char* const id : {"p", "z", "a"}) {
    const std::string name = std::string("collections/c/policies/") + id;
    ASSERT_TRUE(Put(name, kUniform).ok());
    ASSERT_TRUE(Put(name, "components { share: 1 popularity {} }").ok());
    ASSERT_TRUE(Put(name, kUniform).ok());
  }
  std::vector<std::string> names;
  v1::ListPoliciesRequest list;
  list.set_collection("collections/c");
  list.set_page_size(2);
  do {
    v1::ListPoliciesResponse page;
    ASSERT_TRUE(
        Invoke(server_.policies(), &v1::PolicyService::Stub::ListPolicies, list, &page).ok());
    for (const v1::StoredPolicy& policy : page.policies()) {
      names.push_back(policy.name().substr(policy.name().rfind('/') + 1));
      EXPECT_EQ(policy.version(), policy.built_in() ? 1 : 3);
      EXPECT_EQ(policy.has_create_time(), !policy.built_in());
    }
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(names, ElementsAre("a", "balanced", "hard", "p", "popular", "uniform", "z"));

  std::vector<int64_t> versions;
  v1::ListPolicyVersionsRequest list_versions;
  list_versions.set_name(kName);
  list_versions.set_page_size(2);
  do {
    v1::ListPolicyVersionsResponse page;
    ASSERT_TRUE(Invoke(server_.policies(), &v1::PolicyService::Stub::ListPolicyVersions,
                       list_versions, &page)
                    .ok());
    for (const v1::StoredPolicy& policy : page.policies()) versions.push_back(policy.version());
    list_versions.set_page_token(page.next_page_token());
  } while (!list_versions.page_token().empty());
  EXPECT_THAT(versions, ElementsAre(3, 2, 1));

  list.set_page_token("nonsense");
  v1::ListPoliciesResponse page;
  EXPECT_THAT(
      BadFields(Invoke(server_.policies(), &v1::PolicyService::Stub::ListPolicies, list, &page)),
      ElementsAre("page_token"));
  list.clear_page_token();
  list.set_page_size(1001);
  EXPECT_THAT(
      BadFields(Invoke(server_.policies(), &v1::PolicyService::Stub::ListPolicies, list, &page)),
      ElementsAre("page_size"));
}

TEST_F(PolicyServiceTest, ADeletedPolicyIsGone) {
  ASSERT_TRUE(Put(kName, kUniform).ok());
  v1::DeletePolicyRequest request;
  request.set_name(kName);
  google::protobuf::Empty nothing;
  const auto remove = [&] {
    return Invoke(server_.policies(), &v1::PolicyService::Stub::DeletePolicy, request, &nothing);
  };
  EXPECT_TRUE(remove().ok());
  v1::StoredPolicy stored;
  EXPECT_EQ(Reason(Get(kName, &stored)), "POLICY_NOT_FOUND");
  EXPECT_EQ(Reason(remove()), "POLICY_NOT_FOUND");
  request.set_allow_missing(true);
  EXPECT_TRUE(remove().ok());
  request.set_name("collections/c/policies/hard");
  EXPECT_EQ(Reason(remove()), "POLICY_BUILT_IN");
}

TEST_F(PolicyServiceTest, SamplesByName) {
  ASSERT_TRUE(Put(kName, "components { share: 1 popularity {} }").ok());
  ASSERT_TRUE(Put(kName, kUniform).ok());
  v1::SampleNegativesRequest request = Rows();
  *request.mutable_policy() = Parse(kUniform);
  v1::SampleNegativesResponse expected, response;
  ASSERT_TRUE(Sample(request, &expected).ok());
  EXPECT_EQ(expected.policy_name(), "");
  EXPECT_EQ(expected.snapshot().policy_version(), 0);
  request.set_policy_name(kName);
  EXPECT_THAT(BadFields(Sample(request, &response)), ElementsAre("policy_name"));
  request.clear_policy();
  ASSERT_TRUE(Sample(request, &response).ok());
  EXPECT_EQ(response.item_ids().raw(), expected.item_ids().raw());
  EXPECT_EQ(response.log_q().raw(), expected.log_q().raw());
  EXPECT_EQ(response.policy_name(), std::string(kName) + "@2");
  EXPECT_EQ(response.snapshot().policy_version(), 2);
  request.set_policy_name("collections/c/policies/uniform@1");
  ASSERT_TRUE(Sample(request, &response).ok());
  EXPECT_EQ(response.item_ids().raw(), expected.item_ids().raw());
  request.set_policy_name("collections/d/policies/p");
  EXPECT_THAT(BadFields(Sample(request, &response)), ElementsAre("policy_name"));
  request.set_policy_name(std::string(kName) + "@9");
  EXPECT_EQ(Reason(Sample(request, &response)), "POLICY_NOT_FOUND");
  request.clear_policy_name();
  EXPECT_THAT(BadFields(Sample(request, &response)), ElementsAre("policy.components"));
}

TEST_F(PolicyServiceTest, SharedBlocksAndCandidatesTakeNames) {
  ASSERT_TRUE(Put(kName, kUniform).ok());
  v1::SampleSharedNegativesRequest shared;
  shared.set_collection("collections/c");
  shared.set_negative_count(4);
  shared.set_row_count(2);
  shared.set_policy_name(kName);
  v1::SampleSharedNegativesResponse block;
  ASSERT_TRUE(
      Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleSharedNegatives, shared, &block)
          .ok());
  EXPECT_EQ(block.policy_name(), std::string(kName) + "@1");
  EXPECT_EQ(block.snapshot().policy_version(), 1);
  shared.set_policy_name("collections/c/policies/hard");
  EXPECT_THAT(BadFields(Invoke(server_.sampling(),
                               &v1::SamplingService::Stub::SampleSharedNegatives, shared, &block)),
              ElementsAre("policy.components[0].source"));

  v1::GetCandidatesRequest candidates;
  *candidates.mutable_sample() = Rows();
  candidates.mutable_sample()->set_policy_name(kName);
  SetMatrix({1, 0, 0, 1}, 2, candidates.mutable_sample()->mutable_queries());
  v1::GetCandidatesResponse ranked;
  ASSERT_TRUE(
      Invoke(server_.sampling(), &v1::SamplingService::Stub::GetCandidates, candidates, &ranked)
          .ok());
  EXPECT_EQ(ranked.sample().policy_name(), std::string(kName) + "@1");
  candidates.mutable_sample()->set_policy_name("p");
  EXPECT_THAT(BadFields(Invoke(server_.sampling(), &v1::SamplingService::Stub::GetCandidates,
                               candidates, &ranked)),
              ElementsAre("sample.policy_name"));
}

TEST_F(PolicyServiceTest, AResponseTellsWhatSchedulesGave) {
  v1::SampleNegativesRequest request = Rows();
  *request.mutable_policy() = Parse(R"(
    components {
      uniform {}
      share_schedule { points { progress: 0 value: 1 } points { progress: 1 value: 0 } } }
    components { share: 1 category: "none" uniform {} })");
  v1::SampleNegativesResponse response;
  EXPECT_THAT(BadFields(Sample(request, &response)), ElementsAre("progress"));
  request.set_progress(2);
  EXPECT_THAT(BadFields(Sample(request, &response)), ElementsAre("progress"));
  request.set_progress(0.25);
  ASSERT_TRUE(Sample(request, &response).ok());
  ASSERT_EQ(response.components_size(), 2);
  EXPECT_EQ(response.components(0).resolved().share(), 0.75);
  EXPECT_TRUE(response.components(0).resolved().has_uniform());
  EXPECT_FALSE(response.components(0).resolved().has_share_schedule());
  EXPECT_FALSE(response.components(1).has_resolved());
}

TEST_F(PolicyServiceTest, AResponseTellsTheArmOfEachRow) {
  ASSERT_TRUE(Put(kName, R"(experiment {
    name: "e"
    arms { name: "one" weight: 1 policy { components { share: 1 uniform {} } } }
    arms { name: "two" weight: 1 policy { components { share: 1 popularity {} } } } })")
                  .ok());
  v1::SampleNegativesRequest request = Rows();
  std::vector<int64_t> users;
  for (int64_t user = 0; user < 64; ++user) users.push_back(user);
  SetColumn(users, request.mutable_user_ids());
  request.set_policy_name(kName);
  for (const v1::ColumnEncoding encoding : {v1::COLUMN_ENCODING_RAW, v1::COLUMN_ENCODING_TYPED}) {
    request.set_encoding(encoding);
    request.clear_outputs();
    v1::SampleNegativesResponse response;
    ASSERT_TRUE(Sample(request, &response).ok());
    EXPECT_FALSE(response.has_arm_indexes());
    request.add_outputs(v1::SAMPLE_OUTPUT_ARM);
    ASSERT_TRUE(Sample(request, &response).ok());
    EXPECT_THAT(response.arm_names(), ElementsAre("one", "two"));
    EXPECT_EQ(response.components(0).arm(), "one");
    EXPECT_EQ(response.components(1).arm(), "two");
    const std::vector<uint8_t> arms = *ReadBytes(response.arm_indexes(), "");
    ASSERT_EQ(arms.size(), 64u);
    // Of the 64 users more than 10 are in each arm, but for a chance of 2^-29.
    EXPECT_GT(std::count(arms.begin(), arms.end(), 0), 10);
    EXPECT_GT(std::count(arms.begin(), arms.end(), 1), 10);
  }
  request.clear_user_ids();
  request.set_row_count(2);
  v1::SampleNegativesResponse response;
  EXPECT_THAT(BadFields(Sample(request, &response)), ElementsAre("user_ids"));
}

}  // namespace
}  // namespace negatron
