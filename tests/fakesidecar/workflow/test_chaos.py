"""Whatever happens to workers, clocks and sidecars on the way, a workflow's result is what its program says.

Random programs run against the engine, while workers die with what they hold, answers come twice or too late, clocks
jump and sidecars are started again. What comes out must be what a plain reading of the program gives, every activity
must have been recorded once, and the history must be one that can be read again from its beginning.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.clock import VirtualClock
from fakesidecar.core.workflow import Engine, Start
from fakesidecar.core.workflow.history import OPENED_BY, Facts, kind_of, resolution_of
from fakesidecar.core.workflow.workers import Worker as Connection
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

from .scripted import Action, So, child, complete, output, task, text, timer, wait_for

STORE = Component("store", "state.in-memory", metadata={"actorStateStore": "true"})

# --- programs: lists of statements, each a list that begins with its kind -----------------------------------------

ACT = st.tuples(st.just("act"), st.integers(0, 9), st.integers(0, 2)).map(list)
"""An activity, how often it fails before it succeeds."""
SLEEP = st.tuples(st.just("sleep"), st.integers(0, 500)).map(list)
EVENT = st.tuples(st.just("event"), st.sampled_from(["red", "Green"])).map(list)
FAN = st.tuples(st.just("fan"), st.lists(st.integers(0, 9), min_size=1, max_size=4)).map(list)
SIMPLE = st.one_of(ACT, SLEEP, EVENT, FAN)
PROGRAMS = st.recursive(
    st.lists(SIMPLE, max_size=4),
    lambda inner: st.lists(st.one_of(SIMPLE, st.tuples(st.just("child"), inner).map(list)), max_size=4),
    max_leaves=8,
)


def meaning(program: list[Any]) -> list[Any]:
    """What a program gives, read plainly."""
    out: list[Any] = []
    for kind, *rest in program:
        match kind:
            case "act":
                out.append(rest[0] * rest[0])
            case "fan":
                out.append([number * number for number in rest[0]])
            case "event":
                out.append(rest[0].lower())
            case "child":
                out.append(meaning(rest[0]))
    return out


class Blocked(Exception):
    """The program waits."""


@dataclass
class Reader:
    """Reads a program along a history: what was done is skipped, what is next becomes actions."""

    so: So
    actions: list[Action] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    taken: dict[str, int] = field(default_factory=dict)

    def do(self, action: Action) -> int:
        if not self.so.took(action.id):
            self.actions.append(action)
        return action.id

    def run(self, program: list[Any]) -> list[Action]:
        try:
            out = [found for statement in program if (found := self.statement(*statement)) is not None]
        except Blocked:
            return self.actions
        return [*self.actions, complete(next(self.ids), json.dumps(out))]

    def statement(self, kind: str, *rest: Any) -> Any:
        return getattr(self, kind)(*rest)

    def act(self, number: int, failures: int) -> Any:
        while True:
            id = self.do(task(next(self.ids), "square", json.dumps([number, failures, self.so.id])))
            if (result := self.so.result(id)) is not None:
                return json.loads(result)
            if self.so.failure(id) is None:
                raise Blocked
            failures -= 1
            self.sleep(30)

    def fan(self, numbers: list[int]) -> Any:
        ids = [self.do(task(next(self.ids), "square", json.dumps([number, 0, self.so.id]))) for number in numbers]
        results = [self.so.result(id) for id in ids]
        if None in results:
            raise Blocked
        return [json.loads(result or "") for result in results]

    def sleep(self, seconds: int) -> None:
        id = next(self.ids)
        begun = next((e for e in self.so.past if e.eventId == id), None)
        at = begun.timestamp.seconds if begun is not None else self.so.new[0].timestamp.seconds
        self.do(timer(id, at + seconds))
        if not self.so.fired(id):
            raise Blocked

    def event(self, name: str) -> Any:
        position = self.taken.get(name.lower(), 0)
        self.taken[name.lower()] = position + 1
        found = self.so.raised(name)
        id = next(self.ids)
        if position < len(found):
            return found[position]
        self.do(wait_for(id, name))
        raise Blocked

    def child(self, program: list[Any]) -> Any:
        id = self.do(child(next(self.ids), "program", json.dumps(program)))
        result = self.so.result(id)
        if result is None:
            raise Blocked
        return json.loads(result)


# --- the world -----------------------------------------------------------------------------------------------------


class Hasty(VirtualClock):
    """A clock that moves on whatever is under way."""

    def wait_until_idle(self, seconds: float = 0) -> bool:
        return True


class World:
    """An engine, its workers and everything that goes wrong; one thing after the other, as a random source says."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.clock = Hasty()
        self.pending: list[tuple[Connection, service.WorkItem]] = []
        self.told: list[tuple[Any, Any]] = []
        self.known: dict[tuple[int, str], list[pb.HistoryEvent]] = {}
        self.workers: list[Connection] = []
        self.sidecar = Sidecar(Options(app_id="chaos"), components=[STORE], clock=self.clock)
        for _ in range(2):
            self.connect()

    @property
    def engine(self) -> Engine:
        return self.sidecar.core.workflow

    def connect(self) -> None:
        stateful = self.random.random() < 0.7
        holder: list[Connection] = []

        def send(item: service.WorkItem) -> None:
            early.append(item) if not holder else self.pending.append((holder[0], item))

        early: list[service.WorkItem] = []
        connection = self.engine.connect(send, lambda: None, stateful=stateful)
        holder.append(connection)
        self.pending += [(connection, item) for item in early]
        self.workers.append(connection)

    def kill(self) -> None:
        """A worker dies with all that it holds; another comes."""
        victim = self.workers.pop(self.random.randrange(len(self.workers)))
        self.pending = [(worker, item) for worker, item in self.pending if worker is not victim]
        self.engine.disconnect(victim)
        self.connect()

    def work(self) -> None:
        """Some worker finishes some item, perhaps telling twice, perhaps much later once more."""
        worker, item = self.pending.pop(self.random.randrange(len(self.pending)))
        answer: Any
        if item.HasField("activityRequest"):
            answer = self.run_activity(item)
            tell: Any = self.engine.complete_task
        else:
            answer, tell = self.run_turn(worker, item), self.engine.complete_turn
        tell(answer)
        if worker.stateful:
            self.told.append((tell, answer))
        while self.told and self.random.random() < 0.3:  # again, or long after
            old_tell, old_answer = self.random.choice(self.told)
            old_tell(old_answer)

    def run_activity(self, item: service.WorkItem) -> service.ActivityResponse:
        request = item.activityRequest
        number, failures, _ = json.loads(request.input.value)
        answer = service.ActivityResponse(
            instanceId=request.workflowInstance.instanceId, taskId=request.taskId, completionToken=item.completionToken
        )
        if failures:
            answer.failureDetails.CopyFrom(common.TaskFailureDetails(errorType="E", errorMessage="not yet"))
        else:
            answer.result.value = json.dumps(number * number)
        return answer

    def run_turn(self, worker: Connection, item: service.WorkItem) -> service.WorkflowResponse:
        request = item.workflowRequest
        key = id(worker), request.instanceId
        past = [*self.known.get(key, [])[: request.cachedHistory.eventCount], *request.pastEvents]
        self.known[key] = past
        so = So(request.instanceId, past, request.newEvents)
        actions = Reader(so).run(json.loads(so.input))
        return service.WorkflowResponse(
            instanceId=request.instanceId, actions=actions, completionToken=item.completionToken
        )

    def take_away(self) -> None:
        """Everything is carried to another sidecar, as histories."""
        histories = {
            id: [pb.HistoryEvent.FromString(event.SerializeToString()) for event in found.history]
            for id in self.engine.instances
            if (found := self.engine.find(id)) is not None and found.turn is None and not found.inbox
        }
        if len(histories) < len(self.engine.instances):
            return  # not everything is history yet
        self.replace()
        for id in sorted(histories, key=len, reverse=True):  # children first, or their parents start them again
            self.engine.import_history(id, histories[id])

    def carry_over(self) -> None:
        """Everything is carried to another sidecar, as a copy, whatever is under way."""
        copy = self.engine.snapshot()
        self.replace()
        self.engine.restore(copy)

    def replace(self) -> None:
        """Another sidecar, which knows nothing yet, with other workers."""
        self.sidecar.stop()
        self.clock.clear()
        self.pending.clear()
        self.told.clear()
        self.workers.clear()
        self.sidecar = Sidecar(Options(app_id="chaos"), components=[STORE], clock=self.clock)
        for _ in range(2):
            self.connect()

    def raise_events(self) -> None:
        """Every instance that waits for an event gets one of that name."""
        for id in self.engine.instances:
            found = self.engine.find(id)
            if found is None or not found.active:
                continue
            raised = [e.eventRaised.name for e in found.history if e.HasField("eventRaised")]
            waits = [
                e.timerCreated.externalEvent.name
                for e in found.history
                if e.HasField("timerCreated") and e.timerCreated.HasField("externalEvent")
            ]
            for name in waits:
                if raised.count(name.upper()) < waits.count(name):
                    self.engine.raise_event(id, name.upper(), text(json_name(name)))
                    break

    def step(self) -> None:
        roll = self.random.random()
        if roll < 0.08:
            self.kill()
        elif roll < 0.12:
            self.clock.advance(self.random.randrange(600))
        elif roll < 0.15:
            self.take_away()
        elif roll < 0.18:
            self.carry_over()
        elif self.pending:
            self.work()
        elif (due := self.clock.next_timer()) is not None:
            self.clock.advance_to(max(due, self.clock.now()))
        else:
            self.raise_events()


def json_name(name: str) -> str:
    return name.lower()


def check_history(history: list[pb.HistoryEvent]) -> None:
    """Everything is begun once, resolved at most once, and not before it was begun."""
    begun: set[tuple[str, int]] = set()
    resolved: set[tuple[str, int]] = set()
    for event in history:
        if (opens := OPENED_BY.get(kind_of(event))) is not None:
            assert (opens, event.eventId) not in begun
            begun.add((opens, event.eventId))
        if (key := resolution_of(event)) is not None:
            assert key in begun
            assert key not in resolved
            resolved.add(key)


def check_replay(history: list[pb.HistoryEvent]) -> None:
    """Read again from the beginning, turn by turn, the program takes the actions that were recorded."""
    turns: list[list[pb.HistoryEvent]] = []
    for event in history:
        if event.HasField("workflowStarted"):
            turns.append([])
        turns[-1].append(event)
    past: list[pb.HistoryEvent] = []
    for turn in turns:
        new = [event for event in turn if event.eventId == -1]
        taken = [event for event in turn if event.eventId != -1]
        so = So("again", past, new)
        actions = Reader(so).run(json.loads(So("again", history, []).input))
        assert [action.id for action in actions] == [event.eventId for event in taken]
        past = [*past, *turn]


@given(program=PROGRAMS, seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_a_program_means_the_same_whatever_happens(program: list[Any], seed: int) -> None:
    world = World(Random(seed))
    world.engine.begin(Start("w", "program", text(json.dumps(program))))
    for _ in range(20_000):
        found = world.engine.find("w")
        if found is not None and not found.active:
            break
        world.step()
    assert found is not None
    assert not found.active, "it never ended"
    assert json.loads(output(found)) == meaning(program)
    for id in world.engine.instances:
        one = world.engine.find(id)
        assert one is not None
        check_history(list(one.history))
        check_replay(list(one.history))
        assert Facts(one.history).status == one.facts.status
    world.sidecar.stop()
