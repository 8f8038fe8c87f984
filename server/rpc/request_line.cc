// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/request_line.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "server/rpc/access.h"

namespace negatron {
namespace {

constexpr uint32_t kFieldOne = (1 << 3) | 2;  // Its tag, if its length comes first.

// No name that begins with a collection's is longer; of a longer text the collection is not known.
constexpr uint32_t kMaxTextBytes = 1024;

// The text in field 1 of the message in field 1 and so on, `depth` messages deep; empty: none.
std::string FirstText(int64_t depth, grpc::ByteBuffer* request) {
  grpc::ProtoBufferReader reader(request);
  if (!reader.status().ok()) return "";
  google::protobuf::io::CodedInputStream input(&reader);
  uint32_t length = 0;
  for (int64_t level = 0; level <= depth; ++level) {
    if (input.ReadTag() != kFieldOne || !input.ReadVarint32(&length)) return "";
  }
  std::string text;
  if (length > kMaxTextBytes || !input.ReadString(&text, static_cast<int>(length))) return "";
  return text;
}

}  // namespace

QueueLine LineOfRequest(absl::string_view method, grpc::ByteBuffer* request) {
  const MethodAccess* const access = FindMethodAccess(method);
  if (access == nullptr) return {};
  QueueLine line;
  line.is_write = access->scope != Scope::kRead;
  if (!access->IsOfOneCollection()) return line;
  const absl::string_view path = access->collection_field;
  const std::string text = FirstText(std::count(path.begin(), path.end(), '.'), request);
  line.collection = std::string(access->CollectionId(text));
  return line;
}

}  // namespace negatron
