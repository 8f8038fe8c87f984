// SPDX-License-Identifier: Apache-2.0
#include "server/engine/collection_writer.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

#include "server/engine/resolve.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

// Forgets a little with each write, so that no write pays for many.
constexpr size_t kForgetPerWrite = 4;

// What row `row` of a write makes of an item.
void ApplyWrite(const WriteItemsRequest& request, size_t row, ItemRecord* item) {
  const ItemMask& mask = request.mask;
  if (mask.alive) {
    item->alive = request.alive.empty() ? std::vector<Interval>{Interval{}} : request.alive[row];
    item->implicit = false;
  }
  if (mask.base_weight) {
    item->base_weight = request.base_weights.empty() ? 1.0f : request.base_weights[row];
  }
  if (mask.categories) {
    item->categories.clear();
    if (!request.categories.empty()) item->categories = request.categories[row];
    std::sort(item->categories.begin(), item->categories.end());
  }
  if (mask.attributes) {
    item->attributes = request.attributes.empty() ? std::string() : request.attributes[row];
  }
}

}  // namespace

CollectionWriter::CollectionWriter(std::shared_ptr<Collection> collection, RequestMemory requests,
                                   KnownCategories category_names)
    : collection_(std::move(collection)),
      published_(collection_->snapshot()),
      requests_(std::move(requests)),
      category_names_(std::move(category_names)) {}

absl::Status CollectionWriter::CheckRoom(const IdIndex& index, int64_t fresh,
                                         absl::string_view what) {
  if (index.size() + fresh <= kMaxOrdinals) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(
                        absl::StrCat("a collection holds at most ", kMaxOrdinals, " ", what)),
                    "COLLECTION_FULL");
}

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
  ItemRecord record = pool().Item(item);
  record.commit_sequence = slot.sequence;
  slot.batch->PutItem(settings().incarnation, record);
}

StreamRecord CollectionWriter::Stream(const std::string& name) const {
  const auto staged = streams_.find(name);
  return staged != streams_.end() ? staged->second : collection_->Stream(name);
}

absl::StatusOr<bool> CollectionWriter::IsKnownChunk(const WriteOptions& options) const {
  const int64_t position = Stream(options.stream).chunk_number;
  if (options.chunk_number <= position) return true;
  if (options.chunk_number > position + 1) {
    return InvalidField("chunk_number",
                        absl::StrCat("is ", options.chunk_number, ", but the stream is at ",
                                     position, ": go on with ", position + 1));
  }
  if (position == 0 && collection_->stream_count() + streams_.size() >= kMaxStreams) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrCat("a collection keeps the positions of at most ",
                                                  kMaxStreams, " import streams")),
        "COLLECTION_FULL");
  }
  return false;
}

void CollectionWriter::StageChunk(const WriteOptions& options, const WriteResult& result,
                                  const CommitSlot& slot) {
  StreamRecord record = Stream(options.stream);
  record.stream_id = options.stream;
  record.chunk_number = options.chunk_number;
  record.commit_sequence = slot.sequence;
  record.written_count += result.written_count;
  record.created_item_count += result.created_item_count;
  slot.batch->PutStream(settings().incarnation, record);
  streams_[options.stream] = std::move(record);
}

// Finds the categories that the collection does not have yet.
absl::Status CollectionWriter::CheckCategories(const WriteItemsRequest& request,
                                               std::vector<std::string>* fresh) const {
  KnownCategories names;
  for (const std::vector<std::string>& categories : request.categories) {
    for (const std::string& name : categories) {
      if (!category_names_.contains(name) && names.insert(name).second) fresh->push_back(name);
    }
  }
  if (category_names_.size() + names.size() <= kMaxCategoryNames) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                        "a collection has at most ", kMaxCategoryNames, " distinct categories")),
                    "COLLECTION_FULL");
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
  std::vector<std::string> fresh_categories;
  NEGATRON_RETURN_IF_ERROR(CheckCategories(request, &fresh_categories));
  for (std::string& name : fresh_categories) {
    category_names_.insert(name);
    fresh_categories_.push_back(std::move(name));
  }
  for (size_t i = 0; i < known.size(); ++i) {
    Ordinal item = known[i];
    if (item == kNoOrdinal) {
      ItemRecord record;
      record.id = IdAt(request.ids, static_cast<int64_t>(i));
      record.alive = {Interval{}};
      ApplyWrite(request, i, &record);
      item = pool().AddItem(record);
    } else {
      ItemRecord record = pool().Item(item);
      ApplyWrite(request, i, &record);
      pool().SetItem(item, record);
    }
    PutItem(item, slot);
  }
  last_sequence_ = slot.sequence;
  return WriteResult{slot.sequence, request.ids.size(), fresh, request.options.level};
}

absl::Status CollectionWriter::ResolveEvents(const WriteEventsRequest& request,
                                             std::vector<Ordinal>* user_ordinals,
                                             std::vector<Ordinal>* item_ordinals) const {
  *user_ordinals = ResolveUsers(request.users, users());
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
  absl::flat_hash_set<Ordinal> explicit_items;
  const uint32_t old_count = items().size();
  for (size_t i = 0; i < ordinals->size(); ++i) {
    Ordinal& item = (*ordinals)[i];
    if (item == kNoOrdinal) {
      const ExternalId id = IdAt(request.items, static_cast<int64_t>(i));
      item = items().Find(id);
      if (item == kNoOrdinal) {
        ItemRecord record;
        record.id = id;
        record.alive = {{request.times[i], kNever}};
        record.implicit = true;
        item = pool().AddItem(record);
      }
    }
    const auto known = starts.find(item);
    if (known != starts.end()) {
      known->second = std::min(known->second, request.times[i]);
      continue;
    }
    if (explicit_items.contains(item)) continue;
    const ItemRecord record = pool().Item(item);
    if (!record.implicit) {
      explicit_items.insert(item);
      continue;
    }
    Micros& start = starts.try_emplace(item, record.alive.front().from).first->second;
    start = std::min(start, request.times[i]);
  }
  for (const auto& [item, start] : starts) {
    ItemRecord record = pool().Item(item);
    const bool moved = start < record.alive.front().from;
    record.alive = {{start, kNever}};
    if (moved) pool().SetItem(item, record);
    if (moved || item >= old_count) PutItem(item, slot);
  }
  return items().size() - old_count;
}

// The same ordinal for an id that comes again.
Ordinal CollectionWriter::CreateUser(const ExternalId& id, const CommitSlot& slot) {
  if (const Ordinal known = users().Find(id); known != kNoOrdinal) return known;
  const Ordinal user = pool().AddUser(id);
  slot.batch->PutUser(settings().incarnation, {user, id, slot.sequence});
  return user;
}

absl::StatusOr<WriteResult> CollectionWriter::StageEvents(const WriteEventsRequest& request,
                                                          const CommitSlot& slot) {
  std::vector<Ordinal> event_users;
  std::vector<Ordinal> event_items;
  NEGATRON_RETURN_IF_ERROR(ResolveEvents(request, &event_users, &event_items));
  const int64_t created = CreateItems(request, slot, &event_items);
  for (size_t i = 0; i < event_users.size(); ++i) {
    if (event_users[i] != kNoOrdinal) continue;
    event_users[i] = CreateUser(IdAt(request.users, static_cast<int64_t>(i)), slot);
  }
  for (size_t i = 0; i < event_items.size(); ++i) {
    EventRecord event{request.times[i], slot.sequence, static_cast<uint32_t>(i), event_users[i],
                      event_items[i]};
    if (!request.kinds.empty()) event.kind = request.kinds[i];
    if (!request.weights.empty()) event.weight = request.weights[i];
    if (!request.propensities.empty()) event.propensity = request.propensities[i];
    if (!request.cohorts.empty()) event.cohort = request.cohorts[i];
    slot.batch->PutEvent(settings().incarnation, event);
    pool().AddEvent(event);
  }
  // What had to make room would be read again by a start.
  for (const EventRecord& evicted : pool().TakeEvicted()) {
    slot.batch->DeleteEvent(settings().incarnation, PositionOf(evicted));
  }
  last_sequence_ = slot.sequence;
  return WriteResult{slot.sequence, request.items.size(), created, request.options.level};
}

void CollectionWriter::StageSettings(CollectionRecord settings, const CommitSlot& slot) {
  settings.commit_sequence = slot.sequence;
  slot.batch->PutCollection(settings);
  settings_ = std::make_shared<const CollectionRecord>(std::move(settings));
  last_sequence_ = slot.sequence;
}

void CollectionWriter::StageGeneration(const IndexedTable& index, const VectorTable& table,
                                       const CommitSlot& slot) {
  const VectorTable& newest = *published_->vectors;
  index_ = {index.generation,
            DeltaOf(newest, *index.generation, index.delta, TouchedItems(table, newest))};
  StageSettings(settings(), slot);
}

void CollectionWriter::UpdateDelta(Snapshot* next) {
  if (index_.generation != nullptr) {
    next->generation = std::move(index_.generation);
    next->delta = std::make_shared<const std::vector<Ordinal>>(std::move(index_.delta));
  } else if (next->generation != nullptr && !touched_.empty()) {
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    next->delta = std::make_shared<const std::vector<Ordinal>>(
        DeltaOf(*next->vectors, *next->generation, *next->delta, touched_));
  }
}

void CollectionWriter::Publish() {
  if (last_sequence_ > published_->commit_sequence) {
    auto next = std::make_shared<Snapshot>(*published_);
    next->commit_sequence = last_sequence_;
    if (settings_ != nullptr) next->settings = std::move(settings_);
    if (policies_ != nullptr) next->policies = std::move(policies_);
    if (controllers_ != nullptr) next->controllers = std::move(controllers_);
    if (pool_.has_value()) next->pool = std::move(*pool_).Build();
    if (vectors_.has_value()) next->vectors = std::move(*vectors_).Build();
    if (user_vectors_.has_value()) next->user_vectors = std::move(*user_vectors_).Build();
    MakeTables(next.get());
    UpdateDelta(next.get());
    published_ = std::move(next);
    collection_->Publish(published_);
  }
  collection_->MoveStreams(std::move(streams_));
  streams_.clear();
  collection_->MoveVersions(versions_);
  if (ended_version_.has_value()) collection_->RemoveStreams(ShardPrefix(*ended_version_));
  versions_.clear();
  ended_version_.reset();
  pool_.reset();
  vectors_.reset();
  user_vectors_.reset();
  touched_.clear();
  index_ = {};
  settings_.reset();
  policies_.reset();
  controllers_.reset();
  forgotten_.clear();
  remembered_.clear();
  fresh_categories_.clear();
}

void CollectionWriter::Abort() {
  streams_.clear();
  versions_.clear();
  ended_version_.reset();
  for (const std::string& name : fresh_categories_) category_names_.erase(name);
  fresh_categories_.clear();
  pool_.reset();
  vectors_.reset();
  user_vectors_.reset();
  touched_.clear();
  index_ = {};
  settings_.reset();
  policies_.reset();
  controllers_.reset();
  last_sequence_ = 0;
  for (const std::string& id : remembered_) requests_.Remove(id);
  for (RequestRecord& record : forgotten_) requests_.Add(std::move(record));
  forgotten_.clear();
  remembered_.clear();
}

}  // namespace negatron
