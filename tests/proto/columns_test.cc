// SPDX-License-Identifier: Apache-2.0
#include "proto/cc/columns.h"

#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/cc/status.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::string FieldOf(const absl::Status& status) {
  const auto bad = GetBadRequest(status);
  return bad.has_value() && bad->field_violations_size() == 1 ? bad->field_violations(0).field()
                                                              : "";
}

class EncodingTest : public testing::TestWithParam<v1::ColumnEncoding> {};

TEST_P(EncodingTest, Int64sSurviveTheRoundTrip) {
  const std::vector<int64_t> values = {0, -1, kMin, kMax, 1'234'567'890'123};
  v1::Int64Column column;
  WriteInt64s(values, GetParam(), &column);
  EXPECT_EQ(column.has_typed(), GetParam() == v1::COLUMN_ENCODING_TYPED);
  EXPECT_EQ(ReadInt64s(column, "c").value(), values);
  EXPECT_EQ(ColumnSize(column), 5);
}

TEST_P(EncodingTest, IdsSurviveTheRoundTrip) {
  const std::vector<int64_t> values = {kMax, 7, kMin};
  v1::IdColumn column;
  WriteIds(values, GetParam(), &column);
  EXPECT_EQ(ReadIds(column, "c").value(), values);
  EXPECT_EQ(ColumnSize(column), 3);
}

TEST_P(EncodingTest, FloatsSurviveTheRoundTrip) {
  const std::vector<float> values = {0.0F, -1.5F, std::numeric_limits<float>::infinity(), 1e-40F};
  v1::FloatColumn column;
  WriteFloats(values, GetParam(), &column);
  EXPECT_EQ(ReadFloats(column, "c").value(), values);
  EXPECT_EQ(ColumnSize(column), 4);
}

TEST_P(EncodingTest, BytesSurviveTheRoundTrip) {
  const std::vector<uint8_t> values = {0, 1, 127, 128, 255};
  v1::ByteColumn column;
  WriteBytes(values, GetParam(), &column);
  EXPECT_EQ(ReadBytes(column, "c").value(), values);
  EXPECT_EQ(ColumnSize(column), 5);
}

TEST_P(EncodingTest, WritingReplacesWhatWasThere) {
  v1::Int64Column column;
  WriteInt64s(std::vector<int64_t>{1, 2, 3}, v1::COLUMN_ENCODING_TYPED, &column);
  WriteInt64s(std::vector<int64_t>{9}, GetParam(), &column);
  EXPECT_THAT(ReadInt64s(column, "c").value(), ElementsAre(9));
  WriteInt64s({}, GetParam(), &column);
  EXPECT_THAT(ReadInt64s(column, "c").value(), IsEmpty());
}

TEST_P(EncodingTest, MatrixSurvivesTheRoundTrip) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  v1::FloatMatrix matrix;
  WriteMatrix(values, 2, 3, GetParam(), &matrix);
  EXPECT_EQ(ViewMatrix(matrix, "m").value().ToVector(), values);
}

INSTANTIATE_TEST_SUITE_P(All, EncodingTest,
                         testing::Values(v1::COLUMN_ENCODING_UNSPECIFIED, v1::COLUMN_ENCODING_RAW,
                                         v1::COLUMN_ENCODING_TYPED));

TEST(ColumnsTest, UnsetColumnsAreEmpty) {
  EXPECT_THAT(ReadInt64s(v1::Int64Column(), "c").value(), IsEmpty());
  EXPECT_THAT(ReadFloats(v1::FloatColumn(), "c").value(), IsEmpty());
  EXPECT_THAT(ReadBytes(v1::ByteColumn(), "c").value(), IsEmpty());
  EXPECT_THAT(ReadIds(v1::IdColumn(), "c").value(), IsEmpty());
  EXPECT_TRUE(ViewMatrix(v1::FloatMatrix(), "m").value().empty());
  EXPECT_EQ(ColumnSize(v1::IdColumn()), 0);
}

TEST(ColumnsTest, RawInt64sAreLittleEndian) {
  v1::Int64Column column;
  WriteInt64s(std::vector<int64_t>{0x0102030405060708}, v1::COLUMN_ENCODING_RAW, &column);
  EXPECT_EQ(column.raw(), "\x08\x07\x06\x05\x04\x03\x02\x01");
}

TEST(ColumnsTest, BrokenRawLengthNamesTheField) {
  v1::Int64Column ints;
  ints.set_raw(std::string(17, '\0'));
  EXPECT_EQ(ReadInt64s(ints, "as_of_micros").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldOf(ReadInt64s(ints, "as_of_micros").status()), "as_of_micros.raw");
  v1::FloatColumn floats;
  floats.set_raw("12345");
  EXPECT_EQ(FieldOf(ViewFloats(floats, "weights").status()), "weights.raw");
  v1::IdColumn ids;
  ids.set_raw("1");
  EXPECT_EQ(FieldOf(ViewIds(ids, "item_ids").status()), "item_ids.raw");
}

TEST(ColumnsTest, TypedByteOutOfRangeNamesTheRow) {
  v1::ByteColumn column;
  column.mutable_typed()->add_values(255);
  column.mutable_typed()->add_values(256);
  EXPECT_EQ(FieldOf(ReadBytes(column, "found").status()), "found[1]");
  column.mutable_typed()->set_values(1, -1);
  EXPECT_EQ(FieldOf(ReadBytes(column, "found").status()), "found[1]");
}

TEST(ColumnsTest, NamesAreNotIds) {
  v1::IdColumn column;
  WriteNames(std::vector<std::string>{"a", "b"}, &column);
  EXPECT_EQ(ColumnSize(column), 2);
  EXPECT_EQ(FieldOf(ReadIds(column, "item_ids").status()), "item_ids.names");
}

TEST(ColumnsTest, ViewReadsUnalignedBytes) {
  // A string's buffer is aligned; one byte further in it is not.
  const std::vector<int64_t> values = {5, -6, kMin};
  std::string bytes(1 + 24, '\0');
  std::memcpy(bytes.data() + 1, values.data(), 24);
  const Int64View view(bytes.data() + 1, 3);
  EXPECT_EQ(view[0], 5);
  EXPECT_EQ(view[2], kMin);
  EXPECT_EQ(view.ToVector(), values);
  EXPECT_THAT(view.Slice(1, 2).ToVector(), ElementsAre(-6, kMin));
}

TEST(ColumnsTest, ViewsBorrowFromTheMessage) {
  v1::IdColumn column;
  WriteIds(std::vector<int64_t>{1, 2}, v1::COLUMN_ENCODING_RAW, &column);
  const Int64View view = ViewIds(column, "c").value();
  (*column.mutable_raw())[0] = 9;
  EXPECT_EQ(view[0], 9);
}

TEST(ColumnsTest, MatrixShapeMustFitItsValues) {
  v1::FloatMatrix matrix;
  WriteMatrix(std::vector<float>{1, 2, 3, 4}, 2, 3, v1::COLUMN_ENCODING_RAW, &matrix);
  EXPECT_EQ(FieldOf(ViewMatrix(matrix, "queries").status()), "queries.values");
  matrix.set_row_count(-2);
  EXPECT_EQ(FieldOf(ViewMatrix(matrix, "queries").status()), "queries.row_count");
  matrix.set_row_count(2);
  matrix.set_column_count(0);
  EXPECT_EQ(FieldOf(ViewMatrix(matrix, "queries").status()), "queries.column_count");
  matrix.set_row_count(std::numeric_limits<int32_t>::max());
  matrix.set_column_count(std::numeric_limits<int32_t>::max());
  EXPECT_EQ(FieldOf(ViewMatrix(matrix, "queries").status()), "queries.values");
}

}  // namespace
}  // namespace negatron
