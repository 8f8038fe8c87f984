// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_POOL_SETTINGS_H_
#define NEGATRON_SERVER_POOL_POOL_SETTINGS_H_

#include <cstdint>
#include <vector>

#include "storage/model/records.h"

namespace negatron {

// What shapes a pool; see CollectionRecord.
struct PoolSettings {
  IdType item_id_type = IdType::kInt64;
  IdType user_id_type = IdType::kInt64;
  int64_t half_life_micros = 0;
  std::vector<int64_t> half_lives = {};
  std::vector<int64_t> windows = {};
  bool cohort_popularity = false;
  bool category_popularity = false;
  int mined_per_user = kDefaultMinedPerUser;
  int64_t popularity_grid_micros = DefaultPopularityGrid(0);  // Positive.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_POOL_SETTINGS_H_
