# SPDX-License-Identifier: Apache-2.0
"""The systemd unit and its sample of settings fit the server, and systemd accepts them."""

from __future__ import annotations

import collections
import os
import re
import shutil
import subprocess
import tomllib

import pytest

import deployment
from deployment import DEPLOY, METRICS_PORT, PORT

UNIT = DEPLOY / "systemd" / "negatrond.service"
SAMPLE = DEPLOY / "systemd" / "negatrond.toml"
# Tenths of systemd's measure, of 100: what is left is the network, which a server needs, and
# the whole of /proc.
MOST_EXPOSED = 13


def unit() -> dict[str, dict[str, list[str]]]:
    """Values by section and key, as often as they are given."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), collections.defaultdict(list))
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            section[key].append(value)
    return sections


@pytest.fixture(name="service")
def fixture_service() -> dict[str, list[str]]:
    return unit()["Service"]


def sample_lines(*, commented: bool) -> str:
    """The sample of settings; with its commented settings, if asked for, instead of the set ones."""
    text = SAMPLE.read_text("utf-8")
    pattern = r"^# ([a-z-]+ = .*)$" if commented else r"^([a-z-]+ = .*)$"
    return "\n".join(re.findall(pattern, text, flags=re.M))


def test_the_sample_names_settings_of_the_server_only():
    assert set(tomllib.loads(SAMPLE.read_text("utf-8"))) == {"data-dir", "listen", "metrics-listen"}
    commented = tomllib.loads(sample_lines(commented=True))
    assert set(commented) >= {"tls-cert", "tls-key", "tls-client-ca", "token-file", "backup-dir"}
    for values in (tomllib.loads(sample_lines(commented=False)), commented):
        assert set(values) <= set(deployment.settings())
        assert all(isinstance(value, str) for value in values.values())


def test_the_sample_keeps_to_this_machine():
    values = tomllib.loads(SAMPLE.read_text("utf-8"))
    assert values["listen"] == f"127.0.0.1:{PORT}"
    assert values["metrics-listen"] == f"127.0.0.1:{METRICS_PORT}"
    assert "insecure" not in SAMPLE.read_text("utf-8")


def test_the_server_takes_the_sample():
    server = os.environ.get("NEGATRON_SERVER_BINARY")
    if not server:
        pytest.skip("NEGATRON_SERVER_BINARY is not set")
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("NEGATRON_")}
    printed = subprocess.run([server, "--config", SAMPLE, "--print-config"], check=True, text=True,
                             capture_output=True, timeout=60, env=environment).stdout
    for line in sample_lines(commented=False).splitlines():
        assert f"{line}  # file" in printed
    # And all names that the tests read out of its source are its own.
    assert re.findall(r"^([a-z-]+) = ", printed, flags=re.M) != []
    assert set(re.findall(r"^([a-z-]+) = ", printed, flags=re.M)) == set(deployment.settings())


def test_the_unit_starts_the_server_with_the_sample(service):
    (command,) = service["ExecStart"]
    program, *arguments = command.split()
    assert program == "/usr/bin/negatrond"
    assert arguments == ["--config", "/etc/negatron/negatrond.toml"]
    values = tomllib.loads(SAMPLE.read_text("utf-8"))
    assert values["data-dir"] == f"/var/lib/{service['StateDirectory'][0]}"
    backups = tomllib.loads(sample_lines(commented=True))["backup-dir"]
    assert service["ReadWritePaths"] == [f"-{backups}"]


def test_the_unit_asks_nothing_of_the_server_that_it_cannot_do(service):
    sources = "".join(path.read_text("utf-8")
                      for path in (deployment.ROOT / "server" / "app").glob("*.cc"))
    # Were these ever to come, the unit should use them.
    assert not re.search(r"sd_notify|NOTIFY_SOCKET|SIGHUP", sources)
    assert service["Type"] == ["exec"]
    assert "ExecReload" not in service and "WatchdogSec" not in service


def test_the_unit_stops_the_server_only_after_the_drain(service):
    (seconds,) = service["TimeoutStopSec"]
    assert int(seconds) >= deployment.drain_seconds() + 10
    drain = tomllib.loads(sample_lines(commented=True))["drain-deadline"]
    assert drain == f"{deployment.drain_seconds()}s"


def test_the_unit_restarts_what_failed_and_not_what_was_refused(service):
    header = deployment.read("server/app/lifecycle.h")
    refused = re.findall(r"kExit(?:BadConfig|StartRefused) = (\d)", header)
    assert service["Restart"] == ["on-failure"]
    assert service["RestartPreventExitStatus"] == [" ".join(refused)] == ["1 2"]


def test_the_unit_is_locked_down(service):
    expected = {
        "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict",
        "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
        "MemoryDenyWriteExecute": "yes", "RestrictNamespaces": "yes", "User": "negatron",
        "UMask": "0077", "LimitCORE": "0", "MemorySwapMax": "0",
    }
    for key, value in expected.items():
        assert service[key] == [value], key
    # Sockets of the network and, for look-ups of names, of this machine.
    assert set(service["RestrictAddressFamilies"][0].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert service["SystemCallFilter"] == ["@system-service", "~@privileged"]
    assert service["MemoryMax"] and int(service["LimitNOFILE"][0]) >= 65536


def test_the_user_is_the_one_that_sysusers_makes(service):
    (line,) = [line for line in (DEPLOY / "systemd/negatron.sysusers").read_text("utf-8").splitlines()
               if not line.startswith("#")]
    assert line.split()[:2] == ["u", service["User"][0]]
    assert service["User"] == service["Group"]


def test_systemd_finds_nothing_wrong(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze")
    copy = tmp_path / UNIT.name
    # The server need not be installed here.
    copy.write_text(UNIT.read_text("utf-8").replace("/usr/bin/negatrond", "/usr/bin/env"), "utf-8")
    verified = subprocess.run([analyze, "verify", "--man=no", copy], capture_output=True, text=True,
                              timeout=60, check=False)
    assert UNIT.name not in verified.stderr, verified.stderr
    assert verified.returncode == 0, verified.stderr
    rated = subprocess.run([analyze, "security", "--offline=yes", f"--threshold={MOST_EXPOSED}",
                            "--no-pager", copy], capture_output=True, text=True, timeout=60,
                           check=False)
    assert rated.returncode == 0, rated.stdout
