// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catalogue_pool.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/pool/pool_builder.h"
#include "server/sampling/parallel_rows.h"

namespace negatron {
namespace {

std::vector<std::pair<int64_t, const OracleItem*>> ItemsInOrder(const OracleCatalogue& catalogue) {
  std::vector<std::pair<int64_t, const OracleItem*>> items;
  for (const auto& [id, item] : catalogue.items) items.emplace_back(id, &item);
  std::sort(items.begin(), items.end(),
            [](const auto& a, const auto& b) { return a.second->order < b.second->order; });
  return items;
}

Ordinal FindOrAddUser(PoolBuilder* builder, int64_t user) {
  const Ordinal known = builder->users().Find(user);
  return known != kNoOrdinal ? known : builder->AddUser({user, {}});
}

}  // namespace

CataloguePool BuildPool(const OracleCatalogue& catalogue, int events_per_commit) {
  auto pool = std::make_shared<const PoolView>(
      PoolSettings{IdType::kInt64, IdType::kInt64, catalogue.half_life_micros});
  std::optional<PoolBuilder> builder;
  builder.emplace(*pool);
  for (const auto& [id, item] : ItemsInOrder(catalogue)) {
    builder->AddItem({0, {id, {}}, item->alive});
  }
  int64_t count = 0;
  for (const OracleEvent& event : catalogue.events) {
    const Ordinal user = FindOrAddUser(&*builder, event.user);
    builder->AddEvent({event.time, 0, 0, user, builder->items().Find(event.item),
                       EventKind::kPositive, event.weight});
    if (++count % events_per_commit == 0) {
      pool = std::move(*builder).Build();
      builder.emplace(*pool);
    }
  }
  CataloguePool result{std::move(*builder).Build(), nullptr};
  if (!catalogue.embedding.has_value()) return result;
  VectorTableBuilder vectors{VectorTable(*catalogue.embedding)};
  for (const auto& [id, item] : catalogue.items) {
    if (!item.embedding.has_value()) continue;
    std::vector<float> vector = *item.embedding;
    PrepareToStore(*catalogue.embedding, vector);
    vectors.Set(result.pool->items().Find(id), vector);
  }
  result.vectors = std::move(vectors).Build();
  return result;
}

SampledRows Sample(const CataloguePool& pool, const Policy& policy,
                   const std::vector<OracleRow>& rows, const std::vector<uint64_t>& keys, int count,
                   uint64_t seed, Executor* executor) {
  const size_t row_count = rows.size();
  std::vector<Micros> as_of;
  std::vector<Ordinal> users, positives, exclusions;
  std::vector<int64_t> splits = {0};
  std::vector<float> queries;
  for (const OracleRow& row : rows) {
    as_of.push_back(row.as_of);
    users.push_back(row.user ? pool.pool->users().Find(*row.user) : kNoOrdinal);
    positives.push_back(row.positive ? pool.pool->items().Find(*row.positive) : kNoOrdinal);
    for (const int64_t id : row.exclusions) exclusions.push_back(pool.pool->items().Find(id));
    splits.push_back(static_cast<int64_t>(exclusions.size()));
    std::vector<float> query = row.query;
    if (pool.vectors != nullptr) PrepareVector(pool.vectors->settings().metric, query);
    queries.insert(queries.end(), query.begin(), query.end());
  }
  SampleBatch batch;
  batch.row_count = static_cast<int64_t>(row_count);
  batch.negative_count = count;
  batch.as_of = as_of;
  batch.keys = keys;
  batch.users = users;
  batch.positives = positives;
  batch.exclusions = exclusions;
  batch.exclusion_splits = splits;
  batch.queries = queries;
  batch.query_columns = pool.vectors == nullptr ? 0 : pool.vectors->dimension();

  SampledRows result;
  const size_t draws = row_count * static_cast<size_t>(count);
  std::vector<Ordinal> items(draws);
  result.log_q.resize(draws);
  result.log_q_source.resize(draws);
  result.components.resize(draws);
  result.scores.resize(draws);
  result.statuses.resize(row_count);
  result.shares.resize(row_count * policy.components.size());
  result.rejects.resize(row_count * kRejectCauseCount);
  result.positive_log_q.resize(row_count);
  result.model_versions.resize(draws);
  result.vector_ages.resize(draws);
  SampleColumns columns;
  columns.items = items;
  columns.log_q = result.log_q;
  columns.log_q_source = result.log_q_source;
  columns.components = result.components;
  columns.scores = result.scores;
  columns.statuses = result.statuses;
  columns.shares = result.shares;
  columns.rejects = result.rejects;
  columns.positive_log_q = result.positive_log_q;
  columns.model_versions = result.model_versions;
  columns.vector_ages = result.vector_ages;
  const Cancellation cancellation;
  // Shared by all calls, as in a server.
  static ExcludedMassCache excluded_masses(1 << 20);
  const SourceContext context{pool.pool.get(), pool.vectors.get(), Philox(seed),
                              &cancellation,   &excluded_masses,   pool.freshness};
  result.status = SampleRowsInParallel(executor, policy, context, batch, columns, &result.totals);
  for (const Ordinal item : items) {
    result.ids.push_back(item == kNoOrdinal ? -1 : pool.pool->items().NumberAt(item));
  }
  return result;
}

Policy MakePolicy(const std::vector<OracleComponent>& components) {
  Policy policy;
  for (const OracleComponent& component : components) {
    PolicyComponent made{component.share, "", UniformSource{}};
    if (component.source == OracleSource::kPopularity) made.source = PopularitySource{};
    if (component.source == OracleSource::kNearest) {
      NearestSource nearest;
      nearest.anchor = component.nearest.anchor == OracleAnchor::kQuery ? NearestAnchor::kQuery
                                                                        : NearestAnchor::kPositive;
      nearest.rank_begin = component.nearest.rank_begin;
      nearest.rank_end = component.nearest.rank_end;
      nearest.pick = component.nearest.pick == OraclePick::kUniform   ? NearestPick::kUniform
                     : component.nearest.pick == OraclePick::kSoftmax ? NearestPick::kSoftmax
                                                                      : NearestPick::kTop;
      if (nearest.pick == NearestPick::kSoftmax) {
        nearest.temperature = component.nearest.temperature;
      }
      made.source = nearest;
    }
    policy.components.push_back(made);
  }
  return policy;
}

}  // namespace negatron
