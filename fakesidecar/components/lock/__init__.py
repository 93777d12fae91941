"""What a lock store is: resources that one owner at a time holds, for as long as the lease lasts."""

from __future__ import annotations

from abc import abstractmethod
from enum import IntEnum

from fakesidecar.components.base import ComponentBase


class Unlocked(IntEnum):
    """What became of an unlock; the numbers are Dapr's."""

    SUCCESS = 0
    DOES_NOT_EXIST = 1
    BELONGS_TO_OTHERS = 2
    INTERNAL_ERROR = 3


class LockStore(ComponentBase):
    """A store of leases. Resources arrive with their prefix (`lock||app||resource`)."""

    @abstractmethod
    def try_lock(self, resource: str, owner: str, seconds: int) -> bool:
        """Lease the resource to the owner, unless anybody, the owner included, holds it."""

    @abstractmethod
    def unlock(self, resource: str, owner: str) -> Unlocked:
        """End the owner's lease."""

    @abstractmethod
    def owner(self, resource: str) -> str | None:
        """Who holds the resource, None when nobody does; Dapr's API does not say it, tests ask."""
