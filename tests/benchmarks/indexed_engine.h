// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_BENCHMARKS_INDEXED_ENGINE_H_
#define NEGATRON_TESTS_BENCHMARKS_INDEXED_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "server/engine/engine.h"
#include "tests/benchmarks/measuring.h"
#include "tests/benchmarks/vector_data.h"

namespace negatron::bench {

// An engine as the server runs it, with a collection of items that are always alive, their events,
// and embeddings; its files are in a folder that goes with it.
//
// Thread-safety: thread-compatible; sampling and statistics may overlap with all but Open.
class IndexedEngine {
 public:
  explicit IndexedEngine(int64_t items);

  // Opens the folder (again).
  absl::Status Open();
  void Close() { engine_.reset(); }

  // Creates the collection, with `events` events.
  absl::Status Load(int64_t events);

  // Writes the vectors of some items, rising, in calls of 4,096. `vectors` are those of all.
  // Returns the last commit.
  absl::StatusOr<int64_t> Write(const Vectors& vectors, std::span<const int64_t> items);
  // Of all items.
  absl::StatusOr<int64_t> WriteAll(const Vectors& vectors);

  absl::StatusOr<SampleResult> Sample(const SampleRequest& request) const;

  // The kTop nearest items of each query, [queries, kTop].
  absl::StatusOr<std::vector<int64_t>> Nearest(const Vectors& queries) const;

  absl::StatusOr<IndexStatistics> Index() const;
  // Bytes that the engine counts for vectors and index.
  absl::StatusOr<int64_t> IndexBytes() const;

  // Waits until the state of the index is as it should be and nothing is built, for a while on
  // end. DEADLINE_EXCEEDED if that takes hours, FAILED_PRECONDITION if a build is refused.
  absl::StatusOr<IndexStatistics> AwaitIndex(
      const std::function<bool(const IndexStatistics&)>& ready) const;

  // Waits until a build has begun. DEADLINE_EXCEEDED as above.
  absl::Status AwaitBuild() const;

 private:
  const ScratchFolder folder_;
  std::vector<int64_t> ids_;
  std::unique_ptr<Engine> engine_;
};

// kQueries rows with all of their nearest items in order. `queries`: [kQueries, kDimension].
SampleRequest NearestRequest(std::span<const float> queries);
// kRows rows of kNegatives each, from one source.
SampleRequest CatalogueRequest(const SourceSpec& source);

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_INDEXED_ENGINE_H_
