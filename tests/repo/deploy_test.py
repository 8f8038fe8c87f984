# SPDX-License-Identifier: Apache-2.0
"""The manifests in deploy/ and the Dockerfile keep their promises and agree with each other."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
PORT = 7600
USER = 65532
# In which the server finishes the calls it has begun after SIGTERM.
DRAIN_SECONDS = 20


def documents(path: str) -> list[dict]:
    return list(yaml.safe_load_all((ROOT / "deploy" / path).read_text(encoding="utf-8")))


def version() -> str:
    """The project's version, as CMakeLists.txt states it."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"project\(negatron VERSION ([\d.]+)", text)[1]


@pytest.fixture(name="statefulset")
def fixture_statefulset() -> dict:
    (document,) = documents("kubernetes/statefulset.yaml")
    assert document["kind"] == "StatefulSet"
    return document


@pytest.fixture(name="pod")
def fixture_pod(statefulset) -> dict:
    return statefulset["spec"]["template"]["spec"]


@pytest.fixture(name="container")
def fixture_container(pod) -> dict:
    (container,) = pod["containers"]
    return container


@pytest.fixture(name="dockerfile")
def fixture_dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(name="final_stage")
def fixture_final_stage(dockerfile) -> str:
    return dockerfile.rsplit("\nFROM ", 1)[1]


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_every_probe_asks_the_grpc_health_service(container, probe):
    assert container[probe]["grpc"] == {"port": PORT}


def test_the_startup_probe_waits_for_a_long_recovery(container):
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 1800


def test_the_pod_is_stopped_only_after_the_drain(pod):
    assert pod["terminationGracePeriodSeconds"] > DRAIN_SECONDS


def test_the_pod_runs_without_privileges(pod, container):
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == USER
    assert pod["securityContext"]["fsGroup"] == USER
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False


def test_plain_text_is_said_aloud(container, final_stage):
    assert "--insecure" in container["args"]
    assert "INSECURE" not in final_stage  # The image leaves it to whoever publishes the port.


def test_variables_of_services_are_not_taken_for_settings(pod):
    assert pod["enableServiceLinks"] is False


def test_the_data_folder_is_the_only_mount_and_is_persistent(statefulset, container):
    assert container["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]
    (claim,) = statefulset["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"


def test_there_is_a_headless_and_a_normal_service_for_the_pod(statefulset):
    services = {s["metadata"]["name"]: s["spec"] for s in documents("kubernetes/service.yaml")}
    labels = statefulset["spec"]["template"]["metadata"]["labels"]
    assert services[statefulset["spec"]["serviceName"]]["clusterIP"] == "None"
    assert "clusterIP" not in services["negatron"]
    assert len(services) == 2
    for spec in services.values():
        assert spec["selector"].items() <= labels.items()
        assert [port["port"] for port in spec["ports"]] == [PORT]


def test_the_disruption_budget_keeps_the_server_up(statefulset):
    (budget,) = documents("kubernetes/pdb.yaml")
    assert budget["kind"] == "PodDisruptionBudget"
    assert budget["spec"]["minAvailable"] == statefulset["spec"]["replicas"] == 1
    assert budget["spec"]["selector"] == statefulset["spec"]["selector"]


def test_the_kustomization_names_every_manifest(container):
    (kustomization,) = documents("kubernetes/kustomization.yaml")
    folder = ROOT / "deploy" / "kubernetes"
    manifests = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == manifests
    (image,) = kustomization["images"]
    assert image["name"] == container["image"]
    assert image["newTag"] == version()


def test_compose_publishes_on_loopback_and_locks_the_container_down():
    (compose,) = documents("compose.yaml")
    service = compose["services"]["negatron"]
    assert service["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    # The server refuses to listen on 0.0.0.0 in plain text without it.
    assert service["environment"] == {"NEGATRON_INSECURE": "true"}
    assert service["volumes"] == ["data:/data"] and "data" in compose["volumes"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS
    assert service["image"] == f"negatron:{version()}"


def test_the_image_runs_the_server_as_a_plain_user(final_stage):
    lines = final_stage.splitlines()
    assert f"USER {USER}:{USER}" in lines
    assert 'VOLUME ["/data"]' in lines
    assert 'ENTRYPOINT ["/usr/bin/negatrond"]' in lines
    assert f"NEGATRON_LISTEN=0.0.0.0:{PORT}" in final_stage
    assert "NEGATRON_DATA_DIR=/data" in final_stage
    assert 'CMD ["/usr/bin/negatrond", "--healthcheck"]' in final_stage
    assert f"ARG VERSION={version()}" in lines


def test_the_image_has_no_build_tools(final_stage):
    assert "./dev" not in final_stage
    assert not re.search(r"-dev\b|g\+\+|cmake|ninja", final_stage)
