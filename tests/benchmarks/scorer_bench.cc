// SPDX-License-Identifier: Apache-2.0
//
// Nanoseconds of one core that a score costs, by the type of the stored components: all vectors in
// order against one anchor (memory decides), against sixteen that share the passage, as the
// sources ask (arithmetic decides), and vectors in random order, fetched ahead, as the search of
// a graph asks.
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "benchmark/benchmark.h"

#include "server/index/scorer.h"
#include "server/index/vector_table.h"

namespace negatron::bench {
namespace {

constexpr size_t kAnchors = 16;

std::vector<float> RandomVector(std::mt19937& random, int dimension) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(static_cast<size_t>(dimension));
  for (float& component : vector) component = normal(random);
  return vector;
}

std::shared_ptr<const VectorTable> MakeTable(const EmbeddingSettings& settings, uint32_t items) {
  std::mt19937 random(1);
  VectorTableBuilder builder{VectorTable(settings)};
  for (Ordinal item = 0; item < items; ++item) {
    builder.Set(item, RandomVector(random, settings.dimension));
  }
  return std::move(builder).Build();
}

void CountVectors(benchmark::State& state, int64_t vectors) {
  using benchmark::Counter;
  state.counters["vector"] =
      Counter(static_cast<double>(vectors), Counter::kIsIterationInvariantRate | Counter::kInvert);
}

void InOrder(benchmark::State& state, const VectorTable& table, size_t anchor_count) {
  std::mt19937 random(2);
  std::vector<std::vector<float>> anchors;
  for (size_t q = 0; q < anchor_count; ++q) {
    anchors.push_back(RandomVector(random, table.dimension()));
  }
  const Scorer scorer(table);
  float scores[VectorTable::kPageItems];
  for (auto _ : state) {
    for (size_t p = 0; p < table.page_count(); ++p) {
      for (const std::vector<float>& anchor : anchors) {
        scorer.ScorePage(anchor.data(), *table.page(p), scores);
        benchmark::DoNotOptimize(scores);
      }
    }
  }
  CountVectors(state, static_cast<int64_t>(anchor_count) * table.size());
}

void InRandomOrder(benchmark::State& state, const VectorTable& table) {
  constexpr size_t kAhead = 8;
  std::mt19937 random(3);
  const std::vector<float> anchor = RandomVector(random, table.dimension());
  std::uniform_int_distribution<Ordinal> any(0, static_cast<Ordinal>(table.size() - 1));
  std::vector<Ordinal> order(10000);
  for (Ordinal& item : order) item = any(random);
  const Scorer scorer(table);
  for (auto _ : state) {
    for (size_t i = 0; i < order.size(); ++i) {
      if (i + kAhead < order.size()) scorer.Fetch(order[i + kAhead]);
      benchmark::DoNotOptimize(scorer.Score(anchor.data(), order[i]));
    }
  }
  CountVectors(state, static_cast<int64_t>(order.size()));
}

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  uint32_t items = 100'000;
  int dimension = 64;
  CLI::App app("Measures scores in process; flags of Google Benchmark are taken as well.");
  app.add_option("--items", items, "Items.")->check(CLI::Range(1, 1 << 30));
  app.add_option("--dimension", dimension, "Components.")->check(CLI::Range(1, 4096));
  CLI11_PARSE(app, argc, argv);

  std::vector<std::shared_ptr<const VectorTable>> tables;
  for (const auto& [name, type] : {std::pair("float32", ElementType::kFloat32),
                                   std::pair("bfloat16", ElementType::kBfloat16)}) {
    tables.push_back(MakeTable({dimension, Metric::kInnerProduct, type}, items));
    const VectorTable* table = tables.back().get();
    const auto add = [name = std::string(name)](const std::string& what, auto measure) {
      benchmark::RegisterBenchmark((name + "_" + what).c_str(), measure);
    };
    add("in_order", [table](benchmark::State& state) { InOrder(state, *table, 1); });
    add("in_order_shared", [table](benchmark::State& state) { InOrder(state, *table, kAnchors); });
    add("in_random_order", [table](benchmark::State& state) { InRandomOrder(state, *table); });
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
