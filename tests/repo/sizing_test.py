# SPDX-License-Identifier: Apache-2.0
"""deploy/SIZING.md: its constants are where it says, its examples are what its formulas give."""

from __future__ import annotations

import pathlib
import re

import pytest

import deployment

GUIDE = (deployment.DEPLOY / "SIZING.md").read_text(encoding="utf-8")
MIB = 2**20


def section(title: str) -> str:
    return GUIDE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for i, row in enumerate(cells)
            if not set(row[0]) <= {"-"} and not (i + 1 < len(cells) and set(cells[i + 1][0]) <= {"-"})]


def constants() -> dict[str, float]:
    return {row[0].strip("`"): float(row[1].replace(",", "")) for row in rows(section("Constants"))}


C = constants()


def sketch_bytes(dimension: int) -> int:
    bits = 64
    while bits < min(dimension, 256):
        bits *= 2
    return bits // 8


class Example:
    """A column of the table of examples: what is put in, and what the formulas make of it."""

    def __init__(self, column: dict[str, str]) -> None:
        number = lambda name: float(column[name].replace(",", ""))
        self.stated = column
        self.items, self.events, self.users = number("items"), number("events"), number("users")
        self.half_lives, self.dimension = number("half-lives"), int(number("dimension"))
        self.component = {"-": 0, "float32": C["float32"], "bfloat16": C["bfloat16"]}[column["element type"]]
        self.versions, self.in_flight = column["whole versions"] == "yes", number("max-in-flight-bytes, MiB")
        self.audits = number("audit logs, MiB")

    def pool(self) -> float:
        return (self.items * (C["item"] + C["draw_table"] * self.half_lives)
                + self.events * ((C["event_log"] + C["event_column"]) * self.half_lives
                                 + C["event_history"]))

    def vectors(self) -> float:
        if self.dimension == 0:
            return 0
        return self.items * (self.component * self.dimension + C["embedding_stamp"])

    def index(self) -> float:
        if self.dimension == 0:
            return 0
        return self.items * (C["index_item"] + sketch_bytes(self.dimension))

    def fixed(self) -> float:
        return MIB * (self.in_flight + C["write_queue"] + C["excluded_mass_cache"] + C["audit_queue"]
                      + C["memtables"] + C["commit"])

    def build(self) -> float:
        if self.dimension == 0:
            return 0
        return self.items * (4 * (self.dimension + 1) + C["build_item"])

    def peak(self) -> float:
        steady = C["resident"] * (self.pool() + self.vectors() + self.index()) + self.fixed()
        return steady + self.build() + (self.vectors() if self.versions else 0)

    def limit(self) -> float:
        return C["memory_margin"] * self.peak()

    def records(self) -> float:
        embeddings = (C["disk_embedding"] + 4 * self.dimension) * self.items if self.dimension else 0
        return (self.items * C["disk_item"] + self.users * C["disk_user"]
                + self.events * C["disk_event"] + embeddings)

    def disk(self) -> float:
        staged = (C["disk_embedding"] + 4 * self.dimension) * self.items if self.versions else 0
        return (C["disk_margin"] * (self.records() + staged) + self.index()
                + MIB * (C["log"] * 2 + self.audits))


def examples() -> list[Example]:
    table = rows(section("Worked examples"))
    return [Example({row[0]: row[column] for row in table}) for column in range(1, len(table[0]))]


@pytest.mark.parametrize("row", rows(section("Constants")), ids=lambda row: row[0].strip("`"))
def test_a_constant_is_where_the_guide_says(row):
    source = row[3]
    if source == "our rule; not measured":
        return
    path, quotes = source.split(": ", 1)
    flat = lambda text: " ".join(re.sub(r"\n\s*//", "\n", text).split())
    text = flat(deployment.read(path.strip("`")))
    found = re.findall(r"“([^”]+)”", quotes)
    assert found
    for quote in found:
        assert flat(quote) in text, quote


def test_the_constants_follow_from_their_sources():
    # Those that a quote gives by way of a sum.
    assert C["resident"] == pytest.approx(8.1 / 7.0, abs=0.005)
    links = 2 * 16
    upper = (16 + 3) * 4 / 15
    assert C["index_item"] == round(4 * (links + 1) + 1 / 8 + upper + 4 + 0.5)
    assert C["build_item"] == 4 * (links + 1) + 8
    assert C["memtables"] == C["log"] == 4 * 64
    assert C["disk_event"] == 28 + 14
    assert C["disk_item"] == 12 + 27 + 16
    assert C["disk_user"] == 12 + 18
    assert C["disk_embedding"] == 20 + 28


def test_the_measured_catalogue_is_met():
    # 7.0 GB counted, 8.1 GB resident: the formula must come within a tenth.
    measured = examples()[0]
    assert (measured.items, measured.events, measured.users) == (10e6, 100e6, 1e6)
    assert measured.pool() == pytest.approx(7.0e9, rel=0.1)
    assert C["resident"] * measured.pool() == pytest.approx(8.1e9, rel=0.1)


@pytest.mark.parametrize("example", examples(), ids=lambda e: e.stated["items"])
def test_an_example_is_what_the_formulas_give(example):
    assert example.stated["pool, GB"] == f"{example.pool() / 1e9:.2f}"
    assert example.stated["vectors, GB"] == f"{example.vectors() / 1e9:.2f}"
    assert example.stated["index, GB"] == f"{example.index() / 1e9:.2f}"
    assert example.stated["fixed, GB"] == f"{example.fixed() / 1e9:.2f}"
    assert example.stated["build, GB"] == f"{example.build() / 1e9:.2f}"
    assert example.stated["peak, GB"] == f"{example.peak() / 1e9:.1f}"
    assert example.stated["memory limit, GB"] == f"{example.limit() / 1e9:.1f}"
    assert example.stated["records on disk, GB"] == f"{example.records() / 1e9:.2f}"
    assert example.stated["data disk, GB"] == f"{example.disk() / 1e9:.1f}"


def quantity(text: str) -> float:
    return float(text.removesuffix("Gi")) * 2**30


@pytest.mark.parametrize("overlay, number", [("production", 0), ("one-node", 2)])
def test_an_overlay_has_room_for_its_example(overlay, number):
    example = examples()[number]
    folder = pathlib.Path(deployment.DEPLOY, "kubernetes", "overlays", overlay)
    spec = deployment.find(deployment.resolve(folder), "StatefulSet", "negatron")["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert quantity(container["resources"]["limits"]["memory"]) >= example.limit()
    claims = {claim["metadata"]["name"]: claim["spec"]["resources"]["requests"]["storage"]
              for claim in spec["volumeClaimTemplates"]}
    assert quantity(claims["data"]) >= example.disk()
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    in_flight = env.get("NEGATRON_MAX_IN_FLIGHT_BYTES", "512MiB")
    assert in_flight == f"{example.in_flight:.0f}MiB"
