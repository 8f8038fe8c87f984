// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_EMBEDDING_VERSIONS_H_
#define NEGATRON_SERVER_RPC_EMBEDDING_VERSIONS_H_

#include "negatron/v1/embeddings.pb.h"
#include "server/rpc/call.h"
#include "server/rpc/import_call.h"

// The methods of `negatron.v1.EmbeddingService` that are about versions. Each ends its call.
namespace negatron {

void BeginVersion(Call<v1::BeginEmbeddingVersionRequest, v1::EmbeddingVersion>* call);
void UploadChunk(Call<v1::UploadEmbeddingsRequest, v1::ImportResponse>* call);
void CommitVersion(Call<v1::CommitEmbeddingVersionRequest, v1::EmbeddingVersion>* call);
void AbortVersion(Call<v1::AbortEmbeddingVersionRequest, v1::EmbeddingVersion>* call);
void GetVersion(Call<v1::GetEmbeddingVersionRequest, v1::EmbeddingVersion>* call);
void ListVersions(Call<v1::ListEmbeddingVersionsRequest, v1::ListEmbeddingVersionsResponse>* call);

// `ImportEmbeddings`. Lives for ever.
const ImportMethod& ImportEmbeddingsMethod();

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_EMBEDDING_VERSIONS_H_
