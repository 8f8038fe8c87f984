// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_CLIENT_CPP_FAKE_SERVER_H_
#define NEGATRON_TESTS_CLIENT_CPP_FAKE_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include <google/protobuf/empty.pb.h>
#include <grpcpp/server.h>

#include "negatron/v1/accounts.pb.h"
#include "negatron/v1/collections.pb.h"
#include "negatron/v1/embeddings.pb.h"
#include "negatron/v1/feedback.pb.h"
#include "negatron/v1/inspection.pb.h"
#include "negatron/v1/pool.pb.h"
#include "negatron/v1/sampling.pb.h"
#include "negatron/v1/stored_policies.pb.h"

namespace negatron::client {

// What a fake server does with one method; unset: UNIMPLEMENTED.
template <typename Request, typename Response>
using Handler = std::function<grpc::Status(const Request&, Response*)>;

// What a fake server does with one import stream. `read` returns false when nothing more comes,
// `write` when nobody listens any more. Unset: UNIMPLEMENTED.
template <typename Request>
using StreamHandler =
    std::function<grpc::Status(const std::function<bool(Request*)>& read,
                               const std::function<bool(const v1::ImportResponse&)>& write)>;

// Canned behaviour of a server. Handlers run one at a time on gRPC's threads, but for those of
// streams, which run beside all others.
struct FakeHandlers {
  Handler<v1::CreateCollectionRequest, v1::Collection> create_collection;
  Handler<v1::GetCollectionRequest, v1::Collection> get_collection;
  Handler<v1::ListCollectionsRequest, v1::ListCollectionsResponse> list_collections;
  Handler<v1::UpdateCollectionRequest, v1::Collection> update_collection;
  Handler<v1::DeleteCollectionRequest, google::protobuf::Empty> delete_collection;
  Handler<v1::BatchWriteItemsRequest, v1::WriteReceipt> write_items;
  Handler<v1::BatchGetItemsRequest, v1::BatchGetItemsResponse> get_items;
  Handler<v1::ListItemsRequest, v1::ListItemsResponse> list_items;
  Handler<v1::BatchWriteEventsRequest, v1::WriteReceipt> write_events;
  Handler<v1::ListEventsRequest, v1::ListEventsResponse> list_events;
  Handler<v1::RetractEventsRequest, v1::RetractEventsResponse> retract_events;
  Handler<v1::ListUsersRequest, v1::ListUsersResponse> list_users;
  Handler<v1::EraseUsersRequest, v1::EraseUsersResponse> erase_users;
  StreamHandler<v1::ImportItemsRequest> import_items;
  StreamHandler<v1::ImportEventsRequest> import_events;
  StreamHandler<v1::ImportEmbeddingsRequest> import_embeddings;
  Handler<v1::BatchWriteEmbeddingsRequest, v1::WriteReceipt> write_embeddings;
  Handler<v1::BatchGetEmbeddingsRequest, v1::BatchGetEmbeddingsResponse> get_embeddings;
  Handler<v1::BeginEmbeddingVersionRequest, v1::EmbeddingVersion> begin_version;
  Handler<v1::UploadEmbeddingsRequest, v1::ImportResponse> upload_embeddings;
  Handler<v1::CommitEmbeddingVersionRequest, v1::EmbeddingVersion> commit_version;
  Handler<v1::AbortEmbeddingVersionRequest, v1::EmbeddingVersion> abort_version;
  Handler<v1::ListEmbeddingVersionsRequest, v1::ListEmbeddingVersionsResponse> list_versions;
  Handler<v1::PutPolicyRequest, v1::StoredPolicy> put_policy;
  Handler<v1::GetPolicyRequest, v1::StoredPolicy> get_policy;
  Handler<v1::ListPoliciesRequest, v1::ListPoliciesResponse> list_policies;
  Handler<v1::ListPolicyVersionsRequest, v1::ListPolicyVersionsResponse> list_policy_versions;
  Handler<v1::DeletePolicyRequest, google::protobuf::Empty> delete_policy;
  Handler<v1::PutControllerRequest, v1::Controller> put_controller;
  Handler<v1::GetControllerRequest, v1::Controller> get_controller;
  Handler<v1::ListControllersRequest, v1::ListControllersResponse> list_controllers;
  Handler<v1::DeleteControllerRequest, google::protobuf::Empty> delete_controller;
  Handler<v1::ReportOutcomesRequest, v1::ReportOutcomesResponse> report_outcomes;
  Handler<v1::SampleNegativesRequest, v1::SampleNegativesResponse> sample;
  Handler<v1::SampleSharedNegativesRequest, v1::SampleSharedNegativesResponse> sample_shared;
  Handler<v1::GetCandidatesRequest, v1::GetCandidatesResponse> candidates;
  Handler<v1::GetCollectionStatisticsRequest, v1::CollectionStatistics> statistics;
  Handler<v1::GetSamplingStatisticsRequest, v1::SamplingStatistics> sampling_statistics;
  Handler<v1::GetServerInfoRequest, v1::ServerInfo> server_info;
  Handler<v1::ExplainNegativesRequest, v1::ExplainNegativesResponse> explain;
  Handler<v1::ListAuditsRequest, v1::ListAuditsResponse> list_audits;
  Handler<v1::GetAuditRequest, v1::Audit> get_audit;
  Handler<v1::ReplayAuditRequest, v1::ReplayAuditResponse> replay_audit;
};

// A gRPC server in this process on a free port of 127.0.0.1, with the real services and health
// service and canned behaviour. Takes messages of up to 16 MiB.
class FakeServer {
 public:
  // Starts. Set `handlers` before the first call.
  FakeServer();
  ~FakeServer();

  FakeHandlers handlers;

  // For ClientOptions::target.
  const std::string& target() const { return target_; }

  // What the health service answers; serving at first.
  void SetServing(bool serving);

 private:
  struct Services;
  std::unique_ptr<Services> services_;
  std::string target_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace negatron::client

#endif  // NEGATRON_TESTS_CLIENT_CPP_FAKE_SERVER_H_
