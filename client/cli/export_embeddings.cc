// SPDX-License-Identifier: Apache-2.0
// RunEmbeddingExport.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "client/cli/export_job.h"
#include "client/cli/export_run.h"
#include "client/cli/id_files.h"
#include "client/cli/id_list.h"
#include "client/cli/npy_writer.h"
#include "client/cli/output_file.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

constexpr int kOwnersPerPage = 2'500;  // A page of items stays below the client's limit of 16 MiB.
constexpr int64_t kMaxValuesPerCall = 131'072;  // Limit of `negatron/v1/embeddings.proto`.

// A page of items, or of users: their ids as text and as the server looks them up fastest.
struct OwnerPage {
  std::vector<std::string> texts;
  std::vector<int64_t> numbers;
  std::string next_page_token;
};

template <typename Response>
absl::StatusOr<OwnerPage> ToOwnerPage(const v1::IdColumn& ids, const v1::Int64Column& numbers,
                                      const Response& response) {
  OwnerPage page{IdTexts(ids), {}, response.next_page_token()};
  const bool names = ids.has_names();
  absl::Status status = Fill<int64_t>(names ? ReadInt64s(numbers, "") : ReadIds(ids, ""),
                                      page.texts.size(), std::nullopt, &page.numbers);
  if (!status.ok()) return status;
  return page;
}

absl::StatusOr<OwnerPage> FetchOwners(ExportJob& job, const std::string& token) {
  const auto prepare = [&](auto* request, v1::IdType type) {
    request->set_collection(job.collection().name());
    request->set_page_size(kOwnersPerPage);
    request->set_page_token(token);
    request->set_encoding(EncodingFor(type == v1::ID_TYPE_STRING));
  };
  if (job.run().users) {
    v1::ListUsersRequest request;
    prepare(&request, job.collection().user_id_type());
    const absl::StatusOr<v1::ListUsersResponse> page = job.client().ListUsers(request);
    if (!page.ok()) return page.status();
    return ToOwnerPage(page->ids(), page->numbers(), *page);
  }
  v1::ListItemsRequest request;
  prepare(&request, job.collection().item_id_type());
  const absl::StatusOr<v1::ListItemsResponse> page = job.client().ListItems(request);
  if (!page.ok()) return page.status();
  return ToOwnerPage(page->items().ids(), page->items().numbers(), *page);
}

// Writes the embeddings of the entries [first, first + count) of a page, of those that have one.
absl::Status WriteVectors(ExportJob& job, const OwnerPage& page, size_t first, size_t count,
                          NpyWriter& vectors, IdFileWriter& ids) {
  const int64_t dimension = job.collection().embedding_settings().dimension();
  v1::BatchGetEmbeddingsRequest request;
  request.set_collection(job.collection().name());
  WriteIds(std::span(page.numbers).subspan(first, count), v1::COLUMN_ENCODING_RAW,
           job.run().users ? request.mutable_user_ids() : request.mutable_item_ids());
  const absl::StatusOr<v1::BatchGetEmbeddingsResponse> response =
      job.client().BatchGetEmbeddings(request);
  if (!response.ok()) return response.status();
  std::vector<uint8_t> found;
  std::vector<float> values;
  absl::Status status =
      Fill<uint8_t>(ReadBytes(response->found(), ""), count, std::nullopt, &found);
  status.Update(Fill<float>(ReadFloats(response->vectors().values(), ""),
                            count * static_cast<size_t>(dimension), std::nullopt, &values));
  if (!status.ok()) return status;
  for (size_t i = 0; i < count; ++i) {
    if (found[i] == 0) continue;
    status = ids.Append(page.texts[first + i]);
    if (!status.ok()) return InputError(absl::StrCat("--ids: ", status.message()));
    vectors.Append(values.data() + i * static_cast<size_t>(dimension), 1);
    job.Count(1);
  }
  return absl::OkStatus();
}

absl::Status WriteAllVectors(ExportJob& job, NpyWriter& vectors, IdFileWriter& ids,
                             const OutputFile& output, const OutputFile& id_output) {
  const int64_t dimension = job.collection().embedding_settings().dimension();
  const auto rows_per_call =
      static_cast<size_t>(std::max<int64_t>(kMaxValuesPerCall / dimension, 1));
  int64_t read = 0;
  std::string token;
  do {
    const absl::StatusOr<OwnerPage> page = FetchOwners(job, token);
    if (!page.ok()) return page.status();
    for (size_t first = 0; first < page->texts.size(); first += rows_per_call) {
      const size_t count = std::min(rows_per_call, page->texts.size() - first);
      absl::Status status = WriteVectors(job, *page, first, count, vectors, ids);
      status.Update(output.Check());
      status.Update(id_output.Check());
      if (!status.ok()) return status;
      read += static_cast<int64_t>(count);
      job.Report(read);
    }
    token = page->next_page_token;
  } while (!token.empty());
  return absl::OkStatus();
}

}  // namespace

absl::Status RunEmbeddingExport(Session& session, const ExportRun& run) {
  ExportJob job(&session, &run, run.users ? "embeddings of users" : "embeddings");
  if (absl::Status status = job.Connect(); !status.ok()) return status;
  const v1::Collection& collection = job.collection();
  if (collection.embedding_settings().dimension() < 1) {
    return UsageError(absl::StrCat(collection.name(), " has no embedding settings"));
  }
  job.ExpectTotal(run.users ? job.statistics().user_count() : job.statistics().item_count());
  const auto output = OutputFile::Create(run.path, session.out);
  if (!output.ok()) return output.status();
  const auto id_output = OutputFile::Create(run.ids_path, session.out);
  if (!id_output.ok()) return id_output.status();
  absl::StatusOr<IdFileWriter> ids = IdFileWriter::Create(
      run.ids_path, run.users ? collection.user_id_type() : collection.item_id_type(),
      &(*id_output)->stream());
  if (!ids.ok()) return ids.status();
  NpyWriter vectors(&(*output)->stream(), NpyType::kFloat32,
                    collection.embedding_settings().dimension());
  absl::Status status = WriteAllVectors(job, vectors, *ids, **output, **id_output);
  if (!status.ok()) return status;
  vectors.Finish();
  ids->Finish();
  status = (*id_output)->Commit();
  if (status.ok()) status = (*output)->Commit();
  if (!status.ok()) return status;
  return job.PrintOutcome();
}

}  // namespace negatron::client
