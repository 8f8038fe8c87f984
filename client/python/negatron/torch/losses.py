# SPDX-License-Identifier: Apache-2.0
"""Losses over sampled negatives. B rows, K negatives a row; differentiable by the scores.

`mask`, shape [B, K], bool, is False for padding, and for false negatives of a shared block: these
take no part, whatever their scores are, NaN too. A row without a negative has a loss of 0.
"""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor
from torch.nn import functional


def sampled_softmax_loss(
    positive_scores: Tensor,
    negative_scores: Tensor,
    negative_log_q: Optional[Tensor] = None,
    positive_log_q: Optional[Tensor] = None,
    mask: Optional[Tensor] = None,
) -> Tensor:
    """Returns the mean cross entropy of the positive against its negatives, corrected for sampling.

    With both log q the logits are s - log q of the positive and of the negatives (Bengio and
    Senecal, 2008), as in sampled softmax over candidates that may be the positive. Without
    `positive_log_q` the positive counts as itself and each of a row's n negatives for 1 / (n q)
    items: the sum over negatives is then an unbiased estimate of the sum over all that can be
    drawn, which fits negatives that never are the positive. Without `negative_log_q` nothing is
    corrected.

    Args:
      positive_scores: shape [B].
      negative_scores: shape [B, K].
      negative_log_q: shape [B, K] or [K]: `Negatives.log_q`. NaN, the log q of a law of kind NONE,
        makes the loss NaN.
      positive_log_q: shape [B]: `Negatives.positive_log_q`; needs `negative_log_q`.
      mask: shape [B, K].
    """
    check_shapes(positive_scores, negative_scores, mask)
    if positive_log_q is not None and negative_log_q is None:
        raise ValueError("positive_log_q: needs negative_log_q")
    real = torch.ones_like(negative_scores, dtype=torch.bool) if mask is None else mask
    positive = positive_scores
    negative = negative_scores.masked_fill(~real, 0.0)
    if negative_log_q is not None:
        log_q = negative_log_q.to(negative.dtype).expand_as(negative).masked_fill(~real, 0.0)
        negative = negative - log_q
        if positive_log_q is not None:
            # A row without a single negative has no loss, and its positive's log q may be NaN.
            known = positive_log_q.to(positive.dtype).masked_fill(~real.any(dim=1), 0.0)
            positive = positive - known
        else:
            count = real.sum(dim=1, keepdim=True).clamp(min=1)
            negative = negative - count.to(negative.dtype).log()
    logits = torch.cat(
        [positive.unsqueeze(1), negative.masked_fill(~real, float("-inf"))], dim=1
    )
    target = torch.zeros(len(logits), dtype=torch.int64, device=logits.device)
    return functional.cross_entropy(logits, target)


def bpr_loss(
    positive_scores: Tensor, negative_scores: Tensor, mask: Optional[Tensor] = None
) -> Tensor:
    """Returns the mean over rows of the mean of -log sigmoid(s+ - s-) (Rendle et al., UAI 2009).

    Args:
      positive_scores: shape [B].
      negative_scores: shape [B, K].
      mask: shape [B, K].
    """
    margins = _margins(positive_scores, negative_scores, mask)
    return _row_means(functional.softplus(-margins), mask).mean()


def margin_loss(
    positive_scores: Tensor,
    negative_scores: Tensor,
    margin: float = 1.0,
    mask: Optional[Tensor] = None,
) -> Tensor:
    """Returns the mean over rows of the mean of max(0, margin - (s+ - s-)).

    Args:
      positive_scores: shape [B].
      negative_scores: shape [B, K].
      margin: in units of the score, at least 0.
      mask: shape [B, K].
    """
    if not margin >= 0:
        raise ValueError(f"margin: at least 0 is expected, not {margin}")
    margins = _margins(positive_scores, negative_scores, mask)
    return _row_means(functional.relu(margin - margins), mask).mean()


def check_shapes(positive: Tensor, negative: Tensor, mask: Optional[Tensor]) -> None:
    """Raises ValueError unless shapes are [B], [B, K] and [B, K]."""
    if negative.dim() != 2 or positive.shape != negative.shape[:1]:
        raise ValueError(
            f"scores: shapes [B] and [B, K] are expected, not {list(positive.shape)} and "
            f"{list(negative.shape)}"
        )
    if mask is not None and (mask.shape != negative.shape or mask.dtype != torch.bool):
        raise ValueError(f"mask: bool of shape {list(negative.shape)} is expected")


def _margins(positive: Tensor, negative: Tensor, mask: Optional[Tensor]) -> Tensor:
    check_shapes(positive, negative, mask)
    if mask is not None:
        negative = negative.masked_fill(~mask, 0.0)
    return positive.unsqueeze(1) - negative


def _row_means(losses: Tensor, mask: Optional[Tensor]) -> Tensor:
    if mask is None:
        return losses.mean(dim=1)
    return losses.masked_fill(~mask, 0.0).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
