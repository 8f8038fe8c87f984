// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_ORACLE_H_
#define NEGATRON_TESTS_SUPPORT_ORACLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "storage/model/records.h"
#include "storage/model/time.h"

// What the sources must draw, by brute force from the definitions: every call
// walks over all items and all events. It shares no code with the server, so
// that the two can only agree by both being right.
//
// Thread-safety: all functions are pure.
namespace negatron {

// Probability of a single draw by item id, after all exclusions. Sums to 1;
// empty if the source has nothing for the row. An item whose probability is
// below the least double has an entry of 0.
using OracleLaw = std::map<int64_t, double>;

struct OracleItem {
  int64_t order = 0;  // Of its first write among the items; unique. Breaks ties of scores.
  std::vector<Interval> alive;                  // Empty: never alive.
  std::optional<std::vector<float>> embedding;  // As written, before any normalisation.
};

struct OracleEvent {
  int64_t user = 0;
  int64_t item = 0;
  Micros time = 0;
  float weight = 1.0f;  // > 0.
};

struct OracleCatalogue {
  int64_t half_life_micros = 0;  // 0: events do not decay.
  std::map<int64_t, OracleItem> items;
  std::vector<OracleEvent> events;  // In order of arrival, which no law depends on.
  std::optional<EmbeddingSettings> embedding;
};

struct OracleRow {
  std::optional<int64_t> user;
  std::optional<int64_t> positive;
  std::vector<int64_t> exclusions;  // May repeat, and may name unknown items.
  Micros as_of = 0;
  std::vector<float> query;  // Empty: none.
};

enum class OracleSource { kUniform, kPopularity, kNearest };
enum class OracleAnchor { kQuery, kPositive };
enum class OraclePick { kUniform, kSoftmax, kTop };

// Parameters of `nearest`.
struct OracleNearest {
  OracleAnchor anchor = OracleAnchor::kQuery;
  int rank_begin = 0;
  int rank_end = 1;  // Exclusive.
  OraclePick pick = OraclePick::kUniform;
  double temperature = 1.0;  // Of kSoftmax.
};

struct OracleComponent {
  double share = 1.0;  // Unscaled.
  OracleSource source = OracleSource::kUniform;
  OracleNearest nearest;  // Of kNearest.
};

// Numbered as RowStatus of the proto.
enum class OracleStatus {
  kOk = 1,
  kNoLivingItem = 2,
  kExhausted = 3,
  kNoEvent = 4,
  kNoAnchor = 5,
  kNoCandidate = 6,
};

// The window of `nearest`, highest score first.
struct OracleWindow {
  bool has_anchor = false;
  std::vector<int64_t> ids;
  std::vector<double> scores;  // Parallel to `ids`.
  OracleLaw law;               // Empty for kTop, which has none.
};

// What a policy does for one row.
struct OracleMixture {
  // After empty sources gave up theirs in proportion; all 0 if no source with
  // a share has anything.
  std::vector<double> shares;

  // By component; empty where the source is empty, and for kTop.
  std::vector<OracleLaw> laws;
  std::vector<OracleWindow> windows;  // By component; of kNearest only.

  // sum over components of effective share * q. Nothing if a kTop component
  // has an effective share; empty if all shares are 0.
  std::optional<OracleLaw> law;

  // Outcomes that the definitions allow for the row: one, except where they
  // give no precedence between two that both hold (an empty window because
  // everything was seen; two empty sources with different reasons).
  std::set<OracleStatus> statuses;
};

// Items that the row must not get: history of its user strictly before its
// as-of, its positive, its exclusions. May hold ids that the catalogue lacks.
std::set<int64_t> OracleExcluded(const OracleCatalogue& catalogue, const OracleRow& row);

// Items alive at `time`.
std::set<int64_t> OracleLiving(const OracleCatalogue& catalogue, Micros time);

// Living items without the excluded ones.
std::set<int64_t> OracleEligible(const OracleCatalogue& catalogue, const OracleRow& row);

// Each eligible item with the same probability.
OracleLaw OracleUniform(const OracleCatalogue& catalogue, const OracleRow& row);

// Eligible items in proportion to
//   sum over events before as-of of weight * 2^((event time - as-of) / half-life).
OracleLaw OraclePopularity(const OracleCatalogue& catalogue, const OracleRow& row);

// Higher is nearer: the dot product, the cosine, or minus the squared distance.
// Summed in double over the vectors as written.
double OracleScore(Metric metric, const std::vector<float>& a, const std::vector<float>& b);

// Ranks [rank_begin, rank_end) of the eligible items that have an embedding.
// Scores in `served` replace computed ones: a served law is that of the scores
// as served, in float.
OracleWindow OracleNearestWindow(const OracleCatalogue& catalogue, const OracleRow& row,
                                 const OracleNearest& nearest,
                                 const std::map<int64_t, double>& served = {});

// The first `count` picks of kTop: the window in order, starting again at its
// front. Empty if the window is.
std::vector<int64_t> OracleTop(const OracleWindow& window, int count);

// Shares after those whose component is empty went to the others in
// proportion, scaled to sum 1; all 0 if nothing is left.
std::vector<double> OracleEffectiveShares(const std::vector<double>& shares,
                                          const std::vector<bool>& empty);

// Everything above for a policy.
OracleMixture OraclePolicy(const OracleCatalogue& catalogue, const OracleRow& row,
                           const std::vector<OracleComponent>& components);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_ORACLE_H_
