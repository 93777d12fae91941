"""The sidecar's own controls, under a prefix that Dapr has no API under: clock, reset, and what was asked.

GET  /fakesidecar/v1/clock                {"time": 1893456000.0, "virtual": true}
POST /fakesidecar/v1/clock/advance        {"seconds": 60}
POST /fakesidecar/v1/reset
GET  /fakesidecar/v1/requests             {"recording": true, "requests": [{"call": "state.get", …}]}
POST /fakesidecar/v1/requests             {"recording": true}
GET  /fakesidecar/v1/faults               {"faults": [{"id": 1, "rule": {"call": …, …}, "seen": 3, "acted": 2}]}
POST /fakesidecar/v1/faults               {"call": "state.save", "times": 2, "effects": [{"kind": "fail"}]}, or a list
PUT  /fakesidecar/v1/faults               the same, in place of all that were there
DELETE /fakesidecar/v1/faults[/1]
GET  /fakesidecar/v1/bindings/returns     {"invoked": [{"operation": "create", …}], "deliveries": [{"error": "", …}]}
POST /fakesidecar/v1/bindings/returns     {"data": {"order": 7}, "metadata": {}}: let an event come in
GET  /fakesidecar/v1/snapshot             what `fakesidecar.snapshots.dumps` writes
PUT  /fakesidecar/v1/snapshot             the same, to be restored
POST /fakesidecar/v1/restart              {"keepData": true}
POST /fakesidecar/v1/clock/run-until-idle
"""

from __future__ import annotations

import json
import math
from typing import Any

from fakesidecar import golang, snapshots
from fakesidecar.clock import VirtualClock
from fakesidecar.components.bindings import Event as Incoming
from fakesidecar.core import Core
from fakesidecar.errors import ApiError, BodyUnreadable, MalformedBody
from fakesidecar.faults import Armed, BadPlan, from_json, to_json
from fakesidecar.httpapi.registry import route
from fakesidecar.interceptors.recording import Event
from fakesidecar.web import Request, Response, empty, json_response

PREFIX = "/fakesidecar/v1"


class ClockIsReal(ApiError, code="ERR_CLOCK_IS_REAL", http=409):
    """Nobody moves the machine's clock."""

    template = "the sidecar runs on the system clock, which cannot be advanced: start it with a virtual clock"


class NotKept(ApiError, code="ERR_NOT_KEPT", http=501):
    """The sidecar keeps something that cannot be copied."""

    template = "{cause}"


class NoSuchFault(ApiError, code="ERR_FAULT_NOT_FOUND", http=404):
    """There is no rule of that id."""

    template = "there is no fault {id}"


class NotWanted(ApiError, code="ERR_EVENT_NOT_WANTED", http=409):
    """No application takes what comes in."""

    template = "{cause}"


@route("GET", f"{PREFIX}/clock", call="control.clock")
def clock(core: Core, request: Request) -> Response:
    return json_response({"time": core.clock.now(), "virtual": isinstance(core.clock, VirtualClock)}, newline=True)


# Timers that fire may need the event loop, so the clock is moved on another thread.
@route("POST", f"{PREFIX}/clock/advance", call="control.advance", blocking=True)
def advance(core: Core, request: Request) -> Response:
    if not isinstance(core.clock, VirtualClock):
        raise ClockIsReal
    seconds = body_of(request).get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise MalformedBody(cause=f"seconds must be a number that is not negative: {seconds!r}")
    core.clock.advance(seconds)
    return clock(core, request)


@route("POST", f"{PREFIX}/clock/run-until-idle", call="control.run_until_idle", blocking=True)
def run_until_idle(core: Core, request: Request) -> Response:
    if not isinstance(core.clock, VirtualClock):
        raise ClockIsReal
    core.clock.run_until_idle()
    return clock(core, request)


@route("GET", f"{PREFIX}/snapshot", call="control.snapshot", blocking=True)
def get_snapshot(core: Core, request: Request) -> Response:
    try:
        text = snapshots.dumps(snapshots.snapshot(core))
    except snapshots.CannotKeep as error:
        raise NotKept(cause=error) from error
    return Response(200, [("content-type", "application/json")], text.encode())


@route("PUT", f"{PREFIX}/snapshot", call="control.restore", blocking=True)
def put_snapshot(core: Core, request: Request) -> Response:
    if request.body_error:
        raise BodyUnreadable(cause=request.body_error)
    try:
        snapshots.restore(core, snapshots.loads(request.body.decode()))
    except (snapshots.CannotKeep, UnicodeDecodeError) as error:
        raise MalformedBody(cause=error) from error
    return empty()


@route("POST", f"{PREFIX}/restart", call="control.restart", blocking=True)
def restart(core: Core, request: Request) -> Response:
    keep = body_of(request).get("keepData", True)
    if not isinstance(keep, bool):
        raise MalformedBody(cause=f"keepData must be true or false: {keep!r}")
    core.on_restart(keep)
    return empty()


@route("POST", f"{PREFIX}/reset", call="control.reset", blocking=True)
def reset(core: Core, request: Request) -> Response:
    core.reset()
    return empty()


@route("GET", f"{PREFIX}/requests", call="control.requests")
def requests(core: Core, request: Request) -> Response:
    found = [as_json(event) for event in core.recording.events]
    return json_response({"recording": core.recording.running, "requests": found}, newline=True)


@route("POST", f"{PREFIX}/requests", call="control.record")
def record(core: Core, request: Request) -> Response:
    wanted = body_of(request).get("recording")
    if not isinstance(wanted, bool):
        raise MalformedBody(cause=f"recording must be true or false: {wanted!r}")
    if wanted:
        core.recording.start()
    else:
        core.recording.stop()
    return empty()


@route("GET", f"{PREFIX}/faults", call="control.faults")
def faults(core: Core, request: Request) -> Response:
    return _faults(core.faults.rules)


@route("POST PUT", f"{PREFIX}/faults", call="control.add_faults")
def add_faults(core: Core, request: Request) -> Response:
    body = json_of(request)
    try:
        rules = [from_json(rule) for rule in (body if isinstance(body, list) else [body])]
    except BadPlan as error:
        raise MalformedBody(cause=error) from error
    if request.method == "PUT":
        core.faults.clear()
    return _faults(tuple(core.faults.add(rule) for rule in rules))


@route("DELETE", f"{PREFIX}/faults", call="control.clear_faults")
def clear_faults(core: Core, request: Request) -> Response:
    core.faults.clear()
    return empty()


@route("DELETE", f"{PREFIX}/faults/{{id}}", call="control.remove_fault")
def remove_fault(core: Core, request: Request) -> Response:
    id = request.params["id"]
    if not id.isdecimal() or not core.faults.remove(int(id)):
        raise NoSuchFault(id=id)
    return empty()


@route("GET", f"{PREFIX}/bindings/{{name}}", call="control.bindings")
def bindings(core: Core, request: Request) -> Response:
    name, known = request.params["name"], core.bindings
    invoked = [
        {
            "operation": one.operation,
            "data": _text(one.data),
            "metadata": dict(one.metadata),
            "error": one.error,
            "time": one.time,
        }
        for one in tuple(known.invoked)
        if one.binding == name
    ]
    deliveries = [
        {
            "data": _text(one.event.data),
            "metadata": dict(one.event.metadata),
            "error": one.error,
            "time": one.time,
        }
        for one in tuple(known.inputs.delivered)
        if one.binding == name
    ]
    return json_response({"invoked": invoked, "deliveries": deliveries}, newline=True)


@route("POST", f"{PREFIX}/bindings/{{name}}", call="control.push", blocking=True)
def push(core: Core, request: Request) -> Response:
    body = body_of(request)
    data, metadata = body.get("data", ""), body.get("metadata", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise MalformedBody(cause="metadata must be an object of texts")
    event = Incoming(data.encode() if isinstance(data, str) else golang.marshal(data), metadata)
    try:
        core.bindings.inputs.push(request.params["name"], event)
    except LookupError as error:
        raise NotWanted(cause=error) from error
    return empty()


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _faults(rules: tuple[Armed, ...]) -> Response:
    found = [{"id": armed.id, "rule": to_json(armed.rule), "seen": armed.seen, "acted": armed.acted} for armed in rules]
    return json_response({"faults": found}, newline=True)


def as_json(event: Event) -> dict[str, Any]:
    """An event for those who look at it over HTTP."""
    call = event.call
    return {
        "call": call.name,
        "component": call.component,
        "target": call.target,
        "protocol": call.protocol,
        "metadata": dict(call.metadata),
        "outcome": event.outcome,
        "error": "" if event.error is None else str(event.error),
        "time": event.time,
        "fault": None if event.fault is None else to_json(event.fault),
    }


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body."""
    body = json_of(request)
    if not isinstance(body, dict):
        raise MalformedBody(cause="an object is expected")
    return body


def json_of(request: Request) -> Any:
    """The JSON in the body."""
    if request.body_error:
        raise BodyUnreadable(cause=request.body_error)
    try:
        return json.loads(request.body)
    except ValueError as error:
        raise MalformedBody(cause=error) from error
