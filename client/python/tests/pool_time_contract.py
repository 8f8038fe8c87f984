# SPDX-License-Identifier: Apache-2.0
"""The pool through time: what any server must answer, as `contract.py`."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

import negatron

DAY = 86_400_000_000  # Microseconds.


def items_have_properties(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid)
    client.write_items(
        cid, [1, 2], base_weights=np.array([2, 0.5]), categories=[["b", "a"], []],
        attributes=[b"x", b""],
    )
    client.write_items(cid, [2], categories=[["c"]], update_mask=["categories"])
    items = client.get_items(cid, [1, 2])
    assert items.base_weights.tolist() == [2, 0.5]
    assert [items.categories(0), items.categories(1)] == [["a", "b"], ["c"]]
    assert items.attributes.tolist() == [b"x", b""]
    sample = client.sample(cid, 400, policy=negatron.Uniform(by_base_weight=True), rows=1)
    assert np.allclose(sample.log_q[sample.items == 1], np.log(0.8), atol=1e-4)
    only = client.sample(cid, 3, policy=negatron.Uniform(category="c"), rows=1)
    assert only.items.tolist() == [[2, 2, 2]]


def settings_come_back(client: negatron.Client, cid: str) -> None:
    day = dt.timedelta(days=1)
    made = client.create_collection(
        cid, half_lives=[dt.timedelta(0), day], windows=[7 * day], cohort_popularity=True,
        category_popularity=True, popularity_grid=day, mined_per_user=9, event_retention=30 * day,
    )
    assert (made.half_lives, made.windows) == ((dt.timedelta(0), day), (7 * day,))
    assert made.cohort_popularity and made.category_popularity
    assert (made.popularity_grid, made.mined_per_user) == (day, 9)
    assert made.event_retention == 30 * day
    assert client.update_collection(cid, event_retention=dt.timedelta(0)).event_retention is None


def exposures_and_mined_are_drawn(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, missing_item_rule=negatron.MissingItemRule.CREATE)
    kind = negatron.EventKind
    client.write_events(
        cid, [1, 1, 1], [10, 20, 30], [0, 0, 0],
        kinds=np.array([kind.POSITIVE, kind.EXPOSURE, kind.MINED]),
        propensities=np.array([0, 0.25, 0]), cohorts=np.array([7, 0, 0]),
    )
    policy = negatron.Policy.mix(
        (0.5, negatron.Exposure(max_importance_weight=3)), (0.5, negatron.Mined()), unique=True
    )
    sample = client.sample(
        cid, 4, policy=policy, users=[1], as_of=[DAY],
        outputs=["importance_weights", "expected_counts", "rejects_by_cause", "components"],
    )
    assert sample.statuses.tolist() == [negatron.RowStatus.SHORT]
    assert sorted(sample.items[sample.mask].tolist()) == [20, 30]
    weights = dict(zip(sample.items[0].tolist(), sample.importance_weights[0].tolist()))
    assert (weights[20], weights[30]) == (3, 1)
    assert sample.expected_counts.shape == (1, 4)
    assert sample.rejects_by_cause.shape == (1, 4)


def popularity_has_parameters(client: negatron.Client, cid: str) -> None:
    client.create_collection(
        cid, missing_item_rule=negatron.MissingItemRule.CREATE, cohort_popularity=True,
        windows=[dt.timedelta(days=2)], popularity_grid=dt.timedelta(days=1),
    )
    client.write_events(
        cid, [1, 2, 3], [10, 10, 20], [0, 3 * DAY, 3 * DAY], cohorts=np.array([1, 1, 2])
    )
    rows = {"as_of": np.array([4 * DAY]), "positives": [20]}
    sample = client.sample(
        cid, 2, policy=negatron.Popularity(alpha=2), outputs=["positive_log_q",
        "popularity_boundaries"], **rows,
    )
    assert sample.popularity_boundaries.tolist() == [[4 * DAY]]
    assert np.allclose(sample.positive_log_q, np.log(0.2 * 0.999 + 0.5 * 0.001), atol=1e-3)
    window = client.sample(
        cid, 20, policy=negatron.Popularity(window=dt.timedelta(days=2)), rows=1, as_of=4 * DAY
    )
    assert np.allclose(window.log_q, np.log(0.5), atol=1e-4)
    cohort = client.sample(
        cid, 2, policy=negatron.Popularity(within_cohort=True), cohorts=[2], as_of=[4 * DAY]
    )
    assert cohort.items.tolist() == [[20, 20]]


def blocks_are_shared(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid)
    client.write_items(cid, np.arange(4))
    arguments = {"policy": negatron.Uniform(), "positives": [0, 3], "seed": 1, "as_of": [0, 0]}
    shared = client.sample_shared(cid, 11, **arguments)
    assert (shared.mask == (shared.items[None, :] != np.array([[0], [3]]))).all()
    assert np.allclose(shared.log_q, np.log(0.25), atol=1e-5)
    assert np.allclose(shared.row_log_q[shared.mask], np.log(1 / 3), atol=1e-5)
    assert np.isposinf(shared.row_log_q[~shared.mask]).all()
    again = client.sample_shared_async(cid, 11, **arguments).result()
    assert (again.items == shared.items).all()


def events_and_users_go(client: negatron.Client, cid: str) -> None:
    client.create_collection(
        cid, user_id_type=negatron.IdType.STRING,
        missing_item_rule=negatron.MissingItemRule.CREATE,
    )
    client.write_events(cid, ["ann", "bob", "cy"], [1, 2, 3], [0, 1, 2])
    gone = client.retract_events(
        cid, ["ann", "bob"], [1, 2], [0, 7], kinds=negatron.EventKind.POSITIVE
    )
    assert (gone.removed_count, gone.found.tolist()) == (1, [True, False])
    erased = client.erase_users(cid, ["bob", "dee"], request_id="e")
    assert (erased.removed_count, erased.found.tolist()) == (1, [True, False])
    repeat = client.erase_users(cid, ["bob", "dee"], request_id="e")
    assert repeat.replayed and repeat.found is None
    pages = list(client.list_users(cid, page_size=1))
    assert [name for page in pages for name in page.ids] == ["ann", "cy"]
    assert client.statistics(cid).event_count == 1


def events_are_listed(client: negatron.Client, cid: str) -> None:
    client.create_collection(
        cid, user_id_type=negatron.IdType.STRING,
        missing_item_rule=negatron.MissingItemRule.CREATE,
    )
    kind = negatron.EventKind
    client.write_events(
        cid, ["bob", "ann", "cy"], [2, 1, 3], [7, 5, 7],
        kinds=np.array([kind.POSITIVE, kind.EXPOSURE, kind.MINED]), weights=np.array([2, 0.5, 1]),
        propensities=np.array([0, 0.25, 0]), cohorts=np.array([9, 0, 0]),
    )
    client.write_events(cid, ["ann"], [1], [6])
    (page,) = client.list_events(cid)
    assert page.users.tolist() == ["ann", "ann", "bob", "cy"]
    assert (page.items.tolist(), page.times.tolist()) == ([1, 1, 2, 3], [5, 6, 7, 7])
    assert page.kinds.tolist() == [kind.EXPOSURE, kind.POSITIVE, kind.POSITIVE, kind.MINED]
    assert page.weights.tolist() == [0.5, 1, 2, 1]
    assert page.propensities.tolist() == [0.25, 0, 0, 0]
    assert page.cohorts.tolist() == [0, 0, 9, 0]
    pages = list(client.list_events(cid, page_size=1))
    assert [len(page) for page in pages] == [1, 1, 1, 1]
    assert [time for page in pages for time in page.times.tolist()] == [5, 6, 7, 7]
    middle = list(client.list_events(cid, start=6, end=np.datetime64(7, "us")))
    assert [(page.users.tolist(), page.weights.tolist()) for page in middle] == [(["ann"], [1])]
    assert sum(map(len, client.list_events(cid, start=8))) == 0
    with pytest.raises(negatron.InvalidArgument, match="end_time"):
        list(client.list_events(cid, start=8, end=7))
    client.erase_users(cid, ["ann"])
    client.retract_events(cid, ["bob"], [2], [7])
    (page,) = client.list_events(cid)
    assert page.users.tolist() == ["cy"]
    again = negatron.EventChunk(
        page.users, page.items, page.times, page.weights, page.kinds, page.propensities,
        page.cohorts,
    )
    client.import_events(cid, [again], stream_id="again")
    assert sum(map(len, client.list_events(cid))) == 2


def imports_resume(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, missing_item_rule=negatron.MissingItemRule.CREATE)
    n = 1000
    events = negatron.EventChunk(np.arange(n), np.arange(n) % 50, np.arange(n))

    def broken() -> object:
        for number, chunk in enumerate(events.split(50), 1):
            if number == 16:
                raise OSError("the source broke")
            yield chunk

    with pytest.raises(OSError):
        client.import_events(cid, broken(), stream_id="feed")
    asked = []

    def source(first: int) -> object:
        asked.append(first)
        return list(events.split(50))[first - 1 :]

    done = client.import_events(cid, source, stream_id="feed")
    assert (done.chunk_count, done.written_count) == (20, n)
    assert done.skipped_chunk_count == asked[0] - 1 > 0
    again = client.import_events(cid, events.split(50), stream_id="feed")
    assert again.skipped_chunk_count == again.chunk_count == 20
    assert client.statistics(cid).event_count == n
    with pytest.raises(ValueError, match="another source"):
        client.import_events(cid, [], stream_id="feed")
    with pytest.raises(negatron.InvalidArgument, match="chunk 21"):
        client.import_events(
            cid, lambda first: [{"users": [1], "items": [1], "times": [2**62]}], stream_id="feed"
        )
    items = negatron.ItemChunk(np.arange(60, 65), categories=[["x"]] * 5)
    assert client.import_items(cid, items.split(2), stream_id="feed").created_item_count == 5


CASES = (
    items_have_properties,
    settings_come_back,
    exposures_and_mined_are_drawn,
    popularity_has_parameters,
    blocks_are_shared,
    events_and_users_go,
    events_are_listed,
    imports_resume,
)
