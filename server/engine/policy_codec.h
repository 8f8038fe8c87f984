// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_POLICY_CODEC_H_
#define NEGATRON_SERVER_ENGINE_POLICY_CODEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/sampling/policy_plan.h"

// The recipe inside a policy's record; `storage/FORMAT.md` is the reference.
//
// Thread-safety: all functions are thread-safe.
namespace negatron {

// Equal plans give equal bytes. INTERNAL if the plan has a part that is not written, so that it
// would not come back: a bug of the codec.
absl::StatusOr<std::string> EncodePlan(const PolicyPlan& plan);

// DATA_LOSS if the bytes are not those of a plan: a field that this code does not know, too few
// bytes, or too many. What it returns passes CheckPlan only if what was written did.
absl::StatusOr<PolicyPlan> DecodePlan(absl::string_view bytes);

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_POLICY_CODEC_H_
