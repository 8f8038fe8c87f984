// SPDX-License-Identifier: Apache-2.0
#include "server/engine/collection.h"

#include <memory>
#include <thread>
#include <utility>

#include "gtest/gtest.h"

namespace negatron {
namespace {

// Freeing a pool whose pages a commit replaced takes tens of milliseconds: that is for those who
// write, not for the reader who happens to be the last to let go.
TEST(CollectionTest, AReaderDoesNotFreeASnapshotThatWasReplaced) {
  const auto reader = std::this_thread::get_id();
  bool freed_by_reader = false;
  auto old = std::make_shared<Snapshot>();
  old->pool = std::shared_ptr<const PoolView>(
      new PoolView(PoolSettings{}), [&freed_by_reader, reader](const PoolView* pool) {
        freed_by_reader = std::this_thread::get_id() == reader;
        delete pool;
      });
  Collection collection(std::move(old));
  {
    const std::shared_ptr<const Snapshot> held = collection.snapshot();
    std::thread writer([&] { collection.Publish(std::make_shared<Snapshot>()); });
    writer.join();
  }
  EXPECT_FALSE(freed_by_reader);
}

}  // namespace
}  // namespace negatron
