# SPDX-License-Identifier: Apache-2.0
"""Generated interactions by index, split by time: what the short examples train on."""

from __future__ import annotations

import dataclasses

import numpy as np

import data
import metrics
import negatron

_TRAINING_PART = 0.8


@dataclasses.dataclass(frozen=True)
class SmallData:
    """Interactions in order of time; users and items are 0, 1, 2, ..."""

    users: np.ndarray  # [n], int64
    items: np.ndarray  # [n], int64
    times: np.ndarray  # [n], int64 microseconds
    training: np.ndarray  # Indexes of those before `end`.
    end: int  # Of the training period, microseconds.
    alive_from: np.ndarray  # [items], int64 microseconds
    alive_until: np.ndarray  # [items], int64 microseconds
    task: metrics.Task  # Ranking, as of `end`.

    @property
    def user_count(self) -> int:
        return int(self.users.max()) + 1

    @property
    def item_count(self) -> int:
        return len(self.alive_from)


def make(users: int, items: int, events: int, seed: int = 0) -> SmallData:
    """Generates and splits; arguments as of `data.generate`."""
    made = data.generate(seed, users, items, events)
    assert made.catalogue is not None
    row = {name: number for number, name in enumerate(made.catalogue.names)}
    numbers = np.array([row[name] for name in made.items], np.int64)
    end = int(made.times[int(_TRAINING_PART * len(made))])
    before = made.times < end
    alive_from, alive_until = made.catalogue.alive_from, made.catalogue.alive_until
    alive = (alive_from <= end) & (end < alive_until)
    task = metrics.make_task(made.users, numbers, before, ~before, alive)
    return SmallData(made.users, numbers, made.times, np.flatnonzero(before), end, alive_from,
                     alive_until, task)


def write(client: negatron.Client, collection: str, some: SmallData, dimension: int) -> None:
    """Makes a collection of the items and the training events."""
    client.create_collection(
        collection, dimension=dimension, metric=negatron.Metric.INNER_PRODUCT
    )
    client.write_items(
        collection, np.arange(some.item_count), alive_from=some.alive_from,
        alive_until=some.alive_until,
    )
    rows = some.training
    client.write_events(collection, some.users[rows], some.items[rows], some.times[rows])
