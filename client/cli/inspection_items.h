// SPDX-License-Identifier: Apache-2.0
//
// What an inspection asks about items: in portions, since each call has a limit.
#ifndef NEGATRON_CLIENT_CLI_INSPECTION_ITEMS_H_
#define NEGATRON_CLIENT_CLI_INSPECTION_ITEMS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "client/cli/explanation.h"
#include "client/cpp/client.h"

namespace negatron::client {

// Usage error if the positive of the row or one of its exclusions is no item of the collection.
absl::Status CheckItems(Client& client, const v1::Collection& collection,
                        const v1::SampleNegativesRequest& row);

// Names of categories, and attributes, of items that exist; nothing for others.
absl::Status GetProperties(Client& client, const v1::Collection& collection,
                           const std::vector<std::string>& ids,
                           std::vector<std::vector<std::string>>* categories,
                           std::vector<std::string>* attributes);

struct VectorTable {
  std::vector<uint8_t> found;
  std::vector<float> values;  // `[ids, dimension]`, row-major; NaN where there is none.
};

// Embeddings of items, or of users.
absl::StatusOr<VectorTable> GetVectors(Client& client, const v1::Collection& collection,
                                       const v1::IdColumn& ids, bool users);

// Explains items as one, and returns the last answer for what all of them share. `report` is told
// how many are done.
absl::StatusOr<v1::ExplainNegativesResponse> ExplainAll(
    Client& client, const v1::SampleNegativesRequest& row, const std::vector<std::string>& ids,
    v1::IdType id_type, const std::function<void(int64_t)>& report, Explanation* all);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_INSPECTION_ITEMS_H_
