# SPDX-License-Identifier: Apache-2.0
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BatchGetEmbeddingsRequest(_message.Message):
    __slots__ = ["collection", "encoding", "include_model_versions", "include_write_times", "item_ids"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_MODEL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_WRITE_TIMES_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    collection: str
    encoding: _types_pb2.ColumnEncoding
    include_model_versions: bool
    include_write_times: bool
    item_ids: _types_pb2.IdColumn
    def __init__(self, collection: _Optional[str] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ..., include_model_versions: bool = ..., include_write_times: bool = ...) -> None: ...

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
    __slots__ = ["acknowledgement_level", "collection", "item_ids", "model_version", "request_id", "vectors"]
    ACKNOWLEDGEMENT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    acknowledgement_level: _types_pb2.AcknowledgementLevel
    collection: str
    item_ids: _types_pb2.IdColumn
    model_version: int
    request_id: str
    vectors: _types_pb2.FloatMatrix
    def __init__(self, collection: _Optional[str] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., vectors: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ..., request_id: _Optional[str] = ..., acknowledgement_level: _Optional[_Union[_types_pb2.AcknowledgementLevel, str]] = ..., model_version: _Optional[int] = ...) -> None: ...
