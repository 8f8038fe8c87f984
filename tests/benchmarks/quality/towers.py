# SPDX-License-Identifier: Apache-2.0
"""A two-tower model in NumPy, gradients by hand; the same face as `model.FactorModel`.

Each tower: x = its embedding (an item's plus the mean of its categories' embeddings), and the
vector x + relu(x A + a) B. The score is the inner product, plus a bias of the item.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

import numpy as np

import losses
from model import Adagrad, Settings, Step, extended, hardness, sum_rows


@dataclasses.dataclass(frozen=True)
class _Pass:
    """What a tower computed on the way to vectors of distinct ids."""

    ids: np.ndarray  # [n], distinct, ascending.
    base: np.ndarray  # [n, d], x.
    hidden: np.ndarray  # [n, h], behind the relu.
    out: np.ndarray  # [n, d]


class Tower:
    """Embeddings of ids, and of their categories, and two layers."""

    def __init__(
        self, ids: int, categories: Optional[np.ndarray], settings: Settings, width: int,
        rng: np.random.Generator,
    ) -> None:
        d, rate = settings.factors, settings.learning_rate

        def table(rows: int, columns: int, scale: float) -> Adagrad:
            return Adagrad(rng.normal(0, scale, (rows, columns)).astype(np.float32), rate)

        self._reg = np.float32(settings.regularisation)
        self._ids = table(ids, d, 0.1)
        self._first, self._second = table(d, width, d**-0.5), table(width, d, 0.1 * width**-0.5)
        self._shift = table(1, width, 0.0)
        self._weights: Optional[np.ndarray] = None
        if categories is not None:
            count = np.maximum(categories.sum(axis=1, keepdims=True), 1)
            self._weights = (categories / count).astype(np.float32)
            self._categories = table(categories.shape[1], d, 0.1)

    def forward(self, ids: np.ndarray) -> _Pass:
        """Computes the vectors of distinct, ascending ids."""
        base = self._ids.table[ids]
        if self._weights is not None:
            base = base + self._weights[ids] @ self._categories.table
        hidden = np.maximum(base @ self._first.table + self._shift.table, 0)
        return _Pass(ids, base, hidden, base + hidden @ self._second.table)

    def backward(self, done: _Pass, toward: np.ndarray, uses: np.ndarray, rows: int) -> None:
        """Moves all parameters.

        Args:
          toward: [n, d], how the objective, summed over the batch, grows by the vectors.
          uses: [n], how often each id counts for the regularisation of its embedding.
          rows: of the batch: the layers move by the mean over them, not by the sum.
        """
        toward_hidden = (toward @ self._second.table.T) * (done.hidden > 0)
        toward_base = toward + toward_hidden @ self._first.table.T
        scale = np.float32(1 / rows)
        every = slice(None)
        self._second.ascend(every, scale * (done.hidden.T @ toward))
        self._first.ascend(every, scale * (done.base.T @ toward_hidden))
        self._shift.ascend(every, scale * toward_hidden.sum(axis=0, keepdims=True))
        if self._weights is not None:
            self._categories.ascend(every, scale * (self._weights[done.ids].T @ toward_base))
        decay = self._reg * uses[:, None] * self._ids.table[done.ids]
        self._ids.ascend(done.ids, toward_base - decay)


class TwoTowerModel:
    """The parameters and their Adagrad state. Not thread-safe."""

    def __init__(
        self, users: int, items: int, categories: Optional[np.ndarray], settings: Settings,
        seed: int, width: int = 32,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._user = Tower(users, None, settings, width, rng)
        self._item = Tower(items, categories, settings, width, rng)
        self._bias = Adagrad(np.zeros((items, 1), np.float32), settings.learning_rate)
        self._reg = np.float32(settings.regularisation)

    def queries(self, users: np.ndarray) -> np.ndarray:
        """Vectors [rows, factors + 1] whose inner product with an item's is the score."""
        distinct, place = np.unique(users, return_inverse=True)
        return extended(self._user.forward(distinct).out)[place]

    def vectors(self, items: np.ndarray) -> np.ndarray:
        """Vectors [rows, factors + 1] of items."""
        distinct, place = np.unique(items, return_inverse=True)
        return self._with_bias(self._item.forward(distinct))[place]

    def _with_bias(self, done: _Pass) -> np.ndarray:
        return np.concatenate([done.out, self._bias.table[done.ids]], axis=1)

    def step(
        self, users: np.ndarray, positives: np.ndarray, negatives: np.ndarray, mask: np.ndarray,
        loss: losses.Loss = losses.bpr, log_q: Optional[np.ndarray] = None,
        positive_log_q: Optional[np.ndarray] = None,
    ) -> Step:
        """Makes one update; as `FactorModel.step`."""
        negatives = np.where(mask, negatives, positives[:, None])
        user_ids, user_place = np.unique(users, return_inverse=True)
        item_ids, item_place = np.unique(
            np.concatenate([positives, negatives.ravel()]), return_inverse=True
        )
        user_pass, item_pass = self._user.forward(user_ids), self._item.forward(item_ids)
        query = extended(user_pass.out)[user_place]
        drawn = self._with_bias(item_pass)[item_place]
        rows, width = len(users), query.shape[1]
        positive_vectors, negative_vectors = drawn[:rows], drawn[rows:].reshape(rows, -1, width)
        positive = (query * positive_vectors).sum(axis=1)
        negative = np.einsum("bd,bkd->bk", query, negative_vectors)
        pull = loss(positive, negative, mask, log_q, positive_log_q)
        toward_user = pull.positive[:, None] * positive_vectors + np.einsum(
            "bk,bkd->bd", pull.negative, negative_vectors
        )
        toward_items = np.concatenate([
            pull.positive[:, None] * query,
            (pull.negative[:, :, None] * query[:, None, :]).reshape(-1, width),
        ])
        used = mask.any(axis=1).astype(np.float32)
        share = (mask / np.maximum(mask.sum(axis=1, keepdims=True), 1)).astype(np.float32)
        uses = np.bincount(item_place, np.concatenate([used, share.ravel()]), len(item_ids))
        by_item = sum_rows(item_place, toward_items)[1]
        by_user = sum_rows(user_place, toward_user)[1]
        decay = self._reg * uses[:, None].astype(np.float32) * self._bias.table[item_ids]
        self._bias.ascend(item_ids, by_item[:, -1:] - decay)
        self._item.backward(item_pass, by_item[:, :-1], uses.astype(np.float32), rows)
        self._user.backward(
            user_pass, by_user[:, :-1],
            np.bincount(user_place, used, len(user_ids)).astype(np.float32), rows,
        )
        return Step(pull.loss, hardness(positive, negative, mask), positive, negative)
