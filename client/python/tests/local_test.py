# SPDX-License-Identifier: Apache-2.0
"""The private server: found, started, ended with whoever started it."""

from __future__ import annotations

import os
import pathlib
import pickle
import signal
import subprocess
import sys
import time
from typing import Callable

import numpy as np
import pytest

import negatron
from server_process import fake_binary

@pytest.fixture(name="binary", scope="module")
def _binary(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return fake_binary(tmp_path_factory.mktemp("binary"))


def test_a_server_is_started_and_ended(binary: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with negatron.local(server=binary, log=tmp_path / "log") as client:
        client.create_collection("films")
        client.write_items("films", np.arange(5))
        sample = client.sample("films", 2, policy=negatron.Uniform(), rows=3)
        assert sample.items.shape == (3, 2)
        assert "fake server" in client.log
        target = client.target
    assert not _answers(target)
    assert "fake server" in (tmp_path / "log").read_text(encoding="utf-8")


def test_the_server_is_found_by_argument_variable_and_path(
    binary: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NEGATRON_SERVER", raising=False)
    with pytest.raises(negatron.ServerNotFound, match="NEGATRON_SERVER") as caught:
        negatron.local()
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value, negatron.NegatronError)
    monkeypatch.setenv("PATH", str(binary.parent))
    assert negatron.find_server() == str(binary)
    monkeypatch.setenv("NEGATRON_SERVER", str(tmp_path / "none"))
    with pytest.raises(negatron.ServerNotFound, match="none"):
        negatron.local()
    assert negatron.find_server(binary) == str(binary)
    monkeypatch.setenv("NEGATRON_SERVER", str(binary))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert negatron.find_server() == str(binary)


def test_a_server_that_fails_shows_its_log(tmp_path: pathlib.Path) -> None:
    server = tmp_path / "negatrond"
    server.write_text("#!/bin/sh\necho no disk here\nexit 3\n", encoding="utf-8")
    server.chmod(0o755)
    with pytest.raises(negatron.ServerFailed, match="(?s)code 3.*no disk here"):
        negatron.local(server=server)


def test_settings_are_flags(binary: pathlib.Path) -> None:
    with pytest.raises(negatron.ServerFailed, match="--no-such=1"):
        negatron.local(server=binary, settings={"no-such": 1})


def test_the_server_ends_with_a_killed_process(
    binary: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    code = (
        "import sys, negatron\n"
        f"client = negatron.local(server={str(binary)!r})\n"
        "print(client.target, flush=True)\n"
        "sys.stdin.read()\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path),
             "PYTHONPATH": str(pathlib.Path(negatron.__file__).parents[1])},
    )
    assert starter.stdout is not None
    target = starter.stdout.readline().strip()
    assert _answers(target)
    assert list(tmp_path.iterdir())
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    _wait_until(lambda: not _answers(target))
    _wait_until(lambda: not list(tmp_path.iterdir()))


def test_forks_do_not_keep_the_server(binary: pathlib.Path) -> None:
    client = negatron.local(server=binary)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        client.close()  # Not its server.
        os.read(reading, 1)
        os._exit(0)
    try:
        os.close(reading)
        assert client.server_info().serving
        client.close()  # Returns only if the child does not hold the pipe.
        assert not _answers(client.target)
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def test_a_pickled_client_is_a_guest(binary: pathlib.Path) -> None:
    with negatron.local(server=binary) as client:
        with pickle.loads(pickle.dumps(client)) as guest:
            assert guest.target == client.target
            assert guest.server_info().serving
        assert client.server_info().serving


def test_a_forgotten_client_takes_its_server_along(binary: pathlib.Path) -> None:
    client = negatron.local(server=binary)
    target = client.target
    del client
    _wait_until(lambda: not _answers(target))


def _answers(target: str) -> bool:
    with negatron.Client(target, timeout=5.0, max_attempts=1) as client:
        try:
            return client.server_info().serving
        except negatron.Unavailable:
            return False


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # The end of a process that is not a child tells nobody.
