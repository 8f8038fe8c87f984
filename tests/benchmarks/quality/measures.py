# SPDX-License-Identifier: Apache-2.0
"""What is measured beside NDCG and Recall: breadth, bias, stability, structure of the embedding."""

from __future__ import annotations

import itertools
from typing import Optional, Sequence

import numpy as np


def coverage(top: np.ndarray, candidate_count: int) -> float:
    """The part of the candidates that is recommended to anybody; `top` [users, ranks]."""
    return len(np.unique(top)) / candidate_count


def gini(top: np.ndarray, candidate_count: int) -> float:
    """The Gini coefficient of how often each candidate is recommended: 0 equal, to 1 one takes all.

    `top` [users, ranks] are positions among the candidates.
    """
    counts = np.sort(np.bincount(top.ravel(), minlength=candidate_count)).astype(np.float64)
    ranks = np.arange(1, candidate_count + 1)
    total = counts.sum()
    return float((2 * ranks - candidate_count - 1) @ counts / (candidate_count * total))


def mean_popularity(top: np.ndarray, popularity: np.ndarray) -> float:
    """The mean over recommendations of the share of candidates that are less popular.

    `popularity` [candidates]; 0.5 is what a random recommendation has, ties counting half.
    """
    ordered = np.sort(popularity)
    below = np.searchsorted(ordered, popularity, "left")
    above = np.searchsorted(ordered, popularity, "right")
    percentile = (below + above) / (2 * len(popularity))
    return float(percentile[top].mean())


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """The mean over rows of the part of `one`'s entries that are in `other`'s row, [rows, k] both."""
    return float(np.mean([
        len(np.intersect1d(a, b, assume_unique=True)) / len(a) for a, b in zip(one, other)
    ]))


def mean_overlap(lists: Sequence[np.ndarray]) -> Optional[float]:
    """The mean overlap of all pairs; None for fewer than two."""
    pairs = [overlap(a, b) for a, b in itertools.combinations(lists, 2)]
    return float(np.mean(pairs)) if pairs else None


def neighbours(vectors: np.ndarray, k: int) -> np.ndarray:
    """[n, k]: for each of `vectors` [n, d] the others that have the highest cosine with it."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(norms, 1e-12)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    k = min(k, len(vectors) - 1)
    return np.argpartition(-cosines, k - 1, axis=1)[:, :k]


def coherence(near: np.ndarray, categories: np.ndarray) -> float:
    """How alike neighbours are: their mean Jaccard similarity of categories over that of all pairs.

    1: no more alike than any two items. `near` [n, k]; `categories` [n, c], bool. Items without
    categories do not count.
    """
    labels = categories.astype(np.float64)
    sizes = labels.sum(axis=1)
    common = labels @ labels.T
    union = sizes[:, None] + sizes[None, :] - common
    alike = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    known = sizes > 0
    both = known[:, None] & known[None, :]
    np.fill_diagonal(both, False)
    rows = np.repeat(np.arange(len(near)), near.shape[1])
    kept = both[rows, near.ravel()]
    expected = alike[both].mean() if both.any() else 0.0
    if not kept.any() or expected == 0:
        return float("nan")
    return float(alike[rows, near.ravel()][kept].mean() / expected)


def first_reach(curve: Sequence[float], target: float) -> Optional[int]:
    """The index of the first value that is at least `target`; None: there is none."""
    return next((place for place, value in enumerate(curve) if value >= target), None)
