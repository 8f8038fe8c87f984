# SPDX-License-Identifier: Apache-2.0
"""A data set of training rows with their negatives."""

from __future__ import annotations

import dataclasses
from typing import Any, Iterator, Mapping, Optional

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from negatron.torch.sampling import Negatives, NegativeSampler, rank_and_size, to_array


@dataclasses.dataclass(frozen=True)
class TrainingBatch:
    """B rows and their negatives."""

    index: Tensor  # [B], int64, into the columns of the data set.
    columns: dict[str, Tensor]  # Of the rows, [B, ...].
    negatives: Negatives

    def to(self, device: Any, non_blocking: bool = False) -> "TrainingBatch":
        """Returns this on a device."""
        columns = {
            name: column.to(device, non_blocking=non_blocking)
            for name, column in self.columns.items()
        }
        index = self.index.to(device, non_blocking=non_blocking)
        return TrainingBatch(index, columns, self.negatives.to(device, non_blocking))

    def pin_memory(self) -> "TrainingBatch":
        """Returns this in pinned memory; `DataLoader(pin_memory=True)` calls it."""
        columns = {name: column.pin_memory() for name, column in self.columns.items()}
        return TrainingBatch(self.index.pin_memory(), columns, self.negatives.pin_memory())


class NegativeBatches(IterableDataset):  # type: ignore[type-arg, misc]
    """Batches of rows with their negatives, for a `DataLoader(..., batch_size=None)`.

        dataset = NegativeBatches(sampler, {"users": users, "positives": items, "as_of": times})
        loader = DataLoader(dataset, batch_size=None, num_workers=2)
        for epoch in range(10):
            dataset.set_epoch(epoch)
            for batch in loader:
                ...

    Every row is in one batch of one worker of one rank. What an epoch has, and in which order,
    depends on the seed, the epoch and the number of ranks, not on the number of workers nor on how
    they start; neither do the draws: a row's key is its index (a shared block's
    its batch). All ranks have equally many
    batches, whose sizes differ by at most one. Each worker has a channel of its own, made there,
    and keeps the sampler's number of calls in flight. A batch is asked for again while the server
    is away, and comes once.
    """

    def __init__(
        self,
        sampler: NegativeSampler,
        rows: Mapping[str, Any],
        *,
        features: Optional[Mapping[str, Any]] = None,
        batch_rows: int = 4096,
        shuffle: bool = True,
        rank: Optional[int] = None,
        world_size: Optional[int] = None,
    ) -> None:
        """Makes the data set.

        Args:
          rows: columns, shape [n] or [n, ...], that name rows to the sampler, as its `sample`
            takes them.
          features: further columns that come with the batches.
          batch_rows: rows of a batch, at most.
          shuffle: whether each epoch has an order of its own.
          rank, world_size: of this process; None: of torch.distributed.

        Raises:
          ValueError: columns of different lengths, or too few rows for the ranks.
        """
        super().__init__()
        self._sampler = sampler
        self._rows = {name: np.asarray(to_array(column)) for name, column in rows.items()}
        self._features = {
            name: np.asarray(to_array(column)) for name, column in (features or {}).items()
        }
        lengths = {len(column) for column in (*self._rows.values(), *self._features.values())}
        if len(lengths) != 1 or batch_rows < 1:
            raise ValueError(f"columns of one length are expected, not {sorted(lengths)}, "
                             "and batch_rows of at least 1")
        self._length = lengths.pop()
        own_rank, own_size = rank_and_size()
        self._rank = own_rank if rank is None else rank
        self._size = own_size if world_size is None else world_size
        self._shuffle = shuffle
        self._count = -(-(-(-self._length // self._size)) // batch_rows)
        if self._length // self._size < self._count or not 0 <= self._rank < self._size:
            raise ValueError(f"{self._length} rows do not make {self._count} batches for each of "
                             f"{self._size} ranks, or {self._rank} is none of them")
        # Shared with workers that outlive an epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        """Batches of this rank."""
        return self._count

    def set_epoch(self, epoch: int) -> None:
        """Begins an epoch, at least 0; call it before iterating, in the main process."""
        self._epoch.fill_(epoch)

    def __iter__(self) -> Iterator[TrainingBatch]:
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        self._sampler.set_epoch(int(self._epoch))
        seed = self._sampler.epoch_seed()
        order = np.arange(self._length)
        if self._shuffle:
            np.random.default_rng(seed).shuffle(order)
        # A loader takes from its workers in turn: so the order of one worker is that of many.
        batches = np.array_split(order[self._rank :: self._size], self._count)
        numbered = list(enumerate(batches))[worker::workers]

        def rows(batch: tuple[int, np.ndarray]) -> dict[str, Any]:
            number, index = batch
            sent: dict[str, Any] = {name: column[index] for name, column in self._rows.items()}
            if self._sampler.shared:
                return {**sent, "seed": seed, "block_key": number * self._size + self._rank}
            return {**sent, "seed": seed, "row_keys": index}

        for (_, index), negatives in self._sampler.over(numbered, rows):
            columns = {
                name: torch.from_numpy(column[index])
                for name, column in (*self._rows.items(), *self._features.items())
                if column.dtype.kind in "biuf"
            }
            yield TrainingBatch(torch.from_numpy(index), columns, negatives)
