# SPDX-License-Identifier: Apache-2.0
"""Collections on the server: one for each split and each way that items live."""

from __future__ import annotations

import datetime as dt

import numpy as np

import data
import negatron
from quality import splits
from quality.arms import DEFAULT_HALF_LIFE_DAYS, GRID, HALF_LIVES_DAYS, Setup
from quality.splits import Split
from quality.world import World

LIVES = ("always", "events")


def behind_all(split: Split) -> int:
    """A time at which everything of the training counts, also in popularity with an exponent."""
    grid = GRID // dt.timedelta(microseconds=1)
    return -(-split.end // grid) * grid


class ServingPool:
    """Makes collections when they are first asked for. Confined to one thread.

    A collection holds the training positives of its split, and nothing that happened later; its
    items are those that occur in them.
    """

    def __init__(self, client: negatron.Client, world: World, dimension: int) -> None:
        self.client = client
        self._world = world
        self._dimension = dimension
        self._made: set[str] = set()

    def collection(self, split: Split, setup: Setup) -> str:
        """Returns the id of the collection whose items live as the setup says."""
        if setup.lives not in LIVES:
            raise ValueError(f"lives: one of {LIVES} is expected, not {setup.lives!r}")
        name = f"{split.name}-{setup.lives}"
        if name not in self._made:
            self._make(name, split, setup)
            self._made.add(name)
        return name

    def _make(self, name: str, split: Split, setup: Setup) -> None:
        world, client = self._world, self.client
        client.create_collection(
            name,
            half_life=dt.timedelta(days=DEFAULT_HALF_LIFE_DAYS),
            half_lives=[dt.timedelta(days=days) for days in HALF_LIVES_DAYS
                        if days != DEFAULT_HALF_LIFE_DAYS],
            popularity_grid=GRID,
            dimension=self._dimension,
            metric=negatron.Metric.INNER_PRODUCT,
        )
        births = splits.births(world, split)
        known = np.flatnonzero(births != data.NEVER)
        alive_from = births[known] if setup.lives == "events" else None
        client.write_items(name, known, alive_from=alive_from)
        rows = split.rows
        client.write_events(name, world.users[rows], world.items[rows], world.times[rows])
        if world.exposures is not None:
            users, items, times = world.exposures
            kept = (times < split.end) & (births[items] != data.NEVER)
            client.write_events(
                name, users[kept], items[kept], times[kept], kinds=negatron.EventKind.EXPOSURE
            )
