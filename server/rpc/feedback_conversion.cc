// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/feedback_conversion.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "server/rpc/column_readers.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/times.h"
#include "server/sampling/sampler.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

// Written so that NaN fails.
bool IsHardness(double hardness) { return std::abs(hardness) <= kMaxHardness; }

StopRule ReadStopRule(const v1::StopRule& wire, const std::string& path, Violations* violations) {
  StopRule rule;
  rule.report_count = wire.report_count();
  if (rule.report_count == 0) violations->Add(path + ".report_count", "is required");
  if (wire.has_rate_tolerance()) rule.rate_tolerance = wire.rate_tolerance();
  if (wire.has_output_tolerance()) rule.output_tolerance = wire.output_tolerance();
  if (wire.has_hardness_tolerance()) rule.hardness_tolerance = wire.hardness_tolerance();
  return rule;
}

// Columns of a report with an entry for each negative.
struct Columns {
  std::vector<uint8_t> violations;
  std::vector<uint8_t> components;  // Empty: 0 for each.
  std::vector<float> hardness;      // Empty: none.

  uint8_t component(size_t i) const { return components.empty() ? uint8_t{0} : components[i]; }
};

void CheckColumns(const Columns& columns, Violations* violations) {
  int bad = 0;
  // Stops early: only the first are kept.
  for (size_t i = 0; i < columns.violations.size() && bad <= Violations::kMaxKept; ++i) {
    const auto row = static_cast<int64_t>(i);
    const uint8_t component = columns.component(i);
    if (component == kNoComponent) continue;
    const auto check = [&](bool good, absl::string_view field, absl::string_view rule) {
      if (good) return;
      violations->AddRow(field, row, rule);
      ++bad;
    };
    check(columns.violations[i] <= 1, "violations", "must be 0 or 1");
    check(component <= kMaxOutcomeComponent, "component_indexes", "must be in [0, 64], or 255");
    check(columns.hardness.empty() || IsHardness(columns.hardness[i]), "hardness",
          "must be of a magnitude of at most 1e30");
  }
}

void AddColumns(const Columns& columns, OutcomesByComponent* outcomes) {
  for (size_t i = 0; i < columns.violations.size(); ++i) {
    const uint8_t component = columns.component(i);
    if (component == kNoComponent) continue;
    OutcomeTotals& totals = (*outcomes)[component];
    ++totals.outcome_count;
    totals.violation_count += columns.violations[i];
    if (columns.hardness.empty()) continue;
    ++totals.hardness_count;
    totals.hardness_sum += static_cast<double>(columns.hardness[i]);
  }
}

// The column, if it is there and has as many entries as `violations` has.
template <typename Column, typename T>
void ReadBeside(bool has, const Column& wire, const char* field, size_t rows,
                std::vector<T>* column, Violations* violations) {
  if (!has) return;
  *column = ReadColumn(wire, field, violations);
  CheckLength(static_cast<int64_t>(column->size()), static_cast<int64_t>(rows), field, violations);
}

void ReadColumns(const v1::ReportOutcomesRequest& wire, OutcomesByComponent* outcomes,
                 Violations* violations) {
  Columns columns;
  columns.violations = ReadColumn(wire.violations(), "violations", violations);
  const size_t rows = columns.violations.size();
  if (rows > kMaxDraws) {
    return violations->Add("violations", absl::StrCat("at most ", kMaxDraws, " entries a call"));
  }
  ReadBeside(wire.has_component_indexes(), wire.component_indexes(), "component_indexes", rows,
             &columns.components, violations);
  ReadBeside(wire.has_hardness(), wire.hardness(), "hardness", rows, &columns.hardness, violations);
  if (!violations->empty()) return;
  CheckColumns(columns, violations);
  if (violations->empty()) AddColumns(columns, outcomes);
}

void ReadSums(const v1::ReportOutcomesRequest& wire, OutcomesByComponent* outcomes,
              Violations* violations) {
  if (wire.outcomes_size() > kMaxOutcomeSums) {
    return violations->Add("outcomes", absl::StrCat("at most ", kMaxOutcomeSums, " a call"));
  }
  for (int i = 0; i < wire.outcomes_size(); ++i) {
    const v1::ComponentOutcomes& sums = wire.outcomes(i);
    const std::string path = absl::StrCat("outcomes[", i, "].");
    const auto check = [&](bool good, const char* field, absl::string_view rule) {
      if (!good) violations->Add(path + field, rule);
    };
    const int64_t count = sums.outcome_count();
    check(sums.component_index() >= 0 && sums.component_index() <= kMaxOutcomeComponent,
          "component_index", "must be in [0, 64]");
    check(count >= 0 && count <= kMaxReportedOutcomes, "outcome_count", "must be in [0, 2^40]");
    check(sums.violation_count() >= 0 && sums.violation_count() <= count, "violation_count",
          "must be in [0, outcome_count]");
    check(IsHardness(sums.hardness_sum()), "hardness_sum",
          "must be of a magnitude of at most 1e30");
    check(sums.hardness_count() >= 0 && sums.hardness_count() <= count, "hardness_count",
          "must be in [0, outcome_count]");
    check(sums.has_hardness_sum() || sums.hardness_count() == 0, "hardness_sum",
          "is required with hardness_count");
    if (!violations->empty()) continue;
    OutcomeTotals totals{count, sums.violation_count(), 0, sums.hardness_sum()};
    if (sums.has_hardness_sum()) {
      totals.hardness_count = sums.hardness_count() == 0 ? count : sums.hardness_count();
    }
    (*outcomes)[static_cast<uint8_t>(sums.component_index())] += totals;
  }
}

void WriteOutcomes(uint8_t component, const OutcomeTotals& totals, v1::ComponentOutcomes* wire) {
  wire->set_component_index(component);
  wire->set_outcome_count(totals.outcome_count);
  wire->set_violation_count(totals.violation_count);
  wire->set_hardness_count(totals.hardness_count);
  if (totals.hardness_count > 0) wire->set_hardness_sum(totals.hardness_sum);
}

void WriteSettings(const ControllerSettings& settings, v1::ControllerSettings* wire) {
  wire->set_target_rate(settings.target_rate);
  wire->set_gain(settings.gain);
  wire->set_slope(settings.slope);
  wire->set_max_step(settings.max_step);
  wire->set_min_output(settings.min_output);
  wire->set_max_output(settings.max_output);
  wire->set_start_output(settings.start_output);
  wire->set_smoothing_outcomes(settings.smoothing_outcomes);
  if (settings.stale_after_micros != 0) {
    WriteDuration(absl::Microseconds(settings.stale_after_micros), wire->mutable_stale_after());
  }
  wire->set_stale_distance(settings.stale_distance);
  const StopRule& rule = settings.stop_rule;
  if (rule.report_count == 0) return;
  v1::StopRule* const wire_rule = wire->mutable_stop_rule();
  wire_rule->set_report_count(rule.report_count);
  wire_rule->set_rate_tolerance(rule.rate_tolerance);
  wire_rule->set_output_tolerance(rule.output_tolerance);
  wire_rule->set_hardness_tolerance(rule.hardness_tolerance);
}

void WriteSignal(const StopSignal& signal, v1::StopSignal* wire) {
  wire->set_stop_suggested(signal.stop_suggested);
  wire->set_report_count(signal.report_count);
  wire->set_rate_change(signal.rate_change);
  wire->set_output_change(signal.output_change);
  if (signal.hardness_change.has_value()) wire->set_hardness_change(*signal.hardness_change);
  if (signal.relative_hardness_change.has_value()) {
    wire->set_relative_hardness_change(*signal.relative_hardness_change);
  }
}

v1::Saturation ToWire(Saturation saturation) {
  switch (saturation) {
    case Saturation::kNone:
      return v1::SATURATION_NONE;
    case Saturation::kLow:
      return v1::SATURATION_LOW;
    case Saturation::kHigh:
      return v1::SATURATION_HIGH;
  }
  return v1::SATURATION_UNSPECIFIED;
}

}  // namespace

ControllerSettings ReadControllerSettings(const v1::ControllerSettings& wire,
                                          const std::string& path, Violations* violations) {
  ControllerSettings settings;
  settings.target_rate = wire.target_rate();
  if (wire.has_gain()) settings.gain = wire.gain();
  if (wire.has_slope()) settings.slope = wire.slope();
  if (wire.has_max_step()) settings.max_step = wire.max_step();
  if (wire.has_min_output()) settings.min_output = wire.min_output();
  if (wire.has_max_output()) settings.max_output = wire.max_output();
  settings.start_output = wire.has_start_output() ? wire.start_output() : settings.min_output;
  if (wire.smoothing_outcomes() != 0) settings.smoothing_outcomes = wire.smoothing_outcomes();
  if (wire.has_stale_after()) {
    Violations form;
    settings.stale_after_micros = ReadDuration(wire.stale_after(), path + "stale_after", &form);
    if (form.empty() && settings.stale_after_micros == 0) {
      form.Add(path + "stale_after", "must be unset, or one millisecond to 36,500 days");
    }
    violations->Append(form);
  }
  if (wire.has_stale_distance()) settings.stale_distance = wire.stale_distance();
  if (wire.has_stop_rule()) {
    settings.stop_rule = ReadStopRule(wire.stop_rule(), path + "stop_rule", violations);
  }
  CheckController(settings, path, violations);
  return settings;
}

ReportOutcomesRequest ReadReport(const v1::ReportOutcomesRequest& wire, Violations* violations) {
  ReportOutcomesRequest request;
  request.options = ReadWriteOptions(wire.request_id(), wire.acknowledgement_level(),
                                     AckLevel::kApplied, violations);
  OutcomeReport& report = request.report;
  report.progress = wire.progress();
  if (!wire.has_progress()) {
    violations->Add("progress", "is required: that of the response with the negatives");
  }
  CheckReport(report, violations);
  if (wire.has_progress_time()) {
    report.progress_time = ReadTimestamp(wire.progress_time(), "progress_time", violations);
  }
  const bool has_columns =
      wire.has_violations() || wire.has_component_indexes() || wire.has_hardness();
  if (has_columns && wire.outcomes_size() > 0) {
    violations->Add("outcomes", "are refused together with columns");
  }
  Violations of_outcomes;
  if (has_columns) ReadColumns(wire, &report.outcomes, &of_outcomes);
  ReadSums(wire, &report.outcomes, &of_outcomes);
  violations->Append(of_outcomes);
  return request;
}

void WriteController(const std::string& collection, const ControllerRecord& record,
                     v1::Controller* wire) {
  const ControllerState& state = record.state;
  wire->set_name(NameOfController(collection, record.controller_id));
  WriteSettings(record.settings, wire->mutable_settings());
  WriteTimestamp(record.create_time, wire->mutable_create_time());
  WriteTimestamp(record.update_time, wire->mutable_update_time());
  wire->set_output(state.output);
  if (state.smoothed_rate.has_value()) wire->set_smoothed_rate(*state.smoothed_rate);
  wire->set_report_count(state.report_count);
  wire->set_stale_report_count(state.stale_report_count);
  if (state.report_count > 0) {
    WriteTimestamp(state.last_report_time, wire->mutable_last_report_time());
  }
  wire->set_saturation(ToWire(SaturationOf(record.settings, state)));
  for (const auto& [component, totals] : state.totals) {
    WriteOutcomes(component, totals, wire->add_totals());
  }
  if (record.settings.stop_rule.report_count != 0) {
    WriteSignal(StopSignalOf(record.settings, state), wire->mutable_stop_signal());
  }
}

}  // namespace negatron
