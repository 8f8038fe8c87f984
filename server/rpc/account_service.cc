// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/account_service.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "server/rpc/account_conversion.h"
#include "server/rpc/audit_conversion.h"
#include "server/rpc/column_readers.h"
#include "server/rpc/page_tokens.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

constexpr int kDefaultPageSize = 100;
constexpr int kMaxPageSize = 1000;

using ExplainCall = Call<v1::ExplainNegativesRequest, v1::ExplainNegativesResponse>;
using ListCall = Call<v1::ListAuditsRequest, v1::ListAuditsResponse>;
using GetCall = Call<v1::GetAuditRequest, v1::Audit>;
using ReplayCall = Call<v1::ReplayAuditRequest, v1::ReplayAuditResponse>;

absl::Status Explain(ExplainCall* call, SeedSource* seeds) {
  const v1::SampleNegativesRequest& wire = call->request().sample();
  Violations violations;
  Violations sample_violations;
  const absl::string_view id =
      ReadCollectionName(wire.collection(), "collection", &sample_violations);
  ExplainRequest request = ReadExplainRequest(call->request(), &violations, &sample_violations);
  NEGATRON_RETURN_IF_ERROR(MergeNested(violations, sample_violations, "sample"));
  if (!wire.has_seed()) request.sample.seed = seeds->Next();
  NEGATRON_ASSIGN_OR_RETURN(const ExplainResult result,
                            call->engine()->Explain(id, request, call->cancellation()));
  WriteExplanation(request, result, call->response());
  return absl::OkStatus();
}

// What a request asks for; `incarnation` is that of a page token, 0 without one.
AuditQuery ReadQuery(const v1::ListAuditsRequest& request, const std::string& collection,
                     int64_t* incarnation, Violations* violations) {
  AuditQuery query;
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    violations->Add("page_size", "must be in [0, 1000]");
  }
  query.limit = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  if (!request.policy_name().empty()) {
    const PolicyName policy =
        ReadPolicyName(request.policy_name(), "policy_name", /*pinnable=*/true, violations);
    if (violations->empty() && policy.collection != collection) {
      violations->Add("policy_name", "is a policy of another collection");
    }
    query.policy_id = policy.policy;
    query.policy_version = policy.version;
  }
  if (request.has_start_time()) {
    query.oldest = ReadTimestamp(request.start_time(), "start_time", violations);
  }
  if (request.has_end_time()) {
    query.newest = ReadTimestamp(request.end_time(), "end_time", violations) - 1;
  }
  if (!request.page_token().empty()) {
    const std::optional<AuditPlace> place = ReadAuditPageToken(request.page_token());
    if (!place.has_value()) violations->Add("page_token", "is not a token of ListAudits");
    *incarnation = place.value_or(AuditPlace()).incarnation;
    query.newest = std::min(query.newest, place.value_or(AuditPlace()).newest);
  }
  query.newest = std::max<Micros>(query.newest, 0);
  return query;
}

absl::Status List(ListCall* call) {
  const v1::ListAuditsRequest& request = call->request();
  Violations violations;
  const std::string id(ReadCollectionName(request.collection(), "collection", &violations));
  int64_t incarnation = 0;
  const AuditQuery query = ReadQuery(request, id, &incarnation, &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const CollectionRecord settings, call->engine()->GetCollection(id));
  if (incarnation != 0 && incarnation != settings.incarnation) {
    return InvalidField("page_token", "is of a collection that was deleted");
  }
  NEGATRON_ASSIGN_OR_RETURN(const AuditPage page, call->engine()->ListAudits(id, query));
  for (const AuditRecord& record : page.records) {
    WriteAuditHead(id, settings.incarnation, record, call->response()->add_audits());
  }
  if (page.next.has_value()) {
    call->response()->set_next_page_token(AuditPageToken({settings.incarnation, *page.next}));
  }
  return absl::OkStatus();
}

absl::Status Get(GetCall* call) {
  Violations violations;
  const AuditName name = ReadAuditName(call->request().name(), "name", &violations);
  CheckEncoding(call->request().encoding(), &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const KeptCall kept,
                            call->engine()->GetAudit(name.collection, name.id));
  WriteAudit(name.collection, kept, call->request().encoding(), call->response());
  return absl::OkStatus();
}

absl::Status Replay(ReplayCall* call) {
  Violations violations;
  const AuditName name = ReadAuditName(call->request().name(), "name", &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(
      const AuditReplay replay,
      call->engine()->ReplayAudit(name.collection, name.id, call->cancellation()));
  WriteReplay(replay, call->response());
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* AccountService::ListAudits(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListAuditsRequest, v1::ListAuditsResponse>(
      "AccountService/ListAudits", context, request, response,
      [](ListCall* call) { call->End(List(call)); });
}

grpc::ServerUnaryReactor* AccountService::GetAudit(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::GetAuditRequest, v1::Audit>(
      "AccountService/GetAudit", context, request, response,
      [](GetCall* call) { call->End(Get(call)); });
}

grpc::ServerUnaryReactor* AccountService::ReplayAudit(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ReplayAuditRequest, v1::ReplayAuditResponse>(
      "AccountService/ReplayAudit", context, request, response,
      [](ReplayCall* call) { call->End(Replay(call)); });
}

grpc::ServerUnaryReactor* AccountService::ExplainNegatives(grpc::CallbackServerContext* context,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ExplainNegativesRequest, v1::ExplainNegativesResponse>(
      "AccountService/ExplainNegatives", context, request, response,
      [this](ExplainCall* call) { call->End(Explain(call, &seeds_)); });
}

}  // namespace negatron
