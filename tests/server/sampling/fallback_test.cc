// SPDX-License-Identifier: Apache-2.0
// Rows of which a draw is thrown back so often that what the row may get is
// enumerated: what the others get stays the same, whatever shares their batch.
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/sampling/plain_pool.h"

namespace negatron {
namespace {

constexpr Ordinal kWriter = 0;
constexpr Micros kNow = 20 * kTestHour;

// A row that may get 5 of 64 items: 64 attempts fail with probability 0.0055,
// so that most rows of 200 draws enumerate, in their midst.
TEST(FallbackTest, RowsDoNotDependOnTheirBatch) {
  constexpr Ordinal kItems = 64, kLeft = 5;
  constexpr int kRows = 40, kDraws = 200;
  PlainPool plain;
  plain.AddItems(kItems);
  for (Ordinal item = 0; item < kItems; ++item) {
    plain.Add(EventKind::kPositive, kWriter, item, item, 1.0f + static_cast<float>(item) / 100);
  }
  PlainRow row{kNow};
  for (Ordinal item = 0; item < kItems - kLeft; ++item) row.exclusions.push_back(item);
  const auto pool = plain.Build();
  for (const NamedSource& source : EverySource()) {
    if (source.is_of_user()) continue;
    SCOPED_TRACE(source.name);
    const Policy policy{{source.component}};
    const DrawnRows together =
        DrawRows(*pool, policy, std::vector<PlainRow>(kRows, row), kDraws, 1);
    int differ = 0;
    for (int r = 0; r < kRows; ++r) {
      const DrawnRows alone = DrawRows(*pool, policy, {row}, kDraws, 1, 1 + r);
      differ += static_cast<int>(together.Bytes(r) != alone.Bytes(0));
    }
    EXPECT_EQ(differ, 0) << "of " << kRows << " rows";
  }
}

}  // namespace
}  // namespace negatron
