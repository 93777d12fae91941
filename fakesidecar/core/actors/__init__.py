"""The actors building block: who hosts which types, whose turn it is, what actors keep and are reminded of.

Follows dapr pkg/actors. Actors are hosted by the application (`AppHost`), or by whoever opened a stream for them
(`grpcapi/actors.py`); a `Place` knows the hosts of all sidecars that have joined it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from fakesidecar import golang
from fakesidecar.app import AppFailed, AppRequest
from fakesidecar.clock import Timer
from fakesidecar.components.state import Item, Operation
from fakesidecar.core.actors.config import TypeConfig, Types, types_of
from fakesidecar.core.actors.hosts import (
    REENTRANCY_ID,
    ActorCall,
    ActorReply,
    ActorTimer,
    AppHost,
    Headers,
    Host,
    HostFailed,
    Reminder,
)
from fakesidecar.core.actors.names import RESERVED
from fakesidecar.core.actors.place import Place
from fakesidecar.core.actors.reminders import DEFAULT_POLICY, Timers
from fakesidecar.core.actors.state import ActorState
from fakesidecar.core.actors.turns import Turns
from fakesidecar.errors import (
    ActorInstanceMissing,
    ActorInvokeFailed,
    ActorNotHosted,
    ActorRuntimeClosed,
    ActorsNotPlaced,
    ActorTypeReserved,
    ApiError,
    ReminderCreateFailed,
    ReminderDeleteFailed,
    ReminderGetFailed,
    ReminderNotHosted,
    TimerCreateFailed,
)
from fakesidecar.later import end_as, fail, failed, now, then
from fakesidecar.resources.component import Component
from fakesidecar.scheduler import FailurePolicy

if TYPE_CHECKING:
    from fakesidecar.core import Core

T = TypeVar("T")

LOOKUP_SECONDS = 5.0
"""How long a call waits for a host (dapr pkg/actors/router)."""
TURNS_KEPT = 10_000

METHOD, REMINDER, TIMER, DEACTIVATION = "method", "reminder", "timer", "deactivation"


@dataclass(slots=True)
class Turn:
    """Something that an actor was asked to do."""

    type: str
    id: str
    kind: str
    """`method`, `reminder`, `timer` or `deactivation`."""
    name: str
    """Of the method, the reminder or the timer."""
    begin: float
    """By the clock of the sidecar."""
    end: float | None = None
    error: str = ""
    """What went wrong; empty when nothing did."""

    @property
    def outcome(self) -> str:
        """`running`, `ok` or `failed`."""
        return "running" if self.end is None else "failed" if self.error else "ok"


@dataclass(frozen=True, slots=True)
class Hosted:
    """A type of actors, where they live, and how they are kept."""

    host: Host
    config: TypeConfig


class Actor:
    """An actor that was called: active until it is deactivated."""

    def __init__(self, type: str, id: str) -> None:
        self.type, self.id = type, id
        self.turns = Turns()
        self.active = False
        self.expected = 0
        """How many turns it has, or waits for."""
        self.idle_since = 0.0
        self.timer: Timer | None = None
        """Looks whether the actor is idle."""


class ActorsBlock:
    """Everything of actors that one sidecar has."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._clock = core.clock
        self._types: dict[str, Hosted] = {}
        self._actors: dict[tuple[str, str], Actor] = {}
        self._parked: list[tuple[ActorCall, Future[ActorReply]]] = []
        """Calls that wait for the application to say which actors it hosts."""
        self._pending: set[Future[Any]] = set()
        self._lock = threading.Lock()
        """Guards the table of actors."""
        self._asked = False
        """Whether the application has said which actors it hosts."""
        self._closed = False
        self.enabled = bool(core.options.placement_host_address)
        self.state = ActorState(core)
        self.timers = Timers(core.clock, self._tick)
        self.turns: deque[Turn] = deque(maxlen=TURNS_KEPT)
        """What actors were asked to do, the oldest first."""
        self.place = Place(core.clock)
        self.place.sidecars.append(self)

    # --- hosts ---

    @property
    def address(self) -> str:
        """What tells this sidecar from the others of its place."""
        return f"{self._core.around.namespace}/{self._core.app_id}/{self.place.sidecars.index(self)}"

    def join(self, place: Place) -> None:
        """Be one of the sidecars of a place."""
        self.place.sidecars.remove(self)
        self.place = place
        place.sidecars.append(self)
        place.changed()

    async def ask_application(self) -> None:
        """Ask the application which types it hosts; whatever it answers, calls wait for it no longer."""
        app = self._core.app
        types: Types = {}
        if app is not None and not app.is_grpc:
            try:
                answer = await app.request(AppRequest("GET", "/dapr/config", headers=()))
                types = types_of(answer.body) if answer.status == 200 else {}
            except (AppFailed, golang.GoError):
                pass
            self.register(AppHost(app), types)
        self._asked = True
        parked, self._parked = self._parked, []
        for call, future in parked:
            self._attempt(call).add_done_callback(partial(end_as, future))

    def register(self, host: Host, types: Types) -> None:
        """Actors of these types live at this host from now on; those that lived elsewhere are forgotten there."""
        for name, config in types.items():
            if name in self._types and self._types[name].host is not host:
                self._forget(name)
            self._types[name] = Hosted(host, config)
        self.place.changed()

    def unregister(self, host: Host) -> None:
        """The host is gone, and its actors with it."""
        for name in [name for name, hosted in self._types.items() if hosted.host is host]:
            del self._types[name]
            self._forget(name)

    def hosts(self, type: str) -> bool:
        """Whether actors of this type are hosted here."""
        return type in self._types and self.enabled and not self._closed and self.state.configured

    @property
    def types(self) -> list[str]:
        """The types that the application says it hosts."""
        return list(self._types)

    # --- calls ---

    def invoke(self, call: ActorCall) -> ActorReply:
        """Call an actor's method and wait for what it answers; from a thread that may block."""
        return self.ask(call).result()

    def ask(self, call: ActorCall) -> Future[ActorReply]:
        """Call an actor's method; the future fails with an `ApiError`."""
        self.check()
        return self._route(call, wait=True)

    def check(self, type: str = "") -> None:
        """Refuse a call when there are no actors here, or none of its type for everybody."""
        if not self.enabled:
            raise ActorsNotPlaced
        if type.startswith(RESERVED):
            raise ActorTypeReserved(type=golang.quote(type))
        if self._closed:
            raise ActorRuntimeClosed

    def caller(self, api_call: str) -> Headers:
        """What hosts are told of who calls; the doors spell the first header differently."""
        around = self._core.around
        return (
            (api_call, "true"),
            ("dapr-caller-app-id", self._core.app_id),
            ("dapr-caller-namespace", around.namespace or "default"),
        )

    def _route(self, call: ActorCall, *, wait: bool) -> Future[ActorReply]:
        sidecar = self.place.find(call.type, call.id) if call.type and call.id else None
        if sidecar is self:
            return self.take(call)
        if sidecar is not None:
            return then(sidecar.take(call.with_header("X-Dapr-Remote", "true")), _same, _from_elsewhere)
        if wait and self._core.app is not None and not self._asked:
            return self._park(call)
        raise ActorNotHosted(actor=f"{call.type}/{call.id}" if call.type and call.id else "/")

    def _attempt(self, call: ActorCall) -> Future[ActorReply]:
        try:
            return self._route(call, wait=False)
        except ApiError as error:
            return failed(error)

    def _park(self, call: ActorCall) -> Future[ActorReply]:
        future: Future[ActorReply] = Future()
        entry = (call, future)
        self._parked.append(entry)

        def give_up() -> None:
            if entry in self._parked:
                self._parked.remove(entry)
                fail(future, ActorNotHosted(actor=f"{call.type}/{call.id}"))

        self._clock.call_later(LOOKUP_SECONDS, give_up)
        return future

    def take(self, call: ActorCall) -> Future[ActorReply]:
        """Call a method of an actor that is hosted here."""
        depth = self._types[call.type].config.stack_depth
        reentrancy = None
        if depth is not None:
            reentrancy = call.header(REENTRANCY_ID)
            if not reentrancy:
                reentrancy = self._core.around.ids.uuid()
                call = call.with_header(REENTRANCY_ID, reentrancy)
        what = (METHOD, call.method, lambda host: host.invoke(call))
        return then(self._turn(call.type, call.id, *what, reentrancy=reentrancy, depth=depth or 1), _same, _answer)

    # --- turns ---

    def _turn(
        self,
        type: str,
        id: str,
        kind: str,
        name: str,
        ask: Callable[[Host], Future[T]],
        *,
        reentrancy: str | None = None,
        depth: int = 1,
    ) -> Future[T]:
        """Have an actor's host asked for something when it is the actor's turn for it."""
        actor = self._expect(type, id)
        outcome: Future[T] = Future()
        self._pending.add(outcome)
        outcome.add_done_callback(self._pending.discard)

        def begin() -> None:
            if outcome.done():  # nobody waits any more
                actor.turns.leave()
                self._let_go(actor)
                return
            turn = Turn(type, id, kind, name, self._clock.now())
            self.turns.append(turn)
            self._begin(actor, ask).add_done_callback(lambda asked: end(turn, asked))

        def end(turn: Turn, asked: Future[T]) -> None:
            error = asked.exception()
            turn.end, turn.error = self._clock.now(), "" if error is None else str(error)
            self._end(actor, kind)
            actor.turns.leave()
            self._let_go(actor)
            end_as(outcome, asked)

        try:
            actor.turns.enter(begin, id=reentrancy, depth=depth)
        except ApiError:
            self._pending.discard(outcome)
            self._let_go(actor)
            raise
        return outcome

    def _expect(self, type: str, id: str) -> Actor:
        with self._lock:
            actor = self._actors.setdefault((type, id), Actor(type, id))
            actor.expected += 1
            return actor

    def _let_go(self, actor: Actor) -> None:
        with self._lock:
            actor.expected -= 1
            if not actor.active and not actor.expected:
                del self._actors[actor.type, actor.id]

    def _begin(self, actor: Actor, ask: Callable[[Host], Future[T]]) -> Future[T]:
        hosted = self._types.get(actor.type)
        if hosted is None:
            return failed(HostFailed("actor host is not connected"))
        actor.active = True
        try:
            return ask(hosted.host)
        except Exception as error:
            return failed(error)

    def _end(self, actor: Actor, kind: str) -> None:
        hosted = self._types.get(actor.type)
        if kind == DEACTIVATION or hosted is None:
            actor.active = False
            return
        actor.idle_since = self._clock.now()
        if actor.timer is None:
            self._watch(actor, hosted.config)

    # --- idle actors ---

    def _watch(self, actor: Actor, config: TypeConfig) -> None:
        actor.timer = self._clock.call_at(actor.idle_since + config.idle_seconds, lambda: self._look(actor))

    def _look(self, actor: Actor) -> None:
        actor.timer = None
        hosted = self._types.get(actor.type)
        if hosted is None or not actor.active or not actor.turns.idle:
            return
        if self._clock.now() < actor.idle_since + hosted.config.idle_seconds:
            self._watch(actor, hosted.config)
        else:
            self._deactivate(actor)

    def _deactivate(self, actor: Actor) -> Future[None]:
        type, id = actor.type, actor.id
        return self._turn(type, id, DEACTIVATION, "", lambda host: host.deactivate(type, id))

    def _forget(self, type: str) -> None:
        with self._lock:
            for actor in [actor for actor in self._actors.values() if actor.type == type]:
                actor.active = False
                if not actor.expected:
                    del self._actors[actor.type, actor.id]

    def is_active(self, type: str, id: str) -> bool:
        """Whether an actor is active here."""
        actor = self._actors.get((type, id))
        return actor is not None and actor.active

    # --- state ---

    def get_state(self, type: str, id: str, key: str) -> Item | None:
        """What an actor keeps under a key, None when there is nothing; the actor need not be active."""
        self.check(type)
        return self.state.get(type, id, key)

    def transact(self, type: str, id: str, operations: Callable[[], Sequence[Operation]]) -> None:
        """Carry out all operations on the state of an actor that is active here, or none."""
        self.check(type)
        if not self.is_active(type, id):
            raise ActorInstanceMissing
        self.state.transact(type, id, operations())

    # --- reminders and timers ---

    def check_reminders(self, type: str) -> None:
        """Refuse a call about reminders of a type that is not hosted here."""
        self.check(type)
        if not self.hosts(type):
            raise ReminderNotHosted

    def create_reminder(
        self, reminder: Reminder, *, overwrite: bool = True, policy: FailurePolicy = DEFAULT_POLICY
    ) -> None:
        """Have an actor reminded."""
        self.check_reminders(reminder.type)
        if fault := self._fault_in_job(reminder.type, reminder.id, reminder.name):
            raise ReminderCreateFailed(cause=fault)
        self.place.reminders.create(reminder, overwrite=overwrite, policy=policy)

    def get_reminder(self, type: str, id: str, name: str) -> Reminder:
        """A reminder of an actor."""
        self.check_reminders(type)
        if fault := self._fault_in_job(type, id, name):
            raise ReminderGetFailed(cause=f"api error: code = Internal desc = failed to get job due to: {fault}")
        return self.place.reminders.find(type, id, name)

    def delete_reminder(self, type: str, id: str, name: str) -> None:
        """Remind an actor no longer."""
        self.check_reminders(type)
        if fault := self._fault_in_job(type, id, name):
            raise ReminderDeleteFailed(cause=fault)
        self.place.reminders.remove(type, id, name)

    def _fault_in_job(self, type: str, id: str, name: str) -> str:
        """What the scheduler says of the name that a reminder has there; empty when it is a name."""
        job = "||".join(("actorreminder", self._core.around.namespace or "default", type, id, name))
        if not any(letter in job for letter in "/\\#?"):
            return ""
        problem = "must not contain '/', '\\', '#' or '?'"
        return f"rpc error: code = Unknown desc = job name is invalid {golang.quote(job)}: {problem}"

    def list_reminders(self, type: str, id: str | None = None) -> list[Reminder]:
        """The reminders of a type, or of one actor."""
        self.check_reminders(type)
        return self.place.reminders.select(type, id or None)

    def delete_reminders(self, type: str, id: str | None = None) -> None:
        """Remind no actor of a type any more, or not one of them."""
        self.check_reminders(type)
        self.place.reminders.remove_all(type, id or None)

    def remind(self, reminder: Reminder) -> Future[None]:
        """Tell an actor that is hosted here of a reminder, now."""
        return self._turn(reminder.type, reminder.id, REMINDER, reminder.name, lambda host: host.remind(reminder))

    def create_timer(self, timer: ActorTimer) -> None:
        """Have an actor called on time, as long as this sidecar lives."""
        self.check(timer.type)
        if not self.hosts(timer.type):
            raise TimerCreateFailed(
                cause=f"can't create timer for actor {timer.type}||{timer.id}: actor type not registered"
            )
        self.timers.create(timer)

    def delete_timer(self, type: str, id: str, name: str) -> None:
        """Call an actor no longer."""
        self.check(type)
        self.timers.remove(type, id, name)

    def _tick(self, timer: ActorTimer) -> Future[None]:
        return self._turn(timer.type, timer.id, TIMER, timer.name, lambda host: host.tick(timer))

    # --- for tests ---

    def active(self, type: str | None = None) -> list[tuple[str, str]]:
        """Type and id of every active actor."""
        actors = sorted(key for key, actor in self._actors.items() if actor.active)
        return [key for key in actors if type is None or key[0] == type]

    def fire_reminder(self, type: str, id: str, name: str) -> Future[None]:
        """Tell an actor of a reminder of its own now, out of turn; its schedule stays as it is."""
        return self.remind(self.place.reminders.find(type, id, name))

    def fire_timer(self, type: str, id: str, name: str) -> Future[None]:
        """Tell an actor of a timer of its own now, out of turn; its schedule stays as it is."""
        timer = self.timers.get(type, id, name)
        if timer is None:
            raise KeyError(f"{type}/{id} has no timer {name}")
        return self._tick(timer)

    def deactivate(self, type: str, id: str) -> Future[None]:
        """Deactivate an actor as soon as nothing else is its turn; nothing happens when it is not active."""
        actor = self._actors.get((type, id))
        if actor is None or not actor.active:
            return now(None)
        return self._deactivate(actor)

    # --- life ---

    def add(self, spec: Component, component: Any) -> None:
        """There are no components of actors."""

    def blocking(self, name: str) -> bool:
        """Whether calls may wait: for an application, for their turn, for a store."""
        return True

    def reset(self) -> None:
        """Deactivate every actor, forget every reminder, timer and turn."""
        self.place.reset()
        self.timers.reset()
        self.turns.clear()
        self.state.forget()
        for actor in tuple(self._actors.values()):
            actor.timer = None  # the clock forgets it
        for type, id in self.active():
            self.deactivate(type, id)

    def drain(self) -> list[Future[None]]:
        """Take no more calls, and deactivate every actor when the calls under way have ended."""
        self._closed = True
        return [self.deactivate(type, id) for type, id in self.active()]

    def close(self) -> None:
        """Leave the place; what still waits fails."""
        self._closed = True
        self.timers.reset()
        if self in self.place.sidecars:
            self.place.sidecars.remove(self)
        if not self.place.sidecars:
            self.place.reset()
        for _, future in self._parked:
            fail(future, ActorRuntimeClosed())
        self._parked.clear()
        for future in tuple(self._pending):
            fail(future, HostFailed("the sidecar is closed"))


def _same(value: T) -> T:
    return value


def _answer(error: Exception) -> Any:
    """What hosts say went wrong, as an answer."""
    raise error if isinstance(error, ApiError) else ActorInvokeFailed(cause=error)


def _from_elsewhere(error: Exception) -> Any:
    """What went wrong at another sidecar."""
    if isinstance(error, ActorInvokeFailed):
        error.remote = True
    raise error
