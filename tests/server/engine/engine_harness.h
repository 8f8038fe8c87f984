// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SERVER_ENGINE_ENGINE_HARNESS_H_
#define NEGATRON_TESTS_SERVER_ENGINE_ENGINE_HARNESS_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "server/engine/engine.h"
#include "tests/support/fault_file_system.h"
#include "tests/support/temp_folder.h"

namespace negatron {

// A clock that stands until it is moved.
class FakeClock final : public Clock {
 public:
  int64_t NowMicros() const override { return now_; }
  void Set(Micros now) { now_ = now; }

 private:
  std::atomic<Micros> now_{1000000};
};

// An engine in a folder of its own on a disk that can be broken, with calls
// that wait for their outcome.
class EngineHarness {
 public:
  EngineHarness();
  ~EngineHarness();

  // Opens the folder (again).
  absl::Status Open();
  // Ends as a server does.
  void Close() { engine_.reset(); }
  // Ends as a crash does; `lose_power`: what was not synced may be lost.
  void Crash(bool lose_power, uint64_t seed);

  Engine& engine() { return *engine_; }
  FaultFileSystem& disk() { return *disk_; }
  FakeClock& clock() { return clock_; }
  EngineOptions& options() { return options_; }

  absl::StatusOr<CollectionRecord> Create(CollectionRecord settings);
  absl::StatusOr<CollectionRecord> Update(const std::string& id, CollectionUpdate update);
  absl::Status Delete(const std::string& id, std::string etag = "", bool allow_missing = false);
  absl::StatusOr<WriteResult> Items(const std::string& id, WriteItemsRequest request);
  absl::StatusOr<WriteResult> Events(const std::string& id, WriteEventsRequest request);
  absl::StatusOr<WriteResult> Embeddings(const std::string& id, WriteEmbeddingsRequest request);
  absl::StatusOr<EmbeddingVersion> Begin(const std::string& id, const BeginVersionRequest& request);
  absl::StatusOr<WriteResult> Upload(const std::string& id, int64_t model_version, int shard,
                                     int64_t chunk_number, WriteEmbeddingsRequest request);
  absl::StatusOr<EmbeddingVersion> Commit(const std::string& id,
                                          const CommitVersionRequest& request);
  absl::StatusOr<EmbeddingVersion> AbortVersion(const std::string& id, int64_t model_version);
  absl::StatusOr<WriteResult> Retract(const std::string& id, RetractEventsRequest request);
  absl::StatusOr<WriteResult> Erase(const std::string& id, EraseUsersRequest request);
  absl::StatusOr<StoredPolicyPointer> PutPolicy(const std::string& id, PutPolicyRequest request);
  absl::Status DeletePolicy(const std::string& id, DeletePolicyRequest request);
  absl::StatusOr<ControllerPointer> PutController(const std::string& id,
                                                  PutControllerRequest request);
  absl::Status DeleteController(const std::string& id, DeleteControllerRequest request);
  absl::StatusOr<ReportOutcomesResult> Report(const std::string& id, ReportOutcomesRequest request);
  absl::StatusOr<SampleResult> Sample(const std::string& id, const SampleRequest& request);

 private:
  TempFolder folder_;
  TempFolder scratch_;
  FakeClock clock_;
  std::shared_ptr<FaultFileSystem> disk_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

// Settings of a collection with int64 ids and half-life of an hour.
CollectionRecord Settings(std::string id);

// Items alive always, with ids `ids`.
WriteItemsRequest ItemsAlways(std::vector<int64_t> ids, std::string request_id = "");
// Events of weight 1.
WriteEventsRequest EventsOf(std::vector<int64_t> users, std::vector<int64_t> items,
                            std::vector<Micros> times, std::string request_id = "");

// One component.
Policy PolicyOf(SourceSpec source);
// To put a policy of one source.
PutPolicyRequest PutOf(std::string policy_id, SourceSpec source, std::string request_id = "");

// `rows` rows without columns, of one source.
SampleRequest SampleOf(SourceSpec source, int rows, int count, Micros as_of);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SERVER_ENGINE_ENGINE_HARNESS_H_
