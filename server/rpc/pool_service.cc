// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/pool_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"
#include "server/rpc/column_readers.h"
#include "server/rpc/page_tokens.h"
#include "server/rpc/pool_conversion.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

constexpr int kDefaultPageSize = 10000;
constexpr int kMaxPageSize = 100000;

using WriteItemsCall = Call<v1::BatchWriteItemsRequest, v1::WriteReceipt>;
using GetItemsCall = Call<v1::BatchGetItemsRequest, v1::BatchGetItemsResponse>;
using ListItemsCall = Call<v1::ListItemsRequest, v1::ListItemsResponse>;
using WriteEventsCall = Call<v1::BatchWriteEventsRequest, v1::WriteReceipt>;
using ListEventsCall = Call<v1::ListEventsRequest, v1::ListEventsResponse>;
using RetractCall = Call<v1::RetractEventsRequest, v1::RetractEventsResponse>;
using EraseCall = Call<v1::EraseUsersRequest, v1::EraseUsersResponse>;
using ListUsersCall = Call<v1::ListUsersRequest, v1::ListUsersResponse>;

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

// What ends a call that answers with a receipt and what was found.
template <typename AnyCall>
Engine::WriteDone EndWithFound(AnyCall* call) {
  return [call](const absl::StatusOr<WriteResult>& result) {
    if (result.ok()) {
      WriteReceipt(*result, call->response()->mutable_receipt());
      if (!result->replayed) {
        WriteBytes(result->found, call->request().encoding(), call->response()->mutable_found());
      }
    }
    call->End(result.status());
  };
}

void Retract(RetractCall* call) {
  Violations violations;
  const std::string id(ReadCollectionName(call->request().collection(), "collection", &violations));
  RetractEventsRequest events = ReadRetractEvents(call->request(), &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->RetractEvents(id, std::move(events), EndWithFound(call));
}

void Erase(EraseCall* call) {
  Violations violations;
  const std::string id(ReadCollectionName(call->request().collection(), "collection", &violations));
  EraseUsersRequest users = ReadEraseUsers(call->request(), &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->EraseUsers(id, std::move(users), EndWithFound(call));
}

// What a request for a page asks for. `Page` is OrdinalPage or EventPage.
template <typename Page>
struct PageRequest {
  std::string collection;
  std::optional<Page> page;  // Unset: the first.
  int size = kDefaultPageSize;

  // The token must be of the collection that was read.
  absl::Status Check(const SnapshotToken& snapshot) const {
    if (!page.has_value() || page->incarnation == snapshot.incarnation) return absl::OkStatus();
    return InvalidField("page_token", "is of a collection that was deleted, or of another one");
  }
};

template <typename Page, typename Request>
PageRequest<Page> ReadPageRequest(const Request& request, absl::string_view method,
                                  absl::FunctionRef<std::optional<Page>(absl::string_view)> read,
                                  Violations* violations) {
  PageRequest<Page> page;
  page.collection = std::string(ReadCollectionName(request.collection(), "collection", violations));
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    violations->Add("page_size", "must be in [0, 100000]");
  }
  if (request.page_size() != 0) page.size = request.page_size();
  if (!request.page_token().empty()) {
    page.page = read(request.page_token());
    if (!page.page.has_value()) {
      violations->Add("page_token", absl::StrCat("is not a token of ", method));
    }
  }
  CheckEncoding(request.encoding(), violations);
  return page;
}

template <typename Request>
absl::StatusOr<PageRequest<OrdinalPage>> ReadOrdinalPageRequest(const Request& request,
                                                                PageKind kind,
                                                                absl::string_view method) {
  Violations violations;
  const auto page = ReadPageRequest<OrdinalPage>(
      request, method,
      [kind](absl::string_view token) { return ReadOrdinalPageToken(kind, token); }, &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  return page;
}

uint32_t FirstOf(const PageRequest<OrdinalPage>& page) {
  return page.page.has_value() ? page.page->first : 0;
}

absl::Status ListUserPage(ListUsersCall* call) {
  const v1::ListUsersRequest& request = call->request();
  NEGATRON_ASSIGN_OR_RETURN(const auto page,
                            ReadOrdinalPageRequest(request, PageKind::kUsers, "ListUsers"));
  NEGATRON_ASSIGN_OR_RETURN(const ListUsersResult result,
                            call->engine()->ListUsers(page.collection, FirstOf(page), page.size));
  NEGATRON_RETURN_IF_ERROR(page.Check(result.snapshot));
  WriteUsers(result, request.encoding(), call->response());
  if (result.next.has_value()) {
    call->response()->set_next_page_token(
        OrdinalPageToken(PageKind::kUsers, {result.snapshot.incarnation, *result.next}));
  }
  return absl::OkStatus();
}

absl::Status ListItemPage(ListItemsCall* call) {
  const v1::ListItemsRequest& request = call->request();
  NEGATRON_ASSIGN_OR_RETURN(const auto page,
                            ReadOrdinalPageRequest(request, PageKind::kItems, "ListItems"));
  NEGATRON_ASSIGN_OR_RETURN(const ListItemsResult result,
                            call->engine()->ListItems(page.collection, FirstOf(page), page.size));
  NEGATRON_RETURN_IF_ERROR(page.Check(result.snapshot));
  WriteItemTable(result.items, request.encoding(), call->response()->mutable_items());
  WriteToken(result.snapshot, call->response()->mutable_snapshot());
  if (result.next.has_value()) {
    call->response()->set_next_page_token(
        OrdinalPageToken(PageKind::kItems, {result.snapshot.incarnation, *result.next}));
  }
  return absl::OkStatus();
}

// The times that a request names, half open.
Interval ReadTimeRange(const v1::ListEventsRequest& request, Violations* violations) {
  Interval times;
  if (request.has_start_time()) {
    times.from = ReadTimestamp(request.start_time(), "start_time", violations);
  }
  if (request.has_end_time()) {
    times.until = ReadTimestamp(request.end_time(), "end_time", violations);
    if (times.until < times.from) violations->Add("end_time", "is before start_time");
  }
  return times;
}

absl::Status ListEventPage(ListEventsCall* call) {
  const v1::ListEventsRequest& request = call->request();
  Violations violations;
  const auto page =
      ReadPageRequest<EventPage>(request, "ListEvents", ReadEventPageToken, &violations);
  const ListEventsRequest listing{page.page, ReadTimeRange(request, &violations), page.size,
                                  request.encoding() == v1::COLUMN_ENCODING_TYPED};
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(
      const ListEventsResult result,
      call->engine()->ListEvents(page.collection, listing, call->cancellation()));
  NEGATRON_RETURN_IF_ERROR(page.Check(result.snapshot));
  WriteListedEvents(result, request.encoding(), call->response());
  if (result.next.has_value()) {
    call->response()->set_next_page_token(EventPageToken(*result.next));
  }
  return absl::OkStatus();
}

// Reports what a chunk leaves to its stream.
template <typename Batch>
void CheckChunk(const Batch& batch, Violations* violations) {
  if (!batch.collection().empty()) violations->Add("collection", "must be unset in a chunk");
  if (!batch.request_id().empty()) violations->Add("request_id", "must be unset in a chunk");
  if (batch.acknowledgement_level() != v1::ACKNOWLEDGEMENT_LEVEL_UNSPECIFIED) {
    violations->Add("acknowledgement_level", "must be unset in a chunk: it is DURABLE");
  }
}

// Reads a message of a stream; `read` turns its batch into a request of the engine, which `import`
// takes.
template <typename Message, typename Read, typename Import>
absl::StatusOr<ImportMessage> ParseImport(grpc::ByteBuffer* bytes, Read read, Import import) {
  Message wire;
  if (!grpc::SerializationTraits<Message>::Deserialize(bytes, &wire).ok()) {
    return absl::InvalidArgumentError(
        "a message of the stream is not of the method's type: its bytes do not parse, or a string "
        "is not UTF-8");
  }
  ImportMessage message;
  message.collection = wire.collection();
  message.stream_id = wire.stream_id();
  message.chunk_number = wire.chunk_number();
  if (!wire.has_batch()) return message;
  Violations violations;
  CheckChunk(wire.batch(), &violations);
  auto request = read(wire.batch(), &violations);
  message.problem = violations.ToStatus();
  // Shared, since a std::function is copied; used once.
  message.submit = [import, request = std::make_shared<decltype(request)>(std::move(request))](
                       Engine* engine, const std::string& collection, const StreamChunk& chunk,
                       Engine::WriteDone done) {
    (engine->*import)(collection, chunk, std::move(*request), std::move(done));
  };
  return message;
}

const ImportMethod kImportItems = {
    "PoolService/ImportItems", StreamKind::kItems, [](grpc::ByteBuffer* bytes) {
      return ParseImport<v1::ImportItemsRequest>(bytes, ReadWriteItems, &Engine::ImportItems);
    }};

const ImportMethod kImportEvents = {
    "PoolService/ImportEvents", StreamKind::kEvents, [](grpc::ByteBuffer* bytes) {
      return ParseImport<v1::ImportEventsRequest>(bytes, ReadWriteEvents, &Engine::ImportEvents);
    }};

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
      [](ListItemsCall* call) { call->End(ListItemPage(call)); });
}

grpc::ServerUnaryReactor* PoolService::BatchWriteEvents(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::BatchWriteEventsRequest, v1::WriteReceipt>(
      "PoolService/BatchWriteEvents", context, request, response, WriteEvents);
}

grpc::ServerUnaryReactor* PoolService::ListEvents(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListEventsRequest, v1::ListEventsResponse>(
      "PoolService/ListEvents", context, request, response,
      [](ListEventsCall* call) { call->End(ListEventPage(call)); });
}

grpc::ServerUnaryReactor* PoolService::RetractEvents(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::RetractEventsRequest, v1::RetractEventsResponse>(
      "PoolService/RetractEvents", context, request, response, Retract);
}

grpc::ServerUnaryReactor* PoolService::ListUsers(grpc::CallbackServerContext* context,
                                                 const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListUsersRequest, v1::ListUsersResponse>(
      "PoolService/ListUsers", context, request, response,
      [](ListUsersCall* call) { call->End(ListUserPage(call)); });
}

grpc::ServerUnaryReactor* PoolService::EraseUsers(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::EraseUsersRequest, v1::EraseUsersResponse>(
      "PoolService/EraseUsers", context, request, response, Erase);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* PoolService::ImportItems(
    grpc::CallbackServerContext* context) {
  return ImportCall::Start(&kImportItems, *context, dispatcher_, &imports_);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* PoolService::ImportEvents(
    grpc::CallbackServerContext* context) {
  return ImportCall::Start(&kImportEvents, *context, dispatcher_, &imports_);
}

}  // namespace negatron
