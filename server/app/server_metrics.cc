// SPDX-License-Identifier: Apache-2.0
#include "server/app/server_metrics.h"

#include <map>
#include <string>
#include <utility>

#include "server/app/collection_metrics.h"
#include "server/app/process_metrics.h"
#include "server/engine/engine.h"

namespace negatron {
namespace {

void CollectCommits(const CommitStatistics& commits, MetricFamilies* families) {
  families->Gauge("negatron_commit_queue_writes", "Writes that wait for the commit thread.",
                  static_cast<double>(commits.queued_count));
  families->Gauge("negatron_commit_queue_bytes", "Bytes of writes that wait for the commit thread.",
                  static_cast<double>(commits.queued_bytes));
  families->Counter("negatron_commit_queue_refused_total",
                    "Writes that were refused because the queue was full.",
                    static_cast<double>(commits.refused_count));
  families->Counter("negatron_commit_groups_total", "Groups of writes that were committed.",
                    static_cast<double>(commits.group_count));
  families->Counter("negatron_commit_writes_total", "Writes of those groups.",
                    static_cast<double>(commits.write_count));
  families->Add("negatron_commit_sync_seconds",
                "Time to append a group to the log and to put it on disk.", commits.sync_seconds);
  families->Counter("negatron_commit_sync_failures_total", "Syncs that failed.",
                    static_cast<double>(commits.failed_sync_count));
  families->Gauge("negatron_durable_lag_seconds",
                  "Age of the oldest write that is not on disk; 0: all are.",
                  commits.durable_lag_seconds);
}

void CollectDatabase(const DatabaseStatistics& database, MetricFamilies* families) {
  const auto gauge = [families](absl::string_view name, absl::string_view help, int64_t value) {
    families->Gauge(name, help, static_cast<double>(value));
  };
  gauge("negatron_rocksdb_memtable_bytes", "Memory of RocksDB's memtables.",
        database.memtable_bytes);
  gauge("negatron_rocksdb_immutable_memtables", "Memtables that wait to be written to tables.",
        database.immutable_memtable_count);
  gauge("negatron_rocksdb_block_cache_bytes", "Memory of RocksDB's block caches.",
        database.block_cache_bytes);
  gauge("negatron_rocksdb_table_bytes", "Bytes of live tables on disk.", database.table_bytes);
  gauge("negatron_rocksdb_pending_compaction_bytes", "Bytes that compaction has yet to rewrite.",
        database.pending_compaction_bytes);
  gauge("negatron_rocksdb_running_compactions", "Compactions that run.",
        database.running_compaction_count);
  gauge("negatron_rocksdb_running_flushes", "Flushes of memtables that run.",
        database.running_flush_count);
  gauge("negatron_rocksdb_delayed_write_rate",
        "Bytes a second that RocksDB slows writes down to; 0: it does not.",
        database.delayed_write_rate);
  gauge("negatron_rocksdb_writes_stopped",
        "1 while RocksDB takes no writes until it has caught up.", database.writes_stopped ? 1 : 0);
  gauge("negatron_rocksdb_background_errors", "Errors of flushes and compactions.",
        database.background_error_count);
}

void CollectEngine(const Engine& engine, MetricFamilies* families) {
  const ServerStatistics statistics = engine.GetServerStatistics();
  CollectCommits(statistics.commits, families);
  families->Gauge("negatron_durable_sequence", "Sequence of the last commit that is on disk.",
                  static_cast<double>(statistics.durable_sequence));
  families->Gauge("negatron_disk_refuses_writes",
                  "1 since the disk failed, until writes work again.",
                  statistics.refuses_writes ? 1 : 0);
  if (statistics.disk_bytes.has_value()) {
    families->Gauge("negatron_data_folder_bytes", "Bytes of the files in the data folder.",
                    static_cast<double>(*statistics.disk_bytes));
  }
  families->Gauge("negatron_excluded_mass_cache_bytes",
                  "Memory for what the histories of users weigh.",
                  static_cast<double>(statistics.excluded_mass_cache_bytes));
  if (statistics.database.has_value()) CollectDatabase(*statistics.database, families);
  CollectCollections(engine, families);
}

}  // namespace

ServerMetrics::ServerMetrics(MetricSources sources) : sources_(std::move(sources)) {}

std::vector<prometheus::MetricFamily> ServerMetrics::Collect() const {
  MetricFamilies families;
  families.Gauge("negatron_build_info", "1; its label is the version.", 1,
                 {{"version", NEGATRON_VERSION}});
  CollectProcess(&families);
  CollectCalls(&families);
  CollectState(&families);
  if (const Engine* const engine = sources_.engine->engine(); engine != nullptr) {
    CollectEngine(*engine, &families);
  }
  return families.Take();
}

void ServerMetrics::CollectState(MetricFamilies* families) const {
  families->Gauge("negatron_serving", "1 while the health service says SERVING.",
                  sources_.serving() ? 1 : 0);
  const bool recovered = sources_.engine->engine() != nullptr;
  families->Gauge("negatron_recovery_fraction", "Of the recovery's stage at hand; 1: it has ended.",
                  recovered ? 1 : sources_.engine->progress().fraction);
}

void ServerMetrics::CollectCalls(MetricFamilies* families) const {
  const CallTotals totals = sources_.dispatcher->ReadStatistics();
  for (const auto& [key, series] : totals.calls) {
    const std::string code = absl::StatusCodeToString(key.second);
    families->Add("negatron_call_duration_seconds",
                  "Time from the arrival of a request to its response; of a stream: all of it.",
                  series.seconds, {{"method", key.first}, {"code", code}});
    families->Add("negatron_call_request_bytes", "Sizes of requests; of a stream: all messages.",
                  series.request_bytes, {{"method", key.first}, {"code", code}});
    families->Add("negatron_call_response_bytes", "Sizes of responses; of a stream: all messages.",
                  series.response_bytes, {{"method", key.first}, {"code", code}});
  }
  families->Add("negatron_call_queue_seconds", "Time that calls waited for a thread.",
                totals.queue_seconds);
  // Those that are there from the start can be seen to rise.
  std::map<std::string, int64_t> shed = {{"DEADLINE_TOO_NEAR", 0},
                                         {"MEMORY_LOW", 0},
                                         {"QUEUE_FULL", 0},
                                         {"TOO_MANY_BYTES_IN_FLIGHT", 0},
                                         {"WAIT_TOO_LONG", 0}};
  for (const auto& [reason, count] : totals.shed) shed[reason] = count;
  for (const auto& [reason, count] : shed) {
    families->Counter("negatron_calls_shed_total",
                      "Calls that no thread began to work on, by reason.",
                      static_cast<double>(count), {{"reason", reason}});
  }
  const Dispatcher& dispatcher = *sources_.dispatcher;
  families->Gauge("negatron_calls_in_flight", "Calls that were let in and have not ended.",
                  static_cast<double>(dispatcher.admission().call_count()));
  families->Gauge("negatron_messages_in_flight_bytes", "Bytes of their messages.",
                  static_cast<double>(dispatcher.admission().message_bytes()));
  families->Gauge("negatron_memory_limit_bytes",
                  "Memory that the process may have (--memory-limit-bytes); 0: no limit.",
                  static_cast<double>(dispatcher.memory().limit_bytes()));
  families->Gauge("negatron_call_queue_length", "Tasks that wait for a thread.",
                  dispatcher.queue_length());
  families->Gauge("negatron_executor_busy_threads", "Threads of the executor that have work.",
                  dispatcher.busy_thread_count());
  families->Gauge("negatron_executor_threads", "Threads of the executor.",
                  dispatcher.thread_count());
}

}  // namespace negatron
