# SPDX-License-Identifier: Apache-2.0
"""The parts for PyTorch, against the fake server."""

from __future__ import annotations

import math
import os
import pathlib
from typing import Any

import grpc
import numpy as np
import pytest

import negatron
from fake_server import Faults
from server_process import ServerProcess

torch = pytest.importorskip("torch", reason="PyTorch is not installed (python3-torch)")
nt = pytest.importorskip("negatron.torch")

# There are more workers here than processors.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

_ROWS = 50
_UNIFORM = negatron.Uniform()


def _fill(client: negatron.Client, **settings: Any) -> None:
    client.create_collection("films", **settings)
    client.write_items("films", np.arange(20))


def _sampler(client: negatron.Client, **settings: Any) -> Any:
    return nt.NegativeSampler(client, "films", 3, policy=_UNIFORM, seed=5, **settings)


# Losses.


def test_softmax_loss_matches_the_formula() -> None:
    positive, negative = torch.tensor([1.0, 2.0]), torch.tensor([[0.5, -1.0], [3.0, 0.0]])
    log_q = torch.tensor([[-1.0, -2.0], [-3.0, -0.5]])
    positive_log_q = torch.tensor([-0.7, -0.2])

    def expected(shift: float, positives: Any) -> float:
        total = 0.0
        for row in range(2):
            own = float(positive[row] - positives[row])
            others = [float(negative[row, k] - log_q[row, k]) - shift for k in range(2)]
            total += math.log(math.exp(own) + sum(map(math.exp, others))) - own
        return total / 2

    both = nt.sampled_softmax_loss(positive, negative, log_q, positive_log_q)
    assert float(both) == pytest.approx(expected(0.0, positive_log_q), rel=1e-5)
    one = nt.sampled_softmax_loss(positive, negative, log_q)
    assert float(one) == pytest.approx(expected(math.log(2), torch.zeros(2)), rel=1e-5)
    with pytest.raises(ValueError):
        nt.sampled_softmax_loss(positive, negative, None, positive_log_q)


def test_softmax_with_log_q_estimates_the_sum_over_all_items() -> None:
    # 200,000 draws from q: the relative error of the sum is 0.2% at one standard deviation.
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(30, generator=generator)
    q = torch.softmax(torch.randn(30, generator=generator), 0)
    draws = torch.multinomial(q, 200_000, replacement=True, generator=generator)
    loss = nt.sampled_softmax_loss(
        torch.tensor([0.3]), scores[draws][None], q[draws].log()[None]
    )
    exact = torch.logsumexp(torch.cat([torch.tensor([0.3]), scores]), 0) - 0.3
    assert float(loss) == pytest.approx(float(exact), abs=0.02)


def test_masked_negatives_take_no_part_even_if_they_are_nan() -> None:
    nan = float("nan")
    mask = torch.tensor([[True, False], [False, False]])
    positive = torch.tensor([1.0, 2.0], requires_grad=True)
    negative = torch.tensor([[0.5, nan], [nan, nan]], requires_grad=True)
    log_q = torch.tensor([[-1.0, nan], [nan, float("inf")]])
    for loss, alone in (
        (nt.sampled_softmax_loss(positive, negative, log_q, mask=mask),
         math.log(1 + math.exp(0.5 + 1.0 - 1.0))),
        # As the server has it, where a row has nothing to draw, not even its positive.
        (nt.sampled_softmax_loss(positive, negative, log_q, torch.tensor([-2.0, nan]), mask),
         math.log(1 + math.exp(0.5 + 1.0 - 1.0 - 2.0))),
        (nt.bpr_loss(positive, negative, mask=mask), math.log(1 + math.exp(-0.5))),
        (nt.margin_loss(positive, negative, 2.0, mask=mask), 1.5),
    ):
        assert float(loss) == pytest.approx(alone / 2, rel=1e-5)
        gradients = torch.autograd.grad(loss, [positive, negative])
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
        assert gradients[1][~mask].abs().sum() == 0
        assert gradients[1][0, 0] > 0


@pytest.mark.parametrize("loss", ["sampled_softmax_loss", "bpr_loss", "margin_loss"])
def test_wrong_shapes_are_refused(loss: str) -> None:
    function = getattr(nt, loss)
    with pytest.raises(ValueError):
        function(torch.zeros(3), torch.zeros(2, 4))
    with pytest.raises(ValueError):
        function(torch.zeros(2), torch.zeros(2, 4), mask=torch.ones(2, 4))


# The sampler.


def test_tensors_in_tensors_out(client: negatron.Client) -> None:
    _fill(client)
    users, positives = torch.arange(4), torch.tensor([1, 2, 3, 4])
    sampler = _sampler(client, outputs=("log_q", "positive_log_q"))
    negatives = sampler.sample(users=users, positives=positives, as_of=torch.full((4,), 9))
    assert negatives.items.shape == negatives.log_q.shape == negatives.mask.shape == (4, 3)
    assert (negatives.items.dtype, negatives.log_q.dtype) == (torch.int64, torch.float32)
    assert negatives.mask.all() and (negatives.items != positives[:, None]).all()
    assert negatives.positive_log_q.shape == (4,)
    negatives.items.add_(1)  # Tensors of their own.
    moved = negatives.to("cpu")
    assert (moved.items == negatives.items).all() and moved.sample is negatives.sample


def test_padding_indexes_a_table(client: negatron.Client) -> None:
    _fill(client)
    everything = [np.arange(20), np.arange(19)]
    negatives = _sampler(client).sample(exclusions=everything, rows=2)
    assert negatives.mask.any(dim=1).tolist() == [False, True]
    assert negatives.items.min() >= 0


def test_shared_blocks_have_log_q_by_row(client: negatron.Client) -> None:
    _fill(client)
    sampler = nt.NegativeSampler(client, "films", 8, policy=_UNIFORM, shared=True)
    negatives = sampler.sample(positives=torch.arange(5), as_of=9)
    assert negatives.items.shape == (8,)
    assert negatives.mask.shape == negatives.log_q.shape == (5, 8)
    assert torch.isinf(negatives.log_q[~negatives.mask]).all()
    loss = nt.sampled_softmax_loss(
        torch.zeros(5), torch.zeros(5, 8), negatives.log_q, mask=negatives.mask
    )
    assert torch.isfinite(loss)
    again = sampler.sample(positives=torch.arange(5), as_of=9)
    assert (again.items != negatives.items).any()  # Another block.


def test_draws_repeat_and_no_two_steps_share_them(client: negatron.Client) -> None:
    _fill(client)
    sampler = _sampler(client)

    def two_steps(epoch: int) -> list[Any]:
        sampler.set_epoch(epoch)
        return [sampler.sample(rows=30, as_of=9).items.tolist() for _ in range(2)]

    first = two_steps(0)
    assert first == two_steps(0)
    assert first[0] != first[1]
    assert first[0] != two_steps(1)[0]


def test_ranks_and_workers_have_draws_of_their_own(
    client: negatron.Client, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(client)
    seen = set()
    keys: set[int] = set()
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        _sampler(client).sample(rows=10, as_of=9)
        request = faults.requests[-1]
        seen.add(request.seed)
        keys |= set(np.frombuffer(request.row_keys.raw, "<i8").tolist())
    assert (len(seen), len(keys)) == (3, 30)


def test_calls_are_in_flight_while_training(client: negatron.Client, faults: Faults) -> None:
    _fill(client)
    sampler = _sampler(client, in_flight=3)
    started = []

    def rows(batch: int) -> dict[str, Any]:
        started.append(batch)
        return {"rows": 2, "as_of": 9}

    steps = sampler.over(range(6), rows)
    assert next(steps)[0] == 0
    assert started == [0, 1, 2]
    assert [batch for batch, _ in steps] == [1, 2, 3, 4, 5]
    assert sampler.waits.count == 6
    faults.gate.clear()
    abandoned = sampler.over(range(6), rows)
    faults.gate.set()
    next(abandoned)
    abandoned.close()  # Cancels two calls.


# The data set.


def _rows(count: int) -> dict[str, Any]:
    return {"users": np.arange(count), "positives": torch.arange(count) % 20,
            "as_of": np.full(count, 9)}


def _epoch(loader: Any) -> tuple[list[int], list[list[int]]]:
    index, items = [], []
    for batch in loader:
        assert (batch.columns["users"] == batch.index).all()
        assert (batch.negatives.items != batch.columns["positives"][:, None]).all()
        index += batch.index.tolist()
        items += batch.negatives.items.tolist()
    return index, items


def _loader(
    client: negatron.Client, workers: int, start: str, count: int = _ROWS, **settings: Any
) -> Any:
    dataset = nt.NegativeBatches(_sampler(client), _rows(count), batch_rows=8, **settings)
    return dataset, torch.utils.data.DataLoader(
        dataset, batch_size=None, num_workers=workers, persistent_workers=workers > 0,
        multiprocessing_context=start if workers else None,
    )


def test_epochs_are_the_same_however_workers_start(client: negatron.Client) -> None:
    _fill(client)
    dataset, loader = _loader(client, 0, "")
    expected = [_epoch(loader)]
    dataset.set_epoch(1)
    expected.append(_epoch(loader))
    assert sorted(expected[0][0]) == sorted(expected[1][0]) == list(range(_ROWS))
    assert expected[0][0] != expected[1][0]
    for workers, start in ((3, "fork"), (2, "spawn")):
        dataset, loader = _loader(client, workers, start)
        seen = [_epoch(loader)]
        dataset.set_epoch(1)  # Reaches workers that live on.
        assert [*seen, _epoch(loader)] == expected


def test_ranks_share_an_epoch(client: negatron.Client) -> None:
    _fill(client)
    parts = [_epoch(_loader(client, 0, "", rank=rank, world_size=3)[1]) for rank in range(3)]
    assert sorted(sum((index for index, _ in parts), [])) == list(range(_ROWS))
    assert len({len(_loader(client, 0, "", rank=r, world_size=3)[0]) for r in range(3)}) == 1
    with pytest.raises(ValueError):
        nt.NegativeBatches(_sampler(client), {"users": [1, 2, 3]}, batch_rows=1, world_size=2)
    with pytest.raises(ValueError):
        nt.NegativeBatches(_sampler(client), {"users": [1, 2], "positives": [1]})


def _killed_server_cases() -> list[Any]:
    binary = os.environ.get("NEGATRON_SERVER_BINARY", "")
    skip = pytest.mark.skipif(not binary, reason="NEGATRON_SERVER_BINARY is not set")
    return [pytest.param(start, marks=skip) for start in ("fork", "spawn")]


@pytest.mark.parametrize("start", _killed_server_cases())
def test_loader_outlasts_a_killed_server(start: str, tmp_path: pathlib.Path) -> None:
    server = ServerProcess(os.environ["NEGATRON_SERVER_BINARY"], tmp_path)
    try:
        with negatron.Client(server.target, timeout=60.0) as client:
            client.wait_until_ready()
            _fill(client)
            # 100 batches, of which the workers can be at most 28 ahead.
            expected = _epoch(_loader(client, 0, "", 800)[1])
            _, loader = _loader(client, 4, start, 800)
            index, items = [], []
            for number, batch in enumerate(loader):
                if number == 40:
                    server.kill_and_start()
                index += batch.index.tolist()
                items += batch.negatives.items.tolist()
            assert (index, items) == expected
    finally:
        server.process.kill()
        server.process.wait()


# The pusher.


def _table(rows: int = 20) -> Any:
    return torch.nn.Embedding(rows, 4, sparse=True)


def _embeddings(client: negatron.Client) -> Any:
    return torch.from_numpy(client.get_embeddings("films", np.arange(20))[0].copy())


def _touch(table: Any, rows: list[int]) -> None:
    optimizer = torch.optim.SGD([table.weight], lr=0.5)
    table(torch.tensor(rows)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def _pushed_rows(faults: Faults) -> list[int]:
    return [r.vectors.row_count for r in faults.requests if hasattr(r, "vectors")]


@pytest.mark.parametrize("sparse", [True, False])
def test_only_rows_with_a_gradient_are_pushed(
    client: negatron.Client, faults: Faults, sparse: bool
) -> None:
    _fill(client, dimension=4, metric=negatron.Metric.INNER_PRODUCT)
    table = torch.nn.Embedding(20, 4, sparse=sparse)
    pusher = nt.EmbeddingPusher(client, "films", table.weight)
    assert pusher.push(1)
    pusher.flush()
    _touch(table, [3, 7, 3])
    _touch(table, [7, 9])
    pusher.push(2)
    pusher.flush()
    pusher.push(3)  # Nothing has changed.
    pusher.touch([5])
    pusher.flush()
    pusher.push(4)
    pusher.close()
    assert _pushed_rows(faults) == [20, 3, 1]
    assert pusher.pushed_rows == 24
    assert torch.equal(_embeddings(client), table.weight.detach())


def test_rows_beyond_the_bound_are_pushed(client: negatron.Client, faults: Faults) -> None:
    _fill(client, dimension=4, metric=negatron.Metric.INNER_PRODUCT)
    table = torch.ones(20, 4)
    pusher = nt.EmbeddingPusher(client, "films", table, bound=0.1)
    pusher.push()
    pusher.flush()
    table[2] *= 1.05
    table[3] *= 1.2
    pusher.push()
    pusher.flush()
    table[2] *= 1.06  # Now far from what the server has.
    pusher.push()
    pusher.close()
    assert _pushed_rows(faults) == [20, 1, 1]
    assert torch.equal(_embeddings(client), table)


def test_a_push_under_way_leaves_rows_for_the_next(
    client: negatron.Client, faults: Faults
) -> None:
    _fill(client, dimension=4, metric=negatron.Metric.INNER_PRODUCT)
    table = _table()
    pusher = nt.EmbeddingPusher(client, "films", table.weight)
    faults.gate.clear()
    assert pusher.push(1)
    _touch(table, [1, 2])
    assert not pusher.push(2)
    assert pusher.skipped_pushes == 1
    faults.gate.set()
    pusher.flush()
    assert not torch.equal(_embeddings(client), table.weight.detach())
    assert pusher.push(3)
    pusher.close()
    assert torch.equal(_embeddings(client), table.weight.detach())


def test_a_failed_push_is_told_and_its_rows_stay_changed(
    client: negatron.Client, faults: Faults
) -> None:
    _fill(client, dimension=4, metric=negatron.Metric.INNER_PRODUCT)
    table = _table()
    pusher = nt.EmbeddingPusher(client, "films", table.weight)
    faults.failures = [(grpc.StatusCode.INTERNAL, None)]
    pusher.push(1)
    with pytest.raises(negatron.InternalError):
        pusher.flush()
    pusher.push(2)
    pusher.close()
    assert torch.equal(_embeddings(client), table.weight.detach())


def test_a_staged_push_replaces_the_whole_table(client: negatron.Client) -> None:
    _fill(client, dimension=4, metric=negatron.Metric.INNER_PRODUCT)
    table = _table()
    pusher = nt.EmbeddingPusher(client, "films", table.weight, staged=True)
    with pytest.raises(ValueError):
        pusher.push()
    pusher.push(10)
    pusher.flush()
    _touch(table, [4])
    pusher.push(20)
    pusher.flush()
    pusher.push(30)  # Nothing has changed.
    pusher.close()
    states = {v.model_version: v.state for v in client.list_embedding_versions("films")}
    assert states[20] == negatron.VersionState.COMMITTED and 30 not in states
    assert torch.equal(_embeddings(client), table.weight.detach())


# Feedback.


def test_violations_of_a_step_reach_the_controller(client: negatron.Client) -> None:
    _fill(client)
    client.put_controller("films", "k", target_rate=0.25, start_output=0.5)
    curriculum = negatron.Policy.mix(
        (negatron.Schedule.linear((0, 1), (1, 0.5)), _UNIFORM), (1, _UNIFORM)
    )
    sampler = nt.NegativeSampler(
        client, "films", 3, policy=curriculum, controller="k", outputs=("components",)
    )
    reporter = nt.OutcomeReporter(client, "films", "k", margin=1.0, in_flight=2)
    positive = torch.tensor([2.0, 0.0], requires_grad=True)
    negative = torch.tensor([[0.5, 1.0, 1.5], [-2.0, -1.0, 0.0]])
    for _ in range(4):
        negatives = sampler.sample(rows=2)
        reporter.report(negatives, positive, negative)
    reporter.close()
    controller = client.get_controller("films", "k")
    assert reporter.controller == controller and not reporter.stop_suggested
    assert controller.report_count == 4
    # Above 1 and above -1: one of each row.
    assert sum(t.violation_count for t in controller.totals) == 8
    assert sum(t.outcome_count for t in controller.totals) == 24
    assert sum(t.hardness_sum for t in controller.totals) == 0
    with pytest.raises(ValueError):
        nt.OutcomeReporter(client, "films", "k", margin=-1.0)


def test_a_report_that_fails_is_told(client: negatron.Client, faults: Faults) -> None:
    _fill(client)
    client.put_controller("films", "k", target_rate=0.25)
    negatives = _sampler(client).sample(rows=2)
    reporter = nt.OutcomeReporter(client, "films", "k")
    with pytest.raises(ValueError):
        reporter.report(negatives, torch.zeros(3), torch.zeros(2, 3))
    with pytest.raises(ValueError):  # Drawn without a progress; told as soon as it is known.
        reporter.report(negatives, torch.zeros(2), torch.zeros(2, 3))
        reporter.close()
