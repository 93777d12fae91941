"""Pub/sub: publish events, follow topics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from weakref import WeakSet

import grpc
from google.protobuf.empty_pb2 import Empty

from dapr_client import _clock
from dapr_client._async.block import Block
from dapr_client._async.subscription import HandledSubscription, Handler, Subscription, open_subscription
from dapr_client._checks import NO_METADATA, MetadataTuple, checked_value, warn_of_metadata
from dapr_client._response import DaprResponse
from dapr_client.errors import DaprGrpcError
from dapr_client.pubsub import BulkPublishEntry, BulkPublishResponse, bulk_entry
from dapr_client.retry import RetryPolicy
from dapr_client.wire import pubsub_pb2


class PubSubMethods(Block):
    """What a client can do with topics."""

    retry_policy: RetryPolicy
    _healthy: Callable[[], Awaitable[None]] | None
    _topics: WeakSet[Subscription | HandledSubscription]

    async def publish_event(
        self,
        pubsub_name: str,
        topic_name: str,
        data: bytes | str,
        publish_metadata: Mapping[str, str] | None = NO_METADATA,
        metadata: MetadataTuple | None = None,
        data_content_type: str | None = None,
        *,
        timeout: float | None = None,
    ) -> DaprResponse:
        """Publish an event. Without a content type the sidecar takes it for text."""
        warn_of_metadata(metadata)
        request = pubsub_pb2.PublishEventRequest(
            pubsub_name=pubsub_name,
            topic=topic_name,
            data=checked_value(data),
            data_content_type=data_content_type,
            metadata=publish_metadata or None,
        )
        _, headers = await self._transport.unary("PublishEvent", request, Empty, metadata, timeout)
        return DaprResponse(headers)

    async def publish_events(
        self,
        pubsub_name: str,
        topic_name: str,
        data: Sequence[bytes | str | BulkPublishEntry],
        publish_metadata: Mapping[str, str] | None = NO_METADATA,
        data_content_type: str | None = None,
        *,
        timeout: float | None = None,
    ) -> BulkPublishResponse:
        """Publish many events at once. The answer names those that were not published."""
        request = pubsub_pb2.BulkPublishRequest(
            pubsub_name=pubsub_name,
            topic=topic_name,
            entries=[bulk_entry(item, publish_metadata, data_content_type, str(_clock.new_id())) for item in data],
            metadata=publish_metadata or None,
        )
        answer = pubsub_pb2.BulkPublishResponse
        try:
            told, headers = await self._transport.unary("BulkPublishEvent", request, answer, None, timeout)
        except DaprGrpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise
            # Sidecars before 1.17 know it by its first name only.
            told, headers = await self._transport.unary("BulkPublishEventAlpha1", request, answer, None, timeout)
        return BulkPublishResponse(told.failedEntries, headers)

    async def subscribe(
        self,
        pubsub_name: str,
        topic: str,
        metadata: Mapping[str, str] | None = None,
        dead_letter_topic: str | None = None,
    ) -> Subscription:
        """Follow a topic. Read the subscription, respond to each message, close it (or leave it to the client)."""
        subscription = await open_subscription(
            self._transport, self.retry_policy, self._healthy, pubsub_name, topic, metadata, dead_letter_topic
        )
        self._topics.add(subscription)
        return subscription

    async def subscribe_with_handler(
        self,
        pubsub_name: str,
        topic: str,
        handler_fn: Handler,
        metadata: Mapping[str, str] | None = None,
        dead_letter_topic: str | None = None,
    ) -> HandledSubscription:
        """Have each message of a topic handled, one after the other. Call what is returned to end it.

        The handler returns what became of the message: `TopicEventResponse("success")`, or the word alone.
        """
        subscription = await self.subscribe(pubsub_name, topic, metadata, dead_letter_topic)
        handled = HandledSubscription(subscription, handler_fn)
        self._topics.add(handled)
        return handled

    async def _end_topics(self) -> None:
        """End every subscription of this client."""
        for subscription in list(self._topics):
            await subscription.close()
