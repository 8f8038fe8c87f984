// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_COLLECTION_CONVERSION_H_
#define NEGATRON_SERVER_RPC_COLLECTION_CONVERSION_H_

#include "negatron/v1/collections.pb.h"
#include "server/engine/requests.h"
#include "storage/base/status.h"
#include "storage/model/records.h"

// Settings of collections, wire to domain and back. What is wrong goes to `violations`.
namespace negatron {

CollectionRecord ReadCreateCollection(const v1::CreateCollectionRequest& request,
                                      Violations* violations);

// What the update changes: the fields of the mask or, without one, those that are set.
CollectionUpdate ReadUpdateCollection(const v1::UpdateCollectionRequest& request,
                                      Violations* violations);

void WriteCollection(const CollectionRecord& record, v1::Collection* collection);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_COLLECTION_CONVERSION_H_
