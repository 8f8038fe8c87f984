# SPDX-License-Identifier: Apache-2.0
"""deploy/README.md, the operator's handbook: its messages, settings and sizes are the real ones."""

from __future__ import annotations

import re

import pytest

import deployment
from deployment import ROOT

GUIDE = deployment.read("deploy/README.md")
# Who may refuse a start.
SOURCES = [*(ROOT / "server" / "app").glob("*.cc"), *(ROOT / "storage" / "rocks").glob("*.[ch]*"),
           ROOT / "server/rpc/tokens.cc", ROOT / "server/engine/recovery.cc",
           ROOT / "server/engine/backups.cc", ROOT / "server/index/generation_file.cc"]


def section(title: str) -> str:
    level = title.split(" ")[0]
    text = GUIDE.split(f"\n{title}\n", 1)[1]
    return re.split(rf"\n#{{1,{len(level)}}} ", text, maxsplit=1)[0]


def table(text: str) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the one table in a text."""
    lines = [re.split(r"(?<!\\)\|", line.strip("|")) for line in text.splitlines()
             if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return cells[0], cells[2:]


def literals(text: str) -> list[str]:
    """String literals of C++, those beside each other joined."""
    text = re.sub(r"//.*", "", text)
    joined = re.sub(r'(?<!\\)"\s*\n\s*"', "", text)
    return [found.replace('\\"', '"') for found in re.findall(r'"((?:[^"\\\n]|\\.)*)"', joined)]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def fragments(message: str) -> list[str]:
    return [part.strip(" :") for part in message.split("...") if part.strip(" :")]


KNOWN = [literal for source in SOURCES for literal in literals(source.read_text("utf-8"))]
REFUSED = section("## When a start is refused")
TABLES = {title: table(section(title)) for title in re.findall(r"^### .*$", REFUSED, flags=re.M)}


def messages() -> list[str]:
    found = []
    for head, rows in TABLES.values():
        column = next(i for i, name in enumerate(head) if name in ("the log says", "the message", "what"))
        found += [message for row in rows for message in spans(row[column])]
    return sorted(set(found) - set(deployment.settings()) - {"backup-dir", "RUNBOOK.md"})


@pytest.mark.parametrize("message", messages())
def test_a_message_of_the_handbook_is_one_of_the_servers(message):
    for fragment in fragments(message):
        assert any(fragment in literal for literal in KNOWN), fragment


def test_every_reason_of_a_refusal_has_its_way_out():
    reasons = {literal for source in (ROOT / "storage" / "rocks").glob("*.[ch]*")
               for literal in literals(source.read_text("utf-8"))
               if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", literal)}
    assert {"LOG_SHORTER_THAN_RECEIPT", "DATA_FOLDER_IN_USE", "BACKUP_DAMAGED"} <= reasons
    for reason in reasons:
        assert f"`{reason}`" in REFUSED, reason


def test_every_message_about_settings_and_files_has_its_way_out():
    sources = ["server/app/certificates.cc", "server/app/security.cc", "server/app/reloader.cc"]
    texts = [deployment.read(source) for source in sources]
    texts.append(deployment.read("server/app/settings.cc").split("absl::Status CheckTls", 1)[1])
    told = [fragment for message in messages() for fragment in fragments(message)]
    count = 0
    for text in texts:
        for error in re.findall(r"InvalidArgumentError\((.*?)\);", text, flags=re.S):
            words = [literal for literal in literals(error) if len(literal) > 4]
            count += bool(words)
            assert not words or any(fragment in literal for fragment in told for literal in words), words
    assert count >= 15


def test_exit_statuses_are_those_of_the_server():
    header = deployment.read("server/app/lifecycle.h")
    assert re.findall(r"kExit(\w+) = (\d)", header) == [
        ("Clean", "0"), ("BadConfig", "1"), ("StartRefused", "2")]
    assert [title for title in TABLES if "status" in title] == [
        "### Exit status 1: settings, files, ports", "### Exit status 2: the data folder",
        "### Exit status 2: a restore"]


def test_tables_of_settings_name_settings():
    for title in ("### TLS", "### Connections"):
        _, rows = table(section(title))
        names = [name for row in rows for name in spans(row[0])]
        assert len(names) >= 4 and set(names) <= set(deployment.settings()), names


def test_the_handbook_names_only_flags_that_programs_have():
    programs = "".join(path.read_text("utf-8") for folder in ("server/app", "client/cli")
                       for path in (ROOT / folder).glob("*.cc"))
    lines = [line for line in GUIDE.splitlines()
             if not re.search(r"docker|kubectl|systemctl|systemd-|curl|runuser|\./dev", line)]
    flags = set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", "\n".join(lines)))
    assert {"config", "restore", "backup-dir"} <= flags
    others = {"format", "build-arg"}  # Of docker, where a line goes on.
    for flag in flags - others - set(deployment.settings()):
        assert f'"--{flag}' in programs or f',--{flag}"' in programs, flag


def test_alerts_of_the_handbook_exist():
    alerts = deployment.read("deploy/prometheus/alerts.yaml")
    for name in set(re.findall(r"\bNegatron[A-Z]\w+", GUIDE)):
        assert f"alert: {name}\n" in alerts, name


def test_the_overlays_are_as_the_handbook_tells():
    head, rows = table(section("### Kubernetes"))
    for column, overlay in enumerate(spans(" ".join(head)), 1):
        manifests = deployment.resolve(deployment.DEPLOY / "kubernetes" / "overlays" / overlay)
        spec = deployment.find(manifests, "StatefulSet", "negatron")["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        told = {row[0]: row[column] for row in rows}
        memory = container["resources"]["limits"]["memory"].removesuffix("Gi")
        cores = container["resources"]["requests"]["cpu"]
        assert told["memory, cores"].startswith(f"{memory} GiB, {cores}")
        sizes = [claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")
                 for claim in spec["volumeClaimTemplates"]]
        assert re.findall(r"(\d+) GiB", told["disk"]) == sizes
        waits = any(manifest["kind"] == "PodDisruptionBudget" for manifest in manifests)
        assert told["drain of its node"].startswith("waits" if waits else "goes through")


def test_files_that_the_handbook_names_exist():
    for name in set(re.findall(r"(?<![\w/])((?:deploy/)?(?:kubernetes|systemd|prometheus|grafana)/[\w/.-]*\w)",
                               GUIDE)):
        if not name.endswith(("sysusers.d/negatron.conf", "system/negatrond.service")):
            assert (deployment.DEPLOY / name.removeprefix("deploy/")).exists(), name
