// SPDX-License-Identifier: Apache-2.0
#include "client/cli/explanation.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "client/cli/filled_column.h"
#include "client/cli/id_list.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

std::vector<std::string> SourceNames(const v1::ExplainNegativesResponse& response) {
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(response.components_size()) + 1);
  for (const v1::ComponentReport& component : response.components()) {
    names.push_back(component.arm().empty()
                        ? component.source()
                        : absl::StrCat(component.source(), " of ", component.arm()));
  }
  if (response.has_fallback()) {
    names.push_back(absl::StrCat("fallback ", response.fallback().source()));
  }
  return names;
}

}  // namespace

absl::StatusOr<Explanation> ReadExplanation(const v1::ExplainNegativesResponse& response,
                                            size_t item_count) {
  Explanation read;
  read.sources = SourceNames(response);
  read.nearest_positives = IdTexts(response.nearest_positive_ids());
  const size_t pairs = item_count * read.sources.size();
  absl::Status status;
  const auto bytes = [&](const v1::ByteColumn& column, size_t rows, std::vector<uint8_t>* out) {
    status.Update(Fill<uint8_t>(ReadBytes(column, ""), rows, std::nullopt, out));
  };
  const auto int64s = [&](const v1::Int64Column& column, size_t rows, std::vector<int64_t>* out) {
    status.Update(Fill<int64_t>(ReadInt64s(column, ""), rows, std::nullopt, out));
  };
  const auto floats = [&](const v1::FloatColumn& column, size_t rows, std::vector<float>* out) {
    status.Update(Fill<float>(ReadFloats(column, ""), rows, std::nullopt, out));
  };
  bytes(response.classes(), item_count, &read.classes);
  bytes(response.grounds(), item_count, &read.grounds);
  bytes(response.alive(), item_count, &read.alive);
  int64s(response.first_positive_micros(), item_count, &read.first_positive_micros);
  int64s(response.popularity_ranks(), item_count, &read.popularity_ranks);
  floats(response.masses(), item_count, &read.masses);
  floats(response.positive_distances(), item_count, &read.positive_distances);
  floats(response.log_q(), item_count, &read.log_q);
  bytes(response.obstacles(), pairs, &read.obstacles);
  floats(response.log_q_source(), pairs, &read.log_q_source);
  floats(response.scores(), pairs, &read.scores);
  int64s(response.score_ranks(), pairs, &read.score_ranks);
  int64s(response.ranked_counts(), read.sources.size(), &read.ranked_counts);
  floats(response.effective_shares(), static_cast<size_t>(response.components_size()),
         &read.effective_shares);
  if (status.ok() && read.nearest_positives.size() != item_count) {
    status = absl::InternalError("the server's columns are not as long as its answer");
  }
  if (!status.ok()) return status;
  return read;
}

}  // namespace negatron::client
