// SPDX-License-Identifier: Apache-2.0
// Reads of items, embeddings, settings and statistics.
#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

#include "server/engine/engine_impl.h"
#include "server/engine/resolve.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

void AppendItem(const PoolView& pool, Ordinal item, ItemTable* table) {
  AppendId(pool.items(), item, &table->numbers, &table->names);
  ItemRecord record = pool.Item(item);
  table->alive.push_back(std::move(record.alive));
  table->base_weights.push_back(record.base_weight);
  table->categories.push_back(std::move(record.categories));
  table->attributes.push_back(std::move(record.attributes));
}

absl::Status CheckRead(const IdBatch& ids, IdType type, absl::string_view field) {
  Violations violations;
  if (ids.size() > kMaxBatchRows) {
    violations.Add(field, absl::StrCat("at most ", kMaxBatchRows, " ids a call"));
  }
  CheckIds(ids, type, field, &violations);
  return violations.ToStatus();
}

IndexStatistics IndexStatisticsOf(const Snapshot& snapshot, IndexStatus status) {
  IndexStatistics statistics;
  statistics.status = std::move(status);
  if (snapshot.generation == nullptr) return statistics;
  const Generation& generation = *snapshot.generation;
  statistics.generation = generation.number;
  statistics.build_time = generation.build_time;
  statistics.placed_count = generation.graph->links.item_count;
  statistics.unreached_count = static_cast<int64_t>(generation.graph->unreached.size());
  statistics.delta_count = static_cast<int64_t>(snapshot.delta->size());
  statistics.link_count = generation.link_count;
  statistics.ef_construction = generation.ef_construction;
  statistics.ef = generation.ef;
  statistics.built_recall = generation.recall;
  return statistics;
}

// Of the index, beside the vectors.
int64_t IndexBytes(const Snapshot& snapshot) {
  const Graph& graph = *snapshot.generation->graph;
  return graph.links.bytes() + graph.sketch.bytes() +
         static_cast<int64_t>((graph.unreached.capacity() + snapshot.delta->capacity()) *
                              sizeof(Ordinal));
}

}  // namespace

absl::StatusOr<CollectionRecord> Engine::GetCollection(absl::string_view id) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto collection, impl_->Find(id));
  return *collection->snapshot()->settings;
}

std::vector<CollectionRecord> Engine::ListCollections(absl::string_view after, int limit) const {
  return impl_->List(after, limit);
}

absl::StatusOr<std::shared_ptr<const PolicyTable>> Engine::GetPolicies(
    absl::string_view collection) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  return found->snapshot()->policies;
}

absl::StatusOr<std::shared_ptr<const ControllerTable>> Engine::GetControllers(
    absl::string_view collection) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  return found->snapshot()->controllers;
}

absl::StatusOr<GetItemsResult> Engine::GetItems(absl::string_view collection,
                                                const IdBatch& ids) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  NEGATRON_RETURN_IF_ERROR(CheckRead(ids, snapshot->settings->item_id_type, "item_ids"));
  GetItemsResult result;
  result.items.id_type = snapshot->settings->item_id_type;
  result.snapshot = snapshot->token();
  for (const Ordinal item : Resolve(ids, snapshot->pool->items())) {
    result.found.push_back(item != kNoOrdinal);
    if (item != kNoOrdinal) AppendItem(*snapshot->pool, item, &result.items);
  }
  return result;
}

absl::StatusOr<ListItemsResult> Engine::ListItems(absl::string_view collection, uint32_t first,
                                                  int limit) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  ListItemsResult result;
  result.items.id_type = snapshot->settings->item_id_type;
  result.snapshot = snapshot->token();
  const uint64_t count = snapshot->pool->item_count();
  const uint64_t end = std::min<uint64_t>(count, uint64_t{first} + static_cast<uint64_t>(limit));
  for (uint64_t item = first; item < end; ++item) {
    AppendItem(*snapshot->pool, static_cast<Ordinal>(item), &result.items);
  }
  if (end < count) result.next = static_cast<uint32_t>(end);
  return result;
}

absl::StatusOr<ListUsersResult> Engine::ListUsers(absl::string_view collection, uint32_t first,
                                                  int limit) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  const IdIndex& users = snapshot->pool->users();
  ListUsersResult result;
  result.id_type = users.type();
  result.snapshot = snapshot->token();
  const uint64_t count = users.size();
  const uint64_t end = std::min<uint64_t>(count, uint64_t{first} + static_cast<uint64_t>(limit));
  for (uint64_t i = first; i < end; ++i) {
    const auto user = static_cast<Ordinal>(i);
    if (!users.IsLinked(user)) continue;  // Erased.
    AppendId(users, user, &result.numbers, &result.names);
  }
  if (end < count) result.next = static_cast<uint32_t>(end);
  return result;
}

absl::StatusOr<GetEmbeddingsResult> Engine::GetEmbeddings(absl::string_view collection,
                                                          VectorOwner owner,
                                                          const IdBatch& ids) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  const bool of_users = owner == VectorOwner::kUser;
  const char* const field = of_users ? "user_ids" : "item_ids";
  if (snapshot->vectors == nullptr) {
    return WithReason(absl::FailedPreconditionError("the collection has no embedding_settings"),
                      "EMBEDDINGS_NOT_CONFIGURED");
  }
  const CollectionRecord& settings = *snapshot->settings;
  NEGATRON_RETURN_IF_ERROR(
      CheckRead(ids, of_users ? settings.user_id_type : settings.item_id_type, field));
  const int dimension = snapshot->vectors->dimension();
  if (ids.size() * dimension > kMaxDraws) {
    return InvalidField(field, absl::StrCat("ids * dimension is at most ", kMaxDraws));
  }
  GetEmbeddingsResult result;
  result.column_count = dimension;
  result.snapshot = snapshot->token();
  result.values.assign(ids.size() * dimension, std::numeric_limits<float>::quiet_NaN());
  const VectorTable& table = of_users ? *snapshot->user_vectors : *snapshot->vectors;
  const std::vector<Ordinal> owners =
      of_users ? ResolveUsers(ids, snapshot->pool->users()) : Resolve(ids, snapshot->pool->items());
  for (size_t i = 0; i < owners.size(); ++i) {
    const auto vector = std::span(result.values).subspan(i * dimension, dimension);
    const bool present = owners[i] != kNoOrdinal && table.Read(owners[i], vector);
    const VectorStamp stamp = present ? table.Stamp(owners[i]) : VectorStamp{-1, 0};
    result.found.push_back(present);
    result.model_versions.push_back(stamp.model_version);
    result.write_times.push_back(stamp.write_time);
  }
  return result;
}

absl::StatusOr<CollectionStatistics> Engine::GetStatistics(absl::string_view collection,
                                                           std::optional<Micros> as_of) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  const PoolView& pool = *snapshot->pool;
  CollectionStatistics statistics;
  statistics.snapshot = snapshot->token();
  statistics.as_of = as_of.value_or(impl_->options().clock->NowMicros());
  if (!IsEventTime(statistics.as_of)) {
    return InvalidField("as_of_time", "must be in the years 1 to 9999");
  }
  statistics.item_count = pool.item_count();
  statistics.living_item_count = pool.LivingCount(statistics.as_of);
  statistics.user_count = pool.users().size();
  const MassIndex& masses = pool.masses();
  statistics.event_count = masses.log().size();
  statistics.first_event_time = masses.log().first_time();
  statistics.last_event_time = masses.log().last_time();
  const MassIndex::AsOf past = masses.At(statistics.as_of, 0);
  if (past.span.mass > 0) {
    const double unit = masses.decay().UnitMass(past.span.end.segment, statistics.as_of);
    statistics.past_event_count = past.span.end.event_count;
    statistics.event_mass = past.span.mass * unit;
    statistics.living_event_mass = past.living * unit;
  }
  statistics.memory_bytes = pool.MemoryBytes();
  if (snapshot->vectors != nullptr) {
    statistics.embedding_count = snapshot->vectors->size();
    statistics.user_embedding_count = snapshot->user_vectors->size();
    statistics.highest_model_version = std::max(snapshot->vectors->highest_model_version(),
                                                snapshot->user_vectors->highest_model_version());
    statistics.memory_bytes.emplace_back("embeddings", snapshot->vectors->bytes());
    statistics.memory_bytes.emplace_back("user_embeddings", snapshot->user_vectors->bytes());
    statistics.index = IndexStatisticsOf(*snapshot, found->index_status());
    if (snapshot->generation != nullptr) {
      statistics.memory_bytes.emplace_back("index", IndexBytes(*snapshot));
    }
  }
  statistics.memory_bytes.emplace_back("sampling_statistics", found->windows().bytes());
  found->ReadCounts(&statistics);
  statistics.audit = impl_->audits().Statistics(*snapshot->settings);
  return statistics;
}

ServerStatistics Engine::GetServerStatistics() const {
  const Store& store = impl_->store();
  ServerStatistics statistics;
  statistics.commits = impl_->queue().Statistics();
  statistics.durable_sequence = store.durable_sequence();
  statistics.refuses_writes = store.refusing();
  if (const auto bytes = store.DiskBytes(); bytes.ok()) statistics.disk_bytes = *bytes;
  if (const auto database = store.Statistics(); database.ok()) statistics.database = *database;
  statistics.excluded_mass_cache_bytes = impl_->excluded_masses()->bytes();
  return statistics;
}

absl::StatusOr<SamplingSeries> Engine::GetSamplingSeries(
    absl::string_view collection, const SamplingSeriesRequest& request) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  return found->windows().Read(request, impl_->options().clock->NowMicros());
}

absl::StatusOr<AuditPage> Engine::ListAudits(absl::string_view collection,
                                             const AuditQuery& query) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  return ListKeptCalls(impl_->store(), found->snapshot()->settings->incarnation, query);
}

absl::StatusOr<KeptCall> Engine::GetAudit(absl::string_view collection, Micros id) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  return ReadKeptCall(impl_->store(), *found->snapshot(), id);
}

}  // namespace negatron
