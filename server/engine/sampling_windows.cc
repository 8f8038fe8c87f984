// SPDX-License-Identifier: Apache-2.0
#include "server/engine/sampling_windows.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr int64_t kDefaultMicros = 3600 * 1000000LL;

// The multiple of `length` at `time` or before it.
Micros Floor(Micros time, int64_t length) {
  const int64_t rest = time % length;
  return time - (rest < 0 ? rest + length : rest);
}

absl::StatusOr<size_t> FindRing(const std::optional<int64_t>& length, Micros start, Micros now) {
  for (size_t i = 0; i < kSamplingResolutions.size(); ++i) {
    const SamplingResolution& resolution = kSamplingResolutions[i];
    if (length.has_value() ? *length == resolution.length_micros
                           : start >= now - resolution.kept_micros) {
      return i;
    }
  }
  if (length.has_value()) return InvalidField("resolution", "must be 10, 60 or 600 seconds");
  return kSamplingResolutions.size() - 1;
}

absl::Status CheckTimes(const SamplingSeriesRequest& request) {
  Violations violations;
  if (request.window_micros.has_value()) {
    if (*request.window_micros <= 0) violations.Add("window", "must be positive");
    if (request.start.has_value()) violations.Add("start_time", "must be unset with `window`");
    if (request.end.has_value()) violations.Add("end_time", "must be unset with `window`");
  }
  return violations.ToStatus();
}

}  // namespace

SamplingBucket& TimeRing::At(Micros time, std::shared_ptr<const SamplingBucket>* completed) {
  completed->reset();
  const Micros start = Floor(time, resolution_.length_micros);
  if (!buckets_.empty() && start <= buckets_.back()->start) return *buckets_.back();
  if (!buckets_.empty()) *completed = buckets_.back();
  buckets_.push_back(std::make_shared<SamplingBucket>());
  buckets_.back()->start = start;
  while (buckets_.front()->start <= start - resolution_.kept_micros - resolution_.length_micros) {
    buckets_.pop_front();
  }
  return *buckets_.back();
}

void SamplingWindows::Add(Micros now, const Policy& policy, int64_t rows,
                          const SampleTotals& totals) {
  MutexLock lock(mutex_);
  std::shared_ptr<const SamplingBucket> completed;
  rings_[0].At(now, &completed).Add(policy, rows, totals);
  for (size_t i = 1; i < rings_.size() && completed != nullptr; ++i) {
    const std::shared_ptr<const SamplingBucket> part = std::move(completed);
    rings_[i].At(part->start, &completed).Merge(*part);
  }
}

std::vector<std::shared_ptr<const SamplingBucket>> SamplingWindows::Buckets(size_t ring) const {
  MutexLock lock(mutex_);
  // What is being filled at this length and at shorter ones has not come together yet.
  TimeRing open(rings_[ring].resolution());
  std::shared_ptr<const SamplingBucket> completed;
  for (size_t i = ring + 1; i-- > 0;) {
    const SamplingBucket* const last = rings_[i].last();
    if (last != nullptr) open.At(last->start, &completed).Merge(*last);
  }
  const auto& complete = rings_[ring].buckets();
  std::vector<std::shared_ptr<const SamplingBucket>> buckets;
  buckets.reserve(complete.size() + open.buckets().size());
  if (!complete.empty()) buckets.assign(complete.begin(), std::prev(complete.end()));
  buckets.insert(buckets.end(), open.buckets().begin(), open.buckets().end());
  return buckets;
}

absl::StatusOr<SamplingSeries> SamplingWindows::Read(const SamplingSeriesRequest& request,
                                                     Micros now) const {
  NEGATRON_RETURN_IF_ERROR(CheckTimes(request));
  SamplingSeries series;
  series.end = request.end.value_or(now);
  Micros start = series.end - request.window_micros.value_or(kDefaultMicros);
  if (request.start.has_value()) start = *request.start;
  if (start >= series.end) return InvalidField("end_time", "must be later than `start_time`");
  NEGATRON_ASSIGN_OR_RETURN(const size_t ring, FindRing(request.resolution_micros, start, now));
  const SamplingResolution& resolution = kSamplingResolutions[ring];
  series.resolution_micros = resolution.length_micros;
  series.start = Floor(start, resolution.length_micros);
  // A bucket that begins right now has been begun.
  const Micros end = request.end.value_or(now + 1);
  const Micros oldest = now - resolution.kept_micros - resolution.length_micros;
  series.total.start = series.start;
  for (std::shared_ptr<const SamplingBucket>& bucket : Buckets(ring)) {
    if (bucket->start < series.start || bucket->start >= end || bucket->start <= oldest) continue;
    series.total.Merge(*bucket);
    series.buckets.push_back(std::move(bucket));
  }
  return series;
}

int64_t SamplingWindows::bytes() const {
  MutexLock lock(mutex_);
  int64_t sum = 0;
  for (const TimeRing& ring : rings_) {
    for (const auto& bucket : ring.buckets()) sum += bucket->bytes();
  }
  return sum;
}

}  // namespace negatron
