// SPDX-License-Identifier: Apache-2.0
// Flipped bits and cut ends in every kind of file: a start finds what was written, or is refused
// with a reason that storage/FORMAT.md documents; it never goes on with something else.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/storage/rocks/store_test_base.h"

namespace negatron {
namespace {

namespace fs = std::filesystem;

// Places in a file that are damaged, evenly apart; NEGATRON_SOAK_PLACES sets another number.
int Places() {
  const char* const set = std::getenv("NEGATRON_SOAK_PLACES");  // NOLINT(concurrency-mt-unsafe)
  return set != nullptr ? std::atoi(set) : 12;                  // NOLINT(cert-err34-c)
}

const std::set<std::string>& Documented() {
  static const auto* const reasons = new std::set<std::string>{
      "LOG_SHORTER_THAN_RECEIPT",    "RECEIPT_MISSING",  "RECEIPT_DAMAGED",
      "RECEIPT_OF_ANOTHER_DATABASE", "DATABASE_DAMAGED", "FORMAT_TOO_NEW"};
  return *reasons;
}

// Tables from a first life, and a log from a second, which a crash ended.
class StoreDamageTest : public StoreTestBase {
 protected:
  StoreDamageTest() {
    Open();
    for (int64_t i = 1; i <= 40; ++i) EXPECT_TRUE(WriteItem(i, Store::Sync::kYes, Next()).ok());
    EXPECT_TRUE(store_->Flush().ok());
    Open();
    for (int64_t i = 41; i <= 80; ++i) EXPECT_TRUE(WriteItem(i, Store::Sync::kYes, Next()).ok());
    expected_ = Items();
    Crash();
    fs::copy(data(), good(), fs::copy_options::recursive);
  }

  Ordinal Next() { return next_++; }
  std::string good() const { return folder_.path() + "/good"; }

  void Reset() {
    store_.reset();
    // It would miss what is removed behind its back.
    disk_ = std::make_shared<FaultFileSystem>(folder_.path() + "/scratch");
    fs::remove_all(data());
    fs::copy(good(), data(), fs::copy_options::recursive);
  }

  // What a start makes of the damage.
  void ExpectRightOrRefused(const std::string& what) {
    auto store = TryOpen();
    if (!store.ok()) {
      ++refused_;
      EXPECT_EQ(Documented().count(ReasonOf(store.status()).value_or("")), 1U)
          << what << ": " << store.status();
      return;
    }
    store_ = *std::move(store);
    std::vector<int64_t> items;
    const absl::Status read = store_->ScanItems(1, [&](const ItemRecord& record) {
      items.push_back(record.id.number);
      return absl::OkStatus();
    });
    if (!read.ok()) {
      // The engine reads all records at its start, so this refuses it.
      ++refused_;
      EXPECT_EQ(ReasonOf(read), "DATABASE_DAMAGED") << what << ": " << read;
      return;
    }
    ++right_;
    EXPECT_EQ(items, expected_) << what;
  }

  // Damages each file whose name has `part` at many places.
  void DamageAll(const std::string& part) {
    std::vector<std::string> paths;
    for (const auto& entry : fs::recursive_directory_iterator(good())) {
      if (!entry.is_regular_file() || entry.file_size() == 0) continue;
      const std::string path = fs::relative(entry.path(), good()).string();
      if (path.find(part) != std::string::npos) paths.push_back(path);
    }
    ASSERT_FALSE(paths.empty()) << part;
    for (const std::string& path : paths) {
      const auto size = static_cast<int64_t>(fs::file_size(good() + "/" + path));
      for (int place = 0; place < Places(); ++place) {
        const int64_t at = size * place / Places();
        Reset();
        {
          std::fstream file(data() + "/" + path, std::ios::in | std::ios::out | std::ios::binary);
          file.seekg(at);
          const int byte = file.get();
          file.seekp(at);
          file.put(static_cast<char>(byte ^ (1 << (place % 8))));
        }
        ExpectRightOrRefused(path + " flipped at " + std::to_string(at));
        Reset();
        fs::resize_file(data() + "/" + path, static_cast<uint64_t>(at));
        ExpectRightOrRefused(path + " cut at " + std::to_string(at));
      }
    }
  }

  Ordinal next_ = 0;
  std::vector<int64_t> expected_;
  int right_ = 0;
  int refused_ = 0;
};

TEST_F(StoreDamageTest, OfTheLog) {
  DamageAll(".log");
  EXPECT_GT(refused_, 0);
}

TEST_F(StoreDamageTest, OfTables) {
  DamageAll(".sst");
  EXPECT_GT(refused_, 0);
}

TEST_F(StoreDamageTest, OfTheManifest) {
  DamageAll("MANIFEST");
  EXPECT_GT(refused_, 0);
}

TEST_F(StoreDamageTest, OfCurrent) {
  DamageAll("CURRENT");
  EXPECT_GT(refused_, 0);
}

// One slot is enough.
TEST_F(StoreDamageTest, OfTheReceipt) {
  DamageAll("RECEIPT");
  EXPECT_GT(right_, 0);
}

}  // namespace
}  // namespace negatron
