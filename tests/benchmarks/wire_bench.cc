// SPDX-License-Identifier: Apache-2.0
//
// Negatives a second over gRPC: several threads, each with a connection of its own and one call of
// 4096 rows x 8 negatives in flight, ids and log q in raw columns. The same for negatrond and for
// echo_server.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "benchmark/benchmark.h"
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "negatron/v1/sampling.grpc.pb.h"
#include "proto/cc/columns.h"
#include "tests/benchmarks/bench_data.h"

namespace negatron::bench {
namespace {

struct Flags {
  std::string address;
  std::string source = "uniform";
  bool histories = false;
  bool as_of = false;
  int64_t users = 100'000;
  int in_flight = 4;
  double seconds = 2;
  bool once = false;
};

// Different requests of a thread: all threads together ask for each user once, or for as many as
// 16 requests a thread hold.
int64_t RequestsPerThread(const Flags& flags) {
  return std::clamp<int64_t>(flags.users / (int64_t{kRows} * flags.in_flight), 1, 16);
}

v1::SampleNegativesRequest MakeRequest(const Flags& flags, int64_t number) {
  v1::SampleNegativesRequest request;
  request.set_collection(kCollectionName);
  request.set_row_count(kRows);
  request.set_negative_count(kNegatives);
  v1::PolicyComponent* const component = request.mutable_policy()->add_components();
  component->set_share(1);
  if (flags.source == "uniform") {
    component->mutable_uniform();
  } else {
    component->mutable_popularity();
  }
  request.add_outputs(v1::SAMPLE_OUTPUT_LOG_Q);
  request.set_encoding(v1::COLUMN_ENCODING_RAW);

  std::mt19937_64 random(number);
  const int64_t span = absl::ToInt64Microseconds(kSpan);
  const int64_t end = absl::ToUnixMicros(absl::Now());
  std::vector<int64_t> keys(kRows), users(kRows), as_of(kRows);
  for (int32_t r = 0; r < kRows; ++r) {
    keys[r] = static_cast<int64_t>(random());
    users[r] = (number * kRows + r) % flags.users;
    as_of[r] = end - static_cast<int64_t>(random() % static_cast<uint64_t>(span));
  }
  constexpr v1::ColumnEncoding kRaw = v1::COLUMN_ENCODING_RAW;
  WriteInt64s(keys, kRaw, request.mutable_row_keys());
  if (flags.histories) WriteIds(users, kRaw, request.mutable_user_ids());
  if (flags.as_of) WriteInt64s(as_of, kRaw, request.mutable_as_of_micros());
  return request;
}

// What one thread has.
struct Worker {
  std::unique_ptr<v1::SamplingService::Stub> stub;
  std::vector<v1::SampleNegativesRequest> requests;
  std::vector<double> milliseconds;  // Of each call.
};

// False if the server cannot be reached.
bool Prepare(const Flags& flags, int thread, Worker* worker) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel =
      grpc::CreateCustomChannel(flags.address, grpc::InsecureChannelCredentials(), arguments);
  worker->stub = v1::SamplingService::NewStub(channel);
  worker->requests.clear();
  worker->milliseconds.clear();
  for (int64_t r = 0; r < RequestsPerThread(flags); ++r) {
    worker->requests.push_back(MakeRequest(flags, RequestsPerThread(flags) * thread + r));
  }
  return channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10));
}

bool IsFull(const v1::SampleNegativesResponse& response) {
  return response.item_ids().raw().size() == kDraws * sizeof(int64_t) &&
         response.log_q().raw().size() == kDraws * sizeof(float) &&
         response.row_statuses().raw() == std::string(kRows, v1::ROW_STATUS_OK);
}

double Quantile(std::vector<double>* values, double q) {
  const auto position = static_cast<size_t>(q * (values->size() - 1));
  std::nth_element(values->begin(), values->begin() + position, values->end());
  return (*values)[position];
}

// Latencies of all threads. Google Benchmark holds the threads at the end of their loops until the
// last is there, so one may read what the others wrote in theirs.
void ReportLatency(const std::vector<Worker>& workers, benchmark::State* state) {
  std::vector<double> all;
  for (const Worker& worker : workers) {
    all.insert(all.end(), worker.milliseconds.begin(), worker.milliseconds.end());
  }
  if (all.empty()) return;
  state->counters["p50_ms"] = Quantile(&all, 0.5);
  state->counters["p99_ms"] = Quantile(&all, 0.99);
}

void Sample(benchmark::State& state, const Flags& flags, std::vector<Worker>* workers) {
  using Clock = std::chrono::steady_clock;
  Worker& worker = (*workers)[state.thread_index()];
  if (!Prepare(flags, state.thread_index(), &worker)) {
    return state.SkipWithError("cannot connect");
  }
  v1::SampleNegativesResponse response;
  size_t next = 0;
  for (auto _ : state) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const Clock::time_point start = Clock::now();
    const grpc::Status status =
        worker.stub->SampleNegatives(&context, worker.requests[next], &response);
    worker.milliseconds.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    next = (next + 1) % worker.requests.size();
    if (!status.ok()) {
      state.SkipWithError(status.error_message().c_str());
      break;
    }
  }
  if (!IsFull(response)) state.SkipWithError("a response is not full");
  state.SetItemsProcessed(state.iterations() * kDraws);
  if (state.thread_index() == 0) ReportLatency(*workers, &state);
}

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  Flags flags;
  CLI::App app("Measures SampleNegatives; flags of Google Benchmark are taken as well.");
  app.add_option("--address", flags.address, "Server, host:port.")->required();
  app.add_option("--source", flags.source, "Source of the policy.")
      ->check(CLI::IsMember({"uniform", "popularity"}));
  app.add_flag("--histories", flags.histories, "Rows have users.");
  app.add_flag("--as-of", flags.as_of, "Rows have as-of times of their own.");
  app.add_option("--users", flags.users, "Users of the collection.")->check(CLI::PositiveNumber);
  app.add_option("--in-flight", flags.in_flight, "Calls at a time.")->check(CLI::Range(1, 64));
  app.add_option("--seconds", flags.seconds, "Least time of the measurement.")
      ->check(CLI::PositiveNumber);
  app.add_flag("--once", flags.once, "Send every request once, whatever the time.");
  CLI11_PARSE(app, argc, argv);
  std::vector<Worker> workers(flags.in_flight);
  auto* const measurement = benchmark::RegisterBenchmark(
      flags.source.c_str(), [&](benchmark::State& state) { Sample(state, flags, &workers); });
  measurement->Threads(flags.in_flight)->UseRealTime()->Unit(benchmark::kMillisecond);
  if (flags.once) {
    measurement->Iterations(RequestsPerThread(flags));
  } else {
    measurement->MinTime(flags.seconds);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
