// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_SAMPLE_OUTPUTS_H_
#define NEGATRON_CLIENT_CLI_SAMPLE_OUTPUTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "negatron/v1/sampling.pb.h"

// Columns of draws: which are asked for, and how they are told.
namespace negatron::client {

// Programs get every column, people those that say something here.
void AddOutputs(bool for_programs, v1::SampleNegativesRequest* request);

// Of a column that may be missing: `-` where it has no number.
std::string Number(const std::vector<float>& values, size_t at);

// Whether a column tells anything: an importance weight that is not 1, a score.
bool Tells(const std::vector<float>& values, float nothing);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_SAMPLE_OUTPUTS_H_
