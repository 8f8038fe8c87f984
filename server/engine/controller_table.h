// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_CONTROLLER_TABLE_H_
#define NEGATRON_SERVER_ENGINE_CONTROLLER_TABLE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "storage/model/controllers.h"

namespace negatron {

// A controller as it was at one commit.
using ControllerPointer = std::shared_ptr<const ControllerRecord>;

// The controllers of a collection. Copies share them.
//
// Thread-safety: thread-compatible; immutable once it is in a snapshot.
class ControllerTable {
 public:
  // NOT_FOUND [CONTROLLER_NOT_FOUND].
  absl::StatusOr<ControllerPointer> Find(absl::string_view id) const;

  // Controllers with an id greater than `after`, at most `limit`, by id.
  std::vector<ControllerPointer> List(absl::string_view after, int limit) const;

  // OK if there is room for one more. RESOURCE_EXHAUSTED [COLLECTION_FULL].
  absl::Status CheckRoom() const;

  // Adds a controller, or replaces that of its id.
  void Set(ControllerRecord record);
  void Remove(absl::string_view id);

 private:
  std::map<std::string, ControllerPointer, std::less<>> controllers_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_CONTROLLER_TABLE_H_
