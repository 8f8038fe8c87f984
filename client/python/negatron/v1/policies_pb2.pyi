# SPDX-License-Identifier: Apache-2.0
from google.protobuf import duration_pb2 as _duration_pb2
from negatron.v1 import guards_pb2 as _guards_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

from negatron.v1.guards_pb2 import MinDistance
from negatron.v1.guards_pb2 import CategoryLimit
from negatron.v1.guards_pb2 import CategoryFilter
from negatron.v1.guards_pb2 import Plausibility
from negatron.v1.guards_pb2 import UncertainRule
DESCRIPTOR: _descriptor.FileDescriptor
DYNAMIC_PICK_AHNS: DynamicPick
DYNAMIC_PICK_SOFTMAX: DynamicPick
DYNAMIC_PICK_TOP: DynamicPick
DYNAMIC_PICK_UNIFORM: DynamicPick
DYNAMIC_PICK_UNSPECIFIED: DynamicPick
INTERPOLATION_COSINE: Interpolation
INTERPOLATION_LINEAR: Interpolation
INTERPOLATION_STEPS: Interpolation
INTERPOLATION_UNSPECIFIED: Interpolation
NEAREST_ANCHOR_POSITIVE: NearestAnchor
NEAREST_ANCHOR_QUERY: NearestAnchor
NEAREST_ANCHOR_UNSPECIFIED: NearestAnchor
NEAREST_ANCHOR_USER: NearestAnchor
NEAREST_PICK_SOFTMAX: NearestPick
NEAREST_PICK_TOP: NearestPick
NEAREST_PICK_UNIFORM: NearestPick
NEAREST_PICK_UNSPECIFIED: NearestPick
UNCERTAIN_RULE_EXCLUDE: _guards_pb2.UncertainRule
UNCERTAIN_RULE_KEEP: _guards_pb2.UncertainRule
UNCERTAIN_RULE_UNSPECIFIED: _guards_pb2.UncertainRule

class AdversarialSource(_message.Message):
    __slots__ = ["anchor", "temperature", "temperature_schedule"]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    anchor: NearestAnchor
    temperature: float
    temperature_schedule: Schedule
    def __init__(self, anchor: _Optional[_Union[NearestAnchor, str]] = ..., temperature: _Optional[float] = ..., temperature_schedule: _Optional[_Union[Schedule, _Mapping]] = ...) -> None: ...

class AhnsTarget(_message.Message):
    __slots__ = ["alpha", "beta", "p"]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    P_FIELD_NUMBER: _ClassVar[int]
    alpha: float
    beta: float
    p: float
    def __init__(self, alpha: _Optional[float] = ..., beta: _Optional[float] = ..., p: _Optional[float] = ...) -> None: ...

class DynamicSource(_message.Message):
    __slots__ = ["anchor", "pick", "pool_size", "popularity", "target", "temperature", "temperature_schedule", "top_count", "uniform"]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    PICK_FIELD_NUMBER: _ClassVar[int]
    POOL_SIZE_FIELD_NUMBER: _ClassVar[int]
    POPULARITY_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    TOP_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNIFORM_FIELD_NUMBER: _ClassVar[int]
    anchor: NearestAnchor
    pick: DynamicPick
    pool_size: int
    popularity: PopularitySource
    target: AhnsTarget
    temperature: float
    temperature_schedule: Schedule
    top_count: int
    uniform: UniformSource
    def __init__(self, uniform: _Optional[_Union[UniformSource, _Mapping]] = ..., popularity: _Optional[_Union[PopularitySource, _Mapping]] = ..., anchor: _Optional[_Union[NearestAnchor, str]] = ..., pool_size: _Optional[int] = ..., pick: _Optional[_Union[DynamicPick, str]] = ..., top_count: _Optional[int] = ..., temperature: _Optional[float] = ..., target: _Optional[_Union[AhnsTarget, _Mapping]] = ..., temperature_schedule: _Optional[_Union[Schedule, _Mapping]] = ...) -> None: ...

class Experiment(_message.Message):
    __slots__ = ["arms", "name"]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    arms: _containers.RepeatedCompositeFieldContainer[ExperimentArm]
    name: str
    def __init__(self, name: _Optional[str] = ..., arms: _Optional[_Iterable[_Union[ExperimentArm, _Mapping]]] = ...) -> None: ...

class ExperimentArm(_message.Message):
    __slots__ = ["name", "policy", "weight"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    name: str
    policy: Policy
    weight: float
    def __init__(self, name: _Optional[str] = ..., weight: _Optional[float] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ...) -> None: ...

class ExposureSource(_message.Message):
    __slots__ = ["half_life", "max_importance_weight"]
    HALF_LIFE_FIELD_NUMBER: _ClassVar[int]
    MAX_IMPORTANCE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    half_life: _duration_pb2.Duration
    max_importance_weight: float
    def __init__(self, half_life: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., max_importance_weight: _Optional[float] = ...) -> None: ...

class MinedSource(_message.Message):
    __slots__ = ["half_life"]
    HALF_LIFE_FIELD_NUMBER: _ClassVar[int]
    half_life: _duration_pb2.Duration
    def __init__(self, half_life: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class NearestSource(_message.Message):
    __slots__ = ["anchor", "margin", "max_score", "min_score", "noise", "noise_schedule", "pick", "rank_begin", "rank_begin_schedule", "rank_end", "rank_end_schedule", "relative_margin", "temperature", "temperature_schedule"]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    MAX_SCORE_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    NOISE_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    PICK_FIELD_NUMBER: _ClassVar[int]
    RANK_BEGIN_FIELD_NUMBER: _ClassVar[int]
    RANK_BEGIN_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    RANK_END_FIELD_NUMBER: _ClassVar[int]
    RANK_END_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_MARGIN_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    anchor: NearestAnchor
    margin: float
    max_score: float
    min_score: float
    noise: float
    noise_schedule: Schedule
    pick: NearestPick
    rank_begin: int
    rank_begin_schedule: Schedule
    rank_end: int
    rank_end_schedule: Schedule
    relative_margin: float
    temperature: float
    temperature_schedule: Schedule
    def __init__(self, anchor: _Optional[_Union[NearestAnchor, str]] = ..., rank_begin: _Optional[int] = ..., rank_end: _Optional[int] = ..., pick: _Optional[_Union[NearestPick, str]] = ..., temperature: _Optional[float] = ..., min_score: _Optional[float] = ..., max_score: _Optional[float] = ..., margin: _Optional[float] = ..., relative_margin: _Optional[float] = ..., noise: _Optional[float] = ..., rank_begin_schedule: _Optional[_Union[Schedule, _Mapping]] = ..., rank_end_schedule: _Optional[_Union[Schedule, _Mapping]] = ..., temperature_schedule: _Optional[_Union[Schedule, _Mapping]] = ..., noise_schedule: _Optional[_Union[Schedule, _Mapping]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ["category_cap", "category_limits", "components", "experiment", "fallback", "history_horizon", "min_distance", "positive_floor", "rotation", "uncertain_rule", "unique"]
    CATEGORY_CAP_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_LIMITS_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    HISTORY_HORIZON_FIELD_NUMBER: _ClassVar[int]
    MIN_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_FLOOR_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    UNCERTAIN_RULE_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_FIELD_NUMBER: _ClassVar[int]
    category_cap: int
    category_limits: _containers.RepeatedCompositeFieldContainer[_guards_pb2.CategoryLimit]
    components: _containers.RepeatedCompositeFieldContainer[PolicyComponent]
    experiment: Experiment
    fallback: PolicyComponent
    history_horizon: _duration_pb2.Duration
    min_distance: _guards_pb2.MinDistance
    positive_floor: float
    rotation: Rotation
    uncertain_rule: _guards_pb2.UncertainRule
    unique: bool
    def __init__(self, components: _Optional[_Iterable[_Union[PolicyComponent, _Mapping]]] = ..., unique: bool = ..., category_cap: _Optional[int] = ..., positive_floor: _Optional[float] = ..., uncertain_rule: _Optional[_Union[_guards_pb2.UncertainRule, str]] = ..., history_horizon: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., min_distance: _Optional[_Union[_guards_pb2.MinDistance, _Mapping]] = ..., fallback: _Optional[_Union[PolicyComponent, _Mapping]] = ..., category_limits: _Optional[_Iterable[_Union[_guards_pb2.CategoryLimit, _Mapping]]] = ..., rotation: _Optional[_Union[Rotation, _Mapping]] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class PolicyComponent(_message.Message):
    __slots__ = ["adversarial", "category", "category_filter", "dynamic", "exposure", "mined", "nearest", "plausibility", "popularity", "score_bounds", "share", "share_schedule", "uniform"]
    ADVERSARIAL_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FILTER_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    MINED_FIELD_NUMBER: _ClassVar[int]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    PLAUSIBILITY_FIELD_NUMBER: _ClassVar[int]
    POPULARITY_FIELD_NUMBER: _ClassVar[int]
    SCORE_BOUNDS_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    SHARE_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    UNIFORM_FIELD_NUMBER: _ClassVar[int]
    adversarial: AdversarialSource
    category: str
    category_filter: _guards_pb2.CategoryFilter
    dynamic: DynamicSource
    exposure: ExposureSource
    mined: MinedSource
    nearest: NearestSource
    plausibility: _guards_pb2.Plausibility
    popularity: PopularitySource
    score_bounds: ScoreBounds
    share: float
    share_schedule: Schedule
    uniform: UniformSource
    def __init__(self, share: _Optional[float] = ..., uniform: _Optional[_Union[UniformSource, _Mapping]] = ..., popularity: _Optional[_Union[PopularitySource, _Mapping]] = ..., nearest: _Optional[_Union[NearestSource, _Mapping]] = ..., exposure: _Optional[_Union[ExposureSource, _Mapping]] = ..., mined: _Optional[_Union[MinedSource, _Mapping]] = ..., adversarial: _Optional[_Union[AdversarialSource, _Mapping]] = ..., dynamic: _Optional[_Union[DynamicSource, _Mapping]] = ..., category: _Optional[str] = ..., category_filter: _Optional[_Union[_guards_pb2.CategoryFilter, _Mapping]] = ..., plausibility: _Optional[_Union[_guards_pb2.Plausibility, _Mapping]] = ..., score_bounds: _Optional[_Union[ScoreBounds, _Mapping]] = ..., share_schedule: _Optional[_Union[Schedule, _Mapping]] = ...) -> None: ...

class PopularitySource(_message.Message):
    __slots__ = ["alpha", "cohort", "half_life", "window", "within_cohort"]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    COHORT_FIELD_NUMBER: _ClassVar[int]
    HALF_LIFE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    WITHIN_COHORT_FIELD_NUMBER: _ClassVar[int]
    alpha: float
    cohort: int
    half_life: _duration_pb2.Duration
    window: _duration_pb2.Duration
    within_cohort: bool
    def __init__(self, alpha: _Optional[float] = ..., half_life: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., window: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., within_cohort: bool = ..., cohort: _Optional[int] = ...) -> None: ...

class Rotation(_message.Message):
    __slots__ = ["cycle_count", "period", "turns"]
    CYCLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    TURNS_FIELD_NUMBER: _ClassVar[int]
    cycle_count: int
    period: _duration_pb2.Duration
    turns: _containers.RepeatedCompositeFieldContainer[RotationTurn]
    def __init__(self, cycle_count: _Optional[int] = ..., period: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., turns: _Optional[_Iterable[_Union[RotationTurn, _Mapping]]] = ...) -> None: ...

class RotationTurn(_message.Message):
    __slots__ = ["length", "policy"]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    length: float
    policy: Policy
    def __init__(self, length: _Optional[float] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ["interpolation", "points"]
    INTERPOLATION_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    interpolation: Interpolation
    points: _containers.RepeatedCompositeFieldContainer[SchedulePoint]
    def __init__(self, interpolation: _Optional[_Union[Interpolation, str]] = ..., points: _Optional[_Iterable[_Union[SchedulePoint, _Mapping]]] = ...) -> None: ...

class SchedulePoint(_message.Message):
    __slots__ = ["progress", "value"]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    progress: float
    value: float
    def __init__(self, progress: _Optional[float] = ..., value: _Optional[float] = ...) -> None: ...

class ScoreBounds(_message.Message):
    __slots__ = ["anchor", "margin", "max_score", "min_score", "relative_margin"]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    MAX_SCORE_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_MARGIN_FIELD_NUMBER: _ClassVar[int]
    anchor: NearestAnchor
    margin: float
    max_score: float
    min_score: float
    relative_margin: float
    def __init__(self, anchor: _Optional[_Union[NearestAnchor, str]] = ..., min_score: _Optional[float] = ..., max_score: _Optional[float] = ..., margin: _Optional[float] = ..., relative_margin: _Optional[float] = ...) -> None: ...

class UniformSource(_message.Message):
    __slots__ = ["by_base_weight"]
    BY_BASE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    by_base_weight: bool
    def __init__(self, by_base_weight: bool = ...) -> None: ...

class Interpolation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class DynamicPick(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class NearestAnchor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class NearestPick(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
