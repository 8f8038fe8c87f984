// SPDX-License-Identifier: Apache-2.0
#include "client/cli/import_run.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include <google/protobuf/struct.pb.h>

#include "client/cli/progress.h"
#include "client/cli/row_hash.h"
#include "client/cpp/imports.h"
#include "client/cpp/request_id.h"
#include "proto/cc/status.h"

namespace negatron::client {
namespace {

// The lines of the file that a chunk came from.
struct ChunkLines {
  int64_t chunk_number;
  std::vector<int64_t> lines;
};

// What was done.
struct Outcome {
  std::string stream_id;
  bool named_by_rows = false;
  int64_t chunks = 0;          // Of the file.
  int64_t skipped_chunks = 0;  // Of those, durable before.
  ImportPosition before;
  ImportPosition after;
  int64_t interruptions = 0;
  double seconds = 0;

  int64_t written() const { return after.written_count - before.written_count; }
};

// The chunk that the server's text names, `(chunk 7)`; `otherwise` if it names none. For people
// only: it tells which lines of the file are printed beside that text.
int64_t NamedChunk(absl::string_view text, int64_t otherwise) {
  constexpr absl::string_view kOpen = "(chunk ";
  const size_t open = text.rfind(kOpen);
  if (open == absl::string_view::npos) return otherwise;
  text.remove_prefix(open + kOpen.size());
  int64_t number = 0;
  return absl::SimpleAtoi(text.substr(0, text.find(')')), &number) ? number : otherwise;
}

// Says in which lines of the file the rows are that the server refused.
absl::Status WithLines(const absl::Status& status, const std::string& path, int64_t next_chunk,
                       const std::deque<ChunkLines>& sent) {
  wire::BadRequest bad = GetBadRequest(status).value_or(wire::BadRequest());
  if (bad.field_violations_size() == 0) return status;
  const std::vector<int64_t>* refused = nullptr;
  for (auto& violation : *bad.mutable_field_violations()) {
    const int64_t number = NamedChunk(violation.description(), next_chunk);
    for (const ChunkLines& chunk : sent) {
      if (chunk.chunk_number == number) refused = &chunk.lines;
    }
    if (refused == nullptr) continue;
    const std::string field(absl::StripPrefix(violation.field(), "batch."));
    const size_t open = field.find('[');
    size_t row = 0;
    if (open == std::string::npos ||
        !absl::SimpleAtoi(field.substr(open + 1, field.find(']', open) - open - 1), &row) ||
        row >= refused->size()) {
      continue;
    }
    violation.set_field(absl::StrCat(path, ":", (*refused)[row], ": ", field.substr(0, open)));
  }
  absl::Status result(status.code(),
                      refused == nullptr || refused->empty()
                          ? std::string(status.message())
                          : absl::StrCat("the server refused something in lines ", refused->front(),
                                         " to ", refused->back(), " of ", path));
  SetBadRequest(result, bad);
  return result;
}

// Says how far the import came and how to go on.
absl::Status WithAdvice(const absl::Status& status, const Outcome& outcome) {
  if (outcome.after.written_count == 0) return status;
  absl::Status result(
      status.code(),
      absl::StrCat(status.message(), "\n  ", WithCommas(outcome.after.written_count),
                   " rows before it are written, as stream ", outcome.stream_id,
                   ".\n  To go on behind them, run the import again with --stream ",
                   outcome.stream_id,
                   "; mend the file\n  only behind them, since they are skipped unread."));
  status.ForEachPayload([&result](absl::string_view url, const absl::Cord& payload) {
    result.SetPayload(url, payload);
  });
  return result;
}

absl::Status PrintJsonOutcome(Session& session, const std::string& collection,
                              const ImportCounts& counts, const Outcome& outcome) {
  google::protobuf::Struct json;
  auto& fields = *json.mutable_fields();
  const auto number = [&fields](const char* name, int64_t value) {
    fields[name].set_number_value(static_cast<double>(value));
  };
  fields["collection"].set_string_value(collection);
  fields["streamId"].set_string_value(outcome.stream_id);
  number("rowCount", counts.row_count);
  number("writtenCount", outcome.written());
  number("skippedCount", outcome.before.written_count);
  number("createdItemCount", outcome.after.created_item_count - outcome.before.created_item_count);
  number("belowRatingCount", counts.below_rating_count);
  number("badLineCount", counts.bad_line_count);
  number("chunkCount", outcome.chunks);
  number("skippedChunkCount", outcome.skipped_chunks);
  number("interruptionCount", outcome.interruptions);
  number("commitSequence", outcome.after.commit_sequence);
  fields["seconds"].set_number_value(outcome.seconds);
  return session.PrintJson(json);
}

absl::Status PrintOutcome(Session& session, const std::string& collection, const char* unit,
                          const ImportCounts& counts, const Outcome& outcome) {
  for (const std::string& sample : counts.bad_line_samples) {
    *session.err << "skipped " << sample << "\n";
  }
  if (counts.bad_line_count > static_cast<int64_t>(counts.bad_line_samples.size())) {
    *session.err << "skipped " << WithCommas(counts.bad_line_count) << " bad lines in all\n";
  }
  if (session.json) return PrintJsonOutcome(session, collection, counts, outcome);
  *session.out << absl::StrFormat("%s %s written to %s, %.1f s", WithCommas(outcome.written()),
                                  unit, collection, outcome.seconds);
  const int64_t created = outcome.after.created_item_count - outcome.before.created_item_count;
  if (created > 0) *session.out << "; " << WithCommas(created) << " items created";
  if (counts.below_rating_count > 0) {
    *session.out << "; " << WithCommas(counts.below_rating_count) << " below the rating left out";
  }
  if (counts.bad_line_count > 0) {
    *session.out << "; " << WithCommas(counts.bad_line_count) << " bad lines skipped";
  }
  if (outcome.skipped_chunks > 0) {
    *session.out << "; " << WithCommas(outcome.before.written_count)
                 << " were written by an earlier run";
  }
  *session.out << "\n";
  if (outcome.chunks > 0 && outcome.chunks == outcome.skipped_chunks) {
    *session.err << "note: these rows are known already; to write them again, give another "
                 << (outcome.named_by_rows ? "--import-name" : "--stream") << "\n";
  }
  return absl::OkStatus();
}

Progress::Options ProgressOptions(const Session& session, const TableReader& table,
                                  std::string unit) {
  return Progress::Options{.stream = session.err,
                           .terminal = session.terminal,
                           .unit = std::move(unit),
                           .total = table.size_bytes(),
                           .now = [] { return absl::Now(); }};
}

absl::Status WriteChunk(EventImport& stream, const EventChunk& chunk, const ImportReader&, bool) {
  return stream.Write(chunk.Batch());
}

absl::Status WriteChunk(ItemImport& stream, const ItemChunk& chunk, const ImportReader& reader,
                        bool partial) {
  ItemBatch batch = chunk.Batch(reader.has_lives());
  if (partial) batch.update_mask = reader.ItemProperties();
  return stream.Write(batch);
}

// One pass over the file: each chunk is read and written.
template <typename Stream, typename Chunk>
class Pass {
 public:
  Pass(Session* session, ImportReader* reader, const ImportRun* run, Outcome* outcome,
       const char* unit)
      : session_(*session),
        reader_(*reader),
        run_(*run),
        outcome_(*outcome),
        progress_(ProgressOptions(*session, reader->table(), unit)) {}

  // Told of each failed attempt to reach the server.
  void Interrupted(const absl::Status& status) {
    ++outcome_.interruptions;
    if (lost_) return;
    lost_ = true;
    progress_.Finish();
    *session_.err << "lost the server (" << status.message() << "); trying again for up to "
                  << absl::FormatDuration(run_.patience) << std::endl;
  }

  absl::Status Run(Stream& stream, Chunk chunk) {
    outcome_.before = outcome_.after = stream.position();
    const absl::Status status = WriteAll(stream, &chunk);
    outcome_.after = stream.position();
    outcome_.skipped_chunks = std::min(outcome_.before.chunk_number, outcome_.chunks);
    progress_.Finish();
    if (!status.ok()) return WithAdvice(status, outcome_);
    if (outcome_.chunks >= outcome_.before.chunk_number) return absl::OkStatus();
    return InputError(
        absl::StrCat("stream ", outcome_.stream_id, " has ", outcome_.before.chunk_number,
                     " chunks already, and ", run_.options.path, " only ", outcome_.chunks,
                     ": it was another file. Leave --stream out, or give another one"));
  }

 private:
  absl::Status WriteAll(Stream& stream, Chunk* chunk) {
    absl::Status problem;
    for (;;) {
      problem = reader_.Read(chunk);
      if (!problem.ok() || chunk->lines.empty()) break;
      ++outcome_.chunks;
      sent_.push_back(ChunkLines{.chunk_number = outcome_.chunks, .lines = chunk->lines});
      // The one that is written next waits beside a full window.
      if (sent_.size() > ImportFeed::kWindow + 1) sent_.pop_front();
      const absl::Status status = WriteChunk(stream, *chunk, reader_, run_.partial);
      if (!status.ok()) return Refused(status, stream);
      Report(stream);
    }
    // What is wrong with the file does not take back what was read before.
    if (absl::Status status = stream.Finish(); !status.ok()) return Refused(status, stream);
    return problem;
  }

  absl::Status Refused(const absl::Status& status, const Stream& stream) const {
    return WithLines(status, run_.options.path, stream.position().chunk_number + 1, sent_);
  }

  void Report(const Stream& stream) {
    const ImportPosition& position = stream.position();
    if (outcome_.chunks <= outcome_.before.chunk_number) {
      progress_.StartAt(reader_.table().consumed_bytes(), position.written_count);
      return;
    }
    if (lost_ && position.chunk_number > reached_) {
      lost_ = false;
      *session_.err << "the server is back; going on behind " << WithCommas(position.written_count)
                    << " rows" << std::endl;
    }
    if (!lost_) reached_ = position.chunk_number;
    progress_.Update(reader_.table().consumed_bytes(), position.written_count);
  }

  Session& session_;
  ImportReader& reader_;
  const ImportRun& run_;
  Outcome& outcome_;
  Progress progress_;
  std::deque<ChunkLines> sent_;
  bool lost_ = false;
  int64_t reached_ = 0;  // The position when the server was last there.
};

absl::StatusOr<std::unique_ptr<EventImport>> Open(Client& client,
                                                  const ImportStreamOptions& options,
                                                  const EventChunk&) {
  return client.ImportEvents(options);
}

absl::StatusOr<std::unique_ptr<ItemImport>> Open(Client& client, const ImportStreamOptions& options,
                                                 const ItemChunk&) {
  return client.ImportItems(options);
}

// Of fields that are options here.
absl::Status NameOption(const absl::Status& status) {
  const wire::BadRequest bad = GetBadRequest(status).value_or(wire::BadRequest());
  for (const auto& violation : bad.field_violations()) {
    if (violation.field() != "stream_id") continue;
    return UsageError(absl::StrCat("--stream: ", violation.description()));
  }
  return status;
}

template <typename Stream, typename Chunk>
absl::Status ImportAll(Session& session, Client& client, ImportReader& reader, const ImportRun& run,
                       const char* unit, const std::string& stream_id, Chunk chunk) {
  const absl::Time start = absl::Now();
  Outcome outcome;
  outcome.stream_id = stream_id;
  outcome.named_by_rows = run.stream_id.empty();
  Pass<Stream, Chunk> pass(&session, &reader, &run, &outcome, unit);
  ImportStreamOptions options;
  options.collection = CollectionName(run.collection);
  options.stream_id = stream_id;
  options.patience = run.patience;
  options.on_interruption = [&pass](const absl::Status& status, absl::Duration) {
    pass.Interrupted(status);
  };
  const absl::StatusOr<std::unique_ptr<Stream>> stream = Open(client, options, chunk);
  if (!stream.ok()) return NameOption(stream.status());
  absl::Status status = pass.Run(**stream, std::move(chunk));
  if (!status.ok()) return status;
  outcome.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  return PrintOutcome(session, options.collection, unit, reader.counts(), outcome);
}

// Reads the whole file: names its rows, and finds bad lines before anything is written.
absl::StatusOr<std::string> NameRows(Session& session, ImportReader& reader, const ImportRun& run,
                                     EventChunk chunk) {
  RowHash hash;
  hash.Add(run.import_name);
  Progress progress(ProgressOptions(session, reader.table(), "events read"));
  int64_t rows = 0;
  for (;;) {
    if (absl::Status status = reader.Read(&chunk); !status.ok()) return status;
    if (chunk.lines.empty()) break;
    hash.Add(chunk);
    rows += static_cast<int64_t>(chunk.lines.size());
    progress.Update(reader.table().consumed_bytes(), rows);
  }
  return absl::StrCat("import-", hash.Hex());
}

void PrintHints(Session& session, ImportReader& reader) {
  for (const std::string& hint : reader.UnusedColumns()) *session.err << "note: " << hint << "\n";
}

}  // namespace

absl::Status RunEventImport(Session& session, const ImportRun& run) {
  absl::StatusOr<std::unique_ptr<ImportReader>> reader = ImportReader::OpenEvents(run.options);
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = session.GetCollection(run.collection);
  if (!collection.ok()) return collection.status();
  PrintHints(session, **reader);
  const EventChunk chunk(collection->user_id_type(), collection->item_id_type());
  std::string stream_id = run.stream_id;
  if (stream_id.empty()) {
    absl::StatusOr<std::string> named = NameRows(session, **reader, run, chunk);
    if (!named.ok()) return named.status();
    stream_id = *std::move(named);
    reader = ImportReader::OpenEvents(run.options);
    if (!reader.ok()) return reader.status();
  }
  return ImportAll<EventImport>(session, **client, **reader, run, "events", stream_id, chunk);
}

absl::Status RunItemImport(Session& session, const ImportRun& run) {
  const absl::StatusOr<std::unique_ptr<ImportReader>> reader = ImportReader::OpenItems(run.options);
  if (!reader.ok()) return reader.status();
  if (run.partial && (*reader)->ItemProperties().empty()) {
    return UsageError(
        "--partial: there is nothing to replace; name a column, as with --categories-column");
  }
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = session.GetCollection(run.collection);
  if (!collection.ok()) return collection.status();
  PrintHints(session, **reader);
  const std::string stream_id =
      run.stream_id.empty() ? absl::StrCat("import-", NewRequestId()) : run.stream_id;
  return ImportAll<ItemImport>(session, **client, **reader, run, "items", stream_id,
                               ItemChunk(collection->item_id_type()));
}

}  // namespace negatron::client
