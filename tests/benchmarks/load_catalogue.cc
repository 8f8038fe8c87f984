// SPDX-License-Identifier: Apache-2.0
//
// Generates a catalogue and imports it into a running server, as the collection that wire_bench
// asks. Prints one JSON object.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "client/cpp/client.h"
#include "tests/benchmarks/bench_data.h"
#include "tests/benchmarks/generated_catalogue.h"

namespace negatron::bench {
namespace {

constexpr size_t kBatch = 50'000;

struct Flags {
  std::string address;
  int64_t items = 1'000'000;
  int64_t events = 10'000'000;
  int in_flight = 2;
};

// Calls `write(begin, end)` for batches of `count` rows, in order, `in_flight` at a time, until one
// fails; returns the first failure.
template <typename Write>
absl::Status InBatches(const char* what, size_t count, int in_flight, Write write) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  absl::Status first;
  const absl::Time start = absl::Now();
  const auto work = [&] {
    for (size_t begin = next.fetch_add(kBatch); begin < count; begin = next.fetch_add(kBatch)) {
      const size_t end = std::min(begin + kBatch, count);
      const absl::Status status = write(begin, end);
      const std::lock_guard<std::mutex> lock(mutex);
      first.Update(status);
      if (!first.ok()) return;
      if (end % (20 * kBatch) == 0) {
        absl::FPrintF(stderr, "  %d of %d %s, %.0f s\n", end, count, what,
                      absl::ToDoubleSeconds(absl::Now() - start));
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < in_flight; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return first;
}

absl::Status Create(client::Client* client) {
  v1::CreateCollectionRequest request;
  request.set_collection_id(kCollection);
  request.mutable_collection()->mutable_half_life()->set_seconds(absl::ToInt64Seconds(kHalfLife));
  return client->CreateCollection(request).status();
}

absl::Status WriteItems(client::Client* client, const GeneratedCatalogue& data, int in_flight) {
  return InBatches("items", data.item_ids.size(), in_flight, [&](size_t begin, size_t end) {
    const auto cut = [&](const std::vector<int64_t>& column) {
      return std::span<const int64_t>(column).subspan(begin, end - begin);
    };
    client::ItemBatch batch;
    batch.collection = kCollectionName;
    batch.ids = cut(data.item_ids);
    batch.alive_from_micros = cut(data.alive_from_micros);
    batch.alive_until_micros = cut(data.alive_until_micros);
    return client->WriteItems(batch, {}).status();
  });
}

absl::Status WriteEvents(client::Client* client, const GeneratedCatalogue& data, int in_flight) {
  return InBatches("events", data.user_ids.size(), in_flight, [&](size_t begin, size_t end) {
    const auto cut = [&](const std::vector<int64_t>& column) {
      return std::span<const int64_t>(column).subspan(begin, end - begin);
    };
    client::EventBatch batch;
    batch.collection = kCollectionName;
    batch.user_ids = cut(data.user_ids);
    batch.item_ids = cut(data.event_item_ids);
    batch.time_micros = cut(data.event_time_micros);
    return client->WriteEvents(batch, {}).status();
  });
}

absl::Status Load(const Flags& flags) {
  client::ClientOptions options;
  options.target = flags.address;
  options.deadline = absl::Minutes(5);
  absl::StatusOr<std::unique_ptr<client::Client>> client = client::Client::Create(options);
  if (!client.ok()) return client.status();
  absl::Status status = (*client)->WaitForReady(absl::Seconds(30));
  if (status.ok()) status = Create(client->get());
  if (!status.ok()) return status;

  const GeneratedCatalogue data = GenerateCatalogue(flags.items, flags.events, absl::Now());
  const absl::Time start = absl::Now();
  status = WriteItems(client->get(), data, flags.in_flight);
  const absl::Time items_written = absl::Now();
  if (status.ok()) status = WriteEvents(client->get(), data, flags.in_flight);
  if (!status.ok()) return status;
  absl::PrintF(
      R"({"items": %d, "items_per_second": %.0f, "events": %d, "events_per_second": %.0f})",
      flags.items, flags.items / absl::ToDoubleSeconds(items_written - start), flags.events,
      flags.events / absl::ToDoubleSeconds(absl::Now() - items_written));
  std::puts("");
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Generates a catalogue and imports it into a running server.");
  app.add_option("--address", flags.address, "Server, host:port.")->required();
  app.add_option("--items", flags.items, "Items.")
      ->check(CLI::Range(10 * kEventsPerUser, 1L << 31));
  app.add_option("--events", flags.events, "Events; rounded down to a multiple of 100.")
      ->check(CLI::Range(kEventsPerUser, 1L << 31));
  app.add_option("--in-flight", flags.in_flight, "Writes at a time.")->check(CLI::Range(1, 64));
  CLI11_PARSE(app, argc, argv);
  flags.events -= flags.events % kEventsPerUser;
  const absl::Status status = Load(flags);
  if (status.ok()) return 0;
  std::cerr << "load_catalogue: " << status << '\n';
  return 1;
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
