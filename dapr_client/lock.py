"""Distributed locks: what comes back from taking one and from letting it go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from inspect import iscoroutinefunction
from typing import Any, Self

from dapr_client._response import DaprResponse, Headers

LOCK_IS_ALPHA = "The Distributed Lock API is an Alpha version and is subject to change."


class UnlockResponseStatus(Enum):
    """What became of letting a lock go."""

    success = 0
    lock_does_not_exist = 1
    lock_belongs_to_others = 2
    internal_error = 3


class UnlockResponse(DaprResponse):
    """The answer to letting a lock go."""

    __slots__ = ("status",)

    def __init__(self, status: UnlockResponseStatus, headers: Headers = ()) -> None:
        super().__init__(headers)
        self.status = status


class TryLockResponse(DaprResponse):
    """Whether the lock was taken; as a context manager, it lets it go at the end.

    True as a boolean means taken. `with` belongs to a lock of the sync client, `async with` to one of the async client.
    """

    __slots__ = ("_client", "lock_owner", "resource_id", "store_name", "success")

    def __init__(
        self,
        success: bool,
        client: Any,
        store_name: str,
        resource_id: str,
        lock_owner: str,
        headers: Headers = (),
    ) -> None:
        super().__init__(headers)
        self.success = success
        self._client = client
        self.store_name = store_name
        self.resource_id = resource_id
        self.lock_owner = lock_owner

    def __bool__(self) -> bool:
        return self.success

    def __enter__(self) -> Self:
        if iscoroutinefunction(self._unlock()):
            raise TypeError("a lock of the async client is let go with `async with`")
        return self

    def __exit__(self, *failure: object) -> None:
        if self.success:
            self._unlock()(self.store_name, self.resource_id, self.lock_owner)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self.success:
            done = self._unlock()(self.store_name, self.resource_id, self.lock_owner)
            if isinstance(done, Awaitable):
                await done

    def _unlock(self) -> Callable[[str, str, str], Any]:
        release: Callable[[str, str, str], Any] = self._client.unlock
        return release
