# SPDX-License-Identifier: Apache-2.0
"""Stored policies of the fake server, and their schedules. It knows neither arms nor turns."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import fake_controllers
import grpc
from fake_state import CallError, FakeCollection, invalid
from google.protobuf import empty_pb2

from negatron import Nearest, Policy, Popularity, Uniform
from negatron.v1 import policies_pb2, stored_policies_pb2

_HARD = Nearest(window=(10, 110))
_BUILT_IN = {
    "uniform": Policy.mix((1, Uniform())),
    "popular": Policy.mix((1, Popularity())),
    "hard": Policy.mix((1, _HARD)),
    "balanced": Policy.mix((0.5, Uniform()), (0.25, Popularity()), (0.25, _HARD)),
}


@dataclasses.dataclass
class Line:
    """The versions of a policy, by number."""

    versions: dict[int, stored_policies_pb2.StoredPolicy] = dataclasses.field(default_factory=dict)
    last: int = 0


def _aborted() -> CallError:
    return CallError(
        grpc.StatusCode.ABORTED, "another version is the latest", reason="POLICY_VERSION_MISMATCH"
    )


def _find(server: Any, name: str, field: str) -> tuple[FakeCollection, str, int]:
    collection, _, policy = name.partition("/policies/")
    policy, _, version = policy.partition("@")
    if not policy:
        raise invalid(field, "collections/{id}/policies/{id} is expected")
    return server.find(collection, field), policy, int(version or 0)


def _built_in(name: str, policy: str) -> stored_policies_pb2.StoredPolicy:
    return stored_policies_pb2.StoredPolicy(
        name=name.partition("@")[0],
        version=1,
        policy=_BUILT_IN[policy].to_proto(),
        built_in=True,
    )


def _changeable(c: FakeCollection, policy: str, request: Any) -> Line:
    if policy in _BUILT_IN:
        raise CallError(
            grpc.StatusCode.FAILED_PRECONDITION, "built in", reason="POLICY_BUILT_IN"
        )
    line = c.policies.setdefault(policy, Line())
    latest = max(line.versions, default=0)
    if request.HasField("expected_version") and request.expected_version != latest:
        raise _aborted()
    return line


def put(server: Any, request: Any) -> Any:
    c, policy, _ = _find(server, request.name, "name")
    bad = [
        f"policy.components[{i}].share"
        for i, component in enumerate(request.policy.components)
        if not 0 <= component.share < math.inf
    ]
    if bad or not request.policy.components:
        raise invalid(bad[0] if bad else "policy.components", "is wrong")
    key = (request.name, request.request_id)
    if request.request_id and key in c.puts:
        return c.puts[key]
    line = _changeable(c, policy, request)
    latest = line.versions.get(line.last)
    if latest is None or latest.policy != request.policy:
        line.last += 1
        latest = stored_policies_pb2.StoredPolicy(
            name=request.name, version=line.last, policy=request.policy
        )
        latest.create_time.GetCurrentTime()
        line.versions[line.last] = latest
        c.sequence += 1
    c.puts[key] = latest
    return latest


def find(server: Any, name: str, field: str = "name") -> stored_policies_pb2.StoredPolicy:
    c, policy, version = _find(server, name, field)
    if policy in _BUILT_IN and version in (0, 1):
        return _built_in(name, policy)
    versions = c.policies.get(policy, Line()).versions
    version = version or max(versions, default=0)
    if version not in versions:
        raise CallError(grpc.StatusCode.NOT_FOUND, "no policy", reason="POLICY_NOT_FOUND")
    return versions[version]


def _page(response: Any, policies: list[Any], request: Any) -> Any:
    begin = int(request.page_token or 0)
    end = begin + (request.page_size or 100)
    response.policies.extend(policies[begin:end])
    response.next_page_token = str(end) if end < len(policies) else ""
    return response


def list_all(server: Any, request: Any) -> Any:
    c = server.find(request.collection, "collection")
    names = sorted([*_BUILT_IN, *(name for name, line in c.policies.items() if line.versions)])
    found = [find(server, f"{request.collection}/policies/{name}") for name in names]
    return _page(stored_policies_pb2.ListPoliciesResponse(), found, request)


def list_versions(server: Any, request: Any) -> Any:
    latest = find(server, request.name)
    c, policy, _ = _find(server, request.name, "name")
    versions = c.policies[policy].versions if policy in c.policies else {1: latest}
    newest_first = [versions[number] for number in sorted(versions, reverse=True)]
    return _page(stored_policies_pb2.ListPolicyVersionsResponse(), newest_first, request)


def delete(server: Any, request: Any) -> Any:
    c, policy, _ = _find(server, request.name, "name")
    line = _changeable(c, policy, request)
    if not line.versions and not request.allow_missing:
        raise CallError(grpc.StatusCode.NOT_FOUND, "no policy", reason="POLICY_NOT_FOUND")
    line.versions.clear()
    return empty_pb2.Empty()


METHODS = {
    "PutPolicy": put,
    "GetPolicy": lambda server, request: find(server, request.name),
    "ListPolicies": list_all,
    "ListPolicyVersions": list_versions,
    "DeletePolicy": delete,
}


def _at(schedule: policies_pb2.Schedule, progress: float) -> float:
    points = [(point.progress, point.value) for point in schedule.points]
    before = [point for point in points if point[0] <= progress]
    behind = [point for point in points if point[0] > progress]
    if not before or not behind:
        return points[0][1] if not before else points[-1][1]
    (a, low), (b, high) = before[-1], behind[0]
    way = (progress - a) / (b - a)
    if schedule.interpolation == policies_pb2.INTERPOLATION_COSINE:
        way = (1 - math.cos(math.pi * way)) / 2
    if schedule.interpolation == policies_pb2.INTERPOLATION_STEPS:
        way = 0
    return low + (high - low) * way


def resolve(server: Any, request: Any) -> tuple[Any, str, int]:
    """The request with its policy inline and without schedules; the stored policy's name, version."""
    resolved = type(request)()
    resolved.CopyFrom(fake_controllers.steer(server, request))
    follows = False
    name, version = "", 0
    if request.policy_name:
        stored = find(server, request.policy_name, "policy_name")
        name, version = f"{stored.name}@{stored.version}", stored.version
        resolved.policy.CopyFrom(stored.policy)
    for component in resolved.policy.components:
        for message in (component, getattr(component, component.WhichOneof("source") or "uniform")):
            for field in message.DESCRIPTOR.fields:
                if field.name.endswith("_schedule") and message.HasField(field.name):
                    if not resolved.HasField("progress"):
                        raise invalid("progress", "is required")
                    follows = True
                    number = _at(getattr(message, field.name), resolved.progress)
                    plain = field.name[: -len("_schedule")]
                    ranks = {"rank_begin": math.floor, "rank_end": math.ceil}
                    setattr(message, plain, ranks.get(plain, float)(number))
                    message.ClearField(field.name)
    if request.controller and not follows:
        raise invalid("controller", "would steer nothing")
    return resolved, name, version


def sampled(server: Any, request: Any, draw: Any) -> Any:
    """What `draw` answers to the resolved request, with the policy's name and version."""
    resolved, name, version = resolve(server, request)
    response = draw(resolved)
    fake_controllers.tell(request, resolved, response)
    response.policy_name = name
    response.snapshot.policy_version = version
    return response
