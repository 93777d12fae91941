"""Answers that come from somebody else than workers: from tests, which mock activities and children."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow.apps import APPS, change

if TYPE_CHECKING:
    from fakesidecar.clock import Clock

T = TypeVar("T")

Request = service.ActivityRequest
Answer = service.ActivityResponse
Interceptor = Callable[[Request], Answer | Future[Answer] | None]
"""Answers an activity in a worker's place, at once or later, or leaves it to the workers."""


class Interception:
    """The place of an interceptor."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.interceptor: Interceptor | None = None

    def takes(self, request: Callable[[], Request], end: Callable[[Answer], None]) -> bool:
        """Ask the interceptor, if there is one; whether it answers. `end` is told what, not before this returns."""
        ask = self.interceptor
        answer = None if ask is None else _answered(partial(ask, request()))
        if answer is None:
            return False
        if isinstance(answer, Future):
            self._clock.begin()
            answer.add_done_callback(partial(self._later, end))
        else:
            APPS.later(partial(end, answer))
        return True

    def _later(self, end: Callable[[Answer], None], done: Future[Answer]) -> None:
        with change(self._clock):
            self._clock.end()
            end(_answered(done.result))


def _answered(answer: Callable[[], T]) -> T | Answer:
    """What an interceptor answers; what it raises is the activity's failure."""
    try:
        return answer()
    except Exception as error:
        details = common.TaskFailureDetails(errorType=type(error).__name__, errorMessage=str(error))
        return Answer(failureDetails=details)
