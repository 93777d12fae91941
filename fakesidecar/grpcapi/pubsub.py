"""The pub/sub API over gRPC (dapr pkg/api/grpc/grpc.go, pkg/api/grpc/subscribe.go, pkg/runtime/pubsub/streamer)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context as Surroundings

from google.protobuf import empty_pb2

from dapr_client.wire import pubsub_pb2
from fakesidecar.call import Call
from fakesidecar.components.pubsub import NO_METADATA, Cancel
from fakesidecar.core import Core
from fakesidecar.core.pubsub import STREAMING, Entry
from fakesidecar.core.pubsub_app import about_event, status_name, topic_event
from fakesidecar.core.pubsub_delivery import Answer, Delivery, Once, answer_of
from fakesidecar.core.resiliency import NotTaken
from fakesidecar.errors import ApiError, NoAnswer, PlainError, PublishFailed
from fakesidecar.grpcapi.registry import Context, Stream, serves
from fakesidecar.resources.subscription import Rule, Subscription

log = logging.getLogger("fakesidecar.pubsub")


@serves("PublishEvent", call="pubsub.publish", component="pubsub_name", target="topic")
def publish_event(core: Core, request: pubsub_pb2.PublishEventRequest, context: Context) -> empty_pb2.Empty:
    metadata = dict(request.metadata) or NO_METADATA
    if core.pubsub.check(request.pubsub_name, request.topic, metadata):
        # A raw message has no event that could carry the trace, so its metadata does.
        parent = context.span.traceparent if context.span.valid else ""
        metadata = {**metadata, "traceid": parent, "tracestate": ""}
    core.pubsub.publish(
        request.pubsub_name,
        request.topic,
        request.data,
        content_type=request.data_content_type,
        metadata=metadata,
        span=context.span,
    )
    return empty_pb2.Empty()


@serves(
    "BulkPublishEvent", "BulkPublishEventAlpha1", call="pubsub.bulk_publish", component="pubsub_name", target="topic"
)
def bulk_publish_event(
    core: Core, request: pubsub_pb2.BulkPublishRequest, context: Context
) -> pubsub_pb2.BulkPublishResponse:
    shared = dict(request.metadata)
    # The metadata of the request is that of entries that have some of their own.
    entries = [
        Entry(
            entry.entry_id,
            entry.event,
            entry.content_type,
            {**shared, **entry.metadata} if entry.metadata else NO_METADATA,
        )
        for entry in request.entries
    ]
    failures = core.pubsub.bulk_publish(request.pubsub_name, request.topic, entries, metadata=shared, span=context.span)
    for cause in failures.values():
        info = {"topic": request.topic, "error": cause}
        raise PublishFailed(pubsub=request.pubsub_name, topic=request.topic, cause=cause, info=info)
    return pubsub_pb2.BulkPublishResponse()


@serves(
    "SubscribeTopicEventsAlpha1",
    call="pubsub.subscribe",
    component="initial_request.pubsub_name",
    target="initial_request.topic",
)
def subscribe_topic_events(core: Core, stream: Stream) -> None:
    StreamSubscriber(core, stream)


class StreamSubscriber:
    """A client that is handed events down a stream, and answers them up the same stream."""

    name = "stream"

    def __init__(self, core: Core, stream: Stream) -> None:
        self._core = core
        self._stream = stream
        self._waiting: dict[str, tuple[Delivery, Once]] = {}
        """What was sent and not answered, and who waits for the answer; by the ids of events."""
        self._early: list[pubsub_pb2.SubscribeTopicEventsResponseAlpha1] | None = []
        """Events that were there before the answer that there will be some, until that was sent."""
        self._expected: set[asyncio.Future[Answer]] = set()
        """The answers that fault plans wait for."""
        self._turn = threading.RLock()
        self._leave: Cancel = lambda: None
        self._over = False
        stream.on_message = self._begin
        stream.on_close = self._close
        stream.on_half_close = lambda: stream.finish(PlainError(message="EOF"))

    def _begin(self, message: pubsub_pb2.SubscribeTopicEventsRequestAlpha1) -> None:
        if not message.HasField("initial_request"):
            raise PlainError(message="initial request is required")
        asked = message.initial_request
        for name, value in (("pubsubName", asked.pubsub_name), ("topic", asked.topic)):
            if not value:
                raise PlainError(message=f"{name} is required")
        self._subscribe(asked)

    def _subscribe(self, asked: pubsub_pb2.SubscribeTopicEventsRequestInitialAlpha1) -> None:
        subscription = Subscription(
            asked.pubsub_name, asked.topic, (Rule("/"),), dict(asked.metadata), asked.dead_letter_topic
        )
        with self._turn:  # nobody is handed an event before the answer that there will be some
            self._leave = self._core.pubsub.read(
                subscription,
                STREAMING,
                self,
                ended=lambda: self._stream.finish(PlainError(message="stream closed")),
            )
            self._stream.on_message = self._answered
            if self._over:  # the client has gone away meanwhile
                self._leave()
            initial = pubsub_pb2.SubscribeTopicEventsResponseInitialAlpha1()
            self._stream.send(pubsub_pb2.SubscribeTopicEventsResponseAlpha1(initial_response=initial))
            early, self._early = self._early or (), None
            for response in early:
                self._stream.send(response)

    def _close(self) -> None:
        with self._turn:
            self._over = True
            self._leave()
            expected = tuple(self._expected)
        for answer in expected:  # what was answered before still counts
            soon(answer, answer.cancel)

    def deliver(self, delivery: Delivery, answered: Once) -> None:
        """Send an event; it waits for its answer as long as the stream is open."""
        if self._core.faults.about_app:  # whose delivery it is, is nobody's of those who are under way here
            Surroundings().run(self._core.invocation.submit, self._as_planned(delivery, answered))
        else:
            self._send(delivery, answered)

    async def _as_planned(self, delivery: Delivery, answered: Once) -> None:
        """Send an event as fault plans say."""
        loop = asyncio.get_running_loop()

        async def send() -> None:
            answer: asyncio.Future[Answer] = loop.create_future()
            with self._turn:
                if self._over:
                    raise NotTaken("stream closed")
                self._expected.add(answer)
            answer.add_done_callback(self._expected.discard)

            def told(given: Answer) -> None:
                soon(answer, lambda: None if answer.done() else answer.set_result(given))

            self._send(delivery, Once(told, part_of=answered))
            if (refusal := await answer) is not None:
                raise refusal

        try:
            call = Call("app", *about_event(delivery), sent=topic_event(delivery))
            await self._core.faults.toward_app(call, send)
        except NotTaken as error:
            answered(error)
        except NoAnswer:
            return  # it waits for one as long as the stream is open
        except ApiError as error:
            answered(NotTaken(error.message))
        else:
            answered(None)

    def _send(self, delivery: Delivery, answered: Once) -> None:
        try:
            event = topic_event(delivery)
            with self._turn:
                sent = self._waiting.get(delivery.id)
                # The same one is sent again when its time is over, and one that was given up may come again.
                if sent is not None and sent[0] is not delivery and not sent[1].spent:
                    raise NotTaken(f"no client stream expecting publish response for id {delivery.id}")
                self._waiting[delivery.id] = delivery, answered
                response = pubsub_pb2.SubscribeTopicEventsResponseAlpha1(event_message=event)
                if self._early is None:
                    self._stream.send(response)
                else:
                    self._early.append(response)
        except NotTaken as error:
            answered(error)

    def _answered(self, message: pubsub_pb2.SubscribeTopicEventsRequestAlpha1) -> None:
        if not message.HasField("event_processed"):
            raise PlainError(message="duplicate initial request received")
        id = message.event_processed.id
        with self._turn:
            waiting = self._waiting.pop(id, None)
        if waiting is None:
            log.warning("an answer to event %s, which nobody waits for", id)
        else:
            _, answered = waiting
            answered(answer_of(status_name(message.event_processed.status.status), id))


def soon(answer: asyncio.Future[Answer], work: Callable[[], object]) -> None:
    """Do something to an answer on the loop where it is waited for, from any thread."""
    with suppress(RuntimeError):  # the loop has just ended
        answer.get_loop().call_soon_threadsafe(work)
