# SPDX-License-Identifier: Apache-2.0
"""Calls that write and read items, events and embeddings."""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Optional,
    Sequence,
    TypeVar,
    Union,
)

import numpy as np

from negatron import chunking, columns, models
from negatron.base import BaseClient, collection_name
from negatron.chunks import EventChunk, ItemChunk, check_lengths, kinds_array
from negatron.columns import Ids, Instant, Times
from negatron.imports import Import
from negatron.transport import Stubs
from negatron.v1 import embeddings_pb2, pool_pb2

_Chunk = TypeVar("_Chunk")
# All chunks of an import from the first on, or what makes those from a number on.
Chunks = Union[
    Iterable[Union[_Chunk, Mapping[str, Any]]],
    Callable[[int], Iterable[Union[_Chunk, Mapping[str, Any]]]],
]


class PoolCalls(BaseClient):
    """Items, events, embeddings."""

    # Items and events.

    def write_items(
        self,
        collection: str,
        items: Ids,
        *,
        alive_from: Optional[Times] = None,
        alive_until: Optional[Times] = None,
        interval_splits: Optional[np.ndarray] = None,
        base_weights: Optional[np.ndarray] = None,
        categories: Optional[Sequence[Sequence[str]]] = None,
        attributes: Optional[Sequence[bytes]] = None,
        update_mask: Optional[Sequence[str]] = None,
        request_id: Optional[str] = None,
        level: Optional[models.Level] = None,
        timeout: Optional[float] = None,
    ) -> models.WriteResult:
        """Creates items, or replaces what `update_mask` names of items that exist: by default all.

        Args:
          items: ids, shape [n], each at most once.
          alive_from, alive_until, interval_splits, base_weights, categories, attributes,
            update_mask: as in `ItemChunk`.
          request_id: at most 54 characters; repeating a call with its id changes nothing.

        Large writes are sent in chunks, each of which succeeds or fails whole; see
        `NegatronError.acknowledged_rows`.
        """
        chunk = ItemChunk(
            items, alive_from, alive_until, interval_splits, base_weights, categories, attributes,
            update_mask,
        )
        return self._write(
            lambda s: s.pool.BatchWriteItems, collection, chunk.to_proto, chunk.row_bytes(),
            request_id, level, timeout, chunk.offsets,
        )

    def write_events(
        self,
        collection: str,
        users: Ids,
        items: Ids,
        times: Times,
        *,
        weights: Optional[np.ndarray] = None,
        kinds: Union[models.EventKind, np.ndarray, None] = None,
        propensities: Optional[np.ndarray] = None,
        cohorts: Optional[np.ndarray] = None,
        request_id: Optional[str] = None,
        level: Optional[models.Level] = None,
        timeout: Optional[float] = None,
    ) -> models.WriteResult:
        """Records that users chose items, were shown them, or got them as negatives.

        Args:
          users, items, times: shape [n], in any order of time.
          weights, kinds, propensities, cohorts: as in `EventChunk`; by default all events are
            POSITIVE, of weight 1.
          request_id, level, timeout: as in `write_items`.

        Raises:
          InvalidArgument: a bad row, or an unknown item under `MissingItemRule.REJECT`.
        """
        chunk = EventChunk(users, items, times, weights, kinds, propensities, cohorts)
        return self._write(
            lambda s: s.pool.BatchWriteEvents, collection, chunk.to_proto, chunk.row_bytes(),
            request_id, level, timeout,
        )

    def import_items(
        self,
        collection: str,
        chunks: Chunks[ItemChunk],
        *,
        stream_id: str,
        timeout: Optional[float] = None,
    ) -> models.ImportResult:
        """Writes numbered chunks of items, and goes on where an earlier run of the stream ended.

        Args:
          chunks: `ItemChunk`s, or mappings of its fields, each of at most 100,000 rows; or a
            function from a number to the chunks from that number on, counted from 1, which saves
            making those that are durable. A number must name the same data in every run:
            `ItemChunk.split` cuts at the same places.
          stream_id: 1 to 64 visible ASCII characters, the same in every run.
          timeout: longest time without an acknowledged chunk, in seconds, however often the
            connection breaks. There is no deadline for the whole.

        Returns when all is durable. If it raises, the chunks before are durable: start it again to
        resume. Chunks are made while others are being written.

        Raises:
          Aborted: another import has taken the stream over.
          InvalidArgument: a bad row; the text names the chunk.
          ValueError: an empty or too large chunk, or fewer chunks than the stream has already.
        """
        return self._import(
            lambda s: s.pool.ImportItems, pool_pb2.ImportItemsRequest, ItemChunk, collection,
            chunks, stream_id, timeout,
        )

    def import_events(
        self,
        collection: str,
        chunks: Chunks[EventChunk],
        *,
        stream_id: str,
        timeout: Optional[float] = None,
    ) -> models.ImportResult:
        """Writes numbered chunks of events; as `import_items`, with `EventChunk`."""
        return self._import(
            lambda s: s.pool.ImportEvents, pool_pb2.ImportEventsRequest, EventChunk, collection,
            chunks, stream_id, timeout,
        )

    def _import(
        self,
        method: Callable[[Stubs], Any],
        message: Callable[..., Any],
        kind: Any,
        collection: str,
        chunks: Any,
        stream_id: str,
        timeout: Optional[float],
    ) -> models.ImportResult:
        if not (1 <= len(stream_id) <= 64 and all("!" <= c <= "~" for c in stream_id)):
            raise ValueError("stream_id: 1 to 64 visible ASCII characters are expected")
        if isinstance(chunks, (ItemChunk, EventChunk)):
            raise TypeError("chunks: several are expected; see the method split of a chunk")

        def make(element: Any) -> Any:
            if isinstance(element, kind):
                return element
            if not isinstance(element, Mapping):
                raise TypeError(f"chunks: {kind.__name__}s are expected, not {type(element)}")
            return kind(**element)

        seconds = self._transport.deadline(timeout) - self._transport.deadline(0)
        return Import(
            self._transport, method, message, collection_name(collection), stream_id, seconds
        ).run(chunks, make)

    def retract_events(
        self,
        collection: str,
        users: Ids,
        items: Ids,
        times: Times,
        *,
        kinds: Union[models.EventKind, np.ndarray, None] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> models.RemovalResult:
        """Removes events, as if they had never been written; users and items stay.

        Args:
          users, items, times: shape [n]: every event that equals an entry is removed.
          kinds: an `EventKind` for all, or values of it, shape [n]; None: of any kind.

        An entry without an event is no error: `RemovalResult.found` tells, shape [n].
        """
        micros = columns.times_to_micros(times, "times")
        rows = len(micros)
        every = kinds_array(kinds, rows)
        check_lengths(users=users, items=items, times=micros, kinds=every)

        def request(part: slice) -> pool_pb2.RetractEventsRequest:
            message = pool_pb2.RetractEventsRequest(
                user_ids=columns.ids_to_column(users[part], "users"),
                item_ids=columns.ids_to_column(items[part], "items"),
                event_time_micros=columns.int64_to_column(micros[part], "times"),
            )
            if every is not None:
                message.kinds.raw = every[part].tobytes()
            return message

        sizes = chunking.row_bytes(users, rows) + chunking.row_bytes(items, rows) + 9
        return self._remove(
            lambda s: s.pool.RetractEvents, collection, request, sizes, request_id, timeout
        )

    def erase_users(
        self,
        collection: str,
        users: Ids,
        *,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> models.RemovalResult:
        """Erases users: their ids, histories and all their events. Returns when all is gone.

        Args:
          users: shape [n], each at most once; one that does not exist is no error.
          timeout: give it a minute or more in a large collection. What it cuts off goes on by
            itself; a repeat waits for it.
        """

        def request(part: slice) -> pool_pb2.EraseUsersRequest:
            return pool_pb2.EraseUsersRequest(user_ids=columns.ids_to_column(users[part], "users"))

        return self._remove(
            lambda s: s.pool.EraseUsers, collection, request,
            chunking.row_bytes(users, len(users)), request_id, timeout,
        )

    def list_users(
        self, collection: str, *, page_size: int = 0, timeout: Optional[float] = None
    ) -> Iterator[models.Users]:
        """Iterates over pages of users in the order of first writing (page size 0: 10,000).

        Erased users are left out, so a page may be shorter, or empty.
        """
        request = pool_pb2.ListUsersRequest(
            collection=collection_name(collection),
            page_size=page_size,
            encoding=self._user_encoding(collection, timeout),
        )
        for page in self._pages(lambda s: s.pool.ListUsers, request, timeout):
            yield models.Users.from_proto(page)

    def list_events(
        self,
        collection: str,
        *,
        start: Optional[Instant] = None,
        end: Optional[Instant] = None,
        page_size: int = 0,
        timeout: Optional[float] = None,
    ) -> Iterator[models.Events]:
        """Iterates over pages of events in order of time, those of one time as they were written.

        Args:
          start, end: only events in [start, end); None: from the first on, to the last.
          page_size: stored events that a page is read from, at most 100,000; 0: 10,000. A page may
            have fewer, or none. Take smaller ones of long string ids.

        What is written after the first page was fetched is left out, and what is removed meanwhile
        may be missing; so is what retention has let go.
        """
        request = pool_pb2.ListEventsRequest(
            collection=collection_name(collection),
            page_size=page_size,
            encoding=max(
                self._user_encoding(collection, timeout), self._item_encoding(collection, timeout)
            ),
        )
        if start is not None:
            request.start_time.CopyFrom(columns.instant_to_timestamp(start, "start"))
        if end is not None:
            request.end_time.CopyFrom(columns.instant_to_timestamp(end, "end"))
        for page in self._pages(lambda s: s.pool.ListEvents, request, timeout):
            yield models.Events.from_proto(page)

    def get_items(
        self, collection: str, items: Ids, *, timeout: Optional[float] = None
    ) -> models.Items:
        """Returns those of `items` (at most 100,000) that exist; `found` tells which."""
        request = pool_pb2.BatchGetItemsRequest(
            collection=collection_name(collection),
            item_ids=columns.ids_to_column(items, "items"),
            encoding=self._item_encoding(collection, timeout),
        )
        proto = self._call(lambda s: s.pool.BatchGetItems, request, timeout)
        found = columns.bytes_from_column(proto.found).astype(bool)
        return models.Items.from_proto(proto.items, found)

    def list_items(
        self, collection: str, *, page_size: int = 0, timeout: Optional[float] = None
    ) -> Iterator[models.Items]:
        """Iterates over pages of items in the order of first writing (page size 0: 10,000)."""
        request = pool_pb2.ListItemsRequest(
            collection=collection_name(collection),
            page_size=page_size,
            encoding=self._item_encoding(collection, timeout),
        )
        for page in self._pages(lambda s: s.pool.ListItems, request, timeout):
            yield models.Items.from_proto(page.items)

    # Embeddings.

    def write_embeddings(
        self,
        collection: str,
        items: Ids,
        vectors: np.ndarray,
        *,
        model_version: Optional[int] = None,
        allow_partial: bool = False,
        request_id: Optional[str] = None,
        level: Optional[models.Level] = None,
        timeout: Optional[float] = None,
    ) -> models.WriteResult:
        """Creates or replaces the embeddings of items that exist; the next call sees them.

        Args:
          items: shape [n], each at most once.
          vectors: shape [n, dimension], sent as float32.
          model_version: of the model that made them, at least 1, its training step say, and not
            below any that the collection has seen. Default: not versioned.
          allow_partial: write the rows that can be written, and tell of the others in
            `WriteResult.refused_rows`: unknown items, vectors that are not finite.
          request_id, level, timeout: as in `write_items`; default level: APPLIED.

        Raises:
          InvalidArgument: an unknown item, a wrong dimension, or a value that is not finite.
          FailedPrecondition: the collection has no embedding settings, or (reason
            "STALE_MODEL_VERSION") embeddings of a later model version, which `metadata` names.
        """
        return self._write_vectors(
            collection, "item_ids", items, vectors, model_version, allow_partial, request_id, level,
            timeout,
        )

    def write_user_embeddings(
        self,
        collection: str,
        users: Ids,
        vectors: np.ndarray,
        *,
        model_version: Optional[int] = None,
        allow_partial: bool = False,
        request_id: Optional[str] = None,
        level: Optional[models.Level] = None,
        timeout: Optional[float] = None,
    ) -> models.WriteResult:
        """Creates or replaces the embeddings of users, which rows with anchor "user" are scored by.

        Users that do not exist are created, without events. Embeddings of users and items are of
        one model: `model_version` must not be below any that the collection has seen of either.

        Args:
          users: shape [n], each at most once.
          vectors, model_version, allow_partial, request_id, level, timeout: as in
            `write_embeddings`, which raises the same.
        """
        return self._write_vectors(
            collection, "user_ids", users, vectors, model_version, allow_partial, request_id, level,
            timeout,
        )

    def _write_vectors(
        self,
        collection: str,
        column: str,
        ids: Ids,
        vectors: np.ndarray,
        model_version: Optional[int],
        allow_partial: bool,
        request_id: Optional[str],
        level: Optional[models.Level],
        timeout: Optional[float],
    ) -> models.WriteResult:
        matrix = np.asarray(vectors)
        if matrix.ndim != 2 or len(matrix) != len(ids):
            raise ValueError(f"vectors: shape [{len(ids)}, dimension], not {matrix.shape}")

        def request(rows: slice) -> embeddings_pb2.BatchWriteEmbeddingsRequest:
            return embeddings_pb2.BatchWriteEmbeddingsRequest(
                vectors=columns.matrix_to_proto(matrix[rows], "vectors"),
                model_version=model_version,
                allow_partial=allow_partial,
                **{column: columns.ids_to_column(ids[rows], column)},
            )

        sizes = chunking.row_bytes(ids, len(ids)) + 4 * matrix.shape[1]
        return self._write(
            lambda s: s.embeddings.BatchWriteEmbeddings, collection, request, sizes, request_id,
            level, timeout, lambda first: {"vectors.values": first * matrix.shape[1]},
        )

    def get_embeddings(
        self, collection: str, items: Ids, *, timeout: Optional[float] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns (vectors [n, dimension] with NaN where there is none, found [n] bool)."""
        return self._get_vectors(collection, "item_ids", items, timeout)

    def get_user_embeddings(
        self, collection: str, users: Ids, *, timeout: Optional[float] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `get_embeddings`, of users."""
        return self._get_vectors(collection, "user_ids", users, timeout)

    def _get_vectors(
        self, collection: str, column: str, ids: Ids, timeout: Optional[float]
    ) -> tuple[np.ndarray, np.ndarray]:
        request = embeddings_pb2.BatchGetEmbeddingsRequest(
            collection=collection_name(collection), **{column: columns.ids_to_column(ids, column)}
        )
        proto = self._call(lambda s: s.embeddings.BatchGetEmbeddings, request, timeout)
        vectors = columns.floats_from_column(proto.vectors.values)
        shape = (proto.vectors.row_count, proto.vectors.column_count)
        return vectors.reshape(shape), columns.bytes_from_column(proto.found).astype(bool)

    def get_embedding_stamps(
        self, collection: str, items: Ids, *, timeout: Optional[float] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns by which model, and when, embeddings were written.

        Returns: (model versions [n], int64: 0 where not versioned, -1 where there is no embedding;
          times [n], datetime64[us]: by the server's clock, rounded down to a second, NaT where not
          known or there is no embedding).
        """
        return self._get_stamps(collection, "item_ids", items, timeout)

    def get_user_embedding_stamps(
        self, collection: str, users: Ids, *, timeout: Optional[float] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `get_embedding_stamps`, of users."""
        return self._get_stamps(collection, "user_ids", users, timeout)

    def _get_stamps(
        self, collection: str, column: str, ids: Ids, timeout: Optional[float]
    ) -> tuple[np.ndarray, np.ndarray]:
        request = embeddings_pb2.BatchGetEmbeddingsRequest(
            collection=collection_name(collection),
            **{column: columns.ids_to_column(ids, column)},
            include_model_versions=True,
            include_write_times=True,
        )
        proto = self._call(lambda s: s.embeddings.BatchGetEmbeddings, request, timeout)
        times = columns.int64_from_column(proto.write_time_micros).astype("datetime64[us]")
        known = times != np.datetime64(0, "us")
        return columns.int64_from_column(proto.model_versions), np.where(
            known, times, np.datetime64("NaT", "us")
        )
