"""The composition root: a core, its components, and the doors in front of it.

    with Sidecar(components=[Component("statestore", "state.in-memory")]) as sidecar:
        ...  # sidecar.grpc_port, sidecar.http_port, sidecar.core

`start` and `stop` use an event loop in a background thread; inside a loop of your own, `await serve()` and
`await shut_down()` (or `async with`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from fakesidecar import loop as loops
from fakesidecar.app import wait_until_listening
from fakesidecar.broker import Broker
from fakesidecar.clock import Clock, SystemClock
from fakesidecar.components.registry import Surroundings
from fakesidecar.components.values import texts_of, values_of
from fakesidecar.core import Core
from fakesidecar.core.health import RUNTIME
from fakesidecar.errors import ComponentError
from fakesidecar.grpcapi.api import GrpcApi
from fakesidecar.httpapi.api import HttpApi, public_api
from fakesidecar.ids import Ids, RandomIds
from fakesidecar.neighbours import Neighbours
from fakesidecar.options import Options
from fakesidecar.redis_place import RedisPlace
from fakesidecar.resources.component import Component
from fakesidecar.resources.load import Resources
from fakesidecar.resources.process import process

if TYPE_CHECKING:
    from fakesidecar.grpcapi.server import GrpcServer
    from fakesidecar.httpapi.server import HttpServer

KUBERNETES = "kubernetes"
"""The secret store that components name when they name none, or that a cluster has of its own."""
START_SECONDS = 10.0
STOP_SECONDS = 10.0
DRAIN_SECONDS = 2.0
FAREWELL_SECONDS = 1.0


class Sidecar:
    """One sidecar of one application."""

    def __init__(
        self,
        options: Options | None = None,
        *,
        components: Sequence[Component] = (),
        resources: Resources | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
        neighbours: Neighbours | None = None,
        broker: Broker | None = None,
    ) -> None:
        self.options = options or Options()
        self.clock = clock or SystemClock()
        self.ids = ids or RandomIds()
        around = Surroundings(
            self.clock,
            self.ids,
            RedisPlace(self.options.redis, self.clock),
            app_id=self.options.app_id,
            namespace=self.options.namespace,
            environment=self.options.environment,
            broker=broker or Broker(),
            stand_ins=self.options.stand_ins,
            values=values_of(self.options.values_file),
        )
        self.resources = resources or Resources()
        self.core = Core(self.options, self.resources, around, neighbours)
        try:
            self.load([*self.resources.components, *components])
        except BaseException:
            self.core.close()
            raise
        self.grpc = GrpcApi(self.core)
        self.http = HttpApi(self.core)
        self.core.on_restart = lambda keep_data: self.restart(keep_data=keep_data)
        self.grpc_port = 0
        self.http_port = 0
        self.public_port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_clock = False
        self._servers: list[HttpServer | GrpcServer] = []
        self._background: set[asyncio.Task[None]] = set()

    def load(self, components: Sequence[Component]) -> None:
        """Load components, in order; raises `StartupError` for the first that daprd would not start with."""
        process(components, self.core.around, add=self.core.add, secret=self._secret)

    def add(self, spec: Component) -> None:
        """Load a component."""
        self.load([spec])

    def _secret(self, store: str, name: str) -> Mapping[str, str] | None:
        """A secret for a component's metadata, None when no such store is loaded."""
        for spec, component in self.core.components:
            if spec.name == store and component.component_type.block == "secrets":
                found = component.get(name, {})
                if found is None:
                    raise ComponentError(f"secret {name} not found")
                return dict(found)
        if self.options.stand_ins and store in ("", KUBERNETES):  # there it is always loaded
            return texts_of(self.core.around.values.get(KUBERNETES, {}).get(name, {}), name)
        return None

    def reset(self) -> None:
        """Forget everything that was stored, locked, subscribed to or set; components stay."""
        self.core.reset()

    def restart(self, *, keep_data: bool = True) -> None:
        """End and start again, as clients see it: every stream breaks, and what was set is forgotten.

        Without `keep_data` stores are empty afterwards, as those in memory are after a restart of daprd. The ports
        stay open all the while.
        """
        self.grpc.break_streams()
        if keep_data:
            self.core.metadata.reset()
        else:
            self.core.forget()

    # --- on the caller's own event loop ---

    async def serve(self) -> None:
        """Open the doors on the running event loop."""
        try:
            await self._open_doors()
        except BaseException:
            await self.shut_down()
            raise

    async def _open_doors(self) -> None:
        from fakesidecar.grpcapi.server import GrpcServer
        from fakesidecar.httpapi.server import HttpServer

        options = self.options
        self.core.health.outbound_ready = True
        self.core.health.waiting_for.clear()
        if isinstance(self.clock, SystemClock):
            self.clock.attach(asyncio.get_running_loop())
            self._on_clock = True
        if self.core.app is not None:
            self.core.app.open()
        self.core.outbox.start()
        if options.app_port:
            self.core.health.waiting_for.append(RUNTIME)
            self._run_in_background(self._wait_for_app())
        limits = {"max_body_size": options.max_body_size, "max_header_size": options.read_buffer_size}
        grpc_server, http_server = GrpcServer(self.grpc), HttpServer(self.http, **limits)
        self._servers = [http_server, grpc_server]
        await grpc_server.start(self._addresses("grpc"), options.grpc_port)
        await http_server.start(self._addresses("http"), options.http_port)
        self.grpc_port, self.http_port = grpc_server.port, http_server.port
        self.core.invocation.open(f"{options.listen_addresses[0]}:{self.grpc_port}")
        if options.public_port is not None:
            public = HttpServer(public_api(self.core), **limits)
            self._servers.insert(0, public)
            await public.start([options.public_listen_address], options.public_port)
            self.public_port = public.port

    async def _wait_for_app(self) -> None:
        """The sidecar is ready when its application is."""
        await wait_until_listening(self.options.app_channel_address, self.options.app_port)
        if self.core.app_health is not None:
            self.core.app_health.start(self._app_is_well)
        else:
            await self._app_is_well(True)
        self.core.health.waiting_for.remove(RUNTIME)

    async def _app_is_well(self, well: bool) -> None:
        """The application is handed work while it is well."""
        if not well:
            self.core.pubsub.stop_app()
            self.core.bindings.inputs.stop_app()
            return
        await self.core.pubsub.start_app()
        await self.core.bindings.inputs.start_app()
        await self.core.actors.ask_application()
        self.core.jobs.app_is_ready()

    def _run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _addresses(self, door: str) -> Sequence[str]:
        if folder := self.options.unix_domain_socket:
            return (f"unix:{folder}/dapr-{self.options.app_id}-{door}.socket",)
        return self.options.listen_addresses

    async def shut_down(self, grace: float | None = None) -> None:
        """Close the doors, then the components; calls under way get `grace` seconds."""
        self.core.health.outbound_ready = False
        async with AsyncExitStack() as closing:  # last in, first out; what fails keeps nothing else open
            closing.push_async_callback(asyncio.to_thread, self.core.close)  # it may wait for threads and for Redis
            if isinstance(self.clock, SystemClock) and self._on_clock:
                self._on_clock = False
                closing.callback(self.clock.detach)
            if self.core.app is not None:
                closing.push_async_callback(self.core.app.close)
            closing.push_async_callback(self.core.invocation.close)
            while self._servers:
                closing.push_async_callback(self._servers.pop().stop, grace)
            closing.callback(self.core.pubsub.stop_app)
            closing.callback(self.core.bindings.inputs.stop_app)
            if self.core.app_health is not None:
                closing.callback(self.core.app_health.stop)
            closing.callback(self.core.pubsub.end_streams)
            closing.push_async_callback(self._end_workers)
            closing.push_async_callback(self._drain)
            for task in self._background:
                task.cancel()
            await asyncio.gather(*self._background, return_exceptions=True)

    async def _drain(self) -> None:
        """Deactivate every actor; those whose application does not answer are given up."""
        ending = asyncio.gather(*map(asyncio.wrap_future, self.core.actors.drain()), return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending, DRAIN_SECONDS)

    async def _end_workers(self) -> None:
        """Tell workers of workflows that it is over, rather than cutting their streams off."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(self.core.workflow.stop()), FAREWELL_SECONDS)

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
            self._loop = None
            loops.SHARED.release()
            raise

    def stop(self) -> None:
        """Close the doors and end the background thread, when no other sidecar uses it."""
        if self._loop is None:
            self.core.close()  # components are there before the doors open
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
