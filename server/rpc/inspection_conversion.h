// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_INSPECTION_CONVERSION_H_
#define NEGATRON_SERVER_RPC_INSPECTION_CONVERSION_H_

#include "absl/strings/string_view.h"

#include "negatron/v1/inspection.pb.h"
#include "server/engine/statistics.h"

namespace negatron {

void WriteStatistics(absl::string_view collection_id, const CollectionStatistics& statistics,
                     v1::CollectionStatistics* wire);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_INSPECTION_CONVERSION_H_
