# SPDX-License-Identifier: Apache-2.0
"""What draws return."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import Any, Iterable, NamedTuple, Optional

import numpy as np

from negatron import columns
from negatron.models import LawKind, Snapshot
from negatron.v1 import sampling_pb2


class RejectCause(enum.IntEnum):
    """Why drawn items were thrown back."""

    EXCLUDED = sampling_pb2.REJECT_CAUSE_EXCLUDED
    DEAD = sampling_pb2.REJECT_CAUSE_DEAD
    FILTERED = sampling_pb2.REJECT_CAUSE_FILTERED
    DUPLICATE = sampling_pb2.REJECT_CAUSE_DUPLICATE
    UNCERTAIN = sampling_pb2.REJECT_CAUSE_UNCERTAIN
    MARGIN = sampling_pb2.REJECT_CAUSE_MARGIN


class DrawTag(enum.IntFlag):
    """What is to be known of a draw."""

    IN_HORIZON = sampling_pb2.DRAW_TAG_IN_HORIZON
    NEAR_POSITIVE = sampling_pb2.DRAW_TAG_NEAR_POSITIVE
    FALLBACK = sampling_pb2.DRAW_TAG_FALLBACK


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
    components: Optional[np.ndarray]  # [rows, K], uint8, index into the policy; the fallback last.
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
    expected_counts: Optional[np.ndarray] = None  # [rows, K], float32, how often in the row.
    importance_weights: Optional[np.ndarray] = None  # [rows, K], float32, of exposures; else 1.
    positive_log_q: Optional[np.ndarray] = None  # [rows], float32, of the row's positive.
    popularity_boundaries: Optional[np.ndarray] = None  # [rows, components], int64 microseconds.
    rejects_by_cause: Optional[np.ndarray] = None  # [rows, 4], int64, by `RejectCause` - 1.
    rejects_by_all_causes: Optional[np.ndarray] = None  # [rows, causes], the same for every cause.
    tags: Optional[np.ndarray] = None  # [rows, K], uint8, sums of `DrawTag`; 0 for padding.
    fallback: Optional[ComponentReport] = None  # Of the policy's fallback.
    # [rows, K], int64, of the embeddings that draws were scored by; 0: not versioned, -1: none.
    model_versions: Optional[np.ndarray] = None
    embedding_ages: Optional[np.ndarray] = None  # [rows, K], float32, seconds; else NaN.
    staleness_as_of: Optional[dt.datetime] = None  # When embeddings have these ages.
    policy: str = ""  # The stored policy that was used, "name@3"; "": the one that was sent.
    arms: Optional[np.ndarray] = None  # [rows], uint8, index into:
    arm_names: tuple[str, ...] = ()  # Of the policy's experiment.
    progress: Optional[float] = None  # That was used, of the call or its controller.
    controller: str = ""  # Its id; "": none.
    progress_time: Optional[dt.datetime] = None  # When its output was read.

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
        reports=reports(proto.components),
        law_kind=LawKind(proto.law_kind),
        snapshot=Snapshot.from_proto(proto.snapshot),
        seed=proto.seed,
        as_of=_optional_time(proto, "as_of_time"),
        kernel_id=proto.kernel_id,
        expected_counts=columns.optional_shape(
            columns.floats_from_column(proto.expected_counts), shape
        ),
        importance_weights=columns.optional_shape(
            columns.floats_from_column(proto.importance_weights), shape
        ),
        positive_log_q=columns.optional_shape(
            columns.floats_from_column(proto.positive_log_q), (rows,)
        ),
        popularity_boundaries=columns.optional_shape(
            columns.int64_from_column(proto.popularity_boundary_micros),
            (rows, len(proto.components)),
        ),
        rejects_by_cause=columns.optional_shape(
            columns.int64_from_column(proto.rejects_by_cause), (rows, 4)
        ),
        rejects_by_all_causes=columns.optional_shape(
            columns.int64_from_column(proto.rejects_by_all_causes), (rows, proto.reject_cause_count)
        ),
        tags=columns.optional_shape(columns.bytes_from_column(proto.tags), shape),
        fallback=reports([proto.fallback])[0] if proto.HasField("fallback") else None,
        model_versions=columns.optional_shape(
            columns.int64_from_column(proto.model_versions), shape
        ),
        embedding_ages=columns.optional_shape(
            columns.floats_from_column(proto.embedding_age_seconds), shape
        ),
        staleness_as_of=_optional_time(proto, "staleness_as_of_time"),
        policy=proto.policy_name.rpartition("/")[2],
        arms=columns.optional_shape(columns.bytes_from_column(proto.arm_indexes), (rows,)),
        arm_names=tuple(proto.arm_names),
        **_progress(proto),
    )


@dataclasses.dataclass(frozen=True)
class Candidates(Sample):
    """Candidates of one call, M for each of `rows` rows, in order of score, highest first.

    Scores, model versions and ages are those by the anchor of the call, whatever drew. NaN: items
    without an embedding, which come last, rows whose anchor has none, and padding.
    """

    vectors: Optional[np.ndarray] = None  # [rows, M, dimension], float32.
    positive_vectors: Optional[np.ndarray] = None  # [rows, dimension], float32.


def candidates_from_proto(
    proto: sampling_pb2.GetCandidatesResponse, sample: Sample
) -> Candidates:
    """Adds vectors to what was drawn: views of the response's bytes."""
    values = {field.name: getattr(sample, field.name) for field in dataclasses.fields(sample)}
    for name, shape in (("candidate_vectors", sample.items.shape),
                        ("positive_vectors", sample.items.shape[:1])):
        if proto.HasField(name):
            matrix = getattr(proto, name)
            vectors = columns.floats_from_column(matrix.values)
            values[name.replace("candidate_", "")] = vectors.reshape(*shape, matrix.column_count)
    return Candidates(**values)


@dataclasses.dataclass(frozen=True)
class SharedSample:
    """One block of K negatives for all of `rows` rows, and which of them are false for which row.

    For a sampled softmax, the logits of row r are `s - log_q + log_remaining[r]` where `mask[r]`,
    and minus infinity elsewhere: what `row_log_q` subtracts.
    """

    items: np.ndarray  # [K], int64 ids or numbers, or an object array of str.
    log_q: np.ndarray  # [K], float32, natural log under the mixture, without exclusions.
    components: np.ndarray  # [K], uint8, index into the policy.
    false_bits: np.ndarray  # [rows, ceil(K / 8)], uint8; bit k % 8 of byte k // 8: false.
    log_remaining: np.ndarray  # [rows], float32, log of 1 - probability of what is false.
    reports: tuple[ComponentReport, ...]  # In the order of the policy.
    law_kind: LawKind  # Of `log_q`.
    snapshot: Snapshot
    seed: int
    negatives_time: Optional[dt.datetime]  # When the block was drawn.
    as_of: Optional[dt.datetime]  # Of rows without a time of their own.
    kernel_id: str
    policy: str = ""  # These as in `Sample`.
    progress: Optional[float] = None
    controller: str = ""
    progress_time: Optional[dt.datetime] = None

    @property
    def mask(self) -> np.ndarray:
        """[rows, K], bool: True where the negative is a negative of the row. Made anew."""
        bits = np.unpackbits(self.false_bits, axis=1, count=len(self.items), bitorder="little")
        return bits == 0

    @property
    def row_log_q(self) -> np.ndarray:
        """[rows, K], float32: log q among what is not false for the row; +inf where it is."""
        log_q = self.log_q[None, :] - self.log_remaining[:, None]
        return np.where(self.mask, log_q, np.float32(np.inf))


def shared_from_proto(
    proto: sampling_pb2.SampleSharedNegativesResponse, items: np.ndarray
) -> SharedSample:
    """Gives the columns of a response their shapes; `items` are its ids."""
    remaining = columns.floats_from_column(proto.log_remaining)
    bits = np.frombuffer(proto.false_mask, np.uint8)
    return SharedSample(
        items=items,
        log_q=columns.floats_from_column(proto.log_q),
        components=columns.bytes_from_column(proto.component_indexes),
        false_bits=bits.reshape(len(remaining), (len(items) + 7) // 8),
        log_remaining=remaining,
        reports=reports(proto.components),
        law_kind=LawKind(proto.law_kind),
        snapshot=Snapshot.from_proto(proto.snapshot),
        seed=proto.seed,
        negatives_time=_optional_time(proto, "negatives_time"),
        as_of=_optional_time(proto, "as_of_time"),
        kernel_id=proto.kernel_id,
        policy=proto.policy_name.rpartition("/")[2],
        **_progress(proto),
    )


def _progress(proto: Any) -> dict[str, Any]:
    """What both kinds of responses tell of the progress."""
    return {
        "progress": proto.progress if proto.HasField("progress") else None,
        "controller": proto.controller.rpartition("/")[2],
        "progress_time": _optional_time(proto, "progress_time"),
    }


def reports(components: Iterable[sampling_pb2.ComponentReport]) -> tuple[ComponentReport, ...]:
    """Reports of components as values."""
    return tuple(ComponentReport(c.source, LawKind(c.law_kind), c.drawn_count) for c in components)


def _optional_time(proto: Any, field: str) -> Optional[dt.datetime]:
    return columns.timestamp_to_datetime(getattr(proto, field)) if proto.HasField(field) else None
