// SPDX-License-Identifier: Apache-2.0
#include "tests/server/engine/engine_harness.h"

#include <future>
#include <utility>

namespace negatron {
namespace {

// Calls start(done) and waits until done was called.
template <typename Result, typename Start>
Result Await(Start start) {
  std::promise<Result> promise;
  start([&](Result result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

}  // namespace

EngineHarness::EngineHarness() : disk_(std::make_shared<FaultFileSystem>(scratch_.path())) {
  options_.data_dir = folder_.path() + "/data";
  options_.clock = &clock_;
  options_.file_system = disk_;
  // Long, so that only what asks for it is synced.
  options_.sync_interval = absl::Hours(1);
}

EngineHarness::~EngineHarness() { Close(); }

absl::Status EngineHarness::Open() {
  Close();
  auto engine = Engine::Open(
      options_, [](const RecoveryProgress&) {}, Cancellation());
  if (!engine.ok()) return engine.status();
  engine_ = std::move(*engine);
  return absl::OkStatus();
}

void EngineHarness::Crash(bool lose_power, uint64_t seed) {
  disk_->Freeze();
  engine_.reset();
  lose_power ? disk_->LosePower(seed) : disk_->Thaw();
}

absl::StatusOr<CollectionRecord> EngineHarness::Create(CollectionRecord settings) {
  return Await<absl::StatusOr<CollectionRecord>>(
      [&](auto done) { engine_->CreateCollection(std::move(settings), done); });
}

absl::StatusOr<CollectionRecord> EngineHarness::Update(const std::string& id,
                                                       CollectionUpdate update) {
  return Await<absl::StatusOr<CollectionRecord>>(
      [&](auto done) { engine_->UpdateCollection(id, std::move(update), done); });
}

absl::Status EngineHarness::Delete(const std::string& id, std::string etag, bool allow_missing) {
  return Await<absl::Status>(
      [&](auto done) { engine_->DeleteCollection(id, std::move(etag), allow_missing, done); });
}

absl::StatusOr<WriteResult> EngineHarness::Items(const std::string& id, WriteItemsRequest request) {
  return Await<absl::StatusOr<WriteResult>>(
      [&](auto done) { engine_->WriteItems(id, std::move(request), done); });
}

absl::StatusOr<WriteResult> EngineHarness::Events(const std::string& id,
                                                  WriteEventsRequest request) {
  return Await<absl::StatusOr<WriteResult>>(
      [&](auto done) { engine_->WriteEvents(id, std::move(request), done); });
}

absl::StatusOr<WriteResult> EngineHarness::Embeddings(const std::string& id,
                                                      WriteEmbeddingsRequest request) {
  return Await<absl::StatusOr<WriteResult>>(
      [&](auto done) { engine_->WriteEmbeddings(id, std::move(request), done); });
}

absl::StatusOr<EmbeddingVersion> EngineHarness::Begin(const std::string& id,
                                                      const BeginVersionRequest& request) {
  return Await<absl::StatusOr<EmbeddingVersion>>(
      [&](auto done) { engine_->BeginVersion(id, request, done); });
}

absl::StatusOr<WriteResult> EngineHarness::Upload(const std::string& id, int64_t model_version,
                                                  int shard, int64_t chunk_number,
                                                  WriteEmbeddingsRequest request) {
  return Await<absl::StatusOr<WriteResult>>([&](auto done) {
    engine_->UploadEmbeddings(id, model_version, shard, chunk_number, std::move(request), done);
  });
}

absl::StatusOr<EmbeddingVersion> EngineHarness::Commit(const std::string& id,
                                                       const CommitVersionRequest& request) {
  return Await<absl::StatusOr<EmbeddingVersion>>(
      [&](auto done) { engine_->CommitVersion(id, request, done); });
}

absl::StatusOr<EmbeddingVersion> EngineHarness::AbortVersion(const std::string& id,
                                                             int64_t model_version) {
  return Await<absl::StatusOr<EmbeddingVersion>>(
      [&](auto done) { engine_->AbortVersion(id, model_version, done); });
}

absl::StatusOr<WriteResult> EngineHarness::Retract(const std::string& id,
                                                   RetractEventsRequest request) {
  return Await<absl::StatusOr<WriteResult>>(
      [&](auto done) { engine_->RetractEvents(id, std::move(request), done); });
}

absl::StatusOr<WriteResult> EngineHarness::Erase(const std::string& id, EraseUsersRequest request) {
  return Await<absl::StatusOr<WriteResult>>(
      [&](auto done) { engine_->EraseUsers(id, std::move(request), done); });
}

absl::StatusOr<StoredPolicyPointer> EngineHarness::PutPolicy(const std::string& id,
                                                             PutPolicyRequest request) {
  return Await<absl::StatusOr<StoredPolicyPointer>>(
      [&](auto done) { engine_->PutPolicy(id, std::move(request), done); });
}

absl::Status EngineHarness::DeletePolicy(const std::string& id, DeletePolicyRequest request) {
  return Await<absl::Status>(
      [&](auto done) { engine_->DeletePolicy(id, std::move(request), done); });
}

absl::StatusOr<ControllerPointer> EngineHarness::PutController(const std::string& id,
                                                               PutControllerRequest request) {
  return Await<absl::StatusOr<ControllerPointer>>(
      [&](auto done) { engine_->PutController(id, std::move(request), done); });
}

absl::Status EngineHarness::DeleteController(const std::string& id,
                                             DeleteControllerRequest request) {
  return Await<absl::Status>(
      [&](auto done) { engine_->DeleteController(id, std::move(request), done); });
}

absl::StatusOr<ReportOutcomesResult> EngineHarness::Report(const std::string& id,
                                                           ReportOutcomesRequest request) {
  return Await<absl::StatusOr<ReportOutcomesResult>>(
      [&](auto done) { engine_->ReportOutcomes(id, std::move(request), done); });
}

absl::StatusOr<SampleResult> EngineHarness::Sample(const std::string& id,
                                                   const SampleRequest& request) {
  return engine_->Sample(id, request, Cancellation());
}

CollectionRecord Settings(std::string id) {
  CollectionRecord settings;
  settings.id = std::move(id);
  settings.half_life_micros = 3600LL * 1000000;
  return settings;
}

WriteItemsRequest ItemsAlways(std::vector<int64_t> ids, std::string request_id) {
  WriteItemsRequest request;
  request.alive.assign(ids.size(), {Interval{}});
  request.ids.values = std::move(ids);
  request.options.request_id = std::move(request_id);
  return request;
}

WriteEventsRequest EventsOf(std::vector<int64_t> users, std::vector<int64_t> items,
                            std::vector<Micros> times, std::string request_id) {
  WriteEventsRequest request;
  request.users.values = std::move(users);
  request.items.values = std::move(items);
  request.times = std::move(times);
  request.options.request_id = std::move(request_id);
  return request;
}

Policy PolicyOf(SourceSpec source) {
  Policy policy;
  policy.components = {{1.0, "", std::move(source)}};
  return policy;
}

PutPolicyRequest PutOf(std::string policy_id, SourceSpec source, std::string request_id) {
  PutPolicyRequest request;
  request.policy_id = std::move(policy_id);
  request.plan = PolicyPlan::Of(PolicyOf(std::move(source)));
  request.options.request_id = std::move(request_id);
  return request;
}

SampleRequest SampleOf(SourceSpec source, int rows, int count, Micros as_of) {
  SampleRequest request;
  request.row_count = rows;
  request.negative_count = count;
  request.default_as_of = as_of;
  request.policy = PolicyOf(std::move(source));
  request.seed = 42;
  for (int r = 0; r < rows; ++r) request.row_keys.push_back(r);
  return request;
}

}  // namespace negatron
