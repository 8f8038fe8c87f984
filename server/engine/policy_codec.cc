// SPDX-License-Identifier: Apache-2.0
#include "server/engine/policy_codec.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "storage/rocks/bytes.h"

namespace negatron {
namespace {

// Lists of fields, one for each kind of message, in rising order of numbers, for the writer and
// the reader alike. Numbers are on disk: never renumber or reuse one, nor change a default.

template <typename Archive>
void Fields(Archive& a, SchedulePoint& point) {
  a.Field(1, point.progress);
  a.Field(2, point.value);
}

template <typename Archive>
void Fields(Archive& a, Schedule& schedule) {
  a.Field(1, schedule.interpolation);
  a.Field(2, schedule.points);
}

template <typename Archive>
void Fields(Archive& a, UniformSource& uniform) {
  a.Field(1, uniform.by_base_weight);
}

template <typename Archive>
void Fields(Archive& a, PopularitySource& popularity) {
  a.Field(1, popularity.alpha);
  a.Field(2, popularity.half_life_micros);
  a.Field(3, popularity.window_micros);
  a.Field(4, popularity.within_cohort);
  a.Field(5, popularity.cohort);
}

template <typename Archive>
void Fields(Archive& a, NearestSource& nearest) {
  a.Field(1, nearest.anchor);
  a.Field(2, nearest.rank_begin);
  a.Field(3, nearest.rank_end);
  a.Field(4, nearest.pick);
  a.Field(5, nearest.temperature);
  a.Field(6, nearest.min_score);
  a.Field(7, nearest.max_score);
  a.Field(8, nearest.margin);
  a.Field(9, nearest.relative_margin);
  a.Field(10, nearest.noise);
  a.Field(11, nearest.rank_begin_schedule);
  a.Field(12, nearest.rank_end_schedule);
  a.Field(13, nearest.temperature_schedule);
  a.Field(14, nearest.noise_schedule);
}

template <typename Archive>
void Fields(Archive& a, ExposureSource& exposure) {
  a.Field(1, exposure.half_life_micros);
  a.Field(2, exposure.max_importance_weight);
}

template <typename Archive>
void Fields(Archive& a, MinedSource& mined) {
  a.Field(1, mined.half_life_micros);
}

template <typename Archive>
void Fields(Archive& a, AdversarialSource& adversarial) {
  a.Field(1, adversarial.anchor);
  a.Field(2, adversarial.temperature);
  a.Field(3, adversarial.temperature_schedule);
}

template <typename Archive>
void Fields(Archive& a, AhnsTarget& target) {
  a.Field(1, target.alpha);
  a.Field(2, target.beta);
  a.Field(3, target.p);
}

template <typename Archive>
void Fields(Archive& a, DynamicSource& dynamic) {
  a.Choice(1, dynamic.base);  // 1, 2.
  a.Field(3, dynamic.anchor);
  a.Field(4, dynamic.pool_size);
  a.Field(5, dynamic.pick);
  a.Field(6, dynamic.top_count);
  a.Field(7, dynamic.temperature);
  a.Field(8, dynamic.target);
  a.Field(9, dynamic.temperature_schedule);
}

template <typename Archive>
void Fields(Archive& a, CategoryFilter& filter) {
  a.Field(1, filter.any_of);
  a.Field(2, filter.all_of);
  a.Field(3, filter.none_of);
}

template <typename Archive>
void Fields(Archive& a, Plausibility& plausibility) {
  a.Field(1, plausibility.min_mass);
  a.Field(2, plausibility.half_life_micros);
  a.Field(3, plausibility.min_positive_count);
  a.Field(4, plausibility.min_exposure_count);
}

template <typename Archive>
void Fields(Archive& a, ScoreBounds& bounds) {
  a.Field(1, bounds.anchor);
  a.Field(2, bounds.min_score);
  a.Field(3, bounds.max_score);
  a.Field(4, bounds.margin);
  a.Field(5, bounds.relative_margin);
}

template <typename Archive>
void Fields(Archive& a, PolicyComponent& component) {
  a.Field(1, component.share);
  a.Field(2, component.category);
  a.Field(3, component.share_schedule);
  a.Field(4, component.category_filter);
  a.Field(5, component.plausibility);
  a.Field(6, component.score_bounds);
  a.Choice(64, component.source);  // 64 and its alternatives' numbers.
}

template <typename Archive>
void Fields(Archive& a, MinDistance& min_distance) {
  a.Field(1, min_distance.distance);
  a.Field(2, min_distance.history_count);
}

template <typename Archive>
void Fields(Archive& a, CategoryLimit& limit) {
  a.Field(1, limit.category);
  a.Field(2, limit.max_count);
}

template <typename Archive>
void Fields(Archive& a, Policy& policy) {
  a.Field(1, policy.components);
  a.Field(2, policy.unique);
  a.Field(3, policy.category_cap);
  a.Field(4, policy.positive_floor);
  bool keeps_uncertain = !policy.ExcludesUncertain();
  a.Field(5, keeps_uncertain);
  policy.uncertain_rule = keeps_uncertain ? UncertainRule::kKeep : UncertainRule::kExclude;
  a.Field(6, policy.history_horizon_micros);
  a.Field(7, policy.min_distance);
  a.Field(8, policy.category_limits);
  a.Field(9, policy.fallback);
}

template <typename Archive>
void Fields(Archive& a, PolicyTurn& turn) {
  a.Field(1, turn.length);
  a.Field(2, turn.policy);
}

template <typename Archive>
void Fields(Archive& a, PolicyRotation& rotation) {
  a.Field(1, rotation.cycle_count);
  a.Field(2, rotation.period_micros);
  a.Field(3, rotation.turns);
}

template <typename Archive>
void Fields(Archive& a, PolicyArm& arm) {
  a.Field(1, arm.name);
  a.Field(2, arm.weight);
  a.Field(3, arm.rotation);
}

template <typename Archive>
void Fields(Archive& a, PolicyPlan& plan) {
  a.Field(1, plan.experiment);
  a.Field(2, plan.arms);
}

// The last enumerator of each enum that is written.
constexpr auto Last(Interpolation) { return Interpolation::kSteps; }
constexpr auto Last(NearestAnchor) { return NearestAnchor::kUser; }
constexpr auto Last(NearestPick) { return NearestPick::kTop; }
constexpr auto Last(DynamicPick) { return DynamicPick::kAhns; }

template <typename T>
constexpr bool kIsNumber = std::is_arithmetic_v<T> || std::is_enum_v<T>;

// Numbers as they are on disk: enums and flags in a byte, whole numbers in eight, fractions by
// their bits.
template <typename T>
void AppendNumber(T number, std::string* out) {
  if constexpr (std::is_enum_v<T> || std::is_same_v<T, bool>) {
    AppendLittle(static_cast<uint8_t>(number), out);
  } else if constexpr (std::is_floating_point_v<T>) {
    AppendLittle(std::bit_cast<uint64_t>(static_cast<double>(number)), out);
  } else {
    AppendLittle(static_cast<int64_t>(number), out);
  }
}

// False if it is none.
template <typename T>
bool ReadNumber(ByteReader bytes, T* number) {
  if constexpr (std::is_enum_v<T>) {
    const auto byte = bytes.Little<uint8_t>();
    *number = static_cast<T>(byte);
    return bytes.AtEnd() && byte >= 1 && *number <= Last(T());
  } else if constexpr (std::is_same_v<T, bool>) {
    const auto byte = bytes.Little<uint8_t>();
    *number = byte == 1;
    return bytes.AtEnd() && byte <= 1;
  } else if constexpr (std::is_floating_point_v<T>) {
    *number = std::bit_cast<double>(bytes.Little<uint64_t>());
    return bytes.AtEnd();
  } else {
    const auto whole = bytes.Little<int64_t>();
    *number = static_cast<T>(whole);
    return bytes.AtEnd() && *number == whole;
  }
}

// A field is its number, the length of its value, and the value. One that has the default of its
// message is left out.
class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}

  template <typename T>
  void Field(uint8_t number, T& value) {
    if (value == T()) return;
    Put(number, value);
  }
  // Of numbers whose default is not T(): all are written.
  void Field(uint8_t number, double& value) { Put(number, value); }
  template <typename T>
  void Field(uint8_t number, std::optional<T>& value) {
    if (value.has_value()) Put(number, *value);
  }
  template <typename T>
  void Field(uint8_t number, std::vector<T>& values) {
    for (T& value : values) Put(number, value);
  }
  template <typename... Ts>
  void Choice(uint8_t first, std::variant<Ts...>& value) {
    std::visit([&](auto& chosen) { Put(static_cast<uint8_t>(first + value.index()), chosen); },
               value);
  }

 private:
  template <typename T>
  void Put(uint8_t number, T& value) {
    std::string bytes;
    if constexpr (kIsNumber<T>) {
      AppendNumber(value, &bytes);
    } else if constexpr (std::is_same_v<T, std::string>) {
      bytes = value;
    } else {
      Writer inner(&bytes);
      Fields(inner, value);
    }
    AppendLittle(number, out_);
    AppendLittle(static_cast<uint32_t>(bytes.size()), out_);
    *out_ += bytes;
  }

  std::string* const out_;
};

class Reader {
 public:
  explicit Reader(absl::string_view bytes) : bytes_(bytes) { Next(); }

  template <typename T>
  void Field(uint8_t number, T& value) {
    if (!Has(number)) return;
    Take(value);
    good_ &= !(value == T());  // Is not written.
  }
  void Field(uint8_t number, double& value) {
    if (Has(number)) Take(value);
  }
  template <typename T>
  void Field(uint8_t number, std::optional<T>& value) {
    if (Has(number)) Take(value.emplace());
  }
  template <typename T>
  void Field(uint8_t number, std::vector<T>& values) {
    while (Has(number)) Take(values.emplace_back());
  }
  template <typename... Ts>
  void Choice(uint8_t first, std::variant<Ts...>& value) {
    Alternative<0, Ts...>(first, value);
  }

  // Whether all was read, and read well.
  bool Finish() const { return good_ && !has_ && bytes_.AtEnd(); }

 private:
  template <size_t index, typename... Ts>
  void Alternative(uint8_t first, std::variant<Ts...>& value) {
    if constexpr (index < sizeof...(Ts)) {
      if (Has(static_cast<uint8_t>(first + index))) return Take(value.template emplace<index>());
      Alternative<index + 1>(first, value);
    } else {
      good_ = false;  // One of them is always there.
    }
  }

  bool Has(uint8_t number) const { return has_ && number_ == number; }

  void Next() {
    has_ = bytes_.remaining() > 0;
    if (!has_) return;
    number_ = bytes_.Little<uint8_t>();
    const auto size = bytes_.Little<uint32_t>();
    value_ = bytes_.Take(size);
    good_ &= value_.size() == size;
  }

  template <typename T>
  void Take(T& value) {
    if constexpr (kIsNumber<T>) {
      good_ &= ReadNumber(ByteReader(value_), &value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = std::string(value_);
    } else {
      Reader inner(value_);
      Fields(inner, value);
      good_ &= inner.Finish();
    }
    Next();
  }

  ByteReader bytes_;
  bool good_ = true;
  bool has_ = false;  // The field that comes next:
  uint8_t number_ = 0;
  absl::string_view value_;
};

}  // namespace

absl::StatusOr<std::string> EncodePlan(const PolicyPlan& plan) {
  std::string bytes;
  Writer writer(&bytes);
  PolicyPlan copy = plan;  // Lists of fields are of what can be read into.
  Fields(writer, copy);
  const absl::StatusOr<PolicyPlan> back = DecodePlan(bytes);
  if (!back.ok() || *back != plan) {
    return absl::InternalError("the policy has a part that cannot be stored");
  }
  return bytes;
}

absl::StatusOr<PolicyPlan> DecodePlan(absl::string_view bytes) {
  PolicyPlan plan;
  Reader reader(bytes);
  Fields(reader, plan);
  const auto is_empty = [](const PolicyArm& arm) { return arm.rotation.turns.empty(); };
  if (!reader.Finish() || plan.arms.empty() ||
      std::any_of(plan.arms.begin(), plan.arms.end(), is_empty)) {
    return absl::DataLossError("the recipe of a policy cannot be read");
  }
  return plan;
}

}  // namespace negatron
