# SPDX-License-Identifier: Apache-2.0
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BatchGetItemsRequest(_message.Message):
    __slots__ = ["collection", "encoding", "item_ids"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    collection: str
    encoding: _types_pb2.ColumnEncoding
    item_ids: _types_pb2.IdColumn
    def __init__(self, collection: _Optional[str] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ...) -> None: ...

class BatchGetItemsResponse(_message.Message):
    __slots__ = ["found", "items", "snapshot"]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    found: _types_pb2.ByteColumn
    items: ItemTable
    snapshot: _types_pb2.SnapshotToken
    def __init__(self, items: _Optional[_Union[ItemTable, _Mapping]] = ..., found: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ...) -> None: ...

class BatchWriteEventsRequest(_message.Message):
    __slots__ = ["acknowledgement_level", "collection", "event_time_micros", "item_ids", "request_id", "user_ids", "weights"]
    ACKNOWLEDGEMENT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_MICROS_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    acknowledgement_level: _types_pb2.AcknowledgementLevel
    collection: str
    event_time_micros: _types_pb2.Int64Column
    item_ids: _types_pb2.IdColumn
    request_id: str
    user_ids: _types_pb2.IdColumn
    weights: _types_pb2.FloatColumn
    def __init__(self, collection: _Optional[str] = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., event_time_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., weights: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., request_id: _Optional[str] = ..., acknowledgement_level: _Optional[_Union[_types_pb2.AcknowledgementLevel, str]] = ...) -> None: ...

class BatchWriteItemsRequest(_message.Message):
    __slots__ = ["acknowledgement_level", "alive_from_micros", "alive_until_micros", "collection", "interval_splits", "item_ids", "request_id"]
    ACKNOWLEDGEMENT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    ALIVE_UNTIL_MICROS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_SPLITS_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    acknowledgement_level: _types_pb2.AcknowledgementLevel
    alive_from_micros: _types_pb2.Int64Column
    alive_until_micros: _types_pb2.Int64Column
    collection: str
    interval_splits: _types_pb2.Int64Column
    item_ids: _types_pb2.IdColumn
    request_id: str
    def __init__(self, collection: _Optional[str] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., alive_from_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., alive_until_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., interval_splits: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., request_id: _Optional[str] = ..., acknowledgement_level: _Optional[_Union[_types_pb2.AcknowledgementLevel, str]] = ...) -> None: ...

class ItemTable(_message.Message):
    __slots__ = ["alive_from_micros", "alive_until_micros", "ids", "interval_splits", "numbers"]
    ALIVE_FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    ALIVE_UNTIL_MICROS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_SPLITS_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    alive_from_micros: _types_pb2.Int64Column
    alive_until_micros: _types_pb2.Int64Column
    ids: _types_pb2.IdColumn
    interval_splits: _types_pb2.Int64Column
    numbers: _types_pb2.Int64Column
    def __init__(self, ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., numbers: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., alive_from_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., alive_until_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., interval_splits: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ...) -> None: ...

class ListItemsRequest(_message.Message):
    __slots__ = ["collection", "encoding", "page_size", "page_token"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    collection: str
    encoding: _types_pb2.ColumnEncoding
    page_size: int
    page_token: str
    def __init__(self, collection: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ...) -> None: ...

class ListItemsResponse(_message.Message):
    __slots__ = ["items", "next_page_token", "snapshot"]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    items: ItemTable
    next_page_token: str
    snapshot: _types_pb2.SnapshotToken
    def __init__(self, items: _Optional[_Union[ItemTable, _Mapping]] = ..., next_page_token: _Optional[str] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ...) -> None: ...
