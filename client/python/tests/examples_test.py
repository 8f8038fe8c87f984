# SPDX-License-Identifier: Apache-2.0
"""The examples in short form, and what one of them shows: a law trains the same model anywhere.

With NEGATRON_SERVER_BINARY against negatrond, else against the fake.
"""

from __future__ import annotations

import os
import pathlib
import sys

import numpy as np
import pytest

import negatron
from server_process import fake_binary

_EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
sys.path.insert(0, str(_EXAMPLES))

import bpr_numpy  # noqa: E402  pylint: disable=wrong-import-position
import recbole_data  # noqa: E402  pylint: disable=wrong-import-position
import small_data  # noqa: E402  pylint: disable=wrong-import-position

_BINARY = os.environ.get("NEGATRON_SERVER_BINARY", "")
_SMALL = ["--users=60", "--items=80", "--events=900", "--epochs=2"]


@pytest.fixture(autouse=True)
def _server(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEGATRON_SERVER", _BINARY or str(fake_binary(tmp_path)))


@pytest.mark.parametrize("law", [[], ["--dns"]])
def test_bpr_runs(law: list[str]) -> None:
    result = bpr_numpy.main([*_SMALL, *law])
    assert result.ndcg > 0 and 0 < result.hardness < 1


@pytest.mark.parametrize("hard", [0.0, 0.3])
def test_two_tower_runs(hard: float) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (python3-torch)")
    import two_tower  # pylint: disable=import-outside-toplevel

    ndcg, _, waiting = two_tower.main([*_SMALL, "--batch=256", f"--hard={hard}"])
    assert ndcg > 0 and 0 <= waiting < 1


def test_sequential_model_runs() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (python3-torch)")
    import sequential  # pylint: disable=import-outside-toplevel

    ndcg, _ = sequential.main([*_SMALL, "--batch=256", "--workers=1"])
    assert ndcg > 0


def test_recbole_files_become_pairs(tmp_path: pathlib.Path) -> None:
    inter, item = tmp_path / "some.inter", tmp_path / "some.item"
    some = small_data.make(30, 40, 400)
    lines = [f"u{u}\ti{i}\t{t / 1e6}" for u, i, t in zip(some.users, some.items, some.times)]
    header = "user_id:token\titem_id:token\ttimestamp:float"
    inter.write_text("\n".join([header, *reversed(lines)]) + "\n", encoding="utf-8")
    item.write_text("item_id:token\n" + "".join(f"i{i}\n" for i in range(45)), encoding="utf-8")
    with negatron.local() as client:
        dataset = recbole_data.NegativeDataset(client, "recbole", inter, item)
        assert dataset.item_num == 46 and dataset.item_tokens[0] == "[PAD]"
        assert dataset.user_num == len(set(some.users.tolist())) + 1
        batches = list(dataset.pairwise(negatron.Policy.mix((1, negatron.Uniform())), 3, 64))
    names = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    assert len(names["item_id"]) == 3 * len(some.items)  # Registered items live always.
    assert (names["neg_item_id"] != names["item_id"]).all()
    assert 1 <= names["neg_item_id"].min() and names["neg_item_id"].max() <= 45
    pairs = {(f"u{u}", f"i{i}") for u, i in zip(some.users, some.items)}
    seen = {
        (dataset.user_tokens[u], dataset.item_tokens[i])
        for u, i in zip(names["user_id"], names["item_id"])
    }
    assert seen == pairs
    inter.write_text(header + "\nu1\ti1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="some.inter:2"):
        recbole_data.read_atomic(inter)


@pytest.mark.skipif(not _BINARY, reason="NEGATRON_SERVER_BINARY is not set")
def test_a_law_trains_the_same_model_in_process_and_over_the_wire() -> None:
    some = small_data.make(150, 200, 4000)
    means: dict[tuple[bool, bool], np.ndarray] = {}
    errors: dict[tuple[bool, bool], np.ndarray] = {}
    with negatron.local() as client:
        small_data.write(client, "bpr", some, 16)
        for dns in (False, True):
            for wire in (False, True):
                runs = []
                for seed in range(3):
                    negatives = (
                        bpr_numpy.OverTheWire(client, some, dns, seed)
                        if wire else bpr_numpy.InProcess(some, dns, seed)
                    )
                    result = bpr_numpy.train(some, negatives, seed, epochs=5)
                    runs.append((result.ndcg, result.hardness))
                means[dns, wire] = np.mean(runs, axis=0)
                errors[dns, wire] = np.std(runs, axis=0, ddof=1) / np.sqrt(3)
    # Seeds are fixed. Were they drawn, a right law would fail once in some 16 runs (4 differences,
    # each of t with 4 degrees of freedom).
    for dns in (False, True):
        difference = np.abs(means[dns, False] - means[dns, True])
        allowed = 4 * np.hypot(errors[dns, False], errors[dns, True])
        assert (difference <= allowed).all(), (means, errors)
    # A test that would pass whatever the law is would be none.
    gap = means[True, True][1] - means[False, True][1]
    assert gap > 10 * max(errors[dns, wire][1] for dns in (False, True) for wire in (False, True))
