// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_SAMPLING_NOTE_H_
#define NEGATRON_SERVER_RPC_SAMPLING_NOTE_H_

#include <string>

#include "absl/strings/string_view.h"

#include "server/engine/sample_requests.h"
#include "server/rpc/call_outcome.h"

namespace negatron {

// What a request has drawn by, for people: `policies/{name}` or `policies/{name}@{version}` of a
// stored policy, else its sources with their shares, `uniform:1+nearest:0.5`, of every arm and
// turn.
std::string DescribePlan(const SampleRequest& request);

SampleNote NoteOf(absl::string_view collection, const SampleRequest& request,
                  const StageTimes& stages, bool with_plan);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_SAMPLING_NOTE_H_
