// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/fair_queue.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

// Work that is known by its method.
QueuedWork Work(const std::string& collection, bool is_write, double cost,
                absl::string_view name = "x") {
  return {.method = name,
          .line = {collection, is_write},
          .run = nullptr,
          .refuse = nullptr,
          .cost = cost};
}

std::string NameOf(const QueueLine& line) {
  return absl::StrCat(line.collection, line.is_write ? " writes" : " reads");
}

// Seconds of a thread that each line gets of `total`, while all have enough to do.
std::map<std::string, double> Serve(FairQueue* queue, double total) {
  std::map<std::string, double> got;
  for (double spent = 0; spent < total;) {
    const auto work = queue->Pop();
    if (!work.has_value()) break;
    got[NameOf(work->line)] += work->cost;
    spent += work->cost;
    queue->Finish(work->line, 0);
  }
  return got;
}

TEST(FairQueueTest, CollectionsGetEqualTimeWhateverACallCosts) {
  FairQueue queue;
  for (int i = 0; i < 1000; ++i) queue.Push(Work("cheap", false, 0.001));
  for (int i = 0; i < 100; ++i) queue.Push(Work("dear", false, 0.01));
  const auto got = Serve(&queue, 1);
  EXPECT_NEAR(got.at("cheap reads"), 0.5, 0.011);
  EXPECT_NEAR(got.at("dear reads"), 0.5, 0.011);
}

TEST(FairQueueTest, ReadsAndWritesShareWhatTheirCollectionHas) {
  FairQueue queue;
  for (int i = 0; i < 1000; ++i) {
    queue.Push(Work("a", false, 0.001));
    queue.Push(Work("b", false, 0.001));
    queue.Push(Work("b", true, 0.001));
  }
  const auto got = Serve(&queue, 1);
  EXPECT_NEAR(got.at("a reads"), 0.5, 0.003);
  EXPECT_NEAR(got.at("b reads"), 0.25, 0.003);
  EXPECT_NEAR(got.at("b writes"), 0.25, 0.003);
}

TEST(FairQueueTest, ALineIsServedInTheOrderOfItsArrivals) {
  FairQueue queue;
  for (const char* name : {"1", "2", "3"}) queue.Push(Work("a", false, 0.1, name));
  for (const char* name : {"1", "2", "3"}) EXPECT_EQ(queue.Pop()->method, name);
  EXPECT_FALSE(queue.Pop().has_value());
  EXPECT_EQ(queue.size(), 0);
}

TEST(FairQueueTest, WhoComesLateHasSavedNothingUp) {
  FairQueue queue;
  for (int i = 0; i < 10000; ++i) queue.Push(Work("early", false, 0.01));
  Serve(&queue, 50);
  for (int i = 0; i < 1000; ++i) queue.Push(Work("late", false, 0.01));
  const auto got = Serve(&queue, 2);
  EXPECT_NEAR(got.at("early reads"), 1, 0.021);
  EXPECT_NEAR(got.at("late reads"), 1, 0.021);
}

TEST(FairQueueTest, ACallThatCostMoreThanExpectedIsChargedForItUpToABound) {
  FairQueue queue;
  for (int i = 0; i < 1000; ++i) queue.Push(Work("quiet", false, 0.01));
  queue.Push(Work("heavy", false, 0, "long"));
  std::optional<QueuedWork> work = queue.Pop();
  while (work->method != "long") {
    queue.Finish(work->line, 0);
    work = queue.Pop();
  }
  queue.Finish(work->line, 600);
  for (int i = 0; i < 1000; ++i) queue.Push(Work("heavy", false, 0.01));
  const auto debt = Serve(&queue, FairQueue::kMaxDebt - 0.02);
  EXPECT_EQ(debt.count("heavy reads"), 0);
  const auto after = Serve(&queue, 2);
  EXPECT_NEAR(after.at("heavy reads"), 1, 0.04);
}

TEST(FairQueueTest, TheNewestOfTheLongestLineMakesRoom) {
  FairQueue queue;
  for (const char* name : {"1", "2", "3"}) queue.Push(Work("long", true, 1, name));
  queue.Push(Work("short", false, 1));
  EXPECT_FALSE(queue.Displace({"long", true}).has_value());
  const auto first = queue.Displace({"long", false});
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->method, "3");
  EXPECT_EQ(NameOf(first->line), "long writes");
  // Lines of 2 and 1: the newcomer would be no better off than what it displaces.
  EXPECT_FALSE(queue.Displace({"short", false}).has_value());
  EXPECT_TRUE(queue.Displace({"new", false}).has_value());
  EXPECT_EQ(queue.size(), 2);
}

// 200 random queues: what is ahead is told to within a task of every line, and all that was put in
// comes out once.
TEST(FairQueueTest, TellsWhatIsAheadOfANewcomer) {
  SplitMix random(7);
  for (int round = 0; round < 200; ++round) {
    FairQueue queue;
    const int collections = 1 + static_cast<int>(random.Below(6));
    const int count = static_cast<int>(random.Below(60));
    const auto draw = [&] {
      return Work(absl::StrCat("c", random.Below(collections)), random.Chance(0.5),
                  static_cast<double>(random.Between(1, 10)) / 100);
    };
    double highest = 0;
    for (int i = 0; i < count; ++i) {
      QueuedWork work = draw();
      highest = std::max(highest, work.cost);
      queue.Push(std::move(work));
    }
    QueuedWork newcomer = draw();
    newcomer.method = "newcomer";
    highest = std::max(highest, newcomer.cost);
    const double told = queue.SecondsAhead(newcomer.line);
    queue.Push(std::move(newcomer));
    EXPECT_EQ(queue.size(), count + 1);
    double ahead = 0;
    int popped = 0;
    bool found = false;
    while (const auto work = queue.Pop()) {
      ++popped;
      found |= work->method == "newcomer";
      if (!found) ahead += work->cost;
      queue.Finish(work->line, 0);
    }
    EXPECT_EQ(popped, count + 1);
    EXPECT_NEAR(told, ahead, highest * 2 * collections) << "round " << round;
  }
}

}  // namespace
}  // namespace negatron
