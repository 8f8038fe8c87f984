# SPDX-License-Identifier: Apache-2.0
"""The samplers that are compared, and the numbers that are tuned for each.

An arm turns parameters into a `Setup`: what the server is asked. Parameters of every arm are those
of `shared_space` and those of its own `space`; a further one changes a single aspect of any arm,
for ablations: `as_of`, `lives`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, Callable, Mapping, Optional, Union

from negatron import Adversarial, AhnsTarget, Dynamic, Exposure, Nearest, Policy, Popularity
from negatron import Schedule, Uniform

Parameters = Mapping[str, Any]
Space = Mapping[str, tuple[Any, ...]]

HALF_LIVES_DAYS = (0, 3, 7, 14, 28)  # 0: no decay. Collections list them.
DEFAULT_HALF_LIFE_DAYS = 14  # Of collections, and so of the built-in policies.
# Popularity with an exponent is that of the last whole multiple of this. Arms as of rows have no
# exponent: it takes a pass over all items for each distinct time of a call.
GRID = dt.timedelta(days=7)
_HORIZON_DAYS = (0, 3650)  # Whether what the user chooses later, in training, is left out.


@dataclasses.dataclass(frozen=True)
class Setup:
    """What is asked for each batch."""

    policy: Union[str, Policy]
    as_of: str = "row"  # "row": each row as of its time; "end": all as of the end of training.
    lives: str = "events"  # Items live "always", or from their first training "events" on.
    queries: bool = False  # Whether a source is anchored on the queries.
    schedule: bool = False  # Whether the policy follows the progress of the training.
    target_rate: Optional[float] = None  # Of violations, which a controller holds.


@dataclasses.dataclass(frozen=True)
class Arm:
    """A sampler. `start` is tried first, the rest of the budget goes to draws from `space`."""

    name: str
    build: Callable[[Parameters], Setup]
    space: Space = dataclasses.field(default_factory=dict)
    start: Parameters = dataclasses.field(default_factory=dict)
    baseline: bool = False  # What a data loader does without the service.
    log_q: bool = True  # Whether it has a log q to correct a sampled softmax with.
    needs_exposures: bool = False

    def setup(self, parameters: Parameters) -> Setup:
        """Builds, and applies what an ablation changes."""
        changes = {name: parameters[name] for name in ("as_of", "lives") if name in parameters}
        return dataclasses.replace(self.build(parameters), **changes)


def shared_space(loss: str) -> Space:
    """What is tuned for every arm alike."""
    return {
        "rate": (0.05, 0.1),
        "regularisation": (0.05, 0.1, 0.2, 0.4),
        "negatives": (8, 16, 32) if loss == "softmax" else (4, 8, 16),
    }


def shared_start(loss: str) -> Parameters:
    """The first try of every arm."""
    return {"rate": 0.1, "regularisation": 0.1, "negatives": 16 if loss == "softmax" else 4}


def _policy(parameters: Parameters, *components: Any, fallback: bool = False) -> Policy:
    days = parameters.get("horizon_days", 0)
    return Policy.mix(
        *((share, source) for share, source in components
          if isinstance(share, Schedule) or share > 0),
        history_horizon=dt.timedelta(days=days) if days else None,
        fallback=Uniform() if fallback else None,
    )


def _popularity(parameters: Parameters) -> Popularity:
    return Popularity(
        alpha=parameters.get("alpha", 1.0),
        half_life=dt.timedelta(days=parameters["half_life_days"]),
    )


def _base(parameters: Parameters) -> Union[Uniform, Popularity]:
    return _popularity(parameters) if parameters["base"] == "popularity" else Uniform()


def _window(parameters: Parameters, pick: str = "uniform") -> Nearest:
    begin = parameters["window_begin"]
    return Nearest(
        window=(begin, begin + parameters["window_width"]), pick=pick,
        margin=parameters.get("margin"),
    )


def _static(policy: Policy) -> Setup:
    return Setup(policy, as_of="end", lives="always")


def _uniform(parameters: Parameters) -> Setup:
    return _static(_policy(parameters, (1, Uniform())))


def _popularity_static(parameters: Parameters) -> Setup:
    fixed = {"alpha": 0.75, "half_life_days": 0, **parameters}
    return _static(_policy(fixed, (1, _popularity(fixed))))


def _uniform_as_of(parameters: Parameters) -> Setup:
    return Setup(_policy(parameters, (1, Uniform())))


def _popularity_as_of(parameters: Parameters) -> Setup:
    return Setup(_policy(parameters, (1, _popularity(parameters))))


def _dynamic(parameters: Parameters, **picking: Any) -> Setup:
    pool = min(parameters["negatives"] * parameters["pool_factor"], 1024)
    source = Dynamic(_base(parameters), pool, **picking)
    return Setup(_policy(parameters, (1, source), fallback=True), queries=True)


def _dns(parameters: Parameters) -> Setup:
    return _dynamic(parameters, pick="top", top_count=parameters["negatives"])


def _dns_mn(parameters: Parameters) -> Setup:
    count = parameters["negatives"] * max(parameters["pool_factor"] // 4, 1)
    return _dynamic(parameters, pick="uniform", top_count=count)


def _ahns(parameters: Parameters) -> Setup:
    target = AhnsTarget(parameters["ahns_alpha"], parameters["ahns_beta"], parameters["ahns_p"])
    return _dynamic(parameters, pick="ahns", target=target)


def _hard_window(parameters: Parameters) -> Setup:
    return Setup(_policy(parameters, (1, _window(parameters)), fallback=True), queries=True)


def _adversarial(parameters: Parameters) -> Setup:
    source = Adversarial(parameters["temperature"])
    return Setup(_policy(parameters, (1, source)), queries=True)


def _mix(hard: Callable[[Parameters], Any]) -> Callable[[Parameters], Setup]:
    """Uniform, popularity as of the row, and a hard source."""

    def build(parameters: Parameters) -> Setup:
        share, popular = parameters["hard_share"], parameters["popular_share"]
        return Setup(_policy(
            parameters, (1 - share - popular, Uniform()), (popular, _popularity(parameters)),
            (share, hard(parameters)),
        ), queries=True)

    return build


def _mix_schedule(parameters: Parameters) -> Setup:
    """The hard share rises from 0 over the training, at the cost of uniform."""
    share, popular = parameters["hard_share"], parameters["popular_share"]
    return Setup(_policy(
        parameters,
        (Schedule.linear((0, 1 - popular), (1, 1 - share - popular)), Uniform()),
        (popular, _popularity(parameters)),
        (Schedule.linear((0, 0), (1, share)), _window(parameters)),
    ), queries=True, schedule=True)


def _mix_controller(parameters: Parameters) -> Setup:
    """A controller moves between no hard negatives and nothing but them, beside popularity."""
    popular = parameters["popular_share"]
    return Setup(_policy(
        parameters,
        (Schedule.linear((0, 1 - popular), (1, 0)), Uniform()),
        (popular, _popularity(parameters)),
        (Schedule.linear((0, 0), (1, 1 - popular)), _window(parameters)),
    ), queries=True, target_rate=parameters["target_rate"])


def _built_in(name: str) -> Callable[[Parameters], Setup]:
    return lambda parameters: Setup(name, queries=True)


def _exposure(parameters: Parameters) -> Setup:
    share = parameters["exposure_share"]
    return Setup(_policy(
        parameters, (1 - share, Uniform()), (share, Exposure()), fallback=True
    ))


_WHEN = {"horizon_days": _HORIZON_DAYS}
_WHEN_POPULAR = {**_WHEN, "half_life_days": HALF_LIVES_DAYS[1:]}
_POOL = {**_WHEN_POPULAR, "base": ("uniform", "popularity"), "pool_factor": (4, 8, 16)}
_RANKS = {"window_begin": (0, 20, 100), "window_width": (100, 300, 1000)}
_SHARES = {"hard_share": (0.1, 0.2, 0.4), "popular_share": (0.1, 0.3, 0.5)}
_START = {"horizon_days": 3650, "half_life_days": 14}
_START_POOL = {**_START, "base": "uniform", "pool_factor": 8}
_START_RANKS = {"window_begin": 20, "window_width": 180}
_START_MIX = {**_START, **_START_RANKS, "hard_share": 0.1, "popular_share": 0.3}

ARMS: dict[str, Arm] = {arm.name: arm for arm in (
    Arm("uniform", _uniform, baseline=True),
    Arm("popularity", _popularity_static, baseline=True),
    Arm("uniform-as-of", _uniform_as_of, _WHEN, {"horizon_days": 3650}),
    Arm("popularity-as-of", _popularity_as_of, _WHEN_POPULAR, _START),
    Arm("dns", _dns, _POOL, _START_POOL, log_q=False),
    Arm("dns-mn", _dns_mn, _POOL, _START_POOL, log_q=False),
    Arm("ahns", _ahns,
        {**_POOL, "ahns_alpha": (0.5, 1.0, 2.0), "ahns_beta": (0.1, 0.5, 1.0),
         "ahns_p": (-2.0, -1.0, 0.0)},
        {**_START_POOL, "ahns_alpha": 1.0, "ahns_beta": 0.5, "ahns_p": -2.0}, log_q=False),
    Arm("window-margin", _hard_window, {**_WHEN, **_RANKS, "margin": (0.0, 0.1, 0.5)},
        {"horizon_days": 3650, **_START_RANKS, "margin": 0.1}, log_q=False),
    Arm("adversarial", _adversarial, {**_WHEN, "temperature": (0.1, 0.3, 1.0, 3.0)},
        {"horizon_days": 3650, "temperature": 1.0}),
    Arm("mix", _mix(_window), {**_WHEN_POPULAR, **_RANKS, **_SHARES}, _START_MIX, log_q=False),
    Arm("mix-adversarial", _mix(lambda p: Adversarial(p["temperature"])),
        {**_WHEN_POPULAR, **_SHARES, "temperature": (0.1, 0.3, 1.0, 3.0)},
        {**_START, "hard_share": 0.1, "popular_share": 0.3, "temperature": 1.0}),
    Arm("mix-schedule", _mix_schedule, {**_WHEN_POPULAR, **_RANKS, **_SHARES},
        {**_START_MIX, "hard_share": 0.2}, log_q=False),
    Arm("mix-controller", _mix_controller,
        {**_WHEN_POPULAR, **_RANKS, "popular_share": _SHARES["popular_share"],
         "target_rate": (0.1, 0.2, 0.3)},
        {**_START_MIX, "target_rate": 0.2}, log_q=False),
    Arm("balanced", _built_in("balanced"), log_q=False),
    Arm("exposure", _exposure, {**_WHEN, "exposure_share": (0.1, 0.3, 0.5)},
        {"horizon_days": 3650, "exposure_share": 0.3}, needs_exposures=True),
)}


@dataclasses.dataclass(frozen=True)
class Ablation:
    """`arm` as it was tuned, with one aspect changed: what that aspect alone does."""

    name: str
    arm: str
    changes: Parameters


# Lives and popularity are told as of the rows' times: "as of the end" is without time altogether.
# Popularity draws only what has events before the row, so that lives change nothing there.
ABLATIONS: tuple[Ablation, ...] = (
    Ablation("uniform, lives on", "uniform",
             {"as_of": "row", "lives": "events", "horizon_days": 3650}),
    Ablation("uniform-as-of, lives off", "uniform-as-of", {"lives": "always"}),
    Ablation("popularity-as-of, as of the end", "popularity-as-of", {"as_of": "end"}),
    Ablation("popularity-as-of, as of the end, no decay", "popularity-as-of",
             {"as_of": "end", "half_life_days": 0}),
    Ablation("mix, lives off", "mix", {"lives": "always"}),
    Ablation("mix, as of the end, lives off", "mix", {"as_of": "end", "lives": "always"}),
)


# Shares (popularity, hard; the rest is uniform) that are tried for the built-in `balanced`, all else
# being as it is there: no horizon, ranks 10 to 110, the collection's half-life.
SWEEP: tuple[tuple[float, float], ...] = tuple(
    (popular, hard) for popular in (0.0, 0.25, 0.5, 0.75) for hard in (0.0, 0.1, 0.25, 0.5)
    if popular + hard <= 1
)


def swept(popular: float, hard: float) -> Parameters:
    """What makes `mix` the policy `balanced` with other shares."""
    return {"popular_share": popular, "hard_share": hard, "horizon_days": 0, "window_begin": 10,
            "window_width": 100, "half_life_days": DEFAULT_HALF_LIFE_DAYS}


def usable(arm: Arm, loss: str, has_exposures: bool) -> bool:
    """Whether the arm has what the loss and the data ask for."""
    return (arm.log_q or loss != "softmax") and (has_exposures or not arm.needs_exposures)


def describe(setup: Setup) -> str:
    """One line for tables and logs."""
    if isinstance(setup.policy, str):
        return f"built-in policy {setup.policy}"
    return ", ".join(f"{share} {source}" for share, source in setup.policy.components)


