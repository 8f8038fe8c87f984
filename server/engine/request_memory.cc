// SPDX-License-Identifier: Apache-2.0
#include "server/engine/request_memory.h"

#include "storage/model/limits.h"

namespace negatron {

const RequestRecord* RequestMemory::Find(absl::string_view request_id, Micros now) const {
  const auto position = records_.find(request_id);
  if (position == records_.end()) return nullptr;
  if (position->second.time + kRememberRequestMicros <= now) return nullptr;
  return &position->second;
}

void RequestMemory::Add(RequestRecord record) {
  Remove(record.request_id);
  by_age_.emplace(AgeKey(record.commit_sequence, record.request_id), record.time);
  std::string id = record.request_id;
  records_.emplace(std::move(id), std::move(record));
}

void RequestMemory::Remove(absl::string_view request_id) {
  const auto position = records_.find(request_id);
  if (position == records_.end()) return;
  by_age_.erase(AgeKey(position->second.commit_sequence, position->first));
  records_.erase(position);
}

std::vector<std::string> RequestMemory::Expired(Micros now, size_t limit) const {
  std::vector<std::string> expired;
  int64_t left = static_cast<int64_t>(records_.size());
  for (const auto& [key, time] : by_age_) {
    const bool too_many = left > kMaxRememberedRequests;
    if (expired.size() >= limit || (!too_many && time + kRememberRequestMicros > now)) break;
    expired.push_back(key.second);
    --left;
  }
  return expired;
}

}  // namespace negatron
