# SPDX-License-Identifier: Apache-2.0
"""negatrond and the command line in processes of their own.

NEGATRON_SERVER_BINARY and NEGATRON_CLI_BINARY name the binaries; tests without them skip by `needed`.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import time
from typing import Any

import pytest

SERVER = os.environ.get("NEGATRON_SERVER_BINARY", "")
CLI = os.environ.get("NEGATRON_CLI_BINARY", "")

needed = pytest.mark.skipif(
    not (SERVER and CLI), reason="NEGATRON_SERVER_BINARY or NEGATRON_CLI_BINARY is not set"
)


class RealServer:
    """A negatrond over the data folder `data` in `folder`, and the command line that talks to it."""

    def __init__(self, folder: pathlib.Path, *flags: str, data: str = "data") -> None:
        self._folder = folder
        self._flags = (*flags, f"--data-dir={folder / data}")
        self._port = "0"
        self.start()

    def start(self) -> None:
        """On a free port, and later on the same one."""
        port_file = self._folder / "port"
        port_file.unlink(missing_ok=True)
        with open(self._folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [
                    SERVER, f"--listen=127.0.0.1:{self._port}", f"--port-file={port_file}",
                    *self._flags,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text(encoding="ascii").strip()):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)  # There is no other notice of another process's port.
        self._port = port_file.read_text(encoding="ascii").strip()
        self.target = f"127.0.0.1:{self._port}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def popen(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [CLI, *arguments, f"--server={self.target}", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """The result of a command, which must end with `code`."""
        process = self.popen(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        return json.loads(out) if out else {"error": err}
