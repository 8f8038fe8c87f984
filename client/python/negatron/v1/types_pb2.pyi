# SPDX-License-Identifier: Apache-2.0
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

ACKNOWLEDGEMENT_LEVEL_APPLIED: AcknowledgementLevel
ACKNOWLEDGEMENT_LEVEL_DURABLE: AcknowledgementLevel
ACKNOWLEDGEMENT_LEVEL_UNSPECIFIED: AcknowledgementLevel
COLUMN_ENCODING_RAW: ColumnEncoding
COLUMN_ENCODING_TYPED: ColumnEncoding
COLUMN_ENCODING_UNSPECIFIED: ColumnEncoding
DESCRIPTOR: _descriptor.FileDescriptor
ROW_REFUSAL_INVALID_VECTOR: RowRefusal
ROW_REFUSAL_UNKNOWN_ITEM: RowRefusal
ROW_REFUSAL_UNKNOWN_USER: RowRefusal
ROW_REFUSAL_UNSPECIFIED: RowRefusal

class ByteColumn(_message.Message):
    __slots__ = ["raw", "typed"]
    RAW_FIELD_NUMBER: _ClassVar[int]
    TYPED_FIELD_NUMBER: _ClassVar[int]
    raw: bytes
    typed: Int64List
    def __init__(self, raw: _Optional[bytes] = ..., typed: _Optional[_Union[Int64List, _Mapping]] = ...) -> None: ...

class FloatColumn(_message.Message):
    __slots__ = ["raw", "typed"]
    RAW_FIELD_NUMBER: _ClassVar[int]
    TYPED_FIELD_NUMBER: _ClassVar[int]
    raw: bytes
    typed: FloatList
    def __init__(self, raw: _Optional[bytes] = ..., typed: _Optional[_Union[FloatList, _Mapping]] = ...) -> None: ...

class FloatList(_message.Message):
    __slots__ = ["values"]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class FloatMatrix(_message.Message):
    __slots__ = ["column_count", "row_count", "values"]
    COLUMN_COUNT_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    column_count: int
    row_count: int
    values: FloatColumn
    def __init__(self, row_count: _Optional[int] = ..., column_count: _Optional[int] = ..., values: _Optional[_Union[FloatColumn, _Mapping]] = ...) -> None: ...

class IdColumn(_message.Message):
    __slots__ = ["names", "raw", "typed"]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    TYPED_FIELD_NUMBER: _ClassVar[int]
    names: StringList
    raw: bytes
    typed: Int64List
    def __init__(self, raw: _Optional[bytes] = ..., typed: _Optional[_Union[Int64List, _Mapping]] = ..., names: _Optional[_Union[StringList, _Mapping]] = ...) -> None: ...

class Int64Column(_message.Message):
    __slots__ = ["raw", "typed"]
    RAW_FIELD_NUMBER: _ClassVar[int]
    TYPED_FIELD_NUMBER: _ClassVar[int]
    raw: bytes
    typed: Int64List
    def __init__(self, raw: _Optional[bytes] = ..., typed: _Optional[_Union[Int64List, _Mapping]] = ...) -> None: ...

class Int64List(_message.Message):
    __slots__ = ["values"]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class RaggedIdColumn(_message.Message):
    __slots__ = ["ids", "row_splits"]
    IDS_FIELD_NUMBER: _ClassVar[int]
    ROW_SPLITS_FIELD_NUMBER: _ClassVar[int]
    ids: IdColumn
    row_splits: Int64Column
    def __init__(self, ids: _Optional[_Union[IdColumn, _Mapping]] = ..., row_splits: _Optional[_Union[Int64Column, _Mapping]] = ...) -> None: ...

class SnapshotToken(_message.Message):
    __slots__ = ["commit_sequence", "incarnation", "index_generation", "policy_version"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    INDEX_GENERATION_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    incarnation: int
    index_generation: int
    policy_version: int
    def __init__(self, incarnation: _Optional[int] = ..., commit_sequence: _Optional[int] = ..., index_generation: _Optional[int] = ..., policy_version: _Optional[int] = ...) -> None: ...

class StringList(_message.Message):
    __slots__ = ["values"]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class WriteReceipt(_message.Message):
    __slots__ = ["acknowledgement_level", "commit_sequence", "created_item_count", "refused_rows", "replayed", "row_refusals", "written_count"]
    ACKNOWLEDGEMENT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CREATED_ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_ROWS_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    ROW_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    acknowledgement_level: AcknowledgementLevel
    commit_sequence: int
    created_item_count: int
    refused_rows: Int64Column
    replayed: bool
    row_refusals: ByteColumn
    written_count: int
    def __init__(self, commit_sequence: _Optional[int] = ..., written_count: _Optional[int] = ..., created_item_count: _Optional[int] = ..., acknowledgement_level: _Optional[_Union[AcknowledgementLevel, str]] = ..., replayed: bool = ..., refused_rows: _Optional[_Union[Int64Column, _Mapping]] = ..., row_refusals: _Optional[_Union[ByteColumn, _Mapping]] = ...) -> None: ...

class AcknowledgementLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ColumnEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class RowRefusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
