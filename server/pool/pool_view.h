// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_POOL_VIEW_H_
#define NEGATRON_SERVER_POOL_POOL_VIEW_H_

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/pool/alive_index.h"
#include "server/pool/category_names.h"
#include "server/pool/growing_array.h"
#include "server/pool/id_index.h"
#include "server/pool/instant_list.h"
#include "server/pool/item_state.h"
#include "server/pool/mass_index.h"
#include "server/pool/pool_settings.h"
#include "server/pool/user_history.h"
#include "server/pool/user_ring.h"
#include "storage/base/cow_array.h"
#include "storage/model/records.h"

namespace negatron {

// Which events an index of masses is about.
struct MassScope {
  enum class Kind : uint8_t { kAll, kCohort, kCategory };

  Kind kind = Kind::kAll;
  uint16_t number = 0;  // Of the cohort or category.

  // NOLINTNEXTLINE(modernize-use-nullptr): version 14 takes the default for a pointer.
  friend auto operator<=>(const MassScope&, const MassScope&) = default;
};

// An item as a record, with commit sequence 0.
ItemRecord RecordOf(Ordinal item, const ItemState& state, const IdIndex& ids,
                    const CategoryNames& names);

// What a user did, beside the history.
struct UserEvents {
  GrowingArray<UserPositive> repeats;  // Positives that are not the first of their item.
  UserRing exposures;
  UserRing mined;

  int64_t bytes() const { return repeats.capacity_bytes() + exposures.bytes() + mined.bytes(); }
};

// The pool of a collection at one commit, to be asked as of any time: who is
// alive, who was chosen, and how popular. Design: server/DESIGN.md, "The pool".
//
// Thread-safety: immutable.
class PoolView {
 public:
  // An empty pool.
  explicit PoolView(PoolSettings settings);

  const PoolSettings& settings() const { return settings_; }
  // Events before it have no mass.
  Micros watermark() const { return watermark_; }
  // Two views of one process with the same number differ by positives that came
  // in order of time, at or behind the newest of the older view, and by new
  // items and users.
  uint64_t edit_number() const { return edit_number_; }

  const IdIndex& items() const { return items_; }
  const IdIndex& users() const { return users_; }
  const CategoryNames& categories() const { return category_names_; }

  uint32_t item_count() const { return items_.size(); }
  const ItemState& state(Ordinal item) const { return states_[item]; }
  void PrefetchState(Ordinal item) const { __builtin_prefetch(&states_[item]); }
  bool IsAlive(Ordinal item, Micros time) const { return states_[item].IsAlive(time); }
  // An item as a record, with commit sequence 0.
  ItemRecord Item(Ordinal item) const;

  // Items alive over time; of a category below categories().size(), or all
  // (kNoCategory).
  const AliveIndex& alive(CategoryNumber category = kNoCategory) const {
    return category == kNoCategory ? alive_ : alive_by_category_[category];
  }
  int64_t LivingCount(Micros time) const { return static_cast<int64_t>(alive_.CountAt(time)); }

  // The masses under a half-life; null if the collection does not list it for
  // this scope. A listed scope without events has an empty index.
  const MassIndex* FindMasses(int64_t half_life_micros, MassScope scope = {}) const;
  // Of all events, under the collection's half-life.
  const MassIndex& masses() const { return *masses_.begin()->second; }

  const UserHistory& history(Ordinal user) const;
  const UserEvents& user_events(Ordinal user) const;
  // How often the item was shown strictly before `time`: exposures that user_events() of any
  // user has.
  uint32_t ExposuresBefore(Ordinal item, Micros time) const {
    return item < item_exposures_.size() ? item_exposures_[item].CountBefore(time) : 0;
  }
  // Whether a positive is of the time of its user's first positive of the item.
  bool IsFirstPositive(const EventRecord& event) const;

  // Bytes by structure.
  std::vector<std::pair<std::string, int64_t>> MemoryBytes() const;

 private:
  friend class PoolBuilder;

  struct MassKey {
    int half_life;  // 0: the collection's; else 1 + index into settings_.half_lives.
    MassScope scope;
    // NOLINTNEXTLINE(modernize-use-nullptr): version 14 takes the default for a pointer.
    friend auto operator<=>(const MassKey&, const MassKey&) = default;
  };

  int64_t HalfLife(int index) const {
    return index == 0 ? settings_.half_life_micros : settings_.half_lives[index - 1];
  }
  int half_life_count() const { return 1 + static_cast<int>(settings_.half_lives.size()); }
  std::shared_ptr<const MassIndex> MakeMasses(const MassKey& key) const;
  static uint64_t NewEditNumber();

  PoolSettings settings_;
  Micros watermark_ = kAlways;
  uint64_t edit_number_;
  Micros newest_positive_ = kAlways;
  IdIndex items_;
  IdIndex users_;
  CategoryNames category_names_;
  CowArray<ItemState> states_;
  AliveIndex alive_;
  std::vector<AliveIndex> alive_by_category_;
  std::map<MassKey, std::shared_ptr<const MassIndex>> masses_;  // The first is masses().
  std::vector<std::shared_ptr<const MassIndex>> empty_;         // By half-life.
  CowArray<UserHistory> histories_;
  CowArray<UserEvents> user_events_;
  CowArray<InstantList> item_exposures_;  // Up to the last item that has any.
  int64_t history_bytes_ = 0;
  int64_t user_event_bytes_ = 0;
  int64_t item_exposure_bytes_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_POOL_VIEW_H_
