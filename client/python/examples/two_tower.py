# SPDX-License-Identifier: Apache-2.0
"""A two-tower model in PyTorch: sampled softmax, hard negatives by vectors that are pushed back.

    PYTHONPATH=client/python NEGATRON_SERVER=... python client/python/examples/two_tower.py
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import metrics
import negatron
import negatron.torch as nt
import small_data

_COLLECTION = "two-tower"


class Tower(nn.Module):
    """An embedding of ids and two layers over it; unit vectors."""

    def __init__(self, ids: int, width: int, dimension: int) -> None:
        super().__init__()
        self.table = nn.Embedding(ids, width)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, dimension))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        vectors = self.table(ids)
        return nn.functional.normalize(self.layers(vectors), dim=-1)


class TwoTower(nn.Module):
    """Scores are inner products of the towers' vectors over a temperature."""

    def __init__(self, users: int, items: int, width: int, dimension: int) -> None:
        super().__init__()
        self.user, self.item = Tower(users, width, dimension), Tower(items, width, dimension)
        self.temperature = 0.1

    def loss(
        self, users: torch.Tensor, positives: torch.Tensor, negatives: nt.Negatives
    ) -> torch.Tensor:
        user = self.user(users)
        positive = (user * self.item(positives)).sum(dim=1) / self.temperature
        negative = torch.einsum("bd,bkd->bk", user, self.item(negatives.items)) / self.temperature
        return nt.sampled_softmax_loss(
            positive, negative, negatives.log_q, negatives.positive_log_q, negatives.mask
        )


def main(arguments: "list[str] | None" = None) -> tuple[float, float, float]:
    """Returns NDCG@20, Recall@20 and the share of the training time spent waiting for negatives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--negatives", type=int, default=8)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--dimension", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--hard", type=float, default=0.0, help="share of hard negatives")
    args = parser.parse_args(arguments)
    torch.manual_seed(0)
    some = small_data.make(args.users, args.items, args.events)
    columns = [torch.from_numpy(c[some.training]) for c in (some.users, some.items, some.times)]
    loader = DataLoader(TensorDataset(*columns), args.batch, shuffle=True)
    model = TwoTower(some.user_count, some.item_count, args.width, args.dimension)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    catalogue = torch.arange(some.item_count)
    # Softmax over the whole catalogue has an exact law, so that log q corrects for it, too.
    policy = negatron.Policy.mix(
        (0.5, negatron.Uniform()), (0.5, negatron.Popularity()),
        *([(args.hard, negatron.Adversarial(temperature=0.2))] if args.hard else []),
    )
    with negatron.local() as client:
        small_data.write(client, _COLLECTION, some, args.dimension)
        sampler = nt.NegativeSampler(
            client, _COLLECTION, args.negatives, policy=policy,
            outputs=("log_q", "positive_log_q"),
        )
        vectors = torch.zeros(some.item_count, args.dimension)
        pusher = nt.EmbeddingPusher(client, _COLLECTION, vectors, bound=0.05)

        def rows(batch: list[torch.Tensor]) -> dict[str, torch.Tensor]:
            users, positives, times = batch
            asked = {"users": users, "positives": positives, "as_of": times}
            if args.hard:
                with torch.no_grad():
                    asked["queries"] = model.user(users)
            return asked

        begin = time.monotonic()
        for epoch in range(args.epochs):
            if args.hard:
                with torch.no_grad():
                    vectors.copy_(model.item(catalogue))
                pusher.push(epoch + 1)
            sampler.set_epoch(epoch)
            for (users, positives, _), negatives in sampler.over(loader, rows):
                optimizer.zero_grad()
                model.loss(users, positives, negatives).backward()
                optimizer.step()
        waiting = sampler.waits.seconds / (time.monotonic() - begin)
        pusher.close()

    def score(users: np.ndarray, items: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            user, item = model.user(torch.from_numpy(users)), model.item(torch.from_numpy(items))
            return (user @ item.T).numpy()

    ndcg, recall = metrics.evaluate(some.task, score)
    print(f"NDCG@20 {ndcg:.4f}, Recall@20 {recall:.4f}, waiting {waiting:.1%} of the time")
    return ndcg, recall, waiting


if __name__ == "__main__":
    main()
