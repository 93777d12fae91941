"""Input bindings: events on their way to an application, over HTTP and gRPC, and what its replies do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from aiohttp import ClientSession, web

from dapr_client import wire
from fakesidecar.clock import VirtualClock
from fakesidecar.components.bindings import Event
from fakesidecar.options import AppHealth, Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.errors import StartupError
from fakesidecar.resources.load import Resources, load
from fakesidecar.sidecar import Sidecar

QUEUE = Component("queue", "bindings.in-memory")
FILES = Component("files", "bindings.in-memory")
BROKEN = Component("broken", "bindings.in-memory", metadata={"operations": "get"})
TICK = Component("tick", "bindings.cron", metadata={"schedule": "@every 1s"})


class HttpApp:
    """Answers by method and path, and keeps what it was sent."""

    def __init__(self, answers: Mapping[str, int]) -> None:
        self.answers = dict(answers)
        self.seen: list[tuple[str, bytes, Mapping[str, str]]] = []

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        asked = f"{request.method} {request.path_qs}"
        if request.method == "POST":
            self.seen.append((request.path_qs, await request.read(), request.headers))
        return web.Response(status=self.answers.get(asked, 404), text='{"to": ["files"], "data": 1}')


@asynccontextmanager
async def serving(app: HttpApp) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(app))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # aiohttp has no other way to say it
    finally:
        await runner.cleanup()


@asynccontextmanager
async def ready(options: Options, *components: Component, **more: Any) -> AsyncIterator[Sidecar]:
    clock = VirtualClock()
    async with Sidecar(options, components=components, clock=clock, **more) as sidecar:
        while not sidecar.core.health.ready:
            await asyncio.sleep(0)
        yield sidecar


async def advance(sidecar: Sidecar, seconds: float) -> None:
    assert isinstance(sidecar.clock, VirtualClock)
    await asyncio.to_thread(sidecar.clock.advance, seconds)


async def deliver(sidecar: Sidecar, name: str, data: bytes = b"", **metadata: str) -> list[BaseException | None]:
    ended: list[BaseException | None] = []
    sidecar.core.bindings.inputs.deliver(name, Event(data, metadata), ended.append)
    assert await asyncio.to_thread(sidecar.clock.wait_until_idle)
    return ended


async def test_an_app_over_http_is_handed_what_comes_in() -> None:
    app = HttpApp({"OPTIONS /queue": 200, "POST /queue": 200})
    async with serving(app) as port, ready(Options(app_port=port), QUEUE, FILES) as sidecar:
        assert await deliver(sidecar, "queue", b"\x00\xff", **{"x-color": "blue", "Content-Type": "image/png"}) == [
            None
        ]
        [(path, body, headers)] = app.seen
        assert (path, body) == ("/queue", b"\x00\xff")
        assert headers["x-color"] == "blue"
        assert headers["content-type"] == "application/json"
        assert headers["traceparent"] == f"00-{'0' * 32}-{'0' * 16}-00"
        assert not sidecar.core.bindings.invoked, "what an HTTP app replies does nothing"
        assert not sidecar.core.bindings.inputs.wants("files"), "the app was asked, and does not want it"


async def test_metadata_say_where_to_and_whether() -> None:
    app = HttpApp({"OPTIONS /some/where": 405, "POST /some/where": 204, "POST /spaced%20out": 200})
    there = Component("there", "bindings.in-memory", metadata={"route": "some/where"})
    unasked = Component("unasked", "bindings.in-memory", metadata={"direction": "Output, Input", "route": "spaced out"})
    never = Component("never", "bindings.in-memory", metadata={"direction": "output"})
    async with serving(app) as port, ready(Options(app_port=port), there, unasked, never) as sidecar:
        assert await deliver(sidecar, "there") == [None]
        assert await deliver(sidecar, "unasked") == [None]
        assert [path for path, *_ in app.seen] == ["/some/where", "/spaced%20out"]
        assert not sidecar.core.bindings.inputs.wants("never")


async def test_an_event_that_is_not_taken_says_why() -> None:
    app = HttpApp({"OPTIONS /queue": 200, "POST /queue": 503})
    async with serving(app) as port, ready(Options(app_port=port), QUEUE) as sidecar:
        [error] = await deliver(sidecar, "queue")
        why = 'fails to send binding event to http app channel, status code: 503 body: {"to": ["files"], "data": 1}'
        assert str(error) == why
        [record] = sidecar.core.bindings.inputs.delivered
        assert (record.binding, record.error) == ("queue", why)


async def test_policies_have_it_offered_again() -> None:
    app = HttpApp({"OPTIONS /queue": 200, "POST /queue": 503})
    policy = """
    apiVersion: dapr.io/v1alpha1
    kind: Resiliency
    metadata: {name: patient}
    spec:
      policies: {retries: {twice: {policy: constant, duration: 10s, maxRetries: 2}}}
      targets: {components: {queue: {inbound: {retry: twice}}}}
    """
    async with serving(app) as port:
        options = Options(app_port=port)
        async with ready(options, QUEUE, resources=load(options, [policy])) as sidecar:
            assert await deliver(sidecar, "queue") == []
            await advance(sidecar, 10)
            assert len(app.seen) == 2
            app.answers["POST /queue"] = 200
            await advance(sidecar, 60)
            assert [bool(one.error) for one in sidecar.core.bindings.inputs.delivered] == [True, True, False]


async def test_a_schedule_ticks_on_the_clock() -> None:
    app = HttpApp({"OPTIONS /tick": 200, "POST /tick": 500})
    async with serving(app) as port, ready(Options(app_port=port), TICK) as sidecar:
        await advance(sidecar, 3.5)
        assert [path for path, *_ in app.seen] == ["/tick"] * 3, "a tick that failed is not made up for"
        assert app.seen[0][2]["readTimeUTC"] == "2030-01-01 00:00:01 +0000 UTC"
        assert app.seen[0][2]["timeZone"] == "Local"
        sidecar.core.reset()
        sidecar.core.bindings.inputs.pause()
        await advance(sidecar, 60)
        assert len(app.seen) == 3, "nothing ticks while nobody reads"
        sidecar.core.bindings.inputs.resume()
        await advance(sidecar, 2)
        assert len(app.seen) == 5


async def test_five_fields_are_a_schedule_too() -> None:
    app = HttpApp({"OPTIONS /noon": 200, "POST /noon": 200})
    noon = Component("noon", "bindings.cron", metadata={"schedule": "0 12 * * *"})
    async with serving(app) as port, ready(Options(app_port=port), noon) as sidecar:
        await advance(sidecar, 3 * 86400)
        times = [headers["readTimeUTC"] for _, _, headers in app.seen]
        assert times == [f"2030-01-0{day} 12:00:00 +0000 UTC" for day in (1, 2, 3)]


async def test_components_that_come_later_are_read_too() -> None:
    app = HttpApp({"OPTIONS /queue": 200, "OPTIONS /tick": 200, "POST /tick": 200})
    async with serving(app) as port, ready(Options(app_port=port), QUEUE) as sidecar:
        sidecar.add(TICK)
        assert await asyncio.to_thread(sidecar.clock.wait_until_idle)
        await advance(sidecar, 1)
        assert len(app.seen) == 1


async def test_an_app_that_is_unwell_is_handed_nothing() -> None:
    app = HttpApp({"OPTIONS /tick": 200, "POST /tick": 200, "GET /healthz": 200})
    health = AppHealth(interval=5, threshold=1)
    async with serving(app) as port, ready(Options(app_port=port, app_health=health), TICK) as sidecar:
        await advance(sidecar, 3)
        assert len(app.seen) == 3
        app.answers["GET /healthz"] = 500
        await advance(sidecar, 20)
        handed = len(app.seen)
        assert handed < 8
        app.answers["GET /healthz"] = 200
        await advance(sidecar, 20)
        assert len(app.seen) > handed


async def test_an_app_that_does_not_answer_the_question_is_not_waited_for() -> None:
    app = HttpApp({"POST /queue": 200})

    async def silent(request: web.BaseRequest) -> web.Response:
        if request.method == "OPTIONS":
            await asyncio.Event().wait()
        return await HttpApp.__call__(app, request)

    runner = web.ServerRunner(web.Server(silent), shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # aiohttp has no other way to say it
    try:
        async with ready(Options(app_port=port, app_binding_options_timeout=0.05), QUEUE) as sidecar:
            assert not sidecar.core.bindings.inputs.wants("queue")
    finally:
        await runner.cleanup()


class GrpcApp(grpc.GenericRpcHandler):
    """Answers every callback as it is told, and keeps what it was sent."""

    def __init__(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        self.answers = answers
        self.seen: list[Any] = []

    def service(self, handler_call_details: Any) -> Any:
        name = handler_call_details.method.rpartition("/")[2]
        if name not in self.answers:
            return None
        method = wire.method(wire.APP_CALLBACK, name)

        async def behaviour(request: Any, context: Any) -> Any:
            if name == "OnBindingEvent":
                self.seen.append(request)
            return method.response(**self.answers[name])

        return grpc.unary_unary_rpc_method_handler(
            behaviour, method.request.FromString, lambda message: message.SerializeToString()
        )


@asynccontextmanager
async def running_grpc(reply: Mapping[str, Any]) -> AsyncIterator[tuple[GrpcApp, Sidecar]]:
    app = GrpcApp({"ListInputBindings": {"bindings": ["queue", "other"]}, "OnBindingEvent": reply})
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((app,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    options = Options(app_port=port, app_protocol="grpc")
    try:
        async with ready(options, QUEUE, FILES, BROKEN) as sidecar:
            yield app, sidecar
    finally:
        await server.stop(None)


@pytest.mark.parametrize(
    ("reply", "created"),
    [
        ({"to": ["files"], "data": b'{ "b": 1.0, "a": "<" }'}, [("files", b'{"a":"\\u003c","b":1}')]),
        ({"to": ["files"], "data": b"no JSON"}, [("files", b"null")]),
        ({"to": ["files"]}, [("files", b"null")]),
        ({"data": b"[1]"}, []),
        ({"to": ["broken", "files"], "data": b"1"}, [("broken", b"1")]),
        ({"to": ["broken", "files"], "data": b"1", "concurrency": 1}, [("broken", b"1"), ("files", b"1")]),
        ({"store_name": "files", "states": [{"key": "k"}]}, []),
    ],
    ids=["json", "no-json", "no-data", "nowhere", "first-fails", "parallel", "states"],
)
async def test_what_an_app_over_grpc_replies_goes_on(reply: dict[str, Any], created: list[tuple[str, bytes]]) -> None:
    async with running_grpc(reply) as (app, sidecar):
        assert await deliver(sidecar, "queue", b"in", color="blue") == [None]
        [request] = app.seen
        assert (request.name, request.data, dict(request.metadata)) == ("queue", b"in", {"color": "blue"})
        done = [(one.binding, one.data) for one in sidecar.core.bindings.invoked]
        assert done == created


async def test_a_grpc_app_is_handed_what_it_lists() -> None:
    async with running_grpc({}) as (_, sidecar):
        wants = sidecar.core.bindings.inputs.wants
        assert [name for name in ("queue", "files", "broken", "other") if wants(name)] == ["queue"]


@pytest.mark.parametrize("schedule", ["", "* * *", "@every soon", "@sometimes", "61 * * * *"])
def test_malformed_schedules_are_refused(schedule: str) -> None:
    with pytest.raises(StartupError, match="schedule"):
        Sidecar(components=[Component("tick", "bindings.cron", metadata={"schedule": schedule})])


async def test_events_come_in_from_outside_of_the_process() -> None:
    app = HttpApp({"OPTIONS /queue": 200, "POST /queue": 503})
    async with serving(app) as port, ready(Options(app_port=port), QUEUE, FILES) as sidecar:
        base = f"http://127.0.0.1:{sidecar.http_port}/fakesidecar/v1/bindings"
        async with ClientSession() as session:

            async def push(name: str, body: Any) -> int:
                async with session.post(f"{base}/{name}", json=body) as answer:
                    return answer.status

            assert await push("queue", {"data": {"order": 7}, "metadata": {"x-color": "blue"}}) == 204
            assert await push("queue", {"data": "text"}) == 204
            assert await push("queue", {"metadata": {"a": 1}}) == 400
            assert await push("files", {}) == 409
            sidecar.core.bindings.invoke("queue", "create", b"out")
            async with session.get(f"{base}/queue") as answer:
                told = await answer.json()
    assert [(body, headers["x-color"]) for _, body, headers in app.seen[:1]] == [(b'{"order":7}', "blue")]
    assert [one["data"] for one in told["deliveries"]] == ['{"order":7}', "text"]
    assert all("503" in one["error"] for one in told["deliveries"])
    assert [(one["operation"], one["data"], one["error"]) for one in told["invoked"]] == [("create", "out", "")]


def test_resources_need_no_app() -> None:
    with Sidecar(resources=Resources(components=[TICK]), clock=VirtualClock()) as sidecar:
        assert isinstance(sidecar.clock, VirtualClock)
        sidecar.clock.advance(10)
        assert not sidecar.core.bindings.inputs.delivered
