"""Input bindings: which of them the application wants, and how it is handed their events, over HTTP and over gRPC.

Follows dapr pkg/runtime/processor/binding: what a gRPC application replies goes on to output bindings, what an HTTP
application replies does nothing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf import empty_pb2

from fakesidecar import golang
from fakesidecar.app import About, AppChannel, AppFailed, AppRequest, AppRpcFailed
from fakesidecar.components.bindings import Answered, Cancel, Event, InputBinding
from fakesidecar.core.resiliency import NotTaken
from fakesidecar.errors import InvokeBindingFailed
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from dapr_client.wire import appcallback_pb2
    from fakesidecar.core import Core

log = logging.getLogger("fakesidecar.bindings")

KEPT = 10_000
"""How many records are kept; the oldest go first."""
PUSH_SECONDS = 10.0
"""How long, in real time, an event that is pushed waits for the application."""
METHOD_NOT_ALLOWED = 405
DIRECTION, INPUT = "direction", "input"
CREATE = "create"
JSON = ("content-type", "application/json")
TRACEPARENT, TRACESTATE = "traceparent", "tracestate"


@dataclass(frozen=True, slots=True)
class Delivered:
    """An attempt to hand an event to the application, and what came of it."""

    binding: str
    event: Event
    error: str
    """Why it was not taken; empty when it was."""
    time: float


class InputBindings:
    """Input bindings by name, read while the application wants their events."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._bindings: dict[str, InputBinding] = {}
        self._wanted: set[str] = set()
        """Those whose events the application wants."""
        self._reading: dict[str, Cancel] = {}
        self.started = threading.Event()
        """Set while the application is there, and was asked what it wants."""
        self.delivered: deque[Delivered] = deque(maxlen=KEPT)
        """Every attempt, the oldest first."""

    def add(self, spec: Component, binding: InputBinding) -> None:
        """Load a binding under its component's name."""
        self._bindings[spec.name] = binding
        if self.started.is_set():
            assert self._core.app is not None
            self._core.app.spawn(self.start_app())

    # --- what the application wants ---

    async def start_app(self) -> None:
        """Ask the application which bindings it wants, and read those."""
        app = self._core.app
        if app is None or not self._bindings:
            return
        self._wanted = await self._ask(app)
        self.started.set()
        for name in self._reading.keys() - self._wanted:
            self._reading.pop(name)()
        self.resume()

    def stop_app(self) -> None:
        """Hand the application nothing more."""
        self.started.clear()
        self.pause()

    def resume(self) -> None:
        """Read what the application wants, where that is not so."""
        for name in self._wanted - self._reading.keys():
            self._reading[name] = self._bindings[name].read(self._handler(name))

    def pause(self) -> None:
        """Read nothing, until `resume`."""
        while self._reading:
            self._reading.popitem()[1]()

    def reset(self) -> None:
        """Forget what was delivered, and begin to read anew."""
        self.pause()
        self.delivered.clear()
        if self.started.is_set():
            self.resume()

    async def _ask(self, app: AppChannel) -> set[str]:
        """The names of the bindings that the application wants; a `direction` in the metadata spares the question."""
        wanted, open_questions = set(), []
        for name, binding in self._bindings.items():
            direction = binding.spec.setting(DIRECTION)
            if not direction:
                open_questions.append(name)
            elif INPUT in direction.lower():
                wanted.add(name)
        if open_questions:
            wanted |= await (self._ask_over_grpc(app) if app.is_grpc else self._ask_over_http(app, open_questions))
        for name in self._bindings.keys() - wanted:
            log.info("app has not subscribed to binding %s.", name)
        return wanted & self._bindings.keys()

    async def _ask_over_grpc(self, app: AppChannel) -> set[str]:
        try:
            answer = await app.rpc("ListInputBindings", empty_pb2.Empty(), timeout=self._patience)
        except AppFailed as error:
            log.debug("the app lists no input bindings: %s", error)
            return set()
        return set(answer.bindings)

    async def _ask_over_http(self, app: AppChannel, names: Sequence[str]) -> set[str]:
        wanted = set()
        for name in names:
            request = AppRequest("OPTIONS", self._path(name), headers=(JSON,))
            try:
                answer = await app.request(request, timeout=self._patience)
            except AppFailed as error:
                log.error("could not ask the app whether it wants binding %s: %s", name, error)
                continue
            if answer.ok or answer.status == METHOD_NOT_ALLOWED:
                wanted.add(name)
        return wanted

    @property
    def _patience(self) -> float:
        return self._core.options.app_binding_options_timeout

    def _path(self, name: str) -> str:
        """Where an HTTP application is handed the events of a binding."""
        route = self._bindings[name].spec.setting("route") or name
        return golang.path_escape("/" + route.removeprefix("/"))

    # --- how it is handed events ---

    def wants(self, name: str) -> bool:
        """Whether the events of a binding reach the application."""
        return name in self._reading

    def push(self, name: str, event: Event) -> None:
        """Let an event come in, besides those that come by themselves, and wait until the application has seen to it.

        Raises `LookupError` when no application wants it. What a policy has offered again later is not waited for.
        """
        if self._core.app is not None:
            self.started.wait(PUSH_SECONDS)
        if not self.wants(name):
            raise LookupError(f"no application wants the events of a binding {name!r}")
        self.deliver(name, event, lambda error: None)
        self._core.clock.wait_until_idle(PUSH_SECONDS)

    def _handler(self, name: str) -> Callable[[Event, Answered], None]:
        return lambda event, answered: self.deliver(name, event, answered)

    def deliver(self, name: str, event: Event, answered: Answered) -> None:
        """Hand an event to the application, as often as there is reason to."""
        app = self._core.app
        assert app is not None

        def attempt(ended: Answered) -> None:
            app.spawn(self._attempt(app, name, event, ended))

        def finished(error: BaseException | None) -> None:
            if error is not None:
                log.debug("error from app consumer for binding [%s]: %s", name, error)
            answered(error)

        self._core.resiliency.offer(name, "bindings", attempt, finished)

    async def _attempt(self, app: AppChannel, name: str, event: Event, ended: Answered) -> None:
        error: NotTaken | None = None
        try:
            await (self._call(app, name, event) if app.is_grpc else self._post(app, name, event))
        except NotTaken as refusal:
            error = refusal
        except AppFailed as failure:
            error = NotTaken(f"error invoking app: {failure}")
        except Exception as failure:
            log.exception("an event of binding %s could not be sent to the app", name)
            error = NotTaken(repr(failure))
        self.delivered.append(Delivered(name, event, "" if error is None else str(error), self._core.clock.now()))
        ended(error)

    async def _post(self, app: AppChannel, name: str, event: Event) -> None:
        trace = self._trace(event)
        named = [(key, value) for key, value in event.metadata.items() if key.lower() not in (*dict(trace), JSON[0])]
        request = AppRequest("POST", self._path(name), event.data, (JSON, *named, *trace))
        answer = await app.request(request, about=About("binding", name))
        if not answer.ok:
            body = answer.body.decode(errors="replace")
            raise NotTaken(
                f"fails to send binding event to http app channel, status code: {answer.status} body: {body}",
                answer.status,
            )

    async def _call(self, app: AppChannel, name: str, event: Event) -> None:
        from dapr_client.wire import appcallback_pb2

        message = appcallback_pb2.BindingEventRequest(name=name, data=event.data, metadata=event.metadata)
        try:
            reply = await app.rpc("OnBindingEvent", message, self._trace(event), about=About("binding", name))
        except AppRpcFailed as error:
            raise NotTaken(f"error invoking app: {error}", error.code.name) from error
        try:
            await self._pass_on(reply)
        except InvokeBindingFailed as error:
            log.error("error executing app response: %s", error)

    def _trace(self, event: Event) -> list[tuple[str, str]]:
        """The trace of an event as headers: it goes on, or begins here."""
        if not self._core.tracer.enabled:
            return []
        span = self._core.tracer.span(event.metadata.get(TRACEPARENT), event.metadata.get(TRACESTATE))
        state = [(TRACESTATE, span.state)] if span.state else []
        return [(TRACEPARENT, span.traceparent), *state]

    # --- what comes of its reply ---

    async def _pass_on(self, reply: appcallback_pb2.BindingEventResponse) -> None:
        """Do what a reply asks for: its `states` are of no effect (recorded), its data must be JSON to be any."""
        try:
            data = golang.marshal(golang.unmarshal(reply.data))
        except golang.GoError:
            data = b"null"
        if reply.concurrency == reply.SEQUENTIAL:
            for name in reply.to:  # the first that fails is the last
                await self._create(name, data)
            return
        for failure in await asyncio.gather(*(self._create(name, data) for name in reply.to), return_exceptions=True):
            if failure is not None:
                log.error("%s", failure)

    async def _create(self, name: str, data: bytes) -> None:
        bindings = self._core.bindings
        if bindings.blocking(name):
            await asyncio.to_thread(bindings.invoke, name, CREATE, data)
        else:
            bindings.invoke(name, CREATE, data)
