// SPDX-License-Identifier: Apache-2.0
#include "client/cli/import_files.h"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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
constexpr int64_t kFirstMicros = -62'135'596'800'000'000;  // The start of year 1.
constexpr int64_t kLastMicros = 253'402'300'799'999'999;   // The end of year 9999.

constexpr size_t kBadLineSamples = 5;

// The places of columns in MovieLens files without a header: user, item, rating, time.
constexpr size_t kMovieLensColumns = 4;

// FNV-1a with 128 bits (Fowler, Noll, Vo; draft-eastlake-fnv). Names content; resists no attack.
class Fnv128 {
 public:
  void Add(const void* data, size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < size; ++i) hash_ = (hash_ ^ bytes[i]) * kPrime;
  }
  void Add(absl::string_view text) {
    Add(static_cast<int64_t>(text.size()));
    Add(text.data(), text.size());
  }
  void Add(int64_t number) { Add(&number, sizeof(number)); }

  std::string Hex() const {
    return absl::StrFormat("%016x%016x", absl::Uint128High64(hash_), absl::Uint128Low64(hash_));
  }

 private:
  static constexpr absl::uint128 kPrime = absl::MakeUint128(0x1000000, 0x13B);
  absl::uint128 hash_ = absl::MakeUint128(0x6C62272E07BB0142, 0x62B821756295C58D);
};

void AddIds(const IdSpan& ids, Fnv128* hash) {
  hash->Add(static_cast<int64_t>(ids.index()));
  if (const auto* names = std::get_if<std::span<const std::string>>(&ids)) {
    for (const std::string& name : *names) hash->Add(name);
  } else {
    for (const int64_t id : std::get<std::span<const int64_t>>(ids)) hash->Add(id);
  }
}

absl::Status Prefix(absl::string_view prefix, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(prefix, ": ", status.message()));
}

absl::StatusOr<int64_t> ParseEventTime(absl::string_view text, TimeUnit unit) {
  absl::StatusOr<int64_t> micros = ParseTimeMicros(text, unit);
  if (micros.ok() && (*micros < kFirstMicros || *micros > kLastMicros)) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", text, "` is not within the years 1 to 9999"));
  }
  return micros;
}

// A bound of an alive interval; `unset` for an empty cell.
absl::StatusOr<int64_t> ParseBound(absl::string_view text, TimeUnit unit, int64_t unset) {
  if (absl::StripAsciiWhitespace(text).empty()) return unset;
  return ParseEventTime(text, unit);
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

// Finds a column if it is asked for.
absl::Status FindOptional(const TableReader& table, const std::string& wanted,
                          absl::string_view option, std::optional<size_t>* column) {
  if (wanted.empty()) return absl::OkStatus();
  const absl::StatusOr<size_t> found = Require(table, wanted, {}, std::nullopt, option);
  if (!found.ok()) return found.status();
  *column = *found;
  return absl::OkStatus();
}

}  // namespace

std::string ChunkRequestId(const EventChunk& chunk, int64_t index, const std::string& prefix) {
  Fnv128 hash;
  hash.Add(prefix);
  hash.Add(index);
  hash.Add(static_cast<int64_t>(chunk.lines.size()));
  AddIds(chunk.users.span(), &hash);
  AddIds(chunk.items.span(), &hash);
  hash.Add(chunk.time_micros.data(), chunk.time_micros.size() * sizeof(int64_t));
  hash.Add(chunk.weights.data(), chunk.weights.size() * sizeof(float));
  return absl::StrCat("import-", hash.Hex());
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
  return FindOptional(*table_, options_.weight_column, "--weight-column", &weight_);
}

absl::Status ImportReader::FindItemColumns() {
  const absl::StatusOr<size_t> item =
      Require(*table_, options_.item_column, kItemNames, size_t{0}, "--item-column");
  if (!item.ok()) return item.status();
  item_ = *item;
  absl::Status status =
      FindOptional(*table_, options_.alive_from_column, "--alive-from-column", &from_);
  status.Update(
      FindOptional(*table_, options_.alive_until_column, "--alive-until-column", &until_));
  return status;
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
  chunk->users.Clear();
  chunk->items.Clear();
  chunk->time_micros.clear();
  chunk->weights.clear();
  chunk->lines.clear();
  return ReadLines(chunk->lines,
                   [&](const CsvRecord& record) { return AppendEvent(record, chunk); });
}

absl::Status ImportReader::Read(ItemChunk* chunk) {
  chunk->items.Clear();
  chunk->alive_from_micros.clear();
  chunk->alive_until_micros.clear();
  chunk->lines.clear();
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
  double weight = 1;
  if (weight_.has_value() && (!absl::SimpleAtod(record.fields[*weight_], &weight) ||
                              !(weight >= kMinWeight && weight <= kMaxWeight))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "weight: `", record.fields[*weight_].substr(0, 40), "` is not a number in [1/64, 4096]"));
  }
  if (absl::Status status = chunk->users.Append(record.fields[*user_]); !status.ok()) {
    return Prefix("user", status);
  }
  if (absl::Status status = chunk->items.Append(record.fields[*item_]); !status.ok()) {
    chunk->users.PopBack();
    return Prefix("item", status);
  }
  chunk->time_micros.push_back(*time);
  if (weight_.has_value()) chunk->weights.push_back(static_cast<float>(weight));
  chunk->lines.push_back(record.line);
  return absl::OkStatus();
}

absl::Status ImportReader::AppendItem(const CsvRecord& record, ItemChunk* chunk) {
  int64_t from = std::numeric_limits<int64_t>::min();
  int64_t until = std::numeric_limits<int64_t>::max();
  if (from_.has_value()) {
    const auto bound = ParseBound(record.fields[*from_], options_.time_unit, from);
    if (!bound.ok()) return Prefix("alive from", bound.status());
    from = *bound;
  }
  if (until_.has_value()) {
    const auto bound = ParseBound(record.fields[*until_], options_.time_unit, until);
    if (!bound.ok()) return Prefix("alive until", bound.status());
    until = *bound;
  }
  if (from >= until) {
    return absl::InvalidArgumentError("the item's life does not start before it ends");
  }
  const std::string& id = record.fields[*item_];
  const auto [known, inserted] = item_lines_.emplace(id, record.line);
  if (!inserted) {
    return absl::InvalidArgumentError(
        absl::StrCat("item `", id, "` was already in line ", known->second));
  }
  if (absl::Status status = chunk->items.Append(id); !status.ok()) return Prefix("item", status);
  chunk->alive_from_micros.push_back(from);
  chunk->alive_until_micros.push_back(until);
  chunk->lines.push_back(record.line);
  return absl::OkStatus();
}

}  // namespace negatron::client
