// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_COLLECTION_WRITER_H_
#define NEGATRON_SERVER_ENGINE_COLLECTION_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "server/engine/collection.h"
#include "server/engine/request_memory.h"
#include "server/engine/requests.h"
#include "server/index/vector_table.h"
#include "server/pool/pool_builder.h"
#include "storage/rocks/store.h"

namespace negatron {

// Where a write that is being committed goes, and under which number.
struct CommitSlot {
  StoreBatch* batch;
  int64_t sequence;
  Micros now;
};

// Turns the writes of one collection into records and into the next snapshot.
//
// Stage... checks a write against all that was staged before, adds its records
// to the batch and its effect to the next snapshot; on error it changes
// nothing. When the batch is in the log, `Publish`; if it could not be written,
// `Abort`: both end the group.
//
// Thread-safety: confined to the commit thread.
class CollectionWriter {
 public:
  // `collection` shows `snapshot`, the newest.
  CollectionWriter(std::shared_ptr<Collection> collection, RequestMemory requests);

  const std::shared_ptr<Collection>& collection() const { return collection_; }
  const CollectionRecord& settings() const { return *published_->settings; }

  // The first response to a request id, if there was one. INVALID_ARGUMENT if
  // the id came with another request.
  absl::StatusOr<std::optional<WriteResult>> FindReplay(const WriteOptions& options,
                                                        uint64_t fingerprint, Micros now) const;
  // Remembers `result` under the request id, if there is one.
  void Remember(const WriteOptions& options, uint64_t fingerprint, const WriteResult& result,
                const CommitSlot& slot);

  // Requests passed the checks of write_checks.h.
  absl::StatusOr<WriteResult> StageItems(const WriteItemsRequest& request, const CommitSlot& slot);
  absl::StatusOr<WriteResult> StageEvents(const WriteEventsRequest& request,
                                          const CommitSlot& slot);
  absl::StatusOr<WriteResult> StageEmbeddings(const WriteEmbeddingsRequest& request,
                                              const CommitSlot& slot);
  void StageSettings(CollectionRecord settings, const CommitSlot& slot);

  void Publish();
  void Abort();

 private:
  PoolBuilder& pool();
  const IdIndex& items() const { return pool_ ? pool_->items() : published_->pool->items(); }
  const IdIndex& users() const { return pool_ ? pool_->users() : published_->pool->users(); }
  absl::Status ResolveEvents(const WriteEventsRequest& request, std::vector<Ordinal>* users,
                             std::vector<Ordinal>* items) const;
  int64_t CreateItems(const WriteEventsRequest& request, const CommitSlot& slot,
                      std::vector<Ordinal>* items);
  void CreateUsers(const WriteEventsRequest& request, const CommitSlot& slot,
                   std::vector<Ordinal>* users);
  void PutItem(Ordinal item, const CommitSlot& slot);

  const std::shared_ptr<Collection> collection_;
  std::shared_ptr<const Snapshot> published_;

  // Of the group that is being staged.
  std::optional<PoolBuilder> pool_;
  std::optional<VectorTableBuilder> vectors_;
  std::shared_ptr<const CollectionRecord> settings_;
  int64_t last_sequence_ = 0;
  RequestMemory requests_;
  std::vector<RequestRecord> forgotten_;  // By this group, to put back.
  std::vector<std::string> remembered_;   // By this group, to take out.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_COLLECTION_WRITER_H_
