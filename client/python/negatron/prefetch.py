# SPDX-License-Identifier: Apache-2.0
"""Several calls in flight, answers in order."""

from __future__ import annotations

import collections
import dataclasses
import time
from typing import Any, Callable, Iterable, Iterator, Optional, TypeVar

from negatron.transport import SampleFuture

_Batch = TypeVar("_Batch")


@dataclasses.dataclass
class Waits:
    """How long a consumer stood still for answers."""

    seconds: float = 0.0
    count: int = 0  # Answers taken.


def overlap(
    batches: Iterable[_Batch],
    start: Callable[[_Batch], SampleFuture],
    in_flight: int = 4,
    waits: Optional[Waits] = None,
) -> Iterator[tuple[_Batch, Any]]:
    """Yields each batch with the answer of the call that `start` made for it, in order.

        for batch, sample in negatron.overlap(batches, lambda b: client.sample_async(...)):

    Up to `in_flight` calls run while the consumer works; batches are taken that far ahead. Calls
    that nobody waits for any more are cancelled. Confined to one thread.

    Args:
      waits: is added to; the consumer's time beside it says whether it starves.

    Raises: what `start`, or the result of a call, raises.
    """
    if in_flight < 1:
        raise ValueError("in_flight: at least 1 is expected")
    waiting: "collections.deque[tuple[_Batch, SampleFuture]]" = collections.deque()
    upcoming = iter(batches)
    ended = False
    try:
        while True:
            while len(waiting) < in_flight and not ended:
                try:
                    batch = next(upcoming)
                except StopIteration:
                    ended = True
                else:
                    waiting.append((batch, start(batch)))
            if not waiting:
                return
            batch, future = waiting.popleft()
            begin = time.monotonic()
            answer = future.result()
            if waits is not None:
                waits.seconds += time.monotonic() - begin
                waits.count += 1
            yield batch, answer
    finally:
        for _, future in waiting:
            future.cancel()
