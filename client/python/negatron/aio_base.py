# SPDX-License-Identifier: Apache-2.0
"""What the asyncio client stands on."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, AsyncIterator, Callable, Iterator, Optional, Sequence, TypeVar

import grpc

from negatron.channels import Tls
from negatron.client import Client
from negatron.transport import SampleFuture

_T = TypeVar("_T")
_Self = TypeVar("_Self", bound="AsyncBase")
_THREADS = 16


class AsyncBase:
    """A `Client`, and threads for its calls. For the event loop of one thread."""

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
        """Makes a client; arguments as of `Client`."""
        self._take(Client(
            target, timeout=timeout, max_attempts=max_attempts, tls=tls, token=token,
            credentials=credentials, channel_options=channel_options,
        ))

    @classmethod
    def of(cls: type[_Self], client: Client) -> _Self:
        """Makes one of a client, `negatron.local()` say, which it closes with itself."""
        made = cls.__new__(cls)
        made._take(client)
        return made

    def _take(self, client: Client) -> None:
        self._client = client
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="negatron")

    @property
    def target(self) -> str:
        """Where the server is."""
        return self._client.target

    async def __aenter__(self: _Self) -> _Self:
        return self

    async def __aexit__(self, *unused: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the channel, which cancels calls in flight, and ends the threads."""
        await asyncio.get_running_loop().run_in_executor(None, self._client.close)
        self._threads.shutdown(wait=False)

    async def _run(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _answer(self, future: SampleFuture) -> Any:
        """Waits for a call without a thread, and cancels it if the waiting task is cancelled."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(done.set)
            except RuntimeError:
                pass  # The loop has been closed: nobody waits.

        future.add_done_callback(wake)
        try:
            await done.wait()
        except asyncio.CancelledError:
            future.cancel()
            raise
        return await self._run(future.result)  # Repeats what failed for a passing reason.

    async def _iterate(self, pages: Callable[[], Iterator[_T]]) -> AsyncIterator[_T]:
        iterator = pages()
        while True:
            page = await self._run(lambda: next(iterator, None))
            if page is None:
                return
            yield page
