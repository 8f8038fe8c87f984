// SPDX-License-Identifier: Apache-2.0
// Tables of embeddings, and the versions that they are uploaded as.
#include <map>
#include <optional>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/rocks/store.h"
#include "tests/storage/rocks/store_test_base.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class StoreEmbeddingsTest : public StoreTestBase {
 protected:
  void Put(StoreBatch& batch, int64_t incarnation, int64_t table, Ordinal ordinal, float value,
           VectorOwner owner = VectorOwner::kItem) {
    batch.PutEmbedding(incarnation, ordinal, std::vector<float>{value}, 1, {table, 1}, table,
                       owner);
  }

  // Values by ordinal.
  std::map<Ordinal, float> Table(int64_t incarnation, int64_t table,
                                 VectorOwner owner = VectorOwner::kItem) {
    std::map<Ordinal, float> values;
    const absl::Status status = store_->ScanEmbeddings(
        incarnation,
        [&](const EmbeddingRecord& record) {
          EXPECT_EQ(record.table, table);
          EXPECT_EQ(record.owner, owner);
          EXPECT_TRUE(values.empty() || values.rbegin()->first < record.ordinal);
          values[record.ordinal] = record.vector[0];
          return absl::OkStatus();
        },
        table, owner);
    EXPECT_TRUE(status.ok()) << status;
    return values;
  }

  std::vector<EmbeddingVersionRecord> Versions(int64_t incarnation) {
    std::vector<EmbeddingVersionRecord> versions;
    EXPECT_TRUE(store_
                    ->ScanEmbeddingVersions(incarnation,
                                            [&](const EmbeddingVersionRecord& record) {
                                              versions.push_back(record);
                                              return absl::OkStatus();
                                            })
                    .ok());
    return versions;
  }
};

TEST_F(StoreEmbeddingsTest, TablesAreApart) {
  Open();
  StoreBatch batch;
  for (const int64_t incarnation : {1, 2}) {
    for (const int64_t table : {0, 1, 2, 256}) {
      Put(batch, incarnation, table, 0, static_cast<float>(1000 * incarnation + table));
      Put(batch, incarnation, table, 0xFFFFFFFE, -1);
    }
  }
  ASSERT_TRUE(store_->Write(batch, 1, Store::Sync::kYes).ok());
  batch.Clear();
  batch.DeleteEmbeddings(1, 1);
  ASSERT_TRUE(store_->Write(batch, 2, Store::Sync::kYes).ok());
  LosePower();
  Open();
  EXPECT_THAT(Table(1, 0), ElementsAre(Pair(0, 1000), Pair(0xFFFFFFFE, -1)));
  EXPECT_THAT(Table(1, 1), IsEmpty());
  EXPECT_THAT(Table(1, 2), ElementsAre(Pair(0, 1002), Pair(0xFFFFFFFE, -1)));
  EXPECT_THAT(Table(1, 256), ElementsAre(Pair(0, 1256), Pair(0xFFFFFFFE, -1)));
  EXPECT_THAT(Table(2, 1), ElementsAre(Pair(0, 2001), Pair(0xFFFFFFFE, -1)));
  batch.Clear();
  batch.DeleteEmbeddings(1, 0);
  ASSERT_TRUE(store_->Write(batch, 3, Store::Sync::kYes).ok());
  EXPECT_THAT(Table(1, 0), IsEmpty());
  EXPECT_EQ(Table(1, 2).size(), 2u);
  EXPECT_EQ(Table(2, 0).size(), 2u);
  batch.Clear();
  batch.DeleteCollection(1);
  ASSERT_TRUE(store_->Write(batch, 4, Store::Sync::kYes).ok());
  for (const int64_t table : {0, 1, 2, 256}) EXPECT_THAT(Table(1, table), IsEmpty());
  EXPECT_EQ(Table(2, 256).size(), 2u);
}

TEST_F(StoreEmbeddingsTest, ThoseOfUsersAreApartAndGoWithTheirTable) {
  constexpr VectorOwner kUser = VectorOwner::kUser;
  Open();
  StoreBatch batch;
  for (const int64_t incarnation : {1, 2}) {
    for (const int64_t table : {0, 1, 2}) {
      const auto value = static_cast<float>(1000 * incarnation + table);
      Put(batch, incarnation, table, 5, value);
      Put(batch, incarnation, table, 5, -value, kUser);
      Put(batch, incarnation, table, 6, 1, kUser);
    }
  }
  ASSERT_TRUE(store_->Write(batch, 1, Store::Sync::kYes).ok());
  batch.Clear();
  batch.DeleteEmbeddings(1, 1);
  batch.DeleteUserEmbedding(1, 0, 6);
  ASSERT_TRUE(store_->Write(batch, 2, Store::Sync::kYes).ok());
  LosePower();
  Open();
  EXPECT_THAT(Table(1, 0), ElementsAre(Pair(5, 1000)));
  EXPECT_THAT(Table(1, 0, kUser), ElementsAre(Pair(5, -1000)));
  EXPECT_THAT(Table(1, 1, kUser), IsEmpty());
  EXPECT_THAT(Table(1, 2, kUser), ElementsAre(Pair(5, -1002), Pair(6, 1)));
  EXPECT_EQ(Table(2, 1, kUser).size(), 2u);
  batch.Clear();
  batch.DeleteEmbeddings(1, 0);
  ASSERT_TRUE(store_->Write(batch, 3, Store::Sync::kYes).ok());
  EXPECT_THAT(Table(1, 0, kUser), IsEmpty());
  EXPECT_EQ(Table(1, 2, kUser).size(), 2u);
  EXPECT_EQ(Table(2, 0, kUser).size(), 2u);
  batch.Clear();
  batch.DeleteCollection(1);
  ASSERT_TRUE(store_->Write(batch, 4, Store::Sync::kYes).ok());
  EXPECT_THAT(Table(1, 2, kUser), IsEmpty());
  EXPECT_EQ(Table(2, 2, kUser).size(), 2u);
}

TEST_F(StoreEmbeddingsTest, PagesHoldEveryEmbeddingOfTheTableOnce) {
  Open();
  StoreBatch batch;
  for (Ordinal ordinal = 0; ordinal < 50; ++ordinal) {
    for (const int64_t table : {0, 7}) Put(batch, 1, table, 3 * ordinal, 1);
  }
  Put(batch, 1, 8, 1, 1);
  ASSERT_TRUE(store_->Write(batch, 1, Store::Sync::kNo).ok());
  for (const int64_t table : {0, 7}) {
    for (const int64_t limit : {1, 7, 49, 50, 51}) {
      std::vector<Ordinal> seen;
      std::optional<Ordinal> next = 0;
      while (next.has_value()) {
        auto page = store_->ScanEmbeddingPage(1, table, VectorOwner::kItem, *next, limit,
                                              [&](const EmbeddingRecord& record) {
                                                seen.push_back(record.ordinal);
                                                return absl::OkStatus();
                                              });
        ASSERT_TRUE(page.ok()) << page.status();
        next = *page;
      }
      ASSERT_EQ(seen.size(), 50u);
      for (Ordinal i = 0; i < 50; ++i) EXPECT_EQ(seen[i], 3 * i);
    }
  }
}

TEST_F(StoreEmbeddingsTest, KeepsVersions) {
  Open();
  const EmbeddingVersionRecord first{3, EmbeddingVersionState::kStaging, 1, 2, 0, 0, 1};
  const EmbeddingVersionRecord second{70000, EmbeddingVersionState::kCommitted, 1, 2, 3, 4, 2};
  StoreBatch batch;
  batch.PutEmbeddingVersion(1, second);
  batch.PutEmbeddingVersion(1, first);
  batch.PutEmbeddingVersion(2, first);
  batch.PutStream(1, {"versions/3/0", 1, 1, 1, 0});
  ASSERT_TRUE(store_->Write(batch, 1, Store::Sync::kYes).ok());
  LosePower();
  Open();
  EXPECT_EQ(Versions(1), (std::vector<EmbeddingVersionRecord>{first, second}));
  batch.Clear();
  batch.DeleteEmbeddingVersion(1, 3);
  batch.DeleteStream(1, "versions/3/0");
  ASSERT_TRUE(store_->Write(batch, 2, Store::Sync::kYes).ok());
  EXPECT_EQ(Versions(1), std::vector<EmbeddingVersionRecord>{second});
  EXPECT_EQ(Versions(2), std::vector<EmbeddingVersionRecord>{first});
  EXPECT_TRUE(store_
                  ->ScanStreams(1,
                                [&](const StreamRecord&) {
                                  ADD_FAILURE();
                                  return absl::OkStatus();
                                })
                  .ok());
}

}  // namespace
}  // namespace negatron
