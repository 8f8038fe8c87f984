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


def evaluate(task: Task, score: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> tuple[
    float, float
]:
    """Returns (NDCG@20, Recall@20), means over users.

    `score(users, candidates)` gives scores [users, candidates]. Recall@20 is the part of a user's
    relevant items that is among the top 20.
    """
    discount = 1 / np.log2(np.arange(2, TOP + 2))
    ideal = np.cumsum(discount)
    ndcg, recall = [], []
    for begin in range(0, len(task.users), _USERS_AT_ONCE):
        users = task.users[begin : begin + _USERS_AT_ONCE]
        scores = score(users, task.candidates)
        for row in range(len(users)):
            scores[row, task.seen[begin + row]] = -np.inf
        top = min(TOP, scores.shape[1])
        best = np.argpartition(-scores, top - 1, axis=1)[:, :top]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        for row in range(len(users)):
            wanted = task.relevant[begin + row]
            hit = np.isin(best[row], wanted)
            ndcg.append(discount[:top][hit].sum() / ideal[min(len(wanted), TOP) - 1])
            recall.append(hit.sum() / len(wanted))
    return float(np.mean(ndcg)), float(np.mean(recall))
