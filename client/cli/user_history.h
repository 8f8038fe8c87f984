// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_USER_HISTORY_H_
#define NEGATRON_CLIENT_CLI_USER_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "client/cpp/client.h"

namespace negatron::client {

// Whose events are looked for, where, and for how long.
struct HistorySearch {
  std::string user;          // As IdTexts writes it.
  int64_t first_micros = 0;  // Of the collection's first event.
  int64_t end_micros = 0;    // Events before this time.
  size_t max_items = 0;      // So many of the newest are enough.
  int64_t max_events = 0;    // No more of the collection's events are read.
  std::function<void(int64_t read)> report;
};

struct UserHistory {
  std::vector<std::string> items;  // Of positive events, newest first, each once.
  std::vector<int64_t> times;      // Of their newest events.
  bool seen = false;               // The user has an event, of whatever kind.
  bool complete = true;            // Not cut off by `max_events`.
  int64_t events_read = 0;
};

// Reads the log of events backwards, in spans of time that double, since there is no index of it by
// user. Errors are the server's.
absl::StatusOr<UserHistory> FindUserHistory(Client& client, const v1::Collection& collection,
                                            const HistorySearch& search);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_USER_HISTORY_H_
