"""The channels without sockets: whatever is true of a call over a socket is true of one in process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2

from dapr_client import wire
from dapr_client.wire import appcallback_pb2, configuration_pb2, pubsub_pb2, state_pb2
from dapr_testing import DaprSidecar, HangsForever
from fakesidecar.core import Core
from fakesidecar.grpcapi.registry import SERVED, Served, Stream

BOTH = pytest.mark.parametrize("transport", ["in-process", "grpc"])
GET, SAVE = wire.method(wire.DAPR, "GetState"), wire.method(wire.DAPR, "SaveState")
WATCH = wire.method(wire.DAPR, "SubscribeConfiguration")
TOPICS = wire.method(wire.DAPR, "SubscribeTopicEventsAlpha1")


@pytest.fixture(params=["in-process", "grpc"])
def channel(dapr_sidecar: DaprSidecar, request: pytest.FixtureRequest) -> grpc.Channel:
    return dapr_sidecar.channel(transport=request.param)


@pytest.fixture(params=["in-process", "grpc"])
def aio_channel(dapr_sidecar: DaprSidecar, request: pytest.FixtureRequest) -> grpc.aio.Channel:
    return dapr_sidecar.aio_channel(transport=request.param)


def stub(channel: Any, method: wire.Method) -> Any:
    """The method of a channel, of whichever kind the RPC is."""
    kind = ("stream" if method.client_streaming else "unary", "stream" if method.server_streaming else "unary")
    make = getattr(channel, "_".join(kind))
    return make(
        method.path,
        request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=method.response.FromString,
    )


def key(store: str = "statestore", name: str = "k") -> state_pb2.GetStateRequest:
    return state_pb2.GetStateRequest(store_name=store, key=name)


def watch(store: str = "configstore") -> configuration_pb2.SubscribeConfigurationRequest:
    return configuration_pb2.SubscribeConfigurationRequest(store_name=store, keys=["k"])


class Adding(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
):
    """Adds a name to the metadata of every call."""

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(client_call_details._replace(metadata=(("x-added", "yes"),)), request)

    intercept_unary_stream = intercept_unary_unary


async def _add(continuation: Any, client_call_details: Any, request: Any) -> Any:
    client_call_details.metadata.add("x-added", "yes")
    return await continuation(client_call_details, request)


class AddingUnary(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds a name to the metadata of every call."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await _add(continuation, client_call_details, request)


class AddingStream(grpc.aio.UnaryStreamClientInterceptor):
    """Adds a name to the metadata of every call."""

    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await _add(continuation, client_call_details, request)


class AddingBoth(grpc.aio.StreamStreamClientInterceptor):
    """Adds a name to the metadata of every call."""

    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await _add(continuation, client_call_details, request_iterator)


@pytest.fixture
def seen(dapr_sidecar: DaprSidecar) -> Iterator[list[dict[str, str]]]:
    """The metadata of every call that reaches the sidecar."""
    seen: list[dict[str, str]] = []

    def look(call: Any, proceed: Any) -> Any:
        seen.append({name: value for name, value in call.metadata.items() if name.startswith("x-")})
        return proceed()

    dapr_sidecar.fake.core.onion.interceptors.append(look)
    yield seen
    dapr_sidecar.fake.core.onion.interceptors.remove(look)


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """`SubscribeTopicEventsAlpha1` sends the name of every topic back, and ends when the client has said all."""

    def serve(core: Core, stream: Stream) -> None:
        def answer(message: pubsub_pb2.SubscribeTopicEventsRequestAlpha1) -> None:
            topic = message.initial_request.topic
            stream.send(
                pubsub_pb2.SubscribeTopicEventsResponseAlpha1(
                    event_message=appcallback_pb2.TopicEventRequest(topic=topic)
                )
            )

        stream.on_message, stream.on_half_close = answer, stream.finish

    monkeypatch.setitem(SERVED, TOPICS.path, Served(TOPICS, serve, "pubsub", "subscribe", "", ""))


def topic(name: str) -> pubsub_pb2.SubscribeTopicEventsRequestAlpha1:
    initial = pubsub_pb2.SubscribeTopicEventsRequestInitialAlpha1(topic=name)
    return pubsub_pb2.SubscribeTopicEventsRequestAlpha1(initial_request=initial)


# --- unary calls ---


def test_a_call_answers(dapr_sidecar: DaprSidecar, channel: grpc.Channel) -> None:
    dapr_sidecar.state.put("statestore", "k", b"v")
    reply, call = stub(channel, GET).with_call(key())
    assert (reply.data, call.code()) == (b"v", grpc.StatusCode.OK)
    assert stub(channel, GET).future(key()).result().data == b"v"


async def test_a_call_answers_in_asyncio(dapr_sidecar: DaprSidecar, aio_channel: grpc.aio.Channel) -> None:
    dapr_sidecar.state.put("statestore", "k", b"v")
    call = stub(aio_channel, GET)(key())
    assert (await call).data == b"v"
    assert await call.code() is grpc.StatusCode.OK


def refused(error: Any) -> tuple[Any, ...]:
    """Everything that a failed call tells: code, text, and the details in its trailers."""
    trailers = dict(tuple(error.trailing_metadata()))
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return error.code(), error.details(), status.code, status.message, info.reason, info.domain


NOT_FOUND = (
    grpc.StatusCode.INVALID_ARGUMENT,
    "state store nowhere is not found",
    3,
    "state store nowhere is not found",
    "DAPR_STATE_NOT_FOUND",
    "dapr.io",
)


def test_an_error_has_its_status_and_details(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        stub(channel, GET)(key("nowhere"))
    assert refused(raised.value) == NOT_FOUND
    future = stub(channel, GET).future(key("nowhere"))
    assert refused(future.exception()) == NOT_FOUND


async def test_an_error_has_its_status_and_details_in_asyncio(aio_channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub(aio_channel, GET)(key("nowhere"))
    assert refused(raised.value) == NOT_FOUND


def test_a_future_does_not_wait(dapr_sidecar: DaprSidecar, channel: grpc.Channel) -> None:
    dapr_sidecar.faults.when("state.get").hang()
    ended = threading.Semaphore(0)
    late = stub(channel, GET).future(key(), timeout=0.05)
    late.add_done_callback(lambda future: ended.release())
    with pytest.raises(grpc.RpcError):
        late.result()
    assert ended.acquire(timeout=10.0)
    assert (late.done(), late.cancelled(), late.code()) == (True, False, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert late.exception().code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_future_that_is_cancelled_has_ended(
    dapr_sidecar: DaprSidecar, channel: grpc.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    dapr_sidecar.faults.when("state.get").delay(0).optional()  # so that it may take its time
    begun, go_on = threading.Event(), threading.Event()

    def wait(core: Core, request: state_pb2.GetStateRequest, context: Any) -> state_pb2.GetStateResponse:
        begun.set()
        go_on.wait(10.0)
        return state_pb2.GetStateResponse()

    monkeypatch.setitem(SERVED, GET.path, Served(GET, wait, "state", "get", "store_name", "key"))
    future = stub(channel, GET).future(key())
    assert begun.wait(10.0)
    assert (future.running(), future.done()) == (True, False)
    assert future.cancel()
    go_on.set()
    assert (future.running(), future.done(), future.cancelled(), future.cancel()) == (False, True, True, False)
    assert future.code() is grpc.StatusCode.CANCELLED


def test_a_future_of_nothing_fails_instead_of_hanging(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.faults.when("state.get").hang()
    future = stub(dapr_sidecar.channel(), GET).future(key())
    with pytest.raises(HangsForever):
        future.result()


NOTHING = "/dapr.proto.runtime.v1.Dapr/Nothing"
NO_APP = "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found"


def test_an_unknown_method_is_proxied_to_no_app(channel: Any) -> None:
    for call in (channel.unary_unary(NOTHING), lambda request: list(channel.unary_stream(NOTHING)(request))):
        with pytest.raises(grpc.RpcError) as raised:
            call(b"")
        assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNKNOWN, NO_APP)


async def test_an_unknown_method_is_proxied_to_no_app_in_asyncio(aio_channel: Any) -> None:
    for call in (aio_channel.unary_unary(NOTHING), lambda request: aio_channel.unary_stream(NOTHING)(request).read()):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(b"")
        assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNKNOWN, NO_APP)


def test_metadata_reaches_the_sidecar(channel: grpc.Channel, seen: list[dict[str, str]]) -> None:
    stub(channel, GET)(key(), metadata=(("x-one", "1"), ("x-two", "2")))
    assert seen == [{"x-one": "1", "x-two": "2"}]


def test_a_deadline_in_the_past_is_exceeded(channel: grpc.Channel, seen: list[dict[str, str]]) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        stub(channel, GET)(key(), timeout=-1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert seen == []


async def test_a_deadline_in_the_past_is_exceeded_in_asyncio(aio_channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub(aio_channel, GET)(key(), timeout=-1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_interceptors_see_every_call(channel: grpc.Channel, seen: list[dict[str, str]]) -> None:
    intercepted = grpc.intercept_channel(channel, Adding())
    stub(intercepted, GET)(key())
    stream = stub(intercepted, WATCH)(watch())
    next(stream)
    stream.cancel()
    assert seen == [{"x-added": "yes"}, {"x-added": "yes"}]


@BOTH
async def test_interceptors_see_every_call_in_asyncio(
    dapr_sidecar: DaprSidecar, transport: str, seen: list[dict[str, str]], echo: None
) -> None:
    with dapr_sidecar.intercept_channels() if transport == "in-process" else contextlib.nullcontext():
        channel = grpc.aio.insecure_channel(
            dapr_sidecar.grpc_endpoint, interceptors=[AddingUnary(), AddingUnary(), AddingStream(), AddingBoth()]
        )
    async with channel:
        await stub(channel, GET)(key())
        stream = stub(channel, WATCH)(watch())
        await stream.read()
        stream.cancel()
        call = stub(channel, TOPICS)()
        await call.write(topic("a"))
        assert (await call.read()).event_message.topic == "a"
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
    assert [name["x-added"] for name in seen] == ["yes", "yes", "yes"]


@pytest.mark.parametrize("transport", ["in-process", "grpc"])
def test_a_message_that_is_too_large_is_refused(dapr_sidecar: DaprSidecar, transport: Any) -> None:
    dapr_sidecar.state.put("statestore", "k", b"x" * 2000)
    limits = [("grpc.max_receive_message_length", 1000), ("grpc.max_send_message_length", 500)]
    channel = dapr_sidecar.channel(transport=transport, options=limits)
    for request in (key(), key(name="k" * 600)):
        with pytest.raises(grpc.RpcError) as raised:
            stub(channel, GET)(request)
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in (raised.value.details() or "")


def test_a_closed_channel_makes_no_calls(channel: grpc.Channel) -> None:
    call = stub(channel, GET)
    channel.close()
    with pytest.raises(ValueError, match="closed channel"):
        call(key())


# --- streams ---


def test_a_stream_brings_what_happens(dapr_sidecar: DaprSidecar, channel: grpc.Channel) -> None:
    stream = stub(channel, WATCH)(watch())
    begun = next(stream)
    dapr_sidecar.configuration.set("configstore", "k", "v", version="1")
    changed = next(stream)
    assert begun.id == changed.id
    assert {name: (item.value, item.version) for name, item in changed.items.items()} == {"k": ("v", "1")}
    assert stream.is_active()
    stream.cancel()
    assert stream.code() is grpc.StatusCode.CANCELLED
    with pytest.raises(grpc.RpcError):
        next(stream)


async def test_a_stream_brings_what_happens_in_asyncio(
    dapr_sidecar: DaprSidecar, aio_channel: grpc.aio.Channel
) -> None:
    stream = stub(aio_channel, WATCH)(watch())
    begun = await stream.read()
    dapr_sidecar.configuration.set("configstore", "k", "v", version="1")
    changed = await stream.read()
    assert begun.id == changed.id
    assert {name: (item.value, item.version) for name, item in changed.items.items()} == {"k": ("v", "1")}
    stream.cancel()
    assert await stream.code() is grpc.StatusCode.CANCELLED
    with pytest.raises(asyncio.CancelledError):
        await stream.read()


def test_a_stream_that_is_refused_says_so(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        list(stub(channel, WATCH)(watch("nowhere")))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_that_is_refused_says_so_in_asyncio(aio_channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        [message async for message in stub(aio_channel, WATCH)(watch("nowhere"))]
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_stream_ends_at_its_deadline(channel: grpc.Channel) -> None:
    stream = stub(channel, WATCH)(watch(), timeout=0.2)
    next(stream)
    with pytest.raises(grpc.RpcError) as raised:
        next(stream)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_stream_ends_at_its_deadline_in_asyncio(aio_channel: grpc.aio.Channel) -> None:
    stream = stub(aio_channel, WATCH)(watch(), timeout=0.2)
    await stream.read()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stream.read()
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_call_talks_both_ways(channel: grpc.Channel, echo: None) -> None:
    call = stub(channel, TOPICS)(iter([topic("a"), topic("b")]))
    assert [message.event_message.topic for message in call] == ["a", "b"]
    assert call.code() is grpc.StatusCode.OK


async def test_a_call_talks_both_ways_in_asyncio(aio_channel: grpc.aio.Channel, echo: None) -> None:
    async def topics() -> AsyncIterator[Any]:
        yield topic("a")
        yield topic("b")

    call = stub(aio_channel, TOPICS)(topics())
    assert [message.event_message.topic async for message in call] == ["a", "b"]
    written = stub(aio_channel, TOPICS)()
    await written.write(topic("c"))
    assert (await written.read()).event_message.topic == "c"
    await written.done_writing()
    assert await written.read() is grpc.aio.EOF
    assert await written.code() is grpc.StatusCode.OK


def test_closing_the_channel_ends_its_streams(dapr_sidecar: DaprSidecar, channel: grpc.Channel) -> None:
    stream = stub(channel, WATCH)(watch())
    next(stream)
    channel.close()
    with pytest.raises(grpc.RpcError) as raised:
        next(stream)
    assert raised.value.code() is grpc.StatusCode.CANCELLED


def test_no_thread_is_left(dapr_sidecar: DaprSidecar, echo: None) -> None:
    before = set(threading.enumerate())
    channel = dapr_sidecar.channel()
    stream = stub(channel, WATCH)(watch(), timeout=60)
    next(stream)
    list(stub(channel, TOPICS)(iter([topic("a")])))
    channel.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert set(threading.enumerate()) <= before
