// SPDX-License-Identifier: Apache-2.0
#include "server/engine/resolved_rows.h"

#include <optional>
#include <string_view>

#include "server/engine/resolve.h"
#include "storage/base/fingerprint.h"
#include "storage/base/philox.h"

namespace negatron {
namespace {

// Row keys of the caller, or a hash of user, positive and as-of: never of the
// position in the batch.
std::vector<uint64_t> RowKeys(const SampleRequest& request, const PoolView& pool,
                              const std::vector<Micros>& as_of) {
  std::vector<uint64_t> keys(request.row_count);
  for (int64_t r = 0; r < request.row_count; ++r) {
    if (!request.row_keys.empty()) {
      keys[r] = static_cast<uint64_t>(request.row_keys[r]);
    } else {
      const uint64_t hash = MixHash(HashId(request.users, r, pool.users()),
                                    HashId(request.positives, r, pool.items()));
      keys[r] = MixHash(hash, static_cast<uint64_t>(as_of[r]));
    }
  }
  return keys;
}

}  // namespace

Freshness FreshnessOf(const SampleRequest& request, Micros as_of) {
  Freshness freshness{request.min_model_version, std::nullopt, as_of};
  if (request.max_staleness_micros) {
    freshness.min_write_time = as_of - *request.max_staleness_micros;
  }
  return freshness;
}

SnapshotToken TokenOf(const Snapshot& snapshot, const ServedPolicy& policy) {
  SnapshotToken token = snapshot.token();
  token.policy_version = policy.report().version;
  return token;
}

uint64_t HashId(const std::optional<IdBatch>& ids, int64_t row, const IdIndex& index) {
  if (!ids.has_value()) return 0;
  if (ids->is_names()) return Fingerprint(ids->names()[row]);
  const int64_t number = ids->numbers()[row];
  if (index.type() == IdType::kString && number >= 0 && number < index.size()) {
    return Fingerprint(index.NameAt(static_cast<Ordinal>(number)));
  }
  return static_cast<uint64_t>(number);
}

void WriteIds(bool want_names, const IdIndex& index, std::span<const Ordinal> items,
              UninitializedVector<int64_t>* ids, std::vector<std::string>* names) {
  if (index.type() == IdType::kString && want_names) {
    names->reserve(items.size());
    for (const Ordinal item : items) {
      names->emplace_back(item == kNoOrdinal ? std::string_view() : index.NameAt(item));
    }
    return;
  }
  ids->resize(items.size());
  const auto write = [&](auto id_of) {
    for (size_t i = 0; i < items.size(); ++i) {
      (*ids)[i] = items[i] == kNoOrdinal ? kNoId : id_of(items[i]);
    }
  };
  if (index.type() == IdType::kInt64) {
    write([&](Ordinal item) { return index.NumberAt(item); });
  } else {
    write([](Ordinal item) { return int64_t{item}; });
  }
}

ResolvedRows::ResolvedRows(const SampleRequest& request, const PoolView& pool, Micros default_as_of)
    : as_of(request.as_of) {
  if (as_of.empty()) as_of.assign(request.row_count, default_as_of);
  keys = RowKeys(request, pool, as_of);
  if (request.users) users = ResolveUsers(*request.users, pool.users());
  if (request.positives) positives = Resolve(*request.positives, pool.items());
  if (request.exclusions) exclusions = Resolve(*request.exclusions, pool.items());
}

SampleBatch ResolvedRows::Batch(const SampleRequest& request,
                                const std::vector<float>& queries) const {
  SampleBatch batch;
  batch.row_count = request.row_count;
  batch.negative_count = request.negative_count;
  batch.as_of = as_of;
  batch.keys = keys;
  batch.users = users;
  batch.positives = positives;
  batch.cohorts = request.cohorts;
  batch.exclusions = exclusions;
  batch.exclusion_splits = request.exclusion_splits;
  batch.queries = queries;
  batch.query_columns = request.query_columns;
  return batch;
}

}  // namespace negatron
