# SPDX-License-Identifier: Apache-2.0
"""Trains a recommender on negatives that come over gRPC, and compares two policies.

Starts negatrond, imports interactions, trains BPR matrix factorisation in NumPy batch by batch,
pushes the item embeddings back each epoch, and compares negatives drawn uniformly with a mix
of uniform, as-of popularity and hard ones: the same number of updates, the same tuning budget, a
split by time. Writes pictures, a table and figures as JSON to the output folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys
import time

import numpy as np

import data
import figures
import metrics
import negatron
import serving
from model import Settings
from training import Plan, Problem, Run, train

_COLLECTION = "demo"
# Learning rate and regularisation that both arms try on the validation period.
_GRID = ((0.1, 0.05), (0.1, 0.1), (0.1, 0.2), (0.1, 0.4))
_TRAIN_PART, _VALIDATION_PART = 0.8, 0.1


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    path = pathlib.Path
    parser.add_argument("--data", type=path, help="user_id,item_id,rating,timestamp lines")
    parser.add_argument("--items", type=path, help="item_id,title: registers all these items")
    parser.add_argument("--min-rating", type=float, help="of positives; else 7 of 10 or 4 of 5")
    parser.add_argument("--server", type=path, required=True, help="path of negatrond")
    parser.add_argument("--out", type=path, default=path("build/demo"), help="pictures, table, log")
    parser.add_argument("--seeds", type=int, default=1, help="final runs of each arm")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=2048, help="rows of an update")
    parser.add_argument("--negatives", type=int, default=4, help="negatives a row")
    parser.add_argument("--in-flight", type=int, default=3, help="sample calls in flight")
    parser.add_argument("--half-life-days", type=float, default=14.0, help="of popularity")
    parser.add_argument("--shares", default="0.6,0.3,0.1", help="uniform, popularity, nearest")
    # The first ranks are often what the user chooses next: false negatives.
    parser.add_argument("--window", default="20,200", help="ranks that nearest picks from")
    parser.add_argument("--temperature", type=float, help="softmax in the window; else uniform")
    parser.add_argument("--quick", action="store_true", help="a smoke test: little data")
    args = parser.parse_args()
    if args.quick:
        args.epochs = min(args.epochs, 2)
    for name in ("seeds", "epochs", "batch", "negatives", "in_flight"):
        if getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')}: at least 1 is expected")
    return args


def make_policies(args: argparse.Namespace) -> dict[str, negatron.Policy]:
    """Returns the two arms."""
    shares = [float(share) for share in args.shares.split(",")]
    if len(shares) != 3:
        raise ValueError("--shares: three numbers are expected")
    begin, end = (int(rank) for rank in args.window.split(","))
    nearest = negatron.Nearest(
        (begin, end),
        pick="uniform" if args.temperature is None else "softmax",
        temperature=args.temperature,
    )
    sources = (negatron.Uniform(), negatron.Popularity(), nearest)
    mix = [(share, source) for share, source in zip(shares, sources) if share > 0]
    return {
        "uniform": negatron.Policy.mix((1, negatron.Uniform())),
        "mix": negatron.Policy.mix(*mix),
    }


def _describe(policy: negatron.Policy) -> str:
    return ", ".join(f"{share:g} {source}" for share, source in policy.components)


def load(args: argparse.Namespace) -> data.Interactions:
    if args.data is not None:
        return data.read_ratings(args.data, args.items, args.min_rating)
    if args.quick:
        return data.generate(0, users=120, items=150, events=2000)
    return data.generate(0)


@dataclasses.dataclass(frozen=True)
class Split:
    """A training period and the task of the period after it."""

    is_training: np.ndarray  # [n], bool.
    task: metrics.Task


class Demo:
    """The steps of the demo on one running server."""

    def __init__(
        self, args: argparse.Namespace, client: negatron.Client, interactions: data.Interactions
    ) -> None:
        self._args = args
        self._client = client
        self._data = interactions
        self._begin = time.monotonic()
        self._plan = Plan(args.epochs, args.batch, args.negatives, args.in_flight)
        grid = _GRID[:2] if args.quick else _GRID
        self._settings = {(lr, reg): Settings(lr, reg) for lr, reg in grid}

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._begin:6.1f} s] {text}", flush=True)

    def prepare(self) -> tuple[Problem, Split, Split, tuple[float, float]]:
        """Imports, and splits by time.

        Returns the problem, the split for tuning, the split for the test, and (NDCG, Recall) in the
        test of ranking everything by decayed popularity.
        """
        dimension = Settings(*_GRID[0]).factors + 1
        serving.import_interactions(
            self._client, _COLLECTION, self._data, self._args.half_life_days, dimension, self.say
        )
        items = serving.read_items_back(self._client, _COLLECTION)
        numbers = items.numbers(self._data.items)
        ids, users = np.unique(self._data.users, return_inverse=True)
        times = self._data.times
        problem = Problem(self._data.users, users, numbers, times, len(ids), len(items.names))
        ends = [
            int(times[int(part * len(times))])
            for part in (_TRAIN_PART, _TRAIN_PART + _VALIDATION_PART)
        ]
        splits = []
        for begin, end in ((ends[0], ends[1]), (ends[1], data.NEVER)):
            is_training, is_tested = times < begin, (times >= begin) & (times < end)
            task = metrics.make_task(users, numbers, is_training, is_tested, items.alive(begin))
            if len(task.users) == 0:
                raise ValueError("too little data: nobody to evaluate in one of the periods")
            splits.append(Split(is_training, task))
        dates = [str(np.datetime64(int(t), "us"))[:16] for t in (times[0], *ends, times[-1])]
        self.say(
            f"split by time: train {dates[0]} to {dates[1]}, validation to {dates[2]}, "
            f"test to {dates[3]}"
        )
        task = splits[1].task
        self.say(
            f"test: {len(task.users):,} users with positives both before and in the test "
            f"period, ranking {len(task.candidates):,} items alive and known at its start, less "
            "those the user chose before"
        )
        return problem, splits[0], splits[1], self._popularity(problem, splits[1])

    def _popularity(self, problem: Problem, split: Split) -> tuple[float, float]:
        """Measures ranking by the popularity that the server's `popularity` draws from."""
        times = problem.times[split.is_training]
        mass = metrics.decayed_mass(
            problem.items[split.is_training], times, int(times[-1]),
            self._args.half_life_days * data.DAY, problem.item_count,
        )
        return metrics.evaluate(split.task, lambda u, items: np.tile(mass[items], (len(u), 1)))

    def tune(
        self, problem: Problem, split: Split, policies: dict[str, negatron.Policy]
    ) -> dict[str, Settings]:
        """Tries the grid on the validation period for every arm, with the first seed."""
        chosen = {}
        for arm, policy in policies.items():
            results = []
            for settings in self._settings.values():
                run = train(self._client, _COLLECTION, problem, split.is_training, split.task,
                            policy, settings, self._plan, seed=0, every_epoch=False)
                results.append((run.ndcg[-1], settings))
                self.say(
                    f"tune {arm:8s} rate {settings.learning_rate:<5g} "
                    f"reg {settings.regularisation:<5g} validation NDCG@20 {run.ndcg[-1]:.4f} "
                    f"Recall@20 {run.recall[-1]:.4f} ({run.seconds:.1f} s)"
                )
            chosen[arm] = max(results, key=lambda result: result[0])[1]
        return chosen

    def test(
        self, problem: Problem, split: Split, policies: dict[str, negatron.Policy],
        chosen: dict[str, Settings],
    ) -> dict[str, list[Run]]:
        """Trains on training and validation periods with each seed and measures on the test."""
        runs: dict[str, list[Run]] = {arm: [] for arm in policies}
        for seed in range(self._args.seeds):
            for arm, policy in policies.items():
                run = train(self._client, _COLLECTION, problem, split.is_training, split.task,
                            policy, chosen[arm], self._plan, seed, every_epoch=True)
                runs[arm].append(run)
                self.say(
                    f"test {arm:8s} seed {seed}: NDCG@20 {run.ndcg[-1]:.4f} "
                    f"Recall@20 {run.recall[-1]:.4f}, {run.updates:,} updates in "
                    f"{run.seconds:.1f} s"
                )
        return runs


def _spread(values: list[float]) -> str:
    mean = float(np.mean(values))
    return f"{mean:.4f}" + (f" +- {np.std(values, ddof=1):.4f}" if len(values) > 1 else "")


def make_table(
    runs: dict[str, list[Run]], chosen: dict[str, Settings], reference: tuple[float, float]
) -> str:
    """Returns the table of the test; +- is the standard deviation over seeds."""
    head = (f"{'arm':22s} {'NDCG@20':>16s} {'Recall@20':>16s} {'updates':>8s} {'seconds':>8s} "
            f"{'negatives/s':>12s} {'waiting':>8s}")
    lines = [head, "-" * len(head)]
    for arm, some in runs.items():
        seconds = np.mean([run.seconds for run in some])
        rate = np.mean([run.serving.negatives / run.seconds for run in some])
        waiting = np.mean([run.serving.wait_seconds / run.seconds for run in some])
        lines.append(
            f"{arm:22s} {_spread([run.ndcg[-1] for run in some]):>16s} "
            f"{_spread([run.recall[-1] for run in some]):>16s} {some[0].updates:>8,} "
            f"{seconds:>8.1f} {rate:>12,.0f} {waiting:>8.1%}"
        )
    lines.append(f"{'(popularity, no model)':22s} {reference[0]:>16.4f} {reference[1]:>16.4f}")
    for arm, settings in chosen.items():
        lines.append(f"{arm}: learning rate {settings.learning_rate:g}, regularisation "
                     f"{settings.regularisation:g}, chosen on the validation period of seed 0")
    return "\n".join(lines)


def report(
    args: argparse.Namespace, title: str, runs: dict[str, list[Run]],
    chosen: dict[str, Settings], reference: tuple[float, float],
) -> None:
    """Prints the table and writes it, the pictures and the figures."""
    table = make_table(runs, chosen, reference)
    figures.draw_learning(
        args.out / "learning_curves.png", title,
        {arm: [run.ndcg for run in some] for arm, some in runs.items()}, reference[0],
    )
    figures.draw_hardness(
        args.out / "hardness.png", title,
        {arm: [run.hardness for run in some] for arm, some in runs.items()},
    )
    (args.out / "table.txt").write_text(f"{title}\n{table}\n", encoding="utf-8")
    numbers = {arm: [dataclasses.asdict(run) for run in some] for arm, some in runs.items()}
    (args.out / "runs.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    print(f"\n{title}\n{table}\n")
    print("NDCG and Recall: test period, mean over users" +
          (f", mean and standard deviation over {args.seeds} seeds" if args.seeds > 1 else ""))
    print(f"waiting: share of training time spent waiting for the server\nin {args.out}: "
          "learning_curves.png, hardness.png, table.txt, runs.json, server.log")


def main() -> int:
    args = parse_args()
    try:
        policies = make_policies(args)
        interactions = load(args)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"data: {interactions.title}\n{len(interactions):,} positives", flush=True)
    for arm, policy in policies.items():
        print(f"arm {arm}: {_describe(policy)}")
    log = args.out / "server.log"
    try:
        with negatron.local(server=args.server, log=log, timeout=120.0) as client:
            print(f"negatrond {client.server_info().version} serves at {client.target}", flush=True)
            try:
                demo = Demo(args, client, interactions)
                problem, tuning, testing, reference = demo.prepare()
                chosen = demo.tune(problem, tuning, policies)
                runs = demo.test(problem, testing, policies, chosen)
            except negatron.NegatronError:
                print(f"last lines of {log}:\n{client.log[-3000:]}", file=sys.stderr)
                raise
    except negatron.NegatronError as error:
        print(f"the demo failed: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    report(args, interactions.title, runs, chosen, reference)
    return 0


if __name__ == "__main__":
    sys.exit(main())
