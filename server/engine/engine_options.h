// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_ENGINE_OPTIONS_H_
#define NEGATRON_SERVER_ENGINE_ENGINE_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"

#include "storage/base/clock.h"
#include "storage/base/executor.h"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace negatron {

struct EngineOptions {
  std::string data_dir;
  std::string backup_dir;  // Empty: no backups.
  // See StoreOptions: opens although acknowledged writes are missing.
  bool accept_data_loss = false;
  // APPLIED writes are on disk after at most this.
  absl::Duration sync_interval = absl::Milliseconds(200);
  // Writes that wait for the commit thread; beyond: RESOURCE_EXHAUSTED.
  int64_t write_queue_bytes = 256 << 20;
  int write_queue_requests = 4096;
  // Of ExcludedMassCache, for all collections.
  int64_t excluded_mass_cache_bytes = 64 << 20;
  // Retention moves on, and what a failing disk left undone is tried again, at least
  // this often.
  absl::Duration housekeeping_interval = absl::Seconds(1);
  // Audits that wait to be written; beyond: they are dropped.
  int64_t audit_queue_bytes = 64 << 20;
  // Collections with fewer embeddings are searched exactly.
  int64_t index_min_items = 40000;
  // Threads that build indexes; they yield to all others.
  int index_threads = 1;
  // The index is looked after at least this often.
  absl::Duration index_interval = absl::Seconds(1);
  // Called with what goes wrong and does not fail a call: the collection's id, and what it
  // is. By threads of the engine, or by Open.
  std::function<void(const std::string& collection, const std::string& what)> on_warning;
  // Called by a thread of the engine when the first collection cannot be given a good
  // index, and when the last of them has got one.
  std::function<void(bool healthy)> on_index_health;
  // Those of its threads that have nothing to do help with large calls, each of which is made on
  // a thread of its caller's; null: none help. Must outlive the engine.
  Executor* executor = nullptr;
  const Clock* clock = &Clock::System();
  // For tests; null: the system's.
  std::shared_ptr<rocksdb::FileSystem> file_system;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_ENGINE_OPTIONS_H_
