"""Where components of type `*.redis` find their Redis.

Embedded (the default): a fakeredis in this process, without a server. Everything in the process that names the same
host shares it, its time is the sidecar's, and it is gone with the last sidecar that uses it.
Real (`Options(redis="real")`, `FAKESIDECAR_REDIS=real`): the Redis that the component names.

Calls fail with the words of Dapr's own client (github.com/redis/go-redis), as `ComponentError`.
"""

from __future__ import annotations

import io
import pickle
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, WeakValueDictionary

from fakesidecar import golang
from fakesidecar.errors import ComponentError

if TYPE_CHECKING:
    import redis

    from fakesidecar.clock import Clock

# --- metadata (components-contrib common/component/redis/settings.go) -------------------------------------------


def _duration(text: str) -> float:
    # A bare number counts nanoseconds.
    digits = text.removeprefix("-")
    return int(text) / 1e9 if digits.isascii() and digits.isdigit() else golang.parse_duration(text)


def _milliseconds(text: str) -> float:
    digits = text.removeprefix("-")
    return int(text) / 1000 if digits.isascii() and digits.isdigit() else golang.parse_duration(text)


Reader = tuple[str, Callable[[str], Any]]
INT: Reader = ("int", golang.atoi)
INT64: Reader = ("int64", golang.parse_int)
UINT: Reader = ("uint", golang.parse_uint)
BOOL: Reader = ("bool", golang.parse_bool)
DURATION: Reader = ("Duration", _duration)
MILLISECONDS: Reader = ("duration", _milliseconds)

TYPED: Mapping[str, Reader] = {
    "redisDB": INT,
    "redisMaxRetries": INT,
    "poolSize": INT,
    "minIdleConns": INT,
    "ttlInSeconds": INT,
    "maxLenApprox": INT64,
    "queueDepth": UINT,
    "concurrency": UINT,
    "enableTLS": BOOL,
    "failover": BOOL,
    "useEntraID": BOOL,
    "redisMinRetryInterval": DURATION,
    "redisMaxRetryInterval": DURATION,
    "dialTimeout": DURATION,
    "readTimeout": DURATION,
    "writeTimeout": DURATION,
    "poolTimeout": DURATION,
    "processingTimeout": MILLISECONDS,
    "streamTTL": MILLISECONDS,
}
"""Properties that are more than text, by their true names, which messages use."""

DEFAULT_HOST = "127.0.0.1:6379"
DIAL_SECONDS = 5.0
RETRIES = 3
SHORTEST_PAUSE, LONGEST_PAUSE = 0.008, 0.512
"""go-redis tries again three times, after these seconds, unless told otherwise."""


class RedisSettings:
    """What a component's metadata says of its Redis; names count in any case of letters."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._given = {name.lower(): text for name, text in metadata.items()}
        problems = sorted(filter(None, map(self._problem, TYPED)))
        if problems:
            text = f"decode failed. {len(problems)} error(s) decoding:\n\n" + "\n".join(problems)
            raise ComponentError(f"redis client configuration error: {text}")

    def _problem(self, name: str) -> str:
        try:
            self.value(name)
        except golang.GoError as error:
            kind = TYPED[name][0]
            why = f": {error}" if kind == "Duration" else ""
            return f"* error decoding '{name}': invalid {kind} {golang.quote(self.text(name))}{why}"
        return ""

    def text(self, name: str) -> str:
        """A property as it is given, empty when it is not."""
        return self._given.get(name.lower(), "")

    def value(self, name: str) -> Any:
        """A property that is more than text, read; durations in seconds; None when it is not given."""
        text = self._given.get(name.lower())
        return None if text is None else TYPED[name][1](text)

    @property
    def host(self) -> str:
        """`name:port`."""
        return self.text("redisHost") or DEFAULT_HOST


FAILURE = "redis store: error connecting to redis at {host}: {cause}"


class RedisPlace:
    """Connects components to their Redis."""

    def __init__(self, mode: str, clock: Clock) -> None:
        if mode not in ("embedded", "real"):
            raise ValueError(f"redis is embedded or real, not {mode!r}")
        self.blocking = mode == "real"
        self._clock = clock
        self._connected: WeakSet[Redis] = WeakSet()

    def close(self) -> None:
        """Close every connection that was made here."""
        for connected in tuple(self._connected):
            connected.close()

    def snapshot(self) -> dict[str, bytes]:
        """What the embedded Redis of this sidecar hold, by host; a real one is not ours to copy."""
        return {host: embedded.snapshot() for host, embedded in self._used().items()}

    def restore(self, kept: Mapping[str, bytes]) -> None:
        """Let each hold what it held then."""
        for host, embedded in self._used().items():
            embedded.restore(kept.get(host))

    def _used(self) -> dict[str, Embedded]:
        found = (connected.embedded for connected in tuple(self._connected))
        return {embedded.host: embedded for embedded in found if embedded is not None}

    def connect(self, metadata: Mapping[str, str], *, failure: str = FAILURE, host_required: bool = False) -> Redis:
        """The Redis of a component.

        Raises ComponentError for metadata that daprd refuses, and in the words of `failure` when a real Redis
        does not answer; each component has words of its own.
        """
        settings = RedisSettings(metadata)
        if host_required and not settings.text("redisHost"):
            raise ComponentError("metadata property redisHost is empty")
        if not self.blocking:
            embedded = _embedded(settings.host)
            connected = Redis(embedded.client(settings), settings, embedded=embedded, clock=self._clock)
            self._connected.add(connected)
            return connected
        connected = Redis(_real_client(settings), settings)
        self._connected.add(connected)
        try:
            connected(lambda client: client.ping())
        except ComponentError as error:
            connected.close()
            raise ComponentError(failure.format(host=settings.text("redisHost"), cause=error)) from error
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
        self.settings = settings
        self.database: int = settings.value("redisDB") or 0
        self.blocking = embedded is None
        self.embedded = embedded
        self._closed = False
        self._clock = clock

    def __call__(self, ask: Callable[[redis.Redis], Any]) -> Any:
        """Ask Redis something; what fails is told in go-redis' words."""
        import redis

        try:
            with self.time():
                return ask(self.client)
        except redis.RedisError as error:
            raise ComponentError(go_text(error)) from error

    def replicas(self) -> int:
        """How many replicas a real Redis has; an embedded one has none."""
        if self.embedded is not None:
            return 0
        return int(self(lambda client: client.info("replication")).get("connected_slaves", 0))

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

    def flush(self) -> None:
        """Forget everything, if it is an embedded one: a real one is not ours to empty."""
        if self.embedded is not None:
            self(lambda client: client.flushall())

    def close(self) -> None:
        """Close the connections; with the last one, an embedded Redis is gone."""
        self.client.close()
        if self.embedded is not None and not self._closed:
            self.embedded.release()
        self._closed = True


# --- errors -------------------------------------------------------------------------------------------------------

CODES = {
    "NoScriptError": "NOSCRIPT",
    "ExecAbortError": "EXECABORT",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "NoPermissionError": "NOPERM",
    "AuthenticationError": "WRONGPASS",
}
"""What redis-py cuts off a message when it makes one of these of it; off all others, `ERR`."""


def go_text(error: Exception) -> str:
    """The text that go-redis has for an error of redis-py's."""
    import redis

    match error:
        case redis.ResponseError() | redis.AuthenticationError():
            return _with_code(error)
        case redis.TimeoutError():
            return "i/o timeout"
        case redis.ConnectionError():
            # What fails while connecting is in Go's words already (`dial_text`); all else is a connection that broke.
            return str(error) if str(error).startswith("dial tcp") else "EOF"
    return str(error)


def _with_code(error: Exception) -> str:
    text, name = str(error), type(error).__name__
    if text.partition(" ")[0].isupper():  # a code that redis-py leaves
        return text
    return f"{CODES.get(name, 'ERR')} {text}"


def dial_text(host: str, port: int, error: BaseException) -> str:
    """What Go says when a connection cannot be made."""
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    with suppress(OSError):
        host = socket.gethostbyname(host)
    if isinstance(error, TimeoutError):
        return f"dial tcp {host}:{port}: i/o timeout"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"dial tcp {host}:{port}: connect: {reason.lower()}"


# --- the real one -------------------------------------------------------------------------------------------------


@cache
def _connection_class(tls: bool) -> type[redis.Connection]:
    """redis-py's connection, whose failure to connect is told in Go's words."""
    import redis

    base: type[redis.Connection] = redis.SSLConnection if tls else redis.Connection

    class Connection(base):  # type: ignore[valid-type, misc]  # one of two
        def _error_message(self, exception: BaseException) -> str:
            return dial_text(self.host, self.port, exception)

    return Connection


def _real_client(settings: RedisSettings) -> redis.Redis:
    import redis
    from redis.backoff import ExponentialBackoff
    from redis.retry import Retry

    if settings.text("redisType") == "cluster" or settings.value("failover"):
        raise ComponentError("clusters and sentinels are not supported: name a single Redis, or use the embedded one")
    host, _, port = settings.host.partition(",")[0].rpartition(":")
    pause = ExponentialBackoff(
        cap=settings.value("redisMaxRetryInterval") or LONGEST_PAUSE,
        base=settings.value("redisMinRetryInterval") or SHORTEST_PAUSE,
    )
    retries = settings.value("redisMaxRetries") or RETRIES
    pool = redis.ConnectionPool(
        _connection_class(bool(settings.value("enableTLS"))),
        host=(host or port).strip("[]"),
        port=int(port) if host and port.isdigit() else 6379,
        db=settings.value("redisDB") or 0,
        username=settings.text("redisUsername") or None,
        password=settings.text("redisPassword") or None,
        socket_connect_timeout=settings.value("dialTimeout") or DIAL_SECONDS,
        socket_timeout=settings.value("readTimeout"),  # none by default: blocking reads of streams use this client too
        retry=Retry(pause, max(0, retries)),  # a negative number of retries is none
        protocol=2,
    )
    return redis.Redis.from_pool(pool)  # which closes the pool with the client


# --- the embedded one ---------------------------------------------------------------------------------------------

VERSION = (7,)
VALUES = ("fakeredis.model", "fakeredis._core", "sortedcontainers", "collections")
"""Where the classes of its values are."""

_hosts: WeakValueDictionary[str, Embedded] = WeakValueDictionary()
_hosts_lock = threading.Lock()
_now = threading.local()


class Embedded:
    """The fakeredis of a host: there until everybody who uses it closes, or is forgotten."""

    def __init__(self, host: str) -> None:
        import fakeredis

        self.host = host
        self.listeners: deque[Callable[[int, str], None]] = deque()
        """Who hears that something was added to a stream, by database and name."""
        self._users = 0
        self._server = fakeredis.FakeServer(version=VERSION)

    def use(self) -> None:
        """Somebody more uses it."""
        self._users += 1

    def release(self) -> None:
        """Somebody uses it no more."""
        with _hosts_lock:
            self._users -= 1
            if not self._users and _hosts.get(self.host) is self:
                del _hosts[self.host]

    def tell(self, database: int, stream: str) -> None:
        """Something was added to a stream; whoever hears of it first this time is the last one the next time."""
        for listener in tuple(self.listeners):
            listener(database, stream)
        self.listeners.rotate(-1)

    def snapshot(self) -> bytes:
        """All that it holds."""
        with self._server.lock:
            databases = {
                number: {key: (item.value, item.expireat) for key, item in database._dict.items()}
                for number, database in self._server.dbs.items()
            }
            return pickle.dumps(databases, pickle.HIGHEST_PROTOCOL)

    def restore(self, kept: bytes | None) -> None:
        """Hold what was held then; None: nothing."""
        from fakeredis._core._database import Item

        databases = {} if kept is None else _Values(io.BytesIO(kept)).load()
        with self._server.lock:
            for number in {*self._server.dbs, *databases}:
                database = self._server.dbs[number]
                database.clear()
                for key, (value, ends) in databases.get(number, {}).items():
                    item = Item(value)
                    item.expireat = ends
                    database[key] = item
                    database.notify_watch(key)

    def client(self, settings: RedisSettings) -> redis.Redis:
        """A client, in bytes."""
        import fakeredis

        client: redis.Redis = fakeredis.FakeRedis(
            server=self._server, version=VERSION, db=settings.value("redisDB") or 0, protocol=2
        )
        return client


class _Values(pickle.Unpickler):
    """Reads what an embedded Redis held, and nothing that is no value of Redis: copies come from files, too."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if module.startswith(VALUES) else None
        if not isinstance(found, type):
            raise pickle.UnpicklingError(f"{module}.{name} is no value of Redis")
        return found


class _SidecarTime:
    """Stands in for the module `time` inside fakeredis: the sidecar's time during a call, else the machine's."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def time(self) -> float:
        clock = getattr(_now, "clock", None)
        return float(clock.now() if clock is not None else self._real.time())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def embedded_hosts() -> frozenset[str]:
    """The hosts that somebody in this process has an embedded Redis of."""
    with _hosts_lock:
        return frozenset(_hosts)


def _embedded(host: str) -> Embedded:
    """The fakeredis of a host, with one user more."""
    from fakeredis import _helpers
    from fakeredis._socket import _base
    from fakeredis.commands_mixins import server_mixin
    from fakeredis.model import _stream

    for module in (_helpers, _base, _stream, server_mixin):
        real = vars(module)["time"]
        if not isinstance(real, _SidecarTime):
            vars(module)["time"] = _SidecarTime(real)
    with _hosts_lock:
        embedded = _hosts.get(host)
        if embedded is None:
            embedded = _hosts[host] = Embedded(host)
        embedded.use()
        return embedded
