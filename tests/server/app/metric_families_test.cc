// SPDX-License-Identifier: Apache-2.0
#include "server/app/metric_families.h"

#include <string>

#include <gmock/gmock.h>
#include <prometheus/text_serializer.h>

#include "server/app/process_metrics.h"

namespace negatron {
namespace {

using testing::HasSubstr;

std::string Text(MetricFamilies* families) {
  return prometheus::TextSerializer().Serialize(families->Take());
}

TEST(MetricFamiliesTest, WritesTheTextThatPrometheusReads) {
  MetricFamilies families;
  families.Counter("b_total", "Bees.", 3, {{"kind", "honey"}});
  families.Gauge("a", "Ants.", 0.5);
  families.Counter("b_total", "", 4, {{"kind", "b\"um\nble"}});
  EXPECT_EQ(Text(&families),
            "# HELP a Ants.\n"
            "# TYPE a gauge\n"
            "a 0.5\n"
            "# HELP b_total Bees.\n"
            "# TYPE b_total counter\n"
            "b_total{kind=\"honey\"} 3\n"
            "b_total{kind=\"b\\\"um\\nble\"} 4\n");
  EXPECT_EQ(Text(&families), "");
}

TEST(MetricFamiliesTest, HistogramsAreCumulative) {
  static constexpr double kBounds[] = {0.25, 1};
  Histogram histogram(kBounds);
  for (const double value : {0.25, 0.5, 0.75, 8.0}) histogram.Add(value);
  MetricFamilies families;
  families.Add("h", "Heights.", histogram, {{"of", "x"}});
  EXPECT_EQ(Text(&families),
            "# HELP h Heights.\n"
            "# TYPE h histogram\n"
            "h_count{of=\"x\"} 4\n"
            "h_sum{of=\"x\"} 9.5\n"
            "h_bucket{of=\"x\",le=\"0.25\"} 1\n"
            "h_bucket{of=\"x\",le=\"1\"} 3\n"
            "h_bucket{of=\"x\",le=\"+Inf\"} 4\n");
}

TEST(ProcessMetricsTest, TellsWhatTheSystemTells) {
  MetricFamilies families;
  CollectProcess(&families);
  const std::string text = Text(&families);
  for (const char* name :
       {"process_resident_memory_bytes ", "process_open_fds ", "process_max_fds ",
        "process_cpu_seconds_total ", "process_start_time_seconds "}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name));
  }
}

}  // namespace
}  // namespace negatron
