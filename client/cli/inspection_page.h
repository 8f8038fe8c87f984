// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_INSPECTION_PAGE_H_
#define NEGATRON_CLIENT_CLI_INSPECTION_PAGE_H_

#include <string>

#include "client/cli/inspection.h"

namespace negatron::client {

// What an item of the page is to the row, as the page's legend has it.
enum class PointState {
  kPositive,   // In the history, or the row's own.
  kExcluded,   // Named, or refused by a filter or bound of every source that the row draws by.
  kUncertain,  // By the policy.
  kDead,
  kDrawable,    // By a source of the row.
  kOutOfReach,  // By none: without weight, embedding or anchor, or beyond the window.
};
PointState StateOf(const Explanation& explanation, size_t item);

// The data of the page as JSON that may stand in a `<script>`, columns for points; inspect_marks.js
// and the scripts beside it read it.
std::string InspectionJson(const Inspection& inspection);

// The whole page: needs nothing from elsewhere.
std::string InspectionPage(const Inspection& inspection);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_INSPECTION_PAGE_H_
