# SPDX-License-Identifier: Apache-2.0
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from negatron.v1 import pool_pb2 as _pool_pb2
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
EMBEDDING_VERSION_STATE_ABORTED: EmbeddingVersionState
EMBEDDING_VERSION_STATE_COMMITTED: EmbeddingVersionState
EMBEDDING_VERSION_STATE_EXPIRED: EmbeddingVersionState
EMBEDDING_VERSION_STATE_STAGING: EmbeddingVersionState
EMBEDDING_VERSION_STATE_UNSPECIFIED: EmbeddingVersionState

class AbortEmbeddingVersionRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class BatchGetEmbeddingsRequest(_message.Message):
    __slots__ = ["collection", "encoding", "include_model_versions", "include_write_times", "item_ids", "user_ids"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_MODEL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_WRITE_TIMES_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    collection: str
    encoding: _types_pb2.ColumnEncoding
    include_model_versions: bool
    include_write_times: bool
    item_ids: _types_pb2.IdColumn
    user_ids: _types_pb2.IdColumn
    def __init__(self, collection: _Optional[str] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ..., include_model_versions: bool = ..., include_write_times: bool = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ...) -> None: ...

class BatchGetEmbeddingsResponse(_message.Message):
    __slots__ = ["found", "model_versions", "snapshot", "vectors", "write_time_micros"]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    WRITE_TIME_MICROS_FIELD_NUMBER: _ClassVar[int]
    found: _types_pb2.ByteColumn
    model_versions: _types_pb2.Int64Column
    snapshot: _types_pb2.SnapshotToken
    vectors: _types_pb2.FloatMatrix
    write_time_micros: _types_pb2.Int64Column
    def __init__(self, vectors: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ..., found: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ..., model_versions: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., write_time_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ...) -> None: ...

class BatchWriteEmbeddingsRequest(_message.Message):
    __slots__ = ["acknowledgement_level", "allow_partial", "collection", "item_ids", "model_version", "request_id", "user_ids", "vectors"]
    ACKNOWLEDGEMENT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PARTIAL_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    acknowledgement_level: _types_pb2.AcknowledgementLevel
    allow_partial: bool
    collection: str
    item_ids: _types_pb2.IdColumn
    model_version: int
    request_id: str
    user_ids: _types_pb2.IdColumn
    vectors: _types_pb2.FloatMatrix
    def __init__(self, collection: _Optional[str] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., vectors: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ..., request_id: _Optional[str] = ..., acknowledgement_level: _Optional[_Union[_types_pb2.AcknowledgementLevel, str]] = ..., model_version: _Optional[int] = ..., allow_partial: bool = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ...) -> None: ...

class BeginEmbeddingVersionRequest(_message.Message):
    __slots__ = ["collection", "model_version", "ttl"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    collection: str
    model_version: int
    ttl: _duration_pb2.Duration
    def __init__(self, collection: _Optional[str] = ..., model_version: _Optional[int] = ..., ttl: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CommitEmbeddingVersionRequest(_message.Message):
    __slots__ = ["name", "request_id", "row_count", "user_row_count"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    USER_ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    request_id: str
    row_count: int
    user_row_count: int
    def __init__(self, name: _Optional[str] = ..., row_count: _Optional[int] = ..., request_id: _Optional[str] = ..., user_row_count: _Optional[int] = ...) -> None: ...

class EmbeddingShard(_message.Message):
    __slots__ = ["next_chunk_number", "shard", "written_count"]
    NEXT_CHUNK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    next_chunk_number: int
    shard: int
    written_count: int
    def __init__(self, shard: _Optional[int] = ..., next_chunk_number: _Optional[int] = ..., written_count: _Optional[int] = ...) -> None: ...

class EmbeddingVersion(_message.Message):
    __slots__ = ["create_time", "end_time", "expire_time", "model_version", "name", "row_count", "shards", "state", "user_row_count"]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    USER_ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    model_version: int
    name: str
    row_count: int
    shards: _containers.RepeatedCompositeFieldContainer[EmbeddingShard]
    state: EmbeddingVersionState
    user_row_count: int
    def __init__(self, name: _Optional[str] = ..., model_version: _Optional[int] = ..., state: _Optional[_Union[EmbeddingVersionState, str]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., row_count: _Optional[int] = ..., shards: _Optional[_Iterable[_Union[EmbeddingShard, _Mapping]]] = ..., user_row_count: _Optional[int] = ...) -> None: ...

class GetEmbeddingVersionRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ImportEmbeddingsRequest(_message.Message):
    __slots__ = ["batch", "chunk_number", "name", "shard"]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CHUNK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    batch: BatchWriteEmbeddingsRequest
    chunk_number: int
    name: str
    shard: int
    def __init__(self, name: _Optional[str] = ..., shard: _Optional[int] = ..., chunk_number: _Optional[int] = ..., batch: _Optional[_Union[BatchWriteEmbeddingsRequest, _Mapping]] = ...) -> None: ...

class ListEmbeddingVersionsRequest(_message.Message):
    __slots__ = ["collection"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    collection: str
    def __init__(self, collection: _Optional[str] = ...) -> None: ...

class ListEmbeddingVersionsResponse(_message.Message):
    __slots__ = ["versions"]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[EmbeddingVersion]
    def __init__(self, versions: _Optional[_Iterable[_Union[EmbeddingVersion, _Mapping]]] = ...) -> None: ...

class UploadEmbeddingsRequest(_message.Message):
    __slots__ = ["chunk_number", "item_ids", "name", "shard", "user_ids", "vectors"]
    CHUNK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    chunk_number: int
    item_ids: _types_pb2.IdColumn
    name: str
    shard: int
    user_ids: _types_pb2.IdColumn
    vectors: _types_pb2.FloatMatrix
    def __init__(self, name: _Optional[str] = ..., shard: _Optional[int] = ..., chunk_number: _Optional[int] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., vectors: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ...) -> None: ...

class EmbeddingVersionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
