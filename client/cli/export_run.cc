// SPDX-License-Identifier: Apache-2.0
#include "client/cli/export_run.h"

#include <algorithm>
#include <memory>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "client/cli/event_kinds.h"
#include "client/cli/export_job.h"
#include "client/cli/id_list.h"
#include "client/cli/item_lives.h"
#include "client/cli/item_page.h"
#include "client/cli/output_file.h"
#include "client/cli/values.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

// Entries of a page. With the longest ids, categories and attributes a page stays below the
// client's limit of 16 MiB.
constexpr int kEventsPerPage = 30'000;
constexpr int kItemsPerPage = 2'500;

absl::StatusOr<TableFormat> ChooseFormat(const ExportRun& run) {
  if (run.format.has_value()) return *run.format;
  if (run.path == "-") return TableFormat::kCsv;
  if (const auto format = FormatOf(run.path); format.has_value()) return *format;
  return UsageError(absl::StrCat("--out: ", run.path,
                                 " ends in none of .csv, .tsv, .inter, .item; --format says what "
                                 "to write"));
}

// Pages of a table, from `fetch` to `write`, which adds the rows of a page.
template <typename Request, typename Response>
absl::Status WriteTable(ExportJob& job, Request request, const std::vector<TableColumn>& columns,
                        TableFormat format,
                        absl::StatusOr<Response> (Client::*fetch)(const Request&),
                        absl::Status (*write)(ExportJob&, const Response&, TableFormat,
                                              TableWriter&, int64_t* read)) {
  absl::StatusOr<std::unique_ptr<OutputFile>> output =
      OutputFile::Create(job.run().path, job.session().out);
  if (!output.ok()) return output.status();
  TableWriter writer(&(*output)->stream(), format, columns, job.run().without);
  int64_t read = 0;
  do {
    const absl::StatusOr<Response> page = (job.client().*fetch)(request);
    if (!page.ok()) return page.status();
    absl::Status status = write(job, *page, format, writer, &read);
    status.Update((*output)->Check());
    if (!status.ok()) return status;
    job.Report(read);
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (absl::Status status = (*output)->Commit(); !status.ok()) return status;
  return job.PrintOutcome();
}

absl::Status RowError(absl::string_view what, const absl::Status& status) {
  if (status.code() != absl::StatusCode::kInvalidArgument) return status;
  return InputError(absl::StrCat(what, ": ", status.message()));
}

// --- Events. ---

absl::Status WriteEventPage(ExportJob& job, const v1::ListEventsResponse& page, TableFormat,
                            TableWriter& writer, int64_t* read) {
  const std::vector<std::string> users = IdTexts(page.user_ids());
  const size_t rows = users.size();
  const std::vector<std::string> items = IdTexts(page.item_ids());
  std::vector<int64_t> times;
  std::vector<float> weights;
  std::vector<uint8_t> kinds;
  std::vector<float> propensities;
  std::vector<uint8_t> cohorts;
  absl::Status status =
      Fill<int64_t>(ReadInt64s(page.event_time_micros(), ""), rows, std::nullopt, &times);
  status.Update(Fill<float>(ReadFloats(page.weights(), ""), rows, 1.0F, &weights));
  status.Update(Fill<uint8_t>(ReadBytes(page.kinds(), ""), rows, v1::EVENT_KIND_POSITIVE, &kinds));
  status.Update(Fill<float>(ReadFloats(page.propensities(), ""), rows, 0.0F, &propensities));
  status.Update(Fill<uint8_t>(ReadBytes(page.cohorts(), ""), rows, 0, &cohorts));
  if (!status.ok()) return status;
  if (items.size() != rows) return absl::InternalError("the server's columns differ in length");
  for (size_t i = 0; i < rows; ++i) {
    if (job.run().kind.has_value() && kinds[i] != *job.run().kind) continue;
    status = writer.WriteRow({users[i], items[i], FormatSeconds(times[i]), FormatFloat(weights[i]),
                              EventKindName(kinds[i]), FormatFloat(propensities[i]),
                              absl::StrCat(cohorts[i])});
    if (!status.ok()) {
      return RowError(absl::StrCat("the event of user `", users[i], "` and item `", items[i],
                                   "` at ", FormatMicros(times[i])),
                      status);
    }
    job.Count(1);
  }
  *read += static_cast<int64_t>(rows);
  return absl::OkStatus();
}

// --- Items. ---

// The cell of an item's categories; INVALID_ARGUMENT if import would read others from it.
absl::StatusOr<std::string> FormatCategories(std::span<const std::string* const> names,
                                             const std::string& separator) {
  for (const std::string* const name : names) {
    if (absl::StrContains(*name, separator) || absl::StripAsciiWhitespace(*name) != *name) {
      return absl::InvalidArgumentError(absl::StrCat(
          "category `", *name, "` holds `", separator,
          "`, which separates categories, or a space at an end; see --category-separator, or leave "
          "them out by --without categories"));
    }
  }
  return absl::StrJoin(names, separator, absl::DereferenceFormatter());
}

bool IsLeftOut(const ExportRun& run, absl::string_view column) {
  return std::find(run.without.begin(), run.without.end(), column) != run.without.end();
}

// The cells of an item.
absl::StatusOr<std::vector<std::string>> FormatItem(const ExportRun& run, TableFormat format,
                                                    const v1::ItemTable& table,
                                                    const ItemPage& page, size_t row) {
  const char plain = format == TableFormat::kRecBole ? kSequenceSeparator : kPlainSeparator;
  LifeCells lives;
  if (!IsLeftOut(run, "alive_from")) {
    std::vector<ItemLife> spans;
    for (auto i = page.interval_splits[row]; i < page.interval_splits[row + 1]; ++i) {
      spans.push_back({page.from[static_cast<size_t>(i)], page.until[static_cast<size_t>(i)]});
    }
    const absl::StatusOr<LifeCells> cells = FormatLives(spans, plain);
    if (!cells.ok()) return cells.status();
    lives = *cells;
  }
  std::string categories;
  if (!IsLeftOut(run, "categories")) {
    std::vector<const std::string*> names;
    for (auto i = page.category_splits[row]; i < page.category_splits[row + 1]; ++i) {
      names.push_back(&table.categories().ids().names().values(static_cast<int>(i)));
    }
    const absl::StatusOr<std::string> cell = FormatCategories(
        names, run.category_separator.empty() ? std::string(1, plain) : run.category_separator);
    if (!cell.ok()) return cell.status();
    categories = *cell;
  }
  return std::vector<std::string>{
      page.ids[row], lives.from,
      lives.until,   FormatFloat(page.base_weights[row]),
      categories,    table.attributes_size() == 0 ? "" : table.attributes(static_cast<int>(row))};
}

absl::Status WriteItemPage(ExportJob& job, const v1::ListItemsResponse& response,
                           TableFormat format, TableWriter& writer, int64_t* read) {
  const absl::StatusOr<ItemPage> page = ReadItemPage(response.items());
  if (!page.ok()) return page.status();
  for (size_t row = 0; row < page->ids.size(); ++row) {
    const auto cells = FormatItem(job.run(), format, response.items(), *page, row);
    const absl::Status status = cells.ok() ? writer.WriteRow(*cells) : cells.status();
    if (!status.ok()) return RowError(absl::StrCat("item `", page->ids[row], "`"), status);
  }
  job.Count(static_cast<int64_t>(page->ids.size()));
  *read += static_cast<int64_t>(page->ids.size());
  return absl::OkStatus();
}

}  // namespace

std::vector<TableColumn> ItemExportColumns() {
  return {{"item_id", "token"},     {"alive_from", "float_seq"}, {"alive_until", "float_seq"},
          {"base_weight", "float"}, {"categories", "token_seq"}, {"attributes", "token"}};
}

std::vector<TableColumn> EventExportColumns() {
  return {{"user_id", "token"}, {"item_id", "token"}, {"timestamp", "float"},
          {"weight", "float"},  {"kind", "token"},    {"propensity", "float"},
          {"cohort", "token"}};
}

absl::Status RunEventExport(Session& session, const ExportRun& run) {
  const absl::StatusOr<TableFormat> format = ChooseFormat(run);
  if (!format.ok()) return format.status();
  ExportJob job(&session, &run, "events");
  if (absl::Status status = job.Connect(); !status.ok()) return status;
  // Of positives alone; how many there are in a span of time is not known.
  const bool all = !run.start_micros.has_value() && !run.end_micros.has_value();
  job.ExpectTotal(all ? job.statistics().event_count() : 0);
  v1::ListEventsRequest request;
  request.set_collection(job.collection().name());
  request.set_page_size(kEventsPerPage);
  request.set_encoding(EncodingFor(job.collection().user_id_type() == v1::ID_TYPE_STRING ||
                                   job.collection().item_id_type() == v1::ID_TYPE_STRING));
  if (run.start_micros) *request.mutable_start_time() = ToTimestamp(*run.start_micros);
  if (run.end_micros) *request.mutable_end_time() = ToTimestamp(*run.end_micros);
  return WriteTable(job, request, EventExportColumns(), *format, &Client::ListEvents,
                    WriteEventPage);
}

absl::Status RunItemExport(Session& session, const ExportRun& run) {
  const absl::StatusOr<TableFormat> format = ChooseFormat(run);
  if (!format.ok()) return format.status();
  if (IsLeftOut(run, "alive_from") != IsLeftOut(run, "alive_until")) {
    return UsageError("--without: alive_from and alive_until go together");
  }
  ExportJob job(&session, &run, "items");
  if (absl::Status status = job.Connect(); !status.ok()) return status;
  job.ExpectTotal(job.statistics().item_count());
  v1::ListItemsRequest request;
  request.set_collection(job.collection().name());
  request.set_page_size(kItemsPerPage);
  request.set_encoding(EncodingFor(job.collection().item_id_type() == v1::ID_TYPE_STRING));
  return WriteTable(job, request, ItemExportColumns(), *format, &Client::ListItems, WriteItemPage);
}

}  // namespace negatron::client
