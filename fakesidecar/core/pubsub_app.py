"""The application as a subscriber: what it subscribes to, and how it is handed events, over HTTP and over gRPC.

Follows dapr pkg/runtime/pubsub/subscriptions.go and pkg/runtime/subscription/postman.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from fakesidecar import golang
from fakesidecar.app import About, AppChannel, AppFailed, AppRequest, AppResponse, AppRpcFailed
from fakesidecar.core.pubsub_delivery import (
    PUBSUB_NAME,
    Answer,
    Answered,
    BulkEntry,
    Delivery,
    Dropped,
    Status,
    answer_of,
)
from fakesidecar.core.pubsub_events import BINARY, BULK_TYPE, CLOUD_EVENT, JSON, media_type
from fakesidecar.core.resiliency import NotTaken
from fakesidecar.resources.subscription import BulkSubscribe, Rule, Subscription

if TYPE_CHECKING:
    from dapr_client.wire import appcallback_pb2

log = logging.getLogger("fakesidecar.pubsub")

T = TypeVar("T")

NOT_FOUND = 404
UNIMPLEMENTED = "UNIMPLEMENTED"
TRACEPARENT = "traceparent"
NO_HEADERS = frozenset(
    {"content-type", TRACEPARENT, "tracestate", "host", "content-length", "transfer-encoding", "trailer"}
)
"""Metadata of a message that is no header of the request: the sidecar, or Go's HTTP library, knows better."""

TEXT = golang.TEXT
SUBSCRIPTION = golang.Struct(
    "pubsub.subscriptionJSON",
    (
        golang.Field("pubsubname", TEXT),
        golang.Field("topic", TEXT),
        golang.Field("deadLetterTopic", TEXT),
        golang.Field("metadata", golang.MapOf(TEXT)),
        golang.Field("route", TEXT),
        golang.Field(
            "routes",
            golang.Struct(
                "pubsub.routesJSON",
                (
                    golang.Field(
                        "rules",
                        golang.ListOf(
                            golang.Struct("pubsub.ruleJSON", (golang.Field("match", TEXT), golang.Field("path", TEXT)))
                        ),
                    ),
                    golang.Field("default", TEXT),
                ),
            ),
        ),
        golang.Field(
            "bulkSubscribe",
            golang.Struct(
                "pubsub.bulkSubscribeJSON",
                (
                    golang.Field("enabled", golang.BOOL),
                    golang.Field("maxMessagesCount", golang.INT32),
                    golang.Field("maxAwaitDurationMs", golang.INT32),
                ),
            ),
        ),
    ),
)
ANSWER = golang.Struct("pubsub.AppResponse", (golang.Field("status", TEXT),))
BULK_ANSWER = golang.Struct(
    "pubsub.AppBulkResponse",
    (
        golang.Field(
            "statuses",
            golang.ListOf(
                golang.Struct(
                    "pubsub.AppBulkResponseEntry", (golang.Field("entryId", TEXT), golang.Field("status", TEXT))
                )
            ),
        ),
    ),
)

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_METADATA_NAME = re.compile(r"[0-9a-z_.\-]+")
_METADATA_VALUE = re.compile(r"[ -~]*")
_IN_PATH = "/%?&=#:@!$'()*+,;~-._[]"


# --- what the application subscribes to -------------------------------------------------------------------------


async def subscriptions_of(app: AppChannel, app_id: str) -> list[Subscription]:
    """What the application says that it subscribes to; what goes wrong is logged, and then it is nothing."""
    try:
        return await (_asked_over_grpc(app) if app.is_grpc else _asked_over_http(app, app_id))
    except AppFailed as error:
        log.error("the app was asked for its subscriptions: %s", error)
    except golang.GoError as error:
        log.error("failed to unmarshal subscriptions: %s", error)
    return []


async def _asked_over_http(app: AppChannel, app_id: str) -> list[Subscription]:
    answer = await app.request(
        AppRequest("GET", "/dapr/subscribe", headers=(("content-type", JSON), ("dapr-app-id", app_id)))
    )
    if answer.status != 200:
        if answer.status != NOT_FOUND:
            log.error("app returned http status code %s from subscription endpoint", answer.status)
        return []
    given = golang.decode_first(answer.body, golang.ListOf(SUBSCRIPTION)) or []
    return [subscription for subscription in map(_from_json, given) if subscription.rules]


def _from_json(given: Mapping[str, Any]) -> Subscription:
    routes, bulk = given["routes"], given["bulkSubscribe"]
    rules = [Rule(rule["path"], rule["match"].strip()) for rule in routes["rules"] or ()]
    last = routes["default"] or given["route"]
    return Subscription(
        given["pubsubname"],
        given["topic"],
        [*rules, Rule(last)] if last else rules,
        given["metadata"] or {},
        given["deadLetterTopic"],
        BulkSubscribe(bulk["enabled"], bulk["maxMessagesCount"], bulk["maxAwaitDurationMs"]),
    )


async def _asked_over_grpc(app: AppChannel) -> list[Subscription]:
    from google.protobuf import empty_pb2

    try:
        answer = await app.rpc("ListTopicSubscriptions", empty_pb2.Empty())
    except AppRpcFailed as error:
        if error.code.name == UNIMPLEMENTED:
            return []
        raise
    return [_from_message(given) for given in answer.subscriptions]


def _from_message(given: appcallback_pb2.TopicSubscription) -> Subscription:
    rules = [Rule(rule.path, rule.match.strip()) for rule in given.routes.rules]
    if given.routes.default or not rules:
        rules.append(Rule(given.routes.default))
    bulk = given.bulk_subscribe
    return Subscription(
        given.pubsub_name,
        given.topic,
        rules,
        dict(given.metadata),
        given.dead_letter_topic,
        BulkSubscribe(bulk.enabled, bulk.max_messages_count, bulk.max_await_duration_ms),
    )


# --- how it is handed events --------------------------------------------------------------------------------------


class AppSubscriber:
    """Hands events to the application."""

    name = "app"

    def __init__(self, app: AppChannel) -> None:
        self._app = app
        self._send = _rpc if app.is_grpc else _post
        self._send_bulk = _bulk_rpc if app.is_grpc else _bulk_post

    def deliver(self, delivery: Delivery, answered: Answered) -> None:
        """Hand over an event."""
        self._app.spawn(self._deliver(delivery, answered))

    async def _deliver(self, delivery: Delivery, answered: Answered) -> None:
        answered(await came_of(self._send(self._app, delivery), f"event {delivery.id}"))

    def deliver_bulk(
        self, id: str, entries: Sequence[BulkEntry], answered: Callable[[Mapping[str, Answer]], None]
    ) -> None:
        """Hand over events of one path together."""
        self._app.spawn(self._deliver_bulk(id, entries, answered))

    async def _deliver_bulk(
        self, id: str, entries: Sequence[BulkEntry], answered: Callable[[Mapping[str, Answer]], None]
    ) -> None:
        answers = await came_of(self._send_bulk(self._app, id, entries), f"{len(entries)} events")
        answered({entry.id: answers for entry in entries} if isinstance(answers, NotTaken) else answers)


async def came_of(sending: Awaitable[T], what: str) -> T | NotTaken:
    """What came of handing events over: what the application said, or why it said nothing."""
    try:
        return await sending
    except NotTaken as error:
        return error
    except AppFailed as error:
        return NotTaken(f"error from app channel while sending pub/sub event to app: {error}")
    except Exception as error:
        log.exception("%s could not be sent to the app", what)
        return NotTaken(repr(error))


def told(statuses: Mapping[str, str], entries: Sequence[BulkEntry]) -> dict[str, Answer]:
    """What each entry's status amounts to; one that is not mentioned is to be offered again."""
    return {entry.id: answer_of(statuses.get(entry.id, ""), entry.id) for entry in entries}


def about_event(delivery: Delivery) -> About:
    """What an event is to fault plans, by whichever way it comes."""
    return About("event", delivery.pubsub, delivery.topic)


# HTTP


async def _post(app: AppChannel, delivery: Delivery) -> Answer:
    answer = await app.request(
        request_of(delivery.path, delivery.data, CLOUD_EVENT, delivery), about=about_event(delivery)
    )
    if refused := refusal_of(answer, delivery.id, delivery.topic):
        return refused
    try:
        status = golang.decode_first(answer.body, ANSWER)["status"] if answer.body else ""
    except golang.GoError as error:
        log.debug("skipping the app's answer to event %s: %s", delivery.id, error)
        status = ""
    return answer_of(status or Status.SUCCESS, delivery.id)


async def _bulk_post(app: AppChannel, id: str, entries: Sequence[BulkEntry]) -> Mapping[str, Answer]:
    first = entries[0].delivery
    body = golang.marshal(
        {
            "id": id,
            "type": BULK_TYPE,
            "topic": first.topic,
            "pubsubname": first.pubsub,
            "metadata": {PUBSUB_NAME: first.pubsub},
            "entries": [_bulk_entry(entry) for entry in entries],
        }
    )
    answer = await app.request(
        request_of(first.path, body, JSON, first, bulk=True), about=About("bulk_event", first.pubsub, first.topic)
    )
    refused = refusal_of(answer, id, first.topic)
    if answer.status == NOT_FOUND:  # of many events at once none is a dead letter then
        log.warning("%s", refused)
        return dict.fromkeys((entry.id for entry in entries), None)
    if refused:
        raise refused
    try:
        statuses = golang.unmarshal_into(answer.body, BULK_ANSWER)["statuses"] or []
    except golang.GoError as error:
        raise NotTaken(f"failed unmarshalling app response for bulk subscribe: {error}") from error
    return told({one["entryId"]: one["status"] for one in statuses}, entries)


def _bulk_entry(entry: BulkEntry) -> dict[str, Any]:
    delivery = entry.delivery
    raw = delivery.raw is not None
    metadata = {name: value for name, value in delivery.metadata.items() if name != PUBSUB_NAME}
    return {
        "entryId": entry.id,
        "event": delivery.raw if raw else golang.RawJson(delivery.data),
        "metadata": metadata,
        "contentType": BINARY if raw else CLOUD_EVENT,
    }


def request_of(path: str, body: bytes, content_type: str, delivery: Delivery, *, bulk: bool = False) -> AppRequest:
    """An event as a request; raises `NotTaken` when its metadata cannot be headers."""
    metadata = {PUBSUB_NAME: delivery.pubsub} if bulk else delivery.metadata
    headers = [("content-type", content_type)]
    for name, value in metadata.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise NotTaken(f"net/http: invalid header field {golang.quote(name)}")
        if name.lower() not in NO_HEADERS:
            headers.append((name, value))
    if delivery.traceparent is not None and not (bulk and delivery.raw is not None):
        headers.append((TRACEPARENT, delivery.traceparent))
    where, _, query = quote(path if path.startswith("/") else f"/{path}", safe=_IN_PATH).partition("?")
    return AppRequest("POST", where, body, tuple(headers), query)


def refusal_of(answer: AppResponse, id: str, topic: str) -> NotTaken | None:
    """Why an answer's status means that an event was not taken."""
    if answer.ok:
        return None
    body = golang.quote(answer.body)[1:-1]
    if answer.status == NOT_FOUND:
        return Dropped(f"non-retriable error returned from app while processing pub/sub event {id}: {body}", NOT_FOUND)
    return NotTaken(
        f"retriable error returned from app while processing pub/sub event {id}, topic: {topic}, body: {body}. "
        f"status code returned: {answer.status}",
        answer.status,
    )


# gRPC


async def _rpc(app: AppChannel, delivery: Delivery) -> Answer:
    metadata = metadata_of(delivery)
    try:
        answer = await app.rpc("OnTopicEvent", topic_event(delivery), metadata, about=about_event(delivery))
    except AppRpcFailed as error:
        if error.code.name == UNIMPLEMENTED:
            log.warning("the app does not take events: %s is gone (%s)", delivery.id, error)
            return None
        text = f"error returned from app while processing pub/sub event {delivery.id}: {error}"
        return NotTaken(text, error.code.name)
    return answer_of(status_name(answer.status), delivery.id)


async def _bulk_rpc(app: AppChannel, id: str, entries: Sequence[BulkEntry]) -> Mapping[str, Answer]:
    from dapr_client.wire import appcallback_pb2

    first = entries[0].delivery
    request = appcallback_pb2.TopicEventBulkRequest(
        id=id,
        entries=[_entry_message(entry) for entry in entries],
        metadata={PUBSUB_NAME: first.pubsub},
        topic=first.topic,
        pubsub_name=first.pubsub,
        type=BULK_TYPE,
        path=first.path,
    )
    metadata = metadata_of(first, bulk=True)
    for name in ("OnBulkTopicEvent", "OnBulkTopicEventAlpha1"):
        try:
            answer = await app.rpc(name, request, metadata, about=About("bulk_event", first.pubsub, first.topic))
        except AppRpcFailed as error:
            if error.code.name == UNIMPLEMENTED:
                continue
            text = f"error returned from app while processing bulk pub/sub event: {error}"
            raise NotTaken(text, error.code.name) from error
        return told({one.entry_id: status_name(one.status) for one in answer.statuses}, entries)
    log.warning("the app takes no events in bulk: %s are gone", len(entries))
    return dict.fromkeys((entry.id for entry in entries), None)


def _entry_message(entry: BulkEntry) -> appcallback_pb2.TopicEventBulkRequestEntry:
    from dapr_client.wire import appcallback_pb2

    delivery = entry.delivery
    metadata = {name: value for name, value in delivery.metadata.items() if name != PUBSUB_NAME}
    if delivery.raw is not None:
        return appcallback_pb2.TopicEventBulkRequestEntry(entry_id=entry.id, bytes=delivery.raw, metadata=metadata)
    event = appcallback_pb2.TopicEventCERequest(**_fields(delivery))
    event.extensions.update(extensions_of(delivery))
    return appcallback_pb2.TopicEventBulkRequestEntry(entry_id=entry.id, cloud_event=event, metadata=metadata)


def status_name(number: int) -> str:
    """The word for a status on the wire, empty for one that nobody knows."""
    return next((status.value for at, status in enumerate(Status) if at == number), "")


def metadata_of(delivery: Delivery, *, bulk: bool = False) -> list[tuple[str, str | bytes]]:
    """The metadata of the call; raises `NotTaken` when a message's metadata cannot be any."""
    out: list[tuple[str, str | bytes]] = []
    for name, value in ({PUBSUB_NAME: delivery.pubsub} if bulk else delivery.metadata).items():
        key = name.lower()
        if not _METADATA_NAME.fullmatch(key):
            raise NotTaken(f"header key {golang.quote(key)} contains illegal characters not in [0-9a-z-_.]")
        if key.endswith("-bin"):
            out.append((key, value.encode()))
        elif not _METADATA_VALUE.fullmatch(value):
            raise NotTaken(f"header key {golang.quote(key)} contains value with non-printable ASCII characters")
        elif key not in ("content-type", TRACEPARENT):
            out.append((key, value))
    if delivery.traceparent is not None and not (bulk and delivery.raw is not None):
        out.append((TRACEPARENT, delivery.traceparent))
    return out


# --- an event as a message ------------------------------------------------------------------------------------------

OWN_FIELDS = frozenset({"id", "source", "datacontenttype", "type", "specversion", "data", "data_base64"})
"""The fields of an event that the message has fields for."""


def _fields(delivery: Delivery) -> dict[str, Any]:
    """What messages of an event have fields for."""
    return {
        "id": delivery.id,
        "source": delivery.text("source"),
        "type": delivery.text("type"),
        "spec_version": delivery.text("specversion"),
        "data_content_type": delivery.text("datacontenttype"),
        "data": data_of(delivery),
    }


def topic_event(delivery: Delivery) -> appcallback_pb2.TopicEventRequest:
    """An event as an application over gRPC, or a stream, is handed it; raises `NotTaken` when it cannot be one."""
    from dapr_client.wire import appcallback_pb2

    message = appcallback_pb2.TopicEventRequest(
        **_fields(delivery),
        topic=delivery.topic,
        pubsub_name=delivery.pubsub,
        path=delivery.path,
    )
    message.extensions.update(extensions_of(delivery))
    return message


def extensions_of(delivery: Delivery) -> dict[str, Any]:
    """The fields of an event that are nobody's own."""
    return {name: value for name, value in delivery.event.items() if name not in OWN_FIELDS}


def data_of(delivery: Delivery) -> bytes:
    """The data of an event as bytes, as its content type says."""
    event = delivery.event
    if encoded := event.get("data_base64"):
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise NotTaken(f"unable to parse cloudevent data of event {delivery.id}: {error}") from error
    kind, data = media_type(delivery.text("datacontenttype")), event.get("data")
    if data is None:
        return b""
    if kind in (JSON, CLOUD_EVENT):
        return golang.marshal(data)
    if kind.startswith("text/") or kind == "application/xml":
        if not isinstance(data, str):
            raise NotTaken(f"unexpected type for data of event {delivery.id}: it is no text")
        return data.encode()
    return b""
