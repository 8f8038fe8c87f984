# SPDX-License-Identifier: Apache-2.0
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from negatron.v1 import sampling_enums_pb2 as _sampling_enums_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetSamplingStatisticsRequest(_message.Message):
    __slots__ = ["collection", "end_time", "resolution", "start_time", "window"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    collection: str
    end_time: _timestamp_pb2.Timestamp
    resolution: _duration_pb2.Duration
    start_time: _timestamp_pb2.Timestamp
    window: _duration_pb2.Duration
    def __init__(self, collection: _Optional[str] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., window: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., resolution: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class LawCheck(_message.Message):
    __slots__ = ["collision_count", "collision_z", "draw_count", "expected_collision_count", "mean_inverse", "mean_inverse_error", "pair_count"]
    COLLISION_COUNT_FIELD_NUMBER: _ClassVar[int]
    COLLISION_Z_FIELD_NUMBER: _ClassVar[int]
    DRAW_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_COLLISION_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_INVERSE_ERROR_FIELD_NUMBER: _ClassVar[int]
    MEAN_INVERSE_FIELD_NUMBER: _ClassVar[int]
    PAIR_COUNT_FIELD_NUMBER: _ClassVar[int]
    collision_count: int
    collision_z: float
    draw_count: int
    expected_collision_count: float
    mean_inverse: float
    mean_inverse_error: float
    pair_count: int
    def __init__(self, draw_count: _Optional[int] = ..., mean_inverse: _Optional[float] = ..., mean_inverse_error: _Optional[float] = ..., pair_count: _Optional[int] = ..., collision_count: _Optional[int] = ..., expected_collision_count: _Optional[float] = ..., collision_z: _Optional[float] = ...) -> None: ...

class SampledRejectCount(_message.Message):
    __slots__ = ["count", "reject_cause"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REJECT_CAUSE_FIELD_NUMBER: _ClassVar[int]
    count: int
    reject_cause: _sampling_enums_pb2.RejectCause
    def __init__(self, reject_cause: _Optional[_Union[_sampling_enums_pb2.RejectCause, str]] = ..., count: _Optional[int] = ...) -> None: ...

class SampledRowCount(_message.Message):
    __slots__ = ["count", "row_status"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ROW_STATUS_FIELD_NUMBER: _ClassVar[int]
    count: int
    row_status: _sampling_enums_pb2.RowStatus
    def __init__(self, row_status: _Optional[_Union[_sampling_enums_pb2.RowStatus, str]] = ..., count: _Optional[int] = ...) -> None: ...

class SamplingStatistics(_message.Message):
    __slots__ = ["buckets", "collection", "distinct_item_error", "end_time", "event_age_bounds_seconds", "resolution", "rows_per_observation", "start_time", "total"]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    DISTINCT_ITEM_ERROR_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    EVENT_AGE_BOUNDS_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    ROWS_PER_OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    buckets: _containers.RepeatedCompositeFieldContainer[SamplingStatisticsBucket]
    collection: str
    distinct_item_error: float
    end_time: _timestamp_pb2.Timestamp
    event_age_bounds_seconds: _containers.RepeatedScalarFieldContainer[float]
    resolution: _duration_pb2.Duration
    rows_per_observation: int
    start_time: _timestamp_pb2.Timestamp
    total: SamplingStatisticsBucket
    def __init__(self, collection: _Optional[str] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., resolution: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., buckets: _Optional[_Iterable[_Union[SamplingStatisticsBucket, _Mapping]]] = ..., total: _Optional[_Union[SamplingStatisticsBucket, _Mapping]] = ..., rows_per_observation: _Optional[int] = ..., event_age_bounds_seconds: _Optional[_Iterable[float]] = ..., distinct_item_error: _Optional[float] = ...) -> None: ...

class SamplingStatisticsBucket(_message.Message):
    __slots__ = ["call_count", "observed_row_count", "rejects", "row_count", "rows", "sources", "start_time"]
    CALL_COUNT_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    REJECTS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    call_count: int
    observed_row_count: int
    rejects: _containers.RepeatedCompositeFieldContainer[SampledRejectCount]
    row_count: int
    rows: _containers.RepeatedCompositeFieldContainer[SampledRowCount]
    sources: _containers.RepeatedCompositeFieldContainer[SourceSamplingStatistics]
    start_time: _timestamp_pb2.Timestamp
    def __init__(self, start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., call_count: _Optional[int] = ..., row_count: _Optional[int] = ..., observed_row_count: _Optional[int] = ..., rows: _Optional[_Iterable[_Union[SampledRowCount, _Mapping]]] = ..., rejects: _Optional[_Iterable[_Union[SampledRejectCount, _Mapping]]] = ..., sources: _Optional[_Iterable[_Union[SourceSamplingStatistics, _Mapping]]] = ...) -> None: ...

class ScoreSummary(_message.Message):
    __slots__ = ["count", "mean", "p10", "p50", "p90"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    P10_FIELD_NUMBER: _ClassVar[int]
    P50_FIELD_NUMBER: _ClassVar[int]
    P90_FIELD_NUMBER: _ClassVar[int]
    count: int
    mean: float
    p10: float
    p50: float
    p90: float
    def __init__(self, count: _Optional[int] = ..., mean: _Optional[float] = ..., p10: _Optional[float] = ..., p50: _Optional[float] = ..., p90: _Optional[float] = ...) -> None: ...

class SourceSamplingStatistics(_message.Message):
    __slots__ = ["configured_share", "distinct_item_count", "drawn_count", "effective_share", "event_age_counts", "law_check", "observed_count", "scores", "source"]
    CONFIGURED_SHARE_FIELD_NUMBER: _ClassVar[int]
    DISTINCT_ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    DRAWN_COUNT_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_SHARE_FIELD_NUMBER: _ClassVar[int]
    EVENT_AGE_COUNTS_FIELD_NUMBER: _ClassVar[int]
    LAW_CHECK_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_COUNT_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    configured_share: float
    distinct_item_count: float
    drawn_count: int
    effective_share: float
    event_age_counts: _containers.RepeatedScalarFieldContainer[int]
    law_check: LawCheck
    observed_count: int
    scores: ScoreSummary
    source: str
    def __init__(self, source: _Optional[str] = ..., drawn_count: _Optional[int] = ..., observed_count: _Optional[int] = ..., configured_share: _Optional[float] = ..., effective_share: _Optional[float] = ..., scores: _Optional[_Union[ScoreSummary, _Mapping]] = ..., event_age_counts: _Optional[_Iterable[int]] = ..., distinct_item_count: _Optional[float] = ..., law_check: _Optional[_Union[LawCheck, _Mapping]] = ...) -> None: ...
