# SPDX-License-Identifier: Apache-2.0
"""Servers in processes of their own: negatrond, or the fake in its place."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import time

_FAKE = pathlib.Path(__file__).with_name("fake_server.py")


def fake_binary(folder: pathlib.Path) -> pathlib.Path:
    """Returns the path of an executable `negatrond`, made in `folder`, that runs the fake."""
    path = folder / "negatrond"
    root = _FAKE.parents[1]
    path.write_text(
        f'#!/bin/sh\nPYTHONPATH={root} exec {sys.executable} {_FAKE} "$@"\n', encoding="utf-8"
    )
    path.chmod(0o755)
    return path


class ServerProcess:
    """A server with its data in `folder`, which a test may kill and start again."""

    def __init__(self, binary: str, folder: pathlib.Path) -> None:
        self._binary = binary
        self._folder = folder
        self.start()

    def start(self, port: str = "0") -> None:
        port_file = self._folder / "port"
        port_file.unlink(missing_ok=True)
        self.log = self._folder / "log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [
                    self._binary,
                    f"--listen=127.0.0.1:{port}",
                    f"--data-dir={self._folder / 'data'}",
                    f"--port-file={port_file}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text(encoding="ascii").strip()):
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "no port file"
            time.sleep(0.01)  # There is no other notice of another process's port.
        self.target = f"127.0.0.1:{int(port_file.read_text(encoding='ascii'))}"

    def kill_and_start(self) -> None:
        """Kills it and starts it again on the same port."""
        self.process.kill()
        self.process.wait()
        self.start(self.target.rsplit(":", 1)[1])

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)
