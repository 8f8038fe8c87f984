// SPDX-License-Identifier: Apache-2.0
// The audit log through the service.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "negatron/v1/accounts.grpc.pb.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr char kName[] = "collections/films";

class AuditsTest : public testing::Test {
 protected:
  AuditsTest() : accounts_(v1::AccountService::NewStub(server_.channel())) {
    v1::CreateCollectionRequest create;
    create.set_collection_id("films");
    create.mutable_collection()->mutable_audit()->set_rate(1);
    EXPECT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection_)
                    .ok());
    v1::BatchWriteItemsRequest items;
    items.set_collection(kName);
    SetColumn({1, 2, 3}, items.mutable_item_ids());
    v1::WriteReceipt receipt;
    EXPECT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, items, &receipt).ok());
    sample_.set_collection(kName);
    sample_.set_negative_count(3);
    sample_.mutable_as_of_time()->set_seconds(1000);
    SetColumn({7, 8}, sample_.mutable_user_ids());
    sample_.mutable_policy()->add_components()->set_share(1);
    sample_.mutable_policy()->mutable_components(0)->mutable_uniform();
  }

  v1::SampleNegativesResponse Draw(int64_t seed) {
    sample_.set_seed(seed);
    v1::SampleNegativesResponse response;
    EXPECT_TRUE(
        Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives, sample_, &response)
            .ok());
    return response;
  }
  absl::Status List(const v1::ListAuditsRequest& request) {
    listed_.Clear();
    return Invoke(*accounts_, &v1::AccountService::Stub::ListAudits, request, &listed_);
  }
  // Calls are written behind them.
  std::vector<v1::Audit> Kept(int count) {
    v1::ListAuditsRequest request;
    request.set_collection(kName);
    for (int i = 0; i < 1000000; ++i) {
      EXPECT_TRUE(List(request).ok());
      if (listed_.audits_size() >= count) break;
    }
    return {listed_.audits().begin(), listed_.audits().end()};
  }
  absl::Status Get(const std::string& name) {
    v1::GetAuditRequest request;
    request.set_name(name);
    audit_.Clear();
    return Invoke(*accounts_, &v1::AccountService::Stub::GetAudit, request, &audit_);
  }
  absl::Status Replay(const std::string& name) {
    v1::ReplayAuditRequest request;
    request.set_name(name);
    replay_.Clear();
    return Invoke(*accounts_, &v1::AccountService::Stub::ReplayAudit, request, &replay_);
  }

  RpcServer server_;
  const std::unique_ptr<v1::AccountService::Stub> accounts_;
  v1::Collection collection_;
  v1::SampleNegativesRequest sample_;
  v1::ListAuditsResponse listed_;
  v1::Audit audit_;
  v1::ReplayAuditResponse replay_;
};

TEST_F(AuditsTest, SettingsHaveDefaultsAndBounds) {
  EXPECT_EQ(collection_.audit().max_age().seconds(), 7 * 86400);
  EXPECT_EQ(collection_.audit().max_bytes(), 256 << 20);
  v1::UpdateCollectionRequest update;
  update.mutable_collection()->set_name(kName);
  update.mutable_collection()->mutable_audit()->set_rate(1.5);
  update.mutable_collection()->mutable_audit()->mutable_max_age()->set_seconds(1);
  update.mutable_collection()->mutable_audit()->set_max_bytes(5);
  v1::Collection updated;
  const auto call = [&] {
    return Invoke(server_.collections(), &v1::CollectionService::Stub::UpdateCollection, update,
                  &updated);
  };
  EXPECT_THAT(BadFields(call()),
              UnorderedElementsAre("collection.audit.rate", "collection.audit.max_age",
                                   "collection.audit.max_bytes"));
  update.mutable_collection()->clear_audit();
  update.mutable_update_mask()->add_paths("audit");
  ASSERT_TRUE(call().ok());
  EXPECT_FALSE(updated.has_audit());
}

TEST_F(AuditsTest, AKeptCallHasItsRequestAndItsResponse) {
  const v1::SampleNegativesResponse drawn = Draw(5);
  const std::vector<v1::Audit> kept = Kept(1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].row_count(), 2);
  EXPECT_EQ(kept[0].negative_count(), 3);
  EXPECT_EQ(kept[0].seed(), 5);
  EXPECT_EQ(kept[0].snapshot().SerializeAsString(), drawn.snapshot().SerializeAsString());
  EXPECT_FALSE(kept[0].has_request());
  ASSERT_TRUE(Get(kept[0].name()).ok());
  EXPECT_EQ(audit_.response().SerializeAsString(), drawn.SerializeAsString());
  EXPECT_THAT(*ReadIds(audit_.request().user_ids(), ""), ElementsAre(7, 8));
  EXPECT_EQ(audit_.request().policy().components_size(), 1);
  // It draws the same again.
  v1::SampleNegativesResponse again;
  ASSERT_TRUE(Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives,
                     audit_.request(), &again)
                  .ok());
  EXPECT_EQ(again.SerializeAsString(), drawn.SerializeAsString());
}

TEST_F(AuditsTest, AKeptBlockHasItsRequestAndItsResponse) {
  v1::SampleSharedNegativesRequest request;
  request.set_collection(kName);
  request.set_negative_count(9);
  request.set_seed(5);
  request.set_block_key(-3);
  SetColumn({7, 8}, request.mutable_user_ids());
  SetColumn({1, 2}, request.mutable_positive_ids());
  request.mutable_policy()->add_components()->set_share(1);
  request.mutable_policy()->mutable_components(0)->mutable_uniform();
  const auto draw = [&](const v1::SampleSharedNegativesRequest& asked) {
    v1::SampleSharedNegativesResponse response;
    EXPECT_TRUE(Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleSharedNegatives, asked,
                       &response)
                    .ok());
    return response;
  };
  const v1::SampleSharedNegativesResponse drawn = draw(request);
  const std::vector<v1::Audit> kept = Kept(1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept[0].shared());
  EXPECT_EQ(kept[0].row_count(), 2);
  EXPECT_EQ(kept[0].negative_count(), 9);
  EXPECT_FALSE(kept[0].has_shared_request());
  ASSERT_TRUE(Get(kept[0].name()).ok());
  EXPECT_FALSE(audit_.has_request());
  EXPECT_FALSE(audit_.has_response());
  EXPECT_EQ(audit_.shared_response().SerializeAsString(), drawn.SerializeAsString());
  EXPECT_EQ(audit_.shared_request().block_key(), -3);
  EXPECT_THAT(*ReadIds(audit_.shared_request().user_ids(), ""), ElementsAre(7, 8));
  // It draws the same again, and what it says of the time is that of the first.
  EXPECT_EQ(draw(audit_.shared_request()).SerializeAsString(), drawn.SerializeAsString());
  ASSERT_TRUE(Replay(kept[0].name()).ok());
  EXPECT_TRUE(replay_.equal());
}

TEST_F(AuditsTest, ReplaysUntilTheCollectionChanges) {
  Draw(5);
  const std::vector<v1::Audit> kept = Kept(1);
  ASSERT_EQ(kept.size(), 1u);
  ASSERT_TRUE(Replay(kept[0].name()).ok());
  EXPECT_TRUE(replay_.equal());
  EXPECT_FALSE(replay_.has_difference());
  v1::BatchWriteItemsRequest items;
  items.set_collection(kName);
  SetColumn({4}, items.mutable_item_ids());
  v1::WriteReceipt receipt;
  ASSERT_TRUE(
      Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, items, &receipt).ok());
  const absl::Status status = Replay(kept[0].name());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(status), "AUDIT_STALE");
}

TEST_F(AuditsTest, ListsPagesWithTokens) {
  for (int64_t seed = 1; seed <= 5; ++seed) Draw(seed);
  ASSERT_EQ(Kept(5).size(), 5u);
  v1::ListAuditsRequest request;
  request.set_collection(kName);
  request.set_page_size(2);
  std::vector<int64_t> seeds;
  do {
    ASSERT_TRUE(List(request).ok());
    for (const v1::Audit& audit : listed_.audits()) seeds.push_back(audit.seed());
    request.set_page_token(listed_.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(seeds, ElementsAre(5, 4, 3, 2, 1));
}

TEST_F(AuditsTest, NamesBadFields) {
  v1::ListAuditsRequest request;
  request.set_collection(kName);
  request.set_page_size(-1);
  request.set_page_token("x");
  EXPECT_THAT(BadFields(List(request)), UnorderedElementsAre("page_size", "page_token"));
  request.set_page_size(0);
  request.clear_page_token();
  request.set_policy_name("collections/other/policies/p");
  EXPECT_THAT(BadFields(List(request)), ElementsAre("policy_name"));
  EXPECT_THAT(BadFields(Get("collections/films/audits/x")), ElementsAre("name"));
  EXPECT_THAT(BadFields(Replay("collections/films")), ElementsAre("name"));
  EXPECT_EQ(Reason(Get("collections/films/audits/17")), "AUDIT_NOT_FOUND");
  EXPECT_EQ(Reason(Replay("collections/none/audits/17")), "COLLECTION_NOT_FOUND");
}

TEST_F(AuditsTest, StatisticsTellOfTheLog) {
  Draw(5);
  ASSERT_EQ(Kept(1).size(), 1u);
  v1::GetCollectionStatisticsRequest request;
  request.set_collection(kName);
  v1::CollectionStatistics statistics;
  for (int i = 0; i < 1000000 && statistics.audit().kept_count() == 0; ++i) {
    ASSERT_TRUE(Invoke(server_.inspection(), &v1::InspectionService::Stub::GetCollectionStatistics,
                       request, &statistics)
                    .ok());
  }
  EXPECT_EQ(statistics.audit().kept_count(), 1);
  EXPECT_EQ(statistics.audit().written_count(), 1);
  EXPECT_GT(statistics.audit().stored_bytes(), 0);
}

}  // namespace
}  // namespace negatron
