# SPDX-License-Identifier: Apache-2.0
"""Reads what a server exports for Prometheus, and what queries ask of it."""

from __future__ import annotations

import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request
from typing import Iterator, NamedTuple

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_NAME = re.compile(r"\b((?:negatron|process)_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?")
_GROUP = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
# Prometheus adds them to every series that it scrapes.
SCRAPED = frozenset({"instance", "job"})


class Sample(NamedTuple):
    name: str
    labels: dict[str, str]
    value: float


class Exposition:
    """A scrape, parsed by the rules of the text format."""

    def __init__(self, text: str) -> None:
        self.samples: list[Sample] = []
        self.types: dict[str, str] = {}
        self.helps: dict[str, str] = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.types, f"{name} is there twice"
                self.types[name] = kind
            elif line.startswith("# HELP "):
                _, _, name, words = line.split(" ", 3)
                self.helps[name] = words
            else:
                match = _SAMPLE.match(line)
                assert match, line
                labels = dict(_LABEL.findall(match[2] or ""))
                self.samples.append(Sample(match[1], labels, float(match[3])))

    def value(self, name: str, **labels: str) -> float:
        """The value of the one series with these labels."""
        (found,) = [s for s in self.samples if s.name == name and s.labels == labels]
        return found.value

    def names(self) -> set[str]:
        return {sample.name for sample in self.samples}

    def labels(self, name: str) -> set[str]:
        """All labels that series of this name have."""
        return {key for s in self.samples if s.name == name for key in s.labels}


class Query(NamedTuple):
    """What a query reads: labels of each metric that it selects by, and those it groups by."""

    selectors: list[tuple[str, set[str]]]
    groups: set[str]


def read_query(text: str) -> Query:
    selectors = [
        (name, {part.split("=")[0].strip("!~ ") for part in _split(selection)})
        for name, selection in _NAME.findall(text)
    ]
    groups = {label.strip() for group in _GROUP.findall(text) for label in group.split(",")}
    return Query(selectors, groups - {"", "le"})


def _split(selection: str) -> Iterator[str]:
    for match in re.finditer(r'[a-z_]+\s*(?:=~|!~|!=|=)', selection):
        yield match[0]


def fetch(url: str, method: str = "GET") -> tuple[int, str, str]:
    """Code, content type and body."""
    request = urllib.request.Request(url, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            body = response.read().decode()
            return response.status, response.headers["Content-Type"], body
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


class MeasuredServer:
    """A negatrond in a process of its own that serves metrics; killed at the end."""

    def __init__(self, binary: str, folder: pathlib.Path, *flags: str) -> None:
        self.log = folder / "log"
        ports = {name: folder / name for name in ("port", "metrics-port")}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [
                    binary,
                    "--listen=127.0.0.1:0",
                    "--metrics-listen=127.0.0.1:0",
                    f"--port-file={ports['port']}",
                    f"--metrics-port-file={ports['metrics-port']}",
                    f"--data-dir={folder / 'data'}",
                    *flags,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.target, self.metrics = (
            f"127.0.0.1:{self._wait_for(path)}" for path in ports.values()
        )

    def _wait_for(self, path: pathlib.Path) -> int:
        deadline = time.monotonic() + 60
        while not (path.exists() and path.read_text(encoding="ascii").strip()):
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, f"no {path}"
            time.sleep(0.01)  # There is no other notice of another process's port.
        return int(path.read_text(encoding="ascii"))

    def get(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        return fetch(f"http://{self.metrics}{path}", method)

    def scrape(self) -> Exposition:
        code, content_type, text = self.get("/metrics")
        assert code == 200
        assert content_type.startswith("text/plain; version=0.0.4")
        return Exposition(text)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
