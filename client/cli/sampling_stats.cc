// SPDX-License-Identifier: Apache-2.0
#include "client/cli/sampling_stats.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "client/cli/values.h"

namespace negatron::client {
namespace {

// Bars of a line over time: fits a terminal of 80 columns beside a name.
constexpr size_t kBars = 60;

// More than a server keeps: a week of the shortest buckets.
constexpr int64_t kMostPlaces = 60480;

using Lines = std::vector<std::vector<std::string>>;

Lines Served(const v1::SamplingStatistics& stats) {
  const v1::SamplingStatisticsBucket& total = stats.total();
  Lines lines = {{"from", FormatMicros(ToMicros(stats.start_time()))},
                 {"to", FormatMicros(ToMicros(stats.end_time()))},
                 {"length of a bucket", FormatDurationOrNone(stats.resolution())},
                 {"calls", WithCommas(total.call_count())},
                 {"rows", WithCommas(total.row_count())},
                 {"observed rows", absl::StrCat(WithCommas(total.observed_row_count()), ", one in ",
                                                stats.rows_per_observation())}};
  for (const auto& rows : total.rows()) {
    lines.push_back(
        {absl::StrCat("rows, ", v1::RowStatus_Name(rows.row_status())), WithCommas(rows.count())});
  }
  for (const auto& reject : total.rejects()) {
    lines.push_back({absl::StrCat("thrown back, ", v1::RejectCause_Name(reject.reject_cause())),
                     WithCommas(reject.count())});
  }
  return lines;
}

// The draws of a source in each length of time between the first bucket and the last: of earlier
// and later times, nothing was drawn or is kept.
std::vector<int64_t> DrawsOverTime(const v1::SamplingStatistics& stats, const std::string& source) {
  const int64_t length = stats.resolution().seconds() * 1000000;
  if (length <= 0 || stats.buckets().empty()) return {};
  const int64_t first = ToMicros(stats.buckets(0).start_time());
  std::vector<int64_t> values;
  for (const auto& bucket : stats.buckets()) {
    const int64_t place = (ToMicros(bucket.start_time()) - first) / length;
    if (place < static_cast<int64_t>(values.size()) || place > kMostPlaces) continue;
    values.resize(static_cast<size_t>(place) + 1);
    for (const auto& drawn : bucket.sources()) {
      if (drawn.source() == source) values.back() = drawn.drawn_count();
    }
  }
  return values;
}

std::string DescribeLaw(const v1::LawCheck& law) {
  std::string text;
  if (law.has_mean_inverse_error()) {
    text = absl::StrFormat("1/(q n) %.4f +- %.4f", law.mean_inverse(), law.mean_inverse_error());
  }
  if (law.has_collision_z()) {
    absl::StrAppend(&text, text.empty() ? "" : ", ",
                    absl::StrFormat("pairs z %+.2f", law.collision_z()));
  }
  return text.empty() ? "too few draws" : text;
}

// The entry that holds the middle of a histogram of ages, by its bound.
std::string MedianAge(const v1::SamplingStatistics& stats,
                      const v1::SourceSamplingStatistics& source) {
  int64_t sum = 0;
  for (const int64_t count : source.event_age_counts()) sum += count;
  int64_t passed = 0;
  for (int i = 0; sum > 0 && i < source.event_age_counts_size(); ++i) {
    passed += source.event_age_counts(i);
    if (2 * passed < sum) continue;
    if (i >= stats.event_age_bounds_seconds_size()) break;
    return absl::StrCat(
        "<= ", FormatDurationOrNone(ToDuration(absl::Seconds(stats.event_age_bounds_seconds(i)))));
  }
  return sum == 0 ? "-" : "older";
}

}  // namespace

std::string Sparkline(const std::vector<int64_t>& values) {
  static constexpr std::array<const char*, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  int64_t most = 1;
  for (const int64_t value : values) most = std::max(most, value);
  std::string line;
  for (const int64_t value : values) {
    if (value <= 0) {
      line += ' ';
      continue;
    }
    const double part = static_cast<double>(value) / static_cast<double>(most);
    line += kBlocks[static_cast<size_t>(std::lround(part * (kBlocks.size() - 1)))];
  }
  return line;
}

std::vector<int64_t> SumNeighbours(const std::vector<int64_t>& values, size_t width) {
  const size_t step = std::max<size_t>(1, (values.size() + width - 1) / width);
  std::vector<int64_t> sums((values.size() + step - 1) / step);
  for (size_t i = 0; i < values.size(); ++i) sums[i / step] += values[i];
  return sums;
}

void PrintSamplingStats(Session& session, const v1::SamplingStatistics& stats) {
  session.PrintTable({"collection", stats.collection()}, Served(stats));
  const auto& sources = stats.total().sources();
  if (sources.empty()) return;
  Lines draws;
  Lines details;
  Lines times;
  draws.reserve(static_cast<size_t>(sources.size()));
  details.reserve(draws.capacity());
  times.reserve(draws.capacity());
  for (const auto& source : sources) {
    const v1::ScoreSummary& scores = source.scores();
    draws.push_back({source.source(), WithCommas(source.drawn_count()),
                     absl::StrFormat("%.3f", source.configured_share()),
                     absl::StrFormat("%.3f", source.effective_share()),
                     absl::StrFormat("%.0f", source.distinct_item_count()),
                     WithCommas(source.observed_count())});
    details.push_back(
        {source.source(),
         source.has_scores() ? absl::StrFormat("%.3f (%.3f %.3f %.3f)", scores.mean(), scores.p10(),
                                               scores.p50(), scores.p90())
                             : "-",
         MedianAge(stats, source), source.has_law_check() ? DescribeLaw(source.law_check()) : "-"});
    times.push_back(
        {source.source(), Sparkline(SumNeighbours(DrawsOverTime(stats, source.source()), kBars))});
  }
  *session.out << '\n';
  session.PrintTable({"source", "drawn", "share set", "share got", "distinct items", "observed"},
                     draws);
  *session.out << '\n';
  session.PrintTable({"source", "score: mean (p10 p50 p90)", "median age", "law, expected 1 and 0"},
                     details);
  *session.out << '\n';
  session.PrintTable({"source", "drawn over time"}, times);
}

}  // namespace negatron::client
