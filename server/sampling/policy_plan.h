// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_POLICY_PLAN_H_
#define NEGATRON_SERVER_SAMPLING_POLICY_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/string_view.h"

#include "server/sampling/policy.h"
#include "storage/base/status.h"
#include "storage/model/time.h"

// Which policy a row draws by, where there are several. See Policy, Rotation and Experiment in
// policies.proto.
namespace negatron {

inline constexpr int kMaxTurns = 16;
inline constexpr int kMaxArms = 16;
// Of all policies of a plan: columns have an entry for each, and the number of one is a byte.
inline constexpr int kMaxPlanComponents = 64;
inline constexpr double kMaxPart = 1000000;  // Lengths of turns, weights of arms.
inline constexpr int64_t kMaxCycles = 1000000;
inline constexpr int64_t kMinPeriodMicros = 1000000;
inline constexpr int64_t kMaxPeriodMicros = 36500LL * 86400 * 1000000;

struct PolicyTurn {
  double length = 1;  // In (0, kMaxPart].
  Policy policy;

  friend bool operator==(const PolicyTurn&, const PolicyTurn&) = default;
};

// Policies that take turns. Without `cycle_count` and `period_micros` there is one, always.
struct PolicyRotation {
  int64_t cycle_count = 0;    // Cycles of progress.
  int64_t period_micros = 0;  // Of a cycle of the as-of time.
  std::vector<PolicyTurn> turns;

  bool is_rotation() const { return cycle_count != 0 || period_micros != 0; }

  friend bool operator==(const PolicyRotation&, const PolicyRotation&) = default;
};

struct PolicyArm {
  std::string name;
  double weight = 1;  // In (0, kMaxPart].
  PolicyRotation rotation;

  friend bool operator==(const PolicyArm&, const PolicyArm&) = default;
};

// All policies that may serve a row. Without `experiment` there is one arm, without a name.
struct PolicyPlan {
  std::string experiment;  // Its name.
  std::vector<PolicyArm> arms;

  // The plan that is one policy for all rows.
  static PolicyPlan Of(Policy policy);

  bool is_experiment() const { return !experiment.empty(); }
  // Whether a call needs a progress.
  bool NeedsProgress() const;

  friend bool operator==(const PolicyPlan&, const PolicyPlan&) = default;
};

// Adds all that is wrong with the plan, with field paths below `path`, as they are in the proto.
void CheckPlan(const PolicyPlan& plan, Violations* violations, absl::string_view path = "policy");

// The arm of a user in an experiment of this name: the same on every machine and in every version.
// `user_hash` must be stable, too.
int ArmOf(std::string_view experiment, const std::vector<PolicyArm>& arms, uint64_t user_hash);

// The turn at a time and a progress, of which the rotation needs one.
int TurnOf(const PolicyRotation& rotation, Micros as_of, double progress);

// What the policy of an arm, and that of a turn, are called in errors.
std::string PathOfArm(const std::string& path, const PolicyPlan& plan, size_t arm);
std::string PathOfTurn(const std::string& path, const PolicyRotation& rotation, size_t turn);

// Calls visit(policy, path) for each policy of the plan, in order of arms, then turns.
template <typename Visit>
void ForEachPolicy(const PolicyPlan& plan, const std::string& path, Visit visit) {
  for (size_t a = 0; a < plan.arms.size(); ++a) {
    const PolicyRotation& rotation = plan.arms[a].rotation;
    const std::string arm = PathOfArm(path, plan, a);
    for (size_t t = 0; t < rotation.turns.size(); ++t) {
      visit(rotation.turns[t].policy, PathOfTurn(arm, rotation, t));
    }
  }
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_POLICY_PLAN_H_
