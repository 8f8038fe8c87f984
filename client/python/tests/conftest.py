# SPDX-License-Identifier: Apache-2.0
"""Fixtures shared by the tests of the client."""

from __future__ import annotations

from typing import Iterator

import pytest

import negatron
from fake_server import Faults, FakeServer

DAY = 86_400_000_000  # Microseconds.


@pytest.fixture(name="server")
def _server() -> Iterator[FakeServer]:
    server = FakeServer()
    server.port = server.start()
    yield server
    server.faults.gate.set()
    server.stop()


@pytest.fixture(name="faults")
def _faults(server: FakeServer) -> Faults:
    return server.faults


@pytest.fixture(name="client")
def _client(server: FakeServer) -> Iterator[negatron.Client]:
    with negatron.Client(f"127.0.0.1:{server.port}", timeout=10.0) as client:
        yield client
