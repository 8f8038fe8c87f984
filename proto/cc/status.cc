// SPDX-License-Identifier: Apache-2.0
#include "proto/cc/status.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <google/protobuf/any.pb.h>

namespace negatron {
namespace {

constexpr absl::string_view kPrefix = "type.googleapis.com/google.rpc.";
constexpr absl::string_view kBadRequest = "type.googleapis.com/google.rpc.BadRequest";
constexpr absl::string_view kErrorInfo = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr absl::string_view kRetryInfo = "type.googleapis.com/google.rpc.RetryInfo";

// The message travels twice: percent-encoded (up to three times as long) and, with the details, in
// base64 (4/3). 3 * 768 + 4/3 * (768 + 3072) = 7424 bytes, which leaves room below 8 KiB.
constexpr size_t kMaxMessageBytes = 768;
constexpr size_t kMaxDetailBytes = 3072;

// Cuts at a character's boundary: gRPC wants UTF-8.
std::string CutMessage(absl::string_view message) {
  if (message.size() <= kMaxMessageBytes) return std::string(message);
  size_t end = kMaxMessageBytes - 3;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(message.substr(0, end), "...");
}

// Drops violations from the end until the message fits in `budget` bytes.
std::string FitBadRequest(const std::string& bytes, size_t budget) {
  wire::BadRequest request;
  if (!request.ParseFromString(bytes)) return "";
  while (request.field_violations_size() > 0 && request.ByteSizeLong() > budget) {
    request.mutable_field_violations()->RemoveLast();
  }
  return request.field_violations_size() == 0 ? "" : request.SerializeAsString();
}

template <typename Message>
std::optional<Message> GetDetail(const absl::Status& status, absl::string_view url) {
  const auto payload = status.GetPayload(url);
  if (!payload.has_value()) return std::nullopt;
  Message message;
  if (!message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

void SetDetail(absl::Status& status, absl::string_view url,
               const google::protobuf::MessageLite& message) {
  status.SetPayload(url, absl::Cord(message.SerializeAsString()));
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // Abseil visits payloads in an order that changes from run to run.
  std::map<std::string, std::string> payloads;
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& bytes) {
    if (absl::StartsWith(url, kPrefix)) payloads[std::string(url)] = std::string(bytes);
  });
  wire::Status details;
  size_t used = 0;
  for (auto& [url, bytes] : payloads) {
    const size_t overhead = url.size() + 16;
    if (used + overhead + bytes.size() > kMaxDetailBytes && url == kBadRequest) {
      // Leaves room for the others, which are small.
      bytes = FitBadRequest(bytes, kMaxDetailBytes - 1024);
      if (bytes.empty()) continue;
    }
    if (used + overhead + bytes.size() > kMaxDetailBytes) continue;
    used += overhead + bytes.size();
    google::protobuf::Any* detail = details.add_details();
    detail->set_type_url(url);
    detail->set_value(bytes);
  }
  const std::string message = CutMessage(status.message());
  const auto code = static_cast<grpc::StatusCode>(status.code());
  if (details.details_size() == 0) return grpc::Status(code, message);
  details.set_code(static_cast<int32_t>(code));
  details.set_message(message);
  return grpc::Status(code, message, details.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const int code = static_cast<int>(status.error_code());
  const bool canonical = code > 0 && code <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  absl::Status result(canonical ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown,
                      status.error_message());
  wire::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& detail : details.details()) {
      result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    }
  }
  return result;
}

void AddBadRequest(absl::Status& status, absl::string_view field, absl::string_view description) {
  wire::BadRequest request = GetBadRequest(status).value_or(wire::BadRequest());
  wire::BadRequest::FieldViolation* violation = request.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(description));
  SetBadRequest(status, request);
}

absl::Status BadFieldError(absl::string_view field, absl::string_view description) {
  absl::Status status = absl::InvalidArgumentError(absl::StrCat(field, ": ", description));
  AddBadRequest(status, field, description);
  return status;
}

void SetBadRequest(absl::Status& status, const wire::BadRequest& request) {
  SetDetail(status, kBadRequest, request);
}

void SetErrorInfo(absl::Status& status, const wire::ErrorInfo& info) {
  SetDetail(status, kErrorInfo, info);
}

void SetRetryDelay(absl::Status& status, absl::Duration delay) {
  wire::RetryInfo info;
  absl::Duration rest;
  info.mutable_retry_delay()->set_seconds(absl::IDivDuration(delay, absl::Seconds(1), &rest));
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  SetDetail(status, kRetryInfo, info);
}

std::optional<wire::BadRequest> GetBadRequest(const absl::Status& status) {
  return GetDetail<wire::BadRequest>(status, kBadRequest);
}

std::optional<wire::ErrorInfo> GetErrorInfo(const absl::Status& status) {
  return GetDetail<wire::ErrorInfo>(status, kErrorInfo);
}

std::optional<absl::Duration> GetRetryDelay(const absl::Status& status) {
  const auto info = GetDetail<wire::RetryInfo>(status, kRetryInfo);
  if (!info.has_value()) return std::nullopt;
  return absl::Seconds(info->retry_delay().seconds()) +
         absl::Nanoseconds(info->retry_delay().nanos());
}

}  // namespace negatron
