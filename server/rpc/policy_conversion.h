// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_POLICY_CONVERSION_H_
#define NEGATRON_SERVER_RPC_POLICY_CONVERSION_H_

#include "absl/strings/string_view.h"

#include "negatron/v1/sampling.pb.h"
#include "server/sampling/policy.h"
#include "storage/base/status.h"

namespace negatron {

// What scores are against; one that is not known goes to `violations` as `field`.
NearestAnchor ReadAnchor(v1::NearestAnchor wire, absl::string_view field, Violations* violations);

// Converts and checks a policy; what is wrong goes to `violations` under `policy`.
Policy ReadPolicy(const v1::Policy& wire, Violations* violations);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_POLICY_CONVERSION_H_
