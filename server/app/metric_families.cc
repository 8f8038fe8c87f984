// SPDX-License-Identifier: Apache-2.0
#include "server/app/metric_families.h"

#include <cstdint>
#include <limits>
#include <span>

namespace negatron {

void MetricFamilies::Gauge(absl::string_view name, absl::string_view help, double value,
                           Labels labels) {
  Append(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void MetricFamilies::Counter(absl::string_view name, absl::string_view help, double value,
                             Labels labels) {
  Append(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void MetricFamilies::Add(absl::string_view name, absl::string_view help, const Histogram& histogram,
                         Labels labels) {
  prometheus::ClientMetric::Histogram& metric =
      Append(name, help, prometheus::MetricType::Histogram, labels).histogram;
  const std::span<const double> bounds = histogram.bounds();
  const std::span<const int64_t> counts = histogram.counts();
  metric.bucket.reserve(counts.size());
  uint64_t count = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    count += static_cast<uint64_t>(counts[i]);
    metric.bucket.push_back(
        {count, i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity()});
  }
  metric.sample_count = count;
  metric.sample_sum = histogram.sum();
}

std::vector<prometheus::MetricFamily> MetricFamilies::Take() {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(families_.size());
  for (auto& [name, family] : families_) families.push_back(std::move(family));
  families_.clear();
  return families;
}

prometheus::ClientMetric& MetricFamilies::Append(absl::string_view name, absl::string_view help,
                                                 prometheus::MetricType type, Labels labels) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    const std::string key(name);
    found =
        families_.emplace(key, prometheus::MetricFamily{key, std::string(help), type, {}}).first;
  }
  prometheus::ClientMetric& metric = found->second.metric.emplace_back();
  metric.label.reserve(labels.size());
  for (const auto& [label, value] : labels) {
    metric.label.push_back({std::string(label), std::string(value)});
  }
  return metric;
}

}  // namespace negatron
