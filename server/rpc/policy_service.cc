// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/policy_service.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <google/protobuf/empty.pb.h>

#include "server/engine/sample_checks.h"
#include "server/rpc/name_pages.h"
#include "server/rpc/policy_conversion.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

using PutCall = Call<v1::PutPolicyRequest, v1::StoredPolicy>;
using GetCall = Call<v1::GetPolicyRequest, v1::StoredPolicy>;
using ListCall = Call<v1::ListPoliciesRequest, v1::ListPoliciesResponse>;
using VersionsCall = Call<v1::ListPolicyVersionsRequest, v1::ListPolicyVersionsResponse>;
using DeleteCall = Call<v1::DeletePolicyRequest, google::protobuf::Empty>;

void WriteStored(const std::string& collection, const StoredPolicy& policy,
                 v1::StoredPolicy* wire) {
  wire->set_name(NameOfPolicy(collection, policy.id));
  wire->set_version(policy.version);
  WritePlan(policy.plan, wire->mutable_policy());
  if (!policy.built_in) WriteTimestamp(policy.create_time, wire->mutable_create_time());
  wire->set_built_in(policy.built_in);
}

// What is stored must come back: a field that WritePlan forgot would be kept, and drawn by, without
// anybody seeing it.
absl::Status CheckWritable(const PolicyPlan& plan) {
  v1::Policy wire;
  WritePlan(plan, &wire);
  Violations violations;
  if (ReadPlan(wire, &violations) == plan && violations.empty()) return absl::OkStatus();
  return absl::InternalError("the policy has a part that cannot be returned");
}

absl::Status ReadPut(const v1::PutPolicyRequest& wire, const Engine& engine,
                     std::string* collection, PutPolicyRequest* request) {
  Violations violations;
  const PolicyName name = ReadPolicyName(wire.name(), "name", /*pinnable=*/false, &violations);
  request->policy_id = name.policy;
  request->options.request_id = wire.request_id();
  if (wire.has_expected_version()) request->expected_version = wire.expected_version();
  request->plan = ReadPlan(wire.policy(), &violations);
  if (!violations.empty()) {
    // So that all that is wrong is told at once.
    const absl::StatusOr<CollectionRecord> settings = engine.GetCollection(name.collection);
    if (settings.ok()) CheckAgainst(*settings, request->plan, &violations);
    return violations.ToStatus();
  }
  *collection = name.collection;
  return CheckWritable(request->plan);
}

void Put(PutCall* call) {
  std::string collection;
  PutPolicyRequest request;
  const absl::Status status = ReadPut(call->request(), *call->engine(), &collection, &request);
  if (!status.ok()) return call->End(status);
  call->engine()->PutPolicy(collection, std::move(request),
                            [call, collection](const absl::StatusOr<StoredPolicyPointer>& policy) {
                              if (policy.ok()) WriteStored(collection, **policy, call->response());
                              call->End(policy.status());
                            });
}

absl::Status Get(GetCall* call) {
  Violations violations;
  const PolicyName name =
      ReadPolicyName(call->request().name(), "name", /*pinnable=*/true, &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const auto policies, call->engine()->GetPolicies(name.collection));
  NEGATRON_ASSIGN_OR_RETURN(const StoredPolicyPointer policy,
                            policies->Find(name.policy, name.version));
  WriteStored(name.collection, *policy, call->response());
  return absl::OkStatus();
}

// Writes a page of which `policies` have one more if another follows.
template <typename Response>
void WritePage(const std::string& collection, std::vector<StoredPolicyPointer> policies,
               const NamePage& page, NamePageKind kind, Response* response) {
  const bool more = page.Cut(&policies);
  for (const StoredPolicyPointer& policy : policies) {
    WriteStored(collection, *policy, response->add_policies());
  }
  if (!more) return;
  const StoredPolicy& last = *policies.back();
  response->set_next_page_token(
      NamePageToken(kind, kind == NamePageKind::kPolicies ? last.id : absl::StrCat(last.version)));
}

absl::Status List(ListCall* call) {
  const v1::ListPoliciesRequest& request = call->request();
  Violations violations;
  const std::string collection(ReadCollectionName(request.collection(), "collection", &violations));
  const NamePage page = ReadNamePage(request, NamePageKind::kPolicies, "ListPolicies", &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const auto policies, call->engine()->GetPolicies(collection));
  WritePage(collection, policies->List(page.after, page.limit()), page, NamePageKind::kPolicies,
            call->response());
  return absl::OkStatus();
}

absl::Status ListVersions(VersionsCall* call) {
  const v1::ListPolicyVersionsRequest& request = call->request();
  Violations violations;
  const PolicyName name = ReadPolicyName(request.name(), "name", /*pinnable=*/false, &violations);
  const NamePage page =
      ReadNamePage(request, NamePageKind::kVersions, "ListPolicyVersions", &violations);
  int64_t below = std::numeric_limits<int64_t>::max();
  if (!page.after.empty() && !absl::SimpleAtoi(page.after, &below)) {
    violations.Add("page_token", "is not a token of ListPolicyVersions");
  }
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const auto policies, call->engine()->GetPolicies(name.collection));
  NEGATRON_RETURN_IF_ERROR(policies->Find(name.policy, 0).status());
  WritePage(name.collection, policies->Versions(name.policy, below, page.limit()), page,
            NamePageKind::kVersions, call->response());
  return absl::OkStatus();
}

void Delete(DeleteCall* call) {
  const v1::DeletePolicyRequest& wire = call->request();
  Violations violations;
  const PolicyName name = ReadPolicyName(wire.name(), "name", /*pinnable=*/false, &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  DeletePolicyRequest request;
  request.policy_id = name.policy;
  request.allow_missing = wire.allow_missing();
  if (wire.has_expected_version()) request.expected_version = wire.expected_version();
  call->engine()->DeletePolicy(name.collection, std::move(request),
                               [call](const absl::Status& status) { call->End(status); });
}

}  // namespace

grpc::ServerUnaryReactor* PolicyService::PutPolicy(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::PutPolicyRequest, v1::StoredPolicy>(
      "PolicyService/PutPolicy", context, request, response, Put);
}

grpc::ServerUnaryReactor* PolicyService::GetPolicy(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::GetPolicyRequest, v1::StoredPolicy>(
      "PolicyService/GetPolicy", context, request, response,
      [](GetCall* call) { call->End(Get(call)); });
}

grpc::ServerUnaryReactor* PolicyService::ListPolicies(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListPoliciesRequest, v1::ListPoliciesResponse>(
      "PolicyService/ListPolicies", context, request, response,
      [](ListCall* call) { call->End(List(call)); });
}

grpc::ServerUnaryReactor* PolicyService::ListPolicyVersions(grpc::CallbackServerContext* context,
                                                            const grpc::ByteBuffer* request,
                                                            grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListPolicyVersionsRequest, v1::ListPolicyVersionsResponse>(
      "PolicyService/ListPolicyVersions", context, request, response,
      [](VersionsCall* call) { call->End(ListVersions(call)); });
}

grpc::ServerUnaryReactor* PolicyService::DeletePolicy(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::DeletePolicyRequest, google::protobuf::Empty>(
      "PolicyService/DeletePolicy", context, request, response, Delete);
}

}  // namespace negatron
