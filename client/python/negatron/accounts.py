# SPDX-License-Identifier: Apache-2.0
"""What the server tells of items and of earlier calls."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import Any, Optional, Union

import numpy as np

from negatron import columns, models, samples
from negatron.v1 import accounts_pb2, sampling_pb2


class ItemClass(enum.IntEnum):
    """What an item is to a row."""

    UNKNOWN = 1
    POSITIVE = 2
    UNCERTAIN = 3
    DEAD = 4
    NEGATIVE = 5


class Ground(enum.IntFlag):
    """Why an item is positive or uncertain."""

    ROW_POSITIVE = 1
    HISTORY = 2
    NAMED = 4
    IN_HORIZON = 8
    NEAR_POSITIVE = 16


class Obstacle(enum.IntEnum):
    """Why a source cannot draw an item for a row."""

    NONE = 0
    NO_SHARE = 1
    UNKNOWN_ITEM = 2
    DEAD = 3
    EXCLUDED = 4
    UNCERTAIN = 5
    CATEGORY = 6
    CATEGORY_FILTER = 7
    PLAUSIBILITY = 8
    NO_ANCHOR = 9
    NO_EMBEDDING = 10
    SCORE_BOUNDS = 11
    NO_WEIGHT = 12
    NOT_IN_WINDOW = 13


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What items are to a row. Arrays are [items], or [items, sources].

    Sources are the components of the policy, then its fallback if it has one: as in
    `Sample.components`.
    """

    items: np.ndarray  # As they were asked for.
    classes: np.ndarray  # uint8, `ItemClass`.
    grounds: np.ndarray  # uint8, sums of `Ground`.
    alive: np.ndarray  # bool.
    first_positive_micros: np.ndarray  # int64; 2**63 - 1: the user never chose it.
    masses: np.ndarray  # float32; NaN: unknown.
    base_weights: np.ndarray  # float32; NaN: unknown.
    popularity_ranks: np.ndarray  # int64, from 1; 0: not alive.
    positive_distances: np.ndarray  # float32; NaN: none.
    nearest_positives: np.ndarray  # Ids; -1 or "": none.
    log_q: np.ndarray  # float32, as `Sample.log_q`; -inf: never drawn.
    log_q_source: np.ndarray  # float32, [items, sources], as `Sample.log_q_source`.
    obstacles: np.ndarray  # uint8, `Obstacle`, [items, sources].
    scores: np.ndarray  # float32, [items, sources]; NaN: none.
    score_ranks: np.ndarray  # int64, [items, sources], from 0; -1: no score.
    ranked_counts: np.ndarray  # int64, [sources]; -1: it does not score.
    living_item_count: int
    row_status: models.RowStatus
    source_statuses: np.ndarray  # uint8, `RowStatus`, [sources]; 0: no share.
    effective_shares: np.ndarray  # float32, [components].
    sources: tuple[samples.ComponentReport, ...]
    law_kind: models.LawKind
    snapshot: models.Snapshot
    seed: int
    as_of: dt.datetime
    kernel_id: str
    policy: str  # "name@3" of a stored policy; "": an inline one.
    arm: str  # "": no experiment.


def explanation_from_proto(
    proto: accounts_pb2.ExplainNegativesResponse, items: np.ndarray
) -> Explanation:
    """Gives the columns of a response their shapes."""
    reports = list(proto.components)
    if proto.HasField("fallback"):
        reports.append(proto.fallback)
    shape = (len(items), len(reports))
    return Explanation(
        items=items,
        classes=columns.bytes_from_column(proto.classes),
        grounds=columns.bytes_from_column(proto.grounds),
        alive=columns.bytes_from_column(proto.alive).astype(bool),
        first_positive_micros=columns.int64_from_column(proto.first_positive_micros),
        masses=columns.floats_from_column(proto.masses),
        base_weights=columns.floats_from_column(proto.base_weights),
        popularity_ranks=columns.int64_from_column(proto.popularity_ranks),
        positive_distances=columns.floats_from_column(proto.positive_distances),
        nearest_positives=columns.ids_from_column(proto.nearest_positive_ids),
        log_q=columns.floats_from_column(proto.log_q),
        log_q_source=columns.floats_from_column(proto.log_q_source).reshape(shape),
        obstacles=columns.bytes_from_column(proto.obstacles).reshape(shape),
        scores=columns.floats_from_column(proto.scores).reshape(shape),
        score_ranks=columns.int64_from_column(proto.score_ranks).reshape(shape),
        ranked_counts=columns.int64_from_column(proto.ranked_counts),
        living_item_count=proto.living_item_count,
        row_status=models.RowStatus(proto.row_status),
        source_statuses=columns.bytes_from_column(proto.source_statuses),
        effective_shares=columns.floats_from_column(proto.effective_shares),
        sources=samples.reports(reports),
        law_kind=models.LawKind(proto.law_kind),
        snapshot=models.Snapshot.from_proto(proto.snapshot),
        seed=proto.seed,
        as_of=columns.timestamp_to_datetime(proto.as_of_time),
        kernel_id=proto.kernel_id,
        policy=proto.policy_name.rpartition("/")[2],
        arm=proto.arm,
    )


@dataclasses.dataclass(frozen=True)
class Audit:
    """A sampling call that was kept; `id` is the part of its name after `audits/`."""

    id: str
    create_time: dt.datetime
    row_count: int
    negative_count: int
    policy: str  # "name@3" of a stored policy; "": an inline one.
    snapshot: models.Snapshot
    seed: int
    kernel_id: str
    stored_bytes: int
    candidates: bool  # Of `candidates`; else, and unless `shared`, of `sample`.
    # Of `get_audit`: the request, with all that the server chose, and what came back.
    request: Union[
        sampling_pb2.SampleNegativesRequest, sampling_pb2.SampleSharedNegativesRequest, None
    ] = None
    sample: Optional[samples.Sample] = None  # Not of a shared block, which has
    block: Optional[samples.SharedSample] = None
    shared: bool = False  # Of `sample_shared`.

    @classmethod
    def from_proto(cls, proto: accounts_pb2.Audit) -> "Audit":
        request: Any = None
        sample = block = None
        if proto.HasField("shared_response"):
            request = proto.shared_request
            items = columns.ids_from_column(proto.shared_response.item_ids)
            block = samples.shared_from_proto(proto.shared_response, items)
        elif proto.HasField("response"):
            request = proto.request
            items = columns.ids_from_column(proto.response.item_ids)
            sample = samples.sample_from_proto(proto.response, proto.negative_count, items)
        return cls(
            id=proto.name.rpartition("/")[2],
            create_time=columns.timestamp_to_datetime(proto.create_time),
            row_count=proto.row_count,
            negative_count=proto.negative_count,
            policy=proto.policy_name.rpartition("/")[2],
            snapshot=models.Snapshot.from_proto(proto.snapshot),
            seed=proto.seed,
            kernel_id=proto.kernel_id,
            stored_bytes=proto.stored_bytes,
            candidates=proto.candidates,
            request=request,
            sample=sample,
            block=block,
            shared=proto.shared,
        )


@dataclasses.dataclass(frozen=True)
class Replay:
    """Whether a call was drawn again as it was, byte by byte; else where it first differs."""

    equal: bool
    column: str = ""
    index: int = -1  # -1: not known.
    kept: str = ""
    replayed: str = ""
