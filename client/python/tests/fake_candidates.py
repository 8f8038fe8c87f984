# SPDX-License-Identifier: Apache-2.0
"""The candidates of the fake server: draws of `fake_sampling`, ranked by one anchor."""

from __future__ import annotations

import time
from typing import Any

import fake_laws
import fake_sampling
import grpc
import numpy as np
from fake_laws import Catalogue
from fake_state import CallError

from negatron import columns
from negatron.v1 import sampling_pb2

_MAX_VALUES = 524_288
# Columns of a sample that have an entry for each draw.
_PER_DRAW = (
    ("item_ids", "<i8"), ("log_q", "<f4"), ("log_q_source", "<f4"), ("component_indexes", "u1"),
    ("expected_counts", "<f4"), ("importance_weights", "<f4"), ("scores", "<f4"),
    ("model_versions", "<i8"), ("embedding_age_seconds", "<f4"),
)


def _check(c: Any, request: Any, rows: int, invalid: fake_sampling.Invalid) -> None:
    sample = request.sample
    if not c.proto.HasField("embedding_settings"):
        raise CallError(
            grpc.StatusCode.FAILED_PRECONDITION, "no embedding_settings",
            reason="EMBEDDINGS_NOT_CONFIGURED",
        )
    by_positive = request.anchor == sampling_pb2.NEAREST_ANCHOR_POSITIVE
    by_user = request.anchor == sampling_pb2.NEAREST_ANCHOR_USER
    if by_user and not sample.HasField("user_ids"):
        raise invalid("sample.user_ids", "candidates are scored against them")
    if not by_positive and not by_user and not sample.HasField("queries"):
        raise invalid("sample.queries", "candidates are scored against them")
    if (by_positive or request.include_positive_vectors) and not sample.HasField("positive_ids"):
        raise invalid("sample.positive_ids", "their embeddings are needed")
    width = sample.negative_count * request.include_candidate_vectors
    width += request.include_positive_vectors
    if rows * width * max(c.proto.embedding_settings.dimension, 8) > _MAX_VALUES:
        raise invalid("sample.negative_count", "too many values")


def candidates(c: Any, request: Any, invalid: fake_sampling.Invalid) -> Any:
    """Answers a `GetCandidatesRequest`."""

    def nested(field: str, text: str) -> Exception:
        return invalid(f"sample.{field}", text)

    draw = sampling_pb2.SampleNegativesRequest()
    draw.CopyFrom(request.sample)
    draw.policy.unique = True
    wanted = set(draw.outputs) or {
        sampling_pb2.SAMPLE_OUTPUT_LOG_Q,
        sampling_pb2.SAMPLE_OUTPUT_LOG_Q_SOURCE,
        sampling_pb2.SAMPLE_OUTPUT_COMPONENT,
    }
    wanted.add(sampling_pb2.SAMPLE_OUTPUT_SCORE)
    draw.outputs[:] = sorted(wanted)
    if not draw.HasField("staleness_as_of_time"):
        draw.staleness_as_of_time.FromMicroseconds(int(time.time() * 1e6))
    sample = fake_sampling.sample(c, draw, nested)
    count = len(sample.row_statuses.raw)
    _check(c, request, count, invalid)
    catalogue = Catalogue(c)
    aged = draw.staleness_as_of_time.ToMicroseconds()
    catalogue.demand(draw, aged)
    items = np.array(c.items.find(sample.item_ids, "item_ids")).reshape(count, -1)
    positives = np.array(c.items.find(draw.positive_ids, "positive_ids") or [-1] * count)
    users = c.users.find(draw.user_ids, "user_ids") or [-1] * count
    queries = columns.floats_from_column(draw.queries.values).reshape(count, -1)
    has_vector = np.append(catalogue.has_vector, False)  # The last is padding's.
    scores = np.full(items.shape, np.nan, np.float32)
    for r, positive in enumerate(positives):
        row = fake_laws.Row(0, user=users[r], positive=positive, anchor=queries[r])
        anchor = fake_laws.anchor(catalogue, request, row)
        if anchor is not None:
            scores[r] = np.where(
                has_vector[items[r]], np.append(catalogue.scores(anchor), 0)[items[r]], np.nan
            )
    _rank(sample, items, scores, catalogue, aged)
    response = sampling_pb2.GetCandidatesResponse(sample=sample)
    for wanted_vectors, of, matrix in (
        (request.include_candidate_vectors, items.ravel(), response.candidate_vectors),
        (request.include_positive_vectors, positives, response.positive_vectors),
    ):
        if wanted_vectors:
            padded = np.append(catalogue.vectors, catalogue.vectors[:1] * 0, axis=0)
            vectors = np.where(has_vector[of][:, None], padded[of], np.nan).astype("<f4")
            matrix.row_count, matrix.column_count = vectors.shape
            matrix.values.raw = vectors.tobytes()
    return response


def _rank(
    sample: Any, items: np.ndarray, scores: np.ndarray, catalogue: Catalogue, aged: int
) -> None:
    """Puts the columns of `sample`, and `items`, in order of scores."""
    unscored = np.isnan(scores)
    sample.scores.raw = scores.tobytes()
    stamps = np.append(catalogue.stamps, [[-1, -1]], axis=0)[items]
    if sample.model_versions.raw:
        sample.model_versions.raw = np.where(unscored, -1, stamps[..., 0]).astype("<i8").tobytes()
    if sample.embedding_age_seconds.raw:
        ages = np.where(unscored, np.nan, (aged - stamps[..., 1]) / 1e6)
        sample.embedding_age_seconds.raw = ages.astype("<f4").tobytes()
    for r, row in enumerate(items.copy()):
        order = np.lexsort((row, np.where(unscored[r], np.inf, -scores[r]), row < 0))
        items[r] = row[order]
        for name, kind in _PER_DRAW:
            column = getattr(sample, name)
            if column.raw:
                values = np.frombuffer(column.raw, kind).reshape(items.shape).copy()
                values[r] = values[r][order]
                column.raw = values.tobytes()
