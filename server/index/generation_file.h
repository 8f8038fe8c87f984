// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_GENERATION_FILE_H_
#define NEGATRON_SERVER_INDEX_GENERATION_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/index/generation.h"
#include "storage/model/records.h"

namespace negatron {

// A generation as the bytes of a file; storage/FORMAT.md describes them. `incarnation`:
// of the collection.
std::string EncodeGeneration(int64_t incarnation, const Generation& generation);

// Reads what EncodeGeneration wrote of this incarnation, with these settings. DATA_LOSS
// [INDEX_DAMAGED] if a bit is not what it was or something contradicts itself;
// FAILED_PRECONDITION [FORMAT_TOO_NEW] for another version, [INDEX_OF_ANOTHER] if it is
// of another collection or other settings.
absl::StatusOr<Generation> DecodeGeneration(absl::string_view bytes, int64_t incarnation,
                                            const EmbeddingSettings& settings);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_GENERATION_FILE_H_
