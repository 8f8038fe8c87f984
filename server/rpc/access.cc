// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/access.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include <google/protobuf/descriptor.h>
#include <grpcpp/server_context.h>

#include "storage/base/status.h"

namespace negatron {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr absl::string_view kIdField = "collection_id";
constexpr absl::string_view kEveryCollection = "*";
constexpr absl::string_view kCollections = "collections/";
constexpr bool kAdds = true;

absl::Status Refusal(absl::StatusCode code, absl::string_view message, absl::string_view reason) {
  return WithReason(absl::Status(code, message), reason);
}

absl::Status Unauthenticated(absl::string_view message, absl::string_view reason) {
  return Refusal(absl::StatusCode::kUnauthenticated, message, reason);
}

absl::Status NotAllowed(absl::string_view message) {
  return Refusal(absl::StatusCode::kPermissionDenied, message, "COLLECTION_NOT_ALLOWED");
}

// The token in the metadata of a call.
absl::StatusOr<absl::string_view> BearerToken(const grpc::CallbackServerContext& context) {
  const auto [begin, end] = context.client_metadata().equal_range("authorization");
  if (begin == end) {
    return Unauthenticated("a bearer token is required in the metadata `authorization`",
                           "TOKEN_MISSING");
  }
  absl::string_view value(begin->second.data(), begin->second.size());
  constexpr absl::string_view kScheme = "Bearer ";
  if (std::next(begin) != end || !absl::StartsWithIgnoreCase(value, kScheme)) {
    return Unauthenticated("`authorization` must be one value, `Bearer ` and the token",
                           "TOKEN_INVALID");
  }
  value.remove_prefix(kScheme.size());
  return value;
}

absl::Status CheckEntry(absl::string_view method, const TokenEntry& entry) {
  if (entry.expire_time <= absl::Now()) {
    return Unauthenticated("the token has expired", "TOKEN_EXPIRED");
  }
  const MethodAccess* const access = FindMethodAccess(method);
  if (access == nullptr) return absl::InternalError("the method has no scope");
  if (entry.scopes.count(access->scope) > 0) return absl::OkStatus();
  const absl::string_view scope = ScopeName(access->scope);
  return WithFact(Refusal(absl::StatusCode::kPermissionDenied,
                          absl::StrCat("the method needs a token with the scope `", scope, "`"),
                          "SCOPE_MISSING"),
                  "scope", scope);
}

// The text of the field at `path`; fields of messages lead to fields of theirs.
std::string FieldText(const Message& request, absl::string_view path) {
  const Message* message = &request;
  const std::vector<std::string> names = absl::StrSplit(path, '.');
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    const FieldDescriptor* const field = message->GetDescriptor()->FindFieldByName(names[i]);
    message = &message->GetReflection()->GetMessage(*message, field);
  }
  return message->GetReflection()->GetString(
      *message, message->GetDescriptor()->FindFieldByName(names.back()));
}

}  // namespace

const std::vector<MethodAccess>& MethodAccesses() {
  // Never destroyed: threads may still read it while the process exits.
  static const auto* const accesses = new std::vector<MethodAccess>{
      {"AccountService/ExplainNegatives", Scope::kRead, "sample.collection"},
      {"AccountService/ListAudits", Scope::kRead, "collection"},
      {"AccountService/GetAudit", Scope::kRead, "name"},
      {"AccountService/ReplayAudit", Scope::kRead, "name"},
      {"BackupService/CreateBackup", Scope::kAdmin, kEveryCollection},
      {"BackupService/ListBackups", Scope::kAdmin, kEveryCollection},
      {"BackupService/VerifyBackup", Scope::kAdmin, kEveryCollection},
      {"BackupService/DeleteBackup", Scope::kAdmin, kEveryCollection},
      {"CollectionService/CreateCollection", Scope::kAdmin, kIdField, kAdds},
      {"CollectionService/GetCollection", Scope::kRead, "name"},
      {"CollectionService/ListCollections", Scope::kRead, ""},
      {"CollectionService/UpdateCollection", Scope::kAdmin, "collection.name"},
      {"CollectionService/DeleteCollection", Scope::kAdmin, "name"},
      {"EmbeddingService/BatchWriteEmbeddings", Scope::kWrite, "collection", kAdds},
      {"EmbeddingService/BatchGetEmbeddings", Scope::kRead, "collection"},
      {"EmbeddingService/BeginEmbeddingVersion", Scope::kWrite, "collection", kAdds},
      {"EmbeddingService/UploadEmbeddings", Scope::kWrite, "name", kAdds},
      {"EmbeddingService/ImportEmbeddings", Scope::kWrite, "name", kAdds},
      {"EmbeddingService/CommitEmbeddingVersion", Scope::kWrite, "name"},
      {"EmbeddingService/AbortEmbeddingVersion", Scope::kWrite, "name"},
      {"EmbeddingService/GetEmbeddingVersion", Scope::kRead, "name"},
      {"EmbeddingService/ListEmbeddingVersions", Scope::kRead, "collection"},
      {"FeedbackService/PutController", Scope::kWrite, "name"},
      {"FeedbackService/GetController", Scope::kRead, "name"},
      {"FeedbackService/ListControllers", Scope::kRead, "collection"},
      {"FeedbackService/DeleteController", Scope::kWrite, "name"},
      {"FeedbackService/ReportOutcomes", Scope::kWrite, "name"},
      {"InspectionService/GetCollectionStatistics", Scope::kRead, "collection"},
      {"InspectionService/GetSamplingStatistics", Scope::kRead, "collection"},
      {"InspectionService/GetServerInfo", Scope::kRead, ""},
      {"PolicyService/PutPolicy", Scope::kWrite, "name"},
      {"PolicyService/GetPolicy", Scope::kRead, "name"},
      {"PolicyService/ListPolicies", Scope::kRead, "collection"},
      {"PolicyService/ListPolicyVersions", Scope::kRead, "name"},
      {"PolicyService/DeletePolicy", Scope::kWrite, "name"},
      {"PoolService/BatchWriteItems", Scope::kWrite, "collection", kAdds},
      {"PoolService/BatchGetItems", Scope::kRead, "collection"},
      {"PoolService/ListItems", Scope::kRead, "collection"},
      {"PoolService/BatchWriteEvents", Scope::kWrite, "collection", kAdds},
      {"PoolService/ListEvents", Scope::kRead, "collection"},
      {"PoolService/RetractEvents", Scope::kWrite, "collection"},
      {"PoolService/ListUsers", Scope::kRead, "collection"},
      {"PoolService/EraseUsers", Scope::kWrite, "collection"},
      {"PoolService/ImportItems", Scope::kWrite, "collection", kAdds},
      {"PoolService/ImportEvents", Scope::kWrite, "collection", kAdds},
      {"SamplingService/SampleNegatives", Scope::kRead, "collection"},
      {"SamplingService/SampleSharedNegatives", Scope::kRead, "collection"},
      {"SamplingService/GetCandidates", Scope::kRead, "sample.collection"},
  };
  return *accesses;
}

const MethodAccess* FindMethodAccess(absl::string_view method) {
  const std::vector<MethodAccess>& all = MethodAccesses();
  const auto position = std::find_if(
      all.begin(), all.end(), [&](const MethodAccess& access) { return access.method == method; });
  return position == all.end() ? nullptr : &*position;
}

bool MethodAccess::IsOfOneCollection() const {
  return !collection_field.empty() && collection_field != kEveryCollection;
}

absl::string_view MethodAccess::CollectionId(absl::string_view text) const {
  if (collection_field == kIdField) return text;
  return absl::ConsumePrefix(&text, kCollections) ? text.substr(0, text.find('/'))
                                                  : absl::string_view();
}

absl::Status CheckCollection(const Caller& caller, absl::string_view collection_id) {
  if (caller.MayUse(collection_id)) return absl::OkStatus();
  return NotAllowed("the token is not for this collection");
}

AccessControl::AccessControl(std::shared_ptr<const TokenList> tokens)
    : tokens_(std::move(tokens)) {}

void AccessControl::Set(std::shared_ptr<const TokenList> tokens) {
  MutexLock lock(mutex_);
  tokens_ = std::move(tokens);
}

std::shared_ptr<const TokenList> AccessControl::tokens() const {
  MutexLock lock(mutex_);
  return tokens_;
}

absl::StatusOr<Caller> AccessControl::Admit(absl::string_view method,
                                            const grpc::CallbackServerContext& context) const {
  NEGATRON_ASSIGN_OR_RETURN(const absl::string_view token, BearerToken(context));
  std::shared_ptr<const TokenList> list = tokens();
  const TokenEntry* const entry = list->Recognise(token);
  if (entry == nullptr) {
    return Unauthenticated("the token is not one of this server, or no more", "TOKEN_INVALID");
  }
  NEGATRON_RETURN_IF_ERROR(CheckEntry(method, *entry));
  return Caller(std::move(list), entry);
}

absl::Status AccessControl::CheckStill(absl::string_view method, const Caller& caller) const {
  const std::shared_ptr<const TokenList> list = tokens();
  const TokenEntry* const entry = list->Find(caller.entry()->id);
  if (entry == nullptr || !EqualInConstantTime(entry->digest, caller.entry()->digest) ||
      entry->collections != caller.entry()->collections) {
    return Unauthenticated("the token was withdrawn or changed", "TOKEN_INVALID");
  }
  return CheckEntry(method, *entry);
}

absl::Status AccessControl::CheckRequest(absl::string_view method, const Caller& caller,
                                         const Message& request) {
  if (!caller.bound()) return absl::OkStatus();
  const MethodAccess* const access = FindMethodAccess(method);
  if (access == nullptr) return absl::InternalError("the method has no scope");
  if (access->collection_field.empty()) return absl::OkStatus();
  if (access->collection_field == kEveryCollection) {
    return NotAllowed("the token is not for all collections");
  }
  // The empty id, of a text that is no name of a collection, is in no list.
  const std::string text = FieldText(request, access->collection_field);
  return CheckCollection(caller, access->CollectionId(text));
}

}  // namespace negatron
