"""Every store keeps what a dictionary would keep: random saves, deletes, transactions and waits, against a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from fakesidecar import Component, SeededIds, Sidecar, VirtualClock
from fakesidecar.components.state import Delete, Operation, Upsert
from fakesidecar.errors import StateDeleteFailed, StateSaveFailed, TransactionFailed

KEYS = ("a", "b", "c")
keys = st.sampled_from(KEYS)
values = st.binary(max_size=8)
claims = st.sampled_from(["none", "current", "wrong"])
"""What a request says of the etag."""
lifetimes = st.sampled_from([None, 3, 10])


@dataclass(frozen=True)
class Kept:
    """A value in the model."""

    value: bytes
    expires: float | None = None


class Store(RuleBasedStateMachine):
    """One store, and the dictionary that it is to be like."""

    component: ClassVar[Component]
    keeps_lifetime = False
    """Whether a save without a time to live leaves the one before."""
    deletes_missing = False
    """Whether an etag does not matter when there is nothing to delete."""
    creates_with_etag = False
    """Whether an etag does not matter when there is nothing to overwrite."""
    atomic = True

    @initialize()
    def start(self) -> None:
        self.clock = VirtualClock()
        self.sidecar = Sidecar(components=[self.component], clock=self.clock, ids=SeededIds(1))
        self.state = self.sidecar.core.state
        self.model: dict[str, Kept] = {}

    def teardown(self) -> None:
        if hasattr(self, "sidecar"):
            self.sidecar.core.close()

    def etag(self, key: str, claim: str) -> str | None:
        if claim == "none":
            return None
        item = self.state.get("store", key)
        return item.etag if claim == "current" and item is not None else "999999"

    def held(self, key: str) -> Kept | None:
        kept = self.model.get(key)
        return None if kept is None or (kept.expires is not None and kept.expires < self.clock.now()) else kept

    def allowed(self, operation: Operation, model: dict[str, Kept]) -> bool:
        """Whether the store is to carry out an operation, by what it says of the etag."""
        if operation.etag is None:
            return True
        if operation.key not in model:
            return self.deletes_missing if isinstance(operation, Delete) else self.creates_with_etag
        return operation.etag != "999999"

    def carry_out(self, operation: Operation, model: dict[str, Kept]) -> None:
        if isinstance(operation, Delete):
            model.pop(operation.key, None)
            return
        assert isinstance(operation.value, bytes)
        seconds = operation.metadata.get("ttlInSeconds")
        expires = None if seconds is None else self.clock.now() + int(seconds)
        if seconds is None and self.keeps_lifetime and operation.key in model:
            expires = model[operation.key].expires
        model[operation.key] = Kept(operation.value, expires)

    @staticmethod
    def upsert(key: str, value: bytes, etag: str | None, lifetime: int | None) -> Upsert:
        return Upsert(key, value, etag, {} if lifetime is None else {"ttlInSeconds": str(lifetime)})

    @rule(key=keys, value=values, claim=claims, lifetime=lifetimes)
    def save(self, key: str, value: bytes, claim: str, lifetime: int | None) -> None:
        request = self.upsert(key, value, self.etag(key, claim), lifetime)
        if self.allowed(request, self.model):
            self.state.save("store", [request])
            self.carry_out(request, self.model)
        else:
            with pytest.raises(StateSaveFailed, match="possible etag mismatch"):
                self.state.save("store", [request])

    @rule(key=keys, claim=claims)
    def delete(self, key: str, claim: str) -> None:
        request = Delete(key, self.etag(key, claim))
        if self.allowed(request, self.model):
            self.state.delete("store", request)
            self.carry_out(request, self.model)
        else:
            with pytest.raises(StateDeleteFailed, match="possible etag mismatch"):
                self.state.delete("store", request)

    @rule(data=st.data())
    def transact(self, data: Any) -> None:
        chosen = data.draw(st.lists(keys, unique=True, max_size=3))
        operations: list[Operation] = []
        for key in chosen:
            etag = self.etag(key, data.draw(claims))
            if data.draw(st.booleans()):
                operations.append(Delete(key, etag))
            else:
                operations.append(self.upsert(key, data.draw(values), etag, data.draw(lifetimes)))
        allowed = [self.allowed(operation, self.model) for operation in operations]
        if all(allowed):
            self.state.transact("store", operations)
        else:
            with pytest.raises(TransactionFailed):
                self.state.transact("store", operations)
        if all(allowed) or not self.atomic:
            for operation, carried_out in zip(operations, allowed, strict=True):
                if carried_out:
                    self.carry_out(operation, self.model)
                elif not self.atomic and isinstance(operation, Upsert) and operation.key in self.model:
                    # The value is refused, its time to live is not: they are two commands.
                    lifetime = Upsert(operation.key, self.model[operation.key].value, None, operation.metadata)
                    self.carry_out(lifetime, self.model)

    @rule(seconds=st.sampled_from([2, 5, 20]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.model = {key: kept for key in KEYS if (kept := self.held(key)) is not None}

    @rule()
    def reset(self) -> None:
        self.sidecar.reset()
        self.model.clear()

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "state"):
            return
        found = {item.key: item.data for item in self.state.bulk_get("store", KEYS) if item.etag}
        assert found == {key: kept.value for key, kept in self.model.items()}


class InMemoryStore(Store):
    component = Component("store", "state.in-memory")


class SqliteStore(Store):
    component = Component("store", "state.sqlite", metadata={"connectionString": ":memory:"})


class RedisStore(Store):
    component = Component("store", "state.redis", metadata={"redisHost": "model:6379"})
    keeps_lifetime = True
    deletes_missing = True
    creates_with_etag = True
    atomic = False


@pytest.mark.parametrize("machine", [InMemoryStore, SqliteStore, RedisStore], ids=lambda machine: machine.__name__)
def test_a_store_keeps_what_a_dictionary_keeps(machine: type[Store]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=20, deadline=None))
