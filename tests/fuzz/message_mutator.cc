// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/message_mutator.h"

#include <algorithm>
#include <limits>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

namespace negatron {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

class Silence final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
};

// The message and all that are set in it.
void Collect(Message* message, std::vector<Message*>* all) {
  all->push_back(message);
  const Reflection* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      Collect(reflection->MutableMessage(message, field), all);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
      Collect(reflection->MutableRepeatedMessage(message, field, i), all);
    }
  }
}

// Sets, or replaces, or adds `value`.
template <typename T, typename Parameter>
void Put(Message* message, const FieldDescriptor* field, int at, const T& value,
         void (Reflection::*set)(Message*, const FieldDescriptor*, Parameter) const,
         void (Reflection::*replace)(Message*, const FieldDescriptor*, int, Parameter) const,
         void (Reflection::*add)(Message*, const FieldDescriptor*, Parameter) const) {
  const Reflection* reflection = message->GetReflection();
  if (at < 0) {
    (reflection->*set)(message, field, value);
  } else if (at < reflection->FieldSize(*message, field)) {
    (reflection->*replace)(message, field, at, value);
  } else {
    (reflection->*add)(message, field, value);
  }
}

}  // namespace

void MessageMutator::Mutate(Message* message) {
  for (uint32_t left = 1 + Below(2); left > 0; --left) {
    std::vector<Message*> all;
    Collect(message, &all);
    Message* const at = all[Below(static_cast<uint32_t>(all.size()))];
    const int field_count = at->GetDescriptor()->field_count();
    if (field_count == 0) continue;
    Change(at, at->GetDescriptor()->field(static_cast<int>(Below(field_count))));
  }
}

void MessageMutator::Change(Message* message, const FieldDescriptor* field) {
  const Reflection* reflection = message->GetReflection();
  if (OneIn(6)) return reflection->ClearField(message, field);
  if (!field->is_repeated()) return Set(message, field, -1);
  const int size = reflection->FieldSize(*message, field);
  const int at = size == 0 || OneIn(3) ? size : static_cast<int>(Below(size));
  if (at == size || !OneIn(3)) return Set(message, field, at);
  reflection->SwapElements(message, field, at, size - 1);
  reflection->RemoveLast(message, field);
}

void MessageMutator::Set(Message* message, const FieldDescriptor* field, int at) {
  const Reflection* reflection = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (at < 0) {
        reflection->MutableMessage(message, field);
      } else if (at >= reflection->FieldSize(*message, field)) {
        reflection->AddMessage(message, field);
      }
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      return Put(message, field, at, static_cast<int32_t>(Integer()), &Reflection::SetInt32,
                 &Reflection::SetRepeatedInt32, &Reflection::AddInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return Put(message, field, at, Integer(), &Reflection::SetInt64,
                 &Reflection::SetRepeatedInt64, &Reflection::AddInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return Put(message, field, at, static_cast<uint32_t>(Integer()), &Reflection::SetUInt32,
                 &Reflection::SetRepeatedUInt32, &Reflection::AddUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return Put(message, field, at, static_cast<uint64_t>(Integer()), &Reflection::SetUInt64,
                 &Reflection::SetRepeatedUInt64, &Reflection::AddUInt64);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Put(message, field, at, Number(), &Reflection::SetDouble,
                 &Reflection::SetRepeatedDouble, &Reflection::AddDouble);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Put(message, field, at, static_cast<float>(Number()), &Reflection::SetFloat,
                 &Reflection::SetRepeatedFloat, &Reflection::AddFloat);
    case FieldDescriptor::CPPTYPE_BOOL:
      return Put(message, field, at, OneIn(2), &Reflection::SetBool, &Reflection::SetRepeatedBool,
                 &Reflection::AddBool);
    case FieldDescriptor::CPPTYPE_ENUM:
      // One beyond those that there are, too.
      return Put(message, field, at, static_cast<int>(Below(field->enum_type()->value_count() + 1)),
                 &Reflection::SetEnumValue, &Reflection::SetRepeatedEnumValue,
                 &Reflection::AddEnumValue);
    case FieldDescriptor::CPPTYPE_STRING:
      return Put(message, field, at,
                 field->type() == FieldDescriptor::TYPE_BYTES ? Bytes() : Text(),
                 &Reflection::SetString, &Reflection::SetRepeatedString, &Reflection::AddString);
  }
}

int64_t MessageMutator::Integer() {
  if (OneIn(2)) return Below(12);
  static constexpr int64_t kEdges[] = {-1,
                                       -2,
                                       255,
                                       256,
                                       65536,
                                       1000000,
                                       std::numeric_limits<int32_t>::max(),
                                       std::numeric_limits<int32_t>::min(),
                                       int64_t{1} << 53,
                                       -62135596800000000,  // The years 1 and 9999.
                                       253402300799999999,
                                       253402300800000000,
                                       std::numeric_limits<int64_t>::max(),
                                       std::numeric_limits<int64_t>::min()};
  return OneOf(kEdges);
}

double MessageMutator::Number() {
  if (OneIn(2)) return Below(1001) / 1000.0;
  static constexpr double kEdges[] = {0,
                                      -0.0,
                                      -1,
                                      2,
                                      100,
                                      1e-12,
                                      1e-300,
                                      1e300,
                                      1e38,
                                      std::numeric_limits<double>::denorm_min(),
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::quiet_NaN()};
  return OneOf(kEdges);
}

std::string MessageMutator::Text() {
  if (!words_.empty() && !OneIn(4)) return words_[Below(static_cast<uint32_t>(words_.size()))];
  if (OneIn(8)) return std::string(1 + Below(2000), 'x');
  std::string text(Below(8), ' ');
  for (char& c : text) c = static_cast<char>(Below(128));
  return text;
}

std::string MessageMutator::Bytes() {
  // Columns are of values of 4 or 8 bytes, bitmaps of 1.
  static constexpr uint32_t kWidths[] = {1, 4, 8, 8};
  std::string bytes(size_t{OneOf(kWidths)} * Below(6), '\0');
  for (char& c : bytes) c = OneIn(2) ? '\0' : static_cast<char>(Below(256));
  return bytes;
}

size_t WriteMutated(absl::string_view head, const Message& message, uint8_t* data, size_t size,
                    size_t max_size) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(message, &text);
  text.insert(0, head.data(), head.size());
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(text.begin(), text.end(), data);
  return text.size();
}

bool ParseText(absl::string_view text, Message* message) {
  Silence silence;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&silence);
  parser.SetRecursionLimit(50);
  return parser.ParseFromString(std::string(text), message);
}

}  // namespace negatron
