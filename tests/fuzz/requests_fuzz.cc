// SPDX-License-Identifier: Apache-2.0
// Any request gets an answer: no failure of the server's own, of faults each at a field, and
// nothing is changed by a request that is refused.
//
// Input: a line with the method, `SamplingService/SampleNegatives` say, and the request in
// protobuf's text format; or, where the line ends with ` bytes`, any bytes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "proto/cc/status.h"
#include "tests/fuzz/fuzz_server.h"
#include "tests/fuzz/message_mutator.h"

namespace negatron {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr absl::string_view kBytes = " bytes";

struct Input {
  const MethodDescriptor* method = nullptr;
  std::string head;                  // The first line.
  std::unique_ptr<Message> message;  // Null: bytes.
  std::string bytes;
};

// False if the text is no input.
bool Read(absl::string_view text, Input* input) {
  const size_t end = text.find('\n');
  if (end == absl::string_view::npos) return false;
  absl::string_view name = text.substr(0, end);
  input->head = absl::StrCat(name, "\n");
  const bool is_bytes = absl::ConsumeSuffix(&name, kBytes);
  input->method = FindMethod(name);
  if (input->method == nullptr) return false;
  input->bytes = std::string(text.substr(end + 1));
  if (is_bytes) return true;
  input->message = NewRequest(*input->method);
  return ParseText(input->bytes, input->message.get()) &&
         input->message->SerializeToString(&input->bytes);
}

[[noreturn]] void Fail(const Input& input, absl::string_view what) {
  std::cerr << input.head << what << "\n";
  std::abort();
}

bool IsRead(absl::string_view method) {
  return absl::StartsWith(method, "Get") || absl::StartsWith(method, "List") ||
         absl::StartsWith(method, "BatchGet") || absl::StartsWith(method, "Sample") ||
         absl::StartsWith(method, "Explain");
}

void CheckRefusal(const Input& input, const absl::Status& status) {
  // What does not parse has no fields.
  if (!NewRequest(*input.method)->ParseFromString(input.bytes)) return;
  const auto faults = GetBadRequest(status);
  if (!faults.has_value()) Fail(input, absl::StrCat("names no field: ", status.message()));
  for (const auto& fault : faults->field_violations()) {
    if (fault.field().empty() || fault.description().empty()) Fail(input, status.ToString());
  }
}

void Check(const Input& input) {
  FuzzServer& server = FuzzServer::Get();
  const std::string before = server.Contents();
  const absl::Status status = server.Call(*input.method, input.bytes, nullptr);
  switch (status.code()) {
    case absl::StatusCode::kOk:
      // So that what is found is found again by its input alone.
      if (!IsRead(input.method->name())) server.Reset();
      return;
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kUnimplemented:
      Fail(input, status.ToString());
    case absl::StatusCode::kInvalidArgument:
      CheckRefusal(input, status);
      break;
    default:
      break;
  }
  if (server.Contents() != before) Fail(input, absl::StrCat("changes something: ", before));
}

}  // namespace
}  // namespace negatron

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  negatron::Input input;
  if (negatron::Read({reinterpret_cast<const char*>(data), size}, &input)) negatron::Check(input);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  using namespace negatron;  // NOLINT
  MessageMutator mutator(
      seed, {"collections/c", "collections/c/policies/p", "collections/c/controllers/k",
             "collections/c/embeddingVersions/7", "collections/-", "c", "d", "p", "a", "b", ""});
  Input input;
  if (!Read({reinterpret_cast<const char*>(data), size}, &input) || input.message == nullptr) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  if (mutator.OneIn(16)) {
    const std::string text =
        absl::StrCat(absl::StripSuffix(input.head, "\n"), kBytes, "\n", input.bytes);
    if (text.size() <= max_size) {
      std::copy(text.begin(), text.end(), data);
      return LLVMFuzzerMutate(data, text.size(), max_size);
    }
  }
  mutator.Mutate(input.message.get());
  return WriteMutated(input.head, *input.message, data, size, max_size);
}
