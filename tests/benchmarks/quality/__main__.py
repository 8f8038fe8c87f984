# SPDX-License-Identifier: Apache-2.0
"""Trains models on negatives of many kinds from one server, and tells which make them better.

Follows the protocol of client/python/docs/quality.md. Finished runs are kept in the output folder, so
that a repetition goes on where the last one was cut off.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
import sys

import data
import negatron
from quality import plots, report
from quality.arms import ARMS
from quality.experiment import DIMENSION, PAIRS, TRANSFERS, Experiment, Plan
from quality.serving_pool import ServingPool
from quality.store import Store
from quality.summary import summarise
from quality.trainer import LOSSES, MODELS
from quality.world import World, make_world

_QUICK_EVENTS = 4000


def _names(known: "list[str]", text: str) -> tuple[str, ...]:
    """Reads a list with commas of names among `known`; "all" and "none" stand for themselves."""
    if text in ("all", "none"):
        return tuple(known) if text == "all" else ()
    names = tuple(text.split(","))
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"`{name}` is none of {', '.join(known)}")
    return names


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench quality", description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )

    def choices(flag: str, known: "list[str]", default: str, text: str) -> None:
        parser.add_argument(flag, type=lambda value: _names(known, value), default=default,
                            metavar="NAME,...", help=f"{text}: all, none, or of {', '.join(known)}")

    path = pathlib.Path
    parser.add_argument("--data", type=path,
                        help="user_id,item_id,rating,timestamp lines; else generated data")
    parser.add_argument("--items", type=path, help="item_id,title,a|b|c: births and categories")
    parser.add_argument("--min-rating", type=float, help="of positives; else 7 of 10 or 4 of 5")
    parser.add_argument("--ratings", type=int, help="only the earliest so many positives")
    choices("--splits", list(PAIRS), "all", "ways to split")
    choices("--models", list(MODELS), "all", "models")
    choices("--losses", list(LOSSES), "all", "losses")
    choices("--samplers", list(ARMS), "all", "arms")
    choices("--transfers", list(TRANSFERS), "all", "transfers, after the temporal split")
    parser.add_argument("--no-ablations", dest="ablations", action="store_false",
                        help="without the runs that change one aspect of time alone")
    parser.add_argument("--no-sweep", dest="sweep", action="store_false",
                        help="without the runs of other shares for `balanced`")
    parser.add_argument("--budget", type=int, default=16, help="configurations each arm tries")
    parser.add_argument("--seeds", type=int, default=5, help="final runs of each arm")
    parser.add_argument("--epochs", type=int, default=20, help="at most")
    parser.add_argument("--patience", type=int, default=3,
                        help="epochs without a new best that end a run of the tuning")
    parser.add_argument("--batch", type=int, default=2048, help="rows of an update")
    parser.add_argument("--quick", action="store_true",
                        help="a smoke test: little data, two epochs, few of everything")
    parser.add_argument("--server", type=path, required=True, help="path of negatrond")
    parser.add_argument("--out", type=path, default=path("build/quality"), help="output folder")
    args = parser.parse_args()
    if args.quick:
        args.ratings = min(args.ratings or _QUICK_EVENTS, _QUICK_EVENTS)
        args.budget, args.seeds = min(args.budget, 2), min(args.seeds, 2)
        args.epochs, args.batch = min(args.epochs, 2), min(args.batch, 256)
    for name in ("budget", "seeds", "epochs", "patience", "batch"):
        if getattr(args, name) < 1:
            parser.error(f"--{name}: at least 1 is expected")
    return args


def load(args: argparse.Namespace) -> World:
    if args.data is not None:
        interactions = data.read_ratings(args.data, args.items, args.min_rating)
    elif args.quick:
        interactions = data.generate(0, users=150, items=200, events=_QUICK_EVENTS)
    else:
        interactions = data.generate(0)
    return make_world(interactions, args.ratings)


def run(args: argparse.Namespace, world: World, client: negatron.Client) -> None:
    """Runs all studies; writes the report anew after each."""
    plan = Plan(
        arms=args.samplers, budget=args.budget, seeds=args.seeds, epochs=args.epochs,
        patience=args.patience, batch=args.batch, ablations=args.ablations, sweep=args.sweep,
        transfers=tuple(name for name in args.transfers
                        if name != "transfer-category" or world.categories is not None),
    )
    pool = ServingPool(client, world, DIMENSION)
    experiment = Experiment(pool, world, Store(args.out / "runs"), plan)
    studies = []
    for study in experiment.run(list(itertools.product(args.splits, args.models, args.losses))):
        figures = summarise(study, world)
        studies.append(figures)
        plots.draw(args.out, figures)
        print(f"\n{report.study_text(figures)}", flush=True)
        text = "\n".join(map(report.study_text, studies))
        (args.out / "report.md").write_text(f"{world.title}\n\n{text}", encoding="utf-8")
        (args.out / "report.json").write_text(
            json.dumps({"data": world.title, "studies": studies}, indent=1), encoding="utf-8"
        )
    print(f"in {args.out}: report.md, report.json, pictures, runs/, server.log")


def main() -> int:
    args = parse_args()
    try:
        world = load(args)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"data: {world.title}\n{len(world):,} positives of {world.user_count:,} users and "
          f"{world.item_count:,} items", flush=True)
    log = args.out / "server.log"
    try:
        with negatron.local(
            server=args.server, log=log, timeout=300.0, settings={"index-threads": 1}
        ) as client:
            try:
                run(args, world, client)
            except negatron.NegatronError:
                print(f"last lines of {log}:\n{client.log[-3000:]}", file=sys.stderr)
                raise
    except negatron.NegatronError as error:
        print(f"the benchmark failed: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
