// SPDX-License-Identifier: Apache-2.0
// What is kept of a call: its form, and what is told of two that differ.
#include "server/engine/audit_codec.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

TEST(AuditCodecTest, ADifferenceIsNamedByColumnAndEntry) {
  AuditedCall kept;
  kept.result.ids = {1, 2, 3};
  kept.result.log_q = {-1, -2, -3};
  AuditedCall drawn = kept;
  EXPECT_FALSE(FirstDifference(kept, drawn).has_value());
  drawn.result.log_q[2] = -4;
  const auto value = FirstDifference(kept, drawn);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->column, "log_q");
  EXPECT_EQ(value->index, 2);
  EXPECT_EQ(value->kept, "-3");
  EXPECT_EQ(value->replayed, "-4");
  drawn.result.ids.resize(2);
  const auto length = FirstDifference(kept, drawn);
  ASSERT_TRUE(length.has_value());
  EXPECT_EQ(length->column, "item_ids");
  EXPECT_EQ(length->index, -1);
  drawn = kept;
  drawn.positive_vectors = 1;
  EXPECT_EQ(FirstDifference(kept, drawn)->column, "positive_vectors");
}

TEST(AuditCodecTest, ABodyThatIsCutShortIsRefused) {
  SampleRequest request = SampleOf(UniformSource{}, 2, 3, 1000);
  request.users = IdBatch{std::vector<std::string>{"a", "b"}};
  SampleResult result;
  result.ids = {1, 2};
  const auto body = EncodeAudit({}, PolicyPlan::Of(request.policy), request, result);
  ASSERT_TRUE(body.ok());
  ASSERT_TRUE(DecodeAudit(*body).ok());
  EXPECT_EQ((*DecodeAuditUsers(*body))->names(), request.users->names());
  int refused = 0;
  for (size_t size = 0; size < body->size(); ++size) {
    refused += DecodeAudit(absl::string_view(*body).substr(0, size)).ok() ? 0 : 1;
  }
  // What ends behind the recipe between two fields is a shorter call.
  EXPECT_GT(refused, static_cast<int>(body->size()) - 12);
  EXPECT_FALSE(DecodeAudit(*body + *body).ok());
}

}  // namespace
}  // namespace negatron
