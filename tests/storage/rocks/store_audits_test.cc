// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/rocks/store.h"
#include "tests/storage/rocks/store_test_base.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreAuditsTest : public StoreTestBase {
 protected:
  void SetUp() override { Open(); }

  static AuditRecord RecordAt(Micros time) {
    AuditRecord record;
    record.time = time;
    record.kernel_id = "k";
    record.body = std::string(3, static_cast<char>('a' + time % 26));
    record.body_bytes = 3;
    return record;
  }

  void Write(StoreBatch batch) {
    ASSERT_TRUE(store_->Write(batch, ++sequence_, Store::Sync::kYes).ok());
  }
  void Put(int64_t incarnation, const std::vector<Micros>& times) {
    StoreBatch batch;
    for (const Micros time : times) batch.PutAudit(incarnation, RecordAt(time));
    Write(std::move(batch));
  }

  // Times of a page; the time of the next goes to `next`.
  std::vector<Micros> Page(int64_t incarnation, Micros newest, int64_t limit,
                           std::optional<Micros>* next) {
    std::vector<Micros> times;
    const auto page =
        store_->ScanAuditPage(incarnation, newest, limit, [&](const AuditRecord& record) {
          EXPECT_TRUE(record.body.empty());
          times.push_back(record.time);
          return absl::OkStatus();
        });
    EXPECT_TRUE(page.ok()) << page.status();
    *next = page.value_or(std::nullopt);
    return times;
  }
  std::vector<Micros> All(int64_t incarnation) {
    std::optional<Micros> next;
    return Page(incarnation, kNever, 1000, &next);
  }

  int64_t sequence_ = 0;
};

TEST_F(StoreAuditsTest, ReadsPagesNewestFirst) {
  Put(1, {5, 1, 300, 0});
  Put(2, {7});
  LosePower();
  Open();
  std::optional<Micros> next;
  EXPECT_THAT(Page(1, kNever, 2, &next), ElementsAre(300, 5));
  EXPECT_EQ(next, 1);
  EXPECT_THAT(Page(1, *next, 2, &next), ElementsAre(1, 0));
  EXPECT_EQ(next, std::nullopt);
  EXPECT_THAT(Page(1, 299, 10, &next), ElementsAre(5, 1, 0));
  EXPECT_THAT(All(2), ElementsAre(7));
}

TEST_F(StoreAuditsTest, ReadsARecordWithItsBody) {
  Put(1, {5, 6});
  const auto record = store_->ReadAudit(1, 6);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(*record, RecordAt(6));
  EXPECT_EQ(store_->ReadAudit(1, 7).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->ReadAudit(2, 6).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(StoreAuditsTest, DeletesOneOrAllUpToATime) {
  Put(1, {1, 2, 3, 4, 5});
  Put(2, {1, 2});
  StoreBatch batch;
  batch.DeleteAudit(1, 4);
  batch.DeleteAuditsUntil(1, 2);
  Write(std::move(batch));
  EXPECT_THAT(All(1), ElementsAre(5, 3));
  EXPECT_EQ(store_->ReadAudit(1, 2).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_->ReadAudit(1, 3).ok());
  EXPECT_THAT(All(2), ElementsAre(2, 1));
  StoreBatch rest;
  rest.DeleteAuditsUntil(1, kNever);
  Write(std::move(rest));
  EXPECT_THAT(All(1), IsEmpty());
}

TEST_F(StoreAuditsTest, ErasuresStayUntilTheyAreDone) {
  const AuditErasureRecord first{3, {{7, ""}, {-1, "a"}}};
  const AuditErasureRecord second{4, {{0, "b"}}};
  StoreBatch batch;
  batch.PutAuditErasure(1, second);
  batch.PutAuditErasure(1, first);
  batch.DeleteAuditsUntil(1, kNever);  // Of another kind.
  Write(std::move(batch));
  LosePower();
  Open();
  EXPECT_THAT(*store_->ReadAuditErasures(1), ElementsAre(first, second));
  EXPECT_THAT(*store_->ReadAuditErasures(2), IsEmpty());
  StoreBatch done;
  done.DeleteAuditErasure(1, 3);
  Write(std::move(done));
  EXPECT_THAT(*store_->ReadAuditErasures(1), ElementsAre(second));
}

TEST_F(StoreAuditsTest, ADeletedCollectionHasNone) {
  Put(1, {1});
  Put(2, {2});
  StoreBatch batch;
  batch.PutAuditErasure(1, {1, {}});
  batch.DeleteCollection(1);
  Write(std::move(batch));
  EXPECT_THAT(All(1), IsEmpty());
  EXPECT_THAT(*store_->ReadAuditErasures(1), IsEmpty());
  EXPECT_THAT(All(2), ElementsAre(2));
}

}  // namespace
}  // namespace negatron
