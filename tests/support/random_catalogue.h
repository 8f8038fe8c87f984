// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_RANDOM_CATALOGUE_H_
#define NEGATRON_TESTS_SUPPORT_RANDOM_CATALOGUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/model/records.h"
#include "storage/model/time.h"
#include "tests/support/oracle.h"

namespace negatron {

struct RandomCatalogueOptions {
  int item_count = 40;    // At least 10.
  int user_count = 12;    // At least 3.
  int event_count = 400;  // At least 10; the user who sees everything adds some.
  Micros span_micros = 30LL * 86400 * 1000000;  // From the first event to the last.

  // 0: no decay. Unset: by the seed, among none, 8 spans, 1/2, 1/16 and 1/64 of
  // the span.
  std::optional<int64_t> half_life_micros;

  // Unset: no embeddings. Else most items have one. Under inner product and L2
  // all coordinates are multiples of 1/4 up to 2, so that scores are exact in
  // float and ties are real; under cosine, ties are between equal vectors.
  std::optional<EmbeddingSettings> embedding;
};

// A catalogue and rows to ask of it.
struct RandomCase {
  uint64_t seed = 0;
  OracleCatalogue catalogue;
  std::vector<OracleRow> rows;

  // For SCOPED_TRACE: the seed and the sizes.
  std::string Trace() const;
};

// Makes what tends to go wrong, the same for the same arguments on every
// platform:
//  - items alive always, born, dead, both, listed again up to five times, and
//    dead throughout; starts and ends that coincide with events;
//  - events while dead, late (15% arrive after later ones), tied in time, twice
//    the same, of weights from kMinWeight to kMaxWeight;
//  - items without events, a few items with most events, ids whose order is not
//    that of their first writes, users and items with equal ids;
//  - a user with a fifth of all events, and one who in the last quarter has seen
//    all items, or all that have events;
//  - rows before the first event, at, just before and just after events, starts
//    and ends, in between, and long after; without user, of unknown users,
//    positives and exclusions, and with nearly everything excluded. Every row
//    of a case with embeddings has a query.
// Times, weights and intervals keep the bounds of storage/model.
RandomCase MakeRandomCase(uint64_t seed, int row_count, const RandomCatalogueOptions& options = {});

// `fixed`, unless the environment has NEGATRON_TEST_SEED: then a seed made from
// both, so that a soak runs every test with numbers of its own and a failure
// can be repeated by setting the variable to what was printed.
uint64_t TestSeed(uint64_t fixed);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_RANDOM_CATALOGUE_H_
