// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CPP_EXAMPLES_FACTOR_MODEL_H_
#define NEGATRON_CLIENT_CPP_EXAMPLES_FACTOR_MODEL_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

namespace negatron::examples {

// Matrix factorisation: a vector for each user and item, whose product is the score.
//
// Thread-safety: thread-compatible.
class FactorModel {
 public:
  FactorModel(int64_t user_count, int64_t item_count, std::mt19937& random)
      : users_(user_count), items_(item_count) {
    std::normal_distribution<float> normal(0, 0.1F);
    for (auto* table : {&users_, &items_}) {
      for (Vector& vector : *table) {
        for (float& value : vector) value = normal(random);
      }
    }
  }

  float Score(int64_t user, int64_t item) const {
    return std::inner_product(users_[user].begin(), users_[user].end(), items_[item].begin(), 0.0F);
  }

  // A step of gradient descent on the sampled softmax of `items`, the first of which is the
  // positive: their logits are score - log q. Returns the loss.
  float Step(int64_t user, std::span<const int64_t> items, std::span<const float> log_q) {
    std::vector<float> shares;
    for (size_t i = 0; i < items.size(); ++i) {
      shares.push_back(std::exp(Score(user, items[i]) - log_q[i]));
    }
    const float sum = std::accumulate(shares.begin(), shares.end(), 0.0F);
    const Vector old = users_[user];
    for (size_t i = 0; i < items.size(); ++i) {
      const float step = kRate * ((i == 0 ? 1.0F : 0.0F) - shares[i] / sum);
      for (int d = 0; d < kDimension; ++d) {
        users_[user][d] += step * items_[items[i]][d];
        items_[items[i]][d] += step * old[d];
      }
    }
    return -std::log(shares[0] / sum);
  }

 private:
  static constexpr int kDimension = 16;
  static constexpr float kRate = 0.1F;
  using Vector = std::array<float, kDimension>;

  std::vector<Vector> users_;
  std::vector<Vector> items_;
};

}  // namespace negatron::examples

#endif  // NEGATRON_CLIENT_CPP_EXAMPLES_FACTOR_MODEL_H_
