// SPDX-License-Identifier: Apache-2.0
#include "client/cli/progress.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "client/cli/values.h"

namespace negatron::client {
namespace {

constexpr absl::Duration kRedraw = absl::Milliseconds(100);
constexpr absl::Duration kPlainLine = absl::Seconds(5);
constexpr int64_t kBarWidth = 30;
constexpr const char* kClearLine = "\r\x1B[K";

}  // namespace

Progress::Progress(Options options)
    : options_(std::move(options)), start_(options_.now()), last_(start_) {}

Progress::~Progress() { Finish(); }

std::string Progress::Describe(int64_t done, int64_t count, absl::Duration elapsed) const {
  const double seconds = std::max(absl::ToDoubleSeconds(elapsed), 1e-3);
  std::string text = absl::StrCat(
      WithCommas(count), " ", options_.unit, ", ",
      WithCommas(static_cast<int64_t>(static_cast<double>(count - start_count_) / seconds)), "/s");
  if (options_.total <= 0 || done <= start_done_) return text;
  const double part =
      std::min(1.0, static_cast<double>(done) / static_cast<double>(options_.total));
  const auto left = static_cast<int64_t>(
      seconds * static_cast<double>(std::max<int64_t>(options_.total - done, 0)) /
      static_cast<double>(done - start_done_));
  absl::StrAppend(&text,
                  absl::StrFormat(", %.0f%%, %d:%02d left", part * 100, left / 60, left % 60));
  if (!options_.terminal) return text;
  const auto filled = static_cast<size_t>(part * kBarWidth);
  return absl::StrCat("[", std::string(filled, '#'), std::string(kBarWidth - filled, '.'), "] ",
                      text);
}

void Progress::Update(int64_t done, int64_t count) {
  const absl::Time now = options_.now();
  if (now - last_ < (options_.terminal ? kRedraw : kPlainLine)) return;
  last_ = now;
  const std::string text = Describe(done, count, now - start_);
  if (options_.terminal) {
    *options_.stream << kClearLine << text << std::flush;
    drawn_ = true;
  } else {
    *options_.stream << text << std::endl;
  }
}

void Progress::StartAt(int64_t done, int64_t count) {
  start_ = options_.now();
  start_done_ = done;
  start_count_ = count;
}

void Progress::Finish() {
  if (drawn_) *options_.stream << kClearLine << std::flush;
  drawn_ = false;
}

}  // namespace negatron::client
