# SPDX-License-Identifier: Apache-2.0
"""Losses of a positive and its negatives, as functions of their scores, in NumPy.

Each takes `positive` [rows] and `negative` [rows, K], the scores, and `mask` [rows, K], which
negatives are real, and returns a `Pull`. A row without a real negative has no loss.
"""

from __future__ import annotations

import dataclasses
from typing import Optional, Protocol

import numpy as np


@dataclasses.dataclass(frozen=True)
class Pull:
    """Minus the gradient of a loss by the scores, summed over rows, and its size."""

    positive: np.ndarray  # [rows]
    negative: np.ndarray  # [rows, K]; 0 where there is no negative.
    loss: float  # Mean over what the loss is a sum of: pairs or rows.


class Loss(Protocol):
    """What is minimised."""

    def __call__(
        self, positive: np.ndarray, negative: np.ndarray, mask: np.ndarray,
        log_q: Optional[np.ndarray], positive_log_q: Optional[np.ndarray],
    ) -> Pull: ...


def _from_pairs(weight: np.ndarray, mask: np.ndarray, losses: np.ndarray) -> Pull:
    """The pull of a loss that is the mean over a row's pairs; `weight` is that of each pair."""
    weight = np.where(mask, weight, 0).astype(np.float32)
    weight /= np.maximum(mask.sum(axis=1, keepdims=True), 1).astype(np.float32)
    loss = float(np.where(mask, losses, 0).sum()) / max(int(mask.sum()), 1)
    return Pull(weight.sum(axis=1), -weight, loss)


def bpr(
    positive: np.ndarray, negative: np.ndarray, mask: np.ndarray,
    log_q: Optional[np.ndarray] = None, positive_log_q: Optional[np.ndarray] = None,
) -> Pull:
    """-log sigmoid(s_pos - s_neg), the mean over a row's negatives (Rendle et al., UAI 2009)."""
    margin = positive[:, None] - negative
    return _from_pairs(
        1 / (1 + np.exp(np.clip(margin, -30, 30))), mask, np.logaddexp(0, -margin)
    )


def hinge(
    positive: np.ndarray, negative: np.ndarray, mask: np.ndarray,
    log_q: Optional[np.ndarray] = None, positive_log_q: Optional[np.ndarray] = None,
) -> Pull:
    """max(0, 1 - (s_pos - s_neg)), the mean over a row's negatives."""
    short = 1 - (positive[:, None] - negative)
    return _from_pairs(short > 0, mask, np.maximum(short, 0))


def sampled_softmax(
    positive: np.ndarray, negative: np.ndarray, mask: np.ndarray,
    log_q: Optional[np.ndarray] = None, positive_log_q: Optional[np.ndarray] = None,
) -> Pull:
    """Cross-entropy of the positive among itself and its negatives, logits s - log q.

    Bengio and Senecal, IEEE Trans. Neural Networks 19(4), 2008. `log_q` and `positive_log_q` are those
    of the server; without them nothing is corrected.
    """
    logits = np.concatenate([positive[:, None], negative], axis=1).astype(np.float64)
    if log_q is not None:
        logits[:, 1:] -= np.where(mask, log_q, 0)
    used = mask.any(axis=1)
    if positive_log_q is not None:
        logits[:, 0] -= np.where(used, positive_log_q, 0)
    logits[:, 1:][~mask] = -np.inf
    highest = logits.max(axis=1, keepdims=True)
    weight = np.exp(logits - highest)
    total = weight.sum(axis=1, keepdims=True)
    weight = (weight / total).astype(np.float32)
    losses = (highest + np.log(total))[:, 0] - logits[:, 0]
    return Pull(
        np.where(used, 1 - weight[:, 0], np.float32(0)), -weight[:, 1:],
        float(losses[used].sum()) / max(int(used.sum()), 1),
    )
