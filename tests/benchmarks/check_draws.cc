// SPDX-License-Identifier: Apache-2.0
//
// Draws in process, by the policies that an independent checker understands, at times and for users
// at random, and counts what must not be drawn. Prints one JSON object; exit code 1 if anything is
// wrong.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "server/pool/pool_builder.h"
#include "server/sampling/sampler.h"
#include "tests/benchmarks/bench_data.h"
#include "tests/benchmarks/check_catalogue.h"
#include "tests/benchmarks/draw_checker.h"
#include "tests/benchmarks/figures.h"

namespace negatron::bench {
namespace {

constexpr absl::Duration kWindow = absl::Hours(24 * 30);

// Fixed, so that a seed says everything.
const absl::Time kEnd = absl::FromUnixSeconds(1'750'000'000);

// The mean of 1 / (q * eligible) may be off by so many standard errors (which a sound run exceeds
// with a chance of 2e-9) and by what log q in single precision costs.
constexpr double kMaxErrors = 6;
constexpr double kRounding = 1e-5;

constexpr const char* kViolationNames[kViolationCount] = {
    "positive_of_history", "own_positive",        "named_item",  "dead_item",
    "no_event_before",     "wrong_category",      "not_in_ring", "bad_log_q",
    "empty_row_eligible",  "full_row_ineligible",
};

struct Flags {
  int64_t draws = 100'000'000;
  int64_t items = 1'000'000;
  int64_t events = 10'000'000;
  int threads = 2;
  uint64_t seed = 1;
  std::string spoil;
};

// Ways to draw for other rows than those that are checked.
const std::vector<std::string> kSpoils = {"history", "positive", "named",
                                          "time",    "source",   "log_q"};

// A policy with what the checker must know of it.
struct Case {
  std::string name;
  CheckedLaw law;
  Policy policy;
  DrawCounts counts;
};

std::string CategoryName(int category) { return absl::StrCat("category-", category); }

std::vector<Case> MakeCases() {
  using Kind = CheckedLaw::Kind;
  constexpr int kCategory = 3;
  const auto single = [](SourceSpec source, const std::string& category = "") {
    Policy policy;
    policy.components = {{1, category, source}};
    return policy;
  };
  Policy mix;
  mix.components = {{0.5, "", UniformSource{}}, {0.5, "", PopularitySource{}}};
  PopularitySource windowed;
  windowed.window_micros = absl::ToInt64Microseconds(kWindow);
  const std::string category = CategoryName(kCategory);
  return {{"uniform", {Kind::kUniform}, single(UniformSource{}), {}},
          {"popularity", {Kind::kPopularity}, single(PopularitySource{}), {}},
          {"mix", {Kind::kMix}, mix, {}},
          {"window", {Kind::kPopularity, -1, true}, single(windowed), {}},
          {"category_uniform", {Kind::kUniform, kCategory}, single(UniformSource{}, category), {}},
          {"category_popularity",
           {Kind::kPopularity, kCategory},
           single(PopularitySource{}, category),
           {}},
          {"exposure", {Kind::kExposure}, single(ExposureSource{}), {}},
          {"mined", {Kind::kMined}, single(MinedSource{}), {}}};
}

// --- The pool: in several commits, with events that come late and items that change. ---

ItemRecord MakeItem(const CheckCatalogue& data, size_t i, bool with_gap) {
  ItemRecord item;
  item.id.number = data.base.item_ids[i];
  const Interval life{data.base.alive_from_micros[i], data.base.alive_until_micros[i]};
  const Interval gap{data.gap_from_micros[i], data.gap_until_micros[i]};
  if (with_gap && gap.from < gap.until) {
    item.alive = {{life.from, gap.from}, {gap.until, life.until}};
  } else {
    item.alive = {life};
  }
  item.categories = {CategoryName(data.categories[i])};
  return item;
}

EventRecord MakeEvent(int64_t user, int64_t item, int64_t time, EventKind kind, size_t row) {
  EventRecord event;
  event.user = static_cast<Ordinal>(user);
  event.item = static_cast<Ordinal>(item);
  event.time = time;
  event.kind = kind;
  event.row = static_cast<uint32_t>(row);
  event.commit_sequence = 1;
  return event;
}

void AddUserColumns(const UserColumns& columns, EventKind kind, PoolBuilder* builder) {
  for (size_t i = 0; i < columns.user_ids.size(); ++i) {
    builder->AddEvent(
        MakeEvent(columns.user_ids[i], columns.item_ids[i], columns.time_micros[i], kind, i));
  }
}

std::shared_ptr<const PoolView> MakePool(const CheckCatalogue& data) {
  PoolSettings settings;
  settings.half_life_micros = absl::ToInt64Microseconds(kHalfLife);
  settings.windows = {absl::ToInt64Microseconds(kWindow)};
  settings.category_popularity = true;
  const auto is_late = [](size_t event) { return event % 101 == 0; };
  const auto add_events = [&](bool late, PoolBuilder* builder) {
    for (size_t i = 0; i < data.base.user_ids.size(); ++i) {
      if (is_late(i) != late) continue;
      builder->AddEvent(MakeEvent(data.base.user_ids[i], data.base.event_item_ids[i],
                                  data.base.event_time_micros[i], EventKind::kPositive, i));
    }
  };
  PoolBuilder first{PoolView(settings)};
  for (size_t i = 0; i < data.base.item_ids.size(); ++i) first.AddItem(MakeItem(data, i, false));
  for (int64_t user = 0; user < data.event_count() / kEventsPerUser; ++user) {
    first.AddUser({user, ""});
  }
  add_events(false, &first);
  const std::shared_ptr<const PoolView> base = std::move(first).Build();
  PoolBuilder second(*base);
  add_events(true, &second);
  AddUserColumns(data.exposures, EventKind::kExposure, &second);
  AddUserColumns(data.mined, EventKind::kMined, &second);
  for (size_t i = 0; i < data.base.item_ids.size(); ++i) {
    if (data.gap_from_micros[i] < data.gap_until_micros[i]) {
      second.SetItem(static_cast<Ordinal>(i), MakeItem(data, i, true));
    }
  }
  return std::move(second).Build();
}

// --- Rows. ---

struct CallRows {
  std::vector<uint64_t> keys;
  std::vector<Micros> as_of;
  std::vector<Ordinal> users;
  std::vector<Ordinal> positives;
  std::vector<Ordinal> named;
  std::vector<int64_t> named_splits;

  CheckedRow At(int64_t r) const {
    const auto id = [](Ordinal ordinal) {
      return ordinal == kNoOrdinal ? -1 : static_cast<int64_t>(ordinal);
    };
    const std::span<const uint32_t> all(named);
    return {as_of[r], id(users[r]), id(positives[r]),
            all.subspan(named_splits[r], named_splits[r + 1] - named_splits[r])};
  }
};

// Makes rows that are likely to meet an edge: at the very time of a user's event, of a birth or a
// death, or an instant behind it.
class RowMaker {
 public:
  RowMaker(const CheckCatalogue& data, uint64_t seed, int64_t call)
      : data_(data), random_(MixHash(seed, static_cast<uint64_t>(call))) {}

  CallRows Make(const CheckedLaw& law) {
    CallRows rows;
    rows.named_splits = {0};
    for (int32_t r = 0; r < kRows; ++r) {
      rows.keys.push_back(random_());
      AddPlace(law, &rows);
      if (Below(3) == 0) {
        for (uint64_t n = 1 + Below(4); n > 0; --n) {
          rows.named.push_back(static_cast<Ordinal>(data_.base.event_item_ids[AnyEvent()]));
        }
      }
      rows.named_splits.push_back(static_cast<int64_t>(rows.named.size()));
    }
    return rows;
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  uint64_t AnyEvent() { return Below(data_.base.user_ids.size()); }

  // User, positive and time of a row.
  void AddPlace(const CheckedLaw& law, CallRows* rows) {
    const uint64_t kind = Below(10);
    Ordinal positive = kNoOrdinal;
    auto user = static_cast<Ordinal>(Below(data_.base.user_ids.size() / kEventsPerUser));
    Micros time = 0;
    if (kind < 4) {
      const uint64_t event = AnyEvent();
      user = static_cast<Ordinal>(data_.base.user_ids[event]);
      positive = static_cast<Ordinal>(data_.base.event_item_ids[event]);
      time = data_.base.event_time_micros[event] + Instant();
    } else if (kind == 4) {
      const bool mined = law.kind == CheckedLaw::Kind::kMined;
      const UserColumns& columns = mined ? data_.mined : data_.exposures;
      const uint64_t event = Below(columns.user_ids.size());
      user = static_cast<Ordinal>(columns.user_ids[event]);
      time = columns.time_micros[event] + Instant();
    } else if (kind == 5) {
      time = Edge() + Instant();
    } else {
      // From a day before the first event to a month behind the last.
      const absl::Duration span = kSpan + absl::Hours(24 * 31);
      time = absl::ToUnixMicros(kEnd + absl::Hours(24 * 30)) -
             static_cast<Micros>(Below(static_cast<uint64_t>(absl::ToInt64Microseconds(span))));
    }
    if (Below(20) == 0) user = kNoOrdinal;
    rows->as_of.push_back(time);
    rows->users.push_back(user);
    rows->positives.push_back(positive);
  }

  Micros Instant() { return static_cast<Micros>(Below(2)); }

  // When some item is born, dies or is listed again.
  Micros Edge() {
    for (;;) {
      const uint64_t item = Below(data_.base.item_ids.size());
      const Micros edges[] = {data_.base.alive_from_micros[item],
                              data_.base.alive_until_micros[item], data_.gap_from_micros[item],
                              data_.gap_until_micros[item]};
      const Micros edge = edges[Below(4)];
      if (edge > 0 && edge < kNever) return edge;
    }
  }

  const CheckCatalogue& data_;
  std::mt19937_64 random_;
};

// --- Drawing and checking, on one thread each. ---

class Worker {
 public:
  Worker(const PoolView& pool, const CheckCatalogue& data, const DrawChecker& checker,
         ExcludedMassCache* masses, const Flags& flags)
      : pool_(pool), data_(data), checker_(checker), masses_(*masses), flags_(flags) {}

  absl::Status Call(const Case& one, int64_t number, DrawCounts* counts) {
    const CallRows rows = RowMaker(data_, flags_.seed, number).Make(one.law);
    const CallRows drawn = Spoilt(rows);
    Policy policy = one.policy;
    if (flags_.spoil == "source") policy.components[0] = {1, "", UniformSource{}};
    SampleBatch batch;
    batch.row_count = kRows;
    batch.negative_count = kNegatives;
    batch.as_of = drawn.as_of;
    batch.keys = drawn.keys;
    batch.users = drawn.users;
    batch.positives = drawn.positives;
    batch.exclusions = drawn.named;
    batch.exclusion_splits = drawn.named_splits;
    SampleColumns columns;
    columns.items = items_;
    columns.log_q = log_q_;
    columns.components = components_;
    columns.statuses = statuses_;
    SampleTotals totals;
    const Cancellation cancellation;
    const SourceContext context{&pool_, nullptr, Philox(flags_.seed), &cancellation, &masses_};
    const absl::Time start = absl::Now();
    const absl::Status status = SampleRows(policy, context, batch, columns, &totals);
    sampling_ += absl::Now() - start;
    if (flags_.spoil == "log_q") {
      for (float& log_q : log_q_) log_q += 0.05f;
    }
    if (status.ok()) Check(one.law, rows, counts);
    return status;
  }

  absl::Duration sampling() const { return sampling_; }

 private:
  CallRows Spoilt(const CallRows& rows) const {
    CallRows spoilt = rows;
    if (flags_.spoil == "history") spoilt.users.assign(kRows, kNoOrdinal);
    if (flags_.spoil == "positive") spoilt.positives.assign(kRows, kNoOrdinal);
    if (flags_.spoil == "named") spoilt.named_splits.assign(kRows + 1, 0);
    if (flags_.spoil == "time") {
      for (Micros& time : spoilt.as_of) time += absl::ToInt64Microseconds(absl::Hours(24));
    }
    return spoilt;
  }

  void Check(const CheckedLaw& law, const CallRows& rows, DrawCounts* counts) {
    std::vector<CheckedDraw> draws;
    for (int32_t r = 0; r < kRows; ++r) {
      draws.clear();
      for (int32_t i = r * kNegatives; i < (r + 1) * kNegatives; ++i) {
        if (statuses_[r] != static_cast<uint8_t>(RowStatus::kOk)) break;
        draws.push_back({items_[i], log_q_[i], components_[i]});
      }
      checker_.CheckRow(law, rows.At(r), draws, &scratch_, counts);
    }
  }

  const PoolView& pool_;
  const CheckCatalogue& data_;
  const DrawChecker& checker_;
  ExcludedMassCache& masses_;
  const Flags& flags_;
  absl::Duration sampling_;
  DrawChecker::Scratch scratch_;
  std::vector<Ordinal> items_ = std::vector<Ordinal>(kDraws);
  std::vector<float> log_q_ = std::vector<float>(kDraws);
  std::vector<uint8_t> components_ = std::vector<uint8_t>(kDraws);
  std::vector<uint8_t> statuses_ = std::vector<uint8_t>(kRows);
};

struct Run {
  std::vector<Case> cases;
  absl::Duration sampling;  // Over all threads.
  absl::Duration wall;
  absl::Status status;
};

// Calls of all cases in turn until there are enough draws. What is drawn does not depend on the
// number of threads, but for the last few calls.
Run RunCases(const Flags& flags, const CheckCatalogue& data, const PoolView& pool,
             const DrawChecker& checker) {
  Run run;
  run.cases = MakeCases();
  ExcludedMassCache masses(64 << 20);
  std::atomic<int64_t> next = 0;
  std::atomic<int64_t> drawn = 0;
  std::mutex mutex;
  const absl::Time start = absl::Now();
  const auto work = [&] {
    Worker worker(pool, data, checker, &masses, flags);
    std::vector<DrawCounts> counts(run.cases.size());
    absl::Status status;
    while (status.ok() && drawn < flags.draws) {
      const int64_t call = next++;
      DrawCounts& mine = counts[call % run.cases.size()];
      const int64_t before = mine.draws;
      status = worker.Call(run.cases[call % run.cases.size()], call, &mine);
      drawn += mine.draws - before;
    }
    const std::lock_guard<std::mutex> lock(mutex);
    for (size_t c = 0; c < counts.size(); ++c) run.cases[c].counts.Add(counts[c]);
    run.sampling += worker.sampling();
    run.status.Update(status);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < flags.threads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  run.wall = absl::Now() - start;
  return run;
}

void Report(const Flags& flags, const Run& run, Figures* figures) {
  DrawCounts all;
  for (const Case& one : run.cases) all.Add(one.counts);
  Figures::Numbers more = {{"draws", static_cast<double>(all.draws)},
                           {"rows", static_cast<double>(all.rows)},
                           {"seed", static_cast<double>(flags.seed)},
                           {"seconds", absl::ToDoubleSeconds(run.wall)}};
  for (int v = 0; v < kViolationCount; ++v) {
    more.emplace_back(kViolationNames[v], static_cast<double>(all.violations[v]));
    if (all.violations[v] > 0) {
      figures->Fail(absl::StrCat(kViolationNames[v], ": ", all.violations[v], " of ", all.draws));
    }
  }
  figures->Add("check_draws", static_cast<double>(all.draws) / absl::ToDoubleSeconds(run.wall),
               "draws/s", more);
  figures->Add("check_sampling",
               absl::ToDoubleNanoseconds(run.sampling) / static_cast<double>(all.draws), "ns/draw");
  for (const Case& one : run.cases) {
    const double mean = one.counts.mean();
    const double error = one.counts.standard_error();
    figures->Add(
        absl::StrCat("check_law_", one.name), mean, "mean 1/(q*eligible)",
        {{"half_width_95", 1.96 * error}, {"draws", static_cast<double>(one.counts.draws)}});
    if (one.counts.draws == 0) {
      figures->Fail(absl::StrCat(one.name, ": nothing was drawn"));
    } else if (!(std::abs(mean - 1) <= kMaxErrors * error + kRounding)) {
      figures->Fail(absl::StrFormat("%s: the mean of 1/(q*eligible) is %.6f, error %.6f", one.name,
                                    mean, error));
    }
  }
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Draws in process and counts what must not be drawn.");
  app.add_option("--draws", flags.draws, "Draws.")->check(CLI::PositiveNumber);
  app.add_option("--items", flags.items, "Items.")
      ->check(CLI::Range(10 * kEventsPerUser, 1L << 31));
  app.add_option("--events", flags.events, "Events; rounded down to a multiple of 100.")
      ->check(CLI::Range(kEventsPerUser, 1L << 31));
  app.add_option("--threads", flags.threads, "Threads that draw.")->check(CLI::Range(1, 64));
  app.add_option("--seed", flags.seed, "Of rows and draws.");
  app.add_option("--spoil", flags.spoil,
                 "Break the draws in one respect, to see that it is noticed.")
      ->check(CLI::IsMember(kSpoils));
  CLI11_PARSE(app, argc, argv);
  flags.events -= flags.events % kEventsPerUser;

  std::cerr << "  generating " << flags.items << " items, " << flags.events << " events\n";
  const CheckCatalogue data = GenerateCheckCatalogue(flags.items, flags.events, kEnd);
  const std::shared_ptr<const PoolView> pool = MakePool(data);
  const DrawChecker checker(data, absl::ToInt64Microseconds(kWindow));
  std::cerr << "  drawing " << flags.draws << '\n';
  const Run run = RunCases(flags, data, *pool, checker);
  if (!run.status.ok()) {
    std::cerr << "check_draws: " << run.status << '\n';
    return 2;
  }
  Figures figures;
  Report(flags, run, &figures);
  return figures.Print();
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
