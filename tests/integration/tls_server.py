# SPDX-License-Identifier: Apache-2.0
"""Certificates made with openssl, and a negatrond that uses them."""

from __future__ import annotations

import os
import pathlib
import subprocess
import time
from typing import Any, Optional

import negatron

SERVER = os.environ.get("NEGATRON_SERVER_BINARY", "")
CLI = os.environ.get("NEGATRON_CLI_BINARY", "")
# A name that no resolver knows: the certificate's, not the address's.
NAME = "negatron.test"


def openssl(*arguments: object) -> None:
    """Runs openssl, quietly unless it fails."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", self._key, "-out", self.certificate, "-days", 2,
            "-subj", f"/CN=authority {folder.name}",
        )

    def issue(self, name: str, days: int = 1) -> tuple[pathlib.Path, pathlib.Path]:
        """Makes a certificate for servers and clients; its file and that of its key.

        It has expired if `days` is negative.
        """
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(
            f"subjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth,clientAuth\n",
            encoding="ascii",
        )
        openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}",
        )
        # `x509 -days` takes no negative number in every version, `-not_after` only new ones have.
        times = (
            ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
            if days < 0 else ("-days", str(days))
        )
        (self._folder / "index.txt").touch()
        config = self._folder / "ca.cnf"
        config.write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={self._folder}/index.txt\n"
            f"new_certs_dir={self._folder}\nrand_serial=yes\ndefault_md=sha256\n"
            "unique_subject=no\npolicy=p\n[p]\ncommonName=supplied\n", encoding="ascii",
        )
        openssl(
            "ca", "-batch", "-config", config, "-cert", self.certificate, "-keyfile", self._key,
            "-in", request, "-out", certificate, "-extfile", extensions, "-notext", *times,
        )
        return certificate, key


class Server:
    """A negatrond in a process of its own; `settings` are flags by name."""

    def __init__(self, folder: pathlib.Path, settings: dict[str, object]) -> None:
        self.folder = folder
        self.log_path = folder / "log"
        port_file = folder / "port"
        self.flags = [
            "--listen=127.0.0.1:0", f"--data-dir={folder / 'data'}", f"--port-file={port_file}",
            "--reload-interval=20ms",
            *(f"--{name}={value}" for name, value in settings.items()),
        ]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [SERVER, *self.flags], stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "GRPC_VERBOSITY": "debug"},
            )
        deadline = time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text(encoding="ascii").strip()):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.01)  # There is no other notice of another process's port.
        self.target = f"127.0.0.1:{port_file.read_text(encoding='ascii').strip()}"
        self.wait_for_log(" serving ")

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8")

    def wait_for_log(self, text: str, count: int = 1) -> None:
        """Waits until the log has `text` that many times."""
        deadline = time.monotonic() + 60
        while self.log().count(text) < count:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.005)  # There is no other notice of another process's log.

    def healthcheck(self, *flags: str) -> int:
        """The exit status of `negatrond --healthcheck` with the server's own flags."""
        return subprocess.run(
            [SERVER, "--healthcheck", *self.flags, *flags], capture_output=True, check=False
        ).returncode

    def client(
        self, authority: Authority, token: Optional[str] = None,
        pair: Optional[tuple[pathlib.Path, pathlib.Path]] = None, timeout: float = 10.0,
    ) -> negatron.Client:
        """The Python client, by TLS."""
        tls = negatron.Tls(
            root_certificates=authority.certificate.read_bytes(),
            certificate_chain=pair[0].read_bytes() if pair else None,
            private_key=pair[1].read_bytes() if pair else None,
            server_name=NAME,
        )
        return negatron.Client(self.target, tls=tls, token=token, timeout=timeout)

    def cli(
        self, *arguments: object, code: int = 0, environment: Optional[dict[str, str]] = None
    ) -> str:
        """What the command line prints; it must end with `code`."""
        done = subprocess.run(
            [CLI, f"--server={self.target}", "--timeout=5s", *map(str, arguments)],
            capture_output=True, text=True, check=False,
            env={**os.environ, **(environment or {})},
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def make_token(path: pathlib.Path, name: str, scopes: str, **options: Any) -> str:
    """Adds an entry to the token file, and returns the token."""
    return subprocess.run(
        [SERVER, "token", "create", name, f"--scopes={scopes}", f"--file={path}",
         *(f"--{key}={value}" for key, value in options.items())],
        capture_output=True, text=True, check=True,
    ).stdout.strip()
