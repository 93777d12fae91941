"""Invocation: applications beside each other, bodies that come bit by bit, calls handed on, and what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import grpc.aio
import pytest
from aiohttp import web

from dapr_client import wire
from dapr_client.wire import common_pb2, invoke_pb2, service_invocation_pb2
from dapr_testing._inprocess import Channel, InProcessRpcError
from fakesidecar import AppHealth, Options, Sidecar, VirtualClock
from fakesidecar.clock import SystemClock
from fakesidecar.core.invocation import as_metadata, check, clean, url_path
from fakesidecar.errors import InvokeFailed, RpcStatus
from fakesidecar.golang import GoError
from fakesidecar.neighbours import Neighbours
from fakesidecar.peers.directory import Directory, Place
from fakesidecar.resources.component import Component, SecretRef
from fakesidecar.resources.configuration import AccessControl, Configuration, Handler
from fakesidecar.resources.http_endpoint import HttpEndpoint
from fakesidecar.resources.load import Resources

Answers = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def http_app(answer: Answers, port: int = 0) -> AsyncIterator[int]:
    """An application; its port."""
    runner = web.ServerRunner(web.Server(answer, handler_cancellation=True))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def mirror(request: web.BaseRequest) -> web.StreamResponse:
    """Say what was asked."""
    body = await request.read()
    headers = {f"seen-{name}": value for name, value in request.headers.items() if name.lower().startswith("dapr-")}
    return web.Response(text=f"{request.method} {request.raw_path} {body.decode()}", headers=headers)


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    """Send every chunk back as soon as it comes."""
    response = web.StreamResponse()
    await response.prepare(request)
    async for chunk in request.content.iter_any():
        await response.write(chunk)
    return response


class EchoService(grpc.GenericRpcHandler):
    """Methods of all four kinds, in bytes."""

    def service(self, handler_call_details: Any) -> Any:
        async def once(data: bytes, context: Any) -> bytes:
            context.set_trailing_metadata((("x-last", "z"),))
            return data.upper()

        async def many(data: bytes, context: Any) -> AsyncIterator[bytes]:
            for letter in data:
                yield bytes([letter])

        async def gather(requests: AsyncIterator[bytes], context: Any) -> bytes:
            return b"+".join([data async for data in requests])

        async def both(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            async for data in requests:
                yield data.upper()

        async def refuse(data: bytes, context: Any) -> bytes:
            await context.abort(grpc.StatusCode.DATA_LOSS, "no", (("x-why", "because"),))
            raise AssertionError

        kinds: dict[str, Any] = {
            "Once": grpc.unary_unary_rpc_method_handler(once),
            "Many": grpc.unary_stream_rpc_method_handler(many),
            "Gather": grpc.stream_unary_rpc_method_handler(gather),
            "Both": grpc.stream_stream_rpc_method_handler(both),
            "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
        }
        return kinds.get(handler_call_details.method.rpartition("/")[2])


@asynccontextmanager
async def grpc_app(port: int = 0) -> AsyncIterator[int]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((EchoService(),))
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@asynccontextmanager
async def channel_to(sidecar: Sidecar) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as channel:
        yield channel


Pair = Callable[..., AbstractAsyncContextManager[tuple[Sidecar, Sidecar]]]


@pytest.fixture(params=["together", "as in two processes"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    """The sidecars of `shop`, which has no application, and of `kitchen`; apart they know only a file in common."""
    names = "" if request.param == "together" else str(tmp_path / "names.db")
    shared = Neighbours()

    @asynccontextmanager
    async def opened(port: int, protocol: str = "http", **callee: Any) -> AsyncIterator[tuple[Sidecar, Sidecar]]:
        configuration = callee.pop("configuration", Configuration())
        options = Options(app_id="kitchen", app_port=port, app_protocol=protocol, names=names, **callee)
        resources = Resources(configuration=configuration)
        kitchen = Sidecar(options, resources=resources, neighbours=None if names else shared)
        shop = Sidecar(Options(app_id="shop", names=names), neighbours=None if names else shared)
        async with shop, kitchen:
            yield shop, kitchen

    return opened


def url(sidecar: Sidecar, path: str) -> str:
    return f"http://127.0.0.1:{sidecar.http_port}{path}"


async def invoke(sidecar: Sidecar, path: str, method: str = "GET", **more: Any) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url(sidecar, path), **more) as answer,
    ):
        return answer.status, await answer.text()


# --- applications beside each other ----------------------------------------------------------------------------------


async def test_an_app_is_named_in_the_path_by_a_header_or_as_a_user(pair: Pair) -> None:
    async with http_app(mirror) as port, pair(port) as (shop, kitchen):
        for sidecar in (shop, kitchen):
            assert await invoke(sidecar, "/v1.0/invoke/kitchen/method/a/b?c=1", "PUT", data="x") == (
                200,
                "PUT /a/b?c=1 x",
            )
            assert await invoke(sidecar, "/a/b", headers={"dapr-app-id": "kitchen"}) == (200, "GET /a/b ")
            user = {"authorization": "Basic " + base64.b64encode(b"dapr-app-id:kitchen").decode()}
            assert await invoke(sidecar, "/a/b", headers=user) == (200, "GET /a/b ")
        assert (await invoke(shop, "/v1.0/invoke/nobody/method/x"))[0] == 500
        assert (await invoke(kitchen, "/v1.0/invoke/shop/method/x"))[1].count("app channel is not initialized") == 1


@pytest.mark.parametrize(
    ("verb", "seen"), [("FOO", "POST"), ("get", "GET"), ("PROPFIND", "POST"), ("M-SEARCH", "POST"), ("Trace", "TRACE")]
)
async def test_a_verb_that_is_none_is_post(verb: str, seen: str, pair: Pair) -> None:
    async with http_app(mirror) as port, pair(port) as (shop, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", shop.http_port)
        for known in (verb, "PUT", verb):
            ask = f"{known} /v1.0/invoke/kitchen/method/a HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"
            writer.write(ask.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"(?i)content-length: (\d+)", head)
            assert size is not None
            expected = "PUT" if known == "PUT" else seen
            assert await reader.readexactly(int(size[1])) == f"{expected} /a hi".encode()
        writer.close()
        for refused in ("NONE", "CONNECT"):
            status, text = await raw(shop, refused, "/v1.0/invoke/kitchen/method/a")
            assert (status, "invalid HTTP verb" in text) == (500, True)
        assert (await raw(shop, verb, "/v1.0/healthz"))[0] == 404
        assert (await raw(shop, "A(B", "/v1.0/healthz"))[0] == 400


async def raw(sidecar: Sidecar, verb: str, path: str) -> tuple[int, str]:
    """Ask with whatever verb, and hang up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sidecar.http_port)
    writer.write(f"{verb} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return int(answer.split(" ", 2)[1]), answer


async def test_an_app_learns_who_calls(pair: Pair) -> None:
    async with http_app(mirror) as port, pair(port) as (shop, kitchen), aiohttp.ClientSession() as session:
        async with session.get(url(shop, "/v1.0/invoke/kitchen/method/x")) as answer:
            assert answer.headers["seen-dapr-caller-app-id"] == "shop"
            assert answer.headers["seen-dapr-callee-app-id"] == "kitchen"
        async with session.get(url(kitchen, "/v1.0/invoke/kitchen/method/x")) as answer:
            assert "seen-dapr-caller-app-id" not in answer.headers


async def test_a_sidecar_that_has_stopped_is_not_found() -> None:
    neighbours = Neighbours()
    async with Sidecar(Options(app_id="shop"), neighbours=neighbours) as shop:
        async with Sidecar(Options(app_id="kitchen"), neighbours=neighbours):
            assert neighbours.resolve("kitchen") is not None
        assert neighbours.resolve("kitchen") is None
        assert "couldn't find service: kitchen" in (await invoke(shop, "/v1.0/invoke/kitchen/method/x"))[1]


async def test_sidecars_of_one_clock_stop_one_by_one() -> None:
    clock, rung = SystemClock(), asyncio.Event()
    async with Sidecar(Options(app_id="shop"), clock=clock):
        async with Sidecar(Options(app_id="kitchen"), clock=clock):
            pass
        clock.call_later(0, rung.set)
        await asyncio.wait_for(rung.wait(), 5)


async def test_sidecars_of_one_app_take_turns() -> None:
    neighbours = Neighbours()
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(Sidecar(Options(app_id="kitchen"), neighbours=neighbours))
        assert len({id(neighbours.resolve("kitchen")) for _ in range(4)}) == 2


async def test_neighbours_elsewhere_are_found_by_resolvers() -> None:
    class Elsewhere:
        def resolve(self, app_id: str) -> Any:
            return self if app_id == "far" else None

    elsewhere: Any = Elsewhere()
    neighbours = Neighbours(elsewhere)
    assert neighbours.resolve("far") is elsewhere
    assert neighbours.resolve("near") is None


# --- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [0, 1])
async def test_bodies_come_bit_by_bit_both_ways(caller: int, pair: Pair) -> None:
    heard = asyncio.Queue[bytes]()

    async def words() -> AsyncIterator[bytes]:
        yield b"one"
        assert await heard.get() == b"one"  # the answer to the first word comes before the second is said
        yield b"two"

    async with http_app(echo) as port, pair(port) as sidecars, aiohttp.ClientSession() as session:
        target = url(sidecars[caller], "/v1.0/invoke/kitchen/method/echo")
        async with session.post(target, data=words()) as answer:
            chunks = []
            async for chunk in answer.content.iter_any():
                chunks.append(chunk)
                heard.put_nowait(chunk)
    assert chunks == [b"one", b"two"]


async def test_a_caller_that_hangs_up_gives_its_turn_back(pair: Pair) -> None:
    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path != "/long":
            return web.Response(text="short")
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"begin")
        await asyncio.Event().wait()
        return response

    async with http_app(endless) as port, pair(port, app_max_concurrency=1) as (shop, _):
        async with (
            aiohttp.ClientSession() as session,
            session.get(url(shop, "/v1.0/invoke/kitchen/method/long")) as answer,
        ):
            assert await answer.content.readany() == b"begin"
        assert await asyncio.wait_for(invoke(shop, "/v1.0/invoke/kitchen/method/short"), 5) == (200, "short")


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_is_too_large_breaks_off(chunked: bool, pair: Pair) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 2000

    async with http_app(mirror) as port, pair(port) as (_, kitchen):
        kitchen = Sidecar(Options(app_id="small", app_port=port, max_body_size=1000))
        async with kitchen:
            data = chunks() if chunked else b"x" * 2000
            status, text = await invoke(kitchen, "/v1.0/invoke/small/method/x", "POST", data=data)
    assert (status, text.endswith(f'Post \\"http://127.0.0.1:{port}/x\\": stream too large"}}')) == (500, True)


async def test_an_answer_that_breaks_off_is_no_whole_one(pair: Pair) -> None:
    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": "2000000"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    async with http_app(half) as port, pair(port) as (shop, _):
        try:
            status, text = await invoke(shop, "/v1.0/invoke/kitchen/method/x")
        except aiohttp.ClientError:
            return
        # From another process the failure may overtake the half.
        assert (status, "unexpected EOF" in text) == (500, True)


async def test_middleware_on_the_way_to_the_app() -> None:
    handlers = (Handler("loud", "middleware.http.uppercase"), Handler("choosy", "middleware.http.routerchecker"))
    loud = Component("loud", "middleware.http.uppercase")
    choosy = Component("choosy", "middleware.http.routerchecker", metadata={"rule": "^/[a-z]+$"})
    resources = Resources(configuration=Configuration(app_http_pipeline=handlers))
    async with http_app(mirror) as port:
        options = Options(app_id="kitchen", app_port=port)
        async with Sidecar(options, components=[loud, choosy], resources=resources) as kitchen:
            path = "/v1.0/invoke/kitchen/method"
            assert await invoke(kitchen, f"{path}/a", "POST", data="word") == (200, "POST /a WORD")
            assert await invoke(kitchen, f"{path}/1", "POST", data="word") == (400, "invalid router")


# --- gRPC ------------------------------------------------------------------------------------------------------------


async def words(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize("caller", [0, 1])
async def test_calls_of_all_four_kinds_are_handed_on(caller: int, pair: Pair) -> None:
    to = (("dapr-app-id", "kitchen"),)
    async with grpc_app() as port, pair(port, "grpc") as sidecars, channel_to(sidecars[caller]) as channel:
        once: Any = channel.unary_unary("/x.Y/Once")(b"a", metadata=to)
        assert (await once, dict(await once.trailing_metadata())) == (b"A", {"x-last": "z"})
        many: Any = channel.unary_stream("/x.Y/Many")(b"abc", metadata=to)
        assert [data async for data in many] == [b"a", b"b", b"c"]
        gather: Any = channel.stream_unary("/x.Y/Gather")(words(b"a", b"b"), metadata=to)
        assert await gather == b"a+b"
        both: Any = channel.stream_stream("/x.Y/Both")(metadata=to)
        for word in (b"a", b"b"):  # each is answered before the next is asked
            await both.write(word)
            assert await both.read() == word.upper()
        await both.done_writing()
        assert await both.read() is grpc.aio.EOF
        refuse: Any = channel.unary_unary("/x.Y/Refuse")(b"", metadata=to)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await refuse
        assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.DATA_LOSS, "no")
        assert dict(refused.value.trailing_metadata()) == {"x-why": "because"}


async def test_a_deadline_ends_a_call_of_a_slow_app(pair: Pair) -> None:
    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path == "/slow":
            await asyncio.Event().wait()
        return web.Response(text="done")

    method = wire.method(wire.DAPR, "InvokeService")
    async with http_app(slow) as port, pair(port, app_max_concurrency=1) as (shop, _):
        async with channel_to(shop) as channel:
            call: Any = channel.unary_unary(method.path, request_serializer=method.request.SerializeToString)
            message = common_pb2.InvokeRequest(method="slow", http_extension={"verb": common_pb2.HTTPExtension.GET})
            with pytest.raises(grpc.aio.AioRpcError) as late:
                await call(invoke_pb2.InvokeServiceRequest(id="kitchen", message=message), timeout=0.05)
            assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await asyncio.wait_for(invoke(shop, "/v1.0/invoke/kitchen/method/fast"), 5) == (200, "done")


async def test_in_process_calls_are_served_too(pair: Pair) -> None:
    method = wire.method(wire.DAPR, "InvokeService")
    async with http_app(mirror) as port, pair(port) as (shop, _):
        channel: Any = Channel(shop.grpc)
        call = channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)
        message = common_pb2.InvokeRequest(method="a", http_extension={"verb": common_pb2.HTTPExtension.DELETE})
        answer = await asyncio.to_thread(call, invoke_pb2.InvokeServiceRequest(id="kitchen", message=message))
        assert answer.data.value == b"DELETE /a "
        with pytest.raises(InProcessRpcError, match="couldn't find service: nobody"):
            await asyncio.to_thread(call, invoke_pb2.InvokeServiceRequest(id="nobody", message=message))


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["http", "h2c"])
async def test_an_app_that_is_gone_and_comes_back(protocol: str, pair: Pair) -> None:
    with socket.socket() as taken:  # nobody else gets the port, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        stack = AsyncExitStack()
        shop, _ = await stack.enter_async_context(pair(port, protocol))
    async with stack:
        status, text = await invoke(shop, "/v1.0/invoke/kitchen/method/x")
        assert (status, f"dial tcp 127.0.0.1:{port}: connect: connection refused" in text) == (500, True)
        if protocol == "http":
            async with http_app(mirror, port):
                assert await invoke(shop, "/v1.0/invoke/kitchen/method/x") == (200, "GET /x ")


async def test_a_grpc_app_that_is_gone_and_comes_back(pair: Pair) -> None:
    to = (("dapr-app-id", "kitchen"),)
    async with grpc_app() as port:
        pass
    async with pair(port, "grpc") as (shop, _):
        assert f"dial tcp 127.0.0.1:{port}" in (await invoke(shop, "/v1.0/invoke/kitchen/method/x"))[1]
        async with grpc_app(port), channel_to(shop) as channel:
            async with asyncio.timeout(10):
                code = None
                while code is not grpc.StatusCode.OK:  # the channel to the app finds it soon
                    code = await channel.unary_unary("/x.Y/Once")(b"a", metadata=to).code()


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        (None, True),
        (AccessControl(), True),
        (AccessControl("Allow"), True),
        (AccessControl("deny"), False),
        (AccessControl("nonsense"), False),
    ],
)
async def test_access_control_is_of_other_sidecars(rules: AccessControl | None, allowed: bool, pair: Pair) -> None:
    async with (
        http_app(mirror) as port,
        pair(port, configuration=Configuration(access_control=rules)) as (shop, kitchen),
    ):
        assert (await invoke(shop, "/v1.0/invoke/kitchen/method/x"))[0] == (200 if allowed else 403)
        assert (await invoke(kitchen, "/v1.0/invoke/kitchen/method/x"))[0] == 200


async def test_an_unwell_app_is_handed_nothing() -> None:
    well = True

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=200 if well or request.raw_path != "/healthz" else 500)

    clock = VirtualClock()
    async with http_app(answer) as port:
        options = Options(app_id="patient", app_port=port, app_health=AppHealth(threshold=2))
        async with Sidecar(options, clock=clock) as sidecar:

            async def after(seconds: float) -> int:
                await asyncio.to_thread(clock.advance, seconds)
                return (await invoke(sidecar, "/v1.0/invoke/patient/method/x"))[0]

            while not sidecar.core.health.ready:
                await asyncio.sleep(0)
            assert await after(0) == 200
            well = False
            assert [await after(5), await after(5)] == [200, 500]
            well = True
            assert await after(5) == 200


async def test_what_is_asked_of_apps_is_recorded(pair: Pair) -> None:
    async with http_app(mirror) as port, pair(port) as (shop, _):
        shop.core.recording.start()
        await invoke(shop, "/v1.0/invoke/kitchen/method/x")
        await invoke(shop, "/v1.0/invoke/nobody/method/x")
    events = [(event.call.name, event.call.target, event.outcome) for event in shop.core.recording.events]
    assert events == [("invocation.invoke", "kitchen", "OK"), ("invocation.invoke", "nobody", "INTERNAL")]
    assert isinstance(shop.core.recording.events[1].error, InvokeFailed)


# --- endpoints -------------------------------------------------------------------------------------------------------


async def test_an_endpoint_has_headers_of_its_own() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path == "/away":
            raise web.HTTPFound("/x")
        return web.Response(text=" ".join(request.headers.get(name, "-") for name in ("x-a", "x-b", "x-c")))

    async with http_app(answer) as port:
        endpoint = HttpEndpoint(
            "outside",
            f"http://127.0.0.1:{port}",
            headers={"x-a": "one"},
            secret_headers={"x-b": SecretRef("token", "token")},
            env_headers={"x-c": "WORD"},
            secret_store="vault",
        )
        vault = Component("vault", "secretstores.local.env")
        options = Options(app_id="shop", environment={"token": "secret", "WORD": "three"})
        async with Sidecar(options, components=[vault], resources=Resources(http_endpoints=[endpoint])) as shop:
            said = (200, "one secret three")
            assert await invoke(shop, "/v1.0/invoke/outside/method/x", headers={"X-A": "mine"}) == said
            assert await invoke(shop, "/v1.0/invoke/outside/method/away") == said
            assert await invoke(shop, f"/v1.0/invoke/http://127.0.0.1:{port}/method/x") == (200, "- - -")


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "cleaned", "path"),
    [
        ("a/b", "a/b", "/a/b"),
        ("/a", "/a", "/a"),
        ("a//b/", "a/b", "/a/b"),
        ("a/./../b", "b", "/b"),
        ("../../x", "x", "/x"),
        ("..", "", "/"),
        ("", "", "/"),
        ("a b", "a b", "/a%20b"),
        ("a%20b", "a%20b", "/a%20b"),
        ("grüße", "grüße", "/gr%C3%BC%C3%9Fe"),
        ("[x]", "[x]", "/[x]"),
    ],
)
def test_methods_are_paths(method: str, cleaned: str, path: str) -> None:
    check(method)
    assert clean(method) == cleaned
    assert url_path(cleaned) == path


@pytest.mark.parametrize("method", ["a?b", "a#b", "a\0b", "a\nb", "\x7f"])
def test_names_that_no_method_can_have(method: str) -> None:
    with pytest.raises(RpcStatus, match="invalid method: method contains"):
        check(method)


def test_a_broken_escape_is_no_path() -> None:
    with pytest.raises(GoError, match='invalid URL escape "%zz"'):
        url_path("a%zz")


def test_headers_as_metadata() -> None:
    headers = [
        ("Accept", "x"),
        ("X-Data-Bin", "AA"),
        ("te", "trailers"),
        ("X!", "1"),
        ("x-word", "grün"),
        ("X-One", "1"),
    ]
    assert as_metadata(headers, from_http=True) == [("dapr-accept", "x"), ("x-data-bin", b"AA"), ("x-one", "1")]
    assert as_metadata([("accept", "x")], from_http=False) == [("accept", "x")]


# --- sidecars of other processes -------------------------------------------------------------------------------------


async def test_a_sidecar_that_cannot_be_reached_is_tried_again_on_the_clock(tmp_path: Path) -> None:
    names, clock = str(tmp_path / "names.db"), VirtualClock()
    nowhere = Directory(Place(names))
    nowhere.register("127.0.0.1:1", "kitchen", "")
    async with Sidecar(Options(app_id="shop", names=names), clock=clock) as shop:
        begin = clock.now()
        status, text = await invoke(shop, "/v1.0/invoke/kitchen/method/x")
    nowhere.close()
    assert (status, clock.now() - begin) == (500, 3)
    assert "failed to invoke target kitchen after 3 retries. Error: rpc error: code = Unavailable desc" in text
    assert "dial tcp 127.0.0.1:1: connect: connection refused" in text


class Told(VirtualClock):
    """A clock that says when somebody lets time pass, and waits until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may = threading.Event(), threading.Event()

    def pass_time(self, seconds: float) -> None:
        self.asked.set()
        self.may.wait(10)
        super().pass_time(seconds)


async def test_a_sidecar_that_comes_back_elsewhere_is_found_between_two_tries(tmp_path: Path) -> None:
    names, clock = str(tmp_path / "names.db"), Told()
    directory = Directory(Place(names))
    old = directory.register("127.0.0.1:1", "kitchen", "")
    async with http_app(mirror) as port, Sidecar(Options(app_id="shop", names=names), clock=clock) as shop:
        call = asyncio.create_task(invoke(shop, "/v1.0/invoke/kitchen/method/x", "POST", data="words"))
        assert await asyncio.to_thread(clock.asked.wait, 10)
        directory.remove(old)
        async with Sidecar(Options(app_id="kitchen", app_port=port, names=names)):
            clock.may.set()
            assert await call == (200, "POST /x words")
    directory.close()


async def test_a_proxied_call_of_a_dead_sidecar_says_so(tmp_path: Path) -> None:
    names = str(tmp_path / "names.db")
    nowhere = Directory(Place(names))
    nowhere.register("127.0.0.1:1", "kitchen", "")
    async with Sidecar(Options(app_id="shop", names=names)) as shop, channel_to(shop) as channel:
        call = channel.unary_unary("/x.Y/Once")(b"a", metadata=(("dapr-app-id", "kitchen"),))
        assert await call.code() is grpc.StatusCode.UNAVAILABLE
        assert await call.details() == (
            'connection error: desc = "transport: Error while dialing: '
            'dial tcp 127.0.0.1:1: connect: connection refused"'
        )
    nowhere.close()


async def test_calls_of_one_message_are_answered_too(tmp_path: Path) -> None:
    method = wire.method(wire.SERVICE_INVOCATION, "CallLocal")
    async with http_app(mirror) as port:
        options = Options(app_id="kitchen", app_port=port, names=str(tmp_path / "names.db"))
        async with Sidecar(options) as kitchen:
            assert kitchen.peers is not None
            async with grpc.aio.insecure_channel(f"127.0.0.1:{kitchen.peers.port}") as channel:
                request = service_invocation_pb2.InternalInvokeRequest(ver=service_invocation_pb2.V1)
                request.message.method, request.message.data.value = "a", b"words"
                request.message.http_extension.verb = common_pb2.HTTPExtension.POST
                call: Any = channel.unary_unary(
                    method.path, method.request.SerializeToString, method.response.FromString
                )
                answer = await call(request)
                assert (answer.status.code, answer.message.data.value) == (200, b"POST /a words")
                assert answer.message.content_type == "text/plain; charset=utf-8"
                request.ClearField("message")
                with pytest.raises(grpc.aio.AioRpcError, match="does not contain the required fields"):
                    await call(request)
                unknown: Any = channel.unary_unary("/dapr.proto.internals.v1.ServiceInvocation/CallActor")
                assert await unknown(b"").code() is grpc.StatusCode.UNIMPLEMENTED
