// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/embedding_versions.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <grpcpp/impl/codegen/proto_utils.h>

#include "server/rpc/column_readers.h"
#include "server/rpc/owner_ids.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

void WriteVersion(const std::string& collection, const EmbeddingVersion& version,
                  v1::EmbeddingVersion* wire) {
  const EmbeddingVersionRecord& record = version.record;
  wire->set_name(NameOfVersion(collection, record.model_version));
  wire->set_model_version(record.model_version);
  wire->set_state(static_cast<v1::EmbeddingVersionState>(record.state));
  WriteTimestamp(record.create_time, wire->mutable_create_time());
  WriteTimestamp(record.expire_time, wire->mutable_expire_time());
  if (record.end_time != 0) WriteTimestamp(record.end_time, wire->mutable_end_time());
  wire->set_row_count(record.row_count);
  wire->set_user_row_count(record.user_row_count);
  for (const StreamRecord& stream : version.shards) {
    v1::EmbeddingShard* shard = wire->add_shards();
    int32_t number = 0;
    // Behind the last slash of its name.
    if (absl::SimpleAtoi(stream.stream_id.substr(stream.stream_id.rfind('/') + 1), &number)) {
      shard->set_shard(number);
    }
    shard->set_next_chunk_number(stream.chunk_number + 1);
    shard->set_written_count(stream.written_count);
  }
}

template <typename AnyCall>
Engine::VersionDone EndWithVersion(AnyCall* call, const std::string& collection) {
  return [call, collection](const absl::StatusOr<EmbeddingVersion>& version) {
    if (version.ok()) WriteVersion(collection, *version, call->response());
    call->End(version.status());
  };
}

// The rows of a request or of a batch.
template <typename Rows>
WriteEmbeddingsRequest ReadRows(const Rows& wire, Violations* violations) {
  WriteEmbeddingsRequest rows;
  OwnerIds owners = ReadOwnerIds(wire, violations);
  rows.owner = owners.owner;
  rows.ids = std::move(owners.ids);
  rows.column_count = wire.vectors().column_count();
  if (violations->empty()) {
    rows.values = ReadVectors(wire.vectors(), rows.ids.size(), "vectors", violations);
  }
  return rows;
}

absl::StatusOr<ImportMessage> ParseChunk(grpc::ByteBuffer* bytes) {
  v1::ImportEmbeddingsRequest wire;
  if (!grpc::SerializationTraits<v1::ImportEmbeddingsRequest>::Deserialize(bytes, &wire).ok()) {
    return absl::InvalidArgumentError(
        "a message of the stream is not of the method's type: its bytes do not parse, or a string "
        "is not UTF-8");
  }
  Violations violations;
  ImportMessage message;
  if (!wire.name().empty()) {
    const VersionName version = ReadVersionName(wire.name(), "name", &violations);
    message.collection = CollectionName(version.collection);
    message.stream_id = absl::StrCat(version.model_version, "/", wire.shard());
  } else if (wire.shard() != 0) {
    violations.Add("shard", "must come with `name`");
  }
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  message.chunk_number = wire.chunk_number();
  if (!wire.has_batch()) return message;
  const v1::BatchWriteEmbeddingsRequest& batch = wire.batch();
  const auto check_unset = [&](bool set, absl::string_view field) {
    if (set) violations.Add(field, "must be unset in a chunk");
  };
  check_unset(!batch.collection().empty(), "collection");
  check_unset(!batch.request_id().empty(), "request_id");
  check_unset(batch.has_model_version(), "model_version");
  check_unset(batch.acknowledgement_level() != v1::ACKNOWLEDGEMENT_LEVEL_UNSPECIFIED,
              "acknowledgement_level");
  WriteEmbeddingsRequest rows = ReadRows(batch, &violations);
  message.problem = violations.ToStatus();
  // Shared, since a std::function is copied; used once.
  message.submit = [rows = std::make_shared<WriteEmbeddingsRequest>(std::move(rows))](
                       Engine* engine, const std::string& collection, const StreamChunk& chunk,
                       Engine::WriteDone done) {
    // `{model_version}/{shard}`, as made above.
    const size_t slash = chunk.stream_id.find('/');
    int64_t model_version = 0;
    int shard = -1;
    if (!absl::SimpleAtoi(chunk.stream_id.substr(0, slash), &model_version) ||
        !absl::SimpleAtoi(chunk.stream_id.substr(slash + 1), &shard)) {
      return done(absl::InternalError("the stream of a shard has a name that was not made here"));
    }
    engine->UploadEmbeddings(collection, model_version, shard, chunk.chunk_number, std::move(*rows),
                             std::move(done));
  };
  return message;
}

}  // namespace

void BeginVersion(Call<v1::BeginEmbeddingVersionRequest, v1::EmbeddingVersion>* call) {
  const v1::BeginEmbeddingVersionRequest& wire = call->request();
  Violations violations;
  const std::string id(ReadCollectionName(wire.collection(), "collection", &violations));
  BeginVersionRequest request;
  request.model_version = wire.model_version();
  if (wire.has_ttl()) request.ttl_micros = ReadDuration(wire.ttl(), "ttl", &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->BeginVersion(id, request, EndWithVersion(call, id));
}

void UploadChunk(Call<v1::UploadEmbeddingsRequest, v1::ImportResponse>* call) {
  const v1::UploadEmbeddingsRequest& wire = call->request();
  Violations violations;
  const VersionName version = ReadVersionName(wire.name(), "name", &violations);
  if (wire.chunk_number() < 1) violations.Add("chunk_number", "must be at least 1");
  WriteEmbeddingsRequest rows = ReadRows(wire, &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->UploadEmbeddings(version.collection, version.model_version, wire.shard(),
                                   wire.chunk_number(), std::move(rows),
                                   [call](const absl::StatusOr<WriteResult>& result) {
                                     if (result.ok())
                                       WriteImportPosition(result->stream, call->response());
                                     call->End(result.status());
                                   });
}

void CommitVersion(Call<v1::CommitEmbeddingVersionRequest, v1::EmbeddingVersion>* call) {
  const v1::CommitEmbeddingVersionRequest& wire = call->request();
  Violations violations;
  const VersionName version = ReadVersionName(wire.name(), "name", &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  CommitVersionRequest request;
  request.model_version = version.model_version;
  if (wire.has_row_count()) request.row_count = wire.row_count();
  if (wire.has_user_row_count()) request.user_row_count = wire.user_row_count();
  request.options.request_id = wire.request_id();
  call->engine()->CommitVersion(version.collection, request,
                                EndWithVersion(call, version.collection));
}

void AbortVersion(Call<v1::AbortEmbeddingVersionRequest, v1::EmbeddingVersion>* call) {
  Violations violations;
  const VersionName version = ReadVersionName(call->request().name(), "name", &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  call->engine()->AbortVersion(version.collection, version.model_version,
                               EndWithVersion(call, version.collection));
}

void GetVersion(Call<v1::GetEmbeddingVersionRequest, v1::EmbeddingVersion>* call) {
  Violations violations;
  const VersionName version = ReadVersionName(call->request().name(), "name", &violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  EndWithVersion(call, version.collection)(
      call->engine()->GetVersion(version.collection, version.model_version));
}

void ListVersions(Call<v1::ListEmbeddingVersionsRequest, v1::ListEmbeddingVersionsResponse>* call) {
  Violations violations;
  const std::string id(ReadCollectionName(call->request().collection(), "collection", &violations));
  if (!violations.empty()) return call->End(violations.ToStatus());
  const auto records = call->engine()->ListVersions(id);
  if (records.ok()) {
    for (const EmbeddingVersionRecord& record : *records) {
      WriteVersion(id, {record, {}}, call->response()->add_versions());
    }
  }
  call->End(records.status());
}

const ImportMethod& ImportEmbeddingsMethod() {
  static const ImportMethod* const method =
      new ImportMethod{"EmbeddingService/ImportEmbeddings", StreamKind::kShards, ParseChunk};
  return *method;
}

}  // namespace negatron
