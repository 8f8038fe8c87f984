// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/fair_queue.h"

#include <algorithm>
#include <utility>

namespace negatron {
namespace {

// Idle collections whose charges are remembered. Names come from callers, who may invent any.
constexpr size_t kMaxShares = 4096;

}  // namespace

void FairQueue::Push(QueuedWork work) {
  if (shares_.size() >= kMaxShares) ForgetIdleShares();
  Share& share = shares_[work.line.collection];
  if (share.waiting_count == 0) share.charged = std::max(share.charged, now_);
  Line& line = share.lines[work.line.is_write ? 1 : 0];
  if (line.waiting.empty()) line.charged = std::max(line.charged, share.now);
  line.seconds += work.cost;
  line.waiting.push_back(std::move(work));
  ++share.waiting_count;
  ++size_;
}

std::optional<QueuedWork> FairQueue::Pop() {
  Share* next = nullptr;
  for (auto& [collection, share] : shares_) {
    if (share.waiting_count == 0) continue;
    if (next == nullptr || share.charged < next->charged) next = &share;
  }
  if (next == nullptr) return std::nullopt;
  Line& reads = next->lines[0];
  Line& writes = next->lines[1];
  const bool is_write =
      reads.waiting.empty() || (!writes.waiting.empty() && writes.charged < reads.charged);
  Line& line = is_write ? writes : reads;
  QueuedWork work = std::move(line.waiting.front());
  line.waiting.pop_front();
  Remove(&line, work);
  now_ = std::max(now_, next->charged);
  next->now = std::max(next->now, line.charged);
  next->charged += work.cost;
  line.charged += work.cost;
  --next->waiting_count;
  ++next->running_count;
  --size_;
  return work;
}

void FairQueue::Finish(const QueueLine& line, double excess) {
  Share& share = shares_[line.collection];
  --share.running_count;
  share.charged = std::min(share.charged + excess, now_ + kMaxDebt);
  double& charged = share.lines[line.is_write ? 1 : 0].charged;
  charged = std::min(charged + excess, share.now + kMaxDebt);
}

std::optional<QueuedWork> FairQueue::Displace(const QueueLine& line) {
  Share* longest_share = nullptr;
  Line* longest = nullptr;
  size_t own_length = 0;
  for (auto& [collection, share] : shares_) {
    for (Line& candidate : share.lines) {
      const size_t length = candidate.waiting.size();
      const bool is_write = &candidate == &share.lines[1];
      if (collection == line.collection && is_write == line.is_write) own_length = length;
      if (longest != nullptr && length <= longest->waiting.size()) continue;
      longest_share = &share;
      longest = &candidate;
    }
  }
  if (longest == nullptr || longest->waiting.size() < own_length + 2) return std::nullopt;
  QueuedWork work = std::move(longest->waiting.back());
  longest->waiting.pop_back();
  Remove(longest, work);
  --longest_share->waiting_count;
  --size_;
  return work;
}

double FairQueue::SecondsAhead(const QueueLine& line) const {
  double own = 0;
  const auto position = shares_.find(line.collection);
  if (position != shares_.end()) {
    const auto& lines = position->second.lines;
    const double mine = lines[line.is_write ? 1 : 0].seconds;
    own = mine + std::min(mine, lines[line.is_write ? 0 : 1].seconds);
  }
  double all = own;
  for (auto other = shares_.begin(); other != shares_.end(); ++other) {
    if (other != position) all += std::min(own, other->second.seconds());
  }
  return all;
}

// Differences of sums must not stay behind in a line that is empty.
void FairQueue::Remove(Line* line, const QueuedWork& work) {
  line->seconds = line->waiting.empty() ? 0 : std::max(0.0, line->seconds - work.cost);
}

void FairQueue::ForgetIdleShares() {
  std::erase_if(shares_, [](const auto& entry) {
    return entry.second.waiting_count == 0 && entry.second.running_count == 0;
  });
}

}  // namespace negatron
