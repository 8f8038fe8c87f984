// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/request_line.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>

#include "negatron/v1/sampling.pb.h"
#include "server/rpc/access.h"
#include "server/rpc/service_set.h"

namespace negatron {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::Message;

grpc::ByteBuffer Bytes(const std::string& text, size_t slice_bytes = 1 << 20) {
  std::vector<grpc::Slice> slices;
  for (size_t begin = 0; begin < text.size(); begin += slice_bytes) {
    slices.emplace_back(text.substr(begin, slice_bytes));
  }
  return {slices.data(), slices.size()};
}

std::string TextOf(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(bytes.Dump(&slices).ok());
  std::string text;
  for (const grpc::Slice& slice : slices) text.append(slice.begin(), slice.end());
  return text;
}

const Descriptor* RequestOf(absl::string_view method) {
  const std::vector<std::string> names = absl::StrSplit(method, '/');
  return DescriptorPool::generated_pool()
      ->FindServiceByName(absl::StrCat("negatron.v1.", names[0]))
      ->FindMethodByName(names[1])
      ->input_type();
}

// A request of a collection, in the bytes that protobuf makes of it.
std::string RequestText(const MethodAccess& access) {
  google::protobuf::DynamicMessageFactory factory;
  const std::unique_ptr<Message> request(factory.GetPrototype(RequestOf(access.method))->New());
  const std::vector<std::string> path = absl::StrSplit(access.collection_field, '.');
  Message* message = request.get();
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    message = message->GetReflection()->MutableMessage(
        message, message->GetDescriptor()->FindFieldByName(path[i]));
  }
  const bool is_id = path.back() == "collection_id";
  message->GetReflection()->SetString(message,
                                      message->GetDescriptor()->FindFieldByName(path.back()),
                                      is_id ? "films" : "collections/films/policies/p");
  return request->SerializeAsString();
}

TEST(RequestLineTest, FindsTheCollectionOfEveryRequestThatHasOne) {
  ASSERT_FALSE(ServiceSet::Names().empty());  // Links the services, and so their descriptors.
  for (const MethodAccess& access : MethodAccesses()) {
    if (!access.IsOfOneCollection()) continue;
    const std::string text = RequestText(access);
    for (const size_t slice_bytes : {size_t{1}, size_t{7}, text.size()}) {
      grpc::ByteBuffer bytes = Bytes(text, slice_bytes);
      const QueueLine line = LineOfRequest(access.method, &bytes);
      EXPECT_EQ(line.collection, "films") << access.method;
      EXPECT_EQ(line.is_write, access.scope != Scope::kRead) << access.method;
      EXPECT_EQ(TextOf(bytes), text);
    }
  }
}

TEST(RequestLineTest, OtherBytesAreOfNoCollection) {
  v1::SampleNegativesRequest long_name;
  long_name.set_collection("collections/" + std::string(2000, 'x'));
  v1::SampleNegativesRequest no_name;
  no_name.set_collection("films");
  for (const std::string& text :
       {std::string(), std::string("\x0a"), std::string("\x0a\xff\xff\xff\xff\x7f", 6),
        std::string("\x0a\x20\x63", 3), std::string("\x12\x01\x61", 3),
        long_name.SerializeAsString(), no_name.SerializeAsString()}) {
    grpc::ByteBuffer bytes = Bytes(text);
    EXPECT_EQ(LineOfRequest("SamplingService/SampleNegatives", &bytes).collection, "");
  }
  grpc::ByteBuffer bytes = Bytes(no_name.SerializeAsString());
  EXPECT_EQ(LineOfRequest("InspectionService/GetServerInfo", &bytes).collection, "");
  EXPECT_EQ(LineOfRequest("unknown", &bytes).collection, "");
}

}  // namespace
}  // namespace negatron
