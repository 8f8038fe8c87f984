# SPDX-License-Identifier: Apache-2.0
"""Intervals of a mean over seeds and users, by paired resampling of both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_REPLICATES_AT_ONCE = 500


class Interval(NamedTuple):
    """A mean, and the percentile interval of its bootstrap distribution."""

    mean: float
    low: float
    high: float


def replicates(values: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Returns [count] means of resampled `values` [seeds, users].

    Seeds and users are resampled independently, with replacement; the same user counts equally
    often under every seed (the pigeonhole bootstrap: Owen, Ann. Appl. Stat. 1(2), 2007).
    """
    values = np.asarray(values, np.float64)
    seeds, users = values.shape
    rng = np.random.default_rng(seed)
    means = []
    for begin in range(0, count, _REPLICATES_AT_ONCE):
        some = min(_REPLICATES_AT_ONCE, count - begin)
        by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), some) / seeds
        by_user = rng.multinomial(users, np.full(users, 1 / users), some) / users
        means.append(np.einsum("bs,sb->b", by_seed, values @ by_user.T))
    return np.concatenate(means)


def interval(
    values: np.ndarray, level: float = 0.95, count: int = 4000, seed: int = 0
) -> Interval:
    """Returns the interval of the mean of `values` [seeds, users]; differences, for paired arms."""
    drawn = replicates(values, count, seed)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.mean(values)), float(low), float(high))
