// SPDX-License-Identifier: Apache-2.0
// Finding and deleting events, streams, and folders of earlier format versions.
#include <atomic>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"

#include "storage/rocks/codec.h"
#include "storage/rocks/database.h"
#include "storage/rocks/store.h"
#include "tests/storage/rocks/record_samples.h"
#include "tests/storage/rocks/store_test_base.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreEventsTest : public StoreTestBase {
 protected:
  absl::Status Write(const std::vector<EventRecord>& events, int64_t sequence,
                     Store::Sync sync = Store::Sync::kYes) {
    StoreBatch batch;
    for (const EventRecord& event : events) batch.PutEvent(1, event);
    return store_->Write(batch, sequence, sync);
  }

  std::vector<uint32_t> RowsAt(Micros time) {
    std::vector<uint32_t> rows;
    EXPECT_TRUE(store_
                    ->ScanEventsAt(1, time,
                                   [&](const EventRecord& event) {
                                     EXPECT_EQ(event.time, time);
                                     rows.push_back(event.row);
                                     return absl::OkStatus();
                                   })
                    .ok());
    return rows;
  }

  // All events, read in pages of `limit`.
  std::vector<EventPosition> Pages(int64_t limit, EventPosition start = {}) {
    std::vector<EventPosition> positions;
    std::optional<EventPosition> next = start;
    while (next.has_value()) {
      const size_t before = positions.size();
      auto page = store_->ScanEventPage(1, *next, limit, [&](const EventRecord& event) {
        positions.push_back(PositionOf(event));
        return absl::OkStatus();
      });
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      EXPECT_LE(positions.size() - before, static_cast<size_t>(limit));
      next = *page;
    }
    return positions;
  }

  // Makes the folder one that an earlier version wrote, without the families that are younger.
  void MakeVersion(uint32_t version) {
    rocksdb::Options options;
    std::vector<std::string> names;
    const std::string path = data() + "/db";
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, path, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.emplace_back(name, options);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, path, families, &handles, &db).ok());
    const std::map<std::string, uint32_t> first_versions = {
        {"streams", 2},         {"staged_embeddings", 3}, {"embedding_versions", 3},
        {"user_embeddings", 4}, {"policies", 4},          {"controllers", 5},
        {"audits", 5}};
    for (size_t i = 0; i < names.size(); ++i) {
      const auto first = first_versions.find(names[i]);
      if (first == first_versions.end() || version >= first->second) continue;
      EXPECT_TRUE(db->DropColumnFamily(handles[i]).ok());
    }
    EXPECT_TRUE(db->Put({}, std::string(kFormatVersionKey), EncodeFormatVersion(version)).ok());
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
    delete db;
  }

  uint32_t FormatVersion() {
    DatabaseOptions options;
    options.path = data() + "/db";
    options.file_system = disk_;
    const auto facts = Database::Inspect(options);
    return facts.ok() ? facts->format_version : 0;
  }
};

TEST_F(StoreEventsTest, FindsTheEventsOfAnInstant) {
  Open();
  ASSERT_TRUE(Write({{-1, 1, 0, 0, 0}, {0, 1, 1, 0, 0}, {0, 1, 2, 5, 6}, {1, 1, 3, 0, 0}}, 1).ok());
  ASSERT_TRUE(Write({{0, 2, 7, 0, 0}}, 2).ok());
  EXPECT_THAT(RowsAt(0), ElementsAre(1, 2, 7));
  EXPECT_THAT(RowsAt(-1), ElementsAre(0));
  EXPECT_THAT(RowsAt(2), IsEmpty());
  EXPECT_THAT(RowsAt(kMinTime), IsEmpty());
}

TEST_F(StoreEventsTest, DeletesSingleEvents) {
  Open();
  ASSERT_TRUE(Write({{0, 1, 1, 0, 0}, {0, 1, 2, 0, 0}, {1, 1, 3, 0, 0}}, 1).ok());
  StoreBatch batch;
  batch.DeleteEvent(1, {0, 1, 2});
  batch.DeleteEvent(1, {5, 1, 2});  // Not there.
  ASSERT_TRUE(store_->Write(batch, 2, Store::Sync::kYes).ok());
  EXPECT_THAT(RowsAt(0), ElementsAre(1));
  LosePower();
  Open();
  EXPECT_EQ(Pages(10).size(), 2u);
}

TEST_F(StoreEventsTest, PagesHoldEveryEventOnce) {
  Open();
  std::vector<EventRecord> events;
  std::vector<EventPosition> expected;
  for (uint32_t i = 0; i < 50; ++i) {
    events.push_back({static_cast<Micros>(i / 3) - 5, 1, i, 0, 0});
    expected.push_back(PositionOf(events.back()));
  }
  ASSERT_TRUE(Write(events, 1).ok());
  StoreBatch other;
  other.PutEvent(2, {kMinTime, 2, 0, 0, 0});
  ASSERT_TRUE(store_->Write(other, 2, Store::Sync::kNo).ok());
  for (const int64_t limit : {1, 7, 49, 50, 51}) EXPECT_EQ(Pages(limit), expected) << limit;
  EXPECT_EQ(Pages(7, expected[20]),
            std::vector<EventPosition>(expected.begin() + 20, expected.end()));
  EXPECT_THAT(Pages(7, {kMaxTime, 0, 0}), IsEmpty());
}

TEST_F(StoreEventsTest, PagesAreReadBesideWritesAndRecoveries) {
  Open();
  ASSERT_TRUE(Write({{0, 1, 0, 0, 0}}, 1).ok());
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      int64_t seen = 0;
      const auto page = store_->ScanEventPage(1, {}, 1000, [&](const EventRecord&) {
        ++seen;
        return absl::OkStatus();
      });
      // While the disk fails, pages may be refused.
      EXPECT_TRUE(!page.ok() || seen >= 1);
    }
  });
  for (int64_t sequence = 2; sequence < 60; ++sequence) {
    if (sequence % 20 == 0) {
      disk_->SetFreeBytes(0);
      EXPECT_FALSE(Write({{sequence, sequence, 0, 0, 0}}, sequence).ok());
      disk_->SetFreeBytes(std::nullopt);
      ASSERT_TRUE(store_->Recover().ok());
    }
    ASSERT_TRUE(Write({{sequence, sequence, 0, 0, 0}}, sequence, Store::Sync::kNo).ok());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(Pages(1000).size(), 59u);
}

TEST_F(StoreEventsTest, KeepsThePositionsOfStreams) {
  Open();
  for (int64_t chunk = 1; chunk <= 3; ++chunk) {
    StoreBatch batch;
    batch.PutStream(1, {"events/a", chunk, chunk, 10 * chunk, 0});
    batch.PutStream(1, {"items/a", 7, chunk, 1, 2});
    ASSERT_TRUE(store_->Write(batch, chunk, Store::Sync::kYes).ok());
  }
  LosePower();
  Open();
  std::vector<StreamRecord> streams;
  const auto scan = [&](int64_t incarnation) {
    streams.clear();
    EXPECT_TRUE(store_
                    ->ScanStreams(incarnation,
                                  [&](const StreamRecord& record) {
                                    streams.push_back(record);
                                    return absl::OkStatus();
                                  })
                    .ok());
  };
  scan(1);
  EXPECT_EQ(streams,
            (std::vector<StreamRecord>{{"events/a", 3, 3, 30, 0}, {"items/a", 7, 3, 1, 2}}));
  StoreBatch batch;
  batch.DeleteCollection(1);
  ASSERT_TRUE(store_->Write(batch, 4, Store::Sync::kYes).ok());
  scan(1);
  EXPECT_THAT(streams, IsEmpty());
}

TEST_F(StoreEventsTest, UpgradesAFolderOfVersion1) {
  Open();
  ASSERT_TRUE(WriteItem(5, Store::Sync::kYes).ok());
  ASSERT_TRUE(store_->Flush().ok());
  store_.reset();
  MakeVersion(1);
  Open();
  EXPECT_THAT(Items(), ElementsAre(5));
  StoreBatch batch;
  batch.PutStream(1, {"items/a", 1, 6, 0, 0});
  ASSERT_TRUE(store_->Write(batch, 6, Store::Sync::kYes).ok());
  store_.reset();
  Open();
  EXPECT_EQ(store_->last_sequence(), 6);
  int count = 0;
  EXPECT_TRUE(store_
                  ->ScanStreams(1,
                                [&](const StreamRecord&) {
                                  ++count;
                                  return absl::OkStatus();
                                })
                  .ok());
  EXPECT_EQ(count, 1);
}

TEST_F(StoreEventsTest, UpgradesAFolderOfVersion2) {
  Open();
  ASSERT_TRUE(WriteItem(5, Store::Sync::kYes).ok());
  StoreBatch batch;
  batch.PutEmbedding(1, 0, std::vector<float>{1.5f}, 6, {});  // As version 2 did.
  ASSERT_TRUE(store_->Write(batch, 6, Store::Sync::kYes).ok());
  store_.reset();
  MakeVersion(2);
  Open();
  std::vector<EmbeddingRecord> found;
  const auto keep = [&](const EmbeddingRecord& record) {
    found.push_back(record);
    return absl::OkStatus();
  };
  EXPECT_TRUE(store_->ScanEmbeddings(1, keep).ok());
  EXPECT_EQ(found, (std::vector<EmbeddingRecord>{{0, {1.5f}, 6, {}}}));
  store_.reset();
  EXPECT_EQ(FormatVersion(), kFormatVersion) << "older programs must refuse it";
}

TEST_F(StoreEventsTest, UpgradesAFolderOfVersion3) {
  Open();
  StoreBatch batch;
  batch.PutEmbedding(1, 0, std::vector<float>{1.5f}, 6, {}, 7);
  ASSERT_TRUE(store_->Write(batch, 6, Store::Sync::kYes).ok());
  store_.reset();
  MakeVersion(3);
  Open();
  int count = 0;
  const auto add = [&](const EmbeddingRecord&) {
    ++count;
    return absl::OkStatus();
  };
  EXPECT_TRUE(store_->ScanEmbeddings(1, add, 7).ok());
  EXPECT_EQ(count, 1);
  EXPECT_TRUE(store_->ScanEmbeddings(1, add, 7, VectorOwner::kUser).ok());
  EXPECT_EQ(count, 1);
  store_.reset();
  EXPECT_EQ(FormatVersion(), kFormatVersion) << "older programs must refuse it";
}

TEST_F(StoreEventsTest, UpgradesAFolderOfVersion4) {
  Open();
  ASSERT_TRUE(WriteItem(5, Store::Sync::kYes).ok());
  store_.reset();
  MakeVersion(4);
  Open();
  EXPECT_THAT(Items(), ElementsAre(5));
  const auto none = [](const ControllerRecord&) { return absl::InternalError("there is one"); };
  EXPECT_TRUE(store_->ScanControllers(1, none).ok());
  store_.reset();
  EXPECT_EQ(FormatVersion(), kFormatVersion) << "older programs must refuse it";
}

TEST_F(StoreEventsTest, AnUpgradeThatFailsCanBeRepeated) {
  Open();
  ASSERT_TRUE(WriteItem(5, Store::Sync::kYes).ok());
  ASSERT_TRUE(store_->Flush().ok());
  store_.reset();
  MakeVersion(1);
  disk_->SetFreeBytes(0);
  EXPECT_EQ(TryOpen().status().code(), absl::StatusCode::kUnavailable);
  disk_->SetFreeBytes(std::nullopt);
  Open();
  EXPECT_THAT(Items(), ElementsAre(5));
}

}  // namespace
}  // namespace negatron
