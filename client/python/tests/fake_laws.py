# SPDX-License-Identifier: Apache-2.0
"""The laws of the sources, by enumeration of a collection."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import fake_guards
import numpy as np

from negatron.v1 import collections_pb2, pool_pb2, sampling_pb2

_DAY = 86_400_000_000  # Microseconds.
_HOUR = 3_600_000_000


@dataclasses.dataclass(frozen=True)
class Row:
    """What the laws of a row depend on."""

    t: int
    user: int = -1
    positive: int = -1
    cohort: int = 0
    anchor: Any = None
    pool_seed: int = 0  # Of what is drawn once for the row.


@dataclasses.dataclass(frozen=True)
class Law:
    """How a component draws for a row; `probabilities` is None if it cannot."""

    probabilities: Optional[np.ndarray]
    top: Optional[np.ndarray] = None  # Items in order of rank: there is no probability.
    scores: Optional[np.ndarray] = None
    importance: Optional[np.ndarray] = None  # Of each item, where it is not 1.
    reason: int = sampling_pb2.ROW_STATUS_NO_EVENT  # Why it cannot.


class Catalogue:
    """Arrays of a collection, made once a call."""

    def __init__(self, c: Any) -> None:
        self.proto = c.proto
        self.count = len(c.pool)
        spans = [(row, f, u) for row, item in enumerate(c.pool) for f, u in item.intervals]
        spans = np.array(spans, np.int64).reshape(-1, 3)
        self.span_item, self.span_from, self.span_until = spans.T
        self.base_weights = np.array([item.base_weight for item in c.pool], np.float64)
        self.categories = [set(item.categories) for item in c.pool]
        self.events = c.events
        positive = [e for e in c.events if e.kind == pool_pb2.EVENT_KIND_POSITIVE]
        self.times = np.array([e.time for e in positive], np.int64)
        self.items = np.array([e.item for e in positive], np.int64)
        self.weights = np.array([e.weight for e in positive], np.float64)
        self.cohorts = np.array([e.cohort for e in positive], np.int64)
        self.history: dict[int, list[tuple[int, int]]] = {}
        for event in positive:
            self.history.setdefault(event.user, []).append((event.time, event.item))
        dimension = c.proto.embedding_settings.dimension
        self.has_vector = np.zeros(self.count, bool)
        self.vectors = np.zeros((self.count, max(dimension, 1)), np.float32)
        for row, vector in c.vectors.items():
            self.has_vector[row], self.vectors[row] = True, vector
        self.stamps = np.full((self.count, 2), -1, np.int64)
        for row, stamp in c.stamps.items():
            self.stamps[row] = stamp
        self.user_vectors = c.user_vectors
        self.user_stamps = c.user_stamps

    def demand(self, request: Any, now: int) -> None:
        """Forgets the vectors that are not as fresh as a request demands."""
        since = -1
        if request.HasField("max_staleness"):
            since = now - request.max_staleness.ToMicroseconds()
        least = np.array([request.min_model_version, since])
        self.has_vector &= (self.stamps >= least).all(axis=1)
        self.user_vectors = {
            user: vector for user, vector in self.user_vectors.items()
            if (np.array(self.user_stamps[user]) >= least).all()
        }

    def alive(self, t: int) -> np.ndarray:
        alive = np.zeros(self.count, bool)
        alive[self.span_item[(self.span_from <= t) & (t < self.span_until)]] = True
        return alive

    def of_category(self, name: str) -> np.ndarray:
        return np.array([not name or name in some for some in self.categories], bool)

    def half_life(self, source: Any) -> float:
        if source.HasField("half_life"):
            return source.half_life.ToMicroseconds() or np.inf
        if self.proto.HasField("half_life"):
            return self.proto.half_life.ToMicroseconds()
        return np.inf

    def boundary(self, t: int) -> int:
        """Where popularity with an exponent is taken for time t."""
        if self.proto.HasField("popularity_grid"):
            grid = self.proto.popularity_grid.ToMicroseconds()
        elif self.proto.HasField("half_life"):
            grid = max(self.proto.half_life.ToMicroseconds() // 16, _HOUR)
        else:
            grid = _DAY
        return t // grid * grid

    def popularity(self, source: Any, row: Row) -> np.ndarray:
        alpha = source.alpha if source.HasField("alpha") else 1.0
        t = row.t if alpha == 1 else self.boundary(row.t)
        counted = self.times < t
        if source.HasField("window"):
            counted &= self.times >= t - source.window.ToMicroseconds()
        if source.within_cohort or source.HasField("cohort"):
            counted &= self.cohorts == (source.cohort if source.HasField("cohort") else row.cohort)
        mass = self.weights[counted] * np.exp2(
            (self.times[counted] - t) / self.half_life(source)
        )
        sums = np.bincount(self.items[counted], mass, minlength=self.count)
        return (self.base_weights * sums) ** alpha

    def own_events(self, kind: int, row: Row) -> list[Any]:
        """Events of the row's user that `exposure` or `mined` draw from."""
        own = [e for e in self.events if e.kind == kind and e.user == row.user >= 0]
        if kind == pool_pb2.EVENT_KIND_EXPOSURE:
            return [e for e in own if e.time < row.t]
        own = [e for e in own if e.time <= row.t]
        return own[-(self.proto.mined_per_user or 256) :]

    def scores(self, anchor: np.ndarray) -> np.ndarray:
        metric = self.proto.embedding_settings.metric
        if metric == collections_pb2.EMBEDDING_METRIC_INNER_PRODUCT:
            return self.vectors @ anchor
        if metric == collections_pb2.EMBEDDING_METRIC_L2:
            return -((self.vectors - anchor) ** 2).sum(axis=1)
        norms = np.linalg.norm(self.vectors, axis=1) * np.linalg.norm(anchor)
        return self.vectors @ anchor / np.maximum(norms, 1e-30)


def law(catalogue: Catalogue, component: Any, row: Row, eligible: np.ndarray) -> Law:
    """The law of a component for a row, among the items that are eligible."""
    kind = component.WhichOneof("source")
    source = getattr(component, kind)
    eligible = eligible & catalogue.of_category(component.category)
    passing = fake_guards.passing(catalogue, component, row)
    if (eligible & ~passing).any() and not (eligible & passing).any():
        return Law(None, reason=sampling_pb2.ROW_STATUS_NO_CANDIDATE)
    eligible = eligible & passing
    if kind == "nearest":
        return _nearest(catalogue, source, row, eligible)
    if kind == "adversarial":
        return _adversarial(catalogue, source, row, eligible)
    if kind == "dynamic":
        return _dynamic(catalogue, source, row, eligible)
    importance = None
    if kind in ("uniform", "popularity"):
        mass = _mass(catalogue, kind, source, row)
    else:
        mass, importance = _own(catalogue, kind, source, row)
    return Law(_normalised(mass * eligible), importance=importance)


def _mass(catalogue: Catalogue, kind: str, source: Any, row: Row) -> np.ndarray:
    """What `uniform` and `popularity` draw in proportion to."""
    if kind == "popularity":
        return catalogue.popularity(source, row)
    return catalogue.base_weights if source.by_base_weight else np.ones(catalogue.count)


def _normalised(mass: np.ndarray) -> Optional[np.ndarray]:
    return mass / mass.sum() if mass.sum() > 0 else None


def _own(
    catalogue: Catalogue, kind: str, source: Any, row: Row
) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """Masses of the user's own exposures or mined events, and their importance.

    Where an item was shown more than once, the importance is that of the newest exposure.
    """
    exposure = kind == "exposure"
    event_kind = pool_pb2.EVENT_KIND_EXPOSURE if exposure else pool_pb2.EVENT_KIND_MINED
    mass, importance = np.zeros(catalogue.count), np.ones(catalogue.count)
    for event in catalogue.own_events(event_kind, row):
        mass[event.item] += event.weight * np.exp2(
            (event.time - row.t) / catalogue.half_life(source)
        )
        if exposure and source.max_importance_weight and event.propensity:
            cap = source.max_importance_weight
            importance[event.item] = min(1 / event.propensity, cap)
    return mass, importance


def within_bounds(
    catalogue: Catalogue, source: Any, row: Row, scores: np.ndarray
) -> Optional[np.ndarray]:
    """Which items `source.nearest` admits by score; None if a margin cannot be told. No noise."""
    most = source.max_score if source.HasField("max_score") else np.inf
    least = source.min_score if source.HasField("min_score") else -np.inf
    if source.HasField("margin") or source.HasField("relative_margin"):
        if row.positive < 0 or not catalogue.has_vector[row.positive]:
            return None
        positive = scores[row.positive]
        most = min(most, positive - source.margin)
        most = min(most, positive - source.relative_margin * abs(positive))
    return (scores >= least) & (scores <= most)


def anchor(catalogue: Catalogue, source: Any, row: Row) -> Optional[np.ndarray]:
    if source.anchor == sampling_pb2.NEAREST_ANCHOR_USER:
        return catalogue.user_vectors.get(row.user)
    if source.anchor != sampling_pb2.NEAREST_ANCHOR_POSITIVE:
        return row.anchor
    known = row.positive >= 0 and catalogue.has_vector[row.positive]
    return catalogue.vectors[row.positive] if known else None


def _adversarial(catalogue: Catalogue, source: Any, row: Row, eligible: np.ndarray) -> Law:
    vector = anchor(catalogue, source, row)
    if vector is None:
        return Law(None, reason=sampling_pb2.ROW_STATUS_NO_ANCHOR)
    scores = catalogue.scores(vector)
    candidates = np.flatnonzero(eligible & catalogue.has_vector)
    if len(candidates) == 0:
        return Law(None, reason=sampling_pb2.ROW_STATUS_NO_CANDIDATE)
    mass = np.zeros(catalogue.count)
    relative = scores[candidates] - scores[candidates].max()
    mass[candidates] = np.exp(relative / source.temperature)
    return Law(_normalised(mass), scores=scores)


def _dynamic(catalogue: Catalogue, source: Any, row: Row, eligible: np.ndarray) -> Law:
    """The law given a pool, which is the same whenever the row is asked about."""
    no_anchor = Law(None, reason=sampling_pb2.ROW_STATUS_NO_ANCHOR)
    vector = anchor(catalogue, source, row)
    if vector is None:
        return no_anchor
    scores = catalogue.scores(vector)
    badness = -scores
    if source.pick == sampling_pb2.DYNAMIC_PICK_AHNS:
        if row.positive < 0 or not catalogue.has_vector[row.positive]:
            return no_anchor
        shifted = scores[row.positive] + source.target.alpha
        if shifted <= 0:
            return no_anchor
        badness = np.abs(scores - source.target.beta * shifted ** (source.target.p + 1))
    kind = source.WhichOneof("base") or "uniform"
    base = _normalised(_mass(catalogue, kind, getattr(source, kind), row) * eligible)
    if base is None:
        return Law(None)
    pool = np.random.default_rng(row.pool_seed).choice(catalogue.count, source.pool_size, p=base)
    items, copies = np.unique(pool[catalogue.has_vector[pool]], return_counts=True)
    if len(items) == 0:
        return Law(None, reason=sampling_pb2.ROW_STATUS_NO_CANDIDATE)
    mass = np.zeros(catalogue.count)
    if source.pick == sampling_pb2.DYNAMIC_PICK_SOFTMAX:
        relative = scores[items] - scores[items].max()
        mass[items] = copies * np.exp(relative / source.temperature)
        return Law(_normalised(mass), scores=scores)
    ranked = items[np.argsort(badness[items], kind="stable")]
    if source.top_count:
        ranked = ranked[: source.top_count]
    mass[ranked] = 1
    top = None if source.pick == sampling_pb2.DYNAMIC_PICK_UNIFORM else ranked
    return Law(_normalised(mass), top=top, scores=scores)


def _nearest(catalogue: Catalogue, source: Any, row: Row, eligible: np.ndarray) -> Law:
    vector = anchor(catalogue, source, row)
    if vector is None:
        return Law(None, reason=sampling_pb2.ROW_STATUS_NO_ANCHOR)
    scores = catalogue.scores(vector)
    within = within_bounds(catalogue, source, row, scores)
    if within is None:
        return Law(None, reason=sampling_pb2.ROW_STATUS_NO_ANCHOR)
    candidates = np.flatnonzero(eligible & catalogue.has_vector & within)
    order = candidates[np.argsort(-scores[candidates], kind="stable")]
    window = order[source.rank_begin : source.rank_end]
    if len(window) == 0:
        return Law(None, reason=sampling_pb2.ROW_STATUS_NO_CANDIDATE)
    mass = np.zeros(catalogue.count)
    mass[window] = 1
    if source.pick == sampling_pb2.NEAREST_PICK_SOFTMAX:
        mass[window] = np.exp((scores[window] - scores[window].max()) / source.temperature)
    top = window if source.pick == sampling_pb2.NEAREST_PICK_TOP else None
    return Law(_normalised(mass), top=top, scores=scores)
