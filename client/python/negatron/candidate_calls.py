# SPDX-License-Identifier: Apache-2.0
"""Calls that return candidates for rules of the client's own."""

from __future__ import annotations

import datetime as dt
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from negatron import guards, policies, samples
from negatron.columns import Ids, Instant, Times
from negatron.sampling_calls import SamplingCalls
from negatron.transport import SampleFuture
from negatron.v1 import sampling_pb2


class CandidateCalls(SamplingCalls):
    """Candidates: negatives that a trainer mixes or chooses from."""

    def candidates(
        self,
        collection: str,
        candidate_count: int,
        *,
        policy: Union[str, policies.AnyPolicy, policies.Source],
        anchor: str = "query",
        vectors: bool = False,
        positive_vectors: bool = False,
        users: Optional[Ids] = None,
        positives: Optional[Ids] = None,
        exclusions: Optional[Sequence[Ids]] = None,
        as_of: Union[Times, Instant, None] = None,
        row_keys: Optional[np.ndarray] = None,
        queries: Optional[np.ndarray] = None,
        cohorts: Optional[np.ndarray] = None,
        min_model_version: int = 0,
        max_staleness: Optional[dt.timedelta] = None,
        staleness_as_of: Optional[Instant] = None,
        rows: Optional[int] = None,
        progress: Optional[float] = None,
        controller: Optional[str] = None,
        seed: Optional[int] = None,
        outputs: Optional[Sequence[str]] = None,
        as_numbers: bool = False,
        timeout: Optional[float] = None,
    ) -> samples.Candidates:
        """Draws distinct candidates for each row, scores and ranks them; with vectors if asked.

        They are the negatives that `sample` would draw with a `unique` policy, under the same law
        and as guarded; a row that may get fewer is SHORT. All scores are against one anchor,
        whatever drew, and rows are in order of them, highest first. Items without an embedding
        (as fresh as is demanded) stay candidates: they come last, with NaN for score and vector.
        In a row whose anchor has no embedding, all scores are NaN.

        Args:
          candidate_count: M, candidates a row; rows * M is at most 131,072. Vectors of a call have
            at most 524,288 values, where each counts for at least 8.
          anchor: "query", the row's vector in `queries`, or "positive" or "user", the embedding of
            the row's positive or user.
          vectors: whether to return the embeddings of the candidates.
          positive_vectors: whether to return those of the positives.
          others: as in `sample`; scores always come back.

        Raises:
          FailedPrecondition: the collection has no embeddings.
          others: as `sample`.
        """
        request, decode, deadline = self._prepare_candidates(
            anchor, vectors, positive_vectors, collection, candidate_count, policy, timeout,
            users=users, positives=positives, exclusions=exclusions, as_of=as_of,
            row_keys=row_keys, queries=queries, cohorts=cohorts,
            min_model_version=min_model_version, max_staleness=max_staleness,
            staleness_as_of=staleness_as_of, rows=rows, progress=progress, controller=controller,
            seed=seed, outputs=outputs, as_numbers=as_numbers,
        )
        return decode(self._transport.call(lambda s: s.sampling.GetCandidates, request, deadline))

    def candidates_async(
        self,
        collection: str,
        candidate_count: int,
        *,
        policy: Union[str, policies.AnyPolicy, policies.Source],
        anchor: str = "query",
        vectors: bool = False,
        positive_vectors: bool = False,
        users: Optional[Ids] = None,
        positives: Optional[Ids] = None,
        exclusions: Optional[Sequence[Ids]] = None,
        as_of: Union[Times, Instant, None] = None,
        row_keys: Optional[np.ndarray] = None,
        queries: Optional[np.ndarray] = None,
        cohorts: Optional[np.ndarray] = None,
        min_model_version: int = 0,
        max_staleness: Optional[dt.timedelta] = None,
        staleness_as_of: Optional[Instant] = None,
        rows: Optional[int] = None,
        progress: Optional[float] = None,
        controller: Optional[str] = None,
        seed: Optional[int] = None,
        outputs: Optional[Sequence[str]] = None,
        as_numbers: bool = False,
        timeout: Optional[float] = None,
    ) -> SampleFuture:
        """Starts what `candidates` does, with the same arguments, and returns its future."""
        request, decode, deadline = self._prepare_candidates(
            anchor, vectors, positive_vectors, collection, candidate_count, policy, timeout,
            users=users, positives=positives, exclusions=exclusions, as_of=as_of,
            row_keys=row_keys, queries=queries, cohorts=cohorts,
            min_model_version=min_model_version, max_staleness=max_staleness,
            staleness_as_of=staleness_as_of, rows=rows, progress=progress, controller=controller,
            seed=seed, outputs=outputs, as_numbers=as_numbers,
        )
        return SampleFuture(
            self._transport, lambda s: s.sampling.GetCandidates, request, deadline, decode
        )

    def _prepare_candidates(
        self, anchor: str, vectors: bool, positive_vectors: bool, *args: Any, **rows: Any
    ) -> tuple[sampling_pb2.GetCandidatesRequest, Callable[[Any], samples.Candidates], float]:
        sample, decode_sample, deadline = self._prepare(*args, **rows)
        request = sampling_pb2.GetCandidatesRequest(
            sample=sample,
            anchor=guards.anchor_number(anchor),
            include_candidate_vectors=vectors,
            include_positive_vectors=positive_vectors,
        )

        def decode(proto: sampling_pb2.GetCandidatesResponse) -> samples.Candidates:
            return samples.candidates_from_proto(proto, decode_sample(proto.sample))

        return request, decode, deadline
