"""The composition root: a core, its components, and the doors in front of it.

    with Sidecar(components=[Component("statestore", "state.in-memory")]) as sidecar:
        ...  # sidecar.grpc_port, sidecar.http_port, sidecar.core

`start` and `stop` use an event loop in a background thread; inside a loop of your own, `await serve()` and
`await shut_down()` (or `async with`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

from fakesidecar import loop as loops
from fakesidecar.clock import Clock, SystemClock
from fakesidecar.components.registry import Surroundings, find
from fakesidecar.core import Core
from fakesidecar.grpcapi.api import GrpcApi
from fakesidecar.httpapi.api import HttpApi
from fakesidecar.ids import Ids, RandomIds
from fakesidecar.options import Options
from fakesidecar.resources.component import Component

START_SECONDS = 10.0
STOP_SECONDS = 10.0


class Sidecar:
    """One sidecar of one application."""

    def __init__(
        self,
        options: Options | None = None,
        *,
        components: Sequence[Component] = (),
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        self.options = options or Options()
        self.clock = clock or SystemClock()
        self.ids = ids or RandomIds()
        around = Surroundings(
            self.clock,
            self.ids,
            app_id=self.options.app_id,
            namespace=self.options.namespace,
            environment=self.options.environment,
        )
        self.core = Core(self.options, around)
        self.grpc = GrpcApi(self.core)
        self.http = HttpApi(self.core)
        self.grpc_port = 0
        self.http_port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        for spec in components:
            self.add(spec)

    def add(self, spec: Component) -> None:
        """Load a component."""
        found = find(spec.type, spec.version)
        if found is None:
            raise LookupError(f"couldn't find {spec.type}/{spec.version}")
        self.core.add(spec, found(spec, self.core.around))

    def reset(self) -> None:
        """Forget everything that was stored, locked, subscribed to or set; components stay."""
        self.core.reset()

    # --- on the caller's own event loop ---

    async def serve(self) -> None:
        """Open the doors on the running event loop."""
        from fakesidecar.grpcapi.server import GrpcServer
        from fakesidecar.httpapi.server import HttpServer

        options = self.options
        if isinstance(self.clock, SystemClock):
            self.clock.attach(asyncio.get_running_loop())
        self._grpc_server = GrpcServer(self.grpc)
        self._http_server = HttpServer(
            self.http, max_body_size=options.max_body_size, max_header_size=options.read_buffer_size
        )
        await self._grpc_server.start(self._addresses("grpc"), options.grpc_port)
        await self._http_server.start(self._addresses("http"), options.http_port)
        self.grpc_port, self.http_port = self._grpc_server.port, self._http_server.port

    def _addresses(self, door: str) -> Sequence[str]:
        if folder := self.options.unix_domain_socket:
            return (f"unix:{folder}/dapr-{self.options.app_id}-{door}.socket",)
        return self.options.listen_addresses

    async def shut_down(self) -> None:
        """Close the doors, then the components."""
        await self._http_server.stop()
        await self._grpc_server.stop()
        if isinstance(self.clock, SystemClock):
            self.clock.detach()
        self.core.close()

    async def __aenter__(self) -> Self:
        await self.serve()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.shut_down()

    # --- in a background thread ---

    def start(self) -> None:
        """Open the doors on an event loop in a background thread; returns when they can be called."""
        self._loop = loops.SHARED.acquire()
        try:
            loops.run(self._loop, self.serve(), START_SECONDS)
        except BaseException:
            loops.SHARED.release()
            raise

    def stop(self) -> None:
        """Close the doors and end the background thread, when no other sidecar uses it."""
        if self._loop is None:
            return
        try:
            loops.run(self._loop, self.shut_down(), STOP_SECONDS)
        finally:
            self._loop = None
            loops.SHARED.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()
