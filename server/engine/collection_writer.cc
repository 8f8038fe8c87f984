// SPDX-License-Identifier: Apache-2.0
#include "server/engine/collection_writer.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

#include "server/engine/resolve.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

// Forgets a little with each write, so that no write pays for many.
constexpr size_t kForgetPerWrite = 4;

absl::Status CheckRoom(const IdIndex& index, int64_t fresh, const char* what) {
  if (index.size() + fresh <= kMaxOrdinals) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(
                        absl::StrCat("a collection holds at most ", kMaxOrdinals, " ", what)),
                    "COLLECTION_FULL");
}

}  // namespace

CollectionWriter::CollectionWriter(std::shared_ptr<Collection> collection, RequestMemory requests)
    : collection_(std::move(collection)),
      published_(collection_->snapshot()),
      requests_(std::move(requests)) {}

PoolBuilder& CollectionWriter::pool() {
  if (!pool_.has_value()) pool_.emplace(*published_->pool);
  return *pool_;
}

absl::StatusOr<std::optional<WriteResult>> CollectionWriter::FindReplay(const WriteOptions& options,
                                                                        uint64_t fingerprint,
                                                                        Micros now) const {
  if (options.request_id.empty()) return std::nullopt;
  const RequestRecord* record = requests_.Find(options.request_id, now);
  if (record == nullptr) return std::nullopt;
  if (record->fingerprint != fingerprint) {
    return WithReason(InvalidField("request_id", "came before with another request"),
                      "REQUEST_ID_REUSED");
  }
  WriteResult result;
  result.commit_sequence = record->commit_sequence;
  result.written_count = record->written_count;
  result.created_item_count = record->created_item_count;
  result.level = record->durable ? AckLevel::kDurable : options.level;
  result.replayed = true;
  return result;
}

void CollectionWriter::Remember(const WriteOptions& options, uint64_t fingerprint,
                                const WriteResult& result, const CommitSlot& slot) {
  if (options.request_id.empty()) return;
  for (const std::string& id : requests_.Expired(slot.now, kForgetPerWrite)) {
    slot.batch->DeleteRequest(settings().incarnation, id);
    forgotten_.push_back(*requests_.Find(id, kAlways));
    requests_.Remove(id);
  }
  RequestRecord record;
  record.request_id = options.request_id;
  record.fingerprint = fingerprint;
  record.time = slot.now;
  record.commit_sequence = slot.sequence;
  record.written_count = result.written_count;
  record.created_item_count = result.created_item_count;
  record.durable = options.level == AckLevel::kDurable;
  slot.batch->PutRequest(settings().incarnation, record);
  if (const RequestRecord* old = requests_.Find(options.request_id, kAlways)) {
    forgotten_.push_back(*old);
  }
  remembered_.push_back(options.request_id);
  requests_.Add(std::move(record));
}

void CollectionWriter::PutItem(Ordinal item, const CommitSlot& slot) {
  const ItemLife& life = pool().life(item);
  slot.batch->PutItem(settings().incarnation,
                      {item, items().IdAt(item), life.Intervals(), life.implicit, slot.sequence});
}

absl::StatusOr<WriteResult> CollectionWriter::StageItems(const WriteItemsRequest& request,
                                                         const CommitSlot& slot) {
  const std::vector<Ordinal> known = Resolve(request.ids, items());
  const int64_t fresh = std::count(known.begin(), known.end(), kNoOrdinal);
  if (fresh > 0 && !CanCreate(request.ids, settings().item_id_type)) {
    Violations violations;
    for (size_t i = 0; i < known.size(); ++i) {
      if (known[i] == kNoOrdinal) {
        violations.AddRow("item_ids", static_cast<int64_t>(i), "no item has this number");
      }
    }
    return violations.ToStatus();
  }
  NEGATRON_RETURN_IF_ERROR(CheckRoom(items(), fresh, "items"));
  for (size_t i = 0; i < known.size(); ++i) {
    Ordinal item = known[i];
    if (item == kNoOrdinal) {
      item = pool().AddItem(IdAt(request.ids, static_cast<int64_t>(i)), request.alive[i], false);
    } else {
      pool().SetLife(item, request.alive[i], false);
    }
    PutItem(item, slot);
  }
  last_sequence_ = slot.sequence;
  return WriteResult{slot.sequence, request.ids.size(), fresh, request.options.level, false};
}

absl::Status CollectionWriter::ResolveEvents(const WriteEventsRequest& request,
                                             std::vector<Ordinal>* user_ordinals,
                                             std::vector<Ordinal>* item_ordinals) const {
  *user_ordinals = Resolve(request.users, users());
  *item_ordinals = Resolve(request.items, items());
  const bool create_users = CanCreate(request.users, settings().user_id_type);
  const bool create_items = CanCreate(request.items, settings().item_id_type) &&
                            settings().missing_item_rule == MissingItemRule::kCreate;
  Violations violations;
  for (size_t i = 0; i < item_ordinals->size(); ++i) {
    if ((*user_ordinals)[i] == kNoOrdinal && !create_users) {
      violations.AddRow("user_ids", static_cast<int64_t>(i), "no user has this number");
    }
    if ((*item_ordinals)[i] == kNoOrdinal && !create_items) {
      violations.AddRow("item_ids", static_cast<int64_t>(i),
                        "no such item; write it first, or set missing_item_rule to CREATE");
    }
  }
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  const auto fresh = [](const std::vector<Ordinal>& ordinals) {
    return std::count(ordinals.begin(), ordinals.end(), kNoOrdinal);
  };
  NEGATRON_RETURN_IF_ERROR(CheckRoom(items(), fresh(*item_ordinals), "items"));
  return CheckRoom(users(), fresh(*user_ordinals), "users");
}

// Creates what is missing, and moves the start of implicit lives that an event
// comes before. Returns the number of items created.
int64_t CollectionWriter::CreateItems(const WriteEventsRequest& request, const CommitSlot& slot,
                                      std::vector<Ordinal>* ordinals) {
  absl::flat_hash_map<Ordinal, Micros> starts;  // Of implicit items in this write.
  const uint32_t old_count = items().size();
  for (size_t i = 0; i < ordinals->size(); ++i) {
    Ordinal& item = (*ordinals)[i];
    if (item == kNoOrdinal) {
      const ExternalId id = IdAt(request.items, static_cast<int64_t>(i));
      item = items().Find(id);
      if (item == kNoOrdinal) {
        item = pool().AddItem(id, {{request.times[i], kNever}}, true);
      }
    }
    const ItemLife& life = pool().life(item);
    if (!life.implicit) continue;
    Micros& start = starts.try_emplace(item, life.first.from).first->second;
    start = std::min(start, request.times[i]);
  }
  for (const auto& [item, start] : starts) {
    const bool moved = start < pool().life(item).first.from;
    if (moved) pool().SetLife(item, {{start, kNever}}, true);
    if (moved || item >= old_count) PutItem(item, slot);
  }
  return items().size() - old_count;
}

void CollectionWriter::CreateUsers(const WriteEventsRequest& request, const CommitSlot& slot,
                                   std::vector<Ordinal>* ordinals) {
  for (size_t i = 0; i < ordinals->size(); ++i) {
    Ordinal& user = (*ordinals)[i];
    if (user != kNoOrdinal) continue;
    const ExternalId id = IdAt(request.users, static_cast<int64_t>(i));
    user = users().Find(id);
    if (user != kNoOrdinal) continue;
    user = pool().AddUser(id);
    slot.batch->PutUser(settings().incarnation, {user, id, slot.sequence});
  }
}

absl::StatusOr<WriteResult> CollectionWriter::StageEvents(const WriteEventsRequest& request,
                                                          const CommitSlot& slot) {
  std::vector<Ordinal> event_users;
  std::vector<Ordinal> event_items;
  NEGATRON_RETURN_IF_ERROR(ResolveEvents(request, &event_users, &event_items));
  const int64_t created = CreateItems(request, slot, &event_items);
  CreateUsers(request, slot, &event_users);
  for (size_t i = 0; i < event_items.size(); ++i) {
    const float weight = request.weights.empty() ? 1.0f : request.weights[i];
    const EventRecord event{request.times[i],
                            slot.sequence,
                            static_cast<uint32_t>(i),
                            event_users[i],
                            event_items[i],
                            EventKind::kPositive,
                            weight};
    slot.batch->PutEvent(settings().incarnation, event);
    pool().AddEvent(event);
  }
  last_sequence_ = slot.sequence;
  return WriteResult{slot.sequence, request.items.size(), created, request.options.level, false};
}

absl::StatusOr<WriteResult> CollectionWriter::StageEmbeddings(const WriteEmbeddingsRequest& request,
                                                              const CommitSlot& slot) {
  const std::vector<Ordinal> ordinals = Resolve(request.items, items());
  Violations violations;
  for (size_t i = 0; i < ordinals.size(); ++i) {
    if (ordinals[i] == kNoOrdinal) {
      violations.AddRow("item_ids", static_cast<int64_t>(i), "no such item; write it first");
    }
  }
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  if (!vectors_.has_value()) vectors_.emplace(*published_->vectors);
  const size_t dimension = static_cast<size_t>(request.column_count);
  for (size_t i = 0; i < ordinals.size(); ++i) {
    const std::span<const float> vector =
        std::span<const float>(request.values).subspan(i * dimension, dimension);
    vectors_->Set(ordinals[i], vector);
    slot.batch->PutEmbedding(settings().incarnation, ordinals[i], vector, slot.sequence);
  }
  last_sequence_ = slot.sequence;
  return WriteResult{slot.sequence, request.items.size(), 0, request.options.level, false};
}

void CollectionWriter::StageSettings(CollectionRecord settings, const CommitSlot& slot) {
  settings.commit_sequence = slot.sequence;
  slot.batch->PutCollection(settings);
  settings_ = std::make_shared<const CollectionRecord>(std::move(settings));
  last_sequence_ = slot.sequence;
}

void CollectionWriter::Publish() {
  if (last_sequence_ > published_->commit_sequence) {
    auto next = std::make_shared<Snapshot>(*published_);
    next->commit_sequence = last_sequence_;
    if (settings_ != nullptr) next->settings = std::move(settings_);
    if (pool_.has_value()) next->pool = std::move(*pool_).Build();
    if (vectors_.has_value()) next->vectors = std::move(*vectors_).Build();
    if (next->vectors == nullptr && next->settings->embedding.has_value()) {
      next->vectors = std::make_shared<const VectorTable>(*next->settings->embedding);
    }
    published_ = std::move(next);
    collection_->Publish(published_);
  }
  pool_.reset();
  vectors_.reset();
  settings_.reset();
  forgotten_.clear();
  remembered_.clear();
}

void CollectionWriter::Abort() {
  pool_.reset();
  vectors_.reset();
  settings_.reset();
  last_sequence_ = 0;
  for (const std::string& id : remembered_) requests_.Remove(id);
  for (RequestRecord& record : forgotten_) requests_.Add(std::move(record));
  forgotten_.clear();
  remembered_.clear();
}

}  // namespace negatron
