"""Activities and children that tests answer in the place of workers, and answers that are lost or come twice."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_service_pb2 as service
from dapr_client.workflow._payload import dump_optional, load
from dapr_client.workflow._tasks import NonRetryableError
from fakesidecar.core.workflow.workers import Task
from fakesidecar.later import fail, settle

if TYPE_CHECKING:
    from fakesidecar.call import Call
    from fakesidecar.core.workflow import Engine
    from fakesidecar.core.workflow.instance import Turn

UNSET: Any = object()
Answer = service.ActivityResponse
ANSWERS = ("workflow.complete_task", "workflow.complete_turn")


@dataclass(frozen=True, slots=True)
class ActivityCall:
    """An activity, or a child workflow, that a mock has answered."""

    workflow_id: str
    input: Any
    attempt: int
    """Counts the tries of one call, from 1."""


class ActivityMock:
    """Answers calls of one name, or some of the attempts, in the place of workers; in a `with` block until its end."""

    def __init__(
        self,
        name: str,
        *,
        returns: Any = UNSET,
        raises: BaseException | type[BaseException] | None = None,
        side_effect: Callable[[Any], Any] | Iterable[Any] | None = None,
        attempts: int | Iterable[int] | None = None,
        workflow_id: str | None = None,
        what: str = "activity",
        remove: Callable[[ActivityMock], None] = lambda mock: None,
    ) -> None:
        given = [returns is not UNSET, raises is not None, side_effect is not None]
        if sum(given) > 1:
            raise TypeError("a mock returns, raises or has a side effect: say one of them")
        self.name = name
        self._what = what
        self.calls: list[ActivityCall] = []
        self._value = None if returns is UNSET else returns
        self._error = raises
        self._function = side_effect if callable(side_effect) else None
        self._values = iter(side_effect) if isinstance(side_effect, Iterable) else None
        self._attempts = {attempts} if isinstance(attempts, int) else None if attempts is None else set(attempts)
        self._workflow_id = workflow_id
        self._remove = remove

    def fits(self, request: service.ActivityRequest, attempt: int) -> bool:
        """Whether it answers this one."""
        return (
            request.name == self.name
            and self._workflow_id in (None, request.workflowInstance.instanceId)
            and (self._attempts is None or attempt in self._attempts)
        )

    def answer(self, request: service.ActivityRequest, attempt: int) -> Answer | Future[Answer]:
        """What it answers; a function is called on a thread of its own, as it may ask the sidecar itself."""
        given = load(request.input.value)
        self.calls.append(ActivityCall(request.workflowInstance.instanceId, given, attempt))
        if self._function is None:
            return answer_of(self._next)
        function, future = self._function, Future[Answer]()

        def run() -> None:
            try:
                settle(future, answer_of(lambda: _called(function, given)))
            except BaseException as error:
                fail(future, error)

        threading.Thread(target=run, name=f"mock of {self.name}", daemon=True).start()
        return future

    def _next(self) -> Any:
        if self._error is not None:
            raise self._error
        if self._values is None:
            return self._value
        try:
            value = next(self._values)
        except StopIteration:
            raise AssertionError(f"the mock of {self.name!r} has nothing left to return") from None
        if isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException)):
            raise value
        return value

    # --- what became of it ---

    @property
    def inputs(self) -> list[Any]:
        """What it was called with, in order."""
        return [call.input for call in self.calls]

    def assert_called(self, *, times: int | None = None) -> None:
        """It was called (`times`: so often)."""
        if not self.calls or times not in (None, len(self.calls)):
            often = "" if times is None else f" {times} time(s)"
            raise AssertionError(f"{self._what} {self.name!r} was not called{often}, but with {self.inputs}")

    def assert_called_with(self, input: Any) -> None:
        """It was called with that input, at least once."""
        if input not in self.inputs:
            raise AssertionError(f"{self._what} {self.name!r} was not called with {input!r}, but with {self.inputs}")

    def assert_not_called(self) -> None:
        """It was never called."""
        if self.calls:
            raise AssertionError(f"{self._what} {self.name!r} was called with {self.inputs}")

    def remove(self) -> None:
        """Leave what it has answered to workers again."""
        self._remove(self)

    def __enter__(self) -> ActivityMock:
        return self

    def __exit__(self, *failure: object) -> None:
        self.remove()


def _called(function: Callable[[Any], Any], given: Any) -> Any:
    value = function(given)
    if not inspect.iscoroutine(value):
        return value
    import asyncio

    return asyncio.run(value)


def answer_of(make: Callable[[], Any]) -> Answer:
    """What a worker would answer whose activity did this."""
    try:
        result = dump_optional(make())
    except Exception as error:
        details = common.TaskFailureDetails(
            errorType=type(error).__name__,
            errorMessage=str(error),
            isNonRetriable=any(kind.__name__ == NonRetryableError.__name__ for kind in type(error).__mro__),
        )
        return Answer(failureDetails=details)
    return Answer() if result is None else Answer(result=StringValue(value=result))


class Mocks:
    """Every mock of activities, or of children: the latest that fits answers. An interceptor of the engine."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._mocks: list[ActivityMock] = []
        self._tries: dict[tuple[str, str, str], int] = {}

    def add(self, name: str, **how: Any) -> ActivityMock:
        """A mock from now on."""
        mock = ActivityMock(name, **how, what=self._what, remove=self._remove)
        self._mocks.insert(0, mock)
        return mock

    def _remove(self, mock: ActivityMock) -> None:
        if mock in self._mocks:
            self._mocks.remove(mock)

    def clear(self) -> None:
        """Leave everything to workers."""
        self._mocks.clear()
        self._tries.clear()

    def __call__(self, request: service.ActivityRequest) -> Answer | Future[Answer] | None:
        key = (request.workflowInstance.instanceId, request.name, request.taskExecutionId)
        attempt = self._tries[key] = self._tries.get(key, 0) + 1
        mock = next((mock for mock in self._mocks if mock.fits(request, attempt)), None)
        return None if mock is None else mock.answer(request, attempt)


@dataclass(eq=False, slots=True)
class Mishap:
    """Something that happens to an answer of a worker, once."""

    name: str
    """Of the activity or the workflow."""
    of_turn: bool
    nth: int
    lost: bool
    """It comes twice otherwise."""
    seen: int = field(default=0, init=False)
    happened: bool = field(default=False, init=False)

    def meets(self, work: Turn | Task) -> bool:
        """Whether it happens to the answer to this."""
        if self.happened or isinstance(work, Task) is self.of_turn or _name_of(work) != self.name:
            return False
        self.seen += 1
        self.happened = self.seen == self.nth
        return self.happened

    def __str__(self) -> str:
        what = f"{'turn' if self.of_turn else 'answer'} {self.nth} of {self.name!r}"
        return f"{what} was not {'lost' if self.lost else 'sent twice'}: there were {self.seen}"


def _name_of(work: Turn | Task) -> str:
    if isinstance(work, Task):
        return str(work.event.taskScheduled.name)
    started = work.started
    return "" if started is None else str(started.executionStarted.name)


class Mishaps:
    """Every mishap of a test, as an interceptor around the core."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mishaps: list[Mishap] = []
        self._lock = threading.Lock()

    def add(self, name: str, *, of_turn: bool, nth: int, lost: bool) -> Mishap:
        """A mishap that is to happen."""
        mishap = Mishap(name, of_turn, nth, lost)
        self._mishaps.append(mishap)
        return mishap

    def clear(self) -> None:
        """Let nothing happen any more."""
        self._mishaps.clear()

    @property
    def idle(self) -> Iterator[Mishap]:
        """Those that have not happened."""
        return (mishap for mishap in self._mishaps if not mishap.happened)

    def __call__(self, call: Call, proceed: Callable[[], Any]) -> Any:
        mishap = self._of(call) if self._mishaps and call.name in ANSWERS else None
        if mishap is None:
            return proceed()
        if not mishap.lost:
            proceed()
            return proceed()
        return service.CompleteTaskResponse()

    def _of(self, call: Call) -> Mishap | None:
        work = self._engine.work(call.request)
        worker = None if work is None else work.worker
        if work is None or worker is None:
            return None
        with self._lock:
            mishap = next((one for one in self._mishaps if one.meets(work)), None)
        if mishap is not None and mishap.lost:
            self._engine.lose_workers(worker)
        return mishap
