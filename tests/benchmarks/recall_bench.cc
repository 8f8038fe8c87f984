// SPDX-License-Identifier: Apache-2.0
//
// What a hard search finds and what it costs, by how wide it searches and by the type of the stored
// components: recall@100 against exact search and microseconds of one core a query, in process, on
// a graph that was built from the same vectors. Prints one JSON object.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "server/index/generation.h"
#include "server/index/generation_builder.h"
#include "server/index/graph_search.h"
#include "server/index/recall.h"
#include "server/index/scorer.h"
#include "server/index/vector_table.h"
#include "storage/base/status.h"
#include "tests/benchmarks/figures.h"
#include "tests/benchmarks/vector_data.h"

namespace negatron::bench {
namespace {

constexpr int kEfs[] = {100, 150, 200, 300, 500, 750};
// Rounds over all queries; the fastest counts, as others only disturb.
constexpr int kRounds = 3;

std::shared_ptr<const VectorTable> MakeTable(const Vectors& vectors, ElementType type) {
  const EmbeddingSettings settings{kDimension, Metric::kCosine, type};
  VectorTableBuilder builder{VectorTable(settings)};
  std::vector<float> vector(kDimension);
  for (int64_t i = 0; i < CountOf(vectors); ++i) {
    std::copy_n(vectors.begin() + i * kDimension, kDimension, vector.begin());
    PrepareToStore(settings, vector);
    builder.Set(static_cast<Ordinal>(i), vector);
  }
  return std::move(builder).Build();
}

bool AcceptAll(size_t, Ordinal, float) { return true; }

// Microseconds of a query, one after the other.
absl::StatusOr<double> MicrosOf(const VectorSearch& search,
                                const std::vector<std::vector<float>>& queries) {
  const Cancellation never;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const absl::Time start = absl::Now();
    for (const std::vector<float>& query : queries) {
      const float* const anchor = query.data();
      std::vector<std::vector<Hit>> hits;
      NEGATRON_RETURN_IF_ERROR(search.Search({&anchor, 1}, kTop, AcceptAll, never, &hits));
    }
    const double micros =
        absl::ToDoubleMicroseconds(absl::Now() - start) / static_cast<double>(queries.size());
    if (round == 0 || micros < best) best = micros;
  }
  return best;
}

absl::Status Measure(const std::string& name, const VectorTable& table, int threads,
                     int query_count, Figures* figures) {
  const Cancellation never;
  GenerationOptions options;
  options.threads = threads;
  options.recall_limit = kTop;
  NEGATRON_ASSIGN_OR_RETURN(const Generation generation,
                            BuildGeneration(table, 1, 1, options, never));
  const std::vector<Ordinal> delta = DeltaOf(table, generation);
  const Scorer scorer(table);
  const std::vector<std::vector<float>> queries = RecallAnchors(table, query_count, kQuerySeed);
  NEGATRON_ASSIGN_OR_RETURN(const RecallReference reference,
                            RecallReference::Make(scorer, queries, kTop, never));
  const auto add = [&](const std::string& what, const VectorSearch& search,
                       double ef) -> absl::Status {
    NEGATRON_ASSIGN_OR_RETURN(const double recall, reference.Measure(search, never));
    NEGATRON_ASSIGN_OR_RETURN(const double micros, MicrosOf(search, queries));
    figures->Add(absl::StrCat("recall_", name, "_", what), recall, "of 1",
                 {{"micros", micros}, {"ef", ef}});
    return absl::OkStatus();
  };
  for (const int ef : kEfs) {
    const GraphSearch search(scorer, generation.graph->links, delta, ef);
    NEGATRON_RETURN_IF_ERROR(add(absl::StrCat("ef", ef), search, ef));
  }
  return add("exact", ExactSearch(scorer), 0);
}

int Main(int argc, char** argv) {
  int64_t items = 100'000;
  int queries = 256;
  int threads = 2;
  CLI::App app("Measures recall against the cost of a search.");
  app.add_option("--items", items, "Items.")->check(CLI::Range(1000, 1 << 30));
  app.add_option("--queries", queries, "Queries.")->check(CLI::Range(1, 1 << 20));
  app.add_option("--threads", threads, "Threads of the builds.")->check(CLI::Range(1, 256));
  CLI11_PARSE(app, argc, argv);
  Figures figures;
  const Vectors vectors = ClusteredVectors(items, kItemSeed);
  for (const auto& [name, type] : {std::pair("float32", ElementType::kFloat32),
                                   std::pair("bfloat16", ElementType::kBfloat16)}) {
    const absl::Status status =
        Measure(name, *MakeTable(vectors, type), threads, queries, &figures);
    if (!status.ok()) figures.Fail(absl::StrCat(name, ": ", status.ToString()));
  }
  return figures.Print();
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
