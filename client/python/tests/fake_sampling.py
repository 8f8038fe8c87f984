# SPDX-License-Identifier: Apache-2.0
"""The sampling law of the fake server, by enumeration of the catalogue for every row."""

from __future__ import annotations

import time
from typing import Any, Callable

import numpy as np

from negatron import columns
from negatron.v1 import collections_pb2, sampling_pb2


class _Catalogue:
    """Arrays of a collection, made once a call."""

    def __init__(self, c: Any) -> None:
        self.spans = [(row, f, u) for row, spans in enumerate(c.intervals) for f, u in spans]
        spans = np.array(self.spans, object).reshape(-1, 3)
        self.span_item = spans[:, 0].astype(np.int64)
        self.span_from = spans[:, 1].astype(np.int64)
        self.span_until = spans[:, 2].astype(np.int64)
        self.count = len(c.intervals)
        order = np.argsort(np.array(c.event_times, np.int64), kind="stable")
        self.times = np.array(c.event_times, np.int64)[order]
        self.items = np.array(c.event_items, np.int64)[order]
        self.weights = np.array(c.event_weights, np.float64)[order]
        self.history: dict[int, list[tuple[int, int]]] = {}
        for user, item, t in zip(c.event_users, c.event_items, c.event_times):
            self.history.setdefault(user, []).append((t, item))
        half_life = c.proto.half_life.ToMicroseconds() if c.proto.HasField("half_life") else None
        self.half_life = half_life or np.inf
        dimension = c.proto.embedding_settings.dimension
        self.metric = c.proto.embedding_settings.metric
        self.has_vector = np.zeros(self.count, bool)
        self.vectors = np.zeros((self.count, max(dimension, 1)), np.float32)
        for row, vector in c.vectors.items():
            self.has_vector[row], self.vectors[row] = True, vector

    def alive(self, t: int) -> np.ndarray:
        alive = np.zeros(self.count, bool)
        alive[self.span_item[(self.span_from <= t) & (t < self.span_until)]] = True
        return alive

    def mass(self, t: int) -> np.ndarray:
        n = np.searchsorted(self.times, t)
        decay = np.exp2((self.times[:n] - t) / self.half_life)
        return np.bincount(self.items[:n], self.weights[:n] * decay, minlength=self.count)

    def scores(self, anchor: np.ndarray) -> np.ndarray:
        if self.metric == collections_pb2.EMBEDDING_METRIC_INNER_PRODUCT:
            return self.vectors @ anchor
        if self.metric == collections_pb2.EMBEDDING_METRIC_L2:
            return -((self.vectors - anchor) ** 2).sum(axis=1)
        norms = np.linalg.norm(self.vectors, axis=1) * np.linalg.norm(anchor)
        return self.vectors @ anchor / np.maximum(norms, 1e-30)


def _window(scores: np.ndarray, eligible: np.ndarray, source: Any) -> np.ndarray:
    candidates = np.flatnonzero(eligible)
    order = candidates[np.argsort(-scores[candidates], kind="stable")]
    return order[source.rank_begin : source.rank_end]


def sample(c: Any, request: Any, invalid: Callable[[str, str], Exception]) -> Any:
    """Answers a `SampleNegativesRequest`; raises what `invalid` makes for a bad one."""
    k = request.negative_count
    if k < 1:
        raise invalid("negative_count", "at least 1 is expected")
    if not request.policy.components:
        raise invalid("policy.components", "at least one is expected")
    users = c.users.find(request.user_ids, "user_ids")
    positives = c.items.find(request.positive_ids, "positive_ids")
    as_of = columns.int64_from_column(request.as_of_micros).tolist()
    queries = columns.floats_from_column(request.queries.values)
    queries = queries.reshape(request.queries.row_count, request.queries.column_count)
    keys = columns.int64_from_column(request.row_keys).tolist()
    splits = columns.int64_from_column(request.exclusions.row_splits)
    lengths = {len(users), len(positives), len(as_of), len(queries), len(keys), len(splits) - 1}
    lengths = (lengths | {request.row_count}) - {0, -1}
    if len(lengths) != 1:
        raise invalid("row_count", "columns must have the same length, at least 1")
    rows = lengths.pop()
    if rows * k > 131_072:
        raise invalid("negative_count", "rows * negative_count is at most 131072")
    now = int(time.time() * 1e6)
    if request.HasField("as_of_time"):
        now = request.as_of_time.ToMicroseconds()
    named = c.items.find(request.exclusions.ids, "exclusions.ids")
    seed = request.seed if request.HasField("seed") else int(now % 2**31)
    catalogue = _Catalogue(c)
    draws = _Draws(rows, k, len(request.policy.components))
    for row in range(rows):
        t = as_of[row] if as_of else now
        user = users[row] if users else -1
        excluded = [item for when, item in catalogue.history.get(user, ()) if when < t]
        if positives:
            excluded.append(positives[row])
        if len(splits):
            excluded += named[splits[row] : splits[row + 1]]
        excluded = [item for item in excluded if item >= 0]
        positive = positives[row] if positives else -1
        anchor = queries[row] if len(queries) else None
        key = keys[row] if keys else hash((user, positive, t))
        rng = np.random.default_rng(abs(hash((seed, key))))
        draws.fill(catalogue, request.policy, row, t, excluded, positive, anchor, rng)
    return draws.response(c, request, seed, now)


class _Draws:
    """The columns of a response in the making."""

    def __init__(self, rows: int, k: int, components: int) -> None:
        self.k = k
        self.items = np.full((rows, k), -1, np.int64)
        self.log_q = np.full((rows, k), np.nan, np.float32)
        self.log_q_source = np.full((rows, k), np.nan, np.float32)
        self.component = np.full((rows, k), 255, np.uint8)
        self.scores = np.full((rows, k), np.nan, np.float32)
        self.status = np.full(rows, sampling_pb2.ROW_STATUS_OK, np.uint8)
        self.counts = np.zeros(rows, np.int64)
        self.shares = np.zeros((rows, components), np.float32)

    def fill(
        self,
        catalogue: _Catalogue,
        policy: Any,
        row: int,
        t: int,
        excluded: list[int],
        positive: int,
        anchor: Any,
        rng: np.random.Generator,
    ) -> None:
        alive = catalogue.alive(t)
        eligible = alive.copy()
        eligible[excluded] = False
        if not alive.any():
            self.status[row] = sampling_pb2.ROW_STATUS_NO_LIVING_ITEM
            return
        if not eligible.any():
            self.status[row] = sampling_pb2.ROW_STATUS_EXHAUSTED
            return
        laws, tops, scores = [], [], []
        reason = sampling_pb2.ROW_STATUS_NO_EVENT
        for component in policy.components:
            kind = component.WhichOneof("source")
            mass = eligible.astype(np.float64)
            top = score = None
            if kind == "popularity":
                mass = mass * catalogue.mass(t)
            elif kind == "nearest":
                source = component.nearest
                if source.anchor == sampling_pb2.NEAREST_ANCHOR_POSITIVE:
                    known = positive >= 0 and catalogue.has_vector[positive]
                    vector = catalogue.vectors[positive] if known else None
                else:
                    vector = anchor
                mass[:] = 0
                if vector is None:
                    reason = sampling_pb2.ROW_STATUS_NO_ANCHOR
                else:
                    score = catalogue.scores(vector)
                    window = _window(score, eligible & catalogue.has_vector, source)
                    mass[window] = 1
                    if source.pick == sampling_pb2.NEAREST_PICK_SOFTMAX and len(window):
                        relative = (score[window] - score[window].max()) / source.temperature
                        mass[window] = np.exp(relative)
                    elif source.pick == sampling_pb2.NEAREST_PICK_TOP:
                        top = window
                    if len(window) == 0:
                        reason = sampling_pb2.ROW_STATUS_NO_CANDIDATE
            laws.append(mass / mass.sum() if mass.sum() > 0 else None)
            tops.append(top)
            scores.append(score)
        shares = np.array(
            [c.share if law is not None else 0 for c, law in zip(policy.components, laws)]
        )
        if shares.sum() <= 0:
            self.status[row] = reason
            return
        shares = shares / shares.sum()
        ends = np.floor(self.k * np.cumsum(shares) + rng.random() * (1 - 1e-9)).astype(int)
        ends[-1] = self.k
        begin = 0
        for index, end in enumerate(ends):
            law, n = laws[index], end - begin
            if n <= 0 or law is None:
                continue
            slots = slice(begin, end)
            if tops[index] is not None:
                drawn = np.resize(tops[index], n)
            else:
                drawn = rng.choice(len(law), n, p=law)
                self.log_q_source[row, slots] = np.log(law[drawn])
            self.items[row, slots] = drawn
            self.component[row, slots] = index
            if scores[index] is not None:
                self.scores[row, slots] = scores[index][drawn]
            begin = end
        self.counts[row] = begin
        self.shares[row] = shares
        if not any(top is not None for top in tops):
            mixture = sum(s * law for s, law in zip(shares, laws) if law is not None)
            self.log_q[row, :begin] = np.log(mixture[self.items[row, :begin]])

    def response(self, c: Any, request: Any, seed: int, now: int) -> Any:
        wanted = set(request.outputs) or {
            sampling_pb2.SAMPLE_OUTPUT_LOG_Q,
            sampling_pb2.SAMPLE_OUTPUT_LOG_Q_SOURCE,
            sampling_pb2.SAMPLE_OUTPUT_COMPONENT,
        }
        response = sampling_pb2.SampleNegativesResponse(
            item_ids=c.items.column(self.items.ravel(), False), snapshot=c.token(), seed=seed
        )
        for output, column, values in (
            (sampling_pb2.SAMPLE_OUTPUT_LOG_Q, response.log_q, self.log_q),
            (sampling_pb2.SAMPLE_OUTPUT_LOG_Q_SOURCE, response.log_q_source, self.log_q_source),
            (sampling_pb2.SAMPLE_OUTPUT_COMPONENT, response.component_indexes, self.component),
            (sampling_pb2.SAMPLE_OUTPUT_SCORE, response.scores, self.scores),
            (sampling_pb2.SAMPLE_OUTPUT_EFFECTIVE_SHARES, response.effective_shares, self.shares),
        ):
            if output in wanted:
                column.raw = values.tobytes()
        if sampling_pb2.SAMPLE_OUTPUT_REJECTS in wanted:
            response.reject_counts.raw = np.zeros((len(self.status), 2), "<i8").tobytes()
        response.row_statuses.raw = self.status.tobytes()
        if (self.counts < self.k).any():
            response.drawn_counts.raw = self.counts.tobytes()
        response.law_kind = sampling_pb2.LAW_KIND_EXACT
        for index, component in enumerate(request.policy.components):
            kind = component.WhichOneof("source")
            law = sampling_pb2.LAW_KIND_EXACT
            if kind == "nearest":
                top = component.nearest.pick == sampling_pb2.NEAREST_PICK_TOP
                law = sampling_pb2.LAW_KIND_NONE if top else sampling_pb2.LAW_KIND_CONDITIONAL
            response.law_kind = max(response.law_kind, law)
            response.components.add(
                source=kind, law_kind=law, drawn_count=int((self.component == index).sum())
            )
        response.as_of_time.FromMicroseconds(now)
        response.kernel_id = "fake"
        return response
