// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_SERVED_POLICY_H_
#define NEGATRON_SERVER_ENGINE_SERVED_POLICY_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include "server/engine/collection.h"
#include "server/engine/sample_requests.h"
#include "server/sampling/policy_plan.h"
#include "server/sampling/sampler.h"
#include "storage/base/executor.h"

namespace negatron {

// What a call draws by: the policies of its plan, those of arms and turns one after the other, with
// numbers in the place of schedules.
//
// Thread-safety: thread-compatible.
class ServedPolicy {
 public:
  // Of a request that passed CheckRequest. NOT_FOUND [POLICY_NOT_FOUND, CONTROLLER_NOT_FOUND];
  // INVALID_ARGUMENT if the policy needs a progress, or users, that the request does not have, or
  // if it needs no progress that the request's controller could tell. `distinct`: all policies are
  // taken as `unique`.
  static absl::StatusOr<ServedPolicy> Of(const SampleRequest& request, const Snapshot& snapshot,
                                         bool distinct = false);

  // What a good plan is at a progress, 0 if it needs none, in a catalogue of some size.
  static ServedPolicy Of(std::shared_ptr<const PolicyPlan> plan, double progress,
                         int64_t item_count, bool distinct);

  const PolicyPlan& plan() const { return *plan_; }

  // Their components one after the other. Those that no row of the call can get have share 0.
  const Policy& all() const { return report_.policy; }
  const PolicyReport& report() const { return report_; }

  // Whether one policy serves all rows, and the draws of its rows may be repeated.
  bool is_single() const { return policies_.size() == 1; }
  bool IsWithRepetition() const { return is_single() && policies_[0].IsWithRepetition(); }

  // Of a row; `user_hash` counts only where there is an experiment.
  int ArmOf(uint64_t user_hash) const;
  size_t PolicyOf(int arm, Micros as_of) const;

  const Policy& policy(size_t index) const { return policies_[index]; }
  // The place of its first component among all.
  size_t first_component(size_t index) const { return first_components_[index]; }

  // Draws as SampleRowsInParallel, each row by its policy: policies[r] is of PolicyOf. Columns are
  // of the components of all.
  absl::Status Draw(std::span<const uint16_t> policies, const SourceContext& context,
                    const SampleBatch& batch, const SampleColumns& columns, Executor* executor,
                    SampleTotals* totals) const;

 private:
  ServedPolicy() = default;
  void Add(const Policy& policy, size_t arm, bool is_used, int64_t item_count);

  std::shared_ptr<const PolicyPlan> plan_;
  double progress_ = 0;
  std::vector<size_t> first_policies_;  // By arm.
  std::vector<Policy> policies_;
  std::vector<size_t> first_components_;
  PolicyReport report_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_SERVED_POLICY_H_
