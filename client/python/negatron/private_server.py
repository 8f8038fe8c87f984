# SPDX-License-Identifier: Apache-2.0
"""A private server: the embedded default of notebooks and tests."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import weakref
from typing import Mapping, Optional, Union

import grpc

from negatron.client import Client
from negatron.errors import NegatronError

_VARIABLE = "NEGATRON_SERVER"
_BINARY = "negatrond"
_LOG_TAIL_LINES = 30
_POLL_SECONDS = 0.01

_Path = Union[str, "os.PathLike[str]"]
# Writing ends of pipes to watchers. A fork would keep a server alive, so its child closes them.
_pipes: set[int] = set()


class ServerNotFound(NegatronError, FileNotFoundError):
    """There is no negatrond where it was looked for."""


class ServerFailed(NegatronError):
    """A private server did not start; the message has the end of its log."""


class LocalClient(Client):
    """A client of a private server, which ends with it. Thread-safe; made by `local`.

    In another process, forked or unpickled, it is a client like any other: only the process that
    started the server ends it.
    """

    _server: "Optional[_Server]" = None  # Of those that are copied, unpickled, or `patient`.

    def __init__(self, server: "_Server", timeout: float) -> None:
        super().__init__(server.target, timeout=timeout)
        self._server = server

    @property
    def log(self) -> str:
        """The server's log up to now; "" in another process, and after `close`."""
        return "" if self._server is None else self._server.log()

    def close(self) -> None:
        """Closes the channel, stops the server and removes a temporary folder."""
        super().close()
        if self._server is not None:
            self._server.stop()


def local(
    folder: Optional[_Path] = None,
    *,
    server: Optional[_Path] = None,
    log: Optional[_Path] = None,
    settings: Optional[Mapping[str, object]] = None,
    start_timeout: float = 60.0,
    timeout: float = 30.0,
) -> LocalClient:
    """Starts a private negatrond on a free port of this machine, and returns its client, ready.

        with negatron.local() as client:
            client.create_collection("films")

    The server ends with `close`, with the client itself, and with this process, even one that is
    killed. Everybody on this machine can connect to it.

    Args:
      folder: where the data stays; None: a temporary folder, removed with the server.
      server: path of negatrond; None: the variable NEGATRON_SERVER, else negatrond on PATH.
      log: file for the server's log; None: a temporary one.
      settings: of negatrond, by the name of the flag: `{"index-threads": 2}`.
      start_timeout: seconds to wait until the server serves.
      timeout: as of `Client`.

    Raises:
      ServerNotFound: no negatrond.
      ServerFailed: it did not start, with the end of its log.
    """
    process = _Server(find_server(server), folder, log, settings or {}, start_timeout)
    client = LocalClient(process, timeout)
    try:
        client.wait_until_ready(timeout=start_timeout)
    except BaseException:
        client.close()
        raise
    return client


def find_server(server: Optional[_Path] = None) -> str:
    """Returns the path of negatrond; raises `ServerNotFound`."""
    if server is not None:
        name, where = os.fspath(server), "the argument `server`"
    elif os.environ.get(_VARIABLE):
        name, where = os.environ[_VARIABLE], f"the variable {_VARIABLE}"
    else:
        name, where = _BINARY, f"PATH (nor is {_VARIABLE} set)"
    path = shutil.which(name)
    if path is None:
        raise ServerNotFound(grpc.StatusCode.NOT_FOUND, f"no executable {name!r}, by {where}")
    return path


class _Server:
    """The process: started by the constructor, which returns when its port is known."""

    def __init__(
        self, binary: str, folder: Optional[_Path], log: Optional[_Path],
        settings: Mapping[str, object], timeout: float,
    ) -> None:
        own = pathlib.Path(tempfile.mkdtemp(prefix="negatron-"))
        self._log = own / "log" if log is None else pathlib.Path(log)
        port_file = own / "port"
        data = own / "data" if folder is None else pathlib.Path(folder)
        command = [
            binary, "--listen=127.0.0.1:0", f"--data-dir={data}", f"--port-file={port_file}",
            *(f"--{name}={value}" for name, value in settings.items()),
        ]
        reading, writing = os.pipe()
        os.set_inheritable(reading, True)
        try:
            # With `close_fds=False` alone this is posix_spawn: a fork, even one before an exec, runs
            # gRPC's handlers, which may abort the child.
            with open(self._log, "wb") as out:
                self._watcher = subprocess.Popen(
                    [sys.executable, "-I", str(pathlib.Path(__file__).with_name("watcher.py")),
                     str(reading), str(own), *command],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                    close_fds=False,
                )
        except BaseException:
            os.close(writing)
            shutil.rmtree(own, ignore_errors=True)
            raise
        finally:
            os.close(reading)
        _pipes.add(writing)
        self._pid = os.getpid()
        # Without `atexit`: at the end of the process the system closes the pipe.
        self._release = weakref.finalize(self, _close, writing, os.getpid())
        self._release.atexit = False
        try:
            self.target = f"127.0.0.1:{self._wait_for_port(port_file, timeout)}"
        except BaseException:
            self.stop()
            shutil.rmtree(own, ignore_errors=True)
            raise

    def _wait_for_port(self, port_file: pathlib.Path, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while True:
            text = port_file.read_text(encoding="ascii") if port_file.exists() else ""
            if text.endswith("\n"):
                return int(text)
            if self._watcher.poll() is not None:
                what = f"the server ended with code {self._watcher.returncode}"
            elif time.monotonic() > deadline:
                what = f"the server told no port within {timeout:g} s"
            else:
                time.sleep(_POLL_SECONDS)  # Files of another process tell nobody.
                continue
            tail = "\n".join(self.log().splitlines()[-_LOG_TAIL_LINES:])
            raise ServerFailed(grpc.StatusCode.UNAVAILABLE, f"{what}; its log ends with\n{tail}")

    def log(self) -> str:
        if not self._log.exists():
            return ""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """Stops the server and waits for its end; nothing in another process."""
        if os.getpid() == self._pid:
            self._release()
            self._watcher.wait()


def _close(pipe: int, pid: int) -> None:
    if os.getpid() == pid and pipe in _pipes:
        _pipes.remove(pipe)
        os.close(pipe)


def _close_in_child() -> None:
    for pipe in _pipes:
        os.close(pipe)
    _pipes.clear()


os.register_at_fork(after_in_child=_close_in_child)
