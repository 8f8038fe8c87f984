// SPDX-License-Identifier: Apache-2.0
// The records about the data folder itself.
#include "storage/rocks/bytes.h"
#include "storage/rocks/codec.h"

namespace negatron {

std::string EncodeSequenceStamp(const SequenceStamp& stamp) {
  std::string value;
  AppendLittle(stamp.previous, &value);
  AppendLittle(stamp.last, &value);
  return value;
}

bool DecodeSequenceStamp(absl::string_view value, SequenceStamp* stamp) {
  ByteReader reader(value);
  stamp->previous = reader.Little<int64_t>();
  stamp->last = reader.Little<int64_t>();
  return reader.AtEnd();
}

std::string EncodeFormatVersion(uint32_t version) {
  std::string value;
  AppendLittle(version, &value);
  return value;
}

bool DecodeFormatVersion(absl::string_view value, uint32_t* version) {
  ByteReader reader(value);
  *version = reader.Little<uint32_t>();
  return reader.AtEnd();
}

std::string EncodeIncarnation(int64_t incarnation) {
  std::string value;
  AppendLittle(incarnation, &value);
  return value;
}

bool DecodeIncarnation(absl::string_view value, int64_t* incarnation) {
  ByteReader reader(value);
  *incarnation = reader.Little<int64_t>();
  return reader.AtEnd();
}

}  // namespace negatron
