# SPDX-License-Identifier: Apache-2.0
"""What the overlays in deploy/kubernetes come to, and that it fits the server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
import yaml

import deployment
from deployment import DEPLOY, METRICS_PORT, PORT, USER

KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
HARDENED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


class Overlay:
    """The manifests of an overlay, and their parts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.manifests = deployment.resolve(KUBERNETES / "overlays" / name)
        self.statefulset = self.get("StatefulSet")
        self.pod = self.statefulset["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]
        self.env = {entry["name"]: entry["value"] for entry in self.container["env"]}
        self.labels = self.statefulset["spec"]["template"]["metadata"]["labels"]

    def get(self, kind: str, name: str = "negatron") -> dict:
        return deployment.find(self.manifests, kind, name)

    def kinds(self) -> set[str]:
        return {manifest["kind"] for manifest in self.manifests}


@pytest.fixture(name="overlay", params=OVERLAYS)
def fixture_overlay(request) -> Overlay:
    return Overlay(request.param)


@pytest.fixture(name="one_node")
def fixture_one_node() -> Overlay:
    return Overlay("one-node")


@pytest.fixture(name="production")
def fixture_production() -> Overlay:
    return Overlay("production")


def test_there_are_the_overlays_that_the_documents_name():
    assert OVERLAYS == ["one-node", "production"]


def test_kubectl_resolves_an_overlay_to_the_same(overlay):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl to compare with")
    text = subprocess.run([kubectl, "kustomize", KUBERNETES / "overlays" / overlay.name],
                          check=True, capture_output=True, text=True, timeout=60).stdout
    key = lambda manifest: (manifest["kind"], manifest["metadata"]["name"])
    assert sorted(yaml.safe_load_all(text), key=key) == sorted(overlay.manifests, key=key)


def test_every_file_is_used():
    for folder in [KUBERNETES / "base", *(KUBERNETES / "overlays").iterdir()]:
        kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
        used = set(kustomization["resources"])
        used |= {patch["path"] for patch in kustomization.get("patches", [])}
        files = {path.name for path in folder.iterdir()} - {"kustomization.yaml"}
        assert files == {name for name in used if name != "../../base"}, folder


def test_the_base_is_no_server_by_itself():
    base = deployment.resolve(KUBERNETES / "base")
    (container,) = deployment.find(base, "StatefulSet", "negatron")["spec"]["template"]["spec"][
        "containers"]
    # Neither plain text nor certificates: the choice is the overlay's.
    assert [entry["name"] for entry in container["env"]] == ["NEGATRON_LOG_FORMAT"]
    assert "args" not in container and "command" not in container


def test_every_variable_is_a_setting_of_the_server(overlay):
    names = [entry["name"] for entry in overlay.container["env"]]
    assert set(names) <= deployment.variables()
    assert len(names) == len(set(names))
    # A number or a truth would be refused by Kubernetes.
    assert all(isinstance(value, str) for value in overlay.env.values())


def test_the_image_has_the_projects_version(overlay):
    assert overlay.container["image"] == f"negatron:{deployment.version()}"


def test_probes_ask_what_the_server_answers(overlay):
    container = overlay.container
    source = deployment.read("server/app/monitoring.cc")
    paths = {probe: container[f"{probe}Probe"]["httpGet"]
             for probe in ("startup", "readiness", "liveness")}
    assert paths == {
        "startup": {"path": "/healthz", "port": "metrics"},
        "readiness": {"path": "/readyz", "port": "metrics"},
        "liveness": {"path": "/healthz", "port": "metrics"},
    }
    for probe in paths.values():
        assert f'path == "{probe["path"]}"' in source
    # The image turns the port on; a setting that turned it off would fail every probe.
    assert f"NEGATRON_METRICS_LISTEN=0.0.0.0:{METRICS_PORT}" in deployment.read("Dockerfile")
    assert "NEGATRON_METRICS_LISTEN" not in overlay.env


def test_nothing_but_readiness_waits_for_a_recovery(overlay):
    # The server answers /healthz while it recovers, so a restart needs a process that hangs.
    for probe in ("startupProbe", "livenessProbe"):
        assert overlay.container[probe]["httpGet"]["path"] == "/healthz"
        seconds = overlay.container[probe]["periodSeconds"]
        assert seconds * overlay.container[probe]["failureThreshold"] >= 30


def test_the_pod_is_stopped_only_after_the_drain(overlay):
    assert "NEGATRON_DRAIN_DEADLINE" not in overlay.env
    # Ten seconds to flush and end.
    assert overlay.pod["terminationGracePeriodSeconds"] >= deployment.drain_seconds() + 10


def test_the_pod_runs_without_privileges(overlay):
    security = overlay.pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == USER
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert overlay.container["securityContext"] == HARDENED
    assert overlay.pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(overlay.pod)


def test_variables_of_services_are_not_taken_for_settings(overlay):
    assert overlay.pod["enableServiceLinks"] is False


def test_ports_are_those_of_the_image(overlay):
    ports = {port["name"]: port["containerPort"] for port in overlay.container["ports"]}
    assert ports == {"grpc": PORT, "metrics": METRICS_PORT}
    annotations = overlay.statefulset["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(METRICS_PORT)


def test_services_lead_to_the_grpc_port_of_the_pod_alone(overlay):
    services = {m["metadata"]["name"]: m["spec"] for m in overlay.manifests
                if m["kind"] == "Service"}
    assert set(services) == {"negatron", "negatron-headless"}
    assert overlay.statefulset["spec"]["serviceName"] == "negatron-headless"
    assert services["negatron-headless"]["clusterIP"] == "None"
    assert "clusterIP" not in services["negatron"]
    for spec in services.values():
        assert spec["selector"].items() <= overlay.labels.items()
        assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == [(PORT, "grpc")]


def test_there_is_one_server(overlay):
    assert overlay.statefulset["spec"]["replicas"] == 1
    assert "HorizontalPodAutoscaler" not in overlay.kinds()


def test_writable_mounts_are_volumes_that_last(overlay):
    claims = {c["metadata"]["name"] for c in overlay.statefulset["spec"]["volumeClaimTemplates"]}
    writable = {m["name"]: m["mountPath"] for m in overlay.container["volumeMounts"]
                if not m.get("readOnly")}
    assert writable["data"] == "/data"
    assert "NEGATRON_DATA_DIR=/data" in deployment.read("Dockerfile")
    assert set(writable) == claims
    assert overlay.env.get("NEGATRON_BACKUP_DIR") == writable.get("backups")


def test_memory_is_requested_as_limited_and_cores_are_not_limited(overlay):
    resources = overlay.container["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert set(resources["limits"]) == {"memory"}
    assert int(resources["requests"]["cpu"]) >= 1


def test_a_restore_fits_the_overlay_production(production):
    (job,) = deployment.documents("kubernetes/restore.yaml")
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == f"negatron:{deployment.version()}"
    flags = dict(argument.removeprefix("--").split("=") for argument in container["args"])
    backup = flags.pop("restore")
    assert '"--restore"' in deployment.read("server/app/config.cc")
    assert set(flags) <= set(deployment.settings())
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    assert flags["backup-dir"] == mounts["backups"] == production.env["NEGATRON_BACKUP_DIR"]
    # A folder of its own: what is in the volume stays.
    assert flags["data-dir"] == f"{mounts['data']}/restored-{backup}"
    assert flags["listen"].startswith("127.0.0.1:")
    claims = [c["metadata"]["name"] for c in production.statefulset["spec"]["volumeClaimTemplates"]]
    assert {v["name"]: v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"]} == {
        claim: f"{claim}-negatron-0" for claim in claims}
    assert pod["securityContext"] == production.pod["securityContext"]
    assert container["securityContext"] == HARDENED
    assert job["spec"]["backoffLimit"] == 0 and pod["restartPolicy"] == "Never"


def run_server(arguments: list[str], settings: dict[str, str], folder) -> tuple[int, str]:
    """Exit status and output of the server as in the image, all its folders being below `folder`."""
    server = os.environ.get("NEGATRON_SERVER_BINARY")
    if not server:
        pytest.skip("NEGATRON_SERVER_BINARY is not set")
    image = re.search(r"^ENV ((?:.*\\\n)*.*)$", deployment.read("Dockerfile"), flags=re.M)[1]
    variables = dict(word.split("=", 1) for word in image.replace("\\\n", " ").split()) | settings
    below = lambda text: re.sub(r"(?<![\w.:])/(?=data|backups|etc/negatron)", f"{folder}/", text)
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("NEGATRON_")}
    environment |= {name: below(value) for name, value in variables.items()}
    done = subprocess.run([server, *map(below, arguments)], env=environment, capture_output=True,
                          text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_server_takes_the_settings_of_an_overlay(overlay, tmp_path):
    secrets = tmp_path / "etc" / "negatron"
    for folder in ("tls", "tokens"):
        (secrets / folder).mkdir(parents=True)
    status, text = run_server(["token", "create", "trainer", "--scopes", "read,write", "--file",
                               str(secrets / "tokens" / "tokens")], {}, tmp_path)
    assert status == 0, text
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=negatron", "-keyout",
                    secrets / "tls" / "tls.key", "-out", secrets / "tls" / "tls.crt"],
                   check=True, capture_output=True)
    shutil.copy(secrets / "tls" / "tls.crt", secrets / "tls" / "ca.crt")
    assert run_server(["--check-config"], overlay.env, tmp_path) == (0, "the settings are valid\n")


def test_the_server_refuses_the_base_by_itself(tmp_path):
    status, text = run_server(["--check-config"], {"NEGATRON_LOG_FORMAT": "json"}, tmp_path)
    assert status == 1 and "there is no TLS" in text


def test_the_server_takes_the_arguments_of_a_restore(tmp_path):
    (job,) = deployment.documents("kubernetes/restore.yaml")
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    # It looks for the backup, and finds none.
    status, text = run_server(arguments, {}, tmp_path)
    assert status == 2 and "there is no backup" in text
    listening = [argument for argument in arguments if argument.startswith("--listen=")]
    status, text = run_server([a for a in arguments if a not in listening], {}, tmp_path)
    assert status == 1 and "there is no TLS" in text


def test_only_trainers_and_prometheus_reach_the_pod(overlay):
    spec = overlay.get("NetworkPolicy")["spec"]
    assert spec["podSelector"]["matchLabels"].items() <= overlay.labels.items()
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    assert spec["egress"] == []
    by_port = {}
    for rule in spec["ingress"]:
        (port,) = rule["ports"]
        assert port["protocol"] == "TCP" and port["port"] not in by_port
        by_port[port["port"]] = rule["from"]
    assert set(by_port) == {"grpc", "metrics"}
    for peer in by_port["grpc"]:
        assert peer["podSelector"]["matchLabels"] == {"negatron-access": "trainer"}
    assert by_port["metrics"] == [{
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }]


def test_one_node_says_aloud_that_it_is_plain_text(one_node):
    assert one_node.env["NEGATRON_INSECURE"] == "true"
    assert not any("TLS" in name or "TOKEN" in name for name in one_node.env)
    # Trainers of other namespaces are not let in.
    (grpc,) = [r for r in one_node.get("NetworkPolicy")["spec"]["ingress"]
               if r["ports"][0]["port"] == "grpc"]
    assert all("namespaceSelector" not in peer for peer in grpc["from"])
    for service in ("negatron", "negatron-headless"):
        assert one_node.get("Service", service)["spec"]["ports"][0]["appProtocol"].endswith("h2c")


def test_one_node_can_be_drained(one_node):
    assert "PodDisruptionBudget" not in one_node.kinds()


def test_production_has_tls_clients_with_certificates_and_tokens(production):
    assert "NEGATRON_INSECURE" not in production.env
    mounts = {m["name"]: m for m in production.container["volumeMounts"]}
    volumes = {v["name"]: v["secret"] for v in production.pod["volumes"]}
    files = {"NEGATRON_TLS_CERT": ("tls", "tls.crt"), "NEGATRON_TLS_KEY": ("tls", "tls.key"),
             "NEGATRON_TLS_CLIENT_CA": ("tls", "ca.crt"), "NEGATRON_TOKEN_FILE": ("tokens", "tokens")}
    for name, (volume, key) in files.items():
        assert production.env[name] == f'{mounts[volume]["mountPath"]}/{key}'
        assert mounts[volume]["readOnly"] is True
        assert "subPath" not in mounts[volume]  # It would never change.
        assert volumes[volume]["secretName"] == f"negatron-{volume}"
        assert volumes[volume]["defaultMode"] == 0o440
    # Neither is in the repository.
    assert "Secret" not in production.kinds()
    for service in ("negatron", "negatron-headless"):
        assert "appProtocol" not in production.get("Service", service)["spec"]["ports"][0]


def test_production_waits_with_a_drain_of_its_node(production):
    budget = production.get("PodDisruptionBudget")["spec"]
    assert budget["minAvailable"] == production.statefulset["spec"]["replicas"]
    assert budget["selector"] == production.statefulset["spec"]["selector"]


def test_production_uses_as_many_threads_as_cores(production):
    cores = int(production.container["resources"]["requests"]["cpu"])
    assert int(production.env["NEGATRON_EXECUTOR_THREADS"]) == cores
    assert int(production.env["NEGATRON_INDEX_THREADS"]) == cores // 2


def test_production_keeps_servers_apart(production):
    (term,) = production.pod["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert term["podAffinityTerm"]["namespaceSelector"] == {}
    selector = term["podAffinityTerm"]["labelSelector"]["matchLabels"]
    assert selector.items() <= production.labels.items()
