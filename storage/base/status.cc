// SPDX-License-Identifier: Apache-2.0
#include "storage/base/status.h"

#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace negatron {
namespace {

constexpr char kViolationsUrl[] = "negatron/field-violations";
constexpr char kReasonUrl[] = "negatron/reason";
constexpr char kFactsUrl[] = "negatron/facts";
constexpr char kRetryUrl[] = "negatron/retry-after-micros";

void AppendSized(const std::string& text, std::string* out) {
  absl::StrAppend(out, text.size(), ":", text);
}

// Reads one `size:text` from the front of `in`; false at the end.
bool TakeSized(absl::string_view* in, std::string* text) {
  const size_t colon = in->find(':');
  size_t size = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(in->substr(0, colon), &size)) {
    return false;
  }
  *text = std::string(in->substr(colon + 1, size));
  in->remove_prefix(colon + 1 + size);
  return true;
}

std::optional<std::string> Payload(const absl::Status& status, const char* url) {
  const auto payload = status.GetPayload(url);
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

}  // namespace

void Violations::Add(absl::string_view field, absl::string_view description) {
  if (static_cast<int>(kept_.size()) >= kMaxKept) {
    ++dropped_;
    return;
  }
  kept_.push_back({std::string(field), std::string(description)});
}

void Violations::AddRow(absl::string_view field, int64_t row, absl::string_view description) {
  Add(absl::StrCat(field, "[", row, "]"), description);
}

void Violations::Append(const Violations& others) {
  for (const FieldViolation& violation : others.kept_) Add(violation.field, violation.description);
  dropped_ += others.dropped_;
}

absl::Status Violations::ToStatus() const {
  if (kept_.empty()) return absl::OkStatus();
  std::string message = absl::StrCat(kept_[0].field, ": ", kept_[0].description);
  const int64_t more = count() - 1;
  if (more > 0) absl::StrAppend(&message, " (and ", more, " more)");
  absl::Status status = absl::InvalidArgumentError(message);
  std::string payload;
  for (const FieldViolation& violation : kept_) {
    AppendSized(violation.field, &payload);
    AppendSized(violation.description, &payload);
  }
  status.SetPayload(kViolationsUrl, absl::Cord(payload));
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view description) {
  Violations violations;
  violations.Add(field, description);
  return violations.ToStatus();
}

std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  const std::optional<std::string> payload = Payload(status, kViolationsUrl);
  if (!payload.has_value()) return violations;
  absl::string_view rest(*payload);
  FieldViolation violation;
  while (TakeSized(&rest, &violation.field) && TakeSized(&rest, &violation.description)) {
    violations.push_back(violation);
  }
  return violations;
}

absl::Status NestFields(const absl::Status& status, absl::string_view parent) {
  const std::vector<FieldViolation> inner = FieldViolationsOf(status);
  if (inner.empty()) return status;
  Violations violations;
  for (const FieldViolation& violation : inner) {
    violations.Add(absl::StrCat(parent, ".", violation.field), violation.description);
  }
  // Its message begins with a field and counts the violations, also those that were not kept.
  absl::Status nested(status.code(), absl::StrCat(parent, ".", status.message()));
  violations.ToStatus().ForEachPayload([&nested](absl::string_view url, const absl::Cord& payload) {
    nested.SetPayload(url, payload);
  });
  return nested;
}

absl::Status MergeNested(const Violations& outer, const Violations& inner,
                         absl::string_view parent) {
  absl::Status nested = NestFields(inner.ToStatus(), parent);
  if (outer.empty()) return nested;
  Violations all = outer;
  for (const FieldViolation& violation : FieldViolationsOf(nested)) {
    all.Add(violation.field, violation.description);
  }
  return all.ToStatus();
}

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  return status;
}

std::optional<std::string> ReasonOf(const absl::Status& status) {
  return Payload(status, kReasonUrl);
}

absl::Status WithFact(absl::Status status, absl::string_view key, absl::string_view value) {
  std::string payload = Payload(status, kFactsUrl).value_or("");
  AppendSized(std::string(key), &payload);
  AppendSized(std::string(value), &payload);
  status.SetPayload(kFactsUrl, absl::Cord(payload));
  return status;
}

std::map<std::string, std::string> FactsOf(const absl::Status& status) {
  std::map<std::string, std::string> facts;
  const std::string payload = Payload(status, kFactsUrl).value_or("");
  absl::string_view rest(payload);
  std::string key, value;
  while (TakeSized(&rest, &key) && TakeSized(&rest, &value)) facts[key] = value;
  return facts;
}

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  status.SetPayload(kRetryUrl, absl::Cord(absl::StrCat(absl::ToInt64Microseconds(delay))));
  return status;
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const std::optional<std::string> payload = Payload(status, kRetryUrl);
  int64_t micros = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(*payload, &micros)) return std::nullopt;
  return absl::Microseconds(micros);
}

}  // namespace negatron
