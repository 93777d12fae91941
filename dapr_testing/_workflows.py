"""Workflows in tests: run in no time, with activities mocked by name, and with mishaps on demand.

    workflows = dapr_sidecar.workflows
    workflows.mock("charge", returns={"ok": True})
    assert workflows.run("order", "milk") == "paid"     # the day that it waits is skipped

The workers are those of the application, whatever SDK they are written with.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.workflow._payload import dump_optional
from dapr_client.workflow._registry import name_of
from dapr_client.workflow._replayer import Replayer, WorkflowHistory
from dapr_testing._faults import FaultNotNeeded
from dapr_testing._workflow_mocks import UNSET, ActivityMock, Mishap, Mishaps, Mocks
from dapr_testing._workflow_runs import WorkflowRun
from fakesidecar.clock import SystemClock, VirtualClock
from fakesidecar.core.workflow import Start

if TYPE_CHECKING:
    from dapr_client.workflow import WorkflowRuntime
    from fakesidecar.call import Call
    from fakesidecar.clock import Timer
    from fakesidecar.core import Core

log = logging.getLogger("dapr_testing.workflows")

SECONDS = 10.0
"""How long, in real time, something is waited for."""
MOMENT = 0.005
"""How long, in real time, before time is skipped again when something is under way."""
WAITS = ("workflow.wait_until_completed", "workflow.wait_until_started")

Workflow = Callable[..., Any] | str
"""A workflow by its name, or the function that is registered under its own."""


class WorkflowNotFinished(AssertionError):
    """A workflow was waited for in vain; the message has its history, and what it waits for."""


class Workflows:
    """The workflows of a sidecar."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._engine, self._clock = core.workflow, core.clock
        self._mocks, self._children = Mocks("activity"), Mocks("child workflow")
        self._mishaps = Mishaps(core.workflow)
        self._signals: list[Timer] = []
        self.skip_time = isinstance(core.clock, VirtualClock)
        """Whether `run` and `wait` skip time; otherwise it passes as the test moves the clock."""
        core.workflow.activity_interceptor, core.workflow.child_interceptor = self._mocks, self._children
        core.onion.interceptors.append(self._mishaps)

    # --- to run ---

    def run(self, workflow: Workflow, input: Any = None, *, id: str | None = None, timeout: float = SECONDS) -> Any:
        """Start a workflow and wait for its result, which is given; time is skipped.

        Raises `WorkflowFailed` when it ends in another way, and `WorkflowNotFinished` when it does not end within
        `timeout` seconds of real time.
        """
        return self.wait(self.start(workflow, input, id=id, timeout=timeout), timeout=timeout).result()

    async def run_async(
        self, workflow: Workflow, input: Any = None, *, id: str | None = None, timeout: float = SECONDS
    ) -> Any:
        """`run`, for coroutines: the event loop runs on."""
        return await asyncio.to_thread(self.run, workflow, input, id=id, timeout=timeout)

    def start(
        self,
        workflow: Workflow,
        input: Any = None,
        *,
        id: str | None = None,
        at: datetime | timedelta | None = None,
        timeout: float = SECONDS,
    ) -> str:
        """Start a workflow, now or `at` a time or so much later, and give its id."""
        start = Start(id or self._core.around.ids.uuid(), name_of(workflow), _text(input), self._moment(at))
        begun = self._engine.begin(start)
        try:
            return begun.result(timeout).id
        except TimeoutError:
            begun.cancel()
            raise WorkflowNotFinished(f"{start.name!r} was not started: {self._why_still()}") from None

    def wait(self, id: str, *, timeout: float = SECONDS) -> WorkflowRun:
        """Wait until a workflow has ended, however it does; time is skipped, unless `skip_time` is off."""
        run = self[id]
        future = self._engine.wait_until_completed(id)
        if not self._wait(future, timeout):
            future.cancel()
            what = f"{run!r}\n{self._why_still()}"
            raise WorkflowNotFinished(f"{id!r} has not ended within {timeout} s: {what}")
        return run

    async def wait_async(self, id: str, *, timeout: float = SECONDS) -> WorkflowRun:
        """`wait`, for coroutines: the event loop runs on."""
        return await asyncio.to_thread(self.wait, id, timeout=timeout)

    def _why_still(self) -> str:
        if not self._engine.connected_workers:
            return "no worker is connected: start the runtime of your workflows"
        return f"the clock shows {datetime.fromtimestamp(self._clock.now(), UTC):%Y-%m-%d %H:%M:%S}"

    def _moment(self, at: datetime | timedelta | None) -> Timestamp | None:
        if at is None:
            return None
        moment = Timestamp()
        seconds = at.timestamp() if isinstance(at, datetime) else self._clock.now() + at.total_seconds()
        moment.FromMicroseconds(round(seconds * 1e6))
        return moment

    # --- to look at ---

    def __getitem__(self, id: str) -> WorkflowRun:
        """A workflow, as it is whenever it is asked."""
        return WorkflowRun(self._engine, id)

    def __iter__(self) -> Iterator[WorkflowRun]:
        return (self[id] for id in self._engine.instances)

    def __len__(self) -> int:
        return len(self._engine.instances)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "no workflows"

    # --- time ---

    def advance(self, seconds: float | timedelta) -> None:
        """Move the clock; every turn and activity on the way happens at its own time."""
        self._virtual.advance(seconds)

    def run_until_idle(self, *, timeout: float = SECONDS) -> None:
        """Skip time until no workflow goes on by itself: all have ended, or wait for an event or for a worker."""
        clock, real = self._virtual, SystemClock()
        end = real.now() + timeout
        while real.now() < end:
            if not clock.wait_until_idle(MOMENT) or (self._engine.starved and self._engine.connected_workers):
                continue
            signals = [timer.when for timer in self._signals if not timer.cancelled]
            due = min((when for when in (self._engine.next_timer, *signals) if when is not None), default=None)
            if due is None:
                return
            clock.advance_to(max(due, clock.now()))
        raise WorkflowNotFinished(f"workflows still go on after {timeout} s\n{self!r}")

    @contextmanager
    def time_skipping(self) -> Iterator[None]:
        """Until the block ends, time is skipped whenever a client waits for a workflow: also one of the application."""
        interceptors, skipper = self._core.onion.interceptors, Skipper(self._skip)
        with skipper:
            interceptors.append(skipper.intercept)
            try:
                yield
            finally:
                interceptors.remove(skipper.intercept)

    @property
    def _virtual(self) -> VirtualClock:
        if not isinstance(self._clock, VirtualClock):
            raise TypeError("this sidecar follows the system's clock, which cannot be moved")
        return self._clock

    def _skip(self) -> bool:
        """Go on to the next timer, unless something is under way or waits for a worker; whether the clock moved."""
        return not self._engine.starved and self._virtual.jump(MOMENT)

    def _wait(self, future: Future[Any], timeout: float) -> bool:
        """Wait until a future is done; False after so many seconds of real time."""
        real = SystemClock()
        end = real.now() + timeout
        while not future.done() and real.now() < end:
            if not self.skip_time or not self._skip():
                _look(future, MOMENT if self.skip_time else end - real.now())
        return future.done()

    # --- what happens ---

    def signal(self, id: str, event: str, data: Any = None, *, after: float | timedelta = 0) -> Timer | None:
        """Send a workflow an event, now or `after` so much time; a timer can be cancelled."""
        seconds = after.total_seconds() if isinstance(after, timedelta) else after
        if seconds > 0:
            self._signals.append(self._clock.call_later(seconds, partial(self._signal, id, event, data)))
            return self._signals[-1]
        self._engine.raise_event(id, event, _text(data)).result(SECONDS)
        return None

    def _signal(self, id: str, event: str, data: Any) -> None:
        raised = self._engine.raise_event(id, event, _text(data))
        raised.add_done_callback(lambda done: _warn(done, f"event {event!r} did not reach workflow {id!r}"))

    def suspend(self, id: str) -> None:
        """Have a workflow rest."""
        self._engine.suspend(id, None).result(SECONDS)

    def resume(self, id: str) -> None:
        """Have a workflow go on."""
        self._engine.resume(id, None).result(SECONDS)

    def terminate(self, id: str, output: Any = None, *, recursive: bool = True) -> None:
        """End a workflow, and its children."""
        self._engine.terminate(id, _text(output), recursive=recursive).result(SECONDS)

    # --- activities and children ---

    def mock(
        self,
        activity: Workflow,
        *,
        returns: Any = UNSET,
        raises: BaseException | type[BaseException] | None = None,
        side_effect: Callable[[Any], Any] | Iterable[Any] | None = None,
        attempts: int | Iterable[int] | None = None,
        workflow_id: str | None = None,
    ) -> ActivityMock:
        """Answer an activity in the place of workers, until the end of the test or of a `with` block.

        `side_effect` is a function of the input, or values for one call after the other; errors among them are raised.
        `attempts` leaves all others to the mocks before, and to the workers.
        """
        return self._mocks.add(
            name_of(activity),
            returns=returns,
            raises=raises,
            side_effect=side_effect,
            attempts=attempts,
            workflow_id=workflow_id,
        )

    def mock_child(
        self,
        workflow: Workflow,
        *,
        returns: Any = UNSET,
        raises: BaseException | type[BaseException] | None = None,
        side_effect: Callable[[Any], Any] | Iterable[Any] | None = None,
        attempts: int | Iterable[int] | None = None,
        workflow_id: str | None = None,
    ) -> ActivityMock:
        """Answer a workflow wherever another one calls it, as `mock` does activities; it is not started.

        `workflow_id` is that of the caller.
        """
        return self._children.add(
            name_of(workflow),
            returns=returns,
            raises=raises,
            side_effect=side_effect,
            attempts=attempts,
            workflow_id=workflow_id,
        )

    # --- mishaps ---

    def lose_answer(self, activity: Workflow, *, nth: int = 1) -> Mishap:
        """Break a worker's connection just as it answers an activity: that is done, and will be done again."""
        return self._mishaps.add(name_of(activity), of_turn=False, nth=nth, lost=True)

    def duplicate_answer(self, activity: Workflow, *, nth: int = 1) -> Mishap:
        """Have a worker's answer to an activity arrive twice."""
        return self._mishaps.add(name_of(activity), of_turn=False, nth=nth, lost=False)

    def lose_turn(self, workflow: Workflow, *, nth: int = 1) -> Mishap:
        """Break a worker's connection in the middle of a turn of a workflow: the turn is taken again."""
        return self._mishaps.add(name_of(workflow), of_turn=True, nth=nth, lost=True)

    def duplicate_turn(self, workflow: Workflow, *, nth: int = 1) -> Mishap:
        """Have a worker's answer to a turn arrive twice."""
        return self._mishaps.add(name_of(workflow), of_turn=True, nth=nth, lost=False)

    def disconnect_workers(self) -> None:
        """Break the connections of all workers now; what they were doing is given to those that come."""
        self._engine.lose_workers()

    # --- histories ---

    @property
    def histories(self) -> list[WorkflowHistory]:
        """The histories of all workflows, for a `Replayer`."""
        return [run.recorded for run in self if run.history]

    def import_history(
        self, history: WorkflowHistory | str | bytes | Path | dict[str, Any], *, id: str | None = None
    ) -> WorkflowRun:
        """Have a workflow that has come so far: a history, its JSON, or a file of it. What was under way goes on."""
        if isinstance(history, Path):
            history = history.read_text(encoding="utf-8")
        if not isinstance(history, WorkflowHistory):
            history = WorkflowHistory.from_json(history)
        id = id or history.instance_id
        self._engine.import_history(id, history.events)
        return self[id]

    def assert_replays(self, *workflows: Callable[..., Any], runtime: WorkflowRuntime | None = None) -> None:
        """The histories of all workflows are what these workflows, or those of a runtime, would do again."""
        names = {name_of(workflow) for workflow in workflows}
        chosen = [run.recorded for run in self if run.history and (not names or run.name in names)]
        if failed := Replayer(*workflows, runtime=runtime).replay_workflows(chosen):
            raise AssertionError("\n\n".join(f"{id!r} does not replay: {why}" for id, why in failed.items()))

    # --- the end of a test ---

    def check(self) -> None:
        """Raise `FaultNotNeeded` for mishaps that have not happened."""
        if idle := [str(mishap) for mishap in self._mishaps.idle]:
            raise FaultNotNeeded("\n".join(idle))

    def clear(self) -> None:
        """Mock nothing any more, and let no mishap happen."""
        self._mocks.clear()
        self._children.clear()
        self._mishaps.clear()
        self._signals.clear()
        self.skip_time = isinstance(self._clock, VirtualClock)


class Skipper:
    """Skips time, on a thread of its own, while somebody waits for a workflow."""

    def __init__(self, skip: Callable[[], bool]) -> None:
        self._skip = skip
        self._waits: set[Future[Any]] = set()
        self._wanted = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="time-skipping", daemon=True)

    def intercept(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Note who waits, for how long."""
        answer = proceed()
        if call.name in WAITS and isinstance(answer, Future) and not answer.done():
            self._waits.add(answer)
            self._wanted.set()
            answer.add_done_callback(self._waits.discard)
        return answer

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *failure: object) -> None:
        self._ended.set()
        self._wanted.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wanted.wait()
            self._wanted.clear()
            while self._waits and not self._ended.is_set():
                if not self._skip():
                    self._ended.wait(MOMENT)


def _text(value: Any) -> StringValue | None:
    data = dump_optional(value)
    return None if data is None else StringValue(value=data)


def _look(future: Future[Any], seconds: float) -> None:
    try:
        future.exception(max(0.0, seconds))
    except TimeoutError:
        return


def _warn(done: Future[None], message: str) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.warning("%s: %s", message, error)
