// SPDX-License-Identifier: Apache-2.0
#include "client/cli/user_history.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "client/cli/filled_column.h"
#include "client/cli/id_list.h"
#include "client/cli/values.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

constexpr int kEventsPerPage = 30'000;  // As export: below the client's limit of 16 MiB.
constexpr int64_t kFirstSpanMicros = 86'400'000'000;  // A day.

using Found = std::vector<std::pair<int64_t, std::string>>;  // Time and item, in order of time.

absl::Status ReadPage(const v1::ListEventsResponse& page, const std::string& user,
                      UserHistory* history, Found* found) {
  const std::vector<std::string> users = IdTexts(page.user_ids());
  const std::vector<std::string> items = IdTexts(page.item_ids());
  std::vector<int64_t> times;
  std::vector<uint8_t> kinds;
  absl::Status status =
      Fill<int64_t>(ReadInt64s(page.event_time_micros(), ""), users.size(), std::nullopt, &times);
  status.Update(
      Fill<uint8_t>(ReadBytes(page.kinds(), ""), users.size(), v1::EVENT_KIND_POSITIVE, &kinds));
  if (!status.ok()) return status;
  if (items.size() != users.size()) {
    return absl::InternalError("the server's columns differ in length");
  }
  for (size_t i = 0; i < users.size(); ++i) {
    if (users[i] != user) continue;
    history->seen = true;
    if (kinds[i] == v1::EVENT_KIND_POSITIVE) found->emplace_back(times[i], items[i]);
  }
  history->events_read += static_cast<int64_t>(users.size());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UserHistory> FindUserHistory(Client& client, const v1::Collection& collection,
                                            const HistorySearch& search) {
  UserHistory history;
  std::unordered_set<std::string> known;
  int64_t end = search.end_micros;
  for (int64_t span = kFirstSpanMicros; end > search.first_micros; span *= 2) {
    // Times are within the years 1 to 9999, so that neither the difference nor the span overflows.
    const int64_t begin = end - search.first_micros <= span ? search.first_micros : end - span;
    v1::ListEventsRequest request;
    request.set_collection(collection.name());
    request.set_page_size(kEventsPerPage);
    request.set_encoding(EncodingFor(collection.user_id_type() == v1::ID_TYPE_STRING ||
                                     collection.item_id_type() == v1::ID_TYPE_STRING));
    *request.mutable_start_time() = ToTimestamp(begin);
    *request.mutable_end_time() = ToTimestamp(end);
    Found found;
    do {
      const absl::StatusOr<v1::ListEventsResponse> page = client.ListEvents(request);
      if (!page.ok()) return page.status();
      if (absl::Status status = ReadPage(*page, search.user, &history, &found); !status.ok()) {
        return status;
      }
      search.report(history.events_read);
      request.set_page_token(page->next_page_token());
      history.complete = request.page_token().empty() || history.events_read < search.max_events;
    } while (!request.page_token().empty() && history.complete);
    std::reverse(found.begin(), found.end());
    for (auto& [time, item] : found) {
      if (history.items.size() < search.max_items && known.insert(item).second) {
        history.items.push_back(std::move(item));
        history.times.push_back(time);
      }
    }
    if (history.items.size() >= search.max_items || !history.complete) return history;
    end = begin;
    if (end > search.first_micros && history.events_read >= search.max_events) {
      history.complete = false;
      return history;
    }
  }
  return history;
}

}  // namespace negatron::client
