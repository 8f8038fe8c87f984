# SPDX-License-Identifier: Apache-2.0
"""TLS, tokens, clients that are pickled, and forks of processes that have used gRPC."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import pickle
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator

import grpc
import numpy as np
import pytest

import negatron
from fake_server import Faults, FakeServer
from negatron.relay import RelayChannel
from negatron.v1 import inspection_pb2, inspection_pb2_grpc


@pytest.fixture(name="forked")
def _forked() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Runs a function in a fork of this process; returns its result or raises its error."""
    context = multiprocessing.get_context("fork")

    def run(function: Callable[[], Any]) -> Any:
        answers = context.SimpleQueue()
        child = context.Process(target=_answer, args=(function, answers))
        child.start()
        ok, answer = answers.get()
        child.join()
        if not ok:
            raise answer
        return answer

    yield run


def _answer(function: Callable[[], Any], answers: Any) -> None:
    try:
        answers.put((True, function()))
    except BaseException as error:  # pylint: disable=broad-except
        answers.put((False, RuntimeError(f"{type(error).__name__}: {error}")))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc's malloc")
def test_blocks_of_a_response_do_not_come_from_the_kernel_each_time() -> None:
    script = """if True:
        import resource, sys, negatron

        def faults():
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(50):
                blocks = [bytearray(b"x") * 400_000 for _ in range(10)]
                del blocks
            return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 500

        fresh = faults()
        with negatron.Client("127.0.0.1:1") as client:
            try:
                client.server_info(timeout=0.01)
            except negatron.NegatronError:
                pass
            print(fresh, faults())
    """
    fresh, kept = map(float, subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout.split())
    # Of the 98 pages of a block. What comes first fills the heap once.
    assert fresh > 50
    assert kept < 10


def test_a_used_client_works_in_forks(
    client: negatron.Client, forked: Callable[..., Any]
) -> None:
    client.create_collection("films")
    client.write_items("films", np.arange(10))
    ask: dict[str, Any] = {
        "policy": negatron.Uniform(), "rows": 4, "row_keys": np.arange(4), "as_of": 5,
    }
    here = client.sample("films", 3, seed=1, **ask)

    def sample_there() -> list[Any]:
        calls = [client.sample_async("films", 3, seed=seed, **ask) for seed in (1, 2, 1)]
        results = [call.result().items.tolist() for call in calls]
        client.close()
        return results

    first, second, again = forked(sample_there)
    assert first == again == here.items.tolist() != second
    assert client.sample("films", 3, seed=1, **ask).items.tolist() == first


def test_large_calls_of_forks_do_not_block_each_other(
    client: negatron.Client, forked: Callable[..., Any]
) -> None:
    # Far more than pipes hold, in both directions at once.
    client.create_collection("films", dimension=256, metric=negatron.Metric.L2)
    client.write_items("films", np.arange(1000))
    vectors = np.random.default_rng(0).normal(size=(1000, 256)).astype(np.float32)

    def write_and_read() -> bool:
        client.write_embeddings("films", np.arange(1000), vectors)
        with ThreadPoolExecutor(8) as threads:
            writes = [
                threads.submit(client.write_embeddings, "films", np.arange(1000), vectors)
                for _ in range(16)
            ]
            reads = [
                threads.submit(client.get_embeddings, "films", np.arange(1000)) for _ in range(16)
            ]
            assert all(write.result().written_count == 1000 for write in writes)
            return all((read.result()[0] == vectors).all() for read in reads)

    assert forked(write_and_read)


def test_a_fork_outlasts_the_process_that_makes_its_calls(
    client: negatron.Client, forked: Callable[..., Any]
) -> None:
    client.create_collection("films")

    def lose_it() -> bool:
        client.server_info()
        relay = client._transport._channel  # pylint: disable=protected-access
        assert isinstance(relay, RelayChannel)
        relay._process.kill()  # pylint: disable=protected-access
        return client.server_info().serving and client.server_info().serving

    assert forked(lose_it)


def test_errors_of_forks_are_typed(client: negatron.Client, forked: Callable[..., Any]) -> None:
    client.create_collection("films")

    def provoke() -> tuple[Any, ...]:
        with pytest.raises(negatron.InvalidArgument) as caught:
            client.write_events("films", [1], [9], [0])
        with pytest.raises(RuntimeError, match="spawn"):
            client.import_items("films", [{"items": [1]}], stream_id="s")
        return caught.value.reason, caught.value.field_violations

    assert forked(provoke) == (
        "INVALID_ARGUMENT", (negatron.FieldViolation("item_ids[0]", "no such item"),)
    )


def test_forks_retry_and_cancel(
    client: negatron.Client, faults: Faults, forked: Callable[..., Any]
) -> None:
    client.create_collection("films")
    client.write_items("films", np.arange(10))
    faults.failures = [(grpc.StatusCode.UNAVAILABLE, None)] * 2

    def retry_and_cancel() -> bool:
        assert client.sample("films", 1, policy=negatron.Uniform(), rows=2).items.shape == (2, 1)
        return True

    assert forked(retry_and_cancel)
    faults.gate.clear()

    def cancel() -> bool:
        call = client.sample_async("films", 1, policy=negatron.Uniform(), rows=2)
        assert not call.done()
        call.cancel()
        with pytest.raises(negatron.Cancelled):
            call.result()
        return True

    assert forked(cancel)


def test_a_client_is_pickled_as_what_it_was_made_from(server: FakeServer) -> None:
    target = f"127.0.0.1:{server.port}"
    with negatron.Client(target, timeout=7.0, max_attempts=2) as client:
        client.server_info()
        with pickle.loads(pickle.dumps(client)) as twin:
            assert twin.target == target
            assert twin.server_info().serving
    with_credentials = negatron.Client(target, credentials=grpc.ssl_channel_credentials())
    with pytest.raises(TypeError, match="tls"):
        pickle.dumps(with_credentials)
    tls = negatron.Tls(root_certificates=b"pem")
    secure = pickle.loads(pickle.dumps(negatron.Client(target, tls=tls, token="t")))
    assert pickle.dumps(secure) == pickle.dumps(negatron.Client(target, tls=tls, token="t"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: negatron.Client(token="t"),
        lambda: negatron.Client(tls=negatron.Tls(), credentials=grpc.ssl_channel_credentials()),
        lambda: negatron.Tls(certificate_chain=b"pem"),
        lambda: negatron.Tls(root_certificates="ca.pem"),
    ],
)
def test_what_would_not_be_safe_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        make()


def test_secrets_are_not_printed() -> None:
    tls = negatron.Tls(certificate_chain=b"chain", private_key=b"hidden")
    assert "hidden" not in repr(tls)


class _Inspection(inspection_pb2_grpc.InspectionServiceServicer):  # type: ignore[misc]
    """Answers with the `authorization` that it got, as its version."""

    def GetServerInfo(self, request: Any, context: Any) -> Any:
        metadata = dict(context.invocation_metadata())
        return inspection_pb2.ServerInfo(version=metadata.get("authorization", ""), serving=True)


@pytest.fixture(name="certificate", scope="module")
def _certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Returns (certificate, private key) of "negatron.test", for server and client."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on PATH")
    folder: pathlib.Path = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=negatron.test", "-addext", "subjectAltName=DNS:negatron.test",
         "-keyout", folder / "key", "-out", folder / "certificate"],
        check=True, capture_output=True,
    )
    return (folder / "certificate").read_bytes(), (folder / "key").read_bytes()


@pytest.fixture(name="secure_target")
def _secure_target(certificate: tuple[bytes, bytes]) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    inspection_pb2_grpc.add_InspectionServiceServicer_to_server(_Inspection(), server)
    chain, key = certificate
    credentials = grpc.ssl_server_credentials(
        [(key, chain)], root_certificates=chain, require_client_auth=True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


def test_tls_and_token_reach_the_server(
    certificate: tuple[bytes, bytes], secure_target: str, forked: Callable[..., Any]
) -> None:
    chain, key = certificate
    tls = negatron.Tls(chain, chain, key, server_name="negatron.test")
    with negatron.Client(secure_target, tls=tls, token="abc", timeout=20.0) as client:
        assert client.server_info().version == "Bearer abc"
        assert forked(lambda: client.server_info().version) == "Bearer abc"
    with negatron.Client(secure_target, tls=tls, timeout=20.0) as client:
        assert client.server_info().version == ""
    stranger = negatron.Tls(chain, server_name="negatron.test")
    with negatron.Client(secure_target, tls=stranger, timeout=20.0, max_attempts=1) as client:
        with pytest.raises(negatron.Unavailable):
            client.server_info()
