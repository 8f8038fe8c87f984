// SPDX-License-Identifier: Apache-2.0
#include "storage/base/clock.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace negatron {
namespace {

class SystemClock final : public Clock {
 public:
  int64_t NowMicros() const override { return absl::ToUnixMicros(absl::Now()); }
};

}  // namespace

const Clock& Clock::System() {
  static const SystemClock* const clock = new SystemClock;
  return *clock;
}

}  // namespace negatron
