"""The instances of an app, and their turns: one at a time each, with all that has happened since the last.

What follows from a turn is done here too: timers, activities, messages to other instances, a new round, an end.
(dapr pkg/actors/targets/workflow, durabletask-go backend.)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow import actions
from fakesidecar.core.workflow.actions import CannotApply, Message, Outcome, Place, Scheduled, apply
from fakesidecar.core.workflow.activities import Activities, end_of
from fakesidecar.core.workflow.apps import APPS, change
from fakesidecar.core.workflow.family import active_child
from fakesidecar.core.workflow.faults import AlreadyActive, ChildActive, InstanceStalled, NoSuchInstance
from fakesidecar.core.workflow.history import Event, events_of, make, resolution_of, seconds_of
from fakesidecar.core.workflow.instance import Instance, Turn
from fakesidecar.core.workflow.storage import Storage
from fakesidecar.core.workflow.timers import Timers, kept_until
from fakesidecar.core.workflow.waiting import Action, Becomes, Call, Calls, Watches
from fakesidecar.core.workflow.workers import Task, Workers

if TYPE_CHECKING:
    from fakesidecar.core import Core

log = logging.getLogger("fakesidecar.workflow")

TIGHT_ROUNDS = 20
"""How often an instance continues as new in one go."""
ROUND_BEGINS = 2
"""The length of a history that has only begun a new round."""
PAUSE_SECONDS = 1.0
"""How long it rests then."""


class Turns:
    """The instances of one app, at work."""

    def __init__(
        self,
        core: Core,
        workers: Workers,
        activities: Activities,
        place: Callable[[], Place],
        receive: Callable[[Message], None],
    ) -> None:
        """`receive` takes what is sent to an instance of the same app."""
        self._clock, self._app, self._most_bytes = core.clock, core.app_id, core.options.max_body_size
        self._retention = core.settings.workflow.retention
        self._workers, self._activities, self._place, self._receive = workers, activities, place, receive
        self._timers = Timers(core.clock, self.tell)
        self.instances: dict[str, Instance] = {}
        self._ready: dict[Instance, None] = {}
        """Instances with something to do, once there is a worker."""
        self._calls = Calls()
        self._watches = Watches()
        self.storage: Storage | None = None
        """Where instances are kept; None where nothing outlives the sidecar."""
        self.on_change: list[Callable[[Instance], None]] = []

    @property
    def starved(self) -> bool:
        """Whether an instance, or a call, waits for a worker."""
        return self._calls.waiting or any(instance.facts.stalled is None for instance in self._ready)

    # --- calls, and what they wait for ---

    def call(self, id: str, action: Action) -> Future[Any]:
        """Do something with an instance, as soon as there is a worker and none of them has its turn."""
        future: Future[Any] = Future()
        with change(self._clock):
            self._perform_or_queue(Call(id, action, future))
        return future

    def _perform_or_queue(self, call: Call) -> None:
        instance = self.instances.get(call.id)
        if not self._workers:
            self._calls.wait_for_worker(call)
        elif instance is not None and (instance.turn is not None or not instance.id):
            self._calls.wait_for_turn(call)
        else:
            call.perform()

    def worker_is_there(self) -> None:
        """Go on with the calls and the instances that have waited for a worker."""
        ready, self._ready = self._ready, {}
        for call in self._calls.worker_is_there():
            self._perform_or_queue(call)
        for instance in ready:
            self._later(instance)

    def watch(self, id: str, becomes: Becomes, future: Future[Instance]) -> None:
        """Answer when the instance of that id has become it; it need not be there yet."""
        self._watches.add(id, self.instances.get(id), becomes, future)

    def dismiss(self) -> None:
        """Send everybody away who waits."""
        self._calls.dismiss()
        self._watches.dismiss()

    def _changed(self, instance: Instance) -> None:
        """Tell those who wait for an instance, and those who are told of every one."""
        self.touch(instance)
        self._watches.changed(instance)
        for tell in self.on_change:
            APPS.later(partial(tell, instance))

    def existing(self, id: str) -> Instance:
        """The instance of that id, if there is one that can be changed."""
        self.check_alive(id)
        if (instance := self.instances.get(id)) is None:
            raise NoSuchInstance(where="")
        return instance

    def check_alive(self, id: str) -> None:
        """Raise if the instance of that id is stalled."""
        instance = self.instances.get(id)
        if instance is not None and instance.facts.stalled is not None:
            raise InstanceStalled(id=id)

    # --- instances ---

    def create(self, id: str, started: Event, propagated: pb.PropagatedHistory | None) -> Instance:
        """A new instance, in place of one that has ended."""
        self.check_alive(id)
        before = self.instances.get(id)
        if before is not None:
            if before.active:
                raise AlreadyActive(id=id)
            if (child := active_child(before, self.instances)) is not None:
                raise ChildActive(id=id, child=child)
            self.delete(id)
        instance = self.instances[id] = Instance(id, inbox=[started], propagated=propagated)
        self._begin_at(instance, started)
        self._changed(instance)
        return instance

    def import_history(self, id: str, events: Iterable[Event], custom_status: str = "") -> Instance:
        """Have an instance with this history, in place of any of that id; what it began and nothing ended, runs."""
        self.delete(id)
        instance = self.instances[id] = Instance(id, history=events_of(events), custom_status=custom_status)
        for event in instance.history:
            instance.facts.see(event)
        self._resume_open(instance)
        self._changed(instance)
        return instance

    def _begin_at(self, instance: Instance, started: Event | None) -> None:
        """Begin a turn, at once or when its start says."""
        if started is None or not started.executionStarted.HasField("scheduledStartTimestamp"):
            self._later(instance)
        else:
            self._timers.wake(instance, seconds_of(started.executionStarted.scheduledStartTimestamp), self._advance)

    def delete(self, id: str) -> None:
        """Forget an instance, whatever it does."""
        instance = self.instances.pop(id, None)
        if instance is None:
            return
        instance.stop_timers()
        if instance.alarm is not None:
            instance.alarm.cancel()
        if instance.turn is not None:
            self._workers.settle(instance.turn)
            instance.turn = None
        self._activities.forget(id)
        self._ready.pop(instance, None)
        self._workers.forget(id)
        if self.storage is not None:
            self.storage.delete(id)
        self._release(id)

    def _release(self, id: str) -> None:
        """Go on with the calls that waited for a turn."""
        for call in self._calls.turn_is_over(id):
            self._perform_or_queue(call)

    # --- turns ---

    def add(self, instance: Instance, event: Event) -> None:
        """Something has happened to an instance; a turn will tell its worker."""
        instance.inbox.append(event)
        self.touch(instance)
        self._later(instance)

    def tell(self, instance: Instance, event: Event) -> None:
        """Something has happened that is of interest while the instance is there, and has not ended."""
        if instance.active and self.instances.get(instance.id) is instance:
            self.add(instance, event)

    def _later(self, instance: Instance) -> None:
        APPS.later(lambda: self._advance(instance))

    def _advance(self, instance: Instance) -> None:
        """Begin the next turn, if there is anything to tell and somebody to tell it.

        An instance without an id never has one, and what is asked of it waits: daprd's scheduler drops its reminder.
        """
        if self.instances.get(instance.id) is not instance or instance.turn is not None or not instance.id:
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
            if actions.is_too_large(turn.size, self._most_bytes):
                stalled = actions.too_large("Workflow payload size", turn.size, self._most_bytes)
                self._stall(instance, turn, stalled)
            else:
                self._workers.give(turn)

    def _drop_inbox(self, instance: Instance) -> None:
        """What happens to an instance that has ended is of no interest, but that its children are to end."""
        inbox, instance.inbox = instance.inbox, []
        for event in inbox:
            if event.HasField("executionTerminated"):
                self._cascade(instance, event.executionTerminated)

    def complete(self, answer: service.WorkflowResponse) -> None:
        """A worker's answer; one that nobody waits for is ignored."""
        instance = self.instances.get(answer.instanceId)
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

    def _commit(self, instance: Instance, turn: Turn, answer: service.WorkflowResponse, outcome: Outcome) -> None:
        version = actions.version_of(turn, answer)
        if version is not None:
            turn.events[0].workflowStarted.version.CopyFrom(version)
        instance.commit(turn, outcome.events, answer.customStatus.value)
        for event in outcome.timers:
            self._timers.arm(instance, event)
        for scheduled in outcome.tasks:
            self._schedule(instance, scheduled)
        for message in outcome.messages:
            self.send(message)
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
        if instance.inbox:
            self._later(instance)

    def _keep_for_a_while(self, instance: Instance) -> None:
        """Forget an instance that has ended, if and when the configuration says so."""
        if self._retention and instance.facts.completed is not None:
            when = kept_until(instance.facts.completed, self._retention)
            if when is not None:
                self._timers.wake(instance, when, self._forget)

    def _forget(self, instance: Instance) -> None:
        if self.instances.get(instance.id) is instance:
            self.delete(instance.id)

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
        self._timers.wake(instance, self._clock.now() + PAUSE_SECONDS, self._advance)
        self._changed(instance)
        self._release(instance.id)

    def _cascade(self, instance: Instance, terminated: pb.ExecutionTerminatedEvent) -> None:
        """End the children of an instance that was ended with them."""
        if not terminated.recurse:
            return
        for id in instance.facts.children:
            child = self.instances.get(id)
            if child is not None:
                content = pb.ExecutionTerminatedEvent(recurse=True)
                if terminated.HasField("input"):
                    content.input.CopyFrom(terminated.input)
                self.add(child, make("executionTerminated", self._clock.now(), content))

    # --- activities, and messages to other instances ---

    def _schedule(self, instance: Instance, scheduled: Scheduled) -> None:
        task = Task(self._end, instance.id, scheduled.event, scheduled.propagated)
        if scheduled.app:
            APPS.deliver(scheduled.app, lambda engine: engine.take(task))
        else:
            self._activities.run(task)

    def _end(self, task: Task, answer: service.ActivityResponse) -> None:
        """Tell an instance how its activity ended."""
        if (instance := self.instances.get(task.instance)) is not None:
            self.tell(instance, end_of(task, answer, self._clock.now()))

    def send(self, message: Message) -> None:
        """Send another instance something, of this app or another one."""
        if message.app:
            APPS.deliver(message.app, lambda engine: engine.receive(message))
        else:
            APPS.later(lambda: self._receive(message))

    # --- going on with a history ---

    def _resume_open(self, instance: Instance) -> None:
        """Run what a history has begun and nothing has ended."""
        if not instance.active:
            return
        place = self._place()
        told = {resolution_of(event) for event in instance.inbox}
        for key, event in instance.facts.open.items():
            if key in told:
                continue
            target = event.router.targetAppID
            app = "" if target == self._app else target
            match key[0]:
                case "timer":
                    self._timers.arm(instance, event)
                case "task":
                    self._schedule(instance, Scheduled(app, event))
                case _:
                    child = event.childWorkflowInstanceCreated
                    turn = Turn(instance, instance.history, instance.facts, [])
                    self.send(Message(app, child.instanceId, actions.start_of_child(turn, event, place)))

    def go_on_with(self, kept: Sequence[Instance]) -> None:
        """Have the instances that were kept, and go on with them."""
        for instance in kept:
            self.instances[instance.id] = instance
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

    def touch(self, instance: Instance) -> None:
        """Something of an instance is to be kept."""
        if self.storage is not None and self.instances.get(instance.id) is instance:
            self.storage.touch(instance)
