# SPDX-License-Identifier: Apache-2.0
"""Cuts large writes into calls that fit the limits of rows and bytes."""

from __future__ import annotations

import uuid
from typing import Any, Iterator, Optional

import numpy as np

MAX_ROWS = 100_000
# Below gRPC's default limit of 4 MiB, with room for the rest of the message.
MAX_BYTES = 3_500_000
_MAX_REQUEST_ID = 54  # 64 less the room for a chunk's number.


def row_bytes(ids: Any, rows: int) -> np.ndarray:
    """Returns the bytes on the wire of each id, shape [rows]."""
    if rows and isinstance(ids[0], str):
        return np.fromiter((len(name.encode()) + 3 for name in ids), np.int64, rows)
    return np.full(rows, 8, np.int64)


def chunks(bytes_of_rows: np.ndarray) -> Iterator[slice]:
    """Cuts rows, given their bytes, into slices within the limits.

    No rows make one empty chunk, so that the server judges the call.
    """
    ends = np.cumsum(bytes_of_rows)
    begin = 0
    while True:
        base = ends[begin - 1] if begin else 0
        by_bytes = int(np.searchsorted(ends, base + MAX_BYTES, side="right"))
        end = min(max(by_bytes, begin + 1), begin + MAX_ROWS, len(ends))
        yield slice(begin, end)
        if end >= len(ends):
            return
        begin = end


def request_ids(request_id: Optional[str]) -> Iterator[str]:
    """Yields one id for each chunk, the same ones for the same `request_id`.

    Raises:
      ValueError: the id is empty or too long.
    """
    if request_id is None:
        request_id = uuid.uuid4().hex
    if not 1 <= len(request_id) <= _MAX_REQUEST_ID:
        raise ValueError(f"request_id: 1 to {_MAX_REQUEST_ID} characters are expected")
    number = 0
    while True:
        yield f"{request_id}-{number}"
        number += 1
