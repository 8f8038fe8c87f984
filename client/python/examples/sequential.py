# SPDX-License-Identifier: Apache-2.0
"""A sequential model in PyTorch, next item by GRU, whose negatives are as of each event's time.

    PYTHONPATH=client/python NEGATRON_SERVER=... python client/python/examples/sequential.py

A negative of an event is an item that was there then, was drawn by what was popular until then, and
that the user had not chosen by then: nothing of the event's future is seen.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

import metrics
import negatron
import negatron.torch as nt
import small_data

_COLLECTION = "sequential"


class NextItem(nn.Module):
    """A GRU over the last items of a user; item 0 of the table stands for "none"."""

    def __init__(self, items: int, dimension: int) -> None:
        super().__init__()
        self.table = nn.Embedding(items + 1, dimension, padding_idx=0)
        self.bias = nn.Embedding(items + 1, 1)
        self.recurrent = nn.GRU(dimension, dimension, batch_first=True)
        nn.init.normal_(self.table.weight, std=dimension**-0.5)
        nn.init.zeros_(self.bias.weight)

    def state(self, history: torch.Tensor) -> torch.Tensor:
        """Returns [B, dimension] of histories [B, L], items + 1, oldest first."""
        return self.recurrent(self.table(history))[1][0]

    def score(self, state: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Returns scores, of shape `items`: [B] or [B, K]."""
        vectors = self.table(items + 1)
        inner = torch.einsum("bd,b...d->b...", state, vectors)
        return inner + self.bias(items + 1).squeeze(-1)


def histories(users: np.ndarray, items: np.ndarray, length: int) -> np.ndarray:
    """Returns for each event, in order of time, the user's items before it: [n, length], + 1."""
    result = np.zeros((len(users), length), np.int64)
    before: dict[int, np.ndarray] = {}
    for row, (user, item) in enumerate(zip(users.tolist(), items.tolist())):
        history = before.get(user, np.zeros(length, np.int64))
        result[row] = history
        before[user] = np.append(history[1:], item + 1)
    return result


def main(arguments: "list[str] | None" = None) -> tuple[float, float]:
    """Returns NDCG@20 and Recall@20."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--negatives", type=int, default=16)
    parser.add_argument("--length", type=int, default=10, help="of a history")
    parser.add_argument("--dimension", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="processes that fetch negatives")
    args = parser.parse_args(arguments)
    torch.manual_seed(0)
    some = small_data.make(args.users, args.items, args.events)
    history = histories(some.users, some.items, args.length)
    rows = some.training
    model = NextItem(some.item_count, args.dimension)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    policy = negatron.Policy.mix((0.5, negatron.Uniform()), (0.5, negatron.Popularity()))
    with negatron.local() as client:
        small_data.write(client, _COLLECTION, some, args.dimension)
        dataset = nt.NegativeBatches(
            nt.NegativeSampler(client, _COLLECTION, args.negatives, policy=policy),
            {"users": some.users[rows], "positives": some.items[rows], "as_of": some.times[rows]},
            features={"history": history[rows]},
            batch_rows=args.batch,
        )
        loader = DataLoader(
            dataset, batch_size=None, num_workers=args.workers,
            persistent_workers=args.workers > 0,
        )
        for epoch in range(args.epochs):
            dataset.set_epoch(epoch)
            for batch in loader:
                state = model.state(batch.columns["history"])
                loss = nt.sampled_softmax_loss(
                    model.score(state, batch.columns["positives"]),
                    model.score(state, batch.negatives.items),
                    batch.negatives.log_q,
                    mask=batch.negatives.mask,
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            print(f"epoch {epoch}: loss of the last batch {loss.item():.3f}")

    last = np.zeros((some.user_count, args.length), np.int64)
    last[some.users[rows]] = np.append(history[rows][:, 1:], some.items[rows][:, None] + 1, axis=1)

    def score(users: np.ndarray, items: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            state = model.state(torch.from_numpy(last[users]))
            return model.score(state, torch.from_numpy(items).expand(len(users), -1)).numpy()

    ndcg, recall = metrics.evaluate(some.task, score)
    print(f"NDCG@20 {ndcg:.4f}, Recall@20 {recall:.4f}")
    return ndcg, recall


if __name__ == "__main__":
    main()
