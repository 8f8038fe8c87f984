# SPDX-License-Identifier: Apache-2.0
"""Import streams and removals against a server under the test's orders."""

from __future__ import annotations

import threading
from typing import Iterator

import grpc
import numpy as np
import pytest

import negatron
from fake_server import FakeServer, Faults

_UNAVAILABLE = (grpc.StatusCode.UNAVAILABLE, None)


def _collection(client: negatron.Client) -> str:
    return client.create_collection(
        "films", missing_item_rule=negatron.MissingItemRule.CREATE
    ).id


def _chunks(count: int) -> list[dict[str, object]]:
    return [{"users": [i, i], "items": [i, 7], "times": np.array([i, i])} for i in range(count)]


def _users(client: negatron.Client, cid: str) -> list[int]:
    return [int(user) for page in client.list_users(cid) for user in page.ids]


def test_broken_connections_lose_and_double_nothing(
    client: negatron.Client, faults: Faults
) -> None:
    cid = _collection(client)
    faults.failures = [_UNAVAILABLE, _UNAVAILABLE]  # Connections that are refused.
    faults.broken_chunks = [1, 5, 12, 30]  # Durable, and then the connection breaks.
    done = client.import_events(cid, _chunks(30), stream_id="feed")
    assert (done.chunk_count, done.written_count, done.skipped_chunk_count) == (30, 60, 0)
    assert done.created_item_count == 30
    assert _users(client, cid) == list(range(30))
    assert client.statistics(cid).event_count == 60
    assert faults.broken_chunks == []


def test_import_ends_with_the_timeout(server: FakeServer) -> None:
    with negatron.Client(f"127.0.0.1:{server.port}", timeout=10.0) as client:
        cid = _collection(client)
        server.faults.failures = [_UNAVAILABLE] * 100
        with pytest.raises(negatron.Unavailable):
            client.import_events(cid, _chunks(1), stream_id="feed", timeout=0.3)
        server.faults.failures = []
        done = client.import_events(cid, _chunks(1), stream_id="feed")
        assert done.written_count == 2


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS])
def test_other_errors_end_an_import_at_once(
    client: negatron.Client, faults: Faults, code: grpc.StatusCode
) -> None:
    cid = _collection(client)
    faults.requests.clear()
    faults.failures = [(code, None)]
    with pytest.raises(negatron.NegatronError) as caught:
        client.import_events(cid, _chunks(1), stream_id="feed")
    assert caught.value.code == code
    assert len(faults.requests) == 1


def test_refused_chunk_is_named_and_earlier_ones_stay(client: negatron.Client) -> None:
    cid = _collection(client)
    chunks = _chunks(5)
    chunks[3]["times"] = np.array([0, 2**62])
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.import_events(cid, chunks, stream_id="feed")
    assert caught.value.field_violations[0].field == "batch.event_time_micros[1]"
    assert "(chunk 4)" in caught.value.field_violations[0].description
    assert _users(client, cid) == [0, 1, 2]
    done = client.import_events(cid, _chunks(5), stream_id="feed")
    assert (done.skipped_chunk_count, done.chunk_count) == (3, 5)


def test_later_stream_ends_an_earlier_one(client: negatron.Client) -> None:
    cid = _collection(client)
    first_is_open, second_is_done = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def chunks() -> Iterator[dict[str, object]]:
        yield _chunks(1)[0]
        first_is_open.set()
        second_is_done.wait(20)
        yield from _chunks(3)[1:]

    def run() -> None:
        try:
            client.import_events(cid, chunks(), stream_id="feed")
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert first_is_open.wait(20)
    client.import_events(cid, _chunks(3), stream_id="feed")
    second_is_done.set()
    thread.join(20)
    assert [type(error) for error in errors] == [negatron.Aborted]
    assert client.statistics(cid).event_count == 6


def test_items_and_events_have_streams_of_their_own(client: negatron.Client) -> None:
    cid = _collection(client)
    client.import_events(cid, _chunks(2), stream_id="feed")
    items = negatron.ItemChunk([7, 8], base_weights=[2, 1], categories=[["a"], []])
    done = client.import_items(cid, [items], stream_id="feed")
    assert (done.chunk_count, done.created_item_count) == (1, 1)
    got = client.get_items(cid, [7, 8])
    assert got.base_weights.tolist() == [2, 1]
    assert got.categories(0) == ["a"]


def test_removals_are_repeated_with_the_same_request_id(
    client: negatron.Client, faults: Faults
) -> None:
    cid = _collection(client)
    client.import_events(cid, _chunks(3), stream_id="feed")
    faults.requests.clear()
    faults.failures, faults.after_work = [_UNAVAILABLE], True
    erased = client.erase_users(cid, [1, 9])
    assert erased.replayed and erased.found is None
    assert erased.removed_count == 1
    assert len({request.request_id for request in faults.requests}) == 1
    assert _users(client, cid) == [0, 2]
    retracted = client.retract_events(cid, [0, 0], [0, 9], [0, 0])
    assert (retracted.removed_count, retracted.found.tolist()) == (1, [True, False])
