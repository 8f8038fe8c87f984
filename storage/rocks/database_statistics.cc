// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/database_statistics.h"

#include "rocksdb/db.h"

#include "storage/rocks/database.h"

namespace negatron {

absl::StatusOr<DatabaseStatistics> Database::Statistics() const {
  using Properties = rocksdb::DB::Properties;
  const auto of_all = [this](const std::string& name) {
    uint64_t value = 0;
    db_->GetAggregatedIntProperty(name, &value);
    return static_cast<int64_t>(value);
  };
  const auto of_one = [this](const std::string& name) {
    uint64_t value = 0;
    db_->GetIntProperty(name, &value);
    return static_cast<int64_t>(value);
  };
  DatabaseStatistics statistics;
  statistics.memtable_bytes = of_all(Properties::kCurSizeAllMemTables);
  statistics.immutable_memtable_count = of_all(Properties::kNumImmutableMemTable);
  statistics.block_cache_bytes = of_all(Properties::kBlockCacheUsage);
  statistics.table_bytes = of_all(Properties::kLiveSstFilesSize);
  statistics.pending_compaction_bytes = of_all(Properties::kEstimatePendingCompactionBytes);
  statistics.running_compaction_count = of_one(Properties::kNumRunningCompactions);
  statistics.running_flush_count = of_one(Properties::kNumRunningFlushes);
  statistics.delayed_write_rate = of_one(Properties::kActualDelayedWriteRate);
  statistics.writes_stopped = of_one(Properties::kIsWriteStopped) != 0;
  statistics.background_error_count = of_one(Properties::kBackgroundErrors);
  return statistics;
}

}  // namespace negatron
