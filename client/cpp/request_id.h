// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CPP_REQUEST_ID_H_
#define NEGATRON_CLIENT_CPP_REQUEST_ID_H_

#include <string>

namespace negatron::client {

// A random UUID, version 4 (RFC 9562), from the operating system's random numbers. Thread-safe.
std::string NewRequestId();

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_REQUEST_ID_H_
