// SPDX-License-Identifier: Apache-2.0
#include "server/engine/served_policy.h"

#include <algorithm>
#include <utility>

#include "server/engine/row_subset.h"
#include "server/sampling/parallel_rows.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// What holds for rows of either law.
LawKind Weaker(LawKind a, LawKind b) {
  for (const LawKind weakest : {LawKind::kNone, LawKind::kRowConstant, LawKind::kConditional}) {
    if (a == weakest || b == weakest) return weakest;
  }
  return LawKind::kExact;
}

// The progress of a call, by itself or by its controller.
absl::StatusOr<std::optional<double>> ProgressOf(const SampleRequest& request,
                                                 const PolicyPlan& plan, const Snapshot& snapshot) {
  const bool needed = plan.NeedsProgress();
  if (request.controller_id.empty()) {
    if (needed && !request.progress.has_value()) {
      return InvalidField("progress", "is required: the policy follows it");
    }
    return request.progress;
  }
  if (!needed) {
    return InvalidField("controller", "would steer nothing: the policy follows no progress");
  }
  NEGATRON_ASSIGN_OR_RETURN(const ControllerPointer controller,
                            snapshot.controllers->Find(request.controller_id));
  return std::optional<double>(controller->state.output);
}

}  // namespace

absl::StatusOr<ServedPolicy> ServedPolicy::Of(const SampleRequest& request,
                                              const Snapshot& snapshot, bool distinct) {
  StoredPolicyPointer stored;
  std::shared_ptr<const PolicyPlan> plan = request.plan;
  if (!request.policy_name.empty()) {
    NEGATRON_ASSIGN_OR_RETURN(stored,
                              snapshot.policies->Find(request.policy_name, request.policy_version));
    plan = std::shared_ptr<const PolicyPlan>(stored, &stored->plan);
  } else if (plan == nullptr) {
    plan = std::make_shared<const PolicyPlan>(PolicyPlan::Of(request.policy));
  }
  NEGATRON_ASSIGN_OR_RETURN(const std::optional<double> progress,
                            ProgressOf(request, *plan, snapshot));
  if (plan->is_experiment() && !request.users.has_value()) {
    return InvalidField("user_ids", "is required: the policy has arms, which follow the user");
  }
  ServedPolicy served =
      Of(std::move(plan), progress.value_or(0), snapshot.pool->item_count(), distinct);
  served.report_.collection = snapshot.settings->id;
  served.report_.progress = progress;
  if (stored != nullptr) {
    served.report_.name = stored->id;
    served.report_.version = stored->version;
  }
  return served;
}

ServedPolicy ServedPolicy::Of(std::shared_ptr<const PolicyPlan> plan, double progress,
                              int64_t item_count, bool distinct) {
  ServedPolicy served;
  served.plan_ = std::move(plan);
  served.progress_ = progress;
  const std::vector<PolicyArm>& arms = served.plan_->arms;
  for (size_t a = 0; a < arms.size(); ++a) {
    const PolicyRotation& rotation = arms[a].rotation;
    if (served.plan_->is_experiment()) served.report_.arms.push_back(arms[a].name);
    served.first_policies_.push_back(served.policies_.size());
    const auto turn = static_cast<size_t>(TurnOf(rotation, 0, progress));
    for (size_t t = 0; t < rotation.turns.size(); ++t) {
      served.Add(rotation.turns[t].policy, a, rotation.period_micros != 0 || t == turn, item_count);
    }
  }
  for (Policy& policy : served.policies_) policy.unique |= distinct;
  return served;
}

void ServedPolicy::Add(const Policy& policy, size_t arm, bool is_used, int64_t item_count) {
  std::vector<PolicyComponent>& all = report_.policy.components;
  first_components_.push_back(all.size());
  policies_.push_back(AtProgress(policy, progress_));
  for (const PolicyComponent& component : policies_.back().components) {
    all.push_back(component);
    if (!is_used) all.back().share = 0;
    report_.component_arms.push_back(static_cast<uint8_t>(arm));
  }
  const Policy& resolved = policies_.back();
  const PolicyLaws laws = LawsOf(resolved, item_count);
  PolicyLaws& all_laws = report_.laws;
  all_laws.components.insert(all_laws.components.end(), laws.components.begin(),
                             laws.components.end());
  if (is_used) {
    all_laws.mixture = Weaker(all_laws.mixture, laws.mixture);
    // There is one only where it is the fallback of all rows (CheckPlan).
    report_.policy.fallback = resolved.fallback;
    all_laws.fallback = laws.fallback;
    if (resolved.min_distance.has_value()) report_.policy.min_distance = resolved.min_distance;
  }
  for (const PolicyComponent& component : policy.components) {
    report_.has_schedules.push_back(HasSchedules(component) ? 1 : 0);
  }
}

int ServedPolicy::ArmOf(uint64_t user_hash) const {
  return plan_->is_experiment() ? negatron::ArmOf(plan_->experiment, plan_->arms, user_hash) : 0;
}

size_t ServedPolicy::PolicyOf(int arm, Micros as_of) const {
  const auto a = static_cast<size_t>(arm);
  return first_policies_[a] +
         static_cast<size_t>(TurnOf(plan_->arms[a].rotation, as_of, progress_));
}

absl::Status ServedPolicy::Draw(std::span<const uint16_t> policies, const SourceContext& context,
                                const SampleBatch& batch, const SampleColumns& columns,
                                Executor* executor, SampleTotals* totals) const {
  if (is_single()) {
    return SampleRowsInParallel(executor, policies_[0], context, batch, columns, totals);
  }
  totals->drawn_by_component.assign(all().components.size(), 0);
  std::vector<int64_t> rows;
  for (size_t p = 0; p < policies_.size(); ++p) {
    rows.clear();
    for (size_t r = 0; r < policies.size(); ++r) {
      if (policies[r] == p) rows.push_back(static_cast<int64_t>(r));
    }
    if (rows.empty()) continue;
    const size_t first = first_components_[p];
    const size_t count = policies_[p].components.size();
    RowSubset subset(rows, batch, columns, first, count, all().components.size());
    SampleTotals part;
    NEGATRON_RETURN_IF_ERROR(SampleRowsInParallel(executor, policies_[p], context, subset.batch(),
                                                  subset.columns(), &part));
    subset.CopyBack();
    totals->Add(part, first);
  }
  return absl::OkStatus();
}

}  // namespace negatron
