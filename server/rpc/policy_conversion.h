// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_POLICY_CONVERSION_H_
#define NEGATRON_SERVER_RPC_POLICY_CONVERSION_H_

#include <string>

#include "absl/strings/string_view.h"
#include <google/protobuf/message.h>

#include "negatron/v1/sampling.pb.h"
#include "server/sampling/policy_plan.h"
#include "storage/base/status.h"

namespace negatron {

// What scores are against; one that is not known goes to `violations` as `field`.
NearestAnchor ReadAnchor(v1::NearestAnchor wire, absl::string_view field, Violations* violations);

// A field that this version does not know would change what is drawn: a newer client must not
// believe that it was served. Adds one of `message` to `violations` as `path`.
void CheckKnown(const google::protobuf::Message& message, const std::string& path,
                Violations* violations);

// Converts a policy without arms and turns; what cannot be converted goes to `violations` under
// `path`.
Policy ReadRecipe(const v1::Policy& wire, const std::string& path, Violations* violations);

// Converts and checks a policy without arms and turns; what is wrong goes to `violations` under
// `policy`.
Policy ReadPolicy(const v1::Policy& wire, Violations* violations);

// Whether the policy has arms or turns.
bool IsPlan(const v1::Policy& wire);
// The same for any policy.
PolicyPlan ReadPlan(const v1::Policy& wire, Violations* violations);

void WriteComponent(const PolicyComponent& component, v1::PolicyComponent* wire);
void WritePlan(const PolicyPlan& plan, v1::Policy* wire);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_POLICY_CONVERSION_H_
