// SPDX-License-Identifier: Apache-2.0
#include "server/index/graph_builder.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

// hnswlib asks memory ahead for what comes behind the last link of a list, and so reads up to three
// bytes behind a block. They are never used, and malloc rounds blocks up so far; AddressSanitizer
// still minds. The distances are ours in any case.
#if defined(__SANITIZE_ADDRESS__)
#define NO_MANUAL_VECTORIZATION
#endif
#include "hnswlib/hnswlib.h"

#include "server/index/kernels.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

using Hnsw = hnswlib::HierarchicalNSW<float>;

// Squared distances by our kernels: hnswlib's own are chosen when it is compiled.
class KernelSpace final : public hnswlib::SpaceInterface<float> {
 public:
  explicit KernelSpace(int dimension) : dimension_(dimension) {}

  size_t get_data_size() override { return static_cast<size_t>(dimension_) * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return Distance; }
  void* get_dist_func_param() override { return this; }

 private:
  static float Distance(const void* a, const void* b, const void* space) {
    const auto* self = static_cast<const KernelSpace*>(space);
    float score;
    self->kernel_(static_cast<const float*>(a), static_cast<const float*>(b), 1, self->dimension_,
                  &score);
    return -score;
  }

  const int dimension_;
  decltype(Kernels::negative_distances) const kernel_ = BestKernels().negative_distances;
};

double SquaredNorm(std::span<const float> vector) {
  double sum = 0;
  for (const float component : vector) sum += double{component} * component;
  return sum;
}

class Insertion {
 public:
  Insertion(const VectorTable& table, std::span<const Ordinal> items, Hnsw* graph)
      : table_(table), items_(items), graph_(*graph) {
    if (table.settings().metric != Metric::kInnerProduct) return;
    std::vector<float> vector(static_cast<size_t>(table.dimension()));
    for (const Ordinal item : items) {
      table.Read(item, vector);
      largest_square_ = std::max(largest_square_, SquaredNorm(vector));
    }
  }

  absl::Status Run(int threads, const Cancellation& cancellation) {
    if (items_.empty()) return absl::OkStatus();
    NEGATRON_RETURN_IF_ERROR(Insert(1, cancellation));  // hnswlib's first must be alone.
    std::vector<absl::Status> statuses(static_cast<size_t>(threads));
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) {
      others.emplace_back([&, t] { statuses[t] = Insert(items_.size(), cancellation); });
    }
    statuses[0] = Insert(items_.size(), cancellation);
    for (std::thread& other : others) other.join();
    for (const absl::Status& status : statuses) NEGATRON_RETURN_IF_ERROR(status);
    return absl::OkStatus();
  }

 private:
  absl::Status Insert(size_t end, const Cancellation& cancellation) {
    const auto dimension = static_cast<size_t>(table_.dimension());
    std::vector<float> vector(dimension + 1);
    for (size_t i = next_.fetch_add(1); i < end; i = next_.fetch_add(1)) {
      NEGATRON_RETURN_IF_ERROR(cancellation.Check());
      const auto stored = std::span(vector).first(dimension);
      table_.Read(items_[i], stored);
      vector[dimension] =
          static_cast<float>(std::sqrt(std::max(0.0, largest_square_ - SquaredNorm(stored))));
      try {
        graph_.addPoint(vector.data(), items_[i]);
      } catch (const std::exception& error) {
        return absl::ResourceExhaustedError(error.what());
      }
    }
    if (end == 1) next_.store(1);
    return absl::OkStatus();
  }

  const VectorTable& table_;
  const std::span<const Ordinal> items_;
  Hnsw& graph_;
  double largest_square_ = 0;
  std::atomic<size_t> next_{0};
};

// Copies links out of hnswlib: `nodes` are its numbers in the order of the level's own, and
// `numbers` leads back.
CompactGraph::Links LinksOf(const Hnsw& graph, int level, std::span<const uint32_t> nodes,
                            std::span<const uint32_t> numbers) {
  CompactGraph::Links links;
  links.offsets.reserve(nodes.size() + 1);
  links.offsets.push_back(0);
  for (const uint32_t node : nodes) {
    if (node != kNoOrdinal) {
      auto* list = graph.get_linklist_at_level(node, level);
      const auto* ends = reinterpret_cast<const uint32_t*>(list + 1);
      for (size_t i = 0; i < graph.getListCount(list); ++i) links.links.push_back(numbers[ends[i]]);
    }
    links.offsets.push_back(static_cast<uint32_t>(links.links.size()));
  }
  links.links.shrink_to_fit();
  return links;
}

CompactGraph Freeze(const Hnsw& graph, uint32_t ordinal_end) {
  CompactGraph frozen;
  const auto count = static_cast<uint32_t>(graph.cur_element_count);
  std::vector<uint32_t> nodes(ordinal_end, kNoOrdinal);  // hnswlib's, by ordinal.
  std::vector<uint32_t> numbers(count);                  // The level's, by hnswlib's.
  for (uint32_t node = 0; node < count; ++node) {
    numbers[node] = static_cast<uint32_t>(graph.getExternalLabel(node));
    nodes[numbers[node]] = node;
  }
  frozen.ground = LinksOf(graph, 0, nodes, numbers);
  frozen.placed.resize((ordinal_end + 63) / 64);
  for (const uint32_t item : numbers) frozen.placed[item / 64] |= uint64_t{1} << (item % 64);
  frozen.item_count = count;
  std::vector<uint32_t> below = numbers;
  for (int level = 1; level <= graph.maxlevel_; ++level) {
    CompactGraph::UpperLevel upper;
    std::vector<uint32_t> members;
    for (const uint32_t node : nodes) {
      if (node == kNoOrdinal || graph.element_levels_[node] < level) continue;
      numbers[node] = static_cast<uint32_t>(members.size());
      members.push_back(node);
      upper.items.push_back(static_cast<Ordinal>(graph.getExternalLabel(node)));
      upper.down.push_back(below[node]);
    }
    upper.links = LinksOf(graph, level, members, numbers);
    frozen.upper_levels.push_back(std::move(upper));
    below = numbers;
  }
  if (count > 0) frozen.entry = below[graph.enterpoint_node_];
  return frozen;
}

}  // namespace

absl::StatusOr<CompactGraph> BuildGraph(const VectorTable& table, const GraphOptions& options,
                                        const Cancellation& cancellation) {
  const std::vector<Ordinal> items = table.Items();
  const bool augmented = table.settings().metric == Metric::kInnerProduct;
  KernelSpace space(table.dimension() + (augmented ? 1 : 0));
  try {
    Hnsw graph(&space, std::max<size_t>(items.size(), 1), static_cast<size_t>(options.links),
               static_cast<size_t>(options.ef_construction));
    Insertion insertion(table, items, &graph);
    NEGATRON_RETURN_IF_ERROR(insertion.Run(options.threads, cancellation));
    return Freeze(graph, items.empty() ? 0 : items.back() + 1);
  } catch (const std::exception& error) {  // hnswlib throws where memory is short.
    return absl::ResourceExhaustedError(error.what());
  }
}

}  // namespace negatron
