# SPDX-License-Identifier: Apache-2.0
"""Policies: which sources draw a row's negatives, and in which shares.

    Policy.mix((0.5, Uniform()), (0.3, Popularity()), (0.2, Nearest(window=(0, 100))))
    Policy.mix((0.5, Exposure()), (0.5, Uniform(category="horror")), unique=True)

Every source takes `category`: it then draws only items that have this category now. Mistakes raise
TypeError or ValueError here, before anything is sent.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from typing import Any, Mapping, Optional, Union

from negatron import guards
from negatron.guards import Filtered, MinDistance, anchor_number, check_category, check_span
from negatron.schedules import Experiment, Number, Rank, Rotation, Schedule, put_number
from negatron.v1 import sampling_pb2

_MAX_RANK = 10_000
_MAX_POOL_SIZE = 1024
_MAX_COMPONENTS = 16
_MAX_ALPHA = 4.0
_PICKS = {
    "uniform": sampling_pb2.NEAREST_PICK_UNIFORM,
    "softmax": sampling_pb2.NEAREST_PICK_SOFTMAX,
    "top": sampling_pb2.NEAREST_PICK_TOP,
}
_DYNAMIC_PICKS = {
    "top": sampling_pb2.DYNAMIC_PICK_TOP,
    "uniform": sampling_pb2.DYNAMIC_PICK_UNIFORM,
    "softmax": sampling_pb2.DYNAMIC_PICK_SOFTMAX,
    "ahns": sampling_pb2.DYNAMIC_PICK_AHNS,
}


def pick_name(source: Any) -> str:
    """The pick of a `NearestSource` or a `DynamicSource`."""
    names = _DYNAMIC_PICKS if source.DESCRIPTOR.name == "DynamicSource" else _PICKS
    return next(name for name, number in names.items() if number == source.pick)


def _check_temperature(pick: str, temperature: Optional[Number]) -> None:
    if pick == "softmax":
        if isinstance(temperature, Schedule):
            return
        if temperature is None or not 0 < temperature < math.inf:
            raise ValueError("temperature: pick 'softmax' needs a positive, finite one")
    elif temperature is not None:
        raise ValueError(f"temperature: pick {pick!r} takes none")


@dataclasses.dataclass(frozen=True)
class Uniform:
    """Items alive at the row's time, each with the same probability.

    Attributes:
      by_base_weight: by the base weights of the items instead.
    """

    by_base_weight: bool = False
    category: Optional[str] = None

    def __post_init__(self) -> None:
        if not isinstance(self.by_base_weight, bool):
            raise TypeError("by_base_weight: True or False is expected")
        check_category(self.category)


@dataclasses.dataclass(frozen=True)
class Popularity:
    """Items by the decayed mass of their positive events before the row's time.

    What the collection lists in `half_lives` and `windows` is fast; anything else is as exact, and
    slow.

    Attributes:
      alpha: exponent of the mass, in (0, 4]. With another than 1, masses are those at the last
        boundary of the collection's `popularity_grid`.
      half_life: None: the collection's; `timedelta(0)`: no decay.
      window: older events do not count; None: all do.
      within_cohort: only events of the row's cohort count; `sample` then takes `cohorts`, and the
        collection needs `cohort_popularity`.
      cohort: only events of this cohort count, in [0, 255], whatever the row's is; not together
        with `within_cohort`.
    """

    alpha: float = 1.0
    half_life: Optional[dt.timedelta] = None
    window: Optional[dt.timedelta] = None
    within_cohort: bool = False
    category: Optional[str] = None
    cohort: Optional[int] = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= _MAX_ALPHA:
            raise ValueError(f"alpha: (0, {_MAX_ALPHA:g}] is expected, not {self.alpha}")
        check_span("half_life", self.half_life, zero=True)
        check_span("window", self.window, zero=False)
        check_category(self.category)
        if self.cohort is not None and (self.within_cohort or not 0 <= self.cohort <= 255):
            raise ValueError("cohort: [0, 255] is expected, without within_cohort")


@dataclasses.dataclass(frozen=True)
class Exposure:
    """Items that the row's user was shown before the row's time and did not choose.

    Attributes:
      half_life: of the exposures' weights; None: the collection's; `timedelta(0)`: no decay.
      max_importance_weight: at least 1: `Sample.importance_weights` are 1 / propensity, at most
        this; None: they are 1.
    """

    half_life: Optional[dt.timedelta] = None
    max_importance_weight: Optional[float] = None
    category: Optional[str] = None

    def __post_init__(self) -> None:
        check_span("half_life", self.half_life, zero=True)
        weight = self.max_importance_weight
        if weight is not None and not 1 <= weight < math.inf:
            raise ValueError(f"max_importance_weight: at least 1 is expected, not {weight}")
        check_category(self.category)


@dataclasses.dataclass(frozen=True)
class Mined:
    """Negatives that a trainer handed back for the row's user, up to and at the row's time.

    Attributes:
      half_life: of their weights; None: the collection's; `timedelta(0)`: no decay.
    """

    half_life: Optional[dt.timedelta] = None
    category: Optional[str] = None

    def __post_init__(self) -> None:
        check_span("half_life", self.half_life, zero=True)
        check_category(self.category)


@dataclasses.dataclass(frozen=True)
class Nearest:
    """Items whose embeddings score highest against an anchor.

    Attributes:
      window: ranks [begin, end) among the items that may be drawn, end in [1, 10000].
      pick: "uniform" or "softmax" (with replacement), or "top" (in order of rank).
      anchor: "query" (the row's vector in `queries`), "positive" (its positive's embedding) or
        "user" (its user's, from `write_user_embeddings`).
      temperature: of "softmax", in units of the score; None for the other picks.
      min_score, max_score: only items with a score in [min_score, max_score]; None: no bound.
      margin: only items that score at most p - margin, where p is the score of the row's positive.
        With a margin, rows whose positive is not given or has no embedding have no anchor.
      relative_margin: only items that score at most p - relative_margin * abs(p).
      noise: standard deviation of Gaussian noise on each component of the anchor, in units of the
        anchor's norm / sqrt(dimension). All scores are against the anchor with its noise.

    Both ends of the window, temperature and noise may be a `Schedule`; the begin is then rounded
    down, the end up.
    """

    window: tuple[Rank, Rank] = (0, 100)
    pick: str = "uniform"
    anchor: str = "query"
    temperature: Optional[Number] = None
    category: Optional[str] = None
    min_score: Optional[float] = None
    max_score: Optional[float] = None
    margin: Optional[float] = None
    relative_margin: Optional[float] = None
    noise: Number = 0.0

    def __post_init__(self) -> None:
        begin, end = self.window
        moves = isinstance(begin, Schedule) or isinstance(end, Schedule)
        if not moves and not 0 <= begin < end <= _MAX_RANK:  # type: ignore[operator]
            raise ValueError(
                f"window: 0 <= begin < end <= {_MAX_RANK} is expected, not {self.window}"
            )
        if self.pick not in _PICKS:
            raise ValueError(f"pick: one of {sorted(_PICKS)} is expected, not {self.pick!r}")
        anchor_number(self.anchor)
        _check_temperature(self.pick, self.temperature)
        guards.check_bounds(self)
        if not isinstance(self.noise, Schedule):
            guards.check_size("noise", self.noise)
        check_category(self.category)


@dataclasses.dataclass(frozen=True)
class Adversarial:
    """Items by the softmax of score / temperature, over all that have an embedding.

    Every row takes a passage over all embeddings.

    Attributes:
      temperature: positive, finite, or a `Schedule`.
      anchor: as of `Nearest`.
    """

    temperature: Number
    anchor: str = "query"
    category: Optional[str] = None

    def __post_init__(self) -> None:
        _check_temperature("softmax", self.temperature)
        anchor_number(self.anchor)
        check_category(self.category)


@dataclasses.dataclass(frozen=True)
class AhnsTarget:
    """The score beta * (s + alpha)^(p + 1), s being the score of the row's positive.

    From Lai et al., "Adaptive hardness negative sampling for collaborative filtering", AAAI 2024.
    Below p = -1 a positive of a higher score gets easier negatives. Rows whose s + alpha is not
    above 0, or whose positive is not given or has no embedding, are `RowStatus.NO_ANCHOR`.
    """

    alpha: float
    beta: float
    p: float

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "p"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name}: finite is expected, not {getattr(self, name)}")


@dataclasses.dataclass(frozen=True)
class Dynamic:
    """Items of a pool that is drawn from another source for each row, by their scores.

    The pool is drawn once a row, for all its negatives, and scored with the newest embeddings;
    what has none leaves it. Log q is given the pool: exact for "uniform" and "softmax", none (NaN)
    for "top" and "ahns".

    Attributes:
      base: `Uniform` or `Popularity`, without a category of its own.
      pool_size: draws of the pool, 1 to 1024, with replacement.
      pick: "top" (the highest scores in order), "uniform" (among these, with replacement),
        "softmax" (of score / temperature over the draws of the pool, with replacement), or "ahns"
        (in order of the distance of scores to `target`).
      top_count: how many of the highest scores count, 1 to pool_size; of "top" and "uniform".
      anchor: as of `Nearest`.
      temperature: of "softmax", positive, finite, or a `Schedule`.
      target: of "ahns".
    """

    base: Union[Uniform, Popularity]
    pool_size: int
    pick: str = "top"
    top_count: Optional[int] = None
    anchor: str = "query"
    temperature: Optional[Number] = None
    target: Optional[AhnsTarget] = None
    category: Optional[str] = None

    def __post_init__(self) -> None:
        if not isinstance(self.base, (Uniform, Popularity)):
            raise TypeError(f"base: Uniform or Popularity is expected, not {self.base!r}")
        if self.base.category is not None:
            raise ValueError("base: takes no category; Dynamic has one")
        if not 1 <= self.pool_size <= _MAX_POOL_SIZE:
            raise ValueError(f"pool_size: 1 to {_MAX_POOL_SIZE} is expected, not {self.pool_size}")
        if self.pick not in _DYNAMIC_PICKS:
            raise ValueError(f"pick: one of {sorted(_DYNAMIC_PICKS)} is expected, not {self.pick!r}")
        anchor_number(self.anchor)
        if self.pick in ("top", "uniform"):
            if self.top_count is None or not 1 <= self.top_count <= self.pool_size:
                raise ValueError(f"top_count: pick {self.pick!r} needs one in [1, pool_size]")
        elif self.top_count is not None:
            raise ValueError(f"top_count: pick {self.pick!r} takes none")
        _check_temperature(self.pick, self.temperature)
        if (self.pick == "ahns") != isinstance(self.target, AhnsTarget):
            raise ValueError("target: pick 'ahns' needs an AhnsTarget, the others take none")
        check_category(self.category)


Source = Union[Uniform, Popularity, Exposure, Mined, Nearest, Adversarial, Dynamic, Filtered]
_SOURCES = (Uniform, Popularity, Exposure, Mined, Nearest, Adversarial, Dynamic)


@dataclasses.dataclass(frozen=True)
class Policy:
    """Sources with their shares, 1 to 16 of them; shares are scaled to a sum of 1.

    A share may be a `Schedule`.

    Attributes:
      unique: no item twice in a row; a row with too few items is `RowStatus.SHORT`.
      category_cap: at most this many items of each category in a row; None: any number.
      positive_floor: part of the uniform law in `positive_log_q`, in [0, 1); None: 0.001.
      history_horizon: items that the row's user chooses for the first time in [t, t + this] are
        uncertain. Looks into the future on purpose, to leave out or tag; None, 0: strictly causal.
      min_distance: items near to a positive of the row are uncertain.
      uncertain: "exclude" uncertain items, or "keep" and tag them (`Sample.tags`).
      category_limits: at most so many items of these categories in a row, beside `category_cap`.
      fallback: `Uniform` or `Popularity`, filtered or not: fills rows that would be empty or
        short; its draws are tagged.
    """

    components: tuple[tuple[Number, Source], ...]
    unique: bool = False
    category_cap: Optional[int] = None
    positive_floor: Optional[float] = None
    history_horizon: Optional[dt.timedelta] = None
    min_distance: Optional[MinDistance] = None
    uncertain: str = "exclude"
    category_limits: Optional[Mapping[str, int]] = None
    fallback: Optional[Source] = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.components) <= _MAX_COMPONENTS:
            raise ValueError(f"a policy has 1 to {_MAX_COMPONENTS} components")
        for share, source in self.components:
            _check_source(source)
            if not isinstance(share, Schedule) and not (share >= 0 and math.isfinite(share)):
                raise ValueError(f"a share is finite and not negative, not {share}")
        if not any(isinstance(share, Schedule) or share > 0 for share, _ in self.components):
            raise ValueError("at least one share must be positive")
        if self.category_cap is not None and self.category_cap < 1:
            raise ValueError(f"category_cap: at least 1 is expected, not {self.category_cap}")
        if self.positive_floor is not None and not 0 <= self.positive_floor < 1:
            raise ValueError(f"positive_floor: [0, 1) is expected, not {self.positive_floor}")
        self._check_guards()

    def _check_guards(self) -> None:
        guards.check(self)
        if self.fallback is not None:
            _check_source(self.fallback)
            if not isinstance(_unfiltered(self.fallback), (Uniform, Popularity)):
                raise ValueError("fallback: Uniform or Popularity is expected")

    @classmethod
    def mix(
        cls,
        *components: tuple[Number, Source],
        unique: bool = False,
        category_cap: Optional[int] = None,
        positive_floor: Optional[float] = None,
        **guarding: Any,
    ) -> "Policy":
        """Makes a policy of (share, source) pairs; `guarding` are the further attributes."""
        return cls(tuple(components), unique, category_cap, positive_floor, **guarding)

    def check_shared(self) -> None:
        """Raises ValueError unless the policy can draw a block for all rows."""
        for _, source in self.components:
            if isinstance(source, Filtered):
                if source.scores is not None:
                    raise ValueError("scores: a shared block has no anchor to score against")
                source = source.source
            if not isinstance(source, (Uniform, Popularity)):
                raise ValueError(
                    f"a shared block is drawn by Uniform and Popularity, not by {source!r}"
                )
            if isinstance(source, Popularity) and source.within_cohort:
                raise ValueError("within_cohort: a shared block has no cohort")
        if self.unique or self.category_cap is not None or self.category_limits:
            raise ValueError("unique, category_cap, category_limits: not for a shared block")
        if self.fallback is not None:
            raise ValueError("fallback: not for a shared block")
        has_uncertain = self.history_horizon or self.min_distance is not None
        if has_uncertain and self.uncertain == "keep":
            raise ValueError("uncertain: a shared block has no tags for what it keeps")

    def to_proto(self) -> sampling_pb2.Policy:
        policy = sampling_pb2.Policy(
            components=[_component(share, source) for share, source in self.components],
            unique=self.unique,
            category_cap=self.category_cap,
            positive_floor=self.positive_floor,
        )
        guards.fill(policy, self)
        if self.fallback is not None:
            policy.fallback.CopyFrom(_component(0, self.fallback))
        return policy


def _unfiltered(source: Any) -> Any:
    return source.source if isinstance(source, Filtered) else source


def _check_source(source: Any) -> None:
    if not isinstance(_unfiltered(source), _SOURCES):
        names = ", ".join(f"{kind.__name__}(...)" for kind in _SOURCES)
        raise TypeError(f"a source is one of {names}, or Filtered of one; not {source!r}")
    if isinstance(source, Filtered) and isinstance(source.source, Nearest) and source.scores:
        raise ValueError("scores: Nearest has bounds of its own")


AnyPolicy = Union[Policy, Rotation, Experiment]


def as_policy(policy: Union[AnyPolicy, Source]) -> AnyPolicy:
    """Lets a single source stand for the policy that draws everything from it."""
    if isinstance(policy, Rotation):
        turns = tuple((length, as_policy(turn)) for length, turn in policy.turns)
        return dataclasses.replace(policy, turns=turns)
    if isinstance(policy, Experiment):
        arms = {name: (weight, as_policy(arm)) for name, (weight, arm) in policy.arms.items()}
        return dataclasses.replace(policy, arms=arms)
    return policy if isinstance(policy, Policy) else Policy(((1.0, policy),))


def fill_policy(request: Any, policy: Union[str, AnyPolicy, Source], shared: bool = False) -> None:
    """Sets what a request draws by: a recipe, or the name of a stored policy."""
    if isinstance(policy, str):
        request.policy_name = policy_name(request.collection, policy)
        return
    recipe = as_policy(policy)
    if shared:
        recipe.check_shared()
    request.policy.CopyFrom(recipe.to_proto())


def policy_name(collection: str, policy: str) -> str:
    """The full name of "name", "name@3", or such a name; `collection` is a full name."""
    return policy if "/" in policy else f"{collection}/policies/{policy}"


def _fill_base(message: Any, source: Union[Uniform, Popularity]) -> None:
    """Fills a `UniformSource` or `PopularitySource`, so that it is set even if it is empty."""
    message.SetInParent()
    if isinstance(source, Uniform):
        message.by_base_weight = source.by_base_weight
        return
    message.within_cohort = source.within_cohort
    if source.cohort is not None:
        message.cohort = source.cohort
    if source.alpha != 1:
        message.alpha = source.alpha
    if source.window is not None:
        message.window.FromTimedelta(source.window)
    if source.half_life is not None:
        message.half_life.FromTimedelta(source.half_life)


def _fill_dynamic(message: Any, source: Dynamic) -> None:
    uniform = isinstance(source.base, Uniform)
    _fill_base(message.uniform if uniform else message.popularity, source.base)
    message.anchor = anchor_number(source.anchor)
    message.pool_size = source.pool_size
    message.pick = _DYNAMIC_PICKS[source.pick]
    message.top_count = source.top_count or 0
    put_number(message, "temperature", source.temperature)
    if source.target is not None:
        message.target.SetInParent()
        message.target.alpha = source.target.alpha
        message.target.beta = source.target.beta
        message.target.p = source.target.p


def _component(share: Number, source: Source) -> sampling_pb2.PolicyComponent:
    if isinstance(source, Filtered):
        component = _component(share, source.source)
        source.fill(component)
        return component
    component = sampling_pb2.PolicyComponent(category=source.category)
    put_number(component, "share", share)
    message: Any
    if isinstance(source, Uniform):
        message = component.uniform
        _fill_base(message, source)
    elif isinstance(source, Popularity):
        message = component.popularity
        _fill_base(message, source)
    elif isinstance(source, Exposure):
        message = component.exposure
        message.max_importance_weight = source.max_importance_weight or 0.0
    elif isinstance(source, Mined):
        message = component.mined
    elif isinstance(source, Adversarial):
        message = component.adversarial
        message.anchor = anchor_number(source.anchor)
        put_number(message, "temperature", source.temperature)
    elif isinstance(source, Dynamic):
        message = component.dynamic
        _fill_dynamic(message, source)
    else:
        message = component.nearest
        message.anchor = anchor_number(source.anchor)
        put_number(message, "rank_begin", source.window[0])
        put_number(message, "rank_end", source.window[1])
        message.pick = _PICKS[source.pick]
        put_number(message, "temperature", source.temperature)
        guards.fill_bounds(message, source)
        if source.noise != 0:
            put_number(message, "noise", source.noise)
    message.SetInParent()
    if isinstance(source, (Exposure, Mined)) and source.half_life is not None:
        message.half_life.FromTimedelta(source.half_life)
    return component
