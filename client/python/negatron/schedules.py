# SPDX-License-Identifier: Apache-2.0
"""Numbers of a policy that follow the training, and policies that take turns or have arms.

    Nearest(window=(Schedule.linear((0, 200), (1, 20)), Schedule.linear((0, 600), (1, 120))))
    Policy.mix((Schedule.cosine((0, 0), (0.5, 1)), Nearest()), (1, Uniform()))
    Experiment("hardness", {"soft": (1, Uniform()), "hard": (1, Nearest(window=(10, 50)))})

Whatever follows the progress needs `progress` in the call: a default would be the beginning.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from typing import Any, Mapping, Optional, Sequence, Union

from negatron.v1 import sampling_pb2

_INTERPOLATIONS = {
    "linear": sampling_pb2.INTERPOLATION_LINEAR,
    "cosine": sampling_pb2.INTERPOLATION_COSINE,
    "steps": sampling_pb2.INTERPOLATION_STEPS,
}


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A number by the progress of the training; before the first point and behind the last: theirs.

    Attributes:
      points: pairs (progress, value), 1 to 64, progress rising in [0, 1].
      interpolation: the way from point to point: "linear", "cosine", or "steps" (the value of
        the point before).
    """

    points: tuple[tuple[float, float], ...]
    interpolation: str = "linear"

    def __post_init__(self) -> None:
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(f"interpolation: one of {sorted(_INTERPOLATIONS)} is expected")
        if not 1 <= len(self.points) <= 64:
            raise ValueError("points: 1 to 64 are expected")
        places = [progress for progress, _ in self.points]
        if not (0 <= places[0] and places[-1] <= 1) or any(
            not a < b for a, b in zip(places, places[1:])
        ):
            raise ValueError("points: progress must rise in [0, 1]")
        if not all(math.isfinite(value) for _, value in self.points):
            raise ValueError("points: finite values are expected")

    @classmethod
    def linear(cls, *points: tuple[float, float]) -> "Schedule":
        """Straight from point to point."""
        return cls(points, "linear")

    @classmethod
    def cosine(cls, *points: tuple[float, float]) -> "Schedule":
        """By half a cosine from point to point."""
        return cls(points, "cosine")

    @classmethod
    def steps(cls, *points: tuple[float, float]) -> "Schedule":
        """The value of the point before."""
        return cls(points, "steps")

    def to_proto(self) -> sampling_pb2.Schedule:
        points = [sampling_pb2.SchedulePoint(progress=p, value=v) for p, v in self.points]
        return sampling_pb2.Schedule(
            interpolation=_INTERPOLATIONS[self.interpolation], points=points
        )

    @classmethod
    def from_proto(cls, proto: sampling_pb2.Schedule) -> "Schedule":
        names = {number: name for name, number in _INTERPOLATIONS.items()}
        points = tuple((point.progress, point.value) for point in proto.points)
        return cls(points, names.get(proto.interpolation, "linear"))


Number = Union[float, Schedule]
Rank = Union[int, Schedule]


def put_number(message: Any, name: str, value: Optional[Number]) -> None:
    """Sets the field `name`, or the one beside it for a schedule; None leaves both unset."""
    if isinstance(value, Schedule):
        getattr(message, name + "_schedule").CopyFrom(value.to_proto())
    elif value is not None:
        setattr(message, name, value)


def get_number(message: Any, name: str) -> Any:
    """What `put_number` set."""
    if message.HasField(name + "_schedule"):
        return Schedule.from_proto(getattr(message, name + "_schedule"))
    return getattr(message, name)


@dataclasses.dataclass(frozen=True)
class Rotation:
    """Policies that take turns in cycles that repeat.

    Attributes:
      turns: pairs (length, `Policy` or source); lengths are relative to each other.
      cycles: cycles in the progress from 0 to 1; or
      period: time that a cycle of the rows' times takes; one begins at the Unix epoch.
    """

    turns: Sequence[tuple[float, Any]]
    cycles: Optional[int] = None
    period: Optional[dt.timedelta] = None

    def __post_init__(self) -> None:
        if (self.cycles is None) == (self.period is None):
            raise ValueError("a rotation has either cycles or a period")
        if not self.turns:
            raise ValueError("turns: at least one is expected")

    def check_shared(self) -> None:
        """Raises ValueError unless every turn can draw a block for all rows."""
        for _, policy in self.turns:
            policy.check_shared()

    def to_proto(self) -> sampling_pb2.Policy:
        rotation = sampling_pb2.Rotation()
        if self.cycles is not None:
            rotation.cycle_count = self.cycles
        else:
            rotation.period.FromTimedelta(self.period)
        for length, policy in self.turns:
            rotation.turns.add(length=length, policy=policy.to_proto())
        return sampling_pb2.Policy(rotation=rotation)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Policies for different users: each user has the same arm in every call.

    `sample` needs `users`, and tells the arm of each row if "arms" is among its outputs.

    Attributes:
      name: as the id of a collection; experiments with other names divide users independently.
      arms: for each arm's name (weight, `Policy`, source or `Rotation`); weights are relative to
        each other.
    """

    name: str
    arms: Mapping[str, tuple[float, Any]]

    def __post_init__(self) -> None:
        if not self.arms:
            raise ValueError("arms: at least one is expected")

    def check_shared(self) -> None:
        """Raises ValueError: a block is the same for all users."""
        raise ValueError("a shared block has no arms: it is the same for all users")

    def to_proto(self) -> sampling_pb2.Policy:
        experiment = sampling_pb2.Experiment(name=self.name)
        for name, (weight, policy) in self.arms.items():
            experiment.arms.add(name=name, weight=weight, policy=policy.to_proto())
        return sampling_pb2.Policy(experiment=experiment)
