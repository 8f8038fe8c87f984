# SPDX-License-Identifier: Apache-2.0
"""What was drawn from a collection over time."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Callable, Sequence, Union

import numpy as np

from negatron import columns, models
from negatron.v1 import sampling_statistics_pb2 as pb2


@dataclasses.dataclass(frozen=True, eq=False)
class SourceSeries:
    """What one kind of source drew, an entry of each array a bucket of time.

    Where a bucket has nothing of a kind, counts are 0 and other numbers NaN. All but `drawn_counts`
    is of rows that were observed. See `SourceSamplingStatistics` and `LawCheck` in the protos.
    """

    drawn_counts: np.ndarray  # int64.
    observed_counts: np.ndarray  # int64; draws.
    configured_shares: np.ndarray  # float64, as all below that are no counts.
    effective_shares: np.ndarray  # After empty sources gave up theirs.
    score_counts: np.ndarray  # int64.
    score_means: np.ndarray
    score_p10: np.ndarray
    score_p50: np.ndarray
    score_p90: np.ndarray
    event_age_counts: np.ndarray  # int64 [buckets, ages], see `event_age_bounds`.
    distinct_item_counts: np.ndarray  # Estimates, see `distinct_item_error`.
    law_draw_counts: np.ndarray  # int64.
    law_mean_inverses: np.ndarray  # 1 in expectation.
    law_mean_inverse_errors: np.ndarray
    law_pair_counts: np.ndarray  # int64.
    law_collision_counts: np.ndarray  # int64.
    law_expected_collision_counts: np.ndarray
    law_collision_z: np.ndarray  # 0 in expectation, with standard deviation 1.


@dataclasses.dataclass(frozen=True, eq=False)
class SamplingSeries:
    """Buckets of time, an entry of each array a bucket; those without calls are left out."""

    starts: np.ndarray  # datetime64[us].
    call_counts: np.ndarray  # int64.
    row_counts: np.ndarray  # int64.
    observed_row_counts: np.ndarray  # int64.
    row_status_counts: dict[Union[models.RowStatus, int], np.ndarray]  # int64.
    reject_counts: dict[str, np.ndarray]  # int64, by cause, as "EXCLUDED".
    sources: dict[str, SourceSeries]  # By source, as "popularity".


@dataclasses.dataclass(frozen=True, eq=False)
class SamplingStatistics:
    """What was drawn from a collection over a time, by the server's clock, since its start."""

    start: dt.datetime
    end: dt.datetime
    resolution: dt.timedelta  # Length of a bucket.
    buckets: SamplingSeries
    total: SamplingSeries  # All buckets together: arrays of one entry.
    rows_per_observation: int  # One row in so many is observed.
    event_age_bounds: np.ndarray  # float64 seconds [ages - 1]: upper bounds; the last has none.
    distinct_item_error: float  # Standard error, as a part of the estimate.

    @classmethod
    def from_proto(cls, proto: pb2.SamplingStatistics) -> "SamplingStatistics":
        bounds = np.array(proto.event_age_bounds_seconds, np.float64)
        return cls(
            start=columns.timestamp_to_datetime(proto.start_time),
            end=columns.timestamp_to_datetime(proto.end_time),
            resolution=proto.resolution.ToTimedelta(),
            buckets=_series(proto.buckets, bounds.size + 1),
            total=_series([proto.total], bounds.size + 1),
            rows_per_observation=proto.rows_per_observation,
            event_age_bounds=bounds,
            distinct_item_error=proto.distinct_item_error,
        )


def _ints(values: Sequence[int]) -> np.ndarray:
    return np.array(values, np.int64)


def _series(buckets: Sequence[pb2.SamplingStatisticsBucket], ages: int) -> SamplingSeries:
    rows = [{r.row_status: r.count for r in bucket.rows} for bucket in buckets]
    rejects = [{r.reject_cause: r.count for r in bucket.rejects} for bucket in buckets]
    sources = [{source.source: source for source in bucket.sources} for bucket in buckets]
    statuses = sorted({status for counts in rows for status in counts})
    causes = sorted({cause for counts in rejects for cause in counts})
    names = dict.fromkeys(name for by_name in sources for name in by_name)
    starts = [np.datetime64(bucket.start_time.ToMicroseconds(), "us") for bucket in buckets]
    return SamplingSeries(
        starts=np.array(starts, "datetime64[us]"),
        call_counts=_ints([bucket.call_count for bucket in buckets]),
        row_counts=_ints([bucket.row_count for bucket in buckets]),
        observed_row_counts=_ints([bucket.observed_row_count for bucket in buckets]),
        row_status_counts={
            models.row_status(status): _ints([counts.get(status, 0) for counts in rows])
            for status in statuses
        },
        reject_counts={
            models.reject_name(cause): _ints([counts.get(cause, 0) for counts in rejects])
            for cause in causes
        },
        sources={
            name: _source_series(
                [by_name.get(name, pb2.SourceSamplingStatistics()) for by_name in sources], ages
            )
            for name in names
        },
    )


def _source_series(entries: Sequence[pb2.SourceSamplingStatistics], ages: int) -> SourceSeries:
    def ints(get: Callable[[pb2.SourceSamplingStatistics], int]) -> np.ndarray:
        return _ints([get(entry) for entry in entries])

    def floats(get: Callable[[pb2.SourceSamplingStatistics], float]) -> np.ndarray:
        return np.array([get(entry) for entry in entries], np.float64)

    def scores(get: Callable[[pb2.ScoreSummary], float]) -> np.ndarray:
        return floats(lambda e: get(e.scores) if e.HasField("scores") else np.nan)

    counts = np.zeros((len(entries), ages), np.int64)
    for row, entry in zip(counts, entries):
        row[: len(entry.event_age_counts)] = entry.event_age_counts[:ages]
    return SourceSeries(
        drawn_counts=ints(lambda e: e.drawn_count),
        observed_counts=ints(lambda e: e.observed_count),
        configured_shares=floats(lambda e: e.configured_share),
        effective_shares=floats(lambda e: e.effective_share),
        score_counts=ints(lambda e: e.scores.count),
        score_means=scores(lambda s: s.mean),
        score_p10=scores(lambda s: s.p10),
        score_p50=scores(lambda s: s.p50),
        score_p90=scores(lambda s: s.p90),
        event_age_counts=counts,
        distinct_item_counts=floats(lambda e: e.distinct_item_count),
        law_draw_counts=ints(lambda e: e.law_check.draw_count),
        law_mean_inverses=floats(
            lambda e: e.law_check.mean_inverse if e.law_check.HasField("mean_inverse") else np.nan
        ),
        law_mean_inverse_errors=floats(
            lambda e: (
                e.law_check.mean_inverse_error
                if e.law_check.HasField("mean_inverse_error")
                else np.nan
            )
        ),
        law_pair_counts=ints(lambda e: e.law_check.pair_count),
        law_collision_counts=ints(lambda e: e.law_check.collision_count),
        law_expected_collision_counts=floats(lambda e: e.law_check.expected_collision_count),
        law_collision_z=floats(
            lambda e: e.law_check.collision_z if e.law_check.HasField("collision_z") else np.nan
        ),
    )
