"""Invocation of applications over HTTP and gRPC, by every way in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import pytest

from dapr_testing import DaprSidecar
from tests.conformance import mirrors
from tests.conformance.ways import Refused, Way

APP = "app"


@pytest.fixture(scope="session")
def ports() -> Iterator[Mapping[str, int]]:
    """Where the applications are, by their protocols."""
    with mirrors.over_http() as http, mirrors.over_grpc() as over_grpc:
        yield {"http": http, "grpc": over_grpc}


@pytest.fixture(params=["http", "grpc"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dapr_sidecar_options(protocol: str, ports: Mapping[str, int]) -> Mapping[str, Any]:
    return {"app_port": ports[protocol], "app_protocol": protocol}


@pytest.fixture
def dapr_components() -> tuple[()]:
    return ()


def test_an_application_is_told_what_it_is_asked(way: Way) -> None:
    asked: Any = {"verb": "PUT", "query": {"size": "large", "note": "a b&c"}, "headers": {"x-table": "seven"}}
    data, kind = way.invoke(APP, "menu/soup", b"\0words\xff", "text/x-own", **asked)
    seen = json.loads(data)
    assert seen["headers"].pop("x-table") == "seven"
    assert seen == {
        "verb": "PUT",
        "method": "menu/soup",
        "query": asked["query"],
        "data": b"\0words\xff".hex(),
        "headers": {name: value for name, value in seen["headers"].items() if name != "x-table"},
    }
    assert kind == mirrors.KIND


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_verb_arrives(way: Way, verb: str) -> None:
    assert json.loads(way.invoke(APP, "menu", verb=verb)[0])["verb"] == verb


@pytest.mark.parametrize(
    ("method", "arrives"), [("a//b/", "a/b"), ("a/../b", "b"), ("ä ö", "ä ö"), ("a+b@c:d", "a+b@c:d")]
)
def test_a_method_is_a_clean_path(way: Way, method: str, arrives: str) -> None:
    assert json.loads(way.invoke(APP, method)[0])["method"] == arrives


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_a_body_of_any_size_comes_back(way: Way, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    assert way.invoke(APP, "same", body[:size], "application/octet-stream")[0] == body[:size]


def test_what_an_application_refuses_is_refused(way: Way) -> None:
    with pytest.raises(Refused):
        way.invoke(APP, "refuse")


@pytest.mark.parametrize(
    ("method", "message"),
    [("a#b", "forbidden character"), ("a?b", "forbidden character"), ("a\x01b", "control character at position 1")],
)
def test_names_that_no_method_can_have(way: Way, method: str, message: str) -> None:
    with pytest.raises(Refused, match=message):
        way.invoke(APP, method)


def test_an_unknown_application_is_named(way: Way) -> None:
    with pytest.raises(Refused, match=r"failed to invoke, id: nobody\.a\.b, err: invalid app id nobody\.a\.b"):
        way.invoke("nobody.a.b", "menu")


@pytest.mark.parametrize("protocol", ["grpc"], indirect=True)
def test_calls_of_an_apps_own_services_are_handed_on(dapr_sidecar: DaprSidecar) -> None:
    to = (("dapr-app-id", APP),)
    with grpc.insecure_channel(dapr_sidecar.grpc_endpoint) as channel:
        each: Any = channel.stream_stream("/test.Mirror/Each")
        assert list(each(iter([b"a", b"b"]), metadata=to, timeout=20)) == [b"A", b"B"]
        one: Any = channel.unary_unary("/test.Mirror/Each")
        assert one(b"a", metadata=to, timeout=20) == b"A"
        refuse: Any = channel.unary_unary("/test.Mirror/Refuse")
        with pytest.raises(grpc.RpcError) as refused:
            refuse(b"a", metadata=to, timeout=20)
    error: Any = refused.value
    assert (error.code(), error.details()) == (grpc.StatusCode.DATA_LOSS, mirrors.REFUSED)
    assert dict(error.trailing_metadata())["x-why"] == "because"
