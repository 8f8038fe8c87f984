// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_COLUMN_READERS_H_
#define NEGATRON_SERVER_RPC_COLUMN_READERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "negatron/v1/types.pb.h"
#include "server/engine/ids.h"
#include "server/engine/requests.h"
#include "storage/base/status.h"
#include "storage/model/time.h"

// Wire columns to plain ones. What is wrong goes to `violations` under `field`, with the row where
// there is one; the result then does not matter.
namespace negatron {

std::vector<int64_t> ReadColumn(const v1::Int64Column& column, absl::string_view field,
                                Violations* violations);
std::vector<float> ReadColumn(const v1::FloatColumn& column, absl::string_view field,
                              Violations* violations);
std::vector<uint8_t> ReadColumn(const v1::ByteColumn& column, absl::string_view field,
                                Violations* violations);

// Also checks that names have 1 to 128 bytes.
IdBatch ReadIds(const v1::IdColumn& column, absl::string_view field, Violations* violations);

// The ids of a batch: 1 to `kMaxBatchRows` of them.
IdBatch ReadBatchIds(const v1::IdColumn& column, absl::string_view field, Violations* violations);

// Times of events and as-of times: within the years 1 to 9999.
std::vector<Micros> ReadTimes(const v1::Int64Column& column, absl::string_view field,
                              Violations* violations);

// The values of a matrix of `rows` rows; all finite, unless the rows are checked one by one later.
std::vector<float> ReadVectors(const v1::FloatMatrix& matrix, int64_t rows, absl::string_view field,
                               Violations* violations, bool all_finite = true);

// Row boundaries of a ragged column: `rows` + 1 numbers that start at 0 and never decrease. Where
// they must end is the caller's to check.
std::vector<int64_t> ReadSplits(const v1::Int64Column& column, int64_t rows,
                                absl::string_view field, Violations* violations);

// Whether a column of `size` entries has one for each of `rows` rows.
bool CheckLength(int64_t size, int64_t rows, absl::string_view field, Violations* violations);

// Options that all writes have.
WriteOptions ReadWriteOptions(const std::string& request_id, v1::AcknowledgementLevel level,
                              AckLevel default_level, Violations* violations);

// Reports an encoding that is not known.
void CheckEncoding(v1::ColumnEncoding encoding, Violations* violations);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_COLUMN_READERS_H_
