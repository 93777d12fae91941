"""`lock.in-memory`: leases in a dictionary; this project's own, unknown to daprd."""

from __future__ import annotations

from dataclasses import dataclass

from fakesidecar.components.lock import LockStore, Unlocked
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.resources.component import Component


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a resource, and until when."""

    owner: str
    ends: float


@component("lock.in-memory")
class InMemory(LockStore):
    """Leases in this process, gone with it."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.leases: dict[str, Lease] = {}

    def try_lock(self, resource: str, owner: str, seconds: int) -> bool:
        if self._held(resource) is not None:
            return False
        self.leases[resource] = Lease(owner, self.around.clock.now() + seconds)
        return True

    def unlock(self, resource: str, owner: str) -> Unlocked:
        lease = self._held(resource)
        if lease is None:
            return Unlocked.DOES_NOT_EXIST
        if lease.owner != owner:
            return Unlocked.BELONGS_TO_OTHERS
        del self.leases[resource]
        return Unlocked.SUCCESS

    def owner(self, resource: str) -> str | None:
        lease = self._held(resource)
        return None if lease is None else lease.owner

    def _held(self, resource: str) -> Lease | None:
        lease = self.leases.get(resource)
        if lease is not None and lease.ends <= self.around.clock.now():
            del self.leases[resource]
            return None
        return lease

    def reset(self) -> None:
        self.leases.clear()

    def snapshot(self) -> dict[str, Lease]:
        return self.leases.copy()

    def restore(self, kept: dict[str, Lease]) -> None:
        self.leases = kept.copy()
