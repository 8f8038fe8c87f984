# SPDX-License-Identifier: Apache-2.0
"""The parts of the demo, and the whole of it in small against the fake server."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from server_process import fake_binary

pytest.importorskip("matplotlib")
_ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT / "examples"))

import data  # noqa: E402  pylint: disable=wrong-import-position
import metrics  # noqa: E402  pylint: disable=wrong-import-position
from model import FactorModel, Settings  # noqa: E402  pylint: disable=wrong-import-position


def test_ratings_are_read_by_scale_in_order_of_time(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(
        "user_id,item_id,rating,timestamp\n2,007,8,30\n1,007,7,20\n1,9,6,10\n2,007,9,40\n",
        encoding="utf-8",
    )
    positives = data.read_ratings(path, None, None)
    assert positives.users.tolist() == [1, 2]
    assert positives.items.tolist() == ["007", "007"]
    assert positives.times.tolist() == [20_000_000, 30_000_000]
    assert len(data.read_ratings(path, None, 6)) == 3
    path.write_text("user_id,item_id,rating,timestamp\n1,2,x,4\n", encoding="utf-8")
    with pytest.raises(ValueError, match="ratings.csv:2"):
        data.read_ratings(path, None, None)


def test_items_are_born_with_the_year_of_their_title(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text('item_id,title,genres\n01,"A, b (1970)",x\n02,No year,y\n', encoding="utf-8")
    catalogue = data.read_items(path)
    assert catalogue.names == ["01", "02"]
    assert catalogue.alive_from.tolist() == [0, data.ALWAYS]


def test_generated_events_hit_living_items() -> None:
    positives = data.generate(3, users=60, items=80, events=600)
    again = data.generate(3, users=60, items=80, events=600)
    assert (positives.items == again.items).all()
    row = {name: i for i, name in enumerate(positives.catalogue.names)}
    index = np.array([row[name] for name in positives.items])
    assert (positives.catalogue.alive_from[index] <= positives.times).all()
    assert (positives.times < positives.catalogue.alive_until[index]).all()
    assert (positives.catalogue.alive_until < data.NEVER).any()


def test_measures_match_a_count_by_hand() -> None:
    users = np.array([0, 0, 1, 2, 0, 0, 1, 3])
    items = np.array([0, 1, 2, 3, 2, 4, 2, 0])
    training = np.arange(8) < 4
    alive = np.ones(6, bool)
    alive[3] = False
    task = metrics.make_task(users, items, training, ~training, alive)
    # User 1 chose again what it knew, user 3 is new, item 4 is unknown, item 3 is dead.
    assert task.users.tolist() == [0]
    assert task.candidates.tolist() == [0, 1, 2]
    scores = np.array([9.0, 8.0, 1.0])
    ndcg, recall = metrics.evaluate(task, lambda u, c: np.tile(scores, (len(u), 1)))
    assert (ndcg, recall) == (1.0, 1.0)
    users, items = np.array([0, 0, 1, 1, 1]), np.array([0, 2, 0, 1, 2])
    training = np.array([True, False, True, True, True])
    task = metrics.make_task(users, items, training, ~training, np.ones(3, bool))
    ndcg, _ = metrics.evaluate(task, lambda u, c: np.tile([5.0, 4.0, 3.0], (len(u), 1)))
    assert ndcg == pytest.approx(1 / np.log2(3))


def test_a_step_follows_the_gradient_of_the_loss() -> None:
    model = FactorModel(3, 6, Settings(learning_rate=1e-4, regularisation=0.0, factors=4), 1)
    users, positives = np.array([0, 1, 1]), np.array([0, 1, 0])
    negatives = np.array([[2, 3], [4, 2], [5, -1]])
    mask = negatives >= 0
    before = [model.user.astype(float), model.item.astype(float)]

    def loss(user: np.ndarray, item: np.ndarray) -> float:
        query = np.concatenate([user[users], np.ones((3, 1))], axis=1)
        margin = (query * item[positives]).sum(1)[:, None] - np.einsum(
            "bd,bkd->bk", query, item[negatives]
        )
        return float((np.logaddexp(0, -margin) * mask / mask.sum(1, keepdims=True)).sum())

    step = model.step(users, positives, negatives, mask)
    assert 0 < step.hardness < 1 and step.loss > 0
    for which, now in enumerate((model.user, model.item)):
        moved = now - before[which]
        numeric = np.zeros_like(before[which])
        for at in np.ndindex(numeric.shape):
            ends = []
            for sign in (1e-5, -1e-5):
                tables = [before[0].copy(), before[1].copy()]
                tables[which][at] += sign
                ends.append(loss(*tables))
            numeric[at] = (ends[1] - ends[0]) / 2e-5
        # Adagrad's first step: rate * gradient / sqrt(1e-3 + gradient^2).
        expected = 1e-4 * numeric / np.sqrt(1e-3 + numeric**2)
        assert np.allclose(moved, expected, atol=2e-6)


def test_demo_runs_whole(tmp_path: pathlib.Path) -> None:
    server = fake_binary(tmp_path)
    out = tmp_path / "out"
    result = subprocess.run(
        [sys.executable, str(_ROOT / "examples" / "demo.py"), "--quick", "--epochs=1",
         f"--server={server}", f"--out={out}"],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True, text=True, check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "GENERATED" in result.stdout
    runs = json.loads((out / "runs.json").read_text(encoding="utf-8"))
    assert {arm: len(some) for arm, some in runs.items()} == {"uniform": 1, "mix": 1}
    assert runs["mix"][0]["updates"] == runs["uniform"][0]["updates"]
    for name in ("learning_curves.png", "hardness.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_demo_shows_the_log_of_a_server_that_fails(tmp_path: pathlib.Path) -> None:
    server = tmp_path / "negatrond"
    server.write_text("#!/bin/sh\necho no disk here\nexit 3\n", encoding="utf-8")
    server.chmod(0o755)
    result = subprocess.run(
        [sys.executable, str(_ROOT / "examples" / "demo.py"), "--quick",
         f"--server={server}", f"--out={tmp_path}"],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True, text=True, check=False,
    )
    assert result.returncode == 1
    assert "no disk here" in result.stderr
