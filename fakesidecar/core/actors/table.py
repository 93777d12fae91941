"""The actors of one sidecar: which are active, whose turn it is, and who was idle for too long."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from fakesidecar.clock import Clock, Timer
from fakesidecar.core.actors.config import TypeConfig, Types
from fakesidecar.core.actors.hosts import Host, HostFailed
from fakesidecar.core.actors.turns import Turns
from fakesidecar.errors import ApiError
from fakesidecar.later import end_as, fail, failed, follow, now

T = TypeVar("T")

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


class Moved(Exception):
    """The actor is to live at another sidecar; what it was asked is to be asked there."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A type of actors: where they live, and how they are kept."""

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
        self.running: set[Future[Any]] = set()
        """What its host does for it now, deactivation aside: many things, when calls nest."""


class Table:
    """Types and their hosts, actors and their turns."""

    def __init__(self, clock: Clock, lives_here: Callable[[str, str], bool]) -> None:
        self._clock = clock
        self._lives_here = lives_here
        self.types: dict[str, Hosted] = {}
        self.turns: deque[Turn] = deque(maxlen=TURNS_KEPT)
        """What actors were asked to do, the oldest first."""
        self._actors: dict[tuple[str, str], Actor] = {}
        self._pending: set[Future[Any]] = set()
        self._lock = threading.Lock()
        """Guards the actors, and how many turns are expected of each."""

    # --- hosts ---

    def register(self, host: Host, types: Types) -> None:
        """Actors of these types live at this host from now on; those that lived elsewhere are forgotten there."""
        for name, config in types.items():
            if name in self.types and self.types[name].host is not host:
                self._forget(name)
            self.types[name] = Hosted(host, config)

    def unregister(self, host: Host) -> None:
        """The host is gone, and its actors with it."""
        for name in [name for name, hosted in self.types.items() if hosted.host is host]:
            del self.types[name]
            self._forget(name)

    def _forget(self, type: str) -> None:
        with self._lock:
            for actor in [actor for actor in self._actors.values() if actor.type == type]:
                actor.active = False
                if not actor.expected:
                    del self._actors[actor.type, actor.id]

    # --- actors ---

    def active(self, type: str | None = None) -> list[tuple[str, str]]:
        """Type and id of every active actor."""
        with self._lock:
            return sorted(
                key for key, actor in self._actors.items() if actor.active and (type is None or actor.type == type)
            )

    def is_active(self, type: str, id: str) -> bool:
        """Whether an actor is active."""
        actor = self._actors.get((type, id))
        return actor is not None and actor.active

    def deactivate(self, type: str, id: str) -> Future[None]:
        """Deactivate an actor when its turn is over; nothing happens when it is not active then."""
        if not self.is_active(type, id):
            return now(None)
        return self.turn(type, id, DEACTIVATION, "", lambda host: host.deactivate(type, id))

    # --- actors that move ---

    def known(self) -> list[tuple[str, str]]:
        """Type and id of every actor that is active, or that something waits for."""
        with self._lock:
            return sorted(self._actors)

    def send_away(self, type: str, id: str) -> Future[None]:
        """Deactivate an actor that is to live elsewhere: what it does may end within the time that its type has."""
        gone = self.turn(type, id, DEACTIVATION, "", lambda host: host.deactivate(type, id))
        actor, hosted = self._actors.get((type, id)), self.types.get(type)
        if actor is None or not actor.running:
            return gone

        def interrupt() -> None:
            for asked in tuple(actor.running):
                fail(asked, Moved("it took too long, and its actor has moved"))

        if hosted is not None and hosted.config.drain_seconds:
            self._clock.call_later(hosted.config.drain_seconds, lambda: None if gone.done() else interrupt())
        else:
            interrupt()
        return gone

    def expect(self, type: str, id: str, gone: Future[None]) -> None:
        """An actor will live here: what it is asked waits until it is `gone` from where it was."""
        actor = self._expect(type, id)

        def begin(_: Future[None]) -> None:
            actor.turns.leave()
            self._let_go(actor)

        actor.turns.enter(lambda: gone.add_done_callback(begin))

    # --- turns ---

    def turn(
        self,
        type: str,
        id: str,
        kind: str,
        name: str,
        ask: Callable[[Host], Future[T]],
        *,
        reentrancy: str | None = None,
        depth: int = 1,
        elsewhere: Callable[[], Future[T]] | None = None,
    ) -> Future[T]:
        """Have an actor's host asked for something when it is the actor's turn for it.

        When the actor has moved by then, `elsewhere` asks its new host.
        """
        actor = self._expect(type, id)
        outcome: Future[T] = Future()
        self._pending.add(outcome)
        outcome.add_done_callback(self._pending.discard)

        def begin() -> None:
            if outcome.done() or (kind == DEACTIVATION and not actor.active):
                over(now(None))  # nobody waits any more, or there is nothing to do
                return
            if elsewhere is not None and not self._lives_here(type, id):
                over(failed(Moved()))
                return
            turn = Turn(type, id, kind, name, self._clock.now())
            self.turns.append(turn)
            asked = self._begin(actor, ask)
            if kind != DEACTIVATION:
                actor.running.add(asked)
            asked.add_done_callback(lambda asked: end(turn, asked))

        def end(turn: Turn, asked: Future[T]) -> None:
            actor.running.discard(asked)
            error = asked.exception()
            turn.end, turn.error = self._clock.now(), "" if error is None else str(error)
            self._end(actor, kind)
            over(asked)

        def over(asked: Future[Any]) -> None:
            actor.turns.leave()
            self._let_go(actor)
            if elsewhere is not None and isinstance(asked.exception(), Moved):
                self._pending.discard(outcome)
                follow(outcome, elsewhere)
            else:
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
        hosted = self.types.get(actor.type)
        if hosted is None:
            return failed(HostFailed("actor host is not connected"))
        actor.active = True
        try:
            return ask(hosted.host)
        except Exception as error:
            return failed(error)

    def _end(self, actor: Actor, kind: str) -> None:
        hosted = self.types.get(actor.type)
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
        hosted = self.types.get(actor.type)
        if hosted is None or not actor.active or not actor.turns.idle:
            return
        if self._clock.now() < actor.idle_since + hosted.config.idle_seconds:
            self._watch(actor, hosted.config)
        else:
            self.deactivate(actor.type, actor.id)

    # --- life ---

    def reset(self) -> None:
        """Deactivate every actor, forget every turn."""
        self.turns.clear()
        for actor in tuple(self._actors.values()):
            actor.timer = None  # the clock forgets it
        for key in self.active():
            self.deactivate(*key)

    def close(self) -> None:
        """Whatever is waited for fails."""
        for future in tuple(self._pending):
            fail(future, HostFailed("the sidecar is closed"))
