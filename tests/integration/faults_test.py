# SPDX-License-Identifier: Apache-2.0
"""Faults of a real server: kills under load, a full disk, a thousand idle streams.

NEGATRON_SERVER_BINARY names the binary. NEGATRON_SOAK_KILLS (default 4) is the number of kills,
NEGATRON_SOAK_SEED (default 1) where their random numbers begin.
"""

from __future__ import annotations

import os
import pathlib
import queue
import random
import subprocess
import threading
import time
from typing import Iterator, Optional

import grpc
import numpy as np
import pytest

import negatron
from negatron.v1 import pool_pb2, pool_pb2_grpc

import expected_state

_BINARY = os.environ.get("NEGATRON_SERVER_BINARY", "")
_KILLS = int(os.environ.get("NEGATRON_SOAK_KILLS", "4"))
_SEED = int(os.environ.get("NEGATRON_SOAK_SEED", "1"))
_WRITERS = 4

pytestmark = pytest.mark.skipif(not _BINARY, reason="NEGATRON_SERVER_BINARY is not set")


class Server:
    """A negatrond whose port stays the same over its starts."""

    def __init__(self, folder: pathlib.Path, data: pathlib.Path, *flags: str) -> None:
        self._folder = folder
        self._data = data
        self._flags = flags
        self._port = "0"
        self.start()
        self.wait()

    def start(self) -> None:
        self._port_file = self._folder / "port"
        self._port_file.unlink(missing_ok=True)
        with open(self._folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [_BINARY, f"--listen=127.0.0.1:{self._port}", f"--data-dir={self._data}",
                 f"--port-file={self._port_file}", *self._flags],
                stdout=log, stderr=subprocess.STDOUT,
            )

    def wait(self) -> None:
        """Waits until it serves."""
        deadline = time.monotonic() + 60
        while not (self._port_file.exists() and self._port_file.read_text("ascii").strip()):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.01)  # There is no other notice of another process's port.
        self._port = self._port_file.read_text("ascii").strip()
        with self.client() as client:
            client.wait_until_ready(timeout=60.0)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ends it as an operator would; its exit status."""
        self.process.terminate()
        return self.process.wait(timeout=60)

    def client(self, timeout: float = 30.0) -> negatron.Client:
        return negatron.Client(self.target, timeout=timeout, max_attempts=200)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._port}"

    def log(self) -> str:
        return (self._folder / "log").read_text("utf-8")


def create(client: negatron.Client) -> None:
    """A collection in which writers make items as they need them."""
    client.create_collection(
        "films",
        missing_item_rule=negatron.MissingItemRule.CREATE,
        dimension=expected_state.DIMENSION,
        metric=negatron.Metric.L2,
    )
    items = [
        np.arange(w * expected_state.RANGE, w * expected_state.RANGE + expected_state.ITEMS)
        for w in range(_WRITERS)
    ]
    client.write_items("films", np.concatenate(items))


class Load:
    """Writers and a sampler, which go on through failures until they are told to pause."""

    def __init__(self, server: Server) -> None:
        self.writers = [expected_state.Writer(number, _SEED) for number in range(_WRITERS)]
        self._server = server
        self._problems: list[BaseException] = []
        self.failed_calls = 0

    def run(self, act: "threading.Thread") -> None:
        """Has the load run while `act` does."""
        threads = [threading.Thread(target=self._write, args=(w, act)) for w in self.writers]
        threads.append(threading.Thread(target=self._sample, args=(act,)))
        act.start()
        for thread in threads:
            thread.start()
        for thread in [act, *threads]:
            thread.join()
        assert not self._problems, self._problems

    def _write(self, writer: expected_state.Writer, act: threading.Thread) -> None:
        # Half of the writers see their calls through the restart, the others give up: what has
        # become of those is not known.
        patient = self.writers.index(writer) % 2 == 0
        try:
            with self._server.client(timeout=60.0 if patient else 0.5) as client:
                while act.is_alive():
                    try:
                        writer.step(client, "films")
                    except (negatron.Unavailable, negatron.DeadlineExceeded):
                        assert not patient
                        self.failed_calls += 1
                        return
        except BaseException as problem:  # pylint: disable=broad-except
            self._problems.append(problem)

    def _sample(self, act: threading.Thread) -> None:
        policy = negatron.Policy.mix((0.5, negatron.Uniform()), (0.5, negatron.Popularity()))
        try:
            with self._server.client(timeout=60.0) as client:
                while act.is_alive():
                    sample = client.sample("films", 8, policy=policy, rows=64)
                    assert sample.items.shape == (64, 8)
        except BaseException as problem:  # pylint: disable=broad-except
            self._problems.append(problem)


def test_kills_under_load_lose_invent_and_double_nothing(tmp_path: pathlib.Path) -> None:
    dice = random.Random(_SEED)
    server = Server(tmp_path, tmp_path / "data")
    with server.client() as client:
        create(client)
    load = Load(server)

    def kill_and_start() -> None:
        time.sleep(dice.uniform(0.05, 0.8))
        server.kill()
        for _ in range(dice.choice([0, 0, 1, 2])):  # Also while it recovers.
            server.start()
            time.sleep(dice.uniform(0.0, 0.15))
            server.kill()
        server.start()
        server.wait()

    for kill in range(_KILLS):
        load.run(threading.Thread(target=kill_and_start))
        with server.client() as client:
            seen = expected_state.read_state(client, "films", _WRITERS)
        for writer, state in zip(load.writers, seen):
            writer.settle(state)
        if _KILLS > 10:
            print(f"kill {kill + 1}: {sum(w.done for w in load.writers)} operations, "
                  f"{sum(len(s.events) for s in seen)} events")
    assert all(writer.done > 0 for writer in load.writers)
    assert server.stop() == 0


@pytest.fixture(name="small_disk", params=["10m", "200m"])
def _small_disk(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[pathlib.Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "none", str(folder)],
        capture_output=True, check=False,
    )
    if done.returncode != 0:
        pytest.skip("mounting a small disk needs rights that are not there")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_refuses_writes_until_there_is_room(
    tmp_path: pathlib.Path, small_disk: pathlib.Path
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4 << 20))
    server = Server(tmp_path, small_disk / "data")
    written = 0
    rows = 20_000

    def write(client: negatron.Client) -> None:
        first = written * rows
        numbers = np.arange(first, first + rows)
        client.write_events("films", numbers % 1000, numbers % 50, numbers)

    try:
        with negatron.Client(server.target, timeout=30.0, max_attempts=1) as client:
            create(client)
            with pytest.raises(negatron.Unavailable) as caught:
                while written * rows < 20_000_000:
                    write(client)
                    written += 1
            assert caught.value.reason == "DISK_FULL"
            # Reads go on, and what was acknowledged is there, once.
            assert client.sample("films", 4, policy=negatron.Uniform(), rows=4).items.size
            assert client.statistics("films").event_count == written * rows
            ballast.unlink()
            deadline = time.monotonic() + 60
            while True:  # Writes come back by themselves.
                try:
                    write(client)
                    break
                except negatron.Unavailable:
                    assert time.monotonic() < deadline, server.log()
                    time.sleep(0.1)
            written += 1
            assert client.statistics("films").event_count == written * rows
        server.kill()
        server.start()
        server.wait()
        with server.client() as client:
            assert client.statistics("films").event_count == written * rows
    finally:
        server.kill()


def test_a_thousand_idle_streams_leave_room_for_calls(tmp_path: pathlib.Path) -> None:
    server = Server(tmp_path, tmp_path / "data", "--max-import-streams=1000")
    with server.client() as client:
        create(client)
        before = _sampling_seconds(client)
        _with_idle_streams(server, client, before)
        # Their places are free again: the same once more.
        _with_idle_streams(server, client, before)
        after = _sampling_seconds(client)
    assert after < 10 * before + 0.1
    assert server.stop() == 0


def _sampling_seconds(client: negatron.Client) -> float:
    """The longest of twenty calls."""
    longest = 0.0
    for _ in range(20):
        start = time.monotonic()
        client.sample("films", 8, policy=negatron.Uniform(), rows=64)
        longest = max(longest, time.monotonic() - start)
    return longest


class Stream:
    """An import stream that says nothing of its own accord."""

    def __init__(self, stub: pool_pb2_grpc.PoolServiceStub) -> None:
        self._requests: queue.SimpleQueue[Optional[pool_pb2.ImportEventsRequest]] = (
            queue.SimpleQueue()
        )
        self.call = stub.ImportEvents(iter(self._requests.get, None), timeout=120.0)

    def send(self, request: pool_pb2.ImportEventsRequest) -> None:
        self._requests.put(request)

    def close(self) -> None:
        self._requests.put(None)
        self.call.cancel()


def _with_idle_streams(server: Server, client: negatron.Client, before: float) -> None:
    # Connections of their own: one has room for 256 calls.
    channels = [
        grpc.insecure_channel(server.target, [("grpc.use_local_subchannel_pool", 1)])
        for _ in range(5)
    ]
    stubs = [pool_pb2_grpc.PoolServiceStub(channel) for channel in channels]
    streams = []
    for number in range(1000):
        streams.append(Stream(stubs[number % 5]))
        streams[-1].send(
            pool_pb2.ImportEventsRequest(collection="collections/films", stream_id=f"s{number}")
        )
    for stream in streams:
        assert next(stream.call).durable_chunk_number == 0
    one_more = Stream(stubs[0])
    assert one_more.call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert _sampling_seconds(client) < 10 * before + 0.1
    # Each can still be used.
    streams[7].send(
        pool_pb2.ImportEventsRequest(chunk_number=1, batch=pool_pb2.BatchWriteEventsRequest())
    )
    assert streams[7].call.code() == grpc.StatusCode.INVALID_ARGUMENT
    for stream in [*streams, one_more]:
        stream.close()
    for channel in channels:
        channel.close()
