"""A call on its way to the core, and the onion of interceptors that it passes.

A door unpacks a request into a `Call` and hands it over together with the action that carries it out. Every
interceptor may look, refuse (raise), act before or after, or answer in the action's place:

    def forbid_deletes(call: Call, proceed: Callable[[], Any]) -> Any:
        if call.operation == "delete":
            raise StateStoreNotFound(store=call.component)
        return proceed()

What others answer (the method of an app) comes later: then `proceed()` gives an awaitable, and so may an interceptor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from google.protobuf.message import Message

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """What is asked of a building block, and by which door it came."""

    block: str
    """`state`, `lock`, `secrets`, … as the files are named."""
    operation: str
    """`get`, `save`, `try_lock`, …"""
    component: str = ""
    target: str = ""
    """The key, topic, app, actor or resource."""
    headers: Iterable[tuple[str, str | bytes]] = ()
    """Headers or gRPC metadata of the caller, as they came."""
    protocol: str = "grpc"
    """`grpc`, `http` or `python`."""
    sent: Any = None
    """What was sent: the bytes of a message, or an HTTP request."""
    targets_path: str = ""
    """Where in the request the targets are, when there may be many: `states.key`."""
    context: Any = None
    """What the door keeps of the call: `timeout` and `stream` are looked at, where it has them."""
    read: Callable[[Any], Any] | None = None
    """Makes the message of its bytes."""

    @property
    def request(self) -> Any:
        """What was sent, as the door has it: a message, or an HTTP request; `arguments` has it in Python's terms.

        A message is read from its bytes for whoever asks: to keep one for each recorded call would slow all calls
        down, and the one that the handler has may be changed meanwhile.
        """
        return self.sent if self.read is None else self.read(self.sent)

    @property
    def name(self) -> str:
        """`state.get`, `lock.try_lock`, …"""
        return f"{self.block}.{self.operation}"

    @property
    def metadata(self) -> Mapping[str, str]:
        """The headers with the first value of each name, names in lower case; binary values are left out."""
        out: dict[str, str] = {}
        for name, value in self.headers:
            if isinstance(value, str):
                out.setdefault(name.lower(), value)
        return out

    @property
    def timeout(self) -> float | None:
        """Seconds after which the caller gives up; None when it never does, or the door is not told."""
        return None if self.context is None else self.context.timeout

    @property
    def streaming(self) -> bool:
        """Whether it opens a stream."""
        return self.context is not None and self.context.stream is not None

    @property
    def targets(self) -> tuple[str, ...]:
        """All keys, topics, … that it names."""
        if not self.targets_path:
            return (self.target,)
        return tuple(str(found) for found in values_at(self.arguments, self.targets_path.split(".")))

    @property
    def arguments(self) -> Any:
        """What was sent, as dictionaries, lists and plain values."""
        return arguments_of(self.request)


Interceptor = Callable[[Call, Callable[[], Any]], Any]


def arguments_of(request: Any) -> Any:
    """A request as dictionaries, lists and plain values; those of an HTTP request are path, query and body."""
    if isinstance(request, Message):
        return {field.name: _plain(value) for field, value in request.ListFields()}
    if hasattr(request, "params"):
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        return {**query, **request.params, **({"body": body_of(request.body)} if request.body else {})}
    return request


def _plain(value: Any) -> Any:
    if isinstance(value, MutableMapping):
        return {key: arguments_of(item) for key, item in value.items()}
    if isinstance(value, Message):
        return arguments_of(value)
    return [arguments_of(item) for item in value] if isinstance(value, MutableSequence) else value


def body_of(body: bytes) -> Any:
    """A body as a plain value, when it is JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def values_at(found: Any, path: Sequence[str]) -> Iterator[Any]:
    """Everything at the end of a path through dictionaries and lists; a list stands for all its items."""
    if isinstance(found, list):
        for item in found:
            yield from values_at(item, path)
    elif not path:
        yield found
    elif isinstance(found, Mapping) and path[0] in found:
        yield from values_at(found[path[0]], path[1:])


class Onion:
    """The interceptors around the core, outermost first."""

    def __init__(self) -> None:
        self.interceptors: list[Interceptor] = []

    def __call__(self, call: Call, action: Callable[[], T]) -> T:
        """Carry out `action` through every interceptor."""
        interceptors = self.interceptors
        if not interceptors:
            return action()
        proceed: Callable[[], Any] = action
        for interceptor in interceptors[:0:-1]:
            proceed = partial(interceptor, call, proceed)
        return interceptors[0](call, proceed)  # type: ignore[no-any-return]  # an interceptor may answer with anything
