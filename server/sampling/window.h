// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_WINDOW_H_
#define NEGATRON_SERVER_SAMPLING_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "server/index/search.h"
#include "server/sampling/source.h"

namespace negatron {

// The scored items that a row picks from, each once and in an order, and the way
// in which it picks.
//
// Thread-safety: thread-compatible.
class Window {
 public:
  Window() = default;  // Empty.

  // Picks one after the other, and behind the last the first again: no law.
  static Window InOrder(std::vector<Hit> hits);
  // Picks each with the same probability.
  static Window Uniform(std::vector<Hit> hits);
  // Picks hit i with a probability in proportion to
  //   copies[i] * exp(score / temperature),
  // temperature > 0; no `copies` are 1 of each.
  static Window Softmax(std::vector<Hit> hits, double temperature,
                        std::span<const uint32_t> copies = {});

  bool empty() const { return hits_.empty(); }
  const Hit& hit(size_t i) const { return hits_[i]; }
  // Probability that one pick is hit i; NaN without a law.
  double q(size_t i) const;
  // The same of an item that need not be in the window.
  double Probability(Ordinal item);

  // The next pick of a window that is not empty, by random bits.
  size_t Pick(uint64_t bits);

  // Adds all hits; without a law, they are taken in order.
  void AppendTo(std::vector<Candidate>* candidates) const;

 private:
  std::vector<Hit> hits_;
  std::vector<double> q_;                            // Empty: there is no law.
  std::vector<double> cumulated_;                    // Weights of a softmax.
  std::vector<std::pair<Ordinal, double>> by_item_;  // Made when first asked for.
  size_t next_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_WINDOW_H_
