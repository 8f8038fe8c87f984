// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_BENCHMARKS_FIGURES_H_
#define NEGATRON_TESTS_BENCHMARKS_FIGURES_H_

#include <string>
#include <utility>
#include <vector>

namespace negatron::bench {

// What a program measured and what it found wrong, as run.py takes it.
//
// Thread-safety: thread-compatible.
class Figures {
 public:
  using Numbers = std::vector<std::pair<std::string, double>>;

  // Adds a figure; `more` are further numbers of it. The name `baseline` among them is
  // what the value is divided by to give a ratio.
  void Add(const std::string& name, double value, const std::string& unit,
           const Numbers& more = {});
  // Adds a sentence on what is not as it must be.
  void Fail(const std::string& what);

  // Prints {"figures": [...], "failures": [...]}, one entry a line, and returns the
  // exit code of the program: 1 if there are failures.
  int Print() const;

 private:
  std::vector<std::string> figures_;  // As JSON.
  std::vector<std::string> failures_;
};

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_FIGURES_H_
