// SPDX-License-Identifier: Apache-2.0
#include "server/app/collection_metrics.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

#include "negatron/v1/sampling_enums.pb.h"
#include "server/feedback/controller.h"

namespace negatron {
namespace {

// `exhausted` for ROW_STATUS_EXHAUSTED.
std::string LabelOf(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

// Adds metrics of one collection.
class CollectionMetrics final {
 public:
  CollectionMetrics(absl::string_view id, MetricFamilies* families)
      : id_(id), families_(families) {}

  template <typename Value>
  void Gauge(absl::string_view name, absl::string_view help, Value value) {
    families_->Gauge(name, help, static_cast<double>(value), {{"collection", id_}});
  }
  template <typename Value>
  void Counter(absl::string_view name, absl::string_view help, Value value) {
    families_->Counter(name, help, static_cast<double>(value), {{"collection", id_}});
  }
  // With a second label.
  template <typename Value>
  void Gauge(absl::string_view name, absl::string_view help, Value value,
             const MetricFamilies::Label& label) {
    families_->Gauge(name, help, static_cast<double>(value), {{"collection", id_}, label});
  }
  template <typename Value>
  void Counter(absl::string_view name, absl::string_view help, Value value,
               const MetricFamilies::Label& label) {
    families_->Counter(name, help, static_cast<double>(value), {{"collection", id_}, label});
  }

 private:
  const absl::string_view id_;
  MetricFamilies* const families_;
};

void CollectPool(const CollectionStatistics& statistics, CollectionMetrics out) {
  out.Gauge("negatron_items", "Items, dead ones too.", statistics.item_count);
  out.Gauge("negatron_living_items", "Items that are alive now.", statistics.living_item_count);
  out.Gauge("negatron_users", "Users.", statistics.user_count);
  out.Gauge("negatron_events", "Events.", statistics.event_count);
  out.Gauge("negatron_embeddings", "Vectors, by owner.", statistics.embedding_count,
            {"owner", "item"});
  out.Gauge("negatron_embeddings", "", statistics.user_embedding_count, {"owner", "user"});
  out.Gauge("negatron_commit_sequence", "Sequence of the last commit of the collection.",
            statistics.snapshot.commit_sequence);
  for (const auto& [structure, bytes] : statistics.memory_bytes) {
    out.Gauge("negatron_memory_bytes", "Memory by structure.", bytes, {"structure", structure});
  }
}

void CollectSampling(const CollectionStatistics& statistics, CollectionMetrics out) {
  out.Counter("negatron_sample_calls_total", "Sampling calls that were answered.",
              statistics.sample_call_count);
  out.Counter("negatron_sampled_rows_total", "Their rows; a shared block counts as one.",
              statistics.sampled_row_count);
  for (int kind = 0; kind < kSourceKindCount; ++kind) {
    const std::string source(SourceName(static_cast<SourceKind>(kind)));
    out.Counter("negatron_negatives_drawn_total", "Negatives that were returned, by source.",
                statistics.drawn_by_source[kind], {"source", source});
  }
  for (int status = static_cast<int>(RowStatus::kOk); status < kRowStatusCount; ++status) {
    const std::string label =
        LabelOf(v1::RowStatus_Name(static_cast<v1::RowStatus>(status)), "ROW_STATUS_");
    out.Counter("negatron_rows_total", "Rows by what became of them.",
                statistics.rows_by_status[status], {"status", label});
  }
  for (int cause = 0; cause < kRejectCauseCount; ++cause) {
    // On the wire, 0 is "unspecified".
    const std::string label =
        LabelOf(v1::RejectCause_Name(static_cast<v1::RejectCause>(cause + 1)), "REJECT_CAUSE_");
    out.Counter("negatron_rejects_total", "Draws that were thrown back, by cause.",
                statistics.rejects_by_cause[cause], {"cause", label});
  }
}

void CollectIndex(const IndexStatistics& index, CollectionMetrics out) {
  const IndexStatus& status = index.status;
  out.Gauge("negatron_index_generation", "Number of the index; 0: searches are exact.",
            index.generation);
  out.Gauge("negatron_index_building", "1 while an index is being built.", status.building ? 1 : 0);
  out.Gauge("negatron_index_refused",
            "1 from when an index did not pass its checks until one does.",
            status.problem.empty() ? 0 : 1);
  out.Counter("negatron_index_builds_total", "Indexes that were built, by outcome.",
              status.build_count, {"outcome", "passed"});
  out.Counter("negatron_index_builds_total", "", status.refused_count, {"outcome", "refused"});
  if (index.generation != 0) {
    const absl::Duration age = absl::Now() - absl::FromUnixMicros(index.build_time);
    out.Gauge("negatron_index_age_seconds", "Since the index was built.",
              absl::ToDoubleSeconds(std::max(age, absl::ZeroDuration())));
    out.Gauge("negatron_index_placed_items", "Items in the index.", index.placed_count);
    out.Gauge("negatron_index_unreached_items", "Items in it that no path leads to.",
              index.unreached_count);
    out.Gauge("negatron_index_delta_items", "Items that are searched beside it.",
              index.delta_count);
    out.Gauge("negatron_index_ef", "Width of searches.", index.ef);
    out.Gauge("negatron_index_built_recall", "Recall when it was built.", index.built_recall);
  }
  if (status.build_seconds > 0) {
    out.Gauge("negatron_index_build_seconds", "Time that the last build took.",
              status.build_seconds);
  }
  if (status.check_time != 0) {
    out.Gauge("negatron_index_recall", "Recall, as measured last.", status.recall);
    out.Gauge("negatron_index_drift",
              "Mean distance of vectors from where the index was built, in norms.", status.drift);
  }
}

void CollectAudit(const AuditStatistics& audit, CollectionMetrics out) {
  out.Gauge("negatron_audit_kept_calls", "Calls in the audit log.", audit.kept_count);
  out.Gauge("negatron_audit_stored_bytes", "Bytes of the audit log.", audit.stored_bytes);
  out.Counter("negatron_audit_written_total", "Calls that were written to it.",
              audit.written_count);
  out.Counter("negatron_audit_dropped_total", "Calls that should have been kept and were dropped.",
              audit.dropped_count);
}

void CollectController(const ControllerRecord& controller, CollectionMetrics out) {
  const MetricFamilies::Label label{"controller", controller.controller_id};
  const ControllerState& state = controller.state;
  out.Gauge("negatron_controller_output", "Output of the controller, in [0, 1].", state.output,
            label);
  out.Gauge("negatron_controller_stop_suggested", "1 while its stop rule suggests to stop.",
            StopSignalOf(controller.settings, state).stop_suggested ? 1 : 0, label);
  out.Counter("negatron_controller_reports_total", "Reports of outcomes, stale ones too.",
              state.report_count, label);
  out.Counter("negatron_controller_stale_reports_total", "Reports that were too old to count.",
              state.stale_report_count, label);
  if (state.smoothed_rate.has_value()) {
    out.Gauge("negatron_controller_violation_rate", "Smoothed rate of violations.",
              *state.smoothed_rate, label);
  }
}

}  // namespace

void CollectCollections(const Engine& engine, MetricFamilies* families) {
  const std::vector<CollectionRecord> collections =
      engine.ListCollections("", std::numeric_limits<int>::max());
  families->Gauge("negatron_collections", "Collections.", static_cast<double>(collections.size()));
  const size_t count = std::min(collections.size(), kMaxMeasuredCollections);
  for (size_t i = 0; i < count; ++i) {
    const std::string& id = collections[i].id;
    // A collection may be deleted in the meantime.
    const auto statistics = engine.GetStatistics(id, std::nullopt);
    if (!statistics.ok()) continue;
    const CollectionMetrics out(id, families);
    CollectPool(*statistics, out);
    CollectSampling(*statistics, out);
    if (statistics->index.has_value()) CollectIndex(*statistics->index, out);
    if (statistics->audit.has_value()) CollectAudit(*statistics->audit, out);
    const auto controllers = engine.GetControllers(id);
    if (!controllers.ok()) continue;
    for (const ControllerPointer& controller : (*controllers)->List("", kMaxMeasuredControllers)) {
      CollectController(*controller, out);
    }
  }
}

}  // namespace negatron
