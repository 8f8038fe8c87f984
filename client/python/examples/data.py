# SPDX-License-Identifier: Apache-2.0
"""Interactions: generated, or read from a file of ratings."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import re
from typing import Optional

import numpy as np

MICROS = 1_000_000  # Microseconds in a second.
DAY = 86_400 * MICROS
ALWAYS = -(2**63)
NEVER = 2**63 - 1
_YEAR = re.compile(r"\((\d{4})\)\s*$")


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Items that are registered before the events, with their alive intervals."""

    names: list[str]  # [n]
    alive_from: np.ndarray  # [n], int64 microseconds; ALWAYS where unknown.
    alive_until: np.ndarray  # [n], int64 microseconds; NEVER where unknown.
    categories: tuple[tuple[str, ...], ...] = ()  # Of each item; empty if nobody knows them.


@dataclasses.dataclass(frozen=True)
class Exposures:
    """What users were shown and did not choose: here, what they rated low."""

    users: np.ndarray  # [n], int64 ids.
    items: np.ndarray  # [n], object array of str ids.
    times: np.ndarray  # [n], int64 microseconds since the Unix epoch.


@dataclasses.dataclass(frozen=True)
class Interactions:
    """Positives in order of time: the first of each (user, item)."""

    title: str  # What the data is, for tables and pictures.
    users: np.ndarray  # [n], int64 ids.
    items: np.ndarray  # [n], object array of str ids.
    times: np.ndarray  # [n], int64 microseconds since the Unix epoch, ascending.
    catalogue: Optional[Catalogue]  # None: an item lives from its first event on.
    exposures: Optional[Exposures] = None

    def __len__(self) -> int:
        return len(self.users)


def _first_of_each(title: str, users: np.ndarray, items: np.ndarray, times: np.ndarray,
                   catalogue: Optional[Catalogue]) -> Interactions:
    order = np.argsort(times, kind="stable")
    users, items, times = users[order], items[order], times[order]
    _, codes = np.unique(items, return_inverse=True)
    pairs = np.stack([users, codes.astype(np.int64)], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    first.sort()
    return Interactions(title, users[first], items[first], times[first], catalogue)


def read_ratings(
    path: pathlib.Path, items_path: Optional[pathlib.Path], min_rating: Optional[float]
) -> Interactions:
    """Reads `user_id,item_id,rating,timestamp` (seconds) with a header line.

    Ratings from `min_rating` on are positives; by default 7 on a scale of 10, 4 on one of 5. The
    others are exposures.

    Raises:
      ValueError: names the line that cannot be read.
    """
    users, items, ratings, times = [], [], [], []
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader, None)
        for row in reader:
            try:
                users.append(int(row[0]))
                items.append(row[1])
                ratings.append(float(row[2]))
                times.append(int(float(row[3])))
            except (IndexError, ValueError) as error:
                raise ValueError(
                    f"{path}:{reader.line_num}: user_id,item_id,rating,timestamp expected ({error})"
                ) from None
    rating = np.array(ratings)
    if len(rating) == 0:
        raise ValueError(f"{path}: no ratings")
    if min_rating is None:
        min_rating = 7.0 if rating.max() > 5 else 4.0
    keep = rating >= min_rating
    names, ids = np.array(items, object), np.array(users, np.int64)
    micros = np.array(times, np.int64) * MICROS
    positives = _first_of_each(
        f"{path.name}: ratings >= {min_rating:g} of {len(rating):,}",
        ids[keep], names[keep], micros[keep],
        read_items(items_path) if items_path else None,
    )
    return dataclasses.replace(
        positives, exposures=Exposures(ids[~keep], names[~keep], micros[~keep])
    )


def read_items(path: pathlib.Path) -> Catalogue:
    """Reads `item_id,title,a|b|c`: a year in brackets at the end of the title is the birth, and the
    third column, if there is one, has the categories."""
    names, births, categories = [], [], []
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader, None)
        for row in reader:
            if len(row) < 2:
                raise ValueError(f"{path}:{reader.line_num}: item_id,title expected")
            names.append(row[0])
            year = _YEAR.search(row[1])
            births.append(_year_start(int(year.group(1))) if year else ALWAYS)
            categories.append(tuple(filter(None, "".join(row[2:3]).split("|"))))
    return Catalogue(
        names, np.array(births, np.int64), np.full(len(names), NEVER, np.int64),
        tuple(categories) if any(categories) else (),
    )


def _year_start(year: int) -> int:
    return int(np.datetime64(f"{year:04d}-01-01", "us").astype(np.int64))


def generate(seed: int, users: int = 2500, items: int = 2000, events: int = 50_000) -> Interactions:
    """Makes a catalogue with drift, births and deaths, and users with tastes.

    A year of events. Half of the items live from the start, the others are born during the
    year; a third of all die. An item's popularity rises and fades around a peak of its own; a
    user chooses among living items by popularity times exp(taste . character), and tastes turn
    slowly. Users choose an item once.
    """
    rng = np.random.default_rng(seed)
    dim, start = 6, _year_start(2024)
    year = 365.0
    character = rng.normal(size=(items, dim)) / np.sqrt(dim)
    taste = rng.normal(size=(users, dim))
    turn = rng.normal(size=(users, dim))
    birth = np.where(rng.random(items) < 0.5, 0.0, rng.random(items) * year)
    lifetime = rng.exponential(120.0, items) + 20.0
    death = np.where(rng.random(items) < 1 / 3, birth + lifetime, np.inf)
    peak = birth + rng.exponential(40.0, items)
    width = rng.uniform(15.0, 120.0, items)
    base = rng.normal(0.0, 1.0, items)
    activity = rng.gamma(0.8, size=users) + 0.05
    day = np.sort(rng.random(events) * year)
    chosen_by = rng.choice(users, events, p=activity / activity.sum())
    chosen = np.empty(events, np.int64)
    seen: list[set[int]] = [set() for _ in range(users)]
    for block in np.array_split(np.arange(events), 365):
        now = day[block[0]]
        popularity = base + 1.5 * np.exp(-0.5 * ((now - peak) / width) ** 2)
        popularity[(birth > now) | (death <= day[block[-1]])] = -np.inf
        who = chosen_by[block]
        angle = 0.8 * now / year
        mood = np.cos(angle) * taste[who] + np.sin(angle) * turn[who]
        # The highest of utility plus Gumbel noise is a draw from the softmax.
        exponential = rng.standard_exponential((len(block), items), np.float32)
        noise = -np.log(np.maximum(exponential, 1e-30))
        noisy = 1.5 * mood @ character.T + popularity + noise
        ranked = np.argpartition(-noisy, 20, axis=1)[:, :20]
        order = np.argsort(-np.take_along_axis(noisy, ranked, axis=1), axis=1)
        ranked = np.take_along_axis(ranked, order, axis=1)
        for event, user, ranks in zip(block, who, ranked):
            item = next((int(i) for i in ranks if int(i) not in seen[user]), int(ranks[0]))
            seen[user].add(item)
            chosen[event] = item
    width_of_name = len(str(items - 1))
    names = np.array([f"item-{i:0{width_of_name}d}" for i in range(items)], object)
    until = np.full(items, NEVER, np.int64)
    until[np.isfinite(death)] = start + (death[np.isfinite(death)] * DAY).astype(np.int64)
    strongest = np.argsort(-character, axis=1)[:, :2]
    catalogue = Catalogue(
        list(names), start + (birth * DAY).astype(np.int64), until,
        tuple((f"kind-{first}", f"kind-{second}") for first, second in strongest),
    )
    return _first_of_each(
        f"GENERATED data (seed {seed}): drift, births and deaths",
        chosen_by.astype(np.int64),
        names[chosen],
        start + (day * DAY).astype(np.int64),
        catalogue,
    )
