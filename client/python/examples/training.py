# SPDX-License-Identifier: Apache-2.0
"""One training run: negatives from the server, embeddings back, measures by epoch."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

import metrics
import negatron
from model import FactorModel, Settings
from serving import NegativeStream, ServingStats, needs_queries


@dataclasses.dataclass(frozen=True)
class Problem:
    """Interactions by index: `users` 0, 1, ...; `items` are dictionary numbers."""

    user_ids: np.ndarray  # [n], int64 ids as the server knows them.
    users: np.ndarray  # [n]
    items: np.ndarray  # [n]
    times: np.ndarray  # [n], microseconds.
    user_count: int
    item_count: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """What all runs share."""

    epochs: int
    batch_rows: int
    negative_count: int
    in_flight: int


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run came to."""

    ndcg: list[float]  # By epoch; only the last if epochs were not measured.
    recall: list[float]
    hardness: list[float]  # By epoch.
    updates: int
    seconds: float  # Training with serving and pushes, without measuring.
    serving: ServingStats


def train(
    client: negatron.Client,
    collection: str,
    problem: Problem,
    is_training: np.ndarray,
    task: metrics.Task,
    policy: negatron.Policy,
    settings: Settings,
    plan: Plan,
    seed: int,
    every_epoch: bool,
) -> Run:
    """Trains on the rows of `is_training` and measures on `task`.

    Batches are the same for every policy: they follow from the seed alone.
    """
    model = FactorModel(problem.user_count, problem.item_count, settings, seed)
    stream = NegativeStream(client, collection, plan.negative_count, plan.in_flight)
    anchored = needs_queries(policy)
    shuffle = np.random.default_rng(seed)
    rows = np.flatnonzero(is_training)
    known = np.unique(problem.items[rows])
    ndcg, recall, hardness = [], [], []
    updates, seconds = 0, 0.0
    for epoch in range(plan.epochs):
        begin = time.monotonic()
        stream.push(known, model.item[known])
        order = shuffle.permutation(rows)
        row_batches = np.split(order, range(plan.batch_rows, len(order), plan.batch_rows))
        hard = []

        def ask(some: np.ndarray, epoch: int = epoch) -> dict[str, Any]:
            return {
                "policy": policy,
                "users": problem.user_ids[some],
                "positives": problem.items[some],
                "as_of": problem.times[some],
                "queries": model.queries(problem.users[some]) if anchored else None,
                "seed": 1000 * seed + epoch,
                "outputs": (),
                "as_numbers": True,
            }

        for batch, sample in stream.batches(row_batches, ask):
            step = model.step(
                problem.users[batch], problem.items[batch], sample.items, sample.mask
            )
            hard.append(step.hardness)
            updates += 1
        seconds += time.monotonic() - begin
        hardness.append(float(np.mean(hard)))
        if every_epoch or epoch == plan.epochs - 1:
            result = metrics.evaluate(
                task, lambda users, items: model.queries(users) @ model.item[items].T
            )
            ndcg.append(result[0])
            recall.append(result[1])
    return Run(ndcg, recall, hardness, updates, seconds, stream.stats)
