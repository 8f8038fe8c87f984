# SPDX-License-Identifier: Apache-2.0
"""Negatives of a training step, as tensors."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Sequence, TypeVar, Union

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from negatron.client import Client
from negatron.policies import Policy, Source
from negatron.prefetch import Waits, overlap
from negatron.samples import Sample, SharedSample
from negatron.transport import SampleFuture

_Batch = TypeVar("_Batch")
# Room for the rows of a worker in one epoch, within an int64.
_KEYS_OF_A_WORKER = 1 << 40


@dataclasses.dataclass(frozen=True)
class Negatives:
    """Negatives of B rows, K each, or, of a shared block, K for all.

    Padding of short rows has item 0, so that items index a table, and is False in `mask`.
    """

    items: Tensor  # [B, K] or, shared, [K]; int64 ids, or dictionary numbers of string ids.
    mask: Tensor  # [B, K], bool: which are negatives of the row.
    log_q: Optional[Tensor]  # [B, K], float32; +inf where a shared one is false.
    positive_log_q: Optional[Tensor]  # [B], float32, if it is among the outputs.
    sample: Union[Sample, SharedSample]  # All that came back, as NumPy arrays.

    def to(self, device: Any, non_blocking: bool = False) -> "Negatives":
        """Returns these on a device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Negatives":
        """Returns these in pinned memory; `DataLoader(pin_memory=True)` calls it."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Negatives":
        tensors = {
            field.name: change(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if isinstance(getattr(self, field.name), Tensor)
        }
        return dataclasses.replace(self, **tensors)


def negatives_from_sample(sample: Union[Sample, SharedSample]) -> Negatives:
    """Copies a result into tensors: arrays of a result are views that cannot be written to."""
    log_q = sample.row_log_q if isinstance(sample, SharedSample) else sample.log_q
    positive = None if isinstance(sample, SharedSample) else sample.positive_log_q
    return Negatives(
        items=torch.from_numpy(np.maximum(sample.items, 0)),
        mask=torch.from_numpy(np.array(sample.mask)),
        log_q=None if log_q is None else torch.from_numpy(np.array(log_q)),
        positive_log_q=None if positive is None else torch.from_numpy(np.array(positive)),
        sample=sample,
    )


def to_array(values: Any) -> Any:
    """Returns a tensor as a NumPy array, without its gradient; anything else as it is."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values


def rank_and_size() -> tuple[int, int]:
    """Returns the rank of this process and the number of ranks: torch.distributed's, else 0 and 1.

    Workers of a data loader do not join the group of their rank: there RANK and WORLD_SIZE, which
    torchrun sets, stand for it.
    """
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank()), int(distributed.get_world_size())
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def derive_seed(*parts: int) -> int:
    """Mixes whole numbers of at least 0 into a seed, an int64 of at least 0."""
    state = np.random.SeedSequence(parts).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


class NegativeSampler:
    """Draws the negatives of training steps. Confined to one thread of each process.

    Draws repeat with `seed`: the seed of a call comes from `seed`, the epoch, the rank and the
    data-loader worker, and rows without `row_keys` are numbered, from 0 at each epoch, apart by
    rank and worker. So no two rows of an epoch share their draws, whoever asks.

    Attributes:
      shared: whether all rows of a step share one block.
      waits: how long `over` stood still.
    """

    def __init__(
        self,
        client: Client,
        collection: str,
        negative_count: int,
        *,
        policy: Union[Policy, Source],
        controller: Optional[str] = None,
        outputs: Sequence[str] = ("log_q",),
        shared: bool = False,
        seed: int = 0,
        in_flight: int = 4,
        patience: float = 300.0,
    ) -> None:
        """Makes a sampler; it calls nobody yet.

        Args:
          negative_count: K, for each row, or of the whole block.
          controller: whose output is the progress; see `OutcomeReporter`.
          outputs: as of `Client.sample`; not for a shared block.
          shared: draw one block for all rows of a step, as `Client.sample_shared` does.
          seed: at least 0.
          in_flight: calls that `over` keeps going.
          patience: seconds for which a call is repeated while the server is away, a restart say.
        """
        if seed < 0:
            raise ValueError("seed: at least 0 is expected")
        self._client = client.patient(patience)
        self._collection = collection
        self._count = negative_count
        self._policy = policy
        self._controller = controller
        self._outputs = tuple(outputs)
        self.shared = shared
        self._seed = seed
        self._in_flight = in_flight
        self._epoch = 0
        self._next_row = 0
        self.waits = Waits()

    def set_epoch(self, epoch: int) -> None:
        """Begins an epoch, at least 0, with draws of its own."""
        self._epoch = epoch
        self._next_row = 0

    def epoch_seed(self) -> int:
        """Returns a seed that all ranks and workers have in common in this epoch."""
        return derive_seed(self._seed, self._epoch)

    def sample(self, **rows: Any) -> Negatives:
        """Returns the negatives of a step; waits for them.

        Args:
          rows: the arguments of `Client.sample` (or `sample_shared`) that tell rows: `users`,
            `positives`, `as_of`, `queries` and so on, as tensors or arrays; also `seed`.
        """
        negatives: Negatives = self.start(**rows).result()
        return negatives

    def over(
        self, batches: Iterable[_Batch], rows: Callable[[_Batch], Mapping[str, Any]]
    ) -> Iterator[tuple[_Batch, Negatives]]:
        """Yields each batch with its negatives, in order, with calls in flight while you train.

        Args:
          batches: of any kind, a DataLoader say.
          rows: returns what `sample` takes, for a batch; asked when its call starts, `in_flight`
            batches ahead: queries are as old as that.
        """
        return overlap(
            batches, lambda batch: self.start(**rows(batch)), self._in_flight, self.waits
        )

    def start(self, **rows: Any) -> SampleFuture:
        """Starts what `sample` does: `result` of the future returns its `Negatives`."""
        arguments = {name: to_array(values) for name, values in rows.items()}
        rank, _ = rank_and_size()
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        arguments.setdefault("seed", derive_seed(self._seed, self._epoch, rank, worker))
        if self._controller is not None:
            arguments.setdefault("controller", self._controller)
        first = (rank * workers + worker) * _KEYS_OF_A_WORKER + self._next_row
        count = _row_count(arguments)
        self._next_row += count
        if self.shared:
            arguments.setdefault("block_key", first)
            future = self._client.sample_shared_async(
                self._collection, self._count, policy=self._policy, as_numbers=True, **arguments
            )
        else:
            arguments.setdefault("row_keys", np.arange(first, first + count))
            future = self._client.sample_async(
                self._collection, self._count, policy=self._policy, outputs=self._outputs,
                as_numbers=True, **arguments,
            )
        return future.then(negatives_from_sample)


def _row_count(arguments: Mapping[str, Any]) -> int:
    for name in ("users", "positives", "queries", "exclusions", "cohorts", "row_keys"):
        if arguments.get(name) is not None:
            return len(arguments[name])
    times = arguments.get("as_of")
    if times is not None and np.ndim(times):
        return len(times)
    rows = arguments.get("rows")
    if rows is None:
        raise ValueError("rows: give users, positives, times, queries, or their number")
    return int(rows)
