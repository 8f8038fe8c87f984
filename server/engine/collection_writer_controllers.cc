// SPDX-License-Identifier: Apache-2.0
// Controllers: what CollectionWriter makes of them.
#include <utility>

#include "server/engine/collection_writer.h"
#include "storage/base/status.h"

namespace negatron {

ControllerTable* CollectionWriter::EditControllers() {
  if (controllers_ == nullptr) controllers_ = std::make_shared<ControllerTable>(controllers());
  return controllers_.get();
}

void CollectionWriter::PutController(ControllerRecord record, const CommitSlot& slot) {
  record.commit_sequence = slot.sequence;
  slot.batch->PutController(settings().incarnation, record);
  EditControllers()->Set(std::move(record));
  last_sequence_ = slot.sequence;
}

absl::StatusOr<WriteResult> CollectionWriter::StageController(const PutControllerRequest& request,
                                                              const CommitSlot& slot) {
  const WriteResult result{slot.sequence, 1, 0, request.options.level};
  const absl::StatusOr<ControllerPointer> known = controllers().Find(request.controller_id);
  if (!known.ok()) NEGATRON_RETURN_IF_ERROR(controllers().CheckRoom());
  ControllerRecord record;
  record.controller_id = request.controller_id;
  record.settings = request.settings;
  record.update_time = slot.now;
  if (known.ok() && !request.restart) {
    if ((*known)->settings == request.settings) return result;
    record.create_time = (*known)->create_time;
    record.state = (*known)->state;
    Adopt(record.settings, &record.state);
  } else {
    record.create_time = slot.now;
    record.state = StartOf(record.settings);
  }
  PutController(std::move(record), slot);
  return result;
}

absl::StatusOr<WriteResult> CollectionWriter::StageControllerDeletion(
    const DeleteControllerRequest& request, const CommitSlot& slot) {
  const WriteResult result{slot.sequence, 0, 0, request.options.level};
  const absl::StatusOr<ControllerPointer> known = controllers().Find(request.controller_id);
  if (!known.ok()) {
    if (!request.allow_missing) return known.status();
    return result;
  }
  slot.batch->DeleteController(settings().incarnation, request.controller_id);
  EditControllers()->Remove(request.controller_id);
  Touch(slot);
  return result;
}

absl::StatusOr<WriteResult> CollectionWriter::StageReport(const ReportOutcomesRequest& request,
                                                          const CommitSlot& slot) {
  NEGATRON_ASSIGN_OR_RETURN(const ControllerPointer known,
                            controllers().Find(request.controller_id));
  ControllerRecord record = *known;
  const bool stale = TakeReport(record.settings, request.report, slot.now, &record.state);
  PutController(std::move(record), slot);
  return WriteResult{slot.sequence, stale ? 0 : 1, 0, request.options.level};
}

}  // namespace negatron
