// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_COMPONENT_REPORTS_H_
#define NEGATRON_SERVER_RPC_COMPONENT_REPORTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "negatron/v1/sampling.pb.h"
#include "server/engine/sample_requests.h"
#include "server/rpc/policy_conversion.h"
#include "server/rpc/resource_names.h"

// What responses tell of the policy that served them.
namespace negatron {

inline void WriteReport(const PolicyComponent& component, LawKind law, int64_t drawn,
                        v1::ComponentReport* report) {
  report->set_source(std::string(SourceName(component.kind())));
  report->set_law_kind(static_cast<v1::LawKind>(law));
  report->set_drawn_count(drawn);
}

template <typename Response>
void WriteFallback(const PolicyReport& policy, int64_t drawn, Response* response) {
  if (!policy.policy.fallback.has_value()) return;
  WriteReport(*policy.policy.fallback, policy.laws.fallback, drawn, response->mutable_fallback());
}

// The components, the law of their mixture, and the name of a stored policy; `drawn` by component.
template <typename Response>
void WriteComponents(const PolicyReport& policy, const std::vector<int64_t>& drawn,
                     Response* response) {
  const std::vector<PolicyComponent>& components = policy.policy.components;
  for (size_t i = 0; i < components.size(); ++i) {
    v1::ComponentReport* const report = response->add_components();
    WriteReport(components[i], policy.laws.components[i], drawn[i], report);
    if (policy.has_schedules[i] != 0) WriteComponent(components[i], report->mutable_resolved());
    if (!policy.arms.empty()) report->set_arm(policy.arms[policy.component_arms[i]]);
  }
  if (!policy.name.empty()) {
    response->set_policy_name(NameOfPolicy(policy.collection, policy.name, policy.version));
  }
  response->set_law_kind(static_cast<v1::LawKind>(policy.laws.mixture));
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_COMPONENT_REPORTS_H_
