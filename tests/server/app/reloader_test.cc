// SPDX-License-Identifier: Apache-2.0
#include "server/app/reloader.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include <gmock/gmock.h>

#include "storage/base/mutex.h"
#include "tests/support/temp_folder.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr absl::Duration kInterval = absl::Milliseconds(1);

class ReloaderTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  // Whole at once, as an editor or a rename does it.
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path("new")) << text;
    std::filesystem::rename(Path("new"), Path(name));
  }
  FileGroup Group() {
    return {"pair", {Path("a"), Path("b")}, [this](const std::vector<std::string>& contents) {
              if (absl::StrContains(contents[0] + contents[1], "bad")) {
                return absl::InvalidArgumentError("is bad");
              }
              MutexLock lock(mutex_);
              applied_ = contents;
              return absl::OkStatus();
            }};
  }
  std::unique_ptr<Reloader> Start() {
    FileGroup group = Group();
    std::vector<std::string> contents = *ReadFiles(group);
    return std::make_unique<Reloader>(
        std::vector<FileGroup>{std::move(group)},
        std::vector<std::vector<std::string>>{std::move(contents)}, kInterval,
        [this](absl::string_view name, const absl::Status& status) {
          MutexLock lock(mutex_);
          told_.push_back(std::string(name) + ": " + std::string(status.message()));
          changed_.NotifyAll();
        });
  }
  // Waits for that many reports.
  std::vector<std::string> Told(size_t count) {
    MutexLock lock(mutex_);
    while (told_.size() < count) changed_.Wait(mutex_);
    return told_;
  }
  std::vector<std::string> Applied() {
    MutexLock lock(mutex_);
    return applied_;
  }

  TempFolder folder_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> told_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> applied_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(ReloaderTest, AppliesEachChangeOnce) {
  Write("a", "1");
  Write("b", "1");
  const auto reloader = Start();
  Write("b", "2");
  Told(1);
  EXPECT_THAT(Applied(), ElementsAre("1", "2"));
  Write("a", "3");
  EXPECT_THAT(Told(2), ElementsAre("pair: ", "pair: "));
  EXPECT_THAT(Applied(), ElementsAre("3", "2"));
}

TEST_F(ReloaderTest, WhatCannotBeUsedIsToldOnceAndChangesNothing) {
  Write("a", "1");
  Write("b", "1");
  const auto reloader = Start();
  Write("b", "2");
  Told(1);
  Write("a", "bad");
  EXPECT_EQ(Told(2)[1], "pair: is bad");
  EXPECT_THAT(Applied(), ElementsAre("1", "2"));
  std::filesystem::remove(Path("a"));
  EXPECT_THAT(Told(3)[2], HasSubstr("cannot read"));
  EXPECT_THAT(Applied(), ElementsAre("1", "2"));
  Write("a", "3");
  EXPECT_EQ(Told(4)[3], "pair: ");
  EXPECT_THAT(Applied(), ElementsAre("3", "2"));
}

TEST_F(ReloaderTest, ReadsNeitherFoldersNorLargeFiles) {
  const auto read = [&](const std::string& path) {
    return ReadFiles({"x", {path}, nullptr}).status();
  };
  EXPECT_EQ(read(folder_.path()).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(read(Path("none")).message()), HasSubstr(Path("none")));
  Write("full", std::string(1 << 20, 'x'));
  EXPECT_TRUE(read(Path("full")).ok());
  Write("large", std::string((1 << 20) + 1, 'x'));
  EXPECT_THAT(std::string(read(Path("large")).message()), HasSubstr("1 MiB"));
}

}  // namespace
}  // namespace negatron
