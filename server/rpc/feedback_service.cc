// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/feedback_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include <google/protobuf/empty.pb.h>

#include "server/rpc/feedback_conversion.h"
#include "server/rpc/name_pages.h"
#include "server/rpc/resource_names.h"

namespace negatron {
namespace {

using PutCall = Call<v1::PutControllerRequest, v1::Controller>;
using GetCall = Call<v1::GetControllerRequest, v1::Controller>;
using ListCall = Call<v1::ListControllersRequest, v1::ListControllersResponse>;
using DeleteCall = Call<v1::DeleteControllerRequest, google::protobuf::Empty>;
using ReportCall = Call<v1::ReportOutcomesRequest, v1::ReportOutcomesResponse>;

void Put(PutCall* call) {
  const v1::PutControllerRequest& wire = call->request();
  Violations violations;
  const ControllerName name = ReadControllerName(wire.name(), "name", &violations);
  PutControllerRequest request;
  request.controller_id = name.controller;
  request.settings = ReadControllerSettings(wire.settings(), "settings.", &violations);
  request.restart = wire.restart();
  request.options.request_id = wire.request_id();
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->PutController(
      name.collection, std::move(request),
      [call, collection = name.collection](const absl::StatusOr<ControllerPointer>& controller) {
        if (controller.ok()) WriteController(collection, **controller, call->response());
        call->End(controller.status());
      });
}

absl::Status Get(GetCall* call) {
  Violations violations;
  const ControllerName name = ReadControllerName(call->request().name(), "name", &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const auto controllers,
                            call->engine()->GetControllers(name.collection));
  NEGATRON_ASSIGN_OR_RETURN(const ControllerPointer controller, controllers->Find(name.controller));
  WriteController(name.collection, *controller, call->response());
  return absl::OkStatus();
}

absl::Status List(ListCall* call) {
  const v1::ListControllersRequest& request = call->request();
  Violations violations;
  const std::string collection(ReadCollectionName(request.collection(), "collection", &violations));
  const NamePage page =
      ReadNamePage(request, NamePageKind::kControllers, "ListControllers", &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const auto controllers, call->engine()->GetControllers(collection));
  std::vector<ControllerPointer> found = controllers->List(page.after, page.limit());
  const bool more = page.Cut(&found);
  for (const ControllerPointer& controller : found) {
    WriteController(collection, *controller, call->response()->add_controllers());
  }
  if (more) {
    call->response()->set_next_page_token(
        NamePageToken(NamePageKind::kControllers, found.back()->controller_id));
  }
  return absl::OkStatus();
}

void Delete(DeleteCall* call) {
  Violations violations;
  const ControllerName name = ReadControllerName(call->request().name(), "name", &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->DeleteController(name.collection,
                                   {name.controller, call->request().allow_missing()},
                                   [call](const absl::Status& status) { call->End(status); });
}

void Report(ReportCall* call) {
  Violations violations;
  const ControllerName name = ReadControllerName(call->request().name(), "name", &violations);
  ReportOutcomesRequest request = ReadReport(call->request(), &violations);
  request.controller_id = name.controller;
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->ReportOutcomes(
      name.collection, std::move(request),
      [call, collection = name.collection](const absl::StatusOr<ReportOutcomesResult>& result) {
        if (!result.ok()) return call->End(result.status());
        v1::ReportOutcomesResponse* const response = call->response();
        WriteController(collection, *result->controller, response->mutable_controller());
        response->set_stale(result->stale);
        response->set_replayed(result->replayed);
        call->End(absl::OkStatus());
      });
}

}  // namespace

grpc::ServerUnaryReactor* FeedbackService::PutController(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::PutControllerRequest, v1::Controller>(
      "FeedbackService/PutController", context, request, response, Put);
}

grpc::ServerUnaryReactor* FeedbackService::GetController(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::GetControllerRequest, v1::Controller>(
      "FeedbackService/GetController", context, request, response,
      [](GetCall* call) { call->End(Get(call)); });
}

grpc::ServerUnaryReactor* FeedbackService::ListControllers(grpc::CallbackServerContext* context,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListControllersRequest, v1::ListControllersResponse>(
      "FeedbackService/ListControllers", context, request, response,
      [](ListCall* call) { call->End(List(call)); });
}

grpc::ServerUnaryReactor* FeedbackService::DeleteController(grpc::CallbackServerContext* context,
                                                            const grpc::ByteBuffer* request,
                                                            grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::DeleteControllerRequest, google::protobuf::Empty>(
      "FeedbackService/DeleteController", context, request, response, Delete);
}

grpc::ServerUnaryReactor* FeedbackService::ReportOutcomes(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* request,
                                                          grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ReportOutcomesRequest, v1::ReportOutcomesResponse>(
      "FeedbackService/ReportOutcomes", context, request, response, Report);
}

}  // namespace negatron
