// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_EVENT_LISTING_H_
#define NEGATRON_SERVER_ENGINE_EVENT_LISTING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/engine/requests.h"
#include "storage/model/records.h"

// Events of a collection, page by page.
namespace negatron {

// Where a page starts that is not the first.
struct EventPage {
  int64_t incarnation = 0;    // Of the collection that the first page came from; not checked.
  int64_t last_sequence = 0;  // Of the state that all pages tell of.
  EventPosition first;

  friend bool operator==(const EventPage&, const EventPage&) = default;
};

struct ListEventsRequest {
  std::optional<EventPage> page;  // Unset: the first.
  Interval times;                 // Events at other times are left out.
  int limit = 1;                  // At least 1: records that are read for the page.
  bool with_names = true;         // Of string ids, beside their numbers.
};

// Events as columns.
struct ListEventsResult {
  IdType user_id_type = IdType::kInt64;
  IdType item_id_type = IdType::kInt64;
  std::vector<int64_t> users;  // int64 ids, or dictionary numbers.
  std::vector<int64_t> items;
  std::vector<std::string> user_names;  // Of string ids, if asked for; else empty.
  std::vector<std::string> item_names;
  std::vector<Micros> times;
  std::vector<float> weights;
  std::vector<uint8_t> kinds;  // Of EventKind.
  std::vector<float> propensities;
  std::vector<uint8_t> cohorts;
  std::optional<EventPage> next;
  SnapshotToken snapshot;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_EVENT_LISTING_H_
