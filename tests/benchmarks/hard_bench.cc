// SPDX-License-Identifier: Apache-2.0
//
// Hard negatives and embedding updates over gRPC. Loads a collection with embeddings into a running
// server, waits until it has an index of all, and prints lines of JSON (Converse): facts first,
// then measurements as they are asked for:
//   search   negatives a second, by the same queries as hnswlib_bench
//   update   embeddings acknowledged a second, at level APPLIED and DURABLE; waits afterwards until
//            the server has nothing left to build
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "client/cpp/client.h"
#include "tests/benchmarks/bench_data.h"
#include "tests/benchmarks/measuring.h"
#include "tests/benchmarks/vector_data.h"

namespace negatron::bench {
namespace {

constexpr int64_t kLoadBatch = 50'000;
constexpr int64_t kUpdateBatch = 4096;
constexpr uint64_t kMoveSeed = 3;

// The server looks after its index every second, and after a change takes its time.
constexpr absl::Duration kQuiet = absl::Seconds(5);
constexpr absl::Duration kLongestBuild = absl::Hours(2);
constexpr absl::Duration kPoll = absl::Milliseconds(200);

struct Flags {
  std::string address;
  int64_t items = 100'000;
  int64_t queries = 1024;
  int threads = 2;
  double seconds = 3;
};

class HardBench {
 public:
  explicit HardBench(const Flags& flags)
      : flags_(flags),
        ids_(static_cast<size_t>(flags.items)),
        items_(ClusteredVectors(flags.items, kItemSeed)),
        moved_(Moved(items_, kMoveSeed)),
        queries_(ClusteredVectors(flags.queries, kQuerySeed)) {
    std::iota(ids_.begin(), ids_.end(), 0);
  }

  // Loads, and returns what there is to say before anything is measured.
  absl::StatusOr<Numbers> Prepare() {
    absl::Status status = Connect();
    if (status.ok()) status = Create();
    if (status.ok()) status = Load();
    if (!status.ok()) return status;
    std::cerr << "  waiting for the index\n";
    const absl::StatusOr<v1::IndexStatistics> index = AwaitIndex();
    if (!index.ok()) return index.status();
    MakeRequests();
    const absl::StatusOr<double> recall = MeasureRecall();
    if (!recall.ok()) return recall.status();
    const auto& build = index->build_duration();
    return Numbers{{"ef", index->ef()},
                   {"link_count", index->link_count()},
                   {"recall", *recall},
                   {"build_seconds", static_cast<double>(build.seconds()) + 1e-9 * build.nanos()}};
  }

  absl::StatusOr<Numbers> Search() {
    const auto rate = MeasureRate(
        flags_.threads, flags_.seconds, [&](int thread, int64_t call) -> absl::StatusOr<int64_t> {
          const size_t number = static_cast<size_t>(thread + call) % requests_.size();
          const auto response = clients_[thread]->SampleNegatives(requests_[number]);
          if (!response.ok()) return response.status();
          return CheckFull(*response);
        });
    if (!rate.ok()) return rate.status();
    return NumbersOf(*rate);
  }

  absl::StatusOr<Numbers> Update() {
    const auto applied = UpdateAt(v1::ACKNOWLEDGEMENT_LEVEL_APPLIED);
    if (!applied.ok()) return applied.status();
    const auto durable = UpdateAt(v1::ACKNOWLEDGEMENT_LEVEL_DURABLE);
    if (!durable.ok()) return durable.status();
    const auto index = AwaitIndex();
    if (!index.ok()) return index.status();
    Numbers numbers = NumbersOf(*applied);
    numbers.emplace_back("durable_per_second", durable->items_per_second);
    return numbers;
  }

 private:
  absl::Status Connect() {
    client::ClientOptions options;
    options.target = flags_.address;
    options.deadline = absl::Minutes(5);
    for (int t = 0; t < flags_.threads; ++t) {
      absl::StatusOr<std::unique_ptr<client::Client>> client = client::Client::Create(options);
      if (!client.ok()) return client.status();
      clients_.push_back(*std::move(client));
    }
    return clients_[0]->WaitForReady(absl::Seconds(30));
  }

  absl::Status Create() {
    v1::CreateCollectionRequest request;
    request.set_collection_id(kCollection);
    v1::Collection* const collection = request.mutable_collection();
    collection->mutable_half_life()->set_seconds(absl::ToInt64Seconds(kHalfLife));
    collection->mutable_embedding_settings()->set_dimension(kDimension);
    collection->mutable_embedding_settings()->set_metric(v1::EMBEDDING_METRIC_COSINE);
    return clients_[0]->CreateCollection(request).status();
  }

  absl::Status Load() {
    std::cerr << "  loading " << flags_.items << " items with embeddings\n";
    for (int64_t begin = 0; begin < flags_.items; begin += kLoadBatch) {
      client::ItemBatch batch;
      batch.collection = kCollectionName;
      batch.ids = Ids(begin, std::min(kLoadBatch, flags_.items - begin));
      const absl::Status status = clients_[0]->WriteItems(batch, {}).status();
      if (!status.ok()) return status;
    }
    for (int64_t begin = 0; begin < flags_.items; begin += kUpdateBatch) {
      const int64_t count = std::min(kUpdateBatch, flags_.items - begin);
      const absl::Status status =
          WriteEmbeddings(0, items_, begin, count, v1::ACKNOWLEDGEMENT_LEVEL_APPLIED);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  std::span<const int64_t> Ids(int64_t begin, int64_t count) const {
    return std::span(ids_).subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
  }

  absl::Status WriteEmbeddings(int thread, const Vectors& vectors, int64_t begin, int64_t count,
                               v1::AcknowledgementLevel level) {
    client::EmbeddingBatch batch;
    batch.collection = kCollectionName;
    batch.ids = Ids(begin, count);
    batch.vectors = std::span(vectors).subspan(static_cast<size_t>(begin) * kDimension,
                                               static_cast<size_t>(count) * kDimension);
    batch.dimension = kDimension;
    client::WriteOptions options;
    options.acknowledgement_level = level;
    return clients_[thread]->WriteEmbeddings(batch, options).status();
  }

  // Waits until nothing is being built and nothing needs to be, for a while on end.
  absl::StatusOr<v1::IndexStatistics> AwaitIndex() {
    v1::GetCollectionStatisticsRequest request;
    request.set_collection(kCollectionName);
    const absl::Time deadline = absl::Now() + kLongestBuild;
    absl::Time last_unready = absl::Now();
    for (;;) {
      const auto statistics = clients_[0]->GetCollectionStatistics(request);
      if (!statistics.ok()) return statistics.status();
      const v1::IndexStatistics& index = statistics->index();
      if (!index.problem().empty()) return absl::FailedPreconditionError(index.problem());
      const absl::Time now = absl::Now();
      if (!IsReady(index)) last_unready = now;
      if (now - last_unready >= kQuiet) return index;
      if (now > deadline) return absl::DeadlineExceededError("the index does not get ready");
      absl::SleepFor(kPoll);
    }
  }

  bool IsReady(const v1::IndexStatistics& index) const {
    return index.generation() > 0 && !index.building() && index.placed_count() == flags_.items &&
           index.delta_count() <= std::max(kMissedItems, flags_.items / kMissedShare);
  }

  void MakeRequests() {
    client::SampleRequest request;
    request.collection = kCollectionName;
    request.negative_count = kTop;
    request.row_count = kQueries;
    request.query_dimension = kDimension;
    request.outputs = {v1::SAMPLE_OUTPUT_SCORE};  // hnswlib returns distances, too.
    v1::PolicyComponent* const component = request.policy.add_components();
    component->set_share(1);
    component->mutable_nearest()->set_anchor(v1::NEAREST_ANCHOR_QUERY);
    component->mutable_nearest()->set_rank_end(kTop);
    component->mutable_nearest()->set_pick(v1::NEAREST_PICK_TOP);
    constexpr size_t kValues = size_t{kQueries} * kDimension;
    for (size_t begin = 0; begin < queries_.size(); begin += kValues) {
      request.queries = std::span(queries_).subspan(begin, kValues);
      requests_.push_back(*client::MakeRequest(request));  // The shape is right.
    }
  }

  static absl::StatusOr<int64_t> CheckFull(const v1::SampleNegativesResponse& response) {
    constexpr int64_t kFound = int64_t{kQueries} * kTop;
    if (response.item_ids().raw().size() != kFound * sizeof(int64_t) ||
        response.scores().raw().size() != kFound * sizeof(float) ||
        response.row_statuses().raw() != std::string(kQueries, v1::ROW_STATUS_OK)) {
      return absl::InternalError("a response is not full");
    }
    return kFound;
  }

  absl::StatusOr<double> MeasureRecall() {
    std::vector<int64_t> found;
    for (const v1::SampleNegativesRequest& request : requests_) {
      const auto response = clients_[0]->SampleNegatives(request);
      if (!response.ok()) return response.status();
      const absl::StatusOr<client::SampleResult> result = client::ReadResponse(*response, kTop);
      if (!result.ok()) return result.status();
      if (result->snapshot.index_generation() == 0) {
        return absl::InternalError("a response was not served by the index");
      }
      found.insert(found.end(), result->item_ids.begin(), result->item_ids.end());
    }
    return ExactTop(items_, queries_, flags_.threads).Recall(found);
  }

  // Whole batches by each thread, to items of its own, from two tables of vectors in turn.
  absl::StatusOr<Rate> UpdateAt(v1::AcknowledgementLevel level) {
    const int64_t share = flags_.items / flags_.threads;
    const int64_t count = std::min(share, kUpdateBatch);
    const int64_t batches = share / count;
    return MeasureRate(
        flags_.threads, flags_.seconds, [&](int thread, int64_t call) -> absl::StatusOr<int64_t> {
          const Vectors& vectors = call / batches % 2 == 0 ? moved_ : items_;
          const int64_t begin = thread * share + call % batches * count;
          const absl::Status status = WriteEmbeddings(thread, vectors, begin, count, level);
          if (!status.ok()) return status;
          return count;
        });
  }

  const Flags flags_;
  std::vector<int64_t> ids_;
  const Vectors items_;
  const Vectors moved_;
  const Vectors queries_;
  std::vector<std::unique_ptr<client::Client>> clients_;  // One a thread.
  std::vector<v1::SampleNegativesRequest> requests_;      // Of all queries.
};

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures hard negatives and embedding updates of a running server.");
  app.add_option("--address", flags.address, "Server, host:port.")->required();
  app.add_option("--items", flags.items, "Items.")->check(CLI::Range(1000L, 1L << 31));
  app.add_option("--queries", flags.queries, "Different queries; rounded down to whole calls.")
      ->check(CLI::Range(int64_t{kQueries}, int64_t{1} << 20));
  app.add_option("--threads", flags.threads, "Calls at a time.")->check(CLI::Range(1, 64));
  app.add_option("--seconds", flags.seconds, "Time of a measurement.")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  flags.queries -= flags.queries % kQueries;
  HardBench bench(flags);
  const absl::StatusOr<Numbers> facts = bench.Prepare();
  if (!facts.ok()) {
    std::cerr << "hard_bench: " << facts.status() << '\n';
    return 1;
  }
  return Converse(*facts, {{"search", [&] { return bench.Search(); }},
                           {"update", [&] { return bench.Update(); }}});
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
