// SPDX-License-Identifier: Apache-2.0
//
// Ids a second from Redis: SRANDMEMBER of a set of consecutive integers, 32768 with replacement a
// call, several connections with one call in flight each. Fills the set first.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "benchmark/benchmark.h"
#include <hiredis/hiredis.h>

namespace negatron::bench {
namespace {

constexpr int64_t kIdsPerCall = 32'768;
constexpr int64_t kMembersPerCommand = 1000;

struct Flags {
  int port = 0;
  int64_t members = 1'000'000;
  int in_flight = 4;
  double seconds = 2;
};

struct Free {
  void operator()(redisContext* context) const { redisFree(context); }
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Connection = std::unique_ptr<redisContext, Free>;
using Reply = std::unique_ptr<redisReply, Free>;

// Null if there is no server.
Connection Connect(const Flags& flags) {
  const timeval timeout = {10, 0};
  Connection connection(redisConnectWithTimeout("127.0.0.1", flags.port, timeout));
  if (connection == nullptr || connection->err != 0) return nullptr;
  redisSetTimeout(connection.get(), timeout);
  return connection;
}

Reply Ask(redisContext* connection, const char* command) {
  return Reply(static_cast<redisReply*>(redisCommand(connection, command)));
}

bool Fill(const Flags& flags) {
  const Connection connection = Connect(flags);
  if (connection == nullptr) return false;
  int64_t commands = 0;
  for (int64_t first = 0; first < flags.members; first += kMembersPerCommand, ++commands) {
    std::string command = "SADD items";
    for (int64_t id = first; id < std::min(first + kMembersPerCommand, flags.members); ++id) {
      command += ' ' + std::to_string(id);
    }
    redisAppendCommand(connection.get(), command.c_str());
  }
  for (; commands > 0; --commands) {
    void* reply = nullptr;
    if (redisGetReply(connection.get(), &reply) != REDIS_OK) return false;
    freeReplyObject(reply);
  }
  const Reply count = Ask(connection.get(), "SCARD items");
  return count != nullptr && count->integer == flags.members;
}

void RandomMembers(benchmark::State& state, const Flags& flags) {
  const Connection connection = Connect(flags);
  if (connection == nullptr) return state.SkipWithError("cannot connect");
  const std::string command = "SRANDMEMBER items -" + std::to_string(kIdsPerCall);
  for (auto _ : state) {
    const Reply reply = Ask(connection.get(), command.c_str());
    if (reply == nullptr || reply->elements != kIdsPerCall) {
      state.SkipWithError("a reply is not full");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * kIdsPerCall);
}

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  Flags flags;
  CLI::App app("Measures SRANDMEMBER; flags of Google Benchmark are taken as well.");
  app.add_option("--port", flags.port, "Port of the Redis server.")->required();
  app.add_option("--members", flags.members, "Members of the set.")->check(CLI::PositiveNumber);
  app.add_option("--in-flight", flags.in_flight, "Calls at a time.")->check(CLI::Range(1, 64));
  app.add_option("--seconds", flags.seconds, "Least time of the measurement.")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  if (!Fill(flags)) {
    std::cerr << "redis_bench: cannot fill the set\n";
    return 1;
  }
  benchmark::RegisterBenchmark("redis_srandmember",
                               [&](benchmark::State& state) { RandomMembers(state, flags); })
      ->Threads(flags.in_flight)
      ->MinTime(flags.seconds)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
