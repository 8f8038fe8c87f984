// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/inspection_conversion.h"

#include <string>

#include "server/rpc/pool_conversion.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

void WriteCounters(const CollectionStatistics& statistics, v1::CollectionStatistics* wire) {
  wire->set_sample_call_count(statistics.sample_call_count);
  wire->set_sampled_row_count(statistics.sampled_row_count);
  for (int kind = 0; kind < kSourceKindCount; ++kind) {
    v1::SourceStatistics* source = wire->add_sources();
    source->set_source(std::string(SourceName(static_cast<SourceKind>(kind))));
    source->set_drawn_count(statistics.drawn_by_source[kind]);
  }
  for (int status = static_cast<int>(RowStatus::kOk) + 1; status < kRowStatusCount; ++status) {
    v1::RowStatusCount* rows = wire->add_short_rows();
    rows->set_row_status(static_cast<v1::RowStatus>(status));
    rows->set_count(statistics.rows_by_status[status]);
  }
  for (int cause = 0; cause < kRejectCauseCount; ++cause) {
    v1::RejectCount* rejects = wire->add_rejects();
    // On the wire, 0 is "unspecified".
    rejects->set_reject_cause(static_cast<v1::RejectCause>(cause + 1));
    rejects->set_count(statistics.rejects_by_cause[cause]);
  }
}

void WriteIndex(const IndexStatistics& index, v1::IndexStatistics* wire) {
  wire->set_generation(index.generation);
  if (index.generation != 0) WriteTimestamp(index.build_time, wire->mutable_build_time());
  wire->set_placed_count(index.placed_count);
  wire->set_unreached_count(index.unreached_count);
  wire->set_delta_count(index.delta_count);
  wire->set_link_count(index.link_count);
  wire->set_ef_construction(index.ef_construction);
  wire->set_ef(index.ef);
  wire->set_built_recall(index.built_recall);
  const IndexStatus& status = index.status;
  wire->set_building(status.building);
  if (status.build_seconds > 0) {
    WriteDuration(absl::Seconds(status.build_seconds), wire->mutable_build_duration());
  }
  wire->set_problem(status.problem);
  if (status.check_time != 0) WriteTimestamp(status.check_time, wire->mutable_check_time());
  wire->set_recall(status.recall);
  wire->set_drift(status.drift);
  if (status.change.has_value()) {
    wire->set_neighbourhood_preservation(status.change->preservation);
    wire->set_projection_shift(status.change->projection_shift);
  }
  if (status.category_purity.has_value()) wire->set_category_purity(*status.category_purity);
}

void WriteAudit(const AuditStatistics& audit, v1::AuditStatistics* wire) {
  wire->set_kept_count(audit.kept_count);
  wire->set_stored_bytes(audit.stored_bytes);
  wire->set_written_count(audit.written_count);
  wire->set_dropped_count(audit.dropped_count);
}

}  // namespace

void WriteStatistics(absl::string_view collection_id, const CollectionStatistics& statistics,
                     v1::CollectionStatistics* wire) {
  wire->set_collection(CollectionName(collection_id));
  WriteToken(statistics.snapshot, wire->mutable_snapshot());
  WriteTimestamp(statistics.as_of, wire->mutable_as_of_time());
  wire->set_item_count(statistics.item_count);
  wire->set_living_item_count(statistics.living_item_count);
  wire->set_user_count(statistics.user_count);
  wire->set_event_count(statistics.event_count);
  wire->set_past_event_count(statistics.past_event_count);
  wire->set_embedding_count(statistics.embedding_count);
  wire->set_user_embedding_count(statistics.user_embedding_count);
  if (statistics.first_event_time.has_value()) {
    WriteTimestamp(*statistics.first_event_time, wire->mutable_first_event_time());
  }
  if (statistics.last_event_time.has_value()) {
    WriteTimestamp(*statistics.last_event_time, wire->mutable_last_event_time());
  }
  wire->set_event_mass(statistics.event_mass);
  wire->set_living_event_mass(statistics.living_event_mass);
  for (const auto& [structure, bytes] : statistics.memory_bytes) {
    v1::MemoryUse* use = wire->add_memory_uses();
    use->set_structure(structure);
    use->set_bytes(bytes);
  }
  wire->set_highest_model_version(statistics.highest_model_version);
  WriteCounters(statistics, wire);
  if (statistics.index.has_value()) WriteIndex(*statistics.index, wire->mutable_index());
  if (statistics.audit.has_value()) WriteAudit(*statistics.audit, wire->mutable_audit());
}

}  // namespace negatron
