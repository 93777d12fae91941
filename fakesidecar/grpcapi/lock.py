"""The distributed lock API over gRPC (dapr pkg/api/universal/lock.go)."""

from __future__ import annotations

from dapr_client.wire import lock_pb2
from fakesidecar.core import Core
from fakesidecar.grpcapi.registry import Context, serves


@serves("TryLockAlpha1", call="lock.try_lock", component="store_name", target="resource_id")
def try_lock(core: Core, request: lock_pb2.TryLockRequest, context: Context) -> lock_pb2.TryLockResponse:
    held = core.lock.try_lock(
        request.store_name, request.resource_id, owner=request.lock_owner, seconds=request.expiry_in_seconds
    )
    return lock_pb2.TryLockResponse(success=held)


@serves("UnlockAlpha1", call="lock.unlock", component="store_name", target="resource_id")
def unlock(core: Core, request: lock_pb2.UnlockRequest, context: Context) -> lock_pb2.UnlockResponse:
    status = core.lock.unlock(request.store_name, request.resource_id, owner=request.lock_owner)
    return lock_pb2.UnlockResponse(status=lock_pb2.UnlockResponse.Status.Name(status.value))
