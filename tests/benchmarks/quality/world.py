# SPDX-License-Identifier: Apache-2.0
"""The data by dense indexes: what every split is a part of."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Optional

import numpy as np

import data


@dataclasses.dataclass(frozen=True)
class World:
    """Positives in order of time, the first of each (user, item); users and items are 0, 1, 2, ..."""

    title: str
    users: np.ndarray  # [n], int64
    items: np.ndarray  # [n], int64
    times: np.ndarray  # [n], int64 microseconds, ascending.
    user_count: int
    item_count: int
    alive_from: np.ndarray  # [items], int64 microseconds; data.ALWAYS where unknown.
    alive_until: np.ndarray  # [items], int64 microseconds; data.NEVER where unknown.
    categories: Optional[np.ndarray]  # [items, categories], bool; None: nobody knows them.
    exposures: Optional[np.ndarray]  # [3, m], int64: users, items, times; None: there are none.

    def __len__(self) -> int:
        return len(self.users)

    def alive(self, t: int) -> np.ndarray:
        """[items], bool: alive at t, as far as the data tells."""
        return (self.alive_from <= t) & (t < self.alive_until)

    def fingerprint(self) -> str:
        """Names the data: equal for equal positives, lives and exposures."""
        digest = hashlib.sha256()
        for array in (self.users, self.items, self.times, self.alive_from, self.alive_until,
                      self.exposures):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def make_world(interactions: data.Interactions, limit: Optional[int] = None) -> World:
    """Numbers users and items of the first `limit` positives, and of the exposures up to then."""
    count = len(interactions) if limit is None else min(limit, len(interactions))
    if count == 0:
        raise ValueError("no positives")
    names, items = np.unique(interactions.items[:count].astype(str), return_inverse=True)
    ids, users = np.unique(interactions.users[:count], return_inverse=True)
    times = interactions.times[:count]
    number = {name: row for row, name in enumerate(names.tolist())}
    alive_from = np.full(len(names), data.ALWAYS, np.int64)
    alive_until = np.full(len(names), data.NEVER, np.int64)
    categories = None
    catalogue = interactions.catalogue
    if catalogue is not None:
        rows = [(number[name], row) for row, name in enumerate(catalogue.names) if name in number]
        here, there = np.array(rows, np.int64).reshape(-1, 2).T
        alive_from[here] = catalogue.alive_from[there]
        alive_until[here] = catalogue.alive_until[there]
        if catalogue.categories:
            categories = _category_matrix(
                len(names), here, [catalogue.categories[row] for row in there]
            )
    title = interactions.title
    if count < len(interactions):
        title += f", the first {count:,} positives"
    return World(
        title, users.astype(np.int64), items.astype(np.int64), times, len(ids), len(names),
        alive_from, alive_until, categories,
        _exposures(interactions.exposures, ids, number, int(times[-1])),
    )


def _category_matrix(
    items: int, rows: np.ndarray, categories: list[tuple[str, ...]]
) -> np.ndarray:
    known = sorted({name for names in categories for name in names})
    column = {name: place for place, name in enumerate(known)}
    matrix = np.zeros((items, len(known)), bool)
    for row, names in zip(rows, categories):
        matrix[row, [column[name] for name in names]] = True
    return matrix


def _exposures(
    exposures: Optional[data.Exposures], ids: np.ndarray, number: dict[str, int], end: int
) -> Optional[np.ndarray]:
    """Exposures of users and items that have positives, in order of time."""
    if exposures is None:
        return None
    user = {int(name): row for row, name in enumerate(ids)}
    rows = [
        (user[int(who)], number[str(what)], int(when))
        for who, what, when in zip(exposures.users, exposures.items, exposures.times)
        if int(who) in user and str(what) in number and when <= end
    ]
    if not rows:
        return None
    columns = np.array(rows, np.int64).T
    return columns[:, np.argsort(columns[2], kind="stable")]
