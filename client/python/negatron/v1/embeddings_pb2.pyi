# SPDX-License-Identifier: Apache-2.0
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BatchGetEmbeddingsRequest(_message.Message):
    __slots__ = ["collection", "encoding", "item_ids"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    collection: str
    encoding: _types_pb2.ColumnEncoding
    item_ids: _types_pb2.IdColumn
    def __init__(self, collection: _Optional[str] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ...) -> None: ...

class BatchGetEmbeddingsResponse(_message.Message):
    __slots__ = ["found", "snapshot", "vectors"]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    found: _types_pb2.ByteColumn
    snapshot: _types_pb2.SnapshotToken
    vectors: _types_pb2.FloatMatrix
    def __init__(self, vectors: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ..., found: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ...) -> None: ...

class BatchWriteEmbeddingsRequest(_message.Message):
    __slots__ = ["acknowledgement_level", "collection", "item_ids", "request_id", "vectors"]
    ACKNOWLEDGEMENT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    acknowledgement_level: _types_pb2.AcknowledgementLevel
    collection: str
    item_ids: _types_pb2.IdColumn
    request_id: str
    vectors: _types_pb2.FloatMatrix
    def __init__(self, collection: _Optional[str] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., vectors: _Optional[_Union[_types_pb2.FloatMatrix, _Mapping]] = ..., request_id: _Optional[str] = ..., acknowledgement_level: _Optional[_Union[_types_pb2.AcknowledgementLevel, str]] = ...) -> None: ...
