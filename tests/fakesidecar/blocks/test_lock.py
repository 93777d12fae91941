"""Locks: who holds what, for how long, in which order requests are refused, and where leases are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest

from fakesidecar.clock import VirtualClock
from fakesidecar.errors import ComponentError, UnlockFailed
from fakesidecar.redis_place import Redis
from fakesidecar.resources.component import Component
from fakesidecar.resources.errors import StartupError
from fakesidecar.sidecar import Sidecar

from .doors import Refused, grpc_call, http_ok

HELD, MISSING, FOREIGN = 0, 1, 2
"""What became of an unlock."""


class Door(Protocol):
    """How locks are asked for."""

    def lock(self, resource: str, owner: str, seconds: int = 60, store: str = "locks") -> bool: ...

    def unlock(self, resource: str, owner: str, store: str = "locks") -> int: ...


class Grpc:
    CODES = ("INVALID_ARGUMENT", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "INTERNAL", "INTERNAL")

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar

    def lock(self, resource: str, owner: str, seconds: int = 60, store: str = "locks") -> bool:
        fields = {"store_name": store, "resource_id": resource, "lock_owner": owner, "expiry_in_seconds": seconds}
        return bool(grpc_call(self.sidecar, "TryLockAlpha1", **fields).success)

    def unlock(self, resource: str, owner: str, store: str = "locks") -> int:
        fields = {"store_name": store, "resource_id": resource, "lock_owner": owner}
        return int(grpc_call(self.sidecar, "UnlockAlpha1", **fields).status)


class Http:
    CODES = (
        "ERR_MALFORMED_REQUEST",
        "ERR_LOCK_STORE_NOT_FOUND",
        "ERR_LOCK_STORE_NOT_CONFIGURED",
        "ERR_TRY_LOCK",
        "ERR_UNLOCK",
    )

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar

    def lock(self, resource: str, owner: str, seconds: int = 60, store: str = "locks") -> bool:
        body = {"resourceId": resource, "lockOwner": owner, "expiryInSeconds": seconds}
        return bool(http_ok(self.sidecar, "POST", f"/v1.0-alpha1/lock/{store}", body)["success"])

    def unlock(self, resource: str, owner: str, store: str = "locks") -> int:
        body = {"resourceId": resource, "lockOwner": owner}
        return int(http_ok(self.sidecar, "POST", f"/v1.0-alpha1/unlock/{store}", body)["status"])


def component(kind: str, name: str = "locks", **metadata: str) -> Component:
    return Component(name, kind, metadata={"redisHost": "locks.test:6379", **metadata})


@pytest.fixture(params=["lock.in-memory", "lock.redis"])
def sidecar(request: pytest.FixtureRequest) -> Iterator[Sidecar]:
    with Sidecar(components=[component(request.param)], clock=VirtualClock()) as running:
        yield running


@pytest.fixture(params=[Grpc, Http])
def door(request: pytest.FixtureRequest, sidecar: Sidecar) -> Any:
    return request.param(sidecar)


def test_one_owner_at_a_time_holds_a_resource(door: Door) -> None:
    assert door.lock("warehouse", "ann")
    assert not door.lock("warehouse", "bob")
    assert door.lock("office", "bob")


def test_the_owner_cannot_lock_again_nor_prolong(door: Door, sidecar: Sidecar) -> None:
    assert door.lock("warehouse", "ann", 60)
    assert not door.lock("warehouse", "ann", 600)
    advance(sidecar, 61)
    assert door.lock("warehouse", "bob")


def test_a_lease_ends_when_its_time_is_up(door: Door, sidecar: Sidecar) -> None:
    assert door.lock("warehouse", "ann", 60)
    advance(sidecar, 59)
    assert not door.lock("warehouse", "bob")
    advance(sidecar, 2)
    assert door.unlock("warehouse", "ann") == MISSING
    assert door.lock("warehouse", "bob")
    assert door.unlock("warehouse", "ann") == FOREIGN


def test_only_the_owner_can_unlock(door: Door) -> None:
    assert door.unlock("warehouse", "ann") == MISSING
    assert door.lock("warehouse", "ann")
    assert door.unlock("warehouse", "bob") == FOREIGN
    assert door.unlock("warehouse", "ann") == HELD
    assert door.unlock("warehouse", "ann") == MISSING


def test_a_reset_ends_every_lease(door: Door, sidecar: Sidecar) -> None:
    assert door.lock("warehouse", "ann")
    sidecar.reset()
    assert door.lock("warehouse", "bob")


REFUSALS = [
    (("", "", 0, ""), 0, "ExpiryInSeconds is not positive in lock store "),
    (("r", "ann", -1, "nowhere"), 0, "ExpiryInSeconds is not positive in lock store nowhere"),
    (("", "", 5, "nowhere"), 0, "ResourceId is empty in lock store nowhere"),
    (("r", "", 5, "nowhere"), 0, "LockOwner is empty in lock store nowhere"),
    (("r", "ann", 5, "nowhere"), 1, "lock store nowhere not found"),
    (("a||b", "ann", 5, "locks"), 3, "failed to try acquiring lock: input key/keyPrefix 'a||b' can't contain '||'"),
]


@pytest.mark.parametrize(("asked", "code", "message"), REFUSALS)
def test_requests_are_checked_field_by_field_before_the_store_is_looked_for(
    door: Any, asked: tuple[Any, ...], code: int, message: str
) -> None:
    if asked[3] == "" and isinstance(door, Http):
        pytest.skip("a path without a store is no lock's")
    with pytest.raises(Refused) as refused:
        door.lock(*asked)
    assert refused.value == Refused(door.CODES[code], message)


def test_an_unlock_is_refused_with_an_error_of_its_own(door: Any) -> None:
    with pytest.raises(Refused) as refused:
        door.unlock("a||b", "ann")
    message = "failed to release lock: input key/keyPrefix 'a||b' can't contain '||'"
    assert refused.value == Refused(door.CODES[4], message)


@pytest.mark.parametrize("make", [Grpc, Http])
def test_without_a_store_only_the_lease_is_checked(make: Any) -> None:
    with Sidecar() as sidecar:
        door = make(sidecar)
        with pytest.raises(Refused) as refused:
            door.lock("", "", 5)
        assert refused.value == Refused(make.CODES[2], "lock store is not configured")
        with pytest.raises(Refused) as refused:
            door.lock("", "", 0)
        assert refused.value == Refused(make.CODES[0], "ExpiryInSeconds is not positive in lock store locks")


PREFIXES = [
    ({}, "lock||app||r"),
    ({"keyPrefix": "appid"}, "lock||app||r"),
    ({"keyPrefix": "name"}, "lock||locks||r"),
    ({"KEYPREFIX": "none"}, "lock||r"),
    ({"keyPrefix": "MyPrefix"}, "lock||myprefix||r"),
    ({"keyPrefix": "namespace"}, "lock||namespace||r"),
]


@contextmanager
def closed(*components: Component, clock: VirtualClock | None = None) -> Iterator[Sidecar]:
    """A sidecar whose doors stay closed: the core is all that is asked."""
    sidecar = Sidecar(components=components, clock=clock or VirtualClock())
    try:
        yield sidecar
    finally:
        sidecar.core.close()


@contextmanager
def look_into(sidecar: Sidecar) -> Iterator[Redis]:
    """A connection to the Redis of the locks."""
    redis = sidecar.core.around.redis.connect({"redisHost": "locks.test:6379"})
    try:
        yield redis
    finally:
        redis.close()


@pytest.mark.parametrize(("metadata", "key"), PREFIXES)
def test_a_lease_in_redis_is_a_key_with_a_time_to_live(metadata: dict[str, str], key: str) -> None:
    with closed(component("lock.redis", **metadata)) as sidecar, look_into(sidecar) as redis:
        assert sidecar.core.lock.try_lock("locks", "r", owner="ann", seconds=60)
        assert redis(lambda client: client.keys("*")) == [key.encode()]
        assert redis(lambda client: client.get(key)) == b"ann"
        assert redis(lambda client: client.ttl(key)) == 60


def test_sidecars_that_name_one_redis_contend_for_its_locks() -> None:
    clock = VirtualClock()
    shared = component("lock.redis", keyPrefix="none")
    with closed(shared, clock=clock) as one, closed(shared, clock=clock) as two:
        assert one.core.lock.try_lock("locks", "r", owner="ann", seconds=60)
        assert not two.core.lock.try_lock("locks", "r", owner="bob", seconds=60)
        clock.advance(61)
        assert two.core.lock.try_lock("locks", "r", owner="bob", seconds=60)


def test_leases_end_with_the_last_sidecar_that_names_their_redis() -> None:
    for _ in range(2):
        with closed(component("lock.redis")) as sidecar:
            assert sidecar.core.lock.try_lock("locks", "r", owner="ann", seconds=60)


def test_a_prefix_must_not_contain_the_separator() -> None:
    with pytest.raises((StartupError, ComponentError), match="failed to save lock keyprefix"):
        Sidecar(components=[component("lock.in-memory", keyPrefix="a||b")])


def test_a_foreign_type_in_the_way_of_an_unlock_is_told_in_redis_words() -> None:
    with closed(component("lock.redis")) as sidecar, look_into(sidecar) as redis:
        redis(lambda client: client.lpush("lock||app||list", "x"))
        assert not sidecar.core.lock.try_lock("locks", "list", owner="ann", seconds=5)
        with pytest.raises(UnlockFailed, match="failed to release lock: WRONGTYPE Operation against a key"):
            sidecar.core.lock.unlock("locks", "list", owner="ann")


def test_http_takes_names_in_either_spelling_and_the_store_of_the_path(sidecar: Sidecar) -> None:
    body = {"store_name": "nowhere", "resource_id": "r", "lock_owner": "ann", "expiry_in_seconds": "60", "more": 1}
    assert http_ok(sidecar, "POST", "/v1.0-alpha1/lock/locks", body) == {"success": True}


def advance(sidecar: Sidecar, seconds: float) -> None:
    assert isinstance(sidecar.clock, VirtualClock)
    sidecar.clock.advance(seconds)
