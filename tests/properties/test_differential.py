"""The same calls, made to the fake and to a real daprd, get the same answers. Skipped where there is no daprd."""

from __future__ import annotations

import contextlib
import itertools
import re
import shutil
from collections.abc import Callable, Iterator
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
from tests.parity.process import Redis

COMPONENTS = [
    Component("store", "state.in-memory"),
    Component("bare", "state.in-memory", metadata={"keyPrefix": "none"}),
    Component("table", "state.sqlite", metadata={"connectionString": ":memory:"}),
]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Pair:
    """The fake and the real one, and how an operator sets a configuration item for both."""

    fake: grpc.Channel
    real: grpc.Channel
    set_item: Callable[[str, str], None]


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    program = program_of(request)
    if program is None:
        pytest.skip("no daprd here: put one on PATH, or name it with --dapr-sidecar=PATH")
    with contextlib.closing(Redis()) as redis:
        components = [
            *COMPONENTS,
            Component("locks", "lock.redis", metadata={"redisHost": redis.address}),
            Component("config", "configuration.redis", metadata={"redisHost": redis.address}),
        ]
        with (
            Daprd(components=components, app_id="twin", program=program) as daprd,
            Sidecar(Options(app_id="twin"), components=components) as sidecar,
            grpc.insecure_channel(f"127.0.0.1:{sidecar.grpc_port}") as fake,
            grpc.insecure_channel(f"127.0.0.1:{daprd.grpc_port}") as real,
        ):

            def set_item(key: str, text: str) -> None:
                redis.call("SET", key, text)
                embedded = sidecar.core.around.redis.connect({"redisHost": redis.address})
                embedded(lambda client: client.set(key, text))
                embedded.close()

            yield Pair(fake, real, set_item)


def program_of(request: pytest.FixtureRequest) -> str | None:
    chosen = request.config.getoption("--dapr-sidecar")
    return shutil.which(chosen if chosen not in (None, "fake") else "daprd")


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
            case "TryLockAlpha1" | "UnlockAlpha1" | "GetConfiguration":
                return method.request(store_name=store, **what)
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


lock_stores = st.sampled_from(["locks", "locks", "locks", "nowhere", ""])
resources = st.sampled_from(["r1", "r2", "", "a||b"])
owners = st.sampled_from(["ann", "bob", ""])
seconds = st.sampled_from([600, 600, 0, -1])
lock_calls = st.one_of(
    st.tuples(
        st.just("TryLockAlpha1"),
        lock_stores,
        st.fixed_dictionaries({"resource_id": resources, "lock_owner": owners, "expiry_in_seconds": seconds}),
    ),
    st.tuples(
        st.just("UnlockAlpha1"), lock_stores, st.fixed_dictionaries({"resource_id": resources, "lock_owner": owners})
    ),
)


@given(st.lists(lock_calls, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_locks_answer_as_a_real_daprd_does(pair: Pair, calls: list[tuple[str, str, Any]]) -> None:
    prefix = f"{next(numbers)}-"
    fake, real = Session(pair.fake, ""), Session(pair.real, "")
    for name, store, fields in calls:
        resource = fields["resource_id"] and prefix + fields["resource_id"]
        call = (name, store, {**fields, "resource_id": resource})
        assert fake.ask(call) == real.ask(call), call


texts = st.sampled_from(["value", "value||1", "||7", "", "a|b", "x||y||z", "ü ☃||v 2"])


@given(
    st.dictionaries(st.sampled_from(["one", "two", "three"]), texts),
    st.lists(st.sampled_from(["one", "two", "three", "missing", ""]), min_size=1, max_size=3),
    st.sampled_from(["config", "config", "nowhere"]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_configuration_answers_as_a_real_daprd_does(
    pair: Pair, items: dict[str, str], keys: list[str], store: str
) -> None:
    prefix = f"{next(numbers)}-"
    for key, text in items.items():
        pair.set_item(prefix + key, text)
    call = ("GetConfiguration", store, {"keys": [prefix + key for key in keys]})
    assert Session(pair.fake, "").ask(call) == Session(pair.real, "").ask(call)
