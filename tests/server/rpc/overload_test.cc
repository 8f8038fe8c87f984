// SPDX-License-Identifier: Apache-2.0
// More load than the server can bear, through a real one: what it serves, what it refuses, and how
// soon it is itself again. NEGATRON_OVERLOAD_SECONDS lengthens each load (default 1.5); the figures
// are printed.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>

#include "storage/base/mutex.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

absl::Duration LoadTime() {
  const char* const text = std::getenv("NEGATRON_OVERLOAD_SECONDS");
  double seconds = 1.5;
  if (text != nullptr && !absl::SimpleAtod(text, &seconds)) ADD_FAILURE() << "not a number";
  return absl::Seconds(seconds);
}

// What became of calls, and how long those took that were served.
//
// Thread-safety: thread-safe.
class Outcomes {
 public:
  void Begin() { ++open_; }

  void End(const absl::Status& status, absl::Duration duration) {
    MutexLock lock(mutex_);
    ++counts_[status.code()];
    if (status.ok()) served_.push_back(duration);
    --open_;
    changed_.NotifyAll();
  }

  void WaitUntilFewerThan(int open) {
    MutexLock lock(mutex_);
    while (open_ >= open) changed_.Wait(mutex_);
  }

  int open() const { return open_; }
  std::map<absl::StatusCode, int> counts() const {
    MutexLock lock(mutex_);
    return counts_;
  }
  int served_count() const {
    MutexLock lock(mutex_);
    return static_cast<int>(served_.size());
  }
  absl::Duration P99() const {
    MutexLock lock(mutex_);
    if (served_.empty()) return absl::ZeroDuration();
    std::vector<absl::Duration> sorted = served_;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() * 99 / 100];
  }

 private:
  std::atomic<int> open_ = 0;
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<absl::StatusCode, int> counts_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Duration> served_ ABSL_GUARDED_BY(mutex_);
};

class OverloadTest : public testing::Test {
 protected:
  explicit OverloadTest(absl::Duration max_wait = absl::Seconds(5)) : server_(Options(max_wait)) {
    for (const char* id : {"greedy", "polite"}) Fill(id);
  }

  // Calls in flight: this test's own memory is bounded, whatever the server does.
  static constexpr int kMaxOpen = 4000;

  static DispatcherOptions Options(absl::Duration max_wait) {
    DispatcherOptions options = RpcServer::DefaultOptions();
    options.queue_limit = 256;
    options.max_queue_wait = max_wait;
    return options;
  }

  void Fill(const std::string& id) {
    v1::CreateCollectionRequest create;
    create.set_collection_id(id);
    v1::Collection collection;
    ASSERT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection)
                    .ok());
    v1::BatchWriteItemsRequest write;
    write.set_collection(absl::StrCat("collections/", id));
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < 5000; ++i) ids.push_back(i);
    SetColumn(ids, write.mutable_item_ids());
    v1::WriteReceipt receipt;
    ASSERT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, write, &receipt).ok());
  }

  // Little to send, much to draw.
  static v1::SampleNegativesRequest Request(const std::string& id) {
    v1::SampleNegativesRequest request;
    request.set_collection(absl::StrCat("collections/", id));
    request.set_negative_count(2048);
    std::vector<int64_t> keys;
    for (int64_t i = 0; i < 64; ++i) keys.push_back(i);
    SetColumn(keys, request.mutable_row_keys());
    request.add_outputs(v1::SAMPLE_OUTPUT_COMPONENT);
    request.mutable_policy()->add_components()->set_share(1);
    request.mutable_policy()->mutable_components(0)->mutable_uniform();
    return request;
  }

  void Send(const v1::SampleNegativesRequest& request, absl::Duration deadline,
            Outcomes* outcomes) {
    struct Shot {
      grpc::ClientContext context;
      v1::SampleNegativesResponse response;
      absl::Time start = absl::Now();
    };
    const auto shot = std::make_shared<Shot>();
    shot->context.set_deadline(absl::ToChronoTime(shot->start + deadline));
    outcomes->Begin();
    server_.sampling().async()->SampleNegatives(
        &shot->context, &request, &shot->response, [shot, outcomes](const grpc::Status& status) {
          outcomes->End(FromGrpcStatus(status), absl::Now() - shot->start);
        });
  }

  // Keeps `in_flight` calls in flight. The calls that are served a second.
  double RunClosed(const v1::SampleNegativesRequest& request, int in_flight, Outcomes* outcomes) {
    const absl::Time start = absl::Now();
    while (absl::Now() - start < LoadTime()) {
      outcomes->WaitUntilFewerThan(in_flight);
      Send(request, absl::Minutes(1), outcomes);
    }
    const double rate = outcomes->served_count() / absl::ToDoubleSeconds(absl::Now() - start);
    outcomes->WaitUntilFewerThan(1);
    return rate;
  }

  // Sends `rate` calls a second, whatever becomes of them. How many it has sent.
  int RunOpen(const v1::SampleNegativesRequest& request, double rate, absl::Duration deadline,
              Outcomes* outcomes) {
    const absl::Time start = absl::Now();
    int sent = 0;
    for (absl::Time now = start; now - start < LoadTime(); now = absl::Now()) {
      const auto due = static_cast<int>(rate * absl::ToDoubleSeconds(now - start));
      while (sent < due && outcomes->open() < kMaxOpen) {
        Send(request, deadline, outcomes);
        ++sent;
      }
      absl::SleepFor(absl::Milliseconds(1));
    }
    outcomes->WaitUntilFewerThan(1);
    return sent;
  }

  // How long it takes until ten calls in a row are served as fast as it should be.
  absl::Duration Recover(const v1::SampleNegativesRequest& request, absl::Duration fast) {
    const absl::Time start = absl::Now();
    for (int in_a_row = 0; in_a_row < 10 && absl::Now() - start < absl::Seconds(30);) {
      Outcomes outcomes;
      Send(request, absl::Seconds(10), &outcomes);
      outcomes.WaitUntilFewerThan(1);
      in_a_row = outcomes.served_count() == 1 && outcomes.P99() <= fast ? in_a_row + 1 : 0;
    }
    return absl::Now() - start;
  }

  RpcServer server_;
};

std::string Describe(const Outcomes& outcomes) {
  std::string text;
  for (const auto& [code, count] : outcomes.counts()) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", count, " ", absl::StatusCodeToString(code));
  }
  return absl::StrCat(text, "; p99 of those served ", absl::FormatDuration(outcomes.P99()));
}

TEST_F(OverloadTest, TenTimesTheLoadWithShortDeadlinesIsShedAndForgotten) {
  const v1::SampleNegativesRequest request = Request("greedy");
  Outcomes saturated;
  const double capacity = RunClosed(request, 4, &saturated);
  const absl::Duration p99 = saturated.P99();
  Outcomes overloaded;
  const absl::Duration deadline = std::max(absl::Milliseconds(5), 2 * p99);
  const int sent = RunOpen(request, 10 * capacity, deadline, &overloaded);
  const absl::Duration recovery = Recover(request, std::max(absl::Milliseconds(100), 5 * p99));
  std::cout << "saturated: " << capacity << " a second, p99 " << p99 << "\n10 times, deadline "
            << deadline << ": " << sent << " sent, " << Describe(overloaded) << "\nrecovered after "
            << recovery << "\n";
  EXPECT_GT(sent, 2 * capacity * absl::ToDoubleSeconds(LoadTime())) << "no overload";
  for (const auto& [code, count] : overloaded.counts()) {
    EXPECT_THAT(code, testing::AnyOf(absl::StatusCode::kOk, absl::StatusCode::kResourceExhausted,
                                     absl::StatusCode::kDeadlineExceeded))
        << count;
  }
  EXPECT_GT(overloaded.counts()[absl::StatusCode::kResourceExhausted], 0);
  EXPECT_LT(recovery, absl::Seconds(10));
}

TEST_F(OverloadTest, AFloodOfOneCollectionLeavesTheOtherItsShare) {
  const v1::SampleNegativesRequest polite_request = Request("polite");
  Outcomes alone;
  const double rate_alone = RunClosed(polite_request, 1, &alone);
  std::atomic<bool> done = false;
  Outcomes greedy;
  std::thread flood([&] {
    const v1::SampleNegativesRequest request = Request("greedy");
    while (!done) {
      greedy.WaitUntilFewerThan(300);
      Send(request, absl::Minutes(1), &greedy);
    }
    greedy.WaitUntilFewerThan(1);
  });
  Outcomes polite;
  const double rate = RunClosed(polite_request, 1, &polite);
  done = true;
  flood.join();
  std::cout << "polite alone: " << rate_alone << " a second; beside the flood: " << rate
            << " a second, " << Describe(polite) << "\nflood: " << Describe(greedy) << "\n";
  // All of its calls are served, though the queue is full of others.
  EXPECT_THAT(polite.counts(), testing::ElementsAre(testing::Key(absl::StatusCode::kOk)));
  EXPECT_GT(greedy.served_count(), 0);
  // It waits for what runs, not for the 256 calls in the queue.
  EXPECT_GT(rate, rate_alone / 20);
}

class ShortWaitOverloadTest : public OverloadTest {
 protected:
  ShortWaitOverloadTest() : OverloadTest(absl::Milliseconds(20)) {}
};

TEST_F(ShortWaitOverloadTest, WhatIsLetInIsServedSoon) {
  const v1::SampleNegativesRequest request = Request("greedy");
  Outcomes saturated;
  const double capacity = RunClosed(request, 8, &saturated);
  Outcomes overloaded;
  const int sent = RunOpen(request, 10 * capacity, absl::Minutes(1), &overloaded);
  std::cout << "saturated: " << capacity << " a second, p99 " << saturated.P99()
            << "\n10 times: " << sent << " sent, " << Describe(overloaded) << "\n";
  EXPECT_GT(overloaded.served_count(), 0);
  EXPECT_GT(overloaded.counts()[absl::StatusCode::kResourceExhausted], 0);
  EXPECT_EQ(overloaded.counts().size(), 2);
}

}  // namespace
}  // namespace negatron
