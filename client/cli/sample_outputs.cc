// SPDX-License-Identifier: Apache-2.0
#include "client/cli/sample_outputs.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace negatron::client {

void AddOutputs(bool for_programs, v1::SampleNegativesRequest* request) {
  for (const v1::SampleOutput output :
       {v1::SAMPLE_OUTPUT_LOG_Q, v1::SAMPLE_OUTPUT_COMPONENT, v1::SAMPLE_OUTPUT_SCORE,
        v1::SAMPLE_OUTPUT_IMPORTANCE_WEIGHT, v1::SAMPLE_OUTPUT_POSITIVE_LOG_Q,
        v1::SAMPLE_OUTPUT_REJECTS_BY_ALL_CAUSES, v1::SAMPLE_OUTPUT_TAGS}) {
    request->add_outputs(output);
  }
  if (!for_programs) return;
  for (const v1::SampleOutput output :
       {v1::SAMPLE_OUTPUT_REJECTS_BY_CAUSE, v1::SAMPLE_OUTPUT_LOG_Q_SOURCE,
        v1::SAMPLE_OUTPUT_EFFECTIVE_SHARES, v1::SAMPLE_OUTPUT_EXPECTED_COUNT,
        v1::SAMPLE_OUTPUT_POPULARITY_BOUNDARY, v1::SAMPLE_OUTPUT_MODEL_VERSION,
        v1::SAMPLE_OUTPUT_EMBEDDING_AGE, v1::SAMPLE_OUTPUT_ARM}) {
    request->add_outputs(output);
  }
}

std::string Number(const std::vector<float>& values, size_t at) {
  if (at >= values.size() || std::isnan(values[at])) return "-";
  return absl::StrFormat("%.4f", values[at]);
}

bool Tells(const std::vector<float>& values, float nothing) {
  return std::any_of(values.begin(), values.end(),
                     [nothing](float value) { return !std::isnan(value) && value != nothing; });
}

}  // namespace negatron::client
