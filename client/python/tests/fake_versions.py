# SPDX-License-Identifier: Apache-2.0
"""Versions of embeddings of the fake server."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import grpc
import numpy as np
from fake_state import CallError, FakeCollection, invalid

from negatron import columns
from negatron.v1 import embeddings_pb2, pool_pb2

_STAGING = embeddings_pb2.EMBEDDING_VERSION_STATE_STAGING


@dataclasses.dataclass
class Version:
    proto: embeddings_pb2.EmbeddingVersion
    vectors: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    user_vectors: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    shards: dict[int, pool_pb2.ImportResponse] = dataclasses.field(default_factory=dict)


def _refused(reason: str) -> CallError:
    return CallError(grpc.StatusCode.FAILED_PRECONDITION, reason.lower(), reason=reason)


def find(server: Any, request: Any) -> tuple[FakeCollection, Version]:
    collection, _, number = request.name.partition("/embeddingVersions/")
    if not number.isdigit():
        raise invalid("name", "collections/{id}/embeddingVersions/{model_version} is expected")
    c = server.find(collection, "name")
    if int(number) not in c.versions:
        raise CallError(grpc.StatusCode.NOT_FOUND, "no such version")
    return c, c.versions[int(number)]


def begin(server: Any, request: Any) -> Any:
    c = server.find(request.collection, "collection")
    if request.model_version < 1:
        raise invalid("model_version", "at least 1")
    known = c.versions.get(request.model_version)
    if known is not None and known.proto.state == _STAGING:
        return get(known)
    if request.model_version <= c.highest_model_version():
        raise _refused("STALE_MODEL_VERSION")
    proto = embeddings_pb2.EmbeddingVersion(
        name=f"{request.collection}/embeddingVersions/{request.model_version}",
        model_version=request.model_version,
        state=_STAGING,
    )
    proto.create_time.GetCurrentTime()
    ttl = request.ttl.ToMicroseconds() if request.HasField("ttl") else 86_400_000_000
    proto.expire_time.FromNanoseconds(proto.create_time.ToNanoseconds() + 1000 * ttl)
    c.versions[request.model_version] = Version(proto)
    return proto


def get(version: Version) -> Any:
    proto = embeddings_pb2.EmbeddingVersion()
    proto.CopyFrom(version.proto)
    for number, position in version.shards.items():
        proto.shards.add(
            shard=number,
            next_chunk_number=position.durable_chunk_number + 1,
            written_count=position.written_count,
        )
    return proto


def upload(server: Any, request: Any) -> Any:
    c, version = find(server, request)
    if version.proto.state != _STAGING:
        raise _refused("EMBEDDING_VERSION_ENDED")
    position = version.shards.get(request.shard, pool_pb2.ImportResponse())
    if request.chunk_number <= position.durable_chunk_number:
        return position
    if request.chunk_number > position.durable_chunk_number + 1:
        raise invalid("chunk_number", f"go on with {position.durable_chunk_number + 1}")
    ids, field, rows = c.owners(request)
    if ids is c.users:
        rows = c.users.add(request.user_ids, field)
    elif -1 in rows:
        raise invalid(f"{field}[{rows.index(-1)}]", "no such item")
    shape = (request.vectors.row_count, request.vectors.column_count)
    vectors = version.vectors if ids is c.items else version.user_vectors
    vectors.update(
        zip(rows, columns.floats_from_column(request.vectors.values).reshape(shape))
    )
    position.durable_chunk_number += 1
    position.written_count += len(rows)
    version.shards[request.shard] = position
    return position


def _end(version: Version, state: int) -> Any:
    version.proto.state = state
    version.proto.end_time.GetCurrentTime()
    version.shards.clear()
    return version.proto


def commit(server: Any, request: Any) -> Any:
    c, version = find(server, request)
    if request.request_id and request.request_id == c.commits.get(version.proto.model_version):
        return version.proto
    if version.proto.state != _STAGING:
        raise _refused("EMBEDDING_VERSION_ENDED")
    if version.proto.model_version <= c.highest_model_version():
        raise _refused("STALE_MODEL_VERSION")
    rows = len(version.vectors)
    users = len(version.user_vectors)
    if rows == 0 or (request.HasField("row_count") and request.row_count != rows):
        raise _refused("EMBEDDING_VERSION_INCOMPLETE")
    if request.HasField("user_row_count") and request.user_row_count != users:
        raise _refused("EMBEDDING_VERSION_INCOMPLETE")
    c.vectors, c.user_vectors = version.vectors, version.user_vectors
    stamp = (version.proto.model_version, int(time.time()) * 1_000_000)
    c.stamps = dict.fromkeys(c.vectors, stamp)
    c.user_stamps = dict.fromkeys(c.user_vectors, stamp)
    c.commits[version.proto.model_version] = request.request_id
    version.proto.row_count, version.proto.user_row_count = rows, users
    return _end(version, embeddings_pb2.EMBEDDING_VERSION_STATE_COMMITTED)


def abort(server: Any, request: Any) -> Any:
    _, version = find(server, request)
    if version.proto.state == embeddings_pb2.EMBEDDING_VERSION_STATE_COMMITTED:
        raise _refused("EMBEDDING_VERSION_ENDED")
    version.vectors, version.user_vectors = {}, {}
    return _end(version, embeddings_pb2.EMBEDDING_VERSION_STATE_ABORTED)


def list_all(server: Any, request: Any) -> Any:
    c = server.find(request.collection, "collection")
    return embeddings_pb2.ListEmbeddingVersionsResponse(
        versions=[c.versions[number].proto for number in sorted(c.versions)]
    )


METHODS = {
    "BeginEmbeddingVersion": begin,
    "UploadEmbeddings": upload,
    "CommitEmbeddingVersion": commit,
    "AbortEmbeddingVersion": abort,
    "GetEmbeddingVersion": lambda server, request: get(find(server, request)[1]),
    "ListEmbeddingVersions": list_all,
}
