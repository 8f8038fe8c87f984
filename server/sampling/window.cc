// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/window.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "storage/base/philox.h"

namespace negatron {

Window Window::InOrder(std::vector<Hit> hits) {
  Window window;
  window.hits_ = std::move(hits);
  return window;
}

Window Window::Uniform(std::vector<Hit> hits) {
  Window window;
  window.hits_ = std::move(hits);
  window.q_.assign(window.hits_.size(), 1.0 / static_cast<double>(window.hits_.size()));
  return window;
}

Window Window::Softmax(std::vector<Hit> hits, double temperature,
                       std::span<const uint32_t> copies) {
  Window window;
  window.hits_ = std::move(hits);
  // Relative to the highest score, so that nothing overflows.
  double highest = -std::numeric_limits<double>::infinity();
  for (const Hit& hit : window.hits_) highest = std::max(highest, double{hit.score});
  double sum = 0;
  for (size_t i = 0; i < window.hits_.size(); ++i) {
    double weight = std::exp((window.hits_[i].score - highest) / temperature);
    if (!copies.empty()) weight *= copies[i];
    window.q_.push_back(weight);
    window.cumulated_.push_back(sum += weight);
  }
  for (double& q : window.q_) q = std::max(q / sum, kLeastProbability);
  return window;
}

double Window::q(size_t i) const {
  return q_.empty() ? std::numeric_limits<double>::quiet_NaN() : q_[i];
}

double Window::Probability(Ordinal item) {
  if (q_.empty()) return std::numeric_limits<double>::quiet_NaN();
  if (by_item_.empty()) {
    for (size_t i = 0; i < hits_.size(); ++i) by_item_.emplace_back(hits_[i].item, q_[i]);
    std::sort(by_item_.begin(), by_item_.end());
  }
  const auto found =
      std::lower_bound(by_item_.begin(), by_item_.end(), std::pair<Ordinal, double>(item, -1.0));
  return found != by_item_.end() && found->first == item ? found->second : 0.0;
}

size_t Window::Pick(uint64_t bits) {
  const size_t size = hits_.size();
  if (q_.empty()) return next_++ % size;
  if (cumulated_.empty()) return BelowBound(bits, size);
  const double target = UnitDouble(bits) * cumulated_.back();
  const auto found = std::upper_bound(cumulated_.begin(), cumulated_.end(), target);
  return std::min(static_cast<size_t>(found - cumulated_.begin()), size - 1);
}

void Window::AppendTo(std::vector<Candidate>* candidates) const {
  for (size_t i = 0; i < hits_.size(); ++i) {
    Candidate& candidate = candidates->emplace_back(Candidate{hits_[i].item, 0, hits_[i].score});
    if (q_.empty()) {
      candidate.preference = -static_cast<float>(i);
    } else if (q_[i] > kLeastProbability) {
      candidate.weight = q_[i];
    }
  }
}

}  // namespace negatron
