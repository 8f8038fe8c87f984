// SPDX-License-Identifier: Apache-2.0
#include "server/index/graph_search.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"

#include "server/index/graph_builder.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int kDimension = 8;
constexpr uint32_t kItems = 16000;
constexpr int kLimit = 20;
constexpr int kEffort = 100;

constexpr EmbeddingSettings kL2{kDimension, Metric::kL2};

std::vector<float> RandomVector(SplitMix& random, const EmbeddingSettings& settings) {
  std::vector<float> vector(kDimension);
  // Norms differ by a factor of up to 20, which makes inner products hard.
  const double scale = std::exp(3 * random.Unit());
  for (float& value : vector) value = static_cast<float>((random.Unit() * 2 - 1) * scale);
  PrepareToStore(settings, vector);
  return vector;
}

std::shared_ptr<const VectorTable> RandomTable(SplitMix& random, const EmbeddingSettings& settings,
                                               uint32_t items = kItems) {
  VectorTableBuilder builder{VectorTable(settings)};
  for (Ordinal item = 0; item < items; ++item) {
    if (item % 7 != 3) builder.Set(item, RandomVector(random, settings));
  }
  return std::move(builder).Build();
}

CompactGraph Build(const VectorTable& table, int threads = 1) {
  GraphOptions options;
  options.threads = threads;
  auto graph = BuildGraph(table, options, Cancellation());
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

// Part of the exact hits that the graph finds, over random queries.
template <typename Accept>
double Recall(SplitMix& random, const VectorTable& table, const CompactGraph& graph,
              std::span<const Ordinal> delta, const Accept& accept) {
  constexpr int kQueries = 100;
  std::vector<std::vector<float>> vectors;
  std::vector<const float*> anchors;
  for (int q = 0; q < kQueries; ++q) {
    vectors.push_back(RandomVector(random, {kDimension, table.settings().metric}));
    anchors.push_back(vectors.back().data());
  }
  const Scorer scorer(table);
  std::vector<std::vector<Hit>> found, expected;
  const GraphSearch search(scorer, graph, delta, kEffort);
  EXPECT_TRUE(search.Search(anchors, kLimit, accept, Cancellation(), &found).ok());
  EXPECT_TRUE(ExactSearch(scorer).Search(anchors, kLimit, accept, Cancellation(), &expected).ok());
  int64_t common = 0, all = 0;
  for (int q = 0; q < kQueries; ++q) {
    EXPECT_EQ(found[q].size(), expected[q].size());
    for (size_t i = 1; i < found[q].size(); ++i) {
      EXPECT_TRUE(
          found[q][i - 1].score > found[q][i].score ||
          (found[q][i - 1].score == found[q][i].score && found[q][i - 1].item < found[q][i].item));
    }
    for (const Hit& hit : found[q]) {
      EXPECT_TRUE(accept(q, hit.item, hit.score));
      EXPECT_EQ(hit.score, scorer.Score(anchors[q], hit.item));
      common += std::any_of(expected[q].begin(), expected[q].end(),
                            [&](const Hit& other) { return other.item == hit.item; });
    }
    all += static_cast<int64_t>(expected[q].size());
  }
  return static_cast<double>(common) / static_cast<double>(all);
}

bool All(size_t, Ordinal, float) { return true; }

class GraphSearchTest : public testing::TestWithParam<EmbeddingSettings> {};

TEST_P(GraphSearchTest, FindsWhatExactSearchFinds) {
  SplitMix random(1);
  const auto table = RandomTable(random, GetParam());
  const CompactGraph graph = Build(*table);
  EXPECT_EQ(FindProblem(graph), "");
  EXPECT_EQ(graph.item_count, table->size());
  EXPECT_TRUE(Unreached(graph).empty());
  EXPECT_GT(Recall(random, *table, graph, {}, All), 0.98);
}

TEST_P(GraphSearchTest, FiltersInside) {
  SplitMix random(2);
  const auto table = RandomTable(random, GetParam());
  const CompactGraph graph = Build(*table);
  const auto some = [](size_t query, Ordinal item, float) { return (item + query) % 4 == 0; };
  EXPECT_GT(Recall(random, *table, graph, {}, some), 0.98);
  const auto few = [](size_t, Ordinal item, float) { return item % 1000 == 0; };
  EXPECT_EQ(Recall(random, *table, graph, {}, few), 1) << "scored against everything";
}

TEST_P(GraphSearchTest, TakesNewestVectorsAndItemsWithoutAPlace) {
  SplitMix random(3);
  const auto old = RandomTable(random, GetParam());
  const CompactGraph graph = Build(*old);
  VectorTableBuilder builder(*old);
  std::vector<float> vector(kDimension);
  for (Ordinal item = 0; item < kItems; ++item) {
    if (!old->Read(item, vector)) continue;
    for (float& value : vector) value *= static_cast<float>(1 + 0.2 * (random.Unit() - 0.5));
    PrepareToStore(GetParam(), vector);
    builder.Set(item, vector);
  }
  std::vector<Ordinal> delta;
  for (Ordinal item = kItems; item < kItems + 1000; ++item) {
    builder.Set(item, RandomVector(random, GetParam()));
    delta.push_back(item);
  }
  const auto table = std::move(builder).Build();
  EXPECT_GT(Recall(random, *table, graph, delta, All), 0.97);
  EXPECT_LT(Recall(random, *table, graph, {}, All), 0.97) << "the test sees the delta";
}

TEST_P(GraphSearchTest, OneThreadBuildsTheSameGraphAgain) {
  SplitMix random(4);
  const auto table = RandomTable(random, GetParam(), 700);
  const CompactGraph one = Build(*table), other = Build(*table);
  EXPECT_EQ(one.ground.links, other.ground.links);
  EXPECT_EQ(one.ground.offsets, other.ground.offsets);
  EXPECT_EQ(one.entry, other.entry);
  EXPECT_EQ(FindProblem(Build(*table, 4)), "");
}

INSTANTIATE_TEST_SUITE_P(
    Settings, GraphSearchTest,
    testing::Values(EmbeddingSettings{kDimension, Metric::kInnerProduct},
                    EmbeddingSettings{kDimension, Metric::kCosine},
                    EmbeddingSettings{kDimension, Metric::kL2},
                    EmbeddingSettings{kDimension, Metric::kInnerProduct, ElementType::kBfloat16},
                    EmbeddingSettings{kDimension, Metric::kCosine, ElementType::kBfloat16},
                    EmbeddingSettings{kDimension, Metric::kL2, ElementType::kBfloat16}));

TEST(CompactGraphTest, EmptyAndTinyTables) {
  for (const uint32_t count : {0U, 1U, 2U, 40U}) {
    VectorTableBuilder builder{VectorTable({2, Metric::kL2})};
    for (Ordinal item = 0; item < count; ++item) {
      builder.Set(item, std::vector<float>{1.0F, static_cast<float>(item / 2)});
    }
    const auto table = std::move(builder).Build();
    const CompactGraph graph = Build(*table);
    EXPECT_EQ(FindProblem(graph), "") << count;
    EXPECT_EQ(graph.item_count, count);
    EXPECT_TRUE(Unreached(graph).empty());
  }
}

TEST(CompactGraphTest, ProblemsAreFound) {
  SplitMix random(5);
  const CompactGraph graph = Build(*RandomTable(random, kL2, 700));
  ASSERT_FALSE(graph.upper_levels.empty());
  const auto broken = [&](auto damage) {
    CompactGraph copy = graph;
    damage(copy);
    return !FindProblem(copy).empty();
  };
  EXPECT_TRUE(broken([](CompactGraph& g) { g.ground.links[5] = 700; }));
  EXPECT_TRUE(broken([](CompactGraph& g) { g.ground.links[5] = 3; })) << "3 has no place";
  EXPECT_TRUE(broken([](CompactGraph& g) { g.ground.offsets[5] += 1000; }));
  EXPECT_TRUE(broken([](CompactGraph& g) { g.ground.offsets.pop_back(); }));
  EXPECT_TRUE(broken([](CompactGraph& g) { g.placed[0] ^= 1; }));
  EXPECT_TRUE(broken([](CompactGraph& g) { g.placed.pop_back(); }));
  EXPECT_TRUE(broken([](CompactGraph& g) { g.entry = 10000; }));
  EXPECT_TRUE(broken([](CompactGraph& g) { g.item_count += 1; }));
  EXPECT_TRUE(broken([](CompactGraph& g) { g.upper_levels[0].down[0] ^= 1; }));
  EXPECT_TRUE(broken([](CompactGraph& g) { g.upper_levels[0].items[0] = 3; }));
  EXPECT_TRUE(broken([](CompactGraph& g) { g.upper_levels[0].links.links[0] = 700; }));
}

TEST(GraphBuilderTest, StopsWhenCancelled) {
  SplitMix random(6);
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_EQ(BuildGraph(*RandomTable(random, kL2, 100), {}, cancellation).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace negatron
