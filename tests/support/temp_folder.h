// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_TEMP_FOLDER_H_
#define NEGATRON_TESTS_SUPPORT_TEMP_FOLDER_H_

#include <filesystem>
#include <string>
#include <system_error>

#include "gtest/gtest.h"

namespace negatron {

// An empty folder of its own, removed with its contents at the end.
//
// Thread-safety: immutable.
class TempFolder {
 public:
  TempFolder() {
    std::string name = testing::TempDir() + "negatron-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "mkdtemp failed: " << name;
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_TEMP_FOLDER_H_
