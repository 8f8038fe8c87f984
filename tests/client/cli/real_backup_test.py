# SPDX-License-Identifier: Apache-2.0
"""Backups of negatrond itself: made under load, restored after a kill, by the command line and the
Python client. NEGATRON_SERVER_BINARY and NEGATRON_CLI_BINARY name the binaries.
"""

from __future__ import annotations

import pathlib
import subprocess
import threading
import time
from typing import Iterator

import numpy as np
import pytest

import negatron
from real_server import SERVER, RealServer, needed

pytestmark = needed


class _Server(RealServer):
    """A server that makes backups."""

    def __init__(self, folder: pathlib.Path, data: str) -> None:
        super().__init__(folder, f"--backup-dir={folder / 'backups'}", data=data)
        self.client = negatron.Client(self.target, timeout=60.0)
        self.client.wait_until_ready()

    def kill(self) -> None:
        self.client.close()
        super().kill()


def _restore(folder: pathlib.Path, backup: str, data: str) -> tuple[int, str]:
    done = subprocess.run(
        [SERVER, f"--restore={backup}", f"--backup-dir={folder / 'backups'}",
         f"--data-dir={folder / data}"],
        capture_output=True, text=True, timeout=120, check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(name="server")
def _server(tmp_path: pathlib.Path) -> Iterator[_Server]:
    server = _Server(tmp_path, "data")
    yield server
    server.kill()


def _answers(client: negatron.Client) -> list[bytes]:
    sample = client.sample(
        "c", 8, policy=negatron.Popularity(), users=np.arange(50), as_of=np.datetime64(1, "h"),
        seed=7,
    )
    return [np.asarray(sample.items).tobytes(), np.asarray(sample.log_q).tobytes()]


def test_a_backup_under_load_is_restored_after_a_kill(
    server: _Server, tmp_path: pathlib.Path
) -> None:
    server.client.create_collection("c", missing_item_rule=negatron.MissingItemRule.CREATE)
    server.client.create_collection("load", missing_item_rule=negatron.MissingItemRule.CREATE)
    rng = np.random.default_rng(1)
    server.client.write_events(
        "c", rng.integers(0, 50, 5000), rng.integers(0, 300, 5000), np.arange(5000) * 1000
    )
    stop = threading.Event()
    acknowledged = [0]

    def load() -> None:
        with negatron.Client(server.target, timeout=60.0) as client:
            while not stop.is_set():
                n = acknowledged[0]
                client.write_events("load", [n], [n], [n])
                acknowledged[0] = n + 1

    writer = threading.Thread(target=load)
    writer.start()
    while acknowledged[0] < 3:
        time.sleep(0.001)
    before, n_before = _answers(server.client), acknowledged[0]
    made = server.run("backup", "create")["backup"]["name"].rpartition("/")[2]
    n_after = acknowledged[0] + 1
    assert n_after > n_before + 1, "nobody waited for the backup"
    stop.set()
    writer.join()
    server.client.write_events("c", [1], [999], [0])
    assert server.run("backup", "verify", made)["problem"] == ""
    server.kill()

    assert _restore(tmp_path, made, "data")[0] == 2  # Not over the old one.
    code, log = _restore(tmp_path, made, "restored")
    assert code == 0, log
    again = _Server(tmp_path, "restored")
    try:
        assert _answers(again.client) == before
        assert n_before <= again.client.statistics("load").event_count <= n_after
        assert again.client.statistics("c").event_count == 5000
        assert [b.id for b in again.client.list_backups()] == [made]
    finally:
        again.kill()


def test_backups_are_listed_kept_and_deleted(server: _Server) -> None:
    server.client.create_collection("c")
    first = server.client.create_backup().backup
    second = server.client.create_backup().backup
    listed = list(server.client.list_backups(page_size=1))
    assert listed == [first, second]
    assert first.format_version == 5 and first.size_bytes > 0 and first.problem == ""
    assert first.commit_sequence <= second.commit_sequence
    assert server.client.backup_work() is None
    third = server.client.create_backup(keep_count=2)
    assert third.deleted == (first.id,)
    assert server.run("backup", "delete", first.id, code=2)["error"]
    server.run("backup", "delete", first.id, "--allow-missing")
    server.run("backup", "delete", second.id)
    assert [b["name"] for b in server.run("backup", "list")["backups"]] == [
        f"backups/{third.backup.id}"
    ]
    with pytest.raises(negatron.InvalidArgument):
        server.client.verify_backup("../data")
    with pytest.raises(negatron.InvalidArgument):
        server.client.create_backup(keep_count=-1)
    with pytest.raises(negatron.NotFound):
        server.client.verify_backup(first.id)


# SIGKILL at some moment of a restore: either it ended, or a start is refused and the way out works.
def test_a_killed_restore_is_refused_by_a_start(
    server: _Server, tmp_path: pathlib.Path
) -> None:
    server.client.create_collection("c", missing_item_rule=negatron.MissingItemRule.CREATE)
    rng = np.random.default_rng(1)
    for part in range(4):
        server.client.write_events(
            "c", rng.integers(0, 1000, 50_000), rng.integers(0, 3000, 50_000),
            np.arange(50_000) + part,
        )
    made = server.client.create_backup().backup.id
    data = tmp_path / "restored"
    marker = data / "RESTORING"
    restoring = subprocess.Popen(
        [SERVER, f"--restore={made}", f"--backup-dir={tmp_path / 'backups'}",
         f"--data-dir={data}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    while not marker.exists() and restoring.poll() is None:
        pass
    restoring.kill()
    restoring.wait()
    assert marker.exists(), "the restore ended before the kill"
    start = subprocess.run(
        [SERVER, "--listen=127.0.0.1:0", f"--data-dir={data}"],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert start.returncode == 2
    assert "restore again" in start.stdout + start.stderr
    assert _restore(tmp_path, made, "restored")[0] == 2
    for path in sorted(data.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert _restore(tmp_path, made, "restored")[0] == 0
    again = _Server(tmp_path, "restored")
    assert again.client.statistics("c").event_count == 200_000
    again.kill()
