# SPDX-License-Identifier: Apache-2.0
"""Items and events as columns: what a write takes, and a chunk of an import."""

from __future__ import annotations

import dataclasses
from typing import Any, Iterator, Optional, Sequence, Union

import numpy as np

from negatron import chunking, columns, models
from negatron.columns import Ids, Times
from negatron.v1 import pool_pb2

ITEM_PROPERTIES = ("alive_intervals", "base_weights", "categories", "attributes")


@dataclasses.dataclass(frozen=True)
class ItemChunk:
    """Items, n of them. Mistakes raise TypeError or ValueError here.

    Attributes:
      items: ids, shape [n], each at most once.
      alive_from, alive_until: interval ends, shape [n], or [intervals] with `interval_splits`;
        None: open ends (`columns.ALWAYS_MICROS`, `columns.NEVER_MICROS`).
      interval_splits: shape [n + 1]; item i owns intervals [splits[i], splits[i + 1]).
      base_weights: shape [n], each in [1/16, 16]; None: 1 for each.
      categories: for each item a sequence of at most 16 distinct names; None: none.
      attributes: for each item `bytes`, at most 1,024; None: none.
      update_mask: which properties are replaced, of `ITEM_PROPERTIES`: the others stay as they
        are, and must not be given. None: all of them, so what is not given gets its default.
    """

    items: Ids
    alive_from: Optional[Times] = None
    alive_until: Optional[Times] = None
    interval_splits: Optional[np.ndarray] = None
    base_weights: Optional[np.ndarray] = None
    categories: Optional[Sequence[Sequence[str]]] = None
    attributes: Optional[Sequence[bytes]] = None
    update_mask: Optional[Sequence[str]] = None

    def __post_init__(self) -> None:
        n = len(self.items)
        splits = np.arange(n + 1) if self.interval_splits is None else self.interval_splits
        splits = np.asarray(splits, np.int64)
        if splits.shape != (n + 1,):
            raise ValueError("interval_splits: shape [items + 1] is expected")
        no_ends = self.alive_from is None and self.alive_until is None
        if self.interval_splits is not None and no_ends:
            raise ValueError("interval_splits: needs alive_from or alive_until")
        _set(self, _splits=splits)
        for name in ("alive_from", "alive_until"):
            if getattr(self, name) is not None:
                micros = columns.times_to_micros(getattr(self, name), name)
                if len(micros) != splits[-1]:
                    expected = splits[-1]
                    raise ValueError(f"{name}: {expected} intervals are expected, not {len(micros)}")
                _set(self, **{name: micros})
        if self.base_weights is not None:
            _set(self, base_weights=_floats(self.base_weights, "base_weights", 1 / 16, 16.0))
        if self.categories is not None:
            if any(isinstance(names, (str, bytes)) for names in self.categories):
                raise TypeError("categories: a sequence of names is expected for each item")
        if self.attributes is not None:
            if not all(isinstance(value, bytes) for value in self.attributes):
                raise TypeError("attributes: bytes are expected for each item")
        for name in ("base_weights", "categories", "attributes"):
            value = getattr(self, name)
            if value is not None and len(value) != n:
                raise ValueError(f"{name}: {n} entries are expected, not {len(value)}")
        self._check_mask()

    def _check_mask(self) -> None:
        if self.update_mask is None:
            return
        mask = self.update_mask
        if isinstance(mask, str) or not mask or set(mask) - set(ITEM_PROPERTIES):
            raise ValueError(
                f"update_mask: a sequence of names among {ITEM_PROPERTIES} is expected")
        given = {
            "alive_intervals": self.alive_from is not None or self.alive_until is not None,
            "base_weights": self.base_weights is not None,
            "categories": self.categories is not None,
            "attributes": self.attributes is not None,
        }
        for name, is_given in given.items():
            if is_given and name not in mask:
                raise ValueError(f"{name}: given, but not in update_mask")

    def __len__(self) -> int:
        return len(self.items)

    def split(self, rows: int = 50_000) -> Iterator["ItemChunk"]:
        """Cuts this into chunks of at most `rows` items, always at the same places."""
        splits: np.ndarray = self._splits  # type: ignore[attr-defined]
        for begin in _begins(len(self), rows):
            part = slice(begin, min(begin + rows, len(self)))
            owned = slice(splits[part.start], splits[part.stop])
            relative = splits[part.start : part.stop + 1] - splits[part.start]
            yield ItemChunk(
                self.items[part],
                alive_from=None if self.alive_from is None else self.alive_from[owned],
                alive_until=None if self.alive_until is None else self.alive_until[owned],
                interval_splits=None if self.interval_splits is None else relative,
                base_weights=None if self.base_weights is None else self.base_weights[part],
                categories=None if self.categories is None else self.categories[part],
                attributes=None if self.attributes is None else self.attributes[part],
                update_mask=self.update_mask,
            )

    def row_bytes(self) -> np.ndarray:
        """Returns about how many bytes each item takes on the wire, shape [n]."""
        splits: np.ndarray = self._splits  # type: ignore[attr-defined]
        sizes = chunking.row_bytes(self.items, len(self)) + 12 + 16 * np.diff(splits)
        if self.categories is not None:
            names = (sum(4 * len(name) + 3 for name in row) for row in self.categories)
            sizes = sizes + 8 + np.fromiter(names, np.int64, len(self))
        if self.attributes is not None:
            sizes = sizes + np.fromiter(map(len, self.attributes), np.int64, len(self)) + 3
        return sizes

    def offsets(self, first_row: int) -> dict[str, int]:
        """Where the item begins in columns that do not have one entry an item, by path."""
        splits: np.ndarray = self._splits  # type: ignore[attr-defined]
        first = int(splits[first_row])
        result = {"alive_from_micros": first, "alive_until_micros": first}
        if self.categories is not None:
            before = sum(len(row) for row in self.categories[:first_row])
            result["categories.ids"] = before
        return result

    def to_proto(self, rows: slice = slice(None)) -> pool_pb2.BatchWriteItemsRequest:
        """Encodes some of the items."""
        rows = slice(*rows.indices(len(self)))
        splits: np.ndarray = self._splits  # type: ignore[attr-defined]
        message = pool_pb2.BatchWriteItemsRequest(
            item_ids=columns.ids_to_column(self.items[rows], "items")
        )
        owned = slice(splits[rows.start], splits[rows.stop])
        if self.alive_from is not None:
            message.alive_from_micros.raw = np.asarray(self.alive_from[owned], "<i8").tobytes()
        if self.alive_until is not None:
            message.alive_until_micros.raw = np.asarray(self.alive_until[owned], "<i8").tobytes()
        if self.interval_splits is not None:
            relative = splits[rows.start : rows.stop + 1] - splits[rows.start]
            message.interval_splits.raw = relative.astype("<i8").tobytes()
        if self.base_weights is not None:
            message.base_weights.raw = self.base_weights[rows].tobytes()
        if self.categories is not None:
            message.categories.CopyFrom(
                columns.names_to_ragged(self.categories[rows], "categories")
            )
        if self.attributes is not None:
            message.attributes.extend(self.attributes[rows])
        if self.update_mask is not None:
            message.update_mask.paths.extend(self.update_mask)
        return message


@dataclasses.dataclass(frozen=True)
class EventChunk:
    """Events, n of them, in any order of time. Mistakes raise TypeError or ValueError here.

    Attributes:
      users, items, times: shape [n].
      weights: shape [n], each in [1/64, 4096]; None: 1 for each.
      kinds: an `EventKind` for all, or values of it, shape [n]; None: all are POSITIVE.
      propensities: shape [n], chance that the logging policy showed the item, in (0, 1]; 0: not
        known, as for all that are not EXPOSURE. None: 0 for each.
      cohorts: shape [n], segment of the user at that time, whole numbers in [0, 255]; 0: none, as
        for all that are not POSITIVE. None: 0 for each.
    """

    users: Ids
    items: Ids
    times: Times
    weights: Optional[np.ndarray] = None
    kinds: Union[models.EventKind, np.ndarray, None] = None
    propensities: Optional[np.ndarray] = None
    cohorts: Optional[np.ndarray] = None

    def __post_init__(self) -> None:
        _set(self, times=columns.times_to_micros(self.times, "times"))
        n = len(self.times)
        if self.weights is not None:
            _set(self, weights=_floats(self.weights, "weights", 1 / 64, 4096.0))
        _set(self, kinds=kinds_array(self.kinds, n))
        if self.propensities is not None:
            _set(self, propensities=_floats(self.propensities, "propensities", 0.0, 1.0))
        if self.cohorts is not None:
            _set(self, cohorts=columns.small_array(self.cohorts, "cohorts"))
        check_lengths(**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})
        kinds = np.ones(n, np.uint8) if self.kinds is None else self.kinds
        for name, column, kind in (
            ("propensities", self.propensities, models.EventKind.EXPOSURE),
            ("cohorts", self.cohorts, models.EventKind.POSITIVE),
        ):
            if column is None:
                continue
            bad = np.flatnonzero((column != 0) & (kinds != int(kind)))
            if len(bad):
                raise ValueError(f"{name}: row {bad[0]} has one, but is no {kind.name}")

    def __len__(self) -> int:
        return len(self.times)

    def split(self, rows: int = 50_000) -> Iterator["EventChunk"]:
        """Cuts this into chunks of at most `rows` events, always at the same places."""
        for begin in _begins(len(self), rows):
            part = slice(begin, begin + rows)
            columns_of_part: list[Any] = [
                None if getattr(self, f.name) is None else getattr(self, f.name)[part]
                for f in dataclasses.fields(self)
            ]
            yield EventChunk(*columns_of_part)

    def row_bytes(self) -> np.ndarray:
        """Returns about how many bytes each event takes on the wire, shape [n]."""
        n = len(self)
        return chunking.row_bytes(self.users, n) + chunking.row_bytes(self.items, n) + 18

    def offsets(self, unused_first_row: int) -> dict[str, int]:
        """Every column has one entry an event."""
        return {}

    def to_proto(self, rows: slice = slice(None)) -> pool_pb2.BatchWriteEventsRequest:
        """Encodes some of the events."""
        message = pool_pb2.BatchWriteEventsRequest(
            user_ids=columns.ids_to_column(self.users[rows], "users"),
            item_ids=columns.ids_to_column(self.items[rows], "items"),
            event_time_micros=columns.int64_to_column(self.times[rows], "times"),
        )
        for field in ("weights", "kinds", "propensities", "cohorts"):
            column = getattr(self, field)
            if column is not None:
                getattr(message, field).raw = column[rows].tobytes()
        return message


def kinds_array(kinds: Any, rows: int) -> Optional[np.ndarray]:
    """Returns kinds of events as uint8, shape [rows], from one for all or one for each."""
    if kinds is None:
        return None
    array = np.full(rows, kinds) if np.ndim(kinds) == 0 else kinds
    array = columns.small_array(array, "kinds")
    known = [int(kind) for kind in models.EventKind]
    if not np.isin(array, known).all():
        raise ValueError(f"kinds: values of EventKind are expected, {known}")
    return array


def check_lengths(**arguments: Any) -> None:
    """Raises ValueError unless all that are given have the same length."""
    lengths = {name: len(value) for name, value in arguments.items() if value is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"lengths must be equal: {lengths}")


def _set(chunk: Any, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(chunk, name, value)  # The class is frozen for everybody else.


def _floats(values: Any, what: str, least: float, most: float) -> np.ndarray:
    array = np.ascontiguousarray(values, "<f4")
    if array.ndim != 1:
        raise ValueError(f"{what}: one dimension is expected, not shape {array.shape}")
    bad = np.flatnonzero(~((array >= least) & (array <= most)))
    if len(bad):
        raise ValueError(f"{what}: [{least}, {most}] is expected; row {bad[0]} is {array[bad[0]]}")
    return array


def _begins(rows: int, step: int) -> range:
    if not 1 <= step <= chunking.MAX_ROWS:
        raise ValueError(f"rows: 1 to {chunking.MAX_ROWS} are expected, not {step}")
    return range(0, rows, step)
