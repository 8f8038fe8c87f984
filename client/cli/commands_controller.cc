// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_controller.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <CLI/CLI.hpp>

#include "client/cli/values.h"

namespace negatron::client {
namespace {

struct ControllerOptions {
  std::string collection;
  std::string name;
  double target = 0;
  std::optional<double> gain, slope, max_step, min_output, max_output, start_output;
  std::optional<double> stale_distance;
  int64_t smoothing_outcomes = 0;
  std::string stale_after;
  int32_t stop_reports = 0;
  bool restart = false;
  bool allow_missing = false;
};

absl::Status FillSettings(const ControllerOptions& options, v1::ControllerSettings* settings) {
  settings->set_target_rate(options.target);
  if (options.gain) settings->set_gain(*options.gain);
  if (options.slope) settings->set_slope(*options.slope);
  if (options.max_step) settings->set_max_step(*options.max_step);
  if (options.min_output) settings->set_min_output(*options.min_output);
  if (options.max_output) settings->set_max_output(*options.max_output);
  if (options.start_output) settings->set_start_output(*options.start_output);
  if (options.stale_distance) settings->set_stale_distance(*options.stale_distance);
  settings->set_smoothing_outcomes(options.smoothing_outcomes);
  if (options.stop_reports > 0) {
    settings->mutable_stop_rule()->set_report_count(options.stop_reports);
  }
  if (options.stale_after.empty()) return absl::OkStatus();
  const absl::StatusOr<absl::Duration> age = ParsePositiveDuration(options.stale_after);
  if (!age.ok()) return UsageError(absl::StrCat("--stale-after: ", age.status().message()));
  *settings->mutable_stale_after() = ToDuration(*age);
  return absl::OkStatus();
}

std::string Percent(double part) { return absl::StrFormat("%.2f%%", 100 * part); }

// What became of a controller, in words.
std::string Describe(const v1::Controller& controller) {
  if (controller.stop_signal().stop_suggested()) return "flat: the training may end";
  switch (controller.saturation()) {
    case v1::SATURATION_LOW:
      return "too hard at its lowest output";
    case v1::SATURATION_HIGH:
      return "too easy at its highest output";
    default:
      return controller.has_smoothed_rate() ? "steering" : "no reports yet";
  }
}

std::string RateOf(const v1::Controller& controller) {
  return controller.has_smoothed_rate() ? Percent(controller.smoothed_rate()) : "-";
}

std::string IdOf(const v1::Controller& controller) {
  return controller.name().substr(controller.name().rfind('/') + 1);
}

absl::Status Put(Session& session, const ControllerOptions& options) {
  v1::PutControllerRequest request;
  request.set_name(ControllerName(options.collection, options.name));
  request.set_restart(options.restart);
  absl::Status status = FillSettings(options, request.mutable_settings());
  if (!status.ok()) return status;
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Controller> controller = (*client)->PutController(request);
  if (!controller.ok()) return controller.status();
  if (session.json) return session.PrintJson(*controller);
  *session.out << IdOf(*controller) << " at output " << controller->output() << "\n";
  return absl::OkStatus();
}

absl::Status Get(Session& session, const ControllerOptions& options) {
  v1::GetControllerRequest request;
  request.set_name(ControllerName(options.collection, options.name));
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Controller> controller = (*client)->GetController(request);
  if (!controller.ok()) return controller.status();
  if (session.json) return session.PrintJson(*controller);
  std::vector<std::vector<std::string>> rows{
      {"output", absl::StrFormat("%.4f", controller->output())},
      {"violations", absl::StrCat(RateOf(*controller), " of ",
                                  Percent(controller->settings().target_rate()), " wanted")},
      {"state", Describe(*controller)},
      {"reports",
       absl::StrCat(controller->report_count(), ", ", controller->stale_report_count(), " stale")}};
  for (const v1::ComponentOutcomes& totals : controller->totals()) {
    rows.push_back(
        {absl::StrCat("component ", totals.component_index()),
         absl::StrCat(totals.violation_count(), " violations of ", totals.outcome_count())});
  }
  session.PrintTable({"controller", IdOf(*controller)}, rows);
  return absl::OkStatus();
}

absl::Status List(Session& session, const ControllerOptions& options) {
  v1::ListControllersRequest request;
  request.set_collection(CollectionName(options.collection));
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::ListControllersResponse all;
  do {
    const absl::StatusOr<v1::ListControllersResponse> page = (*client)->ListControllers(request);
    if (!page.ok()) return page.status();
    all.mutable_controllers()->MergeFrom(page->controllers());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (session.json) return session.PrintJson(all);
  std::vector<std::vector<std::string>> rows;
  for (const v1::Controller& controller : all.controllers()) {
    rows.push_back({IdOf(controller), absl::StrFormat("%.4f", controller.output()),
                    RateOf(controller), Percent(controller.settings().target_rate()),
                    absl::StrCat(controller.report_count()), Describe(controller)});
  }
  session.PrintTable({"controller", "output", "violations", "target", "reports", "state"}, rows);
  return absl::OkStatus();
}

absl::Status Delete(Session& session, const ControllerOptions& options) {
  v1::DeleteControllerRequest request;
  request.set_name(ControllerName(options.collection, options.name));
  request.set_allow_missing(options.allow_missing);
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  return (*client)->DeleteController(request);
}

void AddSettings(CLI::App* put, ControllerOptions* options) {
  const CLI::Range part(0.0, 1.0);
  put->add_option("--target", options->target, "Rate of violations to be held.")
      ->required()
      ->check(part);
  put->add_option("--gain", options->gain, "Part of the way that a large report moves it. 0.4.")
      ->check(part);
  put->add_option("--slope", options->slope,
                  "Log-odds of a violation from output 0 to output 1, about. Default 8.")
      ->check(CLI::PositiveNumber);
  put->add_option("--max-step", options->max_step, "Largest step of a report. Default 0.05.")
      ->check(part);
  put->add_option("--min-output", options->min_output, "Lowest output. Default 0.")->check(part);
  put->add_option("--max-output", options->max_output, "Highest output. Default 1.")->check(part);
  put->add_option("--start-output", options->start_output, "First output. Default: the lowest.")
      ->check(part);
  put->add_option("--smoothing", options->smoothing_outcomes,
                  "Outcomes of a report of half the largest weight. Default 1000.")
      ->check(CLI::PositiveNumber);
  put->add_option("--stale-after", options->stale_after,
                  "Reports about negatives older than this move nothing, 10m say.");
  put->add_option("--stale-distance", options->stale_distance,
                  "Nor do those of an output further away than this. Default 0.25.")
      ->check(part);
  put->add_option("--stop-reports", options->stop_reports,
                  "Suggest an end once this many reports are flat; even.")
      ->check(CLI::PositiveNumber);
  put->add_flag("--restart", options->restart, "Forget what was reported.");
}

}  // namespace

std::string ControllerName(const std::string& collection, const std::string& id_or_name) {
  if (absl::StrContains(id_or_name, "/")) return id_or_name;
  return absl::StrCat(CollectionName(collection), "/controllers/", id_or_name);
}

void AddControllerCommands(CLI::App* app, Session* session) {
  CLI::App* controller =
      app->add_subcommand("controller", "Holds the rate of margin violations at a target.");
  controller->require_subcommand(1)->fallthrough();
  const auto options = std::make_shared<ControllerOptions>();
  const auto add = [&](const char* name, const char* description,
                       absl::Status (*run)(Session&, const ControllerOptions&), bool has_name) {
    CLI::App* command = controller->add_subcommand(name, description);
    command->fallthrough();
    command->add_option("--collection", options->collection, "Id of the collection.")->required();
    if (has_name) command->add_option("name", options->name, "Id of the controller.")->required();
    command->callback([session, options, run] {
      session->command = [options, run](Session& now) { return run(now, *options); };
    });
    return command;
  };
  AddSettings(add("put", "Makes a controller, or changes its settings.", Put, true), options.get());
  add("get", "Prints where a controller stands.", Get, true);
  add("list", "Lists controllers.", List, false);
  add("delete", "Deletes a controller.", Delete, true)
      ->add_flag("--allow-missing", options->allow_missing, "No error if there is none.");
}

}  // namespace negatron::client
