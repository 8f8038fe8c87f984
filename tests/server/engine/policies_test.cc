// SPDX-License-Identifier: Apache-2.0
// Stored policies: versions, deletion, durability, and sampling by name.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/engine/policy_codec.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"
#include "tests/server/engine/engine_harness.h"
#include "tests/server/engine/policy_samples.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PoliciesTest : public testing::Test {
 protected:
  PoliciesTest() {
    EXPECT_TRUE(harness_.Open().ok());
    EXPECT_TRUE(harness_.Create(Settings("c")).ok());
    EXPECT_TRUE(harness_.Items("c", ItemsAlways({1, 2, 3, 4, 5, 6, 7, 8})).ok());
    EXPECT_TRUE(harness_.Events("c", EventsOf({1, 2, 3}, {1, 1, 2}, {10, 20, 30})).ok());
  }

  std::shared_ptr<const PolicyTable> Policies() { return *harness_.engine().GetPolicies("c"); }

  // "id@version" of all versions of all policies that are not built in, and the last versions of
  // `deleted`.
  std::vector<std::string> All() {
    std::vector<std::string> all;
    for (const StoredPolicyPointer& latest : Policies()->List("", 1000)) {
      if (latest->built_in) continue;
      for (const StoredPolicyPointer& policy : Policies()->Versions(latest->id, 1 << 30, 1000)) {
        all.push_back(absl::StrCat(policy->id, "@", policy->version));
      }
    }
    return all;
  }

  int64_t Put(const std::string& id, SourceSpec source, const std::string& request_id = "") {
    const auto policy = harness_.PutPolicy("c", PutOf(id, std::move(source), request_id));
    EXPECT_TRUE(policy.ok()) << policy.status();
    return policy.ok() ? (*policy)->version : -1;
  }

  EngineHarness harness_;
};

TEST_F(PoliciesTest, APutAddsAVersionUnlessNothingChanges) {
  harness_.clock().Set(77);
  const auto first = harness_.PutPolicy("c", PutOf("p", UniformSource{}));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ((*first)->id, "p");
  EXPECT_EQ((*first)->version, 1);
  EXPECT_EQ((*first)->create_time, 77);
  EXPECT_FALSE((*first)->built_in);
  EXPECT_EQ((*first)->plan, PolicyPlan::Of(PolicyOf(UniformSource{})));
  EXPECT_EQ(Put("p", PopularitySource{}), 2);
  EXPECT_EQ(Put("p", PopularitySource{}), 2);
  EXPECT_EQ(Put("p", UniformSource{}), 3);
  EXPECT_EQ(Put("q", UniformSource{}), 1);
  EXPECT_THAT(All(), ElementsAre("p@3", "p@2", "p@1", "q@1"));
  EXPECT_EQ((*Policies()->Find("p", 1))->plan, PolicyPlan::Of(PolicyOf(UniformSource{})));
  EXPECT_EQ((*Policies()->Find("p", 0))->version, 3);
  EXPECT_EQ(ReasonOf(Policies()->Find("p", 4).status()), "POLICY_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Policies()->Find("r", 0).status()), "POLICY_NOT_FOUND");
}

TEST_F(PoliciesTest, TheExpectedVersionMustBeTheLatest) {
  const auto put = [&](int64_t expected, SourceSpec source) {
    PutPolicyRequest request = PutOf("p", std::move(source));
    request.expected_version = expected;
    return harness_.PutPolicy("c", std::move(request)).status();
  };
  const absl::Status missing = put(1, UniformSource{});
  EXPECT_EQ(missing.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(missing), "POLICY_VERSION_MISMATCH");
  EXPECT_TRUE(put(0, UniformSource{}).ok());
  EXPECT_EQ(put(0, PopularitySource{}).code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(put(1, PopularitySource{}).ok());
  EXPECT_EQ(harness_.DeletePolicy("c", {"p", 1}).code(), absl::StatusCode::kAborted);
  EXPECT_THAT(All(), ElementsAre("p@2", "p@1"));
  EXPECT_TRUE(harness_.DeletePolicy("c", {"p", 2}).ok());
  EXPECT_THAT(All(), IsEmpty());
}

TEST_F(PoliciesTest, ARequestIdIsAnsweredOnce) {
  EXPECT_EQ(Put("p", UniformSource{}, "put-1"), 1);
  EXPECT_EQ(Put("p", PopularitySource{}, "put-2"), 2);
  // The first response, although there is a later version by now.
  EXPECT_EQ(Put("p", UniformSource{}, "put-1"), 1);
  EXPECT_THAT(All(), ElementsAre("p@2", "p@1"));
  const absl::Status other = harness_.PutPolicy("c", PutOf("q", UniformSource{}, "put-1")).status();
  EXPECT_EQ(ReasonOf(other), "REQUEST_ID_REUSED");
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(Put("p", UniformSource{}, "put-1"), 1);
  EXPECT_THAT(All(), ElementsAre("p@2", "p@1"));
}

TEST_F(PoliciesTest, NumbersGoOnBehindADeletion) {
  Put("p", UniformSource{});
  Put("p", PopularitySource{});
  Put("p-2", UniformSource{});
  ASSERT_TRUE(harness_.DeletePolicy("c", {"p"}).ok());
  EXPECT_THAT(All(), ElementsAre("p-2@1"));
  EXPECT_EQ(ReasonOf(harness_.DeletePolicy("c", {"p"})), "POLICY_NOT_FOUND");
  EXPECT_TRUE(harness_.DeletePolicy("c", {"p", std::nullopt, /*allow_missing=*/true}).ok());
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(All(), ElementsAre("p-2@1"));
  EXPECT_EQ(Put("p", UniformSource{}), 3);
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(All(), ElementsAre("p@3", "p-2@1"));
  EXPECT_EQ(ReasonOf(Policies()->Find("p", 1).status()), "POLICY_NOT_FOUND");
}

TEST_F(PoliciesTest, BuiltInPoliciesAreThereAndStay) {
  for (const char* const id : {"uniform", "popular", "hard", "balanced"}) {
    const auto policy = Policies()->Find(id, 0);
    ASSERT_TRUE(policy.ok()) << id;
    EXPECT_TRUE((*policy)->built_in);
    EXPECT_EQ((*policy)->version, 1);
    Violations violations;
    CheckPlan((*policy)->plan, &violations);
    EXPECT_TRUE(violations.empty()) << violations.ToStatus();
    EXPECT_EQ(ReasonOf(harness_.PutPolicy("c", PutOf(id, UniformSource{})).status()),
              "POLICY_BUILT_IN");
    EXPECT_EQ(ReasonOf(harness_.DeletePolicy("c", {id})), "POLICY_BUILT_IN");
  }
}

TEST_F(PoliciesTest, ABadPolicyIsRefusedWholeAndChangesNothing) {
  Put("p", UniformSource{});
  const int64_t sequence =
      harness_.Sample("c", SampleOf(UniformSource{}, 1, 1, 100))->snapshot.commit_sequence;
  PutPolicyRequest bad = PutOf("p", PopularitySource{5, 1, 0, true});
  bad.options.request_id = "has a space";
  bad.expected_version = -1;
  bad.plan.arms[0].rotation.turns[0].policy.components[0].share = -1;
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(harness_.PutPolicy("c", bad).status())) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, testing::UnorderedElementsAre(
                          "request_id", "expected_version", "policy.components[0].share",
                          "policy.components[0].popularity.alpha",
                          "policy.components[0].popularity.half_life",
                          "policy.components[0].popularity.within_cohort"));
  EXPECT_THAT(All(), ElementsAre("p@1"));
  EXPECT_EQ(harness_.Sample("c", SampleOf(UniformSource{}, 1, 1, 100))->snapshot.commit_sequence,
            sequence);
}

TEST_F(PoliciesTest, AllOfAPolicySurvivesCrashes) {
  CollectionRecord settings = Settings("d");
  settings.cohort_popularity = true;
  ASSERT_TRUE(harness_.Create(settings).ok());
  int next = 0;
  for (const PolicyPlan& plan : SamplePlans()) {
    PutPolicyRequest request;
    request.policy_id = absl::StrCat("p", next++);
    request.plan = plan;
    ASSERT_TRUE(harness_.PutPolicy("d", std::move(request)).ok());
  }
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    harness_.Crash(/*lose_power=*/seed % 2 == 0, seed);
    ASSERT_TRUE(harness_.Open().ok());
    const auto policies = *harness_.engine().GetPolicies("d");
    for (size_t i = 0; i < SamplePlans().size(); ++i) {
      const auto policy = policies->Find(absl::StrCat("p", i), 1);
      ASSERT_TRUE(policy.ok()) << policy.status();
      EXPECT_EQ((*policy)->plan, SamplePlans()[i]);
    }
  }
}

TEST_F(PoliciesTest, ADiskThatTakesNothingRefusesAPut) {
  Put("p", UniformSource{});
  harness_.disk().SetFreeBytes(0);
  EXPECT_EQ(harness_.PutPolicy("c", PutOf("p", PopularitySource{})).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(harness_.DeletePolicy("c", {"p"}).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(All(), ElementsAre("p@1"));
  harness_.disk().SetFreeBytes(std::nullopt);
  EXPECT_EQ(Put("p", PopularitySource{}), 2);
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(All(), ElementsAre("p@2", "p@1"));
}

TEST_F(PoliciesTest, PoliciesGoWithTheirCollection) {
  Put("p", UniformSource{});
  ASSERT_TRUE(harness_.Delete("c").ok());
  EXPECT_EQ(ReasonOf(harness_.PutPolicy("c", PutOf("p", UniformSource{})).status()),
            "COLLECTION_NOT_FOUND");
  ASSERT_TRUE(harness_.Create(Settings("c")).ok());
  EXPECT_THAT(All(), IsEmpty());
  EXPECT_EQ(Put("p", UniformSource{}), 1);
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(All(), ElementsAre("p@1"));
}

TEST_F(PoliciesTest, AStoredPolicyDrawsWhatTheInlineOneDoes) {
  Put("p", UniformSource{});
  Put("p", PopularitySource{});
  const auto by_name = [&](const std::string& name, int64_t version) {
    SampleRequest request = SampleOf(UniformSource{}, 50, 4, 100);
    request.policy = Policy();
    request.policy_name = name;
    request.policy_version = version;
    return harness_.Sample("c", request);
  };
  const auto uniform = harness_.Sample("c", SampleOf(UniformSource{}, 50, 4, 100));
  const auto popular = harness_.Sample("c", SampleOf(PopularitySource{}, 50, 4, 100));
  ASSERT_TRUE(uniform.ok() && popular.ok());
  EXPECT_EQ(uniform->snapshot.policy_version, 0);
  EXPECT_EQ(uniform->policy.name, "");
  for (const auto& [name, version, served, expected] :
       {std::tuple("p", 0, 2, &*popular), std::tuple("p", 2, 2, &*popular),
        std::tuple("p", 1, 1, &*uniform), std::tuple("popular", 0, 1, &*popular),
        std::tuple("uniform", 1, 1, &*uniform)}) {
    const auto result = by_name(name, version);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->ids, expected->ids);
    EXPECT_EQ(result->log_q, expected->log_q);
    EXPECT_EQ(result->policy.name, name);
    EXPECT_EQ(result->policy.version, served);
    EXPECT_EQ(result->snapshot.policy_version, served);
    EXPECT_EQ(result->snapshot.commit_sequence, expected->snapshot.commit_sequence);
  }
  EXPECT_EQ(ReasonOf(by_name("p", 3).status()), "POLICY_NOT_FOUND");
  EXPECT_EQ(ReasonOf(by_name("r", 0).status()), "POLICY_NOT_FOUND");
  EXPECT_EQ(ReasonOf(by_name("hard", 0).status()), "EMBEDDINGS_NOT_CONFIGURED");
}

PolicyRecord RecordOf(const std::string& id, int64_t version) {
  PolicyRecord record;
  record.policy_id = id;
  record.version = version;
  record.recipe = *EncodePlan(PolicyPlan::Of(PolicyOf(UniformSource{})));
  return record;
}

TEST(PolicyTableTest, HasLimits) {
  PolicyTable many;
  for (int i = 0; i < kMaxPolicies; ++i) {
    const std::string id = absl::StrCat("p", i);
    ASSERT_TRUE(many.CheckRoom(id).ok()) << i;
    ASSERT_TRUE(many.Add(RecordOf(id, 1)).ok());
  }
  EXPECT_EQ(ReasonOf(many.CheckRoom("one-more")), "COLLECTION_FULL");
  EXPECT_TRUE(many.CheckRoom("p7").ok());
  PolicyRecord deleted = RecordOf("p7", 1);
  deleted.deleted = true;
  deleted.recipe.clear();
  ASSERT_TRUE(many.Add(deleted).ok());
  EXPECT_TRUE(many.CheckRoom("one-more").ok());

  PolicyTable deep;
  for (int p = 0; p < kMaxAllPolicyVersions / kMaxPolicyVersions; ++p) {
    const std::string id = absl::StrCat("p", p);
    for (int version = 1; version <= kMaxPolicyVersions; ++version) {
      ASSERT_TRUE(deep.CheckRoom(id).ok()) << version;
      ASSERT_TRUE(deep.Add(RecordOf(id, version)).ok());
    }
    EXPECT_EQ(ReasonOf(deep.CheckRoom(id)), "COLLECTION_FULL");
  }
  EXPECT_EQ(ReasonOf(deep.CheckRoom("fresh")), "COLLECTION_FULL");
}

TEST(PolicyTableTest, ListsInPages) {
  PolicyTable table;
  for (const char* const id : {"b", "a", "z", "popularity"}) {
    for (int version = 1; version <= 3; ++version) {
      ASSERT_TRUE(table.Add(RecordOf(id, version)).ok());
    }
  }
  std::vector<std::string> ids;
  for (std::string after;;) {
    const auto page = table.List(after, 3);
    for (const StoredPolicyPointer& policy : page) {
      ids.push_back(policy->id);
      EXPECT_EQ(policy->version, policy->built_in ? 1 : 3);
    }
    if (page.size() < 3) break;
    after = page.back()->id;
  }
  EXPECT_THAT(ids,
              ElementsAre("a", "b", "balanced", "hard", "popular", "popularity", "uniform", "z"));
  const auto versions = table.Versions("b", 3, 1);
  ASSERT_EQ(versions.size(), 1u);
  EXPECT_EQ(versions[0]->version, 2);
  EXPECT_THAT(table.Versions("nobody", 3, 1), IsEmpty());
}

TEST(PolicyTableTest, ARecipeThatCannotBeReadIsDamage) {
  PolicyTable table;
  PolicyRecord record = RecordOf("p", 1);
  record.recipe += "x";
  EXPECT_EQ(table.Add(record).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace negatron
