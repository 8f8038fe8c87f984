// SPDX-License-Identifier: Apache-2.0
#include "server/pool/pool_view.h"

#include <algorithm>
#include <atomic>

namespace negatron {

PoolView::PoolView(PoolSettings settings)
    : settings_(std::move(settings)),
      edit_number_(NewEditNumber()),
      items_(settings_.item_id_type),
      users_(settings_.user_id_type) {
  for (int h = 0; h < half_life_count(); ++h) {
    empty_.push_back(MakeMasses({h, {}}));
    masses_.emplace(MassKey{h, {}}, empty_.back());
  }
}

uint64_t PoolView::NewEditNumber() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

std::shared_ptr<const MassIndex> PoolView::MakeMasses(const MassKey& key) const {
  return std::make_shared<const MassIndex>(Decay(HalfLife(key.half_life)), settings_.windows,
                                           key.scope.kind != MassScope::Kind::kCategory);
}

const MassIndex* PoolView::FindMasses(int64_t half_life_micros, MassScope scope) const {
  if (scope.kind == MassScope::Kind::kCohort && !settings_.cohort_popularity) return nullptr;
  if (scope.kind == MassScope::Kind::kCategory && !settings_.category_popularity) return nullptr;
  for (int h = 0; h < half_life_count(); ++h) {
    if (HalfLife(h) != half_life_micros) continue;
    const auto found = masses_.find({h, scope});
    return found == masses_.end() ? empty_[h].get() : found->second.get();
  }
  return nullptr;
}

ItemRecord RecordOf(Ordinal item, const ItemState& state, const IdIndex& ids,
                    const CategoryNames& names) {
  ItemRecord record;
  record.ordinal = item;
  record.id = ids.IdAt(item);
  record.alive = state.Intervals();
  record.implicit = state.implicit;
  record.base_weight = state.base_weight;
  for (const CategoryNumber category : state.categories()) {
    record.categories.emplace_back(names.NameOf(category));
  }
  std::sort(record.categories.begin(), record.categories.end());
  if (state.more != nullptr) record.attributes = state.more->attributes;
  return record;
}

ItemRecord PoolView::Item(Ordinal item) const {
  return RecordOf(item, states_[item], items_, category_names_);
}

const UserHistory& PoolView::history(Ordinal user) const {
  static const UserHistory kNone;
  return user < histories_.size() ? histories_[user] : kNone;
}

const UserEvents& PoolView::user_events(Ordinal user) const {
  static const UserEvents kNone;
  return user < user_events_.size() ? user_events_[user] : kNone;
}

bool PoolView::IsFirstPositive(const EventRecord& event) const {
  const UserHistory& positives = history(event.user);
  const uint32_t position = positives.Find(event.item);
  return position < positives.size() && positives.at(position).time == event.time;
}

std::vector<std::pair<std::string, int64_t>> PoolView::MemoryBytes() const {
  std::map<std::string, int64_t> bytes;
  for (const auto& [key, index] : masses_) {
    const std::string scope = key.scope.kind == MassScope::Kind::kCohort     ? "cohort_"
                              : key.scope.kind == MassScope::Kind::kCategory ? "category_"
                              : key.half_life > 0                            ? "half_life_"
                                                                             : "";
    bytes[scope + "event_log"] += index->log_bytes();
    bytes[scope + "item_events"] += index->column_bytes();
    bytes[scope + "dead_mass"] += index->dead_bytes();
    bytes[scope + "draw_tables"] += index->table_bytes();
  }
  for (const AliveIndex& alive : alive_by_category_) bytes["category_lives"] += alive.bytes();
  bytes["alive_index"] = alive_.bytes();
  bytes["item_states"] = states_.bytes();
  bytes["user_histories"] = histories_.bytes() + history_bytes_;
  bytes["user_events"] = user_events_.bytes() + user_event_bytes_;
  bytes["item_exposures"] = item_exposures_.bytes() + item_exposure_bytes_;
  bytes["item_ids"] = items_.bytes();
  bytes["user_ids"] = users_.bytes();
  return {bytes.begin(), bytes.end()};
}

}  // namespace negatron
