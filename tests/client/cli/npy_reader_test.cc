// SPDX-License-Identifier: Apache-2.0
#include "client/cli/npy_reader.h"

#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file as numpy.save writes it.
std::string File(const std::string& header, const std::string& data, int version = 1) {
  std::string text = header;
  const size_t start = version == 1 ? 10 : 12;
  while ((start + text.size() + 1) % 64 != 0) text.push_back(' ');
  text.push_back('\n');
  std::string file("\x93NUMPY", 6);
  file.push_back(static_cast<char>(version));
  file.push_back('\0');
  for (size_t i = 0; i < (version == 1 ? 2U : 4U); ++i) {
    file.push_back(static_cast<char>(text.size() >> (8 * i)));
  }
  return file + text + data;
}

template <typename T>
std::string Bytes(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string Header(const std::string& type, const std::string& shape,
                   const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

absl::Status OpenStatus(const std::string& file) {
  std::istringstream input(file);
  return NpyReader::Open(&input).status();
}

TEST(NpyReaderTest, ReadsFloat32InParts) {
  const std::string file = File(Header("<f4", "(2, 3)"), Bytes<float>({1, 2, 3, 4, 5, 6.5F}));
  std::istringstream input(file);
  NpyReader reader = NpyReader::Open(&input).value();
  EXPECT_THAT(reader.header().shape, ElementsAre(2, 3));
  std::vector<float> values;
  ASSERT_TRUE(reader.ReadFloats(3, &values).ok());
  EXPECT_THAT(values, ElementsAre(1, 2, 3));
  ASSERT_TRUE(reader.ReadFloats(3, &values).ok());
  EXPECT_THAT(values, ElementsAre(4, 5, 6.5F));
  EXPECT_EQ(reader.ReadFloats(1, &values).code(), absl::StatusCode::kDataLoss);
}

TEST(NpyReaderTest, RoundsFloat64AndReadsVersion2) {
  const std::string file = File(Header("<f8", "(1, 2)"), Bytes<double>({0.1, -2}), 2);
  std::istringstream input(file);
  NpyReader reader = NpyReader::Open(&input).value();
  std::vector<float> values;
  ASSERT_TRUE(reader.ReadFloats(2, &values).ok());
  EXPECT_THAT(values, ElementsAre(0.1F, -2));
}

TEST(NpyReaderTest, ReadsIntegers) {
  std::vector<int64_t> values;
  const std::string longs = File(Header("<i8", "(2,)"), Bytes<int64_t>({-1, int64_t{1} << 60}));
  std::istringstream input(longs);
  ASSERT_TRUE(NpyReader::Open(&input).value().ReadInt64s(2, &values).ok());
  EXPECT_THAT(values, ElementsAre(-1, int64_t{1} << 60));
  const std::string ints = File(Header("<i4", "(2,)"), Bytes<int32_t>({-7, 8}), 3);
  std::istringstream input32(ints);
  ASSERT_TRUE(NpyReader::Open(&input32).value().ReadInt64s(2, &values).ok());
  EXPECT_THAT(values, ElementsAre(-7, 8));
}

TEST(NpyReaderTest, TypesAreNotMixed) {
  std::vector<float> floats;
  std::vector<int64_t> ints;
  const std::string of_ints = File(Header("<i8", "(1,)"), Bytes<int64_t>({1}));
  std::istringstream input(of_ints);
  EXPECT_EQ(NpyReader::Open(&input).value().ReadFloats(1, &floats).code(),
            absl::StatusCode::kInvalidArgument);
  const std::string of_floats = File(Header("<f4", "(1,)"), Bytes<float>({1}));
  std::istringstream input2(of_floats);
  EXPECT_EQ(NpyReader::Open(&input2).value().ReadInt64s(1, &ints).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(NpyReaderTest, EmptyArraysAndScalars) {
  EXPECT_TRUE(OpenStatus(File(Header("<f4", "(0, 64)"), "")).ok());
  const std::string scalar = File(Header("<f4", "()"), Bytes<float>({3}));
  std::istringstream input(scalar);
  EXPECT_THAT(NpyReader::Open(&input).value().header().shape, ElementsAre());
}

TEST(NpyReaderTest, EveryTruncationIsRefused) {
  const std::string file = File(Header("<f4", "(2, 3)"), Bytes<float>({1, 2, 3, 4, 5, 6}));
  ASSERT_TRUE(OpenStatus(file).ok());
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_EQ(OpenStatus(file.substr(0, size)).code(), absl::StatusCode::kInvalidArgument) << size;
  }
}

TEST(NpyReaderTest, HeaderThatLiesAboutTheShapeIsRefused) {
  const std::string data = Bytes<float>({1, 2, 3, 4, 5, 6});
  for (const char* shape : {"(2, 4)", "(2, 2)", "(6, 6)", "(1000000, 1000000)"}) {
    EXPECT_THAT(OpenStatus(File(Header("<f4", shape), data)).message(), HasSubstr("promises"))
        << shape;
  }
  for (const char* shape : {"(-2, -3)", "(9999999999999999999999, 1)", "(a, b)", "6", "(2, 3",
                            "(1000000000, 1000000000)", "(4294967296, 4294967296)",
                            "(0, 4294967296, 4294967296)", ""}) {
    EXPECT_EQ(OpenStatus(File(Header("<f4", shape), data)).code(),
              absl::StatusCode::kInvalidArgument)
        << shape;
  }
}

TEST(NpyReaderTest, ArraysOfOtherKindsAreRefusedWithAWayOut) {
  EXPECT_THAT(OpenStatus(File(Header("<f4", "(1, 1)", "True"), Bytes<float>({1}))).message(),
              HasSubstr("ascontiguousarray"));
  for (const char* type : {">f4", "<f2", "|O", "<U5", "<c8"}) {
    EXPECT_THAT(OpenStatus(File(Header(type, "(1, 1)"), Bytes<float>({1}))).message(),
                HasSubstr("save it as"))
        << type;
  }
}

TEST(NpyReaderTest, NonsenseIsRefused) {
  EXPECT_EQ(OpenStatus("").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenStatus("user,item\n1,2\n").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenStatus(File("{}", "")).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenStatus(File(std::string(100, '\0'), "")).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenStatus(File(Header("<f4", "(1,)"), Bytes<float>({1}), 9)).code(),
            absl::StatusCode::kInvalidArgument);
  std::string huge("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF", 12);
  EXPECT_THAT(OpenStatus(huge).message(), HasSubstr("4294967295 bytes"));
}

}  // namespace
}  // namespace negatron::client
