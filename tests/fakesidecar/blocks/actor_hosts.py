"""Hosts of actors for tests: one that answers at once, by a function, and one that answers when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from fakesidecar.clock import VirtualClock
from fakesidecar.core.actors import ActorsBlock
from fakesidecar.core.actors.hosts import ActorCall, ActorReply, ActorTimer, Host, HostFailed, Reminder
from fakesidecar.later import fail, settle
from fakesidecar.neighbours import Neighbours
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.configuration import Configuration
from fakesidecar.resources.load import Resources
from fakesidecar.resources.resiliency import Resiliency
from fakesidecar.sidecar import Sidecar

STORE = Component("store", "state.in-memory", metadata={"actorStateStore": "true"})


@dataclass
class Asked:
    """What a host was asked, and its answer."""

    kind: str
    actor: str
    name: str
    what: Any = None
    answer: Future[Any] = field(default_factory=Future)

    def ok(self, data: bytes = b"") -> None:
        settle(self.answer, ActorReply(data) if self.kind == "method" else None)

    def fail(self, reason: str = "it broke") -> None:
        fail(self.answer, HostFailed(reason))


class Stage(Host):
    """Notes what it is asked; `open` is what it has not answered yet."""

    def __init__(self, answer: Callable[[Asked], None] | None = None) -> None:
        self.asked: list[Asked] = []
        self.answer = answer

    @property
    def open(self) -> list[Asked]:
        return [asked for asked in self.asked if not asked.answer.done()]

    def said(self) -> list[tuple[str, str, str]]:
        """Kind, actor and name of everything that was asked."""
        return [(asked.kind, asked.actor, asked.name) for asked in self.asked]

    def _note(self, kind: str, id: str, name: str, what: Any = None) -> Future[Any]:
        asked = Asked(kind, id, name, what)
        self.asked.append(asked)
        if self.answer is not None:
            self.answer(asked)
        return asked.answer

    def invoke(self, call: ActorCall) -> Future[ActorReply]:
        return self._note("method", call.id, call.method, call)

    def remind(self, reminder: Reminder) -> Future[None]:
        return self._note("reminder", reminder.id, reminder.name, reminder)

    def tick(self, timer: ActorTimer) -> Future[None]:
        return self._note("timer", timer.id, timer.name, timer)

    def deactivate(self, type: str, id: str) -> Future[None]:
        return self._note("deactivation", id, "")


def prompt(fail: str = "") -> Stage:
    """A host that answers at once; what has the name `fail` fails."""
    return Stage(lambda asked: asked.fail() if asked.name == fail else asked.ok(asked.name.encode()))


def sidecar_with_actors(
    *,
    ttl: bool = False,
    app_id: str = "app",
    clock: VirtualClock | None = None,
    neighbours: Neighbours | None = None,
    resiliencies: Sequence[Resiliency] = (),
) -> Sidecar:
    """A sidecar on a virtual clock, with a store for actors."""
    resources = Resources(configuration=Configuration(features={"ActorStateTTL": ttl}), resiliencies=resiliencies)
    options, clock = Options(app_id=app_id), clock or VirtualClock()
    return Sidecar(options, components=[STORE], resources=resources, clock=clock, neighbours=neighbours)


def call(actors: ActorsBlock, method: str, id: str = "tom", type: str = "Cat", **more: Any) -> Future[ActorReply]:
    """Call a method of an actor."""
    return actors.ask(ActorCall(type, id, method, **more))
