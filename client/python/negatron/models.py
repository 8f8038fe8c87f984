# SPDX-License-Identifier: Apache-2.0
"""What calls return: small immutable records, arrays inside."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import NamedTuple, Optional, Union

import numpy as np

from google.protobuf.message import Message

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
    ROW_CONSTANT = sampling_pb2.LAW_KIND_ROW_CONSTANT


class IdType(enum.IntEnum):
    """Type of ids on the wire."""

    INT64 = collections_pb2.ID_TYPE_INT64
    STRING = collections_pb2.ID_TYPE_STRING


class EventKind(enum.IntEnum):
    """What an event means."""

    POSITIVE = pool_pb2.EVENT_KIND_POSITIVE  # The user chose the item.
    EXPOSURE = pool_pb2.EVENT_KIND_EXPOSURE  # The user was shown it, and did not choose it.
    MINED = pool_pb2.EVENT_KIND_MINED  # A trainer hands it back as a negative.


class MissingItemRule(enum.IntEnum):
    """What happens to an event whose item does not exist."""

    REJECT = collections_pb2.MISSING_ITEM_RULE_REJECT
    CREATE = collections_pb2.MISSING_ITEM_RULE_CREATE


class Metric(enum.IntEnum):
    """How embeddings are compared; a higher score is nearer."""

    INNER_PRODUCT = collections_pb2.EMBEDDING_METRIC_INNER_PRODUCT
    COSINE = collections_pb2.EMBEDDING_METRIC_COSINE
    L2 = collections_pb2.EMBEDDING_METRIC_L2


class RowRefusal(enum.IntEnum):
    """Why a row of a partial write was left out."""

    INVALID_VECTOR = types_pb2.ROW_REFUSAL_INVALID_VECTOR  # Not finite, or without direction.
    UNKNOWN_ITEM = types_pb2.ROW_REFUSAL_UNKNOWN_ITEM
    UNKNOWN_USER = types_pb2.ROW_REFUSAL_UNKNOWN_USER  # A dictionary number of none.


class ElementType(enum.IntEnum):
    """How the server keeps a component of an embedding; calls carry float32 in any case."""

    FLOAT32 = collections_pb2.EMBEDDING_ELEMENT_TYPE_FLOAT32
    # Rounded to 8 significant bits when written, half the memory.
    BFLOAT16 = collections_pb2.EMBEDDING_ELEMENT_TYPE_BFLOAT16


class Level(enum.IntEnum):
    """How far a write has come when it is acknowledged."""

    DURABLE = types_pb2.ACKNOWLEDGEMENT_LEVEL_DURABLE
    APPLIED = types_pb2.ACKNOWLEDGEMENT_LEVEL_APPLIED


class Snapshot(NamedTuple):
    """Names a state of a collection: equal tokens, equal items, events and embeddings."""

    incarnation: int
    commit_sequence: int
    index_generation: int = 0  # 0: searches were exact.
    policy_version: int = 0  # Of the stored policy; 0: none was used.

    @classmethod
    def from_proto(cls, token: types_pb2.SnapshotToken) -> "Snapshot":
        return cls(
            token.incarnation, token.commit_sequence, token.index_generation, token.policy_version
        )


class AuditSettings(NamedTuple):
    """Which sampling calls a collection keeps for `list_audits`, and how long."""

    rate: float  # The part of the calls, in [0, 1].
    max_age: Optional[dt.timedelta] = None  # None: the server's default, 7 days.
    max_bytes: int = 0  # 0: the server's default, 256 MiB.

    @classmethod
    def from_proto(cls, proto: collections_pb2.AuditSettings) -> "AuditSettings":
        return cls(proto.rate, proto.max_age.ToTimedelta(), proto.max_bytes)

    def to_proto(self) -> collections_pb2.AuditSettings:
        proto = collections_pb2.AuditSettings(rate=self.rate, max_bytes=self.max_bytes)
        if self.max_age is not None:
            proto.max_age.FromTimedelta(self.max_age)
        return proto


class AuditStatistics(NamedTuple):
    """State of the audit log of a collection."""

    kept_count: int
    stored_bytes: int
    written_count: int  # Since the server started.
    dropped_count: int  # Since the server started: there was no room, or the disk failed.


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
    half_lives: tuple[dt.timedelta, ...] = ()  # Served fast beside `half_life`; 0: no decay.
    windows: tuple[dt.timedelta, ...] = ()  # Served fast.
    cohort_popularity: bool = False
    category_popularity: bool = False
    popularity_grid: Optional[dt.timedelta] = None  # None: the server's default.
    mined_per_user: int = 0  # 0: the server does not know mined events.
    event_retention: Optional[dt.timedelta] = None  # None: all events are kept.
    event_watermark: Optional[dt.datetime] = None  # Positives before it have no mass.
    element_type: Optional[ElementType] = None  # Of embeddings; None: no embeddings yet.
    audit: Optional[AuditSettings] = None  # None: there is no audit log.

    @classmethod
    def from_proto(cls, proto: collections_pb2.Collection) -> "Collection":
        def span(field: str) -> Optional[dt.timedelta]:
            return getattr(proto, field).ToTimedelta() if proto.HasField(field) else None

        has_embeddings = proto.HasField("embedding_settings")
        settings = proto.embedding_settings
        return cls(
            id=proto.name.split("/", 1)[-1],
            display_name=proto.display_name,
            labels=dict(proto.labels),
            item_id_type=IdType(proto.item_id_type or IdType.INT64),
            user_id_type=IdType(proto.user_id_type or IdType.INT64),
            half_life=span("half_life"),
            missing_item_rule=MissingItemRule(proto.missing_item_rule or MissingItemRule.REJECT),
            dimension=settings.dimension if has_embeddings else None,
            metric=Metric(settings.metric) if has_embeddings else None,
            incarnation=proto.incarnation,
            create_time=columns.timestamp_to_datetime(proto.create_time),
            etag=proto.etag,
            half_lives=tuple(span.ToTimedelta() for span in proto.half_lives),
            windows=tuple(span.ToTimedelta() for span in proto.windows),
            cohort_popularity=proto.cohort_popularity,
            category_popularity=proto.category_popularity,
            popularity_grid=span("popularity_grid"),
            mined_per_user=proto.mined_per_user,
            event_retention=span("event_retention"),
            event_watermark=(
                columns.timestamp_to_datetime(proto.event_watermark_time)
                if proto.HasField("event_watermark_time")
                else None
            ),
            element_type=(
                ElementType(settings.element_type or ElementType.FLOAT32)
                if has_embeddings
                else None
            ),
            audit=AuditSettings.from_proto(proto.audit) if proto.HasField("audit") else None,
        )


@dataclasses.dataclass(frozen=True)
class WriteResult:
    """What a write did, summed over the chunks it was sent in."""

    commit_sequence: int  # Of the last chunk.
    written_count: int
    created_item_count: int
    level: Level
    replayed: bool  # Every chunk was known by its request id and was not done again.
    # Of `write_embeddings(allow_partial=True)`: rows that were left out, and why, values of
    # `RowRefusal`. Empty for chunks that were replayed.
    refused_rows: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    refusals: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.uint8))


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
    base_weights: np.ndarray  # [n], float32.
    category_names: np.ndarray  # [categories of all items], object array of str.
    category_splits: np.ndarray  # [n + 1], int64; item i has the names [splits[i], splits[i + 1]).
    attributes: np.ndarray  # [n], object array of bytes.
    found: Optional[np.ndarray] = None  # [ids asked for], bool; None for a listing.

    def categories(self, row: int) -> list[str]:
        """Returns the names of the categories of an item."""
        return self.category_names[
            self.category_splits[row] : self.category_splits[row + 1]
        ].tolist()

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def from_proto(cls, table: pool_pb2.ItemTable, found: Optional[np.ndarray] = None) -> "Items":
        names = table.ids.WhichOneof("encoding") == "names"
        ids = columns.ids_from_column(table.ids)
        weights = columns.floats_from_column(table.base_weights)
        splits = columns.int64_from_column(table.categories.row_splits)
        attributes = np.full(len(ids), b"", object)
        if table.attributes:
            attributes[:] = table.attributes
        return cls(
            ids=ids,
            numbers=columns.int64_from_column(table.numbers) if names else None,
            alive_from_micros=columns.int64_from_column(table.alive_from_micros),
            alive_until_micros=columns.int64_from_column(table.alive_until_micros),
            interval_splits=columns.int64_from_column(table.interval_splits),
            base_weights=weights if len(weights) else np.ones(len(ids), np.float32),
            category_names=columns.ids_from_column(table.categories.ids).astype(object),
            category_splits=splits if len(splits) else np.zeros(len(ids) + 1, np.int64),
            attributes=attributes,
            found=found,
        )


@dataclasses.dataclass(frozen=True)
class Users:
    """A page of users."""

    ids: np.ndarray  # [n], int64 or object array of str.
    numbers: Optional[np.ndarray]  # [n], dictionary numbers of string ids; None for int64 ids.

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def from_proto(cls, page: pool_pb2.ListUsersResponse) -> "Users":
        names = page.ids.WhichOneof("encoding") == "names"
        return cls(
            ids=columns.ids_from_column(page.ids),
            numbers=columns.int64_from_column(page.numbers) if names else None,
        )


@dataclasses.dataclass(frozen=True)
class Events:
    """A page of events: columns with one entry for each, as `EventChunk` takes them."""

    users: np.ndarray  # [n], int64 or object array of str.
    items: np.ndarray  # [n], int64 or object array of str.
    times: np.ndarray  # [n], int64 microseconds since the Unix epoch; never falls.
    weights: np.ndarray  # [n], float32.
    kinds: np.ndarray  # [n], uint8, of `EventKind`.
    propensities: np.ndarray  # [n], float32; 0: not known.
    cohorts: np.ndarray  # [n], uint8; 0: none.

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def from_proto(cls, page: pool_pb2.ListEventsResponse) -> "Events":
        times = columns.int64_from_column(page.event_time_micros)

        def column(values: np.ndarray, default: int) -> np.ndarray:
            return values if len(values) else np.full(len(times), default, values.dtype)

        return cls(
            users=columns.ids_from_column(page.user_ids),
            items=columns.ids_from_column(page.item_ids),
            times=times,
            weights=column(columns.floats_from_column(page.weights), 1),
            kinds=column(columns.bytes_from_column(page.kinds), EventKind.POSITIVE),
            propensities=column(columns.floats_from_column(page.propensities), 0),
            cohorts=column(columns.bytes_from_column(page.cohorts), 0),
        )


@dataclasses.dataclass(frozen=True)
class RemovalResult:
    """What a retraction or an erasure did, summed over the chunks it was sent in."""

    removed_count: int  # Events or users.
    found: Optional[np.ndarray]  # [entries], bool; None if `replayed`, at least in part.
    commit_sequence: int  # Of the last chunk.
    replayed: bool  # Some chunk was known by its request id and was not done again.


@dataclasses.dataclass(frozen=True)
class ImportResult:
    """Where an import stream stands: all its chunks, those of earlier runs too."""

    chunk_count: int  # Durable ones.
    skipped_chunk_count: int  # Of those, the ones that were durable before this run.
    written_count: int  # Rows.
    created_item_count: int
    commit_sequence: int  # Of the last chunk.


def _time(proto: Message, field: str) -> Optional[dt.datetime]:
    if not proto.HasField(field):
        return None
    return columns.timestamp_to_datetime(getattr(proto, field))


def _optional(proto: Message, field: str) -> Optional[float]:
    return getattr(proto, field) if proto.HasField(field) else None


@dataclasses.dataclass(frozen=True)
class IndexStatistics:
    """State of the index that hard negatives are searched with."""

    generation: int  # 0: none, and searches are exact.
    build_time: Optional[dt.datetime]  # Of its graph.
    placed_count: int  # Items in the graph.
    unreached_count: int  # Those that no way through it leads to.
    delta_count: int  # Items that every search scores one by one.
    link_count: int  # M.
    ef_construction: int
    ef: int
    built_recall: float  # At 100, in [0, 1], when `ef` was chosen.
    building: bool
    build_duration: Optional[dt.timedelta]  # Of the last build since the start.
    problem: str  # Alarm: why the last generation was refused; empty: none.
    check_time: Optional[dt.datetime]
    recall: float  # At 100, in [0, 1], at `check_time`.
    drift: float  # Mean distance of vectors from where the graph was built, in norms.
    # Of a sample of items, between the last two builds since the start; None before the second.
    neighbourhood_preservation: Optional[float]  # Part of the neighbours that stayed.
    projection_shift: Optional[float]  # How far a projection of their mean moved, in norms.
    category_purity: Optional[float]  # Part that shares a category; None without categories.

    @classmethod
    def from_proto(cls, proto: inspection_pb2.IndexStatistics) -> "IndexStatistics":
        return cls(
            generation=proto.generation,
            build_time=_time(proto, "build_time"),
            placed_count=proto.placed_count,
            unreached_count=proto.unreached_count,
            delta_count=proto.delta_count,
            link_count=proto.link_count,
            ef_construction=proto.ef_construction,
            ef=proto.ef,
            built_recall=proto.built_recall,
            building=proto.building,
            build_duration=(
                proto.build_duration.ToTimedelta() if proto.HasField("build_duration") else None
            ),
            problem=proto.problem,
            check_time=_time(proto, "check_time"),
            recall=proto.recall,
            drift=proto.drift,
            neighbourhood_preservation=_optional(proto, "neighbourhood_preservation"),
            projection_shift=_optional(proto, "projection_shift"),
            category_purity=_optional(proto, "category_purity"),
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
    embedding_count: int  # Of items.
    user_embedding_count: int
    first_event_time: Optional[dt.datetime]
    last_event_time: Optional[dt.datetime]
    event_mass: float
    living_event_mass: float
    memory_bytes: dict[str, int]  # By structure.
    sample_call_count: int
    sampled_row_count: int
    drawn_counts: dict[str, int]  # By source.
    short_row_counts: dict[Union[RowStatus, int], int]
    reject_counts: dict[str, int]  # By cause, "EXCLUDED" or "DEAD".
    index: Optional[IndexStatistics]  # None without embeddings.
    highest_model_version: int = 0  # Of embeddings; 0: none has one.
    audit: Optional[AuditStatistics] = None  # None: there never was an audit log.

    @classmethod
    def from_proto(cls, proto: inspection_pb2.CollectionStatistics) -> "Statistics":
        return cls(
            snapshot=Snapshot.from_proto(proto.snapshot),
            as_of=columns.timestamp_to_datetime(proto.as_of_time),
            item_count=proto.item_count,
            living_item_count=proto.living_item_count,
            user_count=proto.user_count,
            event_count=proto.event_count,
            past_event_count=proto.past_event_count,
            embedding_count=proto.embedding_count,
            user_embedding_count=proto.user_embedding_count,
            first_event_time=_time(proto, "first_event_time"),
            last_event_time=_time(proto, "last_event_time"),
            event_mass=proto.event_mass,
            living_event_mass=proto.living_event_mass,
            memory_bytes={use.structure: use.bytes for use in proto.memory_uses},
            sample_call_count=proto.sample_call_count,
            sampled_row_count=proto.sampled_row_count,
            drawn_counts={source.source: source.drawn_count for source in proto.sources},
            short_row_counts={row_status(r.row_status): r.count for r in proto.short_rows},
            reject_counts={reject_name(r.reject_cause): r.count for r in proto.rejects},
            index=IndexStatistics.from_proto(proto.index) if proto.HasField("index") else None,
            highest_model_version=proto.highest_model_version,
            audit=(
                AuditStatistics(
                    proto.audit.kept_count,
                    proto.audit.stored_bytes,
                    proto.audit.written_count,
                    proto.audit.dropped_count,
                )
                if proto.HasField("audit")
                else None
            ),
        )


# A newer server counts what this client has no name for: that keeps its number.


def row_status(number: int) -> Union[RowStatus, int]:
    """Returns the status of a number."""
    return RowStatus(number) if number in RowStatus.__members__.values() else number


def reject_name(number: int) -> str:
    """Returns the name of a cause without its prefix, as "EXCLUDED"."""
    value = sampling_pb2.RejectCause.DESCRIPTOR.values_by_number.get(number)
    return str(number) if value is None else value.name.replace("REJECT_CAUSE_", "")


@dataclasses.dataclass(frozen=True)
class ServerInfo:
    """The server's version and state."""

    version: str
    serving: bool
    recovery_progress: float  # In [0, 1].
    uptime: dt.timedelta
    durable_sequence: int
