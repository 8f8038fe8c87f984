// SPDX-License-Identifier: Apache-2.0
#include "server/index/generation_builder.h"

#include <array>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/index/graph_builder.h"
#include "server/index/graph_search.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// From what a walk needs to fill a window of 100 to where it costs as much as a scan of 100,000.
constexpr std::array kEfforts = {100, 150, 225, 340, 500, 750};

struct Construction {
  int links;
  int ef;
};
constexpr std::array<Construction, 2> kConstructions = {{{16, 200}, {32, 400}}};

absl::Status Refused(absl::string_view what) {
  return WithReason(absl::FailedPreconditionError(what), "INDEX_REFUSED");
}

absl::Status Check(const Generation& generation, const GenerationOptions& options) {
  const std::string_view problem = FindProblem(generation.graph->links);
  if (!problem.empty())
    return absl::InternalError(absl::string_view(problem.data(), problem.size()));
  const auto count = static_cast<double>(generation.graph->links.item_count);
  const double lost = static_cast<double>(generation.graph->unreached.size());
  if (count - lost < options.least_reached * count) {
    return Refused(absl::StrCat(lost, " of ", count, " items are reached by no way (M ",
                                generation.link_count, ")"));
  }
  if (generation.recall < options.least_recall) {
    return Refused(absl::StrCat("recall@", options.recall_limit, " is ", generation.recall,
                                " at M ", generation.link_count, " and ef ", generation.ef,
                                ", below ", options.least_recall));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Effort> ChooseEffort(const Scorer& scorer, const Generation& generation,
                                    std::span<const Ordinal> delta,
                                    const RecallReference& reference, double target,
                                    const Cancellation& cancellation) {
  Effort best;
  for (const int ef : kEfforts) {
    const GraphSearch search(scorer, generation.graph->links, delta, ef);
    NEGATRON_ASSIGN_OR_RETURN(const double recall, reference.Measure(search, cancellation));
    if (recall > best.recall) best = {ef, recall};
    if (recall >= target) break;
  }
  return best;
}

absl::StatusOr<Generation> BuildGeneration(const VectorTable& table, int64_t number, Micros now,
                                           const GenerationOptions& options,
                                           const Cancellation& cancellation) {
  const Scorer scorer(table);
  NEGATRON_ASSIGN_OR_RETURN(
      const RecallReference reference,
      RecallReference::Make(
          scorer, RecallAnchors(table, options.recall_anchors, static_cast<uint64_t>(number)),
          options.recall_limit, cancellation));
  const DriftSketch sketch(table);
  absl::Status refused;
  for (const Construction& construction : kConstructions) {
    Generation generation;
    generation.settings = table.settings();
    generation.number = number;
    generation.build_time = now;
    generation.link_count = construction.links;
    generation.ef_construction = construction.ef;
    auto graph = std::make_shared<Graph>();
    NEGATRON_ASSIGN_OR_RETURN(
        graph->links,
        BuildGraph(table, {construction.links, construction.ef, options.threads}, cancellation));
    graph->sketch = sketch;
    graph->unreached = Unreached(graph->links);
    generation.graph = std::move(graph);
    // Nothing has moved yet.
    const std::vector<Ordinal>& delta = generation.graph->unreached;
    NEGATRON_ASSIGN_OR_RETURN(
        const Effort effort,
        ChooseEffort(scorer, generation, delta, reference, options.target_recall, cancellation));
    generation.ef = effort.ef;
    generation.recall = effort.recall;
    refused = Check(generation, options);
    if (refused.ok()) return generation;
  }
  return refused;
}

}  // namespace negatron
