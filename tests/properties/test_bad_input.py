"""Whatever is thrown at the doors, the answer is Dapr's own: no traceback, no hang, and nothing stored."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dapr_client import wire
from dapr_client.wire import common_pb2
from dapr_testing._inprocess import Channel, InProcessRpcError
from fakesidecar import Component, Sidecar, VirtualClock
from fakesidecar.grpcapi.registry import SERVED
from fakesidecar.httpapi.registry import ROUTES
from fakesidecar.web import Request

STORES = [
    Component("state", "state.in-memory"),
    Component("bare", "state.in-memory", metadata={"keyPrefix": "none"}),
]
UNARY = sorted(
    path for path, served in SERVED.items() if not (served.method.client_streaming or served.method.server_streaming)
)
WAITING = ("WaitForInstanceStart", "WaitForInstanceCompletion")
"""Calls that wait, by design, for what may never happen."""
SECONDS = 0.05
SHUTDOWN = f"/{wire.DAPR}/Shutdown"

PARTS = st.sampled_from(["state", "locks", "secrets", "k", "a%7C%7Cb", "%zz", "nowhere"])
FIELDS = ["key", "value", "etag", "metadata", "options", "keys", "operations", "operation", "request", "filter"]
FIELDS += ["sort", "page", "resourceId", "lockOwner", "expiryInSeconds", "parallelism", "contentType"]
names = st.one_of(
    st.sampled_from(["", "state", "bare", "queryable", "secrets", "configuration", "locks", "nowhere", "||", "a||b"]),
    st.text(max_size=12),
    st.just("x" * 100_000),
)
etags = st.one_of(st.none(), st.text(max_size=8))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def sidecar() -> Sidecar:
    return Sidecar(components=STORES, clock=VirtualClock())


def ask(sidecar: Sidecar, path: str, data: bytes) -> tuple[grpc.StatusCode, str | None]:
    try:
        Channel(sidecar.grpc).unary_unary(path)(data, timeout=SECONDS if path.endswith(WAITING) else None)
    except InProcessRpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


@pytest.mark.parametrize("path", [path for path in UNARY if path != SHUTDOWN])
@given(data=st.binary(max_size=64))
@settings(max_examples=60, deadline=None)
def test_bytes_that_are_no_message_are_refused_or_read_as_grpc_go_does(
    sidecar: Sidecar, path: str, data: bytes
) -> None:
    _, details = ask(sidecar, path, data)
    assert "the sidecar failed" not in (details or "")


@given(
    store=names, key=names, value=st.binary(max_size=16), etag=etags, metadata=st.dictionaries(names, names, max_size=2)
)
@settings(max_examples=200, deadline=None)
def test_what_is_refused_is_not_stored(
    sidecar: Sidecar, store: str, key: str, value: bytes, etag: str | None, metadata: dict[str, str]
) -> None:
    sidecar.reset()
    save = wire.method(wire.DAPR, "SaveState")
    state = common_pb2.StateItem(key=key, value=value, metadata=metadata)
    if etag is not None:
        state.etag.value = etag
    data = save.request(store_name=store, states=[state]).SerializeToString()
    code, details = ask(sidecar, save.path, data)
    assert "the sidecar failed" not in (details or "")
    if code is not grpc.StatusCode.OK and "||" not in key:
        for name in sidecar.core.state.names():
            assert sidecar.core.state.get(name, key) is None


def fill(pattern: tuple[str, ...], parts: list[str]) -> str:
    filled = [parts[n % len(parts)] if part.startswith("{") else part for n, part in enumerate(pattern)]
    return "/" + "/".join(filled)


@pytest.mark.parametrize("route", sorted({(route.method, route.pattern) for route in ROUTES}), ids=str)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_body_gets_an_answer(sidecar: Sidecar, route: tuple[str, tuple[str, ...]], data: st.DataObject) -> None:
    method, pattern = route
    if "shutdown" in pattern:
        pytest.skip("would end the sidecar")
    parts = data.draw(
        st.lists(st.sampled_from(["state", "locks", "secrets", "k", "a%7C%7Cb", "%zz", "nowhere"]), min_size=1)
    )
    body = data.draw(st.one_of(st.binary(max_size=40), json_values.map(to_json), bodies(json_values)))
    query = data.draw(st.sampled_from(["", "metadata.ttlInSeconds=x", "metadata.=", "%zz", "key=a&key=b", "a=%"]))
    answer = sidecar.http.prepare(Request(method, fill(pattern, parts), query, [], body)).run()
    assert 200 <= answer.status < 600
    assert b"the sidecar failed" not in answer.body


def to_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def bodies(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Bodies that are nearly right: the names are, the values need not be."""
    keys = st.sampled_from(FIELDS)
    objects = st.dictionaries(keys, values, max_size=4)
    nested = st.dictionaries(keys, objects | st.lists(objects, max_size=2) | values, max_size=4)
    return (objects | nested | st.lists(objects | nested, max_size=3)).map(to_json)
