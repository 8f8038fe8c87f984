# SPDX-License-Identifier: Apache-2.0
"""Calls that account for what was drawn."""

from __future__ import annotations

import datetime as dt
from typing import Iterator, Optional, Union

import numpy as np

from negatron import columns, policies
from negatron.accounts import Audit, Explanation, Replay, explanation_from_proto
from negatron.base import BaseClient, collection_name
from negatron.columns import Ids, Instant
from negatron.v1 import accounts_pb2, sampling_pb2


class AccountCalls(BaseClient):
    """Explanations, and the audit log."""

    def explain(
        self,
        collection: str,
        items: Ids,
        *,
        policy: Union[str, policies.AnyPolicy, policies.Source],
        user: Union[int, str, None] = None,
        positive: Union[int, str, None] = None,
        exclusions: Optional[Ids] = None,
        as_of: Optional[Instant] = None,
        row_key: Optional[int] = None,
        query: Optional[np.ndarray] = None,
        cohort: Optional[int] = None,
        min_model_version: int = 0,
        max_staleness: Optional[dt.timedelta] = None,
        staleness_as_of: Optional[Instant] = None,
        progress: Optional[float] = None,
        seed: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Explanation:
        """Tells what items are to a row, and with which probability each source draws them.

        Under the same snapshot the numbers are those that `sample` reports for the row. The seed
        and the key of the row count only for noise and pools.

        Args:
          items: 1 to 1,000 items; those that are not known are explained as such.
          user, positive, exclusions, query, ...: of the row, as one row of `sample`.

        Raises:
          InvalidArgument: names what is wrong, fields of the row as `sample....`.
          others: as `sample`.
        """
        row = sampling_pb2.SampleNegativesRequest(
            collection=collection_name(collection),
            row_count=1,
            min_model_version=min_model_version,
            progress=progress,
            seed=seed,
            encoding=self._item_encoding(collection, timeout),
        )
        policies.fill_policy(row, policy)
        if user is not None:
            row.user_ids.CopyFrom(columns.ids_to_column(_one(user), "user"))
        if positive is not None:
            row.positive_ids.CopyFrom(columns.ids_to_column(_one(positive), "positive"))
        if exclusions is not None:
            row.exclusions.CopyFrom(columns.ragged_to_proto([exclusions], "exclusions"))
        if as_of is not None:
            row.as_of_time.CopyFrom(columns.instant_to_timestamp(as_of, "as_of"))
        if row_key is not None:
            row.row_keys.CopyFrom(columns.int64_to_column([row_key], "row_key"))
        if query is not None:
            row.queries.CopyFrom(columns.matrix_to_proto(np.asarray(query)[None, :], "query"))
        if cohort is not None:
            row.cohorts.raw = columns.small_array([cohort], "cohort").tobytes()
        if max_staleness is not None:
            row.max_staleness.FromTimedelta(max_staleness)
        if staleness_as_of is not None:
            row.staleness_as_of_time.CopyFrom(
                columns.instant_to_timestamp(staleness_as_of, "staleness_as_of")
            )
        request = accounts_pb2.ExplainNegativesRequest(
            sample=row, item_ids=columns.ids_to_column(items, "items")
        )
        proto = self._call(lambda s: s.accounts.ExplainNegatives, request, timeout)
        return explanation_from_proto(proto, np.asarray(items))

    def list_audits(
        self,
        collection: str,
        *,
        policy: Optional[str] = None,
        start: Optional[Instant] = None,
        end: Optional[Instant] = None,
        page_size: int = 0,
        timeout: Optional[float] = None,
    ) -> Iterator[Audit]:
        """Iterates over kept calls, the newest first, without their requests and samples.

        Args:
          policy: only those by this stored policy, "name" or "name@3".
          start, end: only those that were kept in [start, end).
        """
        name = collection_name(collection)
        request = accounts_pb2.ListAuditsRequest(collection=name, page_size=page_size)
        if policy is not None:
            request.policy_name = policies.policy_name(name, policy)
        if start is not None:
            request.start_time.CopyFrom(columns.instant_to_timestamp(start, "start"))
        if end is not None:
            request.end_time.CopyFrom(columns.instant_to_timestamp(end, "end"))
        for page in self._pages(lambda s: s.accounts.ListAudits, request, timeout):
            yield from map(Audit.from_proto, page.audits)

    def get_audit(
        self, collection: str, audit: str, *, timeout: Optional[float] = None
    ) -> Audit:
        """Returns a kept call with its request and sample, by its id; raises `NotFound`."""
        request = accounts_pb2.GetAuditRequest(
            name=_name(collection, audit), encoding=self._item_encoding(collection, timeout)
        )
        return Audit.from_proto(self._call(lambda s: s.accounts.GetAudit, request, timeout))

    def replay_audit(
        self, collection: str, audit: str, *, timeout: Optional[float] = None
    ) -> Replay:
        """Draws again what a kept call drew, and compares every byte.

        Raises:
          FailedPrecondition: the collection, its index or the server is not as it was.
          NotFound: there is no such call (any more).
        """
        request = accounts_pb2.ReplayAuditRequest(name=_name(collection, audit))
        proto = self._call(lambda s: s.accounts.ReplayAudit, request, timeout)
        if proto.equal:
            return Replay(True)
        found = proto.difference
        return Replay(False, found.column, found.index, found.kept, found.replayed)


def _name(collection: str, audit: str) -> str:
    return audit if "/" in audit else f"{collection_name(collection)}/audits/{audit}"


def _one(value: Union[int, str]) -> Ids:
    """A column of one id."""
    if isinstance(value, str):
        return [value]
    return [value]
