// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/collection_conversion.h"

#include <map>
#include <string>

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
  return settings;
}

std::map<std::string, std::string> ReadLabels(const v1::Collection& wire) {
  return {wire.labels().begin(), wire.labels().end()};
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
                     "; an update takes display_name, labels, missing_item_rule "
                     "and embedding_settings"));
  }
}

// Without a mask: the fields that are set.
void TakeSetFields(const v1::Collection& wire, CollectionUpdate* update, Violations* violations) {
  if (!wire.display_name().empty()) Take("display_name", wire, update, violations);
  if (!wire.labels().empty()) Take("labels", wire, update, violations);
  if (wire.missing_item_rule() != v1::MISSING_ITEM_RULE_UNSPECIFIED) {
    Take("missing_item_rule", wire, update, violations);
  }
  if (wire.has_embedding_settings()) Take("embedding_settings", wire, update, violations);
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
  if (wire.has_half_life()) {
    record.half_life_micros = ReadDuration(wire.half_life(), "collection.half_life", violations);
    // In the record, 0 stands for a half-life that is unset.
    if (violations->empty() && record.half_life_micros == 0) {
      violations->Add("collection.half_life", "must be unset, or one minute to 36,500 days");
    }
  }
  record.missing_item_rule = ReadMissingItemRule(wire.missing_item_rule(), violations);
  if (wire.has_embedding_settings()) {
    record.embedding = ReadEmbeddingSettings(wire.embedding_settings(), violations);
  }
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
  if (record.half_life_micros != 0) {
    WriteDuration(absl::Microseconds(record.half_life_micros), collection->mutable_half_life());
  }
  collection->set_missing_item_rule(record.missing_item_rule == MissingItemRule::kCreate
                                        ? v1::MISSING_ITEM_RULE_CREATE
                                        : v1::MISSING_ITEM_RULE_REJECT);
  if (record.embedding.has_value()) {
    collection->mutable_embedding_settings()->set_dimension(record.embedding->dimension);
    // The numbers of the domain are those of the wire; a test holds them together.
    collection->mutable_embedding_settings()->set_metric(
        static_cast<v1::EmbeddingMetric>(record.embedding->metric));
  }
  collection->set_incarnation(record.incarnation);
  WriteTimestamp(record.create_time, collection->mutable_create_time());
  collection->set_etag(EtagOf(record));
}

}  // namespace negatron
