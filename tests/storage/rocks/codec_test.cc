// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/codec.h"

#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/storage/rocks/record_samples.h"

namespace negatron {
namespace {

using ::testing::HasSubstr;

template <typename Record>
void ExpectRoundTrip(const std::vector<Record>& samples) {
  // One record for all: nothing may be left of the one before.
  Record decoded;
  for (const Record& sample : samples) {
    const EncodedRecord encoded = Encode(sample);
    ASSERT_TRUE(Decode(encoded.key, encoded.value, &decoded).ok());
    EXPECT_TRUE(decoded == sample);
  }
}

TEST(CodecTest, ReadsBackWhatItWrote) {
  ExpectRoundTrip(SampleCollections());
  ExpectRoundTrip(SampleItems());
  ExpectRoundTrip(SampleUsers());
  ExpectRoundTrip(SampleEvents());
  ExpectRoundTrip(SampleEmbeddings());
  ExpectRoundTrip(SampleRequests());
  ExpectRoundTrip(SampleCollections2());
  ExpectRoundTrip(SampleItems2());
  ExpectRoundTrip(SampleUsers2());
  ExpectRoundTrip(SampleEvents2());
  ExpectRoundTrip(SampleStreams());
  ExpectRoundTrip(SampleEmbeddings2());
  ExpectRoundTrip(SampleEmbeddingVersions());
  ExpectRoundTrip(SamplePolicies());
  std::vector<CollectionRecord> backwards = SampleCollections();
  ExpectRoundTrip(std::vector<CollectionRecord>(backwards.rbegin(), backwards.rend()));
  std::vector<ItemRecord> items = SampleItems();
  ExpectRoundTrip(std::vector<ItemRecord>(items.rbegin(), items.rend()));
}

// Every shorter and longer value and key is refused, whatever the record.
template <typename Record>
void ExpectStrict(const std::vector<Record>& samples, bool key_has_open_end) {
  for (const Record& sample : samples) {
    const EncodedRecord encoded = Encode(sample);
    Record decoded;
    for (size_t size = 0; size < encoded.value.size(); ++size) {
      EXPECT_EQ(Decode(encoded.key, encoded.value.substr(0, size), &decoded).code(),
                absl::StatusCode::kDataLoss)
          << "value cut to " << size;
    }
    EXPECT_EQ(Decode(encoded.key, encoded.value + '\0', &decoded).code(),
              absl::StatusCode::kDataLoss);
    const size_t shortest = key_has_open_end ? 9 : encoded.key.size();
    for (size_t size = 0; size < shortest; ++size) {
      EXPECT_EQ(Decode(encoded.key.substr(0, size), encoded.value, &decoded).code(),
                absl::StatusCode::kDataLoss)
          << "key cut to " << size;
    }
    if (!key_has_open_end) {
      EXPECT_EQ(Decode(encoded.key + '\0', encoded.value, &decoded).code(),
                absl::StatusCode::kDataLoss);
    }
    for (const char version : {'\0', '\3', '\xFF'}) {
      std::string value = encoded.value;
      value[0] = version;
      const absl::Status status = Decode(encoded.key, value, &decoded);
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
      EXPECT_EQ(ReasonOf(status), "DATABASE_DAMAGED");
      EXPECT_THAT(status.message(), HasSubstr("unknown record version"));
    }
  }
}

TEST(CodecTest, RefusesOtherLengthsAndVersions) {
  ExpectStrict(SampleCollections(), false);
  ExpectStrict(SampleItems(), false);
  ExpectStrict(SampleUsers(), false);
  ExpectStrict(SampleEvents(), false);
  ExpectStrict(SampleEmbeddings(), false);
  ExpectStrict(SampleRequests(), true);
  ExpectStrict(SampleCollections2(), false);
  ExpectStrict(SampleItems2(), false);
  ExpectStrict(SampleUsers2(), false);
  ExpectStrict(SampleEvents2(), false);
  ExpectStrict(SampleStreams(), true);
  ExpectStrict(SampleEmbeddings2(), false);
  ExpectStrict(SampleEmbeddingVersions(), false);
}

TEST(CodecTest, ErrorsNameColumnFamilyAndKey) {
  const EncodedRecord encoded = Encode(SampleItems()[1]);
  ItemRecord record;
  const absl::Status status = Decode(encoded.key, "", &record);
  EXPECT_THAT(status.message(), HasSubstr("column family items, key 010203040506070800000007"));
}

// Replaces byte `offset` of the sample's value and expects `problem`.
template <typename Record>
void ExpectRefusedByte(const Record& sample, size_t offset, char byte, const char* problem) {
  EncodedRecord encoded = Encode(sample);
  encoded.value[offset] = byte;
  Record decoded;
  const absl::Status status = Decode(encoded.key, encoded.value, &decoded);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(problem));
}

TEST(CodecTest, RefusesUnknownEnumeratorsAndFlags) {
  // Offsets are those of storage/FORMAT.md; the first collection's texts are
  // "a" and two empty ones.
  const CollectionRecord collection = SampleCollections()[0];
  ExpectRefusedByte(collection, 40, 3, "unknown item id type 3");
  ExpectRefusedByte(collection, 41, 0, "unknown user id type 0");
  ExpectRefusedByte(collection, 42, 9, "unknown missing item rule 9");
  ExpectRefusedByte(collection, 43, 2, "an element type without embedding settings");
  ExpectRefusedByte(collection, 43, 4, "unknown flags 4");
  ExpectRefusedByte(SampleItems()[0], 9, 4, "unknown flags 4");
  ExpectRefusedByte(SampleUsers()[0], 9, 4, "unknown flags 4");
  ExpectRefusedByte(SampleUsers2()[0], 9, 3, "an erased user has a name");
  ExpectRefusedByte(SampleEvents2()[0], 9, 4, "unknown event kind 4");
  ExpectRefusedByte(SampleEvents()[0], 9, 2, "unknown event kind 2");
  ExpectRefusedByte(SampleEmbeddings()[0], 9, 2, "unknown vector encoding 2");
  ExpectRefusedByte(SampleEmbeddings2()[0], 25, 2, "unknown vector encoding 2");
  ExpectRefusedByte(SampleEmbeddingVersions()[0], 9, 5, "unknown state 5");
  ExpectRefusedByte(SampleEmbeddings2()[0], 16, '\x80', "a negative model version");
  ExpectRefusedByte(SampleRequests()[0], 41, 2, "unknown flags 2");
}

TEST(CodecTest, RefusesIntervalsAndLabelsOutOfOrder) {
  ItemRecord item = SampleItems()[2];
  std::swap(item.alive[0], item.alive[1]);
  EncodedRecord encoded = Encode(item);
  ItemRecord decoded;
  EXPECT_EQ(Decode(encoded.key, encoded.value, &decoded).code(), absl::StatusCode::kDataLoss);

  CollectionRecord labelled = SampleCollections()[0];
  labelled.labels = {{"a", ""}, {"b", ""}};
  encoded = Encode(labelled);
  const size_t end = encoded.value.size() - 29;  // What version 2 added follows.
  std::swap(encoded.value[end - 3], encoded.value[end - 8]);
  CollectionRecord collection;
  EXPECT_EQ(Decode(encoded.key, encoded.value, &collection).code(), absl::StatusCode::kDataLoss);
}

TEST(CodecTest, RefusesPoliciesThatAreCutShort) {
  for (const PolicyRecord& sample : SamplePolicies()) {
    const EncodedRecord encoded = Encode(sample);
    PolicyRecord decoded;
    // The recipe has no length of its own; it is read by who knows it.
    for (size_t size = 0; size < 18; ++size) {
      EXPECT_EQ(Decode(encoded.key, encoded.value.substr(0, size), &decoded).code(),
                absl::StatusCode::kDataLoss);
    }
    for (size_t size = 0; size < encoded.key.size(); ++size) {
      EXPECT_EQ(Decode(encoded.key.substr(0, size), encoded.value, &decoded).code(),
                absl::StatusCode::kDataLoss)
          << size;
    }
  }
  ExpectRefusedByte(SamplePolicies()[0], 0, 2, "unknown record version 2");
  ExpectRefusedByte(SamplePolicies()[0], 17, 2, "unknown flags 2");
  ExpectRefusedByte(SamplePolicies()[0], 17, 1, "a recipe without policy");
  ExpectRefusedByte(SamplePolicies()[2], 17, 0, "a policy without recipe");
}

// `a@2` is before `a@10`, and both before `a-b@1`.
TEST(CodecTest, KeysOfPoliciesSortByIdThenVersion) {
  std::vector<std::string> keys;
  const auto add = [&](const char* id, int64_t version) {
    AppendPolicyKey(1, id, version, &keys.emplace_back());
  };
  add("a", 0);
  add("a", 2);
  add("a", 10);
  add("a", int64_t{1} << 62);
  add("a-b", 1);
  add("a0", 1);
  add("ab", 1);
  for (size_t i = 1; i < keys.size(); ++i) EXPECT_LT(keys[i - 1], keys[i]) << i;
}

TEST(CodecTest, RefusesControllersThatAreCutShort) {
  for (const ControllerRecord& sample : SampleControllers()) {
    const EncodedRecord encoded = Encode(sample);
    ControllerRecord decoded;
    ASSERT_TRUE(Decode(encoded.key, encoded.value, &decoded).ok());
    EXPECT_EQ(decoded, sample);
    for (size_t size = 0; size < encoded.value.size(); ++size) {
      EXPECT_EQ(Decode(encoded.key, encoded.value.substr(0, size), &decoded).code(),
                absl::StatusCode::kDataLoss)
          << size;
    }
    EXPECT_EQ(Decode(encoded.key, encoded.value + "x", &decoded).code(),
              absl::StatusCode::kDataLoss);
    EXPECT_EQ(Decode(encoded.key.substr(0, 8), encoded.value, &decoded).code(),
              absl::StatusCode::kDataLoss);
  }
  ExpectRefusedByte(SampleControllers()[0], 0, 2, "unknown record version 2");
  // Version, sequence, times, settings, output; flags. The totals begin 32 bytes further on.
  const size_t flags = 1 + 3 * 8 + 10 * 8 + 2 + 3 * 8 + 8;
  ExpectRefusedByte(SampleControllers()[1], flags, 3, "unknown flags 3");
  ExpectRefusedByte(SampleControllers()[1], flags + 1 + 4 * 8 + 1, 64, "components out of order");
}

TEST(CodecTest, KeysSortAsTheirNumbersDo) {
  std::vector<std::string> keys;
  const auto add_event = [&](int64_t incarnation, Micros time, int64_t sequence, uint32_t row) {
    EventRecord record;
    record.time = time;
    record.commit_sequence = sequence;
    record.row = row;
    keys.emplace_back();
    AppendEventKey(incarnation, PositionOf(record), &keys.back());
  };
  add_event(1, kMinTime, 1, 0);
  add_event(1, -257, 9, 9);
  add_event(1, -1, 1, 0);
  add_event(1, 0, 1, 0);
  add_event(1, 0, 1, 255);
  add_event(1, 0, 1, 256);
  add_event(1, 0, 256, 0);
  add_event(1, 1, 1, 0);
  add_event(1, kMaxTime, 1, 0);
  add_event(2, kMinTime, 1, 0);
  add_event(256, kMinTime, 1, 0);
  for (size_t i = 1; i < keys.size(); ++i) EXPECT_LT(keys[i - 1], keys[i]) << i;
}

TEST(CodecTest, ReadsBackFactsAboutTheFolder) {
  SequenceStamp stamp;
  EXPECT_TRUE(DecodeSequenceStamp(EncodeSequenceStamp({41, 42}), &stamp));
  EXPECT_EQ(stamp, (SequenceStamp{41, 42}));
  EXPECT_FALSE(DecodeSequenceStamp("short", &stamp));
  uint32_t version = 0;
  EXPECT_TRUE(DecodeFormatVersion(EncodeFormatVersion(7), &version));
  EXPECT_EQ(version, 7u);
  EXPECT_FALSE(DecodeFormatVersion("12345", &version));
  int64_t incarnation = 0;
  EXPECT_TRUE(DecodeIncarnation(EncodeIncarnation(-3), &incarnation));
  EXPECT_EQ(incarnation, -3);
  EXPECT_FALSE(DecodeIncarnation("", &incarnation));
}

}  // namespace
}  // namespace negatron
