// SPDX-License-Identifier: Apache-2.0
#include "storage/base/crc32c.h"

#include <cstdint>
#include <numeric>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace negatron {
namespace {

uint32_t Both(const std::string& bytes) {
  const uint32_t crc = Crc32c(bytes.data(), bytes.size());
  EXPECT_EQ(crc, Crc32cPortable(bytes.data(), bytes.size()));
  return crc;
}

TEST(Crc32cTest, MatchesTheVectorsOfRfc3720) {
  // RFC 3720, appendix B.4.
  std::string bytes(32, '\0');
  EXPECT_EQ(Both(bytes), 0x8A9136AAu);
  bytes.assign(32, '\xFF');
  EXPECT_EQ(Both(bytes), 0x62A8AB43u);
  std::iota(bytes.begin(), bytes.end(), '\0');
  EXPECT_EQ(Both(bytes), 0x46DD794Eu);
  bytes.assign(bytes.rbegin(), bytes.rend());
  EXPECT_EQ(Both(bytes), 0x113FDB5Cu);
  EXPECT_EQ(Both("123456789"), 0xE3069283u);
  EXPECT_EQ(Both(""), 0u);
}

TEST(Crc32cTest, PathsAgreeAtEveryLengthAndAlignment) {
  std::mt19937_64 random(1);
  std::string bytes(200, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  for (size_t start = 0; start < 9; ++start) {
    for (size_t size = 0; start + size <= bytes.size(); ++size) {
      ASSERT_EQ(Crc32c(bytes.data() + start, size), Crc32cPortable(bytes.data() + start, size))
          << size << " bytes at " << start;
    }
  }
}

TEST(Crc32cTest, ContinuesOverParts) {
  const std::string bytes = "negative samples, drawn one by one";
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const uint32_t head = Crc32c(bytes.data(), cut);
    EXPECT_EQ(Crc32c(bytes.data() + cut, bytes.size() - cut, head), Both(bytes));
    EXPECT_EQ(Crc32cPortable(bytes.data() + cut, bytes.size() - cut, head), Both(bytes));
  }
}

}  // namespace
}  // namespace negatron
