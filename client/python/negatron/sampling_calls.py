# SPDX-License-Identifier: Apache-2.0
"""Calls that draw negatives."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from negatron import columns, controllers, policies, samples
from negatron.columns import Ids, Instant, Times
from negatron.base import collection_name
from negatron.pool_calls import PoolCalls
from negatron.transport import SampleFuture
from negatron.v1 import sampling_pb2

_OUTPUTS = {
    "log_q": sampling_pb2.SAMPLE_OUTPUT_LOG_Q,
    "log_q_source": sampling_pb2.SAMPLE_OUTPUT_LOG_Q_SOURCE,
    "components": sampling_pb2.SAMPLE_OUTPUT_COMPONENT,
    "scores": sampling_pb2.SAMPLE_OUTPUT_SCORE,
    "effective_shares": sampling_pb2.SAMPLE_OUTPUT_EFFECTIVE_SHARES,
    "reject_counts": sampling_pb2.SAMPLE_OUTPUT_REJECTS,
    "expected_counts": sampling_pb2.SAMPLE_OUTPUT_EXPECTED_COUNT,
    "importance_weights": sampling_pb2.SAMPLE_OUTPUT_IMPORTANCE_WEIGHT,
    "positive_log_q": sampling_pb2.SAMPLE_OUTPUT_POSITIVE_LOG_Q,
    "popularity_boundaries": sampling_pb2.SAMPLE_OUTPUT_POPULARITY_BOUNDARY,
    "rejects_by_cause": sampling_pb2.SAMPLE_OUTPUT_REJECTS_BY_CAUSE,
    "model_versions": sampling_pb2.SAMPLE_OUTPUT_MODEL_VERSION,
    "embedding_ages": sampling_pb2.SAMPLE_OUTPUT_EMBEDDING_AGE,
    "tags": sampling_pb2.SAMPLE_OUTPUT_TAGS,
    "rejects_by_all_causes": sampling_pb2.SAMPLE_OUTPUT_REJECTS_BY_ALL_CAUSES,
    "arms": sampling_pb2.SAMPLE_OUTPUT_ARM,
}


class SamplingCalls(PoolCalls):
    """Negatives. Needs `PoolCalls` to decode string ids."""

    def sample(
        self,
        collection: str,
        negative_count: int,
        *,
        policy: Union[str, policies.AnyPolicy, policies.Source],
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
    ) -> samples.Sample:
        """Draws `negative_count` negatives for each row, from one snapshot of the collection.

        Rows are evaluated as of their own times: events and histories strictly before them, alive
        intervals at them; embeddings are current. What befalls a single row is its status, not
        an error.

        Args:
          collection: which one.
          negative_count: K, negatives a row; rows * K is at most 131,072.
          policy: a `Policy`, one source, a `Rotation` or an `Experiment`; or a stored policy:
            "name" for its latest version, "name@3" for another.
          users: shape [rows]; their histories before the row's time are excluded.
          positives: shape [rows]; excluded.
          exclusions: for each row a sequence of further ids to exclude.
          as_of: times of the rows, shape [rows], or one instant for all; default: the server's
            clock.
          row_keys: shape [rows], int64 names of the rows; default: a hash of user, positive, time.
          queries: shape [rows, dimension], float32; anchors of `Nearest(anchor="query")`.
          cohorts: shape [rows], whole numbers in [0, 255], for `Popularity(within_cohort=True)`;
            default: 0 for each.
          min_model_version: `Nearest` and `Adversarial` draw only by embeddings of at least this
            version; others count as if they were not there.
          max_staleness: the same, of embeddings that were written at most this long before
            `staleness_as_of`; positive. Write times are kept to the second, rounded down.
          staleness_as_of: instant as of which embeddings have an age; default: the server's clock.
          rows: number of rows, needed only if nothing above tells it.
          progress: how far the training is, in [0, 1]; needed if the policy follows it.
          controller: name of a controller whose output is the progress, instead.
          seed: makes draws repeatable; default: chosen by the server and returned.
          outputs: names among "log_q", "log_q_source", "components", "scores",
            "effective_shares", "reject_counts", "expected_counts", "importance_weights",
            "positive_log_q", "popularity_boundaries", "rejects_by_cause", "model_versions",
            "embedding_ages", "tags", "rejects_by_all_causes", "arms"; default: the first three; ():
            only ids. Each is a field of `Sample`.
          as_numbers: for string ids, return the dictionary's int64 numbers, which are
            dense (0, 1, 2, ...) and need no decoding.

        Raises:
          InvalidArgument: names the fields and rows.
          NotFound: no such collection.
          FailedPrecondition: the policy wants embeddings that the collection cannot have.
        """
        request, decode, deadline = self._prepare(
            collection, negative_count, policy, timeout, users=users, positives=positives,
            exclusions=exclusions, as_of=as_of, row_keys=row_keys, queries=queries,
            cohorts=cohorts, min_model_version=min_model_version, max_staleness=max_staleness,
            staleness_as_of=staleness_as_of, rows=rows, progress=progress, controller=controller,
            seed=seed, outputs=outputs, as_numbers=as_numbers,
        )
        return decode(
            self._transport.call(lambda s: s.sampling.SampleNegatives, request, deadline)
        )

    def sample_async(
        self,
        collection: str,
        negative_count: int,
        *,
        policy: Union[str, policies.AnyPolicy, policies.Source],
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
        """Starts what `sample` does, with the same arguments, and returns its future.

        Keep two to four calls in flight while you train, so that the trainer never waits. The
        deadline counts from here; errors come from `SampleFuture.result`.
        """
        request, decode, deadline = self._prepare(
            collection, negative_count, policy, timeout, users=users, positives=positives,
            exclusions=exclusions, as_of=as_of, row_keys=row_keys, queries=queries,
            cohorts=cohorts, min_model_version=min_model_version, max_staleness=max_staleness,
            staleness_as_of=staleness_as_of, rows=rows, progress=progress, controller=controller,
            seed=seed, outputs=outputs, as_numbers=as_numbers,
        )
        return SampleFuture(
            self._transport, lambda s: s.sampling.SampleNegatives, request, deadline, decode
        )

    def _prepare(
        self,
        collection: str,
        negative_count: int,
        policy: Union[str, policies.AnyPolicy, policies.Source],
        timeout: Optional[float],
        *,
        users: Optional[Ids],
        positives: Optional[Ids],
        exclusions: Optional[Sequence[Ids]],
        as_of: Union[Times, Instant, None],
        row_keys: Optional[np.ndarray],
        queries: Optional[np.ndarray],
        cohorts: Optional[np.ndarray],
        min_model_version: int,
        max_staleness: Optional[dt.timedelta],
        staleness_as_of: Optional[Instant],
        rows: Optional[int],
        progress: Optional[float],
        controller: Optional[str],
        seed: Optional[int],
        outputs: Optional[Sequence[str]],
        as_numbers: bool,
    ) -> tuple[sampling_pb2.SampleNegativesRequest, Callable[[Any], samples.Sample], float]:
        deadline = self._transport.deadline(timeout)
        request = sampling_pb2.SampleNegativesRequest(
            collection=collection_name(collection),
            negative_count=negative_count,
            row_count=rows,
            progress=progress,
            seed=seed,
            outputs=_output_list(outputs),
            min_model_version=min_model_version,
        )
        policies.fill_policy(request, policy)
        _fill_controller(request, controller)
        _fill_rows(request, users, positives, exclusions, as_of)
        if row_keys is not None:
            request.row_keys.CopyFrom(columns.int64_to_column(row_keys, "row_keys"))
        if queries is not None:
            request.queries.CopyFrom(columns.matrix_to_proto(queries, "queries"))
        if cohorts is not None:
            request.cohorts.raw = columns.small_array(cohorts, "cohorts").tobytes()
        if max_staleness is not None:
            request.max_staleness.FromTimedelta(max_staleness)
        if staleness_as_of is not None:
            request.staleness_as_of_time.CopyFrom(
                columns.instant_to_timestamp(staleness_as_of, "staleness_as_of")
            )

        def decode(proto: sampling_pb2.SampleNegativesResponse) -> samples.Sample:
            items = self._decode_items(proto, collection, as_numbers, timeout, deadline)
            return samples.sample_from_proto(proto, negative_count, items)

        return request, decode, deadline

    def sample_shared(
        self,
        collection: str,
        negative_count: int,
        *,
        policy: Union[str, policies.AnyPolicy, policies.Source],
        users: Optional[Ids] = None,
        positives: Optional[Ids] = None,
        exclusions: Optional[Sequence[Ids]] = None,
        as_of: Union[Times, Instant, None] = None,
        negatives_time: Optional[Instant] = None,
        rows: Optional[int] = None,
        progress: Optional[float] = None,
        controller: Optional[str] = None,
        seed: Optional[int] = None,
        block_key: int = 0,
        as_numbers: bool = False,
        timeout: Optional[float] = None,
    ) -> samples.SharedSample:
        """Draws one block of `negative_count` negatives that all rows share.

        The block is drawn as of one time, without exclusions; for each row the result tells which
        of it is false: what `sample` would exclude, and what is not alive at the row's time.

        Args:
          negative_count: K, negatives of the block; rows * K is at most 16,777,216.
          policy: of `Uniform` and `Popularity`, not `within_cohort`, not `unique` or capped; or
            such a `Rotation`, or such a stored policy.
          others: as in `sample`.
          negatives_time: when the block is drawn; default: the earliest row's time, so that no row
            gets an item by events of its future.
          block_key: the caller's name for the block, the training step say: with a seed, blocks
            with other keys are others.

        Raises:
          FailedPrecondition: there is nothing to draw at `negatives_time`.
        """
        request, decode, deadline = self._prepare_shared(
            collection, negative_count, policy, timeout, users=users, positives=positives,
            exclusions=exclusions, as_of=as_of, negatives_time=negatives_time, rows=rows,
            progress=progress, controller=controller, seed=seed, block_key=block_key,
            as_numbers=as_numbers,
        )
        return decode(
            self._transport.call(lambda s: s.sampling.SampleSharedNegatives, request, deadline)
        )

    def sample_shared_async(
        self,
        collection: str,
        negative_count: int,
        *,
        policy: Union[str, policies.AnyPolicy, policies.Source],
        users: Optional[Ids] = None,
        positives: Optional[Ids] = None,
        exclusions: Optional[Sequence[Ids]] = None,
        as_of: Union[Times, Instant, None] = None,
        negatives_time: Optional[Instant] = None,
        rows: Optional[int] = None,
        progress: Optional[float] = None,
        controller: Optional[str] = None,
        seed: Optional[int] = None,
        block_key: int = 0,
        as_numbers: bool = False,
        timeout: Optional[float] = None,
    ) -> SampleFuture:
        """Starts what `sample_shared` does, with the same arguments, and returns its future."""
        request, decode, deadline = self._prepare_shared(
            collection, negative_count, policy, timeout, users=users, positives=positives,
            exclusions=exclusions, as_of=as_of, negatives_time=negatives_time, rows=rows,
            progress=progress, controller=controller, seed=seed, block_key=block_key,
            as_numbers=as_numbers,
        )
        return SampleFuture(
            self._transport, lambda s: s.sampling.SampleSharedNegatives, request, deadline, decode
        )

    def _prepare_shared(
        self,
        collection: str,
        negative_count: int,
        policy: Union[str, policies.AnyPolicy, policies.Source],
        timeout: Optional[float],
        *,
        users: Optional[Ids],
        positives: Optional[Ids],
        exclusions: Optional[Sequence[Ids]],
        as_of: Union[Times, Instant, None],
        negatives_time: Optional[Instant],
        rows: Optional[int],
        progress: Optional[float],
        controller: Optional[str],
        seed: Optional[int],
        block_key: int,
        as_numbers: bool,
    ) -> tuple[
        sampling_pb2.SampleSharedNegativesRequest, Callable[[Any], samples.SharedSample], float
    ]:
        deadline = self._transport.deadline(timeout)
        request = sampling_pb2.SampleSharedNegativesRequest(
            collection=collection_name(collection),
            negative_count=negative_count,
            row_count=rows,
            progress=progress,
            seed=seed,
            block_key=block_key,
        )
        policies.fill_policy(request, policy, shared=True)
        _fill_controller(request, controller)
        _fill_rows(request, users, positives, exclusions, as_of)
        if negatives_time is not None:
            request.negatives_time.CopyFrom(
                columns.instant_to_timestamp(negatives_time, "negatives_time")
            )

        def decode(proto: sampling_pb2.SampleSharedNegativesResponse) -> samples.SharedSample:
            items = self._decode_items(proto, collection, as_numbers, timeout, deadline)
            return samples.shared_from_proto(proto, items)

        return request, decode, deadline

    def _decode_items(
        self,
        proto: Any,
        collection: str,
        as_numbers: bool,
        timeout: Optional[float],
        deadline: float,
    ) -> np.ndarray:
        items = columns.ids_from_column(proto.item_ids)
        if as_numbers:
            return items
        names = self._name_cache(collection, timeout, proto.snapshot.incarnation)
        if names is None:
            return items
        return names.lookup(
            items,
            lambda numbers: self.get_items(
                collection, numbers, timeout=max(deadline - time.monotonic(), 0.0)
            ),
        )


def _fill_rows(
    request: Any,
    users: Optional[Ids],
    positives: Optional[Ids],
    exclusions: Optional[Sequence[Ids]],
    as_of: Union[Times, Instant, None],
) -> None:
    """Encodes the columns that `sample` and `sample_shared` have in common."""
    if users is not None:
        request.user_ids.CopyFrom(columns.ids_to_column(users, "users"))
    if positives is not None:
        request.positive_ids.CopyFrom(columns.ids_to_column(positives, "positives"))
    if exclusions is not None:
        request.exclusions.CopyFrom(columns.ragged_to_proto(exclusions, "exclusions"))
    if as_of is not None:
        if np.asarray(as_of).ndim:
            micros = columns.times_to_micros(as_of, "as_of")
            request.as_of_micros.CopyFrom(columns.int64_to_column(micros, "as_of"))
        else:
            request.as_of_time.CopyFrom(columns.instant_to_timestamp(as_of, "as_of"))


def _fill_controller(request: Any, controller: Optional[str]) -> None:
    if controller is not None:
        request.controller = controllers.controller_name(request.collection, controller)


def _output_list(outputs: Optional[Sequence[str]]) -> list[int]:
    if outputs is None:
        return []
    unknown = [name for name in outputs if name not in _OUTPUTS]
    if isinstance(outputs, str) or unknown:
        raise ValueError(f"outputs: a sequence of names among {sorted(_OUTPUTS)} is expected")
    return [_OUTPUTS[name] for name in outputs] or [sampling_pb2.SAMPLE_OUTPUT_NONE]
