// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_ACCOUNT_CONVERSION_H_
#define NEGATRON_SERVER_RPC_ACCOUNT_CONVERSION_H_

#include "negatron/v1/accounts.pb.h"
#include "server/engine/explain_requests.h"
#include "storage/base/status.h"

// Requests and responses of the methods of `AccountService`.
namespace negatron {

// What is wrong with `sample` is named as of a request of its own: see NestFields. The seed is left
// for the caller if the request has none.
ExplainRequest ReadExplainRequest(const v1::ExplainNegativesRequest& request,
                                  Violations* violations, Violations* sample_violations);
void WriteExplanation(const ExplainRequest& request, const ExplainResult& result,
                      v1::ExplainNegativesResponse* response);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_ACCOUNT_CONVERSION_H_
