// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_FUZZ_MESSAGE_MUTATOR_H_
#define NEGATRON_TESTS_FUZZ_MESSAGE_MUTATOR_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include <google/protobuf/message.h>

namespace negatron {

// Changes messages field by field, so that they still parse and come to what lies behind the
// parser: bytes that are changed at random hardly ever do. Fields get values from the edges of
// their types, and strings also those of `words`.
//
// Thread-safety: thread-compatible.
class MessageMutator {
 public:
  MessageMutator(uint32_t seed, std::vector<std::string> words)
      : random_(seed), words_(std::move(words)) {}

  // Changes a field or two, anywhere in the message.
  void Mutate(google::protobuf::Message* message);

  // True once in `n`.
  bool OneIn(uint32_t n) { return Below(n) == 0; }

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  template <typename T, size_t n>
  T OneOf(const T (&values)[n]) {
    return values[Below(n)];
  }

  void Change(google::protobuf::Message* message, const google::protobuf::FieldDescriptor* field);
  // Sets the element `at` of a field that is repeated, or adds one; -1: a field that is not.
  void Set(google::protobuf::Message* message, const google::protobuf::FieldDescriptor* field,
           int at);

  int64_t Integer();
  double Number();
  std::string Text();
  std::string Bytes();

  std::minstd_rand random_;
  const std::vector<std::string> words_;
};

// What a custom mutator of libFuzzer returns for a text that holds `message` behind `head`: the new
// text is put at `data`. Falls back to changes of bytes where it does not fit.
size_t WriteMutated(absl::string_view head, const google::protobuf::Message& message, uint8_t* data,
                    size_t size, size_t max_size);

// Reads protobuf's text format, without a word where it is wrong.
bool ParseText(absl::string_view text, google::protobuf::Message* message);

}  // namespace negatron

// libFuzzer's own changes of bytes; those of corpus_main.cc without it. Returns the new size.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

#endif  // NEGATRON_TESTS_FUZZ_MESSAGE_MUTATOR_H_
