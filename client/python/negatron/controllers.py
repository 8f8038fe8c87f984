# SPDX-License-Identifier: Apache-2.0
"""Controllers, as the client sees them, and what is reported to them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import Any, Optional, Union

import numpy as np

from negatron import columns
from negatron.samples import Sample, SharedSample
from negatron.v1 import feedback_pb2

_PADDING = 255  # In the column of components.


class Saturation(enum.IntEnum):
    """Whether a bound keeps the output of a controller from holding its target."""

    NONE = feedback_pb2.SATURATION_NONE
    LOW = feedback_pb2.SATURATION_LOW  # All is too hard.
    HIGH = feedback_pb2.SATURATION_HIGH  # Nothing is hard enough.


@dataclasses.dataclass(frozen=True)
class StopRule:
    """When an end is suggested: nothing moved between the halves of the last reports.

    Looks at the rate of violations, the output, and the mean hardness if it is reported; the
    tolerance of the last is a fraction of it.
    """

    report_count: int  # Even, in [4, 256].
    rate_tolerance: float = 0.02
    output_tolerance: float = 0.01
    hardness_tolerance: float = 0.02


@dataclasses.dataclass(frozen=True)
class ComponentOutcomes:
    """Sums over the negatives of a component of the policy."""

    component: int
    outcome_count: int
    violation_count: int
    hardness_sum: Optional[float] = None
    hardness_count: int = 0  # Negatives that `hardness_sum` is of.

    @classmethod
    def from_proto(cls, proto: feedback_pb2.ComponentOutcomes) -> "ComponentOutcomes":
        return cls(
            proto.component_index,
            proto.outcome_count,
            proto.violation_count,
            _optional(proto, "hardness_sum"),
            proto.hardness_count,
        )

    def to_proto(self) -> feedback_pb2.ComponentOutcomes:
        return feedback_pb2.ComponentOutcomes(
            component_index=self.component,
            outcome_count=self.outcome_count,
            violation_count=self.violation_count,
            hardness_sum=self.hardness_sum,
            hardness_count=self.hardness_count,
        )


@dataclasses.dataclass(frozen=True)
class StopSignal:
    """What a `StopRule` saw: the later half of its reports less the earlier one."""

    stop_suggested: bool
    report_count: int
    rate_change: float
    output_change: float
    hardness_change: Optional[float]
    relative_hardness_change: Optional[float]

    @classmethod
    def from_proto(cls, proto: feedback_pb2.StopSignal) -> "StopSignal":
        return cls(
            proto.stop_suggested,
            proto.report_count,
            proto.rate_change,
            proto.output_change,
            _optional(proto, "hardness_change"),
            _optional(proto, "relative_hardness_change"),
        )


@dataclasses.dataclass(frozen=True)
class Controller:
    """A controller; `id` is the part of its name after `controllers/`."""

    id: str
    target_rate: float
    gain: float
    slope: float
    max_step: float
    min_output: float
    max_output: float
    start_output: float
    smoothing_outcomes: int
    stale_after: Optional[dt.timedelta]
    stale_distance: float
    stop_rule: Optional[StopRule]
    create_time: dt.datetime
    update_time: dt.datetime
    output: float
    smoothed_rate: Optional[float]  # None: nothing was reported that counts.
    report_count: int
    stale_report_count: int
    last_report_time: Optional[dt.datetime]
    saturation: Saturation
    totals: tuple[ComponentOutcomes, ...]  # By component.
    stop_signal: Optional[StopSignal]  # None: without a `stop_rule`.

    @property
    def stop_suggested(self) -> bool:
        """Whether its `stop_rule` sees nothing move any more."""
        return self.stop_signal is not None and self.stop_signal.stop_suggested

    @classmethod
    def from_proto(cls, proto: feedback_pb2.Controller) -> "Controller":
        settings = proto.settings
        rule = settings.stop_rule
        last = proto.last_report_time
        return cls(
            id=proto.name.rpartition("/")[2],
            target_rate=settings.target_rate,
            gain=settings.gain,
            slope=settings.slope,
            max_step=settings.max_step,
            min_output=settings.min_output,
            max_output=settings.max_output,
            start_output=settings.start_output,
            smoothing_outcomes=settings.smoothing_outcomes,
            stale_after=settings.stale_after.ToTimedelta()
            if settings.HasField("stale_after")
            else None,
            stale_distance=settings.stale_distance,
            stop_rule=StopRule(
                rule.report_count,
                rule.rate_tolerance,
                rule.output_tolerance,
                rule.hardness_tolerance,
            )
            if settings.HasField("stop_rule")
            else None,
            create_time=columns.timestamp_to_datetime(proto.create_time),
            update_time=columns.timestamp_to_datetime(proto.update_time),
            output=proto.output,
            smoothed_rate=_optional(proto, "smoothed_rate"),
            report_count=proto.report_count,
            stale_report_count=proto.stale_report_count,
            last_report_time=columns.timestamp_to_datetime(last)
            if proto.HasField("last_report_time")
            else None,
            saturation=Saturation(proto.saturation),
            totals=tuple(map(ComponentOutcomes.from_proto, proto.totals)),
            stop_signal=StopSignal.from_proto(proto.stop_signal)
            if proto.HasField("stop_signal")
            else None,
        )


@dataclasses.dataclass(frozen=True)
class OutcomeReport:
    """What a report of outcomes made of its controller."""

    controller: Controller
    stale: bool  # It moved nothing.
    replayed: bool


def controller_name(collection: str, controller: str) -> str:
    """The full name of an id, or of such a name; `collection` is a full name."""
    return controller if "/" in controller else f"{collection}/controllers/{controller}"


def sum_outcomes(
    violations: Any, sample: Union[Sample, SharedSample, None], hardness: Optional[Any]
) -> list[ComponentOutcomes]:
    """Sums by component what became of negatives, without padding and what is false for its row.

    Args:
      violations: bool, of any shape; of a sample's [rows, K].
      sample: what drew them; None: all are of component 0.
      hardness: of the same shape.

    Raises:
      ValueError: shapes differ.
    """
    violated = np.asarray(violations, bool)
    hard = None if hardness is None else np.asarray(hardness, np.float64)
    shape = violated.shape if sample is None else sample.mask.shape
    if violated.shape != shape or (hard is not None and hard.shape != shape):
        raise ValueError(f"violations, hardness: shape {shape} is expected")
    components = np.zeros(shape, np.uint8)
    if sample is not None:
        if sample.components is not None:
            components = np.broadcast_to(sample.components, shape)
        components = np.where(sample.mask, components, _PADDING)
    summed = []
    for component in np.unique(components[components != _PADDING]):
        own = components == component
        summed.append(ComponentOutcomes(
            int(component),
            int(own.sum()),
            int(violated[own].sum()),
            None if hard is None else float(hard[own].sum()),
        ))
    return summed


def _optional(proto: Any, field: str) -> Optional[float]:
    return getattr(proto, field) if proto.HasField(field) else None
