// SPDX-License-Identifier: Apache-2.0
#include "storage/base/status.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ViolationsTest, EmptyIsOk) {
  const Violations violations;
  EXPECT_TRUE(violations.empty());
  EXPECT_TRUE(violations.ToStatus().ok());
  EXPECT_THAT(FieldViolationsOf(absl::InternalError("other")), IsEmpty());
}

TEST(ViolationsTest, CarriesFieldsAndDescriptionsOfAnyBytes) {
  Violations violations;
  violations.AddRow("item_ids", 17, "must be known");
  violations.Add("a:3:b", std::string("nul \0 and 5:colon", 17));
  violations.Add("", "");
  const absl::Status status = violations.ToStatus();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "item_ids[17]: must be known (and 2 more)");
  const std::vector<FieldViolation> read = FieldViolationsOf(status);
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].field, "item_ids[17]");
  EXPECT_EQ(read[0].description, "must be known");
  EXPECT_EQ(read[1].field, "a:3:b");
  EXPECT_EQ(read[1].description, std::string("nul \0 and 5:colon", 17));
  EXPECT_EQ(read[2].field, "");
}

TEST(ViolationsTest, KeepsTheFirstAndCountsTheRest) {
  Violations violations;
  for (int row = 0; row < 100; ++row) violations.AddRow("times", row, "bad");
  const absl::Status status = violations.ToStatus();
  EXPECT_EQ(FieldViolationsOf(status).size(), static_cast<size_t>(Violations::kMaxKept));
  EXPECT_THAT(status.message(), HasSubstr("times[0]: bad (and 99 more)"));
}

TEST(ViolationsTest, InvalidFieldHasOne) {
  const absl::Status status = InvalidField("policy", "unknown");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(FieldViolationsOf(status).size(), 1u);
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "policy");
}

TEST(StatusPayloadTest, CarriesFactsOfAnyBytes) {
  absl::Status status = absl::AbortedError("no");
  EXPECT_THAT(FactsOf(status), IsEmpty());
  status = WithFact(WithFact(std::move(status), "a", "1"), "b:2", "3:x");
  EXPECT_THAT(FactsOf(status),
              testing::ElementsAre(testing::Pair("a", "1"), testing::Pair("b:2", "3:x")));
  EXPECT_THAT(FactsOf(WithFact(status, "a", "")),
              testing::ElementsAre(testing::Pair("a", ""), testing::Pair("b:2", "3:x")));
}

TEST(StatusPayloadTest, CarriesAReason) {
  const absl::Status status = absl::UnavailableError("later");
  EXPECT_FALSE(ReasonOf(status).has_value());
  EXPECT_EQ(ReasonOf(WithReason(status, "QUEUE_FULL")), "QUEUE_FULL");
  EXPECT_EQ(WithReason(status, "QUEUE_FULL").code(), absl::StatusCode::kUnavailable);
}

TEST(StatusPayloadTest, CarriesARetryDelayBesideAReason) {
  absl::Status status = WithReason(absl::UnavailableError("later"), "DISK_FULL");
  EXPECT_FALSE(RetryDelayOf(status).has_value());
  status = WithRetryDelay(status, absl::Milliseconds(250));
  EXPECT_EQ(RetryDelayOf(status), absl::Milliseconds(250));
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
}

absl::StatusOr<int> Doubled(const absl::StatusOr<int>& number) {
  NEGATRON_ASSIGN_OR_RETURN(const int value, number);
  NEGATRON_RETURN_IF_ERROR(value < 0 ? absl::OutOfRangeError("negative") : absl::OkStatus());
  return 2 * value;
}

TEST(StatusMacrosTest, ReturnTheFirstError) {
  EXPECT_EQ(*Doubled(21), 42);
  EXPECT_EQ(Doubled(-1).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Doubled(absl::NotFoundError("none")).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace negatron
