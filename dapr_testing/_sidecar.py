"""The sidecar as a test sees it, with pytest and without.

    with dapr_testing.sidecar(components={"orders": "state.in-memory"}) as dapr:
        dapr.state.put("orders", "7", {"status": "paid"})
        run_the_code_under_test()
        dapr.clock.advance(60)

Inside the block the environment variables are set by which applications find their sidecar.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from dapr_testing import _error_coverage
from dapr_testing._environment import variables
from dapr_testing._servers import FAKE, Server, make
from dapr_testing._settings import Settings, Transport, settings
from dapr_testing._waiting import listening

if TYPE_CHECKING:
    import grpc
    import grpc.aio

    from dapr_client import DaprClient
    from dapr_client.aio import DaprClient as AioDaprClient
    from dapr_testing._apps import Answers, Apps, StandIn
    from dapr_testing._faults import Faults, Plan
    from dapr_testing._pubsub import PubSub
    from dapr_testing._seed import (
        Actors,
        Bindings,
        Configuration,
        Conversation,
        Crypto,
        Data,
        Jobs,
        Lock,
        Secrets,
        State,
    )
    from dapr_testing._spies import Calls
    from dapr_testing._workflows import Workflows
    from fakesidecar.clock import VirtualClock
    from fakesidecar.sidecar import Sidecar
    from fakesidecar.snapshots import Snapshot

HOST = "127.0.0.1"
C = TypeVar("C")


class OnlyTheFakeHasIt(RuntimeError):
    """Something was asked of a real daprd that only the fake sidecar can do."""


def _refuse(reason: str) -> NoReturn:
    raise OnlyTheFakeHasIt(reason)


class DaprSidecar:
    """A sidecar for the length of a test: what it was told is forgotten with the next one.

    Its channels and clients are in process unless `transport="grpc"` asks for sockets.
    """

    def __init__(
        self,
        server: Server,
        *,
        transport: Transport = "in-process",
        refuse: Callable[[str], NoReturn] = _refuse,
    ) -> None:
        self._server = server
        self._transport: Transport = transport if server.fake is not None else "grpc"
        self._refuse = refuse
        self._open: list[Any] = []
        self._faults: Faults | None = None
        self._calls: Calls | None = None
        self._apps: Apps | None = None
        self._workflows: Workflows | None = None
        self._began = 0.0
        self._first: _First | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._server.name}, gRPC {self.grpc_endpoint}, HTTP {self.http_endpoint}>"

    # --- where it is ---

    @property
    def app_id(self) -> str:
        """The id of the application that it is the sidecar of."""
        return self._server.settings.app_id

    @property
    def api_token(self) -> str:
        """The token that every call must carry; empty: none."""
        return self._server.settings.api_token

    @property
    def grpc_endpoint(self) -> str:
        """`127.0.0.1:50001`."""
        return self._server.grpc_endpoint

    @property
    def http_endpoint(self) -> str:
        """`http://127.0.0.1:3500`."""
        return self._server.http_endpoint

    @property
    def grpc_port(self) -> int:
        """The port of the gRPC API."""
        return port_of(self.grpc_endpoint, default=443)

    @property
    def http_port(self) -> int:
        """The port of the HTTP API."""
        return port_of(self.http_endpoint, default=443 if self.http_endpoint.startswith("https") else 80)

    @property
    def environment(self) -> Mapping[str, str | None]:
        """The variables by which applications find it; None: must not be set. In force while the test runs."""
        return {
            "APP_ID": self.app_id,
            "DAPR_RUNTIME_HOST": HOST,
            "DAPR_GRPC_PORT": str(self.grpc_port),
            "DAPR_HTTP_PORT": str(self.http_port),
            "DAPR_GRPC_ENDPOINT": self.grpc_endpoint,
            "DAPR_HTTP_ENDPOINT": self.http_endpoint,
            "DAPR_API_TOKEN": self.api_token or None,
        }

    # --- ways in ---

    def client(self, *, transport: Transport | None = None, **more: Any) -> DaprClient:
        """A client; it is closed at the end of the test, if not before. `more` goes to `DaprClient`."""
        from dapr_client import DaprClient

        client = DaprClient(channel=self.channel(transport=transport), **{"api_token": self.api_token, **more})
        return self._closed_later(client)

    def aio_client(self, *, transport: Transport | None = None, **more: Any) -> AioDaprClient:
        """A client for asyncio, made in or out of a running loop. `more` goes to `dapr_client.aio.DaprClient`."""
        from dapr_client.aio import DaprClient

        return DaprClient(channel=self.aio_channel(transport=transport), **{"api_token": self.api_token, **more})

    def channel(self, *, transport: Transport | None = None, options: Any = None) -> grpc.Channel:
        """A gRPC channel to it."""
        if self._in_process(transport):
            from dapr_testing._inprocess import Channel

            return self._closed_later(Channel(self.fake.grpc, options=options))
        import grpc

        return self._closed_later(grpc.insecure_channel(self.grpc_endpoint, options))

    def aio_channel(self, *, transport: Transport | None = None, options: Any = None) -> grpc.aio.Channel:
        """A gRPC channel for asyncio to it; made in or out of a running loop."""
        import grpc.aio

        from dapr_testing._lazy_aio import LazyAioChannel

        if self._in_process(transport):
            from dapr_testing._inprocess_aio import AioChannel

            return self._closed_later(AioChannel(self.fake.grpc, options=options))
        return self._closed_later(LazyAioChannel(lambda: grpc.aio.insecure_channel(self.grpc_endpoint, options)))

    def _in_process(self, transport: Transport | None) -> bool:
        if transport == "in-process" and self._server.fake is None:
            self._refuse(f"{self._server.name} is not in this process")
        return (transport or self._transport) == "in-process"

    def _closed_later(self, channel: C) -> C:
        self._open.append(channel)
        return channel

    @contextlib.contextmanager
    def intercept_channels(self) -> Iterator[None]:
        """Until the block ends, code that opens a gRPC channel to this sidecar is given the one in process.

        It may be any code that calls `grpc.insecure_channel` or `grpc.aio.insecure_channel`: the official SDK too.
        """
        from dapr_testing._intercept import intercept

        with intercept(self.fake.grpc, self.grpc_port):
            yield

    # --- what only the fake has ---

    @property
    def fake(self) -> Sidecar:
        """The fake sidecar itself."""
        if self._server.fake is None:
            self._refuse(f"only the fake sidecar can do this, not {self._server.name}")
        return self._server.fake

    @property
    def watched(self) -> Sidecar:
        """What sees every call: the fake, or the proxy in front of a real sidecar."""
        if self._server.watched is None:
            self._refuse(f"only the fake sidecar and a proxy can do this, not {self._server.name}")
        return self._server.watched

    @property
    def clock(self) -> VirtualClock:
        """Its clock: `clock.advance(60)` lets TTLs, leases and everything else that waits come to its time."""
        from fakesidecar.clock import VirtualClock

        clock = self.fake.clock
        if not isinstance(clock, VirtualClock):
            self._refuse("this sidecar follows the system's clock, which cannot be moved")
        return clock

    @property
    def state(self) -> State:
        """What the state stores hold."""
        from dapr_testing._seed import State

        return State(self.fake.core)

    @property
    def secrets(self) -> Secrets:
        """What the secret stores hold."""
        from dapr_testing._seed import Secrets

        return Secrets(self.fake.core)

    @property
    def configuration(self) -> Configuration:
        """What the configuration stores hold."""
        from dapr_testing._seed import Configuration

        return Configuration(self.fake.core)

    @property
    def lock(self) -> Lock:
        """Who holds which lock."""
        from dapr_testing._seed import Lock

        return Lock(self.fake.core)

    @property
    def bindings(self) -> Bindings:
        """What output bindings were asked for, and a way to let events come in."""
        from dapr_testing._seed import Bindings

        return Bindings(self.fake.core)

    @property
    def jobs(self) -> Jobs:
        """What is scheduled, and what was triggered."""
        from dapr_testing._seed import Jobs

        return Jobs(self.fake.core)

    @property
    def actors(self) -> Actors:
        """Which actors are active, whose turn it was, what they keep and are reminded of."""
        from dapr_testing._seed import Actors

        return Actors(self.fake.core)

    @property
    def pubsub(self) -> PubSub:
        """What was published and delivered: `pubsub.assert_published("pubsub", "orders", data={"id": 7})`."""
        from dapr_testing._pubsub import PubSub

        return PubSub(self.fake.core)

    @property
    def workflows(self) -> Workflows:
        """The workflows of the application: `workflows.run("order", "milk")` skips the days that it waits."""
        if self._workflows is None:
            from dapr_testing._workflows import Workflows

            self._workflows = Workflows(self.fake.core)
        return self._workflows

    @property
    def crypto(self) -> Crypto:
        """Which keys there are, and what was encrypted and decrypted: `crypto.add_key("keys", "mine")`."""
        from dapr_testing._seed import Crypto

        return Crypto(self.fake.core)

    @property
    def conversation(self) -> Conversation:
        """What scripted models say: `dapr.conversation["llm"].when("weather", say="Sunny.")`."""
        from dapr_testing._seed import Conversation

        return Conversation(self.fake.core)

    def app(self, app_id: str | None = None, *, protocol: Literal["http", "grpc"] = "http") -> StandIn:
        """A stand-in application: `app("kitchen").on("prepare", returns={"minutes": 12})`; see its `received`.

        Without an id it is the application of this very sidecar.
        """
        if self._apps is None:
            from dapr_testing._apps import Apps

            self._apps = Apps(self.fake.core)
        return self._apps(app_id or self.app_id, protocol)

    # --- all that it keeps ---

    def seed(self, data: Data | str | Path) -> None:
        """Put data in: `{"state": {"orders": {"7": …}}, "secrets": …, "configuration": …}`, or a JSON file of it."""
        from dapr_testing._seed import seed

        seed(self.fake.core, data)

    def snapshot(self) -> Snapshot:
        """A copy of all that it keeps, to come back to."""
        from fakesidecar.snapshots import snapshot

        return snapshot(self.fake.core)

    def restore(self, kept: Snapshot) -> None:
        """Keep what was kept then; what has come since is forgotten, and the clock is put back."""
        from fakesidecar.snapshots import restore

        restore(self.fake.core, kept)

    def fork(self) -> DaprSidecar:
        """Another sidecar that begins with what this one keeps, until the end of the test.

        Files and Redis are shared, as both name the same.
        """
        from dapr_testing._servers import make

        server = make(self._server.settings)
        server.start()
        view = DaprSidecar(server, transport=self._transport, refuse=self._refuse)
        self._open.append(_Fork(view))
        view.restore(self.snapshot())
        view._begin()
        return view

    def dump(self, path: str | Path) -> None:
        """Write all that it keeps into a file."""
        from fakesidecar.snapshots import dumps

        Path(path).write_text(dumps(self.snapshot()), encoding="utf-8")

    def load(self, path: str | Path) -> None:
        """Keep what is in a file that `dump` wrote."""
        from fakesidecar.snapshots import loads

        self.restore(loads(Path(path).read_text(encoding="utf-8")))

    def restart(self, *, keep_data: bool = True) -> None:
        """End it and start it again, as clients see it: streams break, and what was set is forgotten."""
        self.fake.restart(keep_data=keep_data)

    # --- what goes wrong, and what was asked ---

    @property
    def faults(self) -> Faults:
        """What is to go wrong: `faults.when("state.save", store="orders").fail("UNAVAILABLE").times(2)`."""
        if self._faults is None:
            from dapr_testing._faults import Faults

            self._faults = Faults(self.watched.core)
        return self._faults

    @property
    def calls(self) -> Calls:
        """What was asked of it: `calls.assert_called("state.save", key="7")`."""
        if self._calls is None:
            from dapr_testing._spies import Calls

            self._calls = Calls(self.watched.core, self._began)
        return self._calls

    def timeline(self) -> str:
        """What was asked of it, a line per call; empty for a sidecar that does not tell."""
        return "" if self._server.watched is None else self.calls.timeline()

    def log(self) -> str:
        """The end of what it logged, where that is not in this process' own log."""
        return self._server.log()

    def check(self) -> None:
        """Raise when a fault plan or a mishap was not needed, or a call was not expected."""
        if self._faults is not None:
            self._faults.check()
        if self._workflows is not None:
            self._workflows.check()
        if self._calls is not None:
            self._calls.check()

    # --- its life ---

    def reset(self) -> None:
        """Forget everything that was stored, locked, subscribed to or set, and put the clock back to its start."""
        self._server.reset()
        if self._faults is not None:
            self._faults.clear()
        if self._workflows is not None:
            self._workflows.clear()

    @contextlib.contextmanager
    def in_use(self, *, intercept: bool = False, passed: Callable[[], bool] = lambda: True) -> Iterator[DaprSidecar]:
        """For the length of a test: reset, environment set, what was opened closed at the end.

        A test that has `passed` until then fails when its fault plans were not needed.
        """
        self.reset()
        try:
            with contextlib.ExitStack() as stack:
                stack.enter_context(variables(self.environment))
                if intercept:
                    stack.enter_context(self.intercept_channels())
                if self._server.watched is not None:
                    stack.enter_context(self._client_time())
                    self._begin()
                    if (coverage := _error_coverage.active) is not None:
                        stack.enter_context(listening(self.watched.core.recording.listeners, coverage.note))
                    stack.callback(self._forget_plans)
                yield self
                if passed():
                    self.check()
        finally:
            self._close()

    @contextlib.contextmanager
    def example(self) -> Iterator[DaprSidecar]:
        """One of many runs of a test, each of which begins with what was there when the first began.

        Its plans and its calls are its own, and are checked at its end. The fixture does so for every run of a test
        with `@given`.
        """
        if self._first is None:
            apps = {} if self._apps is None else self._apps.snapshot()
            self._first = _First(self.snapshot(), tuple(self.faults), apps)
        else:
            self.reset()
            self.restore(self._first.kept)
            self.faults.again(self._first.plans)
            if self._apps is not None:
                self._apps.restore(self._first.apps)
        self.calls.clear()
        opened = len(self._open)
        try:
            yield self
            self.check()
        finally:
            self._close_opened(opened)

    def _begin(self) -> None:
        """From now on, calls are of this test."""
        self._began = self.watched.clock.now()
        self.watched.core.recording.start()

    def _client_time(self) -> contextlib.AbstractContextManager[None]:
        """Clients wait on the clock of the sidecar, when it is one that tests move."""
        from dapr_client import _clock
        from dapr_testing._client_time import ClientTime
        from fakesidecar.clock import VirtualClock

        clock = self.watched.clock
        return _clock.replaced(ClientTime(clock)) if isinstance(clock, VirtualClock) else contextlib.nullcontext()

    def _forget_plans(self) -> None:
        """What was to go wrong is over with the test, and so is strictness."""
        self.watched.core.faults.clear()
        self.watched.core.recording.stop()
        if self._calls is not None:
            self._calls.relax()
        if self._workflows is not None:
            self._workflows.clear()

    def _close(self) -> None:
        if self._apps is not None:
            self._apps.close()
        self._close_opened(0)

    def _close_opened(self, until: int) -> None:
        while len(self._open) > until:
            channel = self._open.pop()
            getattr(channel, "close_from_outside", channel.close)()


@dataclass(frozen=True, slots=True)
class _First:
    """What was there when the first of many runs began."""

    kept: Snapshot
    plans: tuple[Plan, ...]
    apps: Mapping[str, Answers]


class _Fork:
    """Ends a fork when what its test has opened is closed."""

    def __init__(self, view: DaprSidecar) -> None:
        self._view = view

    def close(self) -> None:
        self._view._close()
        self._view._server.stop()


def port_of(endpoint: str, default: int) -> int:
    """The port of an endpoint, with or without a scheme."""
    authority = endpoint.partition("://")[2] or endpoint
    _, _, port = authority.partition("/")[0].partition("?")[0].rpartition(":")
    return int(port) if port.isdecimal() else default


class Running:
    """A sidecar that runs inside a `with` or an `async with` block."""

    def __init__(self, wanted: Settings, *, kind: str, transport: Transport, intercept: bool) -> None:
        self._wanted, self._kind, self._transport, self._intercept = wanted, kind, transport, intercept
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> DaprSidecar:
        with contextlib.ExitStack() as stack:
            server = make(self._wanted, self._kind)
            server.start()
            stack.callback(server.stop)
            view = DaprSidecar(server, transport=self._transport)
            stack.enter_context(view.in_use(intercept=self._intercept))
            self._stack = stack.pop_all()
            return view

    def __exit__(self, *failure: object) -> None:
        self._stack.close()

    async def __aenter__(self) -> DaprSidecar:
        # The sidecar has a thread of its own, so code under test may block this loop and still be answered.
        return self.__enter__()

    async def __aexit__(self, *failure: object) -> None:
        self._stack.close()


def sidecar(
    *, kind: str = FAKE, transport: Transport = "in-process", intercept_channels: bool = False, **wanted: Any
) -> Running:
    """A sidecar for a `with` or an `async with` block, without pytest.

    `kind` is `fake`, `daprd`, the path of one, or the endpoint of a sidecar that runs; `proxy:` before it puts a
    proxy in front, which records and lets faults happen. The rest says what it is to be: `app_id`, `components`,
    `resources`, `config`, `api_token`, `app_port`, `app_protocol`, `clock="system"`, `redis="real"`, and for the fake
    any other field of `fakesidecar.Options`.
    """
    return Running(settings(**wanted), kind=kind, transport=transport, intercept=intercept_channels)
