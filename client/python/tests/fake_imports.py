# SPDX-License-Identifier: Apache-2.0
"""Import streams of the fake server: a chunk is durable and acknowledged as soon as it is read."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterator

import grpc
from fake_state import CallError, FakeCollection, abort, invalid

from negatron.v1 import pool_pb2

# Writes a batch; returns how many rows were written, and how many items made.
Write = Callable[[FakeCollection, Any], tuple[int, int]]


def handler(server: Any, kind: str, write: Write) -> Callable[..., Any]:
    """The method of `server` that imports what `write` writes."""

    def handle(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            first = next(requests, None)
            if first is None:
                return
            stream = _Stream(server, kind, first, write)
            yield stream.position()
            for request in itertools.chain([first], requests):
                if stream.take(request):
                    yield stream.position()
        except CallError as error:
            abort(context, error)

    return handle


class _Stream:
    """One call. A later one of the same stream is noticed with the next chunk."""

    def __init__(self, server: Any, kind: str, first: Any, write: Write) -> None:
        self._server = server
        self._write = write
        with server.lock:
            server.faults.requests.append(first)
            if server.faults.failures:
                raise CallError(server.faults.failures.pop(0)[0], "ordered by the test")
            self._collection = server.find(first.collection, "collection")
            self._key = (kind, first.stream_id)
            self._position = self._collection.streams.setdefault(
                self._key, pool_pb2.ImportResponse()
            )
            self._collection.stream_owners[self._key] = self

    def position(self) -> pool_pb2.ImportResponse:
        """Returns a copy."""
        with self._server.lock:
            copy = pool_pb2.ImportResponse()
            copy.CopyFrom(self._position)
            return copy

    def take(self, request: Any) -> bool:
        """Writes a chunk; False if there is none, or it is durable already."""
        with self._server.lock:
            c, position, number = self._collection, self._position, request.chunk_number
            if c.stream_owners[self._key] is not self:
                raise CallError(grpc.StatusCode.ABORTED, "another call took the stream over")
            if not request.HasField("batch") or number <= position.durable_chunk_number:
                return False
            if number != position.durable_chunk_number + 1:
                raise invalid("chunk_number", f"not the next (chunk {number})")
            try:
                written, created = self._write(c, request.batch)
            except CallError as error:
                raise error.within("batch.", f" (chunk {number})") from None
            c.sequence += 1
            position.durable_chunk_number = number
            position.durable_sequence = c.sequence
            position.written_count += written
            position.created_item_count += created
            if number in self._server.faults.broken_chunks:
                self._server.faults.broken_chunks.remove(number)
                raise CallError(grpc.StatusCode.UNAVAILABLE, "ordered by the test")
            return True
