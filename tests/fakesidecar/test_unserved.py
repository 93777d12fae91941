"""What is not served yet says so, over both doors."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from dapr_client import wire
from dapr_testing._inprocess import Channel, InProcessRpcError
from fakesidecar import Sidecar
from fakesidecar.grpcapi.api import KNOWN
from fakesidecar.grpcapi.registry import SERVED
from fakesidecar.httpapi.registry import Request

UNSERVED = sorted(KNOWN - SERVED.keys())


@pytest.fixture(scope="module")
def sidecar() -> Sidecar:
    return Sidecar()


@pytest.mark.parametrize("path", UNSERVED)
def test_an_rpc_that_is_not_served_is_unimplemented(sidecar: Sidecar, path: str) -> None:
    channel: Any = Channel(sidecar.grpc)
    with pytest.raises(InProcessRpcError) as raised:
        channel.unary_unary(path)(b"")
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert raised.value.details() == f"fakesidecar does not serve {path.rpartition('/')[2]} yet"


def test_every_known_rpc_is_in_the_wire_package() -> None:
    ours = {method.path for service in (wire.DAPR, wire.TASK_HUB) for method in wire.methods(service).values()}
    assert ours >= KNOWN


@pytest.mark.parametrize(
    ("method", "path", "block"),
    [
        ("GET", "/v1.0/invoke/shop/method/a/b", "service invocation"),
    ],
)
def test_a_route_that_is_not_served_is_unimplemented(sidecar: Sidecar, method: str, path: str, block: str) -> None:
    answer = sidecar.http.prepare(Request(method, path)).run()
    assert answer.status == 501
    assert answer.body == (
        f'{{"errorCode":"ERR_API_UNIMPLEMENTED","message":"fakesidecar does not serve {block} yet"}}'.encode()
    )


def test_a_request_for_an_app_by_header_says_so_too(sidecar: Sidecar) -> None:
    assert sidecar.http.prepare(Request("GET", "/orders", headers=[("dapr-app-id", "shop")])).run().status == 501
