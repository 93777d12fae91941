"""The actors building block: who hosts which types, whose turn it is, what actors keep and are reminded of.

Follows dapr pkg/actors. Actors are hosted by the application (`AppHost`), or by whoever opened a stream for them
(`grpcapi/actors.py`); a `Place` knows the hosts of all sidecars that are neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from fakesidecar import golang
from fakesidecar.app import AppFailed, AppRequest
from fakesidecar.components.state import Item, Operation
from fakesidecar.core.actors.config import Types, types_of
from fakesidecar.core.actors.hosts import (
    REENTRANCY_ID,
    ActorCall,
    ActorReply,
    ActorTimer,
    AppHost,
    Host,
    Reminder,
)
from fakesidecar.core.actors.names import RESERVED
from fakesidecar.core.actors.place import Place
from fakesidecar.core.actors.reminders import DEFAULT_POLICY, Timers
from fakesidecar.core.actors.state import ActorState
from fakesidecar.core.actors.table import METHOD, REMINDER, TIMER, Table, Turn
from fakesidecar.errors import (
    ActorInstanceMissing,
    ActorInvokeFailed,
    ActorNotHosted,
    ActorRuntimeClosed,
    ActorsNotPlaced,
    ActorTypeReserved,
    ApiError,
    ComponentError,
    ReminderCreateFailed,
    ReminderDeleteFailed,
    ReminderGetFailed,
    ReminderNotHosted,
    TimerCreateFailed,
)
from fakesidecar.later import end_as, fail, failed, follow, then
from fakesidecar.resources.component import Component
from fakesidecar.scheduler import FailurePolicy

if TYPE_CHECKING:
    from fakesidecar.core import Core

T = TypeVar("T")

LOOKUP_SECONDS = 5.0
"""How long a call waits for a host (dapr pkg/actors/router)."""


class ActorsBlock:
    """Everything of actors that one sidecar has."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._table = Table(core.clock, self._lives_here)
        self._parked: list[tuple[ActorCall, Future[ActorReply]]] = []
        """Calls that wait for the application to say which actors it hosts."""
        self._asked = False
        """Whether the application has said which actors it hosts."""
        self._ending = self._closed = False
        self.enabled = bool(core.options.placement_host_address)
        self.state = ActorState(core)
        self.timers = Timers(core.clock, self._tick)
        self.place = core.neighbours.place = core.neighbours.place or Place(core.clock)
        self.address = self.place.add(self)
        """What tells this sidecar from the others of its place."""

    # --- hosts ---

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
        self._table.register(host, types)
        self.place.changed()

    def unregister(self, host: Host) -> None:
        """The host is gone, and its actors with it."""
        self._table.unregister(host)

    def hosts(self, type: str) -> bool:
        """Whether actors of this type are hosted here."""
        return type in self._table.types and self.enabled and not self._ending and self.state.configured

    def _lives_here(self, type: str, id: str) -> bool:
        return self.place.find(type, id) in (self, None)

    def rebalance(self) -> list[Future[None]]:
        """Send those actors away that live at another sidecar from now on."""
        going = []
        for type, id in self._table.known():
            home = self.place.find(type, id)
            if home is not None and home is not self:
                gone: Future[None] = Future()
                home.expect(type, id, gone)
                follow(gone, partial(self._table.send_away, type, id))
                going.append(gone)
        return going

    def expect(self, type: str, id: str, gone: Future[None]) -> None:
        """An actor will live here: what it is asked waits until it is `gone` from where it was."""
        self._table.expect(type, id, gone)

    @property
    def types(self) -> list[str]:
        """The types that the application says it hosts."""
        return list(self._table.types)

    # --- calls ---

    def invoke(self, call: ActorCall) -> ActorReply:
        """Call an actor's method and wait for what it answers; from a thread that may block."""
        return self.ask(call).result()

    def ask(self, call: ActorCall) -> Future[ActorReply]:
        """Call an actor's method; the future fails with an `ApiError`."""
        self.check()
        if self._ending:
            raise ActorRuntimeClosed
        policy = self._core.resiliency.actor(call.type, call.id)
        if policy is None:
            return self._route(call, wait=True)
        return then(policy.run_later(lambda: self._route(call, wait=True)), _same, _refused)

    def check(self, type: str = "") -> None:
        """Refuse a call when there are no actors here, or none of its type for everybody."""
        if not self.enabled:
            raise ActorsNotPlaced
        if type.startswith(RESERVED):
            raise ActorTypeReserved(type=golang.quote(type))
        if self._closed:
            raise ActorRuntimeClosed

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

        self._core.clock.call_later(LOOKUP_SECONDS, give_up)
        return future

    def take(self, call: ActorCall) -> Future[ActorReply]:
        """Call a method of an actor that is hosted here."""
        asked, hosted = call, self._table.types.get(call.type)
        depth = None if hosted is None else hosted.config.stack_depth
        reentrancy = None
        if depth is not None:
            reentrancy = call.header(REENTRANCY_ID)
            if not reentrancy:
                reentrancy = self._core.around.ids.uuid()
                call = call.with_header(REENTRANCY_ID, reentrancy)
        # Not the caller's: the hosting sidecar says these of itself (dapr pkg/actors/router).
        call = call.with_header("dapr-caller-app-id", self._core.app_id)
        call = call.with_header("dapr-caller-namespace", self._namespace)
        turn = self._table.turn(
            call.type,
            call.id,
            METHOD,
            call.method,
            lambda host: host.invoke(call),
            reentrancy=reentrancy,
            depth=depth or 1,
            elsewhere=lambda: self._route(asked, wait=False),
        )
        return then(turn, _same, _answer)

    @property
    def _namespace(self) -> str:
        return self._core.around.namespace or "default"

    # --- state ---

    def get_state(self, type: str, id: str, key: str) -> Item | None:
        """What an actor keeps under a key, None when there is nothing; the actor need not be active."""
        self.check(type)
        return self.state.get(type, id, key)

    def transact(self, type: str, id: str, operations: Callable[[], Sequence[Operation]]) -> None:
        """Carry out all operations on the state of an actor that is active here, or none."""
        self.check(type)
        if not self._table.is_active(type, id):
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
        job = "||".join(("actorreminder", self._namespace, type, id, name))
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
        what = (reminder.type, reminder.id, REMINDER, reminder.name, lambda host: host.remind(reminder))
        return self._table.turn(*what, elsewhere=lambda: self.place.deliver(reminder))

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
        """Tell an actor of a timer; the actor may have moved since it asked for it."""
        return (self.place.find(timer.type, timer.id) or self).tick(timer)

    def tick(self, timer: ActorTimer) -> Future[None]:
        """Tell an actor that is hosted here of a timer, now."""
        what = (timer.type, timer.id, TIMER, timer.name, lambda host: host.tick(timer))
        return self._table.turn(*what, elsewhere=lambda: self._tick(timer))

    # --- for tests ---

    @property
    def turns(self) -> Sequence[Turn]:
        """What actors were asked to do, the oldest first."""
        return self._table.turns

    def active(self, type: str | None = None) -> list[tuple[str, str]]:
        """Type and id of every active actor."""
        return self._table.active(type)

    def is_active(self, type: str, id: str) -> bool:
        """Whether an actor is active here."""
        return self._table.is_active(type, id)

    def fire_reminder(self, type: str, id: str, name: str) -> Future[None]:
        """Tell an actor of a reminder of its own now, out of turn; its schedule stays as it is."""
        reminder = self.place.reminders.find(type, id, name)
        return (self.place.find(type, id) or self).remind(reminder)

    def fire_timer(self, type: str, id: str, name: str) -> Future[None]:
        """Tell an actor of a timer of its own now, out of turn; its schedule stays as it is."""
        timer = self.timers.get(type, id, name)
        if timer is None:
            raise KeyError(f"{type}/{id} has no timer {name}")
        return self._tick(timer)

    def deactivate(self, type: str, id: str) -> Future[None]:
        """Deactivate an actor as soon as nothing else is its turn; nothing happens when it is not active."""
        return self._table.deactivate(type, id)

    # --- life ---

    def add(self, spec: Component, component: Any) -> None:
        """There are no components of actors."""

    def blocking(self, name: str) -> bool:
        """Whether the store of the actors waits for something outside of this process."""
        return self.state.blocking

    def reset(self) -> None:
        """Deactivate every actor, forget every reminder, timer and turn."""
        self.place.reset()
        self.timers.reset()
        self.state.forget()
        self._table.reset()

    def snapshot(self) -> dict[str, Any]:
        """The reminders and timers that are to come, and who keeps what; the state itself is the store's."""
        return {
            "reminders": self.place.reminders.snapshot(),
            "timers": self.timers.snapshot(),
            "keys": self.state.snapshot(),
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Have those reminders and timers again; actors are deactivated."""
        self.reset()
        self.place.restore(kept["reminders"])
        self.timers.restore(kept["timers"])
        self.state.restore(kept["keys"])

    def drain(self) -> list[Future[None]]:
        """Take no more calls, and deactivate every actor when the calls under way have ended; others take over."""
        self._ending = True
        staying = [(type, id) for type, id in self.active() if self._lives_here(type, id)]
        return [*self.rebalance(), *(self.deactivate(type, id) for type, id in staying)]

    def close(self) -> None:
        """Leave the place; what still waits fails."""
        self._ending = self._closed = True
        self.timers.reset()
        if self in self.place.sidecars:
            self.place.sidecars.remove(self)
        if not self.place.sidecars:
            self.place.reset()
        for _, future in self._parked:
            fail(future, ActorRuntimeClosed())
        self._parked.clear()
        self._table.close()


def _refused(error: Exception) -> ActorReply:
    """Tell of a policy that ended a call."""
    raise ActorInvokeFailed(cause=error) if isinstance(error, ComponentError) else error


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
