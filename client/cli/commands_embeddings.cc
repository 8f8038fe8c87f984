// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_embeddings.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <CLI/CLI.hpp>
#include <google/protobuf/struct.pb.h>

#include "client/cli/id_files.h"
#include "client/cli/id_list.h"
#include "client/cli/npy_reader.h"
#include "client/cli/progress.h"
#include "client/cli/values.h"

namespace negatron::client {
namespace {

struct PushSettings {
  std::string collection;
  std::string ids_path;
  std::string vectors_path;
  bool durable = false;
  std::optional<int64_t> model_version;
  bool replace = false;
  bool allow_partial = false;
  bool users = false;
};

absl::Status CheckShape(const NpyReader& reader, const PushSettings& settings, size_t id_count,
                        const v1::Collection& collection) {
  const std::vector<int64_t>& shape = reader.header().shape;
  if (shape.size() != 2) {
    return InputError(
        absl::StrCat(settings.vectors_path, ": needs two dimensions, has ", shape.size()));
  }
  if (shape[0] != static_cast<int64_t>(id_count)) {
    return InputError(absl::StrCat(settings.vectors_path, " has ", shape[0], " rows, ",
                                   settings.ids_path, " has ", id_count, " ids"));
  }
  if (collection.has_embedding_settings() &&
      shape[1] != collection.embedding_settings().dimension()) {
    return InputError(absl::StrCat(settings.vectors_path, " has ", shape[1],
                                   " columns, embeddings of ", collection.name(), " have ",
                                   collection.embedding_settings().dimension()));
  }
  if (shape[1] < 1 || shape[1] > std::numeric_limits<int32_t>::max()) {
    return InputError(absl::StrCat(settings.vectors_path, " has ", shape[1], " columns"));
  }
  return absl::OkStatus();
}

// Part of the ids.
IdSpan Part(const IdSpan& ids, size_t first, size_t count) {
  if (const auto* names = std::get_if<std::span<const std::string>>(&ids)) {
    return names->subspan(first, count);
  }
  return std::get<std::span<const int64_t>>(ids).subspan(first, count);
}

// Where rows go.
class Target {
 public:
  virtual ~Target() = default;
  // Takes part `number` of the rows, from 1 on, and adds to `totals`.
  virtual absl::Status Take(int64_t number, const EmbeddingBatch& batch, WriteSummary* totals) = 0;
  virtual absl::Status Finish(WriteSummary*) { return absl::OkStatus(); }
};

class Table final : public Target {
 public:
  Table(Client* client, const PushSettings& settings) : client_(*client) {
    if (settings.durable) options_.acknowledgement_level = v1::ACKNOWLEDGEMENT_LEVEL_DURABLE;
  }
  absl::Status Take(int64_t, const EmbeddingBatch& batch, WriteSummary* totals) override {
    const absl::StatusOr<WriteSummary> part = client_.WriteEmbeddings(batch, options_);
    if (!part.ok()) return part.status();
    totals->written_count += part->written_count;
    totals->call_count += part->call_count;
    totals->commit_sequence = part->commit_sequence;
    for (const int64_t row : part->refused_rows) totals->refused_rows.push_back(row + first_row_);
    first_row_ += static_cast<int64_t>(RowCount(batch));
    return absl::OkStatus();
  }

 private:
  Client& client_;
  WriteOptions options_;
  int64_t first_row_ = 0;  // Of the next part.
};

// A version that takes the place of the whole table. Parts that an earlier run uploaded are
// skipped, since they are cut at the same rows.
class Version final : public Target {
 public:
  Version(Client* client, const v1::EmbeddingVersion& begun, int64_t row_count)
      : client_(*client), name_(begun.name()), row_count_(row_count) {
    for (const v1::EmbeddingShard& shard : begun.shards()) {
      if (shard.shard() == 0) next_ = shard.next_chunk_number();
    }
  }
  absl::Status Take(int64_t number, const EmbeddingBatch& batch, WriteSummary* totals) override {
    const size_t rows = RowCount(batch);
    totals->written_count += static_cast<int64_t>(rows);
    if (number < next_) return absl::OkStatus();
    v1::BatchWriteEmbeddingsRequest part = MakeRequest(batch, RowRange{.begin = 0, .end = rows});
    v1::UploadEmbeddingsRequest request;
    request.set_name(name_);
    request.set_chunk_number(number);
    request.mutable_item_ids()->Swap(part.mutable_item_ids());
    request.mutable_vectors()->Swap(part.mutable_vectors());
    const absl::StatusOr<v1::ImportResponse> position = client_.UploadEmbeddings(request);
    if (!position.ok()) return position.status();
    ++totals->call_count;
    totals->commit_sequence = position->durable_sequence();
    return absl::OkStatus();
  }
  absl::Status Finish(WriteSummary* totals) override {
    v1::CommitEmbeddingVersionRequest request;
    request.set_name(name_);
    request.set_row_count(row_count_);
    ++totals->call_count;
    return client_.CommitEmbeddingVersion(request).status();
  }

 private:
  Client& client_;
  const std::string name_;
  const int64_t row_count_;
  int64_t next_ = 1;
};

absl::StatusOr<std::unique_ptr<Target>> OpenTarget(Client* client, const PushSettings& settings,
                                                   const IdList& ids) {
  if (!settings.replace) return std::make_unique<Table>(client, settings);
  v1::BeginEmbeddingVersionRequest request;
  request.set_collection(CollectionName(settings.collection));
  request.set_model_version(*settings.model_version);
  const absl::StatusOr<v1::EmbeddingVersion> begun = client->BeginEmbeddingVersion(request);
  if (!begun.ok()) return begun.status();
  return std::make_unique<Version>(client, *begun, static_cast<int64_t>(ids.size()));
}

absl::Status PushAll(Session& session, Client& client, const PushSettings& settings,
                     const IdList& ids, NpyReader& reader, WriteSummary* totals) {
  const absl::StatusOr<std::unique_ptr<Target>> target = OpenTarget(&client, settings, ids);
  if (!target.ok()) return target.status();
  const int64_t columns = reader.header().shape[1];
  const size_t row_bytes = sizeof(float) * static_cast<size_t>(columns);
  const size_t part_rows = std::clamp<size_t>(kMaxBytesPerCall / row_bytes, 1, kMaxRowsPerCall);
  Progress progress(Progress::Options{.stream = session.err,
                                      .terminal = session.terminal,
                                      .unit = "embeddings",
                                      .total = static_cast<int64_t>(ids.size()),
                                      .now = [] { return absl::Now(); }});
  std::vector<float> vectors;
  int64_t number = 0;
  for (size_t first = 0; first < ids.size(); first += part_rows) {
    const size_t count = std::min(part_rows, ids.size() - first);
    if (absl::Status status = reader.ReadFloats(count * static_cast<size_t>(columns), &vectors);
        !status.ok()) {
      return FileError(settings.vectors_path, status);
    }
    const EmbeddingBatch batch{.collection = CollectionName(settings.collection),
                               .ids = Part(ids.span(), first, count),
                               .vectors = vectors,
                               .dimension = static_cast<int32_t>(columns),
                               .model_version = settings.model_version,
                               .allow_partial = settings.allow_partial,
                               .of_users = settings.users};
    const absl::Status taken = (*target)->Take(++number, batch, totals);
    if (!taken.ok()) {
      return LocateError(
          taken, RowRange{.begin = first, .end = first + count},
          [&](const std::string& field) { return IndexOffset(batch, field, first); });
    }
    progress.Update(static_cast<int64_t>(first + count), totals->written_count);
  }
  return (*target)->Finish(totals);
}

absl::Status Push(Session& session, const PushSettings& settings) {
  if (settings.replace && !settings.model_version.has_value()) {
    return UsageError("--replace needs --model-version, which names the version");
  }
  if (settings.replace && settings.allow_partial) {
    return UsageError("--replace takes all rows: --allow-partial does not go with it");
  }
  if (settings.replace && settings.users) {
    return UsageError("--replace makes a table of items: push those of users behind it");
  }
  std::ifstream file;
  if (absl::Status status = OpenFile(settings.vectors_path, &file); !status.ok()) return status;
  absl::StatusOr<NpyReader> reader = NpyReader::Open(&file);
  if (!reader.ok()) return FileError(settings.vectors_path, reader.status());
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = session.GetCollection(settings.collection);
  if (!collection.ok()) return collection.status();
  IdList ids(settings.users ? collection->user_id_type() : collection->item_id_type());
  absl::Status status = ReadIdFile(settings.ids_path, &ids);
  if (!status.ok()) return status;
  status = CheckShape(*reader, settings, ids.size(), *collection);
  if (!status.ok()) return status;
  const absl::Time start = absl::Now();
  WriteSummary totals;
  status = PushAll(session, **client, settings, ids, *reader, &totals);
  if (!status.ok()) return status;
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  if (!session.json) {
    *session.out << absl::StrFormat("%s embeddings in %s, %.1f s\n",
                                    WithCommas(totals.written_count), collection->name(), seconds);
    if (!totals.refused_rows.empty()) {
      *session.out << absl::StrFormat("left out %s rows, the first of them row %d, from 0\n",
                                      WithCommas(static_cast<int64_t>(totals.refused_rows.size())),
                                      totals.refused_rows[0]);
    }
    return absl::OkStatus();
  }
  google::protobuf::Struct json;
  auto& fields = *json.mutable_fields();
  fields["collection"].set_string_value(collection->name());
  fields["writtenCount"].set_number_value(static_cast<double>(totals.written_count));
  fields["callCount"].set_number_value(static_cast<double>(totals.call_count));
  fields["commitSequence"].set_number_value(static_cast<double>(totals.commit_sequence));
  fields["seconds"].set_number_value(seconds);
  google::protobuf::ListValue* refused = fields["refusedRows"].mutable_list_value();
  for (const int64_t row : totals.refused_rows) {
    refused->add_values()->set_number_value(static_cast<double>(row));
  }
  return session.PrintJson(json);
}

}  // namespace

void AddEmbeddingCommands(CLI::App* app, Session* session) {
  CLI::App* command =
      app->add_subcommand("push-embeddings", "Creates or replaces embeddings of items or users.");
  command->fallthrough();
  const auto settings = std::make_shared<PushSettings>();
  command
      ->add_option("vectors", settings->vectors_path,
                   "A .npy file: float32 or float64, a row for each id.")
      ->required();
  command
      ->add_option("--ids", settings->ids_path,
                   "Ids in the order of the rows: a .npy file of integers, or text with one id a "
                   "line.")
      ->required();
  command->add_option("--collection", settings->collection, "Id of the collection.")->required();
  command->add_flag(
      "--users", settings->users,
      "The ids are of users, for sources with anchor=user; unknown ones are created.");
  command->add_flag("--durable", settings->durable,
                    "Waits until the embeddings are on disk. Default: until they are used.");
  command->add_option("--model-version", settings->model_version,
                      "Version of the model that made them, at least 1: its training step, say. "
                      "Refused if the collection has embeddings of a later one. Default: none.");
  command->add_flag("--allow-partial", settings->allow_partial,
                    "Leaves out rows that cannot be written, of unknown ids or with values that "
                    "are not finite, instead of stopping.");
  command->add_flag(
      "--replace", settings->replace,
      "Puts them in the place of all that the collection has, at one instant: "
      "other items, and users, have none any more. Run it again to go on where it was cut off.");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return Push(run, *settings); };
  });
}

}  // namespace negatron::client
