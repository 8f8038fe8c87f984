// SPDX-License-Identifier: Apache-2.0
//
// Stock hnswlib in process, the baseline of hard_bench and index_bench: what it weighs, searches
// and updates. Alone in its executable, so that its memory and its code are. Prints lines of JSON
// (Converse): facts first, then measurements as they are asked for:
//   search   neighbours a second; ef is the smallest of 100, 150, ... that finds enough
//   update   vectors of labels that exist, replaced a second
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "hnswlib/hnswlib.h"

#include "tests/benchmarks/measuring.h"
#include "tests/benchmarks/vector_data.h"

namespace negatron::bench {
namespace {

constexpr int kLinks = 16;
constexpr int kEfConstruction = 200;
constexpr int kFirstEf = 100;
constexpr int kEfStep = 50;
constexpr int kLastEf = 2000;
constexpr uint64_t kMoveSeed = 3;

// Updates between two looks at the clock: some ten milliseconds.
constexpr int64_t kUpdates = 8;

struct Flags {
  int64_t items = 100'000;
  int64_t queries = 1024;
  int threads = 2;
  double seconds = 3;
};

class Stock {
 public:
  explicit Stock(const Flags& flags)
      : flags_(flags),
        items_(ClusteredVectors(flags.items, kItemSeed)),
        queries_(ClusteredVectors(flags.queries, kQuerySeed)),
        space_(kDimension) {}

  // Returns what there is to say before anything is measured.
  Numbers Build() {
    ReturnFreeMemory();
    const int64_t before = ResidentBytes();
    const absl::Time start = absl::Now();
    index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(
        &space_, static_cast<size_t>(flags_.items), kLinks, kEfConstruction);
    Put(items_, 0);
    std::atomic<int64_t> next = 1;
    InThreads([&] {
      for (int64_t i = next++; i < flags_.items; i = next++) Put(items_, i);
    });
    const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
    const auto bytes = static_cast<double>(ResidentBytes() - before);
    const Numbers effort = ChooseEf();
    moved_ = Moved(items_, kMoveSeed);
    Numbers facts = {{"build_seconds", seconds},
                     {"bytes_per_item", bytes / static_cast<double>(flags_.items)}};
    facts.insert(facts.end(), effort.begin(), effort.end());
    return facts;
  }

  absl::StatusOr<Numbers> Search() {
    const int64_t batches = flags_.queries / kQueries;
    const auto rate = MeasureRate(flags_.threads, flags_.seconds,
                                  [&](int thread, int64_t call) -> absl::StatusOr<int64_t> {
                                    std::vector<int64_t> found(size_t{kQueries} * kTop);
                                    const int64_t first = (thread + call) % batches * kQueries;
                                    for (int64_t q = 0; q < kQueries; ++q) {
                                      Find(first + q, std::span(found).subspan(q * kTop, kTop));
                                    }
                                    return int64_t{kQueries} * kTop;
                                  });
    if (!rate.ok()) return rate.status();
    return NumbersOf(*rate);
  }

  // On as many threads as search, each with labels of its own; nothing searches meanwhile, which
  // hnswlib does not allow. There are two tables of vectors, taken in turn.
  absl::StatusOr<Numbers> Update() {
    const int64_t share = flags_.items / flags_.threads;
    const auto rate = MeasureRate(
        flags_.threads, flags_.seconds, [&](int thread, int64_t call) -> absl::StatusOr<int64_t> {
          for (int64_t i = call * kUpdates; i < (call + 1) * kUpdates; ++i) {
            Put(i / share % 2 == 0 ? moved_ : items_, thread * share + i % share);
          }
          return kUpdates;
        });
    if (!rate.ok()) return rate.status();
    return Numbers{{"items_per_second", rate->items_per_second}};
  }

 private:
  template <typename Work>
  void InThreads(const Work& work) const {
    std::vector<std::thread> pool;
    for (int t = 0; t < flags_.threads; ++t) pool.emplace_back(work);
    for (std::thread& thread : pool) thread.join();
  }

  void Put(const Vectors& vectors, int64_t i) {
    index_->addPoint(vectors.data() + i * kDimension, static_cast<hnswlib::labeltype>(i));
  }

  // The labels nearest to a query, nearest first.
  void Find(int64_t query, std::span<int64_t> labels) const {
    auto queue = index_->searchKnn(queries_.data() + query * kDimension, labels.size());
    std::fill(labels.begin(), labels.end(), -1);
    for (; !queue.empty(); queue.pop()) {
      labels[queue.size() - 1] = static_cast<int64_t>(queue.top().second);
    }
  }

  // Sets the smallest ef that reaches kLeastRecall; the last if none does.
  Numbers ChooseEf() {
    const ExactTop exact(items_, queries_, flags_.threads);
    std::vector<int64_t> found(static_cast<size_t>(flags_.queries) * kTop);
    double recall = 0;
    int ef = kFirstEf;
    for (;; ef += kEfStep) {
      index_->setEf(static_cast<size_t>(ef));
      std::atomic<int64_t> next = 0;
      InThreads([&] {
        for (int64_t q = next++; q < flags_.queries; q = next++) {
          Find(q, std::span(found).subspan(q * kTop, kTop));
        }
      });
      recall = exact.Recall(found);
      if (recall >= kLeastRecall || ef >= kLastEf) break;
    }
    return {{"ef", ef}, {"recall", recall}};
  }

  const Flags flags_;
  const Vectors items_;
  const Vectors queries_;
  Vectors moved_;
  hnswlib::InnerProductSpace space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index_;
};

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures stock hnswlib in process.");
  app.add_option("--items", flags.items, "Items.")->check(CLI::Range(1000L, 1L << 31));
  app.add_option("--queries", flags.queries, "Different queries; rounded down to whole calls.")
      ->check(CLI::Range(int64_t{kQueries}, int64_t{1} << 20));
  app.add_option("--threads", flags.threads, "Threads that build, search and update.")
      ->check(CLI::Range(1, 64));
  app.add_option("--seconds", flags.seconds, "Time of a measurement.")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  flags.queries -= flags.queries % kQueries;
  Stock stock(flags);
  const Numbers facts = stock.Build();
  return Converse(facts, {{"search", [&] { return stock.Search(); }},
                          {"update", [&] { return stock.Update(); }}});
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
