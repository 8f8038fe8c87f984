# SPDX-License-Identifier: Apache-2.0
"""Ranking measures over all candidates (no sampled candidates)."""

from __future__ import annotations

import dataclasses
from typing import Callable

import numpy as np

TOP = 20
_USERS_AT_ONCE = 512


@dataclasses.dataclass(frozen=True)
class Task:
    """Users to rank for.

    Users have at least one positive in training, and one in the period that is evaluated among
    the candidates and unseen in training. Candidates are the items alive at the end of the training
    period that have at least one positive in it.
    """

    users: np.ndarray  # [n], indexes.
    relevant: list[np.ndarray]  # For each user, positions among the candidates.
    seen: list[np.ndarray]  # For each user, positions among the candidates, to leave out.
    candidates: np.ndarray  # [m], item indexes.


def make_task(
    users: np.ndarray, items: np.ndarray, is_training: np.ndarray, is_tested: np.ndarray,
    is_alive: np.ndarray,
) -> Task:
    """Makes the task of one split.

    Args:
      users, items: [n], indexes, of all interactions.
      is_training, is_tested: [n], bool, the two periods.
      is_alive: [items], bool, at the end of the training period.
    """
    known = np.zeros(len(is_alive), bool)
    known[items[is_training]] = True
    candidates = np.flatnonzero(known & is_alive)
    position = np.full(len(is_alive), -1)
    position[candidates] = np.arange(len(candidates))
    seen_by = _group(users[is_training], position[items[is_training]])
    wanted_by = _group(users[is_tested], position[items[is_tested]])
    chosen, relevant, seen = [], [], []
    for user, wanted in wanted_by.items():
        if user not in seen_by:
            continue
        wanted = np.setdiff1d(wanted[wanted >= 0], seen_by[user])
        if len(wanted):
            chosen.append(user)
            relevant.append(wanted)
            seen.append(seen_by[user][seen_by[user] >= 0])
    return Task(np.array(chosen, np.int64), relevant, seen, candidates)


def _group(users: np.ndarray, values: np.ndarray) -> dict[int, np.ndarray]:
    order = np.argsort(users, kind="stable")
    found, begins = np.unique(users[order], return_index=True)
    return dict(zip(found.tolist(), np.split(values[order], begins[1:])))


# Gives scores [users, candidates].
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


def rank(task: Task, score: Score, depth: int = TOP) -> np.ndarray:
    """Returns the best candidates of each user, best first: [users, depth] positions among them.

    Equal scores come in any order. Where there are fewer candidates, all are ranked.
    """
    depth = min(depth, len(task.candidates))
    ranked = np.empty((len(task.users), depth), np.int64)
    for begin in range(0, len(task.users), _USERS_AT_ONCE):
        rows = slice(begin, begin + _USERS_AT_ONCE)
        scores = score(task.users[rows], task.candidates)
        for row, seen in enumerate(task.seen[rows]):
            scores[row, seen] = -np.inf
        best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        ranked[rows] = np.take_along_axis(best, order, axis=1)
    return ranked


def gains(task: Task, ranked: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns (NDCG, Recall) of each user's first `depth` ranks: two arrays [users].

    Recall is the part of a user's relevant items that is among them.
    """
    discount = 1 / np.log2(np.arange(2, depth + 2))
    counts = np.array([len(wanted) for wanted in task.relevant])
    ideal = np.cumsum(discount)[np.minimum(counts, depth) - 1]
    top = ranked[:, :depth]
    hits = np.stack([np.isin(best, wanted) for best, wanted in zip(top, task.relevant)])
    return hits @ discount[: top.shape[1]] / ideal, hits.sum(axis=1) / counts


def evaluate(task: Task, score: Score) -> tuple[float, float]:
    """Returns (NDCG@20, Recall@20), means over users."""
    ndcg, recall = gains(task, rank(task, score), TOP)
    return float(ndcg.mean()), float(recall.mean())


def decayed_mass(
    items: np.ndarray, times: np.ndarray, now: int, half_life: float, item_count: int
) -> np.ndarray:
    """[items]: positives before `now`, the weight of each halving in every `half_life`."""
    weights = np.exp2((times - now) / half_life)
    return np.bincount(items, weights, minlength=item_count)
