# SPDX-License-Identifier: Apache-2.0
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
LAW_KIND_CONDITIONAL: LawKind
LAW_KIND_EXACT: LawKind
LAW_KIND_NONE: LawKind
LAW_KIND_UNSPECIFIED: LawKind
NEAREST_ANCHOR_POSITIVE: NearestAnchor
NEAREST_ANCHOR_QUERY: NearestAnchor
NEAREST_ANCHOR_UNSPECIFIED: NearestAnchor
NEAREST_PICK_SOFTMAX: NearestPick
NEAREST_PICK_TOP: NearestPick
NEAREST_PICK_UNIFORM: NearestPick
NEAREST_PICK_UNSPECIFIED: NearestPick
REJECT_CAUSE_DEAD: RejectCause
REJECT_CAUSE_EXCLUDED: RejectCause
REJECT_CAUSE_UNSPECIFIED: RejectCause
ROW_STATUS_EXHAUSTED: RowStatus
ROW_STATUS_NO_ANCHOR: RowStatus
ROW_STATUS_NO_CANDIDATE: RowStatus
ROW_STATUS_NO_EVENT: RowStatus
ROW_STATUS_NO_LIVING_ITEM: RowStatus
ROW_STATUS_OK: RowStatus
ROW_STATUS_UNSPECIFIED: RowStatus
SAMPLE_OUTPUT_COMPONENT: SampleOutput
SAMPLE_OUTPUT_EFFECTIVE_SHARES: SampleOutput
SAMPLE_OUTPUT_LOG_Q: SampleOutput
SAMPLE_OUTPUT_LOG_Q_SOURCE: SampleOutput
SAMPLE_OUTPUT_NONE: SampleOutput
SAMPLE_OUTPUT_REJECTS: SampleOutput
SAMPLE_OUTPUT_SCORE: SampleOutput
SAMPLE_OUTPUT_UNSPECIFIED: SampleOutput

class ComponentReport(_message.Message):
    __slots__ = ["drawn_count", "law_kind", "source"]
    DRAWN_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAW_KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    drawn_count: int
    law_kind: LawKind
    source: str
    def __init__(self, source: _Optional[str] = ..., law_kind: _Optional[_Union[LawKind, str]] = ..., drawn_count: _Optional[int] = ...) -> None: ...

class NearestSource(_message.Message):
    __slots__ = ["anchor", "pick", "rank_begin", "rank_end", "temperature"]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    PICK_FIELD_NUMBER: _ClassVar[int]
    RANK_BEGIN_FIELD_NUMBER: _ClassVar[int]
    RANK_END_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    anchor: NearestAnchor
    pick: NearestPick
    rank_begin: int
    rank_end: int
    temperature: float
    def __init__(self, anchor: _Optional[_Union[NearestAnchor, str]] = ..., rank_begin: _Optional[int] = ..., rank_end: _Optional[int] = ..., pick: _Optional[_Union[NearestPick, str]] = ..., temperature: _Optional[float] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ["components"]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    components: _containers.RepeatedCompositeFieldContainer[PolicyComponent]
    def __init__(self, components: _Optional[_Iterable[_Union[PolicyComponent, _Mapping]]] = ...) -> None: ...

class PolicyComponent(_message.Message):
    __slots__ = ["nearest", "popularity", "share", "uniform"]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    POPULARITY_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    UNIFORM_FIELD_NUMBER: _ClassVar[int]
    nearest: NearestSource
    popularity: PopularitySource
    share: float
    uniform: UniformSource
    def __init__(self, share: _Optional[float] = ..., uniform: _Optional[_Union[UniformSource, _Mapping]] = ..., popularity: _Optional[_Union[PopularitySource, _Mapping]] = ..., nearest: _Optional[_Union[NearestSource, _Mapping]] = ...) -> None: ...

class PopularitySource(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class SampleNegativesRequest(_message.Message):
    __slots__ = ["as_of_micros", "as_of_time", "collection", "encoding", "exclusions", "negative_count", "outputs", "policy", "positive_ids", "queries", "row_count", "row_keys", "seed", "user_ids"]
    AS_OF_MICROS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIONS_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_COUNT_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_IDS_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    ROW_KEYS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    as_of_micros: _types_pb2.Int64Column
    as_of_time: _timestamp_pb2.Timestamp
    collection: str
    encoding: _types_pb2.ColumnEncoding
    exclusions: _types_pb2.RaggedIdColumn
    negative_count: int
    outputs: _containers.RepeatedScalarFieldContainer[SampleOutput]
    policy: Policy
    positive_ids: _types_pb2.IdColumn
    queries: _types_pb2.FloatMatrix
    row_count: int
    row_keys: _types_pb2.Int64Column
    seed: int
    user_ids: _types_pb2.IdColumn
    def __init__(self, collection: _Optional[str] = ..., negative_count: _Optional[int] = ..., row_count: _Optional[int] = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., positive_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., exclusions: _Optional[_Union[_types_pb2.RaggedIdColumn, _Mapping]] = ..., as_of_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., row_keys: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., queries: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., seed: _Optional[int] = ..., outputs: _Optional[_Iterable[_Union[SampleOutput, str]]] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ...) -> None: ...

class SampleNegativesResponse(_message.Message):
    __slots__ = ["as_of_time", "component_indexes", "components", "drawn_counts", "effective_shares", "item_ids", "kernel_id", "law_kind", "log_q", "log_q_source", "reject_counts", "row_statuses", "scores", "seed", "snapshot"]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_INDEXES_FIELD_NUMBER: _ClassVar[int]
    DRAWN_COUNTS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_SHARES_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_ID_FIELD_NUMBER: _ClassVar[int]
    LAW_KIND_FIELD_NUMBER: _ClassVar[int]
    LOG_Q_FIELD_NUMBER: _ClassVar[int]
    LOG_Q_SOURCE_FIELD_NUMBER: _ClassVar[int]
    REJECT_COUNTS_FIELD_NUMBER: _ClassVar[int]
    ROW_STATUSES_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    as_of_time: _timestamp_pb2.Timestamp
    component_indexes: _types_pb2.ByteColumn
    components: _containers.RepeatedCompositeFieldContainer[ComponentReport]
    drawn_counts: _types_pb2.Int64Column
    effective_shares: _types_pb2.FloatColumn
    item_ids: _types_pb2.IdColumn
    kernel_id: str
    law_kind: LawKind
    log_q: _types_pb2.FloatColumn
    log_q_source: _types_pb2.FloatColumn
    reject_counts: _types_pb2.Int64Column
    row_statuses: _types_pb2.ByteColumn
    scores: _types_pb2.FloatColumn
    seed: int
    snapshot: _types_pb2.SnapshotToken
    def __init__(self, item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., log_q: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., log_q_source: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., component_indexes: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., scores: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., row_statuses: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., drawn_counts: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., effective_shares: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., reject_counts: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., components: _Optional[_Iterable[_Union[ComponentReport, _Mapping]]] = ..., law_kind: _Optional[_Union[LawKind, str]] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ..., seed: _Optional[int] = ..., as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., kernel_id: _Optional[str] = ...) -> None: ...

class UniformSource(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class NearestAnchor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class NearestPick(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SampleOutput(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class LawKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class RowStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class RejectCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
