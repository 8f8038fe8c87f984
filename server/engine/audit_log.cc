// SPDX-License-Identifier: Apache-2.0
#include "server/engine/audit_log.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "server/engine/engine.h"
#include "storage/base/philox.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Of records that are written at a time: other writes wait behind them.
constexpr int64_t kMaxBatchBytes = 4 << 20;

// Heads that are read at a time, when a log is loaded.
constexpr int64_t kPageHeads = 4096;

absl::Status ShuttingDown() {
  return WithReason(absl::UnavailableError("the server is shutting down; the rest of the audits "
                                           "is removed after the next start"),
                    "SHUTTING_DOWN");
}

// Whether any row names one of the users.
bool Names(const IdBatch& rows, const std::set<int64_t>& numbers,
           const std::set<std::string>& names) {
  if (rows.is_names()) {
    return std::any_of(rows.names().begin(), rows.names().end(),
                       [&](const std::string& name) { return names.contains(name); });
  }
  return std::any_of(rows.numbers().begin(), rows.numbers().end(),
                     [&](int64_t number) { return numbers.contains(number); });
}

bool IsChosen(const Snapshot& snapshot, uint64_t seed, std::span<const uint64_t> keys) {
  const std::optional<AuditSettings>& audit = snapshot.settings->audit;
  return audit.has_value() && ChoosesAudit(audit->rate, seed, keys);
}

}  // namespace

bool ChoosesAudit(double rate, uint64_t seed, std::span<const uint64_t> keys) {
  if (rate <= 0) return false;
  uint64_t hash = MixHash(seed, keys.size());
  for (const uint64_t key : keys) hash = MixHash(hash, key);
  return UnitDouble(hash) < rate;
}

AuditLog::AuditLog(const Store* store, HousekeepingHost* host, const Clock* clock,
                   absl::Duration interval, int64_t max_waiting_bytes)
    : store_(store),
      host_(host),
      clock_(clock),
      max_waiting_bytes_(max_waiting_bytes),
      thread_(interval, [this] { Round(); }) {}

AuditLog::~AuditLog() { Stop(); }

void AuditLog::Offer(const Snapshot& snapshot, const ServedPolicy& policy,
                     std::span<const uint64_t> keys, const SampleRequest& request,
                     const SampleResult& result) {
  if (!IsChosen(snapshot, request.seed, keys)) return;
  Keep(snapshot, policy, request, result, {});
}

void AuditLog::Offer(const Snapshot& snapshot, const ServedPolicy& policy,
                     std::span<const uint64_t> keys, const CandidateRequest& request,
                     const CandidateResult& result) {
  if (!IsChosen(snapshot, request.sample.seed, keys)) return;
  AuditedCall call;
  call.TakeAsked(request);
  call.TakeVectors(result);
  Keep(snapshot, policy, request.sample, result.sample, call);
}

void AuditLog::Offer(const Snapshot& snapshot, const ServedPolicy& policy,
                     std::span<const uint64_t> keys, const SharedRequest& request,
                     const SharedResult& result) {
  if (!IsChosen(snapshot, request.rows.seed, keys)) return;
  AuditedCall call;
  call.TakeShared(request, result);
  Keep(snapshot, policy, request.rows, call.result, call);
}

void AuditLog::Keep(const Snapshot& snapshot, const ServedPolicy& policy,
                    const SampleRequest& request, const SampleResult& result,
                    const AuditedCall& call) {
  const int64_t incarnation = snapshot.settings->incarnation;
  {
    MutexLock lock(mutex_);
    if (waiting_bytes_ >= max_waiting_bytes_) {
      ++statistics_[incarnation].dropped_count;
      return;
    }
  }
  AuditedCall kept = call;
  kept.item_count = snapshot.pool->item_count();
  absl::StatusOr<std::string> body = EncodeAudit(kept, policy.plan(), request, result);
  MutexLock lock(mutex_);
  if (!body.ok() || stopped_) {
    ++statistics_[incarnation].dropped_count;
    return;
  }
  Waiting waiting{incarnation, {}};
  AuditRecord& record = waiting.record;
  record.candidates = call.anchor != 0;
  record.shared = call.shared;
  record.row_count = request.row_count;
  record.negative_count = request.negative_count;
  record.commit_sequence = result.snapshot.commit_sequence;
  record.generation = result.snapshot.generation;
  record.policy_id = result.policy.name;
  record.policy_version = result.policy.version;
  record.seed = request.seed;
  record.kernel_id = std::string(KernelId());
  record.body_bytes = static_cast<int64_t>(body->size());
  record.body = *std::move(body);
  waiting_bytes_ += record.body_bytes;
  waiting_.push_back(std::move(waiting));
  // Well before there is no room any more.
  if (waiting_bytes_ >= max_waiting_bytes_ / 4) thread_.Wake();
}

void AuditLog::RemoveErased(int64_t incarnation, Done done) {
  {
    MutexLock lock(mutex_);
    if (!stopped_) {
      erasing_[incarnation].push_back(std::move(done));
      thread_.Wake();
      return;
    }
  }
  done(ShuttingDown());
}

std::optional<AuditStatistics> AuditLog::Statistics(const CollectionRecord& settings) const {
  MutexLock lock(mutex_);
  const auto found = statistics_.find(settings.incarnation);
  if (found != statistics_.end()) return found->second;
  return settings.audit.has_value() ? std::optional<AuditStatistics>(AuditStatistics())
                                    : std::nullopt;
}

void AuditLog::Stop() {
  thread_.Stop();
  {
    MutexLock lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  Round();
}

void AuditLog::Publish(int64_t incarnation, const Log& log) {
  MutexLock lock(mutex_);
  const auto found = statistics_.find(incarnation);
  if (found == statistics_.end() && log.kept.empty()) return;
  AuditStatistics& statistics = statistics_[incarnation];
  statistics.kept_count = static_cast<int64_t>(log.kept.size());
  statistics.stored_bytes = log.bytes;
}

void AuditLog::Drop(int64_t incarnation, int64_t count) {
  if (count == 0) return;
  MutexLock lock(mutex_);
  statistics_[incarnation].dropped_count += count;
}

void AuditLog::Round() {
  std::map<int64_t, std::vector<Waiting>> waiting;
  std::map<int64_t, std::vector<Done>> erasing;
  {
    MutexLock lock(mutex_);
    for (Waiting& call : waiting_) waiting[call.incarnation].push_back(std::move(call));
    waiting_.clear();
    waiting_bytes_ = 0;
    erasing.swap(erasing_);
  }
  std::set<int64_t> incarnations;
  for (const std::shared_ptr<Collection>& collection : host_->Collections()) {
    const std::shared_ptr<const CollectionRecord> settings = collection->snapshot()->settings;
    const int64_t incarnation = settings->incarnation;
    incarnations.insert(incarnation);
    const auto [position, is_new] = logs_.try_emplace(incarnation);
    Log& log = position->second;
    if (is_new) {
      if (const absl::Status status = Load(incarnation, &log); !status.ok()) {
        logs_.erase(position);  // Again at the next round.
        for (Done& done : erasing[incarnation]) done(status);
        erasing.erase(incarnation);
        Drop(incarnation, static_cast<int64_t>(waiting[incarnation].size()));
        continue;
      }
    }
    Write(*settings, std::move(waiting[incarnation]), &log);
    const auto asked = erasing.find(incarnation);
    if (asked != erasing.end()) log.has_erasures = true;
    const absl::Status erased = Erase(*settings, &log);
    if (asked != erasing.end()) {
      for (Done& done : asked->second) done(erased);
      erasing.erase(asked);
    }
    // What fails is tried again at the next round.
    Expire(*settings, &log).IgnoreError();
    Publish(incarnation, log);
  }
  // What is left belongs to collections that are deleted, with their logs.
  for (auto& [incarnation, dones] : erasing) {
    for (Done& done : dones) done(absl::OkStatus());
  }
  std::erase_if(logs_, [&](const auto& log) { return !incarnations.contains(log.first); });
  MutexLock lock(mutex_);
  std::erase_if(statistics_, [&](const auto& of) { return !incarnations.contains(of.first); });
}

absl::Status AuditLog::Load(int64_t incarnation, Log* log) {
  for (std::optional<Micros> next = kNever; next.has_value();) {
    NEGATRON_ASSIGN_OR_RETURN(
        next, store_->ScanAuditPage(incarnation, *next, kPageHeads, [&](const AuditRecord& record) {
          log->kept.emplace_front(record.time, record.body_bytes);
          log->bytes += record.body_bytes;
          return absl::OkStatus();
        }));
  }
  if (!log->kept.empty()) log->last_time = log->kept.back().first;
  return absl::OkStatus();
}

void AuditLog::Write(const CollectionRecord& settings, std::vector<Waiting> waiting, Log* log) {
  std::vector<AuditRecord> records;
  for (Waiting& call : waiting) {
    if (settings.audit.has_value() && call.record.commit_sequence >= log->erased_before) {
      records.push_back(std::move(call.record));
    }
  }
  Drop(settings.incarnation, static_cast<int64_t>(waiting.size() - records.size()));
  for (size_t begin = 0, end = 0; begin < records.size(); begin = end) {
    int64_t bytes = 0;
    for (; end < records.size() && (end == begin || bytes < kMaxBatchBytes); ++end) {
      records[end].time = log->last_time = std::max(clock_->NowMicros(), log->last_time + 1);
      bytes += records[end].body_bytes;
    }
    const std::span<const AuditRecord> batch = std::span(records).subspan(begin, end - begin);
    const absl::Status status =
        host_->CommitApplied(settings, bytes, [&](CollectionWriter&, const CommitSlot& slot) {
          for (const AuditRecord& record : batch) {
            slot.batch->PutAudit(settings.incarnation, record);
          }
          return false;
        });
    if (!status.ok()) {
      Drop(settings.incarnation, static_cast<int64_t>(batch.size()));
      continue;
    }
    for (const AuditRecord& record : batch) {
      log->kept.emplace_back(record.time, record.body_bytes);
      log->bytes += record.body_bytes;
    }
    MutexLock lock(mutex_);
    statistics_[settings.incarnation].written_count += static_cast<int64_t>(batch.size());
  }
}

absl::Status AuditLog::Erase(const CollectionRecord& settings, Log* log) {
  if (!log->has_erasures) return absl::OkStatus();
  NEGATRON_ASSIGN_OR_RETURN(const std::vector<AuditErasureRecord> erasures,
                            store_->ReadAuditErasures(settings.incarnation));
  std::set<int64_t> numbers;
  std::set<std::string> names;
  for (const AuditErasureRecord& erasure : erasures) {
    log->erased_before = std::max(log->erased_before, erasure.commit_sequence);
    for (const ExternalId& user : erasure.users) {
      if (user.name.empty() || user.number >= 0) numbers.insert(user.number);
      if (!user.name.empty()) names.insert(user.name);
    }
  }
  std::vector<std::pair<Micros, int64_t>> named;
  for (size_t i = 0; !erasures.empty() && i < log->kept.size(); ++i) {
    const absl::StatusOr<AuditRecord> record =
        store_->ReadAudit(settings.incarnation, log->kept[i].first);
    if (record.status().code() == absl::StatusCode::kNotFound) continue;
    if (!record.ok()) return record.status();
    NEGATRON_ASSIGN_OR_RETURN(const std::optional<IdBatch> users, DecodeAuditUsers(record->body));
    if (users.has_value() && Names(*users, numbers, names)) named.push_back(log->kept[i]);
  }
  if (!erasures.empty()) {
    NEGATRON_RETURN_IF_ERROR(
        host_->Commit(settings, [&](CollectionWriter&, const CommitSlot& slot) {
          for (const auto& [time, bytes] : named) {
            slot.batch->DeleteAudit(settings.incarnation, time);
          }
          for (const AuditErasureRecord& erasure : erasures) {
            slot.batch->DeleteAuditErasure(settings.incarnation, erasure.commit_sequence);
          }
          return false;
        }));
  }
  for (const auto& entry : named) {
    log->bytes -= entry.second;
    log->kept.erase(std::lower_bound(log->kept.begin(), log->kept.end(), entry));
  }
  log->has_erasures = false;
  return absl::OkStatus();
}

absl::Status AuditLog::Expire(const CollectionRecord& settings, Log* log) {
  Micros oldest = kNever;  // That may stay by its age.
  int64_t max_bytes = 0;
  if (settings.audit.has_value()) {
    oldest = clock_->NowMicros() - settings.audit->max_age_micros;
    max_bytes = settings.audit->max_bytes;
  }
  size_t count = 0;
  int64_t bytes = log->bytes;
  while (count < log->kept.size() && (log->kept[count].first < oldest || bytes > max_bytes)) {
    bytes -= log->kept[count++].second;
  }
  if (count == 0) return absl::OkStatus();
  NEGATRON_RETURN_IF_ERROR(
      host_->CommitApplied(settings, 0, [&](CollectionWriter&, const CommitSlot& slot) {
        slot.batch->DeleteAuditsUntil(settings.incarnation, log->kept[count - 1].first);
        return false;
      }));
  log->kept.erase(log->kept.begin(), log->kept.begin() + static_cast<std::ptrdiff_t>(count));
  log->bytes = bytes;
  return absl::OkStatus();
}

}  // namespace negatron
