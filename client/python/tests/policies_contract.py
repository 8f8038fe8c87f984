# SPDX-License-Identifier: Apache-2.0
"""What any server must answer about stored policies, and to samples by them.

Each function takes a ready client and a collection id of its own.
"""

from __future__ import annotations

import numpy as np
import pytest

import negatron
from negatron import Nearest, Policy, Popularity, Schedule, Uniform

_DAY = 86_400_000_000


def _make(client: negatron.Client, cid: str) -> None:
    client.create_collection(
        cid,
        missing_item_rule=negatron.MissingItemRule.CREATE,
        dimension=2,
        metric=negatron.Metric.COSINE,
    )
    items = np.arange(1, 9)
    client.write_events(cid, np.full(8, 100), items, np.arange(8))
    client.write_embeddings(cid, items, np.random.default_rng(1).normal(size=(8, 2)))


def policies_have_versions(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    warm = Policy.mix((Schedule.linear((0, 1), (1, 0)), Uniform()), (1, Popularity()))
    first = client.put_policy(cid, "warm", warm, expected_version=0)
    assert (first.id, first.version, first.pinned) == ("warm", 1, "warm@1")
    assert first.policy == warm
    assert first.create_time is not None and not first.built_in
    hard = Policy.mix(
        (1, Nearest(window=(Schedule.steps((0, 4), (0.5, 0)), 5), noise=0.5)), unique=True
    )
    assert client.put_policy(cid, "warm", hard).version == 2
    assert client.put_policy(cid, "warm", hard).version == 2  # Nothing changed.
    with pytest.raises(negatron.Aborted):
        client.put_policy(cid, "warm", Uniform(), expected_version=1)
    assert client.get_policy(cid, "warm").policy == hard
    assert client.get_policy(cid, "warm@1") == first
    with pytest.raises(negatron.NotFound):
        client.get_policy(cid, "warm@3")
    assert [p.version for p in client.list_policy_versions(cid, "warm", page_size=1)] == [2, 1]


def policies_are_listed_and_deleted(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    client.put_policy(cid, "mine", Uniform(), request_id="put-1")
    assert client.put_policy(cid, "mine", Uniform(), request_id="put-1").version == 1
    listed = {p.id: p for p in client.list_policies(cid, page_size=2)}
    assert list(listed) == ["balanced", "hard", "mine", "popular", "uniform"]
    assert [name for name, p in listed.items() if not p.built_in] == ["mine"]
    with pytest.raises(negatron.FailedPrecondition):
        client.put_policy(cid, "hard", Uniform())
    with pytest.raises(negatron.FailedPrecondition):
        client.delete_policy(cid, "hard")
    client.delete_policy(cid, "mine", expected_version=1)
    with pytest.raises(negatron.NotFound):
        client.get_policy(cid, "mine")
    with pytest.raises(negatron.NotFound):
        client.delete_policy(cid, "mine")
    client.delete_policy(cid, "mine", allow_missing=True)
    assert client.put_policy(cid, "mine", Popularity()).version == 2


def bad_policies_name_their_fields(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    bad = Policy.mix((Schedule.linear((0, -1)), Uniform()))
    request = bad.to_proto()
    request.components[0].ClearField("share_schedule")
    request.components[0].share = -1
    recipe = Policy.mix((1, Uniform()))
    object.__setattr__(recipe, "to_proto", lambda: request)
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.put_policy(cid, "bad", recipe)
    assert [v.field for v in caught.value.field_violations] == ["policy.components[0].share"]


def samples_go_by_stored_policies(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    client.put_policy(cid, "p", Popularity())
    client.put_policy(cid, "p", Uniform())
    rows = {"row_keys": np.arange(50), "as_of": np.full(50, _DAY), "seed": 3}
    plain = client.sample(cid, 4, policy=Uniform(), **rows)
    assert (plain.policy, plain.snapshot.policy_version) == ("", 0)
    for name, pinned in (("p", "p@2"), ("p@2", "p@2"), ("uniform", "uniform@1")):
        sample = client.sample(cid, 4, policy=name, **rows)
        assert sample.policy == pinned
        assert sample.snapshot.policy_version == int(pinned[-1])
        assert (sample.items == plain.items).all()
        assert np.allclose(sample.log_q, plain.log_q)
    shared = client.sample_shared(cid, 8, policy="p@1", rows=2, as_of=_at(), seed=1)
    assert shared.policy == "p@1"
    queries = np.ones((2, 2))
    ranked = client.candidates(cid, 3, policy="p", queries=queries, as_of=_at())
    assert ranked.policy == "p@2"
    with pytest.raises(negatron.NotFound):
        client.sample(cid, 4, policy="p@3", **rows)


def _at() -> np.datetime64:
    return np.datetime64(_DAY, "us")


def schedules_follow_the_progress(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    policy = Policy.mix(
        (Schedule.linear((0, 1), (1, 0)), Uniform()),
        (Schedule.cosine((0, 0), (1, 1)), Popularity()),
    )
    rows = {"row_keys": np.arange(400), "as_of": np.full(400, _DAY), "seed": 3}
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.sample(cid, 1, policy=policy, **rows)
    assert [v.field for v in caught.value.field_violations] == ["progress"]
    # 400 rows of one draw: at 0.5 fewer than 120 of either have a chance below 1e-15.
    for progress, least, most in ((0.0, 0, 0), (0.5, 120, 280), (1.0, 400, 400)):
        sample = client.sample(cid, 1, policy=policy, progress=progress, **rows)
        assert least <= int((sample.components == 1).sum()) <= most
    client.put_policy(cid, "follows", policy)
    again = client.sample(cid, 1, policy="follows", progress=1.0, **rows)
    assert (again.items == sample.items).all()


CASES = (
    policies_have_versions,
    policies_are_listed_and_deleted,
    bad_policies_name_their_fields,
    samples_go_by_stored_policies,
    schedules_follow_the_progress,
)
