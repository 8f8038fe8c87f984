# SPDX-License-Identifier: Apache-2.0
"""What the fake server keeps of a collection, and the errors that its calls end with."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import grpc
import numpy as np

from negatron import columns
from negatron.v1 import collections_pb2, pool_pb2, types_pb2
from negatron.wire import status_pb2

_PREFIX = "type.googleapis.com/google.rpc."


class CallError(Exception):
    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *violations: tuple[str, str],
        reason: Optional[str] = None,
        metadata: Optional[dict[str, str]] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.violations = violations
        self.reason = reason or code.name
        self.metadata = metadata or {"by": "fake"}

    def within(self, prefix: str, suffix: str) -> "CallError":
        """The same error, of fields that are part of another message."""
        violations = ((prefix + field, text + suffix) for field, text in self.violations)
        return CallError(self.code, str(self), *violations)


def invalid(field: str, description: str) -> CallError:
    message = "the request is not valid"
    return CallError(grpc.StatusCode.INVALID_ARGUMENT, message, (field, description))


def abort(context: grpc.ServicerContext, error: CallError, delay: Optional[float] = None) -> None:
    """Ends a call with an error and its details. Raises."""
    status = status_pb2.Status(code=error.code.value[0], message=str(error))
    info = status_pb2.ErrorInfo(
        reason=error.reason, domain="negatron", metadata=error.metadata
    )
    status.details.add(type_url=_PREFIX + "ErrorInfo", value=info.SerializeToString())
    if error.violations:
        bad = status_pb2.BadRequest()
        for field, description in error.violations:
            bad.field_violations.add(field=field, description=description)
        status.details.add(type_url=_PREFIX + "BadRequest", value=bad.SerializeToString())
    if delay is not None:
        retry = status_pb2.RetryInfo()
        retry.retry_delay.FromMicroseconds(int(delay * 1e6))
        status.details.add(type_url=_PREFIX + "RetryInfo", value=retry.SerializeToString())
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(error.code, str(error))


def to_bfloat16(matrix: np.ndarray) -> np.ndarray:
    """Float32 rounded to the upper half of its bits, to the nearest, ties to even."""
    bits = matrix.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


@dataclasses.dataclass(frozen=True)
class Event:
    """An event; `user` and `item` are rows of the dictionaries."""

    user: int
    item: int
    time: int
    kind: int
    weight: float
    propensity: float
    cohort: int


@dataclasses.dataclass
class Item:
    """What a collection keeps of an item, with the defaults of what was never given."""

    intervals: list[tuple[int, int]]
    implicit: bool = False  # Made by an event: alive from its earliest event on.
    base_weight: float = 1.0
    categories: list[str] = dataclasses.field(default_factory=list)
    attributes: bytes = b""


class Dictionary:
    """Rows of string ids, or of int64 ids. The id of a row that was erased is None."""

    def __init__(self, id_type: int) -> None:
        self.strings = id_type == collections_pb2.ID_TYPE_STRING
        self.ids: list[Any] = []
        self.rows: dict[Any, int] = {}

    def find(self, column: types_pb2.IdColumn, field: str) -> list[int]:
        """Rows of the ids, -1 where unknown."""
        values = columns.ids_from_column(column).tolist()
        names = column.WhichOneof("encoding") == "names"
        if names and not self.strings:
            raise invalid(field, "int64 ids are expected")
        if self.strings and not names:
            known = range(len(self.ids))
            return [v if v in known and self.ids[v] is not None else -1 for v in values]
        return [self.rows.get(value, -1) for value in values]

    def add(self, column: types_pb2.IdColumn, field: str) -> list[int]:
        """Rows of the ids; makes those that are new."""
        rows = self.find(column, field)
        values = columns.ids_from_column(column).tolist()
        for i, (row, value) in enumerate(zip(rows, values)):
            if row < 0:
                if self.strings and not isinstance(value, str):
                    raise invalid(f"{field}[{i}]", "unknown number")
                row = self.rows.setdefault(value, len(self.ids))
                if row == len(self.ids):
                    self.ids.append(value)
                rows[i] = row
        return rows

    def erase(self, row: int) -> None:
        """Forgets an id; a later write of it makes another row."""
        del self.rows[self.ids[row]]
        self.ids[row] = None

    def column(self, rows: Any, typed: bool) -> types_pb2.IdColumn:
        rows = np.asarray(rows, np.int64)
        if not self.strings:
            ids = np.array([*(-1 if i is None else i for i in self.ids), -1], np.int64)
            return types_pb2.IdColumn(raw=ids[rows].astype("<i8").tobytes())
        if typed:
            names = [*self.ids, ""]
            return types_pb2.IdColumn(names=types_pb2.StringList(values=[names[r] for r in rows]))
        return types_pb2.IdColumn(raw=rows.astype("<i8").tobytes())


class FakeCollection:
    def __init__(self, proto: collections_pb2.Collection) -> None:
        self.proto = proto
        self.items = Dictionary(proto.item_id_type)
        self.users = Dictionary(proto.user_id_type)
        self.pool: list[Item] = []
        self.events: list[Event] = []
        self.streams: dict[tuple[str, str], pool_pb2.ImportResponse] = {}
        self.stream_owners: dict[tuple[str, str], object] = {}
        self.vectors: dict[int, np.ndarray] = {}
        self.stamps: dict[int, tuple[int, int]] = {}  # Model versions and write times.
        self.user_vectors: dict[int, np.ndarray] = {}
        self.user_stamps: dict[int, tuple[int, int]] = {}
        self.versions: dict[int, Any] = {}  # Of embeddings, by model version.
        self.commits: dict[int, str] = {}  # Request ids of their commits.
        self.policies: dict[str, Any] = {}  # Lines of versions, by id.
        self.puts: dict[tuple[str, str], Any] = {}  # Of policies, and reports, by request id.
        self.controllers: dict[str, Any] = {}  # By id.
        self.sequence = 1
        self.calls = 0
        self.rows = 0

    def token(self) -> types_pb2.SnapshotToken:
        return types_pb2.SnapshotToken(
            incarnation=self.proto.incarnation, commit_sequence=self.sequence
        )

    def highest_model_version(self) -> int:
        stamps = [*self.stamps.values(), *self.user_stamps.values()]
        return max((version for version, _ in stamps), default=0)

    def owners(self, request: Any) -> tuple[Dictionary, str, list[int]]:
        """Of a request with `item_ids` or `user_ids`: whose ids they are, the field, their rows."""
        if not request.HasField("user_ids"):
            return self.items, "item_ids", self.items.find(request.item_ids, "item_ids")
        if request.HasField("item_ids"):
            raise invalid("user_ids", "item_ids are given as well")
        return self.users, "user_ids", self.users.find(request.user_ids, "user_ids")

    def table(self, rows: list[int], typed: bool) -> pool_pb2.ItemTable:
        items = [self.pool[row] for row in rows]
        flat = [interval for item in items for interval in item.intervals]
        table = pool_pb2.ItemTable(ids=self.items.column(rows, typed))
        if typed:
            table.numbers.raw = np.array(rows, "<i8").tobytes()
        table.alive_from_micros.raw = np.array([f for f, _ in flat], "<i8").tobytes()
        table.alive_until_micros.raw = np.array([u for _, u in flat], "<i8").tobytes()
        table.interval_splits.raw = _splits([item.intervals for item in items])
        if any(item.base_weight != 1 for item in items):
            table.base_weights.raw = np.array([i.base_weight for i in items], "<f4").tobytes()
        if any(item.categories for item in items):
            for item in items:
                table.categories.ids.names.values.extend(sorted(item.categories))
            table.categories.row_splits.raw = _splits([item.categories for item in items])
        if any(item.attributes for item in items):
            table.attributes.extend(item.attributes for item in items)
        return table

    def alive(self, t: int) -> np.ndarray:
        return np.array([any(f <= t < u for f, u in i.intervals) for i in self.pool], bool)


def _splits(lists: list[Any]) -> bytes:
    ends = np.cumsum([len(some) for some in lists], dtype=np.int64)
    return np.concatenate([[0], ends]).astype("<i8").tobytes()
