// SPDX-License-Identifier: Apache-2.0
// `inspect`.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>
#include <google/protobuf/struct.pb.h>

#include "client/cli/commands_inspect.h"
#include "client/cli/inspection.h"
#include "client/cli/inspection_page.h"
#include "client/cli/output_file.h"
#include "client/cli/row_options.h"
#include "client/cli/source_spec.h"
#include "client/cli/values.h"

namespace negatron::client {
namespace {

struct PageSettings {
  InspectionSettings inspection;
  std::string path = "negatron.html";
};

absl::Status Tell(Session& session, const PageSettings& settings, const Inspection& inspection) {
  const bool to_standard_output = settings.path == "-";
  if (session.json && !to_standard_output) {
    google::protobuf::Struct json;
    auto& fields = *json.mutable_fields();
    fields["collection"].set_string_value(inspection.collection.name());
    fields["path"].set_string_value(settings.path);
    fields["itemCount"].set_number_value(static_cast<double>(inspection.points.ids.size()));
    return session.PrintJson(json);
  }
  (to_standard_output ? *session.err : *session.out)
      << "page of " << inspection.collection.name() << " with "
      << WithCommas(static_cast<int64_t>(inspection.points.ids.size())) << " items written to "
      << (to_standard_output ? "standard output" : settings.path) << "\n";
  return absl::OkStatus();
}

absl::Status WritePage(Session& session, const PageSettings& settings) {
  // First, so that a path that cannot be written costs no calls.
  const auto output = OutputFile::Create(settings.path, session.out);
  if (!output.ok()) return output.status();
  const absl::StatusOr<Inspection> inspection = FetchInspection(session, settings.inspection);
  if (!inspection.ok()) return inspection.status();
  (*output)->stream() << InspectionPage(*inspection);
  if (absl::Status status = (*output)->Commit(); !status.ok()) return status;
  return Tell(session, settings, *inspection);
}

}  // namespace

void AddPageCommand(CLI::App* app, Session* session) {
  const auto settings = std::make_shared<PageSettings>();
  InspectionSettings& inspection = settings->inspection;
  CLI::App* command = app->add_subcommand(
      "inspect",
      "Writes a page for a browser, one file that needs no network: a map of the items by their "
      "embeddings, what the policy draws for a row and why, and how hard draws were over time.");
  command->fallthrough();
  command->add_option("collection,--collection", inspection.row.collection, "Id of the collection.")
      ->required();
  command->add_option("--out", settings->path, "Where to: a file, or - for standard output.")
      ->capture_default_str();
  command
      ->add_option("--items", inspection.item_count,
                   "Living items on the map, each with the same probability; all, if there are "
                   "fewer.")
      ->check(CLI::Range(2, 20'000))
      ->capture_default_str();
  command->add_option("--draws", inspection.draw_count, "Negatives that the policy draws.")
      ->check(CLI::Range(1, 2'000))
      ->capture_default_str();
  command
      ->add_option("--neighbours", inspection.neighbour_count,
                   "Items nearest to the anchor, 0 for none.")
      ->check(CLI::Range(0, 1'000))
      ->capture_default_str();
  AddRowOptions(command, "--anchor-item,--positive", &inspection.row);
  command->footer(
      std::string(kSourceHelp) +
      "The row is that of a training step: a user, a positive (the anchor item), or both. Its\n"
      "neighbourhood lies around the query, else the anchor item, else the user's embedding, else\n"
      "what the user chose last. Without a row, the page shows what the policy draws for anybody.\n"
      "\n"
      "What is on the page:\n"
      "  map            the plane that keeps most of the variance of the items (PCA); colours are\n"
      "                 categories, shapes what items are to the row. It is a shadow: items that\n"
      "                 are near in it may be far apart, so neighbours are also listed by score\n"
      "  any point      why it is excluded, and by which source it is drawn with which\n"
      "                 probability, as `negatron explain` tells it\n"
      "  over time      how hard drawn negatives were, by source, and how old their events\n"
      "\n"
      "The page's own draws (the sample, the policy's, the neighbours) count in the collection's\n"
      "statistics like those of a trainer. Equal options and seed on equal data give equal draws.\n"
      "\n"
      "Examples: negatron inspect films --user 2 --policy-name hard --positive 17\n"
      "          negatron inspect films --user 2 --source nearest:anchor=user,end=50 \\\n"
      "              --source uniform --as-of 2024-05-01 --out user2.html\n");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return WritePage(run, *settings); };
  });
}

}  // namespace negatron::client
