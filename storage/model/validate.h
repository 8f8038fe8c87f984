// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_MODEL_VALIDATE_H_
#define NEGATRON_STORAGE_MODEL_VALIDATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "storage/base/status.h"
#include "storage/model/records.h"

// Rules for values that come from outside. Each returns what is wrong, or an
// empty view.
namespace negatron {

absl::string_view CollectionIdProblem(absl::string_view id);
absl::string_view PolicyIdProblem(absl::string_view id);  // Also of experiments and arms.
absl::string_view ControllerIdProblem(absl::string_view id);
absl::string_view NameProblem(absl::string_view name);     // String ids of items, users.
absl::string_view RequestIdProblem(absl::string_view id);  // Empty is fine: not given.
absl::string_view StreamIdProblem(absl::string_view id);
absl::string_view CategoryProblem(absl::string_view name);
// A list of an item's categories, each without a problem of its own.
absl::string_view CategoriesProblem(const std::vector<std::string>& categories);

// Half-lives and windows as sources and settings may have them; 0: none.
bool IsHalfLife(int64_t micros);
bool IsWindow(int64_t micros);

// Adds to `violations` what is wrong with the settings, with field paths below
// `prefix` ("collection." say).
void CheckSettings(const CollectionRecord& settings, absl::string_view prefix,
                   Violations* violations);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_MODEL_VALIDATE_H_
