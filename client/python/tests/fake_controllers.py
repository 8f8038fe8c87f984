# SPDX-License-Identifier: Apache-2.0
"""Controllers of the fake server, by the law that feedback.proto states."""

from __future__ import annotations

import math
import time
from typing import Any

import grpc
from fake_state import CallError, FakeCollection, invalid
from google.protobuf import empty_pb2

from negatron.v1 import feedback_pb2

_DEFAULTS = {
    "gain": 0.4, "slope": 8.0, "max_step": 0.05, "min_output": 0.0, "max_output": 1.0,
    "stale_distance": 0.25,
}
_TOLERANCES = {"rate_tolerance": 0.02, "output_tolerance": 0.01, "hardness_tolerance": 0.02}


class FakeController:
    """A controller, and the reports that its stop rule looks at: (output, n, violations, sums)."""

    def __init__(self, name: str, settings: feedback_pb2.ControllerSettings) -> None:
        self.proto = feedback_pb2.Controller(
            name=name, settings=settings, output=settings.start_output
        )
        self.proto.create_time.GetCurrentTime()
        self.recent: list[tuple[float, int, int, int, float]] = []

    def told(self) -> feedback_pb2.Controller:
        proto, settings = self.proto, self.proto.settings
        proto.saturation = feedback_pb2.SATURATION_NONE
        rate = proto.smoothed_rate if proto.HasField("smoothed_rate") else settings.target_rate
        if proto.output <= settings.min_output and rate > settings.target_rate:
            proto.saturation = feedback_pb2.SATURATION_LOW
        if proto.output >= settings.max_output and rate < settings.target_rate:
            proto.saturation = feedback_pb2.SATURATION_HIGH
        if settings.HasField("stop_rule"):
            proto.stop_signal.CopyFrom(self._signal(settings.stop_rule))
        copy = feedback_pb2.Controller()
        copy.CopyFrom(proto)
        return copy

    def _signal(self, rule: feedback_pb2.StopRule) -> feedback_pb2.StopSignal:
        signal = feedback_pb2.StopSignal(report_count=len(self.recent))
        if len(self.recent) < rule.report_count:
            return signal
        middle = rule.report_count // 2
        halves = [
            [sum(column) for column in zip(*part)]
            for part in (self.recent[:middle], self.recent[middle:])
        ]
        signal.rate_change = halves[1][2] / halves[1][1] - halves[0][2] / halves[0][1]
        signal.output_change = (halves[1][0] - halves[0][0]) / middle
        flat = abs(signal.rate_change) <= rule.rate_tolerance
        flat = flat and abs(signal.output_change) <= rule.output_tolerance
        if halves[0][3] and halves[1][3]:
            before, behind = (half[4] / half[3] for half in halves)
            scale = max(abs(before), abs(behind))
            signal.hardness_change = behind - before
            signal.relative_hardness_change = (behind - before) / scale if scale else 0.0
            flat = flat and abs(signal.relative_hardness_change) <= rule.hardness_tolerance
        signal.stop_suggested = flat
        return signal

    def take(self, request: Any) -> bool:
        """Takes a report; returns whether it was stale."""
        proto, settings = self.proto, self.proto.settings
        proto.report_count += 1
        proto.last_report_time.GetCurrentTime()
        totals = {t.component_index: t for t in proto.totals}
        n = violations = hard = 0
        hardness = 0.0
        for sums in request.outcomes:
            own_hard = sums.hardness_count or sums.outcome_count
            own_hard = own_hard if sums.HasField("hardness_sum") else 0
            total = totals.get(sums.component_index)
            if total is None:
                total = proto.totals.add(component_index=sums.component_index)
                totals[sums.component_index] = total
            total.outcome_count += sums.outcome_count
            total.violation_count += sums.violation_count
            if own_hard:
                total.hardness_count += own_hard
                total.hardness_sum += sums.hardness_sum
            n, violations = n + sums.outcome_count, violations + sums.violation_count
            hard, hardness = hard + own_hard, hardness + sums.hardness_sum
        proto.totals.sort(key=lambda t: t.component_index)
        stale = abs(request.progress - proto.output) > settings.stale_distance
        if settings.HasField("stale_after") and request.HasField("progress_time"):
            age = time.time() - request.progress_time.ToMicroseconds() / 1e6
            stale = stale or age > settings.stale_after.ToMicroseconds() / 1e6
        proto.stale_report_count += stale
        if stale or n == 0:
            return stale
        rate, weight = violations / n, n / (n + settings.smoothing_outcomes)
        before = proto.smoothed_rate if proto.HasField("smoothed_rate") else rate
        proto.smoothed_rate = before + weight * (rate - before)
        self.recent.append((proto.output, n, violations, hard, hardness))
        kept = settings.stop_rule.report_count
        self.recent = self.recent[-kept:] if kept else []
        target = settings.target_rate
        error = (target - rate) / (target * (1 - target))
        step = weight * settings.gain * (
            error / settings.slope + request.progress - proto.output
        )
        step = min(max(step, -settings.max_step), settings.max_step)
        proto.output = min(
            max(proto.output + step, settings.min_output), settings.max_output
        )
        return False


def _split(server: Any, name: str, field: str) -> tuple[FakeCollection, str]:
    collection, _, controller = name.partition("/controllers/")
    if not controller or "/" in controller:
        raise invalid(field, "collections/{id}/controllers/{id} is expected")
    return server.find(collection, field), controller


def _find(server: Any, name: str, field: str = "name") -> FakeController:
    c, controller = _split(server, name, field)
    if controller not in c.controllers:
        raise CallError(grpc.StatusCode.NOT_FOUND, "no controller", reason="CONTROLLER_NOT_FOUND")
    found: FakeController = c.controllers[controller]
    return found


def _complete(settings: feedback_pb2.ControllerSettings) -> None:
    """Fills in defaults; raises what is wrong."""
    for field, value in _DEFAULTS.items():
        if not settings.HasField(field):
            setattr(settings, field, value)
    if not settings.HasField("start_output"):
        settings.start_output = settings.min_output
    settings.smoothing_outcomes = settings.smoothing_outcomes or 1000
    if settings.HasField("stop_rule"):
        for field, value in _TOLERANCES.items():
            if not settings.stop_rule.HasField(field):
                setattr(settings.stop_rule, field, value)
    good = {
        "target_rate": 0.001 <= settings.target_rate <= 0.999,
        "gain": 0 < settings.gain <= 1,
        "slope": 0.1 <= settings.slope <= 1000,
        "max_output": settings.min_output < settings.max_output <= 1,
    }
    bad = [(f"settings.{field}", "is out of range") for field, ok in good.items() if not ok]
    if bad:
        raise CallError(grpc.StatusCode.INVALID_ARGUMENT, "the request is not valid", *bad)


def put(server: Any, request: Any) -> Any:
    c, name = _split(server, request.name, "name")
    settings = feedback_pb2.ControllerSettings()
    settings.CopyFrom(request.settings)
    _complete(settings)
    known = c.controllers.get(name)
    if known is None or request.restart:
        known = c.controllers[name] = FakeController(request.name, settings)
    elif known.proto.settings == settings:
        return known.told()
    known.proto.settings.CopyFrom(settings)
    known.proto.output = min(max(known.proto.output, settings.min_output), settings.max_output)
    known.proto.update_time.GetCurrentTime()
    c.sequence += 1
    return known.told()


def list_all(server: Any, request: Any) -> Any:
    c = server.find(request.collection, "collection")
    names = sorted(c.controllers)
    begin = int(request.page_token or 0)
    end = begin + (request.page_size or 100)
    return feedback_pb2.ListControllersResponse(
        controllers=[c.controllers[name].told() for name in names[begin:end]],
        next_page_token=str(end) if end < len(names) else "",
    )


def delete(server: Any, request: Any) -> Any:
    c, name = _split(server, request.name, "name")
    if not request.allow_missing:
        _find(server, request.name)
    c.controllers.pop(name, None)
    return empty_pb2.Empty()


def report(server: Any, request: Any) -> Any:
    controller = _find(server, request.name)
    if not (request.HasField("progress") and 0 <= request.progress <= 1):
        raise invalid("progress", "is required, in [0, 1]")
    for i, sums in enumerate(request.outcomes):
        if not 0 <= sums.violation_count <= sums.outcome_count:
            raise invalid(f"outcomes[{i}].violation_count", "is out of range")
        if not math.isfinite(sums.hardness_sum):
            raise invalid(f"outcomes[{i}].hardness_sum", "is not finite")
    c, _ = _split(server, request.name, "name")
    key = (request.name, request.request_id)
    replayed = bool(request.request_id) and key in c.puts
    stale = c.puts[key] if replayed else controller.take(request)
    if not replayed:
        c.puts[key] = stale
        c.sequence += 1
    return feedback_pb2.ReportOutcomesResponse(
        controller=controller.told(), stale=stale, replayed=replayed
    )


def steer(server: Any, request: Any) -> Any:
    """The request with the output of its controller as its progress."""
    if not request.controller:
        return request
    if request.HasField("progress"):
        raise invalid("controller", "is refused together with `progress`")
    steered = type(request)()
    steered.CopyFrom(request)
    steered.progress = _find(server, request.controller, "controller").proto.output
    return steered


def tell(request: Any, steered: Any, response: Any) -> None:
    """Writes the progress of a steered request into its response."""
    if steered.HasField("progress"):
        response.progress = steered.progress
    if request.controller:
        response.controller = request.controller
        response.progress_time.GetCurrentTime()


METHODS = {
    "PutController": put,
    "GetController": lambda server, request: _find(server, request.name).told(),
    "ListControllers": list_all,
    "DeleteController": delete,
    "ReportOutcomes": report,
}
