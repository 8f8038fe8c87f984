// SPDX-License-Identifier: Apache-2.0
#include "tests/support/source_pool.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "server/pool/pool_builder.h"
#include "server/sampling/shared_block.h"

namespace negatron {
namespace {

ItemRecord RecordOf(const SourceItem& item) {
  ItemRecord record;
  record.id = {item.id, {}};
  record.alive = item.alive;
  record.base_weight = static_cast<float>(item.base_weight);
  record.categories.assign(item.categories.begin(), item.categories.end());
  return record;
}

// Feeds a case into builders, one after another.
class Feeder {
 public:
  Feeder(const SourceCase& source_case, int events_per_commit,
         const std::function<void(const PoolView&)>& on_commit)
      : case_(source_case), events_per_commit_(events_per_commit), on_commit_(on_commit) {
    builder_.emplace(PoolView(source_case.settings));
  }

  std::shared_ptr<const PoolView> Live() {
    for (const SourceItem& item : case_.first_items) builder_->AddItem(RecordOf(item));
    const std::vector<EventRecord> records = Arrivals();
    const size_t third = records.size() / 3;
    for (size_t i = 0; i < records.size(); ++i) {
      builder_->AddEvent(records[i]);
      // A retraction comes one commit or more after what it retracts.
      if (i >= third && case_.arrivals[i - third].withdrawn) {
        builder_->RemoveEvent(records[i - third]);
      }
      if (i == third) EditItems();
      if (i == 2 * third) builder_->SetWatermark(case_.catalogue.watermark);
      if ((i + 1) % static_cast<size_t>(events_per_commit_) == 0) Commit();
    }
    // The ids go first, and the rest of the events in a later commit.
    for (const int64_t user : case_.erased_users) builder_->EraseUser(UserOf(user));
    Commit();
    for (size_t i = records.size() - third; i < records.size(); ++i) {
      if (case_.arrivals[i].withdrawn) builder_->RemoveEvent(records[i]);
    }
    return std::move(*builder_).Build();
  }

  std::shared_ptr<const PoolView> Restart() {
    builder_->SetWatermark(case_.catalogue.watermark);
    for (const SourceItem& item : case_.catalogue.items) builder_->AddItem(RecordOf(item));
    std::vector<EventRecord> records;
    const std::vector<EventRecord> arrivals = Arrivals();
    for (size_t i = 0; i < arrivals.size(); ++i) {
      if (!case_.arrivals[i].withdrawn) records.push_back(arrivals[i]);
    }
    std::sort(records.begin(), records.end(), [](const EventRecord& a, const EventRecord& b) {
      return PositionOf(a) < PositionOf(b);
    });
    for (const EventRecord& record : records) builder_->AddEvent(record);
    return std::move(*builder_).Build();
  }

 private:
  // Users in order of arrival; commits numbered from 1, as a server would.
  std::vector<EventRecord> Arrivals() {
    std::vector<EventRecord> records;
    for (size_t i = 0; i < case_.arrivals.size(); ++i) {
      const SourceEvent& event = case_.arrivals[i].event;
      EventRecord record;
      record.time = event.time;
      record.commit_sequence = 1 + static_cast<int64_t>(i) / events_per_commit_;
      record.row = static_cast<uint32_t>(i % static_cast<size_t>(events_per_commit_));
      record.user = UserOf(event.user);
      record.item = builder_->items().Find(event.item);
      record.kind = event.kind;
      record.weight = static_cast<float>(event.weight);
      record.propensity = static_cast<float>(event.propensity);
      record.cohort = static_cast<uint8_t>(event.cohort);
      records.push_back(record);
    }
    return records;
  }

  Ordinal UserOf(int64_t user) {
    const Ordinal known = builder_->users().Find(user);
    return known != kNoOrdinal ? known : builder_->AddUser({user, {}});
  }

  void EditItems() {
    for (size_t i = 0; i < case_.first_items.size(); ++i) {
      builder_->SetItem(static_cast<Ordinal>(i), RecordOf(case_.catalogue.items[i]));
    }
  }

  void Commit() {
    const std::shared_ptr<const PoolView> pool = std::move(*builder_).Build();
    if (on_commit_ != nullptr) on_commit_(*pool);
    builder_.emplace(*pool);
  }

  const SourceCase& case_;
  int events_per_commit_;
  const std::function<void(const PoolView&)>& on_commit_;
  std::optional<PoolBuilder> builder_;
};

// Rows as columns of ordinals.
struct Batch {
  Batch(const PoolView& pool, const std::vector<SourceRow>& rows, int count, uint64_t first_key) {
    for (const SourceRow& row : rows) {
      as_of.push_back(row.as_of);
      keys.push_back(first_key + keys.size());
      users.push_back(row.user ? pool.users().Find(*row.user) : kNoOrdinal);
      positives.push_back(row.positive ? pool.items().Find(*row.positive) : kNoOrdinal);
      cohorts.push_back(static_cast<uint8_t>(row.cohort));
      for (const int64_t id : row.exclusions) exclusions.push_back(pool.items().Find(id));
      splits.push_back(static_cast<int64_t>(exclusions.size()));
    }
    batch.row_count = static_cast<int64_t>(rows.size());
    batch.negative_count = count;
    batch.as_of = as_of;
    batch.keys = keys;
    batch.users = users;
    batch.positives = positives;
    batch.cohorts = cohorts;
    batch.exclusions = exclusions;
    batch.exclusion_splits = splits;
  }

  std::vector<Micros> as_of;
  std::vector<uint64_t> keys;
  std::vector<Ordinal> users, positives, exclusions;
  std::vector<uint8_t> cohorts;
  std::vector<int64_t> splits = {0};
  SampleBatch batch;
};

// One memory of sums for all calls, as in a server: what is remembered of one
// pool must not leak into another.
SourceContext ContextOf(const PoolView& pool, uint64_t seed) {
  static const Cancellation never;
  static ExcludedMassCache excluded_masses(1 << 20);
  return {&pool, nullptr, Philox(seed), &never, &excluded_masses};
}

std::vector<int64_t> IdsOf(const PoolView& pool, const std::vector<Ordinal>& items) {
  std::vector<int64_t> ids;
  ids.reserve(items.size());
  for (const Ordinal item : items) {
    ids.push_back(item == kNoOrdinal ? -1 : pool.items().NumberAt(item));
  }
  return ids;
}

}  // namespace

std::shared_ptr<const PoolView> BuildSourcePool(
    const SourceCase& source_case, SourceHistory history, int events_per_commit,
    const std::function<void(const PoolView&)>& on_commit) {
  Feeder feeder(source_case, events_per_commit, on_commit);
  return history == SourceHistory::kLive ? feeder.Live() : feeder.Restart();
}

SourceSample SampleSources(const PoolView& pool, const Policy& policy,
                           const std::vector<SourceRow>& rows, int count, uint64_t seed,
                           uint64_t first_key) {
  const Batch batch(pool, rows, count, first_key);
  const size_t draws = rows.size() * static_cast<size_t>(count);
  const size_t shares = rows.size() * policy.components.size();
  SourceSample sample;
  sample.count = count;
  std::vector<Ordinal> items(draws);
  SampleColumns columns;
  columns.items = items;
  const auto column = [](auto* values, size_t size) {
    values->resize(size);
    return std::span(*values);
  };
  columns.log_q = column(&sample.log_q, draws);
  columns.log_q_source = column(&sample.log_q_source, draws);
  columns.components = column(&sample.components, draws);
  columns.statuses = column(&sample.statuses, rows.size());
  columns.shares = column(&sample.shares, shares);
  columns.rejects = column(&sample.rejects, rows.size() * kRejectCauseCount);
  columns.drawn = column(&sample.drawn, rows.size());
  columns.expected_counts = column(&sample.expected_counts, draws);
  columns.importance_weights = column(&sample.importance_weights, draws);
  columns.positive_log_q = column(&sample.positive_log_q, rows.size());
  columns.boundaries = column(&sample.boundaries, shares);
  sample.status = SampleRows(policy, ContextOf(pool, seed), batch.batch, columns, &sample.totals);
  sample.ids = IdsOf(pool, items);
  return sample;
}

SharedSample SampleShared(const PoolView& pool, const Policy& policy,
                          const std::vector<SourceRow>& rows, Micros time, int count, uint64_t seed,
                          uint64_t block_key) {
  const Batch batch(pool, rows, count, 1);
  SharedSample sample;
  std::vector<Ordinal> items(static_cast<size_t>(count));
  sample.log_q.resize(items.size());
  sample.components.resize(items.size());
  sample.false_mask.resize(rows.size() * ((items.size() + 7) / 8));
  sample.log_remaining.resize(rows.size());
  SharedColumns columns;
  columns.items = items;
  columns.log_q = sample.log_q;
  columns.components = sample.components;
  columns.false_mask = sample.false_mask;
  columns.log_remaining = sample.log_remaining;
  sample.status = SampleSharedBlock(policy, ContextOf(pool, seed), batch.batch, time, block_key,
                                    columns, &sample.totals);
  sample.ids = IdsOf(pool, items);
  return sample;
}

}  // namespace negatron
