// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_ENGINE_H_
#define NEGATRON_SERVER_ENGINE_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/engine/audit_calls.h"
#include "server/engine/controller_requests.h"
#include "server/engine/engine_options.h"
#include "server/engine/event_listing.h"
#include "server/engine/explain_requests.h"
#include "server/engine/policy_table.h"
#include "server/engine/requests.h"
#include "server/engine/sampling_series.h"
#include "server/engine/statistics.h"
#include "storage/base/cancellation.h"
#include "storage/model/records.h"

namespace negatron {

class Backups;

// What start-up has done so far. `fraction` in [0, 1].
struct RecoveryProgress {
  std::string stage;
  double fraction = 0;
};

// The collections of one data folder: recovery, reads from snapshots, writes
// through group commit.
//
// Reads copy a snapshot pointer and never wait for writers. Writes are queued;
// `done` is called once, on the commit thread (or at once, on the caller's, if
// the write is refused before it is queued), after the write is as durable as
// asked and visible to every later read. `done` must not block.
//
// Errors common to all: NOT_FOUND for an unknown collection; INVALID_ARGUMENT
// with field violations, changing nothing; RESOURCE_EXHAUSTED with a retry
// delay if the write queue is full; UNAVAILABLE with reason DISK_UNWRITABLE
// while the disk takes no writes, or SHUTTING_DOWN.
//
// Thread-safety: thread-safe.
class Engine {
 public:
  using WriteDone = std::function<void(absl::StatusOr<WriteResult>)>;
  using CollectionDone = std::function<void(absl::StatusOr<CollectionRecord>)>;
  using VersionDone = std::function<void(absl::StatusOr<EmbeddingVersion>)>;
  using PolicyDone = std::function<void(absl::StatusOr<StoredPolicyPointer>)>;

  // Opens the data folder and rebuilds memory. `progress` is called now and
  // then, on the calling thread. Fails with DATA_LOSS if the folder contradicts
  // its receipt, naming the way out; with CANCELLED if `cancellation` says so.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(
      const EngineOptions& options, const std::function<void(const RecoveryProgress&)>& progress,
      const Cancellation& cancellation);

  // Stops as `Shutdown` does.
  ~Engine();

  // Refuses new writes, commits those that are queued, syncs the log. Idempotent.
  void Shutdown();

  // --- Collections. Ids are without the `collections/` prefix. ---
  void CreateCollection(CollectionRecord settings, CollectionDone done);
  void UpdateCollection(absl::string_view id, CollectionUpdate update, CollectionDone done);
  void DeleteCollection(absl::string_view id, std::string etag, bool allow_missing,
                        std::function<void(absl::Status)> done);
  absl::StatusOr<CollectionRecord> GetCollection(absl::string_view id) const;
  // Collections with an id greater than `after`, at most `limit`, by id.
  std::vector<CollectionRecord> ListCollections(absl::string_view after, int limit) const;

  // --- Writes. ---
  void WriteItems(absl::string_view collection, WriteItemsRequest request, WriteDone done);
  void WriteEvents(absl::string_view collection, WriteEventsRequest request, WriteDone done);
  void WriteEmbeddings(absl::string_view collection, WriteEmbeddingsRequest request,
                       WriteDone done);
  // Removes all events that equal an entry.
  void RetractEvents(absl::string_view collection, RetractEventsRequest request, WriteDone done);
  // `done` is called when the users' events are gone too, on another thread; after a
  // shutdown or a failure of the disk in between, with UNAVAILABLE: the rest
  // follows by itself.
  void EraseUsers(absl::string_view collection, EraseUsersRequest request, WriteDone done);

  // Chunks of import streams, in the order of their numbers: one that was committed
  // before changes nothing and is `replayed`. They wait for room in the write
  // queue, so the caller bounds their number. Durable.
  void ImportItems(absl::string_view collection, const StreamChunk& chunk,
                   WriteItemsRequest request, WriteDone done);
  void ImportEvents(absl::string_view collection, const StreamChunk& chunk,
                    WriteEventsRequest request, WriteDone done);
  // How far a stream has come; chunk 0 if it is not known. That of a shard is named
  // `{model_version}/{shard}`; errors as of UploadEmbeddings if it cannot go on.
  absl::StatusOr<StreamRecord> GetStream(absl::string_view collection, StreamKind kind,
                                         absl::string_view stream_id) const;

  // --- Versions of embeddings: a whole table, uploaded beside the one that is read. ---
  // Those who call before it has ended get the same version.
  void BeginVersion(absl::string_view collection, const BeginVersionRequest& request,
                    VersionDone done);
  // As ImportItems, of a shard in [0, kMaxShards). Readers see nothing of it.
  void UploadEmbeddings(absl::string_view collection, int64_t model_version, int shard,
                        int64_t chunk_number, WriteEmbeddingsRequest request, WriteDone done);
  // Makes it the table, in place of all that was there: items without a vector in it have none
  // from then on. `done` is called on another thread. FAILED_PRECONDITION
  // [EMBEDDING_VERSION_INCOMPLETE] if it has no rows, or another number than is demanded.
  void CommitVersion(absl::string_view collection, const CommitVersionRequest& request,
                     VersionDone done);
  void AbortVersion(absl::string_view collection, int64_t model_version, VersionDone done);
  absl::StatusOr<EmbeddingVersion> GetVersion(absl::string_view collection,
                                              int64_t model_version) const;
  // By model version; shards are left out.
  absl::StatusOr<std::vector<EmbeddingVersionRecord>> ListVersions(
      absl::string_view collection) const;

  // --- Stored policies. Errors beside those of PolicyTable: INVALID_ARGUMENT names all that is
  // wrong with a policy. Durable. ---
  // A policy that equals the latest version adds none.
  void PutPolicy(absl::string_view collection, PutPolicyRequest request, PolicyDone done);
  void DeletePolicy(absl::string_view collection, DeletePolicyRequest request,
                    std::function<void(absl::Status)> done);
  // All policies of the newest snapshot.
  absl::StatusOr<std::shared_ptr<const PolicyTable>> GetPolicies(
      absl::string_view collection) const;

  // --- Controllers. Reports are APPLIED unless they say otherwise, the rest is durable. ---
  using ControllerDone = std::function<void(absl::StatusOr<ControllerPointer>)>;
  // Returns the controller as it is then, also to a replay; one that has gone by then is NOT_FOUND.
  void PutController(absl::string_view collection, PutControllerRequest request,
                     ControllerDone done);
  void DeleteController(absl::string_view collection, DeleteControllerRequest request,
                        std::function<void(absl::Status)> done);
  void ReportOutcomes(absl::string_view collection, ReportOutcomesRequest request,
                      std::function<void(absl::StatusOr<ReportOutcomesResult>)> done);
  // All controllers of the newest snapshot.
  absl::StatusOr<std::shared_ptr<const ControllerTable>> GetControllers(
      absl::string_view collection) const;

  // Does what housekeeping is due, and waits for it. For tests.
  void RunHousekeeping();
  // Looks after the indexes, and waits for it. For tests.
  void RunIndexing();

  // --- Reads. ---
  absl::StatusOr<SampleResult> Sample(absl::string_view collection, const SampleRequest& request,
                                      const Cancellation& cancellation) const;
  absl::StatusOr<SharedResult> SampleShared(absl::string_view collection,
                                            const SharedRequest& request,
                                            const Cancellation& cancellation) const;
  // Fields in errors are named as those of `request.sample`.
  absl::StatusOr<CandidateResult> GetCandidates(absl::string_view collection,
                                                CandidateRequest request,
                                                const Cancellation& cancellation) const;
  // Fields in errors are those of `request.sample`, as its fields `sample....`, and `item_ids`.
  absl::StatusOr<ExplainResult> Explain(absl::string_view collection, ExplainRequest request,
                                        const Cancellation& cancellation) const;
  // --- The audit log. Errors: NOT_FOUND [AUDIT_NOT_FOUND]; UNAVAILABLE if the disk fails. ---
  absl::StatusOr<AuditPage> ListAudits(absl::string_view collection, const AuditQuery& query) const;
  absl::StatusOr<KeptCall> GetAudit(absl::string_view collection, Micros id) const;
  // Also FAILED_PRECONDITION [AUDIT_STALE], see CheckCurrent.
  absl::StatusOr<AuditReplay> ReplayAudit(absl::string_view collection, Micros id,
                                          const Cancellation& cancellation) const;

  absl::StatusOr<GetItemsResult> GetItems(absl::string_view collection, const IdBatch& ids) const;
  // Items with ordinals from `first` on, at most `limit`.
  absl::StatusOr<ListItemsResult> ListItems(absl::string_view collection, uint32_t first,
                                            int limit) const;
  // Users with ordinals from `first` on, of `limit` ordinals; not those erased.
  absl::StatusOr<ListUsersResult> ListUsers(absl::string_view collection, uint32_t first,
                                            int limit) const;
  // Events in order of time, those of one time in order of arrival; reads the disk. UNAVAILABLE
  // while it takes no writes, DATA_LOSS if a record cannot be read.
  absl::StatusOr<ListEventsResult> ListEvents(absl::string_view collection,
                                              const ListEventsRequest& request,
                                              const Cancellation& cancellation) const;
  // Of items, or of users.
  absl::StatusOr<GetEmbeddingsResult> GetEmbeddings(absl::string_view collection, VectorOwner owner,
                                                    const IdBatch& ids) const;
  absl::StatusOr<CollectionStatistics> GetStatistics(absl::string_view collection,
                                                     std::optional<Micros> as_of) const;
  // What was drawn over time; see SamplingWindows::Read.
  absl::StatusOr<SamplingSeries> GetSamplingSeries(absl::string_view collection,
                                                   const SamplingSeriesRequest& request) const;

  ServerStatistics GetServerStatistics() const;

  Backups& backups();
  // Sequence of the last commit known to be on disk.
  int64_t durable_sequence() const;

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// The etag of a collection's settings.
std::string EtagOf(const CollectionRecord& record);

// Names the arithmetic of scores.
absl::string_view KernelId();

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_ENGINE_H_
