// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/policy_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/fingerprint.h"
#include "storage/base/philox.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

// The first of `count` parts that `place`, in [0, 1) of the sum of all, is before the end of.
template <typename SizeOf>
int PartAt(size_t count, double place, SizeOf size_of) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += size_of(i);
  double end = 0;
  for (size_t i = 0; i + 1 < count; ++i) {
    end += size_of(i);
    if (place * sum < end) return static_cast<int>(i);
  }
  return static_cast<int>(count) - 1;
}

bool IsPart(double size) { return size > 0 && size <= kMaxPart; }

void CheckRotation(const PolicyRotation& rotation, const std::string& path,
                   Violations* violations) {
  if (rotation.is_rotation()) {
    const std::string field = path + ".rotation.";
    if (rotation.cycle_count < 0 || rotation.cycle_count > kMaxCycles) {
      violations->Add(field + "cycle_count", "must be in [1, 1000000]");
    }
    if (rotation.period_micros != 0 &&
        (rotation.period_micros < kMinPeriodMicros || rotation.period_micros > kMaxPeriodMicros)) {
      violations->Add(field + "period", "must be one second to 36,500 days");
    }
    if (rotation.turns.empty() || rotation.turns.size() > kMaxTurns) {
      violations->Add(field + "turns", absl::StrCat("must be 1 to ", kMaxTurns));
    }
  }
  for (size_t t = 0; t < rotation.turns.size(); ++t) {
    if (rotation.is_rotation() && !IsPart(rotation.turns[t].length)) {
      violations->Add(absl::StrCat(path, ".rotation.turns[", t, "].length"),
                      "must be in (0, 1000000]");
    }
    CheckPolicy(rotation.turns[t].policy, violations, PathOfTurn(path, rotation, t));
  }
}

void CheckArmNames(const PolicyPlan& plan, absl::string_view path, Violations* violations) {
  for (size_t a = 0; a < plan.arms.size(); ++a) {
    const std::string field = absl::StrCat(path, ".experiment.arms[", a, "]");
    const absl::string_view problem = PolicyIdProblem(plan.arms[a].name);
    if (!problem.empty()) violations->Add(field + ".name", problem);
    const auto end = plan.arms.begin() + static_cast<int64_t>(a);
    if (std::any_of(plan.arms.begin(), end,
                    [&](const PolicyArm& arm) { return arm.name == plan.arms[a].name; })) {
      violations->Add(field + ".name", "repeats an earlier one");
    }
    if (!IsPart(plan.arms[a].weight)) {
      violations->Add(field + ".weight", "must be in (0, 1000000]");
    }
  }
}

}  // namespace

std::string PathOfArm(const std::string& path, const PolicyPlan& plan, size_t arm) {
  return plan.is_experiment() ? absl::StrCat(path, ".experiment.arms[", arm, "].policy") : path;
}

std::string PathOfTurn(const std::string& path, const PolicyRotation& rotation, size_t turn) {
  return rotation.is_rotation() ? absl::StrCat(path, ".rotation.turns[", turn, "].policy") : path;
}

PolicyPlan PolicyPlan::Of(Policy policy) {
  PolicyPlan plan;
  plan.arms.emplace_back().rotation.turns.emplace_back().policy = std::move(policy);
  return plan;
}

bool PolicyPlan::NeedsProgress() const {
  return std::any_of(arms.begin(), arms.end(), [](const PolicyArm& arm) {
    const PolicyRotation& rotation = arm.rotation;
    return rotation.cycle_count != 0 ||
           std::any_of(rotation.turns.begin(), rotation.turns.end(),
                       [](const PolicyTurn& turn) { return HasSchedules(turn.policy); });
  });
}

void CheckPlan(const PolicyPlan& plan, Violations* violations, absl::string_view plan_path) {
  const std::string path(plan_path);
  if (plan.is_experiment()) {
    const absl::string_view problem = PolicyIdProblem(plan.experiment);
    if (!problem.empty()) violations->Add(path + ".experiment.name", problem);
    if (plan.arms.empty() || plan.arms.size() > kMaxArms) {
      violations->Add(path + ".experiment.arms", absl::StrCat("must be 1 to ", kMaxArms));
    }
    CheckArmNames(plan, path, violations);
  }
  for (size_t a = 0; a < plan.arms.size(); ++a) {
    CheckRotation(plan.arms[a].rotation, PathOfArm(path, plan, a), violations);
  }
  // A single policy has a limit of its own.
  const bool single =
      !plan.is_experiment() && plan.arms.size() == 1 && !plan.arms[0].rotation.is_rotation();
  size_t components = 0;
  ForEachPolicy(plan, path, [&](const Policy& policy, const std::string& policy_path) {
    components += policy.components.size();
    if (!single && policy.fallback.has_value()) {
      violations->Add(policy_path + ".fallback", "policies of arms and turns have none");
    }
  });
  if (!single && components > kMaxPlanComponents) {
    violations->Add(path, absl::StrCat("has ", components, " components in all; at most ",
                                       kMaxPlanComponents, " are served"));
  }
}

int ArmOf(std::string_view experiment, const std::vector<PolicyArm>& arms, uint64_t user_hash) {
  const double place = UnitDouble(MixHash(Fingerprint(experiment), user_hash));
  return PartAt(arms.size(), place, [&](size_t i) { return arms[i].weight; });
}

int TurnOf(const PolicyRotation& rotation, Micros as_of, double progress) {
  double place = 0;
  if (rotation.period_micros != 0) {
    const int64_t rest = as_of % rotation.period_micros;
    place = static_cast<double>(rest < 0 ? rest + rotation.period_micros : rest) /
            static_cast<double>(rotation.period_micros);
  } else if (rotation.cycle_count != 0) {
    const double cycles = progress * static_cast<double>(rotation.cycle_count);
    // The end of the training belongs to the last turn, not to the first of a further cycle.
    place = progress >= 1 ? std::nextafter(1.0, 0.0) : cycles - std::floor(cycles);
  }
  return PartAt(rotation.turns.size(), place, [&](size_t i) { return rotation.turns[i].length; });
}

}  // namespace negatron
