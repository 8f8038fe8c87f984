// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_REQUEST_MEMORY_H_
#define NEGATRON_SERVER_ENGINE_REQUEST_MEMORY_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

#include "storage/model/records.h"

namespace negatron {

// The request ids of a collection and the first responses to them: the newest
// kMaxRememberedRequests, for kRememberRequestMicros.
//
// Thread-safety: confined to the commit thread.
class RequestMemory {
 public:
  // The first response; null if there was none or it is too old.
  const RequestRecord* Find(absl::string_view request_id, Micros now) const;

  // Remembers a response. Replaces one that is too old.
  void Add(RequestRecord record);
  void Remove(absl::string_view request_id);

  // Ids of up to `limit` responses that are to be forgotten at `now`, oldest
  // first.
  std::vector<std::string> Expired(Micros now, size_t limit) const;

 private:
  using AgeKey = std::pair<int64_t, std::string>;  // Commit sequence, id.

  absl::flat_hash_map<std::string, RequestRecord> records_;
  std::map<AgeKey, Micros> by_age_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_REQUEST_MEMORY_H_
