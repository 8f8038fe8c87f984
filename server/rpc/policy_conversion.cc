// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/policy_conversion.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace negatron {
namespace {

// A field that this version does not know would change what is drawn: a newer client must not
// believe that it was served.
void CheckKnown(const google::protobuf::Message& message, const std::string& path,
                Violations* violations) {
  if (message.GetReflection()->GetUnknownFields(message).empty()) return;
  violations->Add(path, "has a field that this server does not know");
}

NearestSource ReadNearest(const v1::NearestSource& wire, const std::string& path,
                          Violations* violations) {
  NearestSource nearest;
  CheckKnown(wire, path, violations);
  switch (wire.anchor()) {
    case v1::NEAREST_ANCHOR_UNSPECIFIED:
    case v1::NEAREST_ANCHOR_QUERY:
      nearest.anchor = NearestAnchor::kQuery;
      break;
    case v1::NEAREST_ANCHOR_POSITIVE:
      nearest.anchor = NearestAnchor::kPositive;
      break;
    default:
      violations->Add(absl::StrCat(path, ".anchor"), "is not a known anchor");
  }
  nearest.rank_begin = wire.rank_begin();
  nearest.rank_end = wire.rank_end();
  switch (wire.pick()) {
    case v1::NEAREST_PICK_UNSPECIFIED:
    case v1::NEAREST_PICK_UNIFORM:
      nearest.pick = NearestPick::kUniform;
      break;
    case v1::NEAREST_PICK_SOFTMAX:
      nearest.pick = NearestPick::kSoftmax;
      break;
    case v1::NEAREST_PICK_TOP:
      nearest.pick = NearestPick::kTop;
      break;
    default:
      violations->Add(absl::StrCat(path, ".pick"), "is not a known pick");
  }
  nearest.temperature = wire.temperature();
  return nearest;
}

}  // namespace

Policy ReadPolicy(const v1::Policy& wire, Violations* violations) {
  Policy policy;
  CheckKnown(wire, "policy", violations);
  policy.components.reserve(static_cast<size_t>(wire.components_size()));
  for (int i = 0; i < wire.components_size(); ++i) {
    const v1::PolicyComponent& component = wire.components(i);
    const std::string path = absl::StrCat("policy.components[", i, "]");
    PolicyComponent& out = policy.components.emplace_back();
    out.share = component.share();
    CheckKnown(component, path, violations);
    switch (component.source_case()) {
      case v1::PolicyComponent::kUniform:
        CheckKnown(component.uniform(), absl::StrCat(path, ".uniform"), violations);
        out.source = UniformSource{};
        break;
      case v1::PolicyComponent::kPopularity:
        CheckKnown(component.popularity(), absl::StrCat(path, ".popularity"), violations);
        out.source = PopularitySource{};
        break;
      case v1::PolicyComponent::kNearest:
        out.source = ReadNearest(component.nearest(), absl::StrCat(path, ".nearest"), violations);
        break;
      case v1::PolicyComponent::SOURCE_NOT_SET:
        violations->Add(absl::StrCat(path, ".source"),
                        "is required: uniform, popularity or nearest");
        break;
    }
  }
  CheckPolicy(policy, violations);
  return policy;
}

}  // namespace negatron
