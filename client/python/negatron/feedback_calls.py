# SPDX-License-Identifier: Apache-2.0
"""Calls for controllers, which hold the rate of margin violations."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Iterator, Optional, Sequence, Union

from negatron import columns, controllers, models
from negatron.base import BaseClient, collection_name
from negatron.columns import Instant
from negatron.controllers import Controller
from negatron.samples import Sample, SharedSample
from negatron.v1 import feedback_pb2


class FeedbackCalls(BaseClient):
    """Controllers: how hard negatives are follows what is reported of them.

    A controller's output in [0, 1] takes the place of `progress` in calls that name it with
    `controller`. It grows while too few negatives violate the margin, and falls while too many
    do. Policies must be easy at 0 and hard at 1.
    """

    def put_controller(
        self,
        collection: str,
        name: str,
        *,
        target_rate: float,
        gain: Optional[float] = None,
        slope: Optional[float] = None,
        max_step: Optional[float] = None,
        min_output: Optional[float] = None,
        max_output: Optional[float] = None,
        start_output: Optional[float] = None,
        smoothing_outcomes: int = 0,
        stale_after: Optional[dt.timedelta] = None,
        stale_distance: Optional[float] = None,
        stop_rule: Optional[controllers.StopRule] = None,
        restart: bool = False,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Controller:
        """Makes a controller, or changes the settings of one, which goes on from where it is.

        Args:
          name: 1 to 63 characters of `[a-z0-9-]`, a letter first.
          target_rate: of violations, in [0.001, 0.999].
          gain: part of the way to the output that a large report speaks for, in (0, 1]; 0.4.
          slope: how much the log-odds of a violation grow from output 0 to 1, about; 8.
          max_step: largest step of one report, in (0, 1]; 0.05.
          min_output, max_output, start_output: in [0, 1]; 0, 1 and the lowest.
          smoothing_outcomes: a report of so many negatives has half the largest weight; 1000.
          stale_after: reports about older negatives move nothing; None: none is by its age.
          stale_distance: nor do those of an output further away than this; 0.25.
          stop_rule: when an end is suggested; None: never.
          restart: begin anew, at `start_output`.
          request_id: of a repetition of this call; None: a new one.

        Raises:
          InvalidArgument: names every bad setting.
        """
        settings = feedback_pb2.ControllerSettings(
            target_rate=target_rate,
            gain=gain,
            slope=slope,
            max_step=max_step,
            min_output=min_output,
            max_output=max_output,
            start_output=start_output,
            smoothing_outcomes=smoothing_outcomes,
            stale_distance=stale_distance,
        )
        if stale_after is not None:
            settings.stale_after.FromTimedelta(stale_after)
        if stop_rule is not None:
            settings.stop_rule.CopyFrom(feedback_pb2.StopRule(
                report_count=stop_rule.report_count,
                rate_tolerance=stop_rule.rate_tolerance,
                output_tolerance=stop_rule.output_tolerance,
                hardness_tolerance=stop_rule.hardness_tolerance,
            ))
        request = feedback_pb2.PutControllerRequest(
            name=_name(collection, name),
            settings=settings,
            restart=restart,
            request_id=uuid.uuid4().hex if request_id is None else request_id,
        )
        proto = self._call(lambda s: s.feedback.PutController, request, timeout)
        return Controller.from_proto(proto)

    def get_controller(
        self, collection: str, name: str, *, timeout: Optional[float] = None
    ) -> Controller:
        """Returns a controller; raises `NotFound`."""
        request = feedback_pb2.GetControllerRequest(name=_name(collection, name))
        proto = self._call(lambda s: s.feedback.GetController, request, timeout)
        return Controller.from_proto(proto)

    def list_controllers(
        self, collection: str, *, page_size: int = 0, timeout: Optional[float] = None
    ) -> Iterator[Controller]:
        """Iterates over the controllers of a collection, by name."""
        request = feedback_pb2.ListControllersRequest(
            collection=collection_name(collection), page_size=page_size
        )
        for page in self._pages(lambda s: s.feedback.ListControllers, request, timeout):
            yield from map(Controller.from_proto, page.controllers)

    def delete_controller(
        self,
        collection: str,
        name: str,
        *,
        allow_missing: bool = False,
        timeout: Optional[float] = None,
    ) -> None:
        """Deletes a controller; raises `NotFound` unless `allow_missing`."""
        request = feedback_pb2.DeleteControllerRequest(
            name=_name(collection, name), allow_missing=allow_missing
        )
        self._call(lambda s: s.feedback.DeleteController, request, timeout, retry=allow_missing)

    def report_outcomes(
        self,
        collection: str,
        name: str,
        sample: Union[Sample, SharedSample, None] = None,
        *,
        violations: Optional[Any] = None,
        hardness: Optional[Any] = None,
        outcomes: Sequence[controllers.ComponentOutcomes] = (),
        progress: Optional[float] = None,
        progress_time: Optional[Instant] = None,
        level: Optional[models.Level] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> controllers.OutcomeReport:
        """Reports what became of the negatives of one call: one step of the controller.

        Negatives are summed here, by component; padding, and what is false for its row, is left
        out. Give either `violations` or `outcomes`.

        Args:
          sample: what was drawn: tells the progress, its time, the components and the padding.
          violations: which negatives violated the margin, bool, shape [rows, K].
          hardness: how hard each was to the model, its loss or its score, the same in all reports.
          outcomes: sums, for example over several devices.
          progress: that of the sample, if there is no `sample`.
          progress_time: of the sample; None: the report is not stale by its age.
          level: default: APPLIED.
          request_id: of a repetition of this call; None: a new one. A repetition counts once.

        Raises:
          ValueError: the progress, or the outcomes, are missing or given twice.
        """
        if (sample is None) == (progress is None):
            raise ValueError("progress: give a sample, or its progress")
        if (violations is None) == (not outcomes) or (violations is None and hardness is not None):
            raise ValueError("violations: give these, with their hardness, or outcomes")
        request = feedback_pb2.ReportOutcomesRequest(
            name=_name(collection, name),
            progress=progress if sample is None else sample.progress,
            request_id=uuid.uuid4().hex if request_id is None else request_id,
            acknowledgement_level=0 if level is None else int(level),
        )
        if not request.HasField("progress"):
            raise ValueError("sample: was drawn without a controller, and without progress")
        at = progress_time if sample is None else sample.progress_time
        if at is not None:
            request.progress_time.CopyFrom(columns.instant_to_timestamp(at, "progress_time"))
        if violations is not None:
            outcomes = controllers.sum_outcomes(violations, sample, hardness)
        request.outcomes.extend(one.to_proto() for one in outcomes)
        proto = self._call(lambda s: s.feedback.ReportOutcomes, request, timeout)
        return controllers.OutcomeReport(
            Controller.from_proto(proto.controller), proto.stale, proto.replayed
        )


def _name(collection: str, name: str) -> str:
    return controllers.controller_name(collection_name(collection), name)
