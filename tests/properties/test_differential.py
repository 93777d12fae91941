"""The same calls, made to the fake and to a real daprd, get the same answers. Skipped where there is no daprd."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dapr_client import wire
from dapr_client.wire import common_pb2
from dapr_testing._daprd import Daprd
from fakesidecar import Component, Options, Sidecar

COMPONENTS = [
    Component("store", "state.in-memory"),
    Component("bare", "state.in-memory", metadata={"keyPrefix": "none"}),
    Component("table", "state.sqlite", metadata={"connectionString": ":memory:"}),
]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Pair:
    """The fake and the real one."""

    fake: grpc.Channel
    real: grpc.Channel


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    chosen = request.config.getoption("--dapr-sidecar")
    program = shutil.which(chosen if chosen not in (None, "fake") else "daprd")
    if program is None:
        pytest.skip("no daprd here: put one on PATH, or name it with --dapr-sidecar=PATH")
    with (
        Daprd(components=COMPONENTS, app_id="twin", program=program) as daprd,
        Sidecar(Options(app_id="twin"), components=COMPONENTS) as sidecar,
        grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as fake,
        grpc.insecure_channel(f"127.0.0.1:{daprd.grpc_port}") as real,
    ):
        yield Pair(fake, real)


KEYS = ("a", "b", "c", "", "x||y")
stores = st.sampled_from(["store", "bare", "table", "nowhere"])
keys = st.sampled_from(KEYS)
values = st.sampled_from([b"one", b"two", b"", b'{"b": 1.0, "a": "<&>"}', bytes(range(8))])
etags = st.sampled_from([None, "", "last", "last", "bad", "0"])
ttls = st.sampled_from([{}, {}, {}, {"ttlInSeconds": "1000"}, {"ttlInSeconds": "-1"}, {"ttlInSeconds": "soon"}])
options = st.sampled_from([{}, {"concurrency": 1}, {"concurrency": 2}, {"consistency": 2}])
items = st.fixed_dictionaries({"key": keys, "value": values, "etag": etags, "metadata": ttls, "options": options})
operations = st.one_of(
    st.tuples(st.just("GetState"), stores, keys),
    st.tuples(st.just("SaveState"), stores, st.lists(items, max_size=1)),
    st.tuples(st.just("DeleteState"), stores, items),
    st.tuples(st.just("GetBulkState"), stores, st.lists(st.sampled_from("abc"), max_size=1)),
    st.tuples(
        st.just("ExecuteStateTransaction"),
        stores,
        st.lists(st.tuples(st.sampled_from(["upsert", "delete", "merge"]), items), max_size=3),
    ),
)
numbers = itertools.count()


class Session:
    """One side of the comparison: it remembers the etag that it last gave for a key."""

    def __init__(self, channel: grpc.Channel, prefix: str) -> None:
        self._channel = channel
        self._prefix = prefix
        self._etags: dict[tuple[str, str], str] = {}

    def item(self, store: str, fields: dict[str, Any]) -> common_pb2.StateItem:
        item = common_pb2.StateItem(
            key=self.key(fields["key"]),
            value=fields["value"],
            metadata=fields["metadata"],
            options=common_pb2.StateOptions(**fields["options"]),
        )
        if fields["etag"] is not None:
            last = self._etags.get((store, fields["key"]), "none")
            item.etag.value = last if fields["etag"] == "last" else fields["etag"]
        return item

    def key(self, key: str) -> str:
        return self._prefix + key if key else ""

    def request(self, name: str, store: str, what: Any) -> Message:
        method = wire.method(wire.DAPR, name)
        match name:
            case "GetState":
                return method.request(store_name=store, key=self.key(what))
            case "GetBulkState":
                return method.request(store_name=store, keys=[self.key(key) for key in what])
            case "SaveState":
                return method.request(store_name=store, states=[self.item(store, fields) for fields in what])
            case "DeleteState":
                item = self.item(store, what)
                etag = item.etag if item.HasField("etag") else None
                return method.request(store_name=store, key=item.key, etag=etag, options=item.options)
            case _:
                return method.request(
                    storeName=store,
                    operations=[{"operationType": kind, "request": self.item(store, item)} for kind, item in what],
                )

    def ask(self, operation: tuple[str, str, Any]) -> object:
        name, store, what = operation
        method = wire.method(wire.DAPR, name)
        call = self._channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)
        try:
            reply: Any = call(self.request(name, store, what), timeout=10)
        except grpc.RpcError as error:
            return failure(error)
        if name == "GetState":
            self._etags[store, what] = reply.etag
        return masked(re.sub(r'value: "20\d\d-.*?"', "value: <time>", str(reply)))


def failure(error: Any) -> tuple[str, str]:
    return error.code().name, masked(error.details() or "")


def masked(text: str) -> str:
    return UUID.sub("<uuid>", text)


@given(st.lists(operations, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_state_answers_as_a_real_daprd_does(pair: Pair, calls: list[tuple[str, str, Any]]) -> None:
    prefix = f"{next(numbers)}-"
    fake, real = Session(pair.fake, prefix), Session(pair.real, prefix)
    for call in calls:
        assert fake.ask(call) == real.ask(call), call
