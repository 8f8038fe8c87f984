# SPDX-License-Identifier: Apache-2.0
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from negatron.v1 import policies_pb2 as _policies_pb2
from negatron.v1 import guards_pb2 as _guards_pb2
from negatron.v1 import sampling_enums_pb2 as _sampling_enums_pb2
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

from negatron.v1.policies_pb2 import Policy
from negatron.v1.policies_pb2 import Schedule
from negatron.v1.policies_pb2 import SchedulePoint
from negatron.v1.policies_pb2 import Rotation
from negatron.v1.policies_pb2 import RotationTurn
from negatron.v1.policies_pb2 import Experiment
from negatron.v1.policies_pb2 import ExperimentArm
from negatron.v1.policies_pb2 import PolicyComponent
from negatron.v1.policies_pb2 import ScoreBounds
from negatron.v1.policies_pb2 import UniformSource
from negatron.v1.policies_pb2 import PopularitySource
from negatron.v1.policies_pb2 import ExposureSource
from negatron.v1.policies_pb2 import MinedSource
from negatron.v1.policies_pb2 import NearestSource
from negatron.v1.policies_pb2 import AdversarialSource
from negatron.v1.policies_pb2 import DynamicSource
from negatron.v1.policies_pb2 import AhnsTarget
from negatron.v1.policies_pb2 import Interpolation
from negatron.v1.policies_pb2 import DynamicPick
from negatron.v1.policies_pb2 import NearestAnchor
from negatron.v1.policies_pb2 import NearestPick
from negatron.v1.sampling_enums_pb2 import SampleOutput
from negatron.v1.sampling_enums_pb2 import LawKind
from negatron.v1.sampling_enums_pb2 import RowStatus
from negatron.v1.sampling_enums_pb2 import DrawTag
from negatron.v1.sampling_enums_pb2 import RejectCause
DESCRIPTOR: _descriptor.FileDescriptor
DRAW_TAG_FALLBACK: _sampling_enums_pb2.DrawTag
DRAW_TAG_IN_HORIZON: _sampling_enums_pb2.DrawTag
DRAW_TAG_NEAR_POSITIVE: _sampling_enums_pb2.DrawTag
DRAW_TAG_UNSPECIFIED: _sampling_enums_pb2.DrawTag
DYNAMIC_PICK_AHNS: _policies_pb2.DynamicPick
DYNAMIC_PICK_SOFTMAX: _policies_pb2.DynamicPick
DYNAMIC_PICK_TOP: _policies_pb2.DynamicPick
DYNAMIC_PICK_UNIFORM: _policies_pb2.DynamicPick
DYNAMIC_PICK_UNSPECIFIED: _policies_pb2.DynamicPick
INTERPOLATION_COSINE: _policies_pb2.Interpolation
INTERPOLATION_LINEAR: _policies_pb2.Interpolation
INTERPOLATION_STEPS: _policies_pb2.Interpolation
INTERPOLATION_UNSPECIFIED: _policies_pb2.Interpolation
LAW_KIND_CONDITIONAL: _sampling_enums_pb2.LawKind
LAW_KIND_EXACT: _sampling_enums_pb2.LawKind
LAW_KIND_NONE: _sampling_enums_pb2.LawKind
LAW_KIND_ROW_CONSTANT: _sampling_enums_pb2.LawKind
LAW_KIND_UNSPECIFIED: _sampling_enums_pb2.LawKind
NEAREST_ANCHOR_POSITIVE: _policies_pb2.NearestAnchor
NEAREST_ANCHOR_QUERY: _policies_pb2.NearestAnchor
NEAREST_ANCHOR_UNSPECIFIED: _policies_pb2.NearestAnchor
NEAREST_ANCHOR_USER: _policies_pb2.NearestAnchor
NEAREST_PICK_SOFTMAX: _policies_pb2.NearestPick
NEAREST_PICK_TOP: _policies_pb2.NearestPick
NEAREST_PICK_UNIFORM: _policies_pb2.NearestPick
NEAREST_PICK_UNSPECIFIED: _policies_pb2.NearestPick
REJECT_CAUSE_DEAD: _sampling_enums_pb2.RejectCause
REJECT_CAUSE_DUPLICATE: _sampling_enums_pb2.RejectCause
REJECT_CAUSE_EXCLUDED: _sampling_enums_pb2.RejectCause
REJECT_CAUSE_FILTERED: _sampling_enums_pb2.RejectCause
REJECT_CAUSE_MARGIN: _sampling_enums_pb2.RejectCause
REJECT_CAUSE_UNCERTAIN: _sampling_enums_pb2.RejectCause
REJECT_CAUSE_UNSPECIFIED: _sampling_enums_pb2.RejectCause
ROW_STATUS_EXHAUSTED: _sampling_enums_pb2.RowStatus
ROW_STATUS_NO_ANCHOR: _sampling_enums_pb2.RowStatus
ROW_STATUS_NO_CANDIDATE: _sampling_enums_pb2.RowStatus
ROW_STATUS_NO_EVENT: _sampling_enums_pb2.RowStatus
ROW_STATUS_NO_LIVING_ITEM: _sampling_enums_pb2.RowStatus
ROW_STATUS_OK: _sampling_enums_pb2.RowStatus
ROW_STATUS_SHORT: _sampling_enums_pb2.RowStatus
ROW_STATUS_UNSPECIFIED: _sampling_enums_pb2.RowStatus
SAMPLE_OUTPUT_ARM: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_COMPONENT: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_EFFECTIVE_SHARES: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_EMBEDDING_AGE: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_EXPECTED_COUNT: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_IMPORTANCE_WEIGHT: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_LOG_Q: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_LOG_Q_SOURCE: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_MODEL_VERSION: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_NONE: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_POPULARITY_BOUNDARY: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_POSITIVE_LOG_Q: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_REJECTS: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_REJECTS_BY_ALL_CAUSES: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_REJECTS_BY_CAUSE: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_SCORE: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_TAGS: _sampling_enums_pb2.SampleOutput
SAMPLE_OUTPUT_UNSPECIFIED: _sampling_enums_pb2.SampleOutput

class ComponentReport(_message.Message):
    __slots__ = ["arm", "drawn_count", "law_kind", "resolved", "source"]
    ARM_FIELD_NUMBER: _ClassVar[int]
    DRAWN_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAW_KIND_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    arm: str
    drawn_count: int
    law_kind: _sampling_enums_pb2.LawKind
    resolved: _policies_pb2.PolicyComponent
    source: str
    def __init__(self, source: _Optional[str] = ..., law_kind: _Optional[_Union[_sampling_enums_pb2.LawKind, str]] = ..., drawn_count: _Optional[int] = ..., resolved: _Optional[_Union[_policies_pb2.PolicyComponent, _Mapping]] = ..., arm: _Optional[str] = ...) -> None: ...

class GetCandidatesRequest(_message.Message):
    __slots__ = ["anchor", "include_candidate_vectors", "include_positive_vectors", "sample"]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_CANDIDATE_VECTORS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_POSITIVE_VECTORS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    anchor: _policies_pb2.NearestAnchor
    include_candidate_vectors: bool
    include_positive_vectors: bool
    sample: SampleNegativesRequest
    def __init__(self, sample: _Optional[_Union[SampleNegativesRequest, _Mapping]] = ..., anchor: _Optional[_Union[_policies_pb2.NearestAnchor, str]] = ..., include_candidate_vectors: bool = ..., include_positive_vectors: bool = ...) -> None: ...

class GetCandidatesResponse(_message.Message):
    __slots__ = ["candidate_vectors", "positive_vectors", "sample"]
    CANDIDATE_VECTORS_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_VECTORS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    candidate_vectors: _types_pb2.FloatMatrix
    positive_vectors: _types_pb2.FloatMatrix
    sample: SampleNegativesResponse
    def __init__(self, sample: _Optional[_Union[SampleNegativesResponse, _Mapping]] = ..., candidate_vectors: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ..., positive_vectors: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ...) -> None: ...

class SampleNegativesRequest(_message.Message):
    __slots__ = ["as_of_micros", "as_of_time", "cohorts", "collection", "controller", "encoding", "exclusions", "max_staleness", "min_model_version", "negative_count", "outputs", "policy", "policy_name", "positive_ids", "progress", "queries", "row_count", "row_keys", "seed", "staleness_as_of_time", "user_ids"]
    AS_OF_MICROS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    COHORTS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_STALENESS_FIELD_NUMBER: _ClassVar[int]
    MIN_MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_COUNT_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_IDS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    ROW_KEYS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STALENESS_AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    as_of_micros: _types_pb2.Int64Column
    as_of_time: _timestamp_pb2.Timestamp
    cohorts: _types_pb2.ByteColumn
    collection: str
    controller: str
    encoding: _types_pb2.ColumnEncoding
    exclusions: _types_pb2.RaggedIdColumn
    max_staleness: _duration_pb2.Duration
    min_model_version: int
    negative_count: int
    outputs: _containers.RepeatedScalarFieldContainer[_sampling_enums_pb2.SampleOutput]
    policy: _policies_pb2.Policy
    policy_name: str
    positive_ids: _types_pb2.IdColumn
    progress: float
    queries: _types_pb2.FloatMatrix
    row_count: int
    row_keys: _types_pb2.Int64Column
    seed: int
    staleness_as_of_time: _timestamp_pb2.Timestamp
    user_ids: _types_pb2.IdColumn
    def __init__(self, collection: _Optional[str] = ..., negative_count: _Optional[int] = ..., row_count: _Optional[int] = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., positive_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., exclusions: _Optional[_Union[_types_pb2.RaggedIdColumn, _Mapping]] = ..., as_of_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., row_keys: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., queries: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ..., policy: _Optional[_Union[_policies_pb2.Policy, _Mapping]] = ..., seed: _Optional[int] = ..., outputs: _Optional[_Iterable[_Union[_sampling_enums_pb2.SampleOutput, str]]] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ..., cohorts: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., min_model_version: _Optional[int] = ..., max_staleness: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., staleness_as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., policy_name: _Optional[str] = ..., progress: _Optional[float] = ..., controller: _Optional[str] = ...) -> None: ...

class SampleNegativesResponse(_message.Message):
    __slots__ = ["arm_indexes", "arm_names", "as_of_time", "component_indexes", "components", "controller", "drawn_counts", "effective_shares", "embedding_age_seconds", "expected_counts", "fallback", "importance_weights", "item_ids", "kernel_id", "law_kind", "log_q", "log_q_source", "model_versions", "policy_name", "popularity_boundary_micros", "positive_log_q", "progress", "progress_time", "reject_cause_count", "reject_counts", "rejects_by_all_causes", "rejects_by_cause", "row_statuses", "scores", "seed", "snapshot", "staleness_as_of_time", "tags"]
    ARM_INDEXES_FIELD_NUMBER: _ClassVar[int]
    ARM_NAMES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_INDEXES_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    DRAWN_COUNTS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_SHARES_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_AGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_COUNTS_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    IMPORTANCE_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_ID_FIELD_NUMBER: _ClassVar[int]
    LAW_KIND_FIELD_NUMBER: _ClassVar[int]
    LOG_Q_FIELD_NUMBER: _ClassVar[int]
    LOG_Q_SOURCE_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    POPULARITY_BOUNDARY_MICROS_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_LOG_Q_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_TIME_FIELD_NUMBER: _ClassVar[int]
    REJECTS_BY_ALL_CAUSES_FIELD_NUMBER: _ClassVar[int]
    REJECTS_BY_CAUSE_FIELD_NUMBER: _ClassVar[int]
    REJECT_CAUSE_COUNT_FIELD_NUMBER: _ClassVar[int]
    REJECT_COUNTS_FIELD_NUMBER: _ClassVar[int]
    ROW_STATUSES_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    STALENESS_AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    arm_indexes: _types_pb2.ByteColumn
    arm_names: _containers.RepeatedScalarFieldContainer[str]
    as_of_time: _timestamp_pb2.Timestamp
    component_indexes: _types_pb2.ByteColumn
    components: _containers.RepeatedCompositeFieldContainer[ComponentReport]
    controller: str
    drawn_counts: _types_pb2.Int64Column
    effective_shares: _types_pb2.FloatColumn
    embedding_age_seconds: _types_pb2.FloatColumn
    expected_counts: _types_pb2.FloatColumn
    fallback: ComponentReport
    importance_weights: _types_pb2.FloatColumn
    item_ids: _types_pb2.IdColumn
    kernel_id: str
    law_kind: _sampling_enums_pb2.LawKind
    log_q: _types_pb2.FloatColumn
    log_q_source: _types_pb2.FloatColumn
    model_versions: _types_pb2.Int64Column
    policy_name: str
    popularity_boundary_micros: _types_pb2.Int64Column
    positive_log_q: _types_pb2.FloatColumn
    progress: float
    progress_time: _timestamp_pb2.Timestamp
    reject_cause_count: int
    reject_counts: _types_pb2.Int64Column
    rejects_by_all_causes: _types_pb2.Int64Column
    rejects_by_cause: _types_pb2.Int64Column
    row_statuses: _types_pb2.ByteColumn
    scores: _types_pb2.FloatColumn
    seed: int
    snapshot: _types_pb2.SnapshotToken
    staleness_as_of_time: _timestamp_pb2.Timestamp
    tags: _types_pb2.ByteColumn
    def __init__(self, item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., log_q: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., log_q_source: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., component_indexes: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., scores: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., row_statuses: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., drawn_counts: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., effective_shares: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., reject_counts: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., components: _Optional[_Iterable[_Union[ComponentReport, _Mapping]]] = ..., law_kind: _Optional[_Union[_sampling_enums_pb2.LawKind, str]] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ..., seed: _Optional[int] = ..., as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., kernel_id: _Optional[str] = ..., expected_counts: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., importance_weights: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., positive_log_q: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., popularity_boundary_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., rejects_by_cause: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., model_versions: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., embedding_age_seconds: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., staleness_as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., policy_name: _Optional[str] = ..., arm_indexes: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., arm_names: _Optional[_Iterable[str]] = ..., progress: _Optional[float] = ..., controller: _Optional[str] = ..., progress_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., tags: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., rejects_by_all_causes: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., reject_cause_count: _Optional[int] = ..., fallback: _Optional[_Union[ComponentReport, _Mapping]] = ...) -> None: ...

class SampleSharedNegativesRequest(_message.Message):
    __slots__ = ["as_of_micros", "as_of_time", "block_key", "collection", "controller", "encoding", "exclusions", "negative_count", "negatives_time", "policy", "policy_name", "positive_ids", "progress", "row_count", "seed", "user_ids"]
    AS_OF_MICROS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    BLOCK_KEY_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIONS_FIELD_NUMBER: _ClassVar[int]
    NEGATIVES_TIME_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_COUNT_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_IDS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    as_of_micros: _types_pb2.Int64Column
    as_of_time: _timestamp_pb2.Timestamp
    block_key: int
    collection: str
    controller: str
    encoding: _types_pb2.ColumnEncoding
    exclusions: _types_pb2.RaggedIdColumn
    negative_count: int
    negatives_time: _timestamp_pb2.Timestamp
    policy: _policies_pb2.Policy
    policy_name: str
    positive_ids: _types_pb2.IdColumn
    progress: float
    row_count: int
    seed: int
    user_ids: _types_pb2.IdColumn
    def __init__(self, collection: _Optional[str] = ..., negative_count: _Optional[int] = ..., row_count: _Optional[int] = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., positive_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., exclusions: _Optional[_Union[_types_pb2.RaggedIdColumn, _Mapping]] = ..., as_of_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., negatives_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., policy: _Optional[_Union[_policies_pb2.Policy, _Mapping]] = ..., seed: _Optional[int] = ..., block_key: _Optional[int] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ..., policy_name: _Optional[str] = ..., progress: _Optional[float] = ..., controller: _Optional[str] = ...) -> None: ...

class SampleSharedNegativesResponse(_message.Message):
    __slots__ = ["as_of_time", "component_indexes", "components", "controller", "false_mask", "item_ids", "kernel_id", "law_kind", "log_q", "log_remaining", "negatives_time", "policy_name", "progress", "progress_time", "seed", "snapshot"]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_INDEXES_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    FALSE_MASK_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_ID_FIELD_NUMBER: _ClassVar[int]
    LAW_KIND_FIELD_NUMBER: _ClassVar[int]
    LOG_Q_FIELD_NUMBER: _ClassVar[int]
    LOG_REMAINING_FIELD_NUMBER: _ClassVar[int]
    NEGATIVES_TIME_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_TIME_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    as_of_time: _timestamp_pb2.Timestamp
    component_indexes: _types_pb2.ByteColumn
    components: _containers.RepeatedCompositeFieldContainer[ComponentReport]
    controller: str
    false_mask: bytes
    item_ids: _types_pb2.IdColumn
    kernel_id: str
    law_kind: _sampling_enums_pb2.LawKind
    log_q: _types_pb2.FloatColumn
    log_remaining: _types_pb2.FloatColumn
    negatives_time: _timestamp_pb2.Timestamp
    policy_name: str
    progress: float
    progress_time: _timestamp_pb2.Timestamp
    seed: int
    snapshot: _types_pb2.SnapshotToken
    def __init__(self, item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., log_q: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., component_indexes: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., false_mask: _Optional[bytes] = ..., log_remaining: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., components: _Optional[_Iterable[_Union[ComponentReport, _Mapping]]] = ..., law_kind: _Optional[_Union[_sampling_enums_pb2.LawKind, str]] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ..., seed: _Optional[int] = ..., negatives_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., as_of_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., kernel_id: _Optional[str] = ..., policy_name: _Optional[str] = ..., progress: _Optional[float] = ..., controller: _Optional[str] = ..., progress_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
