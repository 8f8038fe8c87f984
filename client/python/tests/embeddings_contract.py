# SPDX-License-Identifier: Apache-2.0
"""More of `contract`: element types, versions and ages of embeddings, and whole tables of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

import negatron


def embeddings_have_versions_and_ages(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=1, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(4))
    before = dt.datetime.now(dt.timezone.utc)
    client.write_embeddings(cid, [0], [[1]])
    client.write_embeddings(cid, [1], [[2]], model_version=3)
    client.write_embeddings(cid, [2], [[3]], model_version=7)
    for stale in (6, None):
        with pytest.raises(negatron.FailedPrecondition) as caught:
            client.write_embeddings(cid, [3], [[4]], model_version=stale)
        assert caught.value.reason == "STALE_MODEL_VERSION"
        assert caught.value.metadata["highest_model_version"] == "7"
    with pytest.raises(negatron.InvalidArgument):
        client.write_embeddings(cid, [3], [[4]], model_version=0)
    assert client.statistics(cid).highest_model_version == 7
    versions, times = client.get_embedding_stamps(cid, [0, 1, 2, 3])
    assert versions.tolist() == [0, 3, 7, -1]
    assert np.isnat(times).tolist() == [False, False, False, True]
    age = np.datetime64(before.replace(tzinfo=None), "us") - times[0]
    assert abs(age) < np.timedelta64(60, "s")

    def sample(**demands: Any) -> negatron.Sample:
        policy = negatron.Policy.mix((1, negatron.Adversarial(1.0)), (1, negatron.Uniform()))
        return client.sample(
            cid, 512, policy=policy, queries=np.ones((1, 1), np.float32), seed=1,
            outputs=["components", "model_versions", "embedding_ages"], **demands,
        )

    def hard(drawn: negatron.Sample) -> set[tuple[int, int]]:
        assert drawn.model_versions is not None and drawn.embedding_ages is not None
        scored = drawn.components == 0
        assert (drawn.model_versions[~scored] == -1).all()
        assert np.isnan(drawn.embedding_ages[~scored]).all()
        assert (np.abs(drawn.embedding_ages[scored]) < 60).all()
        return set(zip(drawn.items[scored].tolist(), drawn.model_versions[scored].tolist()))

    assert hard(sample()) == {(0, 0), (1, 3), (2, 7)}
    assert hard(sample(min_model_version=3)) == {(1, 3), (2, 7)}
    assert hard(sample(max_staleness=dt.timedelta(minutes=1))) == {(0, 0), (1, 3), (2, 7)}
    later = before + dt.timedelta(hours=1)
    aged = sample(max_staleness=dt.timedelta(minutes=1), staleness_as_of=later)
    assert hard(aged) == set()
    assert aged.staleness_as_of == later
    with pytest.raises(negatron.InvalidArgument):
        sample(max_staleness=dt.timedelta(0))
    with pytest.raises(negatron.InvalidArgument):
        sample(min_model_version=-1)


def partial_writes_tell_what_they_left_out(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=2, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(4))
    vectors = np.array([[1, 1], [np.nan, 1], [2, 2], [3, 3]])
    result = client.write_embeddings(
        cid, [0, 1, 99, 2], vectors, allow_partial=True, request_id="partial"
    )
    assert result.written_count == 2
    assert result.refused_rows.tolist() == [1, 2]
    assert result.refusals.tolist() == [
        negatron.RowRefusal.INVALID_VECTOR, negatron.RowRefusal.UNKNOWN_ITEM,
    ]
    got, found = client.get_embeddings(cid, np.arange(4))
    assert found.tolist() == [True, False, True, False]
    assert got[2].tolist() == [3, 3]
    again = client.write_embeddings(
        cid, [0, 1, 99, 2], vectors, allow_partial=True, request_id="partial"
    )
    assert again.replayed and again.written_count == 2
    assert len(again.refused_rows) == 0
    whole = client.write_embeddings(cid, [3], [[4, 4]], allow_partial=True)
    assert (whole.written_count, len(whole.refused_rows)) == (1, 0)


def a_version_replaces_all_embeddings(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=1, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(6))
    client.write_embeddings(cid, [4, 5], [[7], [7]], model_version=1)
    for _ in range(2):
        begun = client.begin_embedding_version(cid, 3, ttl=dt.timedelta(hours=1))
        assert begun.state == negatron.VersionState.STAGING
        assert begun.expire_time - begun.create_time == dt.timedelta(hours=1)
        assert begun.end_time is None
    # Two ranks; one is repeated as after a crash.
    assert client.upload_embeddings(cid, 3, [0, 1], [[1], [2]], shard=0) == 2
    for _ in range(2):
        assert client.upload_embeddings(cid, 3, [2, 3, 4], [[3], [4], [5]], shard=1) == 3
    staging = client.get_embedding_version(cid, 3)
    assert staging.next_chunks == {0: 2, 1: 2}
    assert staging.written_counts == {0: 2, 1: 3}
    assert client.get_embedding_stamps(cid, [0, 4])[0].tolist() == [-1, 1]
    with pytest.raises(negatron.FailedPrecondition) as caught:
        client.commit_embedding_version(cid, 3, row_count=6)
    assert caught.value.reason == "EMBEDDING_VERSION_INCOMPLETE"
    for _ in range(2):
        committed = client.commit_embedding_version(cid, 3, row_count=5, request_id="commit")
        assert committed.state == negatron.VersionState.COMMITTED
        assert committed.row_count == 5
    vectors, found = client.get_embeddings(cid, np.arange(6))
    assert found.tolist() == [True] * 5 + [False]
    assert vectors[:5, 0].tolist() == [1, 2, 3, 4, 5]
    for late in (
        lambda: client.upload_embeddings(cid, 3, [5], [[1]]),
        lambda: client.commit_embedding_version(cid, 3),
        lambda: client.abort_embedding_version(cid, 3),
    ):
        with pytest.raises(negatron.FailedPrecondition) as caught:
            late()
        assert caught.value.reason == "EMBEDDING_VERSION_ENDED"
    with pytest.raises(negatron.FailedPrecondition) as caught:
        client.begin_embedding_version(cid, 2)
    assert caught.value.reason == "STALE_MODEL_VERSION"
    client.write_embeddings(cid, [5], [[6]], model_version=3)
    client.begin_embedding_version(cid, 4)
    with pytest.raises(negatron.InvalidArgument) as invalid:
        client.upload_embeddings(cid, 4, [0, 99], [[1], [1]])
    assert invalid.value.field_violations[0].field == "item_ids[1]"
    for _ in range(2):
        assert client.abort_embedding_version(cid, 4).state == negatron.VersionState.ABORTED
    assert [v.model_version for v in client.list_embedding_versions(cid)] == [3, 4]
    with pytest.raises(negatron.NotFound):
        client.get_embedding_version(cid, 9)
    assert client.get_embedding_stamps(cid, np.arange(6))[0].tolist() == [3] * 6


def bfloat16_embeddings_come_back_rounded(client: negatron.Client, cid: str) -> None:
    made = client.create_collection(
        cid, dimension=19, metric=negatron.Metric.INNER_PRODUCT,
        element_type=negatron.ElementType.BFLOAT16,
    )
    assert made.element_type == negatron.ElementType.BFLOAT16
    items = np.arange(50)
    client.write_items(cid, items)
    vectors = np.random.default_rng(0).normal(size=(50, 19)).astype(np.float32)
    vectors[0, :3] = 1 + 2.0**-8, 1 + 3 * 2.0**-8, -0.0  # Two ties, one down and one up.
    client.write_embeddings(cid, items, vectors)
    # Eight significant bits; rint rounds ties to even.
    fractions, exponents = np.frexp(vectors)
    rounded = np.ldexp(np.rint(fractions * 256) / 256, exponents).astype(np.float32)
    assert rounded[0, :2].tolist() == [1, 1 + 2.0**-6]
    assert (rounded != vectors).any()
    got, found = client.get_embeddings(cid, items)
    assert found.all()
    assert got.dtype == np.float32
    assert got.tobytes() == rounded.tobytes()
    query = vectors[:1] + np.float32(2.0**-12)  # Not rounded.
    sample = client.sample(
        cid, 50, policy=negatron.Nearest((0, 50), pick="top"), queries=query, outputs=["scores"]
    )
    assert np.allclose(sample.scores[0], rounded[sample.items[0]] @ query[0], rtol=0, atol=1e-5)
    with pytest.raises(negatron.InvalidArgument):
        client.update_collection(
            cid, dimension=19, metric=negatron.Metric.INNER_PRODUCT,
            element_type=negatron.ElementType.FLOAT32,
        )
    wide = client.create_collection(cid + "-w", dimension=1, metric=negatron.Metric.L2)
    assert wide.element_type == negatron.ElementType.FLOAT32


def rows_can_be_anchored_on_their_users(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=2, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(4))
    client.write_embeddings(cid, np.arange(4), [[1, 0], [0, 1], [-1, 0], [0, -1]])
    assert client.write_user_embeddings(cid, [7, 8], [[1, 0], [0, 1]]).written_count == 2
    vectors, found = client.get_user_embeddings(cid, [7, 8, 9])
    assert found.tolist() == [True, True, False]
    assert vectors[:2].tolist() == [[1, 0], [0, 1]]
    versions, times = client.get_user_embedding_stamps(cid, [7, 9])
    assert versions.tolist() == [0, -1]
    assert np.isnat(times).tolist() == [False, True]
    for source in (
        negatron.Nearest((0, 1), anchor="user", pick="top"),
        negatron.Adversarial(1e-3, anchor="user"),
    ):
        sample = client.sample(cid, 1, policy=source, users=[7, 8, 9], outputs=["scores"])
        assert sample.items[:2].tolist() == [[0], [1]]
        assert sample.statuses[2] == negatron.RowStatus.NO_ANCHOR
    ranked = client.candidates(cid, 4, policy=negatron.Uniform(), anchor="user", users=[8])
    assert ranked.items[0, 0] == 1 and ranked.items[0, 3] == 3
    with pytest.raises(negatron.InvalidArgument):
        client.candidates(cid, 4, policy=negatron.Uniform(), anchor="user", positives=[0])
    client.erase_users(cid, [8])
    assert client.get_user_embeddings(cid, [7, 8])[1].tolist() == [True, False]


def a_version_replaces_those_of_users(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=1, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(3))
    client.write_user_embeddings(cid, [7, 8], [[1], [2]], model_version=1)
    with pytest.raises(negatron.FailedPrecondition) as caught:
        client.write_embeddings(cid, [0], [[1]])
    assert caught.value.reason == "STALE_MODEL_VERSION"
    client.begin_embedding_version(cid, 2)
    client.upload_embeddings(cid, 2, [0, 1, 2], [[3], [4], [5]])
    assert client.upload_user_embeddings(cid, 2, [8, 9], [[6], [7]], shard=1) == 2
    with pytest.raises(negatron.FailedPrecondition) as caught:
        client.commit_embedding_version(cid, 2, row_count=3, user_row_count=3)
    assert caught.value.reason == "EMBEDDING_VERSION_INCOMPLETE"
    committed = client.commit_embedding_version(cid, 2, row_count=3, user_row_count=2)
    assert (committed.row_count, committed.user_row_count) == (3, 2)
    vectors, found = client.get_user_embeddings(cid, [7, 8, 9])
    assert found.tolist() == [False, True, True]
    assert vectors[1:, 0].tolist() == [6, 7]


CASES = (
    rows_can_be_anchored_on_their_users,
    a_version_replaces_those_of_users,
    bfloat16_embeddings_come_back_rounded,
    embeddings_have_versions_and_ages,
    partial_writes_tell_what_they_left_out,
    a_version_replaces_all_embeddings,
)
