// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/pool_service.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

#include "proto/cc/columns.h"
#include "server/rpc/column_readers.h"
#include "server/rpc/page_tokens.h"
#include "server/rpc/pool_conversion.h"
#include "server/rpc/resource_names.h"

namespace negatron {
namespace {

constexpr int kDefaultPageSize = 10000;
constexpr int kMaxPageSize = 100000;

using WriteItemsCall = Call<v1::BatchWriteItemsRequest, v1::WriteReceipt>;
using GetItemsCall = Call<v1::BatchGetItemsRequest, v1::BatchGetItemsResponse>;
using ListItemsCall = Call<v1::ListItemsRequest, v1::ListItemsResponse>;
using WriteEventsCall = Call<v1::BatchWriteEventsRequest, v1::WriteReceipt>;

// What ends a call that answers with a receipt.
template <typename AnyCall>
Engine::WriteDone EndWithReceipt(AnyCall* call) {
  return [call](const absl::StatusOr<WriteResult>& result) {
    if (result.ok()) WriteReceipt(*result, call->response());
    call->End(result.status());
  };
}

void WriteItems(WriteItemsCall* call) {
  Violations violations;
  const std::string id(ReadCollectionName(call->request().collection(), "collection", &violations));
  WriteItemsRequest items = ReadWriteItems(call->request(), &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->WriteItems(id, std::move(items), EndWithReceipt(call));
}

void WriteEvents(WriteEventsCall* call) {
  Violations violations;
  const std::string id(ReadCollectionName(call->request().collection(), "collection", &violations));
  WriteEventsRequest events = ReadWriteEvents(call->request(), &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->WriteEvents(id, std::move(events), EndWithReceipt(call));
}

void GetItems(GetItemsCall* call) {
  const v1::BatchGetItemsRequest& request = call->request();
  Violations violations;
  const absl::string_view id = ReadCollectionName(request.collection(), "collection", &violations);
  const IdBatch ids = ReadBatchIds(request.item_ids(), "item_ids", &violations);
  CheckEncoding(request.encoding(), &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  const absl::StatusOr<GetItemsResult> result = call->engine()->GetItems(id, ids);
  if (result.ok()) {
    WriteItemTable(result->items, request.encoding(), call->response()->mutable_items());
    WriteBytes(result->found, request.encoding(), call->response()->mutable_found());
    WriteToken(result->snapshot, call->response()->mutable_snapshot());
  }
  call->End(result.status());
}

absl::Status ListPage(ListItemsCall* call) {
  const v1::ListItemsRequest& request = call->request();
  Violations violations;
  const absl::string_view id = ReadCollectionName(request.collection(), "collection", &violations);
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    violations.Add("page_size", "must be in [0, 100000]");
  }
  std::optional<ItemPage> page;
  if (!request.page_token().empty()) {
    page = ReadItemPageToken(request.page_token());
    if (!page.has_value()) violations.Add("page_token", "is not a token of ListItems");
  }
  CheckEncoding(request.encoding(), &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  const int page_size = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  NEGATRON_ASSIGN_OR_RETURN(
      const ListItemsResult result,
      call->engine()->ListItems(id, page.has_value() ? page->first : 0, page_size));
  if (page.has_value() && page->incarnation != result.snapshot.incarnation) {
    return InvalidField("page_token", "is of a collection that was deleted, or of another one");
  }
  WriteItemTable(result.items, request.encoding(), call->response()->mutable_items());
  WriteToken(result.snapshot, call->response()->mutable_snapshot());
  if (result.next.has_value()) {
    call->response()->set_next_page_token(
        ItemPageToken({result.snapshot.incarnation, *result.next}));
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* PoolService::BatchWriteItems(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::BatchWriteItemsRequest, v1::WriteReceipt>(
      "PoolService/BatchWriteItems", context, request, response, WriteItems);
}

grpc::ServerUnaryReactor* PoolService::BatchGetItems(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::BatchGetItemsRequest, v1::BatchGetItemsResponse>(
      "PoolService/BatchGetItems", context, request, response, GetItems);
}

grpc::ServerUnaryReactor* PoolService::ListItems(grpc::CallbackServerContext* context,
                                                 const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListItemsRequest, v1::ListItemsResponse>(
      "PoolService/ListItems", context, request, response,
      [](ListItemsCall* call) { call->End(ListPage(call)); });
}

grpc::ServerUnaryReactor* PoolService::BatchWriteEvents(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::BatchWriteEventsRequest, v1::WriteReceipt>(
      "PoolService/BatchWriteEvents", context, request, response, WriteEvents);
}

}  // namespace negatron
