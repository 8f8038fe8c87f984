// SPDX-License-Identifier: Apache-2.0
// `audit list`, `get` and `replay`.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

#include "client/cli/commands_account.h"
#include "client/cli/commands_policy.h"
#include "client/cli/id_list.h"
#include "client/cli/sample_inputs.h"
#include "client/cli/sample_outputs.h"
#include "client/cli/values.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

struct AuditSettings {
  std::string collection;
  std::vector<std::string> ids;
  std::string policy_name;
  std::string since;
  std::string until;
  int32_t limit = 20;
};

// `collections/{id}/audits/{id}` of the collection and an id, or such a name.
std::string AuditName(const std::string& collection, const std::string& id_or_name) {
  if (absl::StrContains(id_or_name, "/")) return id_or_name;
  return absl::StrCat(CollectionName(collection), "/audits/", id_or_name);
}

std::string ShortId(const std::string& name) { return name.substr(name.rfind('/') + 1); }

std::vector<std::string> Line(const v1::Audit& audit) {
  return {ShortId(audit.name()),
          FormatMicros(ToMicros(audit.create_time())),
          audit.shared()       ? "SampleSharedNegatives"
          : audit.candidates() ? "GetCandidates"
                               : "SampleNegatives",
          absl::StrCat(audit.row_count(), " x ", audit.negative_count()),
          audit.policy_name().empty() ? "-" : ShortId(audit.policy_name()),
          absl::StrCat(audit.seed()),
          absl::StrCat(audit.snapshot().commit_sequence()),
          FormatBytes(audit.stored_bytes())};
}

void PrintLines(Session& session, const std::vector<std::vector<std::string>>& lines) {
  session.PrintTable({"audit", "kept", "call", "rows", "policy", "seed", "commit", "bytes"}, lines);
}

absl::Status List(Session& session, const AuditSettings& settings) {
  v1::ListAuditsRequest request;
  request.set_collection(CollectionName(settings.collection));
  if (!settings.policy_name.empty()) {
    request.set_policy_name(PolicyName(settings.collection, settings.policy_name));
  }
  absl::Status status;
  if (!settings.since.empty()) {
    status.Update(FillTime(settings.since, "--since", request.mutable_start_time()));
  }
  if (!settings.until.empty()) {
    status.Update(FillTime(settings.until, "--until", request.mutable_end_time()));
  }
  if (!status.ok()) return status;
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::ListAuditsResponse all;
  do {
    request.set_page_size(settings.limit - all.audits_size());
    const absl::StatusOr<v1::ListAuditsResponse> page = (*client)->ListAudits(request);
    if (!page.ok()) return page.status();
    all.mutable_audits()->MergeFrom(page->audits());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && all.audits_size() < settings.limit);
  if (session.json) return session.PrintJson(all);
  std::vector<std::vector<std::string>> lines;
  for (const v1::Audit& audit : all.audits()) lines.push_back(Line(audit));
  PrintLines(session, lines);
  return absl::OkStatus();
}

// A line for each draw of the call.
absl::Status PrintDraws(Session& session, const v1::Audit& audit) {
  const v1::SampleNegativesResponse& response = audit.response();
  const std::vector<std::string> items = IdTexts(response.item_ids());
  const std::vector<std::string> users = IdTexts(audit.request().user_ids());
  const auto log_q = ReadFloats(response.log_q(), "log_q").value_or(std::vector<float>());
  const auto components =
      ReadBytes(response.component_indexes(), "component_indexes").value_or(std::vector<uint8_t>());
  const auto negatives = static_cast<size_t>(audit.negative_count());
  std::vector<std::vector<std::string>> lines;
  for (size_t at = 0; at < items.size(); ++at) {
    const size_t row = at / negatives;
    const int component = at < components.size() ? components[at] : response.components_size();
    lines.push_back(
        {absl::StrCat(row), row < users.size() ? users[row] : "-", items[at],
         component < response.components_size() ? response.components(component).source() : "-",
         Number(log_q, at)});
  }
  session.PrintTable({"row", "user", "item", "source", "log q"}, lines);
  return absl::OkStatus();
}

// A line for each negative of the block, with how many rows it is false for.
absl::Status PrintBlock(Session& session, const v1::Audit& audit) {
  const v1::SampleSharedNegativesResponse& response = audit.shared_response();
  const std::vector<std::string> items = IdTexts(response.item_ids());
  const auto log_q = ReadFloats(response.log_q(), "log_q").value_or(std::vector<float>());
  const auto components =
      ReadBytes(response.component_indexes(), "component_indexes").value_or(std::vector<uint8_t>());
  const size_t row_bytes = (items.size() + 7) / 8;
  std::vector<std::vector<std::string>> lines;
  lines.reserve(items.size());
  for (size_t k = 0; k < items.size(); ++k) {
    int64_t false_rows = 0;
    for (size_t at = k / 8; at < response.false_mask().size(); at += row_bytes) {
      false_rows += static_cast<uint8_t>(response.false_mask()[at]) >> (k % 8) & 1;
    }
    const int component = k < components.size() ? components[k] : response.components_size();
    lines.push_back(
        {items[k],
         component < response.components_size() ? response.components(component).source() : "-",
         Number(log_q, k), absl::StrCat(false_rows)});
  }
  session.PrintTable({"item", "source", "log q", "false rows"}, lines);
  return absl::OkStatus();
}

absl::Status Get(Session& session, const AuditSettings& settings) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::GetAuditRequest request;
  request.set_name(AuditName(settings.collection, settings.ids[0]));
  request.set_encoding(v1::COLUMN_ENCODING_TYPED);
  const absl::StatusOr<v1::Audit> audit = (*client)->GetAudit(request);
  if (!audit.ok()) return audit.status();
  if (session.json) return session.PrintJson(*audit);
  PrintLines(session, {Line(*audit)});
  *session.out << "\n";
  return audit->shared() ? PrintBlock(session, *audit) : PrintDraws(session, *audit);
}

absl::Status Replay(Session& session, const AuditSettings& settings) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  bool all_equal = true;
  for (const std::string& id : settings.ids) {
    v1::ReplayAuditRequest request;
    request.set_name(AuditName(settings.collection, id));
    const absl::StatusOr<v1::ReplayAuditResponse> response = (*client)->ReplayAudit(request);
    if (!response.ok()) return response.status();
    all_equal &= response->equal();
    if (session.json) {
      if (absl::Status status = session.PrintJson(*response); !status.ok()) return status;
      continue;
    }
    *session.out << ShortId(request.name()) << ": ";
    const v1::ColumnDifference& difference = response->difference();
    if (response->equal()) {
      *session.out << "equal\n";
    } else {
      *session.out << difference.column() << "[" << difference.index() << "] was "
                   << difference.kept() << " and is " << difference.replayed() << "\n";
    }
  }
  if (all_equal) return absl::OkStatus();
  return absl::DataLossError("what was drawn again differs from what was kept");
}

}  // namespace

void AddAuditCommands(CLI::App* app, Session* session) {
  CLI::App* audit = app->add_subcommand("audit", "Shows sampling calls that were kept.");
  audit->require_subcommand(1)->fallthrough();
  const auto settings = std::make_shared<AuditSettings>();
  const auto add = [&](const char* name, const char* description,
                       absl::Status (*run)(Session&, const AuditSettings&)) {
    CLI::App* command = audit->add_subcommand(name, description);
    command->fallthrough();
    command->add_option("--collection", settings->collection, "Id of the collection.")->required();
    command->callback([session, settings, run] {
      session->command = [settings, run](Session& now) { return run(now, *settings); };
    });
    return command;
  };
  CLI::App* list = add("list", "Lists kept calls, the newest first.", List);
  list->add_option("--policy-name", settings->policy_name,
                   "Only by this stored policy, NAME or NAME@VERSION.");
  list->add_option("--since", settings->since, "Only calls that were kept then or later.");
  list->add_option("--until", settings->until, "Only calls that were kept before.");
  list->add_option("--limit", settings->limit, "At most so many. Default: 20.")
      ->check(CLI::Range(1, 1000));
  CLI::App* get = add("get", "Prints a kept call.", Get);
  get->add_option("audit", settings->ids, "Its id.")->required()->expected(1);
  CLI::App* replay = add("replay", "Draws kept calls once more and compares every byte.", Replay);
  replay->add_option("audits", settings->ids, "Their ids.")->required();
  replay->footer("Fails once the collection, its index or the server has changed.");
}

}  // namespace negatron::client
