# SPDX-License-Identifier: Apache-2.0
"""Policies: which sources draw a row's negatives, and in which shares.

    Policy.mix((0.5, Uniform()), (0.3, Popularity()), (0.2, Nearest(window=(0, 100))))

Mistakes raise TypeError or ValueError here, before anything is sent.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Optional, Union

from negatron.v1 import sampling_pb2

_MAX_RANK = 10_000
_MAX_COMPONENTS = 16
_PICKS = {
    "uniform": sampling_pb2.NEAREST_PICK_UNIFORM,
    "softmax": sampling_pb2.NEAREST_PICK_SOFTMAX,
    "top": sampling_pb2.NEAREST_PICK_TOP,
}
_ANCHORS = {
    "query": sampling_pb2.NEAREST_ANCHOR_QUERY,
    "positive": sampling_pb2.NEAREST_ANCHOR_POSITIVE,
}


@dataclasses.dataclass(frozen=True)
class Uniform:
    """Items alive at the row's time, each with the same probability."""


@dataclasses.dataclass(frozen=True)
class Popularity:
    """Items by the decayed mass of their events before the row's time."""


@dataclasses.dataclass(frozen=True)
class Nearest:
    """Items whose embeddings score highest against an anchor.

    Attributes:
      window: ranks [begin, end) among the items that may be drawn, end in [1, 10000].
      pick: "uniform" or "softmax" (with replacement), or "top" (in order of rank).
      anchor: "query" (the row's vector in `queries`) or "positive" (its positive's embedding).
      temperature: of "softmax", in units of the score; None for the other picks.
    """

    window: tuple[int, int] = (0, 100)
    pick: str = "uniform"
    anchor: str = "query"
    temperature: Optional[float] = None

    def __post_init__(self) -> None:
        begin, end = self.window
        if not 0 <= begin < end <= _MAX_RANK:
            raise ValueError(
                f"window: 0 <= begin < end <= {_MAX_RANK} is expected, not {self.window}"
            )
        if self.pick not in _PICKS:
            raise ValueError(f"pick: one of {sorted(_PICKS)} is expected, not {self.pick!r}")
        if self.anchor not in _ANCHORS:
            raise ValueError(f"anchor: one of {sorted(_ANCHORS)} is expected, not {self.anchor!r}")
        if self.pick == "softmax":
            if self.temperature is None or not 0 < self.temperature < math.inf:
                raise ValueError("temperature: pick 'softmax' needs a positive, finite one")
        elif self.temperature is not None:
            raise ValueError(f"temperature: pick {self.pick!r} takes none")


Source = Union[Uniform, Popularity, Nearest]


@dataclasses.dataclass(frozen=True)
class Policy:
    """Sources with their shares, 1 to 16 of them; shares are scaled to a sum of 1."""

    components: tuple[tuple[float, Source], ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.components) <= _MAX_COMPONENTS:
            raise ValueError(f"a policy has 1 to {_MAX_COMPONENTS} components")
        for share, source in self.components:
            if not isinstance(source, (Uniform, Popularity, Nearest)):
                raise TypeError(
                    f"a source is Uniform(), Popularity() or Nearest(...), not {source!r}"
                )
            if not (share >= 0 and math.isfinite(share)):
                raise ValueError(f"a share is finite and not negative, not {share}")
        if sum(share for share, _ in self.components) <= 0:
            raise ValueError("at least one share must be positive")

    @classmethod
    def mix(cls, *components: tuple[float, Source]) -> "Policy":
        """Makes a policy of (share, source) pairs."""
        return cls(tuple(components))

    def to_proto(self) -> sampling_pb2.Policy:
        return sampling_pb2.Policy(
            components=[_component(share, source) for share, source in self.components]
        )


def as_policy(policy: Union[Policy, Source]) -> Policy:
    """Lets a single source stand for the policy that draws everything from it."""
    return policy if isinstance(policy, Policy) else Policy(((1.0, policy),))


def _component(share: float, source: Source) -> sampling_pb2.PolicyComponent:
    component = sampling_pb2.PolicyComponent(share=share)
    if isinstance(source, Uniform):
        component.uniform.SetInParent()
    elif isinstance(source, Popularity):
        component.popularity.SetInParent()
    else:
        component.nearest.CopyFrom(
            sampling_pb2.NearestSource(
                anchor=_ANCHORS[source.anchor],
                rank_begin=source.window[0],
                rank_end=source.window[1],
                pick=_PICKS[source.pick],
                temperature=source.temperature or 0.0,
            )
        )
    return component
