// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_SAMPLING_WINDOWS_H_
#define NEGATRON_SERVER_ENGINE_SAMPLING_WINDOWS_H_

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"

#include "server/engine/sampling_series.h"
#include "storage/base/mutex.h"

namespace negatron {

// The buckets of one length: the last is being filled, those before it are complete.
//
// Thread-safety: thread-compatible; complete buckets are immutable.
class TimeRing {
 public:
  explicit TimeRing(const SamplingResolution& resolution) : resolution_(resolution) {}

  // The bucket of `time`, or the last one if that is later. Sets `completed` to the bucket that was
  // the last until now, or else to null. Drops buckets that are too old.
  SamplingBucket& At(Micros time, std::shared_ptr<const SamplingBucket>* completed);

  // Null if there is none.
  const SamplingBucket* last() const { return buckets_.empty() ? nullptr : buckets_.back().get(); }
  const std::deque<std::shared_ptr<SamplingBucket>>& buckets() const { return buckets_; }
  const SamplingResolution& resolution() const { return resolution_; }

 private:
  const SamplingResolution resolution_;
  std::deque<std::shared_ptr<SamplingBucket>> buckets_;  // In order of time.
};

// What was drawn from a collection, over time, at every resolution. A call is added to the bucket
// of the shortest length only; a bucket that is complete is added to that of the next length.
//
// Cost: Add O(observed draws). At most 2,091 buckets, of some 250 bytes and 2.2 KB for each kind
// of source that drew then: 5 MB for one that always does.
//
// Thread-safety: thread-safe. A lock a call.
class SamplingWindows {
 public:
  // Adds a call at the time `now`, which may be before that of an earlier call; components are
  // those of `policy`.
  void Add(Micros now, const Policy& policy, int64_t rows, const SampleTotals& totals);

  // Errors: INVALID_ARGUMENT: not a resolution that is kept, or a time that is empty.
  absl::StatusOr<SamplingSeries> Read(const SamplingSeriesRequest& request, Micros now) const;

  int64_t bytes() const;

 private:
  std::vector<std::shared_ptr<const SamplingBucket>> Buckets(size_t ring) const;

  mutable Mutex mutex_;
  std::array<TimeRing, kSamplingResolutions.size()> rings_ ABSL_GUARDED_BY(mutex_){
      TimeRing(kSamplingResolutions[0]), TimeRing(kSamplingResolutions[1]),
      TimeRing(kSamplingResolutions[2])};
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_SAMPLING_WINDOWS_H_
