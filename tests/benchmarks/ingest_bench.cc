// SPDX-License-Identifier: Apache-2.0
//
// Latency of sampling while events are written all the time, against idle: on an engine in process,
// with its files in a temporary folder. Prints one JSON object.
//
// Ingestion must not block sampling; it may well share its cores. So there is a second baseline,
// with as many threads that only count: what is left between the two is what ingestion costs beyond
// the cores.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "server/engine/engine.h"
#include "tests/benchmarks/bench_data.h"
#include "tests/benchmarks/figures.h"
#include "tests/benchmarks/generated_catalogue.h"
#include "tests/benchmarks/measuring.h"

namespace negatron::bench {
namespace {

constexpr int64_t kLoadBatch = 50'000;

struct Flags {
  int64_t items = 1'000'000;
  int64_t events = 10'000'000;
  int64_t batch = 10'000;
  double seconds = 10;
};

std::vector<int64_t> Cut(const std::vector<int64_t>& column, int64_t begin, int64_t end) {
  return {column.begin() + begin, column.begin() + end};
}

absl::Status Create(Engine* engine) {
  CollectionRecord settings;
  settings.id = kCollection;
  settings.half_life_micros = absl::ToInt64Microseconds(kHalfLife);
  return Await<absl::StatusOr<CollectionRecord>>(
             [&](auto done) { engine->CreateCollection(settings, done); })
      .status();
}

absl::Status WriteEvents(Engine* engine, WriteEventsRequest request) {
  return Await<absl::StatusOr<WriteResult>>(
             [&](auto done) { engine->WriteEvents(kCollection, std::move(request), done); })
      .status();
}

absl::Status Load(const GeneratedCatalogue& data, Engine* engine) {
  absl::Status status = Create(engine);
  const auto in_batches = [&](size_t size, const auto& write) {
    const auto count = static_cast<int64_t>(size);
    for (int64_t begin = 0; status.ok() && begin < count; begin += kLoadBatch) {
      status = write(begin, std::min(count, begin + kLoadBatch));
    }
  };
  in_batches(data.item_ids.size(), [&](int64_t begin, int64_t end) {
    WriteItemsRequest request;
    request.ids.values = Cut(data.item_ids, begin, end);
    for (int64_t i = begin; i < end; ++i) {
      request.alive.push_back({{data.alive_from_micros[i], data.alive_until_micros[i]}});
    }
    return Await<absl::StatusOr<WriteResult>>(
               [&](auto done) { engine->WriteItems(kCollection, std::move(request), done); })
        .status();
  });
  in_batches(data.user_ids.size(), [&](int64_t begin, int64_t end) {
    WriteEventsRequest request;
    request.users.values = Cut(data.user_ids, begin, end);
    request.items.values = Cut(data.event_item_ids, begin, end);
    request.times = Cut(data.event_time_micros, begin, end);
    return WriteEvents(engine, std::move(request));
  });
  return status;
}

// Events of now, as popular as those that are there, of users at random; one batch waits for the
// one before.
class EventWriter {
 public:
  EventWriter(const Flags& flags, const GeneratedCatalogue& data, Engine* engine)
      : flags_(flags), data_(data), engine_(*engine) {}

  void WriteBatch() {
    std::vector<int64_t> users(flags_.batch);
    std::vector<int64_t> items(flags_.batch);
    for (int64_t i = 0; i < flags_.batch; ++i) {
      users[i] = data_.user_ids[random_() % data_.user_ids.size()];
      items[i] = data_.event_item_ids[random_() % data_.event_item_ids.size()];
    }
    WriteEventsRequest request;
    request.users.values = std::move(users);
    request.items.values = std::move(items);
    request.times.assign(flags_.batch, absl::ToUnixMicros(absl::Now()));
    const absl::Status status = WriteEvents(&engine_, std::move(request));
    if (status.ok()) {
      written_ += flags_.batch;
    } else {
      failed_ = true;
    }
  }

  int64_t written() const { return written_; }
  bool failed() const { return failed_; }

 private:
  const Flags& flags_;
  const GeneratedCatalogue& data_;
  Engine& engine_;
  std::mt19937_64 random_{5};
  std::atomic<int64_t> written_ = 0;
  std::atomic<bool> failed_ = false;
};

// Calls of kRows rows as of now, one after the other.
absl::StatusOr<Latency> Measure(const Engine& engine, const SourceSpec& source, double seconds) {
  SampleRequest request;
  request.row_count = kRows;
  request.negative_count = kNegatives;
  request.policy.components = {{1, "", source}};
  request.want_log_q_source = false;
  request.want_components = false;
  std::mt19937_64 random(6);
  std::vector<double> milliseconds;
  const absl::Time start = absl::Now();
  while (absl::Now() - start < absl::Seconds(seconds)) {
    request.row_keys.clear();
    for (int32_t r = 0; r < kRows; ++r) request.row_keys.push_back(static_cast<int64_t>(random()));
    const absl::Time begin = absl::Now();
    const absl::StatusOr<SampleResult> result = engine.Sample(kCollection, request, Cancellation());
    milliseconds.push_back(absl::ToDoubleMilliseconds(absl::Now() - begin));
    if (!result.ok()) return result.status();
  }
  return LatencyOf(std::move(milliseconds));
}

absl::Status Compare(const Flags& flags, const GeneratedCatalogue& data, const std::string& name,
                     const SourceSpec& source, Engine* engine, Figures* figures) {
  absl::StatusOr<Latency> idle = Measure(*engine, source, flags.seconds);
  if (!idle.ok()) return idle.status();
  absl::StatusOr<Latency> busy;
  {
    // The thread that writes and the one that commits take turns.
    std::atomic<uint64_t> count = 0;
    const Background counting(1, [&](int) { ++count; });
    busy = Measure(*engine, source, flags.seconds);
  }
  if (!busy.ok()) return busy.status();
  EventWriter writer(flags, data, engine);
  absl::StatusOr<Latency> during;
  const absl::Time start = absl::Now();
  {
    const Background writing(1, [&](int) { writer.WriteBatch(); });
    during = Measure(*engine, source, flags.seconds);
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  if (!during.ok()) return during.status();
  if (writer.failed()) figures->Fail(absl::StrCat("ingest_", name, ": a write failed"));
  figures->Add(absl::StrCat("ingest_p99_", name), during->p99_ms, "ms",
               {{"baseline", idle->p99_ms},
                {"p50_ms", during->p50_ms},
                {"idle_p50_ms", idle->p50_ms},
                {"p50_ratio", during->p50_ms / idle->p50_ms},
                {"busy_p50_ms", busy->p50_ms},
                {"busy_p99_ms", busy->p99_ms},
                {"events_per_second", static_cast<double>(writer.written()) / seconds}});
  return absl::OkStatus();
}

absl::Status Run(const Flags& flags, Figures* figures) {
  const ScratchFolder folder;
  if (folder.path().empty()) return absl::UnavailableError("no temporary folder");
  EngineOptions options;
  options.data_dir = folder.path() + "/data";
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(
      options, [](const RecoveryProgress&) {}, Cancellation());
  if (!engine.ok()) return engine.status();
  std::cerr << "  loading " << flags.items << " items, " << flags.events << " events\n";
  const GeneratedCatalogue data = GenerateCatalogue(flags.items, flags.events, absl::Now());
  absl::Status status = Load(data, engine->get());
  std::cerr << "  measuring\n";
  if (status.ok()) {
    status = Compare(flags, data, "popularity", PopularitySource{}, engine->get(), figures);
  }
  if (status.ok())
    status = Compare(flags, data, "uniform", UniformSource{}, engine->get(), figures);
  return status;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures sampling in process while events are written.");
  app.add_option("--items", flags.items, "Items.")
      ->check(CLI::Range(10 * kEventsPerUser, 1L << 31));
  app.add_option("--events", flags.events, "Events; rounded down to a multiple of 100.")
      ->check(CLI::Range(kEventsPerUser, 1L << 31));
  app.add_option("--batch", flags.batch, "Events of a write.")->check(CLI::Range(1, 50'000));
  app.add_option("--seconds", flags.seconds, "Time of a measurement.")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  flags.events -= flags.events % kEventsPerUser;
  Figures figures;
  const absl::Status status = Run(flags, &figures);
  if (!status.ok()) {
    std::cerr << "ingest_bench: " << status << '\n';
    return 2;
  }
  return figures.Print();
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
