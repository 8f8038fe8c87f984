// SPDX-License-Identifier: Apache-2.0
//
// Nanoseconds of one core that a draw costs in the sampler alone: no wire, no ids. The catalogue
// and the shape of a call are those of wire_bench.
#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "benchmark/benchmark.h"

#include "server/pool/pool_builder.h"
#include "server/sampling/sampler.h"
#include "tests/benchmarks/bench_data.h"
#include "tests/benchmarks/generated_catalogue.h"

namespace negatron::bench {
namespace {

struct Flags {
  int64_t items = 1'000'000;
  int64_t events = 10'000'000;
};

// What the rows of a call have.
struct Shape {
  bool histories = false;
  bool as_of = false;
};

// Calls of different users that are made in turn.
constexpr int kCalls = 24;

std::shared_ptr<const PoolView> MakePool(const GeneratedCatalogue& data) {
  PoolSettings settings;
  settings.half_life_micros = absl::ToInt64Microseconds(kHalfLife);
  PoolBuilder builder{PoolView(settings)};
  for (size_t i = 0; i < data.item_ids.size(); ++i) {
    ItemRecord item;
    item.id.number = data.item_ids[i];
    item.alive = {{data.alive_from_micros[i], data.alive_until_micros[i]}};
    builder.AddItem(item);
  }
  for (size_t i = 0; i < data.user_ids.size() / kEventsPerUser; ++i) {
    ExternalId id;
    id.number = static_cast<int64_t>(i);
    builder.AddUser(id);
  }
  for (size_t i = 0; i < data.user_ids.size(); ++i) {
    EventRecord event;
    event.time = data.event_time_micros[i];
    event.user = static_cast<Ordinal>(data.user_ids[i]);
    event.item = static_cast<Ordinal>(data.event_item_ids[i]);
    builder.AddEvent(event);
  }
  return std::move(builder).Build();
}

class Caller {
 public:
  Caller(std::shared_ptr<const PoolView> pool, Shape shape, int64_t users, absl::Time end)
      : pool_(std::move(pool)), items_(kDraws), log_q_(kDraws), statuses_(kRows) {
    std::mt19937_64 random(1);
    const auto span = static_cast<uint64_t>(absl::ToInt64Microseconds(kSpan));
    for (int call = 0; call < kCalls; ++call) {
      Columns columns;
      for (int32_t r = 0; r < kRows; ++r) {
        columns.keys.push_back(random());
        columns.as_of.push_back(absl::ToUnixMicros(end) -
                                (shape.as_of ? static_cast<int64_t>(random() % span) : 0));
        if (shape.histories) {
          columns.users.push_back(static_cast<Ordinal>((call * kRows + r) % users));
        }
      }
      calls_.push_back(std::move(columns));
    }
  }

  absl::Status Call(const Policy& policy, int number) {
    const Columns& call = calls_[number % kCalls];
    SampleBatch batch;
    batch.row_count = kRows;
    batch.negative_count = kNegatives;
    batch.as_of = call.as_of;
    batch.keys = call.keys;
    batch.users = call.users;
    SampleColumns columns;
    columns.items = items_;
    columns.log_q = log_q_;
    columns.statuses = statuses_;
    SampleTotals totals;
    const Cancellation cancellation;
    const SourceContext context{pool_.get(), nullptr, Philox(7), &cancellation, &excluded_masses_};
    return SampleRows(policy, context, batch, columns, &totals);
  }

 private:
  struct Columns {
    std::vector<uint64_t> keys;
    std::vector<Micros> as_of;
    std::vector<Ordinal> users;
  };

  const std::shared_ptr<const PoolView> pool_;
  std::vector<Columns> calls_;
  ExcludedMassCache excluded_masses_{64 << 20};
  std::vector<Ordinal> items_;
  std::vector<float> log_q_;
  std::vector<uint8_t> statuses_;
};

void Sample(benchmark::State& state, const Policy& policy, Caller* caller) {
  for (int call = 0; call < kCalls; ++call) (void)caller->Call(policy, call);
  int number = 0;
  for (auto _ : state) {
    const absl::Status status = caller->Call(policy, number++);
    if (!status.ok()) state.SkipWithError(status.ToString().c_str());
  }
  using benchmark::Counter;
  state.counters["draw"] =
      Counter(static_cast<double>(kDraws), Counter::kIsIterationInvariantRate | Counter::kInvert);
}

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  Flags flags;
  CLI::App app("Measures the sampler in process; flags of Google Benchmark are taken as well.");
  app.add_option("--items", flags.items, "Items.")
      ->check(CLI::Range(10 * kEventsPerUser, 1L << 31));
  app.add_option("--events", flags.events, "Events; rounded down to a multiple of 100.")
      ->check(CLI::Range(kEventsPerUser, 1L << 31));
  CLI11_PARSE(app, argc, argv);
  flags.events -= flags.events % kEventsPerUser;

  const absl::Time end = absl::Now();
  const auto pool = MakePool(GenerateCatalogue(flags.items, flags.events, end));
  Policy uniform;
  uniform.components = {{1, "", UniformSource{}}};
  Policy popularity;
  popularity.components = {{1, "", PopularitySource{}}};
  const struct {
    const char* name;
    const Policy* policy;
    Shape shape;
  } cases[] = {{"uniform", &uniform, {}},
               {"uniform_history", &uniform, {true, false}},
               {"uniform_as_of", &uniform, {false, true}},
               {"popularity", &popularity, {}},
               {"popularity_history", &popularity, {true, false}},
               {"popularity_as_of", &popularity, {false, true}},
               {"popularity_as_of_history", &popularity, {true, true}}};
  std::vector<std::unique_ptr<Caller>> callers;
  for (const auto& one : cases) {
    callers.push_back(
        std::make_unique<Caller>(pool, one.shape, flags.events / kEventsPerUser, end));
    benchmark::RegisterBenchmark(one.name, [policy = one.policy, caller = callers.back().get()](
                                               benchmark::State& state) {
      Sample(state, *policy, caller);
    })->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
