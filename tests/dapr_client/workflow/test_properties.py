"""Random workflows, random orders of what happens, crashes in between: the result is always the same."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Generator, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dapr_client.wire import orchestrator_service_pb2
from dapr_client.workflow import DaprWorkflowContext, RetryPolicy, Task, TaskFailedError, _payload, when_all, when_any
from dapr_client.workflow._executions import Executions
from dapr_client.workflow._registry import Registry
from dapr_client.workflow._replay import Action, Answer, Event, Execution, replay
from tests.dapr_client.workflow.histories import Model, failed, raised, resumed, suspended, terminated

Step = tuple[Any, ...]
Program = Sequence[Step]

VALUES: st.SearchStrategy[Any] = st.sampled_from([None, False, True, 0, -3, "", "x", "ü", []])
NAMES = st.sampled_from(["a", "B"])

LEAVES = st.one_of(
    st.tuples(st.just("activity"), VALUES),
    st.tuples(st.just("child"), VALUES),
    st.tuples(st.just("timer"), st.integers(0, 5)),
    st.tuples(st.just("event"), NAMES),
    st.tuples(st.just("event until"), NAMES, st.integers(1, 5)),
    st.tuples(st.just("retried"), st.integers(0, 3), st.integers(1, 3)),
    st.tuples(st.just("fails")),
)
STEPS = st.one_of(
    LEAVES,
    st.tuples(st.just("all"), st.lists(LEAVES, max_size=4)),
    st.tuples(st.just("any"), st.lists(LEAVES, min_size=1, max_size=4)),
    st.tuples(st.just("status"), st.sampled_from(["", "s"])),
    st.tuples(st.just("ids")),
    st.tuples(st.just("patch"), st.sampled_from(["p", "q"])),
)
PROGRAMS = st.lists(STEPS, max_size=6)


def workflow(ctx: DaprWorkflowContext, program: Program) -> Generator[Any, Any, Any]:
    """Does what a program says; the result has what came of each step."""
    log: list[Any] = []
    for step in program:
        match step:
            case "status", status:
                ctx.set_custom_status(status)
            case ["ids"]:
                assert ctx.uuid4() != ctx.uuid4()
            case "patch", name:
                log.append(ctx.is_patched(name))
            case "any", parts:
                tasks = [task(ctx, one) for one in parts]
                first = yield when_any(tasks)
                log.append(first in tasks)
            case "all", parts:
                log.append((yield from outcome(when_all([task(ctx, one) for one in parts]))))
            case _:
                log.append((yield from outcome(task(ctx, step))))
    return log


async def async_workflow(ctx: DaprWorkflowContext, program: Program) -> Any:
    """The same, asynchronously: a task of each step of a generator that does it."""
    return await Whole(workflow(ctx, program))


class Whole:
    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        self._generator = generator

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._generator


def outcome(waited: Task[Any]) -> Generator[Any, Any, Any]:
    try:
        return (yield waited)
    except TaskFailedError as error:
        return error.details.message
    except TimeoutError:
        return "late"


def task(ctx: Any, step: Step) -> Any:
    match step:
        case "activity", value:
            return ctx.call_activity("echo", input=value)
        case "child", value:
            return ctx.call_child_workflow("echo", input=value)
        case "timer", seconds:
            return ctx.create_timer(timedelta(seconds=seconds))
        case "event", name:
            return ctx.wait_for_external_event(name)
        case "event until", name, seconds:
            return ctx.wait_for_external_event(name, timeout=timedelta(seconds=seconds))
        case "retried", failures, attempts:
            policy = RetryPolicy(
                first_retry_interval=timedelta(seconds=1), max_number_of_attempts=attempts, backoff_coefficient=2
            )
            return ctx.call_activity("flaky", input=failures, retry_policy=policy)
        case _:
            return ctx.call_activity("broken")


def expected(program: Program) -> list[Any]:
    """What a program comes to, without any workflow. A wait that may end either way has both outcomes."""

    def leaf(step: Step) -> Any:
        match step:
            case (("activity" | "child"), value):
                return value
            case "timer", _:
                return None
            case "event", name:
                return name.casefold()
            case "event until", name, _:
                return Either(name.casefold(), "late")
            case ["retried", *_]:
                return "flaky"
            case _:
                return "broken"

    log: list[Any] = []
    for step in program:
        match step:
            case ("status", _) | ["ids"]:
                pass
            case ("patch", _) | ("any", _):
                log.append(True)
            case "all", parts:
                failures = [leaf(one) for one in parts if one[0] in ("retried", "fails", "event until")]
                results = [leaf(one) for one in parts]
                log.append(Either(results, *results) if failures else results)
            case _:
                log.append(leaf(step))
    return log


class Either:
    """One of some values."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def __repr__(self) -> str:
        return f"one of {self.values}"


def perform(name: str, text: str) -> Event | str:
    """What becomes of activities and children."""
    return text if name == "echo" else failed(0, name)


@cache
def known() -> Registry:
    made = Registry()
    made.add_workflow(workflow, "wf")
    made.add_workflow(async_workflow, "async")
    return made


def scratch(request: orchestrator_service_pb2.WorkflowRequest, history: Sequence[Event]) -> Answer:
    """A turn by a worker that has never seen the instance."""
    registry = known()
    past = [*history[: request.cachedHistory.eventCount], *request.pastEvents]
    return replay(Execution("i", registry.workflow, registry.name_of), past, request.newEvents)


def same(one: Answer, other: Answer) -> None:
    assert [plain(action) for action in one.actions] == [plain(action) for action in other.actions]
    assert (one.custom_status, one.patches, one.version) == (other.custom_status, other.patches, other.version)


def plain(action: Any) -> Action:
    """An action of either package, without what tells of the place in the code, and the random id of a call."""
    made = Action.FromString(action.SerializeToString())
    if made.HasField("scheduleTask"):
        made.scheduleTask.ClearField("taskExecutionId")
    if made.createTimer.HasField("activityRetry"):
        made.createTimer.activityRetry.ClearField("taskExecutionId")
    if made.HasField("completeWorkflow") and made.completeWorkflow.HasField("failureDetails"):
        made.completeWorkflow.failureDetails.ClearField("stackTrace")
    made.ClearField("router")
    return made


class Case:
    """A workflow at the model of a sidecar, and what happens to it."""

    def __init__(self, name: str, program: Program, draw: Any) -> None:
        self.program, self.draw = program, draw
        self.executions = Executions(known(), clock=lambda: 0.0)
        self.model = Model(name, _payload.dump(program), perform)
        wanted = [one for step in program for one in (step[1] if step[0] in ("all", "any") else [step])]
        self.events = [
            raised(one[1].swapcase(), _payload.dump(one[1].casefold())) for one in wanted if "event" in one[0]
        ]
        self.turns: list[tuple[list[Event], list[Event], Answer]] = []

    def run(self, *, ends: bool = False) -> None:
        """Turn after turn until the end."""
        for _ in range(200):
            self._turn()
            if self.model.result is not None:
                return
            self._happen(ends)
        raise AssertionError("it does not end")

    def _turn(self) -> None:
        request = self.model.request(delta=self.draw(st.booleans()))
        history = list(self.model.history)
        answer = self.executions.turn(request, lambda _: history)
        same(answer, scratch(request, history))
        match self.draw(st.sampled_from(["goes well", "goes well", "goes well", "worker lost", "answer lost"])):
            case "worker lost":
                self.executions.clear()
            case "answer lost":
                # The same events again, with what has come meanwhile.
                self._happen(False)
                again = self.model.request(delta=self.draw(st.booleans()))
                answer = self.executions.turn(again, lambda _: history)
                same(answer, scratch(again, history))
                request = again
        self.turns.append((history, list(request.newEvents), answer))
        self.model.commit(list(request.newEvents), answer)

    def _happen(self, ends: bool) -> None:
        """Some of what is to come comes; nothing is an error when there is nothing."""
        model, draw = self.model, self.draw
        for number in range(draw(st.integers(1, 3))):
            useful = ["come"] * bool(model.coming) + ["raise"] * bool(self.events) + ["end"] * ends
            if number or not useful:
                useful += ["suspend"]
            match draw(st.sampled_from(useful)):
                case "come":
                    model.inbox.append(model.coming.pop(draw(st.integers(0, len(model.coming) - 1))))
                case "raise":
                    model.inbox.append(self.events.pop(draw(st.integers(0, len(self.events) - 1))))
                case "end":
                    model.inbox.append(terminated('"end"'))
                case _:
                    model.inbox.extend([suspended(), resumed()])


@pytest.mark.parametrize("name", ["wf", "async"])
@settings(deadline=None, max_examples=60)
@given(program=PROGRAMS, data=st.data())
def test_whatever_happens_when_the_result_is_the_same(name: str, program: Program, data: st.DataObject) -> None:
    case = Case(name, program, data.draw)
    case.run()
    status, _, text = (case.model.result or "").partition(" ")
    assert status == "COMPLETED"
    assert fits(expected(program), _payload.load(text)), (expected(program), text)


def fits(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Either):
        return any(fits(value, found) for value in wanted.values)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(fits, wanted, found))
    return type(wanted) is type(found) and bool(wanted == found)


@settings(deadline=None, max_examples=60)
@given(program=PROGRAMS, data=st.data())
def test_a_termination_ends_it_wherever_it_is(program: Program, data: st.DataObject) -> None:
    case = Case("wf", program, data.draw)
    case.run(ends=True)
    assert (case.model.result or "").partition(" ")[0] in ("TERMINATED", "COMPLETED")


@settings(deadline=None, max_examples=60)
@given(program=PROGRAMS, data=st.data())
def test_every_history_replays_turn_by_turn(program: Program, data: st.DataObject) -> None:
    case = Case("wf", program, data.draw)
    case.run()
    registry = known()
    for past, new, answer in case.turns:
        same(replay(Execution("i", registry.workflow, registry.name_of), past, new), answer)


@settings(deadline=None, max_examples=60)
@given(program=PROGRAMS, data=st.data())
def test_the_official_package_does_the_same(program: Program, data: st.DataObject) -> None:
    worker = pytest.importorskip("dapr.ext.workflow._durabletask.worker", reason="compares with the official package")
    theirs = importlib.import_module("dapr.ext.workflow._durabletask.internal.history_events_pb2").HistoryEvent
    tasks = importlib.import_module("dapr.ext.workflow._durabletask.task")
    case = Case("wf", program, data.draw)
    case.run()
    registry = worker._Registry()
    registry.add_named_orchestrator("wf", official(tasks))
    log = logging.getLogger("official")
    log.setLevel(logging.CRITICAL)
    for past, new, answer in case.turns:
        converted = [[theirs.FromString(event.SerializeToString()) for event in events] for events in (past, new)]
        result = worker._OrchestrationExecutor(registry, log).execute("i", *converted)
        # It may ask for more after the end, which the sidecar does not hear.
        asked = [action for action in result.actions if action.HasField("completeWorkflow")] or result.actions
        assert [plain(action) for action in asked] == [plain(action) for action in answer.actions]
        assert (result.encoded_custom_status, tuple(dict.fromkeys(result.patches))) == (
            answer.custom_status,
            tuple(answer.patches),
        )


def official(tasks: Any) -> Any:
    """The same workflow with the official package's tasks."""

    def run(ctx: Any, program: Program) -> Generator[Any, Any, Any]:
        log: list[Any] = []
        for step in program:
            match step:
                case "status", status:
                    ctx.set_custom_status(status)
                case ["ids"]:
                    assert ctx.uuid4() != ctx.uuid4()
                case "patch", name:
                    log.append(ctx.is_patched(name))
                case "any", parts:
                    made = [theirs(ctx, one) for one in parts]
                    log.append((yield tasks.when_any(made)) in made)
                case "all", parts:
                    log.append((yield from wait(tasks.when_all([theirs(ctx, one) for one in parts]))))
                case _:
                    log.append((yield from wait(theirs(ctx, step))))
        return log

    def wait(waited: Any) -> Generator[Any, Any, Any]:
        try:
            return (yield waited)
        except tasks.TaskFailedError as error:
            return error.details.message
        except TimeoutError:
            return "late"

    def theirs(ctx: Any, step: Step) -> Any:
        match step:
            case "child", value:
                return ctx.call_sub_orchestrator("echo", input=value)
            case "retried", failures, attempts:
                policy = tasks.RetryPolicy(
                    first_retry_interval=timedelta(seconds=1), max_number_of_attempts=attempts, backoff_coefficient=2
                )
                return ctx.call_activity("flaky", input=failures, retry_policy=policy)
        return task(ctx, step)

    return run
