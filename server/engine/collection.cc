// SPDX-License-Identifier: Apache-2.0
#include "server/engine/collection.h"

#include <algorithm>
#include <iterator>

#include "storage/base/philox.h"

namespace negatron {
namespace {

template <size_t n>
void AddAll(const std::array<int64_t, n>& counts, std::array<std::atomic<int64_t>, n>* sums) {
  for (size_t i = 0; i < n; ++i) (*sums)[i].fetch_add(counts[i], std::memory_order_relaxed);
}

template <size_t n>
void LoadAll(const std::array<std::atomic<int64_t>, n>& sums, std::array<int64_t, n>* counts) {
  for (size_t i = 0; i < n; ++i) (*counts)[i] = sums[i].load(std::memory_order_relaxed);
}

}  // namespace

void MakeTables(Snapshot* snapshot) {
  const CollectionRecord& settings = *snapshot->settings;
  if (snapshot->vectors != nullptr || !settings.embedding.has_value()) return;
  snapshot->vectors = std::make_shared<const VectorTable>(*settings.embedding);
  snapshot->user_vectors = snapshot->vectors;
}

SourceContext ContextOf(const Snapshot& snapshot, uint64_t seed, const Cancellation& cancellation,
                        ExcludedMassCache* excluded_masses) {
  SourceContext context{snapshot.pool.get(), snapshot.vectors.get(), Philox(seed), &cancellation,
                        excluded_masses};
  context.user_vectors = snapshot.user_vectors.get();
  if (snapshot.generation != nullptr) {
    context.generation = snapshot.generation.get();
    context.delta = *snapshot.delta;
  }
  return context;
}

PoolSettings PoolSettingsOf(const CollectionRecord& settings) {
  return {settings.item_id_type,        settings.user_id_type,   settings.half_life_micros,
          settings.half_lives,          settings.windows,        settings.cohort_popularity,
          settings.category_popularity, settings.mined_per_user, settings.popularity_grid_micros};
}

void Collection::Publish(std::shared_ptr<const Snapshot> snapshot) {
  std::vector<std::shared_ptr<const Snapshot>> free;  // Outside the lock.
  MutexLock lock(mutex_);
  snapshot_.swap(snapshot);
  retired_.push_back(std::move(snapshot));
  // Nobody can get at a retired one any more, so one that has no other owner keeps none.
  const auto unused = std::partition(
      retired_.begin(), retired_.end(),
      [](const std::shared_ptr<const Snapshot>& old) { return old.use_count() > 1; });
  free.assign(std::make_move_iterator(unused), std::make_move_iterator(retired_.end()));
  retired_.erase(unused, retired_.end());
}

StreamRecord Collection::Stream(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto position = streams_.find(name);
  return position == streams_.end() ? StreamRecord() : position->second;
}

size_t Collection::stream_count() const {
  MutexLock lock(mutex_);
  return streams_.size();
}

void Collection::MoveStreams(std::map<std::string, StreamRecord> streams) {
  if (streams.empty()) return;
  MutexLock lock(mutex_);
  for (auto& stream : streams) {
    streams_.insert_or_assign(stream.first, std::move(stream.second));
  }
}

std::vector<StreamRecord> Collection::Streams(const std::string& prefix) const {
  std::vector<StreamRecord> streams;
  MutexLock lock(mutex_);
  for (auto next = streams_.lower_bound(prefix);
       next != streams_.end() && next->first.compare(0, prefix.size(), prefix) == 0; ++next) {
    streams.push_back(next->second);
  }
  return streams;
}

void Collection::RemoveStreams(const std::string& prefix) {
  MutexLock lock(mutex_);
  const auto first = streams_.lower_bound(prefix);
  auto last = first;
  while (last != streams_.end() && last->first.compare(0, prefix.size(), prefix) == 0) ++last;
  streams_.erase(first, last);
}

std::map<int64_t, EmbeddingVersionRecord> Collection::versions() const {
  MutexLock lock(mutex_);
  return versions_;
}

void Collection::MoveVersions(
    const std::map<int64_t, std::optional<EmbeddingVersionRecord>>& changes) {
  MutexLock lock(mutex_);
  for (const auto& [model_version, record] : changes) {
    if (record.has_value()) {
      versions_.insert_or_assign(model_version, *record);
    } else {
      versions_.erase(model_version);
    }
  }
}

bool Collection::SealVersion(int64_t model_version) {
  MutexLock lock(mutex_);
  return sealed_versions_.insert(model_version).second;
}

void Collection::UnsealVersion(int64_t model_version) {
  MutexLock lock(mutex_);
  sealed_versions_.erase(model_version);
}

bool Collection::IsSealed(int64_t model_version) const {
  MutexLock lock(mutex_);
  return sealed_versions_.contains(model_version);
}

bool Collection::HasSealed() const {
  MutexLock lock(mutex_);
  return !sealed_versions_.empty();
}

void Collection::Count(const Policy& policy, int64_t row_count, const SampleTotals& totals,
                       Micros now) {
  calls_.fetch_add(1, std::memory_order_relaxed);
  rows_.fetch_add(row_count, std::memory_order_relaxed);
  for (size_t c = 0; c < policy.components.size(); ++c) {
    drawn_[static_cast<int>(policy.components[c].kind())].fetch_add(totals.drawn_by_component[c],
                                                                    std::memory_order_relaxed);
  }
  if (policy.fallback.has_value()) {
    drawn_[static_cast<int>(policy.fallback->kind())].fetch_add(totals.drawn_by_fallback,
                                                                std::memory_order_relaxed);
  }
  AddAll(totals.rows_by_status, &statuses_);
  AddAll(totals.rejects, &rejects_);
  windows_.Add(now, policy, row_count, totals);
}

RowChoice Collection::NextObservation(int64_t step) {
  const uint64_t number = observations_.fetch_add(1, std::memory_order_relaxed);
  return {static_cast<int64_t>(BelowBound(MixHash(0, number), static_cast<uint64_t>(step))), step};
}

void Collection::ReadCounts(CollectionStatistics* statistics) const {
  statistics->sample_call_count = calls_.load(std::memory_order_relaxed);
  statistics->sampled_row_count = rows_.load(std::memory_order_relaxed);
  LoadAll(drawn_, &statistics->drawn_by_source);
  LoadAll(statuses_, &statistics->rows_by_status);
  LoadAll(rejects_, &statistics->rejects_by_cause);
}

IndexStatus Collection::index_status() const {
  MutexLock lock(mutex_);
  return index_status_;
}

void Collection::SetIndexStatus(IndexStatus status) {
  MutexLock lock(mutex_);
  index_status_ = std::move(status);
}

}  // namespace negatron
