// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/collection_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include <google/protobuf/empty.pb.h>

#include "server/rpc/collection_conversion.h"
#include "server/rpc/name_pages.h"
#include "server/rpc/resource_names.h"

namespace negatron {
namespace {

using CreateCall = Call<v1::CreateCollectionRequest, v1::Collection>;
using GetCall = Call<v1::GetCollectionRequest, v1::Collection>;
using ListCall = Call<v1::ListCollectionsRequest, v1::ListCollectionsResponse>;
using UpdateCall = Call<v1::UpdateCollectionRequest, v1::Collection>;
using DeleteCall = Call<v1::DeleteCollectionRequest, google::protobuf::Empty>;

// Ends a call that answers with a collection.
template <typename AnyCall>
void EndWithCollection(AnyCall* call, const absl::StatusOr<CollectionRecord>& record) {
  if (record.ok()) WriteCollection(*record, call->response());
  call->End(record.status());
}

void Create(CreateCall* call) {
  Violations violations;
  CollectionRecord settings = ReadCreateCollection(call->request(), &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->CreateCollection(
      std::move(settings),
      [call](const absl::StatusOr<CollectionRecord>& record) { EndWithCollection(call, record); });
}

void Get(GetCall* call) {
  Violations violations;
  const absl::string_view id = ReadCollectionName(call->request().name(), "name", &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  EndWithCollection(call, call->engine()->GetCollection(id));
}

// Those that the caller may see, as many as the page asks for.
std::vector<CollectionRecord> VisibleCollections(const ListCall& call, const NamePage& page) {
  const auto limit = static_cast<size_t>(page.limit());
  std::vector<CollectionRecord> visible;
  std::string after = page.after;
  while (visible.size() < limit) {
    std::vector<CollectionRecord> records = call.engine()->ListCollections(after, page.limit());
    const bool last = records.size() < limit;
    if (!records.empty()) after = records.back().id;
    for (CollectionRecord& record : records) {
      if (call.caller().MayUse(record.id)) visible.push_back(std::move(record));
    }
    if (last) break;
  }
  if (visible.size() > limit) visible.resize(limit);
  return visible;
}

void List(ListCall* call) {
  const v1::ListCollectionsRequest& request = call->request();
  Violations violations;
  const NamePage page =
      ReadNamePage(request, NamePageKind::kCollections, "ListCollections", &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  std::vector<CollectionRecord> records = VisibleCollections(*call, page);
  const bool more = page.Cut(&records);
  for (const CollectionRecord& record : records) {
    WriteCollection(record, call->response()->add_collections());
  }
  if (more) {
    call->response()->set_next_page_token(
        NamePageToken(NamePageKind::kCollections, records.back().id));
  }
  call->End(absl::OkStatus());
}

void Update(UpdateCall* call) {
  Violations violations;
  const std::string id(
      ReadCollectionName(call->request().collection().name(), "collection.name", &violations));
  CollectionUpdate update = ReadUpdateCollection(call->request(), &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->UpdateCollection(
      id, std::move(update),
      [call](const absl::StatusOr<CollectionRecord>& record) { EndWithCollection(call, record); });
}

void Delete(DeleteCall* call) {
  const v1::DeleteCollectionRequest& request = call->request();
  Violations violations;
  const std::string id(ReadCollectionName(request.name(), "name", &violations));
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->DeleteCollection(id, request.etag(), request.allow_missing(),
                                   [call](const absl::Status& status) { call->End(status); });
}

}  // namespace

grpc::ServerUnaryReactor* CollectionService::CreateCollection(grpc::CallbackServerContext* context,
                                                              const grpc::ByteBuffer* request,
                                                              grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::CreateCollectionRequest, v1::Collection>(
      "CollectionService/CreateCollection", context, request, response, Create);
}

grpc::ServerUnaryReactor* CollectionService::GetCollection(grpc::CallbackServerContext* context,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::GetCollectionRequest, v1::Collection>(
      "CollectionService/GetCollection", context, request, response, Get);
}

grpc::ServerUnaryReactor* CollectionService::ListCollections(grpc::CallbackServerContext* context,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListCollectionsRequest, v1::ListCollectionsResponse>(
      "CollectionService/ListCollections", context, request, response, List);
}

grpc::ServerUnaryReactor* CollectionService::UpdateCollection(grpc::CallbackServerContext* context,
                                                              const grpc::ByteBuffer* request,
                                                              grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::UpdateCollectionRequest, v1::Collection>(
      "CollectionService/UpdateCollection", context, request, response, Update);
}

grpc::ServerUnaryReactor* CollectionService::DeleteCollection(grpc::CallbackServerContext* context,
                                                              const grpc::ByteBuffer* request,
                                                              grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::DeleteCollectionRequest, google::protobuf::Empty>(
      "CollectionService/DeleteCollection", context, request, response, Delete);
}

}  // namespace negatron
