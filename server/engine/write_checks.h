// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_WRITE_CHECKS_H_
#define NEGATRON_SERVER_ENGINE_WRITE_CHECKS_H_

#include "absl/status/status.h"

#include "server/engine/requests.h"
#include "storage/base/status.h"

// What can be said of a write without the state of the pool: done on the
// caller's thread, before the write is queued.
namespace negatron {

// INVALID_ARGUMENT names every bad field and row.
absl::Status CheckWrite(const WriteItemsRequest& request, const CollectionRecord& settings);
absl::Status CheckWrite(const WriteEventsRequest& request, const CollectionRecord& settings);
absl::Status CheckWrite(const RetractEventsRequest& request, const CollectionRecord& settings);
absl::Status CheckWrite(const EraseUsersRequest& request, const CollectionRecord& settings);
// Also turns the vectors into what is stored (PrepareToStore), and fills `refusals` if the write
// may be partial. FAILED_PRECONDITION if the collection has no embeddings.
absl::Status CheckWrite(WriteEmbeddingsRequest* request, const CollectionRecord& settings);

// Also writes the recipe.
absl::Status CheckWrite(PutPolicyRequest* request, const CollectionRecord& settings);
absl::Status CheckWrite(const DeletePolicyRequest& request);

// What is wrong with the model version of a staged version.
void CheckVersion(int64_t model_version, Violations* violations);

// Fingerprints of a write's contents, its options left out.
uint64_t FingerprintOf(const WriteItemsRequest& request);
uint64_t FingerprintOf(const WriteEventsRequest& request);
uint64_t FingerprintOf(const RetractEventsRequest& request);
uint64_t FingerprintOf(const EraseUsersRequest& request);
uint64_t FingerprintOf(const WriteEmbeddingsRequest& request);
uint64_t FingerprintOf(const CommitVersionRequest& request);
uint64_t FingerprintOf(const PutPolicyRequest& request);
uint64_t FingerprintOf(const DeletePolicyRequest& request);

// Memory that a queued write holds, about.
int64_t BytesOf(const WriteItemsRequest& request);
int64_t BytesOf(const WriteEventsRequest& request);
int64_t BytesOf(const RetractEventsRequest& request);
int64_t BytesOf(const EraseUsersRequest& request);
int64_t BytesOf(const WriteEmbeddingsRequest& request);
int64_t BytesOf(const PutPolicyRequest& request);
int64_t BytesOf(const DeletePolicyRequest& request);

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_WRITE_CHECKS_H_
