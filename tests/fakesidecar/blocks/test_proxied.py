"""Calls of an app's own gRPC services under resiliency policies: as a real daprd was seen to treat each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from fakesidecar import Options, Sidecar, VirtualClock
from fakesidecar.app import HandedOn
from fakesidecar.neighbours import Neighbours
from fakesidecar.resources.load import Resources
from fakesidecar.resources.resiliency import CircuitBreaker, Resiliency, Retry, Target

Metadata = Sequence[tuple[str, str]]
STREAM = ("dapr-stream", "On")
NO_STREAMS: Any = ("FAILED_PRECONDITION", "cannot use resiliency policies with retries on streaming RPCs", [])
OPEN: Any = ("UNKNOWN", "circuit breaker is open", [])


class Kitchen(grpc.GenericRpcHandler):
    """An app that counts what it is asked: `fails`, `recovers`, `breaks` off, `hangs` once begun, or answers."""

    def __init__(self) -> None:
        self.asked = 0
        self.hung = asyncio.Event()

    def service(self, handler_call_details: Any) -> Any:
        name = handler_call_details.method.rpartition("/")[2]

        async def answer(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            self.asked += 1
            number = str(self.asked)
            await context.send_initial_metadata((("x-try", number),))
            context.set_trailing_metadata((("x-try", number),))
            if name in ("breaks", "hangs"):
                yield number.encode()
            if name == "hangs":
                self.hung.set()
                await asyncio.Event().wait()
            words = [word async for word in requests]
            if name in ("fails", "breaks") or (name == "recovers" and self.asked == 1):
                await context.abort(grpc.StatusCode.DATA_LOSS, f"no {number}")
            yield b"+".join(words)

        return grpc.stream_stream_rpc_method_handler(answer)


class Shop:
    """A sidecar that has policies for `kitchen`, which is elsewhere and nearly always fails."""

    def __init__(self, kitchen: Kitchen, channel: Any, clock: VirtualClock) -> None:
        self.kitchen, self.channel, self.clock = kitchen, channel, clock

    def call(
        self, method: str, *words: bytes, also: Metadata = (), to: str = "dapr-app-id", app: str = "kitchen"
    ) -> Any:
        async def sent() -> AsyncIterator[bytes]:
            for word in words:
                yield word

        return self.channel.stream_stream(f"/x.Y/{method}")(sent(), metadata=((to, app), *also))

    async def ask(self, method: str, *words: bytes, **more: Any) -> tuple[str, str, list[bytes]]:
        """How a call ended, and what was answered before it did."""
        return await ended(self.call(method, *words, **more))


async def ended(call: Any) -> tuple[str, str, list[bytes]]:
    got = []
    try:
        async for word in call:
            got.append(word)
    except grpc.aio.AioRpcError:
        pass
    return (await call.code()).name, await call.details(), got


@asynccontextmanager
async def served(kitchen: Kitchen) -> AsyncIterator[int]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((kitchen,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@asynccontextmanager
async def shop(app: str = "shop", *, named: str = "kitchen", **target: Any) -> AsyncIterator[Shop]:
    resiliency = Resiliency(
        timeouts={"short": "1s"},
        retries={
            "twice": Retry(duration="10ms", max_retries=2),
            "picky": Retry(duration="10ms", max_retries=2, grpc_status_codes="14"),
            "DefaultAppRetryPolicy": Retry(duration="10ms", max_retries=1),
        },
        circuit_breakers={"breaker": CircuitBreaker(trip="consecutiveFailures >= 2")},
        apps={named: Target(**target)},
    )
    kitchen, clock, neighbours = Kitchen(), VirtualClock(), Neighbours()
    resources = Resources(resiliencies=[resiliency])
    async with served(kitchen) as port:
        its = Options(app_id="kitchen", app_port=port, app_protocol="grpc")
        async with (
            Sidecar(its, clock=clock, neighbours=neighbours, resources=resources) as callee,
            Sidecar(Options(app_id="shop"), clock=clock, neighbours=neighbours, resources=resources) as caller,
            grpc.aio.insecure_channel(f"127.0.0.1:{(callee if app == 'kitchen' else caller).grpc_port}") as channel,
        ):
            yield Shop(kitchen, channel, clock)


@pytest.mark.parametrize(
    ("method", "ending", "tries"),
    [
        ("answers", ("OK", "", [b"a"]), "1"),
        ("recovers", ("OK", "", [b"a"]), "12"),
        ("fails", ("DATA_LOSS", "no 3", []), "123"),
        ("breaks", ("DATA_LOSS", "no 3", [b"1", b"2", b"3"]), "123"),  # what was answered cannot be taken back
    ],
)
async def test_a_unary_call_is_made_again(method: str, ending: Any, tries: str) -> None:
    async with shop(retry="twice") as asking:
        call = asking.call(method, b"a")
        assert await ended(call) == ending
        trailer = [value for name, value in await call.trailing_metadata() if name == "x-try"]
        assert trailer == [*tries]
        if ending[2]:
            assert dict(await call.initial_metadata())["x-try"] == tries[-1 if method == "recovers" else 0]


@pytest.mark.parametrize(
    ("more", "tries"),
    [
        ({"also": [STREAM]}, 1),
        ({"to": "dapr-callee-app-id"}, 1),  # policies are found by the other name
        ({"app": "kitchen.default"}, 2),  # has no policy by that name, and gets the default one
    ],
)
async def test_some_calls_have_another_policy_or_none(more: Any, tries: int) -> None:
    async with shop(retry="twice") as asking:
        assert await asking.ask("fails", b"a", **more) == ("DATA_LOSS", f"no {tries}", [])


async def test_an_apps_calls_of_itself_have_no_policy() -> None:
    async with shop("kitchen", retry="twice") as asking:
        assert await asking.ask("fails", b"a") == ("DATA_LOSS", "no 1", [])


async def test_only_codes_that_match_are_tried_again() -> None:
    async with shop(retry="picky") as asking:
        assert await asking.ask("fails", b"a") == ("DATA_LOSS", "no 1", [])


async def test_a_stream_is_refused_where_calls_are_made_again() -> None:
    async with shop(retry="twice") as asking:
        assert await asking.ask("answers", b"a", b"b") == NO_STREAMS
        assert await asking.ask("answers") == ("OK", "", [b""])
        assert await asking.ask("answers", b"a", b"b", also=[STREAM]) == ("OK", "", [b"a+b"])
    async with shop(named="nobody") as asking:  # by default, once more
        assert await asking.ask("answers", b"a", b"b") == NO_STREAMS


@pytest.mark.parametrize(("retry", "tries"), [("", 1), ("twice", 3)])
async def test_all_of_a_unary_call_has_to_be_in_time(retry: str, tries: int) -> None:
    async with shop(timeout="short", retry=retry) as asking:
        call = asyncio.create_task(asking.ask("hangs", b"a"))
        for _ in range(tries):
            await asyncio.wait_for(asking.kitchen.hung.wait(), 10)
            asking.kitchen.hung.clear()
            await asyncio.to_thread(asking.clock.advance, 1.5)
        assert (await asyncio.wait_for(call, 10))[:2] == ("DEADLINE_EXCEEDED", "context deadline exceeded")
        assert asking.kitchen.asked == tries


async def test_a_stream_takes_its_time() -> None:
    async with shop(timeout="short") as asking:
        call = asking.call("hangs", b"a", also=[STREAM])
        assert await call.read() == b"1"
        await asyncio.to_thread(asking.clock.advance, 5)
        assert not call.done()
        call.cancel()


async def test_a_breaker_opens_for_one_method() -> None:
    async with shop(circuit_breaker="breaker") as asking:
        for number in (1, 2):
            assert await asking.ask("fails", b"a") == ("DATA_LOSS", f"no {number}", [])
        assert await asking.ask("fails", b"a") == OPEN
        assert await asking.ask("fails", b"a", also=[STREAM]) == OPEN
        assert await asking.ask("answers", b"a") == ("OK", "", [b"a"])
        assert asking.kitchen.asked == 3
    async with shop(circuit_breaker="breaker", retry="twice") as asking:
        call = asking.call("fails", b"a")
        assert await ended(call) == OPEN
        assert [value for name, value in await call.trailing_metadata() if name == "x-try"] == ["1", "2"]


async def test_a_caller_that_goes_ends_the_call() -> None:
    async with shop(timeout="short", retry="twice") as asking:
        call = asking.call("hangs", b"a")
        assert await call.read() == b"1"
        call.cancel()
        assert await call.code() is grpc.StatusCode.CANCELLED
        assert await asking.ask("answers", b"a") == ("OK", "", [b"a"])


async def test_a_message_that_is_too_large_is_refused() -> None:
    async with shop() as asking:
        call = asking.channel.unary_unary("/x.Y/answers")(bytes(5_000_000), metadata=[("dapr-app-id", "kitchen")])
        assert await call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await call.details() == "grpc: received message larger than max (5000000 vs. 4194304)"


class Opaque:
    """A call of a grpc.aio that has other things inside."""

    def __init__(self, call: Any) -> None:
        self.call = call

    def __getattr__(self, name: str) -> Any:
        if name == "_cython_call":
            raise AttributeError(name)
        return getattr(self.call, name)

    def __aiter__(self) -> Any:
        return aiter(self.call)


@pytest.mark.parametrize("kind", [Opaque, lambda call: call])
@pytest.mark.parametrize(
    ("method", "ending"), [("answers", ("OK", "", [b"a+b"])), ("fails", ("DATA_LOSS", "no 1", []))]
)
async def test_messages_are_handed_on_whatever_the_library_is_inside(method: str, ending: Any, kind: Any) -> None:
    async def sent() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    async with served(Kitchen()) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = kind(channel.stream_stream(f"/x.Y/{method}")())
        assert await ended(HandedOn(call, sent(), f"127.0.0.1:{port}")) == ending
