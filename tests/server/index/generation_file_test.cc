// SPDX-License-Identifier: Apache-2.0
#include "server/index/generation_file.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/index/graph_builder.h"
#include "storage/base/crc32c.h"
#include "storage/base/status.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int64_t kIncarnation = 7;
constexpr EmbeddingSettings kSettings{3, Metric::kL2};

Generation RandomGeneration(uint32_t items, const EmbeddingSettings& settings = kSettings) {
  SplitMix random(items);
  VectorTableBuilder builder{VectorTable(settings)};
  for (Ordinal item = 0; item < items; ++item) {
    builder.Set(item, std::vector<float>{static_cast<float>(random.Unit()),
                                         static_cast<float>(random.Unit()), 1});
  }
  const auto table = std::move(builder).Build();
  Generation generation{nullptr, table->settings(), 1234567890123, 1700000000000000, 16, 200,
                        150,     0.984375};
  auto graph = std::make_shared<Graph>();
  graph->links = BuildGraph(*table, {}, Cancellation()).value();
  graph->sketch = DriftSketch(*table);
  generation.graph = std::move(graph);
  return generation;
}

absl::StatusOr<Generation> Decode(absl::string_view bytes,
                                  const EmbeddingSettings& settings = kSettings) {
  return DecodeGeneration(bytes, kIncarnation, settings);
}

TEST(GenerationFileTest, GivesBackWhatWasWritten) {
  for (const EmbeddingSettings& settings :
       {kSettings, EmbeddingSettings{3, Metric::kCosine},
        EmbeddingSettings{3, Metric::kCosine, ElementType::kBfloat16}}) {
    for (const uint32_t items : {0U, 1U, 300U}) {
      const Generation generation = RandomGeneration(items, settings);
      const std::string bytes = EncodeGeneration(kIncarnation, generation);
      const absl::StatusOr<Generation> read = Decode(bytes, settings);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(read->settings, generation.settings);
      EXPECT_EQ(read->number, generation.number);
      EXPECT_EQ(read->build_time, generation.build_time);
      EXPECT_EQ(read->link_count, generation.link_count);
      EXPECT_EQ(read->ef_construction, generation.ef_construction);
      EXPECT_EQ(read->ef, generation.ef);
      EXPECT_EQ(read->recall, generation.recall);
      const CompactGraph& links = generation.graph->links;
      EXPECT_EQ(read->graph->links.ground.links, links.ground.links);
      EXPECT_EQ(read->graph->links.ground.offsets, links.ground.offsets);
      EXPECT_EQ(read->graph->links.placed, links.placed);
      EXPECT_EQ(read->graph->links.upper_levels.size(), links.upper_levels.size());
      EXPECT_EQ(read->graph->links.entry, links.entry);
      EXPECT_EQ(read->graph->sketch.signs(), generation.graph->sketch.signs());
      EXPECT_EQ(read->graph->sketch.norms(), generation.graph->sketch.norms());
      EXPECT_EQ(EncodeGeneration(kIncarnation, *read), bytes);
    }
  }
}

TEST(GenerationFileTest, EveryFlippedBitAndEveryCutIsFound) {
  const std::string good = EncodeGeneration(kIncarnation, RandomGeneration(40));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    EXPECT_FALSE(Decode(bad).ok()) << "byte " << i;
    EXPECT_FALSE(Decode(good.substr(0, i)).ok()) << "cut at " << i;
  }
  EXPECT_FALSE(Decode(good + std::string(1, '\0')).ok());
}

// A file whose checksum fits what someone wrote into it.
std::string Forged(std::string bytes, size_t at, char value) {
  bytes.resize(bytes.size() - 4);
  bytes[at] = value;
  const uint32_t crc = Crc32c(bytes.data(), bytes.size());
  bytes.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  return bytes;
}

TEST(GenerationFileTest, NothingThatIsForgedEndsOutsideOfItsArrays) {
  const std::string good = EncodeGeneration(kIncarnation, RandomGeneration(40));
  int accepted = 0;
  for (size_t at = 8; at + 4 < good.size(); ++at) {
    for (const char value : {'\x00', '\x7F', '\xFF'}) {
      const absl::StatusOr<Generation> read = Decode(Forged(good, at, value));
      if (!read.ok()) continue;
      ++accepted;
      EXPECT_EQ(FindProblem(read->graph->links), "");
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(GenerationFileTest, OthersAreNamed) {
  const std::string good = EncodeGeneration(kIncarnation, RandomGeneration(3));
  EXPECT_EQ(ReasonOf(Decode(Forged(good, 8, 2)).status()), "FORMAT_TOO_NEW");
  EXPECT_EQ(ReasonOf(Decode(good, {3, Metric::kInnerProduct}).status()), "INDEX_OF_ANOTHER");
  EXPECT_EQ(ReasonOf(DecodeGeneration(good, kIncarnation, {4, Metric::kL2}).status()),
            "INDEX_OF_ANOTHER");
  EXPECT_EQ(ReasonOf(DecodeGeneration(good, kIncarnation + 1, {3, Metric::kL2}).status()),
            "INDEX_OF_ANOTHER");
}

}  // namespace
}  // namespace negatron
