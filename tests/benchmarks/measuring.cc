// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/measuring.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <malloc.h>
#include <mutex>
#include <system_error>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace negatron::bench {
namespace {

double Quantile(std::vector<double>* values, double q) {
  const auto position = static_cast<int64_t>(q * static_cast<double>(values->size() - 1));
  std::nth_element(values->begin(), values->begin() + position, values->end());
  return (*values)[position];
}

void PrintLine(const Numbers& numbers) {
  std::string json;
  for (const auto& [name, value] : numbers) {
    absl::StrAppendFormat(&json, R"(%s"%s": %.12g)", json.empty() ? "" : ", ", name, value);
  }
  std::cout << '{' << json << '}' << std::endl;
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "negatron-XXXXXX").string();
  if (mkdtemp(name.data()) != nullptr) path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Background::Background(int threads, const std::function<void(int)>& work) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, work, i] {
      while (!stop_) work(i);
    });
  }
}

Background::~Background() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
}

Latency LatencyOf(std::vector<double> milliseconds) {
  if (milliseconds.empty()) return {};
  return {Quantile(&milliseconds, 0.5), Quantile(&milliseconds, 0.99)};
}

Numbers NumbersOf(const Rate& rate) {
  return {{"items_per_second", rate.items_per_second},
          {"p50_ms", rate.latency.p50_ms},
          {"p99_ms", rate.latency.p99_ms}};
}

absl::StatusOr<Rate> MeasureRate(
    int threads, double seconds,
    const std::function<absl::StatusOr<int64_t>(int thread, int64_t call)>& work) {
  std::mutex mutex;
  absl::Status failure;
  int64_t items = 0;
  std::vector<double> milliseconds;
  const absl::Time start = absl::Now();
  const auto run = [&](int thread) {
    int64_t mine = 0;
    std::vector<double> calls;
    absl::Status status;
    while (status.ok() && absl::Now() - start < absl::Seconds(seconds)) {
      const absl::Time begin = absl::Now();
      const absl::StatusOr<int64_t> done = work(thread, static_cast<int64_t>(calls.size()));
      calls.push_back(absl::ToDoubleMilliseconds(absl::Now() - begin));
      if (done.ok()) mine += *done;
      status = done.status();
    }
    const std::lock_guard<std::mutex> lock(mutex);
    failure.Update(status);
    items += mine;
    milliseconds.insert(milliseconds.end(), calls.begin(), calls.end());
  };
  std::vector<std::thread> pool;
  for (int thread = 0; thread < threads; ++thread) pool.emplace_back(run, thread);
  for (std::thread& thread : pool) thread.join();
  const double taken = absl::ToDoubleSeconds(absl::Now() - start);
  if (!failure.ok()) return failure;
  return Rate{static_cast<double>(items) / taken, LatencyOf(std::move(milliseconds))};
}

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0;
  int64_t resident = 0;
  file >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

void ReturnFreeMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

int Converse(const Numbers& facts,
             const std::map<std::string, std::function<absl::StatusOr<Numbers>()>>& measurements) {
  PrintLine(facts);
  std::string name;
  while (std::getline(std::cin, name)) {
    const auto found = measurements.find(name);
    const absl::StatusOr<Numbers> result =
        found == measurements.end()
            ? absl::InvalidArgumentError(absl::StrCat("no measurement `", name, "`"))
            : found->second();
    if (!result.ok()) {
      std::cerr << name << ": " << result.status() << '\n';
      return 1;
    }
    PrintLine(*result);
  }
  return 0;
}

}  // namespace negatron::bench
