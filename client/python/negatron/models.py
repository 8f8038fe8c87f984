# SPDX-License-Identifier: Apache-2.0
"""What calls return: small immutable records, arrays inside."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import NamedTuple, Optional

import numpy as np

from negatron import columns
from negatron.v1 import collections_pb2, inspection_pb2, pool_pb2, sampling_pb2, types_pb2


class RowStatus(enum.IntEnum):
    """What became of a row of `Client.sample`."""

    OK = sampling_pb2.ROW_STATUS_OK
    NO_LIVING_ITEM = sampling_pb2.ROW_STATUS_NO_LIVING_ITEM
    EXHAUSTED = sampling_pb2.ROW_STATUS_EXHAUSTED
    NO_EVENT = sampling_pb2.ROW_STATUS_NO_EVENT
    NO_ANCHOR = sampling_pb2.ROW_STATUS_NO_ANCHOR
    NO_CANDIDATE = sampling_pb2.ROW_STATUS_NO_CANDIDATE
    SHORT = sampling_pb2.ROW_STATUS_SHORT


class LawKind(enum.IntEnum):
    """What a reported probability means."""

    EXACT = sampling_pb2.LAW_KIND_EXACT
    CONDITIONAL = sampling_pb2.LAW_KIND_CONDITIONAL
    NONE = sampling_pb2.LAW_KIND_NONE


class IdType(enum.IntEnum):
    """Type of ids on the wire."""

    INT64 = collections_pb2.ID_TYPE_INT64
    STRING = collections_pb2.ID_TYPE_STRING


class MissingItemRule(enum.IntEnum):
    """What happens to an event whose item does not exist."""

    REJECT = collections_pb2.MISSING_ITEM_RULE_REJECT
    CREATE = collections_pb2.MISSING_ITEM_RULE_CREATE


class Metric(enum.IntEnum):
    """How embeddings are compared; a higher score is nearer."""

    INNER_PRODUCT = collections_pb2.EMBEDDING_METRIC_INNER_PRODUCT
    COSINE = collections_pb2.EMBEDDING_METRIC_COSINE
    L2 = collections_pb2.EMBEDDING_METRIC_L2


class Level(enum.IntEnum):
    """How far a write has come when it is acknowledged."""

    DURABLE = types_pb2.ACKNOWLEDGEMENT_LEVEL_DURABLE
    APPLIED = types_pb2.ACKNOWLEDGEMENT_LEVEL_APPLIED


class Snapshot(NamedTuple):
    """Names a state of a collection: equal tokens, equal items, events and embeddings."""

    incarnation: int
    commit_sequence: int

    @classmethod
    def from_proto(cls, token: types_pb2.SnapshotToken) -> "Snapshot":
        return cls(token.incarnation, token.commit_sequence)


@dataclasses.dataclass(frozen=True)
class Collection:
    """Settings of a collection. `id` is the part of its name after `collections/`."""

    id: str
    display_name: str
    labels: dict[str, str]
    item_id_type: IdType
    user_id_type: IdType
    half_life: Optional[dt.timedelta]  # None: events do not decay.
    missing_item_rule: MissingItemRule
    dimension: Optional[int]  # None: no embeddings yet.
    metric: Optional[Metric]
    incarnation: int
    create_time: dt.datetime
    etag: str

    @classmethod
    def from_proto(cls, proto: collections_pb2.Collection) -> "Collection":
        has_embeddings = proto.HasField("embedding_settings")
        settings = proto.embedding_settings
        return cls(
            id=proto.name.split("/", 1)[-1],
            display_name=proto.display_name,
            labels=dict(proto.labels),
            item_id_type=IdType(proto.item_id_type or IdType.INT64),
            user_id_type=IdType(proto.user_id_type or IdType.INT64),
            half_life=proto.half_life.ToTimedelta() if proto.HasField("half_life") else None,
            missing_item_rule=MissingItemRule(proto.missing_item_rule or MissingItemRule.REJECT),
            dimension=settings.dimension if has_embeddings else None,
            metric=Metric(settings.metric) if has_embeddings else None,
            incarnation=proto.incarnation,
            create_time=columns.timestamp_to_datetime(proto.create_time),
            etag=proto.etag,
        )


@dataclasses.dataclass(frozen=True)
class WriteResult:
    """What a write did, summed over the chunks it was sent in."""

    commit_sequence: int  # Of the last chunk.
    written_count: int
    created_item_count: int
    level: Level
    replayed: bool  # Every chunk was known by its request id and was not done again.


@dataclasses.dataclass(frozen=True)
class Items:
    """Items as columns.

    Item i owns the alive intervals [interval_splits[i], interval_splits[i + 1]), each
    [alive_from_micros, alive_until_micros) in microseconds since the Unix epoch;
    `columns.ALWAYS_MICROS` and `columns.NEVER_MICROS` stand for open ends.
    """

    ids: np.ndarray  # [n], int64 or object array of str.
    numbers: Optional[np.ndarray]  # [n], dictionary numbers of string ids; None for int64 ids.
    alive_from_micros: np.ndarray  # [intervals], int64.
    alive_until_micros: np.ndarray  # [intervals], int64.
    interval_splits: np.ndarray  # [n + 1], int64.
    found: Optional[np.ndarray] = None  # [ids asked for], bool; None for a listing.

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def from_proto(cls, table: pool_pb2.ItemTable, found: Optional[np.ndarray] = None) -> "Items":
        names = table.ids.WhichOneof("encoding") == "names"
        return cls(
            ids=columns.ids_from_column(table.ids),
            numbers=columns.int64_from_column(table.numbers) if names else None,
            alive_from_micros=columns.int64_from_column(table.alive_from_micros),
            alive_until_micros=columns.int64_from_column(table.alive_until_micros),
            interval_splits=columns.int64_from_column(table.interval_splits),
            found=found,
        )


class ComponentReport(NamedTuple):
    """A component of the policy as it was served."""

    source: str
    law_kind: LawKind
    drawn_count: int


@dataclasses.dataclass(frozen=True)
class Sample:
    """Negatives of one call, K for each of `rows` rows.

    Columns that were not asked for are None. Short rows are padded at their end: ids with -1 or
    "", floats with NaN, components with 255; `mask` tells draws from padding. Arrays may be
    read-only views of the response.
    """

    items: np.ndarray  # [rows, K], int64 ids or numbers, or an object array of str.
    log_q: Optional[np.ndarray]  # [rows, K], float32, natural log under the mixture.
    log_q_source: Optional[np.ndarray]  # [rows, K], float32, under the source that drew.
    components: Optional[np.ndarray]  # [rows, K], uint8, index into the policy.
    scores: Optional[np.ndarray]  # [rows, K], float32, against the anchor.
    statuses: np.ndarray  # [rows], uint8, values of `RowStatus`.
    drawn_counts: np.ndarray  # [rows], int64, draws in each row.
    effective_shares: Optional[np.ndarray]  # [rows, components], float32.
    reject_counts: Optional[np.ndarray]  # [rows, 2], int64: excluded, dead.
    reports: tuple[ComponentReport, ...]  # In the order of the policy.
    law_kind: LawKind  # Of `log_q`.
    snapshot: Snapshot
    seed: int
    as_of: Optional[dt.datetime]  # Of rows without a time of their own.
    kernel_id: str

    @property
    def mask(self) -> np.ndarray:
        """[rows, K], bool: True for draws, False for padding."""
        return np.arange(self.items.shape[1])[None, :] < self.drawn_counts[:, None]


def sample_from_proto(
    proto: sampling_pb2.SampleNegativesResponse, negative_count: int, items: np.ndarray
) -> Sample:
    """Gives the columns of a response their shapes; `items` are its ids, flat."""
    statuses = columns.bytes_from_column(proto.row_statuses)
    rows = len(items) // negative_count
    shape = (rows, negative_count)
    drawn = columns.int64_from_column(proto.drawn_counts)
    if len(drawn) == 0:
        drawn = np.full(rows, negative_count, np.int64)
    shares = columns.floats_from_column(proto.effective_shares)
    rejects = columns.int64_from_column(proto.reject_counts)
    return Sample(
        items=items.reshape(shape),
        log_q=columns.optional_shape(columns.floats_from_column(proto.log_q), shape),
        log_q_source=columns.optional_shape(columns.floats_from_column(proto.log_q_source), shape),
        components=columns.optional_shape(
            columns.bytes_from_column(proto.component_indexes), shape
        ),
        scores=columns.optional_shape(columns.floats_from_column(proto.scores), shape),
        statuses=statuses,
        drawn_counts=drawn,
        effective_shares=columns.optional_shape(shares, (rows, len(proto.components))),
        reject_counts=columns.optional_shape(rejects, (rows, 2)),
        reports=tuple(
            ComponentReport(c.source, LawKind(c.law_kind), c.drawn_count) for c in proto.components
        ),
        law_kind=LawKind(proto.law_kind),
        snapshot=Snapshot.from_proto(proto.snapshot),
        seed=proto.seed,
        as_of=(
            columns.timestamp_to_datetime(proto.as_of_time)
            if proto.HasField("as_of_time")
            else None
        ),
        kernel_id=proto.kernel_id,
    )


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What a collection holds, and what was drawn from it since the server started."""

    snapshot: Snapshot
    as_of: dt.datetime
    item_count: int
    living_item_count: int
    user_count: int
    event_count: int
    past_event_count: int
    embedding_count: int
    first_event_time: Optional[dt.datetime]
    last_event_time: Optional[dt.datetime]
    event_mass: float
    living_event_mass: float
    memory_bytes: dict[str, int]  # By structure.
    sample_call_count: int
    sampled_row_count: int
    drawn_counts: dict[str, int]  # By source.
    short_row_counts: dict[RowStatus, int]
    reject_counts: dict[str, int]  # By cause, "EXCLUDED" or "DEAD".

    @classmethod
    def from_proto(cls, proto: inspection_pb2.CollectionStatistics) -> "Statistics":
        def time(field: str) -> Optional[dt.datetime]:
            return (
                columns.timestamp_to_datetime(getattr(proto, field))
                if proto.HasField(field)
                else None
            )

        return cls(
            snapshot=Snapshot.from_proto(proto.snapshot),
            as_of=columns.timestamp_to_datetime(proto.as_of_time),
            item_count=proto.item_count,
            living_item_count=proto.living_item_count,
            user_count=proto.user_count,
            event_count=proto.event_count,
            past_event_count=proto.past_event_count,
            embedding_count=proto.embedding_count,
            first_event_time=time("first_event_time"),
            last_event_time=time("last_event_time"),
            event_mass=proto.event_mass,
            living_event_mass=proto.living_event_mass,
            memory_bytes={use.structure: use.bytes for use in proto.memory_uses},
            sample_call_count=proto.sample_call_count,
            sampled_row_count=proto.sampled_row_count,
            drawn_counts={source.source: source.drawn_count for source in proto.sources},
            short_row_counts={RowStatus(r.row_status): r.count for r in proto.short_rows},
            reject_counts={
                sampling_pb2.RejectCause.Name(r.reject_cause).replace("REJECT_CAUSE_", ""): r.count
                for r in proto.rejects
            },
        )


@dataclasses.dataclass(frozen=True)
class ServerInfo:
    """The server's version and state."""

    version: str
    serving: bool
    recovery_progress: float  # In [0, 1].
    uptime: dt.timedelta
    durable_sequence: int
