// SPDX-License-Identifier: Apache-2.0
#include "server/app/port_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace negatron {
namespace {

TEST(PortFileTest, HoldsThePortAndNothingElseStays) {
  const TempFolder folder;
  const std::string path = folder.path() + "/port";
  ASSERT_TRUE(WritePortFile(path, 7600).ok());
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "7600\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  RemovePortFile(path);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(PortFileTest, FailureIsToldAndLeavesNothing) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.path() + "/port");
  std::ofstream(folder.path() + "/port/full") << "x";
  EXPECT_EQ(WritePortFile(folder.path() + "/port", 1).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(WritePortFile(folder.path() + "/missing/port", 1).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(PortFileTest, EmptyPathMeansNone) {
  RemovePortFile("");
  EXPECT_TRUE(WritePortFile("", 1).ok());
}

}  // namespace
}  // namespace negatron
