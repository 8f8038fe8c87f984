// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>

#include "server/sampling/catalogue_source.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

Micros BoundaryBefore(Micros time, int64_t grid) {
  const int64_t quotient = time / grid;
  return (time % grid < 0 ? quotient - 1 : quotient) * grid;
}

}  // namespace

PopularityCatalogue::PopularityCatalogue(const PopularitySource& spec,
                                         const PolicyComponent& component,
                                         const SourceContext& context)
    : CatalogueSource(component, context),
      spec_(spec),
      half_life_(spec.half_life_micros.value_or(context.pool->settings().half_life_micros)),
      decay_(half_life_) {
  MassScope scope;
  if (this->category() != kNoCategory) {
    scope = {MassScope::Kind::kCategory, this->category()};
  } else if (spec.within_cohort) {
    scope = {MassScope::Kind::kCohort, 0};
  }
  const MassIndex* const masses = context.pool->FindMasses(half_life_, scope);
  const bool one_scope = this->category() == kNoCategory || !spec.within_cohort;
  listed_ =
      masses != nullptr && masses->ListsWindow(spec.window_micros) && spec.alpha == 1 && one_scope;
  if (listed_ && !spec.within_cohort) logs_ = masses;
  key_ = key_.With(static_cast<uint64_t>(SourceKind::kPopularity))
             .With(context.pool->edit_number())
             .With(std::bit_cast<uint64_t>(spec.alpha))
             .With(static_cast<uint64_t>(half_life_))
             .With(static_cast<uint64_t>(spec.window_micros))
             .With(spec.within_cohort)
             .With(this->category());
}

// Whose columns have the events of items.
const MassIndex& PopularityCatalogue::Columns(const Law& law) const {
  const MassScope scope =
      spec_.within_cohort ? MassScope{MassScope::Kind::kCohort, law.cohort} : MassScope{};
  const MassIndex* const masses = pool().FindMasses(half_life_, scope);
  if (masses != nullptr) return *masses;
  return *pool().FindMasses(pool().settings().half_life_micros, scope);
}

Micros PopularityCatalogue::Boundary(uint32_t row) const {
  return spec_.alpha == 1 ? 0 : BoundaryOf(row);
}

absl::Status PopularityCatalogue::Turn(Law* law) {
  law->masses = &Columns(*law);
  law->after_all = law->masses->IsAfterAll(law->time);
  // Which events count says what items weigh, up to a factor that all share.
  const auto key_of_events = [&] {
    return key_.With(spec_.within_cohort ? law->cohort : 0)
        .With(static_cast<uint64_t>(law->as_of.span.begin.event_count))
        .With(static_cast<uint64_t>(law->as_of.span.end.event_count));
  };
  if (listed_) {
    law->logs = logs_ != nullptr ? logs_ : law->masses;
    law->as_of = law->logs->At(law->time, spec_.window_micros);
    law->key = key_of_events();
    law->proposed = law->as_of.span.mass;
    law->living = law->as_of.living;
    law->parts = {};
    const MassBase* const base = law->logs->base();
    // Only at the end of the log: what is drawn as of an earlier time does not depend
    // on what came later, to the bit.
    const bool has_parts =
        base != nullptr && spec_.window_micros == 0 && law->living > 0 && law->after_all;
    if (has_parts) {
      NEGATRON_ASSIGN_OR_RETURN(law->parts,
                                law->logs->PartsAt(law->as_of, *context().cancellation));
    }
    return absl::OkStatus();
  }
  law->boundary = spec_.alpha == 1
                      ? law->time
                      : BoundaryBefore(law->time, pool().settings().popularity_grid_micros);
  law->as_of = law->masses->SpanAt(law->boundary, spec_.window_micros);
  law->key = key_of_events().With(static_cast<uint64_t>(law->boundary));
  if (law->as_of.span.mass <= 0) return absl::OkStatus();
  law->newest = law->masses->log().LastTime(law->as_of.span.end);
  WeightTable table;
  NEGATRON_RETURN_IF_ERROR(MakeTable(law, &table));
  law->table = std::move(table);
  return absl::OkStatus();
}

// Weight at the boundary, by the item's events.
double PopularityCatalogue::DirectWeight(const Law& law, Ordinal item) const {
  const MassColumn& column = law.masses->column(item);
  double mass = 0;
  if (law.masses->decay().half_life_micros() == half_life_) {
    mass = law.masses->ItemMass(column, law.as_of);
  } else {
    const double base_weight = pool().state(item).base_weight;
    const uint32_t end = column.CountBefore(law.boundary);
    for (uint32_t i = column.CountBefore(law.as_of.begin_time); i < end; ++i) {
      const WeightedTime event = column.at(i);
      const double age = static_cast<double>(law.newest - event.time);
      mass += base_weight * event.weight * DecayOver(age, half_life_);
    }
  }
  return mass > 0 ? std::pow(mass, spec_.alpha) : 0;
}

void PopularityCatalogue::Aim(const Stretch& stretch, Batch* batch) const {
  const Law& law = *stretch.law;
  const EventLog& log = law.logs->log();
  if (law.parts.table == nullptr) {
    for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
      batch->spots[i] = log.Aim(law.as_of.span, UnitDouble(batch->high[i]), batch->low[i]);
    }
    return;
  }
  const AliasTable& table = *law.parts.table;
  const double newer = law.parts.newer_share;
  for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
    const double u = UnitDouble(batch->high[i]);
    batch->slots[i] = table.SlotAt(batch->low[i]);
    if (u < newer) [[unlikely]] {
      batch->spots[i] = log.Aim(law.parts.newer, u / newer, batch->low[i]);
    }
  }
}

void PopularityCatalogue::Resolve(const Stretch& stretch, Batch* batch) const {
  const Law& law = *stretch.law;
  const EventLog& log = law.logs->log();
  if (law.parts.table == nullptr) {
    for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
      batch->items[i] = log.Resolve(batch->spots[i]);
    }
    return;
  }
  const AliasTable& table = *law.parts.table;
  const double newer = law.parts.newer_share;
  const double scale = 1 / (1 - newer);
  for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
    const double u = UnitDouble(batch->high[i]);
    batch->items[i] = table.Resolve(batch->slots[i], (u - newer) * scale);
    if (u < newer) [[unlikely]]
      batch->items[i] = log.Resolve(batch->spots[i]);
  }
}

void PopularityCatalogue::Look(int look, const Stretch& stretch, const Batch& batch) const {
  const Law& law = *stretch.law;
  if (!listed_ || law.table) return;
  if (look > 0 && law.after_all) return;
  const MassIndex& masses = *law.masses;
  for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
    if (look == 0) {
      masses.PrefetchColumn(batch.items[i]);
    } else if (look == 1) {
      masses.column(batch.items[i]).PrefetchGuide(law.time);
    } else {
      masses.column(batch.items[i]).PrefetchPoint(law.time);
    }
  }
}

void PopularityCatalogue::Weigh(const Stretch& stretch, Batch* batch) const {
  const Law& law = *stretch.law;
  if (!listed_) {
    for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
      batch->weights[i] = DirectWeight(law, batch->items[i]);
    }
    return;
  }
  const MassIndex& masses = *law.masses;
  for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
    const Ordinal item = batch->items[i];
    const MassColumn& column = masses.column(item);
    const bool alive =
        column.look_further() ? pool().IsAlive(item, law.time) : column.LivesAt(law.time);
    const double mass = masses.ItemMass(column, law.as_of);
    batch->weights[i] = alive ? mass : 0;
  }
}

}  // namespace negatron
