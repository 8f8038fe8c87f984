// SPDX-License-Identifier: Apache-2.0
//
// The index of embeddings, on an engine in process that looks after it as the server does: memory,
// latency while it is built again, recall while all vectors move, and starting with it. Prints one
// JSON object.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <iostream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "storage/base/status.h"
#include "tests/benchmarks/bench_data.h"
#include "tests/benchmarks/figures.h"
#include "tests/benchmarks/indexed_engine.h"
#include "tests/benchmarks/measuring.h"
#include "tests/benchmarks/vector_data.h"

namespace negatron::bench {
namespace {

constexpr int kDrifts = 3;
constexpr uint64_t kMoveSeed = 3;
constexpr uint64_t kRenewalSeed = 100;

// How many builds are measured at most, if one is too short for enough calls.
constexpr int kMostRebuilds = 3;

// Items that get another vector for a rebuild: more than the 2% that an index may miss, and more
// than the 1,000.
constexpr int64_t kRenewedShare = 32;
constexpr int64_t kRenewedItems = 1500;

// Mean displacement that an index is left with.
constexpr double kMostDrift = 0.5;

constexpr absl::Duration kPoll = absl::Milliseconds(20);

struct Flags {
  int64_t items = 100'000;
  int64_t events = 1'000'000;
  int64_t queries = 512;
  int threads = 2;
  double seconds = 5;
  int64_t calls = 300;
  double stock_bytes = 0;
};

constexpr std::array kKinds = {"nearest", "popularity", "uniform"};
using Latencies = std::array<Latency, kKinds.size()>;
using Calls = std::array<std::vector<double>, kKinds.size()>;  // Milliseconds of each.

// Looks at an engine all the time: whether it builds, and the most memory that was in use.
class Watch {
 public:
  explicit Watch(const IndexedEngine& engine)
      : background_(1, [this, &engine](int) {
          const absl::StatusOr<IndexStatistics> index = engine.Index();
          building_ = index.ok() && index->status.building;
          peak_bytes_ = std::max<int64_t>(peak_bytes_, ResidentBytes());
          absl::SleepFor(kPoll);
        }) {}

  bool building() const { return building_; }
  int64_t peak_bytes() const { return peak_bytes_; }

 private:
  std::atomic<bool> building_ = true;
  std::atomic<int64_t> peak_bytes_ = 0;
  const Background background_;
};

class IndexBench {
 public:
  IndexBench(const Flags& flags, Figures* figures)
      : flags_(flags),
        figures_(*figures),
        items_(ClusteredVectors(flags.items, kItemSeed)),
        queries_(ClusteredVectors(flags.queries, kQuerySeed)),
        requests_{NearestRequest(std::span(queries_).first(size_t{kQueries} * kDimension)),
                  CatalogueRequest(PopularitySource{}), CatalogueRequest(UniformSource{})},
        engine_(flags.items) {}

  absl::Status Run() {
    Say("loading");
    NEGATRON_RETURN_IF_ERROR(engine_.Open());
    NEGATRON_RETURN_IF_ERROR(engine_.Load(flags_.events));
    NEGATRON_RETURN_IF_ERROR(Build());
    NEGATRON_RETURN_IF_ERROR(MeasureRebuild());
    NEGATRON_RETURN_IF_ERROR(MeasureDrift());
    return MeasureStart();
  }

 private:
  static void Say(const std::string& what) { std::cerr << "  " << what << '\n'; }

  // Writes all vectors and waits for the index.
  absl::Status Build() {
    Say("building the index");
    ReturnFreeMemory();
    resident_before_ = ResidentBytes();
    NEGATRON_RETURN_IF_ERROR(engine_.WriteAll(items_).status());
    NEGATRON_ASSIGN_OR_RETURN(const IndexStatistics index,
                              engine_.AwaitIndex([&](const IndexStatistics& now) {
                                return now.generation > 0 && now.placed_count == flags_.items;
                              }));
    resident_after_ = ResidentBytes();
    build_seconds_ = index.status.build_seconds;
    NEGATRON_ASSIGN_OR_RETURN(index_bytes_, engine_.IndexBytes());
    return absl::OkStatus();
  }

  // Makes calls of all kinds in turn, from one thread, until `done` says so.
  template <typename Done>
  absl::Status CallUntil(const Done& done, Calls* milliseconds) const {
    while (!done()) {
      for (size_t kind = 0; kind < kKinds.size(); ++kind) {
        const absl::Time start = absl::Now();
        NEGATRON_RETURN_IF_ERROR(engine_.Sample(requests_[kind]).status());
        (*milliseconds)[kind].push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
      }
    }
    return absl::OkStatus();
  }

  bool HasEnough(const Calls& calls) const {
    return static_cast<int64_t>(calls[0].size()) >= flags_.calls;
  }

  static Latencies LatenciesOf(const Calls& all) {
    Latencies latencies;
    for (size_t kind = 0; kind < kKinds.size(); ++kind) latencies[kind] = LatencyOf(all[kind]);
    return latencies;
  }

  absl::StatusOr<Latencies> MeasureQuiet() const {
    Calls milliseconds;
    const absl::Time end = absl::Now() + absl::Seconds(flags_.seconds);
    const auto done = [&] { return absl::Now() >= end && HasEnough(milliseconds); };
    NEGATRON_RETURN_IF_ERROR(CallUntil(done, &milliseconds));
    return LatenciesOf(milliseconds);
  }

  // Gives some items another vector, more of them than the index may miss.
  absl::Status Renew(int number) {
    const int64_t step = std::clamp<int64_t>(flags_.items / kRenewedItems, 1, kRenewedShare);
    std::vector<int64_t> renewed;
    for (int64_t item = number; item < flags_.items; item += step) renewed.push_back(item);
    const Vectors fresh = ClusteredVectors(static_cast<int64_t>(renewed.size()),
                                           kRenewalSeed + static_cast<uint64_t>(number));
    for (size_t i = 0; i < renewed.size(); ++i) {
      std::copy_n(fresh.begin() + static_cast<int64_t>(i) * kDimension, kDimension,
                  items_.begin() + renewed[i] * kDimension);
    }
    return engine_.Write(items_, renewed).status();
  }

  absl::Status MeasureRebuild() {
    Say("measuring calls");
    NEGATRON_ASSIGN_OR_RETURN(const Latencies idle, MeasureQuiet());
    absl::StatusOr<Latencies> busy;
    {
      // What any thread that computes would cost: the rest is the build's.
      std::atomic<uint64_t> count = 0;
      const Background counting(1, [&](int) { ++count; });
      busy = MeasureQuiet();
    }
    NEGATRON_RETURN_IF_ERROR(busy.status());
    Calls milliseconds;
    int64_t peak_bytes = 0;
    int rebuilds = 0;
    while (rebuilds < kMostRebuilds && !HasEnough(milliseconds)) {
      Say("measuring calls during a rebuild");
      NEGATRON_RETURN_IF_ERROR(Renew(rebuilds++));
      NEGATRON_RETURN_IF_ERROR(engine_.AwaitBuild());
      const Watch watch(engine_);
      NEGATRON_RETURN_IF_ERROR(CallUntil([&] { return !watch.building(); }, &milliseconds));
      peak_bytes = std::max(peak_bytes, watch.peak_bytes());
    }
    const Latencies during = LatenciesOf(milliseconds);
    for (size_t kind = 0; kind < kKinds.size(); ++kind) {
      figures_.Add(absl::StrCat("p99_during_rebuild_", kKinds[kind]), during[kind].p99_ms, "ms",
                   {{"baseline", idle[kind].p99_ms},
                    {"p50_ms", during[kind].p50_ms},
                    {"idle_p50_ms", idle[kind].p50_ms},
                    {"busy_p50_ms", busy->at(kind).p50_ms},
                    {"busy_p99_ms", busy->at(kind).p99_ms},
                    {"busy_ratio", during[kind].p99_ms / busy->at(kind).p99_ms},
                    {"calls", static_cast<double>(milliseconds[kind].size())}});
    }
    AddMemory(peak_bytes);
    return absl::OkStatus();
  }

  // What the engine counts, and what the process took while vectors were written and the index was
  // built: with buffers of the disk, and what the allocator keeps.
  void AddMemory(int64_t peak_bytes) {
    const auto per_item = [&](int64_t bytes) {
      return static_cast<double>(bytes) / static_cast<double>(flags_.items);
    };
    Numbers more = {{"resident", per_item(resident_after_ - resident_before_)},
                    {"resident_peak_of_rebuild", per_item(peak_bytes - resident_before_)}};
    if (flags_.stock_bytes > 0) more.insert(more.begin(), {"baseline", flags_.stock_bytes});
    figures_.Add("bytes_per_item", per_item(index_bytes_), "bytes", more);
  }

  // Moves all vectors while queries run. Returns the last commit.
  absl::StatusOr<int64_t> Drift(int number) {
    items_ = Moved(items_, kMoveSeed + static_cast<uint64_t>(number));
    std::atomic<bool> failed = false;
    const Background querying(1, [&](int) {
      if (!engine_.Sample(requests_[0]).ok()) failed = true;
    });
    NEGATRON_ASSIGN_OR_RETURN(const int64_t commit, engine_.WriteAll(items_));
    if (failed) figures_.Fail("recall_after_drift: a query failed");
    return commit;
  }

  // Whether the engine will leave its index as it is, for vectors that it has since `commit`, at
  // `time`.
  bool IsSettled(const IndexStatistics& index, int64_t commit, Micros time) const {
    if (index.generation >= commit) return true;  // Built with them, or found to need a wider ef.
    return index.status.check_time >= time && index.status.recall >= kLeastRecall &&
           index.status.drift <= kMostDrift &&
           index.delta_count <= std::max(kMissedItems, flags_.items / kMissedShare);
  }

  absl::Status MeasureDrift() {
    double lowest = 1;
    Numbers more;
    for (int drift = 1; drift <= kDrifts; ++drift) {
      Say(absl::StrCat("drift ", drift));
      NEGATRON_ASSIGN_OR_RETURN(const int64_t commit, Drift(drift));
      const Micros time = absl::ToUnixMicros(absl::Now());
      NEGATRON_ASSIGN_OR_RETURN(const std::vector<int64_t> at_once, engine_.Nearest(queries_));
      const ExactTop exact(items_, queries_, flags_.threads);
      NEGATRON_ASSIGN_OR_RETURN(const IndexStatistics index,
                                engine_.AwaitIndex([&](const IndexStatistics& now) {
                                  return IsSettled(now, commit, time);
                                }));
      NEGATRON_ASSIGN_OR_RETURN(const std::vector<int64_t> settled, engine_.Nearest(queries_));
      const double recall_at_once = exact.Recall(at_once);
      const double recall_settled = exact.Recall(settled);
      lowest = std::min({lowest, recall_at_once, recall_settled});
      more.emplace_back(absl::StrCat("at_once_", drift), recall_at_once);
      more.emplace_back(absl::StrCat("settled_", drift), recall_settled);
      more.emplace_back(absl::StrCat("ef_", drift), index.ef);
      more.emplace_back(absl::StrCat("rebuilt_", drift), index.generation >= commit ? 1 : 0);
    }
    figures_.Add("recall_after_drift", lowest, "recall@100", more);
    return absl::OkStatus();
  }

  // From a closed folder to the first call that the saved index has served.
  absl::Status MeasureStart() {
    Say("starting again");
    engine_.Close();
    const absl::Time start = absl::Now();
    NEGATRON_RETURN_IF_ERROR(engine_.Open());
    NEGATRON_ASSIGN_OR_RETURN(const SampleResult first, engine_.Sample(requests_[0]));
    const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
    if (first.snapshot.generation == 0) figures_.Fail("cold_start: the saved index is not used");
    NEGATRON_ASSIGN_OR_RETURN(const std::vector<int64_t> found, engine_.Nearest(queries_));
    const double recall = ExactTop(items_, queries_, flags_.threads).Recall(found);
    figures_.Add("cold_start", seconds, "s", {{"baseline", build_seconds_}, {"recall", recall}});
    return absl::OkStatus();
  }

  const Flags flags_;
  Figures& figures_;
  Vectors items_;  // As they were written last.
  const Vectors queries_;
  const std::array<SampleRequest, kKinds.size()> requests_;
  IndexedEngine engine_;
  double build_seconds_ = 0;  // With nothing else to do.
  int64_t index_bytes_ = 0;
  int64_t resident_before_ = 0;  // With items and events, without vectors.
  int64_t resident_after_ = 0;
};

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures the index of embeddings in process.");
  app.add_option("--items", flags.items, "Items.")->check(CLI::Range(5000L, 1L << 31));
  app.add_option("--events", flags.events, "Events; rounded down to a multiple of 100.")
      ->check(CLI::Range(kEventsPerUser, 1L << 31));
  app.add_option("--queries", flags.queries, "Queries of recall; rounded down to whole calls.")
      ->check(CLI::Range(int64_t{kQueries}, int64_t{1} << 20));
  app.add_option("--seconds", flags.seconds, "Time of a measurement.")->check(CLI::PositiveNumber);
  app.add_option("--calls", flags.calls, "Least calls that a quantile is of.")
      ->check(CLI::PositiveNumber);
  app.add_option("--stock-bytes", flags.stock_bytes, "Bytes an item of hnswlib, to divide by.");
  CLI11_PARSE(app, argc, argv);
  flags.events -= flags.events % kEventsPerUser;
  flags.queries -= flags.queries % kQueries;
  Figures figures;
  const absl::Status status = IndexBench(flags, &figures).Run();
  if (!status.ok()) {
    std::cerr << "index_bench: " << status << '\n';
    return 2;
  }
  return figures.Print();
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
