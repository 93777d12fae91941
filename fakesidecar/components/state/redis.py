"""`state.redis`: a value is a hash with the fields `data`, `version` and, once, `first-write`.

The scripts are this project's own and answer with a number; `FAILURES` has what Redis says of Dapr's scripts then,
because their names and line numbers show in the answers of a real daprd.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fakesidecar import golang
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.components.state import (
    Delete,
    Item,
    Json,
    Operation,
    QueryResult,
    StateStore,
    Upsert,
    check_options,
)
from fakesidecar.components.state.query import Query
from fakesidecar.errors import ComponentError, EtagInvalid, EtagMismatch
from fakesidecar.redis_place import go_text
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    import redis

DONE, REFUSED, NO_NUMBER = 1, 0, 2
"""What the scripts answer."""

SET = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local version = redis.call('HGET', KEYS[1], 'version')
local plain = ARGV[1] == '0' and redis.call('HEXISTS', KEYS[1], 'first-write') == 0
if version and version ~= '' and version ~= ARGV[1] and not plain then return 0 end
redis.call('HSET', KEYS[1], 'data', ARGV[2])
if ARGV[3] == 'first-write' then redis.call('HSET', KEYS[1], 'first-write', 0) end
if type(redis.pcall('HINCRBY', KEYS[1], 'version', 1)) == 'table' then return 2 end
return 1
"""

DELETE = """
local version = false
if redis.call('TYPE', KEYS[1]).ok == 'hash' then version = redis.call('HGET', KEYS[1], 'version') end
if version and version ~= '' and ARGV[1] ~= '0' and version ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
"""

NO_ETAG = "0"
SET_SHA = "d908b9553add63a82e03589b5c6d01a7654ef0f2"
DELETE_SHA = "2446db0de2c963f100727b388f03ead01d18c265"
SET_JSON_SHA = "c5d8cabb8162d7f0980fe627a55d83f54c800e66"
"""The names of Dapr's scripts in Redis, which show in its errors; so do the lines in which they fail."""

FAILURES = {
    (SET, REFUSED): f"ERR user_script:14: failed to set key {{key}} script: {SET_SHA}, on @user_script:14.",
    (SET, NO_NUMBER): f"ERR hash value is not an integer script: {SET_SHA}, on @user_script:12.",
    (DELETE, REFUSED): f"ERR user_script:6: failed to delete {{key}} script: {DELETE_SHA}, on @user_script:6.",
}
NO_JSON = f"ERR Unknown Redis command called from script script: {SET_JSON_SHA}, on @user_script:9."
WRONG_TYPE = "WRONGTYPE"
WAIT_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked in a transaction, None for what this Redis does not know, and how the answer is read."""

    ask: Callable[[Any], Any] | None
    problem: Callable[[Any], str | None]


@component("state.redis", features=("ETAG", "TRANSACTIONAL", "TTL", "KEYS_LIKE", "ACTOR"))
class Redis(StateStore):
    """Values in a Redis, in Dapr's own layout."""

    queryable = True

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.blocking = around.redis.blocking
        self.lasting = around.redis.blocking  # a Redis in this process ends with the sidecar
        self._redis = around.redis.connect(spec.metadata)
        self._default_ttl: int | None = self._redis.settings.value("ttlInSeconds")
        self._replicas = self._redis.replicas()

    def get(self, key: str, metadata: Mapping[str, str], consistency: str = "") -> Item | None:
        try:
            fields = self._redis(lambda client: client.hgetall(key))
        except ComponentError as error:
            if not str(error).startswith(WRONG_TYPE):
                raise
            text = self._redis(lambda client: client.get(key))
            return None if text is None else Item(text)
        if not fields:
            return None
        if b"data" not in fields or b"version" not in fields:
            raise ComponentError("required hash field 'data' or 'version' was not found")
        return Item(fields[b"data"], fields[b"version"].decode())

    def set(self, request: Upsert) -> None:
        check_options(request)
        etag, ttl = etag_of(request), self._ttl_of(request)
        mark = "first-write" if request.concurrency == "first-write" else ""
        try:
            self._run(SET, request.key, etag, encode(request.value), mark)
        except ComponentError as error:
            if request.etag:
                raise EtagMismatch(str(error)) from error
            raise ComponentError(f"failed to set key {request.key}: {error}") from error
        if ttl is not None:
            self._redis(lambda client: expire(client, request.key, ttl))
        if request.consistency == "strong" and self._replicas:
            self._redis(lambda client: client.wait(self._replicas, WAIT_MILLISECONDS))

    def _run(self, script: str, key: str, *arguments: str | bytes) -> None:
        """Run a script; raises ComponentError when it says no."""
        answer = self._redis(lambda client: client.eval(script, 1, key, *arguments))
        if text := failure(script, key, answer):
            raise ComponentError(text)

    def delete(self, request: Delete) -> None:
        check_options(request)
        try:
            self._run(DELETE, request.key, request.etag or NO_ETAG)
        except ComponentError as error:
            # Whatever it was, it is told as an etag that does not match (components-contrib state/redis, Delete).
            raise EtagMismatch(str(error)) from error

    def transact(self, operations: Sequence[Operation], metadata: Mapping[str, str]) -> None:
        """Send all operations at once; Redis does not undo those that came before one that is refused."""
        steps = [step for operation in operations for step in self._steps(operation)]
        answers = iter(self._redis(lambda client: send(client, steps)))
        for step in steps:
            if text := step.problem(None if step.ask is None else next(answers)):
                raise ComponentError(text)

    def _steps(self, operation: Operation) -> list[Step]:
        key = operation.key
        if isinstance(operation, Delete):
            return [script_step(DELETE, key, operation.etag or NO_ETAG)]
        etag, ttl = etag_of(operation), self._ttl_of(operation)
        if operation.metadata.get("contentType") == "application/json":
            steps = [Step(None, lambda answer: NO_JSON)]
        else:
            # A first-write is none here (components-contrib state/redis, Multi).
            steps = [script_step(SET, key, etag, encode(operation.value), "")]
        return steps if ttl is None else [*steps, Step(lambda client: expire(client, key, ttl), error_text)]

    def query(self, query: Query, metadata: Mapping[str, str]) -> QueryResult:
        raise ComponentError("redis-json server support is required for query capability")

    def _ttl_of(self, request: Upsert) -> int | None:
        """Seconds to live; zero and less are for ever, None leaves what is there."""
        text = request.metadata.get("ttlInSeconds")
        if not text:
            return self._default_ttl
        try:
            return golang.parse_int(text)
        except golang.GoError as error:
            raise ComponentError(f"failed to parse ttl from metadata: {error}") from error

    def keys(self, prefix: str) -> list[str]:
        pattern = re.sub(r"([*?\[\]\\^])", r"\\\1", prefix) + "*"
        return [key.decode() for key in self._redis(lambda client: list(client.scan_iter(match=pattern, count=1000)))]

    def reset(self) -> None:
        self._redis.flush()

    def snapshot(self) -> None:
        """What it keeps is kept by its Redis (`RedisPlace.snapshot`)."""

    def close(self) -> None:
        self._redis.close()


def etag_of(request: Upsert) -> str:
    """The version that the value must have, `0` for any."""
    if not request.etag or request.concurrency == "last-write":
        return NO_ETAG
    try:
        return str(golang.atoi(request.etag))  # as a number: `04` is 4, `00` is no etag
    except golang.GoError as error:
        raise EtagInvalid(str(error)) from error


def script_step(script: str, key: str, *arguments: str | bytes) -> Step:
    """A script as a step of a transaction."""
    return Step(lambda client: client.eval(script, 1, key, *arguments), lambda answer: failure(script, key, answer))


def send(client: redis.Redis, steps: Sequence[Step]) -> list[Any]:
    """Ask it all at once; the answers, exceptions among them."""
    pipe = client.pipeline(transaction=True)
    for step in steps:
        if step.ask is not None:
            step.ask(pipe)
    return list(pipe.execute(raise_on_error=False)) if len(pipe) else []


def failure(script: str, key: str, answer: Any) -> str | None:
    """What Redis would say of Dapr's script where this one answered so; None when all is well."""
    if answer == DONE:
        return None
    if (script, answer) in FAILURES:
        return FAILURES[script, answer].format(key=key)
    return error_text(answer)


def error_text(answer: Any) -> str | None:
    """What an answer that is an error says."""
    return go_text(answer) if isinstance(answer, Exception) else None


def expire(client: Any, key: str, seconds: int) -> Any:
    """Let a key end after some seconds, or never when there are none."""
    return client.expire(key, seconds) if seconds > 0 else client.persist(key)


def encode(value: bytes | Json) -> bytes:
    """Bytes as they are, JSON as jsoniter writes it."""
    return golang.marshal_fastest(value.value) if isinstance(value, Json) else value
