// SPDX-License-Identifier: Apache-2.0
#include "client/cli/inspection_page.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "client/cli/inspect_page_files.h"
#include "client/cli/json_writer.h"
#include "client/cli/values.h"

namespace negatron::client {
namespace {

// Of attributes on the page: what tells items apart comes first in them.
constexpr size_t kMaxLabelBytes = 120;

std::string StateName(PointState state) {
  switch (state) {
    case PointState::kPositive:
      return "positive";
    case PointState::kExcluded:
      return "excluded";
    case PointState::kUncertain:
      return "uncertain";
    case PointState::kDead:
      return "dead";
    case PointState::kDrawable:
      return "drawable";
    case PointState::kOutOfReach:
      return "out of reach";
  }
  return "";
}

// Whether the guards of a source refuse the item: not the row, nor its lack of weight or score.
bool IsRefusal(uint8_t obstacle) {
  return obstacle == v1::DRAW_OBSTACLE_CATEGORY || obstacle == v1::DRAW_OBSTACLE_CATEGORY_FILTER ||
         obstacle == v1::DRAW_OBSTACLE_PLAUSIBILITY || obstacle == v1::DRAW_OBSTACLE_SCORE_BOUNDS;
}

void Text(absl::string_view key, absl::string_view value, JsonWriter* json) {
  json->Key(key);
  json->String(value);
}

void Count(absl::string_view key, int64_t value, JsonWriter* json) {
  json->Key(key);
  json->Integer(value);
}

void Time(absl::string_view key, bool has, int64_t micros, JsonWriter* json) {
  json->Key(key);
  if (has) {
    json->String(FormatMicros(micros));
  } else {
    json->Null();
  }
}

void WriteCollection(const Inspection& page, JsonWriter* json) {
  const v1::CollectionStatistics& stats = page.statistics;
  json->Key("collection");
  json->BeginObject();
  Text("name", page.collection.name(), json);
  Count("dimension", page.collection.embedding_settings().dimension(), json);
  Text("metric",
       ShortName(v1::EmbeddingMetric_Name(page.collection.embedding_settings().metric()),
                 "EMBEDDING_METRIC_"),
       json);
  Count("items", stats.item_count(), json);
  Count("living", stats.living_item_count(), json);
  Count("users", stats.user_count(), json);
  Count("events", stats.past_event_count(), json);
  Count("embeddings", stats.embedding_count(), json);
  Count("modelVersion", stats.highest_model_version(), json);
  Time("firstEvent", stats.has_first_event_time(), ToMicros(stats.first_event_time()), json);
  Time("lastEvent", stats.has_last_event_time(), ToMicros(stats.last_event_time()), json);
  json->EndObject();
}

void WriteRow(const Inspection& page, JsonWriter* json) {
  json->Key("row");
  json->BeginObject();
  Text("user", page.user, json);
  Text("positive", page.positive, json);
  Text("policy", page.policy_name, json);
  Text("arm", page.arm, json);
  Text("asOf", FormatMicros(page.as_of_micros), json);
  Text("seed", absl::StrCat(page.seed), json);
  Text("status", ShortName(v1::RowStatus_Name(page.row_status), "ROW_STATUS_"), json);
  Text("law", ShortName(v1::LawKind_Name(page.law_kind), "LAW_KIND_"), json);
  Count("drawn", page.drawn_count, json);
  Text("firstCommit", absl::StrCat(page.first_commit), json);
  Text("lastCommit", absl::StrCat(page.last_commit), json);
  Count("eventsRead", page.events_read, json);
  json->Key("historyComplete");
  json->Bool(page.history_complete);
  json->EndObject();
}

void WriteMap(const Inspection& page, JsonWriter* json) {
  json->Key("map");
  json->BeginObject();
  Count("fitted", page.fitted_count, json);
  const double total = page.axes.total_variance;
  std::vector<double> parts;
  for (const double variance : page.axes.variances) {
    parts.push_back(total > 0 ? variance / total : 0);
  }
  WriteNumbers("varianceParts", parts, json);
  json->Key("anchor");
  if (page.anchor.has_value()) {
    json->BeginObject();
    Text("kind", page.anchor->kind, json);
    Text("id", page.anchor->id, json);
    json->Key("x");
    json->Number(page.anchor->x);
    json->Key("y");
    json->Number(page.anchor->y);
    json->EndObject();
  } else {
    json->Null();
  }
  json->EndObject();
}

// Names of categories, those of most points first, and their places by name.
std::vector<std::string> OrderCategories(const Points& points, std::map<std::string, int>* places) {
  std::map<std::string, int64_t> counts;
  for (const auto& names : points.categories) {
    for (const std::string& name : names) ++counts[name];
  }
  std::vector<std::string> order;
  order.reserve(counts.size());
  for (const auto& [name, count] : counts) order.push_back(name);
  std::stable_sort(order.begin(), order.end(), [&](const std::string& a, const std::string& b) {
    return counts[a] > counts[b];
  });
  for (size_t i = 0; i < order.size(); ++i) (*places)[order[i]] = static_cast<int>(i);
  return order;
}

void WriteCategories(const Points& points, JsonWriter* json) {
  std::map<std::string, int> places;
  WriteStrings("categories", OrderCategories(points, &places), json);
  json->Key("itemCategories");
  json->BeginArray();
  for (const auto& names : points.categories) {
    json->BeginArray();
    for (const std::string& name : names) json->Integer(places[name]);
    json->EndArray();
  }
  json->EndArray();
}

void WriteTimes(absl::string_view key, const std::vector<int64_t>& micros, JsonWriter* json) {
  json->Key(key);
  json->BeginArray();
  for (const int64_t time : micros) {
    if (time == INT64_MAX) {
      json->Null();
    } else {
      json->String(FormatMicros(time));
    }
  }
  json->EndArray();
}

void WritePoints(const Points& points, JsonWriter* json) {
  WriteStrings("ids", points.ids, json);
  std::vector<std::string> labels;
  labels.reserve(points.attributes.size());
  for (const std::string& bytes : points.attributes)
    labels.push_back(bytes.substr(0, kMaxLabelBytes));
  WriteStrings("labels", labels, json);
  WriteIntegers("roles", points.roles, json);
  WriteNumbers("x", points.x, json);
  WriteNumbers("y", points.y, json);
  WriteIntegers("drawCounts", points.draw_counts, json);
  WriteIntegers("drawSources", points.draw_sources, json);
  WriteIntegers("neighbourRanks", points.neighbour_ranks, json);
  WriteNumbers("neighbourScores", points.neighbour_scores, json);
}

void WriteExplanation(const Explanation& told, JsonWriter* json) {
  std::vector<std::string> states;
  std::vector<std::string> grounds;
  states.reserve(told.classes.size());
  grounds.reserve(told.classes.size());
  for (size_t i = 0; i < told.classes.size(); ++i) {
    states.push_back(StateName(StateOf(told, i)));
    grounds.push_back(absl::StrJoin(
        BitNames(told.grounds[i], *v1::ItemGround_descriptor(), "ITEM_GROUND_"), " "));
  }
  WriteStrings("states", states, json);
  WriteStrings("grounds", grounds, json);
  WriteIntegers("alive", told.alive, json);
  WriteTimes("firstPositive", told.first_positive_micros, json);
  WriteNumbers("masses", told.masses, json);
  WriteIntegers("popularityRanks", told.popularity_ranks, json);
  WriteNumbers("positiveDistances", told.positive_distances, json);
  WriteStrings("nearestPositives", told.nearest_positives, json);
  WriteNumbers("logQ", told.log_q, json);
  WriteIntegers("obstacles", told.obstacles, json);
  WriteNumbers("logQSource", told.log_q_source, json);
  WriteNumbers("scores", told.scores, json);
  WriteIntegers("scoreRanks", told.score_ranks, json);
}

void WriteSources(const Explanation& told, JsonWriter* json) {
  json->Key("sources");
  json->BeginArray();
  for (size_t s = 0; s < told.sources.size(); ++s) {
    json->BeginObject();
    Text("name", told.sources[s], json);
    json->Key("share");
    json->Number(s < told.effective_shares.size() ? told.effective_shares[s] : std::nan(""));
    Count("ranked", told.ranked_counts[s], json);
    json->EndObject();
  }
  json->EndArray();
  std::vector<std::string> names;
  names.reserve(v1::DrawObstacle_ARRAYSIZE);
  for (int i = 0; i < v1::DrawObstacle_ARRAYSIZE; ++i) {
    names.push_back(ShortName(v1::DrawObstacle_Name(i), "DRAW_OBSTACLE_"));
  }
  WriteStrings("obstacleNames", names, json);
}

void WriteTotal(const v1::SourceSamplingStatistics& total, JsonWriter* json) {
  const v1::ScoreSummary& scores = total.scores();
  Count("totalDrawn", total.drawn_count(), json);
  Count("totalScored", scores.count(), json);
  WriteNumbers("totalScores",
               std::vector<double>{scores.mean(), scores.p10(), scores.p50(), scores.p90()}, json);
  json->Key("distinctItems");
  json->Number(total.distinct_item_count());
}

void WriteSampling(const SamplingHistory& history, JsonWriter* json) {
  json->Key("sampling");
  json->BeginObject();
  Text("problem", history.problem, json);
  WriteTimes("starts", history.start_micros, json);
  WriteTimes("ends", history.end_micros, json);
  json->Key("sources");
  json->BeginArray();
  for (const SamplingHistory::Source& source : history.sources) {
    json->BeginObject();
    Text("name", source.name, json);
    WriteIntegers("drawn", source.drawn_counts, json);
    WriteNumbers("hardness", source.hardness, json);
    WriteTotal(source.total, json);
    json->EndObject();
  }
  json->EndArray();
  WriteNumbers("ageBounds", history.age_bounds, json);
  WriteIntegers("ageCounts", history.age_counts, json);
  json->EndObject();
}

}  // namespace

PointState StateOf(const Explanation& told, size_t item) {
  if ((told.grounds[item] & (v1::ITEM_GROUND_ROW_POSITIVE | v1::ITEM_GROUND_HISTORY)) != 0) {
    return PointState::kPositive;
  }
  if ((told.grounds[item] & v1::ITEM_GROUND_NAMED) != 0) return PointState::kExcluded;
  if (told.classes[item] == v1::ITEM_CLASS_UNCERTAIN) return PointState::kUncertain;
  if (told.classes[item] != v1::ITEM_CLASS_NEGATIVE) return PointState::kDead;
  bool refused = false;
  bool other = false;
  for (size_t s = 0; s < told.sources.size(); ++s) {
    const uint8_t obstacle = told.obstacles[item * told.sources.size() + s];
    // A fallback can draw what no component can, but does not unless it has to.
    if (s >= told.effective_shares.size()) continue;
    if (obstacle == v1::DRAW_OBSTACLE_UNSPECIFIED) return PointState::kDrawable;
    if (obstacle == v1::DRAW_OBSTACLE_NO_SHARE) continue;
    (IsRefusal(obstacle) ? refused : other) = true;
  }
  return refused && !other ? PointState::kExcluded : PointState::kOutOfReach;
}

std::string InspectionJson(const Inspection& inspection) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  WriteCollection(inspection, &json);
  WriteRow(inspection, &json);
  WriteMap(inspection, &json);
  WriteSources(inspection.explanation, &json);
  json.Key("points");
  json.BeginObject();
  WritePoints(inspection.points, &json);
  WriteCategories(inspection.points, &json);
  WriteExplanation(inspection.explanation, &json);
  json.EndObject();
  WriteSampling(inspection.sampling, &json);
  json.EndObject();
  return text;
}

std::string InspectionPage(const Inspection& inspection) {
  const std::map<std::string, std::string> parts = {
      {"title", EscapeHtml(inspection.collection.name())},
      {"style", kInspectPageCss},
      {"data", InspectionJson(inspection)},
      {"script", kInspectPageJs}};
  // In one passage over the template, so that nothing is looked for in what was put in.
  std::string page;
  for (const absl::string_view piece : absl::StrSplit(kInspectPageHtml, "{{")) {
    const size_t end = piece.find("}}");
    const auto part = end == absl::string_view::npos
                          ? parts.end()
                          : parts.find(std::string(piece.substr(0, end)));
    if (part == parts.end()) {
      absl::StrAppend(&page, piece);
    } else {
      absl::StrAppend(&page, part->second, piece.substr(end + 2));
    }
  }
  return page;
}

}  // namespace negatron::client
