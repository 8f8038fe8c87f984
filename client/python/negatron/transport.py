# SPDX-License-Identifier: Apache-2.0
"""One channel for each process, and calls with deadlines and retries."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import Any, Callable, Optional, Union

import grpc

from negatron import errors
from negatron.channels import ChannelSettings
from negatron.relay import RelayChannel
from negatron.v1 import (
    accounts_pb2_grpc,
    backups_pb2_grpc,
    collections_pb2_grpc,
    embeddings_pb2_grpc,
    feedback_pb2_grpc,
    inspection_pb2_grpc,
    pool_pb2_grpc,
    sampling_pb2_grpc,
    stored_policies_pb2_grpc,
)

_FIRST_BACKOFF_SECONDS = 0.1
_MAX_BACKOFF_SECONDS = 3.0
# The process that loaded this module: the others that have it in memory are forks of it.
_FIRST_PID = os.getpid()

# Channels of a parent process. Closing them here, or letting them be collected, would touch
# threads that did not survive the fork.
_abandoned: list[Any] = []


class Stubs:
    """The stubs of every service on one channel."""

    def __init__(self, channel: Union[grpc.Channel, RelayChannel]) -> None:
        self.collections = collections_pb2_grpc.CollectionServiceStub(channel)
        self.pool = pool_pb2_grpc.PoolServiceStub(channel)
        self.embeddings = embeddings_pb2_grpc.EmbeddingServiceStub(channel)
        self.backups = backups_pb2_grpc.BackupServiceStub(channel)
        self.feedback = feedback_pb2_grpc.FeedbackServiceStub(channel)
        self.policies = stored_policies_pb2_grpc.PolicyServiceStub(channel)
        self.sampling = sampling_pb2_grpc.SamplingServiceStub(channel)
        self.inspection = inspection_pb2_grpc.InspectionServiceStub(channel)
        self.accounts = accounts_pb2_grpc.AccountServiceStub(channel)


class Transport:
    """Calls the server. Thread-safe.

    The channel is made by the first call, in the process that calls: gRPC does not survive a
    fork, so a data-loader worker that inherits a `Transport` gets a channel of its own, which
    is a `RelayChannel` unless the settings have credentials, which cannot leave a process.
    """

    def __init__(self, settings: ChannelSettings, timeout: float, max_attempts: int) -> None:
        self._settings = settings
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._lock = threading.Lock()
        self._pid = 0
        self._channel: Union[grpc.Channel, RelayChannel, None] = None
        self._stubs: Optional[Stubs] = None
        self._closed = False

    def stubs(self) -> Stubs:
        """Returns the stubs of this process; raises ValueError after `close`."""
        if self._pid != os.getpid():
            # Another thread of the parent may have held the lock when it forked.
            self._lock = threading.Lock()
        with self._lock:
            if self._closed:
                raise ValueError("the client is closed")
            lost = isinstance(self._channel, RelayChannel) and self._channel.ended
            if self._pid != os.getpid() or self._stubs is None or lost:
                if self._channel is not None:
                    _abandoned.append((self._channel, self._stubs))
                forked = os.getpid() != _FIRST_PID and self._settings.credentials is None
                self._channel = (
                    RelayChannel(self._settings) if forked else self._settings.make()
                )
                self._stubs = Stubs(self._channel)
                self._pid = os.getpid()
            return self._stubs

    def close(self) -> None:
        """Closes the channel. Calls in flight are cancelled. May be repeated."""
        with self._lock:
            self._closed = True
            if self._channel is not None and self._pid == os.getpid():
                self._channel.close()
            self._channel = None
            self._stubs = None

    def deadline(self, timeout: Optional[float]) -> float:
        """Returns the `time.monotonic` of a call's deadline; None: the client's timeout."""
        return time.monotonic() + (self._timeout if timeout is None else timeout)

    def call(
        self,
        method: Callable[[Stubs], Any],
        request: Any,
        deadline: float,
        *,
        retry: bool = True,
        failed_attempts: int = 0,
    ) -> Any:
        """Calls `method(stubs)(request)`.

        With `retry`, repeats what is safe to repeat until the deadline or the last attempt:
        UNAVAILABLE, and RESOURCE_EXHAUSTED if the server says when to come back.

        Raises:
          errors.NegatronError: of the last attempt.
        """
        attempt = failed_attempts
        while True:
            attempt += 1
            remaining = max(deadline - time.monotonic(), 0.0)
            try:
                return method(self.stubs())(request, timeout=remaining)
            except grpc.RpcError as rpc_error:
                error = errors.from_rpc_error(rpc_error)
            if not retry or attempt >= self._max_attempts or not self.pause(
                error, attempt, deadline
            ):
                raise error

    def pause(self, error: errors.NegatronError, attempt: int, deadline: float) -> bool:
        """Waits before the next attempt; False, at once, if there should be none."""
        if error.code == grpc.StatusCode.UNAVAILABLE:
            floor = error.retry_delay or 0.0
        elif error.code == grpc.StatusCode.RESOURCE_EXHAUSTED and error.retry_delay is not None:
            floor = error.retry_delay
        else:
            return False
        backoff = min(_FIRST_BACKOFF_SECONDS * 2.0 ** min(attempt - 1, 9), _MAX_BACKOFF_SECONDS)
        wait = floor + backoff * random.uniform(0.5, 1.0)
        if time.monotonic() + wait >= deadline:
            return False
        time.sleep(wait)
        return True


class SampleFuture:
    """A call in flight, made by `Client.sample_async`. Thread-safe."""

    def __init__(
        self,
        transport: Transport,
        method: Callable[[Stubs], Any],
        request: Any,
        deadline: float,
        decode: Callable[[Any], Any],
    ) -> None:
        self._transport = transport
        self._method = method
        self._request = request
        self._deadline = deadline
        self._decode = decode
        self._call = method(transport.stubs()).future(
            request, timeout=max(deadline - time.monotonic(), 0.0)
        )

    def done(self) -> bool:
        """True if `result` returns without waiting for the first attempt."""
        return bool(self._call.done())

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when `done` turns True, at once if it is; in some other thread."""
        self._call.add_done_callback(lambda unused_call: callback())

    def then(self, change: Callable[[Any], Any]) -> "SampleFuture":
        """Makes `result` return `change` of what it would; returns this. Before it is shared."""
        decode = self._decode
        self._decode = lambda response: change(decode(response))
        return self

    def cancel(self) -> None:
        """Cancels the call; `result` then raises `Cancelled`."""
        self._call.cancel()

    def result(self) -> Any:
        """Waits for the call, until its deadline, and returns its result.

        Sampling is read-only, so a first attempt that failed for a passing reason is repeated
        here. Raises `NegatronError` as `Client.sample` does.
        """
        try:
            return self._decode(self._call.result())
        except grpc.FutureCancelledError:
            raise errors.Cancelled(
                grpc.StatusCode.CANCELLED, "the caller cancelled the call"
            ) from None
        except grpc.RpcError as rpc_error:
            error = errors.from_rpc_error(rpc_error)
        if not self._transport.pause(error, 1, self._deadline):
            raise error
        response = self._transport.call(
            self._method, self._request, self._deadline, failed_attempts=1
        )
        return self._decode(response)
