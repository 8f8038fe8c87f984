# SPDX-License-Identifier: Apache-2.0
"""Pictures of the demo."""

from __future__ import annotations

import pathlib
from typing import Sequence

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

_COLOURS = ("tab:blue", "tab:orange", "tab:green")


def _curves(axes: plt.Axes, curves: dict[str, Sequence[Sequence[float]]]) -> None:
    """Draws mean and range over seeds of each arm's [seeds][epochs] values."""
    for colour, (arm, values) in zip(_COLOURS, curves.items()):
        table = np.array(values, float)
        epochs = np.arange(1, table.shape[1] + 1)
        axes.plot(epochs, table.mean(axis=0), marker="o", ms=3, color=colour, label=arm)
        if len(table) > 1:
            axes.fill_between(
                epochs, table.min(axis=0), table.max(axis=0), color=colour, alpha=0.2, lw=0
            )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("epoch (the same number of updates in both arms)")
    axes.grid(alpha=0.3)
    axes.legend()


def draw_learning(
    path: pathlib.Path, title: str, curves: dict[str, Sequence[Sequence[float]]],
    reference: float,
) -> None:
    """Draws NDCG@20 on the test period by epoch, and a line for ranking by popularity."""
    figure, axes = plt.subplots(figsize=(7, 4.2), constrained_layout=True)
    _curves(axes, curves)
    axes.axhline(reference, color="grey", ls="--", lw=1)
    axes.annotate("popularity, no model", (1, reference), color="grey", va="bottom", fontsize=8)
    axes.set_ylabel("NDCG@20, test period")
    axes.set_title(title, fontsize=10)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_hardness(
    path: pathlib.Path, title: str, curves: dict[str, Sequence[Sequence[float]]]
) -> None:
    """Draws the hardness of the negatives served in each epoch."""
    figure, axes = plt.subplots(figsize=(7, 4.2), constrained_layout=True)
    _curves(axes, curves)
    axes.set_ylim(0, None)
    axes.set_ylabel("mean sigmoid(s_neg - s_pos)\nof the served negatives")
    axes.set_title(title, fontsize=10)
    figure.savefig(path, dpi=130)
    plt.close(figure)
