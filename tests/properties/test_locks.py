"""Whatever is locked, unlocked and waited for: a resource has at most one owner, and only until the lease ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fakesidecar.clock import VirtualClock
from fakesidecar.components.lock import Unlocked
from fakesidecar.errors import ExpiryNotPositive
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

RESOURCES = st.sampled_from(["warehouse", "office", "a b/ü:{x}"])
OWNERS = st.sampled_from(["ann", "bob"])
STORES = st.sampled_from(["one", "two"])
SECONDS = st.integers(1, 100)
MOMENT = 0.001
"""Time never stands exactly where a lease ends: there stores differ, Redis holding on for that very millisecond."""


class Locks(RuleBasedStateMachine):
    """Two stores against a dictionary of owners and ends."""

    kind = ""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        components = [
            Component(name, self.kind, metadata={"redisHost": "properties.test:6379", "keyPrefix": "name"})
            for name in ("one", "two")
        ]
        self.sidecar = Sidecar(components=components, clock=self.clock)
        self.block = self.sidecar.core.lock
        self.leases: dict[tuple[str, str], tuple[str, float]] = {}

    def teardown(self) -> None:
        self.sidecar.core.close()

    def held(self, store: str, resource: str) -> str | None:
        owner, end = self.leases.get((store, resource), ("", 0.0))
        return owner if end > self.clock.now() else None

    @rule(store=STORES, resource=RESOURCES, owner=OWNERS, seconds=SECONDS)
    def lock(self, store: str, resource: str, owner: str, seconds: int) -> None:
        expected = self.held(store, resource) is None
        assert self.block.try_lock(store, resource, owner=owner, seconds=seconds) is expected
        if expected:
            self.leases[store, resource] = (owner, self.clock.now() + seconds)

    @rule(store=STORES, resource=RESOURCES, owner=OWNERS)
    def unlock(self, store: str, resource: str, owner: str) -> None:
        holder = self.held(store, resource)
        expected = Unlocked.SUCCESS if holder == owner else Unlocked.BELONGS_TO_OTHERS
        assert self.block.unlock(store, resource, owner=owner) is (
            Unlocked.DOES_NOT_EXIST if holder is None else expected
        )
        if holder == owner:
            del self.leases[store, resource]

    @rule(store=STORES, resource=RESOURCES, seconds=st.integers(-100, 0))
    def lock_for_no_time(self, store: str, resource: str, seconds: int) -> None:
        with pytest.raises(ExpiryNotPositive):
            self.block.try_lock(store, resource, owner="ann", seconds=seconds)

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds + MOMENT)

    @precondition(lambda self: self.leases)
    @rule()
    def reset(self) -> None:
        self.sidecar.reset()
        self.leases.clear()

    @invariant()
    def what_is_held_cannot_be_unlocked_by_a_stranger(self) -> None:
        for store, resource in self.leases:
            expected = Unlocked.DOES_NOT_EXIST if self.held(store, resource) is None else Unlocked.BELONGS_TO_OTHERS
            assert self.block.unlock(store, resource, owner="a stranger") is expected


class InMemoryLocks(Locks):
    """On `lock.in-memory`."""

    kind = "lock.in-memory"


class RedisLocks(Locks):
    """On `lock.redis`, embedded."""

    kind = "lock.redis"


FEW = settings(max_examples=20, stateful_step_count=20, deadline=None)
TestInMemoryLocks: Any = InMemoryLocks.TestCase
TestRedisLocks: Any = RedisLocks.TestCase
TestInMemoryLocks.settings = TestRedisLocks.settings = FEW
