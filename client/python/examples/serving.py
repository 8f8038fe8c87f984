# SPDX-License-Identifier: Apache-2.0
"""The demo's side of the server: the import, and batches of negatives."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
import time
from typing import Any, Callable, Iterator

import numpy as np

import negatron
from data import Interactions

_IMPORT_CHUNK = 10_000


def import_interactions(
    client: negatron.Client, collection: str, data: Interactions, half_life_days: float,
    dimension: int, say: Callable[[str], None],
) -> None:
    """Creates the collection and writes items and events into it.

    Everything is imported before training, as it would be in production: what a row may see is
    decided by its as-of time. Without a catalogue, an item lives from its first event on.
    """
    client.create_collection(
        collection,
        display_name=data.title,
        item_id_type=negatron.IdType.STRING,
        missing_item_rule=negatron.MissingItemRule.CREATE,
        half_life=dt.timedelta(days=half_life_days),
        dimension=dimension,
        metric=negatron.Metric.INNER_PRODUCT,
    )
    begin = time.monotonic()
    if data.catalogue is not None:
        client.write_items(
            collection, data.catalogue.names,
            alive_from=data.catalogue.alive_from, alive_until=data.catalogue.alive_until,
        )
    for first in range(0, len(data), _IMPORT_CHUNK):
        rows = slice(first, first + _IMPORT_CHUNK)
        client.write_events(collection, data.users[rows], data.items[rows], data.times[rows])
        _progress("import", min(first + _IMPORT_CHUNK, len(data)), len(data))
    seconds = time.monotonic() - begin
    statistics = client.statistics(collection, as_of=int(data.times[-1]))
    say(
        f"imported {statistics.event_count:,} events, {statistics.item_count:,} items, "
        f"{statistics.user_count:,} users in {seconds:.1f} s (durable)"
    )


def _progress(what: str, done: int, total: int) -> None:
    if sys.stdout.isatty():
        print(f"\r{what} {done:,} / {total:,}", end="\n" if done == total else "", flush=True)


@dataclasses.dataclass(frozen=True)
class ServerItems:
    """The collection's items by their dense dictionary numbers, as the server holds them."""

    names: np.ndarray  # [n], object array of str; position = number.
    alive_from: np.ndarray  # [n], int64; start of the first interval.
    alive_until: np.ndarray  # [n], int64; end of the last.

    def alive(self, t: int) -> np.ndarray:
        """[n], bool: alive at t. The demo's items have one interval each."""
        return (self.alive_from <= t) & (t < self.alive_until)

    def numbers(self, names: np.ndarray) -> np.ndarray:
        """Returns the numbers of names."""
        lookup = {name: number for number, name in enumerate(self.names.tolist())}
        return np.array([lookup[name] for name in names.tolist()], np.int64)


def read_items_back(client: negatron.Client, collection: str) -> ServerItems:
    """Lists all items; their numbers are 0, 1, 2, ... in the order of the listing."""
    pages = list(client.list_items(collection))
    return ServerItems(
        np.concatenate([page.ids for page in pages]),
        np.concatenate([page.alive_from_micros[page.interval_splits[:-1]] for page in pages]),
        np.concatenate([page.alive_until_micros[page.interval_splits[1:] - 1] for page in pages]),
    )


@dataclasses.dataclass
class ServingStats:
    """What a run asked of the server."""

    negatives: int = 0
    short_rows: int = 0
    wait_seconds: float = 0.0  # The trainer stood still for negatives or for a push.


def needs_queries(policy: negatron.Policy) -> bool:
    """Whether a source of the policy is anchored on the queries of the call."""
    sources = [getattr(source, "source", source) for _, source in policy.components]
    return any(getattr(source, "anchor", None) == "query" for source in sources)


class NegativeStream:
    """Serves the batches of an epoch with several calls in flight. Confined to one thread."""

    def __init__(
        self, client: negatron.Client, collection: str, negative_count: int, in_flight: int
    ) -> None:
        self._client = client
        self._collection = collection
        self._negative_count = negative_count
        self._in_flight = in_flight
        self.stats = ServingStats()

    def batches(
        self, row_batches: list[np.ndarray], ask: Callable[[np.ndarray], dict[str, Any]]
    ) -> Iterator[tuple[np.ndarray, negatron.Sample]]:
        """Yields rows and their negatives for each of `row_batches`, in order.

        Args:
          ask: from rows to the arguments of `Client.sample`; asked when a call is started.
        """

        def start(rows: np.ndarray) -> negatron.SampleFuture:
            return self._client.sample_async(self._collection, self._negative_count, **ask(rows))

        waits = negatron.Waits()
        for rows, sample in negatron.overlap(row_batches, start, self._in_flight, waits):
            self.stats.negatives += int(sample.drawn_counts.sum())
            self.stats.short_rows += int((sample.drawn_counts < self._negative_count).sum())
            yield rows, sample
        self.stats.wait_seconds += waits.seconds

    def push(self, items: np.ndarray, vectors: np.ndarray) -> None:
        """Gives the server the current embeddings of items; the next call sees them."""
        begin = time.monotonic()
        self._client.write_embeddings(self._collection, items, vectors)
        self.stats.wait_seconds += time.monotonic() - begin
