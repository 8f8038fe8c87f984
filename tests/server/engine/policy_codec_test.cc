// SPDX-License-Identifier: Apache-2.0
// Recipes as bytes. tests/golden/policies-v4.hex pins them: never change a line, add more;
// `engine_policies_test --print` prints what this version writes.
#include "server/engine/policy_codec.h"

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/engine/policy_samples.h"

namespace negatron {
namespace {

std::vector<std::string> Lines() {
  std::vector<std::string> lines;
  for (const PolicyPlan& plan : SamplePlans()) {
    const absl::StatusOr<std::string> bytes = EncodePlan(plan);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    lines.push_back(absl::BytesToHexString(*bytes));
  }
  return lines;
}

TEST(PolicyCodecTest, ReadsBackWhatItWrote) {
  for (const PolicyPlan& plan : SamplePlans()) {
    const absl::StatusOr<std::string> bytes = EncodePlan(plan);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    const absl::StatusOr<PolicyPlan> read = DecodePlan(*bytes);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, plan);
    EXPECT_EQ(*EncodePlan(*read), *bytes);
  }
}

TEST(PolicyCodecTest, WritesTheBytesOfVersion4) {
  std::ifstream in(NEGATRON_GOLDEN_FOLDER "/policies-v4.hex");
  std::vector<std::string> golden;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] != '#') golden.push_back(line);
  }
  EXPECT_EQ(Lines(), golden);
}

// An error, or a plan that stays the same when it is written: of bytes that were cut between two
// arms, say. Not if it has a NaN, which is not equal to itself.
void ExpectUnreadableOrStable(const std::string& bytes) {
  const absl::StatusOr<PolicyPlan> read = DecodePlan(bytes);
  if (!read.ok()) {
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss);
    return;
  }
  const absl::StatusOr<std::string> again = EncodePlan(*read);
  EXPECT_EQ(again.ok(), *read == *read);
  if (again.ok()) {
    EXPECT_TRUE(*DecodePlan(*again) == *read);
  }
}

TEST(PolicyCodecTest, WhateverBytesGiveAnErrorOrAPlanThatStays) {
  for (const PolicyPlan& plan : SamplePlans()) {
    const std::string bytes = *EncodePlan(plan);
    for (size_t i = 0; i < bytes.size(); ++i) {
      ExpectUnreadableOrStable(bytes.substr(0, i));
      for (const int bit : {0, 1, 7}) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
        ExpectUnreadableOrStable(damaged);
      }
    }
    EXPECT_FALSE(DecodePlan(bytes + '\0').ok());
    EXPECT_FALSE(DecodePlan(bytes + std::string("\x40\0\0\0\0", 5)).ok()) << "an unknown field";
  }
  EXPECT_FALSE(DecodePlan("").ok());
}

}  // namespace

// For a new golden file.
void PrintGoldenPolicies() {
  for (const std::string& line : Lines()) std::cout << line << "\n";
}

}  // namespace negatron

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--print") {
    negatron::PrintGoldenPolicies();
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
