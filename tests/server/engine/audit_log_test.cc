// SPDX-License-Identifier: Apache-2.0
// The audit log: what is kept, how long, and whether it can be drawn again.
#include "server/engine/audit_log.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/server/engine/eventful_collection.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kDay = 24 * kTestHour;

AuditSettings EveryCall(int64_t max_age = 7 * kDay) { return {1, max_age, kMinAuditBytes}; }

class AuditLogTest : public testing::Test {
 protected:
  AuditLogTest() { EXPECT_TRUE(harness_.Open().ok()); }

  void Create(const std::string& id, std::optional<AuditSettings> audit,
              IdType user_type = IdType::kInt64) {
    CollectionRecord settings = Settings(id);
    settings.audit = audit;
    settings.user_id_type = user_type;
    ASSERT_TRUE(harness_.Create(settings).ok());
    ASSERT_TRUE(harness_.Items(id, ItemsAlways({1, 2, 3, 4})).ok());
  }
  void Set(std::optional<AuditSettings> audit) {
    CollectionUpdate update;
    update.audit = audit;
    ASSERT_TRUE(harness_.Update("c", update).ok());
  }
  void Restart() {
    harness_.Close();
    ASSERT_TRUE(harness_.Open().ok());
  }

  SampleRequest Request(uint64_t seed, int rows = 2) {
    SampleRequest request = SampleOf(UniformSource{}, rows, 3, 1000);
    request.seed = seed;
    return request;
  }
  void Draw(const SampleRequest& request) { ASSERT_TRUE(harness_.Sample("c", request).ok()); }

  std::vector<AuditRecord> Kept(AuditQuery query = {.limit = 100000}) {
    harness_.engine().RunHousekeeping();
    auto page = harness_.engine().ListAudits("c", query);
    EXPECT_TRUE(page.ok()) << page.status();
    return page->records;
  }
  std::vector<uint64_t> Seeds(AuditQuery query = {.limit = 100000}) {
    std::vector<uint64_t> seeds;
    for (const AuditRecord& record : Kept(query)) seeds.push_back(record.seed);
    return seeds;
  }
  AuditStatistics Statistics() {
    return harness_.engine().GetStatistics("c", std::nullopt)->audit.value_or(AuditStatistics());
  }
  absl::StatusOr<AuditReplay> Replay(Micros id) {
    return harness_.engine().ReplayAudit("c", id, Cancellation());
  }

  EngineHarness harness_;
};

// How many of the kept calls are drawn again as they were.
int CountEqual(EngineHarness& harness, const std::vector<AuditRecord>& records) {
  int equal = 0;
  for (const AuditRecord& record : records) {
    const auto replay = harness.engine().ReplayAudit("c", record.time, Cancellation());
    EXPECT_TRUE(replay.ok()) << replay.status();
    if (!replay.ok()) return equal;
    EXPECT_FALSE(replay->difference.has_value())
        << replay->difference->column << "[" << replay->difference->index << "]";
    equal += replay->difference.has_value() ? 0 : 1;
  }
  return equal;
}

TEST_F(AuditLogTest, AThousandBatchesAreDrawnAgainUntilTheCollectionChanges) {
  constexpr int kBatches = 1000;
  constexpr int kRows = 60;
  EventfulCollection(&harness_, TestSeed(31), true).Live("c");
  AuditSettings audit = EveryCall();
  audit.max_bytes = int64_t{1} << 30;
  Set(audit);
  ASSERT_TRUE(harness_.PutPolicy("c", PutOf("mine", PopularitySource{})).ok());
  harness_.engine().RunHousekeeping();
  const EventfulRows rows(TestSeed(32), kRows);
  const std::vector<Policy> policies = EventfulPolicies();
  const std::vector<Policy> shared_policies = SharedPolicies();
  SplitMix random(TestSeed(33));
  for (int b = 0; b < kBatches; ++b) {
    std::vector<int> some;
    for (int64_t r = random.Between(1, 6); r > 0; --r) {
      some.push_back(static_cast<int>(random.Below(kRows)));
    }
    SampleRequest request = rows.RequestFor(random.Pick(policies), some);
    request.seed = static_cast<uint64_t>(b);
    request.want_model_versions = request.want_vector_ages = random.Chance(0.3);
    if (random.Chance(0.2)) request.policy_name = "mine";
    if (random.Chance(0.2)) request.as_of.clear();
    if (random.Chance(0.2)) {
      SharedRequest shared = rows.SharedRequestFor(random.Pick(shared_policies), some);
      shared.rows.seed = request.seed;
      if (random.Chance(0.5)) shared.negatives_time.reset();
      if (random.Chance(0.3)) shared.rows.policy_name = "mine";
      ASSERT_TRUE(harness_.engine().SampleShared("c", shared, Cancellation()).ok());
    } else if (random.Chance(0.2)) {
      CandidateRequest candidates;
      candidates.sample = request;
      candidates.want_candidate_vectors = candidates.want_positive_vectors = true;
      ASSERT_TRUE(harness_.engine().GetCandidates("c", candidates, Cancellation()).ok());
    } else {
      ASSERT_TRUE(harness_.Sample("c", request).ok());
    }
  }
  const std::vector<AuditRecord> kept = Kept();
  ASSERT_EQ(kept.size(), static_cast<size_t>(kBatches));
  EXPECT_EQ(CountEqual(harness_, kept), kBatches);
  Restart();
  ASSERT_EQ(Kept(), kept);
  EXPECT_EQ(CountEqual(harness_, kept), kBatches);
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({900001})).ok());
  for (const AuditRecord& record : kept) {
    const absl::Status status = Replay(record.time).status();
    ASSERT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    ASSERT_EQ(ReasonOf(status), "AUDIT_STALE");
    ASSERT_EQ(FactsOf(status).at("changed"), "commit_sequence");
  }
}

TEST_F(AuditLogTest, KeepsRequestAndResponseWithWhatTheServerChose) {
  Create("c", EveryCall());
  ASSERT_TRUE(harness_.PutPolicy("c", PutOf("mine", UniformSource{})).ok());
  SampleRequest request = Request(5);
  request.default_as_of.reset();
  request.policy_name = "mine";
  request.users = IdBatch{std::vector<int64_t>{7, 8}};
  request.exclusions = IdBatch{std::vector<int64_t>{1}};
  request.exclusion_splits = {0, 0, 1};
  request.want_scores = true;
  const auto drawn = harness_.Sample("c", request);
  ASSERT_TRUE(drawn.ok());
  const std::vector<AuditRecord> kept = Kept();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].policy_id, "mine");
  EXPECT_EQ(kept[0].policy_version, 1);
  EXPECT_EQ(kept[0].row_count, 2);
  EXPECT_EQ(kept[0].negative_count, 3);
  EXPECT_EQ(kept[0].commit_sequence, drawn->snapshot.commit_sequence);
  EXPECT_EQ(kept[0].kernel_id, KernelId());
  const auto call = harness_.engine().GetAudit("c", kept[0].time);
  ASSERT_TRUE(call.ok()) << call.status();
  const SampleRequest& told = call->call.request;
  EXPECT_EQ(told.users->numbers(), request.users->numbers());
  EXPECT_EQ(told.exclusion_splits, request.exclusion_splits);
  EXPECT_EQ(told.row_keys, request.row_keys);
  EXPECT_EQ(told.default_as_of, harness_.clock().NowMicros());
  EXPECT_EQ(told.policy_version, 1);
  EXPECT_TRUE(told.want_scores && told.want_log_q);
  EXPECT_FALSE(told.want_tags);
  const SampleResult& result = call->call.result;
  EXPECT_TRUE(std::equal(result.ids.begin(), result.ids.end(), drawn->ids.begin()));
  EXPECT_EQ(result.statuses, drawn->statuses);
  EXPECT_EQ(result.drawn_by_component, drawn->drawn_by_component);
  EXPECT_EQ(result.policy.name, "mine");
  EXPECT_EQ(result.policy.policy, drawn->policy.policy);
  EXPECT_TRUE(result.tags.empty());
}

TEST_F(AuditLogTest, KeepingACallChangesNoToken) {
  Create("c", EveryCall());
  const int64_t before = harness_.Sample("c", Request(1))->snapshot.commit_sequence;
  ASSERT_EQ(Kept().size(), 1u);
  EXPECT_EQ(harness_.Sample("c", Request(2))->snapshot.commit_sequence, before);
  ASSERT_EQ(Kept().size(), 2u);
  Restart();
  EXPECT_EQ(harness_.Sample("c", Request(3))->snapshot.commit_sequence, before);
}

TEST_F(AuditLogTest, ARateChoosesByTheCallAlone) {
  Create("c", AuditSettings{0.25, kDay, kMinAuditBytes});
  std::set<uint64_t> chosen;
  for (uint64_t seed = 0; seed < 400; ++seed) Draw(Request(seed));
  for (const uint64_t seed : Seeds()) chosen.insert(seed);
  EXPECT_GT(chosen.size(), 60u);
  EXPECT_LT(chosen.size(), 140u);
  // The same calls again, by a higher rate: all of them, and others.
  Set(AuditSettings{0.5, kDay, kMinAuditBytes});
  const size_t before = Kept().size();
  std::set<uint64_t> again;
  for (uint64_t seed = 0; seed < 400; ++seed) Draw(Request(seed));
  std::vector<uint64_t> seeds = Seeds();
  seeds.resize(seeds.size() - before);  // The newest come first.
  again.insert(seeds.begin(), seeds.end());
  EXPECT_TRUE(std::includes(again.begin(), again.end(), chosen.begin(), chosen.end()));
  EXPECT_GT(again.size(), chosen.size());
}

TEST_F(AuditLogTest, ARateOfZeroKeepsWhatIsThere) {
  Create("c", EveryCall());
  Draw(Request(1));
  ASSERT_THAT(Seeds(), ElementsAre(1));
  AuditSettings none = EveryCall();
  none.rate = 0;
  Set(none);
  Draw(Request(2));
  EXPECT_THAT(Seeds(), ElementsAre(1));
}

TEST_F(AuditLogTest, ClearingTheSettingsRemovesAll) {
  Create("c", EveryCall());
  Draw(Request(1));
  ASSERT_EQ(Kept().size(), 1u);
  Set(std::nullopt);
  Draw(Request(2));
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_EQ(Statistics().kept_count, 0);
}

TEST_F(AuditLogTest, OldCallsGo) {
  Create("c", EveryCall(kTestHour));
  const Micros start = harness_.clock().NowMicros();
  Draw(Request(1));
  ASSERT_EQ(Kept().size(), 1u);
  harness_.clock().Set(start + kTestHour / 2);
  Draw(Request(2));
  EXPECT_THAT(Seeds(), ElementsAre(2, 1));
  harness_.clock().Set(start + kTestHour + 1);
  EXPECT_THAT(Seeds(), ElementsAre(2));
  Restart();
  EXPECT_THAT(Seeds(), ElementsAre(2));
  harness_.clock().Set(start + 2 * kTestHour);
  EXPECT_THAT(Seeds(), IsEmpty());
}

TEST_F(AuditLogTest, TheOldestGoWhereAllTakeTooMuch) {
  Create("c", EveryCall());
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Draw(Request(seed, 5000));
    harness_.clock().Set(harness_.clock().NowMicros() + 1);
  }
  const std::vector<uint64_t> seeds = Seeds();
  ASSERT_FALSE(seeds.empty());
  EXPECT_LT(seeds.size(), 20u);
  for (size_t i = 0; i < seeds.size(); ++i) EXPECT_EQ(seeds[i], 20 - i);
  const AuditStatistics statistics = Statistics();
  EXPECT_EQ(statistics.kept_count, static_cast<int64_t>(seeds.size()));
  EXPECT_LE(statistics.stored_bytes, kMinAuditBytes);
  EXPECT_EQ(statistics.written_count, 20);
  Restart();
  EXPECT_EQ(Seeds(), seeds);
  EXPECT_EQ(Statistics().stored_bytes, statistics.stored_bytes);
}

TEST_F(AuditLogTest, CallsThatFindNoRoomAreDroppedAndCounted) {
  harness_.options().audit_queue_bytes = 1;
  harness_.options().housekeeping_interval = absl::Hours(1);
  Restart();
  Create("c", AuditSettings{1, kDay, kMaxAuditBytes});
  harness_.engine().RunHousekeeping();
  // Room for one at a time: sooner or later a call comes before the one before it is written.
  int64_t calls = 0;
  while (calls < 100000 && Statistics().dropped_count == 0) {
    Draw(Request(static_cast<uint64_t>(calls++), 2000));
  }
  const auto kept = static_cast<int64_t>(Kept().size());
  const AuditStatistics statistics = Statistics();
  EXPECT_GT(kept, 0);
  EXPECT_GT(statistics.dropped_count, 0);
  EXPECT_EQ(statistics.dropped_count + kept, calls);
  EXPECT_EQ(statistics.written_count, kept);
}

TEST_F(AuditLogTest, ErasingAUserRemovesTheCallsThatNameIt) {
  Create("c", EveryCall());
  ASSERT_TRUE(harness_.Events("c", EventsOf({7, 8}, {1, 2}, {100, 100})).ok());
  uint64_t seed = 0;
  for (const std::vector<int64_t>& users :
       std::vector<std::vector<int64_t>>{{7, 8}, {8, 9}, {9, 9}, {7, 7}}) {
    SampleRequest request = Request(++seed);
    request.users = IdBatch{users};
    Draw(request);
  }
  Draw(Request(++seed));
  ASSERT_EQ(Kept().size(), 5u);
  EraseUsersRequest erasure;
  erasure.users = {std::vector<int64_t>{7}};
  ASSERT_TRUE(harness_.Erase("c", erasure).ok());
  EXPECT_THAT(Seeds(), ElementsAre(5, 3, 2));
  // Also one that never was there.
  erasure.users = {std::vector<int64_t>{9}};
  ASSERT_TRUE(harness_.Erase("c", erasure).ok());
  EXPECT_THAT(Seeds(), ElementsAre(5));
  EXPECT_EQ(Statistics().kept_count, 1);
  Restart();
  EXPECT_THAT(Seeds(), ElementsAre(5));
  // What comes later is kept.
  SampleRequest later = Request(6);
  later.users = IdBatch{std::vector<int64_t>{7, 7}};
  Draw(later);
  EXPECT_THAT(Seeds(), ElementsAre(6, 5));
}

TEST_F(AuditLogTest, AnErasureThatWasInterruptedGoesOnAfterARestart) {
  Create("c", EveryCall());
  SampleRequest request = Request(1);
  request.users = IdBatch{std::vector<int64_t>{7, 8}};
  Draw(request);
  Draw(Request(2));
  ASSERT_EQ(Kept().size(), 2u);
  const int64_t incarnation = harness_.Sample("c", Request(3))->snapshot.incarnation;
  ASSERT_EQ(Kept().size(), 3u);
  harness_.Close();
  {
    // What the commit of an erasure leaves for the log to do.
    auto store = Store::Open({harness_.options().data_dir, false, harness_.options().file_system});
    ASSERT_TRUE(store.ok()) << store.status();
    StoreBatch batch;
    batch.PutAuditErasure(incarnation, {5, {{7, ""}}});
    ASSERT_TRUE((*store)->Write(batch, (*store)->last_sequence() + 1, Store::Sync::kYes).ok());
  }
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(Seeds(), ElementsAre(3, 2));
  harness_.Close();
  auto store = Store::Open({harness_.options().data_dir, false, harness_.options().file_system});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_THAT(*(*store)->ReadAuditErasures(incarnation), IsEmpty());
}

TEST_F(AuditLogTest, ErasingFindsUsersByNameAndByNumber) {
  Create("c", EveryCall(), IdType::kString);
  WriteEventsRequest events = EventsOf({}, {1, 2}, {100, 100});
  events.users = {std::vector<std::string>{"a", "b"}};
  ASSERT_TRUE(harness_.Events("c", events).ok());
  const std::vector<IdBatch> named = {{std::vector<std::string>{"a", "c"}},
                                      {std::vector<int64_t>{0, 1}},
                                      {std::vector<int64_t>{1, 1}},
                                      {std::vector<std::string>{"b", "c"}}};
  for (size_t i = 0; i < named.size(); ++i) {
    SampleRequest request = Request(i + 1);
    request.users = named[i];
    Draw(request);
  }
  ASSERT_EQ(Kept().size(), 4u);
  EraseUsersRequest erasure;
  erasure.users = {std::vector<std::string>{"a"}};
  ASSERT_TRUE(harness_.Erase("c", erasure).ok());
  EXPECT_THAT(Seeds(), ElementsAre(4, 3));
  erasure.users = {std::vector<int64_t>{1}};
  ASSERT_TRUE(harness_.Erase("c", erasure).ok());
  EXPECT_THAT(Seeds(), IsEmpty());
}

TEST_F(AuditLogTest, ListsPagesByTimeAndPolicy) {
  Create("c", EveryCall());
  ASSERT_TRUE(harness_.PutPolicy("c", PutOf("mine", UniformSource{})).ok());
  ASSERT_TRUE(harness_.PutPolicy("c", PutOf("mine", UniformSource{true})).ok());
  std::vector<Micros> times;
  for (uint64_t seed = 1; seed <= 9; ++seed) {
    harness_.clock().Set(static_cast<Micros>(seed) * kTestHour);
    SampleRequest request = Request(seed);
    if (seed % 3 != 0) {
      request.policy_name = "mine";
      request.policy_version = static_cast<int64_t>(seed % 3);
    }
    Draw(request);
    ASSERT_EQ(Kept().size(), seed);
  }
  EXPECT_THAT(Seeds({.policy_id = "mine"}), ElementsAre(8, 7, 5, 4, 2, 1));
  EXPECT_THAT(Seeds({.policy_id = "mine", .policy_version = 2}), ElementsAre(8, 5, 2));
  EXPECT_THAT(Seeds({.newest = 5 * kTestHour, .oldest = 3 * kTestHour}), ElementsAre(5, 4, 3));
  std::vector<uint64_t> paged;
  AuditQuery query{.policy_id = "mine", .limit = 4};
  for (bool more = true; more;) {
    const auto page = harness_.engine().ListAudits("c", query);
    ASSERT_TRUE(page.ok());
    for (const AuditRecord& record : page->records) paged.push_back(record.seed);
    more = page->next.has_value();
    if (more) query.newest = *page->next;
  }
  EXPECT_THAT(paged, ElementsAre(8, 7, 5, 4, 2, 1));
}

TEST_F(AuditLogTest, ACollectionOfTheSameNameHasALogOfItsOwn) {
  Create("c", EveryCall());
  Draw(Request(1));
  const std::vector<AuditRecord> kept = Kept();
  ASSERT_EQ(kept.size(), 1u);
  Draw(Request(2));
  ASSERT_TRUE(harness_.Delete("c").ok());
  Create("c", EveryCall());
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_EQ(ReasonOf(Replay(kept[0].time).status()), "AUDIT_NOT_FOUND");
  Restart();
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(AuditLogTest, ADiskThatFailsCostsAuditsNotCalls) {
  Create("c", EveryCall());
  Draw(Request(1));
  ASSERT_EQ(Kept().size(), 1u);
  harness_.disk().SetFreeBytes(0);
  Draw(Request(2));
  harness_.engine().RunHousekeeping();
  EXPECT_EQ(Statistics().dropped_count, 1);
  harness_.disk().SetFreeBytes(std::nullopt);
  Draw(Request(3));
  EXPECT_THAT(Seeds(), ElementsAre(3, 1));
}

}  // namespace
}  // namespace negatron
