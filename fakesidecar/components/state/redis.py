"""`state.redis`: a value is a hash with the fields `data`, `version` and, once, `first-write`.

The scripts are this project's own and say 0 for "refused"; what Dapr's scripts would have said is put together in
`refused`, because their names and line numbers show in the answers of a real daprd.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
from fakesidecar.errors import ComponentError, EtagInvalid, EtagMismatch
from fakesidecar.resources.component import Component

SET = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local version = redis.call('HGET', KEYS[1], 'version')
local plain = ARGV[1] == '0' and redis.call('HEXISTS', KEYS[1], 'first-write') == 0
if version and version ~= '' and version ~= ARGV[1] and not plain then return 0 end
redis.call('HSET', KEYS[1], 'data', ARGV[2])
if ARGV[3] == 'first-write' then redis.call('HSET', KEYS[1], 'first-write', 0) end
return redis.call('HINCRBY', KEYS[1], 'version', 1)
"""

DELETE = """
local version = false
if redis.call('TYPE', KEYS[1]).ok == 'hash' then version = redis.call('HGET', KEYS[1], 'version') end
if version and version ~= '' and ARGV[1] ~= '0' and version ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
"""

NO_ETAG = "0"
NO_JSON = (
    "ERR Unknown Redis command called from script script: c5d8cabb8162d7f0980fe627a55d83f54c800e66, on @user_script:9."
)
WRONG_TYPE = "WRONGTYPE"


@component("state.redis", features=("ETAG", "TRANSACTIONAL", "TTL", "QUERY_API", "KEYS_LIKE", "ACTOR"))
class Redis(StateStore):
    """Values in a Redis, in Dapr's own layout."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.blocking = around.redis.blocking
        self._redis = around.redis.connect(spec.metadata)
        ttl = next((value for name, value in spec.metadata.items() if name.lower() == "ttlinseconds"), "")
        self._default_ttl = int(ttl) if ttl else None

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
            done = self._redis(lambda client: client.eval(SET, 1, request.key, etag, encode(request.value), mark))
            if not done:
                raise ComponentError(refused("set key", request.key))
        except ComponentError as error:
            if request.etag:
                raise EtagMismatch(str(error)) from error
            raise ComponentError(f"failed to set key {request.key}: {error}") from error
        if ttl is not None:
            self._redis(lambda client: expire(client, request.key, ttl))

    def delete(self, request: Delete) -> None:
        check_options(request)
        try:
            done = self._redis(lambda client: client.eval(DELETE, 1, request.key, request.etag or NO_ETAG))
            if not done:
                raise ComponentError(refused("delete", request.key))
        except ComponentError as error:
            # Whatever it was, it is told as an etag that does not match (components-contrib state/redis, Delete).
            raise EtagMismatch(str(error)) from error

    def transact(self, operations: Sequence[Operation], metadata: Mapping[str, str]) -> None:
        """Send all operations at once; Redis does not undo those that came before one that is refused."""
        plans = [self._plan(operation) for operation in operations]
        texts: list[str] = []

        def send(client: Any) -> list[Any]:
            pipe = client.pipeline(transaction=True)
            for arguments, key, ttl, _ in plans:
                if arguments is not None:
                    pipe.eval(*arguments)
                    texts.append(refused("set key" if arguments[0] is SET else "delete", key))
                if ttl is not None:
                    expire(pipe, key, ttl)
                    texts.append("")
            return list(pipe.execute(raise_on_error=False)) if len(pipe) else []

        answers = self._redis(send)
        problems = [text for answer, text in zip(answers, texts, strict=True) if text and not answer]
        problems += [str(answer) for answer in answers if isinstance(answer, Exception)]
        problems += [NO_JSON for _, _, _, json in plans if json]
        if problems:
            raise ComponentError(problems[0])

    def _plan(self, operation: Operation) -> tuple[tuple[Any, ...] | None, str, int | None, bool]:
        """The script and its arguments, the key, its time to live, and whether it wants RedisJSON."""
        key = operation.key
        if isinstance(operation, Delete):
            return (DELETE, 1, key, operation.etag or NO_ETAG), key, None, False
        etag, ttl = etag_of(operation), self._ttl_of(operation)
        if operation.metadata.get("contentType") == "application/json":
            return None, key, ttl, True
        return (SET, 1, key, etag, encode(operation.value), ""), key, ttl, False

    def query(self, query: bytes, metadata: Mapping[str, str]) -> QueryResult:
        try:
            golang.unmarshal(query)
        except golang.GoError as error:
            raise ComponentError(f"failed to parse JSON query body: {error}") from error
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

    def reset(self) -> None:
        self._redis.flush()

    def close(self) -> None:
        self._redis.close()


def etag_of(request: Upsert) -> str:
    """The version that the value must have, `0` for any."""
    if not request.etag or request.concurrency == "last-write":
        return NO_ETAG
    try:
        golang.atoi(request.etag)
    except golang.GoError as error:
        raise EtagInvalid(str(error)) from error
    return request.etag


def expire(client: Any, key: str, seconds: int) -> Any:
    """Let a key end after some seconds, or never when there are none."""
    return client.expire(key, seconds) if seconds > 0 else client.persist(key)


def encode(value: bytes | Json) -> bytes:
    """Bytes as they are, JSON as jsoniter writes it."""
    return golang.marshal_fastest(value.value) if isinstance(value, Json) else value


SCRIPTS = {
    "set key": ("d908b9553add63a82e03589b5c6d01a7654ef0f2", 14),
    "delete": ("2446db0de2c963f100727b388f03ead01d18c265", 6),
}
"""The names of Dapr's scripts in Redis, and the line in which they refuse."""


def refused(what: str, key: str) -> str:
    """What Redis says when Dapr's script refuses."""
    sha, line = SCRIPTS[what]
    return f"ERR user_script:{line}: failed to {what} {key} script: {sha}, on @user_script:{line}."
