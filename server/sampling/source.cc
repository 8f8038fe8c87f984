// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/source.h"

#include "server/sampling/catalogue_source.h"
#include "server/sampling/nearest_source.h"

namespace negatron {
namespace {

struct Maker {
  const SourceContext& context;

  std::unique_ptr<Source> operator()(const UniformSource&) const {
    return std::make_unique<UniformCatalogue>(context);
  }
  std::unique_ptr<Source> operator()(const PopularitySource&) const {
    return std::make_unique<PopularityCatalogue>(context);
  }
  std::unique_ptr<Source> operator()(const NearestSource& spec) const {
    return std::make_unique<NearestCandidates>(spec, context);
  }
};

}  // namespace

std::unique_ptr<Source> MakeSource(const SourceSpec& spec, const SourceContext& context) {
  return std::visit(Maker{context}, spec);
}

}  // namespace negatron
