// SPDX-License-Identifier: Apache-2.0
#include "tests/server/sampling/guard_cases.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "server/index/scorer.h"
#include "tests/support/random_catalogue.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

double Distance(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  if (metric != Metric::kL2) return 1 - Dot(a, b) / std::sqrt(Dot(a, a) * Dot(b, b));
  return std::sqrt(Dot(a, a) + Dot(b, b) - 2 * Dot(a, b));
}

std::vector<float> RandomVector(SplitMix& random, Metric metric) {
  std::vector<float> vector(GuardScene::kDimension);
  for (float& value : vector) {
    value = static_cast<float>(random.Unit() + random.Unit() + random.Unit() - 1.5);
  }
  PrepareVector(metric, vector);
  return vector;
}

}  // namespace

PlainRow Naming(PlainRow row, const std::set<Ordinal>& items) {
  row.exclusions.insert(row.exclusions.end(), items.begin(), items.end());
  return row;
}

std::map<Ordinal, Micros> FirstPositives(const PlainPool& pool, Ordinal user) {
  std::map<Ordinal, Micros> first;
  for (const EventRecord& event : pool.events) {
    if (event.kind != EventKind::kPositive || event.user != user) continue;
    const auto [known, is_new] = first.try_emplace(event.item, event.time);
    if (!is_new) known->second = std::min(known->second, event.time);
  }
  return first;
}

GuardScene::GuardScene(uint64_t seed, Metric metric, bool large) : plain(RandomPlainPool(seed)) {
  SplitMix random(seed + 1);
  const auto living = static_cast<Ordinal>(plain.items.size());
  while (large && static_cast<int64_t>(plain.items.size()) <= kMaxEnumeratedItems) {
    plain.AddItem({});
  }
  pool = plain.Build(50);
  VectorTableBuilder builder{VectorTable(EmbeddingSettings{kDimension, metric})};
  for (Ordinal item = 0; item < living; ++item) {
    if (random.Chance(0.85)) builder.Set(item, RandomVector(random, metric));
  }
  vectors = std::move(builder).Build();
  rows = RandomPlainRows(random, kRowCount, 45 * kTestHour);
  for (PlainRow& row : rows) {
    row.query = RandomVector(random, metric);
    // Rows whose positive counts, more often than not.
    if (random.Chance(0.6)) row.positive = static_cast<Ordinal>(random.Below(living));
  }
}

DrawnRows GuardScene::Draw(const Policy& policy, const std::vector<PlainRow>& asked,
                           int count) const {
  return DrawRows(*pool, policy, asked, count, 3, 1, Cancellation(), vectors.get());
}

std::vector<float> GuardScene::VectorOf(Ordinal item) const {
  std::vector<float> vector(kDimension);
  if (item == kNoOrdinal || !vectors->Read(item, vector)) vector.clear();
  return vector;
}

float GuardScene::Score(const std::vector<float>& anchor, Ordinal item) const {
  return Scorer(*vectors).Score(anchor.data(), item);
}

std::set<Ordinal> GuardScene::Near(const PlainRow& row, const MinDistance& min_distance) const {
  std::vector<std::pair<Micros, Ordinal>> chosen;  // Newest first.
  for (const auto& [item, time] : FirstPositives(plain, row.user)) {
    if (time < row.as_of) chosen.emplace_back(-time, item);
  }
  std::sort(chosen.begin(), chosen.end());
  std::vector<Ordinal> positives = {row.positive};
  for (size_t i = 0; i < chosen.size() && i < size_t(min_distance.history_count); ++i) {
    positives.push_back(chosen[i].second);
  }
  std::set<Ordinal> near;
  for (const Ordinal positive : positives) {
    const std::vector<float> center = VectorOf(positive);
    if (center.empty()) continue;
    for (const Ordinal item : vectors->Items()) {
      const double distance = Distance(vectors->settings().metric, center, VectorOf(item));
      if (distance < min_distance.distance) near.insert(item);
    }
  }
  return near;
}

testing::AssertionResult DrawsFit(const DrawnRows& drawn, const std::vector<OracleLaw>& laws,
                                  LawKind kind, double false_alarm) {
  TransformTest transform(1);
  const size_t count = drawn.items.size() / laws.size();
  int served = 0;
  for (size_t r = 0; r < laws.size(); ++r) {
    const bool ok = drawn.StatusOf(static_cast<int>(r)) == RowStatus::kOk;
    if (ok == laws[r].empty()) {
      return testing::AssertionFailure() << "row " << r << " has status " << int{drawn.statuses[r]}
                                         << ", and its law " << laws[r].size() << " items";
    }
    if (!ok) continue;
    ++served;
    std::vector<int64_t> items;
    double least = std::numeric_limits<double>::infinity(), most = -least;
    for (size_t i = r * count; i < (r + 1) * count; ++i) {
      items.push_back(drawn.items[i]);
      if (!laws[r].contains(drawn.items[i])) {
        return testing::AssertionFailure()
               << "row " << r << ": item " << drawn.items[i] << " cannot be drawn";
      }
      const double shift = drawn.log_q_source[i] - std::log(laws[r].at(drawn.items[i]));
      least = std::min(least, shift);
      most = std::max(most, shift);
      if (kind != LawKind::kExact) continue;
      const auto agrees = LogQAgrees(drawn.log_q_source[i], laws[r], drawn.items[i]);
      if (!agrees) return testing::AssertionFailure() << "row " << r << ": " << agrees.message();
    }
    // Each log q may be off by 1e-5. What is known but for a factor is never too high.
    if (!(most - least <= 2e-5 && most <= 1e-5)) {
      return testing::AssertionFailure() << "row " << r << ": log q minus that of the law is in ["
                                         << least << ", " << most << "]";
    }
    transform.Add(laws[r], items);
  }
  if (served < 3) return testing::AssertionFailure() << "only " << served << " rows were served";
  return transform.Verdict(false_alarm);
}

}  // namespace negatron
