# SPDX-License-Identifier: Apache-2.0
"""Pictures of a study."""

from __future__ import annotations

import pathlib
from typing import Any, Mapping

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

from quality.arms import ARMS  # noqa: E402

_DPI = 90
_BASELINE, _SERVICE = "tab:grey", "tab:blue"


def _colour(arm: str) -> str:
    return _BASELINE if ARMS[arm].baseline else _SERVICE


def _save(figure: Any, path: pathlib.Path) -> None:
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)


def draw_gains(path: pathlib.Path, figures: Mapping[str, Any]) -> None:
    """The gain of each arm over the better baseline, with its 95% interval."""
    arms = sorted(figures["arms"].items(), key=lambda one: one[1]["gains"]["ndcg20"]["mean"])
    figure, axes = plt.subplots(figsize=(7, 0.6 + 0.32 * len(arms)), constrained_layout=True)
    for place, (name, arm) in enumerate(arms):
        gain = arm["gains"]["ndcg20"]
        error = [[gain["mean"] - gain["low"]], [gain["high"] - gain["mean"]]]
        axes.errorbar(gain["mean"], place, xerr=error, fmt="o", capsize=3, color=_colour(name))
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(range(len(arms)), [name for name, _ in arms])
    axes.set_xlabel(f"NDCG@20 in the test, less that of {figures['baseline']}; 95% interval")
    axes.set_title(f"{figures['title']}, {figures['seeds']} seeds", fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    _save(figure, path)


def draw_curves(path: pathlib.Path, figures: Mapping[str, Any]) -> None:
    """NDCG@20 of the test by epoch, up to where the validation stopped each arm."""
    figure, axes = plt.subplots(figsize=(7.5, 4.5), constrained_layout=True)
    colours = plt.get_cmap("tab20").colors
    for place, (name, arm) in enumerate(figures["arms"].items()):
        curve = arm["curve"]
        axes.plot(range(1, len(curve) + 1), curve, marker="o", ms=3, label=name,
                  color=colours[place % len(colours)], ls="--" if ARMS[name].baseline else "-")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("epoch (all arms see every positive once in each)")
    axes.set_ylabel("NDCG@20, test, mean over seeds")
    axes.set_title(figures["title"], fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    _save(figure, path)


def draw_breadth(path: pathlib.Path, figures: Mapping[str, Any]) -> None:
    """Quality beside breadth: NDCG@20 by coverage, and by the popularity of what is recommended."""
    figure, panes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, constrained_layout=True)
    for axes, measure, label in (
        (panes[0], "coverage", "coverage of the candidates by the top 20"),
        (panes[1], "popularity", "mean popularity percentile of the top 20"),
    ):
        for name, arm in figures["arms"].items():
            at = (arm[measure], arm["ndcg20"]["mean"])
            axes.plot(*at, "o", color=_colour(name))
            axes.annotate(name, at, fontsize=7, xytext=(3, 3), textcoords="offset points")
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    panes[0].set_ylabel("NDCG@20, test")
    figure.suptitle(figures["title"], fontsize=10)
    _save(figure, path)


def draw_sweep(path: pathlib.Path, figures: Mapping[str, Any]) -> None:
    """NDCG@20 on the validation by the shares of popularity and of hard negatives."""
    points = figures["sweep"]
    rows = sorted({one["popular"] for one in points})
    columns = sorted({one["hard"] for one in points})
    table = np.full((len(rows), len(columns)), np.nan)
    for one in points:
        table[rows.index(one["popular"]), columns.index(one["hard"])] = one["mean"]
    figure, axes = plt.subplots(figsize=(5, 3.6), constrained_layout=True)
    axes.imshow(table, origin="lower", aspect="auto", cmap="viridis")
    for (row, column), value in np.ndenumerate(table):
        if value == value:
            axes.annotate(f"{value:.3f}", (column, row), ha="center", va="center", color="white")
    axes.set_xticks(range(len(columns)), [f"{share:g}" for share in columns])
    axes.set_yticks(range(len(rows)), [f"{share:g}" for share in rows])
    axes.set_xlabel("share of ranks 10 to 110")
    axes.set_ylabel("share of as-of popularity")
    axes.set_title(f"validation NDCG@20, {figures['model']}, {figures['loss']}; rest uniform",
                   fontsize=9)
    _save(figure, path)


def draw(folder: pathlib.Path, figures: Mapping[str, Any]) -> list[pathlib.Path]:
    """Draws all pictures of a study; returns their paths."""
    stem = "-".join((figures["split"], figures["model"], figures["loss"]))
    pictures = [("curves", draw_curves), ("breadth", draw_breadth)]
    if figures["baseline"] is not None:
        pictures.insert(0, ("gains", draw_gains))
    if figures["sweep"]:
        pictures.append(("shares", draw_sweep))
    paths = []
    for name, drawing in pictures:
        paths.append(folder / f"{stem}-{name}.png")
        drawing(paths[-1], figures)
    return paths
