// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CPP_CHANNEL_H_
#define NEGATRON_CLIENT_CPP_CHANNEL_H_

#include <memory>
#include <string>

#include <grpcpp/channel.h>

#include "client/cpp/security.h"

namespace negatron::client {

// A channel to `target`, which connects with its first call. `security` must be checked.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target,
                                           const SecurityOptions& security);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_CHANNEL_H_
