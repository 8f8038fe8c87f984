# SPDX-License-Identifier: Apache-2.0
"""The compose file and the Dockerfile keep their promises and agree with each other."""

from __future__ import annotations

import re

import pytest

import deployment
from deployment import METRICS_PORT, PORT, USER, documents, version


@pytest.fixture(name="dockerfile")
def fixture_dockerfile() -> str:
    return deployment.read("Dockerfile")


@pytest.fixture(name="final_stage")
def fixture_final_stage(dockerfile) -> str:
    return dockerfile.rsplit("\nFROM ", 1)[1]


def test_compose_publishes_on_loopback_and_locks_the_container_down(final_stage):
    (compose,) = documents("compose.yaml")
    service = compose["services"]["negatron"]
    assert service["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    # The server refuses to listen on 0.0.0.0 in plain text without it.
    assert service["environment"] == {"NEGATRON_INSECURE": "true"}
    assert "INSECURE" not in final_stage  # The image leaves it to whoever publishes the port.
    assert service["volumes"] == ["data:/data"] and "data" in compose["volumes"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["stop_grace_period"].removesuffix("s")) > deployment.drain_seconds()
    assert service["image"] == f"negatron:{version()}"


def test_the_image_runs_the_server_as_a_plain_user(final_stage):
    lines = final_stage.splitlines()
    assert f"USER {USER}:{USER}" in lines
    assert 'VOLUME ["/data"]' in lines
    # A named volume takes the owner of the folder that it is mounted over.
    assert f"install -d -o {USER} -g {USER} -m 0750 /data /backups" in final_stage
    assert 'ENTRYPOINT ["/usr/bin/negatrond"]' in lines
    assert f"NEGATRON_LISTEN=0.0.0.0:{PORT}" in final_stage
    assert f"NEGATRON_METRICS_LISTEN=0.0.0.0:{METRICS_PORT}" in final_stage
    assert "NEGATRON_DATA_DIR=/data" in final_stage
    assert set(re.findall(r"\bNEGATRON_\w+", final_stage)) <= deployment.variables()
    assert 'CMD ["/usr/bin/negatrond", "--healthcheck"]' in final_stage
    assert f"ARG VERSION={version()}" in lines


def test_the_image_has_no_build_tools(final_stage):
    assert "./dev" not in final_stage
    assert not re.search(r"-dev\b|g\+\+|cmake|ninja", final_stage)


def test_the_image_lists_its_packages_in_the_documented_columns(dockerfile, final_stage):
    guide = deployment.read("deploy/README.md")
    (path,) = set(re.findall(r"/usr/share/doc/negatron/\w+\.tsv", final_stage))
    assert f"--entrypoint cat negatron:{version()} {path}" in guide
    (header,) = re.findall(r"printf '(kind\\t[^']*)\\n'", final_stage)
    columns = header.split(r"\t")
    documented = guide.split("### What is in it", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^\| `(\w+)` \|", documented, flags=re.M) == columns
    # A row of each kind, with as many fields.
    rows = re.findall(r"'((program|installed|compiled)\\t[^']*)\\n'", dockerfile)
    assert {kind for _, kind in rows} == {"program", "installed", "compiled"}
    for row, _ in rows:
        assert len(row.split(r"\t")) == len(columns), row
    # The licences of what was compiled in are where the list says.
    (licences,) = re.findall(r"(\S+)/\$\{Package\}\\n'", dockerfile.split("\nFROM ")[1])
    assert licences.endswith(r"\t/usr/share/doc/negatron/licences")
    assert "/src/inventory/licences /usr/share/doc/negatron/licences" in final_stage
