"""Hosts: where actors live, and how they are asked to do something.

A host answers with futures, so that whoever asks may wait in a thread, or be called back.
"""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fakesidecar import golang
from fakesidecar.app import About, AppChannel, AppFailed, AppRequest, AppResponse
from fakesidecar.later import fail, settle

T = TypeVar("T")
Headers = Sequence[tuple[str, str]]

REENTRANCY_ID = "Dapr-Reentrancy-Id"
CONTENT_TYPE = "content-type"
CANCELLED = "context canceled"


@dataclass(frozen=True, slots=True)
class ActorCall:
    """A method to call of an actor."""

    type: str
    id: str
    method: str
    data: bytes = b""
    headers: Headers = ()
    """What the caller says besides, and what the sidecar adds."""
    query: str = ""
    trace: Headers = ()
    """The trace headers for an application that is called over HTTP."""
    from_grpc: bool = False
    """HTTP applications are not told the content type of what came over gRPC."""

    def header(self, name: str) -> str | None:
        """The first header of a name, in whatever case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_header(self, name: str, value: str) -> ActorCall:
        """The call with one more header."""
        return replace(self, headers=(*self.headers, (name, value)))


@dataclass(frozen=True, slots=True)
class ActorReply:
    """What an actor's method answered."""

    data: bytes = b""
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder as it is kept."""

    type: str
    id: str
    name: str
    due_time: str = ""
    """As it was asked for."""
    period: str = ""
    """`@every 1h0m0s`."""
    ttl: str = ""
    """As it was asked for."""
    data: bytes | None = None
    """JSON."""


@dataclass(frozen=True, slots=True)
class ActorTimer:
    """A timer as it is kept: texts as they were asked for."""

    type: str
    id: str
    name: str
    due_time: str = ""
    period: str = ""
    ttl: str = ""
    callback: str = ""
    data: bytes | None = None
    """JSON."""


class HostFailed(Exception):
    """The host did not do what it was asked; the text says why, in daprd's words."""


class Host(ABC):
    """Where actors live. Futures fail with `HostFailed`."""

    @abstractmethod
    def invoke(self, call: ActorCall) -> Future[ActorReply]:
        """Call a method of an actor."""

    @abstractmethod
    def remind(self, reminder: Reminder) -> Future[None]:
        """Tell an actor of a reminder."""

    @abstractmethod
    def tick(self, timer: ActorTimer) -> Future[None]:
        """Tell an actor of a timer."""

    @abstractmethod
    def deactivate(self, type: str, id: str) -> Future[None]:
        """Tell an actor that nobody needs it any more."""


HOP_BY_HOP = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that belong to a connection, not to what it carries."""
TRACE = frozenset({"traceparent", "tracestate"})


class AppHost(Host):
    """An application that is called over HTTP (dapr pkg/actors/internal/app/http)."""

    def __init__(self, app: AppChannel) -> None:
        self._app = app

    def invoke(self, call: ActorCall) -> Future[ActorReply]:
        return self._promise(lambda: self._invoke(call))

    def remind(self, reminder: Reminder) -> Future[None]:
        body = _tick_body(reminder.data, "", "")
        return self._promise(
            lambda: self._tell(About("reminder", reminder.type, reminder.id), f"remind/{reminder.name}", body)
        )

    def tick(self, timer: ActorTimer) -> Future[None]:
        body = _tick_body(timer.data, timer.due_time, timer.period, callback=timer.callback)
        return self._promise(lambda: self._tell(About("timer", timer.type, timer.id), f"timer/{timer.name}", body))

    def deactivate(self, type: str, id: str) -> Future[None]:
        path = golang.path_escape(f"/actors/{type}/{id}")
        request = AppRequest("DELETE", path, headers=((CONTENT_TYPE, "application/x-protobuf"),))

        async def tell() -> None:
            answer = await self._ask(request, About("deactivate", type, id))
            if answer.status != 200:
                raise HostFailed(f"error from actor service: ({answer.status}) {text_of(answer)}")

        return self._promise(tell)

    async def _invoke(self, call: ActorCall) -> ActorReply:
        dropped = HOP_BY_HOP | TRACE | ({CONTENT_TYPE} if call.from_grpc else set())
        headers = (*((name, value) for name, value in call.headers if name.lower() not in dropped), *call.trace)
        answer = await self._put(About("actor", call.type, call.id), call.method, call.data, headers, call.query)
        passed = [(name.lower(), value) for name, value in answer.headers if name.lower() not in HOP_BY_HOP | {"date"}]
        return ActorReply(answer.body, passed)

    async def _tell(self, about: About, method: str, body: bytes) -> None:
        await self._put(about, method, body, ((CONTENT_TYPE, "application/json"),))

    async def _put(self, about: About, method: str, body: bytes, headers: Headers, query: str = "") -> AppResponse:
        method = posixpath.normpath(f"/{method}").lstrip("/")
        path = f"actors/{about.component}/{about.target}/method" + (f"/{method}" if method else "")
        answer = await self._ask(AppRequest("PUT", golang.path_escape(f"/{path}"), body, headers, query), about)
        if answer.status == 404:
            raise HostFailed(f"actor method not found: {path}")
        if answer.status != 200:
            raise HostFailed(f"error from actor service: ({answer.status}) {text_of(answer)}")
        return answer

    async def _ask(self, request: AppRequest, about: About) -> AppResponse:
        try:
            return await self._app.request(request, about=about)
        except AppFailed as error:
            raise HostFailed(str(error)) from error

    def _promise(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Begin work on the sidecar's event loop."""
        promised: Future[T] = Future()

        async def run() -> None:
            try:
                result = await work()
            except Exception as error:
                fail(promised, error)
            except BaseException:
                fail(promised, HostFailed(CANCELLED))
                raise
            else:
                settle(promised, result)

        self._app.spawn(run())
        return promised


def text_of(answer: AppResponse) -> str:
    """The body of an answer, to be read by people."""
    return answer.body.decode(errors="replace")


def _tick_body(data: bytes | None, due_time: str, period: str, **more: str) -> bytes:
    fields = {"dueTime": due_time, "period": period, **more}
    # In the order of the fields of daprd's struct (dapr pkg/actors/api, ReminderResponse and TimerResponse).
    order = (name for name in ("callback", "dueTime", "period") if name in fields)
    members = [golang.marshal({name: fields[name]})[1:-1] for name in order]
    if data is not None:
        members.insert(0, golang.marshal({"data": golang.RawJson(data)})[1:-1])
    return b"{" + b",".join(members) + b"}"
