# SPDX-License-Identifier: Apache-2.0
"""The asyncio client: the whole contract through it, and what only it does."""

from __future__ import annotations

import ast
import asyncio
import inspect
import threading
from typing import Any, Callable, Iterator

import grpc
import numpy as np
import pytest

import candidates_contract
import contract
import embeddings_contract
import feedback_contract
import generate_aio
import negatron
import pool_time_contract
from fake_server import Faults, FakeServer

_UNIFORM = negatron.Uniform()


class _Blocking:
    """Lets the contract speak to an asyncio client: each call runs in the loop of a thread."""

    def __init__(self, client: negatron.AsyncClient) -> None:
        self._client = client
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stop(self) -> None:
        self.run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name.replace("_async", ""))

        async def collect(pages: Any) -> list[Any]:
            return [page async for page in pages]

        def call(*args: Any, **kwargs: Any) -> Any:
            if inspect.isasyncgenfunction(method):
                return iter(self.run(collect(method(*args, **kwargs))))
            if name.endswith("_async"):
                return asyncio.run_coroutine_threadsafe(method(*args, **kwargs), self._loop)
            return self.run(method(*args, **kwargs))

        return call


@pytest.fixture(name="blocking")
def _blocking(server: FakeServer) -> Iterator[_Blocking]:
    blocking = _Blocking(negatron.AsyncClient(f"127.0.0.1:{server.port}", timeout=10.0))
    yield blocking
    blocking.stop()


@pytest.mark.parametrize(
    "case",
    contract.CASES
    + embeddings_contract.CASES
    + pool_time_contract.CASES
    + candidates_contract.CASES
    + feedback_contract.CASES,
    ids=lambda case: case.__name__,
)
def test_asyncio_keeps_contract(blocking: Any, case: Callable[[Any, str], None]) -> None:
    case(blocking, "films")


def test_module_is_what_generate_aio_makes() -> None:
    # Python versions write the same code differently.
    checked_in = ast.parse(generate_aio.PATH.read_text(encoding="utf-8"))
    fresh = ast.parse(generate_aio.make_text())
    assert ast.dump(checked_in) == ast.dump(fresh), "run client/python/generate_aio.py"


def test_tasks_draw_at_once_and_each_gets_its_own(server: FakeServer, faults: Faults) -> None:
    async def run() -> list[tuple[int, ...]]:
        async with negatron.AsyncClient(f"127.0.0.1:{server.port}") as client:
            await client.create_collection("films")
            await client.write_items("films", np.arange(5))
            faults.gate.clear()
            calls = [
                asyncio.create_task(client.sample("films", k, policy=_UNIFORM, rows=2))
                for k in (1, 2, 3)
            ]
            await asyncio.sleep(0)  # Lets the tasks begin; none can end.
            assert not any(call.done() for call in calls)
            faults.gate.set()
            samples = await asyncio.gather(*calls)
            return [sample.items.shape for sample in samples]

    assert asyncio.run(run()) == [(2, 1), (2, 2), (2, 3)]


def test_failed_draws_are_repeated_and_errors_typed(server: FakeServer, faults: Faults) -> None:
    async def run() -> None:
        async with negatron.AsyncClient(f"127.0.0.1:{server.port}") as client:
            await client.create_collection("films")
            await client.write_items("films", np.arange(5))
            faults.failures = [(grpc.StatusCode.UNAVAILABLE, None)] * 2
            await client.sample("films", 1, policy=_UNIFORM, rows=2)
            with pytest.raises(negatron.NotFound):
                await client.sample("other", 1, policy=_UNIFORM, rows=2)

    asyncio.run(run())


def test_a_cancelled_task_cancels_its_draw(server: FakeServer, faults: Faults) -> None:
    async def run() -> None:
        client = negatron.AsyncClient.of(negatron.Client(f"127.0.0.1:{server.port}"))
        await client.create_collection("films")
        faults.gate.clear()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.sample("films", 1, policy=_UNIFORM, rows=2), 0.05)
        faults.gate.set()
        assert (await client.server_info()).serving
        await client.close()

    asyncio.run(run())
