// SPDX-License-Identifier: Apache-2.0
#include "server/engine/indexer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "server/index/generation_file.h"
#include "server/index/recall.h"
#include "storage/base/priority.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// A larger delta costs searches more than a build costs everybody.
constexpr int64_t kMinDelta = 1000;
constexpr double kMaxDeltaShare = 0.02;

// Mean displacement beyond which a generation is old, whatever its recall.
constexpr double kMaxDrift = 0.5;
constexpr int kDriftItems = 1024;

// Checks and builds take at most these parts of a core.
constexpr double kCheckShare = 0.05;
constexpr double kBuildShare = 0.5;
constexpr absl::Duration kMinCheckPause = absl::Seconds(2);

// After a generation that was refused.
constexpr absl::Duration kFirstPause = absl::Minutes(1);
constexpr absl::Duration kLastPause = absl::Hours(1);

// Whose neighbourhoods are looked at, and how many of their neighbours.
constexpr int kDiagnosedItems = 256;
constexpr int kDiagnosedNeighbours = 20;

absl::Duration PauseAfter(absl::Duration taken, double share) { return taken * (1 / share - 1); }

// Mean distance of items from where the generation was built with them, in norms.
double MeanDrift(const VectorTable& table, const Graph& graph) {
  const std::vector<Ordinal> items = table.Items();
  std::vector<float> vector(static_cast<size_t>(table.dimension()));
  const size_t step = std::max<size_t>(1, items.size() / kDriftItems);
  double sum = 0;
  int64_t count = 0;
  for (size_t i = 0; i < items.size(); i += step) {
    if (!graph.links.Contains(items[i])) continue;
    table.Read(items[i], vector);
    // Of a vector that was zero nothing can be said.
    sum += std::min(graph.sketch.Displacement(items[i], vector), 10.0F);
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

}  // namespace

Indexer::Indexer(const IndexerOptions& options, IndexFiles* files, HousekeepingHost* host,
                 const Clock* clock)
    : options_(options),
      files_(files),
      host_(host),
      clock_(clock),
      thread_(options.interval, [this] { Round(); }) {}

Indexer::~Indexer() { Stop(); }

void Indexer::Stop() {
  stop_.Cancel();
  thread_.Stop();
}

void Indexer::Hold(absl::FunctionRef<void()> work) {
  MutexLock lock(swap_mutex_);
  work();
}

void Indexer::Round() {
  if (!yielded_) YieldToOtherThreads();
  yielded_ = true;
  const std::vector<std::shared_ptr<Collection>> collections = host_->Collections();
  std::set<int64_t> incarnations;
  for (const auto& collection : collections) {
    incarnations.insert(collection->snapshot()->settings->incarnation);
  }
  if (incarnations != kept_) {
    // A file that stays only takes room, until the next time.
    MutexLock lock(swap_mutex_);
    files_->KeepOnly(incarnations).IgnoreError();
    std::erase_if(states_, [&](const auto& entry) { return !incarnations.contains(entry.first); });
    kept_ = std::move(incarnations);
  }
  for (const auto& collection : collections) {
    if (thread_.stopping()) return;
    Visit(*collection, &states_[collection->snapshot()->settings->incarnation]);
  }
  TellHealth();
}

void Indexer::TellHealth() {
  const bool healthy = std::all_of(states_.begin(), states_.end(),
                                   [](const auto& entry) { return entry.second.failures == 0; });
  if (healthy == healthy_) return;
  healthy_ = healthy;
  if (options_.on_health) options_.on_health(healthy);
}

void Indexer::Warn(const Snapshot& snapshot, const absl::Status& status) const {
  if (options_.on_warning) {
    options_.on_warning(snapshot.settings->id, std::string(status.message()));
  }
}

void Indexer::Visit(Collection& collection, State* state) {
  const std::shared_ptr<const Snapshot> snapshot = collection.snapshot();
  if (snapshot->vectors == nullptr || snapshot->vectors->size() < options_.min_items) return;
  if (snapshot->generation == nullptr) return Build(collection, *snapshot, state);
  if (snapshot->vectors == state->good) return;
  const auto placed = static_cast<double>(snapshot->generation->graph->links.item_count);
  const auto delta = static_cast<int64_t>(snapshot->delta->size());
  if (delta > std::max(kMinDelta, static_cast<int64_t>(kMaxDeltaShare * placed))) {
    return Build(collection, *snapshot, state);
  }
  if (absl::Now() >= state->next_check) Check(collection, *snapshot, state);
}

void Indexer::Check(Collection& collection, const Snapshot& snapshot, State* state) {
  const absl::Time start = absl::Now();
  const Generation& generation = *snapshot.generation;
  const GenerationOptions& options = options_.generation;
  const Scorer scorer(*snapshot.vectors);
  const auto reference =
      RecallReference::Make(scorer,
                            RecallAnchors(*snapshot.vectors, options.recall_anchors,
                                          static_cast<uint64_t>(snapshot.commit_sequence)),
                            options.recall_limit, stop_);
  if (!reference.ok()) return;  // Stopping.
  const auto search = MakeSearch(scorer, &generation, *snapshot.delta);
  const absl::StatusOr<double> recall = reference->Measure(*search, stop_);
  if (!recall.ok()) return;
  const double drift = MeanDrift(*snapshot.vectors, *generation.graph);
  IndexStatus status = collection.index_status();
  status.check_time = clock_->NowMicros();
  status.recall = *recall;
  status.drift = drift;
  collection.SetIndexStatus(status);
  state->next_check =
      absl::Now() + std::max(kMinCheckPause, PauseAfter(absl::Now() - start, kCheckShare));
  if (drift > kMaxDrift) return Build(collection, snapshot, state);
  if (*recall >= options.least_recall) {
    state->good = snapshot.vectors;
    return;
  }
  const auto effort =
      ChooseEffort(scorer, generation, *snapshot.delta, *reference, options.target_recall, stop_);
  if (!effort.ok()) return;
  if (effort->recall < options.least_recall) return Build(collection, snapshot, state);
  Generation wider = generation;
  wider.number = snapshot.commit_sequence;
  wider.ef = effort->ef;
  wider.recall = effort->recall;
  state->good = snapshot.vectors;
  Publish(collection, std::move(wider));
}

void Indexer::Build(Collection& collection, const Snapshot& snapshot, State* state) {
  if (absl::Now() < state->next_build) return;
  const absl::Time start = absl::Now();
  IndexStatus status = collection.index_status();
  status.building = true;
  collection.SetIndexStatus(status);
  absl::StatusOr<Generation> generation = BuildGeneration(
      *snapshot.vectors, snapshot.commit_sequence, clock_->NowMicros(), options_.generation, stop_);
  const absl::Duration taken = absl::Now() - start;
  status.building = false;
  if (generation.ok()) {
    state->failures = 0;
    state->next_build = absl::Now() + PauseAfter(taken, kBuildShare);
    state->good = snapshot.vectors;
    status.problem.clear();
    ++status.build_count;
    status.build_seconds = absl::ToDoubleSeconds(taken);
    status.check_time = generation->build_time;
    status.recall = generation->recall;
    status.drift = 0;
    collection.SetIndexStatus(status);
    // Searches need not wait for the look at it.
    Publish(collection, *std::move(generation));
    Diagnose(snapshot, state, &status);
    return collection.SetIndexStatus(status);
  }
  if (!thread_.stopping()) {
    state->next_build =
        absl::Now() +
        std::min(kLastPause, kFirstPause * (int64_t{1} << std::min(state->failures, 10)));
    ++state->failures;
    ++status.refused_count;
    status.problem = std::string(generation.status().message());
    Warn(snapshot, generation.status());
  }
  collection.SetIndexStatus(status);
}

void Indexer::Diagnose(const Snapshot& snapshot, State* state, IndexStatus* status) const {
  auto found =
      FindNeighbourhoods(Scorer(*snapshot.vectors), kDiagnosedItems, kDiagnosedNeighbours, stop_);
  if (!found.ok()) return;  // Stopping.
  status->change =
      state->neighbourhoods.has_value() ? Compare(*state->neighbourhoods, *found) : std::nullopt;
  bool has_categories = false;
  status->category_purity = Purity(*found, [&](Ordinal item, Ordinal other) {
    const auto& more = snapshot.pool->state(item).more;
    if (more == nullptr || more->categories.empty()) return false;
    has_categories = true;
    return std::any_of(more->categories.begin(), more->categories.end(),
                       [&](CategoryNumber c) { return snapshot.pool->state(other).Has(c); });
  });
  if (!has_categories) status->category_purity.reset();
  state->neighbourhoods = *std::move(found);
}

void Indexer::Publish(Collection& collection, Generation generation) {
  MutexLock lock(swap_mutex_);
  const std::shared_ptr<const Snapshot> newest = collection.snapshot();
  // Memory is right without the file; a start would have to build again.
  const absl::Status saved = files_->Replace(
      newest->settings->incarnation, EncodeGeneration(newest->settings->incarnation, generation));
  if (!saved.ok()) Warn(*newest, saved);
  IndexedTable index;
  index.generation = std::make_shared<const Generation>(std::move(generation));
  index.delta = DeltaOf(*newest->vectors, *index.generation);
  const absl::Status committed =
      host_->Commit(*newest->settings, [&](CollectionWriter& writer, const CommitSlot& slot) {
        writer.StageGeneration(index, *newest->vectors, slot);
        return true;
      });
  if (!committed.ok()) Warn(*newest, committed);
}

absl::StatusOr<std::shared_ptr<const Generation>> LoadGeneration(const IndexFiles& files,
                                                                 const CollectionRecord& settings) {
  NEGATRON_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            files.Read(settings.incarnation));
  if (!bytes.has_value()) return nullptr;
  NEGATRON_ASSIGN_OR_RETURN(Generation generation,
                            DecodeGeneration(*bytes, settings.incarnation, *settings.embedding));
  return std::make_shared<const Generation>(std::move(generation));
}

}  // namespace negatron
