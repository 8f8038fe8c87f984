# SPDX-License-Identifier: Apache-2.0
"""What the client itself makes of outcomes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import negatron
from fake_server import Faults
from negatron import ComponentOutcomes, Schedule, Uniform
from negatron.controllers import sum_outcomes

_CURRICULUM = negatron.Policy.mix((Schedule.linear((0, 1), (1, 0.5)), Uniform()), (1, Uniform()))


def _sample(client: negatron.Client, **settings: Any) -> negatron.Sample:
    client.create_collection("films")
    client.write_items("films", np.arange(20))
    client.put_controller("films", "k", target_rate=0.25, start_output=0.5)
    return client.sample("films", 3, policy=_CURRICULUM, controller="k", rows=2, **settings)


def test_outcomes_are_summed_without_padding(client: negatron.Client) -> None:
    sample = dataclasses.replace(
        _sample(client),
        components=np.array([[0, 1, 1], [1, 255, 255]], np.uint8),
        drawn_counts=np.array([3, 1]),
    )
    violations = np.array([[True, True, False], [True, True, True]])
    hardness = np.array([[1, 2, 3], [4, np.nan, np.nan]])
    assert sum_outcomes(violations, sample, hardness) == [
        ComponentOutcomes(0, 1, 1, 1.0), ComponentOutcomes(1, 3, 2, 9.0)
    ]
    unnamed = dataclasses.replace(sample, components=None)
    assert sum_outcomes(violations, unnamed, None) == [ComponentOutcomes(0, 4, 3)]
    assert sum_outcomes(violations, None, None) == [ComponentOutcomes(0, 6, 5)]
    with pytest.raises(ValueError):
        sum_outcomes(violations.ravel(), sample, None)
    with pytest.raises(ValueError):
        sum_outcomes(violations, sample, hardness[0])


def test_a_block_counts_what_is_a_negative_of_its_row(client: negatron.Client) -> None:
    _sample(client)
    shared = client.sample_shared(
        "films", 4, policy=_CURRICULUM, controller="k", rows=2,
        exclusions=[np.arange(20), []], seed=1,
    )
    sums = sum_outcomes(np.ones((2, 4), bool), shared, None)
    assert sum(one.outcome_count for one in sums) == 4


def test_a_report_needs_a_progress_and_outcomes(client: negatron.Client) -> None:
    sample = _sample(client)
    violations = np.zeros((2, 3), bool)
    plain = client.sample("films", 3, policy=Uniform(), rows=2)
    for wrong in (
        ((), {"violations": violations}),
        ((sample,), {"violations": violations, "progress": 0.5}),
        ((sample,), {}),
        ((sample,), {"hardness": np.zeros((2, 3)), "outcomes": [ComponentOutcomes(0, 1, 0)]}),
        ((plain,), {"violations": violations}),
    ):
        with pytest.raises(ValueError):
            client.report_outcomes("films", "k", *wrong[0], **wrong[1])


def test_a_repeated_report_has_the_id_of_the_first(
    client: negatron.Client, faults: Faults
) -> None:
    import grpc

    sample = _sample(client)
    faults.failures = [(grpc.StatusCode.UNAVAILABLE, None)]
    faults.after_work = True
    report = client.report_outcomes("films", "k", sample, violations=np.zeros((2, 3), bool))
    assert report.replayed and report.controller.report_count == 1
    assert faults.requests[-1].request_id == faults.requests[-2].request_id != ""
    assert faults.requests[-1].progress_time.ToDatetime().year > 2000
