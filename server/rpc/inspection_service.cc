// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/inspection_service.h"

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"

#include "server/rpc/inspection_conversion.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/sampling_series_conversion.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

using StatisticsCall = Call<v1::GetCollectionStatisticsRequest, v1::CollectionStatistics>;
using SeriesCall = Call<v1::GetSamplingStatisticsRequest, v1::SamplingStatistics>;
using InfoCall = Call<v1::GetServerInfoRequest, v1::ServerInfo>;

absl::Status GetStatistics(StatisticsCall* call) {
  const v1::GetCollectionStatisticsRequest& request = call->request();
  Violations violations;
  const absl::string_view id = ReadCollectionName(request.collection(), "collection", &violations);
  std::optional<Micros> as_of;
  if (request.has_as_of_time()) {
    as_of = ReadTimestamp(request.as_of_time(), "as_of_time", &violations);
  }
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const CollectionStatistics statistics,
                            call->engine()->GetStatistics(id, as_of));
  WriteStatistics(id, statistics, call->response());
  return absl::OkStatus();
}

absl::Status GetSeries(SeriesCall* call) {
  const v1::GetSamplingStatisticsRequest& request = call->request();
  Violations violations;
  const absl::string_view id = ReadCollectionName(request.collection(), "collection", &violations);
  const SamplingSeriesRequest wanted = ReadSeriesRequest(request, &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const SamplingSeries series,
                            call->engine()->GetSamplingSeries(id, wanted));
  WriteSeries(id, series, call->response());
  return absl::OkStatus();
}

void GetInfo(InfoCall* call, const EngineHandle& handle, absl::Time start) {
  v1::ServerInfo* info = call->response();
  const Engine* const engine = call->engine();
  info->set_version(NEGATRON_VERSION);
  info->set_serving(engine != nullptr);
  info->set_recovery_progress(engine != nullptr ? 1.0 : handle.progress().fraction);
  WriteDuration(absl::Now() - start, info->mutable_uptime());
  if (engine != nullptr) info->set_durable_sequence(engine->durable_sequence());
  call->End(absl::OkStatus());
}

}  // namespace

InspectionService::InspectionService(Dispatcher* dispatcher, const EngineHandle* engine)
    : dispatcher_(dispatcher), engine_(engine), start_(absl::Now()) {}

grpc::ServerUnaryReactor* InspectionService::GetCollectionStatistics(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::GetCollectionStatisticsRequest, v1::CollectionStatistics>(
      "InspectionService/GetCollectionStatistics", context, request, response,
      [](StatisticsCall* call) { call->End(GetStatistics(call)); });
}

grpc::ServerUnaryReactor* InspectionService::GetSamplingStatistics(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::GetSamplingStatisticsRequest, v1::SamplingStatistics>(
      "InspectionService/GetSamplingStatistics", context, request, response,
      [](SeriesCall* call) { call->End(GetSeries(call)); });
}

grpc::ServerUnaryReactor* InspectionService::GetServerInfo(grpc::CallbackServerContext* context,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::GetServerInfoRequest, v1::ServerInfo>(
      "InspectionService/GetServerInfo", context, request, response,
      [this](InfoCall* call) { GetInfo(call, *engine_, start_); },
      Dispatcher::WhileRecovering::kServe);
}

}  // namespace negatron
