// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_SAMPLING_CONVERSION_H_
#define NEGATRON_SERVER_RPC_SAMPLING_CONVERSION_H_

#include <cstdint>
#include <memory>

#include <grpcpp/support/byte_buffer.h>

#include "negatron/v1/sampling.pb.h"
#include "server/engine/requests.h"
#include "storage/base/status.h"

// Requests and responses of the methods of `SamplingService`.
namespace negatron {

// What is wrong goes to `violations`. The seed is left for the caller if the request has none.
SampleRequest ReadSampleRequest(const v1::SampleNegativesRequest& request, Violations* violations);

SharedRequest ReadSharedRequest(const v1::SampleSharedNegativesRequest& request,
                                Violations* violations);
void WriteSharedResponse(const SharedRequest& request, const SharedResult& result,
                         v1::ColumnEncoding encoding, v1::SampleSharedNegativesResponse* response);

// What is wrong with `sample` is named as of a request of its own: see NestFields.
CandidateRequest ReadCandidateRequest(const v1::GetCandidatesRequest& request,
                                      Violations* violations, Violations* sample_violations);
void WriteCandidates(const CandidateRequest& request, const CandidateResult& result,
                     v1::ColumnEncoding encoding, v1::GetCandidatesResponse* response);

// The response without its columns.
void WriteSampleHead(const SampleRequest& request, const SampleResult& result,
                     v1::SampleNegativesResponse* response);

// All of the response.
void WriteSample(const SampleRequest& request, const SampleResult& result,
                 v1::ColumnEncoding encoding, v1::SampleNegativesResponse* response);

// All of the response in the raw encoding, serialised. Columns are not copied: the slices of the
// buffer share the result.
grpc::ByteBuffer SerializeRawSample(const SampleRequest& request,
                                    const std::shared_ptr<const SampleResult>& result);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_SAMPLING_CONVERSION_H_
