# SPDX-License-Identifier: Apache-2.0
"""The contract between client and server, against negatrond itself.

NEGATRON_SERVER_BINARY names the binary.
"""

from __future__ import annotations

import os
import pathlib
from typing import Callable, Iterator

import numpy as np
import pytest

import accounts_contract
import candidates_contract
import contract
import embeddings_contract
import feedback_contract
import guards_contract
import negatron
import policies_contract
import pool_time_contract
from server_process import ServerProcess

_BINARY = os.environ.get("NEGATRON_SERVER_BINARY", "")

pytestmark = pytest.mark.skipif(not _BINARY, reason="NEGATRON_SERVER_BINARY is not set")


@pytest.fixture(name="negatrond", scope="module")
def _negatrond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(_BINARY, tmp_path_factory.mktemp("negatrond"))
    yield server
    server.process.kill()
    server.process.wait()


@pytest.fixture(name="real")
def _real(negatrond: ServerProcess) -> Iterator[negatron.Client]:
    with negatron.Client(negatrond.target, timeout=60.0) as client:
        client.wait_until_ready()
        yield client


@pytest.mark.parametrize(
    "case",
    contract.CASES
    + embeddings_contract.CASES
    + pool_time_contract.CASES
    + candidates_contract.CASES
    + guards_contract.CASES
    + policies_contract.CASES
    + feedback_contract.CASES
    + accounts_contract.CASES,
    ids=lambda case: case.__name__,
)
def test_negatrond_keeps_contract(
    real: negatron.Client, case: Callable[[negatron.Client, str], None]
) -> None:
    case(real, case.__name__.replace("_", "-"))


def test_users_keep_their_arm_however_rows_are_batched(real: negatron.Client) -> None:
    real.create_collection("arms", missing_item_rule=negatron.MissingItemRule.CREATE)
    real.write_events("arms", np.arange(8), np.arange(8), np.arange(8))
    experiment = negatron.Experiment(
        "law", {"plain": (1, negatron.Uniform()), "popular": (3, negatron.Popularity())}
    )
    assert real.put_policy("arms", "law", experiment).policy.arms.keys() == {"plain", "popular"}
    users = np.arange(1000)
    rows = {"as_of": np.datetime64(1, "s"), "seed": 1, "outputs": ("arms", "components")}
    whole = real.sample("arms", 2, policy="law", users=users, **rows)
    assert whole.arm_names == ("plain", "popular")
    # Of 1,000 users a quarter; 5 standard deviations are 68.
    assert 182 < (whole.arms == 0).sum() < 318
    assert (whole.components == whole.arms[:, None]).all()
    mixed = np.random.default_rng(2).permutation(1000)[:300]
    part = real.sample("arms", 2, policy=experiment, users=users[mixed], **rows)
    assert (part.arms == whole.arms[mixed]).all()
    assert (part.items == whole.items[mixed]).all()


def test_message_over_the_limit_is_refused_and_the_server_lives(
    negatrond: ServerProcess, real: negatron.Client
) -> None:
    real.create_collection("big", dimension=4096, metric=negatron.Metric.L2)
    queries = np.zeros((2000, 4096), np.float32)
    with pytest.raises(negatron.ResourceExhausted):  # The client's own limit.
        real.sample("big", 1, policy=negatron.Nearest(), queries=queries)
    no_limit = [("grpc.max_send_message_length", -1)]
    with negatron.Client(negatrond.target, channel_options=no_limit) as client:
        with pytest.raises(negatron.ResourceExhausted):  # The server's.
            client.sample("big", 1, policy=negatron.Nearest(), queries=queries)
    assert real.server_info().serving


def test_wide_embeddings_are_cut_to_fit(real: negatron.Client) -> None:
    real.create_collection("wide", dimension=4096, metric=negatron.Metric.INNER_PRODUCT)
    real.write_items("wide", np.arange(700))
    vectors = np.random.default_rng(0).normal(size=(700, 4096)).astype(np.float32)
    assert real.write_embeddings("wide", np.arange(700), vectors).written_count == 700
    got, found = real.get_embeddings("wide", [699, 0])
    assert found.all()
    assert (got == vectors[[699, 0]]).all()


def test_sigterm_exits_0_and_data_is_there_after_a_restart(tmp_path: pathlib.Path) -> None:
    server = ServerProcess(_BINARY, tmp_path)
    with negatron.Client(server.target) as client:
        client.wait_until_ready()
        client.create_collection(
            "kept",
            item_id_type=negatron.IdType.STRING,
            missing_item_rule=negatron.MissingItemRule.CREATE,
        )
        first = client.write_events("kept", [1, 2], ["a", "b"], [0, 1], request_id="once")
    assert server.terminate() == 0, server.log.read_text(encoding="utf-8")
    server.start()
    with negatron.Client(server.target) as client:
        client.wait_until_ready()
        again = client.write_events("kept", [1, 2], ["a", "b"], [0, 1], request_id="once")
        assert again.replayed
        assert again.commit_sequence == first.commit_sequence
        assert client.statistics("kept").event_count == 2
        assert next(client.list_items("kept")).ids.tolist() == ["a", "b"]
    assert server.terminate() == 0


def test_import_goes_on_over_a_restart(tmp_path: pathlib.Path) -> None:
    server = ServerProcess(_BINARY, tmp_path)
    chunks = [
        {"users": [i], "items": [i], "times": np.array([i])} for i in range(60)
    ]

    def source() -> Iterator[dict[str, object]]:
        for number, chunk in enumerate(chunks):
            if number == 30:
                server.kill_and_start()
            yield chunk

    with negatron.Client(server.target, timeout=60.0) as client:
        client.wait_until_ready()
        client.create_collection("fed", missing_item_rule=negatron.MissingItemRule.CREATE)
        done = client.import_events("fed", source(), stream_id="feed")
        assert (done.chunk_count, done.written_count) == (60, 60)
        assert client.statistics("fed").event_count == 60
    assert server.terminate() == 0


def test_a_controller_goes_on_where_a_killed_server_left_it(tmp_path: pathlib.Path) -> None:
    server = ServerProcess(_BINARY, tmp_path)
    with negatron.Client(server.target, timeout=60.0) as client:
        client.wait_until_ready()
        client.create_collection("steered")
        client.put_controller(
            "steered", "k", target_rate=0.25, start_output=0.5, stop_rule=negatron.StopRule(4)
        )
        for step in range(6):
            report = client.report_outcomes(
                "steered", "k", progress=0.5, request_id=f"step-{step}",
                outcomes=[negatron.ComponentOutcomes(1, 1000, 300 + step, 5.5)],
                level=negatron.Level.DURABLE,
            )
        server.kill_and_start()
        client.wait_until_ready()
        assert client.get_controller("steered", "k") == report.controller
        again = client.report_outcomes(
            "steered", "k", progress=0.5, request_id="step-5",
            outcomes=[negatron.ComponentOutcomes(1, 1000, 305, 5.5)],
        )
        assert again.replayed and again.controller == report.controller
    assert server.terminate() == 0
