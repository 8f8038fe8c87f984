// SPDX-License-Identifier: Apache-2.0
// CollectionWriter: what takes events and users away.
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "server/engine/collection_writer.h"
#include "server/engine/resolve.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// The entries of a retraction that name one user and item at one time.
using PairKey = std::pair<Ordinal, Ordinal>;
using RowsByPair = absl::flat_hash_map<PairKey, std::vector<uint32_t>>;

}  // namespace

// A deletion leaves no record that carries its sequence, which snapshot tokens
// name: the collection's own does.
void CollectionWriter::Touch(const CommitSlot& slot) { StageSettings(settings(), slot); }

absl::StatusOr<WriteResult> CollectionWriter::StageRetraction(const RetractEventsRequest& request,
                                                              const CommitSlot& slot) {
  const std::vector<Ordinal> event_users = ResolveUsers(request.users, users());
  const std::vector<Ordinal> event_items = Resolve(request.items, items());
  std::map<Micros, RowsByPair> rows;
  for (size_t i = 0; i < event_items.size(); ++i) {
    if (event_users[i] == kNoOrdinal || event_items[i] == kNoOrdinal) continue;
    rows[request.times[i]][{event_users[i], event_items[i]}].push_back(static_cast<uint32_t>(i));
  }
  WriteResult result{slot.sequence, 0, 0, request.options.level};
  result.found.assign(event_items.size(), 0);
  std::vector<EventRecord> events;
  for (const auto& at_time : rows) {
    const Micros time = at_time.first;
    const RowsByPair& pairs = at_time.second;
    NEGATRON_RETURN_IF_ERROR(
        slot.store->ScanEventsAt(settings().incarnation, time, [&](const EventRecord& event) {
          const auto pair = pairs.find({event.user, event.item});
          if (pair == pairs.end()) return absl::OkStatus();
          bool matches = false;
          for (const uint32_t row : pair->second) {
            if (!request.kinds.empty() && request.kinds[row] != event.kind) continue;
            result.found[row] = 1;
            matches = true;
          }
          if (matches) events.push_back(event);
          return absl::OkStatus();
        }));
  }
  NEGATRON_RETURN_IF_ERROR(StageExpiredRepeats(events, slot));
  StageRemoval(events, slot);
  result.written_count = static_cast<int64_t>(events.size());
  return result;
}

// Later positives of a pair that are behind the watermark go with its first: some of their
// records may be gone already, and a start must not find the others.
absl::Status CollectionWriter::StageExpiredRepeats(std::span<const EventRecord> removed,
                                                   const CommitSlot& slot) {
  for (const EventRecord& event : removed) {
    if (event.kind != EventKind::kPositive) continue;
    if (!published_->pool->IsFirstPositive(event)) continue;
    for (const UserPositive& repeat : published_->pool->user_events(event.user).repeats.view()) {
      if (repeat.item != event.item || repeat.time >= settings().watermark) continue;
      NEGATRON_RETURN_IF_ERROR(slot.store->ScanEventsAt(
          settings().incarnation, repeat.time, [&](const EventRecord& found) {
            if (found.kind == EventKind::kPositive && found.user == event.user &&
                found.item == event.item) {
              slot.batch->DeleteEvent(settings().incarnation, PositionOf(found));
            }
            return absl::OkStatus();
          }));
    }
    pool().ForgetRepeats(event.user, event.item);
  }
  return absl::OkStatus();
}

absl::StatusOr<WriteResult> CollectionWriter::StageErasure(const EraseUsersRequest& request,
                                                           const CommitSlot& slot) {
  WriteResult result{slot.sequence, 0, 0, request.options.level};
  StageAuditErasure(request.users, slot);  // While the ids lead to the users.
  for (const Ordinal user : ResolveUsers(request.users, users())) {
    result.found.push_back(user != kNoOrdinal);
    if (user == kNoOrdinal) continue;
    UserRecord record;
    record.ordinal = user;
    record.commit_sequence = slot.sequence;
    record.erased = true;
    slot.batch->PutUser(settings().incarnation, record);
    pool().EraseUser(user);
    EraseUserVectors(user, slot);
    ++result.written_count;
  }
  last_sequence_ = slot.sequence;
  Touch(slot);
  return result;
}

// Audits name users as callers did: also those that the collection does not know.
void CollectionWriter::StageAuditErasure(const IdBatch& ids, const CommitSlot& slot) {
  if (!settings().audit.has_value()) return;
  AuditErasureRecord erasure{slot.sequence, {}};
  const std::vector<Ordinal> ordinals = Resolve(ids, users());
  for (size_t i = 0; i < ordinals.size(); ++i) {
    if (users().type() == IdType::kInt64) {
      erasure.users.push_back(IdAt(ids, static_cast<int64_t>(i)));
    } else if (ordinals[i] != kNoOrdinal) {
      erasure.users.push_back({int64_t{ordinals[i]}, std::string(users().NameAt(ordinals[i]))});
    } else if (ids.is_names()) {
      erasure.users.push_back({-1, ids.names()[i]});
    }
  }
  slot.batch->PutAuditErasure(settings().incarnation, erasure);
}

void CollectionWriter::StageRemoval(std::span<const EventRecord> events, const CommitSlot& slot) {
  for (const EventRecord& event : events) {
    slot.batch->DeleteEvent(settings().incarnation, PositionOf(event));
    pool().RemoveEvent(event);
  }
  Touch(slot);
}

void CollectionWriter::StageWatermark(Micros watermark, const CommitSlot& slot) {
  CollectionRecord next = settings();
  next.watermark = watermark;
  pool().SetWatermark(watermark);
  StageSettings(std::move(next), slot);
}

void CollectionWriter::ForgetEvents(std::span<const EventRecord> events, const CommitSlot& slot) {
  bool any = false;
  for (const EventRecord& event : events) {
    if (published_->pool->IsFirstPositive(event)) continue;
    slot.batch->DeleteEvent(settings().incarnation, PositionOf(event));
    any = true;
  }
  if (!any) return;
  // What is forgotten may be the last record that carries the newest sequence.
  CollectionRecord record = settings();
  record.commit_sequence = published_->commit_sequence;
  slot.batch->PutCollection(record);
}

}  // namespace negatron
