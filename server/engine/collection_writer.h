// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_COLLECTION_WRITER_H_
#define NEGATRON_SERVER_ENGINE_COLLECTION_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"

#include "server/engine/collection.h"
#include "server/engine/controller_requests.h"
#include "server/engine/request_memory.h"
#include "server/engine/requests.h"
#include "server/index/vector_table.h"
#include "server/pool/pool_builder.h"
#include "storage/rocks/store.h"

namespace negatron {

// Where a write that is being committed goes, and under which number.
struct CommitSlot {
  const Store* store;  // Holds all that was committed before this group.
  StoreBatch* batch;
  int64_t sequence;
  Micros now;
};

// What the names of the streams of a version's shards begin with; the number follows.
std::string ShardPrefix(int64_t model_version);

// The version, if it is staging. NOT_FOUND [EMBEDDING_VERSION_NOT_FOUND], FAILED_PRECONDITION
// [EMBEDDING_VERSION_ENDED].
absl::StatusOr<EmbeddingVersionRecord> FindStaging(const Collection& collection,
                                                   int64_t model_version);

using KnownCategories = absl::flat_hash_set<std::string>;

// All that was uploaded to a version.
struct VersionTables {
  std::shared_ptr<const VectorTable> items;
  std::shared_ptr<const VectorTable> users;
};

// How a table is to be searched.
struct IndexedTable {
  std::shared_ptr<const Generation> generation;  // Null: exactly.
  std::vector<Ordinal> delta;                    // DeltaOf both.
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
  // `category_names` are those of all its items.
  CollectionWriter(std::shared_ptr<Collection> collection, RequestMemory requests,
                   KnownCategories category_names);

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
  // FAILED_PRECONDITION [STALE_MODEL_VERSION] if a vector has a later model version than
  // the request's, also one that is staged. A request without counts as version 0.
  absl::StatusOr<WriteResult> StageEmbeddings(const WriteEmbeddingsRequest& request,
                                              const CommitSlot& slot);
  void StageSettings(CollectionRecord settings, const CommitSlot& slot);

  // Adds a version of a policy, unless the latest is equal. `written_count` of the result, also of
  // a replay, is the version. Errors as of PolicyTable.
  absl::StatusOr<WriteResult> StagePolicy(const PutPolicyRequest& request, const CommitSlot& slot);
  // NOT_FOUND [POLICY_NOT_FOUND], unless it may be missing; errors as of PolicyTable.
  absl::StatusOr<WriteResult> StagePolicyDeletion(const DeletePolicyRequest& request,
                                                  const CommitSlot& slot);

  // Makes a controller, or changes the settings of one.
  absl::StatusOr<WriteResult> StageController(const PutControllerRequest& request,
                                              const CommitSlot& slot);
  // NOT_FOUND [CONTROLLER_NOT_FOUND], unless it may be missing. Not beside a change of settings:
  // alone in its group.
  absl::StatusOr<WriteResult> StageControllerDeletion(const DeleteControllerRequest& request,
                                                      const CommitSlot& slot);
  // `written_count` of the result, also of a replay, is 0 if the report was stale, else 1.
  absl::StatusOr<WriteResult> StageReport(const ReportOutcomesRequest& request,
                                          const CommitSlot& slot);

  // OK if the version takes uploads. Else NOT_FOUND [EMBEDDING_VERSION_NOT_FOUND];
  // FAILED_PRECONDITION [EMBEDDING_VERSION_ENDED], also while it is being committed, or
  // [STALE_MODEL_VERSION] if a vector of the table has its version or a later one.
  absl::Status CheckUploads(int64_t model_version) const;
  // A chunk of a version that takes uploads. Readers do not see it.
  absl::StatusOr<WriteResult> StageUpload(const UploadEmbeddingsRequest& request,
                                          const CommitSlot& slot);

  // Whether the chunk that `options` name was committed before. INVALID_ARGUMENT if
  // one before it was not; RESOURCE_EXHAUSTED if the collection has too many
  // streams.
  absl::StatusOr<bool> IsKnownChunk(const WriteOptions& options) const;
  // Moves the stream of `options` on by the chunk that was staged as `result`.
  void StageChunk(const WriteOptions& options, const WriteResult& result, const CommitSlot& slot);
  // Position of a stream, with what is staged; chunk 0 if it is not known.
  StreamRecord Stream(const std::string& name) const;

  // The others must be alone in their group.

  // Begins a version; one that is staging is returned as it is. RESOURCE_EXHAUSTED
  // [COLLECTION_FULL] if too many are.
  absl::StatusOr<EmbeddingVersionRecord> StageVersion(const BeginVersionRequest& request,
                                                      const CommitSlot& slot);
  // OK if the version can be committed, if it is sealed. Errors as of CheckUploads.
  absl::Status CheckCommit(int64_t model_version) const;
  // Makes all that was uploaded to a sealed version the collection's tables, those of items
  // searched by its generation with the delta that `index` has for both. Checks as CheckCommit.
  absl::StatusOr<EmbeddingVersionRecord> StageFlip(int64_t model_version,
                                                   const VersionTables& tables,
                                                   const IndexedTable& index,
                                                   const CommitSlot& slot);
  // Ends a version that is staging and not sealed, with all that was uploaded, as `state`; one
  // that ended uncommitted is returned as it is.
  absl::StatusOr<EmbeddingVersionRecord> StageEnd(int64_t model_version,
                                                  EmbeddingVersionState state,
                                                  const CommitSlot& slot);

  absl::StatusOr<WriteResult> StageRetraction(const RetractEventsRequest& request,
                                              const CommitSlot& slot);
  // Events of the users stay; see Housekeeper.
  absl::StatusOr<WriteResult> StageErasure(const EraseUsersRequest& request,
                                           const CommitSlot& slot);
  // Events as they are in the store and in the pool.
  void StageRemoval(std::span<const EventRecord> events, const CommitSlot& slot);
  void StageWatermark(Micros watermark, const CommitSlot& slot);
  // `index` is of `table`, of an earlier or the newest snapshot. Durable as a change of
  // the settings: so that the number of the commit names what searches use.
  void StageGeneration(const IndexedTable& index, const VectorTable& table, const CommitSlot& slot);
  // Removes positives that are before the watermark from the store, but for the
  // first of each user and item. Nothing changes for readers.
  void ForgetEvents(std::span<const EventRecord> events, const CommitSlot& slot);

  void Publish();
  void Abort();

 private:
  const VectorTable& vectors() const {
    return vectors_.has_value() ? vectors_->table() : *published_->vectors;
  }
  const VectorTable& user_vectors() const {
    return user_vectors_.has_value() ? user_vectors_->table() : *published_->user_vectors;
  }
  VectorTableBuilder& EditUserVectors();
  int64_t highest_model_version() const;
  const PolicyTable& policies() const {
    return policies_ != nullptr ? *policies_ : *published_->policies;
  }
  absl::Status PutPolicy(const PolicyRecord& record, const CommitSlot& slot);
  const ControllerTable& controllers() const {
    return controllers_ != nullptr ? *controllers_ : *published_->controllers;
  }
  ControllerTable* EditControllers();
  void PutController(ControllerRecord record, const CommitSlot& slot);
  void UpdateDelta(Snapshot* next);
  absl::Status CheckModelVersion(int64_t model_version) const;
  absl::Status CheckNewer(int64_t model_version) const;
  // The items or users of a write of vectors. Users that do not exist are created, but for rows
  // that are refused; on error nothing is.
  absl::StatusOr<std::vector<Ordinal>> StageOwners(const WriteEmbeddingsRequest& request,
                                                   const CommitSlot& slot,
                                                   std::vector<RowRefusal>* refusals);
  void EndVersion(EmbeddingVersionRecord* record, EmbeddingVersionState state,
                  const CommitSlot& slot);
  void PutVersion(EmbeddingVersionRecord* record, const CommitSlot& slot);
  void ForgetVersions(const CommitSlot& slot);
  absl::Status StageExpiredRepeats(std::span<const EventRecord> removed, const CommitSlot& slot);
  PoolBuilder& pool();
  const IdIndex& items() const { return pool_ ? pool_->items() : published_->pool->items(); }
  const IdIndex& users() const { return pool_ ? pool_->users() : published_->pool->users(); }
  absl::Status ResolveEvents(const WriteEventsRequest& request, std::vector<Ordinal>* users,
                             std::vector<Ordinal>* items) const;
  int64_t CreateItems(const WriteEventsRequest& request, const CommitSlot& slot,
                      std::vector<Ordinal>* items);
  Ordinal CreateUser(const ExternalId& id, const CommitSlot& slot);
  static absl::Status CheckRoom(const IdIndex& index, int64_t fresh, absl::string_view what);
  void EraseUserVectors(Ordinal user, const CommitSlot& slot);
  void PutItem(Ordinal item, const CommitSlot& slot);
  void StageAuditErasure(const IdBatch& users, const CommitSlot& slot);
  void Touch(const CommitSlot& slot);
  absl::Status CheckCategories(const WriteItemsRequest& request,
                               std::vector<std::string>* fresh) const;

  const std::shared_ptr<Collection> collection_;
  std::shared_ptr<const Snapshot> published_;

  // Of the group that is being staged.
  std::optional<PoolBuilder> pool_;
  std::optional<VectorTableBuilder> vectors_;
  std::optional<VectorTableBuilder> user_vectors_;
  std::vector<Ordinal> touched_;  // Items that got vectors, in order of writing.
  IndexedTable index_;            // Without generation: the published one stays.
  std::shared_ptr<const CollectionRecord> settings_;
  std::shared_ptr<PolicyTable> policies_;
  std::shared_ptr<ControllerTable> controllers_;
  int64_t last_sequence_ = 0;
  RequestMemory requests_;
  std::vector<RequestRecord> forgotten_;         // By this group, to put back.
  std::vector<std::string> remembered_;          // By this group, to take out.
  std::map<std::string, StreamRecord> streams_;  // Moved by this group.
  // Of versions, by this group; unset: forgotten.
  std::map<int64_t, std::optional<EmbeddingVersionRecord>> versions_;
  std::optional<int64_t> ended_version_;  // By this group, alone.
  // The last that were erased, all since a version was sealed: a table that is being read may
  // have their vectors.
  std::vector<Ordinal> erased_;
  KnownCategories category_names_;
  std::vector<std::string> fresh_categories_;  // By this group, to take out.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_COLLECTION_WRITER_H_
