"""The engine: what clients, workers, other apps and tests ask of the workflows of an app.

`Engine` is the building block of one app. Calls that change an instance give futures: as in daprd they wait while a
turn of the instance is out, and while there is no worker. Reading answers at once, with what was committed last.
(dapr pkg/actors/targets/workflow, durabletask-go backend.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow import rerun
from fakesidecar.core.workflow.actions import Message, Place
from fakesidecar.core.workflow.activities import Activities
from fakesidecar.core.workflow.apps import APPS, change
from fakesidecar.core.workflow.family import purgeable
from fakesidecar.core.workflow.faults import (
    BadToken,
    CannotRerun,
    HistoryMissing,
    IllegalId,
    NoListing,
    NoSuchInstance,
    NothingToRerun,
    NoWorkers,
    RerunExists,
    ShuttingDown,
)
from fakesidecar.core.workflow.history import PENDING, RUNNING, SUSPENDED, Event, make
from fakesidecar.core.workflow.instance import Instance, Turn, of_snapshot, snapshot_of
from fakesidecar.core.workflow.interception import Answer, Interception, Interceptor
from fakesidecar.core.workflow.mail import Mail
from fakesidecar.core.workflow.storage import Storage
from fakesidecar.core.workflow.timers import end_wait
from fakesidecar.core.workflow.turns import Turns
from fakesidecar.core.workflow.waiting import Action, Becomes
from fakesidecar.core.workflow.workers import Limits, Task, Worker, Workers
from fakesidecar.errors import ActorsNotPlaced, ActorStateStoreMissing, ApiError
from fakesidecar.later import settle
from fakesidecar.trace import parse_span

if TYPE_CHECKING:
    from fakesidecar.core import Core

ACTOR_KINDS = ("activity", "retentioner", "workflow")


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
        self._workers = Workers(self._clock, self._ids.uuid, Limits(core.settings.workflow))
        self._activities = Activities(self._clock, self._workers)
        self._turns = Turns(core, self._workers, self._activities, self._place, self.receive)
        self._children = Interception(self._clock)
        self._mail = Mail(self._turns, self._children, self._place)
        self._loaded = self._refused = False
        self._gone: Future[None] | None = None
        """Set when the sidecar stops: whether the last worker is gone."""
        APPS.join(self._app, self)

    # --- who listens, and who answers in the place of workers ---

    @property
    def on_change(self) -> list[Callable[[Instance], None]]:
        """Called with every instance that was committed, while the engine is locked: they must not wait."""
        return self._turns.on_change

    @property
    def activity_interceptor(self) -> Interceptor | None:
        """Answers activities in the place of workers."""
        return self._activities.interception.interceptor

    @activity_interceptor.setter
    def activity_interceptor(self, interceptor: Interceptor | None) -> None:
        self._activities.interception.interceptor = interceptor

    @property
    def child_interceptor(self) -> Interceptor | None:
        """Answers a workflow that another one calls; the request is that of an activity with the child's id."""
        return self._children.interceptor

    @child_interceptor.setter
    def child_interceptor(self, interceptor: Interceptor | None) -> None:
        self._children.interceptor = interceptor

    def take(self, task: Task) -> None:
        """Run an activity, of this app or another one."""
        self._activities.run(task)

    def receive(self, message: Message) -> None:
        """Hand on what another instance has sent, of this app or another one."""
        self._mail.receive(message)

    # --- what is there ---

    @property
    def instances(self) -> tuple[str, ...]:
        """The ids of all instances, oldest first."""
        return tuple(self._turns.instances)

    @property
    def connected_workers(self) -> int:
        """How many streams of work items are open; -1 after one was refused, which daprd counts as closed."""
        return len(self._workers) or -self._refused

    @property
    def starved(self) -> bool:
        """Whether there is work, or a call, that waits for a worker."""
        return self._turns.starved or self._workers.waiting

    @property
    def next_timer(self) -> float | None:
        """When the next instance goes on by itself, in seconds since 1970; None when all wait for something else."""
        with APPS.change():
            return min((due for one in self._turns.instances.values() for due in one.due()), default=None)

    def work(self, answer: service.WorkflowResponse | Answer) -> Turn | Task | None:
        """The turn or the activity that a worker's answer is to, while it is waited for."""
        with APPS.change():
            if isinstance(answer, Answer):
                return self._activities.find(answer.instanceId, answer.taskId)
            instance = self._turns.instances.get(answer.instanceId)
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
        return self._turns.instances.get(id)

    def get(self, id: str) -> Instance | None:
        """The instance of that id; raises where daprd cannot look."""
        self._check(reading=True)
        return self._turns.instances.get(id)

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
            self._load()

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
        with change(self._clock):
            self._load()
            self._workers.connect(worker)
            self._turns.worker_is_there()
        return worker

    def disconnect(self, worker: Worker) -> None:
        """A worker is gone: others do what it had begun."""
        with change(self._clock):
            self._workers.disconnect(worker)
            if self._gone is not None and not self._workers:
                settle(self._gone, None)

    def complete_turn(self, answer: service.WorkflowResponse) -> None:
        """A worker's answer to a turn; one that nobody waits for is ignored."""
        with change(self._clock):
            self._turns.complete(answer)

    def complete_task(self, answer: service.ActivityResponse) -> None:
        """A worker's answer to an activity; one that nobody waits for is ignored."""
        with change(self._clock):
            self._activities.complete(answer)

    # --- calls of clients ---

    def start(self, start: Start) -> Future[Instance]:
        """Begin an instance; the answer comes when its first turn is over, or at once when a time was given."""
        if any(sign in start.id for sign in "/\\#?"):
            raise IllegalId(app=self._app, id=start.id, random=self._ids.uuid()[:8])

        def create(future: Future[Instance]) -> None:
            instance = self._turns.create(start.id, self._started(start), None)
            if start.at is not None:
                settle(future, instance)
            else:
                self._turns.watch(start.id, lambda one: one.facts.status != PENDING, future)

        return self._call(start.id, create)

    def begin(self, start: Start) -> Future[Instance]:
        """Begin an instance; the answer does not wait for its first turn."""

        def create(future: Future[Instance]) -> None:
            settle(future, self._turns.create(start.id, self._started(start), None))

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
            instance = self._turns.existing(id)
            if instance.active:
                end_wait(instance, name)
            self._turns.add(
                instance, make("eventRaised", self._clock.now(), pb.EventRaisedEvent(name=name, input=data))
            )
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
            if id not in self._turns.instances:
                raise NoSuchInstance(where="failed to fetch workflow state: " if recursive or force else "")
            if not force:
                self._turns.check_alive(id)
            found = purgeable(id, self._turns.instances, recursive, force)
            for one in found:
                self._turns.delete(one)
            settle(future, len(found))

        return self._call(id, forget)

    def rerun(self, asked: rerun.Asked) -> Future[str]:
        """Run an instance again, under a new id, from one of its events; the answer is the new id."""
        new = asked.new

        def run(future: Future[str]) -> None:
            source = self._turns.instances.get(asked.source)
            if source is None:
                raise NothingToRerun(message=f"workflow instance does not exist with ID '{asked.source}'")
            fork = rerun.fork(source.facts, source.history, asked, self._clock.now())
            if new in self._turns.instances:
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
        with change(self._clock):
            return self._turns.import_history(id, events, custom_status)

    def _call(self, id: str, action: Action) -> Future[Any]:
        self._check()
        return self._turns.call(id, action)

    def _wait(self, id: str, becomes: Becomes) -> Future[Instance]:
        self.check_placement()
        future: Future[Instance] = Future()
        with change(self._clock):
            self._turns.watch(id, becomes, future)
        return future

    def _command(self, id: str, kind: str, content: Any, becomes: Becomes, wait: bool) -> Future[Instance]:
        def command(future: Future[Instance]) -> None:
            instance = self._turns.existing(id)
            self._turns.add(instance, make(kind, self._clock.now(), content))
            if wait:
                self._turns.watch(id, lambda one: becomes(one) or not one.active, future)
            else:
                settle(future, instance)

        return self._call(id, command)

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

    # --- what is kept ---

    def _load(self) -> None:
        """Load what was kept before, if anything outlives the sidecar, as soon as somebody asks."""
        if self._loaded or self._gone is not None:
            return
        store = self._core.actors.state.find()
        if store is not None and store.lasting:
            self._loaded = True
            storage = self._turns.storage = Storage(self._core, store)
            self._turns.go_on_with(list(storage.load()))

    # --- the building block ---

    def add(self, spec: object, component: object) -> None:
        """Workflows have no components of their own."""
        raise TypeError("workflows have no components")

    def blocking(self, name: str) -> bool:
        """Nothing here waits for anything outside of this process."""
        return False

    def reset(self) -> None:
        """Forget every instance; workers stay, those who wait go."""
        with change(self._clock):
            self._turns.dismiss()
            for id in self.instances:
                self._turns.delete(id)

    def snapshot(self) -> list[dict[str, Any]]:
        """Every instance, as a copy."""
        with APPS.change():
            return [snapshot_of(instance) for instance in self._turns.instances.values()]

    def restore(self, kept: Sequence[Mapping[str, Any]]) -> None:
        """Have the instances that were kept, and go on with them; all others are forgotten."""
        self.reset()
        with change(self._clock):
            self._turns.go_on_with([of_snapshot(one) for one in kept])
            for instance in tuple(self._turns.instances.values()):
                self._turns.touch(instance)

    def stop(self) -> Future[None]:
        """End the streams of all workers; the future says when the last one is gone."""
        with change(self._clock):
            self._turns.dismiss()
            self._gone = self._gone or Future()
            if not self._workers:
                settle(self._gone, None)
            self._workers.end_all()
        return self._gone

    def close(self) -> None:
        """Other apps find this one no more; what is kept is complete."""
        APPS.leave(self._app, self)
        self.stop()
        with change(self._clock):
            self._workers.clear()
            storage, self._turns.storage = self._turns.storage, None
        if storage is not None:
            storage.close()
