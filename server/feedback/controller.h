// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_FEEDBACK_CONTROLLER_H_
#define NEGATRON_SERVER_FEEDBACK_CONTROLLER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "storage/base/status.h"
#include "storage/model/controllers.h"

// The law of controllers, which feedback.proto states. All of it is made of operations that IEEE
// 754 rounds the same everywhere: no logarithm, no exponential. So the same reports in the same
// order give the same output on every machine.
//
// Thread-safety: all functions are thread-safe.
namespace negatron {

// What a trainer reports of negatives of one call.
struct OutcomeReport {
  double progress = 0;       // The output that they were drawn at, in [0, 1].
  Micros progress_time = 0;  // When that was; 0: not known.
  OutcomesByComponent outcomes;
};

enum class Saturation : uint8_t { kNone = 1, kLow = 2, kHigh = 3 };

// Later half of the recent reports less their earlier half. See StopSignal in feedback.proto.
struct StopSignal {
  bool stop_suggested = false;
  int report_count = 0;
  double rate_change = 0;
  double output_change = 0;
  std::optional<double> hardness_change;
  std::optional<double> relative_hardness_change;
};

// Adds what is wrong with settings, with field paths below `path`.
void CheckController(const ControllerSettings& settings, const std::string& path,
                     Violations* violations);

// The state in which a controller begins.
ControllerState StartOf(const ControllerSettings& settings);

// What is left of a state under other settings: its output within the new bounds, and as many
// reports as the new rule looks at.
void Adopt(const ControllerSettings& settings, ControllerState* state);

// Takes a report that came at `now`. Returns whether it was stale.
bool TakeReport(const ControllerSettings& settings, const OutcomeReport& report, Micros now,
                ControllerState* state);

Saturation SaturationOf(const ControllerSettings& settings, const ControllerState& state);

// Without a rule nothing is suggested.
StopSignal StopSignalOf(const ControllerSettings& settings, const ControllerState& state);

}  // namespace negatron

#endif  // NEGATRON_SERVER_FEEDBACK_CONTROLLER_H_
