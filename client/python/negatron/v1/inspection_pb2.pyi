# SPDX-License-Identifier: Apache-2.0
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from negatron.v1 import sampling_pb2 as _sampling_pb2
from negatron.v1 import policies_pb2 as _policies_pb2
from negatron.v1 import sampling_enums_pb2 as _sampling_enums_pb2
from negatron.v1 import sampling_statistics_pb2 as _sampling_statistics_pb2
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditStatistics(_message.Message):
    __slots__ = ["dropped_count", "kept_count", "stored_bytes", "written_count"]
    DROPPED_COUNT_FIELD_NUMBER: _ClassVar[int]
    KEPT_COUNT_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    dropped_count: int
    kept_count: int
    stored_bytes: int
    written_count: int
    def __init__(self, kept_count: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., written_count: _Optional[int] = ..., dropped_count: _Optional[int] = ...) -> None: ...

class CollectionStatistics(_message.Message):
    __slots__ = ["as_of_time", "audit", "collection", "embedding_count", "event_count", "event_mass", "first_event_time", "highest_model_version", "index", "item_count", "last_event_time", "living_event_mass", "living_item_count", "memory_uses", "past_event_count", "rejects", "sample_call_count", "sampled_row_count", "short_rows", "snapshot", "sources", "user_count", "user_embedding_count"]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVENT_MASS_FIELD_NUMBER: _ClassVar[int]
    FIRST_EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    LIVING_EVENT_MASS_FIELD_NUMBER: _ClassVar[int]
    LIVING_ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_USES_FIELD_NUMBER: _ClassVar[int]
    PAST_EVENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    REJECTS_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_CALL_COUNT_FIELD_NUMBER: _ClassVar[int]
    SHORT_ROWS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    USER_COUNT_FIELD_NUMBER: _ClassVar[int]
    USER_EMBEDDING_COUNT_FIELD_NUMBER: _ClassVar[int]
    as_of_time: _timestamp_pb2.Timestamp
    audit: AuditStatistics
    collection: str
    embedding_count: int
    event_count: int
    event_mass: float
    first_event_time: _timestamp_pb2.Timestamp
    highest_model_version: int
    index: IndexStatistics
    item_count: int
    last_event_time: _timestamp_pb2.Timestamp
    living_event_mass: float
    living_item_count: int
    memory_uses: _containers.RepeatedCompositeFieldContainer[MemoryUse]
    past_event_count: int
    rejects: _containers.RepeatedCompositeFieldContainer[RejectCount]
    sample_call_count: int
    sampled_row_count: int
    short_rows: _containers.RepeatedCompositeFieldContainer[RowStatusCount]
    snapshot: _types_pb2.SnapshotToken
    sources: _containers.RepeatedCompositeFieldContainer[SourceStatistics]
    user_count: int
    user_embedding_count: int
    def __init__(self, collection: _Optional[str] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ..., as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., item_count: _Optional[int] = ..., living_item_count: _Optional[int] = ..., user_count: _Optional[int] = ..., event_count: _Optional[int] = ..., past_event_count: _Optional[int] = ..., embedding_count: _Optional[int] = ..., user_embedding_count: _Optional[int] = ..., first_event_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., last_event_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., event_mass: _Optional[float] = ..., living_event_mass: _Optional[float] = ..., memory_uses: _Optional[_Iterable[_Union[MemoryUse, _Mapping]]] = ..., sample_call_count: _Optional[int] = ..., sampled_row_count: _Optional[int] = ..., sources: _Optional[_Iterable[_Union[SourceStatistics, _Mapping]]] = ..., short_rows: _Optional[_Iterable[_Union[RowStatusCount, _Mapping]]] = ..., rejects: _Optional[_Iterable[_Union[RejectCount, _Mapping]]] = ..., highest_model_version: _Optional[int] = ..., index: _Optional[_Union[IndexStatistics, _Mapping]] = ..., audit: _Optional[_Union[AuditStatistics, _Mapping]] = ...) -> None: ...

class GetCollectionStatisticsRequest(_message.Message):
    __slots__ = ["as_of_time", "collection"]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    as_of_time: _timestamp_pb2.Timestamp
    collection: str
    def __init__(self, collection: _Optional[str] = ..., as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetServerInfoRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class IndexStatistics(_message.Message):
    __slots__ = ["build_duration", "build_time", "building", "built_recall", "category_purity", "check_time", "delta_count", "drift", "ef", "ef_construction", "generation", "link_count", "neighbourhood_preservation", "placed_count", "problem", "projection_shift", "recall", "unreached_count"]
    BUILDING_FIELD_NUMBER: _ClassVar[int]
    BUILD_DURATION_FIELD_NUMBER: _ClassVar[int]
    BUILD_TIME_FIELD_NUMBER: _ClassVar[int]
    BUILT_RECALL_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_PURITY_FIELD_NUMBER: _ClassVar[int]
    CHECK_TIME_FIELD_NUMBER: _ClassVar[int]
    DELTA_COUNT_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    EF_CONSTRUCTION_FIELD_NUMBER: _ClassVar[int]
    EF_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    LINK_COUNT_FIELD_NUMBER: _ClassVar[int]
    NEIGHBOURHOOD_PRESERVATION_FIELD_NUMBER: _ClassVar[int]
    PLACED_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    PROJECTION_SHIFT_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    UNREACHED_COUNT_FIELD_NUMBER: _ClassVar[int]
    build_duration: _duration_pb2.Duration
    build_time: _timestamp_pb2.Timestamp
    building: bool
    built_recall: float
    category_purity: float
    check_time: _timestamp_pb2.Timestamp
    delta_count: int
    drift: float
    ef: int
    ef_construction: int
    generation: int
    link_count: int
    neighbourhood_preservation: float
    placed_count: int
    problem: str
    projection_shift: float
    recall: float
    unreached_count: int
    def __init__(self, generation: _Optional[int] = ..., build_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., placed_count: _Optional[int] = ..., unreached_count: _Optional[int] = ..., delta_count: _Optional[int] = ..., link_count: _Optional[int] = ..., ef_construction: _Optional[int] = ..., ef: _Optional[int] = ..., built_recall: _Optional[float] = ..., building: bool = ..., build_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., problem: _Optional[str] = ..., check_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., recall: _Optional[float] = ..., drift: _Optional[float] = ..., neighbourhood_preservation: _Optional[float] = ..., projection_shift: _Optional[float] = ..., category_purity: _Optional[float] = ...) -> None: ...

class MemoryUse(_message.Message):
    __slots__ = ["bytes", "structure"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    STRUCTURE_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    structure: str
    def __init__(self, structure: _Optional[str] = ..., bytes: _Optional[int] = ...) -> None: ...

class RejectCount(_message.Message):
    __slots__ = ["count", "reject_cause"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REJECT_CAUSE_FIELD_NUMBER: _ClassVar[int]
    count: int
    reject_cause: _sampling_enums_pb2.RejectCause
    def __init__(self, reject_cause: _Optional[_Union[_sampling_enums_pb2.RejectCause, str]] = ..., count: _Optional[int] = ...) -> None: ...

class RowStatusCount(_message.Message):
    __slots__ = ["count", "row_status"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ROW_STATUS_FIELD_NUMBER: _ClassVar[int]
    count: int
    row_status: _sampling_enums_pb2.RowStatus
    def __init__(self, row_status: _Optional[_Union[_sampling_enums_pb2.RowStatus, str]] = ..., count: _Optional[int] = ...) -> None: ...

class ServerInfo(_message.Message):
    __slots__ = ["durable_sequence", "recovery_progress", "serving", "uptime", "version"]
    DURABLE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    UPTIME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    durable_sequence: int
    recovery_progress: float
    serving: bool
    uptime: _duration_pb2.Duration
    version: str
    def __init__(self, version: _Optional[str] = ..., serving: bool = ..., recovery_progress: _Optional[float] = ..., uptime: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., durable_sequence: _Optional[int] = ...) -> None: ...

class SourceStatistics(_message.Message):
    __slots__ = ["drawn_count", "source"]
    DRAWN_COUNT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    drawn_count: int
    source: str
    def __init__(self, source: _Optional[str] = ..., drawn_count: _Optional[int] = ...) -> None: ...
