// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_SAMPLE_CHECKS_H_
#define NEGATRON_SERVER_ENGINE_SAMPLE_CHECKS_H_

#include <vector>

#include "absl/status/status.h"

#include "server/engine/sample_requests.h"
#include "server/sampling/policy_plan.h"
#include "storage/base/status.h"
#include "storage/model/records.h"

namespace negatron {

// What is wrong with a request, apart from the values of its queries, and from a stored policy.
//
// Errors:
//   INVALID_ARGUMENT: with field violations; fields of CandidateRequest::sample are named as those
//     of a SampleRequest.
//   FAILED_PRECONDITION, EMBEDDINGS_NOT_CONFIGURED: candidates of a collection without embeddings.
absl::Status CheckRequest(const SampleRequest& request, const CollectionRecord& settings);
absl::Status CheckRequest(const SharedRequest& request, const CollectionRecord& settings);
absl::Status CheckRequest(const CandidateRequest& request, const CollectionRecord& settings);

// What a policy asks of a collection that its settings do not give; apart from embeddings, which
// may come later.
void CheckAgainst(const CollectionRecord& settings, const PolicyPlan& plan, Violations* violations);

// What a shared block cannot be drawn by.
absl::Status CheckShared(const PolicyPlan& plan);

// Checks the queries of a request that passed CheckRequest, and turns them into what is compared
// with vectors. `policy` is what is served. Errors as above, also if it wants embeddings that there
// cannot be.
absl::Status PrepareQueries(const SampleRequest& request, const Policy& policy,
                            const CollectionRecord& settings, std::vector<float>* queries);

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_SAMPLE_CHECKS_H_
