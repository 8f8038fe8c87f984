# SPDX-License-Identifier: Apache-2.0
"""Calls that write and read items, events and embeddings."""

from __future__ import annotations

from typing import Any, Iterator, Optional

import numpy as np

from negatron import chunking, columns, models
from negatron.base import BaseClient, collection_name
from negatron.columns import Ids, Times
from negatron.v1 import embeddings_pb2, pool_pb2


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
        request_id: Optional[str] = None,
        level: Optional[models.Level] = None,
        timeout: Optional[float] = None,
    ) -> models.WriteResult:
        """Creates items, or replaces the alive intervals of items that exist.

        Args:
          items: ids, shape [n], each at most once.
          alive_from, alive_until: interval ends, shape [n], or [intervals] with
            `interval_splits`; None: open ends (`columns.ALWAYS_MICROS`, `columns.NEVER_MICROS`).
          interval_splits: shape [n + 1]; item i owns intervals [splits[i], splits[i + 1]).
          request_id: at most 54 characters; repeating a call with its id changes nothing.

        Large writes are sent in chunks, each of which succeeds or fails whole; see
        `NegatronError.acknowledged_rows`.
        """
        splits = np.arange(len(items) + 1) if interval_splits is None else interval_splits
        splits = np.asarray(splits, np.int64)
        if splits.shape != (len(items) + 1,):
            raise ValueError("interval_splits: shape [items + 1] is expected")
        begins = None if alive_from is None else columns.times_to_micros(alive_from, "alive_from")
        ends = None if alive_until is None else columns.times_to_micros(alive_until, "alive_until")
        if interval_splits is not None and begins is None and ends is None:
            raise ValueError("interval_splits: needs alive_from or alive_until")
        for what, times in (("alive_from", begins), ("alive_until", ends)):
            if times is not None and len(times) != splits[-1]:
                raise ValueError(f"{what}: {splits[-1]} intervals are expected, not {len(times)}")

        def request(rows: slice) -> pool_pb2.BatchWriteItemsRequest:
            message = pool_pb2.BatchWriteItemsRequest(
                item_ids=columns.ids_to_column(items[rows], "items")
            )
            owned = slice(splits[rows.start], splits[rows.stop])
            if begins is not None:
                message.alive_from_micros.raw = begins[owned].tobytes()
            if ends is not None:
                message.alive_until_micros.raw = ends[owned].tobytes()
            if interval_splits is not None:
                relative = splits[rows.start : rows.stop + 1] - splits[rows.start]
                message.interval_splits.raw = relative.astype("<i8").tobytes()
            return message

        sizes = chunking.row_bytes(items, len(items)) + 8 + 16 * np.diff(splits)
        return self._write(
            lambda s: s.pool.BatchWriteItems, collection, request, sizes, request_id, level,
            timeout,
            lambda first: dict.fromkeys(
                ("alive_from_micros", "alive_until_micros"), int(splits[first])
            ),
        )

    def write_events(
        self,
        collection: str,
        users: Ids,
        items: Ids,
        times: Times,
        *,
        weights: Optional[np.ndarray] = None,
        request_id: Optional[str] = None,
        level: Optional[models.Level] = None,
        timeout: Optional[float] = None,
    ) -> models.WriteResult:
        """Records that users chose items, in any order of time.

        Args:
          users, items, times: shape [n].
          weights: shape [n], each in [1/64, 4096]; None: 1 for each.
          request_id, level, timeout: as in `write_items`.

        Raises:
          InvalidArgument: a bad row, or an unknown item under `MissingItemRule.REJECT`.
        """
        micros = columns.times_to_micros(times, "times")
        _check_lengths(users=users, items=items, times=micros, weights=weights)

        def request(rows: slice) -> pool_pb2.BatchWriteEventsRequest:
            message = pool_pb2.BatchWriteEventsRequest(
                user_ids=columns.ids_to_column(users[rows], "users"),
                item_ids=columns.ids_to_column(items[rows], "items"),
                event_time_micros=columns.int64_to_column(micros[rows], "times"),
            )
            if weights is not None:
                message.weights.CopyFrom(columns.floats_to_column(weights[rows], "weights"))
            return message

        rows = len(micros)
        sizes = chunking.row_bytes(users, rows) + chunking.row_bytes(items, rows) + 12
        return self._write(
            lambda s: s.pool.BatchWriteEvents, collection, request, sizes, request_id, level,
            timeout,
        )

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
        while True:
            proto = self._call(lambda s: s.pool.ListItems, request, timeout)
            yield models.Items.from_proto(proto.items)
            if not proto.next_page_token:
                return
            request.page_token = proto.next_page_token

    # Embeddings.

    def write_embeddings(
        self,
        collection: str,
        items: Ids,
        vectors: np.ndarray,
        *,
        request_id: Optional[str] = None,
        level: Optional[models.Level] = None,
        timeout: Optional[float] = None,
    ) -> models.WriteResult:
        """Creates or replaces the embeddings of items that exist; the next call sees them.

        Args:
          items: shape [n], each at most once.
          vectors: shape [n, dimension], sent as float32.
          request_id, level, timeout: as in `write_items`; default level: APPLIED.

        Raises:
          InvalidArgument: an unknown item, a wrong dimension, or a value that is not finite.
          FailedPrecondition: the collection has no embedding settings.
        """
        matrix = np.asarray(vectors)
        if matrix.ndim != 2 or len(matrix) != len(items):
            raise ValueError(f"vectors: shape [{len(items)}, dimension], not {matrix.shape}")

        def request(rows: slice) -> embeddings_pb2.BatchWriteEmbeddingsRequest:
            return embeddings_pb2.BatchWriteEmbeddingsRequest(
                item_ids=columns.ids_to_column(items[rows], "items"),
                vectors=columns.matrix_to_proto(matrix[rows], "vectors"),
            )

        sizes = chunking.row_bytes(items, len(items)) + 4 * matrix.shape[1]
        return self._write(
            lambda s: s.embeddings.BatchWriteEmbeddings, collection, request, sizes, request_id,
            level, timeout, lambda first: {"vectors.values": first * matrix.shape[1]},
        )

    def get_embeddings(
        self, collection: str, items: Ids, *, timeout: Optional[float] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns (vectors [n, dimension] with NaN where there is none, found [n] bool)."""
        request = embeddings_pb2.BatchGetEmbeddingsRequest(
            collection=collection_name(collection), item_ids=columns.ids_to_column(items, "items")
        )
        proto = self._call(lambda s: s.embeddings.BatchGetEmbeddings, request, timeout)
        vectors = columns.floats_from_column(proto.vectors.values)
        shape = (proto.vectors.row_count, proto.vectors.column_count)
        return vectors.reshape(shape), columns.bytes_from_column(proto.found).astype(bool)


def _check_lengths(**arguments: Any) -> None:
    lengths = {name: len(value) for name, value in arguments.items() if value is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"lengths must be equal: {lengths}")
