# SPDX-License-Identifier: Apache-2.0
"""A data set as RecBole has them: atomic files in, batches with `neg_item_id` out.

    PYTHONPATH=client/python NEGATRON_SERVER=... python client/python/examples/recbole_data.py \
        data.inter [data.item]

Reads `.inter` (user_id:token, item_id:token, timestamp:float) and, if there is one, `.item`
(item_id:token). Batches are mappings with RecBole's names: tokens are numbered from 1, 0 is [PAD],
and pairwise batches have a row for each pair of a positive and a negative.
"""

from __future__ import annotations

import argparse
import csv
import pathlib
from typing import Iterator, Optional

import numpy as np

import negatron

_MICROS = 1_000_000


def read_atomic(path: pathlib.Path) -> dict[str, list[str]]:
    """Returns the columns of an atomic file by their names, without the types."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [field.split(":")[0] for field in next(lines)]
        rows = list(lines)
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise ValueError(f"{path}:{number}: {len(names)} columns are expected, not {len(row)}")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


class NegativeDataset:
    """Interactions, and their negatives from a collection of its own."""

    def __init__(
        self, client: negatron.Client, collection: str, inter: pathlib.Path,
        item: Optional[pathlib.Path] = None,
    ) -> None:
        """Reads the files and makes the collection.

        Raises:
          KeyError, ValueError: a column is missing or bad.
        """
        columns = read_atomic(inter)
        self._client, self._collection = client, collection
        self.times = (np.array(columns["timestamp"], float) * _MICROS).astype(np.int64)
        order = np.argsort(self.times, kind="stable")
        self.times = self.times[order]
        self._users = np.array(columns["user_id"], object)[order]
        items = np.array(columns["item_id"], object)[order]
        client.create_collection(
            collection, item_id_type=negatron.IdType.STRING, user_id_type=negatron.IdType.STRING,
            missing_item_rule=negatron.MissingItemRule.CREATE,
        )
        if item is not None:
            client.write_items(collection, read_atomic(item)["item_id"])
        client.write_events(collection, self._users, items, self.times)
        # The server's dictionary numbers are dense: one more each, they are RecBole's.
        self.item_tokens = ["[PAD]"]
        for page in client.list_items(collection):
            self.item_tokens += page.ids.tolist()
        number = {token: place for place, token in enumerate(self.item_tokens)}
        self.item_id = np.array([number[token] for token in items], np.int64)
        tokens, inverse = np.unique(self._users.astype(str), return_inverse=True)
        self.user_tokens = ["[PAD]", *tokens.tolist()]
        self.user_id = inverse.reshape(-1).astype(np.int64) + 1

    @property
    def item_num(self) -> int:
        """Items, with [PAD]."""
        return len(self.item_tokens)

    @property
    def user_num(self) -> int:
        """Users, with [PAD]."""
        return len(self.user_tokens)

    def pairwise(
        self, policy: negatron.Policy, negatives: int, batch_rows: int, epoch: int = 0
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yields a shuffled epoch: user_id, item_id, neg_item_id, timestamp in seconds, [pairs].

        `batch_rows` counts positives. Pairs of short rows that have no negative are left out.
        """
        order = np.random.default_rng(epoch).permutation(len(self.item_id))
        batches = np.split(order, range(batch_rows, len(order), batch_rows))

        def start(rows: np.ndarray) -> negatron.SampleFuture:
            return self._client.sample_async(
                self._collection, negatives, policy=policy, users=self._users[rows],
                positives=self.item_id[rows] - 1, as_of=self.times[rows], row_keys=rows,
                seed=epoch, outputs=(), as_numbers=True,
            )

        for rows, sample in negatron.overlap(batches, start):
            real = sample.mask.ravel()
            pairs = rows.repeat(negatives)[real]
            yield {
                "user_id": self.user_id[pairs],
                "item_id": self.item_id[pairs],
                "neg_item_id": sample.items.ravel()[real] + 1,
                "timestamp": self.times[pairs] / _MICROS,
            }


def main(arguments: "list[str] | None" = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inter", type=pathlib.Path)
    parser.add_argument("item", type=pathlib.Path, nargs="?")
    parser.add_argument("--negatives", type=int, default=4)
    parser.add_argument("--batch", type=int, default=2048)
    args = parser.parse_args(arguments)
    policy = negatron.Policy.mix((0.5, negatron.Uniform()), (0.5, negatron.Popularity()))
    with negatron.local() as client:
        dataset = NegativeDataset(client, "recbole", args.inter, args.item)
        print(f"{dataset.user_num} users and {dataset.item_num} items with [PAD]")
        pairs = sum(
            len(batch["neg_item_id"])
            for batch in dataset.pairwise(policy, args.negatives, args.batch)
        )
        print(f"{pairs} pairs in an epoch")
    return pairs


if __name__ == "__main__":
    main()
