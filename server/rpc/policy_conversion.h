// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_POLICY_CONVERSION_H_
#define NEGATRON_SERVER_RPC_POLICY_CONVERSION_H_

#include "negatron/v1/sampling.pb.h"
#include "server/sampling/policy.h"
#include "storage/base/status.h"

namespace negatron {

// Converts and checks a policy; what is wrong goes to `violations` under `policy`.
Policy ReadPolicy(const v1::Policy& wire, Violations* violations);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_POLICY_CONVERSION_H_
