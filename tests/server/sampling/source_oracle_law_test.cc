// SPDX-License-Identifier: Apache-2.0
// Whether the sources of catalogue and users draw from the laws that the oracle
// (tests/support/source_oracle.h) gives, by the tests of tests/support/law_test_util.h.
//
// False alarms: all programs together may raise one in 1e6 runs, and this one has
// its part of that, 1e-6 / kLawTestPrograms. Each of the kGroups tests below spends
// an equal part of it, split equally over its own hypothesis tests.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/law_test_util.h"
#include "tests/support/random_catalogue.h"
#include "tests/support/source_cases.h"
#include "tests/support/source_oracle.h"
#include "tests/support/source_pool.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int kGroups = 6;

FalseAlarmBudget GroupBudget(int tests) {
  return FalseAlarmBudget(tests, kFalseAlarmBudget / kLawTestPrograms / kGroups);
}

struct NamedSource {
  std::string name;
  SourceSpec source;
  std::string category;
};

// Every source in every way; half-lives and windows of `source_case`, if they are
// asked to be listed.
std::vector<NamedSource> AllSources(const SourceCase& source_case) {
  const Micros span = source_case.options.span_micros;
  const std::optional<int64_t> unset;
  const auto popularity = [](double alpha, std::optional<int64_t> half_life, int64_t window,
                             bool within_cohort) {
    PopularitySource source;
    source.alpha = alpha;
    source.half_life_micros = half_life;
    source.window_micros = window;
    source.within_cohort = within_cohort;
    return source;
  };
  return {
      {"uniform", UniformSource{}, ""},
      {"uniform of a category", UniformSource{}, "a"},
      {"uniform by base weight", UniformSource{true}, ""},
      {"uniform by base weight of a category", UniformSource{true}, "b"},
      {"popularity", popularity(1, unset, 0, false), ""},
      {"popularity of a category", popularity(1, unset, 0, false), "a"},
      {"popularity without decay", popularity(1, 0, 0, false), ""},
      {"popularity of an unlisted half-life", popularity(1, span / 7, 0, false), ""},
      {"popularity in a listed window", popularity(1, unset, span / 3, false), ""},
      {"popularity in an unlisted window", popularity(1, unset, span / 4, false), ""},
      {"popularity to the 0.75", popularity(0.75, unset, 0, false), ""},
      {"popularity to the 2 in a window of a category", popularity(2, 0, span / 3, false), "a"},
      {"popularity within a cohort", popularity(1, unset, 0, true), ""},
      {"popularity within a cohort and category", popularity(1, unset, span / 2, true), "b"},
      {"exposure", ExposureSource{unset, 20}, ""},
      {"exposure of a category", ExposureSource{span / 9, 0}, "a"},
      {"mined", MinedSource{}, ""},
      {"mined without decay", MinedSource{0}, ""},
  };
}

Policy PolicyOf(const NamedSource& named) {
  Policy policy;
  policy.components = {{1, named.category, named.source}};
  return policy;
}

SourceCase CaseWithWindow(uint64_t seed) {
  SourceCase source_case = MakeSourceCase(seed);
  source_case.settings.windows = {source_case.options.span_micros / 3};
  return source_case;
}

// A row for which all components have at least `least` items; nothing if a few
// hundred tries find none.
std::optional<SourceRow> RowWithItems(const SourceCase& source_case, const Policy& policy,
                                      size_t least, SplitMix* random) {
  for (int attempt = 0; attempt < 300; ++attempt) {
    const SourceRow row = RandomSourceRow(source_case, policy, random);
    const SourceMixture mixture = MixtureOf(source_case.catalogue, policy, row);
    if (std::all_of(mixture.laws.begin(), mixture.laws.end(),
                    [least](const LogLaw& law) { return law.size() >= least; })) {
      return row;
    }
  }
  return std::nullopt;
}

// Draws of one component, told apart by item and importance weight. The law of a
// component: of items, and of weights given the item.
class Outcomes {
 public:
  Outcomes(const SourceCase& source_case, const PolicyComponent& component, const SourceRow& row) {
    const auto importance = SourceImportance(source_case.catalogue, component, row);
    for (const auto& [id, q] :
         ProbabilitiesOf(LawOfSource(source_case.catalogue, component, row))) {
      std::map<double, double> weights = {{1, 1}};
      if (!importance.empty()) weights = importance.at(id);
      for (const auto& [weight, part] : weights) law_[NumberOf(id, weight)] += q * part;
    }
  }

  const OracleLaw& law() const { return law_; }

  // -1 for what the law does not know.
  int64_t Find(int64_t id, double weight) const {
    const auto found = numbers_.find(Key(id, weight));
    return found == numbers_.end() ? -1 : found->second;
  }

 private:
  // Weights come back in float.
  static std::pair<int64_t, int64_t> Key(int64_t id, double weight) {
    return {id, std::lround(weight * 1e4)};
  }
  int64_t NumberOf(int64_t id, double weight) {
    return numbers_.emplace(Key(id, weight), static_cast<int64_t>(numbers_.size())).first->second;
  }

  std::map<std::pair<int64_t, int64_t>, int64_t> numbers_;
  OracleLaw law_;
};

// 50,000 draws in each of 6 contexts a source.
TEST(SourceOracleLawTest, DrawsOfEachSourceFitItsLaw) {
  constexpr int kContexts = 6, kDraws = 50000;
  const size_t sources = AllSources(MakeSourceCase(0)).size();
  FalseAlarmBudget budget = GroupBudget(static_cast<int>(sources) * kContexts);
  for (int c = 0; c < kContexts; ++c) {
    const SourceCase source_case = CaseWithWindow(TestSeed(80000 + c));
    SCOPED_TRACE(source_case.Trace());
    SplitMix random(source_case.seed);
    const auto pool = BuildSourcePool(source_case, SourceHistory::kLive);
    for (const NamedSource& named : AllSources(source_case)) {
      SCOPED_TRACE(named.name);
      const Policy policy = PolicyOf(named);
      const double rate = budget.Next();
      const std::optional<SourceRow> row = RowWithItems(source_case, policy, 2, &random);
      if (!row) continue;
      const Outcomes outcomes(source_case, policy.components[0], *row);
      const SourceSample sample = SampleSources(*pool, policy, {*row}, kDraws, c);
      ASSERT_TRUE(sample.status.ok());
      std::map<int64_t, int64_t> counts;
      for (size_t i = 0; i < kDraws; ++i) {
        ++counts[outcomes.Find(sample.ids[i], sample.importance_weights[i])];
      }
      EXPECT_TRUE(FitsLaw(counts, outcomes.law(), rate));
    }
  }
}

// 1,200 rows a source, each with a law of its own; some are empty.
TEST(SourceOracleLawTest, DrawsOfManyRowsFitTheirLaws) {
  constexpr int kCases = 8, kRows = 150, kDraws = 16;
  const size_t sources = AllSources(MakeSourceCase(0)).size();
  FalseAlarmBudget budget = GroupBudget(static_cast<int>(sources));
  std::vector<TransformTest> transforms;
  for (size_t s = 0; s < sources; ++s) transforms.emplace_back(TestSeed(81000) + s);
  for (int c = 0; c < kCases; ++c) {
    const SourceCase source_case = CaseWithWindow(TestSeed(82000 + c));
    SplitMix random(source_case.seed);
    const auto pool = BuildSourcePool(source_case, SourceHistory::kLive);
    for (size_t s = 0; s < sources; ++s) {
      const Policy policy = PolicyOf(AllSources(source_case)[s]);
      std::vector<SourceRow> rows;
      for (int r = 0; r < kRows; ++r) {
        rows.push_back(RandomSourceRow(source_case, policy, &random));
      }
      const SourceSample sample = SampleSources(*pool, policy, rows, kDraws, c);
      ASSERT_TRUE(sample.status.ok());
      for (size_t r = 0; r < rows.size(); ++r) {
        const LogLaw law = LawOfSource(source_case.catalogue, policy.components[0], rows[r]);
        if (law.empty()) continue;
        const auto first = sample.ids.begin() + static_cast<std::ptrdiff_t>(r * kDraws);
        transforms[s].Add(ProbabilitiesOf(law), {first, first + kDraws});
      }
    }
  }
  for (size_t s = 0; s < sources; ++s) {
    EXPECT_TRUE(transforms[s].Verdict(budget.Next()))
        << AllSources(MakeSourceCase(0))[s].name << ", seeds from " << TestSeed(82000);
  }
}

// One of each source.
Policy FourSources() {
  PopularitySource popularity;
  popularity.half_life_micros = 0;
  Policy policy;
  policy.components = {{0.4, "", UniformSource{true}},
                       {0.31, "", popularity},
                       {0.17, "", ExposureSource{std::nullopt, 10}},
                       {0.12, "", MinedSource{}}};
  return policy;
}

// A case that has a row for it.
std::pair<SourceCase, SourceRow> CaseFor(const Policy& policy, uint64_t seed) {
  for (uint64_t attempt = 0;; ++attempt) {
    SourceCase source_case = CaseWithWindow(seed + attempt);
    SplitMix random(source_case.seed);
    const std::optional<SourceRow> row = RowWithItems(source_case, policy, 2, &random);
    if (row) return {std::move(source_case), *row};
  }
}

TEST(SourceOracleLawTest, EachSourceOfAMixtureFitsItsLawOnItsOwnSlots) {
  constexpr int kContexts = 6, kDraws = 100000;
  const Policy policy = FourSources();
  FalseAlarmBudget budget = GroupBudget(kContexts * static_cast<int>(policy.components.size()));
  for (int c = 0; c < kContexts; ++c) {
    const auto [source_case, row] = CaseFor(policy, TestSeed(83000 + 100 * c));
    SCOPED_TRACE(source_case.Trace());
    const auto pool = BuildSourcePool(source_case, SourceHistory::kLive);
    const SourceSample sample = SampleSources(*pool, policy, {row}, kDraws, c);
    ASSERT_TRUE(sample.status.ok());
    for (size_t k = 0; k < policy.components.size(); ++k) {
      const Outcomes outcomes(source_case, policy.components[k], row);
      std::map<int64_t, int64_t> counts;
      for (size_t i = 0; i < kDraws; ++i) {
        if (sample.components[i] != k) continue;
        ++counts[outcomes.Find(sample.ids[i], sample.importance_weights[i])];
      }
      EXPECT_TRUE(FitsLaw(counts, outcomes.law(), budget.Next())) << "component " << k;
    }
  }
}

// Over rows, a component has floor or ceiling of its part, so that the mean is
// right; and so has each run of components, which makes the draws systematic.
TEST(SourceOracleLawTest, SlotsOfAMixtureFallByItsShares) {
  constexpr int kRows = 20000;
  const std::vector<int> draws = {1, 3, 7};
  const Policy policy = FourSources();
  const auto [source_case, row] = CaseFor(policy, TestSeed(84000));
  SCOPED_TRACE(source_case.Trace());
  const auto pool = BuildSourcePool(source_case, SourceHistory::kLive);
  const SourceMixture mixture = MixtureOf(source_case.catalogue, policy, row);
  const size_t components = policy.components.size();
  FalseAlarmBudget budget = GroupBudget(static_cast<int>(draws.size() * components));
  for (const int count : draws) {
    const SourceSample sample =
        SampleSources(*pool, policy, std::vector<SourceRow>(kRows, row), count, 5);
    ASSERT_TRUE(sample.status.ok());
    std::vector<std::map<int64_t, int64_t>> seen(components);
    for (size_t r = 0; r < kRows; ++r) {
      std::vector<int64_t> slots(components);
      for (int i = 0; i < count; ++i) ++slots[sample.components[r * count + i]];
      ASSERT_TRUE(SlotsAreSystematic(mixture.shares, slots));
      for (size_t k = 0; k < components; ++k) ++seen[k][slots[k]];
    }
    for (size_t k = 0; k < components; ++k) {
      const double part = mixture.shares[k] * count;
      const auto least = static_cast<int64_t>(std::floor(part));
      const double above = part - std::floor(part);
      EXPECT_TRUE(FitsLaw(seen[k], {{least, 1 - above}, {least + 1, above}}, budget.Next()))
          << "component " << k << " of " << count << " draws";
    }
  }
}

// 50,000 negatives of one block, by component.
TEST(SourceOracleLawTest, DrawsOfSharedBlocksFitTheirLaws) {
  constexpr int kCases = 30, kDraws = 50000;
  FalseAlarmBudget budget = GroupBudget(kCases * 3);
  for (int c = 0; c < kCases; ++c) {
    const SourceCase source_case = MakeSourceCase(TestSeed(85000 + c));
    SCOPED_TRACE(source_case.Trace());
    SplitMix random(source_case.seed);
    const Policy policy = RandomSharedPolicy(source_case, &random);
    const auto pool = BuildSourcePool(source_case, SourceHistory::kLive);
    const SourceRow row = RandomSourceRow(source_case, policy, &random);
    const SourceBlock block = SharedBlockOf(source_case.catalogue, policy, row.as_of, {row});
    const SharedSample sample = SampleShared(*pool, policy, {row}, row.as_of, kDraws, c, c);
    ASSERT_TRUE(sample.status.ok());
    for (size_t k = 0; k < policy.components.size(); ++k) {
      const double rate = budget.Next();
      std::map<int64_t, int64_t> counts;
      for (size_t i = 0; i < kDraws; ++i) {
        if (sample.ids[i] != -1 && sample.components[i] == k) ++counts[sample.ids[i]];
      }
      if (block.mixture.shares[k] <= 0) {
        EXPECT_TRUE(counts.empty());
        continue;
      }
      // A share this small has too few draws to tell a law by.
      if (block.mixture.shares[k] < 0.04) continue;
      EXPECT_TRUE(FitsLaw(counts, ProbabilitiesOf(block.mixture.laws[k]), rate))
          << "component " << k;
    }
  }
}

// Adds the sets that follow `taken` when items are drawn one by one among those
// that are left; a set's number has a bit for each of its items.
void AddSets(const std::vector<double>& q, int left, int64_t taken, double chance,
             OracleLaw* sets) {
  if (left == 0) {
    (*sets)[taken] += chance;
    return;
  }
  double rest = 0;
  for (size_t i = 0; i < q.size(); ++i) rest += (taken >> i & 1) == 0 ? q[i] : 0;
  for (size_t i = 0; i < q.size(); ++i) {
    if ((taken >> i & 1) != 0) continue;
    AddSets(q, left - 1, taken | int64_t{1} << i, chance * q[i] / rest, sets);
  }
}

// Drawing duplicates again gives the sets of drawing without replacement, in
// whatever order the slots are filled.
TEST(SourceOracleLawTest, UniqueRowsAreDrawnWithoutReplacement) {
  constexpr int kContexts = 3, kRows = 20000, kDraws = 3;
  const size_t sources = AllSources(MakeSourceCase(0)).size();
  FalseAlarmBudget budget = GroupBudget(static_cast<int>(sources) * kContexts);
  int tested = 0;
  for (int c = 0; c < kContexts; ++c) {
    const SourceCase source_case = CaseWithWindow(TestSeed(86000 + c));
    SCOPED_TRACE(source_case.Trace());
    SplitMix random(source_case.seed);
    const auto pool = BuildSourcePool(source_case, SourceHistory::kLive);
    for (const NamedSource& named : AllSources(source_case)) {
      SCOPED_TRACE(named.name);
      Policy policy = PolicyOf(named);
      policy.unique = true;
      const double rate = budget.Next();
      const std::optional<SourceRow> row = RowWithItems(source_case, policy, 4, &random);
      if (!row) continue;
      const OracleLaw law =
          ProbabilitiesOf(LawOfSource(source_case.catalogue, policy.components[0], *row));
      std::map<int64_t, int> bits;
      std::vector<double> q;
      for (const auto& [id, probability] : law) {
        bits[id] = static_cast<int>(q.size());
        q.push_back(probability);
      }
      OracleLaw sets;
      AddSets(q, kDraws, 0, 1, &sets);
      const SourceSample sample =
          SampleSources(*pool, policy, std::vector<SourceRow>(kRows, *row), kDraws, c);
      ASSERT_TRUE(sample.status.ok());
      std::map<int64_t, int64_t> counts;
      for (size_t r = 0; r < kRows; ++r) {
        int64_t set = 0;
        for (size_t i = r * kDraws; i < (r + 1) * kDraws; ++i) {
          set |= int64_t{1} << bits.at(sample.ids[i]);
        }
        ++counts[set];
      }
      EXPECT_TRUE(FitsLaw(counts, sets, rate));
      ++tested;
    }
  }
  EXPECT_GE(tested, static_cast<int>(sources));
}

}  // namespace
}  // namespace negatron
