# SPDX-License-Identifier: Apache-2.0
"""What a client knows of a collection's dictionary of string ids."""

from __future__ import annotations

import threading
from typing import Callable

import numpy as np

from negatron.models import Items

_MAX_LOOKUP = 100_000


class NameCache:
    """Names by dictionary number, fetched when they are first seen. Thread-safe.

    A number never changes while its collection lives, so nothing here goes stale; another
    incarnation of the collection needs another cache.
    """

    def __init__(self, incarnation: int, has_names: bool, has_user_names: bool) -> None:
        self.incarnation = incarnation
        self.has_names = has_names
        self.has_user_names = has_user_names
        self._lock = threading.Lock()
        # Entry n + 1 is the name of number n, None while unknown; entry 0 is the padding's.
        self._names = np.array([""], object)

    def lookup(self, numbers: np.ndarray, fetch: Callable[[np.ndarray], Items]) -> np.ndarray:
        """Returns the names of `numbers` (-1: padding), an object array of the same shape."""
        with self._lock:
            top = int(numbers.max(initial=-1)) + 2
            if top > len(self._names):
                grown = np.empty(max(top, 2 * len(self._names)), object)
                grown[: len(self._names)] = self._names
                self._names = grown
            names = self._names[numbers + 1]
            missing = np.unique(numbers[names == None])  # noqa: E711 (element-wise)
            for begin in range(0, len(missing), _MAX_LOOKUP):
                items = fetch(missing[begin : begin + _MAX_LOOKUP])
                if items.numbers is not None:
                    self._names[items.numbers + 1] = items.ids
            return self._names[numbers + 1] if len(missing) else names
