// SPDX-License-Identifier: Apache-2.0
#include "client/cli/import_files.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

#include "client/cli/session.h"

namespace negatron::client {
namespace {

constexpr std::array<absl::string_view, 3> kUserNames = {"userid", "user", "uid"};
constexpr std::array<absl::string_view, 6> kItemNames = {"itemid", "movieid",   "item",
                                                         "iid",    "productid", "asin"};
constexpr std::array<absl::string_view, 5> kTimeNames = {"timestamp", "time", "ts", "eventtime",
                                                         "datetime"};
constexpr std::array<absl::string_view, 4> kRatingNames = {"rating", "ratings", "score", "stars"};

// Limits of `negatron/v1/pool.proto`.
constexpr double kMinWeight = 1.0 / 64;
constexpr double kMaxWeight = 4096;
constexpr double kMinBaseWeight = 1.0 / 16;
constexpr double kMaxBaseWeight = 16;
constexpr int64_t kMaxCohort = 255;
constexpr size_t kMaxCategories = 16;
constexpr size_t kMaxCategoryBytes = 128;
constexpr size_t kMaxAttributeBytes = 1024;

// Types of columns in RecBole's files, whose values stand between spaces.
constexpr absl::string_view kTokenSequence = "token_seq";
constexpr absl::string_view kFloatSequence = "float_seq";

constexpr size_t kBadLineSamples = 5;

// The places of columns in MovieLens files without a header: user, item, rating, time.
constexpr size_t kMovieLensColumns = 4;

absl::Status Prefix(absl::string_view prefix, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(prefix, ": ", status.message()));
}

absl::Status FileError(const absl::Status& status) { return InputError(status.message()); }

// Finds a column; a missing one is an error that names its option.
absl::StatusOr<size_t> Require(const TableReader& table, const std::string& wanted,
                               std::span<const absl::string_view> known,
                               std::optional<size_t> position, absl::string_view option) {
  const absl::StatusOr<std::optional<size_t>> column = table.FindColumn(wanted, known, position);
  if (!column.ok()) return UsageError(absl::StrCat(option, ": ", column.status().message()));
  if (column->has_value()) return **column;
  return UsageError(absl::StrCat("no column of ", table.path(),
                                 " has a name that is known; name it with ", option, ": ",
                                 table.DescribeColumns()));
}

// A number in a cell, within [least, most]; `empty` for an empty cell, if it may be.
absl::StatusOr<float> ParseNumber(absl::string_view name, absl::string_view text, double least,
                                  double most, std::optional<float> empty) {
  if (empty.has_value() && absl::StripAsciiWhitespace(text).empty()) return *empty;
  double number = 0;
  float value = 0;  // Not the rounded double, which is another now and then.
  if (absl::SimpleAtod(text, &number) && number >= least && number <= most &&
      absl::SimpleAtof(text, &value)) {
    return value;
  }
  return absl::InvalidArgumentError(absl::StrFormat("%s: `%s` is not a number in [%g, %g]", name,
                                                    text.substr(0, 40), least, most));
}

// A cohort; 0 for an empty cell.
absl::StatusOr<uint8_t> ParseCohort(absl::string_view text) {
  if (absl::StripAsciiWhitespace(text).empty()) return uint8_t{0};
  int64_t number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= 0 && number <= kMaxCohort) {
    return static_cast<uint8_t>(number);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("cohort: `", text.substr(0, 40), "` is not a whole number in [0, 255]"));
}

}  // namespace

void EventChunk::Clear() {
  users.Clear();
  items.Clear();
  time_micros.clear();
  weights.clear();
  kinds.clear();
  propensities.clear();
  cohorts.clear();
  lines.clear();
}

EventBatch EventChunk::Batch() const {
  return EventBatch{.collection = "",
                    .user_ids = users.span(),
                    .item_ids = items.span(),
                    .time_micros = time_micros,
                    .weights = weights,
                    .kinds = kinds,
                    .propensities = propensities,
                    .cohorts = cohorts};
}

void ItemChunk::Clear() {
  items.Clear();
  alive_from_micros.clear();
  alive_until_micros.clear();
  interval_splits.assign(1, 0);
  base_weights.clear();
  category_names.clear();
  category_splits.clear();
  attributes.clear();
  lines.clear();
}

ItemBatch ItemChunk::Batch(bool with_lives) const {
  using Micros = std::span<const int64_t>;
  // Without splits every item has one life.
  bool one_each = true;
  for (size_t i = 0; i < interval_splits.size(); ++i) {
    one_each &= interval_splits[i] == static_cast<int64_t>(i);
  }
  return ItemBatch{.collection = "",
                   .ids = items.span(),
                   .alive_from_micros = with_lives ? Micros(alive_from_micros) : Micros(),
                   .alive_until_micros = with_lives ? Micros(alive_until_micros) : Micros(),
                   .interval_splits = with_lives && !one_each ? Micros(interval_splits) : Micros(),
                   .base_weights = base_weights,
                   .category_names = category_names,
                   .category_splits = category_splits,
                   .attributes = attributes};
}

ImportReader::ImportReader(ImportOptions options, std::unique_ptr<TableReader> table)
    : options_(std::move(options)), table_(std::move(table)) {}

absl::StatusOr<std::unique_ptr<ImportReader>> ImportReader::OpenEvents(ImportOptions options) {
  absl::StatusOr<std::unique_ptr<TableReader>> table =
      TableReader::Open(options.path, options.table);
  if (!table.ok()) return FileError(table.status());
  std::unique_ptr<ImportReader> reader(new ImportReader(std::move(options), *std::move(table)));
  if (absl::Status status = reader->FindEventColumns(); !status.ok()) return status;
  return reader;
}

absl::StatusOr<std::unique_ptr<ImportReader>> ImportReader::OpenItems(ImportOptions options) {
  absl::StatusOr<std::unique_ptr<TableReader>> table =
      TableReader::Open(options.path, options.table);
  if (!table.ok()) return FileError(table.status());
  std::unique_ptr<ImportReader> reader(new ImportReader(std::move(options), *std::move(table)));
  if (absl::Status status = reader->FindItemColumns(); !status.ok()) return status;
  return reader;
}

absl::Status ImportReader::FindEventColumns() {
  // Only the shape of MovieLens is known by position; any other needs names.
  const bool movielens = table_->column_count() == kMovieLensColumns;
  const auto at = [movielens](size_t place) {
    return movielens ? std::optional<size_t>(place) : std::nullopt;
  };
  const absl::StatusOr<size_t> user =
      Require(*table_, options_.user_column, kUserNames, at(0), "--user-column");
  if (!user.ok()) return user.status();
  const absl::StatusOr<size_t> item =
      Require(*table_, options_.item_column, kItemNames, at(1), "--item-column");
  if (!item.ok()) return item.status();
  const absl::StatusOr<size_t> time =
      Require(*table_, options_.time_column, kTimeNames, at(3), "--time-column");
  if (!time.ok()) return time.status();
  user_ = *user;
  item_ = *item;
  time_ = *time;
  if (options_.min_rating.has_value()) {
    const absl::StatusOr<size_t> rating =
        Require(*table_, options_.rating_column, kRatingNames, at(2), "--rating-column");
    if (!rating.ok()) return rating.status();
    rating_ = *rating;
  }
  return FindOptionals(EventColumns());
}

std::vector<ImportReader::OptionalColumn> ImportReader::EventColumns() {
  std::vector<OptionalColumn> columns = {
      {options_.weight_column, "--weight-column", {"weight"}, &weight_},
      {options_.propensity_column, "--propensity-column", {"propensity"}, &propensity_},
      {options_.cohort_column, "--cohort-column", {"cohort"}, &cohort_}};
  // A kind that is given for the whole file is a choice.
  if (!options_.kind.has_value()) {
    columns.push_back({options_.kind_column, "--kind-column", {"kind"}, &kind_});
  }
  return columns;
}

absl::Status ImportReader::FindItemColumns() {
  const absl::StatusOr<size_t> item =
      Require(*table_, options_.item_column, kItemNames, size_t{0}, "--item-column");
  if (!item.ok()) return item.status();
  item_ = *item;
  if (absl::Status status = FindOptionals(ItemColumns()); !status.ok()) return status;
  category_separator_ = options_.category_separator;
  if (category_separator_.empty()) {
    const bool sequence = categories_.has_value() && table_->TypeOf(*categories_) == kTokenSequence;
    category_separator_ = sequence ? kSequenceSeparator : kPlainSeparator;
  }
  for (const std::optional<size_t>& column : {from_, until_}) {
    if (column.has_value() && table_->TypeOf(*column) == kFloatSequence) {
      life_separator_ = kSequenceSeparator;
    }
  }
  return absl::OkStatus();
}

std::vector<ImportReader::OptionalColumn> ImportReader::ItemColumns() {
  return {{options_.alive_from_column, "--alive-from-column", {"alive_from"}, &from_},
          {options_.alive_until_column, "--alive-until-column", {"alive_until"}, &until_},
          {options_.base_weight_column, "--base-weight-column", {"base_weight"}, &base_weight_},
          {options_.categories_column,
           "--categories-column",
           {"categories", "genres", "class"},
           &categories_},
          {options_.attributes_column, "--attributes-column", {"attributes"}, &attributes_}};
}

absl::Status ImportReader::FindOptionals(const std::vector<OptionalColumn>& columns) {
  for (const OptionalColumn& optional : columns) {
    if (optional.wanted.empty() && !options_.all_columns) continue;
    const absl::StatusOr<std::optional<size_t>> found =
        table_->FindColumn(optional.wanted, optional.names, std::nullopt);
    if (!found.ok()) {
      return UsageError(absl::StrCat(optional.option, ": ", found.status().message()));
    }
    *optional.column = *found;
  }
  return absl::OkStatus();
}

std::vector<std::string> ImportReader::UnusedColumns() {
  std::vector<std::string> unused;
  for (const OptionalColumn& optional : user_.has_value() ? EventColumns() : ItemColumns()) {
    if (optional.column->has_value()) continue;
    for (const absl::string_view name : optional.names) {
      const auto found = table_->FindColumn("", std::span(&name, 1), std::nullopt);
      if (!found.ok() || !found->has_value()) continue;
      unused.push_back(
          absl::StrCat("column `", name, "` is not used; ", optional.option, " would"));
    }
  }
  return unused;
}

std::vector<std::string> ImportReader::ItemProperties() const {
  std::vector<std::string> properties;
  if (has_lives()) properties.emplace_back("alive_intervals");
  if (base_weight_.has_value()) properties.emplace_back("base_weights");
  if (categories_.has_value()) properties.emplace_back("categories");
  if (attributes_.has_value()) properties.emplace_back("attributes");
  return properties;
}

absl::Status ImportReader::ReadLines(const std::vector<int64_t>& chunk_lines,
                                     const std::function<absl::Status(const CsvRecord&)>& append) {
  CsvRecord record;
  while (chunk_lines.size() < kChunkRows) {
    const absl::StatusOr<bool> more = table_->Next(&record);
    absl::Status status = more.status();
    if (more.ok() && !*more) return absl::OkStatus();
    ++counts_.row_count;
    if (more.ok()) {
      status = append(record);
      if (!status.ok()) status = table_->LineError(record.line, status.message());
    }
    if (status.ok()) continue;
    if (!options_.skip_bad_lines || !absl::IsInvalidArgument(status)) return FileError(status);
    ++counts_.bad_line_count;
    if (counts_.bad_line_samples.size() < kBadLineSamples) {
      counts_.bad_line_samples.emplace_back(status.message());
    }
  }
  return absl::OkStatus();
}

absl::Status ImportReader::Read(EventChunk* chunk) {
  chunk->Clear();
  return ReadLines(chunk->lines,
                   [&](const CsvRecord& record) { return AppendEvent(record, chunk); });
}

absl::Status ImportReader::Read(ItemChunk* chunk) {
  chunk->Clear();
  if (categories_.has_value()) chunk->category_splits.push_back(0);
  return ReadLines(chunk->lines,
                   [&](const CsvRecord& record) { return AppendItem(record, chunk); });
}

absl::Status ImportReader::AppendEvent(const CsvRecord& record, EventChunk* chunk) {
  if (rating_.has_value()) {
    double rating = 0;
    if (!absl::SimpleAtod(record.fields[*rating_], &rating) || std::isnan(rating)) {
      return absl::InvalidArgumentError(
          absl::StrCat("rating: `", record.fields[*rating_].substr(0, 40), "` is not a number"));
    }
    if (rating < *options_.min_rating) {
      ++counts_.below_rating_count;
      return absl::OkStatus();
    }
  }
  const absl::StatusOr<int64_t> time = ParseEventTime(record.fields[*time_], options_.time_unit);
  if (!time.ok()) return Prefix("time", time.status());
  EventDetails details;
  if (absl::Status status = ReadDetails(record, &details); !status.ok()) return status;
  if (absl::Status status = chunk->users.Append(record.fields[*user_]); !status.ok()) {
    return Prefix("user", status);
  }
  if (absl::Status status = chunk->items.Append(record.fields[*item_]); !status.ok()) {
    chunk->users.PopBack();
    return Prefix("item", status);
  }
  chunk->time_micros.push_back(*time);
  if (weight_.has_value()) chunk->weights.push_back(details.weight);
  if (kind_.has_value() || options_.kind.has_value()) {
    chunk->kinds.push_back(static_cast<uint8_t>(details.kind));
  }
  if (propensity_.has_value()) chunk->propensities.push_back(details.propensity);
  if (cohort_.has_value()) chunk->cohorts.push_back(details.cohort);
  chunk->lines.push_back(record.line);
  return absl::OkStatus();
}

absl::Status ImportReader::ReadDetails(const CsvRecord& record, EventDetails* details) const {
  if (weight_.has_value()) {
    const absl::StatusOr<float> weight =
        ParseNumber("weight", record.fields[*weight_], kMinWeight, kMaxWeight, std::nullopt);
    if (!weight.ok()) return weight.status();
    details->weight = *weight;
  }
  if (options_.kind.has_value()) details->kind = *options_.kind;
  if (kind_.has_value()) {
    const absl::StatusOr<v1::EventKind> kind = ParseEventKind(record.fields[*kind_]);
    if (!kind.ok()) return Prefix("kind", kind.status());
    details->kind = *kind;
  }
  if (propensity_.has_value()) {
    const absl::StatusOr<float> propensity =
        ParseNumber("propensity", record.fields[*propensity_], 0, 1, 0.0F);
    if (!propensity.ok()) return propensity.status();
    details->propensity = *propensity;
    if (*propensity != 0 && details->kind != v1::EVENT_KIND_EXPOSURE) {
      return absl::InvalidArgumentError("propensity: only an exposure has one");
    }
  }
  if (cohort_.has_value()) {
    const absl::StatusOr<uint8_t> cohort = ParseCohort(record.fields[*cohort_]);
    if (!cohort.ok()) return cohort.status();
    details->cohort = *cohort;
    if (*cohort != 0 && details->kind != v1::EVENT_KIND_POSITIVE) {
      return absl::InvalidArgumentError("cohort: only a positive event has one");
    }
  }
  return absl::OkStatus();
}

// Appends the names, or nothing.
absl::Status ImportReader::AppendCategories(const CsvRecord& record, ItemChunk* chunk) const {
  std::vector<std::string> names;
  for (const absl::string_view part :
       absl::StrSplit(record.fields[*categories_], category_separator_)) {
    const absl::string_view name = absl::StripAsciiWhitespace(part);
    if (name.empty()) continue;
    if (name.size() > kMaxCategoryBytes || !IsUtf8(name)) {
      return absl::InvalidArgumentError("categories: a name is not UTF-8 of at most 128 bytes");
    }
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return absl::InvalidArgumentError(absl::StrCat("categories: `", name, "` is there twice"));
    }
    names.emplace_back(name);
  }
  if (names.size() > kMaxCategories) {
    return absl::InvalidArgumentError(absl::StrCat(
        "categories: ", names.size(), " of them, at most ", kMaxCategories, " are allowed"));
  }
  chunk->category_names.insert(chunk->category_names.end(), names.begin(), names.end());
  chunk->category_splits.push_back(static_cast<int64_t>(chunk->category_names.size()));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ItemLife>> ImportReader::ReadLives(const CsvRecord& record) const {
  const auto cell = [&record](std::optional<size_t> column) {
    // Not a view of nothing: it would be split into no cell at all.
    return column.has_value() ? absl::string_view(record.fields[*column]) : absl::string_view("");
  };
  return ParseLives(cell(from_), cell(until_), options_.time_unit, life_separator_);
}

absl::Status ImportReader::AppendItem(const CsvRecord& record, ItemChunk* chunk) {
  const absl::StatusOr<std::vector<ItemLife>> lives = ReadLives(record);
  if (!lives.ok()) return lives.status();
  float base_weight = 1;
  if (base_weight_.has_value()) {
    const absl::StatusOr<float> weight = ParseNumber("base weight", record.fields[*base_weight_],
                                                     kMinBaseWeight, kMaxBaseWeight, 1.0F);
    if (!weight.ok()) return weight.status();
    base_weight = *weight;
  }
  if (attributes_.has_value() && record.fields[*attributes_].size() > kMaxAttributeBytes) {
    return absl::InvalidArgumentError("attributes: more than 1,024 bytes");
  }
  const std::string& id = record.fields[*item_];
  const auto known = item_lines_.find(id);
  if (known != item_lines_.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("item `", id, "` was already in line ", known->second));
  }
  if (absl::Status status = chunk->items.Append(id); !status.ok()) return Prefix("item", status);
  if (categories_.has_value()) {
    if (absl::Status status = AppendCategories(record, chunk); !status.ok()) {
      chunk->items.PopBack();
      return status;
    }
  }
  item_lines_.emplace(id, record.line);
  for (const ItemLife& life : *lives) {
    chunk->alive_from_micros.push_back(life.from);
    chunk->alive_until_micros.push_back(life.until);
  }
  chunk->interval_splits.push_back(static_cast<int64_t>(chunk->alive_from_micros.size()));
  if (base_weight_.has_value()) chunk->base_weights.push_back(base_weight);
  if (attributes_.has_value()) chunk->attributes.push_back(record.fields[*attributes_]);
  chunk->lines.push_back(record.line);
  return absl::OkStatus();
}

}  // namespace negatron::client
