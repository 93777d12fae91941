"""`lock.redis`: a lease is a key with its owner as value and a time to live."""

from __future__ import annotations

from fakesidecar.components.lock import LockStore, Unlocked
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component

UNLOCK = """
local owner = redis.call('GET', KEYS[1])
if not owner then return 1 end
if owner ~= ARGV[1] then return 2 end
redis.call('DEL', KEYS[1])
return 0
"""

WRONG_TYPE = (
    "WRONGTYPE Operation against a key holding the wrong kind of value "
    "script: 08741c111900b6318ee3f60cb3c2fa1f6c74d859, on @user_script:1."
)
"""What Redis says when Dapr's own script meets another type; its name and line are that script's."""


@component("lock.redis")
class Redis(LockStore):
    """Leases in a Redis."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.blocking = around.redis.blocking
        self._redis = around.redis.connect(
            spec.metadata, failure="error connecting to Redis: {cause}", host_required=True
        )

    def try_lock(self, resource: str, owner: str, seconds: int) -> bool:
        return bool(self._redis(lambda client: client.set(resource, owner, nx=True, ex=seconds)))

    def unlock(self, resource: str, owner: str) -> Unlocked:
        try:
            return Unlocked(self._redis(lambda client: client.eval(UNLOCK, 1, resource, owner)))
        except ComponentError as error:
            if "WRONGTYPE" in str(error):
                raise ComponentError(WRONG_TYPE) from error
            raise

    def owner(self, resource: str) -> str | None:
        found = self._redis(lambda client: client.get(resource))
        return None if found is None else str(found.decode())

    def reset(self) -> None:
        self._redis.flush()

    def snapshot(self) -> None:
        """What it keeps is kept by its Redis (`RedisPlace.snapshot`)."""

    def close(self) -> None:
        self._redis.close()
