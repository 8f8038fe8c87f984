// SPDX-License-Identifier: Apache-2.0
//
// What programs that measure share.
#ifndef NEGATRON_TESTS_BENCHMARKS_MEASURING_H_
#define NEGATRON_TESTS_BENCHMARKS_MEASURING_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/benchmarks/figures.h"

namespace negatron::bench {

using Numbers = Figures::Numbers;  // By name.

// A folder that is removed at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }  // Empty: there is none.

 private:
  std::string path_;
};

// Calls start(done) and waits until done was called.
template <typename Result, typename Start>
Result Await(Start start) {
  std::promise<Result> promise;
  start([&](Result result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

// Runs `work` again and again on threads of its own until it is destroyed.
class Background {
 public:
  Background(int threads, const std::function<void(int)>& work);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

struct Latency {
  double p50_ms = 0;
  double p99_ms = 0;
};

// Of calls that took so long; zeros without any.
Latency LatencyOf(std::vector<double> milliseconds);

struct Rate {
  double items_per_second = 0;
  Latency latency;  // Of calls.
};

// The numbers of a rate as Google Benchmark and wire_bench name them.
Numbers NumbersOf(const Rate& rate);

// Calls work(thread, call), call = 0, 1, ..., on each thread for `seconds`; it returns how many
// items it did. Fails with the first failure of a call.
absl::StatusOr<Rate> MeasureRate(
    int threads, double seconds,
    const std::function<absl::StatusOr<int64_t>(int thread, int64_t call)>& work);

// Memory that this process has from the system.
int64_t ResidentBytes();

// Gives back to the system what was freed, so that what is allocated next is seen in
// ResidentBytes.
void ReturnFreeMemory();

// Lets another program choose when to measure what: prints `facts` as a line of JSON, then for
// each line of the standard input, which must name a measurement, the numbers of that. Returns the
// exit code.
int Converse(const Numbers& facts,
             const std::map<std::string, std::function<absl::StatusOr<Numbers>()>>& measurements);

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_MEASURING_H_
