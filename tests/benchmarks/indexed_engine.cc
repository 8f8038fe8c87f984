// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/indexed_engine.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/time/clock.h"

#include "storage/base/status.h"
#include "tests/benchmarks/bench_data.h"
#include "tests/benchmarks/generated_catalogue.h"

namespace negatron::bench {
namespace {

constexpr int64_t kLoadBatch = 50'000;
constexpr int64_t kUpdateBatch = 4096;

// The engine looks after its index every second, and after a change takes its time.
constexpr absl::Duration kQuiet = absl::Seconds(4);
constexpr absl::Duration kLongestBuild = absl::Hours(2);
constexpr absl::Duration kPoll = absl::Milliseconds(50);

SampleRequest RequestOf(const SourceSpec& source, int64_t rows, int negatives) {
  SampleRequest request;
  request.row_count = rows;
  request.negative_count = negatives;
  request.policy.components = {{1, "", source}};
  request.want_log_q_source = false;
  request.want_components = false;
  return request;
}

std::vector<int64_t> Cut(const std::vector<int64_t>& column, int64_t begin, int64_t end) {
  return {column.begin() + begin, column.begin() + end};
}

// Calls write(begin, end) for batches of `count` rows until one fails.
template <typename Write>
absl::Status InBatches(int64_t count, Write write) {
  absl::Status status;
  for (int64_t begin = 0; status.ok() && begin < count; begin += kLoadBatch) {
    status = write(begin, std::min(count, begin + kLoadBatch));
  }
  return status;
}

}  // namespace

SampleRequest NearestRequest(std::span<const float> queries) {
  NearestSource nearest;
  nearest.rank_end = kTop;
  nearest.pick = NearestPick::kTop;
  SampleRequest request = RequestOf(nearest, kQueries, kTop);
  request.query_columns = kDimension;
  request.queries.assign(queries.begin(), queries.end());
  request.want_log_q = false;
  return request;
}

SampleRequest CatalogueRequest(const SourceSpec& source) {
  return RequestOf(source, kRows, kNegatives);
}

IndexedEngine::IndexedEngine(int64_t items) : ids_(static_cast<size_t>(items)) {
  std::iota(ids_.begin(), ids_.end(), 0);
}

absl::Status IndexedEngine::Open() {
  if (folder_.path().empty()) return absl::UnavailableError("no temporary folder");
  EngineOptions options;
  options.data_dir = folder_.path() + "/data";
  options.index_min_items = std::min(options.index_min_items, static_cast<int64_t>(ids_.size()));
  NEGATRON_ASSIGN_OR_RETURN(engine_, Engine::Open(
                                         options, [](const RecoveryProgress&) {}, Cancellation()));
  return absl::OkStatus();
}

absl::Status IndexedEngine::Load(int64_t events) {
  CollectionRecord settings;
  settings.id = kCollection;
  settings.half_life_micros = absl::ToInt64Microseconds(kHalfLife);
  settings.embedding = EmbeddingSettings{kDimension, Metric::kCosine};
  NEGATRON_RETURN_IF_ERROR(Await<absl::StatusOr<CollectionRecord>>([&](auto done) {
                             engine_->CreateCollection(settings, done);
                           }).status());
  const auto items = static_cast<int64_t>(ids_.size());
  NEGATRON_RETURN_IF_ERROR(InBatches(items, [&](int64_t begin, int64_t end) {
    WriteItemsRequest request;
    request.ids.values = Cut(ids_, begin, end);
    return Await<absl::StatusOr<WriteResult>>(
               [&](auto done) { engine_->WriteItems(kCollection, std::move(request), done); })
        .status();
  }));
  const GeneratedCatalogue data = GenerateCatalogue(items, events, absl::Now());
  return InBatches(events, [&](int64_t begin, int64_t end) {
    WriteEventsRequest request;
    request.users.values = Cut(data.user_ids, begin, end);
    request.items.values = Cut(data.event_item_ids, begin, end);
    request.times = Cut(data.event_time_micros, begin, end);
    return Await<absl::StatusOr<WriteResult>>(
               [&](auto done) { engine_->WriteEvents(kCollection, std::move(request), done); })
        .status();
  });
}

absl::StatusOr<int64_t> IndexedEngine::Write(const Vectors& vectors,
                                             std::span<const int64_t> items) {
  int64_t sequence = 0;
  for (size_t begin = 0; begin < items.size(); begin += kUpdateBatch) {
    const auto part = items.subspan(begin, std::min<size_t>(kUpdateBatch, items.size() - begin));
    WriteEmbeddingsRequest request;
    request.ids.values = std::vector<int64_t>(part.begin(), part.end());
    request.column_count = kDimension;
    request.options.level = AckLevel::kApplied;
    for (const int64_t item : part) {
      const auto row = vectors.begin() + item * kDimension;
      request.values.insert(request.values.end(), row, row + kDimension);
    }
    const auto result = Await<absl::StatusOr<WriteResult>>(
        [&](auto done) { engine_->WriteEmbeddings(kCollection, std::move(request), done); });
    if (!result.ok()) return result.status();
    sequence = result->commit_sequence;
  }
  return sequence;
}

absl::StatusOr<int64_t> IndexedEngine::WriteAll(const Vectors& vectors) {
  return Write(vectors, ids_);
}

absl::StatusOr<SampleResult> IndexedEngine::Sample(const SampleRequest& request) const {
  return engine_->Sample(kCollection, request, Cancellation());
}

absl::StatusOr<std::vector<int64_t>> IndexedEngine::Nearest(const Vectors& queries) const {
  constexpr size_t kValues = size_t{kQueries} * kDimension;
  std::vector<int64_t> found;
  for (size_t begin = 0; begin < queries.size(); begin += kValues) {
    NEGATRON_ASSIGN_OR_RETURN(const SampleResult result,
                              Sample(NearestRequest(std::span(queries).subspan(begin, kValues))));
    found.insert(found.end(), result.ids.begin(), result.ids.end());
  }
  return found;
}

absl::StatusOr<IndexStatistics> IndexedEngine::Index() const {
  NEGATRON_ASSIGN_OR_RETURN(const CollectionStatistics statistics,
                            engine_->GetStatistics(kCollection, std::nullopt));
  if (!statistics.index.has_value()) return absl::InternalError("no statistics of the index");
  return *statistics.index;
}

absl::StatusOr<int64_t> IndexedEngine::IndexBytes() const {
  NEGATRON_ASSIGN_OR_RETURN(const CollectionStatistics statistics,
                            engine_->GetStatistics(kCollection, std::nullopt));
  int64_t sum = 0;
  for (const auto& [structure, bytes] : statistics.memory_bytes) {
    if (structure == "embeddings" || structure == "index") sum += bytes;
  }
  return sum;
}

absl::StatusOr<IndexStatistics> IndexedEngine::AwaitIndex(
    const std::function<bool(const IndexStatistics&)>& ready) const {
  const absl::Time deadline = absl::Now() + kLongestBuild;
  absl::Time last_unready = absl::Now();
  for (;;) {
    NEGATRON_ASSIGN_OR_RETURN(const IndexStatistics index, Index());
    if (!index.status.problem.empty()) return absl::FailedPreconditionError(index.status.problem);
    const absl::Time now = absl::Now();
    if (index.status.building || !ready(index)) last_unready = now;
    if (now - last_unready >= kQuiet) return index;
    if (now > deadline) return absl::DeadlineExceededError("the index does not get ready");
    absl::SleepFor(kPoll);
  }
}

absl::Status IndexedEngine::AwaitBuild() const {
  const absl::Time deadline = absl::Now() + kLongestBuild;
  for (;;) {
    NEGATRON_ASSIGN_OR_RETURN(const IndexStatistics index, Index());
    if (index.status.building) return absl::OkStatus();
    if (absl::Now() > deadline) return absl::DeadlineExceededError("no build begins");
    absl::SleepFor(kPoll);
  }
}

}  // namespace negatron::bench
