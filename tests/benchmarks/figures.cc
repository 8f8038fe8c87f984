// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/figures.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace negatron::bench {
namespace {

// JSON has no word for what is not finite.
std::string Number(double value) {
  return std::isfinite(value) ? absl::StrFormat("%.12g", value) : "null";
}

}  // namespace

void Figures::Add(const std::string& name, double value, const std::string& unit,
                  const Numbers& more) {
  std::string json =
      absl::StrFormat(R"({"name": "%s", "value": %s, "unit": "%s")", name, Number(value), unit);
  for (const auto& [key, number] : more) {
    absl::StrAppendFormat(&json, R"(, "%s": %s)", key, Number(number));
  }
  figures_.push_back(json + "}");
}

void Figures::Fail(const std::string& what) {
  absl::FPrintF(stderr, "FAILED: %s\n", what);
  failures_.push_back(absl::StrCat("\"", what, "\""));
}

int Figures::Print() const {
  absl::PrintF("{\"figures\": [\n%s],\n\"failures\": [%s]}\n", absl::StrJoin(figures_, ",\n"),
               absl::StrJoin(failures_, ",\n"));
  return failures_.empty() ? 0 : 1;
}

}  // namespace negatron::bench
