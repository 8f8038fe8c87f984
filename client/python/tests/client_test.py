# SPDX-License-Identifier: Apache-2.0
"""What only a server under the test's orders can show: errors, retries, chunks, forks."""

from __future__ import annotations

import datetime as dt
import math
import multiprocessing
import socket
import threading

import grpc
import numpy as np
import pytest

import negatron
from fake_server import FakeServer, Faults
from negatron import chunking
from negatron.v1 import inspection_pb2, sampling_pb2

_UNAVAILABLE = (grpc.StatusCode.UNAVAILABLE, None)


def _collection(client: negatron.Client, **settings: object) -> str:
    return client.create_collection("films", **settings).id


def test_error_carries_code_reason_and_rows(client: negatron.Client) -> None:
    cid = _collection(client)
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.write_events(cid, [1], [9], [0])
    error = caught.value
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert (error.reason, error.metadata) == ("INVALID_ARGUMENT", {"by": "fake"})
    assert error.field_violations == (negatron.FieldViolation("item_ids[0]", "no such item"),)
    assert isinstance(error, ValueError)
    assert "item_ids[0]: no such item" in str(error)


def test_error_without_details_is_still_typed(client: negatron.Client, server: FakeServer) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/negatron.v1.Nothing/Method")(b"", timeout=5)
    error = negatron.errors.from_rpc_error(caught.value)
    assert isinstance(error, negatron.Unimplemented)
    assert error.field_violations == ()


def test_unavailable_is_retried_with_the_same_request_id(
    client: negatron.Client, faults: Faults
) -> None:
    cid = _collection(client, missing_item_rule=negatron.MissingItemRule.CREATE)
    faults.requests.clear()
    faults.failures = [_UNAVAILABLE, _UNAVAILABLE]
    faults.after_work = True
    result = client.write_events(cid, [1], [2], [3])
    assert result.replayed
    assert len({request.request_id for request in faults.requests}) == 1
    assert len(faults.requests) == 3
    assert client.statistics(cid).event_count == 1


def test_retries_end_with_the_last_attempt(server: FakeServer) -> None:
    with negatron.Client(f"127.0.0.1:{server.port}", max_attempts=2) as client:
        server.faults.failures = [_UNAVAILABLE] * 3
        with pytest.raises(negatron.Unavailable):
            client.get_collection("films")
    assert len(server.faults.requests) == 2


def test_retries_stay_within_the_deadline(client: negatron.Client, faults: Faults) -> None:
    faults.failures = [(grpc.StatusCode.RESOURCE_EXHAUSTED, 3600.0)]
    with pytest.raises(negatron.ResourceExhausted) as caught:
        client.get_collection("films")
    assert caught.value.retry_delay == 3600.0
    assert len(faults.requests) == 1


def test_full_queue_is_retried_if_the_server_says_when(
    client: negatron.Client, faults: Faults
) -> None:
    cid = _collection(client)
    faults.failures = [(grpc.StatusCode.RESOURCE_EXHAUSTED, 0.001)]
    assert client.get_collection(cid).id == cid


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    ],
)
def test_other_errors_are_not_retried(
    client: negatron.Client, faults: Faults, code: grpc.StatusCode
) -> None:
    faults.failures = [(code, None)]
    with pytest.raises(negatron.NegatronError) as caught:
        client.get_collection("films")
    assert caught.value.code == code
    assert len(faults.requests) == 1


def test_calls_that_may_not_repeat_are_not_retried(
    client: negatron.Client, faults: Faults
) -> None:
    cid = _collection(client)
    for call in (
        lambda: client.delete_collection(cid),
        lambda: client.update_collection(cid, display_name="x", etag="1"),
    ):
        faults.requests.clear()
        faults.failures = [_UNAVAILABLE]
        with pytest.raises(negatron.Unavailable):
            call()
        assert len(faults.requests) == 1


def test_future_retries_and_raises_typed_errors(client: negatron.Client, faults: Faults) -> None:
    cid = _collection(client)
    client.write_items(cid, [1])
    faults.failures = [_UNAVAILABLE]
    future = client.sample_async(cid, 2, policy=negatron.Uniform(), rows=1)
    assert future.result().items.tolist() == [[1, 1]]
    with pytest.raises(negatron.NotFound):
        client.sample_async("none", 2, policy=negatron.Uniform(), rows=1).result()


def test_calls_are_in_flight_together(client: negatron.Client, faults: Faults) -> None:
    cid = _collection(client)
    client.write_items(cid, [1])
    faults.gate.clear()
    futures = [
        client.sample_async(cid, 1, policy=negatron.Uniform(), rows=1) for _ in range(3)
    ]
    assert not any(future.done() for future in futures)
    futures[2].cancel()
    faults.gate.set()
    assert [future.result().items.tolist() for future in futures[:2]] == [[[1]]] * 2
    with pytest.raises(negatron.Cancelled):
        futures[2].result()


def test_deadline_is_kept(client: negatron.Client, faults: Faults) -> None:
    faults.gate.clear()
    with pytest.raises(negatron.DeadlineExceeded) as caught:
        client.server_info(timeout=0.05)
    assert isinstance(caught.value, TimeoutError)


def test_wait_until_ready_tells_what_it_waited_for() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{unused.getsockname()[1]}"
        with negatron.Client(target) as client:
            with pytest.raises(negatron.DeadlineExceeded, match="not ready: UNAVAILABLE"):
                client.wait_until_ready(timeout=0.5)


def test_large_writes_are_cut_and_rows_are_the_callers(
    client: negatron.Client, faults: Faults
) -> None:
    cid = _collection(client)
    rows = 2 * chunking.MAX_ROWS + 5
    result = client.write_items(cid, np.arange(rows), request_id="big")
    assert result.written_count == rows
    sent = [r.request_id for r in faults.requests if hasattr(r, "item_ids")]
    assert sent == ["big-0", "big-1", "big-2"]
    items = np.arange(rows)
    items[chunking.MAX_ROWS + 7] = -1
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.write_events(cid, np.zeros(rows, int), items, np.zeros(rows, int))
    assert caught.value.field_violations[0].field == f"item_ids[{chunking.MAX_ROWS + 7}]"
    assert caught.value.acknowledged_rows == chunking.MAX_ROWS


def test_bad_values_are_found_in_the_callers_matrix(
    client: negatron.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunking, "MAX_ROWS", 2)
    cid = _collection(client, dimension=3, metric=negatron.Metric.L2)
    client.write_items(cid, np.arange(7))
    vectors = np.ones((7, 3))
    vectors[5, 1] = np.nan
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.write_embeddings(cid, np.arange(7), vectors)
    assert caught.value.field_violations[0].field == f"vectors.values[{5 * 3 + 1}]"
    assert caught.value.acknowledged_rows == 4


def test_intervals_survive_chunks(
    client: negatron.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunking, "MAX_ROWS", 2)
    cid = _collection(client)
    splits = np.array([0, 2, 2, 3, 5, 6])
    begins = np.arange(6) * 10
    client.write_items(
        cid, np.arange(5), alive_from=begins, alive_until=begins + 5, interval_splits=splits
    )
    page = next(client.list_items(cid))
    assert page.interval_splits.tolist() == splits.tolist()
    assert page.alive_from_micros.tolist() == begins.tolist()


def test_chunks_cover_all_rows_within_the_limits() -> None:
    rng = np.random.default_rng(1)
    for sizes in (
        np.zeros(0, np.int64),
        np.full(5, 2 * chunking.MAX_BYTES),
        np.full(3 * chunking.MAX_ROWS, 1),
        rng.integers(1, 20_000, 5000),
    ):
        slices = list(chunking.chunks(sizes))
        assert [s.start for s in slices] == [0, *(s.stop for s in slices[:-1])]
        assert slices[-1].stop == len(sizes)
        for some in slices:
            rows = some.stop - some.start
            assert rows <= chunking.MAX_ROWS
            assert rows <= 1 or sizes[some].sum() <= chunking.MAX_BYTES


def test_full_response_fits(client: negatron.Client) -> None:
    cid = _collection(client)
    client.write_items(cid, [1])
    outputs = ["log_q", "log_q_source", "components", "scores", "reject_counts"]
    sample = client.sample(cid, 16_384, policy=negatron.Uniform(), rows=8, outputs=outputs)
    assert sample.items.shape == (8, 16_384)
    assert (sample.items == 1).all()


def test_arguments_are_checked_before_anything_is_sent(
    client: negatron.Client, faults: Faults
) -> None:
    uniform = negatron.Uniform()
    for error, call in (
        (TypeError, lambda: client.sample("c", 1, policy=uniform, users=[1.5])),
        (TypeError, lambda: client.sample("c", 1, policy=uniform, users="ann")),
        (TypeError, lambda: client.sample("c", 1, policy=uniform, users=["a", 1])),
        (TypeError, lambda: client.sample("c", 1, policy=7, rows=1)),
        (TypeError, lambda: client.sample("c", 1, policy=uniform, as_of=1.5e9, rows=1)),
        (ValueError, lambda: client.sample("c", 1, policy=uniform, users=[[1]])),
        (ValueError, lambda: client.sample("c", 1, policy=uniform, outputs=["nothing"])),
        (ValueError, lambda: client.sample("c", 1, policy=uniform, outputs="log_q")),
        (ValueError, lambda: client.sample("c", 1, policy=uniform, queries=np.ones(3))),
        (ValueError, lambda: client.statistics("c", as_of=dt.datetime(2024, 1, 1))),
        (ValueError, lambda: client.sample("c", 1, policy=uniform, users=np.array([2**63]))),
        (TypeError, lambda: client.write_events("c", [1], [1], [1.5])),
        (ValueError, lambda: client.write_events("c", [1], [1, 2], [1])),
        (ValueError, lambda: client.write_events("c", [1], [1], [np.datetime64("NaT")])),
        (ValueError, lambda: client.write_embeddings("c", [1], np.ones(3))),
        (ValueError, lambda: client.write_embeddings("c", [1, 2], np.ones((1, 3)))),
        (ValueError, lambda: client.write_items("c", [1], alive_from=[1, 2])),
        (ValueError, lambda: client.write_items("c", [1], request_id="x" * 55)),
        (ValueError, lambda: client.create_collection("c", dimension=3)),
        (ValueError, lambda: client.create_collection("c", windows=[dt.timedelta(0)])),
        (ValueError, lambda: client.write_events("c", [1], [1], [1], kinds=9)),
        (ValueError, lambda: client.write_events("c", [1], [1], [1], propensities=[0.5])),
        (ValueError, lambda: client.write_events("c", [1], [1], [1], cohorts=[256])),
        (ValueError, lambda: client.write_events("c", [1], [1], [1], weights=[np.nan])),
        (ValueError, lambda: client.write_items("c", [1], base_weights=[17])),
        (TypeError, lambda: client.write_items("c", [1], categories=["drama"])),
        (TypeError, lambda: client.write_items("c", [1], attributes=["x"])),
        (ValueError, lambda: client.write_items(
            "c", [1], attributes=[b"x"], update_mask=["categories"])),
        (ValueError, lambda: client.import_events("c", [], stream_id="a b")),
        (ValueError, lambda: client.sample_shared("c", 1, policy=negatron.Mined(), rows=1)),
        (ValueError, lambda: client.update_collection("c")),
        (TypeError, lambda: client.get_collection(7)),
        (ValueError, lambda: negatron.Client(timeout=0)),
        (ValueError, lambda: negatron.Client(max_attempts=0)),
    ):
        with pytest.raises(error):
            call()
    assert not faults.requests


@pytest.mark.parametrize(
    "make",
    [
        lambda: negatron.Adversarial(0.0),
        lambda: negatron.Adversarial(math.nan),
        lambda: negatron.Adversarial(1.0, anchor="nobody"),
        lambda: negatron.AhnsTarget(math.nan, 1.0, -2.0),
        lambda: negatron.Dynamic(negatron.Uniform(category="a"), 8, top_count=1),
        lambda: negatron.Dynamic(negatron.Uniform(), 0, top_count=1),
        lambda: negatron.Dynamic(negatron.Uniform(), 1025, top_count=1),
        lambda: negatron.Dynamic(negatron.Uniform(), 8),
        lambda: negatron.Dynamic(negatron.Uniform(), 8, top_count=9),
        lambda: negatron.Dynamic(negatron.Uniform(), 8, "uniform", top_count=0),
        lambda: negatron.Dynamic(negatron.Uniform(), 8, "best", top_count=1),
        lambda: negatron.Dynamic(negatron.Uniform(), 8, top_count=1, anchor="nobody"),
        lambda: negatron.Dynamic(negatron.Uniform(), 8, top_count=1, temperature=1.0),
        lambda: negatron.Dynamic(negatron.Uniform(), 8, "softmax"),
        lambda: negatron.Dynamic(negatron.Uniform(), 8, "softmax", top_count=1, temperature=1.0),
        lambda: negatron.Dynamic(negatron.Uniform(), 8, "ahns"),
        lambda: negatron.Dynamic(
            negatron.Uniform(), 8, top_count=1, target=negatron.AhnsTarget(1.0, 1.0, -2.0)
        ),
        lambda: negatron.Nearest((5, 5)),
        lambda: negatron.Nearest((-1, 5)),
        lambda: negatron.Nearest((0, 10_001)),
        lambda: negatron.Nearest(pick="best"),
        lambda: negatron.Nearest(anchor="nobody"),
        lambda: negatron.Nearest(pick="softmax"),
        lambda: negatron.Nearest(pick="softmax", temperature=0.0),
        lambda: negatron.Nearest(temperature=1.0),
        lambda: negatron.Nearest(min_score=math.nan),
        lambda: negatron.Nearest(max_score=math.inf),
        lambda: negatron.Nearest(min_score=0.5, max_score=0.4),
        lambda: negatron.Nearest(margin=-0.1),
        lambda: negatron.Nearest(relative_margin=math.inf),
        lambda: negatron.Nearest(noise=math.nan),
        lambda: negatron.Popularity(alpha=0),
        lambda: negatron.Popularity(half_life=dt.timedelta(seconds=1)),
        lambda: negatron.Popularity(window=dt.timedelta(0)),
        lambda: negatron.Exposure(max_importance_weight=0.5),
        lambda: negatron.Uniform(category=""),
        lambda: negatron.Policy.mix((1, negatron.Uniform()), category_cap=0),
        lambda: negatron.Policy.mix((1, negatron.Uniform()), positive_floor=1.0),
        lambda: negatron.Policy.mix(),
        lambda: negatron.Policy.mix((0, negatron.Uniform())),
        lambda: negatron.Policy.mix((-1, negatron.Uniform()), (2, negatron.Uniform())),
        lambda: negatron.Policy.mix((float("nan"), negatron.Uniform())),
        lambda: negatron.Policy.mix(*[(1, negatron.Uniform())] * 17),
    ],
)
def test_policies_catch_mistakes(make: object) -> None:
    with pytest.raises(ValueError):
        make()


def test_dynamic_is_sent_whole() -> None:
    base = negatron.Popularity(alpha=0.5, half_life=dt.timedelta(days=7), within_cohort=True)
    target = negatron.AhnsTarget(1.0, 0.0, -2.0)
    ahns = negatron.Dynamic(base, 64, "ahns", anchor="positive", target=target, category="a")
    top = negatron.Dynamic(negatron.Uniform(), 8, top_count=3)
    policy = negatron.Policy.mix((1, ahns), (2, top)).to_proto()
    assert policy.components[0].category == "a"
    sent = policy.components[0].dynamic
    assert sent.popularity.alpha == 0.5
    assert sent.popularity.half_life.seconds == 7 * 86_400
    assert sent.popularity.within_cohort
    assert sent.anchor == sampling_pb2.NEAREST_ANCHOR_POSITIVE
    assert (sent.pool_size, sent.pick) == (64, sampling_pb2.DYNAMIC_PICK_AHNS)
    assert (sent.target.alpha, sent.target.beta, sent.target.p) == (1.0, 0.0, -2.0)
    sent = policy.components[1].dynamic
    assert sent.HasField("uniform") and not sent.HasField("target")
    assert (sent.pool_size, sent.top_count) == (8, 3)
    with pytest.raises(TypeError):
        negatron.Dynamic(negatron.Mined(), 8, top_count=1)  # type: ignore[arg-type]


def test_datetime64_and_microseconds_mean_the_same(
    client: negatron.Client, faults: Faults
) -> None:
    cid = _collection(client, missing_item_rule=negatron.MissingItemRule.CREATE)
    times = np.array(["2024-01-01T00:00:00.5", "1969-12-31T23:59:59"], "datetime64[ms]")
    client.write_events(cid, [1, 1], [1, 2], times)
    sent = np.frombuffer(faults.requests[-1].event_time_micros.raw, "<i8")
    assert sent.tolist() == [1_704_067_200_500_000, -1_000_000]
    before = dt.datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=dt.timezone.utc)
    assert client.statistics(cid, as_of=before).as_of == before


def test_context_manager_closes(server: FakeServer) -> None:
    with negatron.Client(f"127.0.0.1:{server.port}") as client:
        assert client.server_info().serving
    with pytest.raises(ValueError, match="closed"):
        client.server_info()
    client.close()


def test_threads_share_a_client(client: negatron.Client) -> None:
    cid = _collection(client, item_id_type=negatron.IdType.STRING)
    names = [f"n{i}" for i in range(50)]
    client.write_items(cid, names)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            sample = client.sample(cid, 20, policy=negatron.Uniform(), rows=4, seed=seed)
            assert set(sample.items.ravel()) <= set(names)
        except BaseException as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def _serve_in_a_process(ports: "multiprocessing.Queue[int]") -> None:
    server = FakeServer()
    ports.put(server.start())
    threading.Event().wait()


def _ask_in_a_fork(client: negatron.Client, answers: "multiprocessing.Queue[str]") -> None:
    answers.put(client.server_info().version)


def test_unused_client_works_on_both_sides_of_a_fork() -> None:
    spawn = multiprocessing.get_context("spawn")
    ports = spawn.Queue()
    server = spawn.Process(target=_serve_in_a_process, args=(ports,), daemon=True)
    server.start()
    try:
        # A process of its own: gRPC has not been used here before the fork.
        outer = spawn.Process(target=_fork_and_ask, args=(ports.get(timeout=60),))
        outer.start()
        outer.join(60)
        assert outer.exitcode == 0
    finally:
        server.terminate()
        server.join()


def _fork_and_ask(port: int) -> None:
    context = multiprocessing.get_context("fork")
    client = negatron.Client(f"127.0.0.1:{port}", timeout=20)
    answers = context.Queue()
    children = [
        context.Process(target=_ask_in_a_fork, args=(client, answers)) for _ in range(2)
    ]
    for child in children:
        child.start()
    assert [answers.get(timeout=30) for _ in children] == ["0.0.0"] * 2
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    assert client.server_info().version == "0.0.0"


def test_a_new_process_gets_a_new_channel(
    client: negatron.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = client._transport  # pylint: disable=protected-access
    first = transport.stubs()
    assert transport.stubs() is first
    monkeypatch.setattr("negatron.transport.os.getpid", lambda: -1)
    assert transport.stubs() is not first
    assert client.server_info().serving


def test_statistics_of_a_newer_server_are_read() -> None:
    proto = inspection_pb2.CollectionStatistics()
    proto.short_rows.add(row_status=99, count=1)
    proto.short_rows.add(row_status=sampling_pb2.ROW_STATUS_NO_EVENT, count=2)
    proto.rejects.add(reject_cause=99, count=3)
    proto.rejects.add(reject_cause=sampling_pb2.REJECT_CAUSE_DEAD, count=4)
    statistics = negatron.Statistics.from_proto(proto)
    assert statistics.short_row_counts == {99: 1, negatron.RowStatus.NO_EVENT: 2}
    assert statistics.reject_counts == {"99": 3, "DEAD": 4}
