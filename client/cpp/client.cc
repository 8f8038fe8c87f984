// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include <google/protobuf/empty.pb.h>
#include <grpcpp/generic/generic_stub.h>

#include "client/cpp/channel.h"
#include "client/cpp/request_id.h"
#include "negatron/wire/status.pb.h"
#include "proto/cc/columns.h"
#include "proto/cc/status.h"

namespace negatron::client {
namespace {

// `/` and the number of a call are appended, and the server takes 64 characters.
constexpr size_t kMaxRequestIdBytes = 56;

absl::Status CheckOptions(const ClientOptions& options) {
  if (options.target.empty()) return BadFieldError("target", "is empty");
  if (options.deadline <= absl::ZeroDuration()) {
    return BadFieldError("deadline", "must be positive");
  }
  if (absl::Status status = CheckSecurity(options.security); !status.ok()) return status;
  if (options.retry.max_attempts < 1) {
    return BadFieldError("retry.max_attempts", "must be at least 1");
  }
  if (options.retry.initial_backoff <= absl::ZeroDuration() ||
      options.retry.max_backoff < options.retry.initial_backoff) {
    return BadFieldError("retry.max_backoff", "must be at least initial_backoff, both positive");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(ClientOptions options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  std::shared_ptr<grpc::Channel> channel = MakeChannel(options.target, options.security);
  return std::unique_ptr<Client>(new Client(std::move(options), std::move(channel)));
}

Client::Client(ClientOptions options, std::shared_ptr<grpc::Channel> channel)
    : options_(std::move(options)),
      channel_(std::move(channel)),
      collections_(v1::CollectionService::NewStub(channel_)),
      pool_(v1::PoolService::NewStub(channel_)),
      embeddings_(v1::EmbeddingService::NewStub(channel_)),
      policies_(v1::PolicyService::NewStub(channel_)),
      feedback_(v1::FeedbackService::NewStub(channel_)),
      sampling_(v1::SamplingService::NewStub(channel_)),
      inspection_(v1::InspectionService::NewStub(channel_)),
      accounts_(v1::AccountService::NewStub(channel_)),
      backups_(v1::BackupService::NewStub(channel_)) {}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Client::Call(Stub* stub,
                                      grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                                      const Request& request, bool repeatable) {
  const absl::Time deadline = options_.environment.now() + options_.deadline;
  Response response;
  const auto attempt = [&]() -> absl::Status {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    return FromGrpcStatus((stub->*method)(&context, request, &response));
  };
  const absl::Status status =
      repeatable ? RunWithRetries(options_.retry, options_.environment, deadline, attempt)
                 : attempt();
  if (!status.ok()) return status;
  return response;
}

template <typename Batch, typename Stub, typename Request, typename Response>
absl::Status Client::Send(const Batch& batch, const std::string& request_id, Stub* stub,
                          grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                       Response*),
                          absl::FunctionRef<void(Request*)> prepare,
                          absl::FunctionRef<void(const Response&, RowRange)> take) {
  if (absl::Status status = CheckShape(batch); !status.ok()) return status;
  if (request_id.size() > kMaxRequestIdBytes) {
    return BadFieldError("request_id",
                         absl::StrCat("is longer than ", kMaxRequestIdBytes, " characters"));
  }
  const std::string id = request_id.empty() ? NewRequestId() : request_id;
  std::vector<RowRange> parts =
      CutRows(RowCount(batch), [&batch](size_t row) { return RowBytes(batch, row); });
  // The server says what it thinks of an empty write, and whether the collection exists.
  if (parts.empty()) parts.push_back(RowRange{});
  for (size_t i = 0; i < parts.size(); ++i) {
    Request request = MakeRequest(batch, parts[i]);
    request.set_request_id(parts.size() == 1 ? id : absl::StrCat(id, "/", i));
    prepare(&request);
    const absl::StatusOr<Response> response = Call(stub, method, request);
    if (!response.ok() && parts.size() == 1) return response.status();
    if (!response.ok()) {
      return LocateError(response.status(), parts[i], [&](const std::string& field) {
        return IndexOffset(batch, field, parts[i].begin);
      });
    }
    take(*response, parts[i]);
  }
  return absl::OkStatus();
}

template <typename Batch, typename Stub, typename Request>
absl::StatusOr<WriteSummary> Client::Write(
    const Batch& batch, const WriteOptions& options, Stub* stub,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, v1::WriteReceipt*)) {
  WriteSummary summary;
  const auto prepare = [&options](Request* request) {
    request->set_acknowledgement_level(options.acknowledgement_level);
  };
  absl::Status broken;
  const auto take = [&](const v1::WriteReceipt& receipt, RowRange rows) {
    ++summary.call_count;
    summary.written_count += receipt.written_count();
    summary.created_item_count += receipt.created_item_count();
    summary.replayed_call_count += receipt.replayed() ? 1 : 0;
    summary.commit_sequence = std::max(summary.commit_sequence, receipt.commit_sequence());
    const auto refused = ReadInt64s(receipt.refused_rows(), "refused_rows");
    const auto refusals = ReadBytes(receipt.row_refusals(), "row_refusals");
    broken.Update(refused.status());
    broken.Update(refusals.status());
    if (!broken.ok()) return;
    for (const int64_t row : *refused) {
      summary.refused_rows.push_back(row + static_cast<int64_t>(rows.begin));
    }
    summary.row_refusals.insert(summary.row_refusals.end(), refusals->begin(), refusals->end());
  };
  absl::Status status = Send<Batch, Stub, Request, v1::WriteReceipt>(batch, options.request_id,
                                                                     stub, method, prepare, take);
  if (!status.ok()) return status;
  if (!broken.ok() || summary.refused_rows.size() != summary.row_refusals.size()) {
    return absl::InternalError("the server's columns of refused rows do not fit");
  }
  return summary;
}

template <typename Batch, typename Request, typename Response>
absl::StatusOr<RemovalSummary> Client::Remove(
    const Batch& batch, const std::string& request_id,
    grpc::Status (v1::PoolService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                  Response*)) {
  RemovalSummary summary;
  absl::Status broken;
  const auto take = [&](const Response& response, RowRange) {
    ++summary.call_count;
    summary.removed_count += response.receipt().written_count();
    summary.replayed_call_count += response.receipt().replayed() ? 1 : 0;
    summary.commit_sequence =
        std::max(summary.commit_sequence, response.receipt().commit_sequence());
    const absl::StatusOr<std::vector<uint8_t>> found = ReadBytes(response.found(), "found");
    broken.Update(found.status());
    if (found.ok()) summary.found.insert(summary.found.end(), found->begin(), found->end());
  };
  absl::Status status = Send<Batch, v1::PoolService::Stub, Request, Response>(
      batch, request_id, pool_.get(), method, [](Request*) {}, take);
  if (!status.ok()) return status;
  if (summary.replayed_call_count > 0) summary.found.clear();
  const size_t want = summary.replayed_call_count > 0 ? 0 : RowCount(batch);
  if (!broken.ok() || summary.found.size() != want) {
    return absl::InternalError("the server's column `found` does not fit the request");
  }
  return summary;
}

absl::Status Client::CheckHealth(absl::Time deadline) {
  grpc::TemplatedGenericStub<wire::HealthCheckRequest, wire::HealthCheckResponse> stub(channel_);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  const wire::HealthCheckRequest request;
  wire::HealthCheckResponse response;
  grpc::Status status;
  absl::Notification done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&status, &done](grpc::Status result) {
                   status = std::move(result);
                   done.Notify();
                 });
  done.WaitForNotification();
  if (!status.ok()) return FromGrpcStatus(status);
  if (response.status() == wire::HealthCheckResponse::SERVING) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "the server answers ", wire::HealthCheckResponse::ServingStatus_Name(response.status())));
}

absl::Status Client::WaitForReady(absl::Duration timeout) {
  const Environment& environment = options_.environment;
  const absl::Time deadline = environment.now() + timeout;
  absl::Duration wait = absl::Milliseconds(50);
  absl::Status last = absl::UnavailableError("no answer");
  do {
    absl::Status status = CheckHealth(deadline);
    if (status.ok()) return status;
    // The last question may be cut short; an earlier answer tells more.
    if (!absl::IsDeadlineExceeded(status)) last = status;
    const absl::Duration rest = deadline - environment.now();
    if (rest <= absl::ZeroDuration()) break;
    environment.sleep(std::min(wait, rest));
    wait = std::min(wait * 2, absl::Seconds(1));
  } while (environment.now() < deadline);
  return absl::UnavailableError(absl::StrCat(options_.target, " is not ready after ",
                                             absl::FormatDuration(timeout), ": ", last.message()));
}

absl::StatusOr<v1::Collection> Client::CreateCollection(v1::CreateCollectionRequest request) {
  if (request.request_id().empty()) request.set_request_id(NewRequestId());
  return Call(collections_.get(), &v1::CollectionService::Stub::CreateCollection, request);
}

absl::StatusOr<v1::Collection> Client::GetCollection(const v1::GetCollectionRequest& request) {
  return Call(collections_.get(), &v1::CollectionService::Stub::GetCollection, request);
}

absl::StatusOr<v1::ListCollectionsResponse> Client::ListCollections(
    const v1::ListCollectionsRequest& request) {
  return Call(collections_.get(), &v1::CollectionService::Stub::ListCollections, request);
}

absl::StatusOr<v1::Collection> Client::UpdateCollection(
    const v1::UpdateCollectionRequest& request) {
  return Call(collections_.get(), &v1::CollectionService::Stub::UpdateCollection, request,
              request.collection().etag().empty());
}

absl::Status Client::DeleteCollection(const v1::DeleteCollectionRequest& request) {
  return Call(collections_.get(), &v1::CollectionService::Stub::DeleteCollection, request,
              request.allow_missing())
      .status();
}

absl::StatusOr<WriteSummary> Client::WriteItems(const ItemBatch& batch,
                                                const WriteOptions& options) {
  return Write(batch, options, pool_.get(), &v1::PoolService::Stub::BatchWriteItems);
}

absl::StatusOr<WriteSummary> Client::WriteEvents(const EventBatch& batch,
                                                 const WriteOptions& options) {
  return Write(batch, options, pool_.get(), &v1::PoolService::Stub::BatchWriteEvents);
}

absl::StatusOr<WriteSummary> Client::WriteEmbeddings(const EmbeddingBatch& batch,
                                                     const WriteOptions& options) {
  return Write(batch, options, embeddings_.get(),
               &v1::EmbeddingService::Stub::BatchWriteEmbeddings);
}

absl::StatusOr<RemovalSummary> Client::RetractEvents(const RetractionBatch& batch,
                                                     const std::string& request_id) {
  return Remove(batch, request_id, &v1::PoolService::Stub::RetractEvents);
}

absl::StatusOr<RemovalSummary> Client::EraseUsers(const ErasureBatch& batch,
                                                  const std::string& request_id) {
  return Remove(batch, request_id, &v1::PoolService::Stub::EraseUsers);
}

absl::StatusOr<v1::ListUsersResponse> Client::ListUsers(const v1::ListUsersRequest& request) {
  return Call(pool_.get(), &v1::PoolService::Stub::ListUsers, request);
}

absl::StatusOr<v1::ListEventsResponse> Client::ListEvents(const v1::ListEventsRequest& request) {
  return Call(pool_.get(), &v1::PoolService::Stub::ListEvents, request);
}

absl::StatusOr<std::unique_ptr<ItemImport>> Client::ImportItems(
    const ImportStreamOptions& options) {
  return OpenImport<ItemBatch>(channel_, options, options_.retry, options_.environment);
}

absl::StatusOr<std::unique_ptr<EventImport>> Client::ImportEvents(
    const ImportStreamOptions& options) {
  return OpenImport<EventBatch>(channel_, options, options_.retry, options_.environment);
}

absl::StatusOr<std::unique_ptr<EmbeddingImport>> Client::ImportEmbeddings(
    const ImportStreamOptions& options) {
  return OpenImport<EmbeddingBatch>(channel_, options, options_.retry, options_.environment);
}

absl::StatusOr<v1::BatchGetItemsResponse> Client::BatchGetItems(
    const v1::BatchGetItemsRequest& request) {
  return Call(pool_.get(), &v1::PoolService::Stub::BatchGetItems, request);
}

absl::StatusOr<v1::ListItemsResponse> Client::ListItems(const v1::ListItemsRequest& request) {
  return Call(pool_.get(), &v1::PoolService::Stub::ListItems, request);
}

absl::StatusOr<v1::BatchGetEmbeddingsResponse> Client::BatchGetEmbeddings(
    const v1::BatchGetEmbeddingsRequest& request) {
  return Call(embeddings_.get(), &v1::EmbeddingService::Stub::BatchGetEmbeddings, request);
}

absl::StatusOr<v1::EmbeddingVersion> Client::BeginEmbeddingVersion(
    const v1::BeginEmbeddingVersionRequest& request) {
  return Call(embeddings_.get(), &v1::EmbeddingService::Stub::BeginEmbeddingVersion, request);
}

absl::StatusOr<v1::ImportResponse> Client::UploadEmbeddings(
    const v1::UploadEmbeddingsRequest& request) {
  return Call(embeddings_.get(), &v1::EmbeddingService::Stub::UploadEmbeddings, request);
}

absl::StatusOr<v1::EmbeddingVersion> Client::CommitEmbeddingVersion(
    v1::CommitEmbeddingVersionRequest request) {
  if (request.request_id().empty()) request.set_request_id(NewRequestId());
  return Call(embeddings_.get(), &v1::EmbeddingService::Stub::CommitEmbeddingVersion, request);
}

absl::StatusOr<v1::EmbeddingVersion> Client::AbortEmbeddingVersion(
    const v1::AbortEmbeddingVersionRequest& request) {
  return Call(embeddings_.get(), &v1::EmbeddingService::Stub::AbortEmbeddingVersion, request);
}

absl::StatusOr<v1::EmbeddingVersion> Client::GetEmbeddingVersion(
    const v1::GetEmbeddingVersionRequest& request) {
  return Call(embeddings_.get(), &v1::EmbeddingService::Stub::GetEmbeddingVersion, request);
}

absl::StatusOr<v1::ListEmbeddingVersionsResponse> Client::ListEmbeddingVersions(
    const v1::ListEmbeddingVersionsRequest& request) {
  return Call(embeddings_.get(), &v1::EmbeddingService::Stub::ListEmbeddingVersions, request);
}

absl::StatusOr<v1::StoredPolicy> Client::PutPolicy(v1::PutPolicyRequest request) {
  if (request.request_id().empty()) request.set_request_id(NewRequestId());
  return Call(policies_.get(), &v1::PolicyService::Stub::PutPolicy, request);
}

absl::StatusOr<v1::StoredPolicy> Client::GetPolicy(const v1::GetPolicyRequest& request) {
  return Call(policies_.get(), &v1::PolicyService::Stub::GetPolicy, request);
}

absl::StatusOr<v1::ListPoliciesResponse> Client::ListPolicies(
    const v1::ListPoliciesRequest& request) {
  return Call(policies_.get(), &v1::PolicyService::Stub::ListPolicies, request);
}

absl::StatusOr<v1::ListPolicyVersionsResponse> Client::ListPolicyVersions(
    const v1::ListPolicyVersionsRequest& request) {
  return Call(policies_.get(), &v1::PolicyService::Stub::ListPolicyVersions, request);
}

absl::Status Client::DeletePolicy(const v1::DeletePolicyRequest& request) {
  return Call(policies_.get(), &v1::PolicyService::Stub::DeletePolicy, request,
              request.allow_missing())
      .status();
}

absl::StatusOr<v1::Controller> Client::PutController(v1::PutControllerRequest request) {
  if (request.request_id().empty()) request.set_request_id(NewRequestId());
  return Call(feedback_.get(), &v1::FeedbackService::Stub::PutController, request);
}

absl::StatusOr<v1::Controller> Client::GetController(const v1::GetControllerRequest& request) {
  return Call(feedback_.get(), &v1::FeedbackService::Stub::GetController, request);
}

absl::StatusOr<v1::ListControllersResponse> Client::ListControllers(
    const v1::ListControllersRequest& request) {
  return Call(feedback_.get(), &v1::FeedbackService::Stub::ListControllers, request);
}

absl::Status Client::DeleteController(const v1::DeleteControllerRequest& request) {
  return Call(feedback_.get(), &v1::FeedbackService::Stub::DeleteController, request,
              request.allow_missing())
      .status();
}

absl::StatusOr<v1::ReportOutcomesResponse> Client::ReportOutcomes(
    v1::ReportOutcomesRequest request) {
  if (request.request_id().empty()) request.set_request_id(NewRequestId());
  return Call(feedback_.get(), &v1::FeedbackService::Stub::ReportOutcomes, request);
}

absl::StatusOr<SampleResult> Client::Sample(const SampleRequest& request) {
  const absl::StatusOr<v1::SampleNegativesRequest> message = MakeRequest(request);
  if (!message.ok()) return message.status();
  const absl::StatusOr<v1::SampleNegativesResponse> response = SampleNegatives(*message);
  if (!response.ok()) return response.status();
  return ReadResponse(*response, request.negative_count);
}

absl::StatusOr<v1::SampleNegativesResponse> Client::SampleNegatives(
    const v1::SampleNegativesRequest& request) {
  return Call(sampling_.get(), &v1::SamplingService::Stub::SampleNegatives, request);
}

absl::StatusOr<SharedResult> Client::SampleShared(const SharedRequest& request) {
  const absl::StatusOr<v1::SampleSharedNegativesResponse> response =
      SampleSharedNegatives(MakeRequest(request));
  if (!response.ok()) return response.status();
  return ReadResponse(*response, request.negative_count);
}

absl::StatusOr<v1::SampleSharedNegativesResponse> Client::SampleSharedNegatives(
    const v1::SampleSharedNegativesRequest& request) {
  return Call(sampling_.get(), &v1::SamplingService::Stub::SampleSharedNegatives, request);
}

absl::StatusOr<CandidateResult> Client::Candidates(const CandidateRequest& request) {
  const absl::StatusOr<v1::GetCandidatesRequest> message = MakeRequest(request);
  if (!message.ok()) return message.status();
  const absl::StatusOr<v1::GetCandidatesResponse> response = GetCandidates(*message);
  if (!response.ok()) return response.status();
  return ReadResponse(*response, request.sample.negative_count);
}

absl::StatusOr<v1::GetCandidatesResponse> Client::GetCandidates(
    const v1::GetCandidatesRequest& request) {
  return Call(sampling_.get(), &v1::SamplingService::Stub::GetCandidates, request);
}

absl::StatusOr<v1::CollectionStatistics> Client::GetCollectionStatistics(
    const v1::GetCollectionStatisticsRequest& request) {
  return Call(inspection_.get(), &v1::InspectionService::Stub::GetCollectionStatistics, request);
}

absl::StatusOr<v1::SamplingStatistics> Client::GetSamplingStatistics(
    const v1::GetSamplingStatisticsRequest& request) {
  return Call(inspection_.get(), &v1::InspectionService::Stub::GetSamplingStatistics, request);
}

absl::StatusOr<v1::ExplainNegativesResponse> Client::ExplainNegatives(
    const v1::ExplainNegativesRequest& request) {
  return Call(accounts_.get(), &v1::AccountService::Stub::ExplainNegatives, request);
}

absl::StatusOr<v1::ListAuditsResponse> Client::ListAudits(const v1::ListAuditsRequest& request) {
  return Call(accounts_.get(), &v1::AccountService::Stub::ListAudits, request);
}

absl::StatusOr<v1::Audit> Client::GetAudit(const v1::GetAuditRequest& request) {
  return Call(accounts_.get(), &v1::AccountService::Stub::GetAudit, request);
}

absl::StatusOr<v1::ReplayAuditResponse> Client::ReplayAudit(const v1::ReplayAuditRequest& request) {
  return Call(accounts_.get(), &v1::AccountService::Stub::ReplayAudit, request);
}

absl::StatusOr<v1::CreateBackupResponse> Client::CreateBackup(
    const v1::CreateBackupRequest& request) {
  return Call(backups_.get(), &v1::BackupService::Stub::CreateBackup, request, false);
}

absl::StatusOr<v1::ListBackupsResponse> Client::ListBackups(const v1::ListBackupsRequest& request) {
  return Call(backups_.get(), &v1::BackupService::Stub::ListBackups, request);
}

absl::StatusOr<v1::Backup> Client::VerifyBackup(const v1::VerifyBackupRequest& request) {
  return Call(backups_.get(), &v1::BackupService::Stub::VerifyBackup, request);
}

absl::Status Client::DeleteBackup(const v1::DeleteBackupRequest& request) {
  return Call(backups_.get(), &v1::BackupService::Stub::DeleteBackup, request,
              request.allow_missing())
      .status();
}

absl::StatusOr<v1::ServerInfo> Client::GetServerInfo(const v1::GetServerInfoRequest& request) {
  return Call(inspection_.get(), &v1::InspectionService::Stub::GetServerInfo, request);
}

}  // namespace negatron::client
