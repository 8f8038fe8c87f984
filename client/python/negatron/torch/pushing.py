# SPDX-License-Identifier: Apache-2.0
"""Pushes the embeddings that changed, in the background."""

from __future__ import annotations

import threading
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor

from negatron.client import Client
from negatron.columns import Ids
from negatron.torch.sampling import to_array


class EmbeddingPusher:
    """Keeps a collection's item embeddings close to a table that is being trained.

        pusher = EmbeddingPusher(client, "films", model.items.weight)
        for step, batch in enumerate(loader):
            ...
            optimizer.step()
            if step % 50 == 0:
                pusher.push(step + 1)
        pusher.close()

    `push` copies the rows to send and returns; a thread sends them. While one push is under way
    the next ones send nothing: their rows stay changed, and a later push sends what they are then.
    So the trainer never waits, and the server never gets an older vector after a newer one.

    A row has changed if its gradient was not 0 in some backward pass since it was pushed, or with
    `bound`, if it has moved; the first push sends all rows. Optimisers that move rows without a
    gradient (momentum, Adam on dense gradients, weight decay) need `bound`.

    Confined to one thread, in the process that made it.
    """

    def __init__(
        self,
        client: Client,
        collection: str,
        table: Tensor,
        *,
        items: Optional[Ids] = None,
        bound: Optional[float] = None,
        staged: bool = False,
        timeout: float = 300.0,
    ) -> None:
        """Makes a pusher; it sends nothing yet.

        Args:
          table: shape [n, dimension], the parameter that is trained, on any device.
          items: shape [n], items of the rows; None: 0, 1, 2, ...
          bound: a row has changed if it is further from what was last pushed than `bound` times
            the norm of that, at least 0; costs a copy of the table, and a passage over it by each
            push. None: rows change by gradients.
          staged: send each time the whole table as a version that takes the place of the last one
            at one instant, if anything has changed; None of it is seen before.
          timeout: seconds for one push, over restarts of the server.
        """
        if table.dim() != 2 or (items is not None and len(items) != len(table)):
            raise ValueError("table: shape [n, dimension] is expected, and n items")
        if bound is not None and not bound >= 0:
            raise ValueError(f"bound: at least 0 is expected, not {bound}")
        self._client = client.patient(timeout)
        self._collection = collection
        self._table = table
        self._items = np.arange(len(table)) if items is None else np.asarray(to_array(items))
        self._bound = bound
        self._staged = staged
        self._changed = torch.ones(len(table), dtype=torch.bool, device=table.device)
        self._pushed = table.detach().clone() if bound is not None else None
        self._thread: Optional[threading.Thread] = None
        self._sending: Optional[Tensor] = None
        self._error: Optional[BaseException] = None
        self._hook: Any = None
        if bound is None and table.requires_grad and table.is_leaf:
            self._hook = table.register_hook(self._watch)
        self.pushed_rows = 0  # Rows that the server has acknowledged.
        self.skipped_pushes = 0  # Calls of `push` that found one under way.

    def touch(self, rows: Any) -> None:
        """Marks rows, shape [k], as changed: for what gradients do not show."""
        self._changed[torch.as_tensor(rows, dtype=torch.int64, device=self._changed.device)] = True

    def push(self, model_version: Optional[int] = None) -> bool:
        """Sends what has changed, in the background; False if a push is still under way.

        Args:
          model_version: of the table as it is now, the training step say; at least 1 and not below
            an earlier one. Needed, and above earlier ones, if `staged`.

        Raises:
          NegatronError: of an earlier push; its rows count as changed again.
        """
        if self._staged and model_version is None:
            raise ValueError("model_version: a staged push needs one")
        if self._thread is not None and self._thread.is_alive():
            self.skipped_pushes += 1
            return False
        self._finish()
        mask = self._changed if self._pushed is None else self._changed | self._moved()
        if not bool(mask.any()):
            return True
        rows = torch.ones_like(mask) if self._staged else mask.clone()
        index = rows.nonzero().squeeze(1)
        vectors = self._table.detach().index_select(0, index)
        if self._pushed is not None:
            self._pushed.index_copy_(0, index, vectors)
        self._changed.zero_()
        self._sending = rows
        send = self._send_version if self._staged else self._send_rows
        self._thread = threading.Thread(
            target=self._run,
            args=(send, self._items[to_array(index)], to_array(vectors.float()), model_version),
            daemon=True,
        )
        self._thread.start()
        return True

    def flush(self) -> None:
        """Waits for a push under way; raises its `NegatronError`. Sends nothing new."""
        if self._thread is not None:
            self._thread.join()
        self._finish()

    def close(self) -> None:
        """Waits as `flush` does, and stops watching gradients. May be repeated."""
        if self._hook is not None:
            self._hook.remove()
        try:
            self.flush()
        finally:
            self._client.close()

    def _watch(self, gradient: Tensor) -> None:
        if gradient.is_sparse:
            self._changed[gradient._indices()[0]] = True
        else:
            self._changed |= (gradient != 0).any(dim=1)

    def _moved(self) -> Tensor:
        assert self._pushed is not None and self._bound is not None
        distance = (self._table.detach() - self._pushed).norm(dim=1)
        return distance > self._bound * self._pushed.norm(dim=1)

    def _finish(self) -> None:
        """Takes note of a push that has ended."""
        sent, self._sending, self._thread = self._sending, None, None
        error, self._error = self._error, None
        if sent is None:
            return
        if error is not None:
            self._changed |= sent
            raise error
        self.pushed_rows += int(sent.sum())

    def _run(self, send: Any, *arguments: Any) -> None:
        try:
            send(*arguments)
        except BaseException as error:  # pylint: disable=broad-except
            self._error = error  # Of the thread that pushes.

    def _send_rows(self, items: Ids, vectors: np.ndarray, version: Optional[int]) -> None:
        self._client.write_embeddings(self._collection, items, vectors, model_version=version)

    def _send_version(self, items: Ids, vectors: np.ndarray, version: int) -> None:
        self._client.begin_embedding_version(self._collection, version)
        self._client.upload_embeddings(self._collection, version, items, vectors)
        self._client.commit_embedding_version(self._collection, version, row_count=len(items))
