// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/sampling_service.h"

#include <memory>
#include <utility>

#include "absl/status/statusor.h"

#include "server/engine/sample_checks.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/sampling_conversion.h"
#include "server/rpc/sampling_note.h"

namespace negatron {
namespace {

using SharedCall = Call<v1::SampleSharedNegativesRequest, v1::SampleSharedNegativesResponse>;
using CandidatesCall = Call<v1::GetCandidatesRequest, v1::GetCandidatesResponse>;
using SampleCall = Call<v1::SampleNegativesRequest, v1::SampleNegativesResponse>;

// Adds, to a request that is refused anyway, what its policy asks of the collection in vain: so
// that all that is wrong with it is told at once.
void AddUnmet(const Engine& engine, absl::string_view id, const SampleRequest& request,
              Violations* violations) {
  if (violations->empty() || !request.policy_name.empty()) return;
  const absl::StatusOr<CollectionRecord> settings = engine.GetCollection(id);
  if (!settings.ok()) return;
  CheckAgainst(*settings, request.plan != nullptr ? *request.plan : PolicyPlan::Of(request.policy),
               violations);
}

void Sample(SampleCall* call, SeedSource* seeds) {
  Violations violations;
  const absl::string_view id =
      ReadCollectionName(call->request().collection(), "collection", &violations);
  SampleRequest request = ReadSampleRequest(call->request(), &violations);
  AddUnmet(*call->engine(), id, request, &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  if (!call->request().has_seed()) request.seed = seeds->Next();
  absl::StatusOr<SampleResult> result = call->engine()->Sample(id, request, call->cancellation());
  call->NoteSample(
      NoteOf(id, request, result.ok() ? result->stages : StageTimes(), call->MayBeSlow()));
  if (!result.ok()) return call->End(result.status());
  if (call->request().encoding() == v1::COLUMN_ENCODING_TYPED) {
    WriteSample(request, *result, v1::COLUMN_ENCODING_TYPED, call->response());
    return call->End(absl::OkStatus());
  }
  grpc::ByteBuffer response =
      SerializeRawSample(request, std::make_shared<const SampleResult>(*std::move(result)));
  call->EndWithBytes(&response);
}

void SampleShared(SharedCall* call, SeedSource* seeds) {
  Violations violations;
  const absl::string_view id =
      ReadCollectionName(call->request().collection(), "collection", &violations);
  SharedRequest request = ReadSharedRequest(call->request(), &violations);
  AddUnmet(*call->engine(), id, request.rows, &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  if (!call->request().has_seed()) request.rows.seed = seeds->Next();
  const absl::StatusOr<SharedResult> result =
      call->engine()->SampleShared(id, request, call->cancellation());
  call->NoteSample(
      NoteOf(id, request.rows, result.ok() ? result->stages : StageTimes(), call->MayBeSlow()));
  if (result.ok()) {
    WriteSharedResponse(request, *result, call->request().encoding(), call->response());
  }
  call->End(result.status());
}

absl::Status Rank(CandidatesCall* call, SeedSource* seeds) {
  const v1::SampleNegativesRequest& wire = call->request().sample();
  Violations violations;
  Violations sample_violations;
  const absl::string_view id =
      ReadCollectionName(wire.collection(), "collection", &sample_violations);
  CandidateRequest request = ReadCandidateRequest(call->request(), &violations, &sample_violations);
  AddUnmet(*call->engine(), id, request.sample, &sample_violations);
  NEGATRON_RETURN_IF_ERROR(MergeNested(violations, sample_violations, "sample"));
  if (!wire.has_seed()) request.sample.seed = seeds->Next();
  const absl::StatusOr<CandidateResult> result =
      call->engine()->GetCandidates(id, request, call->cancellation());
  call->NoteSample(NoteOf(id, request.sample, result.ok() ? result->sample.stages : StageTimes(),
                          call->MayBeSlow()));
  if (!result.ok()) return NestFields(result.status(), "sample");
  WriteCandidates(request, *result, wire.encoding(), call->response());
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* SamplingService::SampleNegatives(grpc::CallbackServerContext* context,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::SampleNegativesRequest, v1::SampleNegativesResponse>(
      "SamplingService/SampleNegatives", context, request, response,
      [this](SampleCall* call) { Sample(call, &seeds_); });
}

grpc::ServerUnaryReactor* SamplingService::SampleSharedNegatives(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::SampleSharedNegativesRequest, v1::SampleSharedNegativesResponse>(
      "SamplingService/SampleSharedNegatives", context, request, response,
      [this](SharedCall* call) { SampleShared(call, &seeds_); });
}

grpc::ServerUnaryReactor* SamplingService::GetCandidates(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::GetCandidatesRequest, v1::GetCandidatesResponse>(
      "SamplingService/GetCandidates", context, request, response,
      [this](CandidatesCall* call) { call->End(Rank(call, &seeds_)); });
}

}  // namespace negatron
