// SPDX-License-Identifier: Apache-2.0
//
// What draws cost where a catalogue or a row is as bad as it gets, and whether they still follow
// their law, which is computed by brute force. In process, without the wire. Prints one JSON
// object; exit code 1 if a draw is wrong.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "server/sampling/sampler.h"
#include "tests/benchmarks/bench_data.h"
#include "tests/benchmarks/figures.h"
#include "tests/benchmarks/plain_catalogue.h"

namespace negatron::bench {
namespace {

const absl::Time kEnd = absl::FromUnixSeconds(1'750'000'000);
const Micros kEndMicros = absl::ToUnixMicros(kEnd);
const int64_t kDay = absl::ToInt64Microseconds(absl::Hours(24));
const int64_t kSpanMicros = absl::ToInt64Microseconds(kSpan);

struct Flags {
  int64_t items = 1'000'000;
  int64_t events = 10'000'000;
  double seconds = 1;
};

// A call that is measured, and what it must give.
struct Case {
  std::string name;
  Policy policy;
  int64_t rows = kRows;
  int count = kNegatives;
  Micros as_of = kEndMicros;
  int64_t step = 0;  // Of time, from row to row.
  Ordinal user = kNoOrdinal;
  Ordinal positive = kNoOrdinal;
  std::vector<Ordinal> named;  // Of all rows in turn, as many of each.

  RowStatus status = RowStatus::kOk;
  // By row; the last is that of all that follow. What the user or the positive
  // excludes has no weight.
  std::vector<Weights> laws;
};

Policy Single(SourceSpec source, bool unique = false) {
  Policy policy;
  policy.components = {{1, "", source}};
  policy.unique = unique;
  return policy;
}

// Measures cases on one pool.
class Extremes {
 public:
  Extremes(std::shared_ptr<const PoolView> pool, const Flags& flags, Figures* figures)
      : pool_(std::move(pool)), flags_(flags), figures_(*figures) {}

  void Run(const Case& one) {
    Prepare(one);
    const absl::Duration first = Call(one);
    Check(one);
    // The better part of calls finds what the first has left in tables.
    absl::Duration sum;
    int calls = 0;
    for (; calls < 3 || (sum < absl::Seconds(flags_.seconds) && calls < 1000); ++calls) {
      sum += Call(one);
      if (calls == 0 && sum > absl::Seconds(5)) break;
    }
    const double nanoseconds = absl::ToDoubleNanoseconds(sum / std::max(calls, 1));
    const auto rows = static_cast<double>(one.rows);
    figures_.Add(absl::StrCat("extreme_", one.name), nanoseconds / rows / 1e6, "ms/row",
                 {{"ns_per_draw", nanoseconds / rows / one.count},
                  {"first_ms_per_row", absl::ToDoubleMilliseconds(first) / rows},
                  {"rows", rows},
                  {"draws_per_row", static_cast<double>(one.count)}});
  }

 private:
  void Prepare(const Case& one) {
    keys_.resize(one.rows);
    as_of_.resize(one.rows);
    splits_.assign(1, 0);
    for (int64_t r = 0; r < one.rows; ++r) {
      keys_[r] = MixHash(1, static_cast<uint64_t>(r));
      as_of_[r] = one.as_of + r * one.step;
      splits_.push_back((r + 1) * static_cast<int64_t>(one.named.size()) / one.rows);
    }
    users_.assign(one.rows, one.user);
    positives_.assign(one.rows, one.positive);
    items_.assign(one.rows * one.count, kNoOrdinal);
    log_q_.assign(one.rows * one.count, 0);
    statuses_.assign(one.rows, 0);
  }

  absl::Duration Call(const Case& one) {
    SampleBatch batch;
    batch.row_count = one.rows;
    batch.negative_count = one.count;
    batch.as_of = as_of_;
    batch.keys = keys_;
    batch.users = users_;
    batch.positives = positives_;
    batch.exclusions = one.named;
    batch.exclusion_splits = splits_;
    SampleColumns columns;
    columns.items = items_;
    columns.log_q = log_q_;
    columns.statuses = statuses_;
    SampleTotals totals;
    const Cancellation cancellation;
    const SourceContext context{pool_.get(), nullptr, Philox(7), &cancellation, &excluded_masses_};
    const absl::Time start = absl::Now();
    const absl::Status status = SampleRows(one.policy, context, batch, columns, &totals);
    const absl::Duration duration = absl::Now() - start;
    if (!status.ok()) Fail(one, status.ToString());
    return duration;
  }

  void Fail(const Case& one, const std::string& what) {
    figures_.Fail(absl::StrCat("extreme_", one.name, ": ", what));
  }

  void Check(const Case& one) {
    int64_t wrong_rows = 0;
    int64_t wrong_items = 0;
    int64_t wrong_laws = 0;
    std::vector<double> totals;
    for (const Weights& law : one.laws) {
      totals.push_back(std::accumulate(law.begin(), law.end(), 0.0));
    }
    for (int64_t r = 0; r < one.rows; ++r) {
      if (statuses_[r] != static_cast<uint8_t>(one.status)) ++wrong_rows;
      if (one.status != RowStatus::kOk || wrong_rows > 0) continue;
      const size_t law = std::min<size_t>(r, one.laws.size() - 1);
      std::unordered_set<Ordinal> barred(one.named.begin() + splits_[r],
                                         one.named.begin() + splits_[r + 1]);
      double total = totals[law];
      for (const Ordinal item : barred) total -= one.laws[law][item];
      for (int64_t i = r * one.count; i < (r + 1) * one.count; ++i) {
        const double weight = items_[i] == kNoOrdinal ? 0 : one.laws[law][items_[i]];
        if (weight <= 0 || barred.contains(items_[i])) ++wrong_items;
        // That of log q in the tests of the law, and the rounding of this sum.
        if (!(std::abs(log_q_[i] - std::log(weight / total)) <= 2e-5)) ++wrong_laws;
        if (one.policy.unique) barred.insert(items_[i]);
      }
    }
    if (wrong_rows > 0) Fail(one, absl::StrCat(wrong_rows, " rows with another status"));
    if (wrong_items > 0) Fail(one, absl::StrCat(wrong_items, " draws of items not eligible"));
    if (wrong_laws > 0) Fail(one, absl::StrCat(wrong_laws, " draws with another log q"));
  }

  const std::shared_ptr<const PoolView> pool_;
  const Flags& flags_;
  Figures& figures_;
  ExcludedMassCache excluded_masses_{64 << 20};
  std::vector<uint64_t> keys_;
  std::vector<Micros> as_of_;
  std::vector<Ordinal> users_;
  std::vector<Ordinal> positives_;
  std::vector<int64_t> splits_;
  std::vector<Ordinal> items_;
  std::vector<float> log_q_;
  std::vector<uint8_t> statuses_;
};

Weights PopularityAt(const PlainCatalogue& data, Micros time) {
  return PopularityWeights(data, time, time, absl::ToInt64Microseconds(kHalfLife), 1);
}

// A time of the span, more than a day before its end.
Micros AnyTime(std::mt19937_64* random) {
  return kEndMicros - kDay -
         static_cast<Micros>((*random)() % static_cast<uint64_t>(kSpanMicros - kDay));
}

// A user who has seen all items but one.
void SeenAll(const Flags& flags, Figures* figures) {
  const int64_t lonely = flags.items / 3;
  std::mt19937_64 random(1);
  PlainCatalogue data;
  for (int64_t i = 0; i < flags.items; ++i) {
    data.AddItem(kAlways, kNever);
    if (i != lonely) data.AddEvent(0, i, AnyTime(&random));
    data.AddEvent(1, i, AnyTime(&random));
  }
  Extremes extremes(MakePool(data), flags, figures);
  Weights only(flags.items, 0);
  only[lonely] = 1;
  for (const int count : {8, 64}) {
    for (const bool uniform : {true, false}) {
      Case one;
      one.name = absl::StrCat("seen_all_but_one_", uniform ? "uniform_" : "popularity_", count);
      one.policy = uniform ? Single(UniformSource{}) : Single(PopularitySource{});
      one.rows = 4;
      one.count = count;
      one.user = 0;
      one.laws = {only};
      extremes.Run(one);
    }
  }
  Case all;
  all.name = "seen_all_popularity";
  all.policy = Single(PopularitySource{});
  all.rows = 4;
  all.user = 0;
  all.positive = static_cast<Ordinal>(lonely);
  all.status = RowStatus::kExhausted;
  extremes.Run(all);
}

// One item in a hundred is alive.
void FewAlive(const Flags& flags, Figures* figures) {
  std::mt19937_64 random(2);
  PlainCatalogue data;
  for (int64_t i = 0; i < flags.items; ++i) {
    data.AddItem(kAlways, i % 100 == 0 ? kNever : kEndMicros - 2 * kDay);
    data.AddEvent(i % 1000, i, AnyTime(&random));
  }
  Extremes extremes(MakePool(data), flags, figures);
  for (const bool uniform : {true, false}) {
    Case one;
    const std::string source = uniform ? "uniform" : "popularity";
    one.policy = uniform ? Single(UniformSource{}) : Single(PopularitySource{});
    one.laws = {uniform ? UniformWeights(data, kEndMicros) : PopularityAt(data, kEndMicros)};
    one.name = absl::StrCat("one_percent_alive_", source);
    extremes.Run(one);
    // No event lies between the rows, so the law is the same.
    one.name += "_each_time";
    one.rows = 256;
    one.step = 1000;
    extremes.Run(one);
    one.name = absl::StrCat("unique_half_of_eligible_", source);
    one.rows = 2;
    one.step = 0;
    one.count = static_cast<int>(flags.items / 200);
    one.policy.unique = true;
    extremes.Run(one);
  }
}

// One item has all the mass but a millionth, and dies.
void MassDies(const Flags& flags, Figures* figures) {
  const Micros death = kEndMicros - kDay / 24;
  const int64_t heavy = flags.items / 2;
  std::mt19937_64 random(3);
  PlainCatalogue data;
  PlainCatalogue alone;
  for (int64_t i = 0; i < flags.items; ++i) {
    for (PlainCatalogue* const each : {&data, &alone}) {
      each->AddItem(kAlways, i == heavy ? death : kNever);
      each->AddEvent(i % 1000, heavy, AnyTime(&random), 4096);
    }
    if (i != heavy) data.AddEvent(i % 1000, i, AnyTime(&random), 1.0f / 64);
  }
  Extremes extremes(MakePool(data), flags, figures);
  Case one;
  one.policy = Single(PopularitySource{});
  for (const Micros time : {death, kEndMicros}) {
    one.name = time == death ? "mass_dies_at_that_instant" : "mass_died";
    one.as_of = time;
    one.laws = {PopularityAt(data, time)};
    extremes.Run(one);
  }
  one.name = "mass_excluded";
  one.as_of = death - 1;
  one.rows = 16;
  one.positive = static_cast<Ordinal>(heavy);
  one.laws = {PopularityAt(data, death - 1)};
  one.laws[0][heavy] = 0;
  extremes.Run(one);

  Case none;
  none.name = "all_mass_died";
  none.policy = Single(PopularitySource{});
  none.status = RowStatus::kNoEvent;
  Extremes(MakePool(alone), flags, figures).Run(none);
}

// What an ordinary catalogue is asked for.
void Requests(const Flags& flags, Figures* figures) {
  PlainCatalogue data;
  data.columns = GenerateCatalogue(flags.items, flags.events, kEnd);
  Extremes extremes(MakePool(data), flags, figures);
  std::mt19937_64 random(4);

  Case named;
  named.rows = 256;
  for (int64_t i = 0; i < named.rows * 1000; ++i) {
    named.named.push_back(static_cast<Ordinal>(
        data.columns.event_item_ids[random() % data.columns.event_item_ids.size()]));
  }
  named.name = "named_1000_uniform";
  named.policy = Single(UniformSource{});
  named.laws = {UniformWeights(data, kEndMicros)};
  extremes.Run(named);
  named.name = "named_1000_popularity";
  named.policy = Single(PopularitySource{});
  named.laws = {PopularityAt(data, kEndMicros)};
  extremes.Run(named);

  const int64_t half_life = absl::ToInt64Microseconds(kHalfLife);
  const int64_t grid = DefaultPopularityGrid(half_life);
  Case alpha;
  alpha.name = "alpha_0.75";
  PopularitySource source;
  source.alpha = 0.75;
  alpha.policy = Single(source);
  alpha.laws = {
      PopularityWeights(data, kEndMicros, kEndMicros / grid * grid, half_life, source.alpha)};
  extremes.Run(alpha);

  Case unlisted;
  unlisted.name = "unlisted_half_life";
  PopularitySource week;
  week.half_life_micros = 7 * kDay;
  unlisted.policy = Single(week);
  unlisted.laws = {PopularityWeights(data, kEndMicros, kEndMicros, 7 * kDay, 1)};
  extremes.Run(unlisted);
  unlisted.name = "unlisted_half_life_each_time";
  unlisted.rows = 4;
  unlisted.step = -30 * kDay;
  for (int64_t r = 1; r < unlisted.rows; ++r) {
    const Micros time = kEndMicros + r * unlisted.step;
    unlisted.laws.push_back(PopularityWeights(data, time, time, 7 * kDay, 1));
  }
  extremes.Run(unlisted);
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures and checks draws where it is hardest.");
  app.add_option("--items", flags.items, "Items.")
      ->check(CLI::Range(10 * kEventsPerUser, 1L << 31));
  app.add_option("--events", flags.events, "Events; rounded down to a multiple of 100.")
      ->check(CLI::Range(kEventsPerUser, 1L << 31));
  app.add_option("--seconds", flags.seconds, "Time of a measurement, about.")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  flags.events -= flags.events % kEventsPerUser;
  Figures figures;
  SeenAll(flags, &figures);
  FewAlive(flags, &figures);
  MassDies(flags, &figures);
  Requests(flags, &figures);
  return figures.Print();
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
