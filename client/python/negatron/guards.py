# SPDX-License-Identifier: Apache-2.0
"""Guards of policies: what rows must not get beside their exclusions, and what instead.

    Policy.mix(
        (1.0, Filtered(Uniform(), categories=Categories(none_of=["trailer"]))),
        history_horizon=timedelta(hours=6), min_distance=MinDistance(0.05),
        fallback=Uniform(),
    )
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from typing import Any, Optional, Sequence

from negatron.v1 import sampling_pb2

MAX_NAMES = 64
_MAX_CATEGORY_BYTES = 128
_MAX_HISTORY = 16
_SHORTEST = dt.timedelta(minutes=1)
_LONGEST = dt.timedelta(days=36_500)
_ANCHORS = {
    "query": sampling_pb2.NEAREST_ANCHOR_QUERY,
    "positive": sampling_pb2.NEAREST_ANCHOR_POSITIVE,
    "user": sampling_pb2.NEAREST_ANCHOR_USER,
}
RULES = {
    "exclude": sampling_pb2.UNCERTAIN_RULE_EXCLUDE,
    "keep": sampling_pb2.UNCERTAIN_RULE_KEEP,
}


def anchor_number(anchor: str) -> int:
    """Returns the `NearestAnchor` of this name; raises ValueError if there is none."""
    if anchor not in _ANCHORS:
        raise ValueError(f"anchor: one of {sorted(_ANCHORS)} is expected, not {anchor!r}")
    return _ANCHORS[anchor]


def anchor_name(number: int) -> str:
    """The reverse of `anchor_number`."""
    return next((name for name, known in _ANCHORS.items() if known == number), "query")


def check_span(name: str, span: Optional[dt.timedelta], zero: bool) -> None:
    """Raises unless `span` is None, one minute to 36,500 days, or 0 where that means something."""
    if span is None or (zero and span == dt.timedelta(0)):
        return
    if not isinstance(span, dt.timedelta):
        raise TypeError(f"{name}: a timedelta is expected, not {type(span).__name__}")
    if not _SHORTEST <= span <= _LONGEST:
        also = ", or 0: no decay" if zero else ""
        raise ValueError(f"{name}: one minute to 36,500 days is expected{also}; not {span}")


def check_horizon(span: Optional[dt.timedelta]) -> None:
    """Raises unless `span` is None, or 0 to 36,500 days."""
    if span is None:
        return
    if not isinstance(span, dt.timedelta):
        raise TypeError(f"history_horizon: a timedelta is expected, not {type(span).__name__}")
    if not dt.timedelta(0) <= span <= _LONGEST:
        raise ValueError(f"history_horizon: 0 to 36,500 days is expected, not {span}")


def check_category(category: Optional[str]) -> None:
    if category is None:
        return
    if not isinstance(category, str):
        raise TypeError(f"category: a string is expected, not {type(category).__name__}")
    if not 1 <= len(category.encode()) <= _MAX_CATEGORY_BYTES:
        raise ValueError(f"category: 1 to {_MAX_CATEGORY_BYTES} bytes of UTF-8 are expected")


def check_bounds(bounds: Any) -> None:
    """Raises unless the fields that bound scores are numbers that make sense together."""
    for name in ("min_score", "max_score"):
        bound = getattr(bounds, name)
        if bound is not None and not math.isfinite(bound):
            raise ValueError(f"{name}: a finite number is expected, not {bound}")
    if None not in (bounds.min_score, bounds.max_score) and bounds.min_score > bounds.max_score:
        raise ValueError("max_score: must not be below min_score")
    for name in ("margin", "relative_margin"):
        check_size(name, getattr(bounds, name))


def check_size(name: str, size: Optional[float]) -> None:
    if size is not None and not 0 <= size < math.inf:
        raise ValueError(f"{name}: a finite number of at least 0 is expected, not {size}")


def fill_bounds(message: Any, bounds: Any) -> None:
    """Sets the fields that bound scores, where they are given."""
    for name in ("min_score", "max_score", "margin", "relative_margin"):
        if getattr(bounds, name) is not None:
            setattr(message, name, getattr(bounds, name))


@dataclasses.dataclass(frozen=True)
class Categories:
    """Categories that an item has now: at least one of `any_of` (if it has any), every one of
    `all_of`, none of `none_of`; at most 64 names together."""

    any_of: Sequence[str] = ()
    all_of: Sequence[str] = ()
    none_of: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("any_of", "all_of", "none_of"):
            names = getattr(self, name)
            if isinstance(names, str):
                raise TypeError(f"{name}: a sequence of strings is expected, not one string")
            object.__setattr__(self, name, tuple(names))
            for category in getattr(self, name):
                check_category(category)
        if len(self.any_of) + len(self.all_of) + len(self.none_of) > MAX_NAMES:
            raise ValueError(f"at most {MAX_NAMES} categories are expected")


@dataclasses.dataclass(frozen=True)
class Plausibility:
    """How well an item is known at the row's time, by its events before.

    Attributes:
      min_mass: least decayed mass of positive events, in their weights; 0: any.
      half_life: of the mass; None: the collection's; `timedelta(0)`: no decay.
      min_positives: least number of positive events; 0: any.
      min_exposures: least number of exposures to whatever users (of each the newest 4,096);
        0: any.
    """

    min_mass: float = 0.0
    half_life: Optional[dt.timedelta] = None
    min_positives: int = 0
    min_exposures: int = 0

    def __post_init__(self) -> None:
        check_size("min_mass", self.min_mass)
        check_span("half_life", self.half_life, zero=True)
        for name in ("min_positives", "min_exposures"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: at least 0 is expected, not {getattr(self, name)}")


@dataclasses.dataclass(frozen=True)
class ScoreBounds:
    """Scores against an anchor; the bounds are those of `Nearest`."""

    anchor: str = "query"
    min_score: Optional[float] = None
    max_score: Optional[float] = None
    margin: Optional[float] = None
    relative_margin: Optional[float] = None

    def __post_init__(self) -> None:
        anchor_number(self.anchor)
        check_bounds(self)


@dataclasses.dataclass(frozen=True)
class MinDistance:
    """Items nearer than `distance` to a positive of the row are uncertain.

    Under L2 the Euclidean distance; under COSINE and INNER_PRODUCT 1 - the cosine, in [0, 2].

    Attributes:
      distance: positive, finite.
      history_count: so many of the newest items that the row's user chose before its time count
        as positives beside the row's own; 0 to 16.
    """

    distance: float
    history_count: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.distance < math.inf:
            raise ValueError(f"distance: positive, finite is expected, not {self.distance}")
        if not 0 <= self.history_count <= _MAX_HISTORY:
            raise ValueError(
                f"history_count: 0 to {_MAX_HISTORY} is expected, not {self.history_count}"
            )


@dataclasses.dataclass(frozen=True)
class Filtered:
    """A source that draws only items that pass filters beside its category.

    The law of `Uniform` and `Popularity` is then ROW_CONSTANT in catalogues of more than 4,096
    items; the others keep theirs.

    Attributes:
      source: what it draws from.
      categories: further conditions on categories.
      plausibility: only items that are known well enough.
      scores: only items whose score is within bounds; not for `Nearest`, which has its own.
    """

    source: Any
    categories: Optional[Categories] = None
    plausibility: Optional[Plausibility] = None
    scores: Optional[ScoreBounds] = None

    def __post_init__(self) -> None:
        for name, kind in (
            ("categories", Categories), ("plausibility", Plausibility), ("scores", ScoreBounds)
        ):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{name}: {kind.__name__}(...) is expected, not {value!r}")

    def fill(self, component: Any) -> None:
        """Sets the filters of a `PolicyComponent`."""
        if self.categories is not None:
            for name in ("any_of", "all_of", "none_of"):
                getattr(component.category_filter, name).extend(getattr(self.categories, name))
        if self.plausibility is not None:
            component.plausibility.SetInParent()
            component.plausibility.min_mass = self.plausibility.min_mass
            component.plausibility.min_positive_count = self.plausibility.min_positives
            component.plausibility.min_exposure_count = self.plausibility.min_exposures
            if self.plausibility.half_life is not None:
                component.plausibility.half_life.FromTimedelta(self.plausibility.half_life)
        if self.scores is not None:
            component.score_bounds.anchor = anchor_number(self.scores.anchor)
            fill_bounds(component.score_bounds, self.scores)


def check(policy: Any) -> None:
    """Raises unless the guards of a `Policy`, but for its fallback, are good."""
    check_horizon(policy.history_horizon)
    if policy.min_distance is not None and not isinstance(policy.min_distance, MinDistance):
        raise TypeError(f"min_distance: MinDistance is expected, not {policy.min_distance!r}")
    if policy.uncertain not in RULES:
        raise ValueError(f"uncertain: one of {sorted(RULES)}, not {policy.uncertain!r}")
    limits = policy.category_limits or {}
    if len(limits) > MAX_NAMES or any(count < 1 for count in limits.values()):
        raise ValueError(f"category_limits: at most {MAX_NAMES}, each at least 1")
    for category in limits:
        check_category(category)


def fill(message: Any, policy: Any) -> None:
    """Sets the guards of a `Policy`, but for its fallback."""
    if policy.uncertain != "exclude":
        message.uncertain_rule = RULES[policy.uncertain]
    if policy.history_horizon is not None:
        message.history_horizon.FromTimedelta(policy.history_horizon)
    if policy.min_distance is not None:
        message.min_distance.distance = policy.min_distance.distance
        message.min_distance.history_count = policy.min_distance.history_count
    for category, count in (policy.category_limits or {}).items():
        message.category_limits.add(category=category, max_count=count)


def read(message: Any) -> dict[str, Any]:
    """The reverse of `fill`: the attributes that are given."""
    found: dict[str, Any] = {}
    if message.uncertain_rule == sampling_pb2.UNCERTAIN_RULE_KEEP:
        found["uncertain"] = "keep"
    if message.HasField("history_horizon"):
        found["history_horizon"] = message.history_horizon.ToTimedelta()
    if message.HasField("min_distance"):
        near = message.min_distance
        found["min_distance"] = MinDistance(near.distance, near.history_count)
    if message.category_limits:
        found["category_limits"] = {c.category: c.max_count for c in message.category_limits}
    return found


def read_bounds(message: Any) -> dict[str, Any]:
    """The reverse of `fill_bounds`."""
    names = ("min_score", "max_score", "margin", "relative_margin")
    return {name: getattr(message, name) for name in names if message.HasField(name)}


def read_filters(component: Any, source: Any) -> Any:
    """The reverse of `Filtered.fill`: `source`, with the filters of its component if any."""
    filters: dict[str, Any] = {}
    if component.HasField("category_filter"):
        filter_ = component.category_filter
        filters["categories"] = Categories(filter_.any_of, filter_.all_of, filter_.none_of)
    if component.HasField("plausibility"):
        known = component.plausibility
        half_life = known.half_life.ToTimedelta() if known.HasField("half_life") else None
        filters["plausibility"] = Plausibility(
            known.min_mass, half_life, known.min_positive_count, known.min_exposure_count
        )
    if component.HasField("score_bounds"):
        bounds = component.score_bounds
        filters["scores"] = ScoreBounds(anchor_name(bounds.anchor), **read_bounds(bounds))
    return Filtered(source, **filters) if filters else source
