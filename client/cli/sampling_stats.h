// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_SAMPLING_STATS_H_
#define NEGATRON_CLIENT_CLI_SAMPLING_STATS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "client/cli/session.h"
#include "negatron/v1/sampling_statistics.pb.h"

namespace negatron::client {

// One bar of eight heights for each value, the highest for the largest; values above 0 have at
// least the lowest, others a space.
std::string Sparkline(const std::vector<int64_t>& values);

// `values` in at most `width` sums of as many neighbours each, but the last.
std::vector<int64_t> SumNeighbours(const std::vector<int64_t>& values, size_t width);

// Prints what was drawn over time for people: sums, a line over time for each source, scores, ages
// and checks.
void PrintSamplingStats(Session& session, const v1::SamplingStatistics& stats);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_SAMPLING_STATS_H_
