# SPDX-License-Identifier: Apache-2.0
"""Import streams: numbered chunks, acknowledged when durable, resumed behind the last one."""

from __future__ import annotations

import collections
import queue
import threading
import time
from typing import Any, Callable, Iterable, Optional

import grpc

from negatron import chunking, errors, models
from negatron.transport import Stubs, Transport

# More than the server lets wait (4), so that it never waits for the network.
_WINDOW = 8
_CLOSE_SECONDS = 5.0


class _Connection:
    """One call of an import method: a thread reads positions while the caller sends."""

    def __init__(self, method: Callable[..., Any], first: Any) -> None:
        self._outgoing: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self._outgoing.put(first)
        self._condition = threading.Condition()
        self._position: Optional[Any] = None
        self._error: Optional[errors.NegatronError] = None
        self._ended = False
        self._call = method(iter(self._outgoing.get, None))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        error = None
        try:
            for response in self._call:
                with self._condition:
                    self._position = response
                    self._condition.notify_all()
        except grpc.RpcError as rpc_error:
            error = errors.from_rpc_error(rpc_error)
        with self._condition:
            self._error, self._ended = error, True
            self._condition.notify_all()

    def send(self, message: Any) -> None:
        self._outgoing.put(message)

    def wait(self, above: int, seconds: float) -> Any:
        """Returns the position once it is above `above`; None if it is not in time.

        Raises:
          errors.NegatronError: the call ended instead.
        """

        def has_risen() -> bool:
            position = self._position
            return position is not None and position.durable_chunk_number > above

        with self._condition:
            self._condition.wait_for(lambda: has_risen() or self._ended, seconds)
            if has_risen():
                return self._position
            if self._ended:
                raise self._error or errors.Unavailable(
                    grpc.StatusCode.UNAVAILABLE, "the server ended the stream"
                )
            return None

    def finish(self) -> None:
        """Says that nothing follows, and lets the server end the call."""
        self._outgoing.put(None)
        self._reader.join(_CLOSE_SECONDS)
        self._call.cancel()

    def cancel(self) -> None:
        self._call.cancel()
        self._outgoing.put(None)  # Lets the thread go that takes messages.


class Import:
    """Runs one import. Confined to the thread that calls `run`.

    Chunks that are not acknowledged are kept, at most `_WINDOW`, and sent again over a new
    connection when one breaks.
    """

    def __init__(
        self,
        transport: Transport,
        method: Callable[[Stubs], Any],
        message: Callable[..., Any],
        collection: str,
        stream_id: str,
        timeout: float,
    ) -> None:
        """Args as of `Client.import_items`; `message` makes a request of the stream."""
        self._transport = transport
        self._method = method
        self._message = message
        self._collection = collection
        self._stream_id = stream_id
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._attempt = 0
        self._connection: Optional[_Connection] = None
        self._position: Any = None
        self._waiting: "collections.deque[Any]" = collections.deque()

    def run(
        self, chunks: Any, make: Callable[[Any], Any]
    ) -> models.ImportResult:
        """Sends what is new of `chunks`, and returns when all of it is durable.

        Args:
          chunks: an iterable of all chunks from the first on, or a function from a number to an
            iterable of the chunks from that number on.
          make: makes an ItemChunk or EventChunk of an element.
        """
        try:
            self._recover(None)
            start = self._position.durable_chunk_number
            number = start if callable(chunks) else 0
            remaining: Iterable[Any] = chunks(start + 1) if callable(chunks) else chunks
            for element in remaining:
                number += 1
                if number > start:
                    self._send(number, make(element))
            if number < start:
                raise ValueError(
                    f"stream {self._stream_id!r} has {start} chunks already, and these are only "
                    f"{number}: another source needs another stream_id"
                )
            while self._waiting:
                self._take_position()
            assert self._connection is not None
            self._connection.finish()
        except BaseException:
            if self._connection is not None:
                self._connection.cancel()
            raise
        return models.ImportResult(
            chunk_count=self._position.durable_chunk_number,
            skipped_chunk_count=start,
            written_count=self._position.written_count,
            created_item_count=self._position.created_item_count,
            commit_sequence=self._position.durable_sequence,
        )

    def _send(self, number: int, chunk: Any) -> None:
        if not 1 <= len(chunk) <= chunking.MAX_ROWS:
            raise ValueError(
                f"chunk {number}: 1 to {chunking.MAX_ROWS} rows are expected, not {len(chunk)}"
            )
        message = self._message(chunk_number=number, batch=chunk.to_proto())
        while len(self._waiting) >= _WINDOW:
            self._take_position()
        if not self._waiting:
            self._deadline = time.monotonic() + self._timeout  # The source may have been slow.
        self._waiting.append(message)
        assert self._connection is not None
        self._connection.send(message)

    def _take_position(self) -> None:
        """Waits until the position rises, over as many connections as that needs."""
        assert self._connection is not None
        try:
            self._advance(self._await(self._position.durable_chunk_number))
        except errors.NegatronError as error:
            self._recover(error)

    def _await(self, above: int) -> Any:
        assert self._connection is not None
        position = self._connection.wait(above, max(self._deadline - time.monotonic(), 0.0))
        if position is None:
            raise errors.DeadlineExceeded(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"no chunk was acknowledged for {self._timeout:g} s; start again to resume",
            )
        return position

    def _advance(self, position: Any) -> None:
        self._position = position
        while self._waiting and self._waiting[0].chunk_number <= position.durable_chunk_number:
            self._waiting.popleft()
        self._attempt = 0
        self._deadline = time.monotonic() + self._timeout

    def _recover(self, error: Optional[errors.NegatronError]) -> None:
        """Connects, again after `error`, and sends what the server does not have yet."""
        while True:
            if error is not None:
                self._attempt += 1
                if not self._transport.pause(error, self._attempt, self._deadline):
                    raise error
            if self._connection is not None:
                self._connection.cancel()
            first = self._message(collection=self._collection, stream_id=self._stream_id)
            try:
                self._connection = _Connection(self._method(self._transport.stubs()), first)
                position = self._await(-1)
                break
            except errors.NegatronError as again:
                error = again
        number = position.durable_chunk_number
        known = 0 if self._position is None else self._position.durable_chunk_number
        if number < known:
            raise errors.NegatronError(
                grpc.StatusCode.DATA_LOSS,
                f"the server's position went back from {known} to {number}; start again to resume",
            )
        if self._position is None or number > known:
            self._advance(position)
        for message in self._waiting:
            if message.chunk_number > number:
                self._connection.send(message)
