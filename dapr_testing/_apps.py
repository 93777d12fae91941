"""Stand-in applications: who answers invocations without a server, as a test says, and remembers them.

kitchen = dapr_sidecar.app("kitchen")
kitchen.on("prepare", returns={"minutes": 12})
run_the_code_under_test()
assert kitchen.received[0].json() == {"order": "7"}
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from google.protobuf.message import Message
from grpc import StatusCode

from fakesidecar.app import NOBODY_LISTENS, AppChannel, AppFailed, AppRequest, AppStream, Transport, whole
from fakesidecar.core.invocation import Invocation, RpcAnswer
from fakesidecar.errors import ComponentError, RpcStatus
from fakesidecar.neighbours import Caller

if TYPE_CHECKING:
    from fakesidecar.app import Body, Headers, Metadata
    from fakesidecar.core import Core
    from fakesidecar.core.invocation import Answer
    from fakesidecar.core.proxied import Proxied

Protocol = Literal["http", "grpc"]
JSON, TEXT, BYTES = "application/json", "text/plain; charset=utf-8", "application/octet-stream"
PROTO = "application/grpc"
NOWHERE = "127.0.0.1:1"
"""Where an application is said to be that is unreachable."""


Answers = Mapping[tuple[str, str], "list[Reply]"]
"""What a stand-in is to answer, by method and verb."""


@dataclass(frozen=True, slots=True)
class Received:
    """What a stand-in was asked."""

    method: str
    """`prepare`, or a path: without a leading slash."""
    verb: str = ""
    """`POST`; empty when a gRPC caller said nothing of HTTP."""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = ""
    caller: str = ""
    """The app id of who asked."""
    time: float = 0.0
    """On the sidecar's clock, in seconds since 1970."""

    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as what its JSON says."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first header of that name, in whatever case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a stand-in answers."""

    returns: Any = None
    """JSON values, text, bytes or a protobuf message; None: no body."""
    status: int | StatusCode = 200
    """An HTTP status, or a gRPC status for a stand-in that speaks gRPC."""
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    """Of a gRPC status that is no success."""
    delay: float = 0.0
    """Seconds on the clock."""
    unreachable: bool = False
    side_effect: Callable[[Received], Any] | None = None
    """Called with what was asked, on a thread; what it returns (a Reply, or what `returns` may be) is the answer."""


class StandIn:
    """An application by its id: what it answers to which method, and what it was asked.

    Methods that it was not told of are answered with 404, or UNIMPLEMENTED over gRPC.
    """

    def __init__(self, core: Core, app_id: str, protocol: Protocol = "http") -> None:
        self.app_id = app_id
        self.protocol = protocol
        self.received: list[Received] = []
        """What it was asked, the oldest first."""
        self.changed: Callable[[], None] = lambda: None
        """Is called when it has learned what to answer to one more method."""
        self._core = core
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        self._last: list[Reply] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.app_id!r}, asked {len(self.received)} times>"

    def on(self, method: str, *, verb: str = "", **reply: Any) -> Self:
        """Answer a method (with any verb, unless one is named) as `Reply` has it: `returns=`, `status=`, `delay=`, …"""
        self._last = self._replies[method.strip("/"), verb.upper()] = [Reply(**reply)]
        self.changed()
        return self

    def then(self, **reply: Any) -> Self:
        """Answer the next time with this; the last of these answers stays."""
        if not self._last:
            raise ValueError("then() goes on with an on()")
        self._last.append(Reply(**reply))
        return self

    def assert_called(self, method: str, *, times: int | None = None) -> list[Received]:
        """What the method was asked; AssertionError when it was not, or not so many times."""
        found = [one for one in self.received if one.method == method.strip("/")]
        if not found or times not in (None, len(found)):
            wanted = "at least once" if times is None else f"{times} times"
            asked = "\n".join(f"  {one.verb or 'gRPC'} {one.method} from {one.caller}" for one in self.received)
            raise AssertionError(
                f"{method} of {self.app_id} was called {len(found)} times, not {wanted}; it was asked:\n"
                + (asked or "  nothing")
            )
        return found

    def assert_not_called(self, method: str) -> None:
        """AssertionError when the method was called."""
        assert not [one for one in self.received if one.method == method.strip("/")], f"{method} was called"

    def answers(self) -> Answers:
        """What it was told to answer, as a copy."""
        return {method: list(replies) for method, replies in self._replies.items()}

    def begin_anew(self, answers: Answers) -> None:
        """Forget what it was asked, and answer this from now on."""
        self.received.clear()
        self._replies = {method: list(replies) for method, replies in answers.items()}
        self._last = []

    # --- as the sidecar sees it ---

    async def serve(self, asked: Invocation, caller: Caller) -> Answer:
        """Answer an invocation."""
        kind = asked.content_type
        try:
            reply = await self.answer(
                asked.method, asked.headers, asked.body, caller.app_id, verb=asked.verb, query=asked.query, kind=kind
            )
        except AppFailed as error:
            raise ComponentError(str(error)) from error
        return as_rpc(reply) if self.protocol == "grpc" else as_stream(reply)

    def serve_proxied(self, path: str, requests: AsyncIterator[bytes], metadata: Metadata, caller: Caller) -> Proxied:
        """Answer a call of a gRPC service of the application's own; the method is its path."""
        return _Call(self, path, requests, metadata, caller)

    def knows(self, method: str) -> bool:
        """Whether it was told what to answer to a method, with whichever verb."""
        return any(known == method for known, _ in self._replies)

    async def answer(
        self,
        method: str,
        headers: Metadata,
        body: Body,
        caller: str,
        *,
        verb: str = "",
        query: str = "",
        kind: str = "",
    ) -> Reply:
        """Remember what was asked, and say what is answered; raises `AppFailed`."""
        texts = tuple((name, value) for name, value in headers if isinstance(value, str))
        data, now = await whole(body), self._core.clock.now()
        given = Received(method.strip("/"), verb, query, texts, data, kind, caller, now)
        self.received.append(given)
        replies = self._replies.get((given.method, given.verb)) or self._replies.get((given.method, ""))
        if replies is None:
            missing = f"{given.method} is not answered by this stand-in"
            return Reply(status=StatusCode.UNIMPLEMENTED if self.protocol == "grpc" else 404, message=missing)
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if reply.delay:
            await asyncio.to_thread(self._core.clock.pass_time, reply.delay)
        if reply.unreachable:
            raise AppFailed(NOBODY_LISTENS.format(address=NOWHERE))
        if reply.side_effect is None:
            return reply
        returned = await asyncio.to_thread(reply.side_effect, given)
        if inspect.isawaitable(returned):
            returned = await returned
        return returned if isinstance(returned, Reply) else Reply(returned)


class _InPlace(Transport):
    """The sidecar's own application, when it is a stand-in."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in

    async def stream(self, request: AppRequest) -> AppStream:
        if request.method == "OPTIONS":  # whether it wants the events of a binding
            return as_stream(Reply(status=200 if self._stand_in.knows(request.path.strip("/")) else 404))
        kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
        own, verb, query = self._stand_in, request.method, request.query
        asked = own.answer(request.path, request.headers, request.body, own.app_id, verb=verb, query=query, kind=kind)
        return as_stream(await asked)


class Apps:
    """The stand-in applications of a sidecar, by app id."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._apps: dict[str, StandIn] = {}

    def __call__(self, app_id: str, protocol: Protocol) -> StandIn:
        """The stand-in of that id, made now if there is none."""
        if app_id not in self._apps:
            stand_in = StandIn(self._core, app_id, protocol)
            if app_id == self._core.app_id:
                self._take_place(stand_in)
            else:
                self._core.neighbours.add(app_id, stand_in)
            self._apps[app_id] = stand_in
        return self._apps[app_id]

    def _take_place(self, stand_in: StandIn) -> None:
        if self._core.app is not None:
            raise ValueError(f"{stand_in.app_id} is the application of this sidecar, which has one")
        if stand_in.protocol != "http":
            raise ValueError("a stand-in of the sidecar's own application speaks HTTP")
        app = AppChannel(_InPlace(stand_in), self._core.clock, faults=self._core.faults)
        self._core.invocation.submit(_opened(app)).result()
        self._core.app = app
        stand_in.changed = self._ask_for_bindings
        self._ask_for_bindings()

    def _ask_for_bindings(self) -> None:
        """Let the sidecar's own application be handed the events of bindings that it knows by now."""
        self._core.invocation.submit(self._core.bindings.inputs.start_app()).result()

    def snapshot(self) -> dict[str, Answers]:
        """Who stands in, and what they were told to answer."""
        return {app_id: stand_in.answers() for app_id, stand_in in self._apps.items()}

    def restore(self, kept: Mapping[str, Answers]) -> None:
        """Who stood in then stands in, and has been asked nothing yet; nobody else does."""
        self.close(but=kept)
        for app_id, answers in kept.items():
            self._apps[app_id].begin_anew(answers)

    def close(self, but: Container[str] = ()) -> None:
        """Nobody stands in any more."""
        for app_id, stand_in in list(self._apps.items()):
            if app_id in but:
                continue
            del self._apps[app_id]
            if app_id == self._core.app_id:
                self._core.bindings.inputs.stop_app()
                app, self._core.app = self._core.app, None
                if app is not None:
                    self._core.invocation.submit(app.close()).result()
            else:
                self._core.neighbours.remove(app_id, stand_in)


async def _opened(app: AppChannel) -> None:
    app.open()


# --- answers on the wire ---


def body_of(value: Any) -> tuple[bytes, str]:
    """A value as a body, and its content type."""
    if value is None:
        return b"", ""
    if isinstance(value, Message):
        return value.SerializeToString(), PROTO
    if isinstance(value, bytes):
        return value, BYTES
    if isinstance(value, str):
        return value.encode(), TEXT
    return json.dumps(value).encode(), JSON


def as_stream(reply: Reply) -> AppStream:
    """A reply over HTTP."""
    body, kind = body_of(reply.returns)
    headers: Headers = list(reply.headers.items())
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers = [("content-type", kind), *headers]
    status = reply.status if isinstance(reply.status, int) else 200
    return AppStream(status, [*headers, ("content-length", str(len(body)))], _once(body))


async def _once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


def as_rpc(reply: Reply) -> RpcAnswer:
    """A reply of a gRPC application."""
    code = reply.status if isinstance(reply.status, StatusCode) else StatusCode.OK
    header = tuple(reply.headers.items())
    if code is not StatusCode.OK:
        return RpcAnswer(code, reply.message, header=header)
    body, kind = body_of(reply.returns)
    if isinstance(reply.returns, Message):
        type_url = f"type.googleapis.com/{reply.returns.DESCRIPTOR.full_name}"
        return RpcAnswer(header=header, type_url=type_url, value=body)
    return RpcAnswer(header=header, content_type=kind, value=body)


class _Call:
    """A gRPC call of whichever kind, answered as a stand-in says: a list or a tuple is a stream of messages."""

    def __init__(
        self, stand_in: StandIn, path: str, requests: AsyncIterator[bytes], metadata: Metadata, caller: Caller
    ) -> None:
        self._stand_in, self._path, self._requests = stand_in, path, requests
        self._metadata, self._caller = metadata, caller
        self._reply: asyncio.Task[Reply] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[bytes]:
        reply = await self._answered()
        if _code_of(reply) is StatusCode.OK:
            returns = reply.returns if isinstance(reply.returns, list | tuple) else [reply.returns]
            for message in returns:
                yield body_of(message)[0]

    async def _answered(self) -> Reply:
        if self._reply is None:
            self._reply = asyncio.ensure_future(self._ask())
        return await self._reply

    async def _ask(self) -> Reply:
        try:
            return await self._stand_in.answer(self._path, self._metadata, self._requests, self._caller.app_id)
        except AppFailed as error:
            raise RpcStatus(StatusCode.UNAVAILABLE, str(error)) from error

    async def initial_metadata(self) -> Sequence[tuple[str, str]]:
        return tuple((await self._answered()).headers.items())

    async def trailing_metadata(self) -> Sequence[tuple[str, str]]:
        return ()

    async def code(self) -> StatusCode:
        return _code_of(await self._answered())

    async def details(self) -> str:
        return (await self._answered()).message

    def cancel(self) -> bool:
        return self._reply is not None and self._reply.cancel()


def _code_of(reply: Reply) -> StatusCode:
    if isinstance(reply.status, StatusCode):
        return reply.status
    return StatusCode.OK if reply.status < 400 else StatusCode.UNKNOWN
