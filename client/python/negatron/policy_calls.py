# SPDX-License-Identifier: Apache-2.0
"""Calls for stored policies."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from typing import Any, Iterator, Optional, Union

from negatron import columns, guards, policies
from negatron.base import BaseClient, collection_name
from negatron.policies import AnyPolicy, Policy, Source
from negatron.schedules import Experiment, Rotation, get_number
from negatron.v1 import sampling_pb2, stored_policies_pb2


@dataclasses.dataclass(frozen=True)
class StoredPolicy:
    """A version of a stored policy; `id` is the part of its name after `policies/`."""

    id: str
    version: int
    policy: AnyPolicy
    create_time: Optional[dt.datetime]  # None: built in.
    built_in: bool

    @property
    def pinned(self) -> str:
        """What names this version for ever: "name@3"."""
        return f"{self.id}@{self.version}"

    @classmethod
    def from_proto(cls, proto: stored_policies_pb2.StoredPolicy) -> "StoredPolicy":
        created = None
        if proto.HasField("create_time"):
            created = columns.timestamp_to_datetime(proto.create_time)
        return cls(
            proto.name.rpartition("/")[2],
            proto.version,
            policy_from_proto(proto.policy),
            created,
            proto.built_in,
        )


class PolicyCalls(BaseClient):
    """Policies that are stored with a collection, in versions that never change.

    Beside those that are put there, every collection has "uniform", "popular", "hard" and
    "balanced", which cannot be changed.
    """

    def put_policy(
        self,
        collection: str,
        name: str,
        policy: Union[AnyPolicy, Source],
        *,
        expected_version: Optional[int] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> StoredPolicy:
        """Adds the next version of a policy, unless it equals the latest; returns that version.

        Args:
          name: 1 to 63 characters of `[a-z0-9-]`, a letter first.
          expected_version: the version that must be the latest; 0: there must be none.
          request_id: of a repetition of this call; None: a new one.

        Raises:
          InvalidArgument: names everything that is wrong with the policy.
          Aborted: another version than `expected_version` is the latest.
          FailedPrecondition: the policy is built in.
        """
        request = stored_policies_pb2.PutPolicyRequest(
            name=_name(collection, name),
            policy=policies.as_policy(policy).to_proto(),
            expected_version=expected_version,
            request_id=uuid.uuid4().hex if request_id is None else request_id,
        )
        proto = self._call(lambda s: s.policies.PutPolicy, request, timeout)
        return StoredPolicy.from_proto(proto)

    def get_policy(
        self, collection: str, name: str, *, timeout: Optional[float] = None
    ) -> StoredPolicy:
        """Returns the latest version of "name", or that of "name@3"; raises `NotFound`."""
        request = stored_policies_pb2.GetPolicyRequest(name=_name(collection, name))
        proto = self._call(lambda s: s.policies.GetPolicy, request, timeout)
        return StoredPolicy.from_proto(proto)

    def list_policies(
        self, collection: str, *, page_size: int = 0, timeout: Optional[float] = None
    ) -> Iterator[StoredPolicy]:
        """Iterates over the latest versions of all policies, also those built in, by name."""
        request = stored_policies_pb2.ListPoliciesRequest(
            collection=collection_name(collection), page_size=page_size
        )
        for page in self._pages(lambda s: s.policies.ListPolicies, request, timeout):
            yield from map(StoredPolicy.from_proto, page.policies)

    def list_policy_versions(
        self, collection: str, name: str, *, page_size: int = 0, timeout: Optional[float] = None
    ) -> Iterator[StoredPolicy]:
        """Iterates over the versions of a policy, the latest first."""
        request = stored_policies_pb2.ListPolicyVersionsRequest(
            name=_name(collection, name), page_size=page_size
        )
        for page in self._pages(lambda s: s.policies.ListPolicyVersions, request, timeout):
            yield from map(StoredPolicy.from_proto, page.policies)

    def delete_policy(
        self,
        collection: str,
        name: str,
        *,
        expected_version: Optional[int] = None,
        allow_missing: bool = False,
        timeout: Optional[float] = None,
    ) -> None:
        """Deletes a policy with all its versions; raises `NotFound` unless `allow_missing`."""
        request = stored_policies_pb2.DeletePolicyRequest(
            name=_name(collection, name),
            expected_version=expected_version,
            allow_missing=allow_missing,
        )
        self._call(lambda s: s.policies.DeletePolicy, request, timeout, retry=allow_missing)


def _name(collection: str, name: str) -> str:
    return policies.policy_name(collection_name(collection), name)


def policy_from_proto(proto: sampling_pb2.Policy) -> AnyPolicy:
    """The reverse of `to_proto`."""
    if proto.HasField("experiment"):
        return Experiment(
            proto.experiment.name,
            {a.name: (a.weight, policy_from_proto(a.policy)) for a in proto.experiment.arms},
        )
    if proto.HasField("rotation"):
        turns = tuple((t.length, policy_from_proto(t.policy)) for t in proto.rotation.turns)
        if proto.rotation.HasField("period"):
            return Rotation(turns, period=proto.rotation.period.ToTimedelta())
        return Rotation(turns, cycles=proto.rotation.cycle_count)
    return Policy(
        tuple((get_number(c, "share"), _source_from_proto(c)) for c in proto.components),
        unique=proto.unique,
        category_cap=proto.category_cap or None,
        positive_floor=_optional(proto, "positive_floor"),
        fallback=_source_from_proto(proto.fallback) if proto.HasField("fallback") else None,
        **guards.read(proto),
    )


def _optional(proto: Any, field: str) -> Any:
    return getattr(proto, field) if proto.HasField(field) else None


def _span(proto: Any, field: str) -> Optional[dt.timedelta]:
    return getattr(proto, field).ToTimedelta() if proto.HasField(field) else None


def _source_from_proto(component: sampling_pb2.PolicyComponent) -> Source:
    source: Source = guards.read_filters(component, _unfiltered_from_proto(component))
    return source


def _unfiltered_from_proto(component: sampling_pb2.PolicyComponent) -> Source:
    kind = component.WhichOneof("source")
    category = component.category or None
    proto = getattr(component, kind)
    if kind in ("uniform", "popularity"):
        return _base_from_proto(kind, proto, category)
    if kind == "exposure":
        return policies.Exposure(
            _span(proto, "half_life"), proto.max_importance_weight or None, category
        )
    if kind == "mined":
        return policies.Mined(_span(proto, "half_life"), category)
    anchor = guards.anchor_name(proto.anchor)
    temperature: Any = get_number(proto, "temperature") or None
    if kind == "adversarial":
        return policies.Adversarial(temperature, anchor, category)
    if kind == "nearest":
        return policies.Nearest(
            window=(get_number(proto, "rank_begin"), get_number(proto, "rank_end")),
            pick=policies.pick_name(proto),
            anchor=anchor,
            temperature=temperature,
            category=category,
            **guards.read_bounds(proto),
            noise=get_number(proto, "noise"),
        )
    base = proto.WhichOneof("base") or "uniform"
    target = proto.target
    return policies.Dynamic(
        base=_base_from_proto(base, getattr(proto, base), None),
        pool_size=proto.pool_size,
        pick=policies.pick_name(proto),
        top_count=proto.top_count or None,
        anchor=anchor,
        temperature=temperature,
        target=policies.AhnsTarget(target.alpha, target.beta, target.p)
        if proto.HasField("target")
        else None,
        category=category,
    )


def _base_from_proto(
    kind: str, proto: Any, category: Optional[str]
) -> Union[policies.Uniform, policies.Popularity]:
    if kind == "uniform":
        return policies.Uniform(proto.by_base_weight, category)
    return policies.Popularity(
        alpha=proto.alpha if proto.HasField("alpha") else 1.0,
        half_life=_span(proto, "half_life"),
        window=_span(proto, "window"),
        within_cohort=proto.within_cohort,
        cohort=_optional(proto, "cohort"),
        category=category,
    )
