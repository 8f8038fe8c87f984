# SPDX-License-Identifier: Apache-2.0
"""Which positives are trained on, and which are to be found."""

from __future__ import annotations

import dataclasses

import numpy as np

import data
import metrics
from quality.world import World

TRAIN_PART, VALIDATION_PART = 0.8, 0.1  # Of the positives, by time; the test is the rest.
_EARLY_PART = 0.5  # Of the positives: what the transfer from an early period trains on.


@dataclasses.dataclass(frozen=True)
class Split:
    """A training set and the task behind it. Only training positives ever reach the server."""

    name: str
    rows: np.ndarray  # Of the training, indexes into the world's positives, ascending.
    end: int  # Microseconds: behind every training positive; "now" of what ignores time.
    task: metrics.Task

    def __post_init__(self) -> None:
        if len(self.task.users) == 0:
            raise ValueError(f"split {self.name}: nobody to evaluate; more data is needed")


@dataclasses.dataclass(frozen=True)
class Pair:
    """Hyper-parameters are chosen on `validation`; `test` is measured with what was chosen."""

    validation: Split
    test: Split


def _split(name: str, world: World, training: np.ndarray, tested: np.ndarray, end: int) -> Split:
    task = metrics.make_task(world.users, world.items, training, tested, world.alive(end))
    return Split(name, np.flatnonzero(training), end, task)


def period_ends(world: World) -> tuple[int, int]:
    """Returns the ends of the training and of the validation period."""
    count = len(world)
    return (int(world.times[int(TRAIN_PART * count)]),
            int(world.times[int((TRAIN_PART + VALIDATION_PART) * count)]))


def temporal(world: World) -> Pair:
    """By time: train, then the validation period, then the test period.

    For the test the validation period is trained on, too.
    """
    first, second = period_ends(world)
    times = world.times
    return Pair(
        _split("temporal-validation", world, times < first,
               (times >= first) & (times < second), first),
        _split("temporal-test", world, times < second, times >= second, second),
    )


def per_user(world: World) -> Pair:
    """Leave-one-out: each user's last positive is the test, the one before it the validation.

    Users with fewer than three positives are only trained on. Other users' positives of the same
    time are trained on, so that this split, unlike `temporal`, sees the future of the catalogue.
    """
    order = np.argsort(world.users, kind="stable")  # By user, then time.
    users = world.users[order]
    counts = np.bincount(users, minlength=world.user_count)
    from_end = np.cumsum(counts)[users] - np.arange(len(users))  # 1: the user's last.
    place = np.empty(len(users), np.int64)
    place[order] = from_end
    whole = counts[world.users] >= 3
    last, before = whole & (place == 1), whole & (place == 2)
    end = int(world.times[-1]) + 1
    return Pair(
        _split("per-user-validation", world, ~(last | before), before, end),
        _split("per-user-test", world, ~last, last, end),
    )


def early_period(world: World) -> Split:
    """Transfer over time: trained on the first half only, tested on the test period."""
    _, second = period_ends(world)
    early = int(world.times[int(_EARLY_PART * len(world))])
    name = "transfer-period"
    training = world.times < early
    task = metrics.make_task(
        world.users, world.items, training, world.times >= second, world.alive(second)
    )
    return Split(name, np.flatnonzero(training), early, task)


def other_categories(world: World, seed: int = 0) -> Split:
    """Transfer over categories: half of the users have half of the categories left out.

    Items with a category of that half are learned from the other users; what the users of the first
    half chose among these items is to be found, from what they chose elsewhere.
    """
    if world.categories is None:
        raise ValueError("split transfer-category: the data has no categories")
    rng = np.random.default_rng(seed)
    order = rng.permutation(world.categories.shape[1])
    size = world.categories[:, order].sum(axis=0)
    # Rarer than half of the items together, so that something is left to learn from.
    chosen = order[np.cumsum(size) <= size.sum() / 2]
    held_items = world.categories[:, chosen].any(axis=1)
    held_users = rng.random(world.user_count) < 0.5
    tested = held_users[world.users] & held_items[world.items]
    end = int(world.times[-1]) + 1
    split = _split("transfer-category", world, ~tested, tested, end)
    # Candidates are only items of the held categories: the others are no answer.
    return _only(split, held_items)


def _only(split: Split, allowed: np.ndarray) -> Split:
    """Restricts the candidates to `allowed` [items]."""
    task = split.task
    keep = allowed[task.candidates]
    position = np.where(keep, np.cumsum(keep) - 1, -1)

    def moved(places: list[np.ndarray]) -> list[np.ndarray]:
        return [position[row][position[row] >= 0] for row in places]

    return dataclasses.replace(split, task=metrics.Task(
        task.users, moved(task.relevant), moved(task.seen), task.candidates[keep]
    ))


def births(world: World, split: Split) -> np.ndarray:
    """[items], the time of each item's first training positive; data.NEVER if there is none."""
    first = np.full(world.item_count, data.NEVER, np.int64)
    np.minimum.at(first, world.items[split.rows], world.times[split.rows])
    return first
