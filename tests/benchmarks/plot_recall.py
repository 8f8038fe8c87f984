# SPDX-License-Identifier: Apache-2.0
"""Draws recall against cost from what `./dev bench --group recall` wrote.

    /usr/bin/python3 tests/benchmarks/plot_recall.py build/bench.json server/recall.png
"""

import json
import re
import sys

import matplotlib
import matplotlib.ticker

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position


def main(source, target):
    with open(source, encoding="utf-8") as file:
        figures = json.load(file)
    curves = {}
    for figure in figures:
        found = re.fullmatch(r"recall_(\w+)_(ef\d+|exact)", figure["name"])
        if found:
            curves.setdefault(found[1], []).append((figure["micros"], figure["value"], found[2]))
    if not curves:
        sys.exit(f"{source} has no figures of the group `recall`")
    plot, axes = plt.subplots(figsize=(7, 4), dpi=110)
    for name, points in curves.items():
        walks = sorted(point for point in points if point[2] != "exact")
        line = axes.plot([p[0] for p in walks], [p[1] for p in walks], "o-", label=name)[0]
        for micros, recall, what in walks:
            axes.annotate(what[2:], (micros, recall), textcoords="offset points", xytext=(4, -11),
                          fontsize=7, color=line.get_color())
        for micros, recall, what in points:
            if what == "exact":
                axes.plot([micros], [recall], "s", color=line.get_color(),
                          label=f"{name}, all scored")
    axes.set_xscale("log")
    axes.set_xticks([50, 100, 200, 500], labels=["50", "100", "200", "500"])
    axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    axes.margins(x=0.08, y=0.08)
    axes.set_xlabel("microseconds of one core a query")
    axes.set_ylabel("recall@100")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")
    plot.tight_layout()
    plot.savefig(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
