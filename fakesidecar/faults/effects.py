"""What happens to a call: each effect is a layer around it, as an interceptor is.

Effects of the core raise or carry the call out as they please. Effects of the wire raise a `WireFault`, or mark the
answer; the doors, and the channels in process, let it happen to their wire.
"""

from __future__ import annotations

import contextlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from grpc import StatusCode

from fakesidecar import errors
from fakesidecar.errors import (
    AnyDetail,
    ApiError,
    ComponentError,
    ConnectionLost,
    DeadlinePassed,
    NoAnswer,
    OutboundNotReady,
)
from fakesidecar.later import is_awaited

if TYPE_CHECKING:
    from fakesidecar.call import Call
    from fakesidecar.core import Core

Proceed = Callable[[], Any]

HTTP_STATUS = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}
"""The HTTP status of every gRPC status (googleapis, google/rpc/code.proto)."""


@dataclass(slots=True)
class Scene:
    """The call that something happens to, and what effects may use."""

    call: Call
    core: Core
    random: Random
    waited: float = 0.0

    def wait(self, seconds: float) -> None:
        """Let time pass on the clock, until the caller gives up at most."""
        timeout = self.call.timeout
        left = math.inf if timeout is None else max(0.0, timeout - self.waited)
        self.core.clock.pass_time(min(seconds, left))
        self.waited += seconds
        if seconds >= left:
            raise DeadlinePassed

    def finished(self, answer: Any) -> Any:
        """An answer when it is there, in case that it is to come later."""
        if is_awaited(answer):
            answer = self.core.invocation.submit(answer)
        if not isinstance(answer, Future):
            return answer
        try:
            return answer.result(self.call.timeout)
        except FutureTimeout:
            answer.cancel()
            raise DeadlinePassed from None


class Effect(ABC):
    """Something that happens to a call."""

    kind: ClassVar[str]
    """Its name in JSON, and in the builder of tests."""
    protocols: ClassVar[frozenset[str]] = frozenset({"grpc", "http"})
    """The doors whose calls it can happen to; others do not match."""
    blocks: ClassVar[frozenset[str] | None] = None
    """The building blocks whose calls it can happen to; None: all."""
    streaming: ClassVar[bool | None] = None
    """True: it happens to calls that open a stream alone; False: to all others alone."""
    always_waits: ClassVar[bool] = False

    @property
    def waits(self) -> bool:
        """Whether it may take its time: doors let it happen on a thread."""
        return self.always_waits or bool(getattr(self, "applied", False))

    @abstractmethod
    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        """Let it happen: `proceed` carries the call out."""

    def suits(self, call: Call) -> bool:
        """Whether it can happen to such a call."""
        return (
            call.protocol in self.protocols
            and self.streaming in (None, call.streaming)
            and (self.blocks is None or call.block in self.blocks)
        )


@dataclass(frozen=True, slots=True)
class Fail(Effect):
    """Answer with an error, instead of carrying the call out, or (`applied`) after that."""

    kind: ClassVar[str] = "fail"

    status: str = "UNAVAILABLE"
    """The name of the gRPC status."""
    message: str = ""
    applied: bool = False
    details: tuple[Mapping[str, Any], ...] = ()
    """Messages of google.rpc, with `@type`: `retry_info`, `error_info` and `bad_request` make some."""
    trailers: Mapping[str, str] = field(default_factory=dict)
    """Trailing metadata over gRPC: `grpc-retry-pushback-ms`, …"""
    http: int = 0
    """The status over HTTP; 0: the one that belongs to the gRPC status."""
    code: str = "ERR_INJECTED"
    """The `errorCode` over HTTP."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers over HTTP: `retry-after`, …"""
    body: Any = None
    """The body over HTTP, when it is another than Dapr's: a text as it is, anything else as JSON."""

    def __post_init__(self) -> None:
        if self.status not in HTTP_STATUS:
            raise ValueError(f"no gRPC status of an error: {self.status!r} ({', '.join(HTTP_STATUS)})")
        for detail in self.details:
            check_detail(detail)

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        if self.applied:
            scene.finished(proceed())
        raise self.error()

    def error(self) -> ApiError:
        """The error that it answers with."""
        return Injected(self)


class Injected(ApiError):
    """An error that a plan asked for."""

    def __init__(self, fail: Fail) -> None:
        super().__init__(message=fail.message or f"fault injected: {fail.status}")
        self.grpc = StatusCode[fail.status]
        self.http = fail.http or HTTP_STATUS[fail.status]
        self.code = fail.code
        self.grpc_trailers = tuple(fail.trailers.items())
        self.http_headers = tuple(fail.headers.items())
        if fail.body is not None:
            self.http_body = (fail.body if isinstance(fail.body, str) else json.dumps(fail.body)).encode()
        self._given = tuple(map(as_detail, fail.details))

    @property
    def details(self) -> tuple[errors.Detail, ...]:
        return self._given

    @property
    def http_details(self) -> tuple[errors.Detail, ...]:
        return self._given


TYPE = "type.googleapis.com/google.rpc."


def as_detail(detail: Mapping[str, Any]) -> AnyDetail:
    """A detail from its JSON."""
    fields = {name: value for name, value in detail.items() if name != "@type"}
    return AnyDetail(str(detail.get("@type", "")).rpartition(".")[2], fields)


def check_detail(detail: Mapping[str, Any]) -> None:
    """Refuse what is no message of google.rpc."""
    from google.protobuf.json_format import ParseError

    from fakesidecar.grpcapi.status import message_of

    try:
        message_of(as_detail(detail))
    except (ParseError, AttributeError, TypeError) as error:
        raise ValueError(f"no message of google.rpc: {dict(detail)!r} ({error})") from error


def retry_info(seconds: float) -> dict[str, Any]:
    """A RetryInfo: how long the client is to wait."""
    return {"@type": f"{TYPE}RetryInfo", "retry_delay": f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"}


def error_info(reason: str, domain: str = errors.DOMAIN, **metadata: str) -> dict[str, Any]:
    """An ErrorInfo: what went wrong, for programs."""
    return {"@type": f"{TYPE}ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata}


def bad_request(**violations: str) -> dict[str, Any]:
    """A BadRequest: what is wrong with which field."""
    found = [{"field": name, "description": description} for name, description in violations.items()]
    return {"@type": f"{TYPE}BadRequest", "field_violations": found}


@dataclass(frozen=True, slots=True)
class Delay(Effect):
    """Take longer, by the clock: before the call is carried out, or (`applied`) after it."""

    kind: ClassVar[str] = "delay"
    always_waits: ClassVar[bool] = True

    seconds: float = 0.0
    jitter: float = 0.0
    """Up to so many seconds more, drawn evenly."""
    applied: bool = False

    def __post_init__(self) -> None:
        if self.seconds < 0 or self.jitter < 0:
            raise ValueError(f"a delay is not negative: {self}")

    def drawn(self, random: Random) -> float:
        """How many seconds it is this time."""
        return self.seconds + self.jitter * random.random() if self.jitter else self.seconds

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        seconds = self.drawn(scene.random)
        if self.applied:
            answer = scene.finished(proceed())
            scene.wait(seconds)
            return answer
        scene.wait(seconds)
        return proceed()


@dataclass(frozen=True, slots=True)
class Hang(Effect):
    """Never answer; (`applied`) though the call was carried out. The caller's deadline ends it, if there is one."""

    kind: ClassVar[str] = "hang"
    always_waits: ClassVar[bool] = True

    applied: bool = False

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        from fakesidecar.clock import VirtualClock

        if self.applied:
            scene.finished(proceed())
        if scene.call.timeout is not None and isinstance(scene.core.clock, VirtualClock):
            scene.wait(math.inf)
        raise NoAnswer


@dataclass(frozen=True, slots=True)
class Reset(Effect):
    """Break the connection before the call is carried out, or (`applied`) after it: then the reply is lost."""

    kind: ClassVar[str] = "reset"

    applied: bool = False

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        if self.applied:
            scene.finished(proceed())
        raise ConnectionLost


@dataclass(frozen=True, slots=True)
class Duplicate(Effect):
    """Carry the call out more than once, as a network that repeats itself; the last answer is the one given."""

    kind: ClassVar[str] = "duplicate"
    always_waits: ClassVar[bool] = True
    streaming: ClassVar[bool | None] = False

    times: int = 2

    def __post_init__(self) -> None:
        if self.times < 2:
            raise ValueError(f"a duplicate is two times at least: {self.times}")

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        for _ in range(self.times - 1):
            scene.finished(proceed())
        return proceed()


@dataclass(frozen=True, slots=True)
class StaleEtag(Effect):
    """Let somebody else write the same values: right after a read, right before a write. Their etags are stale then."""

    kind: ClassVar[str] = "stale_etag"
    blocks: ClassVar[frozenset[str] | None] = frozenset({"state"})
    streaming: ClassVar[bool | None] = False

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        call = scene.call
        if call.operation in ("get", "bulk_get", "query"):
            answer = proceed()
            self._write(scene)
            return answer
        self._write(scene)
        return proceed()

    def _write(self, scene: Scene) -> None:
        for key in dict.fromkeys(scene.call.targets):
            with contextlib.suppress(ApiError, ComponentError):  # which the call itself is told
                scene.core.state.touch(scene.call.component, key)


@dataclass(frozen=True, slots=True)
class Cut(Effect):
    """End a stream when the client was sent so many messages: the connection breaks, or an error is sent."""

    kind: ClassVar[str] = "cut"
    protocols: ClassVar[frozenset[str]] = frozenset({"grpc"})
    streaming: ClassVar[bool | None] = True

    after: int = 0
    status: str = ""
    """The name of the gRPC status; empty: the connection breaks."""
    message: str = ""

    def __post_init__(self) -> None:
        if self.after < 0:
            raise ValueError(f"a number of messages is not negative: {self.after}")
        if self.status:
            Fail(self.status)

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        error = Fail(self.status, self.message).error() if self.status else ConnectionLost()
        scene.call.context.stream.break_after(self.after, error)
        return proceed()


@dataclass(frozen=True, slots=True)
class Truncate(Effect):
    """Break the connection in the middle of an HTTP body, after so many bytes or such a part of it."""

    kind: ClassVar[str] = "truncate"
    always_waits: ClassVar[bool] = True
    protocols: ClassVar[frozenset[str]] = frozenset({"http"})

    size: int | None = None
    """Bytes; None: the `part` counts."""
    part: float = 0.5

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        answer = scene.finished(proceed())
        whole = len(answer.body)
        answer.breaks_after = int(whole * self.part) if self.size is None else min(self.size, whole)
        return answer


@dataclass(frozen=True, slots=True)
class Drip(Effect):
    """Send the answer some bytes at a time, with a pause in between, by the clock."""

    kind: ClassVar[str] = "drip"
    streaming: ClassVar[bool | None] = False
    always_waits: ClassVar[bool] = True

    size: int = 1
    """Bytes at a time."""
    pause: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 1 or self.pause < 0:
            raise ValueError(f"a drip has bytes, and a pause that is not negative: {self}")

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        answer = scene.finished(proceed())
        if scene.call.protocol == "http":
            answer.drip = self.size, self.pause
        elif answer is not None:  # a message is of use when it is whole
            scene.wait(self.pause * max(0, math.ceil(answer.ByteSize() / self.size) - 1))
        return answer


@dataclass(frozen=True, slots=True)
class NotReady(Effect):
    """Say that the sidecar is not ready yet: for the health endpoints (`health.*`)."""

    kind: ClassVar[str] = "not_ready"
    blocks: ClassVar[frozenset[str] | None] = frozenset({"health"})
    protocols: ClassVar[frozenset[str]] = frozenset({"http"})

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        if scene.call.operation == "check_outbound":
            raise OutboundNotReady
        raise errors.NotReady(targets="runtime")


@dataclass(frozen=True, slots=True)
class Restart(Effect):
    """Let the sidecar end and start again, with what its stores hold or without: the call and every stream break."""

    kind: ClassVar[str] = "restart"
    always_waits: ClassVar[bool] = True  # what it forgets may be in a Redis

    keep_data: bool = True
    applied: bool = False

    def __call__(self, scene: Scene, proceed: Proceed) -> Any:
        if self.applied:
            scene.finished(proceed())
        scene.core.on_restart(self.keep_data)
        raise ConnectionLost


KINDS: dict[str, type[Effect]] = {
    kind.kind: kind for kind in (Fail, Delay, Hang, Reset, Duplicate, StaleEtag, Cut, Truncate, Drip, NotReady, Restart)
}
