# SPDX-License-Identifier: Apache-2.0
"""What the tests of deploy/ share: its files, the server's settings, and what an overlay comes to."""

from __future__ import annotations

import copy
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PORT = 7600
METRICS_PORT = 7601
USER = 65532


def read(path: str) -> str:
    """A file, by its path from the root of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def documents(path: str) -> list[dict]:
    """The documents of a YAML file in deploy/."""
    return list(yaml.safe_load_all((DEPLOY / path).read_text(encoding="utf-8")))


def version() -> str:
    """The project's version, as CMakeLists.txt states it."""
    return re.search(r"project\(negatron VERSION ([\d.]+)", read("CMakeLists.txt"))[1]


def settings() -> dict[str, bool]:
    """Names of the server's settings, as settings.cc makes them; whether each is a switch."""
    text = read("server/app/settings.cc")
    found = {}
    # Made by a helper: Text("data-dir", ...), or written out: return {"listen", "help", false, ...
    for kind, name in re.findall(r'\b(Text|Whole|Bytes|Time|Switch)\(\s*"([a-z-]+)"', text):
        found[name] = kind == "Switch"
    for name in re.findall(r'return \{\s*"([a-z-]+)",', text):
        found[name] = False
    table = text.split("new std::vector<Setting>{", 1)[1].split("};", 1)[0]
    # As many as the table has entries: none is read past.
    assert len(found) == len(re.findall(r"^      [A-Z]\w+\(", table, flags=re.M))
    return found


def variables() -> set[str]:
    """Names of the environment variables that the server reads."""
    names = {"NEGATRON_" + name.upper().replace("-", "_") for name in settings()}
    assert 'environment("NEGATRON_CONFIG")' in read("server/app/config.cc")
    return names | {"NEGATRON_CONFIG"}


def drain_seconds() -> int:
    """In which the server finishes the calls it has begun after SIGTERM, by default."""
    return int(re.search(r"drain_deadline = absl::Seconds\((\d+)\)",
                         read("server/app/config.h"))[1])


def resolve(folder: pathlib.Path) -> list[dict]:
    """The manifests that a kustomization comes to.

    Knows what ours use: `resources`, `patches` in JSON 6902 with a target's kind and name, and
    `images`. Anything else fails, so that no test passes by what was left out.
    """
    (kustomization,) = documents(str((folder / "kustomization.yaml").relative_to(DEPLOY)))
    assert set(kustomization) <= {"apiVersion", "kind", "resources", "patches", "images"}
    manifests = []
    for resource in kustomization["resources"]:
        path = (folder / resource).resolve()
        if path.is_dir():
            manifests += resolve(path)
        else:
            manifests += documents(str(path.relative_to(DEPLOY)))
    for patch in kustomization.get("patches", []):
        assert set(patch) == {"path", "target"} and set(patch["target"]) == {"kind", "name"}
        target = find(manifests, **patch["target"])
        (operations,) = documents(str((folder / patch["path"]).relative_to(DEPLOY)))
        for operation in operations:
            _apply(operation, target)
    for image in kustomization.get("images", []):
        for container in _containers(manifests):
            if container["image"] == image["name"]:
                container["image"] = f'{image["newName"]}:{image["newTag"]}'
    return manifests


def find(manifests: list[dict], kind: str, name: str) -> dict:
    """The one manifest of this kind and name."""
    (found,) = [m for m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, name)]
    return found


def _containers(manifests: list[dict]) -> list[dict]:
    return [container for manifest in manifests if manifest["kind"] == "StatefulSet"
            for container in manifest["spec"]["template"]["spec"]["containers"]]


def _apply(operation: dict, document: dict) -> None:
    """An operation of JSON 6902: `add` or `replace`."""
    *parents, last = operation["path"].removeprefix("/").split("/")
    assert "~" not in operation["path"]  # Escapes are not needed so far.
    place = document
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    value = copy.deepcopy(operation["value"])
    if isinstance(place, list):
        assert (operation["op"], last) == ("add", "-")
        place.append(value)
    else:
        # What is replaced must be there; what is added must not be, which JSON 6902 would allow.
        assert {"replace": last in place, "add": last not in place}[operation["op"]], operation
        place[last] = value
