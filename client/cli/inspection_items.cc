// SPDX-License-Identifier: Apache-2.0
#include "client/cli/inspection_items.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

#include "client/cli/filled_column.h"
#include "client/cli/id_list.h"
#include "client/cli/item_page.h"
#include "client/cli/sample_inputs.h"
#include "client/cli/session.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

constexpr size_t kItemsPerCall = 2'500;           // As export: below the client's limit of 16 MiB.
constexpr size_t kExplainedPerCall = 1'000;       // Limit of `negatron/v1/accounts.proto`.
constexpr size_t kVectorValuesPerCall = 131'072;  // Limit of `negatron/v1/embeddings.proto`.

std::vector<std::string> Part(const std::vector<std::string>& ids, size_t first, size_t most) {
  const size_t end = std::min(ids.size(), first + most);
  return {ids.begin() + static_cast<ptrdiff_t>(first), ids.begin() + static_cast<ptrdiff_t>(end)};
}

absl::StatusOr<v1::BatchGetItemsResponse> GetItems(Client& client, const v1::Collection& collection,
                                                   const std::vector<std::string>& ids,
                                                   std::vector<uint8_t>* found) {
  v1::BatchGetItemsRequest request;
  request.set_collection(collection.name());
  request.set_encoding(v1::COLUMN_ENCODING_TYPED);
  absl::Status status = FillIds(ids, collection.item_id_type(), "", request.mutable_item_ids());
  if (!status.ok()) return status;
  absl::StatusOr<v1::BatchGetItemsResponse> response = client.BatchGetItems(request);
  if (!response.ok()) return response.status();
  status = Fill<uint8_t>(ReadBytes(response->found(), ""), ids.size(), std::nullopt, found);
  if (!status.ok()) return status;
  return response;
}

template <typename T>
void Append(const std::vector<T>& part, std::vector<T>* all) {
  all->insert(all->end(), part.begin(), part.end());
}

void AppendItems(const Explanation& part, Explanation* all) {
  Append(part.classes, &all->classes);
  Append(part.grounds, &all->grounds);
  Append(part.alive, &all->alive);
  Append(part.first_positive_micros, &all->first_positive_micros);
  Append(part.popularity_ranks, &all->popularity_ranks);
  Append(part.masses, &all->masses);
  Append(part.positive_distances, &all->positive_distances);
  Append(part.nearest_positives, &all->nearest_positives);
  Append(part.log_q, &all->log_q);
  Append(part.obstacles, &all->obstacles);
  Append(part.log_q_source, &all->log_q_source);
  Append(part.scores, &all->scores);
  Append(part.score_ranks, &all->score_ranks);
  all->sources = part.sources;
  all->ranked_counts = part.ranked_counts;
  all->effective_shares = part.effective_shares;
}

}  // namespace

absl::Status CheckItems(Client& client, const v1::Collection& collection,
                        const v1::SampleNegativesRequest& row) {
  std::vector<std::string> ids = IdTexts(row.positive_ids());
  const size_t positives = ids.size();
  Append(IdTexts(row.exclusions().ids()), &ids);
  if (ids.empty()) return absl::OkStatus();
  std::vector<uint8_t> found;
  const auto items = GetItems(client, collection, ids, &found);
  if (!items.ok()) return items.status();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (found[i] != 0) continue;
    return UsageError(absl::StrCat(i < positives ? "--anchor-item" : "--exclude", ": ",
                                   collection.name(), " has no item `", ids[i], "`"));
  }
  return absl::OkStatus();
}

absl::Status GetProperties(Client& client, const v1::Collection& collection,
                           const std::vector<std::string>& ids,
                           std::vector<std::vector<std::string>>* categories,
                           std::vector<std::string>* attributes) {
  categories->assign(ids.size(), {});
  attributes->assign(ids.size(), "");
  for (size_t first = 0; first < ids.size(); first += kItemsPerCall) {
    const std::vector<std::string> part = Part(ids, first, kItemsPerCall);
    std::vector<uint8_t> found;
    const auto items = GetItems(client, collection, part, &found);
    if (!items.ok()) return items.status();
    const absl::StatusOr<ItemPage> page = ReadItemPage(items->items());
    if (!page.ok()) return page.status();
    if (std::count(found.begin(), found.end(), 1) != static_cast<ptrdiff_t>(page->ids.size())) {
      return absl::InternalError("the server returned other items than it found");
    }
    const auto& names = items->items().categories().ids().names();
    size_t row = 0;
    for (size_t i = 0; i < part.size(); ++i) {
      if (found[i] != 1) continue;
      for (auto k = page->category_splits[row]; k < page->category_splits[row + 1]; ++k) {
        (*categories)[first + i].push_back(names.values(static_cast<int>(k)));
      }
      if (items->items().attributes_size() > 0) {
        (*attributes)[first + i] = items->items().attributes(static_cast<int>(row));
      }
      ++row;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<VectorTable> GetVectors(Client& client, const v1::Collection& collection,
                                       const v1::IdColumn& ids, bool users) {
  const auto dimension = static_cast<size_t>(collection.embedding_settings().dimension());
  VectorTable table;
  if (dimension == 0) {
    table.found.assign(static_cast<size_t>(ColumnSize(ids)), 0);
    return table;
  }
  const std::vector<std::string> texts = IdTexts(ids);
  const size_t rows_per_call = std::max<size_t>(kVectorValuesPerCall / dimension, 1);
  for (size_t first = 0; first < texts.size(); first += rows_per_call) {
    const std::vector<std::string> part = Part(texts, first, rows_per_call);
    v1::BatchGetEmbeddingsRequest request;
    request.set_collection(collection.name());
    absl::Status status =
        FillIds(part, users ? collection.user_id_type() : collection.item_id_type(), "",
                users ? request.mutable_user_ids() : request.mutable_item_ids());
    if (!status.ok()) return status;
    const auto response = client.BatchGetEmbeddings(request);
    if (!response.ok()) return response.status();
    std::vector<uint8_t> found;
    std::vector<float> values;
    status = Fill<uint8_t>(ReadBytes(response->found(), ""), part.size(), std::nullopt, &found);
    status.Update(Fill<float>(ReadFloats(response->vectors().values(), ""), part.size() * dimension,
                              std::nullopt, &values));
    if (!status.ok()) return status;
    Append(found, &table.found);
    Append(values, &table.values);
  }
  return table;
}

absl::StatusOr<v1::ExplainNegativesResponse> ExplainAll(
    Client& client, const v1::SampleNegativesRequest& row, const std::vector<std::string>& ids,
    v1::IdType id_type, const std::function<void(int64_t)>& report, Explanation* all) {
  v1::ExplainNegativesResponse last;
  v1::ExplainNegativesRequest request;
  *request.mutable_sample() = row;
  // These do not count in an explanation.
  request.mutable_sample()->clear_negative_count();
  request.mutable_sample()->clear_outputs();
  for (size_t first = 0; first < ids.size(); first += kExplainedPerCall) {
    const std::vector<std::string> part = Part(ids, first, kExplainedPerCall);
    absl::Status status = FillIds(part, id_type, "", request.mutable_item_ids());
    if (!status.ok()) return status;
    absl::StatusOr<v1::ExplainNegativesResponse> response = client.ExplainNegatives(request);
    if (!response.ok()) return response.status();
    const absl::StatusOr<Explanation> read = ReadExplanation(*response, part.size());
    if (!read.ok()) return read.status();
    if (first > 0 && read->sources != all->sources) {
      return absl::InternalError("the policy changed while items were explained; try again");
    }
    AppendItems(*read, all);
    last = *std::move(response);
    report(static_cast<int64_t>(first + part.size()));
  }
  return last;
}

}  // namespace negatron::client
