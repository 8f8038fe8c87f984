// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_LAW_TEST_UTIL_H_
#define NEGATRON_TESTS_SUPPORT_LAW_TEST_UTIL_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/oracle.h"
#include "tests/support/split_mix.h"

// Hypothesis tests of laws. Each takes the rate of false alarms it may have:
// the probability that it fails although the law is right.
namespace negatron {

// All tests of laws together may raise a false alarm in one run of a million;
// each program that holds some gets an equal part.
inline constexpr double kFalseAlarmBudget = 1e-6;
inline constexpr int kLawTestPrograms = 32;

// Splits what one program may spend over its tests.
//
// Thread-safety: thread-compatible.
class FalseAlarmBudget {
 public:
  explicit FalseAlarmBudget(int tests, double total = kFalseAlarmBudget / kLawTestPrograms)
      : tests_(tests), each_(total / tests) {}

  // The rate for one more test. Asking for more than `tests` of them fails the
  // running test.
  double Next();

 private:
  int tests_;
  double each_;
};

// Q(a, x), the regularised upper incomplete gamma function: the integral of
// t^(a-1) e^-t over [x, inf) divided by Gamma(a). For a > 0, x >= 0; relative
// error below 1e-9 down to results of 1e-300.
double UpperGamma(double a, double x);

// P(a, x) = 1 - Q(a, x), accurate where it is small.
double LowerGamma(double a, double x);

// P(X >= x) of a chi-square variable.
double ChiSquareTail(double x, double degrees_of_freedom);

// The x with ChiSquareTail(x, degrees_of_freedom) == tail, for tail in (0, 1).
double ChiSquareQuantile(double tail, double degrees_of_freedom);

// P(X >= count) of a Poisson variable.
double PoissonTail(double mean, int64_t count);

// Cells below this expectation are pooled, and an item that reaches it must
// have been drawn.
inline constexpr double kMinExpectation = 25.0;

// Whether independent draws with these `counts` by item fit `law`. Fails, with
// the counts that stand out, if
//  - `law` does not sum to 1 or an item without probability was drawn;
//  - an item was never drawn though expected kMinExpectation times or more;
//  - an item expected less often than that was drawn too often for its Poisson
//    tail, or all of those together;
//  - chi-square over cells pooled to kMinExpectation exceeds its quantile;
//  - the draws are too few for any of this to mean something.
// Rate: `false_alarm`, plus e^-25 (1.4e-11) at most for each item that is
// expected little more than 25 times; expect 35 to make that vanish.
testing::AssertionResult FitsLaw(const std::map<int64_t, int64_t>& counts, const OracleLaw& law,
                                 double false_alarm);

// Counts of `draws` by item.
std::map<int64_t, int64_t> CountDraws(const std::vector<int64_t>& draws);

// Whether draws whose law differs from row to row fit, by the randomised
// probability integral transform: F(i-) + V * q(i) is uniform on [0, 1] if i has
// law q, whatever q is. F sums q in an order of the items; three are tried, since
// one order hides what moves probability between its neighbours.
//
// Thread-safety: thread-compatible.
class TransformTest {
 public:
  // `seed` drives V.
  explicit TransformTest(uint64_t seed) : random_(seed) {}

  // Independent draws of one row.
  void Add(const OracleLaw& law, const std::vector<int64_t>& draws);

  // Fails if the transforms are not uniform, by chi-square over bins or by
  // Kolmogorov-Smirnov; if an item without probability was drawn, or one was
  // never drawn though expected kMinExpectation times or more (rate as for
  // FitsLaw); or if there are fewer than 1,000 draws.
  testing::AssertionResult Verdict(double false_alarm) const;

 private:
  static constexpr int kOrders = 3;  // By id, by probability, scrambled.

  SplitMix random_;
  std::array<std::vector<double>, kOrders> transforms_;
  std::map<int64_t, double> expected_;
  std::map<int64_t, int64_t> counts_;
  std::string impossible_;  // What was drawn without probability.
};

// Whether a reported log q agrees with the expected one within
// 1e-5 * max(1, |log q| / 32). NaN agrees with NaN only, and nothing with the
// logarithm of 0.
testing::AssertionResult LogQAgrees(double reported, double expected);

// The same against the law of a row: of item `id`, which must have probability.
testing::AssertionResult LogQAgrees(double reported, const OracleLaw& law, int64_t id);

// Whether slot counts of a row come from systematic sampling: some u in [0, 1)
// gives all of them, counts[k] = floor(C_k + u) - floor(C_(k-1) + u), with C_k
// the draws' part of the first k shares. Shares sum to 1 and are doubles, as the
// oracle gives them: rounded to float, they would let wrong counts pass.
testing::AssertionResult SlotsAreSystematic(const std::vector<double>& shares,
                                            const std::vector<int64_t>& counts);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_LAW_TEST_UTIL_H_
