// SPDX-License-Identifier: Apache-2.0
#include "server/engine/controller_table.h"

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

std::string_view StdView(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::StatusOr<ControllerPointer> ControllerTable::Find(absl::string_view id) const {
  const auto found = controllers_.find(StdView(id));
  if (found != controllers_.end()) return found->second;
  return WithReason(absl::NotFoundError(absl::StrCat("there is no controller `", id, "`")),
                    "CONTROLLER_NOT_FOUND");
}

std::vector<ControllerPointer> ControllerTable::List(absl::string_view after, int limit) const {
  std::vector<ControllerPointer> page;
  for (auto next = controllers_.upper_bound(StdView(after));
       next != controllers_.end() && page.size() < static_cast<size_t>(limit); ++next) {
    page.push_back(next->second);
  }
  return page;
}

absl::Status ControllerTable::CheckRoom() const {
  if (controllers_.size() < kMaxControllers) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(absl::StrCat("a collection keeps at most ",
                                                              kMaxControllers, " controllers")),
                    "COLLECTION_FULL");
}

void ControllerTable::Set(ControllerRecord record) {
  std::string id = record.controller_id;
  controllers_.insert_or_assign(std::move(id),
                                std::make_shared<const ControllerRecord>(std::move(record)));
}

void ControllerTable::Remove(absl::string_view id) {
  const auto found = controllers_.find(StdView(id));
  if (found != controllers_.end()) controllers_.erase(found);
}

}  // namespace negatron
