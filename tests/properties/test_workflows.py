"""Whatever happens to workers, answers, sidecars and clocks, a workflow comes to what a plain reading of it says.

Workflows are drawn as data. `workflow` does what one says, with the SDK, in runtimes that work for a sidecar; `meaning`
reads the same without either. In between, answers of workers wait at a `World`, which has them arrive in any order,
twice, late or not at all, while workers lose their connections, the clock jumps and the sidecar starts anew.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given, settings
from hypothesis import strategies as st

from dapr_client.wire import orchestrator_service_pb2 as service
from dapr_client.workflow import (
    DaprWorkflowContext,
    NonRetryableError,
    Replayer,
    RetryPolicy,
    Task,
    TaskFailedError,
    WorkflowActivityContext,
    WorkflowRuntime,
    WorkflowStatus,
    when_all,
    when_any,
)
from dapr_testing._inprocess import Channel
from dapr_testing._workflow_mocks import ANSWERS
from dapr_testing._workflow_runs import WorkflowRun
from fakesidecar.call import Call
from fakesidecar.clock import VirtualClock
from fakesidecar.core.workflow import Engine, Start
from fakesidecar.core.workflow.history import event_name, kind_of
from fakesidecar.errors import ActorRuntimeClosed
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

SECONDS = 30.0
"""How long, in real time, workers may take: never so long, if nothing is wrong."""

# --- workflows as data: lists of steps, each a list that begins with its kind -------------------------------------

Step = list[Any]
VALUES: st.SearchStrategy[Any] = st.sampled_from([None, False, True, 0, -3, "", "x", "ü", [], {}])


def step(kind: str, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(kind), *parts).map(list)


ATTEMPTS = st.integers(1, 3)
LEAVES = st.one_of(
    step("call", VALUES),
    step("break", st.sampled_from(["", "boom"])),
    step("flaky", VALUES, st.integers(0, 3), ATTEMPTS),
    step("give up", ATTEMPTS),
    step("sleep", st.integers(0, 300)),
    step("event", st.sampled_from(["red", "Green"])),
    step("event until", st.sampled_from(["Red", "blue"]), st.integers(0, 300)),
)
OTHERS = st.one_of(step("call async", VALUES), step("same"), step("clock", st.integers(0, 300)))


def programs(tasks: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    end: st.SearchStrategy[list[Step]] = st.one_of(
        st.just([]), step("raise", st.sampled_from(["no", ""])).map(lambda end: [end])
    )
    return st.tuples(st.lists(st.one_of(tasks, OTHERS), max_size=4), end).map(lambda parts: parts[0] + parts[1])


def composed(inner: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    return st.one_of(
        step("all", st.lists(inner, max_size=4)),
        step("any", st.lists(inner, min_size=1, max_size=3)),
        step("child", programs(inner)),
        step("child again", programs(inner), ATTEMPTS),
    )


ROUNDS = programs(st.recursive(LEAVES, composed, max_leaves=6))
PROGRAMS = st.recursive(
    ROUNDS,
    lambda later: st.tuples(ROUNDS, st.booleans(), later).map(
        lambda parts: [*(one for one in parts[0] if one[0] != "raise"), ["again", parts[1], parts[2]]]
    ),
    max_leaves=3,
)


# --- the plain reading ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """What an event brings, whichever of that name it was."""

    name: str


class Either:
    """One of some values."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def __repr__(self) -> str:
        return f"one of {self.values}"


Outcome = list[Any]
"""Whether something went well, and its result or its error."""


def meaning(program: list[Step]) -> Outcome:
    """What a program comes to. Where things race, it is one of some values."""
    log: list[Any] = []
    for kind, *parts in program:
        match kind:
            case "raise":
                return [False, parts[0]]
            case "again":
                well, rest = meaning(parts[1])
                return [well, [*log, *rest] if well else rest]
            case "same" | "clock":
                log.append([True, True])
            case _:
                log.append(Either(*outcomes([kind, *parts])))
    return [True, log]


def outcomes(step: Step) -> list[Outcome]:
    """What a step may come to."""
    match step:
        case [("call" | "call async"), value]:
            return [[True, value]]
        case ["break", message]:
            return [[False, message]]
        case ["flaky", value, failures, attempts]:
            return [[True, value] if failures < attempts else [False, "flaky"]]
        case ["give up", _]:
            return [[False, "give up"]]
        case ["sleep", _]:
            return [[True, None]]
        case ["event", name]:
            return [[True, Data(name.casefold())]]
        case ["event until", name, _]:
            return [[True, Data(name.casefold())], [False, "late"]]
        case ["all", parts]:
            each = [outcomes(part) for part in parts]
            results = [Either(*(result for well, result in one if well)) for one in each]
            errors = [one for some in each for one in some if not one[0]]
            return [*([[True, results]] if all(one.values for one in results) else []), *errors]
        case ["any", parts]:
            return [[True, [number, one]] for number, part in enumerate(parts) for one in outcomes(part)]
        case ["child", program] | ["child again", program, _]:
            return [meaning(program)]
    raise AssertionError(step)


def fits(wanted: Any, found: Any) -> bool:
    """Whether what was found is what was meant; `0` is not `False`."""
    if isinstance(wanted, Either):
        return any(fits(value, found) for value in wanted.values)
    if isinstance(wanted, Data):
        return isinstance(found, dict) and found.get("name") == wanted.name
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(fits, wanted, found))
    return type(wanted) is type(found) and bool(wanted == found)


# --- the same with the SDK ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """Something that a workflow has asked for, and how to read what came of it."""

    task: Task[Any]
    read: Callable[[], Any]

    def outcome(self) -> Outcome:
        try:
            return [True, self.read()]
        except TaskFailedError as error:
            return [False, error.details.message]
        except TimeoutError:
            return [False, "late"]


def workflow(ctx: DaprWorkflowContext, given: Any) -> Generator[Any, Any, Any]:
    """Does what a program says; the result has what came of each step, in earlier rounds too."""
    program, log, *later = given
    children: list[Task[Any]] = []
    for kind, *parts in program:
        match kind:
            case "raise":
                raise ValueError(parts[0])
            case "again":
                for child in children:  # the next round would take their results for those of its own calls
                    with suppress(TaskFailedError):
                        yield child
                ctx.continue_as_new([parts[1], log, True], save_events=parts[0])
                return None
            case "same":
                drawn = [str(ctx.uuid4()), ctx.random_int(), ctx.now().isoformat()]
                log.append([True, (yield ctx.call_activity("echo", input=drawn)) == drawn])
            case "clock":
                due = ctx.now() + timedelta(seconds=parts[0])
                yield ctx.create_timer(due)
                log.append([True, ctx.now() >= due])
            case _:
                asked = ask(ctx, [kind, *parts], children, ids=bool(later))
                with suppress(TaskFailedError, TimeoutError):
                    yield asked.task
                log.append(asked.outcome())
    return log


def ask(ctx: DaprWorkflowContext, step: Step, children: list[Task[Any]], *, ids: bool) -> Asked:
    """Begin a step. Children have ids of their own where one of an earlier round may have left children itself."""
    task: Task[Any]
    id = f"{ctx.instance_id}-{ctx.uuid4()}" if ids else None
    match step:
        case ["all", parts]:
            each = [ask(ctx, part, children, ids=ids) for part in parts]
            whole = when_all([one.task for one in each])
            return Asked(whole, lambda: whole.get_result() and [one.read() for one in each])
        case ["any", parts]:
            each = [ask(ctx, part, children, ids=ids) for part in parts]
            first = when_any([one.task for one in each])

            def winner() -> Any:
                number = [one.task for one in each].index(first.get_result())
                return [number, each[number].outcome()]

            return Asked(first, winner)
        case ["call", value]:
            task = ctx.call_activity("echo", input=value)
        case ["call async", value]:
            task = ctx.call_activity("echo later", input=value)
        case ["break", message]:
            task = ctx.call_activity("break", input=message)
        case ["flaky", value, failures, attempts]:
            task = ctx.call_activity("flaky", input=[value, failures], retry_policy=retries(attempts))
        case ["give up", attempts]:
            task = ctx.call_activity("give up", retry_policy=retries(attempts))
        case ["sleep", seconds]:
            task = ctx.create_timer(timedelta(seconds=seconds))
        case ["event", name]:
            task = ctx.wait_for_external_event(name)
        case ["event until", name, seconds]:
            task = ctx.wait_for_external_event(name, timeout=timedelta(seconds=seconds))
        case ["child", program]:
            task = ctx.call_child_workflow("workflow", input=[program, []], instance_id=id)
            children.append(task)
        case ["child again", program, attempts]:
            policy = retries(attempts)
            task = ctx.call_child_workflow("workflow", input=[program, []], instance_id=id, retry_policy=policy)
            children.append(task)
    return Asked(task, task.get_result)


def retries(attempts: int) -> RetryPolicy:
    return RetryPolicy(
        first_retry_interval=timedelta(seconds=30), max_number_of_attempts=attempts, backoff_coefficient=2
    )


class Activities:
    """What activities do, and how often each call of one was carried out."""

    def __init__(self) -> None:
        self.done: Counter[tuple[str, int, str]] = Counter()
        self._tries: defaultdict[str, list[int]] = defaultdict(list)
        self._lock = threading.Lock()

    def _note(self, ctx: WorkflowActivityContext) -> int:
        """Count a call; which attempt it is, counted from 0."""
        with self._lock:
            self.done[ctx.workflow_id, ctx.task_id, ctx.task_execution_id] += 1
            tries = self._tries[ctx.task_execution_id]
            if ctx.task_id not in tries:
                tries.append(ctx.task_id)
            return tries.index(ctx.task_id)

    def echo(self, ctx: WorkflowActivityContext, value: Any) -> Any:
        self._note(ctx)
        return value

    async def echo_later(self, ctx: WorkflowActivityContext, value: Any) -> Any:
        await asyncio.sleep(0)
        return self.echo(ctx, value)

    def break_(self, ctx: WorkflowActivityContext, message: str) -> None:
        self._note(ctx)
        raise ValueError(message)

    def flaky(self, ctx: WorkflowActivityContext, given: Any) -> Any:
        value, failures = given
        if self._note(ctx) < failures:
            raise ValueError("flaky")
        return value

    def give_up(self, ctx: WorkflowActivityContext) -> None:
        self._note(ctx)
        raise NonRetryableError("give up")

    def register(self, runtime: WorkflowRuntime) -> WorkflowRuntime:
        runtime.register_workflow(workflow)
        for function, name in (
            (self.echo, "echo"),
            (self.echo_later, "echo later"),
            (self.break_, "break"),
            (self.flaky, "flaky"),
            (self.give_up, "give up"),
        ):
            runtime.registry.add_activity(function, name)
        return runtime


# --- the world -----------------------------------------------------------------------------------------------------


class Clock(VirtualClock):
    """Moves on whatever is under way, and tells how much that is."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self.open, self._tell = 0, changed
        self._count = threading.Lock()

    def wait_until_idle(self, seconds: float = 0) -> bool:
        return True

    def begin(self) -> None:
        with self._count:
            self.open += 1

    def end(self) -> None:
        with self._count:
            self.open -= 1
        self._tell()


@dataclass(eq=False)
class Answer:
    """An answer of a worker, on its way to the sidecar."""

    request: Any
    work: Any
    worker: Any
    arrive: Callable[[], Any]
    refused: bool = False
    """The worker was told that it has not arrived."""

    @property
    def key(self) -> tuple[str, str, int]:
        return type(self.request).__name__, self.request.instanceId, getattr(self.request, "taskId", 0)


class World:
    """A sidecar, two runtimes that work for it, and all that goes wrong, one thing after the other."""

    def __init__(self, random: Random, folder: str) -> None:
        self.random, self.folder = random, Path(folder)
        self.lasting = random.random() < 0.3
        self.changed = threading.Condition()
        self.clock = Clock(self._tell)
        self.answers: list[Answer] = []
        self.late: list[Answer] = []
        self.lost: Counter[tuple[str, int]] = Counter()
        self.raised = itertools.count()
        self.seen: Counter[tuple[str, str, int]] = Counter()
        self.refusals = {number for number in range(20) if random.random() < 0.1}
        """Which answers to the same thing are refused."""
        self.activities = Activities()
        self.sidecar = self._sidecar()
        self.runtimes = [self._runtime(whole) for whole in (False, random.random() < 0.3)]
        self._settle()

    def _sidecar(self) -> Sidecar:
        lasting = ("state.sqlite", {"connectionString": str(self.folder / "db")})
        type, metadata = lasting if self.lasting else ("state.in-memory", {})
        store = Component("store", type, metadata={**metadata, "actorStateStore": "true"})
        made = Sidecar(Options(app_id="app"), components=[store], clock=self.clock)
        made.core.onion.interceptors.append(partial(self._intercept, made))
        return made

    def _runtime(self, whole: bool) -> WorkflowRuntime:
        runtime = WorkflowRuntime(
            channel=lambda: Channel(self.sidecar.grpc), disable_stateful_history=whole, wait=self._wait
        )
        self.activities.register(runtime).start()
        return runtime

    @property
    def engine(self) -> Engine:
        return self.sidecar.core.workflow

    def close(self) -> None:
        for runtime in self.runtimes:
            runtime.shutdown()
        self.sidecar.stop()

    # --- what workers see ---

    def _tell(self) -> None:
        with self.changed:
            self.changed.notify_all()

    @staticmethod
    def _wait(stopping: threading.Event, seconds: float) -> bool:
        return stopping.wait(0.001)

    def _intercept(self, sidecar: Sidecar, call: Call, proceed: Callable[[], Any]) -> Any:
        if call.name not in ANSWERS or sidecar is not self.sidecar:
            answer = proceed()
            self._tell()
            return answer
        work = self.engine.work(call.request)
        with self.changed:
            answer = Answer(call.request, work, work and work.worker, proceed)
            answer.refused = self.seen[answer.key] in self.refusals
            self.seen[answer.key] += 1
            if work is not None and work.worker is not None and call.request.completionToken == work.token:
                self.answers.append(answer)
                self.answers.sort(key=lambda one: one.key)
                self.changed.notify_all()
        if answer.refused:
            raise ActorRuntimeClosed
        return service.CompleteTaskResponse()

    def _settle(self) -> None:
        """Wait until workers have done all that they can."""
        for answer in tuple(self.answers):
            if self.engine.work(answer.request) is not answer.work:  # of an earlier round
                self.answers.remove(answer)
                self._keep(answer)
        with self.changed:
            done = self.changed.wait_for(
                lambda: self.engine.connected_workers == len(self.runtimes) and self.clock.open == len(self.answers),
                SECONDS,
            )
        assert done, f"workers do nothing: {self.clock.open} open, {len(self.answers)} answered\n{self}"

    # --- what happens ---

    def run(self, program: list[Step], mishaps: int) -> WorkflowRun:
        self.engine.begin(Start("w", "workflow", text([program, []])))
        run = WorkflowRun(self.engine, "w")
        for _ in range(3000):
            self._settle()
            if run.status not in (WorkflowStatus.PENDING, WorkflowStatus.RUNNING, WorkflowStatus.SUSPENDED):
                return run
            if mishaps and self.random.random() < 0.4:
                mishaps -= 1
                self.random.choice(MISHAPS)(self)
                run = WorkflowRun(self.engine, "w")
            else:
                self._go_on()
        raise AssertionError(f"it does not end\n{self}")

    def _go_on(self) -> None:
        """Something of what is to happen happens."""
        waiting = list(self._waits())
        able = [answer for answer in self.answers if not answer.refused]
        due = self.engine.next_timer
        if able and self.random.random() < 0.9:
            self._arrive(self.random.choice(able))
        elif WorkflowRun(self.engine, "w").status is WorkflowStatus.SUSPENDED and not self.answers:
            self.engine.resume("w", None, wait=False)
        elif self.answers and not able:
            self.kill()
        elif waiting and (due is None or self.random.random() < 0.5):
            self._raise(*self.random.choice(waiting))
        elif due is not None:
            self.clock.advance_to(max(due, self.clock.now()))

    def _waits(self) -> Iterator[tuple[str, str]]:
        """Which instances have waited for which events; some of them may have come."""
        for id in self.engine.instances:
            instance = self.engine.find(id)
            for event in instance.history if instance is not None and instance.active else ():
                if event.timerCreated.HasField("externalEvent"):
                    yield id, event_name(event)

    def _arrive(self, answer: Answer) -> None:
        self.answers.remove(answer)
        answer.arrive()

    def _raise(self, id: str, name: str) -> None:
        data = {"name": name.casefold(), "to": id, "number": next(self.raised)}
        self.engine.raise_event(id, name.swapcase(), text(data))

    def kill(self) -> None:
        """A worker's connection breaks; what it has answered is lost, or comes when nobody waits for it any more."""
        if not self.answers:
            self.engine.lose_workers()
            return
        worker = self.random.choice(self.answers).worker
        held = [answer for answer in self.answers if answer.worker is worker]
        for answer in held:
            self._lose(answer)
            self._keep(answer)
        self.engine.lose_workers(worker)

    def _keep(self, answer: Answer) -> None:
        """Perhaps an answer that nobody waits for arrives nevertheless; without a token it is taken for another."""
        if answer.request.completionToken and self.random.random() < 0.5:
            self.late.append(answer)

    def _lose(self, answer: Answer, times: int = 1) -> None:
        self.answers.remove(answer)
        if isinstance(answer.request, service.ActivityResponse):
            self.lost[answer.request.instanceId, answer.request.taskId] += times

    def twice(self) -> None:
        """An answer arrives twice, and perhaps once more, much later."""
        if able := [answer for answer in self.answers if answer.request.completionToken]:
            answer = self.random.choice(able)
            self._arrive(answer)
            answer.arrive()
            self._keep(answer)

    def too_late(self) -> None:
        """An answer arrives that nobody waits for."""
        if self.late:
            self.late.pop(self.random.randrange(len(self.late))).arrive()

    def jump(self) -> None:
        """The clock jumps, whatever is under way."""
        self.clock.advance(self.random.randrange(600))

    def restart(self) -> None:
        """The sidecar stops, and another begins with what it has stored."""
        for answer in tuple(self.answers):  # one worker after the other leaves its work to the next
            self._lose(answer, len(self.runtimes))
        self.late.clear()
        kept = self.engine.snapshot()
        self.sidecar.stop()
        self.clock.clear()
        self.sidecar = self._sidecar()
        if not self.lasting:
            self.engine.restore(kept)

    def rest(self) -> None:
        """The workflow is suspended."""
        self.engine.suspend("w", None, wait=False)

    def early(self) -> None:
        """An event comes, whether or not somebody waits for it."""
        self._raise("w", self.random.choice(["red", "green", "blue"]))

    def look(self) -> None:
        """Every history, as it is, can be replayed."""
        replayer = Replayer(workflow)
        for id in self.engine.instances:
            run = WorkflowRun(self.engine, id)
            if run.history:
                replayer.replay_workflow(run.recorded)

    def __repr__(self) -> str:
        return "\n".join(repr(WorkflowRun(self.engine, id)) for id in self.engine.instances)


MISHAPS = (
    World.kill,
    World.kill,
    World.twice,
    World.twice,
    World.too_late,
    World.jump,
    World.restart,
    World.rest,
    World.early,
    World.look,
)


def text(value: Any) -> StringValue:
    return StringValue(value=json.dumps(value))


def check_once(run: WorkflowRun) -> None:
    """Whatever was asked for was asked for once, and answered once."""
    asked, answered = Counter[int](), Counter[tuple[str, int]]()
    for one in run.history:
        event = one.event
        assert event is not None
        if event.eventId >= 0:
            asked[event.eventId] += 1
        if one.task_scheduled_id is not None:
            answered[kind_of(event).removesuffix("Completed").removesuffix("Failed"), one.task_scheduled_id] += 1
        if event.HasField("timerFired"):
            answered["timer", event.timerFired.timerId] += 1
    assert set(asked.values()) <= {1}, run
    assert set(answered.values()) <= {1}, run


def check_order(log: Any, last: dict[tuple[str, str], int]) -> None:
    """Who waited first got what came first."""
    if isinstance(log, dict) and "number" in log:
        key = log["to"], log["name"]
        assert log["number"] > last.get(key, -1), log
        last[key] = log["number"]
    elif isinstance(log, list):
        for one in log:
            check_order(one, last)


@settings(max_examples=30)
@given(program=PROGRAMS, seed=st.integers(0, 2**32), mishaps=st.integers(0, 12))
def test_a_workflow_means_the_same_whatever_happens(program: list[Step], seed: int, mishaps: int) -> None:
    with TemporaryDirectory() as folder:
        world = World(Random(seed), folder)
        try:
            run = world.run(program, mishaps)
            well, wanted = meaning(program)
            assert run.status is (WorkflowStatus.COMPLETED if well else WorkflowStatus.FAILED), world
            found = run.output if well else run.failure and run.failure.message
            assert fits(wanted, found), (wanted, found, world)
            check_order(found, {})
            world.look()
            for id in world.engine.instances:
                check_once(WorkflowRun(world.engine, id))
            for (id, task, _), times in world.activities.done.items():
                assert times <= 1 + world.lost[id, task], (id, task, times, world)
        finally:
            world.close()
