# SPDX-License-Identifier: Apache-2.0
"""The client."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from typing import Iterator, Literal, Optional, Sequence, Union

import grpc

from negatron import columns, errors, guards, models
from negatron.account_calls import AccountCalls
from negatron.backup_calls import BackupCalls
from negatron.base import collection_name
from negatron.candidate_calls import CandidateCalls
from negatron.columns import Instant
from negatron.feedback_calls import FeedbackCalls
from negatron.policy_calls import PolicyCalls
from negatron.sampling_statistics import SamplingStatistics
from negatron.v1 import collections_pb2, inspection_pb2, sampling_statistics_pb2
from negatron.version_calls import VersionCalls

_READY_POLL_SECONDS = 0.05


class Client(AccountCalls, BackupCalls, CandidateCalls, PolicyCalls, FeedbackCalls, VersionCalls):
    """A client of one Negatron server. Thread-safe.

        with Client("127.0.0.1:7600") as client:
            sample = client.sample("films", 4, policy=Popularity(), users=users, as_of=times)

    A collection is named by its id ("films") or its full name ("collections/films"). Ids are
    integer arrays, or strings in collections with string ids, where integers stand for the
    numbers of the collection's dictionary. Times are int64 microseconds since the Unix epoch or
    `datetime64`.

    Every call takes `timeout`, in seconds, for all its attempts together, and raises a subclass of
    `NegatronError`; arguments that cannot be encoded raise TypeError or ValueError at once. What
    is safe to repeat is repeated after UNAVAILABLE, and after RESOURCE_EXHAUSTED if the server
    says when, with a growing, jittered pause.

    Processes: the channel is made by the first call of each process. A client works in the parent
    and in every child of a fork, whether or not it was used before, and can be pickled. In a child
    calls go through a process of its own, and import streams are refused.
    """

    # Server.

    def server_info(self, *, timeout: Optional[float] = None) -> models.ServerInfo:
        """Returns the server's version and state; works while it recovers."""
        proto = self._call(
            lambda s: s.inspection.GetServerInfo, inspection_pb2.GetServerInfoRequest(), timeout
        )
        return models.ServerInfo(
            proto.version,
            proto.serving,
            proto.recovery_progress,
            proto.uptime.ToTimedelta(),
            proto.durable_sequence,
        )

    def wait_until_ready(self, *, timeout: Optional[float] = None) -> models.ServerInfo:
        """Waits until the server answers and serves; raises `DeadlineExceeded` if it does not."""
        deadline = self._transport.deadline(timeout)
        last = "no answer"
        while time.monotonic() < deadline:
            try:
                info = self.server_info(timeout=min(1.0, deadline - time.monotonic()))
                if info.serving:
                    return info
                last = f"recovery at {info.recovery_progress:.0%}"
            except (errors.Unavailable, errors.DeadlineExceeded) as error:
                last = str(error)
            time.sleep(_READY_POLL_SECONDS)
        raise errors.DeadlineExceeded(
            grpc.StatusCode.DEADLINE_EXCEEDED, f"the server is not ready: {last}"
        )

    # Collections.

    def create_collection(
        self,
        collection_id: str,
        *,
        display_name: str = "",
        labels: Optional[dict[str, str]] = None,
        item_id_type: models.IdType = models.IdType.INT64,
        user_id_type: models.IdType = models.IdType.INT64,
        half_life: Optional[dt.timedelta] = None,
        missing_item_rule: models.MissingItemRule = models.MissingItemRule.REJECT,
        dimension: Optional[int] = None,
        metric: Optional[models.Metric] = None,
        element_type: Optional[models.ElementType] = None,
        half_lives: Sequence[dt.timedelta] = (),
        windows: Sequence[dt.timedelta] = (),
        cohort_popularity: bool = False,
        category_popularity: bool = False,
        popularity_grid: Optional[dt.timedelta] = None,
        mined_per_user: Optional[int] = None,
        event_retention: Optional[dt.timedelta] = None,
        audit: Optional[models.AuditSettings] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> models.Collection:
        """Creates an empty collection.

        Args:
          collection_id: 1 to 63 characters of `[a-z0-9-]`, a letter first.
          half_life: time in which the weight of an event halves; None: no decay.
          missing_item_rule: what happens to an event whose item does not exist.
          dimension, metric: of item embeddings; both or none.
          element_type: how their components are kept; None: float32.
          half_lives, windows: what `Popularity` serves fast beside `half_life`, at most 8 each;
            `timedelta(0)` among the half-lives: no decay. Each costs memory for every event.
          cohort_popularity: allows `Popularity(within_cohort=True)`.
          category_popularity: makes sources with a category faster.
          popularity_grid: `Popularity(alpha=...)` is evaluated at whole multiples of it.
          mined_per_user: newest mined events of a user that `Mined` draws from, in [1, 4096].
          event_retention: positives older than this lose their mass; None: all are kept.
          audit: which sampling calls are kept; None: none.
          request_id: of a repetition of this call; None: a new one.

        Raises:
          AlreadyExists: the id is taken.
          InvalidArgument: names every bad setting.
        """
        settings = collections_pb2.Collection(
            display_name=display_name,
            labels=labels,
            item_id_type=int(item_id_type),
            user_id_type=int(user_id_type),
            missing_item_rule=int(missing_item_rule),
            embedding_settings=_embedding_settings(dimension, metric, element_type),
            cohort_popularity=cohort_popularity,
            category_popularity=category_popularity,
            mined_per_user=mined_per_user,
            audit=None if audit is None else audit.to_proto(),
        )
        guards.check_span("half_life", half_life, zero=False)
        guards.check_span("popularity_grid", popularity_grid, zero=False)
        for name, span in (
            ("half_life", half_life),
            ("popularity_grid", popularity_grid),
            ("event_retention", event_retention),
        ):
            if span is not None:
                getattr(settings, name).FromTimedelta(span)
        for span in half_lives:
            guards.check_span("half_lives", span, zero=True)
            settings.half_lives.add().FromTimedelta(span)
        for span in windows:
            guards.check_span("windows", span, zero=False)
            settings.windows.add().FromTimedelta(span)
        request = collections_pb2.CreateCollectionRequest(
            collection_id=collection_id,
            collection=settings,
            request_id=uuid.uuid4().hex if request_id is None else request_id,
        )
        proto = self._call(lambda s: s.collections.CreateCollection, request, timeout)
        return models.Collection.from_proto(proto)

    def get_collection(
        self, collection: str, *, timeout: Optional[float] = None
    ) -> models.Collection:
        """Returns a collection's settings; raises `NotFound`."""
        request = collections_pb2.GetCollectionRequest(name=collection_name(collection))
        proto = self._call(lambda s: s.collections.GetCollection, request, timeout)
        return models.Collection.from_proto(proto)

    def list_collections(
        self, *, page_size: int = 0, timeout: Optional[float] = None
    ) -> Iterator[models.Collection]:
        """Iterates over all collections by id; fetches `page_size` at a time (0: 100)."""
        request = collections_pb2.ListCollectionsRequest(page_size=page_size)
        for page in self._pages(lambda s: s.collections.ListCollections, request, timeout):
            yield from map(models.Collection.from_proto, page.collections)

    def update_collection(
        self,
        collection: str,
        *,
        display_name: Optional[str] = None,
        labels: Optional[dict[str, str]] = None,
        missing_item_rule: Optional[models.MissingItemRule] = None,
        dimension: Optional[int] = None,
        metric: Optional[models.Metric] = None,
        element_type: Optional[models.ElementType] = None,
        event_retention: Optional[dt.timedelta] = None,
        audit: Union[models.AuditSettings, Literal[False], None] = None,
        etag: str = "",
        timeout: Optional[float] = None,
    ) -> models.Collection:
        """Changes the settings that are given; embeddings can be set once.

        Args:
          dimension, metric, element_type: as for `create_collection`.
          event_retention: positives older than this lose their mass, in at least an hour;
            `timedelta(0)`: all are kept from now on.
          audit: which sampling calls are kept; False: none, and those that are there go.

        Raises:
          Aborted: `etag` is not the current one.
          InvalidArgument: a bad value, or embedding settings that exist already.
        """
        proto = collections_pb2.Collection(name=collection_name(collection), etag=etag)
        request = collections_pb2.UpdateCollectionRequest(collection=proto)
        if display_name is not None:
            request.collection.display_name = display_name
            request.update_mask.paths.append("display_name")
        if labels is not None:
            request.collection.labels.update(labels)
            request.update_mask.paths.append("labels")
        if missing_item_rule is not None:
            request.collection.missing_item_rule = int(missing_item_rule)
            request.update_mask.paths.append("missing_item_rule")
        settings = _embedding_settings(dimension, metric, element_type)
        if settings is not None:
            request.collection.embedding_settings.CopyFrom(settings)
            request.update_mask.paths.append("embedding_settings")
        if event_retention is not None:
            request.update_mask.paths.append("event_retention")
            if event_retention:
                request.collection.event_retention.FromTimedelta(event_retention)
        if audit is not None:
            request.update_mask.paths.append("audit")
            if audit:
                request.collection.audit.CopyFrom(audit.to_proto())
        if not request.update_mask.paths:
            raise ValueError("nothing to update")
        # An update that happened has changed the etag, so repeating it would fail.
        proto = self._call(
            lambda s: s.collections.UpdateCollection, request, timeout, retry=not etag
        )
        return models.Collection.from_proto(proto)

    def delete_collection(
        self,
        collection: str,
        *,
        etag: str = "",
        allow_missing: bool = False,
        timeout: Optional[float] = None,
    ) -> None:
        """Deletes a collection with everything in it; raises `NotFound` unless `allow_missing`."""
        request = collections_pb2.DeleteCollectionRequest(
            name=collection_name(collection), etag=etag, allow_missing=allow_missing
        )
        self._call(
            lambda s: s.collections.DeleteCollection, request, timeout, retry=allow_missing
        )

    # Statistics.

    def statistics(
        self,
        collection: str,
        *,
        as_of: Optional[Instant] = None,
        timeout: Optional[float] = None,
    ) -> models.Statistics:
        """Returns counts, memory and sampling statistics, evaluated at `as_of` (default: now)."""
        name = collection_name(collection)
        request = inspection_pb2.GetCollectionStatisticsRequest(collection=name)
        if as_of is not None:
            request.as_of_time.CopyFrom(columns.instant_to_timestamp(as_of, "as_of"))
        proto = self._call(lambda s: s.inspection.GetCollectionStatistics, request, timeout)
        return models.Statistics.from_proto(proto)

    def sampling_statistics(
        self,
        collection: str,
        *,
        window: Optional[dt.timedelta] = None,
        start: Optional[Instant] = None,
        end: Optional[Instant] = None,
        resolution: Optional[dt.timedelta] = None,
        timeout: Optional[float] = None,
    ) -> SamplingStatistics:
        """Returns what was drawn over time, in buckets, as NumPy arrays.

        Args:
          window: the last part of time (default: one hour); or
          start, end: the time in between.
          resolution: length of a bucket: 10 s, kept for 1 hour; 1 min, for 12 hours; or 10 min, for
            7 days. Default: the shortest that is kept from the start on.

        Raises:
          InvalidArgument: another resolution, a time that is empty, or `window` with the others.
          NotFound: no such collection.
        """
        request = sampling_statistics_pb2.GetSamplingStatisticsRequest(
            collection=collection_name(collection)
        )
        if window is not None:
            request.window.FromTimedelta(window)
        if start is not None:
            request.start_time.CopyFrom(columns.instant_to_timestamp(start, "start"))
        if end is not None:
            request.end_time.CopyFrom(columns.instant_to_timestamp(end, "end"))
        if resolution is not None:
            request.resolution.FromTimedelta(resolution)
        proto = self._call(lambda s: s.inspection.GetSamplingStatistics, request, timeout)
        return SamplingStatistics.from_proto(proto)


def _embedding_settings(
    dimension: Optional[int],
    metric: Optional[models.Metric],
    element_type: Optional[models.ElementType],
) -> Optional[collections_pb2.EmbeddingSettings]:
    if (dimension is None) != (metric is None):
        raise ValueError("dimension and metric: give both or none")
    if dimension is None or metric is None:
        if element_type is not None:
            raise ValueError("element_type: needs dimension and metric")
        return None
    return collections_pb2.EmbeddingSettings(
        dimension=dimension, metric=int(metric), element_type=int(element_type or 0)
    )
