// SPDX-License-Identifier: Apache-2.0
#include "tests/server/sampling/source_oracle_checks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <variant>

#include "gmock/gmock.h"

#include "tests/support/law_test_util.h"

namespace negatron {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

constexpr uint8_t kPaddedComponent = 255;

bool Repeats(const Policy& policy) { return !policy.unique && policy.category_cap == 0; }

const SourceItem* FindItem(const SourceCatalogue& catalogue, int64_t id) {
  for (const SourceItem& item : catalogue.items) {
    if (item.id == id) return &item;
  }
  return nullptr;
}

// The probabilities that it is made of agree within 1e-5; where one is nearly 1,
// the chance to miss the item magnifies that.
AssertionResult CountAgrees(double reported, const SourceExpectation& expected,
                            const std::vector<double>& slots, int64_t id) {
  const auto count = [&](double shift) {
    SourceMixture shifted = expected.mixture;
    for (LogLaw& law : shifted.laws) {
      if (law.contains(id)) law[id] += shift;
    }
    return ExpectedCountOf(shifted, slots, Repeats(expected.policy), id);
  };
  constexpr double kLeast = std::numeric_limits<float>::min();  // Below it a float is coarse.
  const double low = count(-1e-5) * (1 - 1e-6) - kLeast;
  const double high = count(1e-5) * (1 + 1e-6) + kLeast;
  if (low <= reported && reported <= high) return AssertionSuccess();
  return AssertionFailure() << "expected count " << reported << " is not in [" << low << ", "
                            << high << "]";
}

void CheckImportance(const SourceExpectation& expected, size_t component, int64_t id,
                     float weight) {
  const auto importance = SourceImportance(expected.source_case.catalogue,
                                           expected.policy.components[component], expected.row);
  if (importance.empty()) {
    ASSERT_EQ(weight, 1);
    return;
  }
  const std::map<double, double>& allowed = importance.at(id);
  ASSERT_TRUE(std::any_of(
      allowed.begin(), allowed.end(),
      [weight](const auto& one) { return std::abs(one.first - weight) <= 1e-6 * one.first; }))
      << "importance weight " << weight;
}

void CheckPadding(const SourceSampledRow& row) {
  const size_t end = row.first + static_cast<size_t>(row.columns.count);
  for (size_t i = row.first + row.drawn; i < end; ++i) {
    ASSERT_EQ(row.columns.ids[i], -1);
    ASSERT_EQ(row.columns.components[i], kPaddedComponent);
    ASSERT_TRUE(std::isnan(row.columns.log_q[i]));
    ASSERT_TRUE(std::isnan(row.columns.log_q_source[i]));
    ASSERT_TRUE(std::isnan(row.columns.expected_counts[i]));
    ASSERT_TRUE(std::isnan(row.columns.importance_weights[i]));
  }
}

// As LogAgrees, but what may count for nothing need only be next to nothing.
AssertionResult LogAgreesOrNothing(double reported, double expected, double log_of_nothing) {
  const double least = log_of_nothing + 1;
  if (expected < log_of_nothing && reported < least) return AssertionSuccess();
  return LogAgrees(reported, expected);
}

double GreatestOf(const LogLaw& law) {
  double greatest = -std::numeric_limits<double>::infinity();
  for (const auto& [id, log] : law) greatest = std::max(greatest, log);
  return greatest;
}

SourceCaseOptions WithExtremes() {
  SourceCaseOptions options;
  options.extremes = true;
  return options;
}

std::string MaskOf(const SharedSample& sample, const std::set<int64_t>& wrong) {
  std::string bytes((sample.ids.size() + 7) / 8, '\0');
  for (size_t i = 0; i < sample.ids.size(); ++i) {
    if (!wrong.contains(sample.ids[i])) continue;
    bytes[i / 8] = static_cast<char>(static_cast<uint8_t>(bytes[i / 8]) | (1u << (i % 8)));
  }
  return bytes;
}

}  // namespace

double LogOfNothing(const SourceCatalogue& catalogue, const Policy& policy, const SourceRow& row) {
  constexpr double kLeast = -1000 * 0.693147180559945309;
  SourceCatalogue immortal = catalogue;
  for (SourceItem& item : immortal.items) item.alive = {{kAlways, kNever}};
  double greatest = kLeast;
  for (PolicyComponent component : policy.components) {
    const auto* popularity = std::get_if<PopularitySource>(&component.source);
    if (component.share <= 0 || popularity == nullptr) continue;
    const LogLaw admitted = SourceWeights(catalogue, component, row);
    if (admitted.empty()) continue;
    LogLaw left = admitted;
    for (const int64_t id : SourceExcluded(catalogue, row)) left.erase(id);
    component.category.clear();
    const double all = GreatestOf(SourceWeights(immortal, component, row));
    // Of masses, and of their powers.
    const double least = kLeast * std::min(popularity->alpha, 1.0);
    greatest = std::max(greatest, least + all - GreatestOf(left.empty() ? admitted : left));
  }
  return greatest;
}

SourceScene::SourceScene(uint64_t seed, int row_count, bool shared)
    : random(seed), source_case(MakeSourceCase(seed, WithExtremes())) {
  policy =
      shared ? RandomSharedPolicy(source_case, &random) : RandomSourcePolicy(source_case, &random);
  for (int i = 0; i < row_count; ++i) {
    rows.push_back(RandomSourceRow(source_case, policy, &random));
  }
  const SourceHistory history = seed % 3 == 0 ? SourceHistory::kRestart : SourceHistory::kLive;
  pool = BuildSourcePool(source_case, history, 61, [&](const PoolView& earlier) {
    if (!shared) SampleSources(earlier, policy, rows, 2, seed);
  });
}

SourceExpectation::SourceExpectation(const SourceCase& source_case_in, const Policy& policy_in,
                                     const SourceRow& row_in)
    : source_case(source_case_in), policy(policy_in), row(row_in) {
  if (row.positive && FindItem(source_case.catalogue, *row.positive) == nullptr) {
    row.positive.reset();
  }
  mixture = MixtureOf(source_case.catalogue, policy, row);
  log_of_nothing = LogOfNothing(source_case.catalogue, policy, row);
}

SourceSampledRow::SourceSampledRow(const SourceSample& sample, size_t row)
    : columns(sample),
      number(row),
      first(row * static_cast<size_t>(sample.count)),
      drawn(static_cast<size_t>(sample.drawn[row])),
      components(sample.shares.size() / sample.statuses.size()),
      status(static_cast<RowStatus>(sample.statuses[row])) {}

std::vector<int64_t> SourceSampledRow::Slots() const {
  std::vector<int64_t> slots(components);
  for (size_t i = first; i < first + drawn; ++i) ++slots[columns.components[i]];
  return slots;
}

std::vector<int64_t> SourceSampledRow::Ids() const {
  const auto begin = columns.ids.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(drawn)};
}

AssertionResult LogAgrees(double reported, double expected) {
  if (std::isinf(expected) && reported == expected) return AssertionSuccess();
  return LogQAgrees(reported, expected);
}

AssertionResult EmptyStatusAgrees(const SourceSampledRow& row, const SourceExpectation& expected) {
  if (row.status == expected.mixture.status) return AssertionSuccess();
  return AssertionFailure() << "status " << static_cast<int>(row.status) << " is not "
                            << static_cast<int>(expected.mixture.status);
}

void CheckRowColumns(const SourceSampledRow& row, const SourceExpectation& expected) {
  for (size_t k = 0; k < row.components; ++k) {
    const size_t at = row.number * row.components + k;
    EXPECT_NEAR(row.columns.shares[at], expected.mixture.shares[k], 1e-6) << "component " << k;
    if (expected.mixture.shares[k] > 0 || row.columns.boundaries[at] != 0) {
      EXPECT_EQ(row.columns.boundaries[at], expected.mixture.boundaries[k]) << "component " << k;
    }
  }
  const double positive = expected.mixture.positive_log_q;
  EXPECT_TRUE(
      LogAgreesOrNothing(row.columns.positive_log_q[row.number], positive, expected.log_of_nothing))
      << "log q of the positive";
  CheckPadding(row);
}

void CheckDraws(const SourceSampledRow& row, const SourceExpectation& expected) {
  std::vector<double> slots;  // As expected, not as they fell.
  for (const double share : expected.mixture.shares) slots.push_back(share * row.columns.count);
  for (size_t i = row.first; i < row.first + row.drawn; ++i) {
    const int64_t id = row.columns.ids[i];
    const size_t k = row.columns.components[i];
    SCOPED_TRACE(testing::Message()
                 << "slot " << i - row.first << " item " << id << " component " << k);
    ASSERT_LT(k, row.components);
    ASSERT_GT(expected.mixture.shares[k], 0);
    ASSERT_TRUE(expected.mixture.laws[k].contains(id)) << "cannot be drawn";
    ASSERT_TRUE(LogAgreesOrNothing(row.columns.log_q_source[i], expected.mixture.laws[k].at(id),
                                   expected.log_of_nothing));
    ASSERT_TRUE(LogAgreesOrNothing(row.columns.log_q[i], expected.mixture.law.at(id),
                                   expected.log_of_nothing));
    ASSERT_TRUE(CountAgrees(row.columns.expected_counts[i], expected, slots, id));
    CheckImportance(expected, k, id, row.columns.importance_weights[i]);
  }
}

void CheckRestrictions(const SourceSampledRow& row, const SourceExpectation& expected) {
  const Policy& policy = expected.policy;
  const SourceCatalogue& catalogue = expected.source_case.catalogue;
  std::set<int64_t> in_row;
  std::map<std::string, int> used;
  for (const int64_t id : row.Ids()) {
    const bool first = in_row.insert(id).second;
    ASSERT_TRUE(first || !policy.unique) << "item " << id << " twice";
    for (const std::string& category : FindItem(catalogue, id)->categories) ++used[category];
  }
  for (const auto& [category, count] : used) {
    ASSERT_TRUE(policy.category_cap == 0 || count <= policy.category_cap) << count << category;
  }
  const bool full = row.drawn == static_cast<size_t>(row.columns.count);
  ASSERT_EQ(row.status, full ? RowStatus::kOk : RowStatus::kShort);
  if (full) return;
  for (const auto& [id, log_q] : expected.mixture.law) {
    const std::set<std::string>& categories = FindItem(catalogue, id)->categories;
    const bool capped =
        std::any_of(categories.begin(), categories.end(), [&](const std::string& category) {
          return policy.category_cap > 0 && used[category] >= policy.category_cap;
        });
    ASSERT_TRUE(capped || (policy.unique && in_row.contains(id)) || log_q < expected.log_of_nothing)
        << "short of " << row.columns.count << ", though item " << id << " of log q " << log_q
        << " could be added to " << row.drawn;
  }
}

void CheckTotals(const SourceSample& sample, const Policy& policy) {
  std::vector<int64_t> drawn(policy.components.size());
  for (const uint8_t component : sample.components) {
    if (component != kPaddedComponent) ++drawn[component];
  }
  EXPECT_EQ(sample.totals.drawn_by_component, drawn);
  std::array<int64_t, kRowStatusCount> statuses{};
  for (const uint8_t status : sample.statuses) ++statuses[status];
  EXPECT_EQ(sample.totals.rows_by_status, statuses);
  Rejects rejects{};
  for (size_t i = 0; i < sample.rejects.size(); ++i) {
    rejects[i % kRejectCauseCount] += sample.rejects[i];
  }
  EXPECT_EQ(sample.totals.rejects, rejects);
}

void CheckBlock(const SharedSample& sample, const Policy& policy, const SourceBlock& block,
                double log_of_nothing) {
  if (block.mixture.law.empty()) {
    EXPECT_THAT(sample.ids, testing::Each(-1));
    return;
  }
  std::vector<int64_t> slots(policy.components.size());
  for (size_t i = 0; i < sample.ids.size(); ++i) {
    const size_t k = sample.components[i];
    ASSERT_LT(k, slots.size());
    ++slots[k];
    ASSERT_TRUE(block.mixture.laws[k].contains(sample.ids[i]))
        << "item " << sample.ids[i] << " of component " << k;
    ASSERT_TRUE(LogQAgrees(sample.log_q[i], block.mixture.law.at(sample.ids[i])));
  }
  EXPECT_TRUE(SlotsAreSystematic(block.mixture.shares, slots));
  EXPECT_EQ(sample.totals.drawn_by_component, slots);
  const size_t width = (sample.ids.size() + 7) / 8;
  for (size_t r = 0; r < block.log_remaining.size(); ++r) {
    const auto* mask = reinterpret_cast<const char*>(sample.false_mask.data() + r * width);
    EXPECT_EQ(std::string(mask, width), MaskOf(sample, block.false_items[r])) << "row " << r;
    const double remaining = block.log_remaining[r];
    EXPECT_TRUE(LogAgreesOrNothing(sample.log_remaining[r], remaining, log_of_nothing))
        << "log of what remains of row " << r;
  }
}

}  // namespace negatron
