"""Who can be called by app id: the sidecars of this process that know each other, and whom a registry knows.

    neighbours = Neighbours()
    orders = Sidecar(Options(app_id="orders"), neighbours=neighbours)
    kitchen = Sidecar(Options(app_id="kitchen"), neighbours=neighbours)

Sidecars of one process call each other directly; they are opened on the same event loop. Sidecars elsewhere are
found by a `Resolver`, which is given to `Neighbours`.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fakesidecar.app import Metadata
    from fakesidecar.core.actors.place import Place
    from fakesidecar.core.invocation import Answer, Invocation
    from fakesidecar.core.proxied import Proxied


@dataclass(frozen=True, slots=True)
class Caller:
    """The sidecar that a call comes from."""

    app_id: str
    namespace: str
    address: str
    host: str

    def names(self, callee: str) -> tuple[tuple[str, str], ...]:
        """What a gRPC application is told of who calls whom."""
        return (("dapr-caller-app-id", self.app_id), ("dapr-callee-app-id", callee))


class Neighbour(Protocol):
    """A sidecar that calls for its application are handed to, as daprd's do over their internal gRPC service."""

    async def serve(self, asked: Invocation, caller: Caller) -> Answer:
        """Invoke a method of the application; raises `RpcStatus`."""

    def serve_proxied(self, path: str, requests: AsyncIterator[bytes], metadata: Metadata, caller: Caller) -> Proxied:
        """Call a gRPC method of the application's own, of whichever kind; raises `RpcStatus`."""


class Resolver(Protocol):
    """Finds sidecars outside of this process."""

    def resolve(self, app_id: str) -> Neighbour | None:
        """A sidecar of that app, None when there is none."""


class Neighbours:
    """Sidecars by app id; those of one app id take turns."""

    def __init__(self, *resolvers: Resolver) -> None:
        self._resolvers = [*resolvers]
        self._here: dict[str, deque[Neighbour]] = {}
        self._lock = threading.Lock()
        self.place: Place | None = None
        """Where actors are, among the sidecars of this process; the first one makes it."""

    def add(self, app_id: str, neighbour: Neighbour) -> None:
        """A sidecar of this process can be called from now on."""
        with self._lock:
            self._here.setdefault(app_id, deque()).append(neighbour)

    def remove(self, app_id: str, neighbour: Neighbour) -> None:
        """A sidecar of this process can be called no more."""
        with self._lock:
            self._here.get(app_id, deque()).remove(neighbour)

    def ask(self, resolver: Resolver) -> None:
        """Ask one more for sidecars of elsewhere."""
        with self._lock:
            self._resolvers.append(resolver)

    def ask_no_more(self, resolver: Resolver) -> None:
        """Ask one less."""
        with self._lock:
            self._resolvers.remove(resolver)

    def resolve(self, app_id: str) -> Neighbour | None:
        """A sidecar of that app, None when there is none."""
        with self._lock:
            resolvers = tuple(self._resolvers)
            if here := self._here.get(app_id):
                here.rotate(1)
                return here[0]
        return next(filter(None, (resolver.resolve(app_id) for resolver in resolvers)), None)


def host_address(environment: Mapping[str, str]) -> str:
    """The address that this machine is known by: `$DAPR_HOST_IP`, or where its way out begins (dapr kit/utils)."""
    return environment.get("DAPR_HOST_IP") or _way_out()


@cache
def _way_out() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("8.8.8.8", 80))  # nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@cache
def host_name() -> str:
    """The name of this machine."""
    return socket.gethostname()
