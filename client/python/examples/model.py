# SPDX-License-Identifier: Apache-2.0
"""Matrix factorisation trained with BPR, in NumPy.

BPR: Rendle et al., UAI 2009. The score of user u and item i is p_u . q_i + b_i. The bias is the
last component of the item's vector and 1 the last of the query, so that the inner product the
server ranks by is the model's score.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is tuned, and what is fixed."""

    learning_rate: float  # Of Adagrad.
    regularisation: float  # L2, on the rows that a batch touches.
    factors: int = 31  # With the bias, 32 components.


class FactorModel:
    """The parameters and their Adagrad state. Not thread-safe."""

    def __init__(self, users: int, items: int, settings: Settings, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.settings = settings
        d = settings.factors
        self.user = rng.normal(0, 0.1, (users, d)).astype(np.float32)
        self.item = np.zeros((items, d + 1), np.float32)
        self.item[:, :d] = rng.normal(0, 0.1, (items, d))
        self._user_squares = np.full_like(self.user, 1e-3)
        self._item_squares = np.full_like(self.item, 1e-3)

    def queries(self, users: np.ndarray) -> np.ndarray:
        """Vectors [rows, factors + 1] whose inner product with `item` is the score."""
        ones = np.ones((len(users), 1), np.float32)
        return np.concatenate([self.user[users], ones], axis=1)

    def step(
        self, users: np.ndarray, positives: np.ndarray, negatives: np.ndarray, mask: np.ndarray
    ) -> tuple[float, float]:
        """Makes one update on a batch.

        Args:
          users, positives: [rows], indexes.
          negatives: [rows, K], indexes; anything where `mask` is False.
          mask: [rows, K], which negatives are real.

        Returns:
          The mean BPR loss, and the mean of sigmoid(s_neg - s_pos), the hardness of the
          negatives: 0.5 for a negative that scores as the positive does.
        """
        query = self.queries(users)
        negatives = np.where(mask, negatives, 0)
        positive_vectors = self.item[positives]
        negative_vectors = self.item[negatives]
        margin = (query * positive_vectors).sum(axis=1)[:, None] - np.einsum(
            "bd,bkd->bk", query, negative_vectors
        )
        hard = np.where(mask, 1 / (1 + np.exp(np.clip(margin, -30, 30))), 0).astype(np.float32)
        real = max(int(mask.sum()), 1)
        weight = hard / np.maximum(mask.sum(axis=1, keepdims=True), 1).astype(np.float32)
        pull = weight.sum(axis=1, keepdims=True)
        toward_user = pull * positive_vectors - np.einsum("bk,bkd->bd", weight, negative_vectors)
        toward_negative = -weight[:, :, None] * query[:, None, :]
        reg = np.float32(self.settings.regularisation)
        used = (mask.any(axis=1, keepdims=True)).astype(np.float32)
        used_negative = (mask / np.maximum(mask.sum(axis=1, keepdims=True), 1)).astype(np.float32)
        d = self.settings.factors
        self._ascend(self.user, self._user_squares, users,
                     toward_user[:, :d] - reg * used * self.user[users])
        ids = np.concatenate([positives, negatives.ravel()])
        toward_item = np.concatenate([
            pull * query - reg * used * positive_vectors,
            (toward_negative - reg * used_negative[:, :, None] * negative_vectors).reshape(
                -1, d + 1
            ),
        ])
        self._ascend(self.item, self._item_squares, ids, toward_item)
        loss = float(np.where(mask, np.logaddexp(0, -margin), 0).sum()) / real
        return loss, float(hard.sum()) / real

    def _ascend(
        self, table: np.ndarray, squares: np.ndarray, ids: np.ndarray, gradient: np.ndarray
    ) -> None:
        """Adagrad on the rows `ids`, repeated ones summed."""
        order = np.argsort(ids, kind="stable")
        sorted_ids = ids[order]
        begins = np.flatnonzero(np.r_[True, sorted_ids[1:] != sorted_ids[:-1]])
        rows = sorted_ids[begins]
        total = np.add.reduceat(gradient[order], begins, axis=0)
        squares[rows] += total * total
        table[rows] += self.settings.learning_rate * total / np.sqrt(squares[rows])
