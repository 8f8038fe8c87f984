// SPDX-License-Identifier: Apache-2.0
#include "client/cli/sampling_history.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "client/cli/values.h"

namespace negatron::client {
namespace {

constexpr int64_t kMaxWindows = 72;

// Times that the server keeps resolutions for, the longest first
// (`GetSamplingStatisticsRequest.resolution`).
constexpr int64_t kKeptMicros[] = {7 * 86'400'000'000, 12 * 3'600'000'000, 3'600'000'000};

int64_t DurationMicros(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1'000'000 + duration.nanos() / 1'000;
}

// The series of a source, made of `windows` empty entries at its first mention.
SamplingHistory::Source& SourceOf(const std::string& name, size_t windows,
                                  std::map<std::string, size_t>* places, SamplingHistory* history) {
  const auto [at, added] = places->try_emplace(name, history->sources.size());
  if (added) {
    SamplingHistory::Source source;
    source.name = name;
    source.drawn_counts.assign(windows, 0);
    source.hardness.assign(windows, 0);
    history->sources.push_back(std::move(source));
  }
  return history->sources[at->second];
}

}  // namespace

SamplingHistory ToHistory(const v1::SamplingStatistics& statistics) {
  SamplingHistory history;
  if (statistics.buckets().empty()) {
    history.problem =
        "Nothing was drawn since the server started, or in the seven days that it remembers.";
    return history;
  }
  const int64_t resolution = std::max<int64_t>(DurationMicros(statistics.resolution()), 1);
  const int64_t first = ToMicros(statistics.buckets(0).start_time());
  const auto bucket_of = [&](const v1::SamplingStatisticsBucket& bucket) {
    return (ToMicros(bucket.start_time()) - first) / resolution;
  };
  const int64_t buckets = bucket_of(*statistics.buckets().rbegin()) + 1;
  const int64_t together = (buckets + kMaxWindows - 1) / kMaxWindows;
  const auto windows = static_cast<size_t>((buckets + together - 1) / together);
  for (size_t i = 0; i < windows; ++i) {
    history.start_micros.push_back(first + static_cast<int64_t>(i) * together * resolution);
    history.end_micros.push_back(history.start_micros.back() + together * resolution);
  }
  std::map<std::string, size_t> places;
  std::map<std::string, std::vector<int64_t>> scored;
  for (const v1::SamplingStatisticsBucket& bucket : statistics.buckets()) {
    const auto window = static_cast<size_t>(bucket_of(bucket) / together);
    for (const v1::SourceSamplingStatistics& drawn : bucket.sources()) {
      SamplingHistory::Source& source = SourceOf(drawn.source(), windows, &places, &history);
      std::vector<int64_t>& counts = scored[drawn.source()];
      counts.resize(windows, 0);
      source.drawn_counts[window] += drawn.drawn_count();
      counts[window] += drawn.scores().count();
      source.hardness[window] +=
          static_cast<double>(drawn.scores().count()) * drawn.scores().mean();
    }
  }
  for (SamplingHistory::Source& source : history.sources) {
    for (size_t i = 0; i < windows; ++i) {
      const int64_t count = scored[source.name][i];
      source.hardness[i] =
          count > 0 ? source.hardness[i] / static_cast<double>(count) : std::nan("");
    }
  }
  history.age_bounds.assign(statistics.event_age_bounds_seconds().begin(),
                            statistics.event_age_bounds_seconds().end());
  history.age_counts.assign(history.age_bounds.size() + 1, 0);
  for (const v1::SourceSamplingStatistics& total : statistics.total().sources()) {
    if (const auto at = places.find(total.source()); at != places.end()) {
      history.sources[at->second].total = total;
    }
    for (int i = 0; i < total.event_age_counts_size(); ++i) {
      const size_t entry = std::min(static_cast<size_t>(i), history.age_counts.size() - 1);
      history.age_counts[entry] += total.event_age_counts(i);
    }
  }
  return history;
}

absl::StatusOr<SamplingHistory> FetchSamplingHistory(Client& client,
                                                     const std::string& collection) {
  v1::GetSamplingStatisticsRequest request;
  request.set_collection(collection);
  *request.mutable_window() = ToDuration(absl::Microseconds(kKeptMicros[0]));
  absl::StatusOr<v1::SamplingStatistics> answer = client.GetSamplingStatistics(request);
  if (absl::IsUnimplemented(answer.status())) {
    SamplingHistory history;
    history.problem = "This server is too old to tell what was drawn over time.";
    return history;
  }
  if (!answer.ok()) return answer.status();
  if (answer->buckets().empty()) return ToHistory(*answer);
  const int64_t span = ToMicros(answer->end_time()) - ToMicros(answer->buckets(0).start_time());
  int64_t kept = kKeptMicros[0];
  for (const int64_t shorter : kKeptMicros) {
    if (span <= shorter) kept = shorter;
  }
  if (kept == kKeptMicros[0]) return ToHistory(*answer);
  *request.mutable_window() = ToDuration(absl::Microseconds(kept));
  answer = client.GetSamplingStatistics(request);
  if (!answer.ok()) return answer.status();
  return ToHistory(*answer);
}

}  // namespace negatron::client
