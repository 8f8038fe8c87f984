// SPDX-License-Identifier: Apache-2.0
#include "server/engine/housekeeper.h"

#include <algorithm>
#include <utility>

#include "storage/base/memory.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Events that are read at a time, and so many at most are removed by one write.
constexpr int64_t kPageEvents = 4096;

// The watermark moves by this part of the retention, so that it is logged rarely.
constexpr int64_t kStepsOfRetention = 64;

// Memory is given back when the process has grown by an eighth and this, and not more often than
// every minute.
constexpr int64_t kMinGrowthBytes = int64_t{64} << 20;
constexpr absl::Duration kTrimInterval = absl::Minutes(1);

absl::Status ShuttingDown() {
  return WithReason(absl::UnavailableError("the server is shutting down; the rest of the events "
                                           "is removed after the next start"),
                    "SHUTTING_DOWN");
}

int64_t FloorTo(int64_t value, int64_t step) {
  const int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

// Which users were erased.
std::vector<bool> ErasedUsers(const IdIndex& users) {
  std::vector<bool> erased(users.size());
  for (Ordinal user = 0; user < users.size(); ++user) {
    erased[user] = !users.IsLinked(user);
  }
  return erased;
}

// Where a collection's watermark should be; its present one if it need not move.
Micros WatermarkAt(const CollectionRecord& settings, Micros now) {
  const int64_t retention = settings.event_retention_micros;
  if (retention == 0) return settings.watermark;
  const Micros due = FloorTo(now - retention, retention / kStepsOfRetention);
  return due < kMinTime ? settings.watermark : std::max(settings.watermark, due);
}

}  // namespace

Housekeeper::Housekeeper(const Store* store, HousekeepingHost* host, const Clock* clock,
                         absl::Duration interval)
    : store_(store), host_(host), clock_(clock), thread_(interval, [this] { Round(); }) {}

Housekeeper::~Housekeeper() { Stop(); }

void Housekeeper::RemoveErased(int64_t incarnation, Done done) {
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

void Housekeeper::Stop() {
  thread_.Stop();
  std::map<int64_t, std::vector<Done>> left;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    left.swap(erasing_);
  }
  for (auto& [incarnation, waiting] : left) {
    for (Done& done : waiting) done(ShuttingDown());
  }
}

void Housekeeper::Round() {
  std::map<int64_t, std::vector<Done>> erasing;
  {
    MutexLock lock(mutex_);
    erasing.swap(erasing_);
  }
  bool finished = true;
  for (const std::shared_ptr<Collection>& collection : host_->Collections()) {
    finished = !stopping();
    if (!finished) break;
    // What fails is tried again at the next round.
    Expire(*collection).IgnoreError();
    const int64_t incarnation = collection->snapshot()->settings->incarnation;
    const auto position = erasing.find(incarnation);
    if (position == erasing.end()) continue;
    const absl::Status status = RemoveErasedOf(*collection);
    for (Done& done : position->second) done(status);
    erasing.erase(position);
    if (status.ok()) continue;
    MutexLock lock(mutex_);
    erasing_.try_emplace(incarnation);  // Again, for nobody in particular.
  }
  // What is left belongs to collections that are deleted, with all their events.
  for (auto& [incarnation, waiting] : erasing) {
    for (Done& done : waiting) done(finished ? absl::OkStatus() : ShuttingDown());
  }
  TrimMemory();
}

// Blocks of columns and histories that grew leave holes that the allocator keeps: a
// tenth of the memory after an import.
void Housekeeper::TrimMemory() {
  const int64_t resident = ResidentBytes();
  const Micros now = clock_->NowMicros();
  if (now < next_trim_ || resident < trimmed_bytes_ + trimmed_bytes_ / 8 + kMinGrowthBytes) return;
  ReleaseFreeMemory();
  trimmed_bytes_ = ResidentBytes();
  next_trim_ = now + absl::ToInt64Microseconds(kTrimInterval);
}

absl::Status Housekeeper::ForEachPage(
    int64_t incarnation, Micros end, EventPosition* start,
    const std::function<absl::Status(std::vector<EventRecord>& events)>& visit) {
  std::vector<EventRecord> events;
  for (std::optional<EventPosition> next = *start; next.has_value() && next->time < end;) {
    if (stopping()) return ShuttingDown();
    events.clear();
    NEGATRON_ASSIGN_OR_RETURN(
        next, store_->ScanEventPage(incarnation, *next, kPageEvents, [&](const EventRecord& event) {
          if (event.time < end) events.push_back(event);
          return absl::OkStatus();
        }));
    NEGATRON_RETURN_IF_ERROR(visit(events));
    *start = next.value_or(EventPosition{end});
  }
  return absl::OkStatus();
}

absl::Status Housekeeper::RemoveErasedOf(const Collection& collection) {
  const std::shared_ptr<const Snapshot> snapshot = collection.snapshot();
  const CollectionRecord& settings = *snapshot->settings;
  const std::vector<bool> erased = ErasedUsers(snapshot->pool->users());
  EventPosition start;
  return ForEachPage(
      settings.incarnation, kNever, &start, [&](std::vector<EventRecord>& events) -> absl::Status {
        std::erase_if(events, [&](const EventRecord& event) {
          return event.user >= erased.size() || !erased[event.user];
        });
        if (events.empty()) return absl::OkStatus();
        return host_->Commit(settings, [&](CollectionWriter& writer, const CommitSlot& slot) {
          writer.StageRemoval(events, slot);
          return true;
        });
      });
}

absl::Status Housekeeper::Expire(const Collection& collection) {
  const std::shared_ptr<const CollectionRecord> settings = collection.snapshot()->settings;
  Micros watermark = WatermarkAt(*settings, clock_->NowMicros());
  if (watermark > settings->watermark) {
    NEGATRON_RETURN_IF_ERROR(
        host_->Commit(*settings, [&](CollectionWriter& writer, const CommitSlot& slot) {
          // The settings may have changed meanwhile.
          watermark = WatermarkAt(writer.settings(), slot.now);
          if (watermark <= writer.settings().watermark) return false;
          writer.StageWatermark(watermark, slot);
          return true;
        }));
  }
  if (watermark == kAlways) return absl::OkStatus();
  return ForEachPage(
      settings->incarnation, watermark, &expired_[settings->incarnation],
      [&](std::vector<EventRecord>& events) -> absl::Status {
        std::erase_if(events,
                      [](const EventRecord& event) { return event.kind != EventKind::kPositive; });
        if (events.empty()) return absl::OkStatus();
        return host_->Commit(*settings, [&](CollectionWriter& writer, const CommitSlot& slot) {
          writer.ForgetEvents(events, slot);
          return false;
        });
      });
}

}  // namespace negatron
