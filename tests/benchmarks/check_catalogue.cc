// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/check_catalogue.h"

#include <algorithm>
#include <random>

#include "tests/benchmarks/bench_data.h"

namespace negatron::bench {
namespace {

constexpr uint64_t kSeed = 7601;
constexpr int kUserColumnsPerUser = 10;

class Generator {
 public:
  Generator(CheckCatalogue* out, absl::Time end)
      : out_(*out), begin_(absl::ToUnixMicros(end - kSpan)) {}

  void MakeItems() {
    for (int64_t i = 0; i < out_.item_count(); ++i) {
      const auto [from, until] = std::minmax({AnyTime(), AnyTime()});
      const bool gap = random_() % 5 == 0 && out_.base.alive_from_micros[i] < from &&
                       from < until && until < out_.base.alive_until_micros[i];
      out_.gap_from_micros.push_back(gap ? from : 0);
      out_.gap_until_micros.push_back(gap ? until : 0);
      const bool large = random_() % 2 == 0;
      out_.categories.push_back(large ? 0 : static_cast<uint8_t>(random_() % kCategories));
    }
  }

  void MakeUserColumns() {
    std::vector<int64_t> chosen(out_.event_count());  // [users, kEventsPerUser].
    std::vector<int64_t> filled(out_.event_count() / kEventsPerUser, 0);
    for (int64_t e = 0; e < out_.event_count(); ++e) {
      const int64_t user = out_.base.user_ids[e];
      chosen[user * kEventsPerUser + filled[user]++] = out_.base.event_item_ids[e];
    }
    for (int n = 0; n < kUserColumnsPerUser; ++n) {
      for (int64_t user = 0; user < static_cast<int64_t>(filled.size()); ++user) {
        const int64_t own = chosen[user * kEventsPerUser + random_() % kEventsPerUser];
        Append(user, random_() % 2 == 0 ? own : AnyEventItem(), &out_.exposures);
        Append(user, AnyEventItem(), &out_.mined);
      }
    }
  }

 private:
  int64_t AnyTime() {
    const auto span = static_cast<uint64_t>(absl::ToInt64Microseconds(kSpan));
    return begin_ + static_cast<int64_t>(random_() % span);
  }

  int64_t AnyEventItem() { return out_.base.event_item_ids[random_() % out_.event_count()]; }

  void Append(int64_t user, int64_t item, UserColumns* columns) {
    columns->user_ids.push_back(user);
    columns->item_ids.push_back(item);
    columns->time_micros.push_back(AnyTime());
  }

  CheckCatalogue& out_;
  const int64_t begin_;
  std::mt19937_64 random_{kSeed};
};

}  // namespace

CheckCatalogue GenerateCheckCatalogue(int64_t item_count, int64_t event_count, absl::Time end) {
  CheckCatalogue out;
  out.base = GenerateCatalogue(item_count, event_count, end);
  Generator generator(&out, end);
  generator.MakeItems();
  generator.MakeUserColumns();
  return out;
}

}  // namespace negatron::bench
