// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/index_files.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "tests/support/fault_file_system.h"
#include "tests/support/temp_folder.h"

namespace negatron {
namespace {

class IndexFilesTest : public testing::Test {
 protected:
  IndexFilesTest() {
    std::filesystem::create_directory(folder_.path() + "/scratch");
    disk_ = std::make_shared<FaultFileSystem>(folder_.path() + "/scratch");
    auto files = IndexFiles::Open(folder_.path() + "/data", disk_);
    EXPECT_TRUE(files.ok()) << files.status();
    files_ = *std::move(files);
  }

  std::string Read(int64_t incarnation) {
    const auto contents = files_->Read(incarnation);
    if (!contents.ok()) return std::string(contents.status().message());
    return contents->value_or("none");
  }

  TempFolder folder_;
  std::shared_ptr<FaultFileSystem> disk_;
  std::unique_ptr<IndexFiles> files_;
};

TEST_F(IndexFilesTest, KeepsTheLastContentsOfEachThroughALossOfPower) {
  EXPECT_EQ(Read(1), "none");
  ASSERT_TRUE(files_->Replace(1, "one").ok());
  ASSERT_TRUE(files_->Replace(2, std::string("t\0wo", 4)).ok());
  ASSERT_TRUE(files_->Replace(1, "uno").ok());
  disk_->LosePowerAndAllUnsynced();
  EXPECT_EQ(Read(1), "uno");
  EXPECT_EQ(Read(2), std::string("t\0wo", 4));
}

TEST_F(IndexFilesTest, RemovesOthersAndWhatIsHalfWritten) {
  for (const int64_t incarnation : {1, 2, 3}) {
    ASSERT_TRUE(files_->Replace(incarnation, "x").ok());
  }
  std::ofstream(folder_.path() + "/data/index/2.index.tmp") << "half";
  ASSERT_TRUE(files_->KeepOnly({2, 7}).ok());
  EXPECT_EQ(Read(1), "none");
  EXPECT_EQ(Read(2), "x");
  EXPECT_EQ(Read(3), "none");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/data/index/2.index.tmp"));
}

}  // namespace
}  // namespace negatron
