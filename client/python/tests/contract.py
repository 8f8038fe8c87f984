# SPDX-License-Identifier: Apache-2.0
"""What any server must answer to this client: run against the fake and against negatrond.

Each function takes a ready client and a collection id of its own.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

import negatron
from negatron import columns

DAY = 86_400_000_000  # Microseconds.
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def collections_live_and_die(client: negatron.Client, cid: str) -> None:
    made = client.create_collection(
        cid,
        display_name="Films",
        labels={"team": "a"},
        half_life=dt.timedelta(days=14),
        missing_item_rule=negatron.MissingItemRule.CREATE,
    )
    assert made.id == cid
    assert made.half_life == dt.timedelta(days=14)
    assert made.dimension is None
    assert client.get_collection(cid) == made
    assert client.get_collection(f"collections/{cid}") == made
    client.create_collection(cid + "-b")
    listed = [c.id for c in client.list_collections(page_size=1) if c.id.startswith(cid)]
    assert listed == [cid, cid + "-b"]
    changed = client.update_collection(
        cid, display_name="Movies", dimension=3, metric=negatron.Metric.COSINE, etag=made.etag
    )
    assert (changed.display_name, changed.dimension) == ("Movies", 3)
    assert changed.metric == negatron.Metric.COSINE
    assert changed.labels == {"team": "a"}
    with pytest.raises(negatron.Aborted):
        client.update_collection(cid, display_name="x", etag=made.etag)
    with pytest.raises(negatron.AlreadyExists):
        client.create_collection(cid)
    client.delete_collection(cid)
    with pytest.raises(negatron.NotFound):
        client.get_collection(cid)
    with pytest.raises(negatron.NotFound):
        client.delete_collection(cid)
    client.delete_collection(cid, allow_missing=True)
    again = client.create_collection(cid)
    assert again.incarnation != made.incarnation


def items_come_back(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid)
    result = client.write_items(
        cid,
        np.array([7, 3, 9]),
        alive_from=np.array([0, 10, 30]),
        alive_until=np.array([5, 20, columns.NEVER_MICROS]),
        interval_splits=np.array([0, 2, 2, 3]),
    )
    assert (result.written_count, result.created_item_count) == (3, 3)
    assert result.level == negatron.Level.DURABLE
    items = client.get_items(cid, [9, 8, 7])
    assert items.found.tolist() == [True, False, True]
    assert items.ids.tolist() == [9, 7]
    assert items.interval_splits.tolist() == [0, 1, 3]
    assert items.alive_from_micros.tolist() == [30, 0, 10]
    assert items.alive_until_micros.tolist() == [columns.NEVER_MICROS, 5, 20]
    pages = list(client.list_items(cid, page_size=2))
    assert [page.ids.tolist() for page in pages] == [[7, 3], [9]]
    assert client.write_items(cid, [7]).created_item_count == 0
    revived = client.get_items(cid, [7])
    assert revived.alive_from_micros.tolist() == [columns.ALWAYS_MICROS]


def repeated_writes_change_nothing(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, missing_item_rule=negatron.MissingItemRule.CREATE)
    first = client.write_events(cid, [1, 2], [10, 11], [0, DAY], request_id="import-1")
    second = client.write_events(cid, [1, 2], [10, 11], [0, DAY], request_id="import-1")
    assert (first.replayed, second.replayed) == (False, True)
    assert second.commit_sequence == first.commit_sequence
    assert client.statistics(cid).event_count == 2


def samples_follow_time(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid)
    client.write_items(
        cid,
        [1, 2, 3, 4],
        alive_from=[0, 0, 0, 10 * DAY],
        alive_until=[columns.NEVER_MICROS, columns.NEVER_MICROS, 5 * DAY, columns.NEVER_MICROS],
    )
    client.write_events(cid, [100, 100, 101], [1, 2, 3], [DAY, 7 * DAY, 2 * DAY])
    as_of = np.array([0, DAY, DAY + 1, 6 * DAY, 8 * DAY, 11 * DAY]).repeat(40)
    sample = client.sample(
        cid,
        8,
        policy=negatron.Uniform(),
        users=np.full(240, 100),
        as_of=as_of,
        row_keys=np.arange(240),
        seed=5,
    )
    eligible = [{1, 2, 3}, {1, 2, 3}, {2, 3}, {2}, set(), {4}]
    for block, expected in enumerate(eligible):
        rows = slice(40 * block, 40 * block + 40)
        drawn = set(sample.items[rows][sample.mask[rows]].tolist())
        assert drawn == expected
        if expected:
            assert np.allclose(sample.log_q[rows], -np.log(len(expected)), atol=1e-5)
            assert (sample.statuses[rows] == negatron.RowStatus.OK).all()
        else:
            assert (sample.statuses[rows] == negatron.RowStatus.EXHAUSTED).all()
            assert (sample.items[rows] == -1).all()
            assert np.isnan(sample.log_q[rows]).all()
            assert (sample.drawn_counts[rows] == 0).all()
    assert sample.law_kind == negatron.LawKind.EXACT
    assert sample.seed == 5
    assert sample.scores is None
    again = client.sample(
        cid, 8, policy=negatron.Uniform(), users=np.full(120, 100), as_of=as_of[120:],
        row_keys=np.arange(120, 240), seed=5,
    )
    assert again.snapshot == sample.snapshot
    assert (again.items == sample.items[120:]).all()


def popularity_counts_the_past(client: negatron.Client, cid: str) -> None:
    client.create_collection(
        cid,
        half_life=dt.timedelta(days=1),
        missing_item_rule=negatron.MissingItemRule.CREATE,
    )
    client.write_events(
        cid, [1, 2, 3, 4], [10, 11, 11, 12], [0, DAY, DAY, 3 * DAY],
        weights=np.array([1, 1, 2, 1]),
    )
    mass = {10: 0.25, 11: 1.5}  # As of two days, a half-life of one.
    total = sum(mass.values())
    rows = 500
    sample = client.sample(
        cid, 4, policy=negatron.Popularity(), row_keys=np.arange(rows),
        as_of=np.full(rows, 2 * DAY), seed=1, outputs=["log_q", "log_q_source"],
    )
    assert set(np.unique(sample.items)) == {10, 11}
    for item, weight in mass.items():
        assert np.allclose(sample.log_q[sample.items == item], np.log(weight / total), atol=1e-4)
    assert sample.components is None
    early = client.sample(cid, 2, policy=negatron.Popularity(), rows=3, as_of=_EPOCH)
    assert (early.statuses == negatron.RowStatus.NO_EVENT).all()
    assert (early.drawn_counts == 0).all()


def nearest_uses_pushed_embeddings(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=2, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(5))
    bare = client.sample(
        cid, 1, policy=negatron.Nearest((0, 3)), queries=np.ones((2, 2), np.float32)
    )
    assert (bare.statuses == negatron.RowStatus.NO_CANDIDATE).all()
    vectors = np.array([[5, 0], [4, 0], [3, 0], [0, 9]], np.float32)
    result = client.write_embeddings(cid, np.arange(4), vectors)
    assert result.level == negatron.Level.APPLIED
    got, found = client.get_embeddings(cid, [3, 4])
    assert found.tolist() == [True, False]
    assert got[0].tolist() == [0, 9]
    assert np.isnan(got[1]).all()
    queries = np.array([[1, 0], [0, 1]], np.float32)
    sample = client.sample(
        cid, 2, policy=negatron.Nearest((0, 2), pick="top"), queries=queries,
        positives=[0, 0], outputs=["scores", "log_q"],
    )
    assert sample.items[0].tolist() == [1, 2]
    assert sample.scores[0].tolist() == [4, 3]
    assert sample.items[1][0] == 3
    assert np.isnan(sample.log_q).all()
    assert sample.law_kind == negatron.LawKind.NONE
    assert sample.reports[0].source == "nearest"
    client.write_embeddings(cid, [2], np.array([[50, 0]]))
    fresh = client.sample(
        cid, 1, policy=negatron.Nearest((0, 1), pick="top"), queries=queries[:1]
    )
    assert fresh.items.tolist() == [[2]]
    by_positive = client.sample(
        cid, 1, policy=negatron.Nearest((0, 2), anchor="positive"), positives=[0, 4]
    )
    assert by_positive.statuses.tolist() == [
        negatron.RowStatus.OK, negatron.RowStatus.NO_ANCHOR,
    ]


def adversarial_is_a_softmax_over_all_items(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=1, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(6))
    client.write_embeddings(cid, np.arange(5), np.array([[1], [2], [3], [4], [9]], np.float32))
    sample = client.sample(
        cid, 50, policy=negatron.Adversarial(2.0), queries=np.ones((4, 1), np.float32),
        positives=[4] * 4, row_keys=np.arange(4), seed=1, outputs=["scores", "log_q"],
    )
    assert sample.law_kind == negatron.LawKind.EXACT
    assert sample.reports[0].source == "adversarial"
    assert set(np.unique(sample.items)) == {0, 1, 2, 3}
    assert (sample.scores == sample.items + 1).all()
    log_sum = np.log(np.exp(np.arange(1, 5) / 2).sum())
    assert np.allclose(sample.log_q, sample.scores / 2 - log_sum, atol=1e-5)
    by_positive = client.sample(
        cid, 1, policy=negatron.Adversarial(1.0, anchor="positive"), positives=[0, 5]
    )
    assert by_positive.statuses.tolist() == [
        negatron.RowStatus.OK, negatron.RowStatus.NO_ANCHOR,
    ]


def dynamic_picks_from_a_pool(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=1, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(6))
    client.write_embeddings(cid, np.arange(5), np.array([[1], [2], [3], [4], [9]], np.float32))

    def sample(k: int, policy: object) -> negatron.Sample:
        return client.sample(
            cid, k, policy=policy, queries=np.ones((2, 1), np.float32), positives=[4, 4],
            row_keys=[1, 2], seed=1, outputs=["scores", "log_q", "log_q_source"],
        )

    # 1,024 draws of five items miss one of them once in 1e98 rows.
    base = negatron.Uniform()
    top = negatron.Dynamic(base, 1024, top_count=3)
    sampled = sample(4, top)
    assert sampled.items.tolist() == [[3, 2, 1, 3]] * 2
    assert (sampled.scores == sampled.items + 1).all()
    assert sampled.law_kind == negatron.LawKind.NONE
    assert sampled.reports[0].source == "dynamic"
    assert np.isnan(sampled.log_q).all() and np.isnan(sampled.log_q_source).all()
    short = sample(4, negatron.Policy.mix((1, top), unique=True))
    assert short.statuses.tolist() == [negatron.RowStatus.SHORT] * 2
    assert short.items.tolist() == [[3, 2, 1, -1]] * 2

    uniform = sample(40, negatron.Dynamic(base, 1024, "uniform", top_count=2))
    assert uniform.law_kind == negatron.LawKind.CONDITIONAL
    assert set(np.unique(uniform.items)) == {2, 3}
    assert np.allclose(uniform.log_q, np.log(1 / 2))

    softmax = sample(200, negatron.Dynamic(base, 64, "softmax", temperature=2.0))
    assert softmax.law_kind == negatron.LawKind.CONDITIONAL
    for items, log_q in zip(softmax.items, softmax.log_q):
        law = dict(zip(items.tolist(), log_q.tolist()))
        assert set(law) == {0, 1, 2, 3}
        assert np.isclose(np.exp(list(law.values())).sum(), 1, atol=1e-5)

    # The positive scores 9, so the target is 2.4 * (9 - 8)^6.
    ahns = negatron.Dynamic(base, 1024, "ahns", target=negatron.AhnsTarget(-8.0, 2.4, 5.0))
    assert sample(5, ahns).items.tolist() == [[1, 2, 0, 3, 1]] * 2
    beyond = negatron.Dynamic(base, 1024, "ahns", target=negatron.AhnsTarget(-9.0, 2.4, 5.0))
    assert sample(1, beyond).statuses.tolist() == [negatron.RowStatus.NO_ANCHOR] * 2
    by_positive = client.sample(
        cid, 1, positives=[0, 5],
        policy=negatron.Dynamic(base, 9, top_count=1, anchor="positive"),
    )
    assert by_positive.statuses.tolist() == [
        negatron.RowStatus.OK, negatron.RowStatus.NO_ANCHOR,
    ]
    none = client.sample(
        cid, 1, queries=np.ones((1, 1), np.float32),
        policy=negatron.Dynamic(negatron.Popularity(), 9, top_count=1),
    )
    assert none.statuses.tolist() == [negatron.RowStatus.NO_EVENT]


def nearest_keeps_bounds_and_margins(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=1, metric=negatron.Metric.INNER_PRODUCT)
    client.write_items(cid, np.arange(6))
    client.write_embeddings(cid, np.arange(5), np.array([[10], [8], [6], [4], [-2]], np.float32))

    def top(positive: int, **bounds: float) -> list[int]:
        sample = client.sample(
            cid, 2, policy=negatron.Nearest((0, 2), pick="top", **bounds),  # type: ignore[arg-type]
            queries=np.ones((1, 1), np.float32), positives=[positive],
        )
        return list(sample.items[0]) if sample.statuses[0] == negatron.RowStatus.OK else list(
            sample.statuses
        )

    assert top(0) == [1, 2]
    assert top(0, max_score=6) == [2, 3]
    assert top(0, max_score=6, min_score=5) == [2, 2]
    assert top(0, margin=3) == [2, 3]
    assert top(1, relative_margin=0.5) == [3, 4]
    assert top(4, relative_margin=0.5) == [negatron.RowStatus.NO_CANDIDATE]
    assert top(0, min_score=11) == [negatron.RowStatus.NO_CANDIDATE]
    assert top(5, margin=0) == [negatron.RowStatus.NO_ANCHOR]


def mixtures_report_both_laws(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, missing_item_rule=negatron.MissingItemRule.CREATE)
    client.write_events(cid, [1, 1, 2, 3], [0, 1, 0, 2], [0, 1, 2, 3])
    policy = negatron.Policy.mix((3, negatron.Uniform()), (1, negatron.Popularity()))
    sample = client.sample(
        cid, 4, policy=policy, rows=50, row_keys=np.arange(50), as_of=np.full(50, 10),
        seed=3,
        outputs=["log_q", "log_q_source", "components", "effective_shares", "reject_counts"],
    )
    uniform, popularity = np.full(3, 1 / 3), np.array([2, 1, 1]) / 4
    mixture = 0.75 * uniform + 0.25 * popularity
    assert np.allclose(sample.log_q, np.log(mixture[sample.items]), atol=1e-4)
    source = np.where(sample.components == 0, uniform[sample.items], popularity[sample.items])
    assert np.allclose(sample.log_q_source, np.log(source), atol=1e-4)
    assert (np.sort(sample.components, axis=1) == [0, 0, 0, 1]).all()
    assert np.allclose(sample.effective_shares, [[0.75, 0.25]] * 50)
    assert sample.reject_counts.shape == (50, 2)
    assert [r.drawn_count for r in sample.reports] == [150, 50]


def string_ids_come_back(client: negatron.Client, cid: str) -> None:
    client.create_collection(
        cid,
        item_id_type=negatron.IdType.STRING,
        user_id_type=negatron.IdType.STRING,
        missing_item_rule=negatron.MissingItemRule.CREATE,
    )
    users = np.array(["ann", "bob", "ann"])
    client.write_events(cid, users, ["0007", "ü", "x"], [0, DAY, 2 * DAY])
    page = next(client.list_items(cid))
    assert page.ids.tolist() == ["0007", "ü", "x"]
    assert page.numbers.tolist() == [0, 1, 2]
    sample = client.sample(
        cid, 3, policy=negatron.Uniform(), users=["ann", "cleo"], as_of=np.full(2, 3 * DAY)
    )
    assert set(sample.items[0]) == {"ü"}
    assert set(sample.items[1]) <= {"0007", "ü", "x"}
    numbers = client.sample(
        cid, 3, policy=negatron.Uniform(), users=["ann"], as_of=np.full(1, 3 * DAY),
        as_numbers=True,
    )
    assert numbers.items.tolist() == [[1, 1, 1]]
    by_number = client.sample(
        cid, 2, policy=negatron.Uniform(), positives=np.array([0]), rows=1,
        exclusions=[["ü"]], as_of=np.full(1, 3 * DAY),
    )
    assert by_number.items.tolist() == [["x", "x"]]
    short = client.sample(
        cid, 2, policy=negatron.Uniform(), exclusions=[["ü", "x", "0007"]], rows=1,
        as_of=np.full(1, 3 * DAY),
    )
    assert short.items.tolist() == [["", ""]]
    client.delete_collection(cid)
    client.create_collection(
        cid,
        item_id_type=negatron.IdType.STRING,
        missing_item_rule=negatron.MissingItemRule.CREATE,
    )
    client.write_events(cid, [1], ["other"], [0])
    fresh = client.sample(cid, 1, policy=negatron.Uniform(), rows=1, as_of=np.full(1, DAY))
    assert fresh.items.tolist() == [["other"]]


def futures_overlap(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid)
    client.write_items(cid, np.arange(100))
    calls = [
        client.sample_async(
            cid, 4, policy=negatron.Uniform(), row_keys=np.arange(64), as_of=DAY, seed=i, rows=64
        )
        for i in range(8)
    ]
    results = [call.result() for call in calls]
    assert [r.seed for r in results] == list(range(8))
    assert all(call.done() for call in calls)
    same = client.sample(
        cid, 4, policy=negatron.Uniform(), row_keys=np.arange(64), as_of=DAY, seed=3
    )
    assert (same.items == results[3].items).all()
    assert same.as_of == _EPOCH + dt.timedelta(days=1)


def nonsense_is_refused(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, dimension=2, metric=negatron.Metric.L2)
    client.write_items(cid, [1, 2])
    uniform = negatron.Uniform()
    with pytest.raises(negatron.NotFound):
        client.sample(cid + "-none", 1, policy=uniform, rows=1)
    for bad in (
        lambda: client.sample(cid, 0, policy=uniform, rows=1),
        lambda: client.sample(cid, -5, policy=uniform, rows=1),
        lambda: client.sample(cid, 1, policy=uniform),
        lambda: client.sample(cid, 2, policy=uniform, rows=100_000),
        lambda: client.sample(cid, 1, policy=uniform, users=[1, 2], as_of=[1, 2, 3]),
        lambda: client.sample(cid, 1, policy=uniform, users=["a"]),
        lambda: client.write_embeddings(cid, [1], [[1, 2, 3]]),
        lambda: client.write_embeddings(cid, [1, 2], [[1, 2], [np.nan, 0]]),
        lambda: client.write_embeddings(cid, [77], [[1, 2]]),
        lambda: client.write_events(cid, [1], [77], [0]),
        lambda: client.write_items(cid, [1, 1]),
        lambda: client.create_collection("Not Valid"),
        lambda: client.update_collection(cid, dimension=3, metric=negatron.Metric.L2),
    ):
        with pytest.raises(negatron.InvalidArgument) as caught:
            bad()
        assert caught.value.field_violations
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.write_embeddings(cid, [1, 2], [[1, 2], [np.inf, 0]])
    assert caught.value.field_violations[0].field == "vectors.values[2]"
    assert "row 1" in caught.value.field_violations[0].description
    statistics = client.statistics(cid, as_of=DAY)
    assert (statistics.item_count, statistics.event_count) == (2, 0)
    assert statistics.embedding_count == 0
    assert client.sample(cid, 1, policy=uniform, rows=1).items.shape == (1, 1)


def statistics_count(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, missing_item_rule=negatron.MissingItemRule.CREATE)
    client.write_events(cid, [1, 2, 2], [5, 5, 6], [0, DAY, 3 * DAY])
    client.sample(cid, 1, policy=negatron.Uniform(), rows=2, as_of=DAY)
    statistics = client.statistics(cid, as_of=np.datetime64("1970-01-03"))
    assert statistics.as_of == _EPOCH + dt.timedelta(days=2)
    assert (statistics.item_count, statistics.living_item_count) == (2, 1)
    assert (statistics.user_count, statistics.event_count) == (2, 3)
    assert statistics.past_event_count == 2
    assert statistics.first_event_time == _EPOCH
    assert statistics.last_event_time == _EPOCH + dt.timedelta(days=3)
    assert (statistics.sample_call_count, statistics.sampled_row_count) == (1, 2)
    assert statistics.memory_bytes
    info = client.server_info()
    assert info.serving and info.version


CASES = (
    collections_live_and_die,
    items_come_back,
    repeated_writes_change_nothing,
    samples_follow_time,
    popularity_counts_the_past,
    nearest_uses_pushed_embeddings,
    nearest_keeps_bounds_and_margins,
    adversarial_is_a_softmax_over_all_items,
    dynamic_picks_from_a_pool,
    mixtures_report_both_laws,
    string_ids_come_back,
    futures_overlap,
    nonsense_is_refused,
    statistics_count,
)
