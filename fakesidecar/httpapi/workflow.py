"""Workflows over HTTP (dapr pkg/api/http/workflow.go): the management API, under three versions."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from dapr_client.wire import workflow_pb2
from fakesidecar.core import Core
from fakesidecar.core.workflow import management
from fakesidecar.core.workflow.faults import ShuttingDown
from fakesidecar.errors import BodyUnreadable, WorkflowNotFound
from fakesidecar.httpapi.bodies import read_message
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, json_response

T = TypeVar("T")

ROOTS = tuple(f"/{version}/workflows/{{component}}" for version in ("v1.0", "v1.0-beta1", "v1.0-alpha1"))
ACCEPTED = 202
NO_TIME = "0001-01-01T00:00:00Z"


def paths(rest: str) -> tuple[str, ...]:
    """A path under every version."""
    return tuple(f"{root}/{rest}" for root in ROOTS)


def wait(later: Future[T]) -> T:
    """An answer that comes when the instance, or a worker, is free."""
    try:
        return later.result()
    except CancelledError:
        raise ShuttingDown from None


def accepted() -> Response:
    return json_response({}, ACCEPTED)


def check_body(request: Request) -> None:
    """A body is not needed, but one that is there is an object; what is in it is of no interest."""
    read_message(request, workflow_pb2.PauseWorkflowRequest)


# What these calls wait for is a thread's business: they may have to wait for a worker.
@route("POST", *paths("{name}/start"), call="workflow.start", target="name", blocking=True)
def start(core: Core, request: Request) -> Response:
    if request.body_error:
        raise BodyUnreadable(cause=request.body_error)
    id = request.query_value("instanceID")
    started = wait(management.start(core, id, request.params["name"], request.body, {}))
    return json_response({"instanceID": started}, ACCEPTED)


@route("GET", *paths("{id}"), call="workflow.get", target="id")
def get(core: Core, request: Request) -> Response:
    id = request.params["id"]
    found = management.get(core, id)
    if found is None:
        raise WorkflowNotFound(id=id)
    fields = {
        "instanceID": found.id,
        "workflowName": found.name,
        "createdAt": moment(found.created),
        "lastUpdatedAt": moment(found.updated),
        "runtimeStatus": found.status,
        "properties": found.properties,
    }
    return json_response({name: value for name, value in fields.items() if value})


def moment(time: Timestamp | None) -> str:
    return NO_TIME if time is None else time.ToJsonString()


@route("POST", *paths("{id}/raiseEvent/{event}"), call="workflow.raise_event", target="id", blocking=True)
def raise_event(core: Core, request: Request) -> Response:
    if request.body_error:
        raise BodyUnreadable(cause=request.body_error)
    wait(management.raise_event(core, request.params["id"], request.params["event"], request.body))
    return accepted()


@route("POST", *paths("{id}/pause"), call="workflow.suspend", target="id", blocking=True)
def pause(core: Core, request: Request) -> Response:
    check_body(request)
    wait(management.pause(core, request.params["id"]))
    return accepted()


@route("POST", *paths("{id}/resume"), call="workflow.resume", target="id", blocking=True)
def resume(core: Core, request: Request) -> Response:
    check_body(request)
    wait(management.resume(core, request.params["id"]))
    return accepted()


@route("POST", *paths("{id}/terminate"), call="workflow.terminate", target="id", blocking=True)
def terminate(core: Core, request: Request) -> Response:
    check_body(request)
    wait(management.terminate(core, request.params["id"]))
    return accepted()


@route("POST", *paths("{id}/purge"), call="workflow.purge", target="id", blocking=True)
def purge(core: Core, request: Request) -> Response:
    check_body(request)
    wait(management.purge(core, request.params["id"]))
    return accepted()
