# SPDX-License-Identifier: Apache-2.0
"""Matrix factorisation in NumPy.

The score of user u and item i is p_u . q_i + b_i. The bias is the last component of the item's
vector and 1 the last of the query, so that the inner product the server ranks by is the model's
score.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

import numpy as np

import losses


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is tuned, and what is fixed."""

    learning_rate: float  # Of Adagrad.
    regularisation: float  # L2, on the rows that a batch touches.
    factors: int = 31  # With the bias, 32 components.


def sum_rows(ids: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distinct ids in order, and for each the sum of its rows of `values`."""
    order = np.argsort(ids, kind="stable")
    sorted_ids = ids[order]
    begins = np.flatnonzero(np.r_[True, sorted_ids[1:] != sorted_ids[:-1]])
    return sorted_ids[begins], np.add.reduceat(values[order], begins, axis=0)


class Adagrad:
    """A table of parameters with its Adagrad state. Not thread-safe."""

    def __init__(self, table: np.ndarray, rate: float) -> None:
        self.table = table
        self._squares = np.full_like(table, 1e-3)
        self._rate = rate

    def ascend(self, rows: np.ndarray, gradient: np.ndarray) -> None:
        """Moves distinct rows up their gradient."""
        self._squares[rows] += gradient * gradient
        self.table[rows] += self._rate * gradient / np.sqrt(self._squares[rows])


def extended(vectors: np.ndarray) -> np.ndarray:
    """Vectors with a last component 1, which meets the item's bias."""
    return np.concatenate([vectors, np.ones((len(vectors), 1), np.float32)], axis=1)


def hardness(positive: np.ndarray, negative: np.ndarray, mask: np.ndarray) -> float:
    """The mean of sigmoid(s_neg - s_pos): 0.5 for negatives that score as their positive does."""
    margin = np.clip(positive[:, None] - negative, -30, 30)
    return float(np.where(mask, 1 / (1 + np.exp(margin)), 0).sum()) / max(int(mask.sum()), 1)


@dataclasses.dataclass(frozen=True)
class Step:
    """What an update saw before it was made."""

    loss: float
    hardness: float
    positive: np.ndarray  # [rows], scores.
    negative: np.ndarray  # [rows, K], scores; anything where there is no negative.


class FactorModel:
    """The parameters and their Adagrad state. Not thread-safe."""

    def __init__(self, users: int, items: int, settings: Settings, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.settings = settings
        d = settings.factors
        user = rng.normal(0, 0.1, (users, d)).astype(np.float32)
        item = np.zeros((items, d + 1), np.float32)
        item[:, :d] = rng.normal(0, 0.1, (items, d))
        self._user = Adagrad(user, settings.learning_rate)
        self._item = Adagrad(item, settings.learning_rate)

    @property
    def user(self) -> np.ndarray:
        """[users, factors]"""
        return self._user.table

    @property
    def item(self) -> np.ndarray:
        """[items, factors + 1], the bias last."""
        return self._item.table

    def queries(self, users: np.ndarray) -> np.ndarray:
        """Vectors [rows, factors + 1] whose inner product with `item` is the score."""
        return extended(self.user[users])

    def vectors(self, items: np.ndarray) -> np.ndarray:
        """Vectors [rows, factors + 1] of items."""
        return self.item[items]

    def step(
        self, users: np.ndarray, positives: np.ndarray, negatives: np.ndarray, mask: np.ndarray,
        loss: losses.Loss = losses.bpr, log_q: Optional[np.ndarray] = None,
        positive_log_q: Optional[np.ndarray] = None,
    ) -> Step:
        """Makes one update on a batch.

        Args:
          users, positives: [rows], indexes.
          negatives: [rows, K], indexes; anything where `mask` is False.
          mask: [rows, K], which negatives are real.
          loss: what is minimised.
          log_q, positive_log_q: [rows, K] and [rows], for a loss that uses them.
        """
        query = self.queries(users)
        negatives = np.where(mask, negatives, 0)
        positive_vectors = self.item[positives]
        negative_vectors = self.item[negatives]
        positive = (query * positive_vectors).sum(axis=1)
        negative = np.einsum("bd,bkd->bk", query, negative_vectors)
        pull = loss(positive, negative, mask, log_q, positive_log_q)
        reg = np.float32(self.settings.regularisation)
        used = (mask.any(axis=1, keepdims=True)).astype(np.float32)
        used_negative = (mask / np.maximum(mask.sum(axis=1, keepdims=True), 1)).astype(np.float32)
        d = self.settings.factors
        toward_user = pull.positive[:, None] * positive_vectors + np.einsum(
            "bk,bkd->bd", pull.negative, negative_vectors
        )
        toward_negative = pull.negative[:, :, None] * query[:, None, :]
        toward_negative -= (reg * used_negative)[:, :, None] * negative_vectors
        self._user.ascend(*sum_rows(users, toward_user[:, :d] - reg * used * self.user[users]))
        self._item.ascend(*sum_rows(
            np.concatenate([positives, negatives.ravel()]),
            np.concatenate([
                pull.positive[:, None] * query - reg * used * positive_vectors,
                toward_negative.reshape(-1, d + 1),
            ]),
        ))
        return Step(pull.loss, hardness(positive, negative, mask), positive, negative)
