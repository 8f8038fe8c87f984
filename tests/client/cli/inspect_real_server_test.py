# SPDX-License-Identifier: Apache-2.0
"""`negatron inspect` against negatrond: the data in the page is what the API tells.

NEGATRON_SERVER_BINARY and NEGATRON_CLI_BINARY name the binaries.
"""

from __future__ import annotations

import html.parser
import json
import os
import pathlib
import subprocess
from typing import Any, Iterator

import numpy as np
import pytest

import negatron

_SERVER = os.environ.get("NEGATRON_SERVER_BINARY", "")
_CLI = os.environ.get("NEGATRON_CLI_BINARY", "")

pytestmark = pytest.mark.skipif(
    not (_SERVER and _CLI), reason="NEGATRON_SERVER_BINARY or NEGATRON_CLI_BINARY is not set"
)

_ITEMS = 60
_EVIL = "</script><script>alert(1)//"
_AS_OF = np.datetime64("2024-03-01", "us")


class _Data(html.parser.HTMLParser):
    """Finds the data of a page, and everything that would load something."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.scripts = 0
        self.links: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "script":
            self.scripts += 1
            self._inside = named.get("id") == "data"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text += data


def _read(path: pathlib.Path) -> dict[str, Any]:
    parser = _Data()
    parser.feed(path.read_text(encoding="utf-8"))
    assert parser.scripts == 2 and not parser.links
    return json.loads(parser.text)


class _World:
    """A server with a small catalogue of two clusters, and the command."""

    def __init__(self, client: negatron.Client, server: str, folder: pathlib.Path) -> None:
        self.client = client
        self._server = server
        self._folder = folder

    def run(self, *arguments: str, code: int = 0) -> str:
        """Standard error and output of a command that ends with `code`."""
        done = subprocess.run(
            [_CLI, *arguments, f"--server={self._server}"], capture_output=True, text=True,
            timeout=120, check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def page(self, collection: str, *arguments: str) -> dict[str, Any]:
        """The data of a page as of `_AS_OF`."""
        path = self._folder / "page.html"
        self.run("inspect", collection, "--out", str(path), "--as-of", str(_AS_OF), *arguments)
        return _read(path)


def _vectors() -> np.ndarray:
    """Two clusters along the first axis of 6 dimensions."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(0, 0.3, (_ITEMS, 6)).astype(np.float32)
    vectors[:, 0] += np.where(np.arange(_ITEMS) % 2 == 0, 2, -2)
    vectors[:, 1] *= 2
    return vectors


@pytest.fixture(name="world", scope="module")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_World]:
    folder = tmp_path_factory.mktemp("inspect")
    with negatron.local(folder / "data", server=_SERVER) as client:
        ids = np.arange(1, _ITEMS + 1)
        client.create_collection(
            "films", missing_item_rule=negatron.MissingItemRule.CREATE,
            dimension=6, metric=negatron.Metric.INNER_PRODUCT,
        )
        client.write_items(
            "films", ids, categories=[["even" if i % 2 == 0 else _EVIL] for i in ids],
            attributes=[f"film {i} {_EVIL}".encode() for i in ids],
        )
        client.write_embeddings("films", ids, _vectors())
        users = np.array([7] * 5 + [8] * 20)
        items = np.concatenate([[1, 3, 5, 7, 9], np.arange(20, 40)])
        times = np.datetime64("2024-01-01", "us") + np.arange(25).astype("timedelta64[D]")
        client.write_events("films", users, items, times)
        # Chosen after the time of the pages.
        client.write_events("films", np.array([7]), np.array([11]),
                            np.array(["2024-03-02"], "datetime64[us]"))
        yield _World(client, client.target, folder)


def test_points_are_explained_as_the_api_explains_them(world: _World) -> None:
    data = world.page("films", "--user", "7", "--anchor-item", "9", "--exclude", "13",
                      "--source", "popularity:share=3", "--source", "nearest:end=10,pick=uniform", "--draws", "40")
    points = data["points"]
    ids = np.array(points["ids"], np.int64)
    assert sorted(ids) == list(range(1, _ITEMS + 1))
    told = world.client.explain(
        "films", ids, user=7, positive=9, exclusions=[13], as_of=_AS_OF, seed=1,
        policy=negatron.Policy.mix((0.75, negatron.Popularity()),
                                   (0.25, negatron.Nearest((0, 10), "uniform", "positive"))),
    )
    log_q = np.array([-np.inf if q == "-inf" else np.nan if q is None else q
                      for q in points["logQ"]])
    np.testing.assert_allclose(log_q, told.log_q, rtol=1e-5)
    assert [source["name"] for source in data["sources"]] == ["popularity", "nearest"]
    np.testing.assert_array_equal(
        np.array(points["obstacles"]).reshape(-1, 2), told.obstacles)
    state = dict(zip(ids, points["states"]))
    assert {i for i in ids if state[i] == "positive"} == {1, 3, 5, 7, 9}
    assert [state[13], state[42], state[20]] == ["excluded", "out of reach", "drawable"]
    assert dict(zip(ids, points["firstPositive"]))[3] == "2024-01-02T00:00:00Z"


def test_draws_and_neighbours_are_those_of_the_api(world: _World) -> None:
    data = world.page("films", "--anchor-item", "9", "--source", "uniform", "--draws", "50",
                      "--neighbours", "8", "--seed", "77")
    points = data["points"]
    sample = world.client.sample(
        "films", 50, policy=negatron.Policy.mix((1, negatron.Uniform())),
        positives=np.array([9]), as_of=np.array([_AS_OF]), seed=77,
    )
    drawn = {int(i): c for i, c in zip(points["ids"], points["drawCounts"]) if c}
    assert drawn == dict(zip(*map(list, np.unique(sample.items, return_counts=True))))
    scores = _vectors() @ _vectors()[8]
    scores[8] = -np.inf
    best = np.argsort(-scores)[:8] + 1
    near = sorted((r, int(i)) for i, r in zip(points["ids"], points["neighbourRanks"]) if r >= 0)
    assert [i for _, i in near] == list(best)
    assert data["map"]["anchor"]["kind"] == "item"


def test_the_map_is_the_principal_plane(world: _World) -> None:
    data = world.page("films")
    points = data["points"]
    order = np.argsort(np.array(points["ids"], np.int64))
    places = np.array([points["x"], points["y"]]).T[order]
    centred = _vectors() - _vectors().mean(axis=0)
    _, deviations, axes = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][[0, 1], np.abs(axes[:2]).argmax(axis=1)])[:, None]
    np.testing.assert_allclose(places, centred @ axes.T, atol=1e-4)
    np.testing.assert_allclose(
        data["map"]["varianceParts"], (deviations**2 / (deviations**2).sum())[:2], rtol=1e-4)
    assert data["map"]["fitted"] == _ITEMS and data["map"]["anchor"] is None


def test_the_sample_is_bounded_and_repeats(world: _World) -> None:
    arguments = ("--items", "20", "--draws", "1", "--seed", "3")
    data = world.page("films", *arguments)
    sampled = [i for i, role in zip(data["points"]["ids"], data["points"]["roles"]) if role & 1]
    assert len(sampled) == 20
    again = world.page("films", *arguments)
    assert again["points"] == data["points"] and again["map"] == data["map"]
    other = world.page("films", *arguments[:-1], "4")
    assert other["points"]["ids"] != data["points"]["ids"]


def test_a_user_without_an_embedding_has_the_newest_positive_as_anchor(world: _World) -> None:
    data = world.page("films", "--user", "7")
    assert (data["map"]["anchor"]["kind"], data["map"]["anchor"]["id"]) == ("newest", "9")


def test_what_is_to_come_is_uncertain_by_the_policy(
    world: _World, tmp_path: pathlib.Path
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(
        '{"components": [{"share": 1, "uniform": {}}], "historyHorizon": "172800s"}',
        encoding="ascii",
    )
    data = world.page("films", "--user", "7", "--policy", str(policy), "--items", "2")
    state = dict(zip(data["points"]["ids"], data["points"]["states"]))
    assert state["11"] == "uncertain"
    assert data["map"]["anchor"]["id"] == "9"  # Not what is chosen later.
    stored = world.page("films", "--user", "7", "--policy-name", "uniform")
    assert stored["row"]["policy"] == "collections/films/policies/uniform@1"


def test_collections_without_embeddings_have_no_map(world: _World) -> None:
    world.client.create_collection("plain", missing_item_rule=negatron.MissingItemRule.CREATE)
    world.client.write_events("plain", np.array([1, 2]), np.array([10, 20]),
                              np.array(["2024-01-01", "2024-01-02"], "datetime64[us]"))
    data = world.page("plain", "--user", "1")
    assert data["collection"]["dimension"] == 0 and data["map"]["anchor"] is None
    state = dict(zip(data["points"]["ids"], data["points"]["states"]))
    assert state == {"10": "positive", "20": "drawable"}
    world.client.create_collection("empty")
    assert world.page("empty")["row"]["status"] == "NO_LIVING_ITEM"


def test_sampling_over_time_is_that_of_the_api(world: _World) -> None:
    world.client.create_collection(
        "drawn", missing_item_rule=negatron.MissingItemRule.CREATE,
        dimension=6, metric=negatron.Metric.COSINE,
    )
    world.client.write_items("drawn", np.arange(_ITEMS))
    world.client.write_embeddings("drawn", np.arange(_ITEMS), _vectors())
    assert world.page("drawn")["sampling"]["sources"] == []
    policy = negatron.Policy.mix((1, negatron.Uniform()), (1, negatron.Nearest(window=(0, 9))))
    world.client.sample(
        "drawn", 8, policy=policy, queries=np.ones((2048, 6)), row_keys=np.arange(2048)
    )
    told = world.client.sampling_statistics("drawn").total.sources
    sampling = world.page("drawn")["sampling"]
    assert sampling["problem"] == ""
    sources = {source["name"]: source for source in sampling["sources"]}
    # Beside the draws of the first page, all of them `uniform`.
    assert set(sources) == {"uniform", "nearest"}
    assert sources["nearest"]["totalDrawn"] == told["nearest"].drawn_counts[0]
    assert sources["nearest"]["totalScores"][0] == pytest.approx(told["nearest"].score_means[0])


def test_string_ids_stay_strings(world: _World) -> None:
    world.client.create_collection(
        "names", item_id_type=negatron.IdType.STRING, user_id_type=negatron.IdType.STRING,
        missing_item_rule=negatron.MissingItemRule.CREATE,
        dimension=2, metric=negatron.Metric.L2,
    )
    items = [_EVIL, "b", "c"]
    world.client.write_events("names", [_EVIL, "u", "u"], items,
                              np.array(["2024-01-01"] * 3, "datetime64[us]"))
    world.client.write_embeddings("names", items, np.array([[0, 0], [1, 0], [3, 0]], np.float32))
    data = world.page("names", "--user", _EVIL)
    assert sorted(data["points"]["ids"]) == sorted(items)
    assert data["row"]["user"] == _EVIL
    assert data["map"]["anchor"]["id"] == _EVIL
    rank = dict(zip(data["points"]["ids"], data["points"]["neighbourRanks"]))
    assert (rank["b"], rank["c"]) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("films", "--anchor-item", "999"), 1, "has no item `999`"),
        (("films", "--exclude", "998"), 1, "has no item `998`"),
        (("films", "--user", "12345"), 1, "neither an embedding nor an event"),
        (("films", "--user", "x"), 1, "--user"),
        (("nothing",), 2, "nothing"),
        (("films", "--source", "nearest:end=5"), 1, "--positive"),
        (("films", "--query", "1,2"), 2, "queries.column_count"),
        (("films", "--items", "1"), 1, "--items"),
    ],
)
def test_errors_leave_no_page(
    world: _World, tmp_path: pathlib.Path, arguments: tuple[str, ...], code: int, text: str
) -> None:
    path = tmp_path / "page.html"
    assert text in world.run("inspect", *arguments, "--out", str(path), code=code)
    assert not list(tmp_path.iterdir())
