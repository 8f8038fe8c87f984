// SPDX-License-Identifier: Apache-2.0
#include "server/index/graph_file.h"

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

constexpr GraphOrigin kOrigin{7, {3, Metric::kL2}, 5, 1234567890123};

CompactGraph RandomGraph(uint32_t items) {
  SplitMix random(items);
  VectorTableBuilder builder{VectorTable(kOrigin.settings)};
  for (Ordinal item = 0; item < items; ++item) {
    builder.Set(item, std::vector<float>{static_cast<float>(random.Unit()),
                                         static_cast<float>(random.Unit()), 1});
  }
  return BuildGraph(*std::move(builder).Build(), {}, Cancellation()).value();
}

TEST(GraphFileTest, GivesBackWhatWasWritten) {
  for (const uint32_t items : {0U, 1U, 300U}) {
    const CompactGraph graph = RandomGraph(items);
    const absl::StatusOr<GraphFile> file = DecodeGraph(EncodeGraph(kOrigin, graph));
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->origin.incarnation, kOrigin.incarnation);
    EXPECT_EQ(file->origin.settings, kOrigin.settings);
    EXPECT_EQ(file->origin.generation, kOrigin.generation);
    EXPECT_EQ(file->origin.commit_sequence, kOrigin.commit_sequence);
    EXPECT_EQ(file->graph.ground.links, graph.ground.links);
    EXPECT_EQ(file->graph.ground.offsets, graph.ground.offsets);
    EXPECT_EQ(file->graph.placed, graph.placed);
    EXPECT_EQ(file->graph.upper_levels.size(), graph.upper_levels.size());
    EXPECT_EQ(file->graph.entry, graph.entry);
    EXPECT_EQ(EncodeGraph(file->origin, file->graph), EncodeGraph(kOrigin, graph));
  }
}

TEST(GraphFileTest, EveryFlippedBitAndEveryCutIsFound) {
  const std::string good = EncodeGraph(kOrigin, RandomGraph(40));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    EXPECT_FALSE(DecodeGraph(bad).ok()) << "byte " << i;
    EXPECT_FALSE(DecodeGraph(good.substr(0, i)).ok()) << "cut at " << i;
  }
  EXPECT_FALSE(DecodeGraph(good + std::string(1, '\0')).ok());
}

// A file whose checksum fits what someone wrote into it.
std::string Forged(std::string bytes, size_t at, char value) {
  bytes.resize(bytes.size() - 4);
  bytes[at] = value;
  const uint32_t crc = Crc32c(bytes.data(), bytes.size());
  bytes.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  return bytes;
}

TEST(GraphFileTest, NothingThatIsForgedEndsOutsideOfItsArrays) {
  const std::string good = EncodeGraph(kOrigin, RandomGraph(40));
  int accepted = 0;
  for (size_t at = 8; at + 4 < good.size(); ++at) {
    for (const char value : {'\x00', '\x7F', '\xFF'}) {
      const absl::StatusOr<GraphFile> file = DecodeGraph(Forged(good, at, value));
      if (!file.ok()) continue;
      ++accepted;
      EXPECT_EQ(FindProblem(file->graph), "");
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(GraphFileTest, OtherVersionsAreNamed) {
  const std::string bytes = Forged(EncodeGraph(kOrigin, RandomGraph(3)), 8, 2);
  EXPECT_EQ(ReasonOf(DecodeGraph(bytes).status()), "FORMAT_TOO_NEW");
}

}  // namespace
}  // namespace negatron
