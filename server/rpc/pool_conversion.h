// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_POOL_CONVERSION_H_
#define NEGATRON_SERVER_RPC_POOL_CONVERSION_H_

#include "negatron/v1/pool.pb.h"
#include "negatron/v1/types.pb.h"
#include "server/engine/event_listing.h"
#include "server/engine/requests.h"
#include "storage/base/status.h"

// Items and events, wire to domain and back. What is wrong goes to `violations`.
namespace negatron {

WriteItemsRequest ReadWriteItems(const v1::BatchWriteItemsRequest& request, Violations* violations);
WriteEventsRequest ReadWriteEvents(const v1::BatchWriteEventsRequest& request,
                                   Violations* violations);
RetractEventsRequest ReadRetractEvents(const v1::RetractEventsRequest& request,
                                       Violations* violations);
EraseUsersRequest ReadEraseUsers(const v1::EraseUsersRequest& request, Violations* violations);

void WriteReceipt(const WriteResult& result, v1::WriteReceipt* receipt);
void WriteToken(const SnapshotToken& token, v1::SnapshotToken* wire);
void WriteItemTable(const ItemTable& items, v1::ColumnEncoding encoding, v1::ItemTable* wire);
void WriteListedEvents(const ListEventsResult& events, v1::ColumnEncoding encoding,
                       v1::ListEventsResponse* response);
void WriteUsers(const ListUsersResult& users, v1::ColumnEncoding encoding,
                v1::ListUsersResponse* response);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_POOL_CONVERSION_H_
