// SPDX-License-Identifier: Apache-2.0
#include "server/engine/audit_codec.h"

#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "server/engine/policy_codec.h"
#include "storage/base/fingerprint.h"
#include "storage/rocks/bytes.h"

namespace negatron {
namespace {

static_assert(std::endian::native == std::endian::little,
              "Columns are kept as they are in memory.");

absl::Status Unreadable() { return absl::DataLossError("the body of an audit cannot be read"); }

// Writes fields: each its number, the length of its value, and the value. What is empty or 0 is
// left out.
class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}

  template <typename T>
  void Number(uint8_t number, const T& value) {
    const auto bits = BitsOf(value);
    if (bits == 0) return;
    std::string bytes;
    AppendLittle(bits, &bytes);
    Put(number, bytes);
  }
  template <typename T>
  void Optional(uint8_t number, const std::optional<T>& value) {
    if (!value.has_value()) return;
    std::string bytes;
    AppendLittle(BitsOf(*value), &bytes);
    Put(number, bytes);
  }
  void Text(uint8_t number, const std::string& text) {
    if (!text.empty()) Put(number, text);
  }
  template <typename T, typename Allocator>
  void Column(uint8_t number, const std::vector<T, Allocator>& values) {
    if (values.empty()) return;
    Put(number, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  }
  void Texts(uint8_t number, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    std::string bytes;
    for (const std::string& text : texts) AppendText(text, &bytes);
    Put(number, bytes);
  }

 private:
  template <typename T>
  static uint64_t BitsOf(const T& value) {
    if constexpr (std::is_floating_point_v<T>) {
      return std::bit_cast<uint64_t>(value);
    } else {
      return static_cast<uint64_t>(value);
    }
  }
  void Put(uint8_t number, absl::string_view bytes) {
    AppendLittle(number, out_);
    AppendLittle(static_cast<uint32_t>(bytes.size()), out_);
    out_->append(bytes.data(), bytes.size());
  }

  std::string* const out_;
};

// Reads what Writer wrote, in any order.
class Reader {
 public:
  explicit Reader(absl::string_view bytes) {
    ByteReader reader(bytes);
    while (good_ && reader.remaining() > 0) {
      const auto number = reader.Little<uint8_t>();
      const auto size = reader.Little<uint32_t>();
      const absl::string_view value = reader.Take(size);
      good_ = value.size() == size && size > 0 && fields_.emplace(number, value).second;
    }
  }

  template <typename T>
  void Number(uint8_t number, T& value) {
    std::optional<T> found;
    Optional(number, found);
    value = found.value_or(T());
  }
  template <typename T>
  void Optional(uint8_t number, std::optional<T>& value) {
    const absl::string_view bytes = Take(number);
    if (bytes.empty()) return;
    ByteReader reader(bytes);
    const auto bits = reader.Little<uint64_t>();
    good_ &= reader.AtEnd();
    if constexpr (std::is_floating_point_v<T>) {
      value = std::bit_cast<T>(bits);
    } else {
      value = static_cast<T>(bits);
    }
  }
  void Text(uint8_t number, std::string& text) { text = std::string(Take(number)); }
  template <typename T, typename Allocator>
  void Column(uint8_t number, std::vector<T, Allocator>& values) {
    const absl::string_view bytes = Take(number);
    good_ &= bytes.size() % sizeof(T) == 0;
    values.resize(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  }
  void Texts(uint8_t number, std::vector<std::string>& texts) {
    ByteReader reader(Take(number));
    while (good_ && reader.remaining() > 0) {
      const auto size = reader.Little<uint16_t>();
      const absl::string_view text = reader.Take(size);
      good_ = text.size() == size;
      texts.emplace_back(text);
    }
  }

  // Whether all was read, and read well.
  bool Finish() const { return good_ && fields_.empty(); }
  bool good() const { return good_; }

 private:
  absl::string_view Take(uint8_t number) {
    const auto found = fields_.find(number);
    if (found == fields_.end()) return {};
    const absl::string_view bytes = found->second;
    fields_.erase(found);
    return bytes;
  }

  std::map<uint8_t, absl::string_view> fields_;
  bool good_ = true;
};

// An id column has two numbers: of int64 ids or dictionary numbers, and of names behind it.
void Ids(Writer& writer, uint8_t number, const std::optional<IdBatch>& ids) {
  if (!ids.has_value()) return;
  if (ids->is_names()) return writer.Texts(static_cast<uint8_t>(number + 1), ids->names());
  writer.Column(number, ids->numbers());
}
void Ids(Reader& reader, uint8_t number, std::optional<IdBatch>& ids) {
  std::vector<int64_t> numbers;
  std::vector<std::string> names;
  reader.Column(number, numbers);
  reader.Texts(static_cast<uint8_t>(number + 1), names);
  if (!numbers.empty()) ids = IdBatch{std::move(numbers)};
  if (!names.empty()) ids = IdBatch{std::move(names)};
}

constexpr uint8_t kUsers = 10;

// Which columns were asked for, as bits in this order.
template <typename Request>
auto Wants(Request& request) {
  return std::array{&request.want_log_q,
                    &request.want_log_q_source,
                    &request.want_components,
                    &request.want_scores,
                    &request.want_shares,
                    &request.want_rejects,
                    &request.want_expected_count,
                    &request.want_importance_weights,
                    &request.want_positive_log_q,
                    &request.want_boundaries,
                    &request.want_rejects_by_cause,
                    &request.want_all_rejects,
                    &request.want_tags,
                    &request.want_model_versions,
                    &request.want_vector_ages,
                    &request.want_arms,
                    &request.want_names};
}

// Fields of requests, for the writer and the reader alike. Numbers are on disk: never renumber or
// reuse one.
template <typename Archive, typename Request>
void RequestFields(Archive& a, Request& request) {
  a.Number(1, request.row_count);
  a.Number(2, request.negative_count);
  a.Number(3, request.seed);
  a.Column(5, request.as_of);
  a.Column(6, request.row_keys);
  a.Column(7, request.cohorts);
  a.Number(8, request.query_columns);
  a.Column(9, request.queries);
  Ids(a, kUsers, request.users);   // And 11.
  Ids(a, 12, request.positives);   // And 13.
  Ids(a, 14, request.exclusions);  // And 15.
  a.Column(16, request.exclusion_splits);
  a.Text(18, request.policy_name);
  a.Number(21, request.min_model_version);
  a.Optional(22, request.max_staleness_micros);
}

// Of the request, too: what the server may have chosen.
template <typename Archive, typename Time, typename Number, typename Progress>
void ChosenFields(Archive& a, Time& default_as_of, Number& policy_version, Progress& progress,
                  Time& staleness_as_of) {
  a.Optional(4, default_as_of);
  a.Number(19, policy_version);
  a.Optional(20, progress);
  a.Optional(23, staleness_as_of);
}

template <typename Archive, typename Call>
void CallFields(Archive& a, Call& call) {
  a.Number(25, call.item_count);
  a.Number(26, call.anchor);
  a.Number(27, call.want_candidate_vectors);
  a.Number(28, call.want_positive_vectors);
  a.Number(29, call.candidate_vectors);
  a.Number(30, call.positive_vectors);
  a.Number(31, call.shared);
  a.Optional(32, call.negatives_time);
  a.Number(33, call.block_key);
}

// Calls visit(number, name in the response, column) for what shared blocks alone have.
template <typename Call, typename Visit>
void ForEachSharedColumn(Call& call, Visit visit) {
  visit(84, "false_mask", call.false_mask);
  visit(85, "log_remaining", call.log_remaining);
}

// Calls visit(number, name in the response, column) for each column of numbers.
template <typename Result, typename Visit>
void ForEachColumn(Result& result, Visit visit) {
  visit(64, "item_ids", result.ids);
  visit(66, "log_q", result.log_q);
  visit(67, "log_q_source", result.log_q_source);
  visit(68, "component_indexes", result.components);
  visit(69, "scores", result.scores);
  visit(70, "row_statuses", result.statuses);
  visit(71, "drawn_counts", result.drawn);
  visit(72, "effective_shares", result.shares);
  visit(73, "reject_counts", result.rejects);
  visit(74, "rejects_by_cause", result.rejects_by_cause);
  visit(75, "rejects_by_all_causes", result.all_rejects);
  visit(76, "tags", result.tags);
  visit(77, "expected_counts", result.expected_count);
  visit(78, "importance_weights", result.importance_weights);
  visit(79, "positive_log_q", result.positive_log_q);
  visit(80, "popularity_boundary_micros", result.boundaries);
  visit(81, "model_versions", result.model_versions);
  visit(82, "embedding_age_seconds", result.vector_ages);
  visit(83, "arm_indexes", result.arms);
}

template <typename Archive, typename Call, typename Result>
void ResultFields(Archive& a, Call& call, Result& result) {
  const auto column_field = [&a](uint8_t number, const char*, auto& column) {
    a.Column(number, column);
  };
  ForEachColumn(result, column_field);
  ForEachSharedColumn(call, column_field);
  a.Texts(65, result.names);
  a.Column(96, result.drawn_by_component);
  a.Number(97, result.drawn_by_fallback);
}

constexpr uint8_t kRecipe = 17;
constexpr uint8_t kWants = 24;

uint64_t Checksum(const std::vector<float>& values) {
  return values.empty() ? 0 : Fingerprint(values.data(), values.size() * sizeof(float));
}

// NaN is the same as itself, and -0 is not 0.
bool SameBits(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }

template <typename Value>
bool SameBits(const Value& a, const Value& b) {
  static_assert(!std::is_floating_point_v<Value>);
  return a == b;
}

template <typename Column>
std::optional<ColumnDifference> Compare(const char* name, const Column& kept,
                                        const Column& replayed) {
  if (kept.size() != replayed.size()) {
    return ColumnDifference{name, -1, absl::StrCat(kept.size(), " entries"),
                            absl::StrCat(replayed.size(), " entries")};
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    if (SameBits(kept[i], replayed[i])) continue;
    return ColumnDifference{name, static_cast<int64_t>(i), absl::StrCat(kept[i]),
                            absl::StrCat(replayed[i])};
  }
  return std::nullopt;
}

std::optional<ColumnDifference> CompareVectors(const char* name, uint64_t kept, uint64_t replayed) {
  if (kept == replayed) return std::nullopt;
  return ColumnDifference{name, -1, absl::StrCat("checksum ", absl::Hex(kept)),
                          absl::StrCat("checksum ", absl::Hex(replayed))};
}

}  // namespace

CandidateRequest AuditedCall::candidates() const {
  CandidateRequest candidates;
  candidates.sample = request;
  candidates.anchor = static_cast<NearestAnchor>(anchor);
  candidates.want_candidate_vectors = want_candidate_vectors;
  candidates.want_positive_vectors = want_positive_vectors;
  return candidates;
}

void AuditedCall::TakeAsked(const CandidateRequest& candidates) {
  anchor = static_cast<uint8_t>(candidates.anchor);
  want_candidate_vectors = candidates.want_candidate_vectors;
  want_positive_vectors = candidates.want_positive_vectors;
}

void AuditedCall::TakeVectors(const CandidateResult& candidates) {
  candidate_vectors = Checksum(candidates.candidate_vectors);
  positive_vectors = Checksum(candidates.positive_vectors);
}

SharedRequest AuditedCall::shared_request() const {
  SharedRequest block;
  block.rows = request;
  block.negatives_time = negatives_time;
  block.block_key = block_key;
  return block;
}

SharedResult AuditedCall::shared_result() const {
  SharedResult drawn;
  drawn.ids = result.ids;
  drawn.names = result.names;
  drawn.log_q.assign(result.log_q.begin(), result.log_q.end());
  drawn.components = result.components;
  drawn.false_mask = false_mask;
  drawn.log_remaining = log_remaining;
  drawn.drawn_by_component = result.drawn_by_component;
  drawn.policy = result.policy;
  drawn.snapshot = result.snapshot;
  drawn.default_as_of = result.default_as_of;
  drawn.negatives_time = negatives_time.value_or(0);
  return drawn;
}

void AuditedCall::TakeShared(const SharedRequest& block, const SharedResult& drawn) {
  shared = true;
  negatives_time = drawn.negatives_time;
  block_key = block.block_key;
  false_mask = drawn.false_mask;
  log_remaining = drawn.log_remaining;
  result.ids = drawn.ids;
  result.names = drawn.names;
  result.log_q.assign(drawn.log_q.begin(), drawn.log_q.end());
  result.components = drawn.components;
  result.drawn_by_component = drawn.drawn_by_component;
  result.policy = drawn.policy;
  result.snapshot = drawn.snapshot;
  result.default_as_of = drawn.default_as_of;
}

absl::StatusOr<std::string> EncodeAudit(const AuditedCall& call, const PolicyPlan& plan,
                                        const SampleRequest& request, const SampleResult& result) {
  NEGATRON_ASSIGN_OR_RETURN(const std::string recipe, EncodePlan(plan));
  std::string body;
  Writer writer(&body);
  RequestFields(writer, request);
  const std::optional<Micros> as_of = result.default_as_of;
  const std::optional<Micros> staleness_as_of = result.staleness_as_of;
  ChosenFields(writer, as_of, result.policy.version, result.policy.progress, staleness_as_of);
  writer.Text(kRecipe, recipe);
  uint64_t wants = 0;
  const auto flags = Wants(request);
  for (size_t i = 0; i < flags.size(); ++i) wants |= static_cast<uint64_t>(*flags[i]) << i;
  writer.Number(kWants, wants);
  CallFields(writer, call);
  ResultFields(writer, call, result);
  return body;
}

absl::StatusOr<AuditedCall> DecodeAudit(absl::string_view body) {
  AuditedCall call;
  Reader reader(body);
  RequestFields(reader, call.request);
  ChosenFields(reader, call.request.default_as_of, call.request.policy_version,
               call.request.progress, call.request.staleness_as_of);
  std::string recipe;
  reader.Text(kRecipe, recipe);
  uint64_t wants = 0;
  reader.Number(kWants, wants);
  const auto flags = Wants(call.request);
  for (size_t i = 0; i < flags.size(); ++i) *flags[i] = (wants >> i & 1) != 0;
  CallFields(reader, call);
  ResultFields(reader, call, call.result);
  if (!reader.Finish()) return Unreadable();
  NEGATRON_ASSIGN_OR_RETURN(PolicyPlan plan, DecodePlan(recipe));
  call.request.plan = std::make_shared<const PolicyPlan>(std::move(plan));
  return call;
}

absl::StatusOr<std::optional<IdBatch>> DecodeAuditUsers(absl::string_view body) {
  Reader reader(body);
  std::optional<IdBatch> users;
  Ids(reader, kUsers, users);
  if (!reader.good()) return Unreadable();
  return users;
}

std::optional<ColumnDifference> FirstDifference(const AuditedCall& kept, const AuditedCall& drawn) {
  std::optional<ColumnDifference> first =
      Compare("item_ids", kept.result.names, drawn.result.names);
  if (first.has_value()) return first;
  // By number: the columns of one result beside those of the other.
  ForEachColumn(kept.result, [&](uint8_t number, const char* name, const auto& column) {
    ForEachColumn(drawn.result, [&](uint8_t other_number, const char*, const auto& other) {
      if constexpr (std::is_same_v<decltype(column), decltype(other)>) {
        if (number != other_number || first.has_value()) return;
        first = Compare(name, column, other);
      }
    });
  });
  if (first.has_value()) return first;
  first = Compare("false_mask", kept.false_mask, drawn.false_mask);
  if (first.has_value()) return first;
  first = Compare("log_remaining", kept.log_remaining, drawn.log_remaining);
  if (first.has_value()) return first;
  first = CompareVectors("candidate_vectors", kept.candidate_vectors, drawn.candidate_vectors);
  if (first.has_value()) return first;
  return CompareVectors("positive_vectors", kept.positive_vectors, drawn.positive_vectors);
}

}  // namespace negatron
