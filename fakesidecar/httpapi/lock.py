"""The distributed lock API over HTTP (dapr pkg/api/http/lock.go)."""

from __future__ import annotations

from dapr_client.wire import lock_pb2
from fakesidecar.core import Core
from fakesidecar.httpapi.bodies import read_message
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, json_response


@route("POST", "/v1.0-alpha1/lock/{store}", call="lock.try_lock", component="store")
def try_lock(core: Core, request: Request) -> Response:
    asked = read_message(request, lock_pb2.TryLockRequest)
    held = core.lock.try_lock(
        request.params["store"], asked.resource_id, owner=asked.lock_owner, seconds=asked.expiry_in_seconds
    )
    return json_response({"success": held})


@route("POST", "/v1.0-alpha1/unlock/{store}", call="lock.unlock", component="store")
def unlock(core: Core, request: Request) -> Response:
    asked = read_message(request, lock_pb2.UnlockRequest)
    status = core.lock.unlock(request.params["store"], asked.resource_id, owner=asked.lock_owner)
    return json_response({"status": int(status)})
