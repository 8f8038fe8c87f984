# SPDX-License-Identifier: Apache-2.0
"""BPR matrix factorisation in NumPy, with negatives from a private server or drawn in process.

    PYTHONPATH=client/python NEGATRON_SERVER=... python client/python/examples/bpr_numpy.py

With --dns each negative is the hardest of 8 uniform ones by the model of this very step: the server
gets the vectors that the step before has changed. With --in-process the same law is drawn here.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Protocol

import numpy as np

import metrics
import negatron
import small_data
from model import FactorModel, Settings

_COLLECTION = "bpr"
_POOL = 8  # Of DNS.
_FACTORS = 15


class Negatives(Protocol):
    """Draws one negative for each row."""

    def draw(self, model: FactorModel, users: np.ndarray, rows: np.ndarray) -> np.ndarray: ...

    def changed(self, model: FactorModel, items: np.ndarray) -> None: ...


class OverTheWire:
    """From the server; `rows` name the draws."""

    def __init__(self, client: negatron.Client, some: small_data.SmallData, dns: bool, seed: int):
        self._client, self._dns, self._seed = client, dns, seed
        self._end = some.end
        base = negatron.Uniform()
        self._policy = negatron.Dynamic(base, _POOL, top_count=1) if dns else base

    def draw(self, model: FactorModel, users: np.ndarray, rows: np.ndarray) -> np.ndarray:
        sample = self._client.sample(
            _COLLECTION, 1, policy=self._policy, users=users, as_of=self._end, row_keys=rows,
            queries=model.queries(users) if self._dns else None, seed=self._seed, outputs=(),
        )
        return sample.items[:, 0]

    def changed(self, model: FactorModel, items: np.ndarray) -> None:
        if self._dns:
            self._client.write_embeddings(_COLLECTION, items, model.item[items])


class InProcess:
    """The same law by hand: uniform over what lives at the end and the user has not chosen."""

    def __init__(self, some: small_data.SmallData, dns: bool, seed: int):
        self._random = np.random.default_rng(seed)
        self._dns = dns
        alive = (some.alive_from <= some.end) & (some.end < some.alive_until)
        allowed = np.tile(alive, (some.user_count, 1))
        allowed[some.users[some.training], some.items[some.training]] = False
        self._eligible = [np.flatnonzero(row) for row in allowed]

    def draw(self, model: FactorModel, users: np.ndarray, rows: np.ndarray) -> np.ndarray:
        count = _POOL if self._dns else 1
        pool = np.stack([self._random.choice(self._eligible[user], count) for user in users])
        scores = np.einsum("rd,rmd->rm", model.queries(users), model.item[pool])
        return pool[np.arange(len(pool)), scores.argmax(axis=1)]

    def changed(self, model: FactorModel, items: np.ndarray) -> None:
        pass


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run came to."""

    ndcg: float
    hardness: float  # Mean of sigmoid(s_neg - s_pos) in the last epoch.


def train(
    some: small_data.SmallData, negatives: Negatives, seed: int, epochs: int, batch: int = 256
) -> Result:
    """Trains; model and batches follow from the seed, so that runs differ by negatives alone."""
    model = FactorModel(some.user_count, some.item_count, Settings(0.1, 0.05, _FACTORS), seed)
    negatives.changed(model, np.arange(some.item_count))
    shuffle = np.random.default_rng(seed)
    hardness: list[float] = []
    for epoch in range(epochs):
        order = shuffle.permutation(some.training)
        hardness = []
        for rows in np.split(order, range(batch, len(order), batch)):
            users, positives = some.users[rows], some.items[rows]
            drawn = negatives.draw(model, users, epoch * len(some.users) + rows)[:, None]
            hardness.append(model.step(users, positives, drawn, drawn >= 0).hardness)
            negatives.changed(model, np.unique(np.concatenate([positives, drawn[:, 0]])))
    ndcg, _ = metrics.evaluate(
        some.task, lambda users, items: model.queries(users) @ model.item[items].T
    )
    return Result(ndcg, float(np.mean(hardness)))


def main(arguments: "list[str] | None" = None) -> Result:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dns", action="store_true", help="the hardest of 8, else uniform")
    parser.add_argument("--in-process", action="store_true", help="without a server")
    parser.add_argument("--users", type=int, default=400)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--events", type=int, default=12_000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    some = small_data.make(args.users, args.items, args.events)
    if args.in_process:
        result = train(some, InProcess(some, args.dns, args.seed), args.seed, args.epochs)
    else:
        with negatron.local() as client:
            small_data.write(client, _COLLECTION, some, _FACTORS + 1)
            wire = OverTheWire(client, some, args.dns, args.seed)
            result = train(some, wire, args.seed, args.epochs)
    print(f"NDCG@20 {result.ndcg:.4f}, hardness {result.hardness:.4f}")
    return result


if __name__ == "__main__":
    main()
