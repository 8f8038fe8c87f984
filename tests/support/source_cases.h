// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_SOURCE_CASES_H_
#define NEGATRON_TESTS_SUPPORT_SOURCE_CASES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/pool/pool_settings.h"
#include "server/sampling/policy.h"
#include "tests/support/source_oracle.h"
#include "tests/support/split_mix.h"

// Random catalogues, policies and rows for the sources of catalogue and users.
namespace negatron {

struct SourceCaseOptions {
  int item_count = 36;
  int user_count = 8;
  int event_count = 500;
  Micros span_micros = 30LL * 86400 * 1000000;  // From the first event to the last.
  // Half-lives of a minute, and exponents 40 spans behind the last event: masses
  // below the least double, though their ratios are ordinary numbers.
  bool extremes = false;
};

// A catalogue with the way in which it came to be.
struct SourceCase {
  struct Arrival {
    SourceEvent event;
    bool withdrawn = false;  // Retracted later, or of an erased user.
  };

  uint64_t seed = 0;
  SourceCaseOptions options;
  PoolSettings settings;                // Agrees with `catalogue`.
  SourceCatalogue catalogue;            // As it ends; items in the order of first writes.
  std::vector<SourceItem> first_items;  // Items before they were edited; parallel.
  std::vector<Arrival> arrivals;        // In order; `catalogue.events` without the withdrawn.
  std::vector<int64_t> users;           // Those that stay.
  std::vector<int64_t> erased_users;
  Micros start = 0;  // Of the span.

  // For SCOPED_TRACE.
  std::string Trace() const;
};

// The same for the same arguments on every platform:
//  - items alive always, born, dead, listed again, dead throughout, with starts and
//    ends at events and next to them, of base weights from 1/16 to 16, with none to
//    three of four categories;
//  - positives, exposures and mined events; while dead, late, tied in time, twice
//    the same; with weights, cohorts, and propensities known or not; some retracted,
//    some of erased users;
//  - collections with and without decay, listed half-lives and windows, indexes
//    of cohorts and categories, watermark, small and large rings, fine and coarse
//    grids.
SourceCase MakeSourceCase(uint64_t seed, const SourceCaseOptions& options = {});

// One to four components of all four sources, with listed and unlisted half-lives
// and windows, exponents, cohorts, categories that exist or not, and shares of
// which some are 0. Neither `unique` nor caps.
Policy RandomSourcePolicy(const SourceCase& source_case, SplitMix* random);

// The same with what a shared block allows.
Policy RandomSharedPolicy(const SourceCase& source_case, SplitMix* random);

// A row before, at and next to events, starts, ends, boundaries of the grid, the
// watermark and the far ends of the windows of `policy`, or anywhere; with and without
// user, positive, named items, known or not, and with nearly everything named.
SourceRow RandomSourceRow(const SourceCase& source_case, const Policy& policy, SplitMix* random);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_SOURCE_CASES_H_
