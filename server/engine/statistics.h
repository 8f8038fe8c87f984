// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_STATISTICS_H_
#define NEGATRON_SERVER_ENGINE_STATISTICS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/engine/sample_requests.h"
#include "server/index/neighbourhoods.h"
#include "server/sampling/policy.h"
#include "storage/base/histogram.h"
#include "storage/model/records.h"
#include "storage/rocks/database_statistics.h"

namespace negatron {

// What the server has seen of a collection's index while it keeps it good.
struct IndexStatus {
  bool building = false;
  std::string problem;        // Why the last generation was refused; empty: it was not.
  int64_t build_count = 0;    // That passed their checks since the start.
  int64_t refused_count = 0;  // That did not.
  double build_seconds = 0;   // Of the last build; 0: none since the start.
  // As measured last, at check_time; 0: not since the start.
  Micros check_time = 0;
  double recall = 0;
  double drift = 0;  // Mean distance of vectors from where the graph was built, in norms.
  // Of a sample of items at the last two builds since the start: how their neighbours
  // changed. Unset before the second.
  std::optional<NeighbourhoodChange> change;
  // Part of their neighbours at the last build that share a category with them. Unset if
  // they have none.
  std::optional<double> category_purity;
};

struct IndexStatistics {
  int64_t generation = 0;  // 0: none, and searches are exact.
  Micros build_time = 0;
  int64_t placed_count = 0;
  int64_t unreached_count = 0;
  int64_t delta_count = 0;
  int link_count = 0;
  int ef_construction = 0;
  int ef = 0;
  double built_recall = 0;
  IndexStatus status;
};

// Of the audit log.
struct AuditStatistics {
  int64_t kept_count = 0;
  int64_t stored_bytes = 0;
  int64_t written_count = 0;  // Since the start.
  int64_t dropped_count = 0;
};

// Of the commit queue.
struct CommitStatistics {
  CommitStatistics();

  int64_t queued_count = 0;
  int64_t queued_bytes = 0;
  int64_t refused_count = 0;  // Because it was full.
  int64_t group_count = 0;    // Since the start, as all counts here.
  int64_t write_count = 0;    // Of those groups.
  int64_t failed_sync_count = 0;
  Histogram sync_seconds;          // Of groups that had to be on disk, and of syncs by themselves.
  double durable_lag_seconds = 0;  // Age of the oldest write that is not on disk; 0: all are.
};

// Of all collections together.
struct ServerStatistics {
  CommitStatistics commits;
  int64_t durable_sequence = 0;
  bool refuses_writes = false;                 // Since the disk failed.
  std::optional<int64_t> disk_bytes;           // Unset if the folder cannot be read.
  std::optional<DatabaseStatistics> database;  // Unset while it is opened anew.
  int64_t excluded_mass_cache_bytes = 0;
};

struct CollectionStatistics {
  SnapshotToken snapshot;
  Micros as_of = 0;
  int64_t item_count = 0;
  int64_t living_item_count = 0;
  int64_t user_count = 0;
  int64_t event_count = 0;
  int64_t past_event_count = 0;
  int64_t embedding_count = 0;  // Of items.
  int64_t user_embedding_count = 0;
  int64_t highest_model_version = 0;  // Of embeddings; 0: they are not versioned.
  std::optional<Micros> first_event_time;
  std::optional<Micros> last_event_time;
  double event_mass = 0;
  double living_event_mass = 0;
  std::vector<std::pair<std::string, int64_t>> memory_bytes;  // By structure.
  int64_t sample_call_count = 0;
  int64_t sampled_row_count = 0;
  std::array<int64_t, kSourceKindCount> drawn_by_source{};
  std::array<int64_t, kRowStatusCount> rows_by_status{};
  std::array<int64_t, kRejectCauseCount> rejects_by_cause{};
  std::optional<IndexStatistics> index;  // Unset without embedding settings.
  std::optional<AuditStatistics> audit;  // Unset if there never was a log.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_STATISTICS_H_
