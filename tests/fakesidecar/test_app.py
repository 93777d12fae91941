"""The way to the application, and the clock that waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
from aiohttp import web

from dapr_client.wire import appcallback_pb2
from fakesidecar.app import AppChannel, AppFailed, AppRequest, AppResponse, H2c, Http, Transport
from fakesidecar.clock import VirtualClock


class Echo(Transport):
    """Answers with the path, when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.seen: list[str] = []

    async def request(self, request: AppRequest, timeout: float) -> AppResponse:
        self.seen.append(request.path)
        await self.let.wait()
        return AppResponse(200, body=request.path.encode())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def test_work_of_one_lane_is_done_in_order_and_lanes_do_not_wait_for_each_other() -> None:
    transport = Echo()
    channel = AppChannel(transport, VirtualClock())
    channel.open()
    for path, lane in (("/1", "a"), ("/2", "a"), ("/3", "b"), ("/4", "")):
        channel.send(AppRequest("POST", path), lane=lane)
    await until(lambda: len(transport.seen) == 3)
    assert transport.seen == ["/1", "/3", "/4"]
    transport.let.set()
    await until(lambda: len(transport.seen) == 4)
    await channel.close()


async def test_no_more_requests_are_under_way_than_the_application_wants() -> None:
    transport = Echo()
    channel = AppChannel(transport, VirtualClock(), max_concurrency=2)
    channel.open()
    for number in range(5):
        channel.send(AppRequest("POST", f"/{number}"))
    await asyncio.to_thread(lambda: None)
    await until(lambda: len(transport.seen) == 2)
    transport.let.set()
    await until(lambda: len(transport.seen) == 5)
    await channel.close()


async def test_a_clock_that_is_moved_waits_for_what_is_under_way() -> None:
    clock, transport = VirtualClock(), Echo()
    channel = AppChannel(transport, clock)
    channel.open()
    answered_at: list[float] = []

    async def deliver() -> None:
        await channel.request(AppRequest("POST", "/tick"))
        answered_at.append(clock.now())

    start = clock.now()
    clock.call_later(10, lambda: channel.spawn(deliver()))
    clock.call_later(20, lambda: None)
    moving = threading.Thread(target=clock.advance, args=(30,))
    moving.start()
    await until(lambda: bool(transport.seen))
    assert clock.now() == start + 10
    transport.let.set()
    await asyncio.to_thread(moving.join)
    assert answered_at == [start + 10]
    assert clock.now() == start + 30
    await channel.close()


def test_who_moves_the_clock_is_not_waited_for() -> None:
    clock = VirtualClock()
    with clock.busy():
        clock.advance(1)
        assert not _in_a_thread(lambda: clock.wait_until_idle(0))
    assert clock.wait_until_idle(0)


def _in_a_thread(ask: Callable[[], bool]) -> bool:
    answer: list[bool] = []
    thread = threading.Thread(target=lambda: answer.append(ask()))
    thread.start()
    thread.join()
    return answer[0]


async def test_what_is_spawned_when_all_is_closed_leaves_nothing_under_way() -> None:
    clock = VirtualClock()
    channel = AppChannel(Echo(), clock)
    channel.send(AppRequest("POST", "/before"))
    channel.open()
    channel.send(AppRequest("POST", "/under-way"), lane="one")
    channel.send(AppRequest("POST", "/waiting"), lane="one")
    await asyncio.sleep(0)
    await channel.close()
    channel.send(AppRequest("POST", "/after"))
    await asyncio.sleep(0)
    assert clock.wait_until_idle(0)
    with pytest.raises(AppFailed, match="closed"):
        channel.wait(channel.request(AppRequest("GET", "/")))


async def test_an_http_application_gets_the_path_and_the_query_as_they_are() -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        text = f"{request.method} {request.raw_path} {request.headers.get('dapr-api-token')}"
        return web.Response(status=418, text=text, headers={"x-two": "b"})

    async with http_server(answer) as address:
        transport = Http(f"http://{address}", "secret")
        answered = await transport.request(AppRequest("PUT", "/a%2Fb/%20c", query="x=%2b&y", headers=()), 5)
        assert (answered.status, answered.ok) == (418, False)
        assert ("x-two", "b") in [(name.lower(), value) for name, value in answered.headers]
        assert answered.body == b"PUT /a%2Fb/%20c?x=%2b&y secret"
        await transport.close()


async def test_an_application_that_does_not_answer_in_time_or_at_all() -> None:
    over = asyncio.Event()

    async def never(request: web.BaseRequest) -> web.Response:
        await over.wait()
        return web.Response()

    async with http_server(never) as address:
        transport = Http(f"http://{address}")
        with pytest.raises(AppFailed) as late:
            await transport.request(AppRequest("GET", "/"), 0.01)
        assert late.value.timed_out
        over.set()
        await transport.close()
    transport = Http("http://127.0.0.1:1")
    with pytest.raises(AppFailed) as refused:
        await transport.request(AppRequest("GET", "/"), 5)
    assert not refused.value.timed_out
    with pytest.raises(AppFailed, match="does not speak gRPC"):
        await transport.rpc("OnTopicEvent", appcallback_pb2.TopicEventRequest(), (), 5)
    await transport.close()


async def test_an_application_that_speaks_http2_without_tls() -> None:
    async with h2c_server() as address:
        transport = H2c(address, token="secret")
        answered = await transport.request(AppRequest("POST", "/orders", body=b"payload"), 5)
        assert answered.status == 200
        assert answered.body == b"POST /orders payload secret"
        await transport.close()


# --- applications ---


@asynccontextmanager
async def http_server(answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def h2c_server() -> AsyncIterator[str]:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _speak_http2(reader, writer)
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await left.wait()


async def _speak_http2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    connection.initiate_connection()
    headers: dict[str, Any] = {}
    body = b""
    while True:
        writer.write(connection.data_to_send())
        data = await reader.read(65536)
        if not data:
            break
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                headers = {str(name): value for name, value in event.headers}
            elif isinstance(event, h2.events.DataReceived):
                body += event.data
            elif isinstance(event, h2.events.StreamEnded):
                said = f"{headers[':method']} {headers[':path']} {body.decode()} {headers['dapr-api-token']}"
                connection.send_headers(event.stream_id, [(":status", "200")])
                connection.send_data(event.stream_id, said.encode(), end_stream=True)
