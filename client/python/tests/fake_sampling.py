# SPDX-License-Identifier: Apache-2.0
"""The draws of the fake server, by enumeration of the catalogue for every row."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Callable, Optional

import fake_guards
import fake_laws
import grpc
import numpy as np
from fake_laws import Catalogue, Law, Row
from fake_state import CallError

from negatron import columns
from negatron.v1 import sampling_pb2

Invalid = Callable[[str, str], Exception]
_CAUSES = 6


@dataclasses.dataclass
class _Rows:
    """The rows of a request, and what each excludes."""

    rows: list[Row]
    excluded: list[np.ndarray]
    tags: list[np.ndarray]  # Of each item.
    keys: list[int]
    now: int
    has_positives: bool


def _read_rows(c: Any, request: Any, catalogue: Catalogue, invalid: Invalid) -> _Rows:
    """Reads the columns that both kinds of requests have, and those that one has."""
    if request.negative_count < 1:
        raise invalid("negative_count", "at least 1 is expected")
    if not request.policy.components:
        raise invalid("policy.components", "at least one is expected")
    shared = isinstance(request, sampling_pb2.SampleSharedNegativesRequest)
    users = c.users.find(request.user_ids, "user_ids")
    positives = c.items.find(request.positive_ids, "positive_ids")
    as_of = columns.int64_from_column(request.as_of_micros).tolist()
    splits = columns.int64_from_column(request.exclusions.row_splits)
    named = c.items.find(request.exclusions.ids, "exclusions.ids")
    queries, keys, cohorts = np.zeros((0, 0)), [], []
    if not shared:
        queries = columns.floats_from_column(request.queries.values)
        queries = queries.reshape(request.queries.row_count, request.queries.column_count)
        keys = columns.int64_from_column(request.row_keys).tolist()
        cohorts = columns.bytes_from_column(request.cohorts).tolist()
    given = (users, positives, as_of, queries, keys, cohorts)
    lengths = {len(column) for column in given} | {len(splits) - 1, request.row_count}
    lengths -= {0, -1}
    if len(lengths) != 1:
        raise invalid("row_count", "columns must have the same length, at least 1")
    count = lengths.pop()
    if count * request.negative_count > (16_777_216 if shared else 131_072):
        raise invalid("negative_count", "too many draws")
    now = int(time.time() * 1e6)
    if request.HasField("as_of_time"):
        now = request.as_of_time.ToMicroseconds()
    result = _Rows([], [], [], [], now, bool(positives))
    for i in range(count):
        row = Row(
            t=as_of[i] if as_of else now,
            user=users[i] if users else -1,
            positive=positives[i] if positives else -1,
            cohort=cohorts[i] if cohorts else 0,
            anchor=queries[i] if len(queries) else None,
        )
        items = [item for when, item in catalogue.history.get(row.user, ()) if when < row.t]
        items += [row.positive] + (named[splits[i] : splits[i + 1]] if len(splits) else [])
        excluded = np.zeros(catalogue.count, bool)
        excluded[[item for item in items if item >= 0]] = True
        tags = fake_guards.tags(catalogue, request.policy, row, excluded)
        if request.policy.uncertain_rule != sampling_pb2.UNCERTAIN_RULE_KEEP:
            excluded |= tags > 0
        result.rows.append(row)
        result.excluded.append(excluded)
        result.tags.append(tags)
        result.keys.append(keys[i] if keys else hash((row.user, row.positive, row.t)))
    return result


def _seed(request: Any, now: int) -> int:
    return request.seed if request.HasField("seed") else int(now % 2**31)


def sample(c: Any, request: Any, invalid: Invalid) -> Any:
    """Answers a `SampleNegativesRequest`; raises what `invalid` makes for a bad one."""
    catalogue = Catalogue(c)
    read = _read_rows(c, request, catalogue, invalid)
    if request.min_model_version < 0:
        raise invalid("min_model_version", "not negative")
    if request.HasField("max_staleness") and request.max_staleness.ToMicroseconds() <= 0:
        raise invalid("max_staleness", "positive")
    aged = int(time.time() * 1e6)
    if request.HasField("staleness_as_of_time"):
        aged = request.staleness_as_of_time.ToMicroseconds()
    catalogue.demand(request, aged)
    seed = _seed(request, read.now)
    draws = _Draws(len(read.rows), request.negative_count, len(request.policy.components))
    for i, (row, excluded, tags) in enumerate(zip(read.rows, read.excluded, read.tags)):
        row_seed = abs(hash((seed, read.keys[i])))
        row = dataclasses.replace(row, pool_seed=row_seed + 1)
        rng = np.random.default_rng(row_seed)
        draws.fill(catalogue, request.policy, i, row, excluded, rng)
        drawn = draws.items[i, : draws.counts[i]]
        draws.tags[i, : len(drawn)] |= tags[drawn]
    response = draws.response(c, request, seed, read)
    response.staleness_as_of_time.FromMicroseconds(aged)
    versions, ages = draws.stamps(catalogue, aged)
    if sampling_pb2.SAMPLE_OUTPUT_MODEL_VERSION in request.outputs:
        response.model_versions.raw = versions.tobytes()
    if sampling_pb2.SAMPLE_OUTPUT_EMBEDDING_AGE in request.outputs:
        response.embedding_age_seconds.raw = ages.tobytes()
    return response


def _has_caps(policy: Any) -> bool:
    """Whether draws of a row depend on each other."""
    return bool(policy.unique or policy.category_cap or policy.category_limits)


def _mixture(
    shares: np.ndarray, laws: list[Law]
) -> Optional[np.ndarray]:
    """The probabilities of the mixture; None where a component of law NONE has a share."""
    if any(law.top is not None and share > 0 for share, law in zip(shares, laws)):
        return None
    return sum(s * law.probabilities for s, law in zip(shares, laws) if s > 0)


def _shares(policy: Any, laws: list[Law]) -> np.ndarray:
    """The shares once empty sources gave up theirs; all 0 if none is left."""
    shares = np.array([
        component.share if law.probabilities is not None else 0.0
        for component, law in zip(policy.components, laws)
    ])
    return shares / shares.sum() if shares.sum() > 0 else shares


class _Draws:
    """The columns of a response in the making."""

    def __init__(self, rows: int, k: int, components: int) -> None:
        def floats() -> np.ndarray:
            return np.full((rows, k), np.nan, np.float32)

        self.k = k
        self.items = np.full((rows, k), -1, np.int64)
        self.log_q, self.log_q_source, self.scores = floats(), floats(), floats()
        self.expected, self.importance = floats(), floats()
        self.positive = np.full(rows, np.nan, np.float32)
        self.component = np.full((rows, k), 255, np.uint8)
        self.status = np.full(rows, sampling_pb2.ROW_STATUS_OK, np.uint8)
        self.counts = np.zeros(rows, np.int64)
        self.tags = np.zeros((rows, k), np.uint8)
        self.shares = np.zeros((rows, components), np.float32)
        self.boundaries = np.zeros((rows, components), np.int64)

    def fill(
        self,
        catalogue: Catalogue,
        policy: Any,
        i: int,
        row: Row,
        excluded: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        alive = catalogue.alive(row.t)
        eligible = alive & ~excluded
        for index, component in enumerate(policy.components):
            dynamic = component.HasField("dynamic")
            popularity = component.dynamic.popularity if dynamic else component.popularity
            if popularity.HasField("alpha") and popularity.alpha != 1:
                self.boundaries[i, index] = catalogue.boundary(row.t)
        if not alive.any():
            self.status[i] = sampling_pb2.ROW_STATUS_NO_LIVING_ITEM
            return
        if not eligible.any():
            self.status[i] = sampling_pb2.ROW_STATUS_EXHAUSTED
            return
        laws = [fake_laws.law(catalogue, p, row, eligible) for p in policy.components]
        shares = _shares(policy, laws)
        fallback = Law(None)
        if policy.HasField("fallback"):
            fallback = fake_laws.law(catalogue, policy.fallback, row, eligible)
        if shares.sum() == 0 and fallback.probabilities is None:
            self.status[i] = laws[-1].reason
            return
        self.shares[i] = shares
        ends = np.floor(self.k * np.cumsum(shares) + rng.random() * (1 - 1e-9)).astype(int)
        ends[-1] = self.k if shares.sum() > 0 else 0
        slots = np.diff(ends, prepend=0)
        row_draws = _RowDraws(catalogue, policy)
        for index, n in enumerate(slots):
            row_draws.draw(index, laws[index], n, rng)
        row_draws.draw(len(laws), fallback, self.k - len(row_draws.items), rng)
        if shares.sum() == 0:  # The fallback is alone.
            laws, shares, slots = [*laws, fallback], np.append(shares, 1), np.append(slots, self.k)
            self._store(i, row_draws, laws, shares, slots, _has_caps(policy))
        else:
            self._store(i, row_draws, [*laws, fallback], shares, slots, _has_caps(policy))
            self.log_q[i, self.component[i] == len(laws)] = np.nan
        self.tags[i, self.component[i] == len(policy.components)] = sampling_pb2.DRAW_TAG_FALLBACK
        if row.positive >= 0:
            self._store_positive(catalogue, policy, i, row, eligible)

    def _store(
        self,
        i: int,
        drawn: "_RowDraws",
        laws: list[Law],
        shares: np.ndarray,
        slots: np.ndarray,
        without_replacement: bool,
    ) -> None:
        items, components = np.array(drawn.items, int), np.array(drawn.components, int)
        n = len(items)
        if n < self.k:
            self.status[i] = sampling_pb2.ROW_STATUS_SHORT
        self.counts[i] = n
        self.items[i, :n], self.component[i, :n] = items, components
        self.importance[i, :n] = 1
        for at, (item, index) in enumerate(zip(items, components)):
            law = laws[index]
            if law.top is None:
                self.log_q_source[i, at] = np.log(law.probabilities[item])
            if law.scores is not None:
                self.scores[i, at] = law.scores[item]
            if law.importance is not None:
                self.importance[i, at] = law.importance[item]
        mixture = _mixture(shares, laws)
        if mixture is None:
            return
        with np.errstate(divide="ignore"):  # What the fallback drew.
            self.log_q[i, :n] = np.log(mixture[items])
        served = [(s, law) for s, law in zip(slots, laws) if law.probabilities is not None]
        q = np.array([law.probabilities[items] for _, law in served])
        tries = np.array([s for s, _ in served])[:, None]
        if without_replacement:
            self.expected[i, :n] = 1 - np.prod((1 - q) ** tries, axis=0)
        else:
            self.expected[i, :n] = (tries * q).sum(axis=0)

    def _store_positive(
        self, catalogue: Catalogue, policy: Any, i: int, row: Row, eligible: np.ndarray
    ) -> None:
        """The law of the positive, as if only it were not excluded."""
        eligible = eligible.copy()
        eligible[row.positive] = True
        laws = [fake_laws.law(catalogue, p, row, eligible) for p in policy.components]
        mixture = _mixture(_shares(policy, laws), laws)
        if mixture is None:
            return
        floor = policy.positive_floor if policy.HasField("positive_floor") else 0.001
        q = (1 - floor) * mixture[row.positive] + floor / eligible.sum()
        self.positive[i] = np.log(q)

    def stamps(self, catalogue: Catalogue, aged: int) -> tuple[np.ndarray, np.ndarray]:
        """Model versions and ages of what was scored."""
        scored = ~np.isnan(self.scores)
        stamps = np.append(catalogue.stamps, [[-1, -1]], axis=0)[self.items]  # The last: padding.
        versions = np.where(scored, stamps[..., 0], -1).astype("<i8")
        ages = np.where(scored, (aged - stamps[..., 1]) / 1e6, np.nan).astype("<f4")
        return versions, ages

    def response(self, c: Any, request: Any, seed: int, read: _Rows) -> Any:
        wanted = set(request.outputs) or {
            sampling_pb2.SAMPLE_OUTPUT_LOG_Q,
            sampling_pb2.SAMPLE_OUTPUT_LOG_Q_SOURCE,
            sampling_pb2.SAMPLE_OUTPUT_COMPONENT,
        }
        response = sampling_pb2.SampleNegativesResponse(
            item_ids=c.items.column(self.items.ravel(), False), snapshot=c.token(), seed=seed
        )
        rows = len(self.status)
        rejects = np.zeros((rows, _CAUSES), "<i8")
        for name, column, values in (
            ("LOG_Q", response.log_q, self.log_q),
            ("LOG_Q_SOURCE", response.log_q_source, self.log_q_source),
            ("COMPONENT", response.component_indexes, self.component),
            ("SCORE", response.scores, self.scores),
            ("EFFECTIVE_SHARES", response.effective_shares, self.shares),
            ("REJECTS", response.reject_counts, rejects[:, :2]),
            ("EXPECTED_COUNT", response.expected_counts, self.expected),
            ("IMPORTANCE_WEIGHT", response.importance_weights, self.importance),
            ("POSITIVE_LOG_Q", response.positive_log_q, self.positive),
            ("POPULARITY_BOUNDARY", response.popularity_boundary_micros, self.boundaries),
            ("REJECTS_BY_CAUSE", response.rejects_by_cause, rejects[:, :4]),
            ("REJECTS_BY_ALL_CAUSES", response.rejects_by_all_causes, rejects),
            ("TAGS", response.tags, self.tags),
        ):
            if sampling_pb2.SampleOutput.Value(f"SAMPLE_OUTPUT_{name}") in wanted:
                column.raw = values.tobytes()
        response.reject_cause_count = _CAUSES
        response.row_statuses.raw = self.status.tobytes()
        if (self.counts < self.k).any():
            response.drawn_counts.raw = self.counts.tobytes()
        _report(response, request, self.component)
        response.as_of_time.FromMicroseconds(read.now)
        return response


class _RowDraws:
    """The draws of one row, without what `unique` and `category_cap` forbid."""

    def __init__(self, catalogue: Catalogue, policy: Any) -> None:
        self._catalogue = catalogue
        self._policy = policy
        self.items: list[int] = []
        self.components: list[int] = []
        self._open = np.ones(catalogue.count, bool)
        self._counts: dict[str, int] = {}

    def draw(self, index: int, law: Law, n: int, rng: np.random.Generator) -> None:
        if law.top is not None and _has_caps(self._policy):
            for item in law.top.tolist():
                if n > 0 and self._open[item]:
                    self._take(index, [item])
                    n -= 1
            return
        if law.top is not None:
            self._take(index, np.resize(law.top, n).tolist())
            return
        for _ in range(n if law.probabilities is not None else 0):
            mass = law.probabilities * self._open
            if mass.sum() == 0:
                return
            self._take(index, [rng.choice(len(mass), p=mass / mass.sum())])

    def _take(self, index: int, items: list[int]) -> None:
        for item in items:
            self.items.append(item)
            self.components.append(index)
            if self._policy.unique:
                self._open[item] = False
            for name in self._catalogue.categories[item]:
                self._counts[name] = self._counts.get(name, 0) + 1
                caps = [x.max_count for x in self._policy.category_limits if x.category == name]
                if self._policy.category_cap:
                    caps.append(self._policy.category_cap)
                if caps and self._counts[name] >= min(caps):
                    self._open &= ~self._catalogue.of_category(name)


def _report(response: Any, request: Any, component: np.ndarray) -> None:
    """What both kinds of responses tell of the components."""
    response.law_kind = sampling_pb2.LAW_KIND_EXACT
    for index, part in enumerate(request.policy.components):
        kind = part.WhichOneof("source")
        law_kind = sampling_pb2.LAW_KIND_EXACT
        if kind == "nearest":
            top = part.nearest.pick == sampling_pb2.NEAREST_PICK_TOP
            law_kind = sampling_pb2.LAW_KIND_NONE if top else sampling_pb2.LAW_KIND_CONDITIONAL
        if kind == "dynamic":
            law_kind = sampling_pb2.LAW_KIND_NONE
            if part.dynamic.pick in (
                sampling_pb2.DYNAMIC_PICK_UNIFORM, sampling_pb2.DYNAMIC_PICK_SOFTMAX
            ):
                law_kind = sampling_pb2.LAW_KIND_CONDITIONAL
        response.law_kind = max(response.law_kind, law_kind)
        response.components.add(
            source=kind, law_kind=law_kind, drawn_count=int((component == index).sum())
        )
    if request.policy.HasField("fallback"):
        response.fallback.source = request.policy.fallback.WhichOneof("source")
        response.fallback.law_kind = sampling_pb2.LAW_KIND_EXACT
        drawn = int((component == len(request.policy.components)).sum())
        response.fallback.drawn_count = drawn
    response.kernel_id = "fake"


def sample_shared(c: Any, request: Any, invalid: Invalid) -> Any:
    """Answers a `SampleSharedNegativesRequest`."""
    if any(p.WhichOneof("source") not in ("uniform", "popularity")
           for p in request.policy.components):
        raise invalid("policy.components", "uniform or popularity is expected")
    catalogue = Catalogue(c)
    read = _read_rows(c, request, catalogue, invalid)
    t = min(row.t for row in read.rows)
    if request.HasField("negatives_time"):
        t = request.negatives_time.ToMicroseconds()
    alive = catalogue.alive(t)
    laws = [
        fake_laws.law(catalogue, p, Row(t), alive & fake_guards.passing(catalogue, p, Row(t)))
        for p in request.policy.components
    ]
    shares = _shares(request.policy, laws)
    if shares.sum() == 0:
        raise CallError(grpc.StatusCode.FAILED_PRECONDITION, "there is nothing to draw")
    seed = _seed(request, read.now)
    rng = np.random.default_rng(abs(hash((seed, request.block_key))))
    k = request.negative_count
    component = np.sort(rng.choice(len(shares), k, p=shares))
    items = np.array(
        [rng.choice(catalogue.count, p=laws[index].probabilities) for index in component], int
    )
    mixture = _mixture(shares, laws)
    false = np.array(
        [e | ~catalogue.alive(row.t) for row, e in zip(read.rows, read.excluded)], bool
    )
    response = sampling_pb2.SampleSharedNegativesResponse(
        item_ids=c.items.column(items, False), snapshot=c.token(), seed=seed,
        false_mask=np.packbits(false[:, items], axis=1, bitorder="little").tobytes(),
    )
    response.log_q.raw = np.log(mixture[items]).astype("<f4").tobytes()
    response.component_indexes.raw = component.astype(np.uint8).tobytes()
    with np.errstate(divide="ignore"):
        remaining = np.log(np.maximum(1 - false @ mixture, 0))
    response.log_remaining.raw = remaining.astype("<f4").tobytes()
    response.negatives_time.FromMicroseconds(t)
    response.as_of_time.FromMicroseconds(read.now)
    _report(response, request, component)
    return response
