// SPDX-License-Identifier: Apache-2.0
// Any policy is refused, with each fault at a field, or is the same after it was written and read.
//
// Input: a `negatron.v1.Policy` in protobuf's text format.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"

#include "negatron/v1/policies.pb.h"
#include "server/rpc/policy_conversion.h"
#include "storage/base/status.h"
#include "tests/fuzz/message_mutator.h"

namespace negatron {
namespace {

void Check(const v1::Policy& wire) {
  Violations violations;
  const PolicyPlan plan = ReadPlan(wire, &violations);
  const absl::Status status = violations.ToStatus();
  if (!status.ok()) {
    if (FieldViolationsOf(status).empty()) std::abort();
    for (const FieldViolation& violation : FieldViolationsOf(status)) {
      if (violation.field.rfind("policy", 0) != 0 || violation.description.empty()) std::abort();
    }
    return;
  }
  v1::Policy again;
  WritePlan(plan, &again);
  if (!(ReadPlan(again, &violations) == plan) || !violations.ToStatus().ok()) std::abort();
}

}  // namespace
}  // namespace negatron

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  negatron::v1::Policy policy;
  if (negatron::ParseText({reinterpret_cast<const char*>(data), size}, &policy)) {
    negatron::Check(policy);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  negatron::MessageMutator mutator(seed, {"a", "b", "drama", ""});
  negatron::v1::Policy policy;
  if (!negatron::ParseText({reinterpret_cast<const char*>(data), size}, &policy)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  mutator.Mutate(&policy);
  return negatron::WriteMutated("", policy, data, size, max_size);
}
