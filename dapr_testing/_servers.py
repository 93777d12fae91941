"""What can stand behind `dapr_sidecar`: the fake in this process, a real daprd, or a sidecar that runs already."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dapr_testing._settings import DEFAULT_COMPONENTS, OURS, Settings, to_load
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from dapr_testing._daprd import Daprd
    from fakesidecar.clock import Clock
    from fakesidecar.sidecar import Sidecar

HOST = "127.0.0.1"
FAKE, DAPRD = "fake", "daprd"
PROXY = "proxy:"
POOL_SIZE = 8
FOR_DAPRD = ("app_port", "app_protocol")
"""The options that a real daprd is given, too."""


class Server(ABC):
    """A sidecar that runs, or can be started."""

    fake: Sidecar | None = None
    """The fake itself, None for a real one."""
    watched: Sidecar | None = None
    """What sees every call, and lets plans happen: the fake, or the proxy in front of a real one."""
    name: str

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    @abstractmethod
    def grpc_endpoint(self) -> str:
        """As `$DAPR_GRPC_ENDPOINT` has it."""

    @property
    @abstractmethod
    def http_endpoint(self) -> str:
        """As `$DAPR_HTTP_ENDPOINT` has it."""

    def start(self) -> None:
        """Start it; returns when it can be called."""

    def stop(self) -> None:
        """End it."""

    def reset(self) -> None:
        """Forget everything that tests left behind."""

    def log(self) -> str:
        """The end of what it logged, where that is not in this process' own log."""
        return ""


class FakeServer(Server):
    """The fake sidecar, its doors on an event loop in a background thread."""

    name = "the fake sidecar"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        from fakesidecar.clock import SystemClock, VirtualClock
        from fakesidecar.options import Options
        from fakesidecar.resources.load import load
        from fakesidecar.sidecar import Sidecar

        options = Options(
            app_id=settings.app_id,
            resources_paths=tuple(settings.resources_paths),
            config_paths=tuple(settings.config_paths),
            api_token=settings.api_token,
            redis=settings.redis,
            environment=os.environ,
            **{"stand_ins": True, **(settings.more or {})},
        )
        self.clock: Clock
        if isinstance(settings.clock, str):
            self.clock = VirtualClock() if settings.clock == "virtual" else SystemClock()
        else:
            self.clock = settings.clock
        self.fake: Sidecar = Sidecar(options, resources=load(options, to_load(settings)), clock=self.clock)
        self.watched = self.fake

    @property
    def grpc_endpoint(self) -> str:
        return f"{HOST}:{self.fake.grpc_port}"

    @property
    def http_endpoint(self) -> str:
        return f"http://{HOST}:{self.fake.http_port}"

    def start(self) -> None:
        self.fake.start()

    def stop(self) -> None:
        self.fake.stop()

    def reset(self) -> None:
        from fakesidecar.clock import VirtualClock

        # The clock first: what the blocks schedule when they begin anew is to stay.
        if isinstance(self.clock, VirtualClock) and self.clock is not self.settings.clock:
            self.clock.reset()
        self.fake.reset()
        self.fake.core.jobs.receiver = handled


def handled(tick: object) -> bool:
    """What becomes of a job when there is no application, and no test says otherwise."""
    return True


class DaprdServer(Server):
    """A real daprd. A process has no reset, and keeps its in-memory stores: so every test gets a new one."""

    def __init__(self, settings: Settings, program: str) -> None:
        super().__init__(settings)
        self.name = f"daprd ({program})"
        self._program = program
        self._daprd: Daprd | None = None

    @property
    def _running(self) -> Daprd:
        if self._daprd is None:
            raise RuntimeError("daprd is not running")
        return self._daprd

    @property
    def grpc_endpoint(self) -> str:
        return f"{HOST}:{self._running.grpc_port}"

    @property
    def http_endpoint(self) -> str:
        return f"http://{HOST}:{self._running.http_port}"

    def start(self) -> None:
        from dapr_testing._daprd import Daprd

        wanted = self.settings
        self._daprd = Daprd(
            components=[item for item in wanted.given if not (item in DEFAULT_COMPONENTS and _ours(item))],
            resources=wanted.resources_paths,
            config=wanted.config_paths,
            app_id=wanted.app_id,
            api_token=wanted.api_token,
            program=self._program,
            **{name: value for name, value in (wanted.more or {}).items() if name in FOR_DAPRD},
        )
        self._daprd.start()

    def stop(self) -> None:
        if self._daprd is not None:
            self._daprd.stop()
            self._daprd = None

    def log(self) -> str:
        return "" if self._daprd is None else self._daprd.log

    def reset(self) -> None:
        if self._daprd is not None and self._daprd.used:
            self.stop()
            self.start()
        self._running.used = True


class RunningServer(Server):
    """A sidecar that somebody else started; where its HTTP API is comes from the environment."""

    def __init__(self, settings: Settings, endpoint: str, environment: Mapping[str, str] = os.environ) -> None:
        super().__init__(settings)
        self.name = f"the sidecar at {endpoint}"
        self._grpc = endpoint
        host = environment.get("DAPR_RUNTIME_HOST", HOST)
        port = environment.get("DAPR_HTTP_PORT", "3500")
        self._http = environment.get("DAPR_HTTP_ENDPOINT") or f"http://{host}:{port}"

    @property
    def grpc_endpoint(self) -> str:
        return self._grpc

    @property
    def http_endpoint(self) -> str:
        return self._http


def _ours(item: object) -> bool:
    return isinstance(item, Component) and item.type in OURS


def fake_options(settings: Settings) -> list[str]:
    """The options that are asked for, and that a real daprd is not given."""
    return [name for name in settings.more or () if name not in FOR_DAPRD]


def only_fake(settings: Settings) -> list[str]:
    """The component types that are asked for, and that no daprd has."""
    return [
        item.type
        for item in settings.given
        if isinstance(item, Component) and item.type in OURS and item not in DEFAULT_COMPONENTS
    ]


def make(settings: Settings, kind: str = FAKE) -> Server:
    """A server of a kind: `fake`, `daprd` or the path of one, or the gRPC endpoint of a sidecar that runs.

    With `proxy:` before it, there is a proxy in front, which records and lets faults happen.
    """
    if kind.startswith(PROXY):
        from dapr_testing._proxy import ProxyServer

        return ProxyServer(settings, make(settings, kind.removeprefix(PROXY)))
    if kind == FAKE:
        return FakeServer(settings)
    if kind == DAPRD or ("/" in kind and "://" not in kind):
        return DaprdServer(settings, kind)
    if ":" in kind:
        return RunningServer(settings, kind)
    raise ValueError(f"no such kind of sidecar: {kind!r} (fake, daprd, the path of a daprd, host:port, or proxy:…)")


class Pool:
    """The servers of a session, by their settings; the one that was not asked for longest makes room."""

    def __init__(self, kind: str = FAKE) -> None:
        self.kind = kind
        self._servers: list[Server] = []

    def get(self, settings: Settings) -> Server:
        """A server with these settings, running."""
        for server in self._servers:
            if server.settings == settings:
                self._servers.remove(server)
                self._servers.append(server)
                return server
        server = make(settings, self.kind)
        server.start()
        self._servers.append(server)
        if len(self._servers) > POOL_SIZE:
            self._servers.pop(0).stop()
        return server

    def close(self) -> None:
        """End them all."""
        while self._servers:
            self._servers.pop().stop()


POOL = Pool()
"""For state machines and `unittest`: made in hundreds, while the sidecars behind them are few, and reset."""
