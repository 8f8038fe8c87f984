# SPDX-License-Identifier: Apache-2.0
"""TLS, client certificates and tokens of the real server, with real certificates.

NEGATRON_SERVER_BINARY and NEGATRON_CLI_BINARY name the binaries; openssl makes the certificates.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import subprocess
import threading
from typing import Callable, Iterator

import grpc
import pytest

import negatron

from tls_server import CLI, NAME, SERVER, Authority, Server, make_token

pytestmark = pytest.mark.skipif(
    not (SERVER and CLI), reason="NEGATRON_SERVER_BINARY or NEGATRON_CLI_BINARY is not set"
)

Start = Callable[..., Server]


@pytest.fixture(name="authority", scope="module")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "trusted")


@pytest.fixture(name="stranger", scope="module")
def _stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "stranger")


@pytest.fixture(name="start")
def _start(tmp_path: pathlib.Path) -> Iterator[Start]:
    servers: list[Server] = []

    def start(pair: tuple[pathlib.Path, pathlib.Path], **settings: object) -> Server:
        flags = {name.replace("_", "-"): value for name, value in settings.items()}
        servers.append(Server(tmp_path, {"tls-cert": pair[0], "tls-key": pair[1], **flags}))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def refused_by_transport(client: negatron.Client) -> bool:
    """Whether no connection comes about."""
    with client, pytest.raises((negatron.Unavailable, negatron.DeadlineExceeded)):
        client.server_info(timeout=1.0)
    return True


def replace(source: pathlib.Path, target: pathlib.Path) -> None:
    """Puts a copy of `source` in the place of `target`, whole at once."""
    new = target.with_suffix(".new")
    new.write_bytes(source.read_bytes())
    new.replace(target)


def test_tls_with_the_right_authority_only(
    authority: Authority, stranger: Authority, start: Start
) -> None:
    server = start(authority.issue("server"))
    with server.client(authority) as client:
        assert client.server_info().serving
    assert refused_by_transport(server.client(stranger))
    assert refused_by_transport(negatron.Client(server.target))
    tls = ("--tls-ca", authority.certificate, "--tls-server-name", NAME)
    assert json.loads(server.cli("info", "--json", *tls))["serving"]
    server.cli("info", "--tls-ca", stranger.certificate, "--tls-server-name", NAME, code=3)
    server.cli("info", "--tls-ca", authority.certificate, code=3)  # Another name.
    server.cli("info", code=3)
    assert server.healthcheck() == 0


def test_clients_need_a_certificate_of_the_authority(
    authority: Authority, stranger: Authority, start: Start
) -> None:
    server = start(authority.issue("server"), tls_client_ca=authority.certificate)
    good = authority.issue("trainer")
    with server.client(authority, pair=good) as client:
        assert client.server_info().serving
    assert refused_by_transport(server.client(authority))
    assert refused_by_transport(server.client(authority, pair=stranger.issue("trainer")))
    assert refused_by_transport(server.client(authority, pair=authority.issue("old", days=-1)))
    tls = ("--tls-ca", authority.certificate, "--tls-server-name", NAME)
    server.cli("info", *tls, "--tls-cert", good[0], "--tls-key", good[1])
    server.cli("info", *tls, code=3)
    assert server.healthcheck() == 0
    probe = authority.issue("probe")
    assert server.healthcheck(f"--health-tls-cert={probe[0]}", f"--health-tls-key={probe[1]}") == 0
    other = stranger.issue("probe")
    assert server.healthcheck(f"--health-tls-cert={other[0]}", f"--health-tls-key={other[1]}") == 1


@pytest.mark.parametrize(
    "what", ["expired", "wrong key", "no certificate", "missing", "bad tokens", "empty client CA"]
)
def test_a_start_that_could_serve_nobody_is_refused(
    authority: Authority, tmp_path: pathlib.Path, what: str
) -> None:
    certificate, key = authority.issue("server")
    flags = {"tls-cert": certificate, "tls-key": key, "data-dir": tmp_path / "data"}
    nothing = tmp_path / "nothing"
    nothing.write_text("nothing\n", encoding="ascii")
    empty = tmp_path / "empty"
    empty.touch()
    expected = {
        "expired": ("has expired", dict(zip(("tls-cert", "tls-key"),
                                            authority.issue("old", days=-1)))),
        "wrong key": ("not that of the certificate", {"tls-key": authority.issue("other")[1]}),
        "no certificate": ("is not one in PEM", {"tls-cert": nothing}),
        "missing": ("cannot read", {"tls-key": tmp_path / "none"}),
        "bad tokens": ("token-file: line 1: ", {"token-file": nothing}),
        "empty client CA": ("is empty", {"tls-client-ca": empty}),
    }
    message, changes = expected[what]
    command = [SERVER, "--listen=127.0.0.1:0"]
    command += [f"--{name}={value}" for name, value in {**flags, **changes}.items()]
    for action in ([], ["--check-config"]):
        done = subprocess.run(
            [*command, *action], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 1
        assert message in done.stdout + done.stderr
    assert not (tmp_path / "data").exists()


def test_plain_text_for_other_machines_needs_a_word(tmp_path: pathlib.Path) -> None:
    command = [SERVER, "--listen=0.0.0.0:0", f"--data-dir={tmp_path}", "--check-config"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "insecure" in refused.stderr
    assert subprocess.run([*command, "--insecure"], check=False).returncode == 0


def test_tokens_of_every_kind_of_client(
    authority: Authority, start: Start, tmp_path: pathlib.Path
) -> None:
    tokens = tmp_path / "tokens"
    admin = make_token(tokens, "admin", "read,write,admin")
    reader = make_token(tokens, "reader", "read", collections="films")
    server = start(authority.issue("server"), token_file=tokens)
    with server.client(authority, token=admin) as client:
        client.create_collection("films")
        client.create_collection("books")
        assert len(list(client.list_collections())) == 2
    with server.client(authority, token=reader) as client:
        assert [c.id for c in client.list_collections()] == ["films"]
        with pytest.raises(negatron.PermissionDenied) as denied:
            client.write_items("films", [1])
        assert denied.value.reason == "SCOPE_MISSING"
        with pytest.raises(negatron.NegatronError) as other:
            client.get_collection("books")
        assert other.value.reason == "COLLECTION_NOT_ALLOWED"
    roots = negatron.Tls(root_certificates=authority.certificate.read_bytes(), server_name=NAME)

    async def read() -> str:
        async with negatron.AsyncClient(server.target, tls=roots, token=reader) as client:
            return (await client.get_collection("films")).id

    assert asyncio.run(read()) == "films"
    with server.client(authority) as client, pytest.raises(negatron.Unauthenticated) as anonymous:
        client.server_info()
    assert anonymous.value.reason == "TOKEN_MISSING"
    tls = ("--tls-ca", authority.certificate, "--tls-server-name", NAME)
    file = tmp_path / "token"
    file.write_text(reader + "\n", encoding="ascii")
    server.cli("collection", "get", "films", *tls, "--token-file", file)
    server.cli("collection", "get", "films", *tls, environment={"NEGATRON_TOKEN": reader})
    server.cli("collection", "get", "books", *tls, "--token-file", file, code=2)
    assert "--token-file" in server.cli("info", *tls, code=2)
    assert "needs tls" in server.cli("info", "--token-file", file, code=1)
    assert server.healthcheck() == 0  # Without a token.


def test_without_a_token_there_is_health_and_nothing_else(
    authority: Authority, start: Start, tmp_path: pathlib.Path
) -> None:
    tokens = tmp_path / "tokens"
    make_token(tokens, "reader", "read")
    server = start(authority.issue("server"), token_file=tokens)
    credentials = grpc.ssl_channel_credentials(authority.certificate.read_bytes())
    with grpc.secure_channel(
        server.target, credentials, [("grpc.ssl_target_name_override", NAME)]
    ) as channel:
        assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x01"
        reflect = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
        with pytest.raises(grpc.RpcError) as unknown:
            list(reflect(iter([b""]), timeout=10))
        assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_secrets_are_not_logged(
    authority: Authority, start: Start, tmp_path: pathlib.Path
) -> None:
    tokens = tmp_path / "tokens"
    good = make_token(tokens, "writer", "write")
    wrong = make_token(tmp_path / "others", "writer", "write")
    pair = authority.issue("server")
    server = start(pair, token_file=tokens, log_level="debug")
    for token in (good, wrong):
        with server.client(authority, token=token) as client:
            with pytest.raises(negatron.NegatronError):
                client.server_info()
    with tokens.open("a", encoding="ascii") as file:
        file.write(f"{good} was put where it does not belong\n")
    server.wait_for_log("reload_failed")
    log = server.log()
    # The log is as talkative as it can be, so that its silence means something.
    assert "call_failed" in log and "line 2: " in log
    entry = tokens.read_text(encoding="ascii").split("sha256:")[1].split("\n")[0]
    for secret in (good.split(".")[1], wrong.split(".")[1], *entry.split(":")):
        assert secret[:16] not in log
    key = "".join(pair[1].read_text(encoding="ascii").splitlines()[1:-1])
    assert key[20:40] not in log
    assert good.split(".")[1][:16] not in b"".join(
        path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()
    ).decode("latin-1")


def test_certificates_and_tokens_change_under_calls_in_flight(
    authority: Authority, stranger: Authority, start: Start, tmp_path: pathlib.Path
) -> None:
    """Calls on standing and on new connections, beside 20 changes of everything.

    Both authorities are trusted by the clients, as in a real change of roots. A call counts as lost
    if the client's own repetitions do not save it.
    """
    tokens = tmp_path / "tokens"
    token = make_token(tokens, "trainer", "read,write,admin")
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    pairs = [authority.issue("server"), stranger.issue("server")]
    for source, target in zip(pairs[0], (certificate, key)):
        replace(source, target)
    server = start((certificate, key), token_file=tokens, max_connection_age="1s")
    both = tmp_path / "both.pem"
    both.write_bytes(authority.certificate.read_bytes() + stranger.certificate.read_bytes())
    tls = negatron.Tls(root_certificates=both.read_bytes(), server_name=NAME)
    done = threading.Event()
    calls: list[int] = []
    failures: list[Exception] = []

    def call(fresh: bool) -> None:
        standing = negatron.Client(server.target, tls=tls, token=token, timeout=10.0)
        count = 0
        while not done.is_set():
            client = (
                negatron.Client(server.target, tls=tls, token=token, timeout=10.0)
                if fresh else standing
            )
            try:
                client.server_info()
                count += 1
            except negatron.NegatronError as error:
                failures.append(error)
            if fresh:
                client.close()
        standing.close()
        calls.append(count)

    threads = [threading.Thread(target=call, args=(i % 2 == 0,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for change in range(20):
        # The key first: between the two, certificate and key do not belong together.
        replace(pairs[(change + 1) % 2][1], key)
        server.wait_for_log(" reload_failed ", change + 1)
        replace(pairs[(change + 1) % 2][0], certificate)
        reloaded = 2 * change + 1
        server.wait_for_log(" reloaded ", reloaded)
        make_token(tokens, f"other-{change}", "read")
        server.wait_for_log(" reloaded ", reloaded + 1)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(calls) == 4 and min(calls) >= 10
    # The last change is what new connections see.
    assert refused_by_transport(server.client(stranger, token=token))
    with server.client(authority, token=token) as client:
        assert client.server_info().serving
    assert server.process.poll() is None


def test_a_token_that_is_withdrawn_ends(
    authority: Authority, start: Start, tmp_path: pathlib.Path
) -> None:
    tokens = tmp_path / "tokens"
    make_token(tokens, "keeper", "read")
    before = tokens.read_text(encoding="ascii")
    token = make_token(tokens, "leaver", "read")
    server = start(authority.issue("server"), token_file=tokens)
    with server.client(authority, token=token) as client:
        assert client.server_info().serving
        kept = tmp_path / "kept"
        kept.write_text(before, encoding="ascii")
        replace(kept, tokens)
        server.wait_for_log(" reloaded ")
        with pytest.raises(negatron.NegatronError) as refused:
            client.server_info()
        assert refused.value.reason == "TOKEN_INVALID"
        tokens.write_text("", encoding="ascii")
        server.wait_for_log("there is no entry")
        with pytest.raises(negatron.NegatronError):
            client.server_info()


def test_too_much_metadata_is_refused(authority: Authority, start: Start) -> None:
    server = start(authority.issue("server"), max_metadata_bytes="4KiB")
    credentials = grpc.ssl_channel_credentials(authority.certificate.read_bytes())
    with grpc.secure_channel(
        server.target, credentials, [("grpc.ssl_target_name_override", NAME)]
    ) as channel:
        call = channel.unary_unary("/negatron.v1.InspectionService/GetServerInfo")
        assert call(b"", metadata=[("x", "y" * 3000)], timeout=10)
        with pytest.raises(grpc.RpcError) as large:
            call(b"", metadata=[("x", "y" * 5000)], timeout=10)
        assert large.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    with server.client(authority) as client:
        assert client.server_info().serving


def test_token_create_makes_no_second_entry_and_keeps_the_mode(tmp_path: pathlib.Path) -> None:
    tokens = tmp_path / "tokens"
    make_token(tokens, "a", "read", expires="2999-01-01T00:00:00Z", collections="films,books")
    assert tokens.stat().st_mode & 0o007 == 0
    tokens.chmod(0o600)
    make_token(tokens, "b", "write")
    assert tokens.stat().st_mode & 0o777 == 0o600
    before = tokens.read_text(encoding="ascii")
    for arguments in (["a", "--scopes=read"], ["c", "--scopes=peek"], ["C", "--scopes=read"],
                      ["c", "--scopes=read", "--expires=2001-01-01T00:00:00Z"], ["c"]):
        done = subprocess.run(
            [SERVER, "token", "create", *arguments, f"--file={tokens}"],
            capture_output=True, text=True, check=False,
        )
        assert done.returncode == 1 and not done.stdout and done.stderr
    assert tokens.read_text(encoding="ascii") == before
    assert "books,films 2999-01-01T00:00:00Z" in before
