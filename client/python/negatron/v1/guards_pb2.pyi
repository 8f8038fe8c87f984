# SPDX-License-Identifier: Apache-2.0
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
UNCERTAIN_RULE_EXCLUDE: UncertainRule
UNCERTAIN_RULE_KEEP: UncertainRule
UNCERTAIN_RULE_UNSPECIFIED: UncertainRule

class CategoryFilter(_message.Message):
    __slots__ = ["all_of", "any_of", "none_of"]
    ALL_OF_FIELD_NUMBER: _ClassVar[int]
    ANY_OF_FIELD_NUMBER: _ClassVar[int]
    NONE_OF_FIELD_NUMBER: _ClassVar[int]
    all_of: _containers.RepeatedScalarFieldContainer[str]
    any_of: _containers.RepeatedScalarFieldContainer[str]
    none_of: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, any_of: _Optional[_Iterable[str]] = ..., all_of: _Optional[_Iterable[str]] = ..., none_of: _Optional[_Iterable[str]] = ...) -> None: ...

class CategoryLimit(_message.Message):
    __slots__ = ["category", "max_count"]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    MAX_COUNT_FIELD_NUMBER: _ClassVar[int]
    category: str
    max_count: int
    def __init__(self, category: _Optional[str] = ..., max_count: _Optional[int] = ...) -> None: ...

class MinDistance(_message.Message):
    __slots__ = ["distance", "history_count"]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_COUNT_FIELD_NUMBER: _ClassVar[int]
    distance: float
    history_count: int
    def __init__(self, distance: _Optional[float] = ..., history_count: _Optional[int] = ...) -> None: ...

class Plausibility(_message.Message):
    __slots__ = ["half_life", "min_exposure_count", "min_mass", "min_positive_count"]
    HALF_LIFE_FIELD_NUMBER: _ClassVar[int]
    MIN_EXPOSURE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MIN_MASS_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITIVE_COUNT_FIELD_NUMBER: _ClassVar[int]
    half_life: _duration_pb2.Duration
    min_exposure_count: int
    min_mass: float
    min_positive_count: int
    def __init__(self, min_mass: _Optional[float] = ..., half_life: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., min_positive_count: _Optional[int] = ..., min_exposure_count: _Optional[int] = ...) -> None: ...

class UncertainRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
