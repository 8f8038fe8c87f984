# SPDX-License-Identifier: Apache-2.0
"""What the server must answer about items and kept calls.

Each function takes a ready client and a collection id of its own. The fake server has none of this.
"""

from __future__ import annotations

import datetime as dt
import time

import numpy as np
import pytest

import negatron
from negatron import ItemClass, Nearest, Obstacle, Policy, Popularity, Uniform

_DAY = 86_400_000_000


def _make(client: negatron.Client, cid: str, **settings: object) -> None:
    client.create_collection(
        cid,
        missing_item_rule=negatron.MissingItemRule.CREATE,
        dimension=2,
        metric=negatron.Metric.COSINE,
        **settings,
    )
    items = np.arange(1, 9)
    client.write_events(cid, np.full(8, 100), items, np.arange(8) * _DAY)
    client.write_embeddings(cid, items, np.random.default_rng(1).normal(size=(8, 2)))


def draws_have_the_numbers_that_are_explained(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    policy = Policy.mix((1, Uniform()), (2, Popularity()), (1, Nearest(window=(1, 4))))
    row = {"as_of": np.datetime64(4 * _DAY, "us"), "seed": 5}
    query = np.ones(2)
    sample = client.sample(
        cid, 16, policy=policy, users=[200], queries=query[None, :], row_keys=[7],
        outputs=["log_q", "log_q_source", "components", "scores"], **row,
    )
    told = client.explain(
        cid, sample.items[0], policy=policy, user=200, query=query, row_key=7, **row
    )
    assert (told.classes == ItemClass.NEGATIVE).all()
    assert (told.log_q == sample.log_q[0]).all()
    rows = np.arange(16)
    assert (told.log_q_source[rows, sample.components[0]] == sample.log_q_source[0]).all()
    assert (told.obstacles[rows, sample.components[0]] == Obstacle.NONE).all()
    assert [source.source for source in told.sources] == ["uniform", "popularity", "nearest"]
    assert told.snapshot == sample.snapshot


def items_are_told_what_they_are(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    told = client.explain(
        cid, [1, 6, 7, 99], policy=Policy.mix((1, Uniform()), (1, Popularity())), user=100,
        positive=7, as_of=np.datetime64(4 * _DAY, "us"),
    )
    kinds = [ItemClass.POSITIVE, ItemClass.DEAD, ItemClass.POSITIVE, ItemClass.UNKNOWN]
    assert [ItemClass(kind) for kind in told.classes] == kinds
    assert told.first_positive_micros[0] == 0
    assert negatron.Ground(told.grounds[2]) == negatron.Ground.ROW_POSITIVE
    assert Obstacle(told.obstacles[0, 0]) == Obstacle.EXCLUDED
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.explain(cid, [1], policy=Uniform(), as_of=np.datetime64(0, "us"), cohort=None,
                       progress=2.0)
    assert [v.field for v in caught.value.field_violations] == ["sample.progress"]


def _kept(client: negatron.Client, cid: str, count: int) -> list[negatron.Audit]:
    deadline = time.monotonic() + 30
    while True:
        audits = list(client.list_audits(cid, page_size=2))
        if len(audits) >= count or time.monotonic() > deadline:
            return audits
        time.sleep(0.05)  # They are written behind the calls.


def calls_are_kept_and_drawn_again(client: negatron.Client, cid: str) -> None:
    _make(client, cid, audit=negatron.AuditSettings(1.0))
    client.put_policy(cid, "mine", Uniform())
    assert client.get_collection(cid).audit.rate == 1.0
    sample = client.sample(cid, 3, policy="mine", users=[200, 201], as_of=_noon(), seed=9)
    client.sample(cid, 3, policy=Popularity(), users=[5], as_of=_noon(), seed=10)
    client.candidates(cid, 3, policy=Uniform(), queries=np.ones((1, 2)), as_of=_noon(), seed=11)
    block = client.sample_shared(
        cid, 9, policy=Uniform(), users=[200, 201], as_of=_noon(), seed=12, block_key=4
    )
    audits = _kept(client, cid, 4)
    assert [audit.seed for audit in audits] == [12, 11, 10, 9]
    assert [audit.shared for audit in audits] == [True, False, False, False]
    kept_block = client.get_audit(cid, audits[0].id)
    assert (kept_block.block.items == block.items).all()
    assert (kept_block.block.false_bits == block.false_bits).all()
    assert (kept_block.block.row_log_q == block.row_log_q).all()
    assert kept_block.request.block_key == 4
    assert client.replay_audit(cid, audits.pop(0).id).equal
    assert [audit.candidates for audit in audits] == [True, False, False]
    named = list(client.list_audits(cid, policy="mine"))
    assert [audit.policy for audit in named] == ["mine@1"]
    whole = client.get_audit(cid, audits[2].id)
    assert (whole.sample.items == sample.items).all()
    assert (whole.sample.log_q == sample.log_q).all()
    assert list(np.frombuffer(whole.request.user_ids.raw, "<i8")) == [200, 201]
    for audit in audits:
        assert client.replay_audit(cid, audit.id).equal
    assert client.statistics(cid).audit.kept_count == 4
    client.erase_users(cid, [5])
    assert [audit.seed for audit in _kept(client, cid, 3)] == [12, 11, 9]
    with pytest.raises(negatron.FailedPrecondition):
        client.replay_audit(cid, audits[0].id)
    with pytest.raises(negatron.NotFound):
        client.replay_audit(cid, audits[1].id)
    assert client.update_collection(cid, audit=False).audit is None


def draws_are_told_over_time(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    policy = Policy.mix((3, Uniform()), (1, Nearest(window=(0, 4))))
    queries = np.tile(np.array([[1.0, 0.0]]), (4096, 1))
    client.sample(
        cid, 16, policy=policy, queries=queries, row_keys=np.arange(4096), as_of=_noon()
    )
    told = client.sampling_statistics(cid)
    assert told.resolution == dt.timedelta(seconds=10)
    assert told.end - told.start >= dt.timedelta(hours=1)
    assert told.buckets.starts.dtype == np.dtype("datetime64[us]")
    assert told.buckets.row_counts.tolist() == [4096]
    assert told.total.row_counts.tolist() == [4096]
    assert told.total.row_status_counts[negatron.RowStatus.OK].tolist() == [4096]
    # Each thread that helps begins at a place of its own.
    observed = 4096 // told.rows_per_observation
    assert told.total.observed_row_counts[0] == pytest.approx(observed, abs=4)
    uniform, nearest = told.total.sources["uniform"], told.total.sources["nearest"]
    assert uniform.drawn_counts[0] + nearest.drawn_counts[0] == 16 * 4096
    assert uniform.configured_shares[0] == pytest.approx(0.75)
    assert uniform.law_mean_inverses[0] == pytest.approx(1)
    assert np.isnan(uniform.score_means[0])
    assert nearest.score_p10[0] <= nearest.score_p50[0] <= nearest.score_p90[0]
    assert nearest.distinct_item_counts[0] == pytest.approx(4, abs=0.5)
    minutes = client.sampling_statistics(
        cid, window=dt.timedelta(hours=2), resolution=dt.timedelta(minutes=1)
    )
    assert minutes.total.row_counts.tolist() == [4096]
    past = client.sampling_statistics(cid, start=_noon(), end=_noon() + np.timedelta64(1, "h"))
    assert past.buckets.starts.size == 0 and not past.total.sources
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.sampling_statistics(cid, window=dt.timedelta(0), end=_noon())
    fields = {violation.field for violation in caught.value.field_violations}
    assert fields == {"window", "end_time"}


def _noon() -> np.datetime64:
    return np.datetime64(20 * _DAY, "us")


CASES = (
    draws_have_the_numbers_that_are_explained,
    items_are_told_what_they_are,
    calls_are_kept_and_drawn_again,
    draws_are_told_over_time,
)
