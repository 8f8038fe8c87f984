// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/service_set.h"

#include <utility>

#include "storage/base/status.h"

namespace negatron {

ServiceSet::ServiceSet(DispatcherOptions options, const EngineHandle* engine, uint64_t seed)
    : dispatcher_(std::move(options), engine),
      collections_(&dispatcher_),
      pool_(&dispatcher_),
      embeddings_(&dispatcher_),
      policies_(&dispatcher_),
      feedback_(&dispatcher_),
      sampling_(&dispatcher_, seed),
      inspection_(&dispatcher_, engine),
      accounts_(&dispatcher_, ~seed),
      backups_(&dispatcher_) {}

void ServiceSet::Register(grpc::ServerBuilder* builder) {
  builder->RegisterService(&collections_);
  builder->RegisterService(&pool_);
  builder->RegisterService(&embeddings_);
  builder->RegisterService(&policies_);
  builder->RegisterService(&feedback_);
  builder->RegisterService(&sampling_);
  builder->RegisterService(&inspection_);
  builder->RegisterService(&accounts_);
  builder->RegisterService(&backups_);
}

void ServiceSet::Close() {
  dispatcher_.admission().Close();
  const absl::Status ending =
      WithReason(absl::UnavailableError("the server is shutting down"), "SHUTTING_DOWN");
  pool_.EndImports(ending);
  embeddings_.EndImports(ending);
}

std::vector<std::string> ServiceSet::Names() {
  return {v1::CollectionService::service_full_name(), v1::PoolService::service_full_name(),
          v1::EmbeddingService::service_full_name(),  v1::PolicyService::service_full_name(),
          v1::FeedbackService::service_full_name(),   v1::SamplingService::service_full_name(),
          v1::InspectionService::service_full_name(), v1::AccountService::service_full_name(),
          v1::BackupService::service_full_name()};
}

}  // namespace negatron
