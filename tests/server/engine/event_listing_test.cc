// SPDX-License-Identifier: Apache-2.0
// Engine::ListEvents.
#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Micros kHour = 3600LL * 1000000;

class EventListingTest : public testing::Test {
 protected:
  EventListingTest() {
    EXPECT_TRUE(harness_.Open().ok());
    EXPECT_TRUE(harness_.Create(Settings("c")).ok());
    EXPECT_TRUE(harness_.Items("c", ItemsAlways({1, 2, 3})).ok());
  }

  void Write(std::vector<int64_t> users, std::vector<int64_t> items, std::vector<Micros> times) {
    const auto written =
        harness_.Events("c", EventsOf(std::move(users), std::move(items), std::move(times)));
    ASSERT_TRUE(written.ok()) << written.status();
  }

  ListEventsResult Page(const ListEventsRequest& request, const std::string& collection = "c") {
    auto result = harness_.engine().ListEvents(collection, request, Cancellation());
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }

  // Times of all pages of `limit` records, and then how many pages there were.
  std::vector<Micros> Times(int limit, Interval times = {}) {
    ListEventsRequest request;
    request.times = times;
    request.limit = limit;
    std::vector<Micros> all;
    Micros pages = 0;
    do {
      const ListEventsResult page = Page(request);
      all.insert(all.end(), page.times.begin(), page.times.end());
      request.page = page.next;
      ++pages;
    } while (request.page.has_value());
    all.push_back(pages);
    return all;
  }

  ListEventsResult All(const std::string& collection = "c") {
    ListEventsRequest request;
    request.limit = 100000;
    return Page(request, collection);
  }

  EngineHarness harness_;
};

TEST_F(EventListingTest, EventsComeInOrderOfTimeThenOfArrival) {
  Write({7, 8, 9}, {1, 2, 3}, {30, 10, 20});
  Write({4, 5}, {1, 1}, {20, -5});
  const ListEventsResult all = All();
  EXPECT_THAT(all.times, ElementsAre(-5, 10, 20, 20, 30));
  EXPECT_THAT(all.users, ElementsAre(5, 8, 9, 4, 7));
  EXPECT_THAT(all.items, ElementsAre(1, 2, 3, 1, 1));
  EXPECT_THAT(all.weights, Each(1.0f));
  EXPECT_FALSE(all.next.has_value());
  EXPECT_THAT(all.user_names, IsEmpty());
}

TEST_F(EventListingTest, WhatAnEventHasComesBack) {
  CollectionRecord settings = Settings("s");
  settings.user_id_type = IdType::kString;
  ASSERT_TRUE(harness_.Create(settings).ok());
  ASSERT_TRUE(harness_.Items("s", ItemsAlways({1, 2, 3})).ok());
  WriteEventsRequest events = EventsOf({}, {1, 2, 3}, {1, 2, 3});
  events.users.values = std::vector<std::string>{"ann", "bob", "ann"};
  events.kinds = {EventKind::kPositive, EventKind::kExposure, EventKind::kMined};
  events.weights = {0.5f, 2, 3};
  events.propensities = {0, 0.25f, 0};
  events.cohorts = {7, 0, 0};
  ASSERT_TRUE(harness_.Events("s", events).ok());
  const ListEventsResult all = All("s");
  EXPECT_THAT(all.users, ElementsAre(0, 1, 0));
  EXPECT_THAT(all.user_names, ElementsAre("ann", "bob", "ann"));
  EXPECT_THAT(all.kinds, ElementsAre(1, 2, 3));
  EXPECT_THAT(all.weights, ElementsAre(0.5f, 2, 3));
  EXPECT_THAT(all.propensities, ElementsAre(0, 0.25f, 0));
  EXPECT_THAT(all.cohorts, ElementsAre(7, 0, 0));
  ListEventsRequest request;
  request.with_names = false;
  EXPECT_THAT(Page(request, "s").user_names, IsEmpty());
}

TEST_F(EventListingTest, PagesEqualOnePageAndTimesAreHalfOpen) {
  std::vector<int64_t> users, items;
  std::vector<Micros> times;
  for (int i = 0; i < 10000; ++i) {
    users.push_back(i);
    items.push_back(1 + i % 3);
    times.push_back(i / 4);
  }
  Write(users, items, times);
  std::vector<Micros> want = times;
  want.push_back(1);
  EXPECT_EQ(Times(100000), want);
  want.back() = 2;
  EXPECT_EQ(Times(5000), want) << "more than a portion, and a full last page";
  want.back() = 1429;
  EXPECT_EQ(Times(7), want);
  EXPECT_THAT(Times(3, {10, 12}), ElementsAre(10, 10, 10, 10, 11, 11, 11, 11, 3));
  EXPECT_THAT(Times(4, {10, 11}), ElementsAre(10, 10, 10, 10, 1));
  EXPECT_THAT(Times(4, {10, 10}), ElementsAre(1));
  EXPECT_THAT(Times(4, {2500, kNever}), ElementsAre(1));
}

TEST_F(EventListingTest, PagesTellOfTheStateOfTheFirst) {
  Write({7, 7, 7}, {1, 2, 3}, {10, 20, 30});
  ListEventsRequest request;
  request.limit = 1;
  ListEventsResult page = Page(request);
  EXPECT_THAT(page.times, ElementsAre(10));
  Write({8, 9}, {1, 1}, {15, 40});
  std::vector<Micros> rest;
  while ((request.page = page.next).has_value()) {
    page = Page(request);
    rest.insert(rest.end(), page.times.begin(), page.times.end());
  }
  EXPECT_THAT(rest, ElementsAre(20, 30));
  EXPECT_THAT(All().times, ElementsAre(10, 15, 20, 30, 40));
}

TEST_F(EventListingTest, WhatWasRemovedIsLeftOut) {
  Write({7, 8, 7}, {1, 2, 3}, {10, 20, 30});
  RetractEventsRequest retraction;
  retraction.users.values = std::vector<int64_t>{7};
  retraction.items.values = std::vector<int64_t>{1};
  retraction.times = {10};
  ASSERT_TRUE(harness_.Retract("c", retraction).ok());
  EXPECT_THAT(All().times, ElementsAre(20, 30));
  EraseUsersRequest erasure;
  erasure.users.values = std::vector<int64_t>{8};
  ASSERT_TRUE(harness_.Erase("c", erasure).ok());
  EXPECT_THAT(All().times, ElementsAre(30));
  // The id belongs to another user from now on.
  Write({8}, {1}, {25});
  EXPECT_THAT(All().users, ElementsAre(8, 7));
}

// The ids go first; the disk takes no write after that.
TEST_F(EventListingTest, EventsOfErasedUsersThatAreNotGoneYetAreLeftOut) {
  Write({7, 8}, {1, 2}, {10, 20});
  FaultFileSystem::Fault fault{FaultFileSystem::Operation::kSync, ".log"};
  fault.skip = 1;
  harness_.disk().Inject(fault);
  EraseUsersRequest erasure;
  erasure.users.values = std::vector<int64_t>{7};
  EXPECT_EQ(harness_.Erase("c", erasure).status().code(), absl::StatusCode::kUnavailable);
  harness_.disk().ClearFaults();
  harness_.Crash(/*lose_power=*/false, 1);
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(All().users, ElementsAre(8));
}

TEST_F(EventListingTest, RetentionLeavesFirstPositivesAndOtherKinds) {
  CollectionRecord settings = Settings("r");
  settings.event_retention_micros = 64 * kHour;
  ASSERT_TRUE(harness_.Create(settings).ok());
  ASSERT_TRUE(harness_.Items("r", ItemsAlways({1, 2})).ok());
  WriteEventsRequest events =
      EventsOf({7, 7, 7, 8}, {1, 1, 2, 1}, {1 * kHour, 2 * kHour, 3 * kHour, 4 * kHour});
  events.kinds = {EventKind::kPositive, EventKind::kPositive, EventKind::kExposure,
                  EventKind::kPositive};
  ASSERT_TRUE(harness_.Events("r", events).ok());
  EXPECT_THAT(All("r").times, ElementsAre(1 * kHour, 2 * kHour, 3 * kHour, 4 * kHour));
  harness_.clock().Set(74 * kHour + 5);
  harness_.engine().RunHousekeeping();
  EXPECT_THAT(All("r").times, ElementsAre(1 * kHour, 3 * kHour, 4 * kHour));
}

TEST_F(EventListingTest, ACallerWhoLeavesEndsTheCall) {
  Write({7}, {1}, {10});
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_EQ(harness_.engine().ListEvents("c", {}, cancellation).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(harness_.engine().ListEvents("d", {}, Cancellation()).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace negatron
