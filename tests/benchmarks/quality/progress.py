# SPDX-License-Identifier: Apache-2.0
"""A bar on a terminal, a line for each step elsewhere."""

from __future__ import annotations

import sys
import time

_WIDTH = 24


class Bar:
    """Counts steps to a total and tells how long the rest may take. Confined to one thread."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._timed = 0  # Steps that took time: those found on disk do not.
        self._begin = time.monotonic()

    def step(self, label: str, took_time: bool = True) -> None:
        """Tells of a finished step."""
        self._done += 1
        self._timed += took_time
        elapsed = time.monotonic() - self._begin
        left = "?"
        if self._timed:
            left = f"{elapsed / self._timed * (self._total - self._done) / 60:.0f} min"
        filled = _WIDTH * self._done // self._total
        bar = "#" * filled + "." * (_WIDTH - filled)
        text = f"[{bar}] {self._done}/{self._total}, {left} left: {label}"
        if sys.stdout.isatty():
            print(f"\r\x1b[K{text}", end="\n" if self._done == self._total else "", flush=True)
        elif took_time:
            print(text, flush=True)
