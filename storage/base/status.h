// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_STATUS_H_
#define NEGATRON_STORAGE_BASE_STATUS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// Facts that the domain attaches to a status. They travel as payloads; the
// service turns them into `google.rpc` details.
namespace negatron {

// One bad field of a request.
struct FieldViolation {
  std::string field;        // Path, with the row in brackets: `item_ids[17]`.
  std::string description;  // Why it is bad and what would be good.
};

// Collects what is wrong with a request, so that all of it is told at once.
//
// Thread-safety: thread-compatible.
class Violations {
 public:
  // Kept violations; further ones are only counted.
  static constexpr int kMaxKept = 20;

  void Add(absl::string_view field, absl::string_view description);
  // Names the field as `field[row]`.
  void AddRow(absl::string_view field, int64_t row, absl::string_view description);

  // All that `others` have.
  void Append(const Violations& others);

  bool empty() const { return kept_.empty(); }
  int64_t count() const { return static_cast<int64_t>(kept_.size()) + dropped_; }
  // OK if empty, else INVALID_ARGUMENT that carries the violations.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldViolation> kept_;
  int64_t dropped_ = 0;
};

// INVALID_ARGUMENT with one violation.
absl::Status InvalidField(absl::string_view field, absl::string_view description);

// The violations that `status` carries; none if it carries none.
std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status);

// Of a request that holds another as its field `parent`: names the fields that are wrong with the
// inner one as fields of the outer. A status without field violations stays as it is.
absl::Status NestFields(const absl::Status& status, absl::string_view parent);

// All that is wrong with such a request: `inner` is of its field `parent`. OK if both are empty.
absl::Status MergeNested(const Violations& outer, const Violations& inner,
                         absl::string_view parent);

// Attaches a reason in UPPER_SNAKE_CASE for programs, for example `QUEUE_FULL`.
absl::Status WithReason(absl::Status status, absl::string_view reason);
std::optional<std::string> ReasonOf(const absl::Status& status);

// Attaches a fact for programs, beside a reason. A later value of a key wins.
absl::Status WithFact(absl::Status status, absl::string_view key, absl::string_view value);
std::map<std::string, std::string> FactsOf(const absl::Status& status);

// Attaches the advice to retry after `delay`.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

}  // namespace negatron

// Returns the status of `expr` from the enclosing function unless it is OK.
#define NEGATRON_RETURN_IF_ERROR(expr)                                  \
  do {                                                                  \
    if (absl::Status negatron_status = (expr); !negatron_status.ok()) { \
      return negatron_status;                                           \
    }                                                                   \
  } while (false)

#define NEGATRON_CONCAT_INNER(a, b) a##b
#define NEGATRON_CONCAT(a, b) NEGATRON_CONCAT_INNER(a, b)

// Assigns the value of the StatusOr `expr` to `lhs`, or returns its status.
#define NEGATRON_ASSIGN_OR_RETURN(lhs, expr) \
  NEGATRON_ASSIGN_OR_RETURN_INNER(NEGATRON_CONCAT(negatron_or_, __LINE__), lhs, expr)
#define NEGATRON_ASSIGN_OR_RETURN_INNER(or_value, lhs, expr) \
  auto or_value = (expr);                                    \
  if (!or_value.ok()) return or_value.status();              \
  lhs = std::move(or_value).value()

#endif  // NEGATRON_STORAGE_BASE_STATUS_H_
