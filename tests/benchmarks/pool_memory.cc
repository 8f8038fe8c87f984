// SPDX-License-Identifier: Apache-2.0
//
// Bytes of a pool by structure, and what the process holds, while a catalogue is written to it in
// commits as the server makes them. Prints one JSON object.
//
// A run that is smaller than 10 M items and 100 M events, or stopped early, also prints what those
// would take: of each structure, what was there before the first event grows with the items, the
// rest with the events.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <malloc.h>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "server/pool/pool_builder.h"
#include "tests/benchmarks/bench_data.h"
#include "tests/benchmarks/event_stream.h"
#include "tests/benchmarks/figures.h"

namespace negatron::bench {
namespace {

constexpr double kFullItems = 10e6;
constexpr double kFullEvents = 100e6;
constexpr double kGiB = 1 << 30;

struct Flags {
  int64_t items = static_cast<int64_t>(kFullItems);
  int64_t events = static_cast<int64_t>(kFullEvents);
  int64_t commit = 100'000;
  int64_t item_commit = 100'000;
  double max_seconds = 3600;
};

using Bytes = std::map<std::string, int64_t>;

Bytes BytesOf(const PoolView& pool) {
  Bytes bytes;
  for (const auto& [structure, count] : pool.MemoryBytes()) bytes[structure] = count;
  return bytes;
}

int64_t Total(const Bytes& bytes) {
  int64_t total = 0;
  for (const auto& [structure, count] : bytes) total += count;
  return total;
}

// A line of /proc/self/status, in bytes; 0 if there is none.
int64_t ProcessBytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == name + ":" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

// What the process holds beside its code: what was asked of the allocator with its overhead, and
// what it keeps.
struct Held {
  int64_t resident = ProcessBytes("VmRSS");
  int64_t peak = ProcessBytes("VmHWM");
  int64_t allocated = [] {
    const struct mallinfo2 info = mallinfo2();
    return static_cast<int64_t>(info.uordblks + info.hblkhd);
  }();
};

// Writes the catalogue, commit by commit.
class Writer {
 public:
  explicit Writer(const Flags& flags)
      : flags_(flags), stream_(flags.items, flags.events, absl::Now()) {
    PoolSettings settings;
    settings.half_life_micros = absl::ToInt64Microseconds(kHalfLife);
    pool_ = std::make_shared<const PoolView>(settings);
  }

  void WriteItems() {
    for (int64_t first = 0; first < flags_.items; first += flags_.item_commit) {
      PoolBuilder builder(*pool_);
      for (int64_t i = first; i < std::min(flags_.items, first + flags_.item_commit); ++i) {
        ItemRecord item;
        item.id.number = i;
        item.alive = {stream_.LifeOf(i)};
        builder.AddItem(item);
      }
      pool_ = std::move(builder).Build();
    }
    PoolBuilder builder(*pool_);
    for (int64_t user = 0; user < stream_.user_count(); ++user) builder.AddUser({user, ""});
    pool_ = std::move(builder).Build();
  }

  // One commit; false if there was nothing left.
  bool WriteEvents() {
    stream_.Next(flags_.commit, *pool_, &events_);
    if (events_.empty()) return false;
    const absl::Time start = absl::Now();
    PoolBuilder builder(*pool_);
    for (const EventRecord& event : events_) builder.AddEvent(event);
    pool_ = std::move(builder).Build();
    longest_ = std::max(longest_, absl::Now() - start);
    building_ += absl::Now() - start;
    written_ += static_cast<int64_t>(events_.size());
    return true;
  }

  const PoolView& pool() const { return *pool_; }
  int64_t written() const { return written_; }
  absl::Duration building() const { return building_; }
  absl::Duration longest() const { return longest_; }

 private:
  const Flags flags_;
  EventStream stream_;
  std::shared_ptr<const PoolView> pool_;
  std::vector<EventRecord> events_;
  int64_t written_ = 0;
  absl::Duration building_;  // Without making events up.
  absl::Duration longest_;   // Of a commit.
};

void Report(const Flags& flags, const Bytes& items_only, const Writer& writer, Figures* figures) {
  const Bytes bytes = BytesOf(writer.pool());
  const Held held;
  const double item_factor = kFullItems / static_cast<double>(flags.items);
  const double event_factor = kFullEvents / static_cast<double>(writer.written());
  Figures::Numbers now;
  Figures::Numbers full;
  double full_total = 0;
  for (const auto& [structure, count] : bytes) {
    const auto found = items_only.find(structure);
    const auto before = static_cast<double>(found == items_only.end() ? 0 : found->second);
    const double all = before * item_factor + (static_cast<double>(count) - before) * event_factor;
    now.emplace_back(structure, static_cast<double>(count));
    full.emplace_back(structure, all);
    full_total += all;
  }
  const auto total = static_cast<double>(Total(bytes));
  now.emplace_back("items", static_cast<double>(flags.items));
  now.emplace_back("events_written", static_cast<double>(writer.written()));
  figures->Add("memory_pool", total, "bytes", now);
  figures->Add("memory_process", static_cast<double>(held.resident), "bytes",
               {{"peak", static_cast<double>(held.peak)},
                {"allocated", static_cast<double>(held.allocated)},
                {"per_counted_byte", static_cast<double>(held.resident) / total}});
  // What the allocator gives back when it is asked to.
  const absl::Time start = absl::Now();
  malloc_trim(0);
  const double trim_ms = absl::ToDoubleMilliseconds(absl::Now() - start);
  const Held trimmed;
  figures->Add("memory_process_trimmed", static_cast<double>(trimmed.resident), "bytes",
               {{"trim_ms", trim_ms}});
  const bool whole = item_factor == 1 && event_factor == 1;
  if (!whole) {
    figures->Add("memory_pool_full_size", full_total, "bytes, extrapolated", full);
    figures->Add("memory_process_full_size",
                 full_total * static_cast<double>(held.resident) / total, "bytes, extrapolated");
  }
  const double seconds = absl::ToDoubleSeconds(writer.building());
  figures->Add("memory_build", static_cast<double>(writer.written()) / seconds, "events/s",
               {{"seconds", seconds},
                {"longest_commit_ms", absl::ToDoubleMilliseconds(writer.longest())},
                {"commit_events", static_cast<double>(flags.commit)}});
}

void Progress(const Writer& writer, absl::Time start) {
  const Held held;
  absl::FPrintF(stderr, "  %d events, %.0f s, counted %.2f GiB, resident %.2f GiB, peak %.2f GiB\n",
                writer.written(), absl::ToDoubleSeconds(absl::Now() - start),
                static_cast<double>(Total(BytesOf(writer.pool()))) / kGiB,
                static_cast<double>(held.resident) / kGiB, static_cast<double>(held.peak) / kGiB);
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures the memory of a pool.");
  app.add_option("--items", flags.items, "Items.")
      ->check(CLI::Range(10 * kEventsPerUser, 1L << 31));
  app.add_option("--events", flags.events, "Events; rounded down to a multiple of 100.")
      ->check(CLI::Range(kEventsPerUser, 1L << 31));
  app.add_option("--commit", flags.commit, "Events of a commit.")->check(CLI::PositiveNumber);
  app.add_option("--item-commit", flags.item_commit,
                 "Items of a commit; a server that starts takes all at once.")
      ->check(CLI::PositiveNumber);
  app.add_option("--max-seconds", flags.max_seconds, "Stop early after this.");
  CLI11_PARSE(app, argc, argv);
  flags.events -= flags.events % kEventsPerUser;

  const absl::Time start = absl::Now();
  const absl::Time deadline = start + absl::Seconds(flags.max_seconds);
  Writer writer(flags);
  writer.WriteItems();
  const Bytes items_only = BytesOf(writer.pool());
  Progress(writer, start);
  for (int64_t n = 1; absl::Now() < deadline && writer.WriteEvents(); ++n) {
    if (n % 50 == 0) Progress(writer, start);
  }
  if (writer.written() == 0) {
    std::cerr << "pool_memory: no time for events\n";
    return 2;
  }
  Figures figures;
  Report(flags, items_only, writer, &figures);
  return figures.Print();
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
