// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_collection.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <CLI/CLI.hpp>

#include "client/cli/values.h"

namespace negatron::client {
namespace {

const std::map<std::string, v1::IdType>& IdTypes() {
  static const auto* types = new std::map<std::string, v1::IdType>{{"int64", v1::ID_TYPE_INT64},
                                                                   {"string", v1::ID_TYPE_STRING}};
  return *types;
}

const std::map<std::string, v1::EmbeddingMetric>& Metrics() {
  static const auto* metrics = new std::map<std::string, v1::EmbeddingMetric>{
      {"cosine", v1::EMBEDDING_METRIC_COSINE},
      {"inner-product", v1::EMBEDDING_METRIC_INNER_PRODUCT},
      {"l2", v1::EMBEDDING_METRIC_L2}};
  return *metrics;
}

const std::map<std::string, v1::EmbeddingElementType>& ElementTypes() {
  static const auto* types = new std::map<std::string, v1::EmbeddingElementType>{
      {"float32", v1::EMBEDDING_ELEMENT_TYPE_FLOAT32},
      {"bfloat16", v1::EMBEDDING_ELEMENT_TYPE_BFLOAT16}};
  return *types;
}

const std::map<std::string, v1::MissingItemRule>& MissingItemRules() {
  static const auto* rules = new std::map<std::string, v1::MissingItemRule>{
      {"reject", v1::MISSING_ITEM_RULE_REJECT}, {"create", v1::MISSING_ITEM_RULE_CREATE}};
  return *rules;
}

// The name that `value` has on the command line.
template <typename Value>
std::string NameOf(const std::map<std::string, Value>& names, int value) {
  for (const auto& [name, known] : names) {
    if (static_cast<int>(known) == value) return name;
  }
  return "-";
}

struct Settings {
  std::string id;
  std::string display_name;
  std::vector<std::string> labels;
  std::string item_ids;
  std::string user_ids;
  std::string half_life;
  std::vector<std::string> half_lives;
  std::vector<std::string> windows;
  bool cohort_popularity = false;
  bool category_popularity = false;
  std::string popularity_grid;
  int32_t mined_per_user = 0;
  std::string event_retention;
  std::string audit_rate;
  std::string audit_max_age;
  int64_t audit_max_bytes = 0;
  std::string missing_items;
  int32_t dimension = 0;
  std::string metric = "cosine";
  std::string element_type = "float32";
  std::string etag;
  bool allow_missing = false;
};

template <typename Value>
CLI::Validator OneOf(const std::map<std::string, Value>& names) {
  std::vector<std::string> keys;
  keys.reserve(names.size());
  for (const auto& entry : names) keys.push_back(entry.first);
  return CLI::IsMember(std::move(keys));
}

// Reads a length of time; a usage error names the option.
absl::Status ReadDuration(absl::string_view option, const std::string& text, bool zero,
                          google::protobuf::Duration* to) {
  const absl::StatusOr<absl::Duration> duration =
      zero ? ParseDurationOrNone(text) : ParsePositiveDuration(text);
  if (!duration.ok()) {
    return UsageError(absl::StrCat(option, ": ", duration.status().message()));
  }
  *to = ToDuration(*duration);
  return absl::OkStatus();
}

// The options that can also be changed later.
void AddMutableOptions(CLI::App* command, Settings* settings) {
  command->add_option("--display-name", settings->display_name, "A name for people.");
  command->add_option("--label", settings->labels, "A label `key=value`; may be repeated.");
  command
      ->add_option("--missing-items", settings->missing_items,
                   "What becomes of an event whose item does not exist: it is refused, or the item "
                   "is created, alive from its earliest event on.")
      ->check(OneOf(MissingItemRules()));
  command->add_option("--event-retention", settings->event_retention,
                      "Positive events older than this lose their weight and are removed, for "
                      "example 365d; histories stay. none: all are kept. Default: none.");
  auto* rate = command->add_option(
      "--audit-rate", settings->audit_rate,
      "Part of the sampling calls that is kept for `audit`, 0 to 1. 0: no others come, and those "
      "there are stay. none: there is no log, and they go. Default: none.");
  command
      ->add_option("--audit-max-age", settings->audit_max_age,
                   "Kept calls go when they are older. Default: 7d.")
      ->needs(rate);
  command
      ->add_option("--audit-max-bytes", settings->audit_max_bytes,
                   "The oldest go where all take more. Default: 256 MiB.")
      ->check(CLI::PositiveNumber)
      ->needs(rate);
  auto* dimension = command->add_option(
      "--dim", settings->dimension, "Components of an item embedding, 1 to 4096. Fixed once set.");
  dimension->check(CLI::Range(1, 4096));
  command->add_option("--metric", settings->metric, "How embeddings are compared.")
      ->check(OneOf(Metrics()))
      ->needs(dimension)
      ->capture_default_str();
  command
      ->add_option("--element-type", settings->element_type,
                   "How components are kept. bfloat16 has 8 significant bits and takes half the "
                   "memory; scores are exact on what is kept.")
      ->check(OneOf(ElementTypes()))
      ->needs(dimension)
      ->capture_default_str();
}

// An unset field removes the log.
absl::Status FillAudit(const Settings& settings, v1::Collection* collection) {
  if (settings.audit_rate.empty() || settings.audit_rate == "none") return absl::OkStatus();
  double rate = -1;
  // Written so that NaN fails.
  if (!absl::SimpleAtod(settings.audit_rate, &rate) || !(rate >= 0 && rate <= 1)) {
    return UsageError(
        absl::StrCat("--audit-rate: `", settings.audit_rate, "` is neither in [0, 1] nor none"));
  }
  collection->mutable_audit()->set_rate(rate);
  collection->mutable_audit()->set_max_bytes(settings.audit_max_bytes);
  if (settings.audit_max_age.empty()) return absl::OkStatus();
  return ReadDuration("--audit-max-age", settings.audit_max_age, false,
                      collection->mutable_audit()->mutable_max_age());
}

absl::Status FillMutable(const Settings& settings, v1::Collection* collection) {
  collection->set_display_name(settings.display_name);
  for (const std::string& label : settings.labels) {
    const size_t equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      return UsageError(absl::StrCat("--label: `", label, "` is not key=value"));
    }
    (*collection->mutable_labels())[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (!settings.missing_items.empty()) {
    collection->set_missing_item_rule(MissingItemRules().at(settings.missing_items));
  }
  // An unset field clears the retention.
  if (!settings.event_retention.empty() && settings.event_retention != "none") {
    absl::Status status = ReadDuration("--event-retention", settings.event_retention, false,
                                       collection->mutable_event_retention());
    if (!status.ok()) return status;
  }
  if (absl::Status status = FillAudit(settings, collection); !status.ok()) return status;
  if (settings.dimension > 0) {
    collection->mutable_embedding_settings()->set_dimension(settings.dimension);
    collection->mutable_embedding_settings()->set_metric(Metrics().at(settings.metric));
    collection->mutable_embedding_settings()->set_element_type(
        ElementTypes().at(settings.element_type));
  }
  return absl::OkStatus();
}

std::string DescribeEmbeddings(const v1::Collection& collection) {
  if (!collection.has_embedding_settings()) return "-";
  const v1::EmbeddingSettings& settings = collection.embedding_settings();
  // Servers that do not say have float32.
  const bool is_named = settings.element_type() != v1::EMBEDDING_ELEMENT_TYPE_UNSPECIFIED;
  return absl::StrCat(settings.dimension(), " ", NameOf(Metrics(), settings.metric()), " ",
                      is_named ? NameOf(ElementTypes(), settings.element_type()) : "float32");
}

std::string DescribeHalfLife(const v1::Collection& collection) {
  return FormatDurationOrNone(collection.half_life());
}

std::string DescribeDurations(
    const google::protobuf::RepeatedPtrField<google::protobuf::Duration>& durations) {
  std::vector<std::string> texts;
  for (const auto& duration : durations) texts.push_back(FormatDurationOrNone(duration));
  return texts.empty() ? "-" : absl::StrJoin(texts, " ");
}

std::string DescribeRetention(const v1::Collection& collection) {
  std::string length = FormatDurationOrNone(collection.event_retention());
  if (!collection.has_event_watermark_time()) return length;
  return absl::StrCat(length, ", has come to ",
                      FormatMicros(ToMicros(collection.event_watermark_time())));
}

std::string DescribeAudit(const v1::Collection& collection) {
  if (!collection.has_audit()) return "-";
  const v1::AuditSettings& audit = collection.audit();
  return absl::StrCat("rate ", audit.rate(), ", at most ", FormatDurationOrNone(audit.max_age()),
                      " and ", FormatBytes(audit.max_bytes()));
}

absl::Status PrintCollection(Session& session, const absl::StatusOr<v1::Collection>& collection) {
  if (!collection.ok()) return collection.status();
  if (session.json) return session.PrintJson(*collection);
  std::vector<std::string> labels;
  for (const auto& [key, value] : collection->labels()) {
    labels.push_back(absl::StrCat(key, "=", value));
  }
  session.PrintTable(
      {"name", collection->name()},
      {{"display name", collection->display_name()},
       {"labels", absl::StrJoin(labels, " ")},
       {"item ids", NameOf(IdTypes(), collection->item_id_type())},
       {"user ids", NameOf(IdTypes(), collection->user_id_type())},
       {"half-life", DescribeHalfLife(*collection)},
       {"half-lives", DescribeDurations(collection->half_lives())},
       {"windows", DescribeDurations(collection->windows())},
       {"cohort popularity", collection->cohort_popularity() ? "yes" : "no"},
       {"category popularity", collection->category_popularity() ? "yes" : "no"},
       {"popularity grid", collection->has_popularity_grid()
                               ? FormatDurationOrNone(collection->popularity_grid())
                               : "-"},
       {"mined per user", absl::StrCat(collection->mined_per_user())},
       {"event retention", DescribeRetention(*collection)},
       {"audit log", DescribeAudit(*collection)},
       {"missing items", NameOf(MissingItemRules(), collection->missing_item_rule())},
       {"embeddings", DescribeEmbeddings(*collection)},
       {"incarnation", absl::StrCat(collection->incarnation())},
       {"created", FormatMicros(ToMicros(collection->create_time()))},
       {"etag", collection->etag()}});
  return absl::OkStatus();
}

// What is fixed at creation, and costs memory.
absl::Status FillPopularity(const Settings& settings, v1::Collection* collection) {
  absl::Status status;
  if (!settings.half_life.empty()) {
    status.Update(
        ReadDuration("--half-life", settings.half_life, false, collection->mutable_half_life()));
  }
  for (const std::string& text : settings.half_lives) {
    status.Update(ReadDuration("--half-lives", text, true, collection->add_half_lives()));
  }
  for (const std::string& text : settings.windows) {
    status.Update(ReadDuration("--windows", text, false, collection->add_windows()));
  }
  if (!settings.popularity_grid.empty()) {
    status.Update(ReadDuration("--popularity-grid", settings.popularity_grid, false,
                               collection->mutable_popularity_grid()));
  }
  collection->set_cohort_popularity(settings.cohort_popularity);
  collection->set_category_popularity(settings.category_popularity);
  collection->set_mined_per_user(settings.mined_per_user);
  return status;
}

absl::Status Create(Session& session, const Settings& settings) {
  v1::CreateCollectionRequest request;
  request.set_collection_id(settings.id);
  v1::Collection* collection = request.mutable_collection();
  if (absl::Status status = FillMutable(settings, collection); !status.ok()) return status;
  if (!settings.item_ids.empty()) collection->set_item_id_type(IdTypes().at(settings.item_ids));
  if (!settings.user_ids.empty()) collection->set_user_id_type(IdTypes().at(settings.user_ids));
  if (absl::Status status = FillPopularity(settings, collection); !status.ok()) return status;
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  return PrintCollection(session, (*client)->CreateCollection(request));
}

absl::Status Get(Session& session, const Settings& settings) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::GetCollectionRequest request;
  request.set_name(CollectionName(settings.id));
  return PrintCollection(session, (*client)->GetCollection(request));
}

absl::Status List(Session& session) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::ListCollectionsRequest request;
  v1::ListCollectionsResponse all;
  do {
    const absl::StatusOr<v1::ListCollectionsResponse> page = (*client)->ListCollections(request);
    if (!page.ok()) return page.status();
    all.mutable_collections()->MergeFrom(page->collections());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (session.json) return session.PrintJson(all);
  std::vector<std::vector<std::string>> rows;
  for (const v1::Collection& collection : all.collections()) {
    rows.push_back({collection.name(), NameOf(IdTypes(), collection.item_id_type()),
                    NameOf(IdTypes(), collection.user_id_type()), DescribeHalfLife(collection),
                    DescribeEmbeddings(collection), collection.display_name()});
  }
  session.PrintTable({"name", "item ids", "user ids", "half-life", "embeddings", "display name"},
                     rows);
  return absl::OkStatus();
}

absl::Status Update(Session& session, const Settings& settings, const CLI::App& command) {
  v1::UpdateCollectionRequest request;
  v1::Collection* collection = request.mutable_collection();
  collection->set_name(CollectionName(settings.id));
  collection->set_etag(settings.etag);
  if (absl::Status status = FillMutable(settings, collection); !status.ok()) return status;
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"--display-name", "display_name"},
      {"--label", "labels"},
      {"--missing-items", "missing_item_rule"},
      {"--event-retention", "event_retention"},
      {"--audit-rate", "audit"},
      {"--dim", "embedding_settings"}};
  for (const auto& [option, field] : fields) {
    if (command.count(option) > 0) request.mutable_update_mask()->add_paths(field);
  }
  if (request.update_mask().paths_size() == 0) {
    return UsageError(
        "nothing to update: give --display-name, --label, --missing-items, --event-retention, "
        "--audit-rate or --dim");
  }
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  return PrintCollection(session, (*client)->UpdateCollection(request));
}

absl::Status Delete(Session& session, const Settings& settings) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::DeleteCollectionRequest request;
  request.set_name(CollectionName(settings.id));
  request.set_etag(settings.etag);
  request.set_allow_missing(settings.allow_missing);
  if (absl::Status status = (*client)->DeleteCollection(request); !status.ok()) return status;
  if (!session.json) *session.out << "Deleted " << request.name() << ".\n";
  return absl::OkStatus();
}

void AddPopularityOptions(CLI::App* create, Settings* settings) {
  create->add_option(
      "--half-life", settings->half_life,
      "Time in which the weight of an event halves, for example 30d. Default: none.");
  create
      ->add_option("--half-lives", settings->half_lives,
                   "Further half-lives that popularity serves fast, at most 8: 7d,90d,none. Others "
                   "are as exact, and slow. Each costs memory for every event.")
      ->delimiter(',');
  create
      ->add_option("--windows", settings->windows,
                   "Windows of time that popularity serves fast, at most 8: 30d,365d.")
      ->delimiter(',');
  create->add_flag("--cohort-popularity", settings->cohort_popularity,
                   "Keeps popularity by cohort too, for sources with within-cohort.");
  create->add_flag("--category-popularity", settings->category_popularity,
                   "Keeps popularity by category too: sources with a category are faster.");
  create->add_option("--popularity-grid", settings->popularity_grid,
                     "Popularity with an exponent is taken at multiples of this time. Default: a "
                     "sixteenth of the half-life, at least 1h; 1d without one.");
  create
      ->add_option("--mined-per-user", settings->mined_per_user,
                   "Newest mined events of a user that are drawn from. Default: 256.")
      ->check(CLI::Range(1, 4096));
}

CLI::App* AddCommand(CLI::App* group, const std::string& name, const std::string& description,
                     Settings* settings) {
  CLI::App* command = group->add_subcommand(name, description);
  command->fallthrough();
  command->add_option("id", settings->id, "Id of the collection.")->required();
  return command;
}

}  // namespace

void AddCollectionCommands(CLI::App* app, Session* session) {
  CLI::App* group = app->add_subcommand("collection", "Creates and describes collections.");
  group->require_subcommand(1)->fallthrough();
  const auto settings = std::make_shared<Settings>();

  CLI::App* create = AddCommand(group, "create", "Creates an empty collection.", settings.get());
  AddMutableOptions(create, settings.get());
  create->add_option("--item-ids", settings->item_ids, "Type of item ids. Default: int64.")
      ->check(OneOf(IdTypes()));
  create->add_option("--user-ids", settings->user_ids, "Type of user ids. Default: int64.")
      ->check(OneOf(IdTypes()));
  AddPopularityOptions(create, settings.get());
  create->callback([session, settings] {
    session->command = [settings](Session& run) { return Create(run, *settings); };
  });

  CLI::App* get = AddCommand(group, "get", "Shows a collection.", settings.get());
  get->callback([session, settings] {
    session->command = [settings](Session& run) { return Get(run, *settings); };
  });

  CLI::App* list = group->add_subcommand("list", "Lists collections.")->fallthrough();
  list->callback([session] { session->command = [](Session& run) { return List(run); }; });

  CLI::App* update =
      AddCommand(group, "update", "Changes settings of a collection.", settings.get());
  AddMutableOptions(update, settings.get());
  update->add_option("--etag", settings->etag, "Update only if this is the current etag.");
  update->callback([session, settings, update] {
    session->command = [settings, update](Session& run) { return Update(run, *settings, *update); };
  });

  CLI::App* remove =
      AddCommand(group, "delete", "Deletes a collection and all its data.", settings.get());
  remove->add_option("--etag", settings->etag, "Delete only if this is the current etag.");
  remove->add_flag("--allow-missing", settings->allow_missing,
                   "A collection that does not exist is a success.");
  remove->callback([session, settings] {
    session->command = [settings](Session& run) { return Delete(run, *settings); };
  });
}

}  // namespace negatron::client
