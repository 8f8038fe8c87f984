// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_SAMPLING_HISTORY_H_
#define NEGATRON_CLIENT_CLI_SAMPLING_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "client/cpp/client.h"
#include "negatron/v1/sampling_statistics.pb.h"

namespace negatron::client {

// What was drawn over time. Series have one entry a window; NaN where no draw had a score.
struct SamplingHistory {
  struct Source {
    std::string name;
    std::vector<int64_t> drawn_counts;
    std::vector<double> hardness;  // Mean scores.
    v1::SourceSamplingStatistics total;
  };

  std::string problem;  // Why there is nothing; empty: there is.
  std::vector<int64_t> start_micros;
  std::vector<int64_t> end_micros;
  std::vector<Source> sources;

  // Observed draws by the age of their event, in seconds: entry i counts those up to bound i, and
  // above the bound before; the last has no bound.
  std::vector<double> age_bounds;
  std::vector<int64_t> age_counts;
};

// At most 72 windows of equal length over the buckets of an answer: more are too fine for a chart.
// Means are weighted by what they are taken from.
SamplingHistory ToHistory(const v1::SamplingStatistics& statistics);

// What the server still knows, in the finest resolution that reaches back to the first of it: one
// call, or two. Errors are the server's.
absl::StatusOr<SamplingHistory> FetchSamplingHistory(Client& client, const std::string& collection);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_SAMPLING_HISTORY_H_
