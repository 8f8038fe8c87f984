// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_AUDIT_CONVERSION_H_
#define NEGATRON_SERVER_RPC_AUDIT_CONVERSION_H_

#include <cstdint>

#include "absl/strings/string_view.h"

#include "negatron/v1/accounts.pb.h"
#include "server/engine/audit_calls.h"

// Kept calls on the wire.
namespace negatron {

// Without request and response.
void WriteAuditHead(absl::string_view collection, int64_t incarnation, const AuditRecord& record,
                    v1::Audit* audit);
void WriteAudit(absl::string_view collection, const KeptCall& kept, v1::ColumnEncoding encoding,
                v1::Audit* audit);

// A request that draws the same again, if it is sent to the state that the call saw; with columns
// in this form.
void WriteSampleRequest(absl::string_view collection, const KeptCall& kept,
                        v1::ColumnEncoding encoding, v1::SampleNegativesRequest* request);

void WriteReplay(const AuditReplay& replay, v1::ReplayAuditResponse* response);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_AUDIT_CONVERSION_H_
