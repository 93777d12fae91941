"""Where components of type `*.redis` find their Redis.

Embedded (the default): a fakeredis in this process, without a server. Everything in the process that names the same
host shares it, and its time is the sidecar's. Real (`Options(redis="real")`, `FAKESIDECAR_REDIS=real`): the Redis that
the component names.

Calls fail with the words of Dapr's own client (github.com/redis/go-redis), as `ComponentError`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from fakesidecar import golang
from fakesidecar.errors import ComponentError

if TYPE_CHECKING:
    import redis

    from fakesidecar.clock import Clock

CONNECT_SECONDS = 5.0
INTEGERS = ("redisDB", "redisMaxRetries", "ttlInSeconds", "poolSize", "minIdleConns", "maxLenApprox")
"""Metadata that is to be a whole number."""


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """What a component's metadata says of its Redis."""

    host: str
    password: str = ""
    username: str = ""
    database: int = 0
    tls: bool = False

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> RedisSettings:
        """Read the metadata; names count in any case of letters."""
        given = {name.lower(): value for name, value in metadata.items()}
        problems = []
        for name in INTEGERS:
            if (text := given.get(name.lower())) and not text.lstrip("+-").isdecimal():
                problems.append(f"* error decoding '{name}': invalid int {golang.quote(text)}")
        if problems:
            text = f"decode failed. {len(problems)} error(s) decoding:\n\n" + "\n".join(problems)
            raise ComponentError(f"redis client configuration error: {text}")
        host = given.get("redishost", "")
        if not host:
            raise ComponentError("metadata property redisHost is empty")
        return cls(
            host,
            given.get("redispassword", ""),
            given.get("redisusername", ""),
            int(given.get("redisdb") or 0),
            given.get("enabletls", "").lower() in ("true", "1", "yes", "on"),
        )


class RedisPlace:
    """Connects components to their Redis."""

    def __init__(self, mode: str, clock: Clock) -> None:
        if mode not in ("embedded", "real"):
            raise ValueError(f"redis is embedded or real, not {mode!r}")
        self.blocking = mode == "real"
        self._clock = clock

    def connect(self, metadata: Mapping[str, str]) -> Redis:
        """The Redis of a component; a real one must answer."""
        settings = RedisSettings.of(metadata)
        if not self.blocking:
            embedded = _embedded(settings.host)
            return Redis(embedded.client(settings), settings, embedded=embedded, clock=self._clock)
        connected = Redis(_real_client(settings), settings)
        try:
            connected(lambda client: client.ping())
        except ComponentError as error:
            raise ComponentError(f"redis store: error connecting to redis at {settings.host}: {error}") from error
        return connected


class Redis:
    """One component's connection: `redis(lambda client: client.get("key"))`."""

    def __init__(
        self,
        client: redis.Redis,
        settings: RedisSettings,
        *,
        embedded: Embedded | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.client = client
        self.database = settings.database
        self.blocking = embedded is None
        self._host = settings.host
        self._embedded: Embedded | None = embedded
        self._clock = clock

    def __call__(self, ask: Callable[[redis.Redis], Any]) -> Any:
        """Ask Redis something; what fails is told in go-redis' words."""
        import redis

        try:
            with self.time():
                return ask(self.client)
        except redis.ResponseError as error:
            raise ComponentError(str(error)) from error
        except redis.RedisError as error:
            raise ComponentError(self._network_error(error)) from error

    @contextmanager
    def time(self) -> Iterator[None]:
        """What happens inside happens at the sidecar's time, where the Redis is an embedded one."""
        if self._clock is None:
            yield
            return
        before, _now.clock = getattr(_now, "clock", None), self._clock
        try:
            yield
        finally:
            _now.clock = before

    def _network_error(self, error: redis.RedisError) -> str:
        text = str(error)
        if "refused" in text:
            return f"dial tcp {self._host}: connect: connection refused"
        if "reset" in text:
            return f"read tcp {self._host}: connection reset by peer"
        if "imed out" in text or "imeout" in text:
            return f"dial tcp {self._host}: i/o timeout"
        return "EOF"

    def flush(self) -> None:
        """Forget everything, if it is an embedded one: a real one is not ours to empty."""
        if self._embedded is not None:
            self(lambda client: client.flushall())

    def close(self) -> None:
        """Close the connections; an embedded Redis ends with the last of them."""
        self.client.close()
        embedded, self._embedded = self._embedded, None
        if embedded is not None:
            embedded.leave()


def _real_client(settings: RedisSettings) -> redis.Redis:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    host, _, port = settings.host.rpartition(":")
    return redis.Redis(
        host=host or port,
        port=int(port) if host else 6379,
        db=settings.database,
        username=settings.username or None,
        password=settings.password or None,
        ssl=settings.tls,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


# --- the embedded one ---------------------------------------------------------------------------------------------

_servers: WeakValueDictionary[str, Embedded] = WeakValueDictionary()
_servers_lock = threading.Lock()
_now = threading.local()


class _SidecarTime:
    """Stands in for the module `time` inside fakeredis: the sidecar's time during a call, else the machine's."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def time(self) -> float:
        clock = getattr(_now, "clock", None)
        return float(clock.now() if clock is not None else self._real.time())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Embedded:
    """A Redis in this process, for as long as somebody uses it."""

    def __init__(self, host: str) -> None:
        import fakeredis

        self._host = host
        self._server = fakeredis.FakeServer()
        self.users = 0

    def client(self, settings: RedisSettings) -> redis.Redis:
        """A connection."""
        import fakeredis

        client: redis.Redis = fakeredis.FakeRedis(server=self._server, db=settings.database)
        return client

    def leave(self) -> None:
        """One less; with the last everything is forgotten, and whoever names the host next finds an empty one."""
        with _servers_lock:
            self.users -= 1
            if self.users == 0 and _servers.get(self._host) is self:
                del _servers[self._host]


def _embedded(host: str) -> Embedded:
    """The Redis of a host, for one user more."""
    from fakeredis import _helpers
    from fakeredis._socket import _base

    modules: tuple[Any, ...] = (_helpers, _base)
    for module in modules:
        if not isinstance(module.time, _SidecarTime):
            module.time = _SidecarTime(module.time)
    with _servers_lock:
        server = _servers.get(host)
        if server is None:
            server = _servers[host] = Embedded(host)
        server.users += 1
        return server
