# SPDX-License-Identifier: Apache-2.0
"""Exceptions: one class for each canonical code, with the details that the server sent.

`google.rpc.Status` is decoded with wire twins: registering the originals would clash with
googleapis-common-protos, which a trainer may have loaded.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Mapping, Optional

import grpc
from google.protobuf.message import DecodeError

from negatron.wire import status_pb2

_STATUS_KEY = "grpc-status-details-bin"
_TYPE_PREFIX = "type.googleapis.com/google.rpc."
_INDEX = re.compile(r"([^\[]*)\[(\d+)\](.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class FieldViolation:
    """One bad field: `field` is its path with the row in brackets, `item_ids[17]`."""

    field: str
    description: str


class NegatronError(Exception):
    """A call failed.

    Attributes:
      code: canonical code.
      message: the server's message.
      reason: `ErrorInfo.reason` in UPPER_SNAKE_CASE, or "".
      metadata: `ErrorInfo.metadata`.
      field_violations: bad fields of the request, with their rows.
      retry_delay: seconds to wait before the next try, or None if the server gave none.
      acknowledged_rows: for a write of several chunks, the rows acknowledged before the failure.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        metadata: Optional[dict[str, str]] = None,
        field_violations: tuple[FieldViolation, ...] = (),
        retry_delay: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = metadata or {}
        self.field_violations = field_violations
        self.retry_delay = retry_delay
        self.acknowledged_rows = 0

    def __str__(self) -> str:
        text = f"{self.code.name}: {self.message}"
        for violation in self.field_violations:
            text += f"\n  {violation.field}: {violation.description}"
        return text

    def in_chunk(self, first_row: int, offsets: Mapping[str, int]) -> "NegatronError":
        """Makes paths speak of the caller's arrays instead of the chunk that begins at `first_row`.

        An index moves by the offset of its path, by `first_row` if the path is not in `offsets`.
        """
        if first_row:
            self.field_violations = tuple(
                FieldViolation(_shift(v.field, first_row, offsets), v.description)
                for v in self.field_violations
            )
            self.message += f" (rows in this text count from row {first_row} of the call)"
        self.acknowledged_rows = first_row
        return self


def _shift(path: str, first_row: int, offsets: Mapping[str, int]) -> str:
    match = _INDEX.match(path)
    if match is None:
        return path
    column, index, rest = match.groups()
    return f"{column}[{int(index) + offsets.get(column, first_row)}]{rest}"


class InvalidArgument(NegatronError, ValueError):
    """The request is wrong whatever the state; `field_violations` say where."""


class NotFound(NegatronError):
    """No such collection."""


class AlreadyExists(NegatronError):
    """The id is taken."""


class FailedPrecondition(NegatronError):
    """The state does not allow the call, for example no embedding settings."""


class Aborted(NegatronError):
    """The etag is not the current one."""


class ResourceExhausted(NegatronError):
    """A queue is full, or a message is larger than a limit."""


class DeadlineExceeded(NegatronError, TimeoutError):
    """The deadline passed. A write may have happened."""


class Unavailable(NegatronError, ConnectionError):
    """The server cannot be reached, recovers, or its disk takes no writes."""


class Unauthenticated(NegatronError):
    """The server asks for a token, or does not know this one, or it has expired."""


class PermissionDenied(NegatronError):
    """The token has not the scope, or is not for the collection."""


class Cancelled(NegatronError):
    """The caller cancelled the call."""


class InternalError(NegatronError):
    """A bug of the server, or a broken message."""


class Unimplemented(NegatronError):
    """The server does not know the method: it is older than this client."""


_CLASSES: dict[grpc.StatusCode, type[NegatronError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.INTERNAL: InternalError,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
}


def _status_of(error: Any) -> Optional[status_pb2.Status]:
    for key, value in error.trailing_metadata() or ():
        if key == _STATUS_KEY:
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                return None
    return None


def from_rpc_error(error: grpc.RpcError) -> NegatronError:
    """Translates what gRPC raises. Details that do not parse are ignored."""
    code = error.code()
    details: dict[str, Any] = {}
    status = _status_of(error)
    for detail in status.details if status else ():
        try:
            if detail.type_url == _TYPE_PREFIX + "ErrorInfo":
                info = status_pb2.ErrorInfo.FromString(detail.value)
                details.update(reason=info.reason, metadata=dict(info.metadata))
            elif detail.type_url == _TYPE_PREFIX + "BadRequest":
                violations = status_pb2.BadRequest.FromString(detail.value).field_violations
                details["field_violations"] = tuple(
                    FieldViolation(v.field, v.description) for v in violations
                )
            elif detail.type_url == _TYPE_PREFIX + "RetryInfo":
                delay = status_pb2.RetryInfo.FromString(detail.value).retry_delay
                details["retry_delay"] = delay.seconds + delay.nanos * 1e-9
        except DecodeError:
            continue
    return _CLASSES.get(code, NegatronError)(code, error.details() or "", **details)
