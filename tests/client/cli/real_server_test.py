# SPDX-License-Identifier: Apache-2.0
"""The command line against negatrond itself, in processes of their own.

NEGATRON_SERVER_BINARY and NEGATRON_CLI_BINARY name the binaries.
"""

from __future__ import annotations

import json
import pathlib
import time
from typing import Any, Iterator

import numpy as np
import pytest

from real_server import RealServer, needed

pytestmark = needed


class _Server(RealServer):
    def event_count(self) -> int:
        return int(self.run("stats", "--collection", "c")["eventCount"])


@pytest.fixture(name="server")
def _server(tmp_path: pathlib.Path) -> Iterator[_Server]:
    server = _Server(tmp_path)
    server.run("collection", "create", "c", "--missing-items", "create", "--half-life", "30d")
    yield server
    server.kill()


def test_import_goes_on_over_a_killed_server(server: _Server, tmp_path: pathlib.Path) -> None:
    rows = 300_000
    path = tmp_path / "events.csv"
    with open(path, "w", encoding="ascii") as file:
        file.write("user,item,time\n")
        file.writelines(f"{i % 997},{i % 1009},{1_600_000_000 + i}\n" for i in range(rows))
    command = ("import", "events", str(path), "--collection", "c")
    importing = server.popen(*command)
    while server.event_count() == 0:
        pass
    server.kill()
    server.start()
    out, err = importing.communicate(timeout=120)
    assert importing.returncode == 0, err
    assert json.loads(out)["writtenCount"] == rows
    assert server.event_count() == rows
    again = server.run(*command)
    assert (again["writtenCount"], again["skippedCount"]) == (0, rows)
    assert server.event_count() == rows


def test_short_imports_end_well(server: _Server, tmp_path: pathlib.Path) -> None:
    # A process that ends together with its stream must not free what gRPC still uses.
    path = tmp_path / "events.csv"
    path.write_text("user,item,time\n1,2,1600000000\n", encoding="ascii")
    for number in range(60):
        server.run("import", "events", str(path), "--collection", "c", f"--import-name=i{number}")


def test_killed_import_is_gone_on_with_by_the_next(
    server: _Server, tmp_path: pathlib.Path
) -> None:
    rows = 300_000
    path = tmp_path / "events.csv"
    with open(path, "w", encoding="ascii") as file:
        file.write("user,item,time\n")
        file.writelines(f"{i % 997},{i % 1009},{1_600_000_000 + i}\n" for i in range(rows))
    command = ("import", "events", str(path), "--collection", "c")
    importing = server.popen(*command)
    while server.event_count() == 0:
        pass
    importing.kill()
    importing.communicate()
    done = server.run(*command)
    assert done["writtenCount"] + done["skippedCount"] == rows
    assert server.event_count() == rows


def test_everything_that_a_newcomer_does(server: _Server, tmp_path: pathlib.Path) -> None:
    items = tmp_path / "items.csv"
    items.write_text("item,genres,weight\n1,a|b,2\n2,a,\n3,,0.5\n", encoding="ascii")
    done = server.run(
        "import", "items", str(items), "--collection", "c", "--categories-column", "genres",
        "--base-weight-column", "weight",
    )
    assert (done["writtenCount"], done["createdItemCount"]) == (3, 3)
    events = tmp_path / "events.csv"
    events.write_text(
        "user,item,time,kind,p,c\n7,1,2024-01-01,positive,,3\n7,2,2024-01-02,exposure,0.05,\n"
        "7,3,2024-01-03,mined,,\n8,1,2024-01-04,positive,,2\n", encoding="ascii",
    )
    columns = ("--kind-column", "kind", "--propensity-column", "p", "--cohort-column", "c")
    server.run("import", "events", str(events), "--collection", "c", *columns)
    sample = server.run(
        "sample", "--collection", "c", "--count", "4", "--user", "7", "--as-of", "2024-02-01",
        "--source", "exposure:max-importance-weight=10", "--source", "mined",
    )
    drawn = dict(zip(sample["itemIds"]["typed"]["values"],
                     sample["importanceWeights"]["typed"]["values"]))
    assert drawn == {"2": 10, "3": 1}
    assert server.run("users", "list", "--collection", "c")["userIds"] == ["7", "8"]
    gone = server.run(
        "events", "retract", "--collection", "c", "--user", "7", "--item", "1",
        "--time", "2024-01-01",
    )
    assert (gone["removedCount"], gone["missingCount"]) == (1, 0)
    erased = server.run("users", "erase", "--collection", "c", "8", "9")
    assert (erased["removedCount"], erased["missingCount"]) == (1, 1)
    assert server.run("users", "list", "--collection", "c")["userIds"] == ["7"]


def test_refused_rows_are_named_by_their_lines(server: _Server, tmp_path: pathlib.Path) -> None:
    server.run("collection", "create", "strict")
    path = tmp_path / "events.csv"
    path.write_text("user,item,time\n\n1,2,3\n", encoding="ascii")
    result = server.run("import", "events", str(path), "--collection", "strict", code=2)
    assert f"{path}:3: item_ids: no such item" in result["error"]


def test_a_table_of_embeddings_is_replaced_whole(server: _Server, tmp_path: pathlib.Path) -> None:
    server.run("collection", "create", "vectors", "--dim", "2")
    items = tmp_path / "items.csv"
    items.write_text("item\n1\n2\n3\n", encoding="ascii")
    server.run("import", "items", str(items), "--collection", "vectors")

    def push(name: str, ids: str, *flags: str, code: int = 0) -> dict[str, Any]:
        path = tmp_path / f"{name}.npy"
        np.save(path, np.ones((len(ids.split()), 2), np.float32))
        (tmp_path / f"{name}.txt").write_text("\n".join(ids.split()), encoding="ascii")
        return server.run(
            "push-embeddings", str(path), "--ids", str(tmp_path / f"{name}.txt"),
            "--collection", "vectors", *flags, code=code,
        )

    assert push("all", "1 2 3", "--model-version", "4")["writtenCount"] == 3
    done = push("some", "1 3", "--model-version", "5", "--replace")
    assert done["writtenCount"] == 2
    statistics = server.run("stats", "--collection", "vectors")
    assert (statistics["embeddingCount"], statistics["highestModelVersion"]) == ("2", "5")
    late = push("late", "2", "--model-version", "5", "--replace", code=2)
    assert "STALE_MODEL_VERSION" in late["error"] or "model version 5" in late["error"]
    server.kill()
    server.start()
    assert server.run("stats", "--collection", "vectors")["embeddingCount"] == "2"
    sample = server.run(
        "sample", "--collection", "vectors", "--count", "64", "--query", "1,1",
        "--source", "adversarial:anchor=query,temperature=1", "--min-model-version", "5",
    )
    assert set(sample["itemIds"]["typed"]["values"]) == {"1", "3"}
    assert set(sample["modelVersions"]["typed"]["values"]) == {"5"}


@pytest.mark.parametrize("suffixes", [(".csv", ".csv"), (".item", ".inter")], ids=lambda s: s[0])
def test_what_is_exported_can_be_imported(
    server: _Server, tmp_path: pathlib.Path, suffixes: tuple[str, str]
) -> None:
    items = tmp_path / "source-items.csv"
    items.write_text(
        "item,alive_from,alive_until,base_weight,genres,attributes\n"
        "a b,,,0.3,x|y z,'\n\"say \"\"hi\"\"\",1|5.000001,3|,1,,t\nnever,inf,,16,z,\n",
        encoding="utf-8",
    )
    events = tmp_path / "source-events.csv"
    events.write_text(
        "user,item,time,kind,propensity,weight,cohort\n"
        "\u65e5\u672c,a b,1.5,exposure,0.7,0.1,0\n u,\"say \"\"hi\"\"\",1.000001,positive,0,4096,9\n"
        "v,a b,2001-01-01,mined,0,1,\n",
        encoding="utf-8",
    )
    for name in ("one", "two"):
        server.run(
            "collection", "create", name, "--item-ids", "string", "--user-ids", "string",
            "--dim", "2", "--metric", "l2",
        )
    server.run("import", "items", str(items), "--collection", "one", "--all-columns")
    server.run("import", "events", str(events), "--collection", "one", "--all-columns")

    def export(kind: str, collection: str, *flags: str) -> bytes:
        path = tmp_path / f"{collection}-{kind}{suffixes[kind == 'events']}"
        done = server.run("export", kind, "--collection", collection, "--out", str(path), *flags)
        assert done["writtenCount"] == 3
        return path.read_bytes()

    separator = ("--category-separator", ";")
    first = export("items", "one", *separator), export("events", "one")
    for kind, flags in (("items", separator), ("events", ())):
        path = tmp_path / f"one-{kind}{suffixes[kind == 'events']}"
        server.run("import", kind, str(path), "--collection", "two", "--all-columns", *flags)
    assert (export("items", "two", *separator), export("events", "two")) == first
    names = [line.split(b"\t" if b"\t" in line else b",")[0] for line in first[1].splitlines()]
    assert names[1:] == [" u".encode(), "\u65e5\u672c".encode(), b"v"], "in order of time"

    vectors = tmp_path / "vectors.npy"
    np.save(vectors, np.array([[0.1, 2], [3, 4]], np.float32))
    ids = tmp_path / "ids.txt"
    ids.write_text("never\na b\n", encoding="ascii")
    server.run("push-embeddings", str(vectors), "--ids", str(ids), "--collection", "one")
    back = tmp_path / "back.npy"
    done = server.run(
        "export", "embeddings", "--collection", "one", "--out", str(back), "--ids", str(ids)
    )
    assert done["writtenCount"] == 2
    assert ids.read_text(encoding="ascii") == "a b\nnever\n"
    assert (np.load(back) == np.array([[3, 4], [0.1, 2]], np.float32)).all()


def test_calls_are_explained_kept_and_drawn_again(server: _Server, tmp_path: pathlib.Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("user,item,time\n7,1,2024-01-01\n8,2,2024-01-02\n", encoding="ascii")
    server.run("import", "events", str(events), "--collection", "c")
    row = ("--collection", "c", "--user", "7", "--as-of", "2024-02-01")
    told = server.run("explain", *row, "--source", "popularity", "1", "2", "9")
    assert told["classes"]["typed"]["values"] == ["2", "5", "1"]
    assert told["logQ"]["typed"]["values"] == ["-Infinity", 0, "NaN"]
    server.run("collection", "update", "c", "--audit-rate", "1")
    drawn = server.run("sample", *row, "--count", "2", "--seed", "3")
    deadline = time.monotonic() + 30
    while not (kept := server.run("audit", "list", "--collection", "c")["audits"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)  # They are written behind the calls.
    name = kept[0]["name"].rpartition("/")[2]
    whole = server.run("audit", "get", "--collection", "c", name)
    assert whole["response"]["itemIds"] == drawn["itemIds"]
    assert whole["request"]["seed"] == "3"
    assert server.run("audit", "replay", "--collection", "c", name)["equal"]
    server.kill()
    server.start()
    assert server.run("audit", "replay", "--collection", "c", name)["equal"]
    server.run("collection", "update", "c", "--audit-rate", "0")
    stale = server.run("audit", "replay", "--collection", "c", name, code=2)
    assert "commit_sequence" in stale["error"]
