// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_INSPECTION_H_
#define NEGATRON_CLIENT_CLI_INSPECTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "client/cli/explanation.h"
#include "client/cli/principal_axes.h"
#include "client/cli/row_options.h"
#include "client/cli/sampling_history.h"
#include "client/cli/session.h"
#include "negatron/v1/collections.pb.h"
#include "negatron/v1/inspection.pb.h"

namespace negatron::client {

// What to look at.
struct InspectionSettings {
  RowSettings row;
  int item_count = 5000;      // Of the catalogue's sample.
  int draw_count = 100;       // By the policy, for the row.
  int neighbour_count = 100;  // Around the row's anchor.
};

// Why an item is on the page: bits.
enum PointRole : int {
  kInSample = 1,
  kNeighbour = 2,
  kDrawn = 4,
  kInHistory = 8,  // A positive of the user before t, or within the policy's horizon.
  kRowPositive = 16,
  kNamed = 32,  // By `--exclude`.
};

// Items of the page as columns, each item once.
struct Points {
  std::vector<std::string> ids;
  std::vector<int> roles;
  std::vector<std::string> attributes;  // As they are: bytes.
  std::vector<std::vector<std::string>> categories;
  std::vector<double> x, y;       // On the axes; NaN without an embedding.
  std::vector<int> draw_counts;   // How often it was drawn.
  std::vector<int> draw_sources;  // Of its first draw, index into the explanation's; -1: none.
  std::vector<double> neighbour_scores;
  std::vector<int> neighbour_ranks;  // From 0; -1: not a neighbour.
};

// What neighbours are near to.
struct Anchor {
  std::string kind;  // `query`, `item`, `user`, or `newest` positive of the user; empty: none.
  std::string id;
  std::vector<float> vector;
  double x = 0, y = 0;
};

// What the page shows.
struct Inspection {
  v1::Collection collection;
  v1::CollectionStatistics statistics;
  SamplingHistory sampling;

  std::string policy_name;  // Or what the options say.
  std::string arm;
  std::string user, positive;
  int64_t as_of_micros = 0;
  int64_t seed = 0;
  int64_t first_commit = 0, last_commit = 0;  // Of the snapshots that were read.
  v1::RowStatus row_status = v1::ROW_STATUS_UNSPECIFIED;
  v1::LawKind law_kind = v1::LAW_KIND_UNSPECIFIED;
  int64_t drawn_count = 0;

  Points points;
  Explanation explanation;  // Of the points.

  PrincipalAxes axes;
  int64_t fitted_count = 0;  // Items of the sample that the axes were found from.
  std::optional<Anchor> anchor;

  int64_t events_read = 0;
  bool history_complete = true;  // Else the events that were read do not reach back to the first.
};

// Asks the server for all of it: some 20 calls for items of 64 dimensions, one for each 32 items of
// 4,096; and where the row has a user, as many as it takes to find its history among the newest
// 2,000,000 events, 70 for all of them. Memory: the vectors of the points. Errors are the server's;
// usage errors for items that do not exist, and for a user of whom nothing is known.
absl::StatusOr<Inspection> FetchInspection(Session& session, const InspectionSettings& settings);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_INSPECTION_H_
