// SPDX-License-Identifier: Apache-2.0
// Small conversions between wire and domain.
#include <limits>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include "proto/cc/columns.h"
#include "proto/cc/status.h"
#include "server/engine/engine.h"
#include "server/rpc/collection_conversion.h"
#include "server/rpc/page_tokens.h"
#include "server/rpc/policy_conversion.h"
#include "server/rpc/pool_conversion.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/sampling_conversion.h"
#include "server/rpc/seed_source.h"
#include "server/rpc/status_conversion.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

TEST(StatusConversionTest, FactsOfTheDomainBecomeDetails) {
  Violations violations;
  violations.AddRow("item_ids", 17, "is not known");
  violations.Add("negative_count", "must be at least 1");
  absl::Status status = WithReason(violations.ToStatus(), "SOME_REASON");
  status = WithRetryDelay(status, absl::Milliseconds(1500));
  const absl::Status wire = FromGrpcStatus(ToRpcStatus(status));
  EXPECT_EQ(wire.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(wire.message(), status.message());
  const auto bad = GetBadRequest(wire);
  ASSERT_TRUE(bad.has_value());
  ASSERT_EQ(bad->field_violations_size(), 2);
  EXPECT_EQ(bad->field_violations(0).field(), "item_ids[17]");
  EXPECT_EQ(bad->field_violations(0).description(), "is not known");
  EXPECT_EQ(bad->field_violations(1).field(), "negative_count");
  EXPECT_EQ(GetErrorInfo(wire)->reason(), "SOME_REASON");
  EXPECT_EQ(GetErrorInfo(wire)->domain(), "negatron");
  EXPECT_EQ(GetRetryDelay(wire), absl::Milliseconds(1500));
}

TEST(StatusConversionTest, PlainStatusesCarryNoDetails) {
  EXPECT_TRUE(ToRpcStatus(absl::OkStatus()).ok());
  EXPECT_EQ(ToRpcStatus(absl::NotFoundError("gone")).error_details(), "");
}

TEST(PageTokensTest, SurviveTheRoundTripAndRefuseOthers) {
  const std::string collections = NamePageToken(NamePageKind::kCollections, "films");
  EXPECT_EQ(ReadNamePageToken(NamePageKind::kCollections, collections), "films");
  EXPECT_FALSE(ReadOrdinalPageToken(PageKind::kItems, collections).has_value());
  EXPECT_FALSE(ReadOrdinalPageToken(PageKind::kItems, OrdinalPageToken(PageKind::kUsers, {1, 2}))
                   .has_value());
  const std::string items = OrdinalPageToken(PageKind::kItems, {-5, 4000000000u});
  ASSERT_TRUE(ReadOrdinalPageToken(PageKind::kItems, items).has_value());
  EXPECT_EQ(ReadOrdinalPageToken(PageKind::kItems, items)->incarnation, -5);
  EXPECT_EQ(ReadOrdinalPageToken(PageKind::kItems, items)->first, 4000000000u);
  EXPECT_FALSE(ReadNamePageToken(NamePageKind::kCollections, items).has_value());
  for (const char* token : {"", "!", "AAAA", "films"}) {
    EXPECT_FALSE(ReadNamePageToken(NamePageKind::kCollections, token).has_value()) << token;
  }
  for (size_t i = 0; i < items.size(); ++i) {
    std::string damaged = items;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(ReadOrdinalPageToken(PageKind::kItems, damaged).has_value()) << damaged;
  }
}

TEST(TimesTest, TimestampsSurviveTheRoundTrip) {
  for (const Micros time :
       {kMinTime, Micros{-1}, Micros{0}, Micros{1}, Micros{1500000}, kMaxTime}) {
    google::protobuf::Timestamp timestamp;
    WriteTimestamp(time, &timestamp);
    EXPECT_GE(timestamp.nanos(), 0);
    Violations violations;
    EXPECT_EQ(ReadTimestamp(timestamp, "t", &violations), time);
    EXPECT_TRUE(violations.empty());
  }
}

TEST(TimesTest, TimestampsOutOfRangeAreRefused) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(kMaxTime / 1000000 + 1);
  Violations late;
  ReadTimestamp(timestamp, "t", &late);
  EXPECT_FALSE(late.empty());
  timestamp.set_seconds(std::numeric_limits<int64_t>::min());
  Violations early;
  ReadTimestamp(timestamp, "t", &early);
  EXPECT_FALSE(early.empty());
}

TEST(TimesTest, DurationsAreWholeMicroseconds) {
  google::protobuf::Duration duration;
  WriteDuration(absl::Microseconds(90000001), &duration);
  Violations violations;
  EXPECT_EQ(ReadDuration(duration, "d", &violations), 90000001);
  EXPECT_TRUE(violations.empty());
  duration.set_nanos(1001);
  ReadDuration(duration, "d", &violations);
  EXPECT_FALSE(violations.empty());
  Violations huge;
  duration.set_nanos(0);
  duration.set_seconds(std::numeric_limits<int64_t>::max());
  ReadDuration(duration, "d", &huge);
  EXPECT_FALSE(huge.empty());
}

TEST(ResourceNamesTest, NameSurvivesTheRoundTrip) {
  Violations violations;
  EXPECT_EQ(ReadCollectionName(CollectionName("films-2"), "name", &violations), "films-2");
  EXPECT_TRUE(violations.empty());
}

TEST(CollectionConversionTest, EveryMetricSurvivesTheRoundTrip) {
  for (const v1::EmbeddingMetric metric :
       {v1::EMBEDDING_METRIC_INNER_PRODUCT, v1::EMBEDDING_METRIC_COSINE, v1::EMBEDDING_METRIC_L2}) {
    v1::CreateCollectionRequest request;
    request.set_collection_id("films");
    request.mutable_collection()->mutable_embedding_settings()->set_dimension(3);
    request.mutable_collection()->mutable_embedding_settings()->set_metric(metric);
    Violations violations;
    v1::Collection collection;
    WriteCollection(ReadCreateCollection(request, &violations), &collection);
    EXPECT_TRUE(violations.empty());
    EXPECT_EQ(collection.embedding_settings().metric(), metric);
  }
}

TEST(CollectionConversionTest, ElementTypesSurviveTheRoundTripAndDefaultToFloat32) {
  const auto round_trip = [](v1::EmbeddingElementType type, Violations* violations) {
    v1::CreateCollectionRequest request;
    request.set_collection_id("films");
    v1::EmbeddingSettings* settings = request.mutable_collection()->mutable_embedding_settings();
    settings->set_dimension(3);
    settings->set_metric(v1::EMBEDDING_METRIC_L2);
    settings->set_element_type(type);
    v1::Collection collection;
    WriteCollection(ReadCreateCollection(request, violations), &collection);
    return collection.embedding_settings().element_type();
  };
  constexpr auto kFloat32 = v1::EMBEDDING_ELEMENT_TYPE_FLOAT32;
  constexpr auto kBfloat16 = v1::EMBEDDING_ELEMENT_TYPE_BFLOAT16;
  Violations violations;
  EXPECT_EQ(round_trip(v1::EMBEDDING_ELEMENT_TYPE_UNSPECIFIED, &violations), kFloat32);
  EXPECT_EQ(round_trip(kFloat32, &violations), kFloat32);
  EXPECT_EQ(round_trip(kBfloat16, &violations), kBfloat16);
  EXPECT_TRUE(violations.empty());
  round_trip(static_cast<v1::EmbeddingElementType>(9), &violations);
  EXPECT_FALSE(violations.empty());
}

TEST(PoolConversionTest, ItemsWithoutBoundsAreAlwaysAlive) {
  v1::BatchWriteItemsRequest request;
  request.mutable_item_ids()->mutable_typed()->add_values(5);
  request.mutable_item_ids()->mutable_typed()->add_values(6);
  Violations violations;
  const WriteItemsRequest items = ReadWriteItems(request, &violations);
  EXPECT_TRUE(violations.empty());
  EXPECT_THAT(items.alive, testing::ElementsAre(testing::ElementsAre(Interval{}),
                                                testing::ElementsAre(Interval{})));
  EXPECT_EQ(items.options.level, AckLevel::kDurable);
}

TEST(PoolConversionTest, SplitsWithoutIntervalsMeanNeverAlive) {
  v1::BatchWriteItemsRequest request;
  request.mutable_item_ids()->mutable_typed()->add_values(5);
  for (int i = 0; i < 2; ++i) request.mutable_interval_splits()->mutable_typed()->add_values(0);
  Violations violations;
  const WriteItemsRequest items = ReadWriteItems(request, &violations);
  EXPECT_TRUE(violations.empty());
  EXPECT_THAT(items.alive, testing::ElementsAre(testing::IsEmpty()));
}

// The columns that are serialised by hand are those of the generated code.
TEST(SamplingConversionTest, RawResponseParsesToWhatWasDrawn) {
  SampleRequest request;
  request.seed = 99;
  // One column is too small to be shared, one exceeds what gRPC keeps in one slice.
  auto result = std::make_shared<SampleResult>();
  result->policy.policy.components = {{1, "", UniformSource{}}, {2, "", PopularitySource{}}};
  result->policy.has_schedules = {0, 0};
  for (int i = 0; i < 300000; ++i) result->ids.push_back(int64_t{i} << 20);
  result->log_q = {-1.5f, -2.5f};
  result->statuses.assign(5000, 1);
  result->rejects = {7, 8};
  result->drawn_by_component = {3, 4};
  result->policy.laws = LawsOf(result->policy.policy, 300000);
  result->snapshot = {11, 12};
  result->default_as_of = 1500000;
  grpc::ByteBuffer bytes = SerializeRawSample(request, result);
  result.reset();
  v1::SampleNegativesResponse response;
  ASSERT_TRUE(
      grpc::SerializationTraits<v1::SampleNegativesResponse>::Deserialize(&bytes, &response).ok());
  const std::vector<int64_t> ids = *ReadIds(response.item_ids(), "");
  ASSERT_EQ(ids.size(), 300000u);
  for (int i = 0; i < 300000; ++i) ASSERT_EQ(ids[i], int64_t{i} << 20);
  EXPECT_THAT(*ReadFloats(response.log_q(), ""), testing::ElementsAre(-1.5f, -2.5f));
  EXPECT_FALSE(response.has_log_q_source());
  EXPECT_FALSE(response.has_component_indexes());
  EXPECT_EQ(response.row_statuses().raw(), std::string(5000, '\1'));
  EXPECT_THAT(*ReadInt64s(response.reject_counts(), ""), testing::ElementsAre(7, 8));
  ASSERT_EQ(response.components_size(), 2);
  EXPECT_EQ(response.components(1).source(), "popularity");
  EXPECT_EQ(response.components(1).drawn_count(), 4);
  EXPECT_EQ(response.components(1).law_kind(), v1::LAW_KIND_EXACT);
  EXPECT_EQ(response.snapshot().incarnation(), 11);
  EXPECT_EQ(response.seed(), 99);
  EXPECT_EQ(response.as_of_time().nanos(), 500000000);
  EXPECT_EQ(response.GetReflection()->GetUnknownFields(response).field_count(), 0);
}

TEST(ReadPolicyTest, ReadsAdversarial) {
  v1::Policy wire;
  v1::PolicyComponent* component = wire.add_components();
  component->set_share(1);
  component->mutable_adversarial()->set_anchor(v1::NEAREST_ANCHOR_POSITIVE);
  component->mutable_adversarial()->set_temperature(0.25);
  Violations violations;
  const Policy policy = ReadPolicy(wire, &violations);
  EXPECT_TRUE(violations.empty());
  const auto& adversarial = std::get<AdversarialSource>(policy.components.at(0).source);
  EXPECT_EQ(adversarial.anchor, NearestAnchor::kPositive);
  EXPECT_EQ(adversarial.temperature, 0.25);
  component->mutable_adversarial()->set_anchor(static_cast<v1::NearestAnchor>(9));
  component->mutable_adversarial()->clear_temperature();
  ReadPolicy(wire, &violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(violations.ToStatus())) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, testing::ElementsAre("policy.components[0].adversarial.anchor",
                                           "policy.components[0].adversarial.temperature"));
}

// What is wrong with the policy, by field path.
std::vector<std::string> BadFields(const v1::Policy& wire) {
  Violations violations;
  ReadPolicy(wire, &violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(violations.ToStatus())) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST(ReadPolicyTest, ReadsDynamic) {
  v1::Policy wire;
  v1::PolicyComponent* component = wire.add_components();
  component->set_share(1);
  v1::DynamicSource* dynamic = component->mutable_dynamic();
  dynamic->mutable_popularity()->set_alpha(0.75);
  dynamic->mutable_popularity()->set_within_cohort(true);
  dynamic->set_anchor(v1::NEAREST_ANCHOR_POSITIVE);
  dynamic->set_pool_size(64);
  dynamic->set_pick(v1::DYNAMIC_PICK_AHNS);
  dynamic->mutable_target()->set_alpha(1);
  dynamic->mutable_target()->set_beta(0.5);
  dynamic->mutable_target()->set_p(-2);
  Violations violations;
  Policy policy = ReadPolicy(wire, &violations);
  EXPECT_TRUE(violations.empty());
  auto* read = &std::get<DynamicSource>(policy.components.at(0).source);
  EXPECT_EQ(std::get<PopularitySource>(read->base).alpha, 0.75);
  EXPECT_TRUE(std::get<PopularitySource>(read->base).within_cohort);
  EXPECT_EQ(read->anchor, NearestAnchor::kPositive);
  EXPECT_EQ(read->pool_size, 64);
  EXPECT_EQ(read->pick, DynamicPick::kAhns);
  EXPECT_EQ(read->target->alpha, 1);
  EXPECT_EQ(read->target->beta, 0.5);
  EXPECT_EQ(read->target->p, -2);

  dynamic->clear_target();
  dynamic->clear_base();
  dynamic->set_pick(v1::DYNAMIC_PICK_SOFTMAX);
  dynamic->set_temperature(0.25);
  policy = ReadPolicy(wire, &violations);
  EXPECT_TRUE(violations.empty());
  read = &std::get<DynamicSource>(policy.components.at(0).source);
  EXPECT_TRUE(std::holds_alternative<UniformSource>(read->base));
  EXPECT_EQ(read->pick, DynamicPick::kSoftmax);
  EXPECT_EQ(read->temperature, 0.25);

  dynamic->clear_temperature();
  dynamic->clear_pick();
  dynamic->set_top_count(7);
  dynamic->mutable_uniform()->set_by_base_weight(true);
  policy = ReadPolicy(wire, &violations);
  EXPECT_TRUE(violations.empty());
  read = &std::get<DynamicSource>(policy.components.at(0).source);
  EXPECT_TRUE(std::get<UniformSource>(read->base).by_base_weight);
  EXPECT_EQ(read->pick, DynamicPick::kTop);
  EXPECT_EQ(read->top_count, 7);
}

TEST(ReadPolicyTest, NamesWhatDynamicGetsWrong) {
  v1::Policy wire;
  v1::PolicyComponent* component = wire.add_components();
  component->set_share(1);
  v1::DynamicSource* dynamic = component->mutable_dynamic();
  dynamic->set_anchor(static_cast<v1::NearestAnchor>(9));
  dynamic->set_pick(static_cast<v1::DynamicPick>(9));
  dynamic->mutable_popularity()->mutable_half_life()->set_seconds(1);
  const std::string path = "policy.components[0].dynamic";
  EXPECT_THAT(BadFields(wire),
              testing::UnorderedElementsAre(path + ".anchor", path + ".pick", path + ".pool_size",
                                            path + ".top_count", path + ".popularity.half_life"));
  dynamic->Clear();
  dynamic->set_pool_size(8);
  dynamic->set_top_count(8);
  EXPECT_THAT(BadFields(wire), testing::IsEmpty());
  dynamic->mutable_uniform();
  dynamic->mutable_uniform()
      ->GetReflection()
      ->MutableUnknownFields(dynamic->mutable_uniform())
      ->AddVarint(99, 1);
  EXPECT_THAT(BadFields(wire), testing::ElementsAre(path + ".uniform"));
}

TEST(SeedSourceTest, FollowsSplitMix64) {
  // First outputs for the state 0 of the generator in Java's SplittableRandom.
  SeedSource seeds(0);
  EXPECT_EQ(seeds.Next(), 0xE220A8397B1DCDAFu);
  EXPECT_EQ(seeds.Next(), 0x6E789E6AA1B965F4u);
  EXPECT_EQ(seeds.Next(), 0x06C45D188009454Fu);
}

}  // namespace
}  // namespace negatron
