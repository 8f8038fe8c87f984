// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_EXPLANATION_H_
#define NEGATRON_CLIENT_CLI_EXPLANATION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "negatron/v1/accounts.pb.h"

namespace negatron::client {

// The columns of an `ExplainNegativesResponse`, whose comments say what they hold.
struct Explanation {
  // One entry an item.
  std::vector<uint8_t> classes;
  std::vector<uint8_t> grounds;
  std::vector<uint8_t> alive;
  std::vector<int64_t> first_positive_micros;
  std::vector<int64_t> popularity_ranks;
  std::vector<float> masses;
  std::vector<float> positive_distances;
  std::vector<std::string> nearest_positives;
  std::vector<float> log_q;

  // `[items, sources]`, row-major.
  std::vector<uint8_t> obstacles;
  std::vector<float> log_q_source;
  std::vector<float> scores;
  std::vector<int64_t> score_ranks;

  // One entry a source.
  std::vector<std::string> sources;  // Their names, for people.
  std::vector<int64_t> ranked_counts;

  std::vector<float> effective_shares;  // One entry a component: a fallback has none.
};

// INTERNAL if a column is not as long as it must be.
absl::StatusOr<Explanation> ReadExplanation(const v1::ExplainNegativesResponse& response,
                                            size_t item_count);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_EXPLANATION_H_
