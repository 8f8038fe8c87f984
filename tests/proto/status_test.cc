// SPDX-License-Identifier: Apache-2.0
#include "proto/cc/status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <google/protobuf/any.pb.h>
#include <gtest/gtest.h>

namespace negatron {
namespace {

TEST(StatusTest, OkHasNoDetails) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
}

TEST(StatusTest, EveryCanonicalCodeSurvivesTheRoundTrip) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), absl::StrCat("code ", code));
    const grpc::Status wire = ToGrpcStatus(status);
    EXPECT_EQ(static_cast<int>(wire.error_code()), code);
    EXPECT_EQ(wire.error_message(), absl::StrCat("code ", code));
    EXPECT_EQ(FromGrpcStatus(wire), status);
  }
}

TEST(StatusTest, DetailsTravelAsGoogleRpcStatus) {
  absl::Status status = absl::InvalidArgumentError("two fields are bad");
  AddBadRequest(status, "item_ids[17]", "is not known");
  AddBadRequest(status, "negative_count", "must be positive");
  const grpc::Status wire = ToGrpcStatus(status);

  wire::Status details;
  ASSERT_TRUE(details.ParseFromString(wire.error_details()));
  EXPECT_EQ(details.code(), 3);
  EXPECT_EQ(details.message(), "two fields are bad");
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.BadRequest");

  const auto bad = GetBadRequest(FromGrpcStatus(wire));
  ASSERT_TRUE(bad.has_value());
  ASSERT_EQ(bad->field_violations_size(), 2);
  EXPECT_EQ(bad->field_violations(0).field(), "item_ids[17]");
  EXPECT_EQ(bad->field_violations(1).field(), "negative_count");
  EXPECT_EQ(bad->field_violations(1).description(), "must be positive");
}

TEST(StatusTest, ErrorInfoAndRetryDelaySurviveTheRoundTrip) {
  absl::Status status = absl::ResourceExhaustedError("queue is full");
  SetRetryDelay(status, absl::Milliseconds(1250));
  wire::ErrorInfo info;
  info.set_reason("QUEUE_FULL");
  info.set_domain("negatron");
  (*info.mutable_metadata())["queue"] = "sampling";
  SetErrorInfo(status, info);

  const absl::Status back = FromGrpcStatus(ToGrpcStatus(status));
  EXPECT_EQ(GetRetryDelay(back), absl::Milliseconds(1250));
  const auto got = GetErrorInfo(back);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->reason(), "QUEUE_FULL");
  EXPECT_EQ(got->metadata().at("queue"), "sampling");
  EXPECT_FALSE(GetBadRequest(back).has_value());
}

TEST(StatusTest, PayloadsOfOthersAreDropped) {
  absl::Status status = absl::InternalError("boom");
  status.SetPayload("negatron.internal/stack", absl::Cord("secret"));
  EXPECT_EQ(ToGrpcStatus(status).error_details(), "");
}

TEST(StatusTest, GarbageInDetailsKeepsCodeAndMessage) {
  const grpc::Status wire(grpc::StatusCode::NOT_FOUND, "no such collection", "\xff\xff\xff");
  const absl::Status status = FromGrpcStatus(wire);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "no such collection");
}

TEST(StatusTest, PayloadThatDoesNotParseIsNoDetail) {
  absl::Status status = absl::InternalError("boom");
  status.SetPayload("type.googleapis.com/google.rpc.RetryInfo", absl::Cord("\xff\xff"));
  EXPECT_FALSE(GetRetryDelay(status).has_value());
}

TEST(StatusTest, UnknownCodeBecomesUnknown) {
  const grpc::Status wire(grpc::StatusCode::DO_NOT_USE, "odd");
  EXPECT_EQ(FromGrpcStatus(wire).code(), absl::StatusCode::kUnknown);
}

TEST(StatusTest, LongStatusFitsTrailingMetadata) {
  absl::Status status = absl::InvalidArgumentError(std::string(100'000, 'x'));
  for (int i = 0; i < 200; ++i) {
    AddBadRequest(status, absl::StrCat("item_ids[", i, "]"), std::string(100, 'y'));
  }
  SetRetryDelay(status, absl::Seconds(1));
  const grpc::Status wire = ToGrpcStatus(status);
  EXPECT_LE(3 * wire.error_message().size() + wire.error_details().size() * 4 / 3, 8'000u);

  const absl::Status back = FromGrpcStatus(wire);
  const auto bad = GetBadRequest(back);
  ASSERT_TRUE(bad.has_value());
  EXPECT_GE(bad->field_violations_size(), 10);
  EXPECT_EQ(bad->field_violations(0).field(), "item_ids[0]");
  EXPECT_TRUE(GetRetryDelay(back).has_value());
}

TEST(StatusTest, LongMessageIsCutBetweenCharacters) {
  std::string message;
  while (message.size() < 2'000) message += "\xE2\x82\xAC";  // The euro sign, three bytes.
  const std::string cut = ToGrpcStatus(absl::InternalError(message)).error_message();
  EXPECT_THAT(cut, testing::EndsWith("\xE2\x82\xAC..."));
  EXPECT_EQ((cut.size() - 3) % 3, 0u);
}

TEST(StatusTest, BadFieldErrorNamesTheFieldInMessageAndDetail) {
  const absl::Status status = BadFieldError("queries", "has 3 columns, not 64");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "queries: has 3 columns, not 64");
  EXPECT_EQ(GetBadRequest(status)->field_violations(0).field(), "queries");
}

}  // namespace
}  // namespace negatron
