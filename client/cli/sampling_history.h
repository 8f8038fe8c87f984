// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_SAMPLING_HISTORY_H_
#define NEGATRON_CLIENT_CLI_SAMPLING_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace negatron::client {

// What was drawn over time. Series have one entry a window; NaN where nothing was drawn.
struct SamplingHistory {
  struct Source {
    std::string name;
    std::vector<int64_t> drawn_counts;
    std::vector<double> hardness;  // Mean of the windows.
  };
  // Ages of drawn events, of all windows together: bucket i counts those below bound i, and not
  // below the one before; the last has no bound.
  struct Ages {
    std::vector<double> bound_seconds;
    std::vector<int64_t> counts;
  };

  std::string problem;  // Why there is nothing; empty: there is.
  std::vector<int64_t> start_micros;
  std::vector<int64_t> end_micros;
  std::vector<Source> sources;
  Ages ages;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_SAMPLING_HISTORY_H_
