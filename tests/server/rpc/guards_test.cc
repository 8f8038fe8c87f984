// SPDX-License-Identifier: Apache-2.0
// Guards of policies through the service: fields, what is told of draws, bad input.
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "server/rpc/policy_conversion.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr char kName[] = "collections/films";

v1::Policy Uniform() {
  v1::Policy policy;
  policy.add_components()->set_share(1);
  policy.mutable_components(0)->mutable_uniform();
  return policy;
}

TEST(ReadGuardsTest, EveryFieldIsRead) {
  v1::Policy wire = Uniform();
  wire.set_uncertain_rule(v1::UNCERTAIN_RULE_KEEP);
  wire.mutable_history_horizon()->set_seconds(60);
  wire.mutable_min_distance()->set_distance(0.25);
  wire.mutable_min_distance()->set_history_count(3);
  v1::CategoryLimit* limit = wire.add_category_limits();
  limit->set_category("a");
  limit->set_max_count(2);
  v1::PolicyComponent* component = wire.mutable_components(0);
  component->mutable_category_filter()->add_any_of("a");
  component->mutable_category_filter()->add_all_of("b");
  component->mutable_category_filter()->add_none_of("c");
  component->mutable_plausibility()->set_min_mass(1.5);
  component->mutable_plausibility()->mutable_half_life()->set_seconds(120);
  component->mutable_plausibility()->set_min_positive_count(4);
  component->mutable_plausibility()->set_min_exposure_count(5);
  component->mutable_score_bounds()->set_anchor(v1::NEAREST_ANCHOR_POSITIVE);
  component->mutable_score_bounds()->set_min_score(-1);
  component->mutable_score_bounds()->set_max_score(1);
  component->mutable_score_bounds()->set_margin(0.1);
  component->mutable_score_bounds()->set_relative_margin(0.2);
  wire.mutable_fallback()->mutable_popularity()->set_cohort(7);
  wire.mutable_fallback()->set_category("d");
  Violations violations;
  const Policy policy = ReadPolicy(wire, &violations);
  EXPECT_TRUE(violations.ToStatus().ok()) << violations.ToStatus();
  EXPECT_EQ(policy.uncertain_rule, UncertainRule::kKeep);
  EXPECT_EQ(policy.history_horizon_micros, 60'000'000);
  EXPECT_EQ(policy.min_distance->distance, 0.25);
  EXPECT_EQ(policy.min_distance->history_count, 3);
  EXPECT_EQ(policy.category_limits.at(0).category, "a");
  EXPECT_EQ(policy.category_limits.at(0).max_count, 2);
  const PolicyComponent& read = policy.components.at(0);
  EXPECT_THAT(read.category_filter.any_of, ElementsAre("a"));
  EXPECT_THAT(read.category_filter.all_of, ElementsAre("b"));
  EXPECT_THAT(read.category_filter.none_of, ElementsAre("c"));
  EXPECT_EQ(read.plausibility->min_mass, 1.5);
  EXPECT_EQ(read.plausibility->half_life_micros, 120'000'000);
  EXPECT_EQ(read.plausibility->min_positive_count, 4);
  EXPECT_EQ(read.plausibility->min_exposure_count, 5);
  EXPECT_EQ(read.score_bounds->anchor, NearestAnchor::kPositive);
  EXPECT_EQ(read.score_bounds->min_score, -1);
  EXPECT_EQ(read.score_bounds->max_score, 1);
  EXPECT_EQ(read.score_bounds->margin, 0.1);
  EXPECT_EQ(read.score_bounds->relative_margin, 0.2);
  const auto& fallback = std::get<PopularitySource>(policy.fallback->source);
  EXPECT_EQ(fallback.cohort, 7);
  EXPECT_TRUE(fallback.within_cohort);
  EXPECT_EQ(policy.fallback->category, "d");
}

class GuardsTest : public testing::Test {
 protected:
  // Items 0 to 9 of categories "even" and "all"; item i at (i, 0). User 1 chose item 0 at
  // 1 s, item 1 at 10 s.
  GuardsTest() {
    v1::CreateCollectionRequest create;
    create.set_collection_id("films");
    auto* settings = create.mutable_collection()->mutable_embedding_settings();
    settings->set_dimension(2);
    settings->set_metric(v1::EMBEDDING_METRIC_L2);
    v1::Collection collection;
    EXPECT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection)
                    .ok());
    v1::BatchWriteItemsRequest items;
    items.set_collection(kName);
    std::vector<int64_t> ids, splits = {0};
    std::vector<float> places;
    for (int i = 0; i < 10; ++i) {
      ids.push_back(i);
      items.mutable_categories()->mutable_ids()->mutable_names()->add_values("all");
      if (i % 2 == 0)
        items.mutable_categories()->mutable_ids()->mutable_names()->add_values("even");
      splits.push_back(splits.back() + (i % 2 == 0 ? 2 : 1));
      places.insert(places.end(), {static_cast<float>(i), 0});
    }
    SetColumn(ids, items.mutable_item_ids());
    SetColumn(splits, items.mutable_categories()->mutable_row_splits());
    v1::WriteReceipt receipt;
    EXPECT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, items, &receipt).ok());
    v1::BatchWriteEmbeddingsRequest embed;
    embed.set_collection(kName);
    SetColumn(ids, embed.mutable_item_ids());
    SetMatrix(places, 2, embed.mutable_vectors());
    EXPECT_TRUE(Invoke(server_.embeddings(), &v1::EmbeddingService::Stub::BatchWriteEmbeddings,
                       embed, &receipt)
                    .ok());
    v1::BatchWriteEventsRequest events;
    events.set_collection(kName);
    SetColumn(std::vector<int64_t>{1, 1}, events.mutable_user_ids());
    SetColumn(std::vector<int64_t>{0, 1}, events.mutable_item_ids());
    SetColumn(std::vector<int64_t>{1'000'000, 10'000'000}, events.mutable_event_time_micros());
    EXPECT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteEvents, events, &receipt).ok());
  }

  absl::Status Sample(const v1::Policy& policy, int count = 200) {
    v1::SampleNegativesRequest request;
    request.set_collection(kName);
    request.set_negative_count(count);
    SetColumn(std::vector<int64_t>{1}, request.mutable_user_ids());
    SetColumn(std::vector<int64_t>{5}, request.mutable_positive_ids());
    request.mutable_as_of_time()->set_seconds(9);
    request.set_seed(3);
    request.add_outputs(v1::SAMPLE_OUTPUT_TAGS);
    request.add_outputs(v1::SAMPLE_OUTPUT_REJECTS_BY_CAUSE);
    request.add_outputs(v1::SAMPLE_OUTPUT_REJECTS_BY_ALL_CAUSES);
    *request.mutable_policy() = policy;
    response_.Clear();
    return Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives, request,
                  &response_);
  }

  std::set<int64_t> Items() const {
    const std::vector<int64_t> ids = ReadIds(response_.item_ids(), "").value();
    return {ids.begin(), ids.end()};
  }

  RpcServer server_;
  v1::SampleNegativesResponse response_;
};

TEST_F(GuardsTest, UncertainItemsAreLeftOutOrTagged) {
  v1::Policy policy = Uniform();
  policy.mutable_history_horizon()->set_seconds(2);
  policy.mutable_min_distance()->set_distance(1.5);
  ASSERT_TRUE(Sample(policy).ok());
  EXPECT_THAT(Items(), ElementsAre(2, 3, 7, 8, 9));
  EXPECT_THAT(ReadBytes(response_.tags(), "").value(), Each(0));
  EXPECT_EQ(response_.law_kind(), v1::LAW_KIND_EXACT);
  EXPECT_EQ(response_.reject_cause_count(), 6);
  EXPECT_EQ(ReadInt64s(response_.rejects_by_cause(), "").value().size(), 4u);
  EXPECT_EQ(ReadInt64s(response_.rejects_by_all_causes(), "").value().size(), 6u);
  policy.set_uncertain_rule(v1::UNCERTAIN_RULE_KEEP);
  ASSERT_TRUE(Sample(policy).ok());
  const std::vector<int64_t> ids = ReadIds(response_.item_ids(), "").value();
  const std::vector<uint8_t> tags = ReadBytes(response_.tags(), "").value();
  for (size_t i = 0; i < ids.size(); ++i) {
    const int near = ids[i] == 4 || ids[i] == 6 ? v1::DRAW_TAG_NEAR_POSITIVE : 0;
    ASSERT_EQ(tags[i], ids[i] == 1 ? v1::DRAW_TAG_IN_HORIZON : near) << ids[i];
  }
}

TEST_F(GuardsTest, RejectsOfUncertainItemsAreCounted) {
  v1::Policy policy = Uniform();
  policy.mutable_history_horizon()->set_seconds(2);
  ASSERT_TRUE(Sample(policy).ok());
  const auto rejects = ReadInt64s(response_.rejects_by_all_causes(), "").value();
  EXPECT_GT(rejects[v1::REJECT_CAUSE_UNCERTAIN - 1], 0);
  v1::GetCollectionStatisticsRequest request;
  request.set_collection(kName);
  v1::CollectionStatistics statistics;
  ASSERT_TRUE(Invoke(server_.inspection(), &v1::InspectionService::Stub::GetCollectionStatistics,
                     request, &statistics)
                  .ok());
  EXPECT_EQ(statistics.rejects(4).reject_cause(), v1::REJECT_CAUSE_UNCERTAIN);
  EXPECT_EQ(statistics.rejects(4).count(), rejects[4]);
}

TEST_F(GuardsTest, FallbacksAreReported) {
  v1::Policy policy = Uniform();
  policy.mutable_components(0)->set_category("nobody's");
  policy.mutable_fallback()->mutable_uniform();
  policy.mutable_fallback()->mutable_category_filter()->add_none_of("even");
  ASSERT_TRUE(Sample(policy).ok());
  EXPECT_THAT(Items(), ElementsAre(1, 3, 7, 9));
  EXPECT_THAT(ReadBytes(response_.tags(), "").value(), Each(v1::DRAW_TAG_FALLBACK));
  EXPECT_EQ(response_.components_size(), 1);
  EXPECT_EQ(response_.components(0).drawn_count(), 0);
  EXPECT_EQ(response_.fallback().source(), "uniform");
  EXPECT_EQ(response_.fallback().drawn_count(), 200);
  EXPECT_EQ(response_.fallback().law_kind(), v1::LAW_KIND_EXACT);
}

TEST_F(GuardsTest, BadGuardsAreNamed) {
  struct Case {
    std::function<void(v1::Policy*)> set;
    std::vector<std::string> bad;
  };
  const Case cases[] = {
      {[](v1::Policy* p) { p->set_uncertain_rule(static_cast<v1::UncertainRule>(9)); },
       {"policy.uncertain_rule"}},
      {[](v1::Policy* p) { p->mutable_history_horizon()->set_seconds(-1); },
       {"policy.history_horizon"}},
      {[](v1::Policy* p) { p->mutable_min_distance(); }, {"policy.min_distance.distance"}},
      {[](v1::Policy* p) { p->mutable_fallback(); }, {"policy.fallback.source"}},
      {[](v1::Policy* p) {
         auto* popularity = p->mutable_components(0)->mutable_popularity();
         popularity->set_within_cohort(true);
         popularity->set_cohort(300);
       },
       // Beside `within_cohort`, out of range, and nothing that the collection keeps.
       std::vector<std::string>(3, "policy.components[0].popularity.cohort")},
      {[](v1::Policy* p) { p->mutable_fallback()->mutable_popularity()->set_cohort(3); },
       {"policy.fallback.popularity.cohort"}},
      {[](v1::Policy* p) { p->mutable_components(0)->mutable_score_bounds()->set_min_score(0); },
       {"queries"}},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    v1::Policy policy = Uniform();
    cases[i].set(&policy);
    const absl::Status status = Sample(policy);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << "case " << i;
    EXPECT_EQ(BadFields(status), cases[i].bad) << "case " << i;
  }
}

TEST_F(GuardsTest, BlocksTakeAHorizonAndFiltersOfItems) {
  v1::SampleSharedNegativesRequest request;
  request.set_collection(kName);
  request.set_negative_count(100);
  SetColumn(std::vector<int64_t>{1}, request.mutable_user_ids());
  request.mutable_as_of_time()->set_seconds(9);
  v1::SampleSharedNegativesResponse response;
  const auto call = [&](const v1::Policy& policy) {
    *request.mutable_policy() = policy;
    response.Clear();
    const absl::Status status = Invoke(
        server_.sampling(), &v1::SamplingService::Stub::SampleSharedNegatives, request, &response);
    if (!status.ok()) return BadFields(status);
    const std::vector<int64_t> ids = ReadIds(response.item_ids(), "").value();
    std::set<std::string> wrong;
    for (size_t k = 0; k < ids.size(); ++k) {
      const auto byte = static_cast<uint8_t>(response.false_mask()[k / 8]);
      if ((byte >> (k % 8) & 1) != 0) wrong.insert(std::to_string(ids[k]));
    }
    return std::vector<std::string>(wrong.begin(), wrong.end());
  };
  v1::Policy policy = Uniform();
  EXPECT_THAT(call(policy), ElementsAre("0"));
  policy.mutable_history_horizon()->set_seconds(1);
  EXPECT_THAT(call(policy), ElementsAre("0", "1"));
  policy.set_uncertain_rule(v1::UNCERTAIN_RULE_KEEP);
  EXPECT_THAT(call(policy), ElementsAre("policy.uncertain_rule"));
  policy = Uniform();
  policy.mutable_min_distance()->set_distance(1);
  policy.set_uncertain_rule(v1::UNCERTAIN_RULE_KEEP);
  policy.mutable_fallback()->mutable_uniform();
  policy.mutable_components(0)->mutable_score_bounds();
  v1::CategoryLimit* limit = policy.add_category_limits();
  limit->set_category("even");
  limit->set_max_count(1);
  EXPECT_THAT(call(policy),
              UnorderedElementsAre("policy.uncertain_rule", "policy.fallback",
                                   "policy.category_limits", "policy.components[0].score_bounds"));
  policy = Uniform();
  policy.mutable_components(0)->mutable_category_filter()->add_any_of("even");
  EXPECT_THAT(call(policy), ElementsAre("0"));
  EXPECT_EQ(response.law_kind(), v1::LAW_KIND_EXACT);
  const std::vector<int64_t> even = ReadIds(response.item_ids(), "").value();
  for (const int64_t id : even) EXPECT_EQ(id % 2, 0);
}

TEST(GuardsWithoutEmbeddingsTest, DistancesAndBoundsNeedEmbeddings) {
  RpcServer server;
  v1::CreateCollectionRequest create;
  create.set_collection_id("films");
  v1::Collection collection;
  ASSERT_TRUE(Invoke(server.collections(), &v1::CollectionService::Stub::CreateCollection, create,
                     &collection)
                  .ok());
  for (const bool by_distance : {true, false}) {
    v1::SampleNegativesRequest request;
    request.set_collection(kName);
    request.set_negative_count(1);
    request.set_row_count(1);
    *request.mutable_policy() = Uniform();
    if (by_distance) {
      request.mutable_policy()->mutable_min_distance()->set_distance(1);
    } else {
      auto* bounds = request.mutable_policy()->mutable_components(0)->mutable_score_bounds();
      bounds->set_anchor(v1::NEAREST_ANCHOR_POSITIVE);
    }
    v1::SampleNegativesResponse response;
    const absl::Status status =
        Invoke(server.sampling(), &v1::SamplingService::Stub::SampleNegatives, request, &response);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(Reason(status), "EMBEDDINGS_NOT_CONFIGURED");
  }
}

}  // namespace
}  // namespace negatron
