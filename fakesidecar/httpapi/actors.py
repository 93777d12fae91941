"""The actors API over HTTP (dapr pkg/api/http/actors.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakesidecar import golang
from fakesidecar.components.state import Delete, Json, Operation, Upsert
from fakesidecar.core import Core
from fakesidecar.core.actors.hosts import ActorCall, ActorTimer, Headers, Reminder
from fakesidecar.core.actors.names import fault_in_method, fault_in_name
from fakesidecar.core.actors.reminders import shown_ttl
from fakesidecar.errors import (
    ActorBadRequest,
    ActorInvokeFailed,
    ActorNotHosted,
    ActorTransactionFailed,
)
from fakesidecar.httpapi.bodies import decode
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, empty, json_response

ACTOR = "/v1.0/actors/{type}/{id}"

OPERATION = golang.Struct(
    "api.TransactionalOperation",
    (golang.Field("operation", golang.text_type("api.OperationType")), golang.Field("request", golang.ANY)),
)
OPERATION_FIELDS = {"Key": str, "Value": object, "ETag": str, "Metadata": dict}

REMINDER = golang.Struct(
    r'struct { Data json.RawMessage "json:\"data\""; FailurePolicy *common.JobFailurePolicy '
    r'"json:\"failure_policy,omitempty\""; *api.createReminderAlias }',
    (
        golang.Field("data", golang.ANY),
        *(golang.Field(name, golang.TEXT, "createReminderAlias") for name in ("dueTime", "period", "ttl")),
        golang.Field("overwrite", golang.Optional(golang.BOOL), "createReminderAlias"),
    ),
)
"""`failure_policy` is passed over, as encoding/json finds no field of a protobuf oneof."""
TIMER = golang.Struct(
    r'struct { Data json.RawMessage "json:\"data\""; *api.createTimerAlias }',
    (
        golang.Field("data", golang.ANY),
        *(golang.Field(name, golang.TEXT, "createTimerAlias") for name in ("dueTime", "period", "ttl", "callback")),
    ),
)


@route(
    "GET POST PUT DELETE",
    f"{ACTOR}/method/{{method}}",
    call="actors.invoke",
    component="type",
    target="id",
    blocking=True,
)
def invoke_actor(core: Core, request: Request) -> Response:
    type, id, method = (request.params[name] for name in ("type", "id", "method"))
    check_name(type, "invalid actorType: ")
    check_name(id, "invalid actorId: ")
    if fault := fault_in_method(method):
        raise ActorBadRequest(cause=fault)
    core.actors.check()
    headers = (*headers_of(request), ("Dapr-Api-Call", "true"))
    call = ActorCall(
        type,
        id,
        method,
        request.body,
        headers,
        request.query,
        core.tracer.headers(request.span),
    )
    try:
        reply = core.actors.invoke(call)
    except ActorNotHosted as error:
        raise ActorInvokeFailed(cause=error.message) from error
    except ActorInvokeFailed as error:
        if error.remote:
            raise ActorInvokeFailed(cause=f"rpc error: code = Internal desc = {error.message}") from error
        raise
    named = {name.lower() for name, _ in reply.headers}
    default = [] if "content-type" in named else [("content-type", "application/json")]
    return Response(200, [*default, *reply.headers], reply.data)


def headers_of(request: Request) -> Headers:
    """The request's headers as Go has them."""
    return [(golang.canonical_header_key(name), value) for name, value in request.headers if name.lower() != "host"]


def check_name(name: str, what: str = "") -> None:
    """Refuse what may not stand in an actor's address."""
    if fault := fault_in_name(name):
        raise ActorBadRequest(cause=what + fault)


# --- state ---------------------------------------------------------------------------------------


@route("POST PUT", f"{ACTOR}/state", call="actors.transact", component="type", target="id")
def execute_actor_state_transaction(core: Core, request: Request) -> Response:
    type, id = request.params["type"], request.params["id"]
    core.actors.check(type)
    operations = decode(request, golang.ListOf(OPERATION)) or []
    core.actors.transact(type, id, lambda: [_operation(operation) for operation in operations])
    return empty()


def _operation(operation: Mapping[str, Any]) -> Operation:
    kind, request = operation["operation"], operation["request"]
    if not kind:
        raise ActorTransactionFailed(cause="operation is empty")
    if request is None:
        raise ActorTransactionFailed(cause="request data is empty")
    if kind not in ("upsert", "delete"):
        raise ActorTransactionFailed(cause=f"operation type {kind} not supported")
    try:
        fields = golang.map_structure(request, OPERATION_FIELDS)
    except golang.GoError as error:
        raise ActorTransactionFailed(cause=error) from error
    key, etag, metadata = fields.get("Key", ""), fields.get("ETag"), fields.get("Metadata", {})
    if kind == "delete":
        return Delete(key, etag, metadata)
    return Upsert(key, Json(fields.get("Value")), etag, metadata)


@route("GET", f"{ACTOR}/state/{{key}}", call="actors.get_state", component="type", target="id")
def get_actor_state(core: Core, request: Request) -> Response:
    item = core.actors.get_state(request.params["type"], request.params["id"], request.params["key"])
    if item is None:
        return empty()
    metadata = [(f"metadata.{name}", value) for name, value in item.metadata.items()]
    return Response(200, [("content-type", "application/json"), *metadata], item.data)


# --- reminders and timers ------------------------------------------------------------------------


@route("POST PUT", f"{ACTOR}/reminders/{{name}}", call="actors.create_reminder", component="type", target="id")
def create_actor_reminder(core: Core, request: Request) -> Response:
    address = _address(core, request)
    asked = decode(request, REMINDER)
    reminder = Reminder(*address, asked["dueTime"], asked["period"], asked["ttl"], data_of(request))
    core.actors.create_reminder(reminder, overwrite=asked["overwrite"] is not False)
    return empty()


@route("GET", f"{ACTOR}/reminders/{{name}}", call="actors.get_reminder", component="type", target="id")
def get_actor_reminder(core: Core, request: Request) -> Response:
    found = core.actors.get_reminder(*(request.params[name] for name in ("type", "id", "name")))
    texts = {"dueTime": found.due_time, "period": found.period, "ttl": shown_ttl(found)}
    body: dict[str, Any] = {"actorID": found.id, "actorType": found.type}
    body |= {name: text for name, text in texts.items() if text}
    if found.data is not None:
        body["data"] = golang.RawJson(found.data)
    return json_response(body, newline=True)


@route("DELETE", f"{ACTOR}/reminders/{{name}}", call="actors.delete_reminder", component="type", target="id")
def delete_actor_reminder(core: Core, request: Request) -> Response:
    core.actors.delete_reminder(*(request.params[name] for name in ("type", "id", "name")))
    return empty()


@route("POST PUT", f"{ACTOR}/timers/{{name}}", call="actors.create_timer", component="type", target="id")
def create_actor_timer(core: Core, request: Request) -> Response:
    address = _address(core, request)
    asked = decode(request, TIMER)
    timer = ActorTimer(*address, asked["dueTime"], asked["period"], asked["ttl"], asked["callback"], data_of(request))
    core.actors.create_timer(timer)
    return empty()


@route("DELETE", f"{ACTOR}/timers/{{name}}", call="actors.delete_timer", component="type", target="id")
def delete_actor_timer(core: Core, request: Request) -> Response:
    core.actors.delete_timer(*(request.params[name] for name in ("type", "id", "name")))
    return empty()


def _address(core: Core, request: Request) -> tuple[str, str, str]:
    type, id, name = (request.params[part] for part in ("type", "id", "name"))
    core.actors.check(type)
    check_name(name)
    return type, id, name


def data_of(request: Request) -> bytes | None:
    """The `data` of a body, as it was written; None when there is none."""
    return golang.raw_member(request.body, "data")
