// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_SOURCE_ORACLE_H_
#define NEGATRON_TESTS_SUPPORT_SOURCE_ORACLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/sampling/policy.h"
#include "storage/model/records.h"
#include "storage/model/time.h"
#include "tests/support/oracle.h"

// What `uniform`, `popularity`, `exposure`, `mined` and their mixtures must draw,
// by brute force from the definitions: every call walks over all items and all
// events. Written from the design page and the protos; of the server it knows
// the words in which a policy is put (server/sampling/policy.h) and nothing else.
// `nearest` is the business of tests/support/oracle.h; here it is always empty.
//
// Laws are kept as logarithms, so that an item of probability 1e-4000 is still
// one that can be drawn.
//
// Thread-safety: all functions are pure.
namespace negatron {

struct SourceItem {
  int64_t id = 0;
  std::vector<Interval> alive;  // Empty: never alive.
  double base_weight = 1;
  std::set<std::string> categories;
};

// Retracted events, and those of erased users, are left out.
struct SourceEvent {
  int64_t user = 0;
  int64_t item = 0;
  Micros time = 0;
  EventKind kind = EventKind::kPositive;
  double weight = 1;
  double propensity = 0;  // 0: not known.
  int cohort = 0;
};

struct SourceCatalogue {
  int64_t half_life_micros = 0;  // 0: events do not decay.
  int64_t popularity_grid_micros = DefaultPopularityGrid(0);
  int mined_per_user = kDefaultMinedPerUser;
  Micros watermark = kAlways;       // Positives before it have no mass.
  std::vector<SourceItem> items;    // Distinct ids.
  std::vector<SourceEvent> events;  // In order of arrival; only `mined` asks for it.
};

struct SourceRow {
  std::optional<int64_t> user;
  std::optional<int64_t> positive;
  std::vector<int64_t> exclusions;  // May repeat, and may name unknown items.
  Micros as_of = 0;
  int cohort = 0;
};

// Natural logarithms by item id; an item that is not there is impossible. Of
// weights, or of the probabilities of a single draw.
using LogLaw = std::map<int64_t, double>;

// An item below the least double has an entry of 0.
OracleLaw ProbabilitiesOf(const LogLaw& law);

// Scaled to sum 1.
LogLaw Normalised(const LogLaw& weights);

// History of the row's user strictly before its as-of (whatever the watermark
// is), its positive, its exclusions.
std::set<int64_t> SourceExcluded(const SourceCatalogue& catalogue, const SourceRow& row);

bool IsAliveAt(const SourceItem& item, Micros time);

// The last whole multiple of the grid that is not after `time`.
Micros GridBoundary(int64_t grid_micros, Micros time);

// Weights of all items that the component could draw if nothing were excluded:
// alive at the row's time, of the component's category, with a weight under its
// source. Up to one factor.
LogLaw SourceWeights(const SourceCatalogue& catalogue, const PolicyComponent& component,
                     const SourceRow& row);

// The law after exclusions; empty if the component has nothing for the row.
LogLaw LawOfSource(const SourceCatalogue& catalogue, const PolicyComponent& component,
                   const SourceRow& row);

// For `exposure`, by item: which importance weights a draw of it may carry, and
// how likely each is given the item. Empty for other sources, whose draws have 1.
std::map<int64_t, std::map<double, double>> SourceImportance(const SourceCatalogue& catalogue,
                                                             const PolicyComponent& component,
                                                             const SourceRow& row);

// What a policy does for one row.
struct SourceMixture {
  RowStatus status = RowStatus::kOk;  // Never kShort, which needs the K.

  // After empty components gave up theirs in proportion; all 0 in an empty row.
  std::vector<double> shares;
  std::vector<LogLaw> laws;        // By component, those without a share too.
  std::vector<Micros> boundaries;  // By component; 0 where it has none.
  LogLaw law;                      // log of sum over components of share * q.

  // NaN without a positive and in an empty row. A positive that is dead or
  // without mass has nothing but the floor; -infinity if that is 0.
  double positive_log_q = 0;
};

SourceMixture MixtureOf(const SourceCatalogue& catalogue, const Policy& policy,
                        const SourceRow& row);

// How often `item` is to be expected in a row with so many slots by component:
// sum of slots * q or, if nothing repeats, 1 - product of (1 - q)^slots.
double ExpectedCountOf(const SourceMixture& mixture, const std::vector<double>& slots, bool repeats,
                       int64_t item);

// One block of negatives for many rows.
struct SourceBlock {
  SourceMixture mixture;  // At the block's time, without user and exclusions.

  // By row: items of the catalogue that are excluded for it or not alive at its
  // own time.
  std::vector<std::set<int64_t>> false_items;
  std::vector<double> log_remaining;  // By row: log(1 - E), -infinity if E is all.
};

SourceBlock SharedBlockOf(const SourceCatalogue& catalogue, const Policy& policy, Micros time,
                          const std::vector<SourceRow>& rows);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_SOURCE_ORACLE_H_
