# SPDX-License-Identifier: Apache-2.0
"""What a real server tells of itself: metrics after real calls, probes, the log of slow calls.

NEGATRON_SERVER_BINARY names the binary.
"""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import subprocess
import time
from typing import Iterator

import grpc
import numpy as np
import pytest

import negatron
from exposition import Exposition, MeasuredServer
from negatron.v1 import sampling_pb2, sampling_pb2_grpc

_BINARY = os.environ.get("NEGATRON_SERVER_BINARY", "")
_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_SAMPLE = "SamplingService/SampleNegatives"

pytestmark = pytest.mark.skipif(not _BINARY, reason="NEGATRON_SERVER_BINARY is not set")


@pytest.fixture(name="server")
def _server(tmp_path: pathlib.Path) -> Iterator[MeasuredServer]:
    server = MeasuredServer(_BINARY, tmp_path)
    yield server
    server.kill()


@pytest.fixture(name="client")
def _client(server: MeasuredServer) -> Iterator[negatron.Client]:
    with negatron.Client(server.target) as client:
        client.wait_until_ready()
        yield client


def _make(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, missing_item_rule=negatron.MissingItemRule.CREATE)
    client.write_events(cid, np.arange(50), np.arange(50), np.arange(50))


def test_calls_are_counted_by_method_and_code(
    server: MeasuredServer, client: negatron.Client
) -> None:
    _make(client, "c")
    for _ in range(5):
        client.sample("c", 4, policy=negatron.Uniform(), users=np.arange(8))
    for _ in range(2):
        with pytest.raises(negatron.NotFound):
            client.sample("nothing", 4, policy=negatron.Uniform(), users=np.arange(8))
    scrape = server.scrape()
    good = {"method": _SAMPLE, "code": "OK"}
    assert scrape.value("negatron_call_duration_seconds_count", **good) == 5
    assert scrape.value("negatron_call_request_bytes_count", **good) == 5
    assert scrape.value("negatron_call_response_bytes_count", **good) == 5
    # Eight rows of four ids, of 8 bytes each.
    assert scrape.value("negatron_call_response_bytes_sum", **good) >= 5 * 8 * 4 * 8
    assert 0 < scrape.value("negatron_call_duration_seconds_sum", **good) < 5
    missing = {"method": _SAMPLE, "code": "NOT_FOUND"}
    assert scrape.value("negatron_call_duration_seconds_count", **missing) == 2
    assert scrape.value("negatron_call_response_bytes_sum", **missing) == 0
    calls = sum(
        s.value for s in scrape.samples if s.name == "negatron_call_duration_seconds_count"
    )
    assert scrape.value("negatron_call_queue_seconds_count") == calls
    assert scrape.value("negatron_calls_in_flight") == 0


def test_draws_are_counted_as_the_statistics_have_them(
    server: MeasuredServer, client: negatron.Client
) -> None:
    _make(client, "c")
    mix = negatron.Policy.mix((1, negatron.Uniform()), (3, negatron.Popularity()))
    for _ in range(3):
        client.sample("c", 8, policy=mix, users=np.arange(10))
    # Nothing had happened before the first event.
    client.sample("c", 8, policy=negatron.Popularity(), users=[1, 2], as_of=np.datetime64(-1, "s"))
    scrape = server.scrape()

    def count(name: str, **labels: str) -> float:
        return scrape.value(name, collection="c", **labels)

    assert count("negatron_sample_calls_total") == 4
    assert count("negatron_sampled_rows_total") == 32
    assert count("negatron_negatives_drawn_total", source="uniform") == 3 * 10 * 2
    assert count("negatron_negatives_drawn_total", source="popularity") == 3 * 10 * 6
    assert count("negatron_rows_total", status="ok") == 30
    short = {s.labels["status"]: s.value for s in scrape.samples
             if s.name == "negatron_rows_total" and s.labels["status"] != "ok"}
    assert sum(short.values()) == 2
    assert count("negatron_rejects_total", cause="excluded") > 0  # Each user has a positive.
    statistics = client.statistics("c")
    assert count("negatron_items") == statistics.item_count == 50
    assert count("negatron_events") == statistics.event_count
    memory = {s.labels["structure"] for s in scrape.samples if s.name == "negatron_memory_bytes"}
    assert {"event_log", "item_ids"} <= memory


def test_writes_reach_the_disk_and_are_counted(
    server: MeasuredServer, client: negatron.Client
) -> None:
    before = server.scrape()
    _make(client, "c")
    after = server.scrape()

    def grown(name: str) -> float:
        return after.value(name) - before.value(name)

    assert grown("negatron_commit_writes_total") >= 2
    assert grown("negatron_commit_sync_seconds_count") >= 1
    assert grown("negatron_durable_sequence") > 0
    assert after.value("negatron_durable_lag_seconds") < 60
    assert after.value("negatron_disk_refuses_writes") == 0
    assert after.value("negatron_commit_sync_failures_total") == 0
    assert after.value("negatron_data_folder_bytes") > 0
    assert after.value("negatron_rocksdb_memtable_bytes") > 0
    assert after.value("negatron_collections") == 1


def test_the_process_is_described(server: MeasuredServer, client: negatron.Client) -> None:
    scrape = server.scrape()
    assert scrape.value("negatron_build_info", version=client.server_info().version) == 1
    start = scrape.value("process_start_time_seconds")
    assert time.time() - 120 < start < time.time() + 2
    assert 1e6 < scrape.value("process_resident_memory_bytes") < 1e11
    assert 3 < scrape.value("process_open_fds") < scrape.value("process_max_fds")


def test_every_metric_is_documented_typed_and_named_by_the_conventions(
    server: MeasuredServer, client: negatron.Client
) -> None:
    _make(client, "c")
    client.sample("c", 8, policy=negatron.Uniform(), users=[1])
    scrape = server.scrape()
    for name, kind in scrape.types.items():
        assert scrape.helps[name].endswith("."), name
        assert (kind == "counter") == name.endswith("_total"), name
    for sample in scrape.samples:
        base = re.sub(r"_(bucket|sum|count)$", "", sample.name)
        assert sample.name in scrape.types or scrape.types[base] == "histogram"


def test_probes_say_what_the_health_service_says(
    server: MeasuredServer, client: negatron.Client
) -> None:
    assert client.server_info().serving
    assert server.get("/healthz")[0] == 200
    assert server.get("/readyz")[0] == 200
    assert server.get("/readyz", "HEAD")[::2] == (200, "")
    assert server.get("/")[0] == 404
    assert server.get("/metrics", "POST")[0] == 405


def test_not_ready_while_it_drains(server: MeasuredServer, client: negatron.Client) -> None:
    _make(client, "c")
    server.process.send_signal(signal.SIGTERM)
    seen = set()
    while server.process.poll() is None:
        try:
            seen.add((server.get("/readyz")[0], server.get("/healthz")[0]))
        except OSError:
            break  # It has closed the port.
    assert server.process.wait(60) == 0
    assert (503, 200) in seen


def test_a_port_that_is_taken_refuses_the_start(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        result = subprocess.run(
            [_BINARY, "--listen=127.0.0.1:0", f"--metrics-listen={address}",
             f"--data-dir={tmp_path}"],
            capture_output=True, text=True, timeout=60, check=False,
        )
    assert result.returncode == 1
    assert "metrics-listen" in result.stderr
    assert address in result.stderr


def test_slow_calls_are_logged_with_their_plan_and_trace(tmp_path: pathlib.Path) -> None:
    server = MeasuredServer(_BINARY, tmp_path, "--slow-request-threshold=0s")
    try:
        with negatron.Client(server.target) as client:
            client.wait_until_ready()
            _make(client, "c")
        with grpc.insecure_channel(server.target) as channel:
            request = sampling_pb2.SampleNegativesRequest(
                collection="collections/c", row_count=3, negative_count=2
            )
            request.policy.components.add(share=1).uniform.SetInParent()
            sampling_pb2_grpc.SamplingServiceStub(channel).SampleNegatives(
                request,
                metadata=[("traceparent", _TRACEPARENT), ("authorization", "Bearer secret")],
            )
    finally:
        server.kill()
    log = server.log.read_text(encoding="utf-8")
    (line,) = [line for line in log.splitlines() if f"slow_call method={_SAMPLE}" in line]
    fields = dict(word.split("=", 1) for word in line.split()[3:])
    assert fields["traceparent"] == _TRACEPARENT
    assert fields["collection"] == "c"
    assert (fields["rows"], fields["negatives"]) == ("3", "2")
    assert fields["plan"] == "uniform:1"
    stages = ("queue_seconds", "resolve_seconds", "draw_seconds", "encode_seconds")
    assert sum(float(fields[stage]) for stage in stages) <= float(fields["seconds"]) + 1e-4
    assert "secret" not in log


def test_a_scrape_during_writes_is_whole(server: MeasuredServer, client: negatron.Client) -> None:
    """Scrapes while collections come and go parse, and name no series twice."""
    for i in range(10):
        _make(client, f"c{i}")
        if i % 2:
            client.delete_collection(f"c{i}")
        scrape: Exposition = server.scrape()
        keys = [(s.name, tuple(sorted(s.labels.items()))) for s in scrape.samples]
        assert len(keys) == len(set(keys))
    assert scrape.value("negatron_collections") == 5
