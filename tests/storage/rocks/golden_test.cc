// SPDX-License-Identifier: Apache-2.0
// The formats byte for byte. tests/golden/records-v1.hex was written by the first
// version, and must be read the same for ever; what of it this version still
// writes must have the same bytes. tests/golden/records-v2.hex has all that format
// version 2 wrote, records-v3.hex to records-v5.hex what each later one added;
// `storage_golden_test --print` prints the last.

#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

#include "storage/rocks/codec.h"
#include "storage/rocks/receipt.h"
#include "tests/storage/rocks/record_samples.h"

namespace negatron {
namespace {

struct GoldenRecord {
  std::string name;
  std::string key;
  std::string value;
};

template <typename Record>
void Add(const std::vector<Record>& samples, std::vector<GoldenRecord>* out) {
  for (const Record& sample : samples) {
    EncodedRecord encoded = Encode(sample);
    out->push_back({std::string(FamilyName(FamilyFor(sample))), std::move(encoded.key),
                    std::move(encoded.value)});
  }
}

ReceiptContents SampleReceipt() {
  ReceiptContents receipt;
  for (size_t i = 0; i < receipt.identity.size(); ++i) {
    receipt.identity[i] = static_cast<uint8_t>(0xA0 + i);
  }
  receipt.durable_sequence = 0x1122334455667788;
  return receipt;
}

// The samples of version 1 as this version writes them.
std::vector<GoldenRecord> FirstRecords() {
  std::vector<GoldenRecord> records;
  Add(SampleCollections(), &records);
  Add(SampleItems(), &records);
  Add(SampleUsers(), &records);
  Add(SampleEvents(), &records);
  Add(SampleEmbeddings(), &records);
  Add(SampleRequests(), &records);
  const auto fact = [&](absl::string_view key, const std::string& value) {
    records.push_back({"default", std::string(key), value});
  };
  fact(kFormatVersionKey, EncodeFormatVersion(1));
  fact(kSequenceKey, EncodeSequenceStamp({0x0102030405060708, 0x1122334455667788}));
  fact(kIncarnationKey, EncodeIncarnation(kSampleIncarnation));
  records.push_back({"RECEIPT", "slot", EncodeReceiptSlot(SampleReceipt())});
  return records;
}

// All that version 2 wrote.
std::vector<GoldenRecord> SecondRecords() {
  std::vector<GoldenRecord> records = FirstRecords();
  Add(SampleCollections2(), &records);
  Add(SampleItems2(), &records);
  Add(SampleUsers2(), &records);
  Add(SampleEvents2(), &records);
  Add(SampleStreams(), &records);
  records.push_back({"default", std::string(kFormatVersionKey), EncodeFormatVersion(2)});
  return records;
}

// What version 3 added.
std::vector<GoldenRecord> ThirdRecords() {
  std::vector<GoldenRecord> records;
  Add(SampleEmbeddings2(), &records);
  Add(SampleStagedEmbeddings(), &records);
  Add(SampleEmbeddingVersions(), &records);
  records.push_back({"default", std::string(kFormatVersionKey), EncodeFormatVersion(3)});
  return records;
}

// What version 4 added.
std::vector<GoldenRecord> FourthRecords() {
  std::vector<GoldenRecord> records;
  Add(SampleUserEmbeddings(), &records);
  Add(SampleEmbeddingVersions2(), &records);
  records.push_back({"default", std::string(kFormatVersionKey), EncodeFormatVersion(4)});
  return records;
}

// What version 5 added: this version.
std::vector<GoldenRecord> FifthRecords() {
  std::vector<GoldenRecord> records;
  Add(SampleControllers(), &records);
  records.push_back({"default", std::string(kFormatVersionKey), EncodeFormatVersion(5)});
  return records;
}

// Abseil's function for this is deprecated in Debian 13, and its successor is not in Debian 12.
std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// Lines `name key value`, the last two in hexadecimal; `#` starts a comment.
std::vector<GoldenRecord> ReadGolden(const std::string& name) {
  std::ifstream in(NEGATRON_GOLDEN_FOLDER "/" + name);
  std::vector<GoldenRecord> records;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> parts = absl::StrSplit(line, ' ');
    if (parts.size() != 3) {
      ADD_FAILURE() << "bad line: " << line;
      continue;
    }
    records.push_back({parts[0], FromHex(parts[1]), FromHex(parts[2])});
  }
  return records;
}

std::string ToLine(const GoldenRecord& record) {
  return absl::StrCat(record.name, " ", absl::BytesToHexString(record.key), " ",
                      absl::BytesToHexString(record.value));
}

void ExpectLines(const std::vector<GoldenRecord>& records, const std::string& name) {
  const std::vector<GoldenRecord> golden = ReadGolden(name);
  ASSERT_EQ(golden.size(), records.size());
  for (size_t i = 0; i < golden.size(); ++i) {
    EXPECT_EQ(ToLine(records[i]), ToLine(golden[i])) << "record " << i;
  }
}

TEST(GoldenTest, WritesTheBytesOfVersion5) { ExpectLines(FifthRecords(), "records-v5.hex"); }

TEST(GoldenTest, WritesTheBytesOfVersion4) { ExpectLines(FourthRecords(), "records-v4.hex"); }

TEST(GoldenTest, WritesTheBytesOfVersion3) { ExpectLines(ThirdRecords(), "records-v3.hex"); }

// Of format version 4.
TEST(GoldenTest, WritesAndReadsTheBytesOfPolicies) {
  std::vector<GoldenRecord> records;
  Add(SamplePolicies(), &records);
  ExpectLines(records, "policy-records-v4.hex");
  std::vector<PolicyRecord> read;
  for (const GoldenRecord& record : ReadGolden("policy-records-v4.hex")) {
    ASSERT_TRUE(Decode(record.key, record.value, &read.emplace_back()).ok());
  }
  EXPECT_EQ(read, SamplePolicies());
}

// Of format version 5.
TEST(GoldenTest, WritesAndReadsTheBytesOfAudits) {
  std::vector<GoldenRecord> records;
  Add(SampleAudits(), &records);
  Add(SampleAuditErasures(), &records);
  Add(SampleAuditedCollections(), &records);
  AuditRecord with_body = SampleAudits()[0];
  with_body.body = std::string("\x00\xFF", 2);
  const EncodedRecord body = EncodeAuditBody(with_body);
  records.push_back({"audits", body.key, body.value});
  ExpectLines(records, "audit-records-v5.hex");
  const std::vector<GoldenRecord> golden = ReadGolden("audit-records-v5.hex");
  ASSERT_EQ(golden.size(), records.size());
  size_t next = 0;
  const auto expect_read = [&](const auto& samples) {
    for (const auto& sample : samples) {
      auto read = sample;
      const absl::Status status = Decode(golden[next].key, golden[next].value, &read);
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ(read, sample);
      ++next;
    }
  };
  expect_read(SampleAudits());
  expect_read(SampleAuditErasures());
  expect_read(SampleAuditedCollections());
  std::string read_body;
  ASSERT_TRUE(DecodeAuditBody(golden[next].key, golden[next].value, &read_body).ok());
  EXPECT_EQ(read_body, with_body.body);
}

TEST(GoldenTest, WritesTheBytesOfVersion2) { ExpectLines(SecondRecords(), "records-v2.hex"); }

TEST(GoldenTest, WritesWhatDidNotChangeAsVersion1Did) {
  const std::vector<GoldenRecord> golden = ReadGolden("records-v1.hex");
  const std::vector<GoldenRecord> current = FirstRecords();
  ASSERT_EQ(golden.size(), current.size());
  for (size_t i = 0; i < golden.size(); ++i) {
    const std::string& name = golden[i].name;
    EXPECT_EQ(current[i].key, golden[i].key) << "record " << i;
    if (name == "collections" || name == "items" || name == "users") continue;
    EXPECT_EQ(ToLine(current[i]), ToLine(golden[i])) << "record " << i;
  }
}

// Decodes the golden records of the samples' family, and compares.
template <typename Record>
void ExpectReads(const std::vector<GoldenRecord>& golden, const std::vector<Record>& samples) {
  size_t next = 0;
  for (const GoldenRecord& record : golden) {
    if (record.name != FamilyName(FamilyFor(Record()))) continue;
    ASSERT_LT(next, samples.size());
    Record decoded;
    const absl::Status status = Decode(record.key, record.value, &decoded);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(decoded == samples[next]) << ToLine(record);
    ++next;
  }
  EXPECT_EQ(next, samples.size());
}

template <typename Record>
std::vector<Record> Both(std::vector<Record> first, const std::vector<Record>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<EmbeddingRecord> ReadEmbeddings(const std::vector<GoldenRecord>& golden,
                                            Family family) {
  std::vector<EmbeddingRecord> read;
  for (const GoldenRecord& record : golden) {
    if (record.name != FamilyName(family)) continue;
    EXPECT_TRUE(DecodeEmbedding(family, record.key, record.value, &read.emplace_back()).ok());
  }
  return read;
}

TEST(GoldenTest, ReadsTheBytesOfVersion5) {
  ExpectReads(ReadGolden("records-v5.hex"), SampleControllers());
}

TEST(GoldenTest, ReadsTheBytesOfVersion4) {
  const std::vector<GoldenRecord> golden = ReadGolden("records-v4.hex");
  EXPECT_EQ(ReadEmbeddings(golden, Family::kUserEmbeddings), SampleUserEmbeddings());
  ExpectReads(golden, SampleEmbeddingVersions2());
}

TEST(GoldenTest, ReadsTheBytesOfVersion3) {
  const std::vector<GoldenRecord> golden = ReadGolden("records-v3.hex");
  ExpectReads(golden, SampleEmbeddings2());
  ExpectReads(golden, SampleEmbeddingVersions());
  EXPECT_EQ(ReadEmbeddings(golden, Family::kStagedEmbeddings), SampleStagedEmbeddings());
}

TEST(GoldenTest, ReadsTheBytesOfVersion2) {
  const std::vector<GoldenRecord> golden = ReadGolden("records-v2.hex");
  ExpectReads(golden, Both(SampleCollections(), SampleCollections2()));
  ExpectReads(golden, Both(SampleItems(), SampleItems2()));
  ExpectReads(golden, Both(SampleUsers(), SampleUsers2()));
  ExpectReads(golden, Both(SampleEvents(), SampleEvents2()));
  ExpectReads(golden, SampleStreams());
}

TEST(GoldenTest, ReadsTheBytesOfVersion1) {
  const std::vector<GoldenRecord> golden = ReadGolden("records-v1.hex");
  ExpectReads(golden, SampleCollections());
  ExpectReads(golden, SampleItems());
  ExpectReads(golden, SampleUsers());
  ExpectReads(golden, SampleEvents());
  ExpectReads(golden, SampleEmbeddings());
  ExpectReads(golden, SampleRequests());
  ASSERT_FALSE(golden.empty());
  const absl::StatusOr<ReceiptContents> receipt = DecodeReceipt(golden.back().value);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(*receipt, SampleReceipt());
}

}  // namespace
}  // namespace negatron

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--print") {
    for (const negatron::GoldenRecord& record : negatron::FifthRecords()) {
      std::cout << negatron::ToLine(record) << "\n";
    }
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
