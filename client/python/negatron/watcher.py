# SPDX-License-Identifier: Apache-2.0
"""Runs a server for as long as the process that started this one lives. Standard library only.

    watcher.py PIPE FOLDER SERVER ARGUMENT...

The starter holds the writing end of PIPE, and nobody else does: when it ends, however it ends, the
system closes it. The server then gets SIGTERM, SIGKILL if it takes too long, and FOLDER is removed.
Exits with the server's code; a server that ends by itself leaves FOLDER alone.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

_STOP_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Holds for the watcher itself: should it be killed, so is the server. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    pipe, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    os.setsid()  # Ctrl-C is for the process that started this one.
    server = subprocess.Popen(command, preexec_fn=_die_with_parent)
    stopping = threading.Event()

    def wait_for_end() -> None:
        while os.read(pipe, 1):
            pass
        stopping.set()
        server.terminate()
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()

    threading.Thread(target=wait_for_end, daemon=True).start()
    code = server.wait()
    if stopping.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
