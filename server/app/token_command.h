// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_TOKEN_COMMAND_H_
#define NEGATRON_SERVER_APP_TOKEN_COMMAND_H_

#include <string>
#include <vector>

namespace negatron {

// The first argument of `negatrond` for what is done here.
inline constexpr char kTokenCommand[] = "token";

// `negatrond token create ID --scopes ... --file FILE`: adds an entry to a token file, which may be
// new, and prints the token, which is written nowhere else. `arguments` are those of main without
// the name of the program. The exit status: 0, or 1 if nothing was made.
int RunTokenCommand(const std::vector<std::string>& arguments);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_TOKEN_COMMAND_H_
