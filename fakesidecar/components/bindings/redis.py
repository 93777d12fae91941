"""`bindings.redis`: keys of a Redis, an operation each (components-contrib bindings/redis)."""

from __future__ import annotations

from collections.abc import Mapping

from fakesidecar import golang
from fakesidecar.components.bindings import OutputBinding, Reply
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component

FAILURE = "redis binding: error connecting to redis at {host}: {cause}"


@component("bindings.redis", features=("OUTPUT_BINDING",))
class Redis(OutputBinding):
    """Values under keys, as Redis itself has them."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.blocking = around.redis.blocking
        self._redis = around.redis.connect(spec.metadata, failure=FAILURE)
        self._operations = {
            "create": self._create,
            "delete": self._delete,
            "get": self._get,
            "increment": self._increment,
        }

    def operations(self) -> tuple[str, ...]:
        return tuple(self._operations)

    def invoke(self, operation: str, data: bytes, metadata: Mapping[str, str]) -> Reply | None:
        key = metadata.get("key", "")
        if not key:
            raise ComponentError("redis binding: missing key in request metadata")
        return self._operations[operation](key, data, metadata)

    def _create(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None:
        self._redis(lambda client: client.set(key, data))
        self._expire(key, metadata)

    def _delete(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None:
        self._redis(lambda client: client.delete(key))

    def _get(self, key: str, data: bytes, metadata: Mapping[str, str]) -> Reply:
        take = metadata.get("delete") == "true"
        return Reply(self._redis(lambda client: client.getdel(key) if take else client.get(key)) or b"")

    def _increment(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None:
        self._redis(lambda client: client.incr(key))
        self._expire(key, metadata)

    def _expire(self, key: str, metadata: Mapping[str, str]) -> None:
        """Give a key its time to live: one that is refused leaves the value there, for ever."""
        text = metadata.get("ttlInSeconds", "")
        if not text:
            return
        try:
            seconds = golang.parse_int(text)
        except golang.GoError as error:
            raise ComponentError(f"ttl value must be a valid integer: actual is '{text}'") from error
        if seconds < 0:
            raise ComponentError(f"ttl value must be higher than zero: actual is '{text}'")
        # No time at all ends it here and now: on a clock that stands still, a Redis would wait for the next moment.
        self._redis(lambda client: client.expire(key, seconds) if seconds else client.delete(key))

    def reset(self) -> None:
        self._redis.flush()

    def snapshot(self) -> None:
        """What it keeps is kept by its Redis (`RedisPlace.snapshot`)."""

    def close(self) -> None:
        self._redis.close()
