// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_OWNER_IDS_H_
#define NEGATRON_SERVER_RPC_OWNER_IDS_H_

#include "server/engine/requests.h"
#include "server/rpc/column_readers.h"
#include "storage/base/status.h"
#include "storage/model/records.h"

namespace negatron {

// Whose vectors a request speaks of.
struct OwnerIds {
  VectorOwner owner = VectorOwner::kItem;
  IdBatch ids;
};

// Reads the one of the columns `item_ids` and `user_ids` that is given; adds a violation
// if it is not one.
template <typename Wire>
OwnerIds ReadOwnerIds(const Wire& wire, Violations* violations) {
  if (!wire.has_user_ids()) {
    return {VectorOwner::kItem, ReadBatchIds(wire.item_ids(), "item_ids", violations)};
  }
  if (wire.has_item_ids()) violations->Add("user_ids", "item_ids are given as well");
  return {VectorOwner::kUser, ReadBatchIds(wire.user_ids(), "user_ids", violations)};
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_OWNER_IDS_H_
