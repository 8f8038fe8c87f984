// SPDX-License-Identifier: Apache-2.0
#include "storage/base/fingerprint.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

#include "storage/base/philox.h"

namespace negatron {
namespace {

// Fingerprints are stored with request ids: equal bytes must keep theirs.
TEST(FingerprintTest, IsStable) {
  EXPECT_EQ(Fingerprint(""), MixHash(0, 0));
  EXPECT_EQ(Fingerprint("abc"), MixHash(MixHash(0, 3), 0x636261));
  EXPECT_EQ(Fingerprint("12345678"), MixHash(MixHash(0, 8), 0x3837363534333231));
  EXPECT_EQ(Fingerprint(std::string("12345678a"), 5),
            MixHash(MixHash(MixHash(5, 9), 0x3837363534333231), 'a'));
}

TEST(FingerprintTest, TellsLengthsBytesAndSeedsApart) {
  std::set<uint64_t> seen;
  for (size_t size = 0; size <= 40; ++size) {
    const std::string zeros(size, '\0');
    EXPECT_TRUE(seen.insert(Fingerprint(zeros)).second) << size;
    EXPECT_TRUE(seen.insert(Fingerprint(zeros, 1)).second) << size;
    for (size_t at = 0; at < size; ++at) {
      std::string bytes = zeros;
      bytes[at] = 1;
      EXPECT_TRUE(seen.insert(Fingerprint(bytes)).second) << size << " " << at;
    }
  }
}

}  // namespace
}  // namespace negatron
