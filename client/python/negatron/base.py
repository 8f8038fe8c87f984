# SPDX-License-Identifier: Apache-2.0
"""What every group of calls of the client stands on."""

from __future__ import annotations

import sys
import threading
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence, TypeVar

import grpc
import numpy as np

from negatron import chunking, columns, errors, models
from negatron.channels import ChannelSettings, Tls
from negatron.names import NameCache
from negatron.transport import Stubs, Transport
from negatron.v1 import collections_pb2, types_pb2


_Self = TypeVar("_Self", bound="BaseClient")


def collection_name(collection: str) -> str:
    """Returns `collections/{id}` of an id or a full name."""
    if not isinstance(collection, str):
        raise TypeError(f"collection: a string is expected, not {type(collection).__name__}")
    return collection if "/" in collection else f"collections/{collection}"


def _encoding(has_names: bool) -> int:
    return types_pb2.COLUMN_ENCODING_TYPED if has_names else types_pb2.COLUMN_ENCODING_RAW


class BaseClient:
    """The transport, the known dictionaries, and chunked writes. Thread-safe."""

    def __init__(
        self,
        target: str = "127.0.0.1:7600",
        *,
        timeout: float = 30.0,
        max_attempts: int = 5,
        tls: Optional[Tls] = None,
        token: Optional[str] = None,
        credentials: Optional[grpc.ChannelCredentials] = None,
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        """Makes a client; connects with the first call.

        Args:
          target: a gRPC target. `dns:///host:port` spreads calls over all addresses of the host.
          timeout: default deadline of a call, in seconds.
          max_attempts: attempts of a call that is safe to repeat, at least 1.
          tls: None: no TLS.
          token: sent with every call as `authorization: Bearer ...`; needs `tls`.
          credentials: of gRPC's own making, instead of `tls` and `token`; a client with them
            cannot be pickled, and not be used in a forked process if its parent used gRPC.
          channel_options: further gRPC channel options, which win over the defaults.
        """
        if not timeout > 0:
            raise ValueError("timeout: a positive number of seconds is expected")
        if max_attempts < 1:
            raise ValueError("max_attempts: at least 1 is expected")
        settings = ChannelSettings(target, tls, token, credentials, tuple(channel_options))
        self._set_up(settings, timeout, max_attempts)

    def __getstate__(self) -> tuple[ChannelSettings, float, int]:
        """A client is pickled as what it was made from: it has a channel of its own there."""
        if self._settings.credentials is not None:
            raise TypeError("a client with credentials cannot be pickled; give tls instead")
        return self._settings, self._timeout, self._max_attempts

    def __setstate__(self, state: tuple[ChannelSettings, float, int]) -> None:
        self._set_up(*state)

    def _set_up(self, settings: ChannelSettings, timeout: float, max_attempts: int) -> None:
        self._settings, self._timeout, self._max_attempts = settings, timeout, max_attempts
        self._transport = Transport(settings, timeout, max_attempts)
        self._names: dict[str, NameCache] = {}
        self._names_lock = threading.Lock()

    def patient(self: _Self, seconds: float) -> _Self:
        """Returns a client of the same server, with a channel of its own, that outlasts restarts.

        What is safe to repeat is repeated for `seconds`, however often; other calls have that
        deadline.
        """
        twin = object.__new__(type(self))
        twin._set_up(self._settings, seconds, sys.maxsize)
        return twin

    @property
    def target(self) -> str:
        """Where the server is."""
        return self._settings.target

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the channel; later calls raise ValueError. May be repeated."""
        self._transport.close()

    def _call(
        self,
        method: Callable[[Stubs], Any],
        request: Any,
        timeout: Optional[float],
        retry: bool = True,
    ) -> Any:
        return self._transport.call(
            method, request, self._transport.deadline(timeout), retry=retry
        )

    def _pages(
        self, method: Callable[[Stubs], Any], request: Any, timeout: Optional[float]
    ) -> Iterator[Any]:
        """Yields the responses of a method that lists, up to the last page."""
        while True:
            page = self._call(method, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _name_cache(
        self, collection: str, timeout: Optional[float], incarnation: Optional[int] = None
    ) -> Optional[NameCache]:
        """Returns what is known of the dictionary of items; None for int64 ids."""
        cache = self._known(collection, timeout, incarnation)
        return cache if cache.has_names else None

    def _known(
        self, collection: str, timeout: Optional[float], incarnation: Optional[int] = None
    ) -> NameCache:
        name = collection_name(collection)
        with self._names_lock:
            cache = self._names.get(name)
        if cache is None or (incarnation is not None and cache.incarnation != incarnation):
            request = collections_pb2.GetCollectionRequest(name=name)
            settings = models.Collection.from_proto(
                self._call(lambda s: s.collections.GetCollection, request, timeout)
            )
            cache = NameCache(
                settings.incarnation,
                settings.item_id_type == models.IdType.STRING,
                settings.user_id_type == models.IdType.STRING,
            )
            with self._names_lock:
                self._names[name] = cache
        return cache

    def _item_encoding(self, collection: str, timeout: Optional[float]) -> int:
        return _encoding(self._known(collection, timeout).has_names)

    def _user_encoding(self, collection: str, timeout: Optional[float]) -> int:
        return _encoding(self._known(collection, timeout).has_user_names)

    def _write(
        self,
        method: Callable[[Stubs], Any],
        collection: str,
        request: Callable[[slice], Any],
        sizes: np.ndarray,
        request_id: Optional[str],
        level: Optional[models.Level],
        timeout: Optional[float],
        offsets: Callable[[int], Mapping[str, int]] = lambda first_row: {},
    ) -> models.WriteResult:
        """Sends the chunks of a write.

        Args:
          request: makes the message of some rows, without collection, request id and level.
          sizes: [rows], bytes of each row on the wire.
          offsets: for the first row of a chunk, where it begins in columns that do not have one
            entry a row, by path.
        """
        def levelled(rows: slice) -> Any:
            message = request(rows)
            message.acknowledgement_level = 0 if level is None else int(level)
            return message

        receipts = self._send_chunks(
            method, collection, levelled, sizes, request_id, timeout, offsets
        )
        return models.WriteResult(
            commit_sequence=receipts[-1].commit_sequence,
            written_count=sum(r.written_count for r in receipts),
            created_item_count=sum(r.created_item_count for r in receipts),
            level=models.Level(receipts[-1].acknowledgement_level),
            replayed=all(r.replayed for r in receipts),
            refused_rows=np.concatenate([
                columns.int64_from_column(r.refused_rows) + rows.start
                for r, rows in zip(receipts, chunking.chunks(sizes))
            ]),
            refusals=np.concatenate([columns.bytes_from_column(r.row_refusals) for r in receipts]),
        )

    def _remove(
        self,
        method: Callable[[Stubs], Any],
        collection: str,
        request: Callable[[slice], Any],
        sizes: np.ndarray,
        request_id: Optional[str],
        timeout: Optional[float],
    ) -> models.RemovalResult:
        """Sends the chunks of a retraction or an erasure; arguments as of `_write`."""
        responses = self._send_chunks(method, collection, request, sizes, request_id, timeout)
        replayed = any(r.receipt.replayed for r in responses)
        found = [columns.bytes_from_column(r.found).astype(bool) for r in responses]
        return models.RemovalResult(
            removed_count=sum(r.receipt.written_count for r in responses),
            found=None if replayed else np.concatenate(found),
            commit_sequence=responses[-1].receipt.commit_sequence,
            replayed=replayed,
        )

    def _send_chunks(
        self,
        method: Callable[[Stubs], Any],
        collection: str,
        request: Callable[[slice], Any],
        sizes: np.ndarray,
        request_id: Optional[str],
        timeout: Optional[float],
        offsets: Callable[[int], Mapping[str, int]] = lambda first_row: {},
    ) -> list[Any]:
        """Sends the chunks of a call one after the other, and returns the responses."""
        deadline = self._transport.deadline(timeout)
        responses = []
        for rows, chunk_id in zip(chunking.chunks(sizes), chunking.request_ids(request_id)):
            message = request(rows)
            message.collection = collection_name(collection)
            message.request_id = chunk_id
            try:
                responses.append(self._transport.call(method, message, deadline))
            except errors.NegatronError as error:
                raise error.in_chunk(rows.start, offsets(rows.start))
        return responses
