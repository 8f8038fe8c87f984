// SPDX-License-Identifier: Apache-2.0
#include "tests/support/law_test_util.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <sstream>

namespace negatron {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

constexpr double kTiny = 1e-300;

// x^a e^-x / Gamma(a), the factor that both expansions share.
double GammaFactor(double a, double x) {
  int sign = 0;  // std::lgamma() would put it into a global variable.
  return std::exp(a * std::log(x) - x - lgamma_r(a, &sign));
}

// Taylor series of P(a, x); converges fast for x < a + 1.
double LowerGammaSeries(double a, double x) {
  double term = 1 / a;
  double sum = term;
  for (double n = a + 1; term > sum * 1e-17; n += 1) {
    term *= x / n;
    sum += term;
  }
  return sum * GammaFactor(a, x);
}

// Continued fraction of Q(a, x) (Abramowitz and Stegun 6.5.31 in its even form)
// by Lentz's method; converges fast for x > a + 1.
double UpperGammaFraction(double a, double x) {
  double b = x + 1 - a;
  double c = 1 / kTiny;
  double d = 1 / b;
  double value = d;
  for (int i = 1; i < 100000; ++i) {
    const double numerator = -i * (i - a);
    b += 2;
    d = 1 / (b + numerator * d);
    c = b + numerator / c;
    value *= c * d;
    if (std::abs(c * d - 1) < 1e-15) break;
  }
  return value * GammaFactor(a, x);
}

// An item, or several pooled ones.
struct Cell {
  double expected = 0;
  int64_t observed = 0;
  std::string name;
};

// The cells that stand out most, for messages.
std::string Describe(std::vector<Cell> cells) {
  const auto deviation = [](const Cell& cell) {
    return (static_cast<double>(cell.observed) - cell.expected) /
           std::sqrt(std::max(cell.expected, kTiny));
  };
  std::stable_sort(cells.begin(), cells.end(), [&](const Cell& a, const Cell& b) {
    return std::abs(deviation(a)) > std::abs(deviation(b));
  });
  std::ostringstream out;
  out << "\n" << cells.size() << " cells; furthest off:";
  for (size_t i = 0; i < std::min<size_t>(cells.size(), 16); ++i) {
    out << "\n  " << cells[i].name << ": drawn " << cells[i].observed << ", expected "
        << cells[i].expected << " (" << deviation(cells[i]) << " standard deviations)";
  }
  return out.str();
}

// One cell an item of positive probability, rising by expectation.
std::vector<Cell> CellsOf(const std::map<int64_t, int64_t>& counts, const OracleLaw& law,
                          double draws) {
  std::vector<Cell> cells;
  for (const auto& [id, q] : law) {
    if (q <= 0) continue;
    const auto found = counts.find(id);
    cells.push_back(
        {q * draws, found == counts.end() ? 0 : found->second, "item " + std::to_string(id)});
  }
  std::stable_sort(cells.begin(), cells.end(),
                   [](const Cell& a, const Cell& b) { return a.expected < b.expected; });
  return cells;
}

void Merge(const Cell& from, Cell* into) {
  into->name += into->name.empty() ? from.name : " +";
  into->expected += from.expected;
  into->observed += from.observed;
}

// Pools neighbours of `cells`, which rise, until each is expected often enough.
std::vector<Cell> Pool(const std::vector<Cell>& cells) {
  std::vector<Cell> pooled;
  Cell open;
  for (const Cell& cell : cells) {
    Merge(cell, &open);
    if (open.expected < kMinExpectation) continue;
    pooled.push_back(open);
    open = Cell();
  }
  if (open.expected > 0 && !pooled.empty()) Merge(open, &pooled.back());
  return pooled;
}

// Pearson's statistic has too heavy an upper tail where few cells are expected
// 25 times (Poisson counts far above their mean are likelier than normal ones),
// the likelihood ratio's is too heavy where they fall short. Asking both, the
// latter with Williams' correction, keeps the rate below the stated one.
AssertionResult CellsFit(const std::vector<Cell>& cells, double false_alarm) {
  double draws = 0;
  double pearson = 0;
  double ratio = 0;
  double inverse = 0;
  for (const Cell& cell : cells) {
    const double observed = static_cast<double>(cell.observed);
    draws += cell.expected;
    pearson += (observed - cell.expected) * (observed - cell.expected) / cell.expected;
    if (observed > 0) ratio += 2 * observed * std::log(observed / cell.expected);
    inverse += 1 / cell.expected;
  }
  const double freedom = static_cast<double>(cells.size()) - 1;
  ratio /= 1 + (inverse - 1 / draws) / (6 * freedom);
  const double threshold = ChiSquareQuantile(false_alarm, freedom);
  if (std::min(pearson, ratio) <= threshold) return AssertionSuccess();
  return AssertionFailure() << "chi-square " << pearson << " (likelihood ratio " << ratio
                            << ") with " << freedom << " degrees of freedom is above " << threshold
                            << ", the quantile of false-alarm rate " << false_alarm
                            << Describe(cells);
}

// Items too rare for a cell of their own, one by one and all together. The
// Poisson tail bounds the binomial one above its mean (Anderson, Samuels, 1967).
AssertionResult RareFit(const std::vector<Cell>& cells, double false_alarm) {
  std::vector<Cell> rare;
  Cell all;
  for (const Cell& cell : cells) {
    if (cell.expected >= kMinExpectation) continue;
    rare.push_back(cell);
    Merge(cell, &all);
  }
  all.name = "all rare items";
  rare.push_back(all);
  const double each = false_alarm / static_cast<double>(rare.size());
  for (const Cell& cell : rare) {
    if (static_cast<double>(cell.observed) < cell.expected + 1) continue;
    if (PoissonTail(cell.expected, cell.observed) < each) {
      return AssertionFailure() << cell.name << " drawn too often: " << cell.observed
                                << " times, expected " << cell.expected << Describe(cells);
    }
  }
  return AssertionSuccess();
}

AssertionResult NoneMissing(const std::vector<Cell>& cells) {
  for (const Cell& cell : cells) {
    if (cell.expected >= kMinExpectation && cell.observed == 0) {
      return AssertionFailure() << cell.name << " was never drawn, expected " << cell.expected
                                << " times" << Describe(cells);
    }
  }
  return AssertionSuccess();
}

AssertionResult IsLaw(const OracleLaw& law) {
  double total = 0;
  for (const auto& [id, q] : law) {
    if (!(q >= 0)) return AssertionFailure() << "not a law: item " << id << " has " << q;
    total += q;
  }
  if (std::abs(total - 1) <= 1e-9) return AssertionSuccess();
  return AssertionFailure() << "not a law: " << law.size() << " items sum to " << total;
}

bool IsPossible(const OracleLaw& law, int64_t id) {
  const auto found = law.find(id);
  return found != law.end() && found->second > 0;
}

AssertionResult BinsFit(const std::vector<double>& transforms, double false_alarm) {
  const double draws = static_cast<double>(transforms.size());
  const double bins = std::min(std::floor(draws / (2 * kMinExpectation)), 200.0);
  std::vector<Cell> cells(static_cast<size_t>(bins));
  for (size_t i = 0; i < cells.size(); ++i) {
    cells[i] = {draws / bins, 0, "bin " + std::to_string(i)};
  }
  for (double u : transforms) {
    ++cells[static_cast<size_t>(std::clamp(u * bins, 0.0, bins - 1))].observed;
  }
  return CellsFit(cells, false_alarm);
}

// By the bound P(D > d) <= 2 exp(-2 n d^2) (Massart, 1990), which is close to
// the truth in the tail.
AssertionResult DistributionFits(std::vector<double> transforms, double false_alarm) {
  std::sort(transforms.begin(), transforms.end());
  const double draws = static_cast<double>(transforms.size());
  double distance = 0;
  double at = 0;
  for (size_t i = 0; i < transforms.size(); ++i) {
    const double before = transforms[i] - static_cast<double>(i) / draws;
    const double after = static_cast<double>(i + 1) / draws - transforms[i];
    if (std::max(before, after) <= distance) continue;
    distance = std::max(before, after);
    at = transforms[i];
  }
  const double threshold = std::sqrt(std::log(2 / false_alarm) / (2 * draws));
  if (distance <= threshold) return AssertionSuccess();
  return AssertionFailure() << "Kolmogorov-Smirnov distance " << distance << " at " << at
                            << " over " << draws << " draws is above " << threshold
                            << ", the quantile of false-alarm rate " << false_alarm;
}

}  // namespace

double FalseAlarmBudget::Next() {
  if (tests_ <= 0) ADD_FAILURE() << "the budget of false alarms is split over too few tests";
  --tests_;
  return each_;
}

double UpperGamma(double a, double x) {
  if (x <= 0) return 1;
  return x < a + 1 ? 1 - LowerGammaSeries(a, x) : UpperGammaFraction(a, x);
}

double LowerGamma(double a, double x) {
  if (x <= 0) return 0;
  return x < a + 1 ? LowerGammaSeries(a, x) : 1 - UpperGammaFraction(a, x);
}

double ChiSquareTail(double x, double degrees_of_freedom) {
  return UpperGamma(degrees_of_freedom / 2, x / 2);
}

double ChiSquareQuantile(double tail, double degrees_of_freedom) {
  double low = 0;
  double high = degrees_of_freedom + 1;
  while (ChiSquareTail(high, degrees_of_freedom) > tail) high *= 2;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (ChiSquareTail(middle, degrees_of_freedom) > tail ? low : high) = middle;
  }
  return high;
}

double PoissonTail(double mean, int64_t count) {
  return count <= 0 ? 1 : LowerGamma(static_cast<double>(count), mean);
}

AssertionResult FitsLaw(const std::map<int64_t, int64_t>& counts, const OracleLaw& law,
                        double false_alarm) {
  AssertionResult result = IsLaw(law);
  if (!result) return result;
  int64_t draws = 0;
  for (const auto& [id, count] : counts) {
    draws += count;
    if (count > 0 && !IsPossible(law, id)) {
      return AssertionFailure() << "item " << id << " was drawn " << count
                                << " times, and has probability 0";
    }
  }
  const std::vector<Cell> cells = CellsOf(counts, law, static_cast<double>(draws));
  result = NoneMissing(cells);
  if (!result) return result;
  result = RareFit(cells, false_alarm / 2);
  if (!result) return result;
  const std::vector<Cell> pooled = Pool(cells);
  if (pooled.size() >= 2) return CellsFit(pooled, false_alarm / 2);
  // One cell: the law sits on one item, and RareFit watched all others.
  if (draws >= 1000) return AssertionSuccess();
  return AssertionFailure() << draws << " draws from " << cells.size()
                            << " items are too few to test a law";
}

std::map<int64_t, int64_t> CountDraws(const std::vector<int64_t>& draws) {
  std::map<int64_t, int64_t> counts;
  for (int64_t id : draws) ++counts[id];
  return counts;
}

void TransformTest::Add(const OracleLaw& law, const std::vector<int64_t>& draws) {
  const AssertionResult valid = IsLaw(law);
  if (!valid) impossible_ = valid.message();
  for (const auto& [id, q] : law) expected_[id] += q * static_cast<double>(draws.size());
  for (int64_t drawn : draws) {
    ++counts_[drawn];
    if (!IsPossible(law, drawn)) {
      impossible_ =
          "item " + std::to_string(drawn) + " was drawn, and has probability 0 in its row";
      continue;
    }
    const double q = law.at(drawn);
    const uint64_t scrambled = SplitMix::Scramble(static_cast<uint64_t>(drawn));
    std::array<double, kOrders> below = {};
    for (const auto& [id, other] : law) {
      if (id < drawn) below[0] += other;
      if (other < q || (other == q && id < drawn)) below[1] += other;
      if (SplitMix::Scramble(static_cast<uint64_t>(id)) < scrambled) below[2] += other;
    }
    for (size_t order = 0; order < kOrders; ++order) {
      transforms_[order].push_back(below[order] + random_.Unit() * q);
    }
  }
}

AssertionResult TransformTest::Verdict(double false_alarm) const {
  if (!impossible_.empty()) return AssertionFailure() << impossible_;
  std::vector<Cell> cells;
  for (const auto& [id, expected] : expected_) {
    const auto found = counts_.find(id);
    cells.push_back(
        {expected, found == counts_.end() ? 0 : found->second, "item " + std::to_string(id)});
  }
  AssertionResult result = NoneMissing(cells);
  if (!result) return result;
  if (transforms_[0].size() < 1000) {
    return AssertionFailure() << transforms_[0].size() << " draws are too few to test a law";
  }
  static constexpr std::array<const char*, kOrders> kNames = {"by id", "by probability",
                                                              "scrambled"};
  for (size_t order = 0; order < kOrders; ++order) {
    result = BinsFit(transforms_[order], false_alarm / (2 * kOrders));
    if (result) result = DistributionFits(transforms_[order], false_alarm / (2 * kOrders));
    if (!result) return result << "\nitems in order " << kNames[order] << Describe(cells);
  }
  return AssertionSuccess();
}

AssertionResult LogQAgrees(double reported, double expected) {
  if (std::isnan(reported) && std::isnan(expected)) return AssertionSuccess();
  const double tolerance = 1e-5 * std::max(1.0, std::abs(expected) / 32);
  if (std::isfinite(expected) && std::abs(reported - expected) <= tolerance) {
    return AssertionSuccess();
  }
  return AssertionFailure() << "log q " << reported << " is not " << expected << " within "
                            << tolerance;
}

AssertionResult LogQAgrees(double reported, const OracleLaw& law, int64_t id) {
  if (!IsPossible(law, id)) return AssertionFailure() << "item " << id << " has probability 0";
  return LogQAgrees(reported, std::log(law.at(id))) << " (item " << id << ")";
}

AssertionResult SlotsAreSystematic(const std::vector<double>& shares,
                                   const std::vector<int64_t>& counts) {
  if (shares.size() != counts.size()) return AssertionFailure() << "one count a share, please";
  int64_t draws = 0;
  for (int64_t count : counts) draws += count;
  double low = 0;
  double high = 1;
  double shares_before = 0;
  int64_t counted = 0;
  for (size_t k = 0; k < shares.size(); ++k) {
    if (shares[k] <= 0 && counts[k] != 0) {
      return AssertionFailure() << "component " << k << " drew " << counts[k] << " without a share";
    }
    shares_before += shares[k];
    counted += counts[k];
    const double bound = static_cast<double>(counted) - shares_before * static_cast<double>(draws);
    low = std::max(low, bound);
    high = std::min(high, bound + 1);
  }
  if (std::abs(shares_before - 1) > 1e-9) {
    return AssertionFailure() << "shares sum to " << shares_before;
  }
  // An interval of u that only rounding opens is no answer.
  const double slack = 1e-12 * static_cast<double>(draws + 1);
  if (low + slack < high) return AssertionSuccess();
  AssertionResult failure = AssertionFailure();
  failure << "no u gives these slots of " << draws << ":";
  for (size_t k = 0; k < shares.size(); ++k)
    failure << " " << counts[k] << " (" << shares[k] << ")";
  return failure;
}

}  // namespace negatron
