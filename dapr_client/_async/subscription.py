"""Streaming subscriptions: read events, say what became of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc

from dapr_client._transport import logger
from dapr_client._transport.aio import AsyncOutbox, AsyncStop, AsyncStream, AsyncTask, AsyncTransport, async_invoke
from dapr_client.errors import DaprError, DaprGrpcError
from dapr_client.pubsub import (
    MAX_RECONNECT_ATTEMPTS,
    RECONNECT_BACKOFF_INITIAL_SECONDS,
    RECONNECT_BACKOFF_MAX_SECONDS,
    StreamCancelledError,
    StreamInactiveError,
    StreamReconnectError,
    SubscriptionMessage,
    TopicEventResponseStatus,
    status_of,
)
from dapr_client.retry import RetryPolicy
from dapr_client.wire import pubsub_pb2

TRANSIENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)
"""After these a stream that broke is opened again."""
END_SECONDS = 1.0
"""How long the sidecar may take to end a stream, so that no response on it is lost."""

Handler = Callable[[SubscriptionMessage], Any]


class Subscription:
    """A topic, followed over a stream. Read it with next_message or as an iterator, and respond to every message.

    A stream that breaks is opened again, with growing waits between the tries; messages that were not responded to
    are then delivered again.
    """

    def __init__(
        self,
        transport: AsyncTransport,
        retry: RetryPolicy,
        healthy: Callable[[], Awaitable[None]] | None,
        initial: pubsub_pb2.SubscribeTopicEventsRequestInitialAlpha1,
    ) -> None:
        self._transport = transport
        self._retry = retry
        self._healthy = healthy
        self._initial = initial
        self._stream: AsyncStream[pubsub_pb2.SubscribeTopicEventsResponseAlpha1] | None = None
        self._outbox: AsyncOutbox = AsyncOutbox()
        self._waiting: dict[int, SubscriptionMessage] = {}
        """The messages of this stream that wait for a response, by identity."""
        self._responded = False
        """Whether there was any response on this stream."""
        self._closed = True
        self._stop = AsyncStop()
        self._cause: Exception = StreamInactiveError()
        """Why there is no stream."""

    @property
    def topic(self) -> str:
        """The topic that is followed."""
        return self._initial.topic

    async def start(self) -> None:
        """Open the stream; returns when the sidecar has confirmed the subscription."""
        self._closed = False
        self._stop = AsyncStop()
        await self._open()

    async def next_message(self, timeout: float | None = None) -> SubscriptionMessage | None:
        """The next message; None when there is none within `timeout` seconds (None: wait as long as it takes).

        StreamInactiveError when the subscription is closed, StreamCancelledError when it is closed meanwhile,
        StreamReconnectError when the stream broke and could not be opened again, DaprGrpcError when the sidecar
        refuses.
        """
        failures = 0
        while True:
            try:
                return await self._read(timeout)
            except TimeoutError:
                return None
            except _BrokenError as broken:
                failures += 1
                await self._recover(failures, broken.cause)

    async def respond(self, message: SubscriptionMessage, status: TopicEventResponseStatus) -> None:
        """Say what became of a message. A message of a stream that broke meanwhile is delivered again anyway."""
        if self._stream is None or self._closed:
            raise StreamInactiveError
        if self._waiting.pop(id(message), None) is None:
            logger.warning("Can't send response for message %s: its stream is gone, or it has one", message.id())
            return
        processed = pubsub_pb2.SubscribeTopicEventsRequestProcessedAlpha1(id=message.id())
        processed.status.status = status.value
        self._responded = True
        self._outbox.put(pubsub_pb2.SubscribeTopicEventsRequestAlpha1(event_processed=processed))

    async def respond_success(self, message: SubscriptionMessage) -> None:
        """It is done."""
        await self.respond(message, TopicEventResponseStatus.success)

    async def respond_retry(self, message: SubscriptionMessage) -> None:
        """Deliver it again."""
        await self.respond(message, TopicEventResponseStatus.retry)

    async def respond_drop(self, message: SubscriptionMessage) -> None:
        """Deliver it to nobody any more, except to the dead letter topic if there is one."""
        await self.respond(message, TopicEventResponseStatus.drop)

    async def reconnect_stream(self) -> None:
        """Close the stream, wait until the sidecar is healthy, and open it again."""
        await self._drop_stream()
        if self._healthy is not None:
            await self._healthy()
        if not self._closed:
            await self._open()
        if self._closed:
            await self._drop_stream()

    async def close(self) -> None:
        """End the subscription: responses are sent, messages without one are delivered to somebody else."""
        self._closed = True
        self._stop.set()
        await self._drop_stream()

    async def pause(self, failures: int) -> None:
        """Wait as is due after so many failures in a row, or until the subscription is closed."""
        longest = min(RECONNECT_BACKOFF_MAX_SECONDS, RECONNECT_BACKOFF_INITIAL_SECONDS * 2.0 ** (failures - 1))
        await self._stop.pause(self._retry, longest * (0.5 + self._retry.random() / 2))

    def __aiter__(self) -> AsyncIterator[SubscriptionMessage]:
        return self

    async def __anext__(self) -> SubscriptionMessage:
        try:
            message = await self.next_message()
        except (StreamInactiveError, StreamCancelledError):
            raise StopAsyncIteration from None
        assert message is not None
        return message

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    async def _open(self) -> None:
        first = pubsub_pb2.SubscribeTopicEventsRequestAlpha1(initial_request=self._initial)
        self._waiting.clear()
        self._responded = False
        self._outbox = AsyncOutbox(first)
        self._stream = await self._transport.bidirectional(
            "SubscribeTopicEventsAlpha1", self._outbox.opened, pubsub_pb2.SubscribeTopicEventsResponseAlpha1
        )
        try:
            async for _ in self._stream:
                return
            raise StreamReconnectError("the sidecar ended the stream before it confirmed the subscription")
        except BaseException:
            await self._drop_stream()
            raise

    async def _read(self, timeout: float | None) -> SubscriptionMessage:
        stream = self._stream
        if stream is None:
            raise StreamInactiveError if self._closed else _BrokenError(self._cause)
        cause: Exception = StreamReconnectError("the sidecar ended the stream")
        try:
            while True:
                answer = await stream.next_within(timeout)
                if answer.HasField("event_message"):
                    message = SubscriptionMessage(answer.event_message)
                    self._waiting[id(message)] = message
                    return message
        except StopAsyncIteration:
            """The cause is said."""
        except DaprGrpcError as error:
            cause = error
        if isinstance(cause, DaprGrpcError) and cause.code() == grpc.StatusCode.CANCELLED:
            await self.close()
        if self._closed:
            raise StreamCancelledError from cause
        if isinstance(cause, DaprGrpcError) and cause.code() not in TRANSIENT:
            raise cause
        raise _BrokenError(cause)

    async def _recover(self, failures: int, cause: Exception) -> None:
        if failures > MAX_RECONNECT_ATTEMPTS:
            await self.close()
            text = f"Subscription stream still failing after {MAX_RECONNECT_ATTEMPTS} reconnect attempts: {cause}"
            raise StreamReconnectError(text) from cause
        logger.warning("the subscription to %s broke and is opened again: %s", self._initial.topic, cause)
        await self.pause(failures)
        try:
            await self.reconnect_stream()
        except (DaprError, TimeoutError) as error:
            if isinstance(error, DaprGrpcError) and error.code() not in TRANSIENT:
                raise
            self._cause = error

    async def _drop_stream(self) -> None:
        stream, self._stream = self._stream, None
        self._outbox.close()
        if stream is None:
            return
        try:
            if self._responded:  # what was sent last may still be on its way, and would be lost
                await stream.drain(END_SECONDS)
        finally:
            await stream.close()


class _BrokenError(Exception):
    """The stream is gone, and may be opened again."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause


class HandledSubscription:
    """A subscription whose messages go to a handler. Call it to end it.

    A handler that raises, or returns what is no status, is told in the log, and the message is delivered again after
    a wait that grows with every failure in a row.
    """

    def __init__(self, subscription: Subscription, handler: Handler) -> None:
        self.subscription = subscription
        self.error: Exception | None = None
        """Why it ended by itself."""
        self._handler = handler
        self._failures = 0
        self._work = AsyncTask(self._run)

    async def __call__(self) -> None:
        await self.close()

    async def close(self) -> None:
        """End the subscription, when the handler has returned (or does not within some seconds)."""
        await self.subscription.close()
        await self._work.join()

    async def _run(self) -> None:
        try:
            async for message in self.subscription:
                await self._handle(message)
        except (StreamInactiveError, StreamCancelledError):
            """Closed while a message was handled."""
        except Exception as error:
            self.error = error
            logger.error("the subscription to %s ended: %s", self.subscription.topic, error)

    async def _handle(self, message: SubscriptionMessage) -> None:
        try:
            returned = await async_invoke(self._handler, message)
            try:
                status = status_of(returned)
            except (KeyError, ValueError):
                raise TypeError(
                    "the handler of a topic must return a TopicEventResponse, a TopicEventResponseStatus or one of "
                    f"'success', 'retry', 'drop', not {returned!r}"
                ) from None
        except Exception:
            logger.exception("the handler of %s failed on message %s", message.topic(), message.id())
            self._failures += 1
            await self.subscription.pause(self._failures)
            status = TopicEventResponseStatus.retry
        else:
            self._failures = 0
        await self.subscription.respond(message, status)


async def open_subscription(
    transport: AsyncTransport,
    retry: RetryPolicy,
    healthy: Callable[[], Awaitable[None]] | None,
    pubsub_name: str,
    topic: str,
    metadata: Mapping[str, str] | None,
    dead_letter_topic: str | None,
) -> Subscription:
    """Subscribe to a topic; returns when the sidecar has confirmed it."""
    initial = pubsub_pb2.SubscribeTopicEventsRequestInitialAlpha1(
        pubsub_name=pubsub_name, topic=topic, metadata=metadata or None, dead_letter_topic=dead_letter_topic
    )
    subscription = Subscription(transport, retry, healthy, initial)
    await subscription.start()
    return subscription
