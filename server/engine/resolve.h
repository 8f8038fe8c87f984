// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_RESOLVE_H_
#define NEGATRON_SERVER_ENGINE_RESOLVE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "server/engine/ids.h"
#include "server/pool/id_index.h"
#include "storage/base/status.h"

namespace negatron {

// Adds what makes `ids` unfit for the type of the column: names where ids are
// int64, names that break the rules.
void CheckIds(const IdBatch& ids, IdType type, absl::string_view field, Violations* violations);

// Adds the rows that repeat an earlier id.
void CheckDistinct(const IdBatch& ids, absl::string_view field, Violations* violations);

// The ordinal of each id, kNoOrdinal for those that do not exist. `ids` passed
// CheckIds.
std::vector<Ordinal> Resolve(const IdBatch& ids, const IdIndex& index);

// As Resolve, of users: one that was erased does not exist, not even by number.
std::vector<Ordinal> ResolveUsers(const IdBatch& ids, const IdIndex& index);

// Appends the id of an ordinal: an int64 id to `numbers`, else the dictionary number there and the
// name to `names`, unless that is null.
void AppendId(const IdIndex& index, Ordinal ordinal, std::vector<int64_t>* numbers,
              std::vector<std::string>* names);

// Whether row `row` can be created: it is an id, not a dictionary number.
bool CanCreate(const IdBatch& ids, IdType type);

// The external id in row `row` of ids that can be created.
ExternalId IdAt(const IdBatch& ids, int64_t row);

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_RESOLVE_H_
