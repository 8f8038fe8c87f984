# SPDX-License-Identifier: Apache-2.0
"""Guards of policies: what any server must answer, as `contract.py`."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

import negatron
from negatron import Categories, DrawTag, Filtered, MinDistance, Plausibility, ScoreBounds

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_TAGS = ["tags", "log_q", "log_q_source", "components", "rejects_by_all_causes"]


def _fill(client: negatron.Client, cid: str) -> None:
    """Ten items on a circle, in order of angle; item 9 has no embedding."""
    client.create_collection(
        cid, dimension=2, metric=negatron.Metric.COSINE, cohort_popularity=True
    )
    angles = np.arange(9) * 0.3
    client.write_items(cid, np.arange(10), categories=[["even", "all"] if i % 2 == 0 else ["all"]
                                                       for i in range(10)])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    client.write_embeddings(cid, np.arange(9), vectors)
    client.write_events(
        cid, [1, 1, 1, 2, 2], [0, 1, 2, 7, 8], [0, 2 * _DAY, 3 * _DAY, 0, 0],
        cohorts=np.array([1, 1, 1, 2, 2]),
    )


def _drawn(client: negatron.Client, cid: str, policy: Any, **rows: Any) -> negatron.Sample:
    return client.sample(cid, 200, policy=policy, outputs=_TAGS, seed=4, **rows)


def horizons_leave_out_or_tag(client: negatron.Client, cid: str) -> None:
    _fill(client, cid)
    row = {"users": [1], "as_of": np.array([2 * _DAY])}
    uniform = (1.0, negatron.Uniform())
    day = dt.timedelta(days=1)
    for horizon, missing in ((None, {0}), (day / 2, {0, 1}), (day, {0, 1, 2})):
        policy = negatron.Policy.mix(uniform, history_horizon=horizon)
        sample = _drawn(client, cid, policy, **row)
        assert set(range(10)) - set(sample.items[0].tolist()) == missing
        assert np.allclose(sample.log_q, -np.log(10 - len(missing)), atol=1e-5)
        assert (sample.tags == 0).all()
        assert sample.rejects_by_all_causes.shape[1] >= 6
    kept = _drawn(
        client, cid, negatron.Policy.mix(uniform, history_horizon=day, uncertain="keep"), **row
    )
    assert (kept.tags == np.where(np.isin(kept.items, [1, 2]), DrawTag.IN_HORIZON, 0)).all()
    assert set(kept.items[kept.tags != 0].tolist()) == {1, 2}


def near_items_are_uncertain(client: negatron.Client, cid: str) -> None:
    _fill(client, cid)
    row = {"users": [1], "positives": [5], "as_of": np.array([4 * _DAY])}
    distance = MinDistance(1 - np.cos(0.4))  # The neighbours on the circle.
    policy = negatron.Policy.mix((1.0, negatron.Uniform()), min_distance=distance)
    sample = _drawn(client, cid, policy, **row)
    assert set(sample.items[0].tolist()) == {3, 7, 8, 9}
    assert np.allclose(sample.log_q, -np.log(4), atol=1e-5)
    assert sample.law_kind == negatron.LawKind.EXACT
    policy = negatron.Policy.mix(
        (1.0, negatron.Uniform()), min_distance=MinDistance(distance.distance, history_count=1)
    )
    assert set(_drawn(client, cid, policy, **row).items[0].tolist()) == {7, 8, 9}
    policy = negatron.Policy.mix(
        (1.0, negatron.Uniform()), min_distance=distance, uncertain="keep"
    )
    kept = _drawn(client, cid, policy, **row)
    near = np.isin(kept.items, [4, 6])
    assert near.any()
    assert (kept.tags == np.where(near, DrawTag.NEAR_POSITIVE, 0)).all()


def filters_admit_what_passes(client: negatron.Client, cid: str) -> None:
    _fill(client, cid)
    row = {"as_of": np.array([4 * _DAY]), "positives": [4],
           "queries": np.array([[1, 0]], np.float32)}

    def items(source: Any, **filters: Any) -> set[int]:
        return set(_drawn(client, cid, Filtered(source, **filters), **row).items[0].tolist())

    uniform = negatron.Uniform()
    assert items(uniform, categories=Categories(any_of=["even", "x"])) == {0, 2, 6, 8}
    odd = Categories(all_of=["all"], none_of=["even"])
    assert items(uniform, categories=odd) == {1, 3, 5, 7, 9}
    assert items(uniform, plausibility=Plausibility(min_positives=1)) == {0, 1, 2, 7, 8}
    hour = np.arange(3) * _HOUR
    client.write_events(cid, [1, 2, 3], [3, 3, 7], hour, kinds=negatron.EventKind.EXPOSURE)
    shown = Plausibility(min_exposures=1)
    assert items(uniform, plausibility=shown) == {3, 7}
    assert items(uniform, plausibility=Plausibility(min_exposures=2)) == {3}
    assert items(uniform, plausibility=Plausibility(min_positives=1, min_exposures=1)) == {7}
    half = Plausibility(min_mass=0.4, half_life=dt.timedelta(days=1))
    assert items(uniform, plausibility=half) == {2}
    assert items(uniform, scores=ScoreBounds(min_score=0.8)) == {0, 1, 2}
    assert items(uniform, scores=ScoreBounds(margin=0.3)) == {6, 7, 8}
    assert items(negatron.Popularity(), scores=ScoreBounds(min_score=0.8)) == {0, 1, 2}
    assert items(negatron.Nearest((0, 3)), categories=Categories(none_of=["even"])) == {1, 3, 5}
    nothing = _drawn(client, cid, Filtered(uniform, categories=Categories(any_of=["x"])), **row)
    assert nothing.statuses.tolist() == [negatron.RowStatus.NO_CANDIDATE]


def fallbacks_fill_and_tag(client: negatron.Client, cid: str) -> None:
    _fill(client, cid)
    policy = negatron.Policy.mix(
        (1.0, negatron.Popularity()), unique=True,
        fallback=Filtered(negatron.Uniform(), categories=Categories(none_of=["even"])),
    )
    sample = client.sample(
        cid, 6, policy=policy, users=[2], as_of=np.array([4 * _DAY]), outputs=_TAGS
    )
    popular = np.isin(sample.items, [0, 1, 2])
    assert popular.sum() == 3
    assert set(sample.items[~popular].tolist()) <= {3, 5, 9}
    assert (sample.tags == np.where(popular, 0, DrawTag.FALLBACK)).all()
    assert (sample.components == np.where(popular, 0, 1)).all()
    assert (np.isnan(sample.log_q) == ~popular).all()
    assert sample.fallback is not None
    assert (sample.fallback.source, sample.fallback.drawn_count) == ("uniform", 3)
    empty = client.sample(
        cid, 6, policy=negatron.Policy.mix((1.0, negatron.Mined()), fallback=negatron.Uniform()),
        users=[7], as_of=np.array([4 * _DAY]), outputs=_TAGS,
    )
    assert (empty.tags == DrawTag.FALLBACK).all()
    assert np.allclose(empty.log_q, -np.log(10), atol=1e-5)


def quotas_hold(client: negatron.Client, cid: str) -> None:
    _fill(client, cid)
    policy = negatron.Policy.mix((1.0, negatron.Uniform()), category_limits={"even": 2})
    sample = client.sample(cid, 30, policy=policy, rows=1, as_of=np.array([_DAY]))
    assert (sample.items % 2 == 0).sum() == 2
    cohorts = negatron.Policy.mix(
        (1.0, negatron.Popularity(cohort=1)), (1.0, negatron.Popularity(cohort=2))
    )
    sample = client.sample(
        cid, 40, policy=cohorts, rows=1, as_of=np.array([4 * _DAY]), cohorts=[2]
    )
    assert set(sample.items[sample.components == 0].tolist()) <= {0, 1, 2}
    assert set(sample.items[sample.components == 1].tolist()) == {7, 8}


def blocks_leave_out_what_is_ahead(client: negatron.Client, cid: str) -> None:
    _fill(client, cid)
    policy = negatron.Policy.mix((1.0, negatron.Uniform()), history_horizon=dt.timedelta(days=1))
    shared = client.sample_shared(cid, 100, policy=policy, users=[1], as_of=np.array([2 * _DAY]))
    assert (shared.mask[0] == ~np.isin(shared.items, [0, 1, 2])).all()
    assert np.allclose(shared.log_remaining, np.log(0.7), atol=1e-5)
    near = negatron.Policy.mix(
        (1.0, negatron.Uniform()), min_distance=MinDistance(1 - np.cos(0.4))
    )
    shared = client.sample_shared(
        cid, 100, policy=near, users=[1], positives=[5], as_of=np.array([4 * _DAY])
    )
    assert set(shared.items.tolist()) == set(range(10))
    assert (shared.mask[0] == np.isin(shared.items, [3, 7, 8, 9])).all()
    assert np.allclose(shared.log_remaining, np.log(0.4), atol=1e-5)
    filtered = Filtered(
        negatron.Uniform(), categories=Categories(any_of=["even"]),
        plausibility=Plausibility(min_positives=1),
    )
    shared = client.sample_shared(
        cid, 100, policy=filtered, users=[1], as_of=np.array([2 * _DAY])
    )
    assert set(shared.items.tolist()) == {0, 8}
    assert np.allclose(shared.log_q, np.log(0.5), atol=1e-5)
    assert shared.law_kind == negatron.LawKind.EXACT
    assert (shared.mask[0] == (shared.items != 0)).all()
    assert np.allclose(shared.log_remaining, np.log(0.5), atol=1e-5)


def bad_guards_are_refused(client: negatron.Client, cid: str) -> None:
    _fill(client, cid)
    uniform = negatron.Uniform()
    for error, make in (
        (ValueError, lambda: MinDistance(0)),
        (ValueError, lambda: MinDistance(1, 17)),
        (ValueError, lambda: Plausibility(min_mass=-1)),
        (ValueError, lambda: Plausibility(min_exposures=-1)),
        (ValueError, lambda: ScoreBounds(min_score=2, max_score=1)),
        (ValueError, lambda: ScoreBounds(anchor="row")),
        (ValueError, lambda: Categories(any_of=[""])),
        (TypeError, lambda: Categories(any_of="even")),
        (TypeError, lambda: Filtered(uniform, categories=["even"])),
        (TypeError, lambda: negatron.Policy.mix((1.0, Filtered(Filtered(uniform))))),
        (ValueError, lambda: negatron.Policy.mix((1.0, Filtered(negatron.Nearest(),
                                                                scores=ScoreBounds())))),
        (ValueError, lambda: negatron.Policy.mix((1.0, uniform), uncertain="maybe")),
        (ValueError, lambda: negatron.Policy.mix((1.0, uniform), fallback=negatron.Mined())),
        (ValueError, lambda: negatron.Policy.mix((1.0, uniform), category_limits={"a": 0})),
        (ValueError, lambda: negatron.Policy.mix((1.0, uniform),
                                                 history_horizon=dt.timedelta(days=-1))),
        (ValueError, lambda: negatron.Popularity(cohort=256)),
    ):
        with pytest.raises(error):
            make()
    for policy in (
        negatron.Policy.mix((1.0, uniform), min_distance=MinDistance(1), uncertain="keep"),
        negatron.Policy.mix((1.0, uniform), fallback=uniform),
        negatron.Policy.mix((1.0, Filtered(uniform, scores=ScoreBounds()))),
    ):
        with pytest.raises(ValueError):
            client.sample_shared(cid, 1, policy=policy, rows=1)


CASES = (
    horizons_leave_out_or_tag,
    near_items_are_uncertain,
    filters_admit_what_passes,
    fallbacks_fill_and_tag,
    quotas_hold,
    blocks_leave_out_what_is_ahead,
    bad_guards_are_refused,
)
