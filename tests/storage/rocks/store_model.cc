// SPDX-License-Identifier: Apache-2.0
#include "tests/storage/rocks/store_model.h"

#include <vector>

#include "absl/strings/str_cat.h"

#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr int kCollections = 3;
constexpr int kOrdinals = 40;
constexpr int kDimension = 16;

// Adds `record` under `key` if that is above all keys so far.
template <typename Map>
absl::Status AddInOrder(const typename Map::key_type& key, const typename Map::mapped_type& record,
                        Map& map) {
  if (!map.empty() && !(map.rbegin()->first < key)) return absl::InternalError("out of order");
  map.emplace(key, record);
  return absl::OkStatus();
}

template <typename Map>
void EraseIncarnation(int64_t incarnation, Map& map) {
  std::erase_if(map, [&](const auto& entry) { return std::get<0>(entry.first) == incarnation; });
}

absl::Status ReadIncarnation(const Store& store, int64_t incarnation, StoreModel& model) {
  NEGATRON_RETURN_IF_ERROR(store.ScanItems(incarnation, [&](const ItemRecord& record) {
    return AddInOrder({incarnation, record.ordinal}, record, model.items);
  }));
  NEGATRON_RETURN_IF_ERROR(store.ScanUsers(incarnation, [&](const UserRecord& record) {
    return AddInOrder({incarnation, record.ordinal}, record, model.users);
  }));
  NEGATRON_RETURN_IF_ERROR(store.ScanEvents(incarnation, [&](const EventRecord& record) {
    return AddInOrder({incarnation, record.time, record.commit_sequence, record.row}, record,
                      model.events);
  }));
  NEGATRON_RETURN_IF_ERROR(store.ScanEmbeddings(incarnation, [&](const EmbeddingRecord& record) {
    return AddInOrder({incarnation, record.ordinal}, record, model.embeddings);
  }));
  return store.ScanRequests(incarnation, [&](const RequestRecord& record) {
    return AddInOrder({incarnation, record.request_id}, record, model.requests);
  });
}

}  // namespace

int64_t StoreModel::record_count() const {
  return static_cast<int64_t>(collections.size() + items.size() + users.size() + events.size() +
                              embeddings.size() + requests.size());
}

absl::StatusOr<StoreModel> ReadStore(const Store& store) {
  StoreModel model;
  NEGATRON_RETURN_IF_ERROR(store.ScanCollections([&](const CollectionRecord& record) {
    return AddInOrder(record.incarnation, record, model.collections);
  }));
  // Also of incarnations that have no collection: nothing may be left of them.
  for (int64_t i = 1; i < store.next_incarnation(); ++i) {
    NEGATRON_RETURN_IF_ERROR(ReadIncarnation(store, i, model));
  }
  return model;
}

void RandomBatch(int64_t sequence, std::mt19937_64& random, StoreModel& model, StoreBatch& batch) {
  const int64_t incarnation = 1 + static_cast<int64_t>(random() % kCollections);
  if (random() % 40 == 0) {
    batch.DeleteCollection(incarnation);
    model.collections.erase(incarnation);
    EraseIncarnation(incarnation, model.items);
    EraseIncarnation(incarnation, model.users);
    EraseIncarnation(incarnation, model.events);
    EraseIncarnation(incarnation, model.embeddings);
    EraseIncarnation(incarnation, model.requests);
  }
  CollectionRecord collection;
  collection.incarnation = incarnation;
  collection.id = absl::StrCat("c", incarnation);
  collection.revision = sequence;
  collection.commit_sequence = sequence;
  batch.PutCollection(collection);
  model.collections[incarnation] = collection;

  const int rows = 1 + static_cast<int>(random() % 12);
  for (int row = 0; row < rows; ++row) {
    const auto ordinal = static_cast<Ordinal>(random() % kOrdinals);
    const std::pair<int64_t, Ordinal> key(incarnation, ordinal);
    const ItemRecord item{ordinal,
                          {static_cast<int64_t>(random()), ""},
                          {{-sequence, sequence}},
                          row % 2 == 0,
                          sequence};
    batch.PutItem(incarnation, item);
    model.items[key] = item;
    const UserRecord user{ordinal, {0, absl::StrCat("u", sequence)}, sequence};
    batch.PutUser(incarnation, user);
    model.users[key] = user;
    const EventRecord event{static_cast<Micros>(random() % 2000) - 1000,
                            sequence,
                            static_cast<uint32_t>(row),
                            ordinal,
                            ordinal,
                            EventKind::kPositive,
                            static_cast<float>(row)};
    batch.PutEvent(incarnation, event);
    model.events[{incarnation, event.time, sequence, event.row}] = event;
    const EmbeddingRecord embedding{ordinal,
                                    std::vector<float>(kDimension, static_cast<float>(sequence)),
                                    sequence, VectorStamp{sequence % 3, sequence % 2}};
    batch.PutEmbedding(incarnation, ordinal, embedding.vector, sequence, embedding.stamp);
    model.embeddings[key] = embedding;
  }
  RequestRecord request;
  request.request_id = absl::StrCat("r", sequence);
  request.commit_sequence = sequence;
  batch.PutRequest(incarnation, request);
  model.requests[{incarnation, request.request_id}] = request;
  const std::string old = absl::StrCat("r", sequence - 5);
  batch.DeleteRequest(incarnation, old);
  model.requests.erase({incarnation, old});
}

}  // namespace negatron
