// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/source.h"

#include "server/sampling/catalogue_source.h"
#include "server/sampling/nearest_source.h"
#include "server/sampling/user_source.h"

namespace negatron {
namespace {

struct Maker {
  const std::string& category;
  const SourceContext& context;

  std::unique_ptr<Source> operator()(const UniformSource& spec) const {
    return std::make_unique<UniformCatalogue>(spec, category, context);
  }
  std::unique_ptr<Source> operator()(const PopularitySource& spec) const {
    return std::make_unique<PopularityCatalogue>(spec, category, context);
  }
  std::unique_ptr<Source> operator()(const NearestSource& spec) const {
    return std::make_unique<NearestCandidates>(spec, category, context);
  }
  std::unique_ptr<Source> operator()(const ExposureSource& spec) const {
    return std::make_unique<UserEventSource>(spec, category, context);
  }
  std::unique_ptr<Source> operator()(const MinedSource& spec) const {
    return std::make_unique<UserEventSource>(spec, category, context);
  }
};

}  // namespace

std::unique_ptr<Source> MakeSource(const PolicyComponent& component, const SourceContext& context) {
  return std::visit(Maker{component.category, context}, component.source);
}

}  // namespace negatron
