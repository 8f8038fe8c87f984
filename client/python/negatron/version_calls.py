# SPDX-License-Identifier: Apache-2.0
"""Calls that upload a whole table of embeddings and put it in the place of the one in use."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import uuid
from typing import Any, Optional

import numpy as np

from negatron import chunking, columns, errors
from negatron.base import BaseClient, collection_name
from negatron.columns import Ids
from negatron.v1 import embeddings_pb2


class VersionState(enum.IntEnum):
    """What has become of a version of embeddings."""

    STAGING = embeddings_pb2.EMBEDDING_VERSION_STATE_STAGING
    COMMITTED = embeddings_pb2.EMBEDDING_VERSION_STATE_COMMITTED
    ABORTED = embeddings_pb2.EMBEDDING_VERSION_STATE_ABORTED
    EXPIRED = embeddings_pb2.EMBEDDING_VERSION_STATE_EXPIRED


@dataclasses.dataclass(frozen=True)
class EmbeddingVersion:
    """A table of embeddings that is, or was, uploaded to take the place of the one in use."""

    model_version: int
    state: VersionState
    create_time: dt.datetime
    expire_time: dt.datetime  # Unless it is committed or aborted before.
    end_time: Optional[dt.datetime]  # None while it is staging.
    row_count: int  # Items with an embedding when it was committed, else 0.
    user_row_count: int  # The same of users.
    next_chunks: dict[int, int]  # Of shards, while it is staging.
    written_counts: dict[int, int]  # Rows by shard, while it is staging.

    @classmethod
    def from_proto(cls, proto: embeddings_pb2.EmbeddingVersion) -> "EmbeddingVersion":
        ended = proto.HasField("end_time")
        return cls(
            model_version=proto.model_version,
            state=VersionState(proto.state),
            create_time=columns.timestamp_to_datetime(proto.create_time),
            expire_time=columns.timestamp_to_datetime(proto.expire_time),
            end_time=columns.timestamp_to_datetime(proto.end_time) if ended else None,
            row_count=proto.row_count,
            user_row_count=proto.user_row_count,
            next_chunks={s.shard: s.next_chunk_number for s in proto.shards},
            written_counts={s.shard: s.written_count for s in proto.shards},
        )


def _name(collection: str, model_version: int) -> str:
    return f"{collection_name(collection)}/embeddingVersions/{model_version}"


class VersionCalls(BaseClient):
    """Versions of embeddings.

        client.begin_embedding_version("films", step)  # Every rank may.
        client.upload_embeddings("films", step, ids, vectors, shard=rank)
        client.commit_embedding_version("films", step, row_count=total)  # One of them.
    """

    def begin_embedding_version(
        self,
        collection: str,
        model_version: int,
        *,
        ttl: Optional[dt.timedelta] = None,
        timeout: Optional[float] = None,
    ) -> EmbeddingVersion:
        """Begins a version, or returns it as it is if it is staging.

        Args:
          model_version: of the model that makes the vectors; above any that the collection has.
          ttl: after which it expires if it is not committed, from a minute to 30 days; default: a
            day.

        Raises:
          FailedPrecondition: reason "STALE_MODEL_VERSION": there are embeddings of this model
            version or a later one.
          ResourceExhausted: 4 versions are staging.
        """
        request = embeddings_pb2.BeginEmbeddingVersionRequest(
            collection=collection_name(collection), model_version=model_version
        )
        if ttl is not None:
            request.ttl.FromTimedelta(ttl)
        return self._version(lambda s: s.embeddings.BeginEmbeddingVersion, request, timeout)

    def upload_embeddings(
        self,
        collection: str,
        model_version: int,
        items: Ids,
        vectors: np.ndarray,
        *,
        shard: int = 0,
        timeout: Optional[float] = None,
    ) -> int:
        """Uploads all rows of a shard to a version. Nobody sees them until it is committed.

        Chunks that are there already are skipped: a run that was cut off is repeated with the same
        arguments, and goes on where it was.

        Args:
          items: shape [n]; items of the collection, each at most once.
          vectors: shape [n, dimension], sent as float32.
          shard: in [0, 4095]; each has rows of its own. The rank, say.
          timeout: for the whole.

        Returns: the rows of the shard that the version has.

        Raises:
          InvalidArgument: names bad rows.
          NotFound: the version did not begin.
          FailedPrecondition: reason "EMBEDDING_VERSION_ENDED" or "STALE_MODEL_VERSION": it takes
            no more.
        """
        return self._upload(collection, model_version, "item_ids", items, vectors, shard, timeout)

    def upload_user_embeddings(
        self,
        collection: str,
        model_version: int,
        users: Ids,
        vectors: np.ndarray,
        *,
        shard: int,
        timeout: Optional[float] = None,
    ) -> int:
        """As `upload_embeddings`, of users, who are created where they do not exist.

        Args:
          shard: not one that items are uploaded to by `upload_embeddings`.
        """
        return self._upload(collection, model_version, "user_ids", users, vectors, shard, timeout)

    def _upload(
        self,
        collection: str,
        model_version: int,
        column: str,
        ids: Ids,
        vectors: np.ndarray,
        shard: int,
        timeout: Optional[float],
    ) -> int:
        matrix = np.asarray(vectors)
        if matrix.ndim != 2 or len(matrix) != len(ids) or len(ids) == 0:
            raise ValueError(f"vectors: shape [{len(ids)}, dimension], not {matrix.shape}")
        deadline = self._transport.deadline(timeout)
        version = self.get_embedding_version(collection, model_version, timeout=timeout)
        done = version.next_chunks.get(shard, 1)
        written = version.written_counts.get(shard, 0)
        sizes = chunking.row_bytes(ids, len(ids)) + 4 * matrix.shape[1]
        for number, rows in enumerate(chunking.chunks(sizes), 1):
            if number < done:
                continue
            request = embeddings_pb2.UploadEmbeddingsRequest(
                name=_name(collection, model_version),
                shard=shard,
                chunk_number=number,
                **{column: columns.ids_to_column(ids[rows], column)},
                vectors=columns.matrix_to_proto(matrix[rows], "vectors"),
            )
            try:
                position = self._transport.call(
                    lambda s: s.embeddings.UploadEmbeddings, request, deadline
                )
            except errors.NegatronError as error:
                offsets = {"vectors.values": rows.start * matrix.shape[1]}
                raise error.in_chunk(rows.start, offsets)
            written = position.written_count
        return written

    def commit_embedding_version(
        self,
        collection: str,
        model_version: int,
        *,
        row_count: Optional[int] = None,
        user_row_count: Optional[int] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> EmbeddingVersion:
        """Makes a version the table of embeddings, at one instant and whole.

        Items and users that were not uploaded have no embedding from then on.

        Args:
          row_count, user_row_count: items and users that it must have an embedding for, so that a
            version with a shard missing is not committed.

        Raises:
          FailedPrecondition: the version stays as it was; reason "EMBEDDING_VERSION_INCOMPLETE",
            "STALE_MODEL_VERSION" or "EMBEDDING_VERSION_ENDED".
        """
        request = embeddings_pb2.CommitEmbeddingVersionRequest(
            name=_name(collection, model_version),
            row_count=row_count,
            user_row_count=user_row_count,
            request_id=uuid.uuid4().hex if request_id is None else request_id,
        )
        return self._version(lambda s: s.embeddings.CommitEmbeddingVersion, request, timeout)

    def abort_embedding_version(
        self, collection: str, model_version: int, *, timeout: Optional[float] = None
    ) -> EmbeddingVersion:
        """Ends a version that is staging, with all that was uploaded."""
        request = embeddings_pb2.AbortEmbeddingVersionRequest(
            name=_name(collection, model_version)
        )
        return self._version(lambda s: s.embeddings.AbortEmbeddingVersion, request, timeout)

    def get_embedding_version(
        self, collection: str, model_version: int, *, timeout: Optional[float] = None
    ) -> EmbeddingVersion:
        """Returns a version, while it is staging with what its shards have uploaded."""
        request = embeddings_pb2.GetEmbeddingVersionRequest(name=_name(collection, model_version))
        return self._version(lambda s: s.embeddings.GetEmbeddingVersion, request, timeout)

    def list_embedding_versions(
        self, collection: str, *, timeout: Optional[float] = None
    ) -> list[EmbeddingVersion]:
        """Returns those staging, the one in use and some of the others, by model version."""
        request = embeddings_pb2.ListEmbeddingVersionsRequest(
            collection=collection_name(collection)
        )
        proto = self._call(lambda s: s.embeddings.ListEmbeddingVersions, request, timeout)
        return [EmbeddingVersion.from_proto(version) for version in proto.versions]

    def _version(self, method: Any, request: Any, timeout: Optional[float]) -> EmbeddingVersion:
        return EmbeddingVersion.from_proto(self._call(method, request, timeout))
