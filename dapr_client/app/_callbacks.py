"""What an application has registered, and what is answered to the sidecar's calls. Nothing here waits or listens.

A callback is a generator: it yields the calls of the user's functions, is sent what they return (or thrown what they
raise), and returns the message for the sidecar. So the sync and the async server say only how a function is called.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from dapr_client._checks import NO_METADATA, MetadataTuple
from dapr_client._functions import hints_of
from dapr_client.bindings import BindingRequest
from dapr_client.invocation import InvokeMethodRequest, InvokeMethodResponse
from dapr_client.jobs import JobEvent
from dapr_client.pubsub import SubscriptionMessage, TopicEventResponseStatus, status_of
from dapr_client.wire import appcallback_pb2, common_pb2

log = logging.getLogger("dapr_client.app")

F = TypeVar("F", bound=Callable[..., Any])
WILDCARDS = "*#+"


@dataclass(frozen=True, slots=True)
class Rule:
    """When an event goes to a handler: a CEL expression (`event.type == "important"`); the lowest priority is asked
    first."""

    match: str
    priority: int


@dataclass(frozen=True, slots=True)
class BulkSubscribe:
    """Events of a topic come many at once."""

    max_messages_count: int = 0
    """At most so many; 0 leaves it to the sidecar."""
    max_await_duration_ms: int = 0
    """Wait at most so long for that many; 0 leaves it to the sidecar."""


@dataclass(slots=True)
class Topic:
    """A topic that is subscribed to, and who handles its events."""

    pubsub: str
    name: str
    metadata: Mapping[str, str]
    dead_letter_topic: str
    default_path: str = ""
    bulk: BulkSubscribe | None = None
    rules: list[tuple[Rule, str]] = field(default_factory=list)
    """Each rule and its path, in the order in which they are asked."""
    handlers: dict[str, Callable[..., Any]] = field(default_factory=dict)
    """By path; the default has none."""

    @property
    def default_route(self) -> str:
        """The path of events that no rule matches: without one, a sidecar drops them where there are rules."""
        return self.default_path or (self.name if self.rules and "" in self.handlers else "")

    def add(self, rule: Rule | None, path: str, handler: Callable[..., Any]) -> None:
        """Have a handler take the events of a rule, or all others. ValueError for the second on one path."""
        if path in self.handlers:
            raise ValueError(f"{self.name} is already registered with {self.pubsub}")
        self.handlers[path] = handler
        if rule is not None:
            self.rules.append((rule, path))
            self.rules.sort(key=lambda item: item[0].priority)


class Refused(Exception):
    """The call is answered with a status."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class UserCall:
    """A call of a function of the user's."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


Steps = Generator[UserCall, Any, Message]
"""What a callback does; see the head of this file."""


@dataclass(slots=True)
class Answer:
    """What belongs to the answer of a call besides its message."""

    metadata: MetadataTuple = ()
    """What the sidecar sent beside the message."""
    headers: list[tuple[str, str | bytes]] = field(default_factory=list)
    """What goes back beside the message."""


class Topics:
    """The topics of an application, by pub/sub component and name."""

    def __init__(self) -> None:
        self._topics: dict[tuple[str, str], Topic] = {}

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._topics.values())

    def topic(self, pubsub: str, name: str, metadata: Mapping[str, str] | None, dead_letter_topic: str | None) -> Topic:
        """The topic of that name, registered now if it was not; the first to name it says what it is like."""
        made = Topic(pubsub, name, metadata or NO_METADATA, dead_letter_topic or "")
        return self._topics.setdefault((pubsub, name), made)

    def handler(self, pubsub: str, topic: str, path: str) -> Callable[..., Any]:
        """Who handles an event. Refused when nobody does."""
        mine = [found for found in self if found.pubsub == pubsub]
        exact = [found.handlers[path] for found in mine if found.name == topic and path in found.handlers]
        defaults = [found for found in mine if path and path == found.default_route and "" in found.handlers]
        patterns = [found.handlers for found in mine if not path and any(sign in found.name for sign in WILDCARDS)]
        if exact:
            return exact[0]
        if defaults:
            return defaults[0].handlers[""]
        if len(patterns) == 1 and "" in patterns[0]:
            return patterns[0][""]
        raise Refused(grpc.StatusCode.UNIMPLEMENTED, f"topic {topic} of {pubsub} is not handled (path {path!r})")


class Callbacks:
    """What an application that speaks gRPC has registered."""

    def __init__(self) -> None:
        self.methods: dict[str, Callable[..., Any]] = {}
        self.topics = Topics()
        self.bindings: dict[str, Callable[..., Any]] = {}
        self.jobs: dict[str, Callable[..., Any]] = {}
        self.health: Callable[[], Any] | None = None

    # --- what users register ---

    def method(self, name: str) -> Callable[[F], F]:
        """Have a function answer `invoke_method(…, name)`: it gets an InvokeMethodRequest."""
        return self._registering(self.methods, name, f"{name} is already registered")

    def subscribe(
        self,
        pubsub_name: str,
        topic: str,
        metadata: Mapping[str, str] | None = NO_METADATA,
        dead_letter_topic: str | None = None,
        rule: Rule | None = None,
        disable_topic_validation: bool | None = False,
        *,
        bulk_subscribe: BulkSubscribe | None = None,
    ) -> Callable[[F], F]:
        """Have a function handle the events of a topic; with a rule, those that it matches.

        The function gets a SubscriptionMessage, or a `cloudevents.sdk.event.v1.Event` if its parameter is annotated
        with that. It returns None (success) or what a TopicEventResponse takes. With `disable_topic_validation` it
        also gets the events whose topic in the message is another, as with wildcards.
        """

        def register(function: F) -> F:
            subscribed = self.topics.topic(pubsub_name, topic, metadata, dead_letter_topic)
            subscribed.add(rule, getattr(function, "__name__", rule.match) if rule else "", function)
            if disable_topic_validation:
                subscribed.default_path = topic
            subscribed.bulk = bulk_subscribe or subscribed.bulk
            return function

        return register

    def binding(self, name: str) -> Callable[[F], F]:
        """Have a function take what an input binding delivers: it gets a BindingRequest."""
        return self._registering(self.bindings, name, f"{name} is already registered")

    def job_event(self, name: str) -> Callable[[F], F]:
        """Have a function called when a job is due: it gets a JobEvent."""
        return self._registering(self.jobs, name, f"Job event handler for {name} is already registered")

    def register_health_check(self, health_check_callback: Callable[[], Any] | None) -> None:
        """Have a function called when the sidecar asks for health: raising means that there is none."""
        if health_check_callback is None:
            raise ValueError("health check callback must be defined")
        self.health = health_check_callback

    def _registering(self, place: dict[str, Callable[..., Any]], name: str, taken: str) -> Callable[[F], F]:
        def register(function: F) -> F:
            if name in place:
                raise ValueError(taken)
            place[name] = function
            return function

        return register

    # --- what the sidecar calls ---

    def on_invoke(self, request: common_pb2.InvokeRequest, answer: Answer) -> Steps:
        name = request.method.removeprefix("/") if request.method not in self.methods else request.method
        function = _found(self.methods, name, f"{request.method} method not implemented!")
        asked = InvokeMethodRequest(request.data, request.content_type, answer.metadata)
        returned = yield UserCall(function, (asked,))
        response = _response_of(returned)
        if response is None:
            return common_pb2.InvokeResponse()
        answer.headers.extend(response.get_headers())
        return common_pb2.InvokeResponse(data=response.proto, content_type=response.content_type)

    def list_topic_subscriptions(self, request: Empty, answer: Answer) -> Steps:
        yield from ()
        return appcallback_pb2.ListTopicSubscriptionsResponse(subscriptions=map(_subscription_of, self.topics))

    def on_topic_event(self, request: appcallback_pb2.TopicEventRequest, answer: Answer) -> Steps:
        handler = self.topics.handler(request.pubsub_name, request.topic, request.path)
        status = yield from _handle(handler, request, answer.metadata)
        return appcallback_pb2.TopicEventResponse(status=status.value)

    def on_bulk_topic_event(self, request: appcallback_pb2.TopicEventBulkRequest, answer: Answer) -> Steps:
        handler = self.topics.handler(request.pubsub_name, request.topic, request.path)
        response = appcallback_pb2.TopicEventBulkResponse()
        for entry in request.entries:
            try:
                status = yield from _handle(handler, _event_of(request, entry), answer.metadata)
            except Exception:
                log.exception("the handler of %s failed on entry %s", request.topic, entry.entry_id)
                status = TopicEventResponseStatus.retry
            response.statuses.add(entry_id=entry.entry_id, status=status.value)
        return response

    def list_input_bindings(self, request: Empty, answer: Answer) -> Steps:
        yield from ()
        return appcallback_pb2.ListInputBindingsResponse(bindings=list(self.bindings))

    def on_binding_event(self, request: appcallback_pb2.BindingEventRequest, answer: Answer) -> Steps:
        function = _found(self.bindings, request.name, f"{request.name} binding not implemented!")
        returned = yield UserCall(function, (BindingRequest(request.data, request.metadata, answer.metadata),))
        if isinstance(returned, appcallback_pb2.BindingEventResponse):
            return returned
        return appcallback_pb2.BindingEventResponse(data=_bytes_of(returned))

    def on_job_event(self, request: appcallback_pb2.JobEventRequest, answer: Answer) -> Steps:
        function = _found(self.jobs, request.name, f"Job event handler for {request.name} not implemented!")
        yield UserCall(function, (JobEvent(request.name, request.data.value),))
        return appcallback_pb2.JobEventResponse()

    def health_check(self, request: Empty, answer: Answer) -> Steps:
        if self.health is None:
            raise Refused(grpc.StatusCode.UNIMPLEMENTED, "no health check is registered")
        yield UserCall(self.health)
        return appcallback_pb2.HealthCheckResponse()

    def callback(self, name: str) -> Callable[[Any, Answer], Steps]:
        """What answers the RPC of that name."""
        found: Callable[[Any, Answer], Steps] = getattr(self, CALLBACKS[name])
        return found


CALLBACKS: Mapping[str, str] = {
    "OnInvoke": "on_invoke",
    "ListTopicSubscriptions": "list_topic_subscriptions",
    "OnTopicEvent": "on_topic_event",
    "OnBulkTopicEvent": "on_bulk_topic_event",
    "OnBulkTopicEventAlpha1": "on_bulk_topic_event",
    "ListInputBindings": "list_input_bindings",
    "OnBindingEvent": "on_binding_event",
    "OnJobEvent": "on_job_event",
    "OnJobEventAlpha1": "on_job_event",
    "HealthCheck": "health_check",
}
"""The RPCs that a sidecar calls, and the callbacks that answer them."""


def _found(place: Mapping[str, Callable[..., Any]], name: str, missing: str) -> Callable[..., Any]:
    if name not in place:
        raise Refused(grpc.StatusCode.UNIMPLEMENTED, missing)
    return place[name]


def _response_of(returned: object) -> InvokeMethodResponse | None:
    if isinstance(returned, InvokeMethodResponse):
        return returned
    if isinstance(returned, bytes | str | Message):
        return InvokeMethodResponse(returned) if returned else None
    if not returned:
        return None
    raise Refused(grpc.StatusCode.OUT_OF_RANGE, f"{type(returned)} is the invalid return type.")


def _bytes_of(returned: object) -> bytes:
    if isinstance(returned, str):
        return returned.encode()
    return returned if isinstance(returned, bytes) else b""


def _handle(
    handler: Callable[..., Any], request: appcallback_pb2.TopicEventRequest, metadata: MetadataTuple
) -> Generator[UserCall, Any, TopicEventResponseStatus]:
    returned = yield UserCall(handler, (event_for(handler, request, metadata),))
    return TopicEventResponseStatus.success if returned is None else status_of(returned)


def event_for(
    handler: Callable[..., Any], request: appcallback_pb2.TopicEventRequest, metadata: MetadataTuple = ()
) -> Any:
    """The event as the handler's annotation wants it."""
    message = SubscriptionMessage(request, metadata)
    return message.to_cloud_event() if _wants_cloud_event(handler) else message


def _wants_cloud_event(handler: Callable[..., Any]) -> bool:
    hints = hints_of(handler)
    hints.pop("return", None)
    kind = next(iter(hints.values()), None)
    return getattr(kind, "__module__", "").startswith("cloudevents.")


def _subscription_of(topic: Topic) -> appcallback_pb2.TopicSubscription:
    rules = [appcallback_pb2.TopicRule(match=rule.match, path=path) for rule, path in topic.rules]
    subscription = appcallback_pb2.TopicSubscription(
        pubsub_name=topic.pubsub,
        topic=topic.name,
        metadata=topic.metadata,
        dead_letter_topic=topic.dead_letter_topic,
        routes=appcallback_pb2.TopicRoutes(rules=rules, default=topic.default_route),
    )
    if topic.bulk is not None:
        bulk = appcallback_pb2.BulkSubscribeConfig(
            enabled=True,
            max_messages_count=topic.bulk.max_messages_count,
            max_await_duration_ms=topic.bulk.max_await_duration_ms,
        )
        subscription.bulk_subscribe.CopyFrom(bulk)
    return subscription


def _event_of(
    request: appcallback_pb2.TopicEventBulkRequest, entry: appcallback_pb2.TopicEventBulkRequestEntry
) -> appcallback_pb2.TopicEventRequest:
    """An entry of many as an event of its own."""
    event = appcallback_pb2.TopicEventRequest(
        topic=request.topic, pubsub_name=request.pubsub_name, path=request.path, type=request.type, id=entry.entry_id
    )
    if entry.HasField("cloud_event"):
        cloud = entry.cloud_event
        event.id, event.source, event.type, event.spec_version = cloud.id, cloud.source, cloud.type, cloud.spec_version
        event.data, event.data_content_type = cloud.data, cloud.data_content_type
        event.extensions.CopyFrom(cloud.extensions)
    else:
        event.data, event.data_content_type = entry.bytes, entry.content_type
    return event
