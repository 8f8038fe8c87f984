// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/column_readers.h"

#include <cmath>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"
#include "server/rpc/status_conversion.h"
#include "storage/model/limits.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

template <typename T>
std::vector<T> ValueOrViolation(absl::StatusOr<std::vector<T>> values, Violations* violations) {
  if (values.ok()) return *std::move(values);
  AddBadFields(values.status(), violations);
  return {};
}

}  // namespace

std::vector<int64_t> ReadColumn(const v1::Int64Column& column, absl::string_view field,
                                Violations* violations) {
  return ValueOrViolation(ReadInt64s(column, field), violations);
}

std::vector<float> ReadColumn(const v1::FloatColumn& column, absl::string_view field,
                              Violations* violations) {
  return ValueOrViolation(ReadFloats(column, field), violations);
}

std::vector<uint8_t> ReadColumn(const v1::ByteColumn& column, absl::string_view field,
                                Violations* violations) {
  return ValueOrViolation(ReadBytes(column, field), violations);
}

IdBatch ReadIds(const v1::IdColumn& column, absl::string_view field, Violations* violations) {
  if (!column.has_names()) {
    return {ValueOrViolation(negatron::ReadIds(column, field), violations)};
  }
  std::vector<std::string> names(column.names().values().begin(), column.names().values().end());
  for (size_t row = 0; row < names.size(); ++row) {
    if (const absl::string_view problem = NameProblem(names[row]); !problem.empty()) {
      violations->AddRow(field, static_cast<int64_t>(row), problem);
    }
  }
  return {std::move(names)};
}

IdBatch ReadBatchIds(const v1::IdColumn& column, absl::string_view field, Violations* violations) {
  const int64_t rows = ColumnSize(column);
  if (rows > kMaxBatchRows) {
    violations->Add(field,
                    absl::StrCat("has ", rows, " rows; a call takes at most ", kMaxBatchRows));
    return {};
  }
  IdBatch ids = ReadIds(column, field, violations);
  if (rows == 0 && violations->empty()) violations->Add(field, "must have at least one row");
  return ids;
}

std::vector<Micros> ReadTimes(const v1::Int64Column& column, absl::string_view field,
                              Violations* violations) {
  std::vector<Micros> times = ReadColumn(column, field, violations);
  for (size_t row = 0; row < times.size(); ++row) {
    if (IsEventTime(times[row])) continue;
    violations->AddRow(
        field, static_cast<int64_t>(row),
        absl::StrCat("is ", times[row], ", outside the years 1 to 9999 in microseconds"));
  }
  return times;
}

std::vector<float> ReadVectors(const v1::FloatMatrix& matrix, int64_t rows, absl::string_view field,
                               Violations* violations, bool all_finite) {
  const absl::StatusOr<FloatView> view = ViewMatrix(matrix, field);
  if (!view.ok()) {
    AddBadFields(view.status(), violations);
    return {};
  }
  if (matrix.row_count() != rows) {
    violations->Add(absl::StrCat(field, ".row_count"),
                    absl::StrCat("is ", matrix.row_count(), ", but the call has ", rows, " rows"));
    return {};
  }
  std::vector<float> values = view->ToVector();
  if (!all_finite) return values;
  int bad = 0;
  // Stops early: describing millions of bad values, of which 20 are kept, would take seconds.
  for (size_t i = 0; i < values.size() && bad <= Violations::kMaxKept; ++i) {
    if (std::isfinite(values[i])) continue;
    ++bad;
    const auto at = static_cast<int64_t>(i);
    violations->AddRow(
        absl::StrCat(field, ".values"), at,
        absl::StrCat("is ", values[i], ", not finite (row ", at / matrix.column_count(),
                     ", column ", at % matrix.column_count(), ")"));
  }
  return values;
}

std::vector<int64_t> ReadSplits(const v1::Int64Column& column, int64_t rows,
                                absl::string_view field, Violations* violations) {
  std::vector<int64_t> splits = ReadColumn(column, field, violations);
  if (!CheckLength(static_cast<int64_t>(splits.size()), rows + 1, field, violations)) return {};
  if (splits[0] != 0) violations->AddRow(field, 0, "must be 0");
  for (size_t i = 1; i < splits.size(); ++i) {
    if (splits[i] < splits[i - 1]) {
      violations->AddRow(field, static_cast<int64_t>(i), "is less than the one before");
    }
  }
  return splits;
}

bool CheckLength(int64_t size, int64_t rows, absl::string_view field, Violations* violations) {
  if (size == rows) return true;
  violations->Add(field, absl::StrCat("has ", size, " entries, but must have ", rows));
  return false;
}

WriteOptions ReadWriteOptions(const std::string& request_id, v1::AcknowledgementLevel level,
                              AckLevel default_level, Violations* violations) {
  if (const absl::string_view problem = RequestIdProblem(request_id); !problem.empty()) {
    violations->Add("request_id", problem);
  }
  WriteOptions options;
  options.request_id = request_id;
  switch (level) {
    case v1::ACKNOWLEDGEMENT_LEVEL_UNSPECIFIED:
      options.level = default_level;
      break;
    case v1::ACKNOWLEDGEMENT_LEVEL_DURABLE:
      options.level = AckLevel::kDurable;
      break;
    case v1::ACKNOWLEDGEMENT_LEVEL_APPLIED:
      options.level = AckLevel::kApplied;
      break;
    default:
      violations->Add("acknowledgement_level", "is not a known level");
  }
  return options;
}

void CheckEncoding(v1::ColumnEncoding encoding, Violations* violations) {
  if (!v1::ColumnEncoding_IsValid(encoding)) {
    violations->Add("encoding", "is not a known encoding");
  }
}

}  // namespace negatron
