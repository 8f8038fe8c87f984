# SPDX-License-Identifier: Apache-2.0
"""From the runs of a study to figures."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np

import data
import metrics
from quality import measures
from quality.arms import ABLATIONS, ARMS, DEFAULT_HALF_LIFE_DAYS
from quality.bootstrap import Interval, interval
from quality.experiment import Study
from quality.splits import Split
from quality.store import Result
from quality.trainer import popular_items
from quality.world import World

BALANCED = (0.25, 0.25)  # Shares of popularity and hard negatives in the built-in policy.
MEASURES = ("ndcg20", "recall20", "ndcg50", "recall50")
# What time alone does: (name, with time, without).
_TIME_ARMS = (
    ("popularity-as-of against popularity, each tuned", "popularity-as-of", "popularity"),
    ("uniform-as-of against uniform, each tuned", "uniform-as-of", "uniform"),
)


def by_user(results: Sequence[Result], measure: str) -> np.ndarray:
    """[seeds, users]"""
    return np.stack([result.arrays[measure] for result in results]).astype(np.float64)


def gain(with_: Sequence[Result], without: Sequence[Result], measure: str) -> Interval:
    """The mean of with - without, paired by seed and user, and its 95% interval."""
    return interval(by_user(with_, measure) - by_user(without, measure))


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "mean": float(np.mean(values)),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"),
    }


def _mean_of(results: Sequence[Result], name: str) -> Optional[float]:
    values = [float(result.arrays[name]) for result in results if name in result.arrays]
    return float(np.mean(values)) if values else None


def describe_arm(results: Sequence[Result], split: Split, world: World) -> dict[str, Any]:
    """Every measure of one arm that needs no other arm."""
    tops = [result.arrays["top"] for result in results]
    nears = [result.arrays["near"] for result in results]
    candidates = split.task.candidates
    popularity = np.bincount(world.items[split.rows], minlength=world.item_count)[candidates]
    items = popular_items(world, split)
    figures: dict[str, Any] = {
        measure: _spread([float(result.arrays[measure].mean()) for result in results])
        for measure in MEASURES
    }
    figures.update(
        coverage=float(np.mean([measures.coverage(top, len(candidates)) for top in tops])),
        gini=float(np.mean([measures.gini(top, len(candidates)) for top in tops])),
        popularity=float(np.mean([measures.mean_popularity(top, popularity) for top in tops])),
        seed_overlap=measures.mean_overlap(tops),
        epoch_overlap=_mean_of(results, "epoch_overlap"),
        near_seed_overlap=measures.mean_overlap(nears),
        near_epoch_overlap=_mean_of(results, "epoch_near_overlap"),
        coherence=None if world.categories is None else float(np.mean(
            [measures.coherence(near, world.categories[items]) for near in nears]
        )),
        hardness=float(np.mean([result.hardness[-1] for result in results])),
        progress=float(np.mean([result.progress[-1] for result in results])),
        seconds=float(np.mean([result.seconds[-1] for result in results])),
        waiting=float(np.mean([r.wait_seconds / r.seconds[-1] for r in results])),
        updates=float(np.mean([result.updates[-1] for result in results])),
        short_rows=float(np.mean([result.short_rows for result in results])),
        curve=_mean_curve(results),
    )
    return figures


def _mean_curve(results: Sequence[Result]) -> list[float]:
    return [float(value) for value in np.mean([result.ndcg for result in results], axis=0)]


def reach(results: Sequence[Result], target: float) -> dict[str, Any]:
    """Updates and seconds until the NDCG@20 of the test is `target`; medians of the seeds that
    come there."""
    places = [measures.first_reach(result.ndcg, target) for result in results]
    there = [(r, place) for r, place in zip(results, places) if place is not None]
    return {
        "seeds": len(there),
        "updates": float(np.median([r.updates[place] for r, place in there])) if there else None,
        "seconds": float(np.median([r.seconds[place] for r, place in there])) if there else None,
    }


def better_baseline(finals: dict[str, list[Result]]) -> Optional[str]:
    """The baseline with the higher NDCG@20 in the test itself: in favour of the baselines."""
    return max(
        (name for name in finals if ARMS[name].baseline),
        key=lambda name: float(by_user(finals[name], "ndcg20").mean()), default=None,
    )


def best_service(study: Study) -> Optional[str]:
    """The arm of the service with the highest NDCG@20 on the validation period."""
    return max(
        (name for name in study.chosen if not ARMS[name].baseline),
        key=lambda name: study.chosen[name].validation, default=None,
    )


def _time(study: Study) -> list[dict[str, Any]]:
    """Gains of time-awareness alone."""
    found = []
    pairs = [(name, study.finals.get(a), study.finals.get(b)) for name, a, b in _TIME_ARMS]
    pairs += [
        (f"{one.name}; else as {one.arm}", study.ablations.get(one.name),
         study.finals.get(one.arm)) for one in ABLATIONS
    ]
    for name, with_, without in pairs:
        if with_ and without:
            found.append({"name": name, **gain(with_, without, "ndcg20")._asdict()})
    return found


def summarise(study: Study, world: World) -> dict[str, Any]:
    """All figures of a study, ready for JSON."""
    split, finals = study.pair.test, study.finals
    baseline, best = better_baseline(finals), best_service(study)
    arms: dict[str, Any] = {}
    target = max(_mean_curve(finals["uniform"])) if "uniform" in finals else None
    for name, results in finals.items():
        chosen = study.chosen[name]
        figures = describe_arm(results, split, world)
        figures.update(
            validation=chosen.validation, parameters=dict(chosen.parameters),
            epochs=chosen.stop, tried=[[dict(p), value] for p, value in chosen.tried],
        )
        if baseline is not None:
            figures["gains"] = {
                measure: gain(results, finals[baseline], measure)._asdict()
                for measure in MEASURES
            }
        if target is not None:
            figures["reach"] = reach(results, target)
        arms[name] = figures
    transfers = {
        name: {
            arm: {**_spread([float(r.arrays["ndcg20"].mean()) for r in results]),
                  **({"gain": gain(results, by_arm[baseline], "ndcg20")._asdict()}
                     if baseline is not None else {})}
            for arm, results in by_arm.items()
        } for name, by_arm in study.transfers.items()
    }
    return {
        "split": study.split, "model": study.model, "loss": study.loss, "title": study.title,
        "users": len(split.task.users), "candidates": len(split.task.candidates),
        "training": len(split.rows), "seeds": len(next(iter(finals.values()))),
        "popularity_alone": popularity_alone(split, world),
        "baseline": baseline, "best": best, "arms": arms, "time": _time(study),
        "ablations": {
            name: _spread([float(r.arrays["ndcg20"].mean()) for r in results])
            for name, results in study.ablations.items()
        },
        "transfers": transfers,
        "sweep": [
            {"popular": popular, "hard": hard, **_spread(values),
             "gain": _spread(np.subtract(values, study.sweep[BALANCED]).tolist())}
            for (popular, hard), values in study.sweep.items()
        ],
    }


def popularity_alone(split: Split, world: World) -> float:
    """NDCG@20 of ranking everything by decayed popularity, for all users alike."""
    mass = metrics.decayed_mass(
        world.items[split.rows], world.times[split.rows], split.end,
        DEFAULT_HALF_LIFE_DAYS * data.DAY, world.item_count,
    )
    return metrics.evaluate(split.task, lambda u, items: np.tile(mass[items], (len(u), 1)))[0]
