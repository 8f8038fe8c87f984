# SPDX-License-Identifier: Apache-2.0
"""What the fake server keeps of a collection, and the errors that its calls end with."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np

from negatron import columns
from negatron.v1 import collections_pb2, pool_pb2, types_pb2


class CallError(Exception):
    def __init__(self, code: grpc.StatusCode, message: str, *violations: tuple[str, str]) -> None:
        super().__init__(message)
        self.code = code
        self.violations = violations


def invalid(field: str, description: str) -> CallError:
    message = "the request is not valid"
    return CallError(grpc.StatusCode.INVALID_ARGUMENT, message, (field, description))


class Dictionary:
    """Rows of string ids, or of int64 ids."""

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
            return [value if 0 <= value < len(self.ids) else -1 for value in values]
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

    def column(self, rows: Any, typed: bool) -> types_pb2.IdColumn:
        rows = np.asarray(rows, np.int64)
        if not self.strings:
            ids = np.array([*self.ids, -1], np.int64)
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
        self.intervals: list[list[tuple[int, int]]] = []
        self.implicit: list[bool] = []
        self.event_users: list[int] = []
        self.event_items: list[int] = []
        self.event_times: list[int] = []
        self.event_weights: list[float] = []
        self.vectors: dict[int, np.ndarray] = {}
        self.sequence = 1
        self.calls = 0
        self.rows = 0

    def token(self) -> types_pb2.SnapshotToken:
        return types_pb2.SnapshotToken(
            incarnation=self.proto.incarnation, commit_sequence=self.sequence
        )

    def table(self, rows: list[int], typed: bool) -> pool_pb2.ItemTable:
        flat = [interval for row in rows for interval in self.intervals[row]]
        splits = np.concatenate([[0], np.cumsum([len(self.intervals[row]) for row in rows])])
        table = pool_pb2.ItemTable(ids=self.items.column(rows, typed))
        if typed:
            table.numbers.raw = np.array(rows, "<i8").tobytes()
        table.alive_from_micros.raw = np.array([f for f, _ in flat], "<i8").tobytes()
        table.alive_until_micros.raw = np.array([u for _, u in flat], "<i8").tobytes()
        table.interval_splits.raw = splits.astype("<i8").tobytes()
        return table

    def alive(self, t: int) -> np.ndarray:
        return np.array([any(f <= t < u for f, u in spans) for spans in self.intervals], bool)
