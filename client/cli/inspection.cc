// SPDX-License-Identifier: Apache-2.0
#include "client/cli/inspection.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "client/cli/filled_column.h"
#include "client/cli/id_list.h"
#include "client/cli/inspection_items.h"
#include "client/cli/progress.h"
#include "client/cli/sample_inputs.h"
#include "client/cli/user_history.h"
#include "client/cli/values.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

// Positives of the user beyond the newest of these are marked where they are in the sample only.
constexpr size_t kMaxHistory = 200;
constexpr int64_t kMaxEvents = 2'000'000;  // About 70 pages.

// Seed of pages without one, so that the same command on the same state gives the same page.
constexpr int64_t kDefaultSeed = 1;

// Gathers what a page shows, step by step.
class Gathering {
 public:
  Gathering(Session* session, const InspectionSettings& settings)
      : session_(*session), settings_(settings) {}

  absl::StatusOr<Inspection> Run() {
    using Step = absl::Status (Gathering::*)();
    for (const Step step :
         {&Gathering::Connect, &Gathering::Draw, &Gathering::Sample, &Gathering::ReadHistory,
          &Gathering::FindAnchor, &Gathering::FindNeighbours, &Gathering::Describe,
          &Gathering::Explain, &Gathering::LayOut}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    progress_->Finish();
    return std::move(inspection_);
  }

 private:
  absl::Status Connect();
  absl::Status Draw();
  absl::Status Sample();
  absl::Status ReadHistory();
  absl::Status FindAnchor();
  absl::Status FindNeighbours();
  absl::Status Describe();
  absl::Status Explain();
  absl::Status LayOut();

  bool HasVectors() const {
    return inspection_.collection.embedding_settings().dimension() > 0 &&
           inspection_.statistics.embedding_count() > 0;
  }

  // The place of an item among the points, which gets the role.
  size_t Add(const std::string& id, int role);
  void AddAll(const v1::IdColumn& ids, int role) {
    for (const std::string& id : IdTexts(ids)) Add(id, role);
  }

  // Draws of a call of one row, without its padding.
  absl::StatusOr<std::vector<std::string>> DrawIds(const v1::SampleNegativesRequest& request,
                                                   v1::SampleNegativesResponse* response);

  // A row without user, positive and exclusions, as of the same time.
  v1::SampleNegativesRequest PlainRow(int count) const;
  absl::StatusOr<UserHistory> SearchHistory();
  absl::StatusOr<absl::Duration> Horizon();
  void See(const v1::SnapshotToken& snapshot);
  // Tells what is being done, where it may take long.
  void Report(int64_t done) { progress_->Update(done, done); }

  Session& session_;
  const InspectionSettings& settings_;
  Client* client_ = nullptr;
  Inspection inspection_;
  v1::SampleNegativesRequest row_;  // With time and seed once they are known.
  std::unordered_map<std::string, size_t> places_;
  std::string newest_positive_;
  VectorTable vectors_;  // Of the points.
  std::unique_ptr<Progress> progress_;
};

size_t Gathering::Add(const std::string& id, int role) {
  Points& points = inspection_.points;
  const auto [at, added] = places_.try_emplace(id, points.ids.size());
  if (added) {
    points.ids.push_back(id);
    points.roles.push_back(0);
    points.draw_counts.push_back(0);
    points.draw_sources.push_back(-1);
    points.neighbour_scores.push_back(std::nan(""));
    points.neighbour_ranks.push_back(-1);
  }
  points.roles[at->second] |= role;
  return at->second;
}

void Gathering::See(const v1::SnapshotToken& snapshot) {
  const int64_t commit = snapshot.commit_sequence();
  if (inspection_.first_commit == 0) inspection_.first_commit = commit;
  inspection_.first_commit = std::min(inspection_.first_commit, commit);
  inspection_.last_commit = std::max(inspection_.last_commit, commit);
}

absl::Status Gathering::Connect() {
  if (absl::Status status = FillRecipe(settings_.row, &row_); !status.ok()) return status;
  const absl::StatusOr<Client*> client = session_.Connect();
  if (!client.ok()) return client.status();
  client_ = *client;
  absl::StatusOr<v1::Collection> collection = session_.GetCollection(settings_.row.collection);
  if (!collection.ok()) return collection.status();
  inspection_.collection = *std::move(collection);
  absl::Status status = FillRow(settings_.row, inspection_.collection, &row_);
  if (!status.ok()) return status;
  if (!row_.has_seed()) row_.set_seed(kDefaultSeed);
  v1::GetCollectionStatisticsRequest request;
  request.set_collection(inspection_.collection.name());
  if (row_.has_as_of_time()) *request.mutable_as_of_time() = row_.as_of_time();
  absl::StatusOr<v1::CollectionStatistics> statistics = client_->GetCollectionStatistics(request);
  if (!statistics.ok()) return statistics.status();
  inspection_.statistics = *std::move(statistics);
  // All that follows is as of one time. Before the page's own draws, so that they are not in it.
  *row_.mutable_as_of_time() = inspection_.statistics.as_of_time();
  inspection_.as_of_micros = ToMicros(row_.as_of_time());
  See(inspection_.statistics.snapshot());
  absl::StatusOr<SamplingHistory> sampling =
      FetchSamplingHistory(*client_, inspection_.collection.name());
  if (!sampling.ok()) return sampling.status();
  inspection_.sampling = *std::move(sampling);
  progress_ = std::make_unique<Progress>(Progress::Options{.stream = session_.err,
                                                           .terminal = session_.terminal,
                                                           .unit = "rows read",
                                                           .total = 0,
                                                           .now = [] { return absl::Now(); }});
  return CheckItems(*client_, inspection_.collection, row_);
}

absl::StatusOr<std::vector<std::string>> Gathering::DrawIds(
    const v1::SampleNegativesRequest& request, v1::SampleNegativesResponse* response) {
  absl::StatusOr<v1::SampleNegativesResponse> answer = client_->SampleNegatives(request);
  if (!answer.ok()) return answer.status();
  *response = *std::move(answer);
  See(response->snapshot());
  std::vector<std::string> ids = IdTexts(response->item_ids());
  std::vector<int64_t> counts;
  absl::Status status =
      Fill<int64_t>(ReadInt64s(response->drawn_counts(), ""), 1, request.negative_count(), &counts);
  if (!status.ok()) return status;
  if (counts[0] < 0 || counts[0] > static_cast<int64_t>(ids.size())) {
    return absl::InternalError("the server's columns of draws do not fit together");
  }
  ids.resize(static_cast<size_t>(counts[0]));
  return ids;
}

v1::SampleNegativesRequest Gathering::PlainRow(int count) const {
  v1::SampleNegativesRequest row;
  row.set_collection(row_.collection());
  row.set_row_count(1);
  row.set_negative_count(count);
  row.set_encoding(row_.encoding());
  row.set_seed(row_.seed());
  row.set_min_model_version(row_.min_model_version());
  *row.mutable_as_of_time() = row_.as_of_time();
  return row;
}

// What the policy draws for the row.
absl::Status Gathering::Draw() {
  row_.set_negative_count(settings_.draw_count);
  row_.add_outputs(v1::SAMPLE_OUTPUT_COMPONENT);
  v1::SampleNegativesResponse response;
  const absl::StatusOr<std::vector<std::string>> ids = DrawIds(row_, &response);
  if (!ids.ok()) return ids.status();
  inspection_.seed = response.seed();
  inspection_.policy_name = response.policy_name();
  inspection_.law_kind = response.law_kind();
  inspection_.drawn_count = static_cast<int64_t>(ids->size());
  std::vector<uint8_t> sources;
  absl::Status status =
      Fill<uint8_t>(ReadBytes(response.component_indexes(), ""),
                    static_cast<size_t>(settings_.draw_count), std::nullopt, &sources);
  std::vector<uint8_t> row_statuses;
  status.Update(
      Fill<uint8_t>(ReadBytes(response.row_statuses(), ""), 1, std::nullopt, &row_statuses));
  if (!status.ok()) return status;
  inspection_.row_status = static_cast<v1::RowStatus>(row_statuses[0]);
  for (size_t i = 0; i < ids->size(); ++i) {
    const size_t at = Add((*ids)[i], kDrawn);
    if (inspection_.points.draw_counts[at]++ == 0) inspection_.points.draw_sources[at] = sources[i];
  }
  // Behind the draws, so that these are first in the page.
  const std::vector<std::string> users = IdTexts(row_.user_ids());
  const std::vector<std::string> positives = IdTexts(row_.positive_ids());
  if (!users.empty()) inspection_.user = users[0];
  if (!positives.empty()) inspection_.positive = positives[0];
  AddAll(row_.positive_ids(), kRowPositive);
  AddAll(row_.exclusions().ids(), kNamed);
  return absl::OkStatus();
}

// Living items, each with the same probability; the map's background.
absl::Status Gathering::Sample() {
  if (!HasVectors()) return absl::OkStatus();
  v1::SampleNegativesRequest request = PlainRow(settings_.item_count);
  request.mutable_policy()->set_unique(true);
  request.mutable_policy()->add_components()->mutable_uniform();
  request.mutable_policy()->mutable_components(0)->set_share(1);
  request.add_outputs(v1::SAMPLE_OUTPUT_NONE);
  v1::SampleNegativesResponse response;
  const absl::StatusOr<std::vector<std::string>> ids = DrawIds(request, &response);
  if (!ids.ok()) return ids.status();
  for (const std::string& id : *ids) Add(id, kInSample);
  Report(static_cast<int64_t>(ids->size()));
  return absl::OkStatus();
}

// How far the policy looks ahead in the history; 0 for recipes in parts.
absl::StatusOr<absl::Duration> Gathering::Horizon() {
  v1::Policy policy = row_.policy();
  if (!row_.policy_name().empty()) {
    v1::GetPolicyRequest request;
    request.set_name(inspection_.policy_name);
    const absl::StatusOr<v1::StoredPolicy> stored = client_->GetPolicy(request);
    if (!stored.ok()) return stored.status();
    policy = stored->policy();
  }
  return absl::Seconds(policy.history_horizon().seconds()) +
         absl::Nanoseconds(policy.history_horizon().nanos());
}

absl::Status Gathering::ReadHistory() {
  if (inspection_.user.empty()) return absl::OkStatus();
  bool known = false;
  if (inspection_.statistics.has_first_event_time()) {
    const absl::StatusOr<UserHistory> history = SearchHistory();
    if (!history.ok()) return history.status();
    inspection_.events_read = history->events_read;
    inspection_.history_complete = history->complete;
    for (size_t i = 0; i < history->items.size(); ++i) {
      Add(history->items[i], kInHistory);
      if (newest_positive_.empty() && history->times[i] < inspection_.as_of_micros) {
        newest_positive_ = history->items[i];
      }
    }
    known = history->seen || !history->complete;
  }
  if (known) return absl::OkStatus();
  const auto vectors = GetVectors(*client_, inspection_.collection, row_.user_ids(), true);
  if (!vectors.ok()) return vectors.status();
  if (!vectors->found.empty() && vectors->found[0] != 0) return absl::OkStatus();
  return UsageError(absl::StrCat("--user: `", inspection_.user,
                                 "` has neither an embedding nor an event before ",
                                 FormatMicros(inspection_.as_of_micros), "; is the id right?"));
}

// Before t; where the policy has a horizon, up to its end.
absl::StatusOr<UserHistory> Gathering::SearchHistory() {
  const absl::StatusOr<absl::Duration> horizon = Horizon();
  if (!horizon.ok()) return horizon.status();
  const int64_t last = ToMicros(inspection_.statistics.last_event_time());
  const int64_t until = inspection_.as_of_micros + absl::ToInt64Microseconds(*horizon);
  HistorySearch search;
  search.user = inspection_.user;
  search.first_micros = ToMicros(inspection_.statistics.first_event_time());
  search.end_micros =
      std::min(last + 1, *horizon > absl::ZeroDuration() ? until + 1 : inspection_.as_of_micros);
  search.max_items = kMaxHistory;
  search.max_events = kMaxEvents;
  search.report = [this](int64_t read) { Report(read); };
  return FindUserHistory(*client_, inspection_.collection, search);
}

// The query, the row's positive, its user, or what the user chose last: the first that there is a
// vector of.
absl::Status Gathering::FindAnchor() {
  if (!HasVectors()) return absl::OkStatus();
  Anchor anchor;
  if (row_.has_queries()) {
    const absl::StatusOr<FloatView> query = ViewMatrix(row_.queries(), "queries");
    if (!query.ok()) return query.status();
    anchor = {"query", "", query->ToVector()};
  }
  const std::vector<std::string> newest(newest_positive_.empty() ? 0 : 1, newest_positive_);
  v1::IdColumn newest_ids;
  absl::Status status = FillIds(newest, inspection_.collection.item_id_type(), "", &newest_ids);
  if (!status.ok()) return status;
  const std::tuple<const char*, const v1::IdColumn*, bool> candidates[] = {
      {"item", &row_.positive_ids(), false},
      {"user", &row_.user_ids(), true},
      {"newest", &newest_ids, false}};
  for (const auto& [kind, ids, users] : candidates) {
    if (!anchor.vector.empty()) break;
    if (ColumnSize(*ids) == 0) continue;
    absl::StatusOr<VectorTable> table = GetVectors(*client_, inspection_.collection, *ids, users);
    if (!table.ok()) return table.status();
    if (table->found[0] != 0) anchor = {kind, IdTexts(*ids)[0], std::move(table->values)};
  }
  if (!anchor.vector.empty()) inspection_.anchor = std::move(anchor);
  return absl::OkStatus();
}

// What is nearest to the anchor among all living items, whatever the row excludes.
absl::Status Gathering::FindNeighbours() {
  if (!inspection_.anchor.has_value() || settings_.neighbour_count == 0) return absl::OkStatus();
  const Anchor& anchor = *inspection_.anchor;
  v1::SampleNegativesRequest request = PlainRow(settings_.neighbour_count);
  request.mutable_policy()->set_unique(true);
  v1::PolicyComponent* const component = request.mutable_policy()->add_components();
  component->set_share(1);
  component->mutable_nearest()->set_anchor(v1::NEAREST_ANCHOR_QUERY);
  component->mutable_nearest()->set_rank_end(settings_.neighbour_count);
  component->mutable_nearest()->set_pick(v1::NEAREST_PICK_TOP);
  WriteMatrix(anchor.vector, 1, static_cast<int32_t>(anchor.vector.size()), v1::COLUMN_ENCODING_RAW,
              request.mutable_queries());
  if (anchor.kind == "item" || anchor.kind == "newest") {
    // The item is not its own neighbour.
    absl::Status status = FillIds({anchor.id}, inspection_.collection.item_id_type(), "",
                                  request.mutable_positive_ids());
    if (!status.ok()) return status;
  }
  request.add_outputs(v1::SAMPLE_OUTPUT_SCORE);
  v1::SampleNegativesResponse response;
  const absl::StatusOr<std::vector<std::string>> ids = DrawIds(request, &response);
  if (!ids.ok()) return ids.status();
  std::vector<float> scores;
  absl::Status status =
      Fill<float>(ReadFloats(response.scores(), ""), static_cast<size_t>(settings_.neighbour_count),
                  std::nullopt, &scores);
  if (!status.ok()) return status;
  for (size_t i = 0; i < ids->size(); ++i) {
    const size_t at = Add((*ids)[i], kNeighbour);
    inspection_.points.neighbour_scores[at] = scores[i];
    inspection_.points.neighbour_ranks[at] = static_cast<int>(i);
  }
  return absl::OkStatus();
}

// Categories, attributes and vectors of the points.
absl::Status Gathering::Describe() {
  Points& points = inspection_.points;
  v1::IdColumn ids;
  absl::Status status = FillIds(points.ids, inspection_.collection.item_id_type(), "", &ids);
  status.Update(GetProperties(*client_, inspection_.collection, points.ids, &points.categories,
                              &points.attributes));
  if (!status.ok() || !HasVectors()) return status;
  absl::StatusOr<VectorTable> vectors = GetVectors(*client_, inspection_.collection, ids, false);
  if (!vectors.ok()) return vectors.status();
  vectors_ = *std::move(vectors);
  Report(static_cast<int64_t>(points.ids.size()));
  return absl::OkStatus();
}

absl::Status Gathering::Explain() {
  const auto report = [this](int64_t done) { Report(done); };
  absl::StatusOr<v1::ExplainNegativesResponse> last =
      ExplainAll(*client_, row_, inspection_.points.ids, inspection_.collection.item_id_type(),
                 report, &inspection_.explanation);
  if (!last.ok()) return last.status();
  See(last->snapshot());
  inspection_.arm = last->arm();
  return absl::OkStatus();
}

// The axes of the sample, and where the points lie on them.
absl::Status Gathering::LayOut() {
  Points& points = inspection_.points;
  const size_t count = points.ids.size();
  points.x.assign(count, std::nan(""));
  points.y.assign(count, std::nan(""));
  if (!HasVectors()) return absl::OkStatus();
  const auto dimension =
      static_cast<size_t>(inspection_.collection.embedding_settings().dimension());
  std::vector<float> fitted;
  for (size_t i = 0; i < count; ++i) {
    if (vectors_.found[i] == 0 || (points.roles[i] & kInSample) == 0) continue;
    const auto vector = std::span(vectors_.values).subspan(i * dimension, dimension);
    fitted.insert(fitted.end(), vector.begin(), vector.end());
    ++inspection_.fitted_count;
  }
  inspection_.axes = FindPrincipalAxes(fitted, dimension);
  for (size_t i = 0; i < count; ++i) {
    if (vectors_.found[i] == 0) continue;
    const auto place =
        Project(inspection_.axes, std::span(vectors_.values).subspan(i * dimension, dimension));
    points.x[i] = place[0];
    points.y[i] = place[1];
  }
  if (inspection_.anchor.has_value()) {
    const auto place = Project(inspection_.axes, inspection_.anchor->vector);
    inspection_.anchor->x = place[0];
    inspection_.anchor->y = place[1];
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Inspection> FetchInspection(Session& session, const InspectionSettings& settings) {
  return Gathering(&session, settings).Run();
}

}  // namespace negatron::client
