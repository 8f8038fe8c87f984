// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/engine_impl.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

using Warning = std::function<void(const std::string& collection, const std::string& what)>;

// Records between two reports and looks at the clock.
constexpr int64_t kRecordsBetweenChecks = 1 << 16;

absl::Status Contradiction(const CollectionRecord& settings, absl::string_view what) {
  return WithReason(absl::DataLossError(absl::StrCat(
                        "collection ", settings.id, ": ", what,
                        "; restore a backup, or move the data folder away and import again")),
                    "DATABASE_DAMAGED");
}

// Reads the records of one collection into builders.
class Rebuild {
 public:
  Rebuild(const Store& store, const IndexFiles& files, const CollectionRecord& settings,
          const Warning& on_warning, const std::function<void(absl::string_view, double)>& progress,
          const Cancellation& cancellation)
      : store_(store),
        files_(files),
        on_warning_(on_warning),
        settings_(settings),
        progress_(progress),
        cancellation_(cancellation),
        pool_(PoolView(PoolSettingsOf(settings))),
        last_sequence_(settings.commit_sequence) {}

  absl::StatusOr<RecoveredCollection> Run() {
    NEGATRON_RETURN_IF_ERROR(ReadItems());
    NEGATRON_RETURN_IF_ERROR(ReadUsers());
    NEGATRON_RETURN_IF_ERROR(ReadEvents());
    for (const Ordinal user : erased_) pool_.EraseUser(user);
    if (settings_.watermark != kAlways) pool_.SetWatermark(settings_.watermark);
    NEGATRON_RETURN_IF_ERROR(ReadVersions());
    std::shared_ptr<const VectorTable> vectors;
    std::shared_ptr<const VectorTable> user_vectors;
    if (settings_.embedding.has_value()) {
      NEGATRON_ASSIGN_OR_RETURN(vectors, ReadEmbeddings(VectorOwner::kItem, pool_.items().size()));
      NEGATRON_ASSIGN_OR_RETURN(user_vectors,
                                ReadEmbeddings(VectorOwner::kUser, pool_.users().size()));
    }
    RequestMemory requests;
    NEGATRON_RETURN_IF_ERROR(
        store_.ScanRequests(settings_.incarnation, [&](const RequestRecord& record) {
          requests.Add(record);
          return Seen("requests", 0.95, record.commit_sequence);
        }));
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->settings = std::make_shared<const CollectionRecord>(settings_);
    snapshot->pool = std::move(pool_).Build();
    snapshot->vectors = std::move(vectors);
    snapshot->user_vectors = std::move(user_vectors);
    if (snapshot->vectors != nullptr) ReadGeneration(snapshot.get());
    std::map<std::string, StreamRecord> streams;
    NEGATRON_RETURN_IF_ERROR(
        store_.ScanStreams(settings_.incarnation, [&](const StreamRecord& record) {
          streams.emplace(record.stream_id, record);
          return Seen("streams", 0.99, record.commit_sequence);
        }));
    NEGATRON_ASSIGN_OR_RETURN(snapshot->policies, ReadPolicies());
    NEGATRON_ASSIGN_OR_RETURN(snapshot->controllers, ReadControllers());
    snapshot->commit_sequence = last_sequence_;
    RecoveredCollection recovered{std::make_shared<Collection>(std::move(snapshot)),
                                  std::move(requests), std::move(category_names_), has_erased_};
    recovered.collection->MoveStreams(std::move(streams));
    recovered.collection->MoveVersions(versions_);
    return recovered;
  }

 private:
  absl::Status ReadItems() {
    return store_.ScanItems(settings_.incarnation, [this](const ItemRecord& record) {
      if (record.ordinal != pool_.items().size())
        return Contradiction(settings_, "an item is missing");
      pool_.AddItem(record);
      category_names_.insert(record.categories.begin(), record.categories.end());
      return Seen("items", 0.0, record.commit_sequence);
    });
  }

  absl::Status ReadUsers() {
    return store_.ScanUsers(settings_.incarnation, [this](const UserRecord& record) {
      if (record.ordinal != pool_.users().size())
        return Contradiction(settings_, "a user is missing");
      pool_.AddUser(record.id);
      // Its events come first, as they did when it was erased.
      if (record.erased) erased_.insert(record.ordinal);
      return Seen("users", 0.2, record.commit_sequence);
    });
  }

  absl::Status ReadEvents() {
    return store_.ScanEvents(settings_.incarnation, [this](const EventRecord& record) {
      if (record.item >= pool_.items().size() || record.user >= pool_.users().size()) {
        return Contradiction(settings_, "an event names a user or item that is missing");
      }
      pool_.AddEvent(record);
      has_erased_ |= erased_.contains(record.user);
      return Seen("events", 0.3, record.commit_sequence);
    });
  }

  absl::StatusOr<std::shared_ptr<const VectorTable>> ReadEmbeddings(VectorOwner owner,
                                                                    uint32_t owner_count) {
    const EmbeddingSettings& embedding = *settings_.embedding;
    VectorTableBuilder builder{VectorTable(embedding, table_)};
    NEGATRON_RETURN_IF_ERROR(store_.ScanEmbeddings(
        settings_.incarnation,
        [&](const EmbeddingRecord& record) {
          if (record.ordinal >= owner_count ||
              record.vector.size() != static_cast<size_t>(embedding.dimension)) {
            return Contradiction(settings_, "an embedding does not fit");
          }
          builder.Set(record.ordinal, record.vector, record.stamp);
          return Seen("embeddings", 0.8, record.commit_sequence);
        },
        table_, owner));
    return std::move(builder).Build();
  }

  // Without a generation, searches are exact until one is built.
  void ReadGeneration(Snapshot* snapshot) {
    progress_(absl::StrCat(settings_.id, ": index"), 0.94);
    absl::StatusOr<std::shared_ptr<const Generation>> generation =
        LoadGeneration(files_, settings_);
    if (!generation.ok()) {
      if (on_warning_) {
        on_warning_(settings_.id, absl::StrCat(generation.status().message(),
                                               "; the index is built again from the vectors"));
      }
      return;
    }
    if (*generation == nullptr) return;
    snapshot->delta =
        std::make_shared<const std::vector<Ordinal>>(DeltaOf(*snapshot->vectors, **generation));
    snapshot->generation = *std::move(generation);
  }

  absl::Status ReadVersions() {
    return store_.ScanEmbeddingVersions(settings_.incarnation,
                                        [this](const EmbeddingVersionRecord& record) {
                                          versions_[record.model_version] = record;
                                          // In order of versions: the last committed one is the
                                          // table.
                                          if (record.state == EmbeddingVersionState::kCommitted)
                                            table_ = record.model_version;
                                          return Seen("versions", 0.75, record.commit_sequence);
                                        });
  }

  absl::StatusOr<std::shared_ptr<const PolicyTable>> ReadPolicies() {
    auto policies = std::make_shared<PolicyTable>();
    NEGATRON_RETURN_IF_ERROR(
        store_.ScanPolicies(settings_.incarnation, [&](const PolicyRecord& record) {
          if (const absl::Status status = policies->Add(record); !status.ok()) {
            return Contradiction(settings_,
                                 absl::StrCat("policy ", record.policy_id, ": ", status.message()));
          }
          return Seen("policies", 0.99, record.commit_sequence);
        }));
    return policies;
  }

  absl::StatusOr<std::shared_ptr<const ControllerTable>> ReadControllers() {
    auto controllers = std::make_shared<ControllerTable>();
    NEGATRON_RETURN_IF_ERROR(
        store_.ScanControllers(settings_.incarnation, [&](const ControllerRecord& record) {
          controllers->Set(record);
          return Seen("controllers", 0.99, record.commit_sequence);
        }));
    return controllers;
  }

  absl::Status Seen(absl::string_view stage, double fraction, int64_t sequence) {
    last_sequence_ = std::max(last_sequence_, sequence);
    if (++records_ % kRecordsBetweenChecks != 0) return absl::OkStatus();
    progress_(absl::StrCat(settings_.id, ": ", stage, ", ", records_, " records"), fraction);
    return cancellation_.Check();
  }

  const Store& store_;
  const IndexFiles& files_;
  const Warning& on_warning_;
  const CollectionRecord& settings_;
  const std::function<void(absl::string_view, double)>& progress_;
  const Cancellation& cancellation_;
  PoolBuilder pool_;
  int64_t last_sequence_;
  int64_t records_ = 0;
  KnownCategories category_names_;
  std::map<int64_t, std::optional<EmbeddingVersionRecord>> versions_;
  int64_t table_ = 0;  // Of embeddings.
  std::set<Ordinal> erased_;
  bool has_erased_ = false;  // There are events of erased users.
};

}  // namespace

absl::StatusOr<RecoveredCollection> RecoverCollection(
    const Store& store, const IndexFiles& files, const CollectionRecord& settings,
    const Warning& on_warning, const std::function<void(absl::string_view, double)>& progress,
    const Cancellation& cancellation) {
  return Rebuild(store, files, settings, on_warning, progress, cancellation).Run();
}

absl::Status Engine::Impl::Recover(const std::function<void(const RecoveryProgress&)>& progress,
                                   const Cancellation& cancellation) {
  std::vector<CollectionRecord> found;
  NEGATRON_RETURN_IF_ERROR(store_->ScanCollections([&](const CollectionRecord& record) {
    found.push_back(record);
    return absl::OkStatus();
  }));
  for (size_t i = 0; i < found.size(); ++i) {
    const auto report = [&](absl::string_view stage, double fraction) {
      progress({std::string(stage),
                (static_cast<double>(i) + fraction) / static_cast<double>(found.size())});
    };
    report(found[i].id, 0);
    NEGATRON_ASSIGN_OR_RETURN(RecoveredCollection recovered,
                              RecoverCollection(*store_, *index_files_, found[i],
                                                options_.on_warning, report, cancellation));
    Publish(found[i].id, recovered.collection);
    writers_.try_emplace(found[i].id, recovered.collection, std::move(recovered.requests),
                         std::move(recovered.category_names));
    if (recovered.has_erased) unfinished_.push_back(found[i].incarnation);
  }
  next_incarnation_ = store_->next_incarnation();
  progress({"done", 1});
  return absl::OkStatus();
}

}  // namespace negatron
