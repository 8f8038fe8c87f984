# SPDX-License-Identifier: Apache-2.0
"""Alert rules, runbook, dashboard and what provisions them agree with each other."""

from __future__ import annotations

import json
import pathlib
import re

import yaml

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
METRICS_PORT = 7601


def documents(path: str) -> dict:
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))


def alerts() -> dict[str, dict]:
    groups = documents("prometheus/alerts.yaml")["groups"]
    assert len({group["name"] for group in groups}) == len(groups)
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    return {rule["alert"]: rule for rule in rules}


def runbook() -> dict[str, str]:
    """Text by heading."""
    text = (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8")
    entries = re.split(r"^## (\w+)$", text, flags=re.M)[1:]
    return dict(zip(entries[::2], entries[1::2]))


def test_every_alert_has_a_runbook_entry_and_every_entry_an_alert():
    assert list(runbook()) == list(alerts())


def test_runbook_entries_say_what_to_do():
    for name, text in runbook().items():
        assert len(text.split()) > 15, name


def test_the_runbook_names_only_metrics_that_rules_or_dashboard_know():
    known = (DEPLOY / "prometheus/alerts.yaml").read_text("utf-8")
    known += (DEPLOY / "grafana/dashboards/negatron.json").read_text("utf-8")
    text = " ".join(runbook().values())
    for name in re.findall(r"`((?:negatron|process)_\w+)`", text):
        assert name in known, name
    for name in re.findall(r"\b(Negatron[A-Z]\w+)", text):
        assert name in alerts(), name


def test_every_alert_has_a_severity_and_a_summary():
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in {"page", "ticket", "info"}, name
        assert rule["annotations"]["summary"].endswith("."), name


def test_the_dashboard_is_whole():
    dashboard = json.loads((DEPLOY / "grafana/dashboards/negatron.json").read_text("utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    (source,) = documents("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": source["uid"]}
            assert panel["targets"], panel["title"]


def test_compose_provisions_prometheus_and_grafana():
    services = documents("compose.yaml")["services"]
    (job,) = documents("prometheus/prometheus.yaml")["scrape_configs"]
    assert job["job_name"] == "negatron"  # Alerts select by it.
    (target,) = job["static_configs"][0]["targets"]
    host, port = target.split(":")
    assert host in services and int(port) == METRICS_PORT
    assert documents("prometheus/prometheus.yaml")["rule_files"] == ["alerts.yaml"]
    assert "./prometheus:/etc/prometheus:ro" in services["prometheus"]["volumes"]
    (source,) = documents("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = documents("grafana/provisioning/dashboards/negatron.yaml")["providers"]
    folder = provider["options"]["path"]
    assert f"./grafana/dashboards:{folder}:ro" in services["grafana"]["volumes"]
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in services["grafana"]["volumes"]
    for name in ("prometheus", "grafana"):
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
        assert re.fullmatch(r"docker\.io/[\w/]+:v?\d+\.\d+\.\d+", services[name]["image"])


def test_the_metrics_port_is_the_same_everywhere():
    dockerfile = (DEPLOY.parent / "Dockerfile").read_text("utf-8")
    assert f"NEGATRON_METRICS_LISTEN=0.0.0.0:{METRICS_PORT}" in dockerfile
    assert re.search(rf"^EXPOSE .*\b{METRICS_PORT}\b", dockerfile, flags=re.M)
    pod = documents("kubernetes/base/statefulset.yaml")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert {"name": "metrics", "containerPort": METRICS_PORT} in container["ports"]
    annotations = pod["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(METRICS_PORT)
    assert annotations["prometheus.io/path"] == "/metrics"
