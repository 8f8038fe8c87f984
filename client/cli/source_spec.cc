// SPDX-License-Identifier: Apache-2.0
#include "client/cli/source_spec.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "client/cli/values.h"

namespace negatron::client {

const char kSourceHelp[] =
    "Sources of --source, as NAME[:KEY=VALUE,...]; several are mixed by their shares:\n"
    "  uniform      items that are alive. by-base-weight\n"
    "  popularity   by decayed events. alpha=0.75, half-life=30d (none: no decay),\n"
    "               window=90d, within-cohort\n"
    "  exposure     what the user was shown and did not choose. half-life,\n"
    "               max-importance-weight=10\n"
    "  mined        negatives handed back for the user. half-life\n"
    "  nearest      by embedding. anchor=positive (or user, or query, with --query), begin=0,\n"
    "               end=100, pick=uniform, softmax or top, temperature=0.1,\n"
    "               min-score=-1, max-score=0.9, margin=0.1, relative-margin=0.05\n"
    "               (below the positive's score), noise=0.2 (on the anchor)\n"
    "  adversarial  by the softmax of scores over all items. anchor=positive (or user, query),\n"
    "               temperature=0.1\n"
    "  dynamic      from a pool drawn for each row. base=uniform or popularity (its keys\n"
    "               follow it), pool=64, pick=top, uniform, softmax or ahns, top=4,\n"
    "               temperature=0.1, target-alpha=1, target-beta=0.5, target-p=-2,\n"
    "               anchor=positive (or user, query)\n"
    "  all          share=1, category=NAME\n";

namespace {

using Setter = std::function<absl::Status(const std::string& value)>;
using Setters = std::map<std::string, Setter>;

constexpr int32_t kDefaultRankEnd = 100;
constexpr int32_t kMaxPoolSize = 1024;

absl::Status Bad(absl::string_view key, absl::string_view value, absl::string_view want) {
  return absl::InvalidArgumentError(absl::StrCat(key, ": `", value, "` is not ", want));
}

// A number above `least`, or equal to it if `inclusive`, and at most `most`.
struct Range {
  double least;
  bool inclusive;
  double most;
  const char* text;
};

Setter Number(const char* key, Range range, std::function<void(double)> set) {
  return [key, range, set = std::move(set)](const std::string& value) {
    double number = 0;
    if (!absl::SimpleAtod(value, &number) || !std::isfinite(number) || number < range.least ||
        (number == range.least && !range.inclusive) || number > range.most) {
      return Bad(key, value, absl::StrCat("a number ", range.text));
    }
    set(number);
    return absl::OkStatus();
  };
}

Setter Whole(const char* key, int32_t least, int32_t most, std::function<void(int32_t)> set) {
  return [key, least, most, set = std::move(set)](const std::string& value) {
    int32_t number = 0;
    if (!absl::SimpleAtoi(value, &number) || number < least || number > most) {
      return Bad(key, value, absl::StrCat("a whole number in [", least, ", ", most, "]"));
    }
    set(number);
    return absl::OkStatus();
  };
}

Setter Rank(const char* key, std::function<void(int32_t)> set) {
  return Whole(key, 0, 10'000, std::move(set));
}

template <typename Source>
Setter HalfLife(Source* source) {
  return [source](const std::string& value) -> absl::Status {
    const absl::StatusOr<absl::Duration> duration = ParseDurationOrNone(value);
    if (!duration.ok()) return Bad("half-life", value, "a length of time such as 30d, or none");
    *source->mutable_half_life() = ToDuration(*duration);
    return absl::OkStatus();
  };
}

Setter Window(v1::PopularitySource* source) {
  return [source](const std::string& value) -> absl::Status {
    const absl::StatusOr<absl::Duration> duration = ParsePositiveDuration(value);
    if (!duration.ok()) return Bad("window", value, "a length of time such as 30d");
    *source->mutable_window() = ToDuration(*duration);
    return absl::OkStatus();
  };
}

Setter Flag(const char* key, std::function<void()> set) {
  return [key, set = std::move(set)](const std::string& value) {
    if (!value.empty()) return Bad(key, value, "expected: it takes no value");
    set();
    return absl::OkStatus();
  };
}

template <typename Value>
Setter OneOf(const char* key, std::map<std::string, Value> names, std::function<void(Value)> set) {
  return [key, names = std::move(names), set = std::move(set)](const std::string& value) {
    const auto found = names.find(value);
    if (found == names.end()) {
      return Bad(key, value,
                 absl::StrCat("one of ", absl::StrJoin(names, ", ", [](std::string* out, auto& n) {
                                out->append(n.first);
                              })));
    }
    set(found->second);
    return absl::OkStatus();
  };
}

constexpr double kAny = std::numeric_limits<double>::max();

void AddPopularity(v1::PopularitySource* source, Setters* setters) {
  (*setters)["alpha"] =
      Number("alpha", {0, false, 4, "in (0, 4]"}, [source](double v) { source->set_alpha(v); });
  (*setters)["half-life"] = HalfLife(source);
  (*setters)["window"] = Window(source);
  (*setters)["within-cohort"] =
      Flag("within-cohort", [source] { source->set_within_cohort(true); });
}

void AddUniform(v1::UniformSource* source, Setters* setters) {
  (*setters)["by-base-weight"] =
      Flag("by-base-weight", [source] { source->set_by_base_weight(true); });
}

void AddExposure(v1::ExposureSource* source, Setters* setters) {
  (*setters)["half-life"] = HalfLife(source);
  (*setters)["max-importance-weight"] =
      Number("max-importance-weight", {1, true, kAny, "of at least 1"},
             [source](double v) { source->set_max_importance_weight(v); });
}

template <typename Source>
void AddAnchor(Source* source, Setters* setters) {
  source->set_anchor(v1::NEAREST_ANCHOR_POSITIVE);
  (*setters)["anchor"] =
      OneOf<v1::NearestAnchor>("anchor",
                               {{"positive", v1::NEAREST_ANCHOR_POSITIVE},
                                {"query", v1::NEAREST_ANCHOR_QUERY},
                                {"user", v1::NEAREST_ANCHOR_USER}},
                               [source](v1::NearestAnchor anchor) { source->set_anchor(anchor); });
}

template <typename Source>
void AddTemperature(Source* source, Setters* setters) {
  (*setters)["temperature"] = Number("temperature", {0, false, kAny, "above 0"},
                                     [source](double v) { source->set_temperature(v); });
}

void AddNearest(v1::NearestSource* source, Setters* setters) {
  AddAnchor(source, setters);
  AddTemperature(source, setters);
  source->set_rank_end(kDefaultRankEnd);
  (*setters)["begin"] = Rank("begin", [source](int32_t rank) { source->set_rank_begin(rank); });
  (*setters)["end"] = Rank("end", [source](int32_t rank) { source->set_rank_end(rank); });
  (*setters)["pick"] =
      OneOf<v1::NearestPick>("pick",
                             {{"uniform", v1::NEAREST_PICK_UNIFORM},
                              {"softmax", v1::NEAREST_PICK_SOFTMAX},
                              {"top", v1::NEAREST_PICK_TOP}},
                             [source](v1::NearestPick pick) { source->set_pick(pick); });
  constexpr Range kFinite = {-kAny, true, kAny, "that is finite"};
  constexpr Range kSize = {0, true, kAny, "of at least 0"};
  (*setters)["min-score"] =
      Number("min-score", kFinite, [source](double v) { source->set_min_score(v); });
  (*setters)["max-score"] =
      Number("max-score", kFinite, [source](double v) { source->set_max_score(v); });
  (*setters)["margin"] = Number("margin", kSize, [source](double v) { source->set_margin(v); });
  (*setters)["relative-margin"] =
      Number("relative-margin", kSize, [source](double v) { source->set_relative_margin(v); });
  (*setters)["noise"] = Number("noise", kSize, [source](double v) { source->set_noise(v); });
}

// `base` adds the keys of what it names.
void AddDynamic(v1::DynamicSource* source, Setters* setters) {
  AddAnchor(source, setters);
  AddTemperature(source, setters);
  (*setters)["base"] = [source, setters](const std::string& value) {
    if (source->base_case() != v1::DynamicSource::BASE_NOT_SET) {
      return Bad("base", value, "expected: there is one already");
    }
    if (value == "uniform") {
      AddUniform(source->mutable_uniform(), setters);
    } else if (value == "popularity") {
      AddPopularity(source->mutable_popularity(), setters);
    } else {
      return Bad("base", value, "one of popularity, uniform");
    }
    return absl::OkStatus();
  };
  (*setters)["pool"] =
      Whole("pool", 1, kMaxPoolSize, [source](int32_t size) { source->set_pool_size(size); });
  (*setters)["top"] =
      Whole("top", 1, kMaxPoolSize, [source](int32_t count) { source->set_top_count(count); });
  source->set_pick(v1::DYNAMIC_PICK_TOP);
  (*setters)["pick"] =
      OneOf<v1::DynamicPick>("pick",
                             {{"top", v1::DYNAMIC_PICK_TOP},
                              {"uniform", v1::DYNAMIC_PICK_UNIFORM},
                              {"softmax", v1::DYNAMIC_PICK_SOFTMAX},
                              {"ahns", v1::DYNAMIC_PICK_AHNS}},
                             [source](v1::DynamicPick pick) { source->set_pick(pick); });
  constexpr Range kFinite = {-kAny, true, kAny, "that is finite"};
  (*setters)["target-alpha"] = Number(
      "target-alpha", kFinite, [source](double v) { source->mutable_target()->set_alpha(v); });
  (*setters)["target-beta"] =
      Number("target-beta", kFinite, [source](double v) { source->mutable_target()->set_beta(v); });
  (*setters)["target-p"] =
      Number("target-p", kFinite, [source](double v) { source->mutable_target()->set_p(v); });
}

// What must hold between the keys.
absl::Status CheckNearest(const v1::NearestSource& source) {
  if (source.rank_begin() >= source.rank_end()) {
    return absl::InvalidArgumentError("begin: must be below end");
  }
  if (source.has_min_score() && source.has_max_score() && source.max_score() < source.min_score()) {
    return absl::InvalidArgumentError("max-score: must not be below min-score");
  }
  const bool softmax = source.pick() == v1::NEAREST_PICK_SOFTMAX;
  if (softmax && source.temperature() == 0) {
    return absl::InvalidArgumentError("temperature: pick=softmax needs one");
  }
  if (!softmax && source.temperature() != 0) {
    return absl::InvalidArgumentError("temperature: only pick=softmax takes one");
  }
  return absl::OkStatus();
}

absl::Status CheckDynamic(const v1::DynamicSource& source) {
  const auto bad = [](absl::string_view message) { return absl::InvalidArgumentError(message); };
  if (source.pool_size() == 0) return bad("pool: dynamic needs one");
  const bool takes_top =
      source.pick() == v1::DYNAMIC_PICK_TOP || source.pick() == v1::DYNAMIC_PICK_UNIFORM;
  if (takes_top && source.top_count() == 0) return bad("top: pick=top and pick=uniform need one");
  if (!takes_top && source.top_count() != 0) {
    return bad("top: only pick=top and pick=uniform take one");
  }
  if (source.top_count() > source.pool_size()) return bad("top: must not be above pool");
  const bool softmax = source.pick() == v1::DYNAMIC_PICK_SOFTMAX;
  if (softmax && source.temperature() == 0) return bad("temperature: pick=softmax needs one");
  if (!softmax && source.temperature() != 0) {
    return bad("temperature: only pick=softmax takes one");
  }
  const bool ahns = source.pick() == v1::DYNAMIC_PICK_AHNS;
  if (ahns && !source.has_target()) {
    return bad("target-alpha, target-beta, target-p: pick=ahns needs them");
  }
  if (!ahns && source.has_target()) {
    return bad("target-alpha, target-beta, target-p: only pick=ahns takes them");
  }
  return absl::OkStatus();
}

// Makes the source of that name, and what sets its keys.
absl::Status Begin(absl::string_view name, v1::PolicyComponent* component, Setters* setters) {
  if (name == "uniform") {
    AddUniform(component->mutable_uniform(), setters);
  } else if (name == "popularity") {
    AddPopularity(component->mutable_popularity(), setters);
  } else if (name == "exposure") {
    AddExposure(component->mutable_exposure(), setters);
  } else if (name == "mined") {
    (*setters)["half-life"] = HalfLife(component->mutable_mined());
  } else if (name == "nearest") {
    AddNearest(component->mutable_nearest(), setters);
  } else if (name == "adversarial") {
    AddAnchor(component->mutable_adversarial(), setters);
    AddTemperature(component->mutable_adversarial(), setters);
  } else if (name == "dynamic") {
    AddDynamic(component->mutable_dynamic(), setters);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("`", name,
                     "` is none of uniform, popularity, exposure, mined, nearest, adversarial, "
                     "dynamic"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::PolicyComponent> ParseSource(absl::string_view spec) {
  const size_t colon = spec.find(':');
  v1::PolicyComponent component;
  component.set_share(1);
  Setters setters;
  setters["share"] = Number("share", {0, true, kAny, "of at least 0"},
                            [&component](double v) { component.set_share(v); });
  setters["category"] = [&component](const std::string& value) {
    if (value.empty()) return Bad("category", value, "a name");
    component.set_category(value);
    return absl::OkStatus();
  };
  if (absl::Status status = Begin(spec.substr(0, colon), &component, &setters); !status.ok()) {
    return status;
  }
  if (colon != absl::string_view::npos) {
    for (const absl::string_view part : absl::StrSplit(spec.substr(colon + 1), ',')) {
      const size_t equals = part.find('=');
      const std::string key(part.substr(0, equals));
      const auto setter = setters.find(key);
      if (setter == setters.end()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "`", key, "` is no key of ", spec.substr(0, colon), ", which takes ",
            absl::StrJoin(setters, ", ",
                          [](std::string* out, const auto& known) { out->append(known.first); })));
      }
      const absl::string_view value =
          equals == absl::string_view::npos ? absl::string_view() : part.substr(equals + 1);
      if (absl::Status status = setter->second(std::string(value)); !status.ok()) return status;
    }
  }
  if (component.has_nearest()) {
    if (absl::Status status = CheckNearest(component.nearest()); !status.ok()) return status;
  }
  if (component.has_dynamic()) {
    if (absl::Status status = CheckDynamic(component.dynamic()); !status.ok()) return status;
  }
  if (component.has_adversarial() && component.adversarial().temperature() == 0) {
    return absl::InvalidArgumentError("temperature: adversarial needs one");
  }
  return component;
}

}  // namespace negatron::client
