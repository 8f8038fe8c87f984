// SPDX-License-Identifier: Apache-2.0
#include "server/pool/id_index.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/base/mutex.h"

namespace negatron {
namespace {

ExternalId Id(IdType type, int64_t i) {
  if (type == IdType::kInt64) return {i * -1234567, {}};
  return {0, "item-" + std::to_string(i)};
}

class IdIndexTest : public testing::TestWithParam<IdType> {};

TEST_P(IdIndexTest, FindsWhatWasAppended) {
  IdIndex index(GetParam());
  EXPECT_EQ(index.Find(Id(GetParam(), 0)), kNoOrdinal);
  for (int64_t i = 0; i < 5000; ++i) {
    EXPECT_EQ(index.Append(Id(GetParam(), i)), static_cast<Ordinal>(i));
  }
  for (int64_t i = 0; i < 5000; ++i) {
    ASSERT_EQ(index.Find(Id(GetParam(), i)), static_cast<Ordinal>(i));
    ASSERT_EQ(index.IdAt(static_cast<Ordinal>(i)), Id(GetParam(), i));
  }
  EXPECT_EQ(index.Find(Id(GetParam(), 5000)), kNoOrdinal);
}

TEST_P(IdIndexTest, SnapshotsDoNotSeeWhatCameLater) {
  IdIndex index(GetParam());
  for (int64_t i = 0; i < 10; ++i) index.Append(Id(GetParam(), i));
  const IdIndex snapshot = index;
  index.Append(Id(GetParam(), 10));
  EXPECT_EQ(snapshot.size(), 10u);
  EXPECT_EQ(snapshot.Find(Id(GetParam(), 10)), kNoOrdinal);
  EXPECT_EQ(index.Find(Id(GetParam(), 10)), 10u);
}

// A group of writes that failed leaves ids behind in shared storage.
TEST_P(IdIndexTest, AnOlderCopyMayTakeThePlaceOfANewer) {
  IdIndex published(GetParam());
  for (int64_t i = 0; i < 9; ++i) published.Append(Id(GetParam(), i));
  for (int round = 0; round < 20; ++round) {
    IdIndex failed = published;
    failed.Append(Id(GetParam(), 100 + round));
    failed.Append(Id(GetParam(), 200 + round));
  }
  published.Append(Id(GetParam(), 300));
  EXPECT_EQ(published.Find(Id(GetParam(), 300)), 9u);
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(published.Find(Id(GetParam(), 100 + round)), kNoOrdinal);
    EXPECT_EQ(published.Find(Id(GetParam(), 200 + round)), kNoOrdinal);
  }
}

TEST_P(IdIndexTest, ReadersOfSnapshotsNeedNoLockBesideTheWriter) {
  Mutex mutex;
  IdIndex shared(GetParam());
  std::atomic<bool> done{false};
  std::atomic<int64_t> wrong{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      while (!done.load()) {
        mutex.Lock();
        const IdIndex snapshot = shared;
        mutex.Unlock();
        const auto size = static_cast<int64_t>(snapshot.size());
        for (int64_t i = 0; i < size + 10; i += 97) {
          const Ordinal expected = i < size ? static_cast<Ordinal>(i) : kNoOrdinal;
          wrong += snapshot.Find(Id(GetParam(), i)) != expected;
        }
      }
    });
  }
  IdIndex writer(GetParam());
  for (int64_t i = 0; i < 20000; ++i) {
    writer.Append(Id(GetParam(), i));
    if (i % 16 == 0) {
      mutex.Lock();
      shared = writer;
      mutex.Unlock();
    }
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
}

INSTANTIATE_TEST_SUITE_P(Types, IdIndexTest, testing::Values(IdType::kInt64, IdType::kString),
                         [](const testing::TestParamInfo<IdType>& type) {
                           return type.param == IdType::kInt64 ? "Int64" : "String";
                         });

}  // namespace
}  // namespace negatron
