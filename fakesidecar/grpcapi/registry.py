"""Which function serves which RPC."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message

from dapr_client import wire
from fakesidecar.call import Call
from fakesidecar.trace import NO_SPAN, Span

if TYPE_CHECKING:
    from fakesidecar.errors import ApiError


@dataclass(slots=True)
class Context:
    """What belongs to a call besides its message."""

    metadata: tuple[tuple[str, str | bytes], ...] = ()
    """What the caller sent, in order."""
    header: list[tuple[str, str | bytes]] = field(default_factory=list)
    """Initial metadata of the answer."""
    trailer: list[tuple[str, str | bytes]] = field(default_factory=list)
    span: Span = NO_SPAN
    """The span of the call."""
    timeout: float | None = None
    """Seconds until the caller gives up, None for never."""
    stream: Stream | None = None
    """The sidecar's end, when it is a streaming call."""

    def first(self, name: str) -> str | None:
        """The first value of a name in the caller's metadata."""
        for key, value in self.metadata:
            if key == name:
                return value if isinstance(value, str) else value.decode(errors="replace")
        return None

    def texts(self) -> Mapping[str, str]:
        """The caller's metadata with the first value of each name; binary values are left out."""
        out: dict[str, str] = {}
        for key, value in self.metadata:
            if isinstance(value, str):
                out.setdefault(key, value)
        return out


PENDING = 4
"""How many messages may wait on their way to the client of a paced stream."""


class Stream(ABC):
    """The sidecar's end of a streaming call, as a handler sees it.

    A handler sends with `send`, ends the call with `finish`, and sets the callbacks for what the client does.
    All of it may be used from any thread, and never waits.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        context.stream = self
        self.began = False
        """Whether the client has sent a message."""
        self._left: int | None = None
        self._break: ApiError | None = None
        self.on_message: Callable[[Any], None] = lambda message: None
        """The client sent a message (not called for server-streaming calls)."""
        self.on_half_close: Callable[[], None] = lambda: None
        """The client will send no more."""
        self.on_close: Callable[[], None] = lambda: None
        """The call is over, whoever ended it."""
        self.paced = False
        """The client's next message waits until what was sent is on its way: for handlers whose answers are as long
        as what they answer, so that neither is piled up."""
        self.blocking = False
        """What the client does is told on a thread: the handler may wait for something outside of this process."""
        self.failed = False
        """An error ended the call, and what the client still sends is not told any more."""

    def fail(self, error: ApiError) -> None:
        """End the call with an error."""
        self.failed = True
        self.finish(error)

    def break_after(self, messages: int, error: ApiError) -> None:
        """End the call with an error as soon as the client was sent so many messages."""
        self._left, self._break = messages, error
        if not messages:
            self.finish(error)

    def send(self, message: Message) -> None:
        """Send a message to the client."""
        if self._left is None:
            self.write(message)
        elif self._left:
            self._left -= 1
            self.write(message)
            if not self._left:
                self.finish(self._break)

    @abstractmethod
    def write(self, message: Message) -> None:
        """Bring a message on its way."""

    @abstractmethod
    def finish(self, error: ApiError | None = None) -> None:
        """End the call, with OK or with an error."""


@dataclass(frozen=True, slots=True)
class Served:
    """An RPC and the function that serves it."""

    method: wire.Method
    function: Callable[..., Any]
    block: str
    operation: str
    component_field: str
    target_field: str
    targets_path: str = ""
    is_coroutine: bool = field(init=False)
    """Whether the function is to be awaited."""
    read: Callable[[bytes], Any] = field(init=False)
    """Makes the request of its bytes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", self.method.request.FromString)
        object.__setattr__(self, "is_coroutine", iscoroutinefunction(self.function))

    def component(self, request: Message) -> str:
        """The component that a request names."""
        return _field(request, self.component_field) if self.component_field else ""

    def call(self, request: Message, context: Context, data: bytes) -> Call:
        """The request as interceptors see it, and the bytes that it was read from."""
        return Call(
            self.block,
            self.operation,
            self.component(request),
            _field(request, self.target_field) if self.target_field else "",
            context.metadata,
            "grpc",
            data,
            self.targets_path,
            context,
            self.read,
        )


def _field(request: Message, path: str) -> str:
    """A field, or (`initial_request.pubsub_name`) one of a message inside."""
    found: Any = request
    for name in path.split("."):
        found = getattr(found, name)
    return str(found)


SERVED: dict[str, Served] = {}
"""By gRPC path: `/dapr.proto.runtime.v1.Dapr/GetState`."""

F = TypeVar("F", bound=Callable[..., Any])


def serve(
    method: wire.Method,
    function: Callable[..., Any],
    *,
    call: str,
    component: str = "",
    target: str = "",
    targets: str = "",
) -> None:
    """Serve a method, of Dapr or not, with the function; see `serves`."""
    block, _, operation = call.partition(".")
    SERVED[method.path] = Served(method, function, block, operation, component, target, targets)


def serves(
    *names: str, call: str, component: str = "", target: str = "", targets: str = "", service: str = wire.DAPR
) -> Callable[[F], F]:
    """Serve the RPCs of these names with the function.

    Unary: `function(core, request, context) -> response`, or a future of it. Server streaming:
    `function(core, request, stream)`. Bidirectional: `function(core, stream)`. `call` is `block.operation`;
    `component` and `target` are the fields of the request that name them; `targets` is the path to them where there
    may be many (`states.key`). Of a bidirectional call, they are fields of its first message.
    """

    def register(function: F) -> F:
        for name in names:
            method = wire.method(service, name)
            serve(method, function, call=call, component=component, target=target, targets=targets)
        return function

    return register
