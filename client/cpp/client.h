// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CPP_CLIENT_H_
#define NEGATRON_CLIENT_CPP_CLIENT_H_

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "client/cpp/imports.h"
#include "client/cpp/retry.h"
#include "client/cpp/sampling.h"
#include "client/cpp/security.h"
#include "client/cpp/writes.h"
#include "negatron/v1/accounts.grpc.pb.h"
#include "negatron/v1/backups.grpc.pb.h"
#include "negatron/v1/collections.grpc.pb.h"
#include "negatron/v1/embeddings.grpc.pb.h"
#include "negatron/v1/feedback.grpc.pb.h"
#include "negatron/v1/inspection.grpc.pb.h"
#include "negatron/v1/pool.grpc.pb.h"
#include "negatron/v1/sampling.grpc.pb.h"
#include "negatron/v1/stored_policies.grpc.pb.h"

namespace negatron::client {

struct ClientOptions {
  // Where the server is, in gRPC's syntax. With `dns:///` calls go round all addresses of the name.
  std::string target = "dns:///127.0.0.1:7600";

  // Time for one call to the server with all its repetitions. A write of several calls may take
  // this long for each of them.
  absl::Duration deadline = absl::Seconds(30);

  SecurityOptions security;
  RetryOptions retry;
  Environment environment = Environment::Real();
};

// A connection to a Negatron server, in plain text unless `security` says otherwise.
//
// Calls block until they are answered. A call is repeated by the rules of `RunWithRetries` within
// its deadline. Repetition is done here and not by gRPC's channel, which keeps only calls of up to
// 256 KiB for it. Writes carry a request id, so that the server does them once however often they
// arrive; a deletion without `allow_missing` and an update with an `etag` are never repeated, since
// the repetition of a success would report an error.
//
// Errors are the server's, with its `BadRequest`, `ErrorInfo` and `RetryInfo` details as payloads
// (proto/cc/status.h); UNAVAILABLE means that it cannot be reached or is not ready,
// DEADLINE_EXCEEDED that the time is over, and a write may then have been done or not: repeat it
// with its request id.
//
// Thread-safety: thread-safe. Make one for the process; it is not usable on both sides of a fork.
class Client {
 public:
  // Does not connect yet: the first call does. INVALID_ARGUMENT if an option is out of its range.
  static absl::StatusOr<std::unique_ptr<Client>> Create(ClientOptions options);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Asks the health service until the server serves. UNAVAILABLE, with the last answer, if it does
  // not within `timeout`.
  absl::Status WaitForReady(absl::Duration timeout);

  // Collections. An empty `request_id` of the request is replaced by a random one.
  absl::StatusOr<v1::Collection> CreateCollection(v1::CreateCollectionRequest request);
  absl::StatusOr<v1::Collection> GetCollection(const v1::GetCollectionRequest& request);
  absl::StatusOr<v1::ListCollectionsResponse> ListCollections(
      const v1::ListCollectionsRequest& request);
  absl::StatusOr<v1::Collection> UpdateCollection(const v1::UpdateCollectionRequest& request);
  absl::Status DeleteCollection(const v1::DeleteCollectionRequest& request);

  // Writes any number of rows, in as many calls as their size needs (CutRows), in order. Each call
  // succeeds or fails whole; when one fails, those before it are done and those after it are not
  // made, and the message tells the rows. INVALID_ARGUMENT, and nothing written, if the columns are
  // not parallel. Indexes in `BadRequest` count from the start of the batch.
  absl::StatusOr<WriteSummary> WriteItems(const ItemBatch& batch, const WriteOptions& options);
  absl::StatusOr<WriteSummary> WriteEvents(const EventBatch& batch, const WriteOptions& options);
  absl::StatusOr<WriteSummary> WriteEmbeddings(const EmbeddingBatch& batch,
                                               const WriteOptions& options);

  // Removes events, and users with all their events; in several calls and with errors as above. An
  // entry that matches nothing is no error: `found` tells. Give EraseUsers a deadline of a minute
  // or more in a large collection; what a deadline cuts off goes on by itself, and a repeat with
  // the same request id waits for it.
  absl::StatusOr<RemovalSummary> RetractEvents(const RetractionBatch& batch,
                                               const std::string& request_id);
  absl::StatusOr<RemovalSummary> EraseUsers(const ErasureBatch& batch,
                                            const std::string& request_id);
  absl::StatusOr<v1::ListUsersResponse> ListUsers(const v1::ListUsersRequest& request);
  absl::StatusOr<v1::ListEventsResponse> ListEvents(const v1::ListEventsRequest& request);

  // Opens a stream of chunks (imports.h), which must not outlive this client. Errors are those of
  // ImportStream; INVALID_ARGUMENT if an option is out of its range, NOT_FOUND for the collection.
  absl::StatusOr<std::unique_ptr<ItemImport>> ImportItems(const ImportStreamOptions& options);
  absl::StatusOr<std::unique_ptr<EventImport>> ImportEvents(const ImportStreamOptions& options);

  // Of a version that was begun, in the place of UploadEmbeddings; it is committed as usual.
  absl::StatusOr<std::unique_ptr<EmbeddingImport>> ImportEmbeddings(
      const ImportStreamOptions& options);

  absl::StatusOr<v1::BatchGetItemsResponse> BatchGetItems(const v1::BatchGetItemsRequest& request);
  absl::StatusOr<v1::ListItemsResponse> ListItems(const v1::ListItemsRequest& request);
  absl::StatusOr<v1::BatchGetEmbeddingsResponse> BatchGetEmbeddings(
      const v1::BatchGetEmbeddingsRequest& request);

  // Versions of embeddings: a whole table, uploaded in chunks and then committed. An empty
  // `request_id` of a commit is replaced by a random one.
  absl::StatusOr<v1::EmbeddingVersion> BeginEmbeddingVersion(
      const v1::BeginEmbeddingVersionRequest& request);
  absl::StatusOr<v1::ImportResponse> UploadEmbeddings(const v1::UploadEmbeddingsRequest& request);
  absl::StatusOr<v1::EmbeddingVersion> CommitEmbeddingVersion(
      v1::CommitEmbeddingVersionRequest request);
  absl::StatusOr<v1::EmbeddingVersion> AbortEmbeddingVersion(
      const v1::AbortEmbeddingVersionRequest& request);
  absl::StatusOr<v1::EmbeddingVersion> GetEmbeddingVersion(
      const v1::GetEmbeddingVersionRequest& request);
  absl::StatusOr<v1::ListEmbeddingVersionsResponse> ListEmbeddingVersions(
      const v1::ListEmbeddingVersionsRequest& request);

  // Stored policies. An empty `request_id` of a put is replaced by a random one; a deletion is
  // repeated only with `allow_missing`.
  absl::StatusOr<v1::StoredPolicy> PutPolicy(v1::PutPolicyRequest request);
  absl::StatusOr<v1::StoredPolicy> GetPolicy(const v1::GetPolicyRequest& request);
  absl::StatusOr<v1::ListPoliciesResponse> ListPolicies(const v1::ListPoliciesRequest& request);
  absl::StatusOr<v1::ListPolicyVersionsResponse> ListPolicyVersions(
      const v1::ListPolicyVersionsRequest& request);
  absl::Status DeletePolicy(const v1::DeletePolicyRequest& request);

  // Controllers. An empty `request_id` of a put or a report is replaced by a random one, so that a
  // repeated report counts once; a deletion is repeated only with `allow_missing`.
  absl::StatusOr<v1::Controller> PutController(v1::PutControllerRequest request);
  absl::StatusOr<v1::Controller> GetController(const v1::GetControllerRequest& request);
  absl::StatusOr<v1::ListControllersResponse> ListControllers(
      const v1::ListControllersRequest& request);
  absl::Status DeleteController(const v1::DeleteControllerRequest& request);
  absl::StatusOr<v1::ReportOutcomesResponse> ReportOutcomes(v1::ReportOutcomesRequest request);

  // Draws negatives in one call. Row outcomes are in `row_statuses`, not errors.
  absl::StatusOr<SampleResult> Sample(const SampleRequest& request);

  // Draws one block of negatives for all rows, and tells which of them are false for which row.
  absl::StatusOr<SharedResult> SampleShared(const SharedRequest& request);

  // Draws, scores and ranks candidates in one call, with their vectors if asked for.
  absl::StatusOr<CandidateResult> Candidates(const CandidateRequest& request);

  // The same, as messages.
  absl::StatusOr<v1::SampleNegativesResponse> SampleNegatives(
      const v1::SampleNegativesRequest& request);
  absl::StatusOr<v1::SampleSharedNegativesResponse> SampleSharedNegatives(
      const v1::SampleSharedNegativesRequest& request);
  absl::StatusOr<v1::GetCandidatesResponse> GetCandidates(const v1::GetCandidatesRequest& request);

  absl::StatusOr<v1::CollectionStatistics> GetCollectionStatistics(
      const v1::GetCollectionStatisticsRequest& request);
  absl::StatusOr<v1::SamplingStatistics> GetSamplingStatistics(
      const v1::GetSamplingStatisticsRequest& request);
  absl::StatusOr<v1::ExplainNegativesResponse> ExplainNegatives(
      const v1::ExplainNegativesRequest& request);
  absl::StatusOr<v1::ListAuditsResponse> ListAudits(const v1::ListAuditsRequest& request);
  absl::StatusOr<v1::Audit> GetAudit(const v1::GetAuditRequest& request);
  absl::StatusOr<v1::ReplayAuditResponse> ReplayAudit(const v1::ReplayAuditRequest& request);

  // Backups. Making one is never repeated: the deadline of the client must allow for the copying.
  absl::StatusOr<v1::CreateBackupResponse> CreateBackup(const v1::CreateBackupRequest& request);
  absl::StatusOr<v1::ListBackupsResponse> ListBackups(const v1::ListBackupsRequest& request);
  absl::StatusOr<v1::Backup> VerifyBackup(const v1::VerifyBackupRequest& request);
  absl::Status DeleteBackup(const v1::DeleteBackupRequest& request);

  absl::StatusOr<v1::ServerInfo> GetServerInfo(const v1::GetServerInfoRequest& request);

 private:
  Client(ClientOptions options, std::shared_ptr<grpc::Channel> channel);

  // Calls `method` of `stub` within the deadline, more than once only if `repeatable`.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub* stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, bool repeatable = true);

  // Cuts `batch`, sends each part through `method` of `stub`, and hands each response, with the
  // rows of its part, to `take`.
  template <typename Batch, typename Stub, typename Request, typename Response>
  absl::Status Send(const Batch& batch, const std::string& request_id, Stub* stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    absl::FunctionRef<void(Request*)> prepare,
                    absl::FunctionRef<void(const Response&, RowRange)> take);

  // Send, for writes and for removals.
  template <typename Batch, typename Stub, typename Request>
  absl::StatusOr<WriteSummary> Write(const Batch& batch, const WriteOptions& options, Stub* stub,
                                     grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                  const Request&,
                                                                  v1::WriteReceipt*));
  template <typename Batch, typename Request, typename Response>
  absl::StatusOr<RemovalSummary> Remove(const Batch& batch, const std::string& request_id,
                                        grpc::Status (v1::PoolService::Stub::*method)(
                                            grpc::ClientContext*, const Request&, Response*));

  // One question to the health service. OK if the server serves.
  absl::Status CheckHealth(absl::Time deadline);

  const ClientOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::CollectionService::Stub> collections_;
  const std::unique_ptr<v1::PoolService::Stub> pool_;
  const std::unique_ptr<v1::EmbeddingService::Stub> embeddings_;
  const std::unique_ptr<v1::PolicyService::Stub> policies_;
  const std::unique_ptr<v1::FeedbackService::Stub> feedback_;
  const std::unique_ptr<v1::SamplingService::Stub> sampling_;
  const std::unique_ptr<v1::InspectionService::Stub> inspection_;
  const std::unique_ptr<v1::AccountService::Stub> accounts_;
  const std::unique_ptr<v1::BackupService::Stub> backups_;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_CLIENT_H_
