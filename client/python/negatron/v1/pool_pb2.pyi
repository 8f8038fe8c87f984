# SPDX-License-Identifier: Apache-2.0
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
EVENT_KIND_EXPOSURE: EventKind
EVENT_KIND_MINED: EventKind
EVENT_KIND_POSITIVE: EventKind
EVENT_KIND_UNSPECIFIED: EventKind

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
    __slots__ = ["acknowledgement_level", "cohorts", "collection", "event_time_micros", "item_ids", "kinds", "propensities", "request_id", "user_ids", "weights"]
    ACKNOWLEDGEMENT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    COHORTS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_MICROS_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    PROPENSITIES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    acknowledgement_level: _types_pb2.AcknowledgementLevel
    cohorts: _types_pb2.ByteColumn
    collection: str
    event_time_micros: _types_pb2.Int64Column
    item_ids: _types_pb2.IdColumn
    kinds: _types_pb2.ByteColumn
    propensities: _types_pb2.FloatColumn
    request_id: str
    user_ids: _types_pb2.IdColumn
    weights: _types_pb2.FloatColumn
    def __init__(self, collection: _Optional[str] = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., event_time_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., weights: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., request_id: _Optional[str] = ..., acknowledgement_level: _Optional[_Union[_types_pb2.AcknowledgementLevel, str]] = ..., kinds: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., propensities: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., cohorts: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ...) -> None: ...

class BatchWriteItemsRequest(_message.Message):
    __slots__ = ["acknowledgement_level", "alive_from_micros", "alive_until_micros", "attributes", "base_weights", "categories", "collection", "interval_splits", "item_ids", "request_id", "update_mask"]
    ACKNOWLEDGEMENT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    ALIVE_UNTIL_MICROS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    BASE_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_SPLITS_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    acknowledgement_level: _types_pb2.AcknowledgementLevel
    alive_from_micros: _types_pb2.Int64Column
    alive_until_micros: _types_pb2.Int64Column
    attributes: _containers.RepeatedScalarFieldContainer[bytes]
    base_weights: _types_pb2.FloatColumn
    categories: _types_pb2.RaggedIdColumn
    collection: str
    interval_splits: _types_pb2.Int64Column
    item_ids: _types_pb2.IdColumn
    request_id: str
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, collection: _Optional[str] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., alive_from_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., alive_until_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., interval_splits: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., request_id: _Optional[str] = ..., acknowledgement_level: _Optional[_Union[_types_pb2.AcknowledgementLevel, str]] = ..., base_weights: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., categories: _Optional[_Union[_types_pb2.RaggedIdColumn, _Mapping]] = ..., attributes: _Optional[_Iterable[bytes]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class EraseUsersRequest(_message.Message):
    __slots__ = ["collection", "encoding", "request_id", "user_ids"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    collection: str
    encoding: _types_pb2.ColumnEncoding
    request_id: str
    user_ids: _types_pb2.IdColumn
    def __init__(self, collection: _Optional[str] = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., request_id: _Optional[str] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ...) -> None: ...

class EraseUsersResponse(_message.Message):
    __slots__ = ["found", "receipt"]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    found: _types_pb2.ByteColumn
    receipt: _types_pb2.WriteReceipt
    def __init__(self, receipt: _Optional[_Union[_types_pb2.WriteReceipt, _Mapping]] = ..., found: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ...) -> None: ...

class ImportEventsRequest(_message.Message):
    __slots__ = ["batch", "chunk_number", "collection", "stream_id"]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CHUNK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    batch: BatchWriteEventsRequest
    chunk_number: int
    collection: str
    stream_id: str
    def __init__(self, collection: _Optional[str] = ..., stream_id: _Optional[str] = ..., chunk_number: _Optional[int] = ..., batch: _Optional[_Union[BatchWriteEventsRequest, _Mapping]] = ...) -> None: ...

class ImportItemsRequest(_message.Message):
    __slots__ = ["batch", "chunk_number", "collection", "stream_id"]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CHUNK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    batch: BatchWriteItemsRequest
    chunk_number: int
    collection: str
    stream_id: str
    def __init__(self, collection: _Optional[str] = ..., stream_id: _Optional[str] = ..., chunk_number: _Optional[int] = ..., batch: _Optional[_Union[BatchWriteItemsRequest, _Mapping]] = ...) -> None: ...

class ImportResponse(_message.Message):
    __slots__ = ["created_item_count", "durable_chunk_number", "durable_sequence", "written_count"]
    CREATED_ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    DURABLE_CHUNK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DURABLE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    created_item_count: int
    durable_chunk_number: int
    durable_sequence: int
    written_count: int
    def __init__(self, durable_chunk_number: _Optional[int] = ..., durable_sequence: _Optional[int] = ..., written_count: _Optional[int] = ..., created_item_count: _Optional[int] = ...) -> None: ...

class ItemTable(_message.Message):
    __slots__ = ["alive_from_micros", "alive_until_micros", "attributes", "base_weights", "categories", "ids", "interval_splits", "numbers"]
    ALIVE_FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    ALIVE_UNTIL_MICROS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    BASE_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_SPLITS_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    alive_from_micros: _types_pb2.Int64Column
    alive_until_micros: _types_pb2.Int64Column
    attributes: _containers.RepeatedScalarFieldContainer[bytes]
    base_weights: _types_pb2.FloatColumn
    categories: _types_pb2.RaggedIdColumn
    ids: _types_pb2.IdColumn
    interval_splits: _types_pb2.Int64Column
    numbers: _types_pb2.Int64Column
    def __init__(self, ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., numbers: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., alive_from_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., alive_until_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., interval_splits: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., base_weights: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., categories: _Optional[_Union[_types_pb2.RaggedIdColumn, _Mapping]] = ..., attributes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ["collection", "encoding", "end_time", "page_size", "page_token", "start_time"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    collection: str
    encoding: _types_pb2.ColumnEncoding
    end_time: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    start_time: _timestamp_pb2.Timestamp
    def __init__(self, collection: _Optional[str] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ["cohorts", "event_time_micros", "item_ids", "kinds", "next_page_token", "propensities", "snapshot", "user_ids", "weights"]
    COHORTS_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_MICROS_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROPENSITIES_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    cohorts: _types_pb2.ByteColumn
    event_time_micros: _types_pb2.Int64Column
    item_ids: _types_pb2.IdColumn
    kinds: _types_pb2.ByteColumn
    next_page_token: str
    propensities: _types_pb2.FloatColumn
    snapshot: _types_pb2.SnapshotToken
    user_ids: _types_pb2.IdColumn
    weights: _types_pb2.FloatColumn
    def __init__(self, user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., event_time_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., weights: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., kinds: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., propensities: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., cohorts: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., next_page_token: _Optional[str] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ...) -> None: ...

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

class ListUsersRequest(_message.Message):
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

class ListUsersResponse(_message.Message):
    __slots__ = ["ids", "next_page_token", "numbers", "snapshot"]
    IDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    ids: _types_pb2.IdColumn
    next_page_token: str
    numbers: _types_pb2.Int64Column
    snapshot: _types_pb2.SnapshotToken
    def __init__(self, ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., numbers: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., next_page_token: _Optional[str] = ..., snapshot: _Optional[_Union[_types_pb2.SnapshotToken, _Mapping]] = ...) -> None: ...

class RetractEventsRequest(_message.Message):
    __slots__ = ["collection", "encoding", "event_time_micros", "item_ids", "kinds", "request_id", "user_ids"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_MICROS_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    collection: str
    encoding: _types_pb2.ColumnEncoding
    event_time_micros: _types_pb2.Int64Column
    item_ids: _types_pb2.IdColumn
    kinds: _types_pb2.ByteColumn
    request_id: str
    user_ids: _types_pb2.IdColumn
    def __init__(self, collection: _Optional[str] = ..., user_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., item_ids: _Optional[_Union[_types_pb2.IdColumn, _Mapping]] = ..., event_time_micros: _Optional[_Union[_types_pb2.Int64Column, _Mapping]] = ..., kinds: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., request_id: _Optional[str] = ..., encoding: _Optional[_Union[_types_pb2.ColumnEncoding, str]] = ...) -> None: ...

class RetractEventsResponse(_message.Message):
    __slots__ = ["found", "receipt"]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    found: _types_pb2.ByteColumn
    receipt: _types_pb2.WriteReceipt
    def __init__(self, receipt: _Optional[_Union[_types_pb2.WriteReceipt, _Mapping]] = ..., found: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ...) -> None: ...

class EventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
