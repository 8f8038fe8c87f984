// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/collection_conversion.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "server/engine/engine.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/times.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

IdType ReadIdType(v1::IdType type, absl::string_view field, Violations* violations) {
  switch (type) {
    case v1::ID_TYPE_UNSPECIFIED:
    case v1::ID_TYPE_INT64:
      return IdType::kInt64;
    case v1::ID_TYPE_STRING:
      return IdType::kString;
    default:
      violations->Add(field, "is not a known type of ids");
      return IdType::kInt64;
  }
}

MissingItemRule ReadMissingItemRule(v1::MissingItemRule rule, Violations* violations) {
  switch (rule) {
    case v1::MISSING_ITEM_RULE_UNSPECIFIED:
    case v1::MISSING_ITEM_RULE_REJECT:
      return MissingItemRule::kReject;
    case v1::MISSING_ITEM_RULE_CREATE:
      return MissingItemRule::kCreate;
    default:
      violations->Add("collection.missing_item_rule", "is not a known rule");
      return MissingItemRule::kReject;
  }
}

EmbeddingSettings ReadEmbeddingSettings(const v1::EmbeddingSettings& wire, Violations* violations) {
  EmbeddingSettings settings;
  settings.dimension = wire.dimension();
  switch (wire.metric()) {
    case v1::EMBEDDING_METRIC_INNER_PRODUCT:
      settings.metric = Metric::kInnerProduct;
      break;
    case v1::EMBEDDING_METRIC_COSINE:
      settings.metric = Metric::kCosine;
      break;
    case v1::EMBEDDING_METRIC_L2:
      settings.metric = Metric::kL2;
      break;
    default:
      violations->Add("collection.embedding_settings.metric",
                      "is required: inner product, cosine or L2");
  }
  switch (wire.element_type()) {
    case v1::EMBEDDING_ELEMENT_TYPE_UNSPECIFIED:
    case v1::EMBEDDING_ELEMENT_TYPE_FLOAT32:
      settings.element_type = ElementType::kFloat32;
      break;
    case v1::EMBEDDING_ELEMENT_TYPE_BFLOAT16:
      settings.element_type = ElementType::kBfloat16;
      break;
    default:
      violations->Add("collection.embedding_settings.element_type", "is not a known element type");
  }
  return settings;
}

std::map<std::string, std::string> ReadLabels(const v1::Collection& wire) {
  return {wire.labels().begin(), wire.labels().end()};
}

// A duration for which the record has 0 if it is unset; `rule` says what it must be.
int64_t ReadPositiveDuration(bool is_set, const google::protobuf::Duration& duration,
                             absl::string_view field, absl::string_view rule,
                             Violations* violations) {
  if (!is_set) return 0;
  const int64_t micros = ReadDuration(duration, field, violations);
  if (violations->empty() && micros == 0) violations->Add(field, rule);
  return micros;
}

int64_t ReadRetention(const v1::Collection& wire, Violations* violations) {
  return ReadPositiveDuration(wire.has_event_retention(), wire.event_retention(),
                              "collection.event_retention",
                              "must be unset, or one hour to 36,500 days", violations);
}

std::optional<AuditSettings> ReadAudit(const v1::Collection& wire, Violations* violations) {
  if (!wire.has_audit()) return std::nullopt;
  AuditSettings audit{wire.audit().rate(), kDefaultAuditAgeMicros, kDefaultAuditBytes};
  if (wire.audit().has_max_age()) {
    audit.max_age_micros =
        ReadDuration(wire.audit().max_age(), "collection.audit.max_age", violations);
  }
  if (wire.audit().max_bytes() != 0) audit.max_bytes = wire.audit().max_bytes();
  return audit;
}

std::vector<int64_t> ReadDurations(
    const google::protobuf::RepeatedPtrField<google::protobuf::Duration>& durations,
    absl::string_view field, Violations* violations) {
  std::vector<int64_t> micros;
  micros.reserve(durations.size());
  for (int i = 0; i < durations.size(); ++i) {
    micros.push_back(ReadDuration(durations[i], absl::StrCat(field, "[", i, "]"), violations));
  }
  return micros;
}

// What shapes popularity and the other sources that draw from events.
void ReadEventSettings(const v1::Collection& wire, CollectionRecord* record,
                       Violations* violations) {
  record->half_life_micros =
      ReadPositiveDuration(wire.has_half_life(), wire.half_life(), "collection.half_life",
                           "must be unset, or one minute to 36,500 days", violations);
  record->half_lives = ReadDurations(wire.half_lives(), "collection.half_lives", violations);
  record->windows = ReadDurations(wire.windows(), "collection.windows", violations);
  record->cohort_popularity = wire.cohort_popularity();
  record->category_popularity = wire.category_popularity();
  record->popularity_grid_micros = ReadPositiveDuration(
      wire.has_popularity_grid(), wire.popularity_grid(), "collection.popularity_grid",
      "must be unset, or one minute to 36,500 days", violations);
  record->mined_per_user =
      wire.mined_per_user() == 0 ? kDefaultMinedPerUser : wire.mined_per_user();
  record->event_retention_micros = ReadRetention(wire, violations);
}

// Takes the field `path` of the mask into `update`; false if no update may change it.
bool Take(absl::string_view path, const v1::Collection& wire, CollectionUpdate* update,
          Violations* violations) {
  if (path == "display_name") {
    update->display_name = wire.display_name();
  } else if (path == "labels") {
    update->labels = ReadLabels(wire);
  } else if (path == "missing_item_rule") {
    update->missing_item_rule = ReadMissingItemRule(wire.missing_item_rule(), violations);
  } else if (path == "event_retention") {
    update->event_retention_micros = ReadRetention(wire, violations);
  } else if (path == "audit") {
    update->audit = ReadAudit(wire, violations);
  } else if (path == "embedding_settings") {
    if (wire.has_embedding_settings()) {
      update->embedding = ReadEmbeddingSettings(wire.embedding_settings(), violations);
    } else {
      violations->Add("collection.embedding_settings", "cannot be cleared");
    }
  } else {
    return false;
  }
  return true;
}

void TakeMask(const v1::UpdateCollectionRequest& request, CollectionUpdate* update,
              Violations* violations) {
  const auto& paths = request.update_mask().paths();
  for (int i = 0; i < paths.size(); ++i) {
    if (Take(paths[i], request.collection(), update, violations)) continue;
    const bool known = v1::Collection::descriptor()->FindFieldByName(paths[i]) != nullptr;
    violations->AddRow(
        "update_mask.paths", i,
        absl::StrCat("`", paths[i], "` ", known ? "cannot be changed" : "is not a field",
                     "; an update takes display_name, labels, missing_item_rule, "
                     "event_retention, audit and embedding_settings"));
  }
}

// Without a mask: the fields that are set.
void TakeSetFields(const v1::Collection& wire, CollectionUpdate* update, Violations* violations) {
  if (!wire.display_name().empty()) Take("display_name", wire, update, violations);
  if (!wire.labels().empty()) Take("labels", wire, update, violations);
  if (wire.missing_item_rule() != v1::MISSING_ITEM_RULE_UNSPECIFIED) {
    Take("missing_item_rule", wire, update, violations);
  }
  if (wire.has_event_retention()) Take("event_retention", wire, update, violations);
  if (wire.has_audit()) Take("audit", wire, update, violations);
  if (wire.has_embedding_settings()) Take("embedding_settings", wire, update, violations);
}

void WriteEventSettings(const CollectionRecord& record, v1::Collection* collection) {
  const auto write = [](int64_t micros, google::protobuf::Duration* out) {
    WriteDuration(absl::Microseconds(micros), out);
  };
  if (record.half_life_micros != 0) write(record.half_life_micros, collection->mutable_half_life());
  for (const int64_t micros : record.half_lives) write(micros, collection->add_half_lives());
  for (const int64_t micros : record.windows) write(micros, collection->add_windows());
  collection->set_cohort_popularity(record.cohort_popularity);
  collection->set_category_popularity(record.category_popularity);
  write(record.popularity_grid_micros, collection->mutable_popularity_grid());
  collection->set_mined_per_user(record.mined_per_user);
  if (record.event_retention_micros != 0) {
    write(record.event_retention_micros, collection->mutable_event_retention());
  }
  if (record.watermark != kAlways) {
    WriteTimestamp(record.watermark, collection->mutable_event_watermark_time());
  }
}

}  // namespace

CollectionRecord ReadCreateCollection(const v1::CreateCollectionRequest& request,
                                      Violations* violations) {
  const v1::Collection& wire = request.collection();
  CollectionRecord record;
  record.id = request.collection_id();
  record.display_name = wire.display_name();
  record.labels = ReadLabels(wire);
  record.item_id_type = ReadIdType(wire.item_id_type(), "collection.item_id_type", violations);
  record.user_id_type = ReadIdType(wire.user_id_type(), "collection.user_id_type", violations);
  ReadEventSettings(wire, &record, violations);
  record.missing_item_rule = ReadMissingItemRule(wire.missing_item_rule(), violations);
  if (wire.has_embedding_settings()) {
    record.embedding = ReadEmbeddingSettings(wire.embedding_settings(), violations);
  }
  record.audit = ReadAudit(wire, violations);
  record.request_id = request.request_id();
  if (const auto problem = CollectionIdProblem(record.id); !problem.empty()) {
    violations->Add("collection_id", problem);
  }
  if (const auto problem = RequestIdProblem(record.request_id); !problem.empty()) {
    violations->Add("request_id", problem);
  }
  CheckSettings(record, "collection.", violations);
  return record;
}

CollectionUpdate ReadUpdateCollection(const v1::UpdateCollectionRequest& request,
                                      Violations* violations) {
  const v1::Collection& wire = request.collection();
  CollectionUpdate update;
  update.etag = wire.etag();
  if (request.update_mask().paths().empty()) {
    TakeSetFields(wire, &update, violations);
  } else {
    TakeMask(request, &update, violations);
  }
  CollectionRecord changed;
  if (update.display_name.has_value()) changed.display_name = *update.display_name;
  if (update.labels.has_value()) changed.labels = *update.labels;
  changed.embedding = update.embedding;
  changed.event_retention_micros = update.event_retention_micros.value_or(0);
  changed.audit = update.audit.value_or(std::nullopt);
  CheckSettings(changed, "collection.", violations);
  return update;
}

void WriteCollection(const CollectionRecord& record, v1::Collection* collection) {
  collection->set_name(CollectionName(record.id));
  collection->set_display_name(record.display_name);
  collection->mutable_labels()->insert(record.labels.begin(), record.labels.end());
  const auto id_type = [](IdType type) {
    return type == IdType::kString ? v1::ID_TYPE_STRING : v1::ID_TYPE_INT64;
  };
  collection->set_item_id_type(id_type(record.item_id_type));
  collection->set_user_id_type(id_type(record.user_id_type));
  collection->set_missing_item_rule(record.missing_item_rule == MissingItemRule::kCreate
                                        ? v1::MISSING_ITEM_RULE_CREATE
                                        : v1::MISSING_ITEM_RULE_REJECT);
  if (record.embedding.has_value()) {
    v1::EmbeddingSettings* settings = collection->mutable_embedding_settings();
    settings->set_dimension(record.embedding->dimension);
    // The numbers of the domain are those of the wire; a test holds them together.
    settings->set_metric(static_cast<v1::EmbeddingMetric>(record.embedding->metric));
    settings->set_element_type(
        static_cast<v1::EmbeddingElementType>(record.embedding->element_type));
  }
  if (record.audit.has_value()) {
    v1::AuditSettings* audit = collection->mutable_audit();
    audit->set_rate(record.audit->rate);
    WriteDuration(absl::Microseconds(record.audit->max_age_micros), audit->mutable_max_age());
    audit->set_max_bytes(record.audit->max_bytes);
  }
  WriteEventSettings(record, collection);
  collection->set_incarnation(record.incarnation);
  WriteTimestamp(record.create_time, collection->mutable_create_time());
  collection->set_etag(EtagOf(record));
}

}  // namespace negatron
