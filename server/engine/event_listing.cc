// SPDX-License-Identifier: Apache-2.0
#include "server/engine/event_listing.h"

#include <algorithm>

#include "server/engine/engine_impl.h"
#include "server/engine/resolve.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Records that are read at a time: a caller who leaves is noticed in between, and other readers of
// the store, or its recovery, get their turn.
constexpr int64_t kPortionEvents = 4096;

// Whether the event is part of what is listed. What retention has let go is left out at once: when
// its record goes is the housekeeper's affair.
bool IsListed(const PoolView& pool, const EventRecord& event) {
  if (!pool.users().IsLinked(event.user)) return false;  // Erased.
  return event.kind != EventKind::kPositive || event.time >= pool.watermark() ||
         pool.IsFirstPositive(event);
}

void Append(const PoolView& pool, const EventRecord& event, bool with_names,
            ListEventsResult* result) {
  AppendId(pool.users(), event.user, &result->users, with_names ? &result->user_names : nullptr);
  AppendId(pool.items(), event.item, &result->items, with_names ? &result->item_names : nullptr);
  result->times.push_back(event.time);
  result->weights.push_back(event.weight);
  result->kinds.push_back(static_cast<uint8_t>(event.kind));
  result->propensities.push_back(event.propensity);
  result->cohorts.push_back(event.cohort);
}

}  // namespace

absl::StatusOr<ListEventsResult> Engine::ListEvents(absl::string_view collection,
                                                    const ListEventsRequest& request,
                                                    const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  const PoolView& pool = *snapshot->pool;
  ListEventsResult result;
  result.user_id_type = snapshot->settings->user_id_type;
  result.item_id_type = snapshot->settings->item_id_type;
  result.snapshot = snapshot->token();
  const int64_t sequence = result.snapshot.commit_sequence;
  EventPage page = request.page.value_or(EventPage{0, sequence, {}});
  // The caller may take no notice of whose page it was; what it names must exist in the snapshot.
  page.incarnation = result.snapshot.incarnation;
  page.last_sequence = std::min(page.last_sequence, sequence);
  std::optional<EventPosition> next = std::max(page.first, EventPosition{request.times.from, 0, 0});
  for (int64_t left = request.limit;
       left > 0 && next.has_value() && next->time < request.times.until;) {
    NEGATRON_RETURN_IF_ERROR(cancellation.Check());
    const int64_t portion = std::min(left, kPortionEvents);
    left -= portion;
    NEGATRON_ASSIGN_OR_RETURN(
        next, impl_->store().ScanEventPage(
                  page.incarnation, *next, portion, [&](const EventRecord& event) {
                    if (event.time < request.times.until &&
                        event.commit_sequence <= page.last_sequence && IsListed(pool, event)) {
                      Append(pool, event, request.with_names, &result);
                    }
                    return absl::OkStatus();
                  }));
  }
  if (next.has_value() && next->time < request.times.until) {
    page.first = *next;
    result.next = page;
  }
  return result;
}

}  // namespace negatron
