# SPDX-License-Identifier: Apache-2.0
"""One run: a model trained on negatives from the server, measured by epoch."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Optional, Union

import numpy as np

import losses
import metrics
import serving
from model import FactorModel, Settings
from quality import measures
from quality.arms import ARMS, Setup
from quality.serving_pool import ServingPool, behind_all
from quality.splits import Split
from quality.store import Config, Result
from quality.towers import TwoTowerModel
from quality.world import World

MODELS = ("mf", "two-tower")
LOSSES: dict[str, losses.Loss] = {
    "bpr": losses.bpr, "softmax": losses.sampled_softmax, "margin": losses.hinge,
}
FACTORS = 31  # With the bias, the server's vectors have 32 components.
_DEPTH = 50  # Of rankings; NDCG and Recall are taken at 20 and at this.
_PUSH_EVERY = 8  # Updates, after which the server gets all embeddings if it draws by them.
_IN_FLIGHT = 3
_TIMEOUT_SECONDS = 300.0  # Of a call, on a machine that does much else.
_NEIGHBOURS = 10
_NEIGHBOUR_ITEMS = 1000  # The most popular ones, between which neighbours are looked for.

AnyModel = Union[FactorModel, TwoTowerModel]


def _make_model(config: Config, world: World) -> AnyModel:
    settings = Settings(config.parameters["rate"], config.parameters["regularisation"], FACTORS)
    if config.model == "mf":
        return FactorModel(world.user_count, world.item_count, settings, config.seed)
    return TwoTowerModel(
        world.user_count, world.item_count, world.categories, settings, config.seed
    )


def popular_items(world: World, split: Split, count: int = _NEIGHBOUR_ITEMS) -> np.ndarray:
    """The items with the most training positives, most popular first."""
    popularity = np.bincount(world.items[split.rows], minlength=world.item_count)
    order = np.argsort(-popularity, kind="stable")[:count]
    return order[popularity[order] > 0]


@dataclasses.dataclass(frozen=True)
class _Seen:
    """A look at the model."""

    ranked: np.ndarray  # [users, _DEPTH], positions among the candidates.
    near: np.ndarray  # [popular items, _NEIGHBOURS], positions among these.
    ndcg: float  # NDCG@20


class Run:
    """The training of one configuration. Confined to one thread.

    Initial parameters and batches follow from the seed alone, so that arms are paired by it.
    """

    def __init__(self, pool: ServingPool, world: World, split: Split, config: Config) -> None:
        self._client = pool.client
        self._world, self._split, self._config = world, split, config
        self._setup: Setup = ARMS[config.arm].setup(config.parameters)
        self._collection = pool.collection(split, self._setup)
        self._model = _make_model(config, world)
        self._stream = serving.NegativeStream(
            self._client, self._collection, config.parameters["negatives"], _IN_FLIGHT
        )
        self._known = np.unique(world.items[split.rows])
        self._popular = popular_items(world, split)
        self._end = behind_all(split)
        self._controller: Optional[str] = None
        self._progress = 0.0
        self._asked = 0  # Batches asked for, from the first epoch on.
        self._updates = 0
        outputs = ["log_q", "positive_log_q"] if config.loss == "softmax" else []
        self._outputs = outputs + (["components"] if self._setup.target_rate is not None else [])

    def train(self) -> Result:
        """Trains to the end and measures."""
        config = self._config
        if self._setup.target_rate is not None:
            self._controller = f"run-{config.key()}"
            self._client.put_controller(
                self._collection, self._controller, target_rate=self._setup.target_rate,
                restart=True,
            )
        shuffle = np.random.default_rng(config.seed)
        curves: dict[str, list[Any]] = {
            name: [] for name in ("ndcg", "hardness", "updates", "seconds", "progress")
        }
        seconds = 0.0
        now: Optional[_Seen] = None
        for epoch in range(config.stop):
            order = shuffle.permutation(self._split.rows)
            begin = time.monotonic()
            hard = self._epoch(order, epoch)
            seconds += time.monotonic() - begin
            before, now = now, self._look()
            for name, value in (
                ("ndcg", now.ndcg), ("hardness", hard), ("updates", self._updates),
                ("seconds", seconds), ("progress", self._progress),
            ):
                curves[name].append(value)
            best = int(np.argmax(curves["ndcg"]))
            if config.patience is not None and epoch - best >= config.patience:
                break
        if self._controller is not None:
            self._client.delete_controller(self._collection, self._controller)
        assert now is not None
        return Result(
            **curves, wait_seconds=self._stream.stats.wait_seconds,
            short_rows=self._stream.stats.short_rows, arrays=self._arrays(now, before),
        )

    def _epoch(self, order: np.ndarray, epoch: int) -> float:
        """Trains on every row once; returns the mean hardness of the negatives."""
        config, world, setup = self._config, self._world, self._setup
        size = config.batch
        batches = np.split(order, range(size, len(order), size))
        total = len(batches) * config.epochs

        def ask(rows: np.ndarray) -> dict[str, Any]:
            if setup.queries and self._asked % _PUSH_EVERY == 0:
                self._stream.push(self._known, self._model.vectors(self._known))
            if setup.schedule:
                self._progress = self._asked / total
            self._asked += 1
            return {
                "policy": setup.policy,
                "users": world.users[rows],
                "positives": world.items[rows],
                "as_of": world.times[rows] if setup.as_of == "row" else self._end,
                "row_keys": rows,
                "queries": self._model.queries(world.users[rows]) if setup.queries else None,
                "progress": self._progress if setup.schedule else None,
                "controller": self._controller,
                "seed": 1000 * config.seed + epoch,
                "outputs": self._outputs,
                "timeout": _TIMEOUT_SECONDS,
            }

        hard = []
        for rows, sample in self._stream.batches(batches, ask):
            step = self._model.step(
                world.users[rows], world.items[rows], sample.items, sample.mask,
                LOSSES[config.loss], sample.log_q, sample.positive_log_q,
            )
            hard.append(step.hardness)
            self._updates += 1
            if self._controller is not None:
                report = self._client.report_outcomes(
                    self._collection, self._controller, sample,
                    violations=step.negative > step.positive[:, None],
                )
                self._progress = report.controller.output
        return float(np.mean(hard))

    def _look(self) -> _Seen:
        """Ranks for all users of the task, and finds the neighbours of popular items."""
        model, task = self._model, self._split.task

        def score(users: np.ndarray, items: np.ndarray) -> np.ndarray:
            return model.queries(users) @ vectors.T

        vectors = model.vectors(task.candidates)
        ranked = metrics.rank(task, score, _DEPTH)
        ndcg, _ = metrics.gains(task, ranked, metrics.TOP)
        # The bias is no direction: it is left out.
        near = measures.neighbours(model.vectors(self._popular)[:, :-1], _NEIGHBOURS)
        return _Seen(ranked, near, float(ndcg.mean()))

    def _arrays(self, now: _Seen, before: Optional[_Seen]) -> dict[str, np.ndarray]:
        task, arrays = self._split.task, {}
        for depth in (metrics.TOP, _DEPTH):
            ndcg, recall = metrics.gains(task, now.ranked, depth)
            arrays[f"ndcg{depth}"] = ndcg.astype(np.float32)
            arrays[f"recall{depth}"] = recall.astype(np.float32)
        top = now.ranked[:, : metrics.TOP]
        arrays["top"] = top.astype(np.int32)
        arrays["near"] = now.near.astype(np.int32)
        if before is not None:
            arrays["epoch_overlap"] = np.array(
                measures.overlap(top, before.ranked[:, : metrics.TOP]), np.float32
            )
            arrays["epoch_near_overlap"] = np.array(
                measures.overlap(now.near, before.near), np.float32
            )
        return arrays
