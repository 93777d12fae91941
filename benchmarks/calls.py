"""One call: over loopback against a bare grpc.aio echo server, in process, and through the clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio

from benchmarks._bare import serving
from benchmarks._measure import Row, at_most, seconds_per_call
from dapr_client import DaprClient, wire
from dapr_testing._inprocess import Channel
from fakesidecar import Component, Sidecar

GET = wire.method(wire.DAPR, "GetState")
CALLS = 500


@contextmanager
def bare_server() -> Iterator[int]:
    """A grpc.aio server that answers GetState with a constant: what no sidecar in Python can be faster than."""
    reply = GET.response(data=b"value", etag="1")

    async def answer(request: Any, context: Any) -> Any:
        return reply

    handler = grpc.unary_unary_rpc_method_handler(answer, GET.request.FromString, GET.response.SerializeToString)
    with serving(GET.name, handler) as port:
        yield port


def stub(channel: grpc.Channel) -> Callable[[], Any]:
    """GetState on a channel, with nothing in between."""
    call = channel.unary_unary(GET.path, GET.request.SerializeToString, GET.response.FromString)
    request = GET.request(store_name="statestore", key="key")
    return lambda: call(request)


def rows() -> Iterator[Row]:
    """What a call costs."""
    with bare_server() as bare_port, Sidecar(components=[Component("statestore", "state.in-memory")]) as sidecar:
        address = f"127.0.0.1:{sidecar.grpc_port}"
        in_process = Channel(sidecar.grpc)
        with (
            grpc.insecure_channel(f"127.0.0.1:{bare_port}") as bare_channel,
            grpc.insecure_channel(address) as channel,
            DaprClient(channel=grpc.insecure_channel(address)) as client,
            DaprClient(channel=in_process) as quick,
        ):
            quick.save_state("statestore", "key", "value")
            over_loopback = seconds_per_call(
                {
                    "bare": stub(bare_channel),
                    "sidecar": stub(channel),
                    "client": lambda: client.get_state("statestore", "key"),
                },
                CALLS,
            )
            inside = seconds_per_call(
                {"stub": stub(in_process), "client": lambda: quick.get_state("statestore", "key")}, CALLS * 10
            )
    yield at_most(
        "GetState over loopback, against a bare grpc.aio server",
        over_loopback["sidecar"] / over_loopback["bare"],
        1.10,
        "×",
    )
    yield at_most(
        "client against a raw stub, over loopback", over_loopback["client"] / over_loopback["sidecar"], 1.05, "×"
    )
    yield at_most("get_state in process, client and sidecar", inside["client"], 25e-6, "µs", 1e6)
    yield at_most("  of which the raw stub and the sidecar", inside["stub"], 25e-6, "µs", 1e6)
    yield from against_daprd(inside["client"])


def against_daprd(inside: float) -> Iterator[Row]:
    """The same call on a real daprd over loopback, where one is installed."""
    import shutil

    from dapr_testing._daprd import Daprd

    if shutil.which("daprd") is None:
        yield Row("get_state in process, against a daprd over loopback", "no daprd on PATH", "≥ 12 × faster", None)
        return
    with (
        Daprd(components=[Component("statestore", "state.in-memory")]) as daprd,
        DaprClient(channel=grpc.insecure_channel(f"127.0.0.1:{daprd.grpc_port}")) as client,
    ):
        real = seconds_per_call({"daprd": lambda: client.get_state("statestore", "key")}, CALLS)["daprd"]
    faster = real / inside
    yield Row(
        "get_state in process, against a daprd over loopback", f"{faster:.3g} × faster", "≥ 12 × faster", faster >= 12
    )
