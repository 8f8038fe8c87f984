// SPDX-License-Identifier: Apache-2.0
#include "server/engine/resolve.h"

#include "absl/container/flat_hash_set.h"

#include "storage/model/validate.h"

namespace negatron {
namespace {

template <typename T>
void CheckDistinctValues(const std::vector<T>& values, absl::string_view field,
                         Violations* violations) {
  absl::flat_hash_set<T> seen;
  seen.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!seen.insert(values[i]).second) {
      violations->AddRow(field, static_cast<int64_t>(i), "repeats an id of an earlier row");
    }
  }
}

}  // namespace

void CheckIds(const IdBatch& ids, IdType type, absl::string_view field, Violations* violations) {
  if (!ids.is_names()) return;
  if (type == IdType::kInt64) {
    violations->Add(field, "these ids are int64: names do not fit");
    return;
  }
  for (size_t i = 0; i < ids.names().size(); ++i) {
    const absl::string_view problem = NameProblem(ids.names()[i]);
    if (!problem.empty()) violations->AddRow(field, static_cast<int64_t>(i), problem);
  }
}

void CheckDistinct(const IdBatch& ids, absl::string_view field, Violations* violations) {
  std::visit([&](const auto& values) { CheckDistinctValues(values, field, violations); },
             ids.values);
}

std::vector<Ordinal> Resolve(const IdBatch& ids, const IdIndex& index) {
  std::vector<Ordinal> ordinals(ids.size(), kNoOrdinal);
  if (ids.is_names()) {
    for (size_t i = 0; i < ordinals.size(); ++i) {
      ordinals[i] = index.Find(std::string_view(ids.names()[i]));
    }
  } else if (index.type() == IdType::kInt64) {
    for (size_t i = 0; i < ordinals.size(); ++i) ordinals[i] = index.Find(ids.numbers()[i]);
  } else {
    for (size_t i = 0; i < ordinals.size(); ++i) {
      const int64_t number = ids.numbers()[i];
      if (number >= 0 && number < index.size()) ordinals[i] = static_cast<Ordinal>(number);
    }
  }
  return ordinals;
}

std::vector<Ordinal> ResolveUsers(const IdBatch& ids, const IdIndex& index) {
  std::vector<Ordinal> ordinals = Resolve(ids, index);
  if (ids.is_names() || index.type() == IdType::kInt64) return ordinals;
  for (Ordinal& user : ordinals) {
    if (user != kNoOrdinal && !index.IsLinked(user)) user = kNoOrdinal;
  }
  return ordinals;
}

void AppendId(const IdIndex& index, Ordinal ordinal, std::vector<int64_t>* numbers,
              std::vector<std::string>* names) {
  if (index.type() == IdType::kInt64) {
    numbers->push_back(index.NumberAt(ordinal));
    return;
  }
  numbers->push_back(ordinal);
  if (names != nullptr) names->emplace_back(index.NameAt(ordinal));
}

bool CanCreate(const IdBatch& ids, IdType type) {
  return ids.is_names() == (type == IdType::kString);
}

ExternalId IdAt(const IdBatch& ids, int64_t row) {
  if (ids.is_names()) return {0, ids.names()[row]};
  return {ids.numbers()[row], {}};
}

}  // namespace negatron
