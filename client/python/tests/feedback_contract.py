# SPDX-License-Identifier: Apache-2.0
"""What any server must answer about controllers, and to samples by them.

Each function takes a ready client and a collection id of its own.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

import negatron
from negatron import ComponentOutcomes, Policy, Popularity, Schedule, StopRule, Uniform

_DAY = 86_400_000_000
_CURRICULUM = Policy.mix(
    (Schedule.linear((0, 1), (1, 0)), Uniform()), (Schedule.linear((0, 0), (1, 1)), Popularity())
)


def _make(client: negatron.Client, cid: str) -> None:
    client.create_collection(cid, missing_item_rule=negatron.MissingItemRule.CREATE)
    client.write_events(cid, np.full(8, 100), np.arange(1, 9), np.arange(8))


def controllers_keep_settings_and_state(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    made = client.put_controller(cid, "k", target_rate=0.25, min_output=0.125)
    assert (made.id, made.output, made.start_output) == ("k", 0.125, 0.125)
    assert (made.gain, made.slope, made.max_step, made.max_output) == (0.4, 8.0, 0.05, 1.0)
    assert (made.smoothing_outcomes, made.stale_distance, made.stale_after) == (1000, 0.25, None)
    assert made.smoothed_rate is None and made.stop_signal is None and not made.stop_suggested
    client.report_outcomes(
        cid, "k", progress=0.125, outcomes=[ComponentOutcomes(0, 1000, 0)]
    )
    moved = client.get_controller(cid, "k")
    # w = 1/2, e = 0.25 / 0.1875.
    assert moved.output == pytest.approx(0.125 + 0.5 * 0.4 * (0.25 / 0.1875) / 8)
    changed = client.put_controller(
        cid, "k", target_rate=0.25, stale_after=dt.timedelta(seconds=5), stop_rule=StopRule(4)
    )
    assert (changed.output, changed.report_count) == (moved.output, 1)
    assert (changed.stale_after, changed.stop_rule) == (dt.timedelta(seconds=5), StopRule(4))
    anew = client.put_controller(cid, "k", target_rate=0.25, restart=True)
    assert (anew.output, anew.report_count, anew.totals) == (0.0, 0, ())
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.put_controller(cid, "k", target_rate=2, gain=0)
    assert [v.field for v in caught.value.field_violations] == [
        "settings.target_rate", "settings.gain"
    ]


def controllers_are_listed_and_deleted(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    for name in ("b", "a", "k"):
        client.put_controller(cid, name, target_rate=0.25)
    assert [c.id for c in client.list_controllers(cid, page_size=2)] == ["a", "b", "k"]
    client.delete_controller(cid, "b")
    with pytest.raises(negatron.NotFound):
        client.delete_controller(cid, "b")
    client.delete_controller(cid, "b", allow_missing=True)
    with pytest.raises(negatron.NotFound):
        client.get_controller(cid, "b")
    with pytest.raises(negatron.NotFound):
        client.report_outcomes(cid, "b", progress=0.5, outcomes=[ComponentOutcomes(0, 1, 0)])
    assert [c.id for c in client.list_controllers(cid)] == ["a", "k"]


def reports_count_once_and_stale_ones_move_nothing(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    client.put_controller(cid, "k", target_rate=0.25, start_output=0.5)
    sums = [ComponentOutcomes(2, 100, 10, 5.0), ComponentOutcomes(0, 50, 0)]
    first = client.report_outcomes(cid, "k", progress=0.5, outcomes=sums, request_id="step-1")
    again = client.report_outcomes(cid, "k", progress=0.5, outcomes=sums, request_id="step-1")
    assert (first.stale, first.replayed, again.replayed) == (False, False, True)
    assert again.controller == first.controller
    assert first.controller.totals == (
        ComponentOutcomes(0, 50, 0), ComponentOutcomes(2, 100, 10, 5.0, 100)
    )
    stale = client.report_outcomes(cid, "k", progress=1.0, outcomes=sums)
    assert stale.stale and stale.controller.stale_report_count == 1
    assert stale.controller.output == first.controller.output
    assert stale.controller.totals[1].outcome_count == 200
    with pytest.raises(negatron.InvalidArgument) as caught:
        client.report_outcomes(cid, "k", progress=0.5, outcomes=[ComponentOutcomes(0, 1, 2)])
    assert [v.field for v in caught.value.field_violations] == ["outcomes[0].violation_count"]


def samples_follow_a_controller(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    client.put_controller(cid, "k", target_rate=0.25, start_output=0.5)
    rows = {"row_keys": np.arange(50), "as_of": np.full(50, _DAY), "seed": 3}
    sample = client.sample(cid, 4, policy=_CURRICULUM, controller="k", **rows)
    assert (sample.progress, sample.controller) == (0.5, "k")
    assert sample.progress_time is not None
    again = client.sample(cid, 4, policy=_CURRICULUM, progress=sample.progress, **rows)
    assert (again.items == sample.items).all() and np.allclose(again.log_q, sample.log_q)
    assert (again.progress, again.controller, again.progress_time) == (0.5, "", None)
    shared = client.sample_shared(
        cid, 8, policy=_CURRICULUM, controller="k", rows=2, as_of=np.datetime64(_DAY, "us"), seed=1
    )
    assert (shared.progress, shared.controller) == (0.5, "k")
    report = client.report_outcomes(
        cid, "k", sample, violations=np.ones((50, 4), bool), hardness=np.full((50, 4), 0.5)
    )
    assert not report.stale and report.controller.output < 0.5
    counts = {t.component: t.outcome_count for t in report.controller.totals}
    assert counts == {i: int((sample.components == i).sum()) for i in (0, 1)}
    assert sum(t.hardness_sum or 0 for t in report.controller.totals) == pytest.approx(100)
    assert client.report_outcomes(cid, "k", shared, violations=shared.mask).stale is False
    for wrong in (
        {"policy": Uniform(), "controller": "k"},
        {"policy": _CURRICULUM, "controller": "k", "progress": 0.5},
    ):
        with pytest.raises(negatron.InvalidArgument) as caught:
            client.sample(cid, 4, **wrong, **rows)
        assert [v.field for v in caught.value.field_violations] == ["controller"]
    with pytest.raises(negatron.NotFound):
        client.sample(cid, 4, policy=_CURRICULUM, controller="none", **rows)


def an_end_is_suggested_when_nothing_moves(client: negatron.Client, cid: str) -> None:
    _make(client, cid)
    client.put_controller(cid, "k", target_rate=0.25, start_output=0.5, stop_rule=StopRule(4))
    suggested = []
    for loss in (8.0, 4.0, 2.0, 2.0, 2.0, 2.0):
        report = client.report_outcomes(
            cid, "k", progress=0.5, outcomes=[ComponentOutcomes(0, 100, 25, 100 * loss)]
        )
        suggested.append(report.controller.stop_suggested)
    assert suggested == [False, False, False, False, False, True]
    signal = report.controller.stop_signal
    assert signal is not None and signal.report_count == 4
    assert (signal.rate_change, signal.output_change, signal.hardness_change) == (0, 0, 0)
    assert report.controller.smoothed_rate == 0.25


CASES = (
    controllers_keep_settings_and_state,
    controllers_are_listed_and_deleted,
    reports_count_once_and_stale_ones_move_nothing,
    samples_follow_a_controller,
    an_end_is_suggested_when_nothing_moves,
)
