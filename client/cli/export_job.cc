// SPDX-License-Identifier: Apache-2.0
#include "client/cli/export_job.h"

#include "absl/strings/str_format.h"
#include <google/protobuf/struct.pb.h>

#include "client/cli/values.h"

namespace negatron::client {

absl::Status ExportJob::Connect() {
  const absl::StatusOr<Client*> client = session_.Connect();
  if (!client.ok()) return client.status();
  client_ = *client;
  absl::StatusOr<v1::Collection> collection = session_.GetCollection(run_.collection);
  if (!collection.ok()) return collection.status();
  collection_ = *std::move(collection);
  v1::GetCollectionStatisticsRequest request;
  request.set_collection(collection_.name());
  absl::StatusOr<v1::CollectionStatistics> statistics = client_->GetCollectionStatistics(request);
  if (!statistics.ok()) return statistics.status();
  statistics_ = *std::move(statistics);
  return absl::OkStatus();
}

void ExportJob::ExpectTotal(int64_t total) {
  progress_ = std::make_unique<Progress>(Progress::Options{.stream = session_.err,
                                                           .terminal = session_.terminal,
                                                           .unit = unit_,
                                                           .total = total,
                                                           .now = [] { return absl::Now(); }});
}

absl::Status ExportJob::PrintOutcome() {
  progress_->Finish();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start_);
  const bool to_standard_output = run_.path == "-";
  if (session_.json && !to_standard_output) {
    google::protobuf::Struct json;
    auto& fields = *json.mutable_fields();
    fields["collection"].set_string_value(collection_.name());
    fields["path"].set_string_value(run_.path);
    fields["writtenCount"].set_number_value(static_cast<double>(written_));
    fields["seconds"].set_number_value(seconds);
    return session_.PrintJson(json);
  }
  (to_standard_output ? *session_.err : *session_.out) << absl::StrFormat(
      "%s %s of %s written to %s, %.1f s\n", WithCommas(written_), unit_, collection_.name(),
      to_standard_output ? "standard output" : run_.path, seconds);
  return absl::OkStatus();
}

}  // namespace negatron::client
