# SPDX-License-Identifier: Apache-2.0
"""The benchmark of quality: its parts against brute force, and the whole of it in small."""

from __future__ import annotations

import json
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_FOLDERS = [_ROOT / "client/python", _ROOT / "client/python/examples", _ROOT / "tests/benchmarks"]
sys.path[:0] = [str(folder) for folder in _FOLDERS]

import data  # noqa: E402
import losses  # noqa: E402
import metrics  # noqa: E402
import negatron  # noqa: E402
from model import FactorModel, Settings  # noqa: E402
from quality import arms, bootstrap, measures, splits, store, tuning  # noqa: E402
from quality.serving_pool import ServingPool, behind_all  # noqa: E402
from quality.towers import TwoTowerModel  # noqa: E402
from quality.world import World, make_world  # noqa: E402


@pytest.fixture(scope="module", name="world")
def _world() -> World:
    return make_world(data.generate(1, users=80, items=90, events=2500))


def _positives(world: World, rows: np.ndarray) -> "set[tuple[int, int]]":
    return set(zip(world.users[rows].tolist(), world.items[rows].tolist()))


# Splits.


def _check_task(world: World, split: splits.Split, tested: np.ndarray, end: int) -> None:
    """Counts the task again, pair by pair."""
    training = _positives(world, split.rows)
    known = {item for _, item in training}
    alive = (world.alive_from <= end) & (end < world.alive_until)
    candidates = [item for item in range(world.item_count) if item in known and alive[item]]
    assert split.task.candidates.tolist() == candidates
    wanted: "dict[int, set[int]]" = {}
    for user, item in _positives(world, np.flatnonzero(tested)):
        if item in candidates and (user, item) not in training:
            wanted.setdefault(user, set()).add(item)
    trained = {user for user, _ in training}
    wanted = {user: items for user, items in wanted.items() if user in trained}
    assert split.task.users.tolist() == sorted(wanted)
    for user, relevant, seen in zip(split.task.users, split.task.relevant, split.task.seen):
        assert {candidates[place] for place in relevant} == wanted[user]
        assert {candidates[place] for place in seen} == {
            item for who, item in training if who == user and item in candidates
        }


def test_the_temporal_split_never_trains_on_what_it_tests(world: World) -> None:
    pair = splits.temporal(world)
    first, second = splits.period_ends(world)
    times = world.times
    assert (times[pair.validation.rows] < first).all()
    assert (times[pair.test.rows] < second).all() and len(pair.test.rows) == (times < second).sum()
    _check_task(world, pair.validation, (times >= first) & (times < second), first)
    _check_task(world, pair.test, times >= second, second)


def test_the_split_by_users_holds_out_their_last_positives(world: World) -> None:
    pair = splits.per_user(world)
    last, before = np.zeros(len(world), bool), np.zeros(len(world), bool)
    for user in range(world.user_count):
        own = np.flatnonzero(world.users == user)
        if len(own) >= 3:
            last[own[-1]] = before[own[-2]] = True
    assert pair.test.rows.tolist() == np.flatnonzero(~last).tolist()
    assert pair.validation.rows.tolist() == np.flatnonzero(~last & ~before).tolist()
    end = int(world.times[-1]) + 1
    _check_task(world, pair.test, last, end)
    _check_task(world, pair.validation, before, end)


def test_the_early_period_ends_before_the_test_begins(world: World) -> None:
    split = splits.early_period(world)
    _, second = splits.period_ends(world)
    assert split.end < second and (world.times[split.rows] < split.end).all()
    for user, relevant in zip(split.task.users, split.task.relevant):
        for item in split.task.candidates[relevant]:
            row = np.flatnonzero((world.users == user) & (world.items == item))[0]
            assert world.times[row] >= second


def test_held_users_learn_nothing_of_held_categories(world: World) -> None:
    split = splits.other_categories(world)
    candidates = split.task.candidates
    training = np.zeros(len(world), bool)
    training[split.rows] = True
    for user in split.task.users:
        assert not np.isin(world.items[training & (world.users == user)], candidates).any()
    for relevant, seen in zip(split.task.relevant, split.task.seen):
        assert len(relevant) and relevant.max() < len(candidates) and len(seen) == 0
    assert 0 < len(candidates) < world.item_count


def test_births_are_first_training_positives(world: World) -> None:
    split = splits.temporal(world).validation
    births = splits.births(world, split)
    for item in range(world.item_count):
        own = world.times[split.rows][world.items[split.rows] == item]
        assert births[item] == (own.min() if len(own) else data.NEVER)


def test_a_world_keeps_lives_categories_and_exposures(tmp_path: pathlib.Path) -> None:
    ratings, items = tmp_path / "ratings.csv", tmp_path / "items.csv"
    ratings.write_text("u,i,r,t\n7,b,9,1\n8,a,9,2\n7,a,2,3\n8,b,9,4\n9,c,1,5\n", encoding="utf-8")
    items.write_text("id,title,genres\nb,B (1970),x|y\na,A,y\n", encoding="utf-8")
    world = make_world(data.read_ratings(ratings, items, None))
    assert world.users.tolist() == [0, 1, 1] and world.items.tolist() == [1, 0, 1]
    assert world.alive_from.tolist() == [data.ALWAYS, 0]
    assert world.categories is not None and world.exposures is not None
    assert world.categories.tolist() == [[False, True], [True, True]]
    # User 9 and item c have no positives.
    assert world.exposures.tolist() == [[0], [0], [3_000_000]]
    first = make_world(data.read_ratings(ratings, items, None), limit=2)
    assert len(first) == 2 and first.exposures is None
    assert first.fingerprint() != world.fingerprint()


# Measures.


def test_gains_match_a_count_user_by_user() -> None:
    rng = np.random.default_rng(2)
    relevant = [rng.choice(60, size, replace=False) for size in (1, 3, 30)]
    ranked = np.stack([rng.permutation(60)[:50] for _ in range(3)])
    task = metrics.Task(np.arange(3), relevant, [np.empty(0, int)] * 3, np.arange(60))
    for depth in (20, 50):
        ndcg, recall = metrics.gains(task, ranked, depth)
        for user, wanted in enumerate(relevant):
            hits = [item in wanted for item in ranked[user, :depth]]
            ideal = sum(1 / math.log2(rank + 2) for rank in range(min(depth, len(wanted))))
            gained = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(hits) if hit)
            assert ndcg[user] == pytest.approx(gained / ideal)
            assert recall[user] == pytest.approx(sum(hits) / len(wanted))


def test_ranks_leave_out_what_was_seen_and_fall_by_score() -> None:
    rng = np.random.default_rng(3)
    table = rng.normal(size=(4, 40))
    seen = [rng.choice(40, 5, replace=False) for _ in range(4)]
    task = metrics.Task(np.arange(4), [np.array([0])] * 4, seen, np.arange(40))
    ranked = metrics.rank(task, lambda users, items: table[users][:, items].copy(), 10)
    for user in range(4):
        allowed = [item for item in range(40) if item not in seen[user]]
        assert ranked[user].tolist() == sorted(allowed, key=lambda i: -table[user, i])[:10]


def test_measures_of_breadth_match_their_definitions() -> None:
    rng = np.random.default_rng(4)
    top = rng.choice(30, (20, 5)) % 17
    counts = [int((top == item).sum()) for item in range(30)]
    differences = sum(abs(a - b) for a in counts for b in counts)
    assert measures.gini(top, 30) == pytest.approx(differences / (2 * 30 * sum(counts)))
    assert measures.coverage(top, 30) == sum(count > 0 for count in counts) / 30
    popularity = rng.integers(0, 6, 30)
    expected = np.mean([
        np.mean([(other < popularity[item]) + 0.5 * (other == popularity[item])
                 for other in popularity]) for item in top.ravel()
    ])
    assert measures.mean_popularity(top, popularity) == pytest.approx(expected)


def test_overlap_counts_what_is_in_both_lists() -> None:
    one, other = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[3, 9, 1], [7, 8, 9]])
    assert measures.overlap(one, other) == pytest.approx((2 / 3 + 0) / 2)
    assert measures.mean_overlap([one, one, other]) == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    assert measures.mean_overlap([one]) is None


def test_neighbours_and_coherence_match_a_count() -> None:
    rng = np.random.default_rng(5)
    vectors, categories = rng.normal(size=(25, 4)), rng.random((25, 6)) < 0.3
    near = measures.neighbours(vectors, 3)

    def cosine(a: int, b: int) -> float:
        return float(vectors[a] @ vectors[b]
                     / np.linalg.norm(vectors[a]) / np.linalg.norm(vectors[b]))

    def alike(a: int, b: int) -> float:
        both = (categories[a] & categories[b]).sum()
        return float(both / (categories[a] | categories[b]).sum())

    known = [item for item in range(25) if categories[item].any()]
    assert len(known) < 25, "items without categories belong to the case"
    close, every = [], []
    for item in range(25):
        others = sorted((o for o in range(25) if o != item), key=lambda o: -cosine(item, o))
        assert set(near[item]) == set(others[:3])
        close += [alike(item, o) for o in others[:3] if item in known and o in known]
        every += [alike(item, o) for o in others if item in known and o in known]
    assert measures.coherence(near, categories) == pytest.approx(np.mean(close) / np.mean(every))


def test_the_first_reach_is_the_first() -> None:
    assert measures.first_reach([0.1, 0.3, 0.2, 0.4], 0.2) == 1
    assert measures.first_reach([0.1], 0.2) is None


# Bootstrap.


def test_replicates_have_the_distribution_of_plain_resampling() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(4, 30)) + rng.normal(size=(4, 1))
    drawn = bootstrap.replicates(values, 20_000, seed=7)
    plain = []
    for _ in range(20_000):
        seeds, users = rng.integers(0, 4, 4), rng.integers(0, 30, 30)
        plain.append(values[np.ix_(seeds, users)].mean())
    # Standard errors of 20,000 replicates: 0.007 sd of the mean, 0.5% of the deviation; five of each.
    spread = np.std(plain)
    assert abs(drawn.mean() - np.mean(plain)) < 5 * spread * math.sqrt(2 / 20_000)
    assert drawn.std() == pytest.approx(spread, rel=0.04)
    for quantile in (0.025, 0.975):
        assert abs(np.quantile(drawn, quantile) - np.quantile(plain, quantile)) < 0.1 * spread


def test_intervals_cover_the_true_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(8)
    covered = 0
    for case in range(300):
        # One seed: users alone are resampled. 200 of them make the percentiles nearly normal.
        values = rng.normal(0.5, 1.0, (1, 200))
        found = bootstrap.interval(values, count=400, seed=case)
        covered += found.low <= 0.5 <= found.high
    # Binomial(300, 0.95): 285 +- 3.8. Below 264 or above 299: under 1e-6 each way.
    assert 264 <= covered <= 299


# Models and losses.

_POSITIVE = np.array([0.4, -0.2, 1.0])
_NEGATIVE = np.array([[0.1, 0.9], [-1.0, 0.3], [0.2, 0.0]])
_MASK = np.array([[True, True], [True, False], [False, False]])
_LOG_Q, _POSITIVE_LOG_Q = np.log([[0.1, 0.4], [0.2, np.nan], [np.nan, np.nan]]), np.log([0.3, 0.1, np.nan])


def _softmax_by_hand(positive: np.ndarray, negative: np.ndarray) -> float:
    total = 0.0
    for row in range(3):
        first = math.exp(positive[row] - _POSITIVE_LOG_Q[row])
        others = [math.exp(negative[row, k] - _LOG_Q[row, k]) for k in range(2) if _MASK[row, k]]
        if others:
            total -= math.log(first / (first + sum(others)))
    return total


def _pairs_by_hand(of_pair: "object") -> "object":
    def loss(positive: np.ndarray, negative: np.ndarray) -> float:
        total = 0.0
        for row in range(3):
            own = [of_pair(positive[row] - negative[row, k]) for k in range(2) if _MASK[row, k]]
            total += sum(own) / max(len(own), 1)
        return total

    return loss


@pytest.mark.parametrize("loss, by_hand", [
    (losses.bpr, _pairs_by_hand(lambda margin: math.log1p(math.exp(-margin)))),
    (losses.hinge, _pairs_by_hand(lambda margin: max(0.0, 1 - margin))),
    (losses.sampled_softmax, _softmax_by_hand),
])
def test_pulls_are_minus_the_gradient(loss: losses.Loss, by_hand: "object") -> None:
    pull = loss(_POSITIVE, _NEGATIVE, _MASK, _LOG_Q, _POSITIVE_LOG_Q)
    for scores, pulled in ((_POSITIVE, pull.positive), (_NEGATIVE, pull.negative)):
        for at in np.ndindex(scores.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = scores.copy()
                moved[at] += step
                one = scores is _POSITIVE
                ends.append(by_hand(moved if one else _POSITIVE, _NEGATIVE if one else moved))
            assert pulled[at] == pytest.approx(-(ends[0] - ends[1]) / 2e-5, abs=1e-5)


def test_a_two_tower_step_follows_the_gradient() -> None:
    """Adagrad's first step moves every parameter by rate * g / sqrt(1e-3 + g^2)."""
    categories = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [1, 0]], bool)
    users, positives = np.array([0, 1, 1]), np.array([0, 1, 0])
    negatives = np.array([[2, 3], [4, 2], [3, -1]])
    mask = negatives >= 0

    def make(rate: float) -> TwoTowerModel:
        return TwoTowerModel(2, 5, categories, Settings(rate, 0.0, 4), 3, width=6)

    def tables(model: TwoTowerModel) -> "dict[str, np.ndarray]":
        found = {"bias": model._bias.table}
        for side, tower in (("user", model._user), ("item", model._item)):
            for name in ("_ids", "_first", "_second", "_shift", "_categories"):
                if hasattr(tower, name):
                    found[side + name] = getattr(tower, name).table
        return found

    def loss(model: TwoTowerModel) -> float:
        query = model.queries(users).astype(float)
        positive = (query * model.vectors(positives)).sum(axis=1)
        drawn = model.vectors(np.maximum(negatives, 0).ravel()).reshape(3, 2, -1)
        negative = np.einsum("bd,bkd->bk", query, drawn)
        pairs = np.logaddexp(0, negative - positive[:, None]) * mask
        return float((pairs / mask.sum(axis=1, keepdims=True)).sum())

    still, moved, rate = make(1e-3), make(1e-3), 1e-3
    moved.step(users, positives, negatives, mask)
    checked = 0
    for name, table in tables(still).items():
        change = tables(moved)[name] - table
        # The layers and categories move by the mean over the batch's rows, tables of ids by sums.
        scale = 1.0 if name.endswith("_ids") or name == "bias" else 1 / 3
        for at in np.ndindex(table.shape):
            kept, ends = table[at], []
            for step in (1e-2, -1e-2):
                table[at] = kept + step
                ends.append(loss(still))
            table[at] = kept
            slope = -scale * (ends[0] - ends[1]) / 2e-2
            expected = rate * slope / math.sqrt(1e-3 + slope**2)
            assert change[at] == pytest.approx(expected, abs=2e-5), (name, at)
            checked += 1
    assert checked > 100


def test_both_models_have_one_face() -> None:
    settings = Settings(0.1, 0.1, 4)
    for model in (FactorModel(3, 5, settings, 1), TwoTowerModel(3, 5, None, settings, 1)):
        users, items = np.array([2, 0, 2]), np.array([4, 1, 1])
        assert model.queries(users).shape == model.vectors(items).shape == (3, 5)
        negatives = np.array([[2], [3], [0]])
        step = model.step(users, items, negatives, negatives >= 0, losses.hinge)
        assert step.negative.shape == (3, 1) and 0 < step.hardness < 1


# Tuning and the store.


@pytest.mark.parametrize("loss", ["bpr", "softmax", "margin"])
def test_every_arm_tries_as_much_and_what_is_shared_is_equal(loss: str) -> None:
    tries = {arm.name: tuning.candidates(arm, loss, 9) for arm in arms.ARMS.values()}
    shared = list(arms.shared_space(loss))
    for name, own in tries.items():
        assert len(own) == 9
        assert [[one[key] for key in shared] for one in own] == [
            [one[key] for key in shared] for one in tries["uniform"]
        ]
        for one in own:
            setup = arms.ARMS[name].setup(one)
            assert arms.describe(setup)
    for key, values in arms.shared_space(loss).items():
        drawn = [one[key] for one in tries["uniform"][1:]]
        counts = [drawn.count(value) for value in values]
        assert max(counts) - min(counts) <= 1


def test_an_ablation_changes_one_aspect() -> None:
    for ablation in arms.ABLATIONS:
        arm = arms.ARMS[ablation.arm]
        before = tuning.candidates(arm, "bpr", 1)[0]
        one, other = arm.setup(before), arm.setup({**before, **ablation.changes})
        assert one != other
        assert {**before, **ablation.changes}["rate"] == before["rate"]


def test_a_store_returns_finished_runs_alone(tmp_path: pathlib.Path) -> None:
    config = store.Config("d", "s", "mf", "bpr", "uniform", {"rate": 0.1}, 1, 2, 2, 64)
    result = store.Result([0.1, 0.3, 0.2], [0.5] * 3, [1, 2, 3], [0.1] * 3, 0.0, 0, [0.0] * 3,
                          {"top": np.arange(6).reshape(2, 3)})
    kept = store.Store(tmp_path)
    assert kept.load(config) is None
    kept.save(config, result)
    (path,) = tmp_path.glob("*.json")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1
    again = store.Store(tmp_path).load(config)
    assert again is not None and again.ndcg == result.ndcg and again.best_epoch == 2
    assert (again.arrays["top"] == result.arrays["top"]).all()
    for change in ({"seed": 2}, {"parameters": {"rate": 0.2}}, {"split": "t"}):
        other = store.Config(**{**config.__dict__, **change})
        assert other.key() != config.key() and kept.load(other) is None
    path.unlink()  # As if it had been cut off between the two files.
    assert kept.load(config) is None


# The whole.

_SERVER = os.environ.get("NEGATRON_SERVER_BINARY")


@pytest.mark.skipif(not _SERVER, reason="NEGATRON_SERVER_BINARY names no negatrond")
def test_what_the_arms_ask_for_has_the_laws_of_the_protocol(world: World) -> None:
    split = splits.temporal(world).test
    items, times = world.items[split.rows], world.times[split.rows]
    births = splits.births(world, split)
    counts = np.bincount(items, minlength=world.item_count)
    rows = split.rows[::40]
    with negatron.local(server=_SERVER) as client:
        pool = ServingPool(client, world, 4)
        for name in ("uniform", "popularity", "uniform-as-of"):
            setup = arms.ARMS[name].setup({})
            collection = pool.collection(split, setup)
            now = setup.as_of == "end"
            sample = client.sample(
                collection, 8, policy=setup.policy, users=world.users[rows],
                positives=world.items[rows], seed=1, outputs=["log_q"],
                as_of=behind_all(split) if now else world.times[rows],
            )
            for place, row in enumerate(rows):
                user, t = world.users[row], world.times[row]
                own = world.users[split.rows] == user
                chosen = items[own if now else own & (times < t)]
                weight = counts**0.75 if name == "popularity" else (counts > 0).astype(float)
                if not now:
                    weight[births > t] = 0
                weight[chosen] = weight[world.items[row]] = 0
                real = sample.mask[place]
                # The first rows have nobody else's items yet.
                assert real.all() == (weight.sum() > 0)
                drawn = sample.items[place][real]
                assert (weight[drawn] > 0).all()
                expected = np.log(weight[drawn] / weight.sum())
                assert np.allclose(sample.log_q[place][real], expected, atol=1e-5), name


def _run(out: pathlib.Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "quality", "--quick", "--budget=1", "--splits=temporal",
         "--models=mf", "--losses=bpr", f"--server={_SERVER}", f"--out={out}", *more],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, _FOLDERS))},
        capture_output=True, text=True, check=False,
    )


@pytest.mark.skipif(not _SERVER, reason="NEGATRON_SERVER_BINARY names no negatrond")
def test_the_benchmark_runs_whole_and_goes_on(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("matplotlib")
    result = _run(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    (study,) = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["studies"]
    # Generated data has no exposures; all else takes part.
    assert set(study["arms"]) == set(arms.ARMS) - {"exposure"}
    assert study["seeds"] == 2 and study["baseline"] in ("uniform", "popularity")
    assert set(study["transfers"]) == {"transfer-period", "transfer-category"}
    assert len(study["time"]) == 2 + len(arms.ABLATIONS)
    assert {(one["popular"], one["hard"]) for one in study["sweep"]} == set(arms.SWEEP)
    for name, arm in study["arms"].items():
        assert 0 <= arm["ndcg20"]["mean"] <= 1
        assert arm["gains"]["ndcg20"]["low"] <= arm["gains"]["ndcg20"]["high"]
        assert (arm["gains"]["ndcg20"]["mean"] == 0) >= (name == study["baseline"])
    for name in ("gains", "curves", "breadth", "shares"):
        picture = (tmp_path / f"temporal-mf-bpr-{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "GENERATED" in report and "the lower bound is" in report
    # A repetition finds all runs on disk, and one that was lost is run again.
    runs = sorted((tmp_path / "runs").glob("*.json"))
    times = {path: path.stat().st_mtime_ns for path in runs}
    runs[0].unlink()
    again = _run(tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count(" left: ") == 1
    assert {path.stat().st_mtime_ns == times[path] for path in runs[1:]} == {True}
    assert runs[0].exists()


@pytest.mark.skipif(not _SERVER, reason="NEGATRON_SERVER_BINARY names no negatrond")
def test_every_model_loss_and_split_runs(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("matplotlib")
    result = _run(tmp_path, "--splits=all", "--models=all", "--losses=all", "--seeds=1",
                  "--epochs=1", "--samplers=uniform,popularity-as-of", "--transfers=none")
    assert result.returncode == 0, result.stdout + result.stderr
    studies = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["studies"]
    assert len({study["title"] for study in studies}) == 2 * 2 * 3


def test_bad_arguments_are_told(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("matplotlib")
    result = _run(tmp_path, "--samplers=uniform,luck")
    assert result.returncode == 2 and "`luck`" in result.stderr
    result = _run(tmp_path, f"--data={tmp_path}/none.csv")
    assert result.returncode == 2 and "none.csv" in result.stderr
