"""The engine: instances, their turns, and what follows from them.

`Engine` is the building block of one app. Calls that change an instance give futures: as in daprd they wait while a
turn of the instance is out, and while there is no worker. Reading answers at once, with what was committed last.
(dapr pkg/actors/targets/workflow, durabletask-go backend.)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow import actions, rerun
from fakesidecar.core.workflow.actions import CannotApply, Message, Outcome, Place, Scheduled, apply
from fakesidecar.core.workflow.apps import APPS
from fakesidecar.core.workflow.faults import (
    AlreadyActive,
    BadToken,
    CannotRerun,
    ChildActive,
    HistoryMissing,
    IllegalId,
    InstanceStalled,
    NoListing,
    NoSuchInstance,
    NotCompleted,
    NothingToRerun,
    NoWorkers,
    RerunExists,
    ShuttingDown,
)
from fakesidecar.core.workflow.history import (
    COMPLETED,
    FAILED,
    NEVER_SECONDS,
    PENDING,
    RUNNING,
    SUSPENDED,
    TERMINATED,
    Event,
    event_name,
    event_waits,
    make,
    resolution_of,
    seconds_of,
)
from fakesidecar.core.workflow.instance import Instance, Turn, of_snapshot, snapshot_of
from fakesidecar.core.workflow.storage import Storage
from fakesidecar.core.workflow.waiting import Action, Becomes, Call, Calls, Watches
from fakesidecar.core.workflow.workers import Limits, Task, Worker, Workers
from fakesidecar.errors import ActorsNotPlaced, ActorStateStoreMissing, ApiError
from fakesidecar.later import settle
from fakesidecar.trace import parse_span

if TYPE_CHECKING:
    from fakesidecar.core import Core

log = logging.getLogger("fakesidecar.workflow")

T = TypeVar("T")

TIGHT_ROUNDS = 20
"""How often an instance continues as new in one go."""
ROUND_BEGINS = 2
"""The length of a history that has only begun a new round."""
PAUSE_SECONDS = 1.0
"""How long it rests then."""

ENDINGS = {COMPLETED: "completed", FAILED: "failed", TERMINATED: "terminated"}
ANYHOW = "anyTerminal"
"""What the configuration calls the ends of instances."""

ACTOR_KINDS = ("activity", "retentioner", "workflow")

Answer = service.ActivityResponse
Interceptor = Callable[[service.ActivityRequest], Answer | Future[Answer] | None]
"""Answers an activity in a worker's place, at once or later, or leaves it to the workers."""


@dataclass(slots=True)
class Start:
    """What a new instance is started with."""

    id: str
    name: str
    input: StringValue | None = None
    at: Timestamp | None = None
    """When; at once if unset."""
    trace: common.TraceContext | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class Engine:
    """The workflows of one app."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._clock, self._ids = core.clock, core.around.ids
        self._app = core.app_id
        self._instances: dict[str, Instance] = {}
        self._tasks: dict[str, dict[int, Task]] = {}
        self._workers = Workers(self._clock, self._ids.uuid, Limits(core.settings.workflow))
        self._ready: dict[Instance, None] = {}
        """Instances with something to do, once there is a worker."""
        self._calls = Calls()
        self._watches = Watches()
        self._storage: Storage | None = None
        self._refused = False
        self._gone: Future[None] | None = None
        """Set when the sidecar stops: whether the last worker is gone."""
        self.activity_interceptor: Interceptor | None = None
        self.child_interceptor: Interceptor | None = None
        """Answers a workflow that another one calls; the request is that of an activity with the child's id."""
        self.on_change: list[Callable[[Instance], None]] = []
        """Called with every instance that was committed, while the engine is locked: they must not wait."""
        APPS.join(self._app, self)

    # --- what is there ---

    @property
    def instances(self) -> tuple[str, ...]:
        """The ids of all instances, oldest first."""
        return tuple(self._instances)

    @property
    def connected_workers(self) -> int:
        """How many streams of work items are open; -1 after one was refused, which daprd counts as closed."""
        return len(self._workers) or -self._refused

    @property
    def starved(self) -> bool:
        """Whether there is work, or a call, that waits for a worker."""
        ready = any(instance.facts.stalled is None for instance in self._ready)
        return ready or self._workers.waiting or self._calls.waiting

    @property
    def next_timer(self) -> float | None:
        """When the next instance goes on by itself, in seconds since 1970; None when all wait for something else."""
        with APPS.change():
            return min((due for one in self._instances.values() for due in one.due()), default=None)

    def work(self, answer: service.WorkflowResponse | Answer) -> Turn | Task | None:
        """The turn or the activity that a worker's answer is to, while it is waited for."""
        with APPS.change():
            if isinstance(answer, Answer):
                return self._tasks.get(answer.instanceId, {}).get(answer.taskId)
            instance = self._instances.get(answer.instanceId)
            return instance.turn if instance is not None else None

    def lose_workers(self, *workers: Worker) -> None:
        """End the streams of workers, of all if none is named; others do what they had begun."""
        for worker in workers or tuple(self._workers):
            self.disconnect(worker)
            worker.end()

    @property
    def actor_types(self) -> tuple[str, ...]:
        """The types of actors that daprd runs workflows with, while there are workers."""
        prefix = f"dapr.internal.{self._core.options.namespace or 'default'}.{self._app}"
        return tuple(f"{prefix}.{kind}" for kind in ACTOR_KINDS) if self._workers else ()

    def find(self, id: str) -> Instance | None:
        """The instance of that id, as it was committed last."""
        return self._instances.get(id)

    def get(self, id: str) -> Instance | None:
        """The instance of that id; raises where daprd cannot look."""
        self._check(reading=True)
        return self._instances.get(id)

    def history(self, id: str) -> list[Event]:
        """The committed history of an instance."""
        instance = self.get(id)
        if instance is None:
            raise HistoryMissing(id=id)
        with APPS.change():
            return list(instance.history)

    def list_ids(self, token: str | None, size: int | None) -> tuple[list[str], str | None]:
        """A page of ids, and the token for the next."""
        try:
            self._check()
        except ApiError as error:
            raise NoListing from error
        if token is not None and not (token.isascii() and token.isdigit()):
            raise BadToken(token=token)
        ids, begin = self.instances, int(token or 0)
        end = len(ids) if size is None else begin + size
        return list(ids[begin:end]), str(end) if size and end < len(ids) else None

    def _check(self, *, reading: bool = False) -> None:
        """Raise what daprd says where it has no actors."""
        if reading:
            self.check_placement()
        if not self._core.actors.enabled or not self._core.actors.state.configured:
            raise ActorStateStoreMissing
        with APPS.change():
            self._store()

    def check_placement(self) -> None:
        """Raise where the sidecar was told of no control plane."""
        if not self._core.actors.enabled:
            raise ActorsNotPlaced

    def _place(self) -> Place:
        return Place(self._app, self._clock.now(), self._ids.uuid, self._core.options.max_body_size)

    # --- workers ---

    def connect(
        self, send: Callable[[service.WorkItem], None], end: Callable[[], None], *, stateful: bool = False
    ) -> Worker:
        """Give work to a worker from now on; `end` ends its stream."""
        try:
            self.check_placement()
        except ActorsNotPlaced as error:
            self._refused = True
            raise NoWorkers(cause=error.go_text) from error
        if self._gone is not None:
            raise ShuttingDown
        worker = Worker(send, end, stateful)
        with self._change():
            self._store()
            self._workers.connect(worker)
            ready, self._ready = self._ready, {}
            for call in self._calls.worker_is_there():
                self._perform_or_queue(call)
            for instance in ready:
                self._later(instance)
        return worker

    def disconnect(self, worker: Worker) -> None:
        """A worker is gone: others do what it had begun."""
        with self._change():
            self._workers.disconnect(worker)
            if self._gone is not None and not self._workers:
                settle(self._gone, None)

    def complete_turn(self, answer: service.WorkflowResponse) -> None:
        """A worker's answer to a turn; one that nobody waits for is ignored."""
        with self._change():
            instance = self._instances.get(answer.instanceId)
            turn = instance.turn if instance is not None else None
            if instance is None or turn is None or not self._workers.is_answered(turn, answer.completionToken):
                return
            try:
                outcome = apply(turn, answer, self._place())
            except CannotApply as error:
                log.warning("the turn of '%s' stays unanswered: %s", instance.id, error)
                self._workers.settle(turn)
                instance.give_up(turn)
                return
            self._workers.settle(turn)
            if outcome.stalled is not None:
                self._stall(instance, turn, outcome.stalled)
            elif outcome.next_round is not None:
                self._continue(instance, turn, outcome.next_round, answer.customStatus.value)
            else:
                self._commit(instance, turn, answer, outcome)

    def complete_task(self, answer: service.ActivityResponse) -> None:
        """A worker's answer to an activity; one that nobody waits for is ignored."""
        with self._change():
            task = self._tasks.get(answer.instanceId, {}).get(answer.taskId)
            if task is not None and self._workers.is_answered(task, answer.completionToken):
                self._workers.settle(task)
                self._end(task, answer)

    # --- calls of clients ---

    def start(self, start: Start) -> Future[Instance]:
        """Begin an instance; the answer comes when its first turn is over, or at once when a time was given."""
        if any(sign in start.id for sign in "/\\#?"):
            raise IllegalId(app=self._app, id=start.id, random=self._ids.uuid()[:8])

        def create(future: Future[Instance]) -> None:
            instance = self._create(start.id, self._started(start), None)
            if start.at is not None:
                settle(future, instance)
            else:
                self._watch(start.id, lambda one: one.facts.status != PENDING, future)

        return self._call(start.id, create)

    def begin(self, start: Start) -> Future[Instance]:
        """Begin an instance; the answer does not wait for its first turn."""

        def create(future: Future[Instance]) -> None:
            settle(future, self._create(start.id, self._started(start), None))

        return self._call(start.id, create)

    def wait_until_started(self, id: str) -> Future[Instance]:
        """The instance, as soon as its first turn is over."""
        return self._wait(id, lambda one: one.facts.status != PENDING)

    def wait_until_completed(self, id: str) -> Future[Instance]:
        """The instance, as soon as it has ended."""
        return self._wait(id, lambda one: not one.active)

    def raise_event(self, id: str, name: str, data: StringValue | None) -> Future[None]:
        """Send an instance an event; the answer does not wait for what it does with it."""

        def store(future: Future[None]) -> None:
            instance = self._existing(id)
            if instance.active:
                self._forget_wait(instance, name)
            self._add(instance, make("eventRaised", self._clock.now(), pb.EventRaisedEvent(name=name, input=data)))
            settle(future, None)

        return self._call(id, store)

    def suspend(self, id: str, reason: StringValue | None, *, wait: bool = True) -> Future[Instance]:
        """Have an instance rest; the answer waits until it does."""
        content = pb.ExecutionSuspendedEvent(input=reason)
        return self._command(id, "executionSuspended", content, lambda one: one.facts.status == SUSPENDED, wait)

    def resume(self, id: str, reason: StringValue | None, *, wait: bool = True) -> Future[Instance]:
        """Have an instance go on; the answer waits until it does."""
        content = pb.ExecutionResumedEvent(input=reason)
        return self._command(id, "executionResumed", content, lambda one: one.facts.status == RUNNING, wait)

    def terminate(self, id: str, output: StringValue | None, *, recursive: bool, wait: bool = True) -> Future[Instance]:
        """End an instance, and its children if `recursive`; the answer waits until it has ended."""
        content = pb.ExecutionTerminatedEvent(input=output, recurse=recursive)
        return self._command(id, "executionTerminated", content, lambda one: False, wait)

    def purge(self, id: str, *, recursive: bool, force: bool = False) -> Future[int]:
        """Forget an instance that has ended, and its children if `recursive`; the answer is how many there were.

        `force` forgets it whatever it does.
        """

        def forget(future: Future[int]) -> None:
            if id not in self._instances:
                raise NoSuchInstance(where="failed to fetch workflow state: " if recursive or force else "")
            if not force:
                self._check_alive(id)
            found = self._purgeable(id, recursive, force)
            for one in found:
                self._delete(one)
            settle(future, len(found))

        return self._call(id, forget)

    def rerun(self, asked: rerun.Asked) -> Future[str]:
        """Run an instance again, under a new id, from one of its events; the answer is the new id."""
        new = asked.new

        def run(future: Future[str]) -> None:
            source = self._instances.get(asked.source)
            if source is None:
                raise NothingToRerun(message=f"workflow instance does not exist with ID '{asked.source}'")
            fork = rerun.fork(source.facts, source.history, asked, self._clock.now())
            if new in self._instances:
                raise RerunExists(id=new)
            self.import_history(new, fork.history)
            settle(future, new)

        if not asked.source:
            raise CannotRerun(message="rerun workflow source instance ID is required")
        if new == asked.source:
            raise CannotRerun(message="rerun workflow instance ID must be different from the original instance ID")
        return self._call(asked.source, run)

    def import_history(self, id: str, events: Iterable[Event], custom_status: str = "") -> Instance:
        """Have an instance with this history, in place of any of that id; what it began and nothing ended, runs."""
        with self._change():
            self._delete(id)
            instance = self._instances[id] = Instance(id, history=list(events), custom_status=custom_status)
            for event in instance.history:
                instance.facts.see(event)
            self._resume_open(instance)
            self._changed(instance)
        return instance

    # --- calls, and what they wait for ---

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Change something: the clock stands still until all that follows is under way."""
        with self._clock.busy(), APPS.change():
            yield

    def _call(self, id: str, action: Action) -> Future[Any]:
        self._check()
        future: Future[Any] = Future()
        with self._change():
            self._perform_or_queue(Call(id, action, future))
        return future

    def _perform_or_queue(self, call: Call) -> None:
        instance = self._instances.get(call.id)
        if not self._workers:
            self._calls.wait_for_worker(call)
        elif instance is not None and (instance.turn is not None or not instance.id):
            self._calls.wait_for_turn(call)
        else:
            call.perform()

    def _wait(self, id: str, becomes: Becomes) -> Future[Instance]:
        self.check_placement()
        future: Future[Instance] = Future()
        with self._change():
            self._watch(id, becomes, future)
        return future

    def _watch(self, id: str, becomes: Becomes, future: Future[Instance]) -> None:
        self._watches.add(id, self._instances.get(id), becomes, future)

    def _changed(self, instance: Instance) -> None:
        """Tell those who wait for an instance, and those who are told of every one."""
        self._touch(instance)
        self._watches.changed(instance)
        for tell in self.on_change:
            APPS.later(partial(tell, instance))

    def _existing(self, id: str) -> Instance:
        self._check_alive(id)
        if (instance := self._instances.get(id)) is None:
            raise NoSuchInstance(where="")
        return instance

    def _check_alive(self, id: str) -> None:
        instance = self._instances.get(id)
        if instance is not None and instance.facts.stalled is not None:
            raise InstanceStalled(id=id)

    def _command(self, id: str, kind: str, content: Any, becomes: Becomes, wait: bool) -> Future[Instance]:
        def command(future: Future[Instance]) -> None:
            instance = self._existing(id)
            self._add(instance, make(kind, self._clock.now(), content))
            if wait:
                self._watch(id, lambda one: becomes(one) or not one.active, future)
            else:
                settle(future, instance)

        return self._call(id, command)

    # --- instances ---

    def _started(self, start: Start) -> Event:
        content = pb.ExecutionStartedEvent(
            name=start.name,
            input=start.input,
            workflowInstance=common.WorkflowInstance(
                instanceId=start.id, executionId=StringValue(value=self._ids.uuid())
            ),
            scheduledStartTimestamp=start.at,
            parentTraceContext=start.trace,
        )
        if start.trace is not None:
            content.workflowSpanID.value = start.trace.spanID or parse_span(start.trace.traceParent).span_id
        router = common.TaskRouter(sourceAppID=self._app)
        return make("executionStarted", self._clock.now(), content, router=router)

    def _create(self, id: str, started: Event, propagated: pb.PropagatedHistory | None) -> Instance:
        """A new instance, in place of one that has ended."""
        self._check_alive(id)
        before = self._instances.get(id)
        if before is not None:
            if before.active:
                raise AlreadyActive(id=id)
            if (child := self._active_child(before)) is not None:
                raise ChildActive(id=id, child=child)
            self._delete(id)
        instance = self._instances[id] = Instance(id, inbox=[started], propagated=propagated)
        self._begin_at(instance, started)
        self._changed(instance)
        return instance

    def _begin_at(self, instance: Instance, started: Event | None) -> None:
        """Begin a turn, at once or when its start says."""
        at = None if started is None else started.executionStarted.scheduledStartTimestamp
        if at is not None and seconds_of(at) > self._clock.now():
            instance.alarm = self._clock.call_at(seconds_of(at), lambda: self._due(instance))
        else:
            self._later(instance)

    def _due(self, instance: Instance) -> None:
        with self._change():
            self._later(instance)

    def _active_child(self, instance: Instance) -> str | None:
        for id in instance.facts.children:
            child = self._instances.get(id)
            if child is not None and (child.active or self._active_child(child) is not None):
                return id
        return None

    def _purgeable(self, id: str, recursive: bool, force: bool) -> list[str]:
        """The instance of that id, and its children, children first; raises when one of them has not ended."""
        instance = self._instances.get(id)
        if instance is None:
            return []
        if instance.active and not force:
            raise NotCompleted(where="")
        found: list[str] = []
        if recursive:
            for child in instance.facts.children:
                try:
                    found += [one for one in self._purgeable(child, recursive, force) if one not in found]
                except NotCompleted as error:
                    raise NotCompleted(where="failed to purge child workflow: ") from error
        return [*found, id]

    def _delete(self, id: str) -> None:
        instance = self._instances.pop(id, None)
        if instance is None:
            return
        instance.stop_timers()
        if instance.alarm is not None:
            instance.alarm.cancel()
        if instance.turn is not None:
            self._workers.settle(instance.turn)
            instance.turn = None
        for task in self._tasks.pop(id, {}).values():
            self._workers.settle(task)
        self._ready.pop(instance, None)
        self._workers.forget(id)
        if self._storage is not None:
            self._storage.delete(id)
        self._release(id)

    def _release(self, id: str) -> None:
        """Go on with the calls that waited for a turn."""
        for call in self._calls.turn_is_over(id):
            self._perform_or_queue(call)

    # --- turns ---

    def _add(self, instance: Instance, event: Event) -> None:
        """Something has happened to an instance; a turn will tell its worker."""
        instance.inbox.append(event)
        self._touch(instance)
        self._later(instance)

    def _later(self, instance: Instance) -> None:
        APPS.later(lambda: self._advance(instance))

    def _advance(self, instance: Instance) -> None:
        """Begin the next turn, if there is anything to tell and somebody to tell it.

        An instance without an id never has one, and what is asked of it waits: daprd's scheduler drops its reminder.
        """
        if self._instances.get(instance.id) is not instance or instance.turn is not None or not instance.id:
            return
        if not instance.active:
            self._drop_inbox(instance)
        elif instance.inbox or instance.alarm is not None:
            if not self._workers:
                self._ready[instance] = None
                return
            if instance.alarm is not None:
                instance.alarm.cancel()
                instance.alarm = None
            turn = instance.begin(self._clock.now())
            stalled = actions.too_large("Workflow payload size", turn.size, self._core.options.max_body_size)
            if stalled is None:
                self._workers.give(turn)
            else:
                self._stall(instance, turn, stalled)

    def _drop_inbox(self, instance: Instance) -> None:
        """What happens to an instance that has ended is of no interest, but that its children are to end."""
        inbox, instance.inbox = instance.inbox, []
        for event in inbox:
            if event.HasField("executionTerminated"):
                self._cascade(instance, event.executionTerminated)

    def _commit(self, instance: Instance, turn: Turn, answer: service.WorkflowResponse, outcome: Outcome) -> None:
        version = actions.version_of(turn, answer)
        if version is not None:
            turn.events[0].workflowStarted.version.CopyFrom(version)
        instance.commit(turn, outcome.events, answer.customStatus.value)
        for event in outcome.timers:
            self._arm(instance, event)
        for scheduled in outcome.tasks:
            self._schedule(instance, scheduled)
        for message in outcome.messages:
            self._send(message)
        if outcome.completed is not None:
            instance.stop_timers()
            self._workers.forget(instance.id)
            if turn.terminated is not None:
                self._cascade(instance, turn.terminated.executionTerminated)
            self._keep_for_a_while(instance)
        self._after(instance)

    def _after(self, instance: Instance) -> None:
        self._changed(instance)
        self._release(instance.id)
        self._later(instance)

    def _keep_for_a_while(self, instance: Instance) -> None:
        """Forget an instance that has ended, if and when the configuration says so."""
        retention, ended = self._core.settings.workflow.retention, instance.facts.completed
        if not retention or ended is None:
            return
        ending = ENDINGS.get(ended.executionCompleted.workflowStatus, ANYHOW)
        seconds = retention.get(ending, retention.get(ANYHOW))
        if seconds is None:
            return
        when = seconds_of(ended.timestamp) + seconds
        if when <= self._clock.now():
            APPS.later(lambda: self._forget(instance))
        else:
            instance.alarm = self._clock.call_at(when, lambda: self._forget(instance))

    def _forget(self, instance: Instance) -> None:
        with self._change():
            if self._instances.get(instance.id) is instance:
                self._delete(instance.id)

    def _stall(self, instance: Instance, turn: Turn, content: pb.ExecutionStalledEvent) -> None:
        """Nobody can go on with it; the next worker that comes is asked again."""
        instance.give_up(turn)
        last = instance.facts.stalled
        if last is None or last.executionStalled.description != content.description:
            event = make("executionStalled", self._clock.now(), content)
            instance.history.append(event)
            instance.facts.see(event)
        self._ready[instance] = None
        self._changed(instance)
        self._release(instance.id)

    def _continue(self, instance: Instance, turn: Turn, events: list[Event], custom_status: str) -> None:
        """Begin a new round, in the same go; after many of them with a pause."""
        instance.stop_timers()
        instance.generation += 1
        instance.turn = fresh = turn.next_round(events)
        if fresh.rounds <= TIGHT_ROUNDS:
            self._workers.give(fresh)
            return
        carried = fresh.events[2:]
        del fresh.events[2:]
        instance.commit(fresh, (), custom_status)
        instance.inbox = [*carried, *instance.inbox]
        instance.alarm = self._clock.call_later(PAUSE_SECONDS, lambda: self._due(instance))
        self._changed(instance)
        self._release(instance.id)

    def _cascade(self, instance: Instance, terminated: pb.ExecutionTerminatedEvent) -> None:
        """End the children of an instance that was ended with them."""
        if not terminated.recurse:
            return
        for id in instance.facts.children:
            child = self._instances.get(id)
            if child is not None:
                content = pb.ExecutionTerminatedEvent(recurse=True)
                if terminated.HasField("input"):
                    content.input.CopyFrom(terminated.input)
                self._add(child, make("executionTerminated", self._clock.now(), content))

    # --- timers ---

    def _arm(self, instance: Instance, created: Event) -> None:
        """Have a timer fire; one that is due at the end of time never does."""
        fire_at, id = created.timerCreated.fireAt, created.eventId
        if fire_at.seconds >= NEVER_SECONDS:
            return
        when = seconds_of(fire_at)
        if when <= self._clock.now():
            APPS.later(lambda: self._fire(instance, created))
        else:
            instance.timers[id] = self._clock.call_at(when, lambda: self._fire(instance, created))

    def _fire(self, instance: Instance, created: Event) -> None:
        with self._change():
            instance.timers.pop(created.eventId, None)
            if self._instances.get(instance.id) is instance and instance.active:
                content = pb.TimerFiredEvent(fireAt=created.timerCreated.fireAt, timerId=created.eventId)
                self._add(instance, make("timerFired", self._clock.now(), content))

    def _forget_wait(self, instance: Instance, name: str) -> None:
        """An event comes that ends the oldest wait for it: no timer limits that any more."""
        if not instance.timers:
            return
        waits = event_waits((*instance.history, *instance.waiting))
        wait = next((timer for timer in waits if event_name(timer) == name.casefold()), None)
        if wait is not None and (timer := instance.timers.pop(wait.eventId, None)) is not None:
            timer.cancel()

    # --- activities ---

    def _schedule(self, instance: Instance, scheduled: Scheduled) -> None:
        task = Task(self, instance.id, instance.generation, scheduled.event, scheduled.propagated)
        if scheduled.app:
            APPS.deliver(scheduled.app, lambda engine: engine._take(task))
        else:
            self._take(task)

    def _take(self, task: Task) -> None:
        """Have an activity run by one of the workers, unless somebody answers in their place."""
        tasks = self._tasks.setdefault(task.instance, {})
        if (before := tasks.get(task.event.eventId)) is not None:
            self._workers.settle(before)  # an earlier round's, which nobody waits for
        tasks[task.event.eventId] = task
        intercept = self.activity_interceptor
        answer = None if intercept is None else self._intercepted(lambda: intercept(task.request()))
        if answer is None:
            self._workers.give(task)
        else:
            self._await(answer, partial(self._end, task))

    def _await(self, answer: Answer | Future[Answer], end: Callable[[Answer], None]) -> None:
        """Go on with what an interceptor answers, when it does."""
        if isinstance(answer, Future):
            self._clock.begin()
            answer.add_done_callback(partial(self._answered_later, end))
        else:
            APPS.later(lambda: end(answer))

    def _answered_later(self, end: Callable[[Answer], None], done: Future[Answer]) -> None:
        with self._change():
            self._clock.end()
            end(self._intercepted(done.result))

    @staticmethod
    def _intercepted(answer: Callable[[], T]) -> T | Answer:
        """What the interceptor answers; what it raises is the activity's failure."""
        try:
            return answer()
        except Exception as error:
            details = common.TaskFailureDetails(errorType=type(error).__name__, errorMessage=str(error))
            return Answer(failureDetails=details)

    def _end(self, task: Task, answer: service.ActivityResponse) -> None:
        tasks = self._tasks.get(task.instance, {})
        if tasks.get(task.event.eventId) is task:
            del tasks[task.event.eventId]
            if not tasks:
                self._tasks.pop(task.instance)
            task.owner._resolve(task, answer)

    def _resolve(self, task: Task, answer: service.ActivityResponse) -> None:
        """Tell an instance how its activity ended."""
        instance, id = self._instances.get(task.instance), task.event.eventId
        if instance is None or not instance.active:
            return
        if task.generation != instance.generation and ("task", id) in instance.facts.opened:
            return  # an earlier round's, under an id that the present round has used again
        execution = task.event.taskScheduled.taskExecutionId
        content: pb.TaskCompletedEvent | pb.TaskFailedEvent
        if answer.HasField("failureDetails"):
            kind, content = "taskFailed", pb.TaskFailedEvent(taskScheduledId=id, taskExecutionId=execution)
            content.failureDetails.CopyFrom(answer.failureDetails)
        else:
            kind, content = "taskCompleted", pb.TaskCompletedEvent(taskScheduledId=id, taskExecutionId=execution)
            if answer.HasField("result"):
                content.result.CopyFrom(answer.result)
        self._add(instance, make(kind, self._clock.now(), content, router=task.event.router))

    # --- messages to other instances ---

    def _send(self, message: Message) -> None:
        if message.app:
            APPS.deliver(message.app, lambda engine: engine._receive(message))
        else:
            APPS.later(lambda: self._receive(message))

    def _receive(self, message: Message) -> None:
        if message.event.HasField("executionStarted"):
            self._receive_start(message)
            return
        instance = self._instances.get(message.instance)
        if instance is not None and instance.active:
            self._add(instance, message.event)

    def _receive_start(self, message: Message) -> None:
        started = message.event.executionStarted
        intercept = self.child_interceptor
        if intercept is not None and started.HasField("parentInstance"):
            answer = self._intercepted(lambda: intercept(_request_of(started)))
            if answer is not None:
                self._await(answer, partial(self._answer_parent, started))
                return
        before = self._instances.get(message.instance)
        if before is not None and self._has_begun(before, message.event):
            return
        try:
            self._create(message.instance, message.event, message.propagated)
        except ApiError as error:
            parent = message.event.executionStarted.parentInstance
            if not message.event.executionStarted.HasField("parentInstance"):
                log.warning("a detached workflow was not started: %s", error)
                return
            content = pb.ChildWorkflowInstanceFailedEvent(
                taskScheduledId=parent.taskScheduledId,
                failureDetails=common.TaskFailureDetails(
                    errorType="WorkflowInstanceAlreadyExists", errorMessage=error.message
                ),
            )
            event = make("childWorkflowInstanceFailed", self._clock.now(), content)
            self._send(actions.for_parent(parent, event, self._place()))

    def _answer_parent(self, started: pb.ExecutionStartedEvent, answer: Answer) -> None:
        """Tell a parent what somebody has answered in the place of its child."""
        done = pb.ExecutionCompletedEvent(workflowStatus=COMPLETED)
        if answer.HasField("failureDetails"):
            done = pb.ExecutionCompletedEvent(workflowStatus=FAILED, failureDetails=answer.failureDetails)
        elif answer.HasField("result"):
            done.result.CopyFrom(answer.result)
        self._send(actions.to_parent(started, done, self._place()))

    def _has_begun(self, child: Instance, event: Event) -> bool:
        """Whether a child is what its parent asks for; a parent that asks again has not heard how it ended.

        One that an earlier round of the parent began, under the same number, is what the present round asks for as long
        as it runs, whatever it was told; its result is the present round's (dapr pkg/actors/targets/workflow).
        """
        if child.start is None or not event.executionStarted.HasField("parentInstance"):
            return False
        before, parent = child.start.executionStarted, event.executionStarted.parentInstance
        if _caller(before.parentInstance) != _caller(parent):
            return False
        if child.facts.completed is None:
            return True
        if before.parentInstance.workflowInstance != parent.workflowInstance:
            return False
        self._send(actions.to_parent(before, child.facts.completed.executionCompleted, self._place()))
        return True

    # --- going on with a history ---

    def _resume_open(self, instance: Instance) -> None:
        """Run what a history has begun and nothing has ended."""
        if not instance.active:
            return
        place = self._place()
        told = {resolution_of(event) for event in instance.inbox}
        for key, event in instance.facts.opened.items():
            if key in instance.facts.resolved or key in told:
                continue
            target = event.router.targetAppID
            app = "" if target == self._app else target
            match key[0]:
                case "timer":
                    self._arm(instance, event)
                case "task":
                    self._schedule(instance, Scheduled(app, event))
                case _:
                    child = event.childWorkflowInstanceCreated
                    turn = Turn(instance, instance.history, instance.facts, [])
                    self._send(Message(app, child.instanceId, actions.start_of_child(turn, event, place)))

    def _store(self) -> Storage | None:
        """Where instances are kept, once what was kept before is loaded; None where nothing outlives the sidecar."""
        if self._storage is not None or self._gone is not None:
            return self._storage
        store = self._core.actors.state.find()
        if store is not None and store.lasting:
            self._storage = Storage(self._core, store)
            self._go_on_with(list(self._storage.load()))
        return self._storage

    def _go_on_with(self, kept: Sequence[Instance]) -> None:
        for instance in kept:
            self._instances[instance.id] = instance
        for instance in kept:
            self._wake(instance)
            self._keep_for_a_while(instance)

    def _wake(self, instance: Instance) -> None:
        """Go on with an instance that was kept."""
        self._resume_open(instance)
        started = instance.start
        if started is not None and not instance.history:
            self._begin_at(instance, started)
        elif instance.inbox or len(instance.history) == ROUND_BEGINS:
            self._begin_at(instance, None)

    def _touch(self, instance: Instance) -> None:
        """Something of an instance is to be kept."""
        if self._storage is not None and self._instances.get(instance.id) is instance:
            self._storage.touch(instance)

    # --- the building block ---

    def add(self, spec: object, component: object) -> None:
        """Workflows have no components of their own."""
        raise TypeError("workflows have no components")

    def blocking(self, name: str) -> bool:
        """Nothing here waits for anything outside of this process."""
        return False

    def reset(self) -> None:
        """Forget every instance; workers stay, those who wait go."""
        with self._change():
            self._calls.dismiss()
            self._watches.dismiss()
            for id in self.instances:
                self._delete(id)

    def snapshot(self) -> list[dict[str, Any]]:
        """Every instance, as a copy."""
        with APPS.change():
            return [snapshot_of(instance) for instance in self._instances.values()]

    def restore(self, kept: Sequence[Mapping[str, Any]]) -> None:
        """Have the instances that were kept, and go on with them; all others are forgotten."""
        self.reset()
        with self._change():
            self._go_on_with([of_snapshot(one) for one in kept])
            for instance in tuple(self._instances.values()):
                self._touch(instance)

    def stop(self) -> Future[None]:
        """End the streams of all workers; the future says when the last one is gone."""
        with self._change():
            self._calls.dismiss()
            self._watches.dismiss()
            self._gone = self._gone or Future()
            if not self._workers:
                settle(self._gone, None)
            self._workers.end_all()
        return self._gone

    def close(self) -> None:
        """Other apps find this one no more; what is kept is complete."""
        APPS.leave(self._app, self)
        self.stop()
        with self._change():
            self._workers.clear()
            storage, self._storage = self._storage, None
        if storage is not None:
            storage.close()


def _caller(parent: common.ParentInstanceInfo) -> tuple[str, int]:
    """Who called a child, and by which action; not in which round."""
    return parent.workflowInstance.instanceId, parent.taskScheduledId


def _request_of(started: pb.ExecutionStartedEvent) -> service.ActivityRequest:
    """The call of a child as if it were one of an activity."""
    parent = started.parentInstance
    return service.ActivityRequest(
        name=started.name,
        input=started.input if started.HasField("input") else None,
        workflowInstance=parent.workflowInstance,
        taskId=parent.taskScheduledId,
        taskExecutionId=started.workflowInstance.instanceId,
    )
