# SPDX-License-Identifier: Apache-2.0
"""Reports what became of negatives, in the background."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Optional

from torch import Tensor

from negatron.client import Client
from negatron.controllers import Controller, OutcomeReport
from negatron.torch.losses import check_shapes
from negatron.torch.sampling import Negatives, to_array


class OutcomeReporter:
    """Tells a controller how many negatives of each step violate the margin.

        sampler = NegativeSampler(client, "films", 8, policy=curriculum, controller="warm")
        reporter = OutcomeReporter(client, "films", "warm", margin=1.0)
        for batch, negatives in sampler.over(loader, rows):
            ...
            reporter.report(negatives, positive_scores, negative_scores)
            if reporter.stop_suggested:
                break
        reporter.close()

    A negative violates the margin if its score is above that of the positive less the margin: where
    `margin_loss` is above 0. `report` copies the scores from their device and returns; a thread
    sends reports one after the other, in order.

    Confined to one thread, in the process that made it.

    Attributes:
      controller: as the last report that was answered left it; None: none was.
    """

    def __init__(
        self,
        client: Client,
        collection: str,
        controller: str,
        *,
        margin: float = 1.0,
        in_flight: int = 16,
        timeout: float = 300.0,
    ) -> None:
        """Makes a reporter; it sends nothing yet.

        Args:
          margin: in units of the score, at least 0.
          in_flight: reports that may wait; `report` waits for the oldest beyond.
          timeout: seconds for which a report is repeated while the server is away.
        """
        if not margin >= 0:
            raise ValueError(f"margin: at least 0 is expected, not {margin}")
        self._client = client.patient(timeout)
        self._collection = collection
        self._name = controller
        self._margin = margin
        self._in_flight = in_flight
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="negatron-feedback")
        self._waiting: "deque[Future[OutcomeReport]]" = deque()
        self.controller: Optional[Controller] = None

    def report(
        self,
        negatives: Negatives,
        positive_scores: Tensor,
        negative_scores: Tensor,
        hardness: Optional[Tensor] = None,
    ) -> None:
        """Reports a step.

        Args:
          negatives: of the step, drawn by the controller.
          positive_scores: shape [B].
          negative_scores: shape [B, K].
          hardness: shape [B, K], of each negative; None: its score.

        Raises:
          NegatronError: of an earlier report.
        """
        check_shapes(positive_scores, negative_scores, None)
        violations = negative_scores > positive_scores.unsqueeze(1) - self._margin
        arrays: dict[str, Any] = {
            "violations": to_array(violations),
            "hardness": to_array(negative_scores if hardness is None else hardness),
        }
        sample = negatives.sample
        self._waiting.append(self._thread.submit(
            lambda: self._client.report_outcomes(self._collection, self._name, sample, **arrays)
        ))
        while self._waiting and (
            self._waiting[0].done() or len(self._waiting) > self._in_flight
        ):
            self._take()

    @property
    def stop_suggested(self) -> bool:
        """Whether the controller's stop rule saw nothing move any more."""
        return self.controller is not None and self.controller.stop_suggested

    def close(self) -> None:
        """Waits for what is under way; raises what went wrong."""
        try:
            while self._waiting:
                self._take()
        finally:
            self._thread.shutdown()
            self._client.close()

    def _take(self) -> None:
        self.controller = self._waiting.popleft().result().controller
