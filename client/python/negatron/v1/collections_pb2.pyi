# SPDX-License-Identifier: Apache-2.0
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
EMBEDDING_ELEMENT_TYPE_BFLOAT16: EmbeddingElementType
EMBEDDING_ELEMENT_TYPE_FLOAT32: EmbeddingElementType
EMBEDDING_ELEMENT_TYPE_UNSPECIFIED: EmbeddingElementType
EMBEDDING_METRIC_COSINE: EmbeddingMetric
EMBEDDING_METRIC_INNER_PRODUCT: EmbeddingMetric
EMBEDDING_METRIC_L2: EmbeddingMetric
EMBEDDING_METRIC_UNSPECIFIED: EmbeddingMetric
ID_TYPE_INT64: IdType
ID_TYPE_STRING: IdType
ID_TYPE_UNSPECIFIED: IdType
MISSING_ITEM_RULE_CREATE: MissingItemRule
MISSING_ITEM_RULE_REJECT: MissingItemRule
MISSING_ITEM_RULE_UNSPECIFIED: MissingItemRule

class AuditSettings(_message.Message):
    __slots__ = ["max_age", "max_bytes", "rate"]
    MAX_AGE_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    max_age: _duration_pb2.Duration
    max_bytes: int
    rate: float
    def __init__(self, rate: _Optional[float] = ..., max_age: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class Collection(_message.Message):
    __slots__ = ["audit", "category_popularity", "cohort_popularity", "create_time", "display_name", "embedding_settings", "etag", "event_retention", "event_watermark_time", "half_life", "half_lives", "incarnation", "item_id_type", "labels", "mined_per_user", "missing_item_rule", "name", "popularity_grid", "user_id_type", "windows"]
    class LabelsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_POPULARITY_FIELD_NUMBER: _ClassVar[int]
    COHORT_POPULARITY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_SETTINGS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    EVENT_RETENTION_FIELD_NUMBER: _ClassVar[int]
    EVENT_WATERMARK_TIME_FIELD_NUMBER: _ClassVar[int]
    HALF_LIFE_FIELD_NUMBER: _ClassVar[int]
    HALF_LIVES_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_TYPE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    MINED_PER_USER_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_RULE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POPULARITY_GRID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_TYPE_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    audit: AuditSettings
    category_popularity: bool
    cohort_popularity: bool
    create_time: _timestamp_pb2.Timestamp
    display_name: str
    embedding_settings: EmbeddingSettings
    etag: str
    event_retention: _duration_pb2.Duration
    event_watermark_time: _timestamp_pb2.Timestamp
    half_life: _duration_pb2.Duration
    half_lives: _containers.RepeatedCompositeFieldContainer[_duration_pb2.Duration]
    incarnation: int
    item_id_type: IdType
    labels: _containers.ScalarMap[str, str]
    mined_per_user: int
    missing_item_rule: MissingItemRule
    name: str
    popularity_grid: _duration_pb2.Duration
    user_id_type: IdType
    windows: _containers.RepeatedCompositeFieldContainer[_duration_pb2.Duration]
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., item_id_type: _Optional[_Union[IdType, str]] = ..., user_id_type: _Optional[_Union[IdType, str]] = ..., half_life: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., missing_item_rule: _Optional[_Union[MissingItemRule, str]] = ..., embedding_settings: _Optional[_Union[EmbeddingSettings, _Mapping]] = ..., incarnation: _Optional[int] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ..., half_lives: _Optional[_Iterable[_Union[_duration_pb2.Duration, _Mapping]]] = ..., windows: _Optional[_Iterable[_Union[_duration_pb2.Duration, _Mapping]]] = ..., cohort_popularity: bool = ..., category_popularity: bool = ..., popularity_grid: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., mined_per_user: _Optional[int] = ..., event_retention: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., event_watermark_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., audit: _Optional[_Union[AuditSettings, _Mapping]] = ...) -> None: ...

class CreateCollectionRequest(_message.Message):
    __slots__ = ["collection", "collection_id", "request_id"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    collection: Collection
    collection_id: str
    request_id: str
    def __init__(self, collection_id: _Optional[str] = ..., collection: _Optional[_Union[Collection, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteCollectionRequest(_message.Message):
    __slots__ = ["allow_missing", "etag", "name"]
    ALLOW_MISSING_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    allow_missing: bool
    etag: str
    name: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., allow_missing: bool = ...) -> None: ...

class EmbeddingSettings(_message.Message):
    __slots__ = ["dimension", "element_type", "metric"]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    dimension: int
    element_type: EmbeddingElementType
    metric: EmbeddingMetric
    def __init__(self, dimension: _Optional[int] = ..., metric: _Optional[_Union[EmbeddingMetric, str]] = ..., element_type: _Optional[_Union[EmbeddingElementType, str]] = ...) -> None: ...

class GetCollectionRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListCollectionsRequest(_message.Message):
    __slots__ = ["page_size", "page_token"]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCollectionsResponse(_message.Message):
    __slots__ = ["collections", "next_page_token"]
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    collections: _containers.RepeatedCompositeFieldContainer[Collection]
    next_page_token: str
    def __init__(self, collections: _Optional[_Iterable[_Union[Collection, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateCollectionRequest(_message.Message):
    __slots__ = ["collection", "update_mask"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    collection: Collection
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, collection: _Optional[_Union[Collection, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class IdType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class MissingItemRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class EmbeddingElementType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class EmbeddingMetric(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
