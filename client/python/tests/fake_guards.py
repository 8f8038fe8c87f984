# SPDX-License-Identifier: Apache-2.0
"""What rows of the fake server must not get beside their exclusions, by enumeration."""

from __future__ import annotations

from typing import Any

import fake_laws
import numpy as np

from negatron.v1 import collections_pb2, pool_pb2, sampling_pb2


def tags(
    catalogue: fake_laws.Catalogue, policy: Any, row: fake_laws.Row, known: np.ndarray
) -> np.ndarray:
    """The `DrawTag`s of each item: why it is uncertain, if it is not among the `known`."""
    result = np.zeros(catalogue.count, np.uint8)
    first: dict[int, int] = {}
    for when, item in catalogue.history.get(row.user, ()):
        first[item] = min(when, first.get(item, when))
    horizon = policy.history_horizon.ToMicroseconds()
    for item, when in first.items():
        if horizon > 0 and row.t <= when <= row.t + horizon:
            result[item] |= sampling_pb2.DRAW_TAG_IN_HORIZON
    if policy.HasField("min_distance"):
        newest = sorted((-when, item) for item, when in first.items() if when < row.t)
        positives = [item for _, item in newest[: policy.min_distance.history_count]]
        for item in [row.positive] + positives:
            if item >= 0 and catalogue.has_vector[item]:
                near = _distances(catalogue, item) < policy.min_distance.distance
                result[near & catalogue.has_vector] |= sampling_pb2.DRAW_TAG_NEAR_POSITIVE
    result[known] = 0
    return result


def _distances(catalogue: fake_laws.Catalogue, item: int) -> np.ndarray:
    vector = catalogue.vectors[item]
    if catalogue.proto.embedding_settings.metric == collections_pb2.EMBEDDING_METRIC_L2:
        return np.sqrt(((catalogue.vectors - vector) ** 2).sum(axis=1))
    norms = np.linalg.norm(catalogue.vectors, axis=1) * np.linalg.norm(vector)
    return np.where(norms > 0, 1 - catalogue.vectors @ vector / np.maximum(norms, 1e-30), np.inf)


def passing(catalogue: fake_laws.Catalogue, component: Any, row: fake_laws.Row) -> np.ndarray:
    """Which items pass the filters of a component."""
    wanted = component.category_filter
    result = np.array(
        [
            (not wanted.any_of or not some.isdisjoint(wanted.any_of))
            and some.issuperset(wanted.all_of)
            and some.isdisjoint(wanted.none_of)
            for some in catalogue.categories
        ],
        bool,
    )
    if component.HasField("plausibility"):
        plausible = component.plausibility
        mass_of = sampling_pb2.PopularitySource()
        if plausible.HasField("half_life"):
            mass_of.half_life.CopyFrom(plausible.half_life)
        before = catalogue.items[catalogue.times < row.t]
        counts = np.bincount(before, minlength=catalogue.count)
        result &= catalogue.popularity(mass_of, row) >= plausible.min_mass
        result &= counts >= plausible.min_positive_count
        shown = [
            e.item for e in catalogue.events
            if e.kind == pool_pb2.EVENT_KIND_EXPOSURE and e.time < row.t
        ]
        result &= (
            np.bincount(np.array(shown, np.int64), minlength=catalogue.count)
            >= plausible.min_exposure_count
        )
    if component.HasField("score_bounds"):
        bounds = component.score_bounds
        anchor = fake_laws.anchor(catalogue, bounds, row)
        if anchor is None:
            return result & False
        scores = catalogue.scores(anchor)
        within = fake_laws.within_bounds(catalogue, bounds, row, scores)
        result &= catalogue.has_vector & (False if within is None else within)
    return result
