# SPDX-License-Identifier: Apache-2.0
"""Tables, in Markdown, of what `summary` found."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

Figures = Mapping[str, Any]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others to the right."""
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _number(value: Optional[float], form: str = ".4f") -> str:
    return "" if value is None or value != value else format(value, form)


def _spread(value: Mapping[str, float], form: str = ".4f") -> str:
    sd = value["sd"]
    return format(value["mean"], form) + (f" ± {sd:.4f}" if sd == sd else "")


def _interval(value: Mapping[str, float]) -> str:
    return f"{value['mean']:+.4f} [{value['low']:+.4f}, {value['high']:+.4f}]"


def _name(figures: Figures, arm: str) -> str:
    marks = {figures["baseline"]: " (reference)", figures["best"]: " (chosen)"}
    return arm + marks.get(arm, "")


def _by_test(figures: Figures) -> list[tuple[str, Figures]]:
    return sorted(figures["arms"].items(), key=lambda one: -one[1]["ndcg20"]["mean"])


def ranking_table(figures: Figures) -> str:
    """NDCG and Recall of the test; gains against the better baseline."""
    rows = []
    for name, arm in _by_test(figures):
        gains = arm.get("gains", {})
        rows.append([
            _name(figures, name), _number(arm["validation"]), _spread(arm["ndcg20"]),
            _interval(gains["ndcg20"]) if gains and name != figures["baseline"] else "",
            _number(arm["ndcg50"]["mean"]), _number(arm["recall20"]["mean"]),
            _number(arm["recall50"]["mean"]),
        ])
    reference = figures.get("popularity_alone")
    if reference is not None:
        rows.append(["(decayed popularity, no model)", "", _number(reference), "", "", "", ""])
    return _table(["arm", "validation NDCG@20", "test NDCG@20", "gain, 95% interval", "NDCG@50",
                   "Recall@20", "Recall@50"], rows)


def breadth_table(figures: Figures) -> str:
    """Breadth, bias, stability and structure."""
    rows = [[
        _name(figures, name), _number(arm["coverage"], ".3f"), _number(arm["gini"], ".3f"),
        _number(arm["popularity"], ".3f"), _number(arm["epoch_overlap"], ".2f"),
        _number(arm["seed_overlap"], ".2f"), _number(arm["near_epoch_overlap"], ".2f"),
        _number(arm["near_seed_overlap"], ".2f"), _number(arm["coherence"], ".2f"),
    ] for name, arm in _by_test(figures)]
    return _table(["arm", "coverage", "Gini", "popularity", "top 20 by epoch", "by seed",
                   "neighbours by epoch", "by seed", "coherence"], rows)


def cost_table(figures: Figures) -> str:
    """What training took, and when the best of uniform was reached."""
    rows = []
    for name, arm in _by_test(figures):
        there = arm.get("reach", {"seeds": 0, "updates": None, "seconds": None})
        rows.append([
            _name(figures, name), _number(arm["updates"], ",.0f"), _number(arm["seconds"], ".1f"),
            _number(arm["waiting"], ".0%"), f"{there['seeds']} of {figures['seeds']}",
            _number(there["updates"], ",.0f"), _number(there["seconds"], ".1f"),
            _number(arm["hardness"], ".3f"),
        ])
    return _table(["arm", "updates", "seconds", "waiting", "reach uniform's best", "updates",
                   "seconds", "hardness"], rows)


def _parameters(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" if isinstance(value, (int, float)) else f"{name} {value}"
                     for name, value in sorted(parameters.items()))


def chosen_table(figures: Figures) -> str:
    """What the tuning chose."""
    rows = [[name, str(arm["epochs"]), _parameters(arm["parameters"])]
            for name, arm in _by_test(figures)]
    return _table(["arm", "epochs", "parameters"], rows)


def time_table(figures: Figures) -> str:
    """Gains of time-awareness alone."""
    return _table(["what", "gain in NDCG@20, 95% interval"],
                  [[one["name"], _interval(one)] for one in figures["time"]])


def transfer_table(figures: Figures) -> str:
    """NDCG@20 where training and test differ, by the parameters tuned without them."""
    names = sorted(figures["transfers"])
    rows = []
    for arm, _ in _by_test(figures):
        cells = [_name(figures, arm)]
        for name in names:
            one = figures["transfers"][name][arm]
            cells.append(_spread(one))
            cells.append(_interval(one["gain"]) if "gain" in one else "")
        rows.append(cells)
    return _table(["arm", *(head for name in names for head in (name, "gain, 95% interval"))], rows)


def sweep_table(figures: Figures) -> str:
    """Shares for `balanced`, the rest uniform: NDCG@20 on the validation."""
    rows = [[f"{one['popular']:g}", f"{one['hard']:g}", _spread(one),
             _spread(one["gain"], "+.4f")]
            for one in sorted(figures["sweep"], key=lambda one: -one["mean"])]
    return _table(["popularity", "hard", "validation NDCG@20", "less `balanced`"], rows)


def verdict(figures: Figures) -> str:
    """One sentence on the prime question."""
    best, baseline = figures["best"], figures["baseline"]
    if best is None or baseline is None:
        return "No verdict: an arm of the service and a baseline are needed."
    gain = figures["arms"][best]["gains"]["ndcg20"]
    base = figures["arms"][baseline]["ndcg20"]["mean"]
    holds = "is above 0" if gain["low"] > 0 else "is NOT above 0"
    return (f"`{best}`, chosen on the validation period, gains {_interval(gain)} NDCG@20 over "
            f"`{baseline}` ({base:.4f}), the better baseline: the lower bound {holds}.")


def study_text(figures: Figures) -> str:
    """All of a study."""
    parts = [
        f"### {figures['title']}",
        f"{figures['training']:,} training positives, {figures['users']:,} users tested, "
        f"{figures['candidates']:,} candidates, {figures['seeds']} seeds; ± is the standard "
        "deviation over seeds.",
        verdict(figures), ranking_table(figures), breadth_table(figures), cost_table(figures),
    ]
    if figures["time"]:
        parts.append(time_table(figures))
    if figures["transfers"]:
        parts.append(transfer_table(figures))
    if figures["sweep"]:
        parts.append(sweep_table(figures))
    parts.append(chosen_table(figures))
    return "\n\n".join(parts) + "\n"
