// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/source.h"

#include <cstddef>
#include <numeric>

#include "server/sampling/adversarial_source.h"
#include "server/sampling/catalogue_source.h"
#include "server/sampling/dynamic_source.h"
#include "server/sampling/nearest_source.h"
#include "server/sampling/user_source.h"

namespace negatron {
namespace {

struct Maker {
  const PolicyComponent& component;
  const uint32_t number;
  const SourceContext& context;

  std::unique_ptr<Source> operator()(const UniformSource& spec) const {
    return std::make_unique<UniformCatalogue>(spec, component, context);
  }
  std::unique_ptr<Source> operator()(const PopularitySource& spec) const {
    return std::make_unique<PopularityCatalogue>(spec, component, context);
  }
  std::unique_ptr<Source> operator()(const NearestSource& spec) const {
    return std::make_unique<NearestCandidates>(spec, component, context);
  }
  std::unique_ptr<Source> operator()(const ExposureSource& spec) const {
    return std::make_unique<UserEventSource>(spec, component, context);
  }
  std::unique_ptr<Source> operator()(const MinedSource& spec) const {
    return std::make_unique<UserEventSource>(spec, component, context);
  }
  std::unique_ptr<Source> operator()(const AdversarialSource& spec) const {
    return std::make_unique<AdversarialItems>(spec, component, context);
  }
  std::unique_ptr<Source> operator()(const DynamicSource& spec) const {
    return std::make_unique<DynamicItems>(spec, component, number, context);
  }
};

}  // namespace

void Draws::clear() {
  rows.clear();
  slots.clear();
  rounds.clear();
  items.clear();
  q.clear();
  scores.clear();
  importance_weights.clear();
}

void Draws::Open(uint32_t row, uint32_t first_slot, uint32_t count) {
  const size_t begin = size();
  const size_t end = begin + count;
  rows.resize(end, row);
  slots.resize(end);
  std::iota(slots.begin() + static_cast<std::ptrdiff_t>(begin), slots.end(), first_slot);
  rounds.resize(end, 0);
  items.resize(end, kNoOrdinal);
  q.resize(end);
}

void Draws::Append(const Draws& others, size_t i) {
  Open(others.rows[i], others.slots[i], 1);
  if (!scores.empty() || !others.scores.empty()) scores.resize(size(), kNoScore);
  if (!importance_weights.empty() || !others.importance_weights.empty()) {
    importance_weights.resize(size(), 1);
  }
  Replace(size() - 1, others, i);
}

void Draws::Replace(size_t to, const Draws& others, size_t i) {
  rows[to] = others.rows[i];
  slots[to] = others.slots[i];
  rounds[to] = others.rounds[i];
  items[to] = others.items[i];
  q[to] = others.q[i];
  if (!others.scores.empty()) scores[to] = others.scores[i];
  if (!others.importance_weights.empty()) importance_weights[to] = others.importance_weights[i];
}

std::unique_ptr<Source> MakeSource(const PolicyComponent& component, const SourceContext& context,
                                   uint32_t number) {
  return std::visit(Maker{component, number, context}, component.source);
}

}  // namespace negatron
