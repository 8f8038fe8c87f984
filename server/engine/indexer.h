// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_INDEXER_H_
#define NEGATRON_SERVER_ENGINE_INDEXER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

#include "server/engine/collection.h"
#include "server/engine/housekeeper.h"
#include "server/engine/round_thread.h"
#include "server/index/generation.h"
#include "server/index/generation_builder.h"
#include "server/index/neighbourhoods.h"
#include "storage/base/cancellation.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/rocks/index_files.h"

namespace negatron {

struct IndexerOptions {
  // Fewer items with a vector are scored one by one.
  int64_t min_items = 0;
  GenerationOptions generation;
  absl::Duration interval = absl::Seconds(1);  // Between looks for work.
  // Told what people should know: the collection's id and what is wrong.
  std::function<void(const std::string& collection, const std::string& what)> on_warning;
  // Told when the first collection gets an alarm, and when the last is rid of it.
  std::function<void(bool healthy)> on_health;
};

// Keeps the generations of all collections good, on a thread of its own, which yields to
// those that serve. Builds where there is none yet, where the delta or the drift
// since the last has grown large, and where sampled recall is low and a higher ef
// does not mend it. A generation that fails its checks is not used: the collection keeps
// what it has, and has an alarm until one passes.
//
// Thread-safety: thread-safe.
class Indexer {
 public:
  // The others must outlive this.
  Indexer(const IndexerOptions& options, IndexFiles* files, HousekeepingHost* host,
          const Clock* clock);
  // As `Stop`.
  ~Indexer();
  Indexer(const Indexer&) = delete;
  Indexer& operator=(const Indexer&) = delete;

  // Does all that is due now and waits until it is done (or `Stop` is called).
  void RunRound() { thread_.RunRound(); }

  // Calls `work` at a moment at which the files are those of the generations that are committed,
  // and keeps them so until it returns.
  void Hold(absl::FunctionRef<void()> work);

  // Gives up what is being built. Idempotent.
  void Stop();

 private:
  // What is known of a collection beside its generation.
  struct State {
    std::shared_ptr<const VectorTable> good;  // A table that its generation serves well.
    absl::Time next_check = absl::InfinitePast();
    absl::Time next_build = absl::InfinitePast();
    int failures = 0;                              // Since a build passed.
    std::optional<Neighbourhoods> neighbourhoods;  // At the last build.
  };

  void Round();
  void Visit(Collection& collection, State* state);
  void Check(Collection& collection, const Snapshot& snapshot, State* state);
  void Build(Collection& collection, const Snapshot& snapshot, State* state);
  void Publish(Collection& collection, Generation generation);
  // Looks at the representation that a build was made of.
  void Diagnose(const Snapshot& snapshot, State* state, IndexStatus* status) const;
  void Warn(const Snapshot& snapshot, const absl::Status& status) const;
  void TellHealth();

  const IndexerOptions options_;
  IndexFiles* const files_;
  HousekeepingHost* const host_;
  const Clock* const clock_;

  // Confined to the thread.
  bool yielded_ = false;
  std::map<int64_t, State> states_;  // By incarnation.
  std::set<int64_t> kept_;           // Incarnations whose files were left in place last.
  bool healthy_ = true;

  // Held while a generation takes the place of another, in its file and in the database.
  Mutex swap_mutex_;

  Cancellation stop_;
  RoundThread thread_;
};

// Reads the generation of a collection from its file; null if there is none. Errors:
// those of `FromRocks` and DecodeGeneration.
absl::StatusOr<std::shared_ptr<const Generation>> LoadGeneration(const IndexFiles& files,
                                                                 const CollectionRecord& settings);

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_INDEXER_H_
