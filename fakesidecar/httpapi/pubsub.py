"""The publish API over HTTP (dapr pkg/api/http/http.go)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from fakesidecar import golang
from fakesidecar.core import Core
from fakesidecar.core.pubsub import Entry
from fakesidecar.core.pubsub_events import BINARY, CLOUD_EVENT, JSON, media_type
from fakesidecar.errors import EntriesUnreadable, EventUnmarshalable, PublishFailed, PubSubNotFound
from fakesidecar.httpapi.bodies import TEXTS
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, empty, json_response

_ALPHABET = re.compile(r"[A-Za-z0-9+/]*")

ENTRY = golang.Struct(
    "http.bulkPublishMessageEntry",
    (
        golang.Field("entryId", golang.TEXT),
        golang.Field("event", golang.ANY),
        golang.Field("contentType", golang.TEXT),
        golang.Field("metadata", TEXTS),
    ),
)


def check(core: Core, request: Request) -> None:
    """Refuse what cannot be published, before the body is looked at."""
    try:
        core.pubsub.check(request.params["pubsub"], request.params["topic"], request.metadata)
    except PubSubNotFound as error:
        error.info = request.metadata
        raise


@route(
    "POST PUT",
    "/v1.0/publish/bulk/{pubsub}/{topic...}",
    "/v1.0-alpha1/publish/bulk/{pubsub}/{topic...}",
    call="pubsub.bulk_publish",
    component="pubsub",
    target="topic",
)
def bulk_publish(core: Core, request: Request) -> Response:
    check(core, request)
    pubsub, topic = request.params["pubsub"], request.params["topic"]
    entries = [entry_of(core, request, given) for given in read_entries(core, request)]
    failures = core.pubsub.bulk_publish(
        pubsub, topic, entries, metadata=request.metadata, span=request.span, state=request.span.state
    )
    if not failures:
        return empty()
    failed = [{"entryId": id, "error": cause} for id, cause in failures.items()]
    body = {"failedEntries": failed, "errorCode": PublishFailed.code}
    cause = next(iter(failures.values()))
    headers = {
        "metadata.responseData": golang.marshal(body, in_order=True).decode(),
        "metadata.error": PublishFailed(pubsub=pubsub, topic=topic, cause=cause).go_text,
    }
    return json_response(body, 500, headers=headers.items())


@route("POST PUT", "/v1.0/publish/{pubsub}/{topic...}", call="pubsub.publish", component="pubsub", target="topic")
def publish(core: Core, request: Request) -> Response:
    check(core, request)
    pubsub, topic = request.params["pubsub"], request.params["topic"]
    if request.body_error:
        info = {"topic": topic, "error": request.body_error}
        raise PublishFailed(pubsub=pubsub, topic=topic, cause=request.body_error, info=info)
    core.pubsub.publish(
        pubsub,
        topic,
        request.body,
        content_type=request.header("content-type") or "",
        metadata=request.metadata,
        span=request.span,
        state=request.span.state,
    )
    return empty()


def read_entries(core: Core, request: Request) -> list[dict[str, Any]]:
    """The entries in a body."""
    try:
        if request.body_error:
            raise golang.GoError(request.body_error)
        return golang.decode_first(request.body, golang.ListOf(ENTRY)) or []
    except golang.GoError as error:
        where = {"pubsub": request.params["pubsub"], "topic": request.params["topic"]}
        raise EntriesUnreadable(**where, cause=error, info={"appID": core.app_id}) from error


def entry_of(core: Core, request: Request, given: dict[str, Any]) -> Entry:
    """An entry of a body, its event as bytes."""
    content_type = given["contentType"]
    try:
        data = event_bytes(given["event"], content_type)
    except golang.GoError as error:
        where = {"pubsub": request.params["pubsub"], "topic": request.params["topic"]}
        info = {"appID": core.app_id, "error": str(error)}
        raise EventUnmarshalable(**where, cause=error, info=info) from error
    # The metadata of the request is that of entries that have some of their own.
    own = given["metadata"]
    return Entry(given["entryId"], data, content_type, {**request.metadata, **own} if own else {})


def event_bytes(event: Any, content_type: str) -> bytes:
    """An event in JSON as the bytes that its content type stands for (ConvertEventToBytes)."""
    kind = media_type(content_type)
    if kind in (JSON, CLOUD_EVENT):
        return golang.marshal(event)
    if isinstance(event, str):
        if kind == BINARY:
            try:
                return base64.b64decode(event, validate=True)
            except binascii.Error as error:
                at = _ALPHABET.match(event)
                raise golang.GoError(
                    "error: unable to decode base64 application/octect-stream data: "
                    f"illegal base64 data at input byte {at.end() if at else 0}"
                ) from error
        if kind.startswith("text/") or kind == "application/xml":
            return event.encode()
    raise golang.GoError("error: mismatch between contentType and event")
