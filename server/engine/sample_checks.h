// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_SAMPLE_CHECKS_H_
#define NEGATRON_SERVER_ENGINE_SAMPLE_CHECKS_H_

#include <vector>

#include "absl/status/status.h"

#include "server/engine/sample_requests.h"
#include "storage/model/records.h"

namespace negatron {

// What is wrong with a request, apart from the values of its queries.
//
// Errors:
//   INVALID_ARGUMENT: with field violations; fields of CandidateRequest::sample are named as those
//     of a SampleRequest.
//   FAILED_PRECONDITION, EMBEDDINGS_NOT_CONFIGURED: candidates of a collection without embeddings.
absl::Status CheckRequest(const SampleRequest& request, const CollectionRecord& settings);
absl::Status CheckRequest(const SharedRequest& request, const CollectionRecord& settings);
absl::Status CheckRequest(const CandidateRequest& request, const CollectionRecord& settings);

// Checks the queries of a request that passed CheckRequest, and turns them into what is compared
// with vectors. Errors as above, also if the policy wants embeddings that there cannot be.
absl::Status PrepareQueries(const SampleRequest& request, const CollectionRecord& settings,
                            std::vector<float>* queries);

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_SAMPLE_CHECKS_H_
