# SPDX-License-Identifier: Apache-2.0
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from negatron.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
SATURATION_HIGH: Saturation
SATURATION_LOW: Saturation
SATURATION_NONE: Saturation
SATURATION_UNSPECIFIED: Saturation

class ComponentOutcomes(_message.Message):
    __slots__ = ["component_index", "hardness_count", "hardness_sum", "outcome_count", "violation_count"]
    COMPONENT_INDEX_FIELD_NUMBER: _ClassVar[int]
    HARDNESS_COUNT_FIELD_NUMBER: _ClassVar[int]
    HARDNESS_SUM_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_COUNT_FIELD_NUMBER: _ClassVar[int]
    VIOLATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    component_index: int
    hardness_count: int
    hardness_sum: float
    outcome_count: int
    violation_count: int
    def __init__(self, component_index: _Optional[int] = ..., outcome_count: _Optional[int] = ..., violation_count: _Optional[int] = ..., hardness_sum: _Optional[float] = ..., hardness_count: _Optional[int] = ...) -> None: ...

class Controller(_message.Message):
    __slots__ = ["create_time", "last_report_time", "name", "output", "report_count", "saturation", "settings", "smoothed_rate", "stale_report_count", "stop_signal", "totals", "update_time"]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_REPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REPORT_COUNT_FIELD_NUMBER: _ClassVar[int]
    SATURATION_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    SMOOTHED_RATE_FIELD_NUMBER: _ClassVar[int]
    STALE_REPORT_COUNT_FIELD_NUMBER: _ClassVar[int]
    STOP_SIGNAL_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    create_time: _timestamp_pb2.Timestamp
    last_report_time: _timestamp_pb2.Timestamp
    name: str
    output: float
    report_count: int
    saturation: Saturation
    settings: ControllerSettings
    smoothed_rate: float
    stale_report_count: int
    stop_signal: StopSignal
    totals: _containers.RepeatedCompositeFieldContainer[ComponentOutcomes]
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., settings: _Optional[_Union[ControllerSettings, _Mapping]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., output: _Optional[float] = ..., smoothed_rate: _Optional[float] = ..., report_count: _Optional[int] = ..., stale_report_count: _Optional[int] = ..., last_report_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., saturation: _Optional[_Union[Saturation, str]] = ..., totals: _Optional[_Iterable[_Union[ComponentOutcomes, _Mapping]]] = ..., stop_signal: _Optional[_Union[StopSignal, _Mapping]] = ...) -> None: ...

class ControllerSettings(_message.Message):
    __slots__ = ["gain", "max_output", "max_step", "min_output", "slope", "smoothing_outcomes", "stale_after", "stale_distance", "start_output", "stop_rule", "target_rate"]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    MAX_STEP_FIELD_NUMBER: _ClassVar[int]
    MIN_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SLOPE_FIELD_NUMBER: _ClassVar[int]
    SMOOTHING_OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    STALE_AFTER_FIELD_NUMBER: _ClassVar[int]
    STALE_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    START_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    STOP_RULE_FIELD_NUMBER: _ClassVar[int]
    TARGET_RATE_FIELD_NUMBER: _ClassVar[int]
    gain: float
    max_output: float
    max_step: float
    min_output: float
    slope: float
    smoothing_outcomes: int
    stale_after: _duration_pb2.Duration
    stale_distance: float
    start_output: float
    stop_rule: StopRule
    target_rate: float
    def __init__(self, target_rate: _Optional[float] = ..., gain: _Optional[float] = ..., slope: _Optional[float] = ..., max_step: _Optional[float] = ..., min_output: _Optional[float] = ..., max_output: _Optional[float] = ..., start_output: _Optional[float] = ..., smoothing_outcomes: _Optional[int] = ..., stale_after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., stale_distance: _Optional[float] = ..., stop_rule: _Optional[_Union[StopRule, _Mapping]] = ...) -> None: ...

class DeleteControllerRequest(_message.Message):
    __slots__ = ["allow_missing", "name"]
    ALLOW_MISSING_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    allow_missing: bool
    name: str
    def __init__(self, name: _Optional[str] = ..., allow_missing: bool = ...) -> None: ...

class GetControllerRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListControllersRequest(_message.Message):
    __slots__ = ["collection", "page_size", "page_token"]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    collection: str
    page_size: int
    page_token: str
    def __init__(self, collection: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListControllersResponse(_message.Message):
    __slots__ = ["controllers", "next_page_token"]
    CONTROLLERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    controllers: _containers.RepeatedCompositeFieldContainer[Controller]
    next_page_token: str
    def __init__(self, controllers: _Optional[_Iterable[_Union[Controller, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PutControllerRequest(_message.Message):
    __slots__ = ["name", "request_id", "restart", "settings"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESTART_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    request_id: str
    restart: bool
    settings: ControllerSettings
    def __init__(self, name: _Optional[str] = ..., settings: _Optional[_Union[ControllerSettings, _Mapping]] = ..., restart: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class ReportOutcomesRequest(_message.Message):
    __slots__ = ["acknowledgement_level", "component_indexes", "hardness", "name", "outcomes", "progress", "progress_time", "request_id", "violations"]
    ACKNOWLEDGEMENT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_INDEXES_FIELD_NUMBER: _ClassVar[int]
    HARDNESS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_TIME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    acknowledgement_level: _types_pb2.AcknowledgementLevel
    component_indexes: _types_pb2.ByteColumn
    hardness: _types_pb2.FloatColumn
    name: str
    outcomes: _containers.RepeatedCompositeFieldContainer[ComponentOutcomes]
    progress: float
    progress_time: _timestamp_pb2.Timestamp
    request_id: str
    violations: _types_pb2.ByteColumn
    def __init__(self, name: _Optional[str] = ..., progress: _Optional[float] = ..., progress_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., violations: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., component_indexes: _Optional[_Union[_types_pb2.ByteColumn, _Mapping]] = ..., hardness: _Optional[_Union[_types_pb2.FloatColumn, _Mapping]] = ..., outcomes: _Optional[_Iterable[_Union[ComponentOutcomes, _Mapping]]] = ..., request_id: _Optional[str] = ..., acknowledgement_level: _Optional[_Union[_types_pb2.AcknowledgementLevel, str]] = ...) -> None: ...

class ReportOutcomesResponse(_message.Message):
    __slots__ = ["controller", "replayed", "stale"]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    controller: Controller
    replayed: bool
    stale: bool
    def __init__(self, controller: _Optional[_Union[Controller, _Mapping]] = ..., stale: bool = ..., replayed: bool = ...) -> None: ...

class StopRule(_message.Message):
    __slots__ = ["hardness_tolerance", "output_tolerance", "rate_tolerance", "report_count"]
    HARDNESS_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    RATE_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    REPORT_COUNT_FIELD_NUMBER: _ClassVar[int]
    hardness_tolerance: float
    output_tolerance: float
    rate_tolerance: float
    report_count: int
    def __init__(self, report_count: _Optional[int] = ..., rate_tolerance: _Optional[float] = ..., output_tolerance: _Optional[float] = ..., hardness_tolerance: _Optional[float] = ...) -> None: ...

class StopSignal(_message.Message):
    __slots__ = ["hardness_change", "output_change", "rate_change", "relative_hardness_change", "report_count", "stop_suggested"]
    HARDNESS_CHANGE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_CHANGE_FIELD_NUMBER: _ClassVar[int]
    RATE_CHANGE_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_HARDNESS_CHANGE_FIELD_NUMBER: _ClassVar[int]
    REPORT_COUNT_FIELD_NUMBER: _ClassVar[int]
    STOP_SUGGESTED_FIELD_NUMBER: _ClassVar[int]
    hardness_change: float
    output_change: float
    rate_change: float
    relative_hardness_change: float
    report_count: int
    stop_suggested: bool
    def __init__(self, stop_suggested: bool = ..., report_count: _Optional[int] = ..., rate_change: _Optional[float] = ..., output_change: _Optional[float] = ..., hardness_change: _Optional[float] = ..., relative_hardness_change: _Optional[float] = ...) -> None: ...

class Saturation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
