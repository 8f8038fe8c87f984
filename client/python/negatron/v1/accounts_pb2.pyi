# SPDX-License-Identifier: Apache-2.0
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from negatron.v1 import sampling_pb2 as _sampling_pb2
from negatron.v1 import policies_pb2 as _policies_pb2
from negatron.v1 import sampling_enums_pb2 as _sampling_enums_pb2
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
DRAW_OBSTACLE_CATEGORY: DrawObstacle
DRAW_OBSTACLE_CATEGORY_FILTER: DrawObstacle
DRAW_OBSTACLE_DEAD: DrawObstacle
DRAW_OBSTACLE_EXCLUDED: DrawObstacle
DRAW_OBSTACLE_NOT_IN_WINDOW: DrawObstacle
DRAW_OBSTACLE_NO_ANCHOR: DrawObstacle
DRAW_OBSTACLE_NO_EMBEDDING: DrawObstacle
DRAW_OBSTACLE_NO_SHARE: DrawObstacle
DRAW_OBSTACLE_NO_WEIGHT: DrawObstacle
DRAW_OBSTACLE_PLAUSIBILITY: DrawObstacle
DRAW_OBSTACLE_SCORE_BOUNDS: DrawObstacle
DRAW_OBSTACLE_UNCERTAIN: DrawObstacle
DRAW_OBSTACLE_UNKNOWN_ITEM: DrawObstacle
DRAW_OBSTACLE_UNSPECIFIED: DrawObstacle
ITEM_CLASS_DEAD: ItemClass
ITEM_CLASS_NEGATIVE: ItemClass
ITEM_CLASS_POSITIVE: ItemClass
ITEM_CLASS_UNCERTAIN: ItemClass
ITEM_CLASS_UNKNOWN: ItemClass
ITEM_CLASS_UNSPECIFIED: ItemClass
ITEM_GROUND_HISTORY: ItemGround
ITEM_GROUND_IN_HORIZON: ItemGround
ITEM_GROUND_NAMED: ItemGround
ITEM_GROUND_NEAR_POSITIVE: ItemGround
ITEM_GROUND_ROW_POSITIVE: ItemGround
ITEM_GROUND_UNSPECIFIED: ItemGround

class Audit(_message.Message):
    __slots__ = ["candidates", "create_time", "kernel_id", "name", "negative_count", "policy_name", "request", "response", "row_count", "seed", "shared", "shared_request", "shared_response", "snapshot", "stored_bytes"]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    KERNEL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_COUNT_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    SHARED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    SHARED_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    candidates: bool
    create_time: _timestamp_pb2.Timestamp
    kernel_id: str
    name: str
    negative_count: int
    policy_name: str
    request: _sampling_pb2.SampleNegativesRequest
    response: _sampling_pb2.SampleNegativesResponse
    row_count: int
    seed: int
    shared: bool
    shared_request: _sampling_pb2.SampleSharedNegativesRequest
    shared_response: _sampling_pb2.SampleSharedNegativesResponse
    snapshot: _types_pb2.SnapshotToken
    stored_bytes: int
    def __init__(self, name: _Optional[str] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., row_count: _Optional[int] = ..., negative_count: _Optional[int] = ..., policy_name: _Optional[str] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ..., seed: _Optional[int] = ..., kernel_id: _Optional[str] = ..., stored_bytes: _Optional[int] = ..., candidates: bool = ..., request: _Optional[_Union[_sampling_pb2.SampleNegativesRequest, _Mapping]] = ..., response: _Optional[_Union[_sampling_pb2.SampleNegativesResponse, _Mapping]] = ..., shared: bool = ..., shared_request: _Optional[_Union[_sampling_pb2.SampleSharedNegativesRequest, _Mapping]] = ..., shared_response: _Optional[_Union[_sampling_pb2.SampleSharedNegativesResponse, _Mapping]] = ...) -> None: ...

class ColumnDifference(_message.Message):
    __slots__ = ["column", "index", "kept", "replayed"]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    column: str
    index: int
    kept: str
    replayed: str
    def __init__(self, column: _Optional[str] = ..., index: _Optional[int] = ..., kept: _Optional[str] = ..., replayed: _Optional[str] = ...) -> None: ...

class ExplainNegativesRequest(_message.Message):
    __slots__ = ["item_ids", "sample"]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    item_ids: _types_pb2.IdColumn
    sample: _sampling_pb2.SampleNegativesRequest
    def __init__(self, sample: _Optional[_Union[_sampling_pb2.SampleNegativesRequest, _Mapping]] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ...) -> None: ...

class ExplainNegativesResponse(_message.Message):
    __slots__ = ["alive", "arm", "as_of_time", "base_weights", "classes", "components", "effective_shares", "fallback", "first_positive_micros", "grounds", "kernel_id", "law_kind", "living_item_count", "log_q", "log_q_source", "masses", "nearest_positive_ids", "obstacles", "policy_name", "popularity_ranks", "positive_distances", "ranked_counts", "row_status", "score_ranks", "scores", "seed", "snapshot", "source_statuses", "staleness_as_of_time"]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    BASE_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_SHARES_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    FIRST_POSITIVE_MICROS_FIELD_NUMBER: _ClassVar[int]
    GROUNDS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_ID_FIELD_NUMBER: _ClassVar[int]
    LAW_KIND_FIELD_NUMBER: _ClassVar[int]
    LIVING_ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    LOG_Q_FIELD_NUMBER: _ClassVar[int]
    LOG_Q_SOURCE_FIELD_NUMBER: _ClassVar[int]
    MASSES_FIELD_NUMBER: _ClassVar[int]
    NEAREST_POSITIVE_IDS_FIELD_NUMBER: _ClassVar[int]
    OBSTACLES_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    POPULARITY_RANKS_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_DISTANCES_FIELD_NUMBER: _ClassVar[int]
    RANKED_COUNTS_FIELD_NUMBER: _ClassVar[int]
    ROW_STATUS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    SCORE_RANKS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STATUSES_FIELD_NUMBER: _ClassVar[int]
    STALENESS_AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    alive: _types_pb2.ByteColumn
    arm: str
    as_of_time: _timestamp_pb2.Timestamp
    base_weights: _types_pb2.FloatColumn
    classes: _types_pb2.ByteColumn
    components: _containers.RepeatedCompositeFieldContainer[_sampling_pb2.ComponentReport]
    effective_shares: _types_pb2.FloatColumn
    fallback: _sampling_pb2.ComponentReport
    first_positive_micros: _types_pb2.Int64Column
    grounds: _types_pb2.ByteColumn
    kernel_id: str
    law_kind: _sampling_enums_pb2.LawKind
    living_item_count: int
    log_q: _types_pb2.FloatColumn
    log_q_source: _types_pb2.FloatColumn
    masses: _types_pb2.FloatColumn
    nearest_positive_ids: _types_pb2.IdColumn
    obstacles: _types_pb2.ByteColumn
    policy_name: str
    popularity_ranks: _types_pb2.Int64Column
    positive_distances: _types_pb2.FloatColumn
    ranked_counts: _types_pb2.Int64Column
    row_status: _sampling_enums_pb2.RowStatus
    score_ranks: _types_pb2.Int64Column
    scores: _types_pb2.FloatColumn
    seed: int
    snapshot: _types_pb2.SnapshotToken
    source_statuses: _types_pb2.ByteColumn
    staleness_as_of_time: _timestamp_pb2.Timestamp
    def __init__(self, classes: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., grounds: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., alive: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., first_positive_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., masses: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., base_weights: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., popularity_ranks: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., positive_distances: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., nearest_positive_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., log_q: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., log_q_source: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., obstacles: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., scores: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., score_ranks: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., ranked_counts: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., living_item_count: _Optional[int] = ..., row_status: _Optional[_Union[_sampling_enums_pb2.RowStatus, str]] = ..., source_statuses: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., effective_shares: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., components: _Optional[_Iterable[_Union[_sampling_pb2.ComponentReport, _Mapping]]] = ..., fallback: _Optional[_Union[_sampling_pb2.ComponentReport, _Mapping]] = ..., law_kind: _Optional[_Union[_sampling_enums_pb2.LawKind, str]] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ..., seed: _Optional[int] = ..., as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., staleness_as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., kernel_id: _Optional[str] = ..., policy_name: _Optional[str] = ..., arm: _Optional[str] = ...) -> None: ...

class GetAuditRequest(_message.Message):
    __slots__ = ["encoding", "name"]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    encoding: _types_pb2.ColumnEncoding
    name: str
    def __init__(self, name: _Optional[str] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ...) -> None: ...

class ListAuditsRequest(_message.Message):
    __slots__ = ["collection", "end_time", "page_size", "page_token", "policy_name", "start_time"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    collection: str
    end_time: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    policy_name: str
    start_time: _timestamp_pb2.Timestamp
    def __init__(self, collection: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., policy_name: _Optional[str] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAuditsResponse(_message.Message):
    __slots__ = ["audits", "next_page_token"]
    AUDITS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    audits: _containers.RepeatedCompositeFieldContainer[Audit]
    next_page_token: str
    def __init__(self, audits: _Optional[_Iterable[_Union[Audit, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReplayAuditRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ReplayAuditResponse(_message.Message):
    __slots__ = ["difference", "equal", "snapshot"]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    EQUAL_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    difference: ColumnDifference
    equal: bool
    snapshot: _types_pb2.SnapshotToken
    def __init__(self, equal: bool = ..., difference: _Optional[_Union[ColumnDifference, _Mapping]] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ...) -> None: ...

class ItemClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ItemGround(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class DrawObstacle(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
