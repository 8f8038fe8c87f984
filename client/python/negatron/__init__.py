# SPDX-License-Identifier: Apache-2.0
"""Client of Negatron, the negative-sampling server. Start with `Client`."""

from negatron.chunks import EventChunk, ItemChunk
from negatron.client import Client
from negatron.errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    InternalError,
    InvalidArgument,
    NegatronError,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
)
from negatron.models import (
    Collection,
    EventKind,
    IdType,
    ImportResult,
    Items,
    LawKind,
    Level,
    Metric,
    MissingItemRule,
    RemovalResult,
    RowStatus,
    ServerInfo,
    Snapshot,
    Statistics,
    Users,
    WriteResult,
)
from negatron.policies import Exposure, Mined, Nearest, Policy, Popularity, Uniform
from negatron.samples import ComponentReport, RejectCause, Sample, SharedSample
from negatron.transport import SampleFuture

__version__ = "0.1.0"

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Cancelled",
    "Client",
    "Collection",
    "ComponentReport",
    "DeadlineExceeded",
    "EventChunk",
    "EventKind",
    "Exposure",
    "FailedPrecondition",
    "FieldViolation",
    "IdType",
    "ImportResult",
    "InternalError",
    "InvalidArgument",
    "ItemChunk",
    "Items",
    "LawKind",
    "Level",
    "Metric",
    "Mined",
    "MissingItemRule",
    "Nearest",
    "NegatronError",
    "NotFound",
    "Policy",
    "Popularity",
    "RejectCause",
    "RemovalResult",
    "ResourceExhausted",
    "RowStatus",
    "Sample",
    "SampleFuture",
    "ServerInfo",
    "SharedSample",
    "Snapshot",
    "Statistics",
    "Unavailable",
    "Uniform",
    "Unimplemented",
    "Users",
    "WriteResult",
]
