"""One event: down a stream against a bare one, to many subscribers at once, and what a subscription costs."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import grpc
import grpc.aio

from benchmarks._bare import serving
from benchmarks._measure import Row, at_most, seconds_per_call
from dapr_client import wire
from dapr_testing._daprd import Daprd
from dapr_testing._inprocess import Channel
from fakesidecar import Component, Sidecar

SUBSCRIBE = wire.method(wire.DAPR, "SubscribeTopicEventsAlpha1")
PUBLISH = wire.method(wire.DAPR, "PublishEvent")
BUS = Component("bus", "pubsub.in-memory")
CALLS = 300
SUBSCRIBERS = 100
IDLE = 500


@contextmanager
def bare_server(event: Any) -> Iterator[int]:
    """A grpc.aio server that answers every message of a stream with an event: what delivering cannot be faster than."""

    async def answer(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            yield event

    handler = grpc.stream_stream_rpc_method_handler(
        answer, SUBSCRIBE.request.FromString, SUBSCRIBE.response.SerializeToString
    )
    with serving(SUBSCRIBE.name, handler) as port:
        yield port


class Reader:
    """The client's end of a stream."""

    def __init__(self, channel: Any) -> None:
        self._requests: SimpleQueue[Any] = SimpleQueue()
        self._call = channel.stream_stream(
            SUBSCRIBE.path, SUBSCRIBE.request.SerializeToString, SUBSCRIBE.response.FromString
        )(iter(self._requests.get, None))

    def send(self, **fields: Any) -> None:
        self._requests.put(SUBSCRIBE.request(**fields))

    def next(self) -> Any:
        return next(self._call)

    def subscribe(self) -> Any:
        self.send(initial_request={"pubsub_name": "bus", "topic": "orders"})
        return self.next()

    def close(self) -> None:
        self._requests.put(None)
        self._call.cancel()


def deliver(sidecar: Sidecar, reader: Reader) -> Callable[[], Any]:
    """Publish an event, read it, answer it."""

    def call() -> Any:
        sidecar.core.pubsub.publish("bus", "orders", b'{"id": 7}', content_type="application/json")
        event = reader.next()
        reader.send(event_processed={"id": event.event_message.id})
        return event

    return call


def echo(reader: Reader) -> Callable[[], Any]:
    """Send an answer, read an event."""

    def call() -> Any:
        reader.send(event_processed={"id": "0123456789abcdef"})
        return reader.next()

    return call


def round_trip(channel: grpc.Channel, reader: Reader) -> Callable[[], None]:
    """Publish an event by a call, read it, answer it. (A daprd's call may wait for the answer.)"""
    publish = channel.unary_unary(PUBLISH.path, PUBLISH.request.SerializeToString, PUBLISH.response.FromString)
    event = PUBLISH.request(pubsub_name="bus", topic="orders", data=b'{"id": 7}', data_content_type="application/json")

    def call() -> None:
        published = publish.future(event)
        reader.send(event_processed={"id": reader.next().event_message.id})
        published.result()

    return call


def rows() -> Iterator[Row]:
    """What an event costs."""
    with Sidecar(components=[BUS]) as sidecar:
        inside = Reader(Channel(sidecar.grpc))
        inside.subscribe()
        event = deliver(sidecar, inside)()
        with (
            bare_server(event) as port,
            grpc.insecure_channel(f"127.0.0.1:{port}") as bare_channel,
            grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as channel,
        ):
            bare, reader = Reader(bare_channel), Reader(channel)
            inside.close()
            reader.subscribe()
            took = seconds_per_call({"bare": echo(bare), "sidecar": deliver(sidecar, reader)}, CALLS)
            bare.close()
            reader.close()
        yield at_most(
            "publish, deliver, answer, against a bare grpc.aio stream", took["sidecar"] / took["bare"], 2.0, "×"
        )
        yield from against_daprd(sidecar)
        yield from to_many(sidecar)


def against_daprd(sidecar: Sidecar) -> Iterator[Row]:
    """The same over loopback, published by a call, here and on a real daprd, where one is installed."""
    what = "publish by a call, deliver, answer, over loopback"
    if shutil.which("daprd") is None:
        yield Row(f"{what}, against a daprd", "no daprd on PATH", "", None)
        return
    with (
        Daprd(components=[BUS]) as daprd,
        grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as ours,
        grpc.insecure_channel(f"127.0.0.1:{daprd.grpc_port}") as theirs,
    ):
        readers = Reader(ours), Reader(theirs)
        for reader in readers:
            reader.subscribe()
        took = seconds_per_call({"ours": round_trip(ours, readers[0]), "daprd": round_trip(theirs, readers[1])}, CALLS)
        for reader in readers:
            reader.close()
    yield Row(what, f"{took['ours'] * 1e3:.2f} ms, {1 / took['ours']:,.0f} /s", "", None)
    yield Row("  the same on a daprd", f"{took['daprd'] * 1e3:.2f} ms, {1 / took['daprd']:,.0f} /s", "", None)


def to_many(sidecar: Sidecar) -> Iterator[Row]:
    """The same event for many subscribers, and subscriptions that nobody publishes to."""
    pubsub = sidecar.core.pubsub
    for _ in range(SUBSCRIBERS):
        pubsub.subscribe("bus", "news", lambda delivery: None)
    each = seconds_per_call({"publish": lambda: pubsub.publish("bus", "news", b"x")}, 10)["publish"] / SUBSCRIBERS
    yield at_most(f"an event to {SUBSCRIBERS} subscribers, for each of them", each, 100e-6, "µs", 1e6)
    channel = Channel(sidecar.grpc)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    readers = [Reader(channel) for _ in range(IDLE)]
    for reader in readers:
        reader.subscribe()
    idle = (tracemalloc.get_traced_memory()[0] - before) / IDLE
    tracemalloc.stop()
    yield at_most("memory of an idle stream, both ends of it", idle, 32 * 1024, "KiB", 1 / 1024)
    for reader in readers:
        reader.close()
