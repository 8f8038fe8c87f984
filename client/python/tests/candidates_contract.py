# SPDX-License-Identifier: Apache-2.0
"""Candidates: what any server must answer, as `contract.py`."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

import negatron

_DIMENSION = 4


def _fill(client: negatron.Client, cid: str) -> np.ndarray:
    """Items 0 to 29; returns their embeddings, NaN where an item has none."""
    client.create_collection(cid, dimension=_DIMENSION, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(30))
    numbers = np.arange(30 * _DIMENSION).reshape(30, _DIMENSION)
    vectors = (numbers * 7 % 11 - 5).astype(np.float32)  # Whole: products are exact.
    known = np.flatnonzero(np.arange(30) % 6)
    client.write_embeddings(cid, known, vectors[known])
    client.write_events(cid, [1, 1, 2], [3, 4, 5], [0, 10, 0])
    vectors[np.arange(30) % 6 == 0] = np.nan
    return vectors


def _rows(**others: Any) -> dict[str, Any]:
    queries = np.array([[1, 0, 2, 0], [0, 1, -1, 1]], np.float32)
    rows = {
        "users": [1, 2], "positives": [7, 6], "as_of": np.array([5, 20]), "row_keys": [1, 2],
        "queries": queries, "seed": 5,
    }
    return {**rows, **others}


def candidates_are_ranked_unique_draws(client: negatron.Client, cid: str) -> None:
    vectors = _fill(client, cid)
    policy = negatron.Policy.mix((2, negatron.Uniform()), (1, negatron.Nearest(window=(0, 9))))
    rows = _rows()
    found = client.candidates(
        cid, 12, policy=policy, vectors=True, positive_vectors=True, **rows
    )
    assert isinstance(found, negatron.Candidates) and found.mask.all()
    unique = negatron.Policy(policy.components, unique=True)
    drawn = client.sample(cid, 12, policy=unique, **rows)
    for r in range(2):
        assert len(set(found.items[r])) == 12
        laws = dict(zip(drawn.items[r], zip(drawn.log_q[r], drawn.log_q_source[r])))
        again = dict(zip(found.items[r], zip(found.log_q[r], found.log_q_source[r])))
        assert laws == again
    assert not {3, 7} & set(found.items[0]) and not {5, 6} & set(found.items[1])
    scores = np.einsum("rd,rmd->rm", rows["queries"], vectors[found.items])
    assert np.array_equal(found.scores, scores, equal_nan=True)
    ranks = np.where(np.isnan(scores), -np.inf, scores)
    order = np.lexsort((found.items, -ranks), axis=1)
    assert (order == np.arange(12)).all()
    assert found.vectors.shape == (2, 12, _DIMENSION) and found.vectors.dtype == np.float32
    assert np.array_equal(found.vectors, vectors[found.items], equal_nan=True)
    assert np.array_equal(found.positive_vectors, vectors[[7, 6]], equal_nan=True)
    assert found.vectors.base is not None and not found.vectors.flags.writeable, "a copy"
    stored, _ = client.get_embeddings(cid, found.items[0])
    assert np.array_equal(found.vectors[0], stored, equal_nan=True)
    plain = client.candidates(cid, 12, policy=policy, **rows)
    assert plain.vectors is None and plain.positive_vectors is None
    assert (plain.items == found.items).all()
    future = client.candidates_async(cid, 12, policy=policy, **rows)
    assert (future.result().items == found.items).all()
    one = {name: value[1:] if np.ndim(value) else value for name, value in rows.items()}
    alone = client.candidates(cid, 12, policy=policy, vectors=True, **one)
    assert alone.items.tobytes() == found.items[1:].tobytes()
    assert alone.log_q.tobytes() == found.log_q[1:].tobytes()
    assert alone.vectors.tobytes() == found.vectors[1:].tobytes()


def candidates_without_scores_come_last(client: negatron.Client, cid: str) -> None:
    vectors = _fill(client, cid)
    rows = _rows(exclusions=[[0], []])
    found = client.candidates(
        cid, 40, policy=negatron.Uniform(), vectors=True, outputs=(), **rows
    )
    # 30 items, but user 1 chose 3 before, and the positive and the named item are excluded, too.
    assert found.drawn_counts.tolist() == [27, 28]
    assert found.statuses.tolist() == [negatron.RowStatus.SHORT] * 2
    assert found.log_q is None and found.scores is not None
    assert found.items[0, 23:].tolist() == [6, 12, 18, 24] + [-1] * 13
    assert np.isnan(found.scores[0, 23:]).all() and not np.isnan(found.scores[0, :23]).any()
    assert np.isnan(found.vectors[0, 23:]).all()
    by_positive = client.candidates(
        cid, 8, policy=negatron.Uniform(), anchor="positive", **_rows(queries=None)
    )
    scores = np.einsum("rd,rmd->rm", vectors[[7, 6]], vectors[by_positive.items])
    assert np.array_equal(by_positive.scores, scores, equal_nan=True)
    # 6 has no embedding: the candidates of its row are there, in the order of items.
    assert by_positive.statuses.tolist() == [negatron.RowStatus.OK] * 2
    assert (np.diff(by_positive.items[1]) > 0).all()


def candidates_keep_demands_on_embeddings(client: negatron.Client, cid: str) -> None:
    _fill(client, cid)
    client.write_embeddings(cid, [8, 9], np.full((2, _DIMENSION), [[1], [2]]), model_version=3)
    found = client.candidates(
        cid, 40, policy=negatron.Uniform(), vectors=True, min_model_version=3,
        outputs=["model_versions", "embedding_ages"], **_rows()
    )
    assert found.items[0, :2].tolist() == [9, 8]
    assert found.scores[0, :3].tolist()[:2] == [6, 3] and np.isnan(found.scores[0, 2:]).all()
    assert found.model_versions[0, :3].tolist() == [3, 3, -1]
    assert (np.abs(found.embedding_ages[0, :2]) < 60).all()
    assert np.isnan(found.embedding_ages[0, 2:]).all()
    assert np.isnan(found.vectors[0, 2:]).all()
    old = client.candidates(
        cid, 40, policy=negatron.Uniform(), max_staleness=dt.timedelta(hours=1),
        staleness_as_of=dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1), **_rows()
    )
    assert np.isnan(old.scores).all()


def candidates_need_what_they_are_scored_by(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid + "-bare")
    with pytest.raises(negatron.FailedPrecondition) as bare:
        client.candidates(cid + "-bare", 2, policy=negatron.Uniform(), rows=1)
    assert bare.value.reason == "EMBEDDINGS_NOT_CONFIGURED"
    _fill(client, cid)

    def field(count: int = 2, **arguments: Any) -> str:
        policy = arguments.pop("policy", negatron.Uniform())
        with pytest.raises(negatron.InvalidArgument) as caught:
            client.candidates(cid, count, policy=policy, **arguments)
        return caught.value.field_violations[0].field

    assert field(rows=1) == "sample.queries"
    assert field(rows=1, anchor="positive") == "sample.positive_ids"
    assert field(**_rows(positives=None), positive_vectors=True) == "sample.positive_ids"
    assert field(0, **_rows()) == "sample.negative_count"
    assert field(32_769, vectors=True, **_rows()) == "sample.negative_count"
    assert client.candidates(cid, 32_769, policy=negatron.Uniform(), **_rows()).mask.sum() == 56
    with pytest.raises(ValueError):
        client.candidates(cid, 2, policy=negatron.Uniform(), anchor="user", rows=1)


def candidates_have_names(client: negatron.Client, cid: str) -> None:
    client.create_collection(
        cid, item_id_type=negatron.IdType.STRING, dimension=1,
        metric=negatron.Metric.INNER_PRODUCT,
    )
    client.write_items(cid, ["low", "none", "high"])
    client.write_embeddings(cid, ["low", "high"], [[1], [2]])
    rows = {"queries": np.ones((1, 1), np.float32), "policy": negatron.Uniform()}
    assert client.candidates(cid, 4, **rows).items.tolist() == [["high", "low", "none", ""]]
    numbers = client.candidates(cid, 4, as_numbers=True, **rows)
    assert numbers.items.tolist() == [[2, 0, 1, -1]]


CASES = (
    candidates_are_ranked_unique_draws,
    candidates_without_scores_come_last,
    candidates_keep_demands_on_embeddings,
    candidates_need_what_they_are_scored_by,
    candidates_have_names,
)
