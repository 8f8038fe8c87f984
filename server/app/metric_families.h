// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_METRIC_FAMILIES_H_
#define NEGATRON_SERVER_APP_METRIC_FAMILIES_H_

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include <prometheus/metric_family.h>

#include "storage/base/histogram.h"

namespace negatron {

// Metrics of one scrape, by family. A family has one help text and type, those of its first metric.
//
// Thread-safety: thread-compatible.
class MetricFamilies {
 public:
  using Label = std::pair<absl::string_view, absl::string_view>;
  using Labels = std::initializer_list<Label>;

  void Gauge(absl::string_view name, absl::string_view help, double value, Labels labels = {});
  void Counter(absl::string_view name, absl::string_view help, double value, Labels labels = {});
  void Add(absl::string_view name, absl::string_view help, const Histogram& histogram,
           Labels labels = {});

  // By name; leaves none.
  std::vector<prometheus::MetricFamily> Take();

 private:
  prometheus::ClientMetric& Append(absl::string_view name, absl::string_view help,
                                   prometheus::MetricType type, Labels labels);

  std::map<std::string, prometheus::MetricFamily, std::less<>> families_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_METRIC_FAMILIES_H_
