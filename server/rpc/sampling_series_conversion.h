// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_SAMPLING_SERIES_CONVERSION_H_
#define NEGATRON_SERVER_RPC_SAMPLING_SERIES_CONVERSION_H_

#include "absl/strings/string_view.h"

#include "negatron/v1/sampling_statistics.pb.h"
#include "server/engine/sampling_series.h"
#include "storage/base/status.h"

namespace negatron {

// All but the collection.
SamplingSeriesRequest ReadSeriesRequest(const v1::GetSamplingStatisticsRequest& request,
                                        Violations* violations);

void WriteSeries(absl::string_view collection_id, const SamplingSeries& series,
                 v1::SamplingStatistics* wire);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_SAMPLING_SERIES_CONVERSION_H_
