# SPDX-License-Identifier: Apache-2.0
"""Client of Negatron, the negative-sampling server. Start with `Client`."""

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
    ComponentReport,
    IdType,
    Items,
    LawKind,
    Level,
    Metric,
    MissingItemRule,
    RowStatus,
    Sample,
    ServerInfo,
    Snapshot,
    Statistics,
    WriteResult,
)
from negatron.policies import Nearest, Policy, Popularity, Uniform
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
    "FailedPrecondition",
    "FieldViolation",
    "IdType",
    "InternalError",
    "InvalidArgument",
    "Items",
    "LawKind",
    "Level",
    "Metric",
    "MissingItemRule",
    "Nearest",
    "NegatronError",
    "NotFound",
    "Policy",
    "Popularity",
    "ResourceExhausted",
    "RowStatus",
    "Sample",
    "SampleFuture",
    "ServerInfo",
    "Snapshot",
    "Statistics",
    "Unavailable",
    "Unimplemented",
    "Uniform",
    "WriteResult",
]
