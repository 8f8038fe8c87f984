# SPDX-License-Identifier: Apache-2.0
"""Calls from a forked process, through a fresh process that makes them.

gRPC does not survive a fork once its parent has used it: threads are gone, poll sets are shared,
and now and then a child's calls hang (grpc#32992). So a forked process, a data-loader worker say,
starts a process of its own (fork and exec), which has the channel; requests and responses go over
pipes, serialized. It ends with the process that started it.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
from typing import Any, Callable, Optional

import grpc

from negatron.channels import ChannelSettings

_logger = logging.getLogger(__name__)

_COMMAND = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from negatron import relay; relay.serve()"
)


class _RelayedError(grpc.RpcError):
    """What the channel of the other process raised."""

    def __init__(self, code: str, details: str, metadata: tuple[Any, ...]) -> None:
        super().__init__(details)
        self._code, self._details, self._metadata = code, details, metadata

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode[self._code]

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[Any, ...]:
        return self._metadata


class RelayFuture:
    """A call in flight; like `grpc.Future` as far as this package uses it. Thread-safe."""

    def __init__(self, cancel: Callable[[], object], decode: Callable[[bytes], Any]) -> None:
        self._cancel = cancel
        self._decode = decode
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[Any], None]] = []
        self._cancelled = False
        self._answer: Any = None

    def done(self) -> bool:
        return self._done.is_set()

    def cancel(self) -> bool:
        self._cancelled = True
        self._cancel()
        return True

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback(self)

    def result(self) -> Any:
        self._done.wait()
        if isinstance(self._answer, grpc.RpcError):
            if self._cancelled and self._answer.code() == grpc.StatusCode.CANCELLED:
                raise grpc.FutureCancelledError()
            raise self._answer
        return self._decode(self._answer)

    def finish(self, answer: Any) -> None:
        """Takes the serialized response or an error; the first one counts."""
        with self._lock:
            if self._done.is_set():
                return
            self._answer = answer
            self._done.set()
        for callback in self._callbacks:
            try:
                callback(self)
            except Exception:  # pylint: disable=broad-except
                _logger.exception("a callback failed")  # Other calls go on.


class _Method:
    """A unary method, as stubs call it."""

    def __init__(
        self, channel: "RelayChannel", path: str, encode: Callable[[Any], bytes],
        decode: Callable[[bytes], Any],
    ) -> None:
        self._channel, self._path, self._encode, self._decode = channel, path, encode, decode

    def __call__(self, request: Any, timeout: Optional[float] = None) -> Any:
        return self.future(request, timeout).result()

    def future(self, request: Any, timeout: Optional[float] = None) -> RelayFuture:
        return self._channel.start(self._path, self._encode(request), timeout, self._decode)


class RelayChannel:
    """Stands in for a `grpc.Channel` in front of generated stubs. Thread-safe.

    Streams are not relayed: their stubs raise RuntimeError.
    """

    def __init__(self, settings: ChannelSettings) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            close_fds=False,  # Alone, it means posix_spawn, which runs no handlers of gRPC.
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._sink, self._source = self._process.stdin, self._process.stdout
        # Two locks: answers must be taken while a request waits for room in its pipe, or both
        # processes might wait for each other.
        self._sink_lock = threading.Lock()
        self._lock = threading.Lock()
        self._calls: dict[int, RelayFuture] = {}
        self._count = 0
        self._ended = False
        self._send(settings)
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def ended(self) -> bool:
        """True once the other process is gone; another channel is then needed."""
        return self._ended

    def unary_unary(
        self, path: str, request_serializer: Any = None, response_deserializer: Any = None,
        **unused: Any,
    ) -> _Method:
        return _Method(self, path, request_serializer, response_deserializer)

    def stream_stream(self, *unused: Any, **unused_too: Any) -> Callable[..., Any]:
        def refuse(*unused: Any, **unused_too: Any) -> Any:
            raise RuntimeError("import streams do not run in a forked process; use spawn")

        return refuse

    def start(
        self, path: str, request: bytes, timeout: Optional[float], decode: Callable[[bytes], Any]
    ) -> RelayFuture:
        """Starts a call."""
        with self._lock:
            self._count += 1
            number = self._count
            future = RelayFuture(lambda: self._send((number, None, b"", None)), decode)
            self._calls[number] = future
            ended = self._ended
        if ended or not self._send((number, path, request, timeout)):
            future.finish(_relay_ended())
        return future

    def close(self) -> None:
        """Ends the process; calls in flight fail."""
        with self._lock:
            self._ended = True
        with self._sink_lock:
            self._sink.close()
        self._process.wait()

    def _send(self, message: Any) -> bool:
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            with self._sink_lock:
                self._sink.write(data)
                self._sink.flush()
            return True
        except (OSError, ValueError):
            return False

    def _read(self) -> None:
        while True:
            try:
                number, answer = pickle.load(self._source)
            except (EOFError, OSError, ValueError, pickle.UnpicklingError):
                break
            with self._lock:
                future = self._calls.pop(number)
            future.finish(answer if isinstance(answer, bytes) else _RelayedError(*answer))
        with self._lock:
            self._ended = True
            rest = list(self._calls.values())
            self._calls.clear()
        for future in rest:
            future.finish(_relay_ended())


def _relay_ended() -> _RelayedError:
    return _RelayedError("UNAVAILABLE", "the process that makes the calls has ended", ())


def serve() -> None:
    """Makes the calls that come in, until standard input ends."""
    os.setsid()  # Ctrl-C is for the process that started this one.
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    settings: ChannelSettings = pickle.load(source)
    channel = settings.make()
    sink_lock, lock = threading.Lock(), threading.Lock()
    calls: dict[int, Any] = {}

    def answer(number: int, call: Any) -> None:
        message: Any = None
        if call.code() == grpc.StatusCode.OK:
            message = call.result()
        else:
            trailing = tuple((key, value) for key, value in call.trailing_metadata() or ())
            message = (call.code().name, call.details() or "", trailing)
        data = pickle.dumps((number, message), pickle.HIGHEST_PROTOCOL)
        with lock:
            calls.pop(number, None)
        with sink_lock:
            sink.write(data)
            sink.flush()

    while True:
        try:
            number, path, request, timeout = pickle.load(source)
        except EOFError:
            break
        with lock:
            running = calls.get(number)
        if path is None:
            if running is not None:
                running.cancel()
            continue
        call = channel.unary_unary(path, None, None).future(request, timeout=timeout)
        with lock:
            calls[number] = call
        call.add_done_callback(functools.partial(answer, number))
    channel.close()
