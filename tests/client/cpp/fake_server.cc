// SPDX-License-Identifier: Apache-2.0
#include "tests/client/cpp/fake_server.h"

#include <cstdlib>
#include <mutex>

#include "absl/strings/str_cat.h"
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>

#include "negatron/v1/accounts.grpc.pb.h"
#include "negatron/v1/collections.grpc.pb.h"
#include "negatron/v1/embeddings.grpc.pb.h"
#include "negatron/v1/feedback.grpc.pb.h"
#include "negatron/v1/inspection.grpc.pb.h"
#include "negatron/v1/pool.grpc.pb.h"
#include "negatron/v1/sampling.grpc.pb.h"
#include "negatron/v1/stored_policies.grpc.pb.h"
#include "tests/support/callback_threads.h"

namespace negatron::client {
namespace {

// What the services share.
struct Shared {
  std::mutex mutex;
  const FakeHandlers* handlers;

  template <typename Request, typename Response>
  grpc::Status Run(Handler<Request, Response> FakeHandlers::*member, const Request* request,
                   Response* response) {
    const std::lock_guard lock(mutex);
    const Handler<Request, Response>& handler = handlers->*member;
    if (!handler) return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no handler is set");
    return handler(*request, response);
  }

  template <typename Request>
  grpc::Status RunStream(StreamHandler<Request> FakeHandlers::*member,
                         grpc::ServerReaderWriter<v1::ImportResponse, Request>* stream) {
    const StreamHandler<Request>& handler = handlers->*member;
    if (!handler) return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no handler is set");
    return handler(
        [stream](Request* request) { return stream->Read(request); },
        [stream](const v1::ImportResponse& response) { return stream->Write(response); });
  }
};

class FakeCollections final : public v1::CollectionService::Service {
 public:
  explicit FakeCollections(Shared* shared) : shared_(shared) {}
  grpc::Status CreateCollection(grpc::ServerContext*, const v1::CreateCollectionRequest* request,
                                v1::Collection* response) override {
    return shared_->Run(&FakeHandlers::create_collection, request, response);
  }
  grpc::Status GetCollection(grpc::ServerContext*, const v1::GetCollectionRequest* request,
                             v1::Collection* response) override {
    return shared_->Run(&FakeHandlers::get_collection, request, response);
  }
  grpc::Status ListCollections(grpc::ServerContext*, const v1::ListCollectionsRequest* request,
                               v1::ListCollectionsResponse* response) override {
    return shared_->Run(&FakeHandlers::list_collections, request, response);
  }
  grpc::Status UpdateCollection(grpc::ServerContext*, const v1::UpdateCollectionRequest* request,
                                v1::Collection* response) override {
    return shared_->Run(&FakeHandlers::update_collection, request, response);
  }
  grpc::Status DeleteCollection(grpc::ServerContext*, const v1::DeleteCollectionRequest* request,
                                google::protobuf::Empty* response) override {
    return shared_->Run(&FakeHandlers::delete_collection, request, response);
  }

 private:
  Shared* const shared_;
};

class FakePool final : public v1::PoolService::Service {
 public:
  explicit FakePool(Shared* shared) : shared_(shared) {}
  grpc::Status BatchWriteItems(grpc::ServerContext*, const v1::BatchWriteItemsRequest* request,
                               v1::WriteReceipt* response) override {
    return shared_->Run(&FakeHandlers::write_items, request, response);
  }
  grpc::Status BatchGetItems(grpc::ServerContext*, const v1::BatchGetItemsRequest* request,
                             v1::BatchGetItemsResponse* response) override {
    return shared_->Run(&FakeHandlers::get_items, request, response);
  }
  grpc::Status ListItems(grpc::ServerContext*, const v1::ListItemsRequest* request,
                         v1::ListItemsResponse* response) override {
    return shared_->Run(&FakeHandlers::list_items, request, response);
  }
  grpc::Status BatchWriteEvents(grpc::ServerContext*, const v1::BatchWriteEventsRequest* request,
                                v1::WriteReceipt* response) override {
    return shared_->Run(&FakeHandlers::write_events, request, response);
  }
  grpc::Status ListEvents(grpc::ServerContext*, const v1::ListEventsRequest* request,
                          v1::ListEventsResponse* response) override {
    return shared_->Run(&FakeHandlers::list_events, request, response);
  }
  grpc::Status RetractEvents(grpc::ServerContext*, const v1::RetractEventsRequest* request,
                             v1::RetractEventsResponse* response) override {
    return shared_->Run(&FakeHandlers::retract_events, request, response);
  }
  grpc::Status ListUsers(grpc::ServerContext*, const v1::ListUsersRequest* request,
                         v1::ListUsersResponse* response) override {
    return shared_->Run(&FakeHandlers::list_users, request, response);
  }
  grpc::Status EraseUsers(grpc::ServerContext*, const v1::EraseUsersRequest* request,
                          v1::EraseUsersResponse* response) override {
    return shared_->Run(&FakeHandlers::erase_users, request, response);
  }
  grpc::Status ImportItems(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ImportResponse, v1::ImportItemsRequest>* stream) override {
    return shared_->RunStream(&FakeHandlers::import_items, stream);
  }
  grpc::Status ImportEvents(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ImportResponse, v1::ImportEventsRequest>* stream) override {
    return shared_->RunStream(&FakeHandlers::import_events, stream);
  }

 private:
  Shared* const shared_;
};

class FakeEmbeddings final : public v1::EmbeddingService::Service {
 public:
  explicit FakeEmbeddings(Shared* shared) : shared_(shared) {}
  grpc::Status BatchWriteEmbeddings(grpc::ServerContext*,
                                    const v1::BatchWriteEmbeddingsRequest* request,
                                    v1::WriteReceipt* response) override {
    return shared_->Run(&FakeHandlers::write_embeddings, request, response);
  }
  grpc::Status BatchGetEmbeddings(grpc::ServerContext*,
                                  const v1::BatchGetEmbeddingsRequest* request,
                                  v1::BatchGetEmbeddingsResponse* response) override {
    return shared_->Run(&FakeHandlers::get_embeddings, request, response);
  }
  grpc::Status BeginEmbeddingVersion(grpc::ServerContext*,
                                     const v1::BeginEmbeddingVersionRequest* request,
                                     v1::EmbeddingVersion* response) override {
    return shared_->Run(&FakeHandlers::begin_version, request, response);
  }
  grpc::Status UploadEmbeddings(grpc::ServerContext*, const v1::UploadEmbeddingsRequest* request,
                                v1::ImportResponse* response) override {
    return shared_->Run(&FakeHandlers::upload_embeddings, request, response);
  }
  grpc::Status CommitEmbeddingVersion(grpc::ServerContext*,
                                      const v1::CommitEmbeddingVersionRequest* request,
                                      v1::EmbeddingVersion* response) override {
    return shared_->Run(&FakeHandlers::commit_version, request, response);
  }
  grpc::Status AbortEmbeddingVersion(grpc::ServerContext*,
                                     const v1::AbortEmbeddingVersionRequest* request,
                                     v1::EmbeddingVersion* response) override {
    return shared_->Run(&FakeHandlers::abort_version, request, response);
  }
  grpc::Status ListEmbeddingVersions(grpc::ServerContext*,
                                     const v1::ListEmbeddingVersionsRequest* request,
                                     v1::ListEmbeddingVersionsResponse* response) override {
    return shared_->Run(&FakeHandlers::list_versions, request, response);
  }
  grpc::Status ImportEmbeddings(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ImportResponse, v1::ImportEmbeddingsRequest>* stream) override {
    return shared_->RunStream(&FakeHandlers::import_embeddings, stream);
  }

 private:
  Shared* const shared_;
};

class FakePolicies final : public v1::PolicyService::Service {
 public:
  explicit FakePolicies(Shared* shared) : shared_(shared) {}
  grpc::Status PutPolicy(grpc::ServerContext*, const v1::PutPolicyRequest* request,
                         v1::StoredPolicy* response) override {
    return shared_->Run(&FakeHandlers::put_policy, request, response);
  }
  grpc::Status GetPolicy(grpc::ServerContext*, const v1::GetPolicyRequest* request,
                         v1::StoredPolicy* response) override {
    return shared_->Run(&FakeHandlers::get_policy, request, response);
  }
  grpc::Status ListPolicies(grpc::ServerContext*, const v1::ListPoliciesRequest* request,
                            v1::ListPoliciesResponse* response) override {
    return shared_->Run(&FakeHandlers::list_policies, request, response);
  }
  grpc::Status ListPolicyVersions(grpc::ServerContext*,
                                  const v1::ListPolicyVersionsRequest* request,
                                  v1::ListPolicyVersionsResponse* response) override {
    return shared_->Run(&FakeHandlers::list_policy_versions, request, response);
  }
  grpc::Status DeletePolicy(grpc::ServerContext*, const v1::DeletePolicyRequest* request,
                            google::protobuf::Empty* response) override {
    return shared_->Run(&FakeHandlers::delete_policy, request, response);
  }

 private:
  Shared* const shared_;
};

class FakeFeedback final : public v1::FeedbackService::Service {
 public:
  explicit FakeFeedback(Shared* shared) : shared_(shared) {}
  grpc::Status PutController(grpc::ServerContext*, const v1::PutControllerRequest* request,
                             v1::Controller* response) override {
    return shared_->Run(&FakeHandlers::put_controller, request, response);
  }
  grpc::Status GetController(grpc::ServerContext*, const v1::GetControllerRequest* request,
                             v1::Controller* response) override {
    return shared_->Run(&FakeHandlers::get_controller, request, response);
  }
  grpc::Status ListControllers(grpc::ServerContext*, const v1::ListControllersRequest* request,
                               v1::ListControllersResponse* response) override {
    return shared_->Run(&FakeHandlers::list_controllers, request, response);
  }
  grpc::Status DeleteController(grpc::ServerContext*, const v1::DeleteControllerRequest* request,
                                google::protobuf::Empty* response) override {
    return shared_->Run(&FakeHandlers::delete_controller, request, response);
  }
  grpc::Status ReportOutcomes(grpc::ServerContext*, const v1::ReportOutcomesRequest* request,
                              v1::ReportOutcomesResponse* response) override {
    return shared_->Run(&FakeHandlers::report_outcomes, request, response);
  }

 private:
  Shared* const shared_;
};

class FakeSampling final : public v1::SamplingService::Service {
 public:
  explicit FakeSampling(Shared* shared) : shared_(shared) {}
  grpc::Status SampleNegatives(grpc::ServerContext*, const v1::SampleNegativesRequest* request,
                               v1::SampleNegativesResponse* response) override {
    return shared_->Run(&FakeHandlers::sample, request, response);
  }
  grpc::Status SampleSharedNegatives(grpc::ServerContext*,
                                     const v1::SampleSharedNegativesRequest* request,
                                     v1::SampleSharedNegativesResponse* response) override {
    return shared_->Run(&FakeHandlers::sample_shared, request, response);
  }
  grpc::Status GetCandidates(grpc::ServerContext*, const v1::GetCandidatesRequest* request,
                             v1::GetCandidatesResponse* response) override {
    return shared_->Run(&FakeHandlers::candidates, request, response);
  }

 private:
  Shared* const shared_;
};

class FakeInspection final : public v1::InspectionService::Service {
 public:
  explicit FakeInspection(Shared* shared) : shared_(shared) {}
  grpc::Status GetCollectionStatistics(grpc::ServerContext*,
                                       const v1::GetCollectionStatisticsRequest* request,
                                       v1::CollectionStatistics* response) override {
    return shared_->Run(&FakeHandlers::statistics, request, response);
  }
  grpc::Status GetSamplingStatistics(grpc::ServerContext*,
                                     const v1::GetSamplingStatisticsRequest* request,
                                     v1::SamplingStatistics* response) override {
    return shared_->Run(&FakeHandlers::sampling_statistics, request, response);
  }
  grpc::Status GetServerInfo(grpc::ServerContext*, const v1::GetServerInfoRequest* request,
                             v1::ServerInfo* response) override {
    return shared_->Run(&FakeHandlers::server_info, request, response);
  }

 private:
  Shared* const shared_;
};

class FakeAccounts final : public v1::AccountService::Service {
 public:
  explicit FakeAccounts(Shared* shared) : shared_(shared) {}
  grpc::Status ExplainNegatives(grpc::ServerContext*, const v1::ExplainNegativesRequest* request,
                                v1::ExplainNegativesResponse* response) override {
    return shared_->Run(&FakeHandlers::explain, request, response);
  }
  grpc::Status ListAudits(grpc::ServerContext*, const v1::ListAuditsRequest* request,
                          v1::ListAuditsResponse* response) override {
    return shared_->Run(&FakeHandlers::list_audits, request, response);
  }
  grpc::Status GetAudit(grpc::ServerContext*, const v1::GetAuditRequest* request,
                        v1::Audit* response) override {
    return shared_->Run(&FakeHandlers::get_audit, request, response);
  }
  grpc::Status ReplayAudit(grpc::ServerContext*, const v1::ReplayAuditRequest* request,
                           v1::ReplayAuditResponse* response) override {
    return shared_->Run(&FakeHandlers::replay_audit, request, response);
  }

 private:
  Shared* const shared_;
};

}  // namespace

struct FakeServer::Services {
  Shared shared;
  FakeCollections collections{&shared};
  FakePool pool{&shared};
  FakeEmbeddings embeddings{&shared};
  FakePolicies policies{&shared};
  FakeFeedback feedback{&shared};
  FakeSampling sampling{&shared};
  FakeInspection inspection{&shared};
  FakeAccounts accounts{&shared};
};

FakeServer::FakeServer() : services_(std::make_unique<Services>()) {
  KeepCallbackThreads();
  services_->shared.handlers = &handlers;
  grpc::EnableDefaultHealthCheckService(true);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(16 << 20);
  builder.RegisterService(&services_->collections);
  builder.RegisterService(&services_->pool);
  builder.RegisterService(&services_->embeddings);
  builder.RegisterService(&services_->policies);
  builder.RegisterService(&services_->feedback);
  builder.RegisterService(&services_->sampling);
  builder.RegisterService(&services_->inspection);
  builder.RegisterService(&services_->accounts);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) std::abort();
  target_ = absl::StrCat("dns:///127.0.0.1:", port);
}

FakeServer::~FakeServer() {
  server_->Shutdown();
  server_->Wait();
}

void FakeServer::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

}  // namespace negatron::client
