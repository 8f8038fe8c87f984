# SPDX-License-Identifier: Apache-2.0
"""Which configurations an arm tries: as many for every arm."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from quality.arms import Arm, Parameters, Space, shared_space, shared_start


def _draw(space: Space, count: int, seed: int) -> list[dict[str, Any]]:
    """Returns `count` points; in each dimension, every value as often as every other, or once more.

    Every dimension is shuffled by itself, so that few points cover many dimensions (a Latin
    hypercube: McKay et al., Technometrics 21(2), 1979).
    """
    columns = {}
    for name, values in sorted(space.items()):
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        rounds = max(-(-count // len(values)), 1)
        places = np.concatenate([rng.permutation(len(values)) for _ in range(rounds)])[:count]
        columns[name] = [values[place] for place in places]
    return [{name: column[row] for name, column in columns.items()} for row in range(count)]


def candidates(arm: Arm, loss: str, budget: int, seed: int = 0) -> list[Parameters]:
    """Returns the `budget` configurations that the arm tries.

    The first is its start; what all arms have in common is the same in the n-th try of each.
    """
    tries: list[Parameters] = [{**shared_start(loss), **arm.start}]
    shared = _draw(shared_space(loss), budget - 1, seed)
    own = _draw(arm.space, budget - 1, seed)
    return tries + [{**one, **other} for one, other in zip(shared, own)]
