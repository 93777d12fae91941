"""Distributed locks: take one, let it go."""

from __future__ import annotations

from warnings import warn

from dapr_client._async.block import Block
from dapr_client._checks import not_blank
from dapr_client.lock import LOCK_IS_ALPHA, TryLockResponse, UnlockResponse, UnlockResponseStatus
from dapr_client.wire import lock_pb2


class LockMethods(Block):
    """What a client can do with locks."""

    async def try_lock(
        self,
        store_name: str,
        resource_id: str,
        lock_owner: str,
        expiry_in_seconds: int,
        *,
        timeout: float | None = None,
    ) -> TryLockResponse:
        """Take the lock on a resource for some seconds, unless somebody has it. Use it with `async with`."""
        warn(LOCK_IS_ALPHA, UserWarning, stacklevel=2)
        not_blank(store_name=store_name, resource_id=resource_id, lock_owner=lock_owner)
        if not expiry_in_seconds or expiry_in_seconds < 1:
            raise ValueError("expiry_in_seconds must be a positive number")
        request = lock_pb2.TryLockRequest(
            store_name=store_name, resource_id=resource_id, lock_owner=lock_owner, expiry_in_seconds=expiry_in_seconds
        )
        answer, headers = await self._transport.unary("TryLockAlpha1", request, lock_pb2.TryLockResponse, None, timeout)
        return TryLockResponse(answer.success, self, store_name, resource_id, lock_owner, headers)

    async def unlock(
        self, store_name: str, resource_id: str, lock_owner: str, *, timeout: float | None = None
    ) -> UnlockResponse:
        """Let the lock on a resource go; the status tells whether the owner had it."""
        warn(LOCK_IS_ALPHA, UserWarning, stacklevel=2)
        not_blank(store_name=store_name, resource_id=resource_id, lock_owner=lock_owner)
        request = lock_pb2.UnlockRequest(store_name=store_name, resource_id=resource_id, lock_owner=lock_owner)
        answer, headers = await self._transport.unary("UnlockAlpha1", request, lock_pb2.UnlockResponse, None, timeout)
        return UnlockResponse(UnlockResponseStatus(answer.status), headers)
