// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_DATABASE_STATISTICS_H_
#define NEGATRON_STORAGE_ROCKS_DATABASE_STATISTICS_H_

#include <cstdint>

namespace negatron {

// What RocksDB tells of itself, over all column families.
struct DatabaseStatistics {
  int64_t memtable_bytes = 0;
  int64_t immutable_memtable_count = 0;  // Wait to be written to tables.
  int64_t block_cache_bytes = 0;
  int64_t table_bytes = 0;  // Of live tables on disk.
  int64_t pending_compaction_bytes = 0;
  int64_t running_compaction_count = 0;
  int64_t running_flush_count = 0;
  int64_t delayed_write_rate =
      0;  // Bytes a second that writes are slowed down to; 0: they are not.
  bool writes_stopped = false;
  int64_t background_error_count = 0;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_DATABASE_STATISTICS_H_
