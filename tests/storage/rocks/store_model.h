// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_STORAGE_ROCKS_STORE_MODEL_H_
#define NEGATRON_TESTS_STORAGE_ROCKS_STORE_MODEL_H_

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"

#include "storage/model/records.h"
#include "storage/rocks/store.h"

namespace negatron {

// What a store should hold, in standard containers.
//
// Thread-safety: thread-compatible.
struct StoreModel {
  using EventKey = std::tuple<int64_t, Micros, int64_t, uint32_t>;

  std::map<int64_t, CollectionRecord> collections;
  std::map<std::pair<int64_t, Ordinal>, ItemRecord> items;
  std::map<std::pair<int64_t, Ordinal>, UserRecord> users;
  std::map<EventKey, EventRecord> events;
  std::map<std::pair<int64_t, Ordinal>, EmbeddingRecord> embeddings;
  std::map<std::pair<int64_t, std::string>, RequestRecord> requests;

  friend bool operator==(const StoreModel&, const StoreModel&) = default;

  int64_t record_count() const;
};

// Reads all of the store; fails if a scan fails or is out of order.
absl::StatusOr<StoreModel> ReadStore(const Store& store);

// Makes up one batch with commit sequence `sequence`: puts that replace and
// add, deletions of requests and, at times, of a collection. Changes `model` as
// it fills `batch`.
void RandomBatch(int64_t sequence, std::mt19937_64& random, StoreModel& model, StoreBatch& batch);

}  // namespace negatron

#endif  // NEGATRON_TESTS_STORAGE_ROCKS_STORE_MODEL_H_
