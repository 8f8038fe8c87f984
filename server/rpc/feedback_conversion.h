// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_FEEDBACK_CONVERSION_H_
#define NEGATRON_SERVER_RPC_FEEDBACK_CONVERSION_H_

#include <string>

#include "negatron/v1/feedback.pb.h"
#include "server/engine/controller_requests.h"
#include "storage/base/status.h"

// Messages of `FeedbackService` to requests and records, and back.
namespace negatron {

// With defaults in the place of what is unset. All that is wrong goes to `violations`, with field
// paths below `path`.
ControllerSettings ReadControllerSettings(const v1::ControllerSettings& wire,
                                          const std::string& path, Violations* violations);

// The report and the options of a request.
ReportOutcomesRequest ReadReport(const v1::ReportOutcomesRequest& wire, Violations* violations);

void WriteController(const std::string& collection, const ControllerRecord& record,
                     v1::Controller* wire);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_FEEDBACK_CONVERSION_H_
