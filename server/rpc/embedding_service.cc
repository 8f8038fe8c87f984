// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/embedding_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"
#include "server/rpc/column_readers.h"
#include "server/rpc/embedding_versions.h"
#include "server/rpc/owner_ids.h"
#include "server/rpc/pool_conversion.h"
#include "server/rpc/resource_names.h"

namespace negatron {
namespace {

// Of a response; keeps it well inside gRPC's default limit of 4 MiB.
constexpr int64_t kMaxValues = 131072;

using WriteCall = Call<v1::BatchWriteEmbeddingsRequest, v1::WriteReceipt>;
using GetCall = Call<v1::BatchGetEmbeddingsRequest, v1::BatchGetEmbeddingsResponse>;

void WriteRefusals(const std::vector<RowRefusal>& refusals, v1::WriteReceipt* receipt) {
  std::vector<int64_t> rows;
  std::vector<uint8_t> reasons;
  for (size_t i = 0; i < refusals.size(); ++i) {
    if (refusals[i] == RowRefusal::kNone) continue;
    rows.push_back(static_cast<int64_t>(i));
    reasons.push_back(static_cast<uint8_t>(refusals[i]));
  }
  if (rows.empty()) return;
  WriteInt64s(rows, v1::COLUMN_ENCODING_RAW, receipt->mutable_refused_rows());
  WriteBytes(reasons, v1::COLUMN_ENCODING_RAW, receipt->mutable_row_refusals());
}

void Write(WriteCall* call) {
  const v1::BatchWriteEmbeddingsRequest& request = call->request();
  Violations violations;
  const std::string id(ReadCollectionName(request.collection(), "collection", &violations));
  WriteEmbeddingsRequest write;
  write.options = ReadWriteOptions(request.request_id(), request.acknowledgement_level(),
                                   AckLevel::kApplied, &violations);
  OwnerIds owners = ReadOwnerIds(request, &violations);
  write.owner = owners.owner;
  write.ids = std::move(owners.ids);
  write.column_count = request.vectors().column_count();
  if (request.has_model_version()) write.model_version = request.model_version();
  write.allow_partial = request.allow_partial();
  if (violations.empty()) {
    write.values = ReadVectors(request.vectors(), write.ids.size(), "vectors", &violations,
                               /*all_finite=*/!write.allow_partial);
  }
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->WriteEmbeddings(id, std::move(write),
                                  [call](const absl::StatusOr<WriteResult>& result) {
                                    if (result.ok()) {
                                      WriteReceipt(*result, call->response());
                                      WriteRefusals(result->refusals, call->response());
                                    }
                                    call->End(result.status());
                                  });
}

absl::Status CheckValueCount(const CollectionRecord& collection, const OwnerIds& owners) {
  const int64_t rows = owners.ids.size();
  const int64_t dimension = collection.embedding.has_value() ? collection.embedding->dimension : 0;
  if (rows * dimension <= kMaxValues) return absl::OkStatus();
  return InvalidField(owners.owner == VectorOwner::kUser ? "user_ids" : "item_ids",
                      absl::StrCat("has ", rows, " rows of ", dimension,
                                   " values; a call returns at most ", kMaxValues, " values"));
}

absl::Status Get(GetCall* call) {
  const v1::BatchGetEmbeddingsRequest& request = call->request();
  Violations violations;
  const absl::string_view id = ReadCollectionName(request.collection(), "collection", &violations);
  const OwnerIds owners = ReadOwnerIds(request, &violations);
  CheckEncoding(request.encoding(), &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(const CollectionRecord collection, call->engine()->GetCollection(id));
  NEGATRON_RETURN_IF_ERROR(CheckValueCount(collection, owners));
  NEGATRON_ASSIGN_OR_RETURN(const GetEmbeddingsResult result,
                            call->engine()->GetEmbeddings(id, owners.owner, owners.ids));
  v1::BatchGetEmbeddingsResponse* response = call->response();
  WriteMatrix(result.values, static_cast<int32_t>(owners.ids.size()), result.column_count,
              request.encoding(), response->mutable_vectors());
  WriteBytes(result.found, request.encoding(), response->mutable_found());
  if (request.include_model_versions()) {
    WriteInt64s(result.model_versions, request.encoding(), response->mutable_model_versions());
  }
  if (request.include_write_times()) {
    WriteInt64s(result.write_times, request.encoding(), response->mutable_write_time_micros());
  }
  WriteToken(result.snapshot, response->mutable_snapshot());
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* EmbeddingService::BatchWriteEmbeddings(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::BatchWriteEmbeddingsRequest, v1::WriteReceipt>(
      "EmbeddingService/BatchWriteEmbeddings", context, request, response, Write);
}

grpc::ServerUnaryReactor* EmbeddingService::BatchGetEmbeddings(grpc::CallbackServerContext* context,
                                                               const grpc::ByteBuffer* request,
                                                               grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::BatchGetEmbeddingsRequest, v1::BatchGetEmbeddingsResponse>(
      "EmbeddingService/BatchGetEmbeddings", context, request, response,
      [](GetCall* call) { call->End(Get(call)); });
}

grpc::ServerUnaryReactor* EmbeddingService::BeginEmbeddingVersion(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::BeginEmbeddingVersionRequest, v1::EmbeddingVersion>(
      "EmbeddingService/BeginEmbeddingVersion", context, request, response, BeginVersion);
}

grpc::ServerUnaryReactor* EmbeddingService::UploadEmbeddings(grpc::CallbackServerContext* context,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::UploadEmbeddingsRequest, v1::ImportResponse>(
      "EmbeddingService/UploadEmbeddings", context, request, response, UploadChunk);
}

grpc::ServerUnaryReactor* EmbeddingService::CommitEmbeddingVersion(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::CommitEmbeddingVersionRequest, v1::EmbeddingVersion>(
      "EmbeddingService/CommitEmbeddingVersion", context, request, response, CommitVersion);
}

grpc::ServerUnaryReactor* EmbeddingService::AbortEmbeddingVersion(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::AbortEmbeddingVersionRequest, v1::EmbeddingVersion>(
      "EmbeddingService/AbortEmbeddingVersion", context, request, response, AbortVersion);
}

grpc::ServerUnaryReactor* EmbeddingService::GetEmbeddingVersion(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::GetEmbeddingVersionRequest, v1::EmbeddingVersion>(
      "EmbeddingService/GetEmbeddingVersion", context, request, response, GetVersion);
}

grpc::ServerUnaryReactor* EmbeddingService::ListEmbeddingVersions(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListEmbeddingVersionsRequest, v1::ListEmbeddingVersionsResponse>(
      "EmbeddingService/ListEmbeddingVersions", context, request, response, ListVersions);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* EmbeddingService::ImportEmbeddings(
    grpc::CallbackServerContext* context) {
  return ImportCall::Start(&ImportEmbeddingsMethod(), *context, dispatcher_, &imports_);
}

}  // namespace negatron
