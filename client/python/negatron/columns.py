# SPDX-License-Identifier: Apache-2.0
"""NumPy arrays to and from the columns of `negatron.v1`.

Numbers travel as raw little-endian bytes and are never touched one by one. Arrays made from a
response are views of its bytes and therefore read-only; copy them to write to them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Optional, Sequence, Union

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from negatron.v1 import types_pb2

ALWAYS_MICROS = -(2**63)  # Start of an alive interval without a start.
NEVER_MICROS = 2**63 - 1  # End of an alive interval without an end.

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)

# Ids of one call: an integer array, or strings (list, tuple or array). Shape [rows].
Ids = Union[np.ndarray, Sequence[int], Sequence[str]]
# Times of one call: int64 microseconds since the Unix epoch, or `datetime64`. Shape [rows].
Times = Union[np.ndarray, Sequence[int]]
# One instant: int microseconds since the Unix epoch, `datetime64`, or an aware `datetime`.
Instant = Union[int, np.integer, np.datetime64, dt.datetime]


def ids_to_column(ids: Ids, what: str) -> types_pb2.IdColumn:
    """Encodes ids: integers as raw int64, strings as names.

    Raises:
      TypeError: neither integers nor strings. `what` names the argument.
      ValueError: not one-dimensional, or an integer outside int64.
    """
    if isinstance(ids, (str, bytes)):
        raise TypeError(f"{what}: a sequence of ids is expected, not a single {type(ids).__name__}")
    if not isinstance(ids, np.ndarray):
        values = list(ids)
        if values and isinstance(values[0], str):
            return _names_to_column(values, what)
        ids = np.asarray(values) if values else np.empty(0, np.int64)
    if ids.ndim != 1:
        raise ValueError(f"{what}: one dimension is expected, not shape {ids.shape}")
    if ids.dtype.kind in "OU":
        return _names_to_column(ids.tolist(), what)
    return types_pb2.IdColumn(raw=_int64_array(ids, what).tobytes())


def _names_to_column(names: list[Any], what: str) -> types_pb2.IdColumn:
    try:
        return types_pb2.IdColumn(names=types_pb2.StringList(values=names))
    except TypeError as error:
        raise TypeError(f"{what}: all ids must be strings, or all integers ({error})") from None


def _int64_array(values: Any, what: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        if array.size == 0:
            return np.empty(array.shape, "<i8")
        raise TypeError(f"{what}: integers are expected, not {array.dtype}")
    if array.dtype == np.uint64 and array.size and int(array.max()) > NEVER_MICROS:
        raise ValueError(f"{what}: values must fit int64")
    return np.ascontiguousarray(array, "<i8")


def int64_to_column(values: Any, what: str) -> types_pb2.Int64Column:
    """Encodes integers of shape [n]; raises TypeError or ValueError naming `what`."""
    array = _int64_array(values, what)
    if array.ndim != 1:
        raise ValueError(f"{what}: one dimension is expected, not shape {array.shape}")
    return types_pb2.Int64Column(raw=array.tobytes())


def times_to_micros(times: Any, what: str) -> np.ndarray:
    """Returns int64 microseconds of shape [n] from `Times`: integers stay what they are.

    Floats are refused: seconds since the epoch, taken for microseconds, would be silent nonsense.
    """
    array = np.asarray(times)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise ValueError(f"{what}: NaT is not a time")
        array = array.astype("datetime64[us]").view(np.int64)
    return _int64_array(array, what)


def instant_to_timestamp(instant: Any, what: str) -> Timestamp:
    """Encodes an `Instant`.

    Raises:
      TypeError: a float or another type.
      ValueError: a `datetime` without a time zone, or NaT.
    """
    if isinstance(instant, dt.datetime):
        if instant.tzinfo is None:
            raise ValueError(f"{what}: the datetime needs a time zone")
        micros = (instant - _EPOCH) // dt.timedelta(microseconds=1)
    else:
        micros = int(times_to_micros(np.asarray([instant]), what)[0])
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000)


def timestamp_to_datetime(timestamp: Timestamp) -> dt.datetime:
    """Decodes one instant, rounded down to microseconds, in UTC."""
    return _EPOCH + dt.timedelta(
        seconds=timestamp.seconds, microseconds=timestamp.nanos // 1000
    )


def floats_to_column(values: Any, what: str) -> types_pb2.FloatColumn:
    """Encodes floats of shape [n] as raw float32."""
    array = np.ascontiguousarray(values, "<f4")
    if array.ndim != 1:
        raise ValueError(f"{what}: one dimension is expected, not shape {array.shape}")
    return types_pb2.FloatColumn(raw=array.tobytes())


def matrix_to_proto(values: Any, what: str) -> types_pb2.FloatMatrix:
    """Encodes a matrix of shape [rows, columns] as raw float32."""
    array = np.ascontiguousarray(values, "<f4")
    if array.ndim != 2:
        raise ValueError(f"{what}: two dimensions are expected, not shape {array.shape}")
    return types_pb2.FloatMatrix(
        row_count=array.shape[0],
        column_count=array.shape[1],
        values=types_pb2.FloatColumn(raw=array.tobytes()),
    )


def ragged_to_proto(rows: Sequence[Ids], what: str) -> types_pb2.RaggedIdColumn:
    """Encodes one sequence of ids for each row; a row may be empty."""
    splits = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=splits[1:])
    parts = [np.asarray(row) for row in rows if len(row)]
    ids = np.concatenate(parts) if parts else np.empty(0, np.int64)
    return types_pb2.RaggedIdColumn(
        ids=ids_to_column(ids, what), row_splits=int64_to_column(splits, what)
    )


def names_to_ragged(rows: Sequence[Sequence[str]], what: str) -> types_pb2.RaggedIdColumn:
    """Encodes one sequence of names for each row; a row may be empty."""
    splits = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=splits[1:])
    return types_pb2.RaggedIdColumn(
        ids=_names_to_column([name for row in rows for name in row], what),
        row_splits=int64_to_column(splits, what),
    )


def small_array(values: Any, what: str) -> np.ndarray:
    """Returns whole numbers in [0, 255] as uint8, shape [n]."""
    array = _int64_array(values, what)
    if array.ndim != 1:
        raise ValueError(f"{what}: one dimension is expected, not shape {array.shape}")
    if array.size and not 0 <= array.min() <= array.max() <= 255:
        raise ValueError(f"{what}: values in [0, 255] are expected")
    return array.astype(np.uint8)


def int64_from_column(column: Union[types_pb2.Int64Column, types_pb2.IdColumn]) -> np.ndarray:
    """Decodes integers, shape [n]. An unset column is empty."""
    if column.WhichOneof("encoding") == "typed":
        return np.array(column.typed.values, np.int64)
    return np.frombuffer(column.raw, "<i8")


def ids_from_column(column: types_pb2.IdColumn) -> np.ndarray:
    """Decodes ids: int64, or an object array of str. Shape [n]."""
    if column.WhichOneof("encoding") != "names":
        return int64_from_column(column)
    names = np.empty(len(column.names.values), object)
    names[:] = column.names.values
    return names


def floats_from_column(column: types_pb2.FloatColumn) -> np.ndarray:
    """Decodes float32, shape [n]. An unset column is empty."""
    if column.WhichOneof("encoding") == "typed":
        return np.array(column.typed.values, np.float32)
    return np.frombuffer(column.raw, "<f4")


def bytes_from_column(column: types_pb2.ByteColumn) -> np.ndarray:
    """Decodes uint8, shape [n]. An unset column is empty."""
    if column.WhichOneof("encoding") == "typed":
        return np.array(column.typed.values, np.uint8)
    return np.frombuffer(column.raw, np.uint8)


def optional_shape(values: np.ndarray, shape: tuple[int, ...]) -> Optional[np.ndarray]:
    """Gives a column its shape; None for a column that was not sent."""
    if values.size == 0 and 0 not in shape:
        return None
    return values.reshape(shape)
