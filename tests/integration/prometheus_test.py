# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules ask only for what a real server exports.

NEGATRON_SERVER_BINARY names the binary. A real Prometheus is asked too, where Debian's package
`prometheus` is installed.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import time
from typing import Any, Iterator

import numpy as np
import pytest
import yaml

import negatron
from exposition import SCRAPED, Exposition, MeasuredServer, fetch, read_query

_BINARY = os.environ.get("NEGATRON_SERVER_BINARY", "")
_DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"

pytestmark = pytest.mark.skipif(not _BINARY, reason="NEGATRON_SERVER_BINARY is not set")


def _alerts() -> dict[str, str]:
    rules = yaml.safe_load((_DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    return {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}


def _panel_queries() -> dict[str, str]:
    path = _DEPLOY / "grafana" / "dashboards" / "negatron.json"
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    queries = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    }
    for variable in dashboard["templating"]["list"]:
        queries[f"variable {variable['name']}"] = variable["query"]["query"]
    return queries


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredServer]:
    """A server of which every feature that has metrics is in use."""
    folder = tmp_path_factory.mktemp("server")
    server = MeasuredServer(_BINARY, folder, "--index-min-items=1000")
    with negatron.Client(server.target) as client:
        client.wait_until_ready()
        client.create_collection(
            "c",
            missing_item_rule=negatron.MissingItemRule.CREATE,
            dimension=8,
            metric=negatron.Metric.INNER_PRODUCT,
            audit=negatron.AuditSettings(1.0),
        )
        client.write_events("c", np.arange(2000), np.arange(2000), np.arange(2000))
        vectors = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
        client.write_embeddings("c", np.arange(2000), vectors)
        client.put_controller("c", "k", target_rate=0.25)
        client.report_outcomes(
            "c", "k", progress=0.0, outcomes=[negatron.ComponentOutcomes(0, 1000, 1)]
        )
        client.sample("c", 4, policy=negatron.Uniform(), users=np.arange(8))
        deadline = time.monotonic() + 120
        while client.statistics("c").index is None or not client.statistics("c").index.generation:
            assert time.monotonic() < deadline, "no index"
            time.sleep(0.1)  # Builds send no notice.
    yield server
    server.kill()


@pytest.fixture(name="scrape", scope="module")
def _scrape(server: MeasuredServer) -> Exposition:
    return server.scrape()


def _check(queries: dict[str, str], scrape: Exposition) -> None:
    names = scrape.names()
    for title, text in queries.items():
        query = read_query(text)
        assert query.selectors, f"{title} reads nothing: {text}"
        grouped = query.groups - SCRAPED
        known: set[str] = set()
        for name, labels in query.selectors:
            if name == "up":
                continue  # Prometheus' own.
            assert name in names, f"{title}: the server exports no {name}"
            unknown = labels - scrape.labels(name) - SCRAPED
            assert not unknown, f"{title}: {name} has no label {unknown}"
            known |= scrape.labels(name)
        assert grouped <= known, f"{title}: no metric of it has the labels {grouped - known}"


def test_alerts_ask_for_what_is_exported(scrape: Exposition) -> None:
    _check(_alerts(), scrape)


def test_the_dashboard_asks_for_what_is_exported(scrape: Exposition) -> None:
    _check(_panel_queries(), scrape)


def test_the_check_finds_what_is_wrong(scrape: Exposition) -> None:
    for bad in (
        "negatron_no_such_metric > 1",
        'negatron_rows_total{colour="red"}',
        "sum by (colour) (negatron_rows_total)",
        "vector(1)",
    ):
        with pytest.raises(AssertionError):
            _check({"bad": bad}, scrape)
    good = 'sum by (status, job) (negatron_rows_total{status!="ok",instance=~"a"})'
    _check({"good": good}, scrape)


def test_every_family_of_the_server_is_on_the_dashboard_or_in_an_alert(scrape: Exposition) -> None:
    asked = " ".join([*_panel_queries().values(), *_alerts().values()])
    # For correlation by hand, not for a look.
    unasked = {"negatron_commit_sequence", "negatron_durable_sequence"}
    for name in scrape.types:
        if name.startswith("negatron_"):
            assert name in asked or name in unasked, f"nobody looks at {name}"


def test_every_metric_is_in_the_handbook(scrape: Exposition) -> None:
    handbook = (_DEPLOY / "README.md").read_text(encoding="utf-8")
    for name in scrape.types:
        assert f"`{name}`" in handbook, f"deploy/README.md does not name {name}"


def _has(tool: str) -> Any:
    return pytest.mark.skipif(
        shutil.which(tool) is None, reason=f"{tool} is not installed (Debian's package prometheus)"
    )


@_has("promtool")
def test_promtool_finds_no_fault_with_the_metrics(server: MeasuredServer) -> None:
    text = server.get("/metrics")[2]
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@_has("promtool")
@_has("prometheus")
def test_a_real_prometheus_loads_the_rules_and_scrapes_the_server(
    server: MeasuredServer, tmp_path: pathlib.Path
) -> None:
    config = yaml.safe_load((_DEPLOY / "prometheus" / "prometheus.yaml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    job["static_configs"][0]["targets"] = [server.metrics]
    shutil.copy(_DEPLOY / "prometheus" / "alerts.yaml", tmp_path)
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    checked = subprocess.run(
        ["promtool", "check", "config", "prometheus.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    port = 20000 + os.getpid() % 20000
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yaml", "--storage.tsdb.path=data",
             f"--web.listen-address=127.0.0.1:{port}"],
            cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT,
        )

    def ask(path: str) -> Any:
        return json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/{path}")[2])["data"]

    try:
        deadline = time.monotonic() + 60
        health = evaluated = ""
        while (health, evaluated) != ("up", "ok"):
            assert process.poll() is None and time.monotonic() < deadline, (
                health, evaluated, (tmp_path / "log").read_text("utf-8")
            )
            time.sleep(0.2)  # Until it has scraped and evaluated once.
            try:
                (target,) = ask("targets")["activeTargets"]
                rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
            except (OSError, ValueError, KeyError):
                continue  # It is not ready yet.
            health = target["health"]
            states = {rule["health"] for rule in rules}
            evaluated = "ok" if states == {"ok"} else str(states)
        assert {rule["name"] for rule in rules} == _alerts().keys()
        (series,) = ask("query?query=negatron_items")["result"]
        assert series["metric"]["job"] == "negatron"
        assert series["value"][1] == "2000"
        # A server that is well raises none.
        assert ask("alerts")["alerts"] == []
    finally:
        process.kill()
        process.wait()
