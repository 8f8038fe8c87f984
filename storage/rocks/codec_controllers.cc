// SPDX-License-Identifier: Apache-2.0
// Controllers.
#include <string>

#include "storage/rocks/bytes.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/record_reader.h"

namespace negatron {
namespace {

constexpr uint8_t kHasRate = 1;

void AppendTotals(const OutcomeTotals& totals, std::string* out) {
  AppendLittle(totals.outcome_count, out);
  AppendLittle(totals.violation_count, out);
  AppendLittle(totals.hardness_count, out);
  AppendDouble(totals.hardness_sum, out);
}

OutcomeTotals ReadTotals(ByteReader& value) {
  OutcomeTotals totals;
  totals.outcome_count = value.Little<int64_t>();
  totals.violation_count = value.Little<int64_t>();
  totals.hardness_count = value.Little<int64_t>();
  totals.hardness_sum = value.Double();
  return totals;
}

void AppendSettings(const ControllerSettings& settings, std::string* out) {
  for (const double number :
       {settings.target_rate, settings.gain, settings.slope, settings.max_step, settings.min_output,
        settings.max_output, settings.start_output}) {
    AppendDouble(number, out);
  }
  AppendLittle(settings.smoothing_outcomes, out);
  AppendLittle(settings.stale_after_micros, out);
  AppendDouble(settings.stale_distance, out);
  AppendLittle(static_cast<uint16_t>(settings.stop_rule.report_count), out);
  AppendDouble(settings.stop_rule.rate_tolerance, out);
  AppendDouble(settings.stop_rule.output_tolerance, out);
  AppendDouble(settings.stop_rule.hardness_tolerance, out);
}

ControllerSettings ReadSettings(ByteReader& value) {
  ControllerSettings settings;
  for (double* const number :
       {&settings.target_rate, &settings.gain, &settings.slope, &settings.max_step,
        &settings.min_output, &settings.max_output, &settings.start_output}) {
    *number = value.Double();
  }
  settings.smoothing_outcomes = value.Little<int64_t>();
  settings.stale_after_micros = value.Little<int64_t>();
  settings.stale_distance = value.Double();
  settings.stop_rule.report_count = value.Little<uint16_t>();
  settings.stop_rule.rate_tolerance = value.Double();
  settings.stop_rule.output_tolerance = value.Double();
  settings.stop_rule.hardness_tolerance = value.Double();
  return settings;
}

void AppendState(const ControllerState& state, std::string* out) {
  AppendDouble(state.output, out);
  AppendLittle(state.smoothed_rate.has_value() ? kHasRate : uint8_t{0}, out);
  if (state.smoothed_rate.has_value()) AppendDouble(*state.smoothed_rate, out);
  AppendLittle(state.report_count, out);
  AppendLittle(state.stale_report_count, out);
  AppendLittle(state.last_report_time, out);
  AppendLittle(static_cast<uint8_t>(state.totals.size()), out);
  for (const auto& [component, totals] : state.totals) {
    AppendLittle(component, out);
    AppendTotals(totals, out);
  }
  AppendLittle(static_cast<uint16_t>(state.recent.size()), out);
  for (const RecentReport& report : state.recent) {
    AppendDouble(report.output, out);
    AppendTotals(report.outcomes, out);
  }
}

ControllerState ReadState(RecordReader& reader) {
  ByteReader& value = reader.value();
  ControllerState state;
  state.output = value.Double();
  if (reader.Flags(kHasRate) != 0) state.smoothed_rate = value.Double();
  state.report_count = value.Little<int64_t>();
  state.stale_report_count = value.Little<int64_t>();
  state.last_report_time = value.Little<int64_t>();
  const auto components = value.Little<uint8_t>();
  for (int i = 0; i < components && value.remaining() > 0; ++i) {
    const auto component = value.Little<uint8_t>();
    if (!state.totals.empty() && component <= state.totals.rbegin()->first) {
      reader.Fail("components out of order");
    }
    state.totals[component] = ReadTotals(value);
  }
  if (state.totals.size() != components) reader.Fail("components are missing");
  const auto recent = value.Little<uint16_t>();
  for (int i = 0; i < recent && value.remaining() > 0; ++i) {
    RecentReport& report = state.recent.emplace_back();
    report.output = value.Double();
    report.outcomes = ReadTotals(value);
  }
  if (state.recent.size() != recent) reader.Fail("reports are missing");
  return state;
}

}  // namespace

void AppendControllerKey(int64_t incarnation, absl::string_view controller_id, std::string* out) {
  AppendBig(incarnation, out);
  out->append(controller_id.data(), controller_id.size());
}

void AppendValue(const ControllerRecord& record, std::string* out) {
  AppendLittle(kVersion1, out);
  AppendLittle(record.commit_sequence, out);
  AppendLittle(record.create_time, out);
  AppendLittle(record.update_time, out);
  AppendSettings(record.settings, out);
  AppendState(record.state, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, ControllerRecord* record) {
  RecordReader reader(Family::kControllers, key, value);
  record->controller_id = std::string(reader.key().Take(reader.key().remaining()));
  if (record->controller_id.empty()) reader.Fail("an empty controller id");
  record->commit_sequence = reader.value().Little<int64_t>();
  record->create_time = reader.value().Little<int64_t>();
  record->update_time = reader.value().Little<int64_t>();
  record->settings = ReadSettings(reader.value());
  record->state = ReadState(reader);
  return reader.Finish();
}

}  // namespace negatron
