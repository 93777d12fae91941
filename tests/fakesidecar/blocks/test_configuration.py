"""Configuration: what is read, who is told of changes, over which door that ends, and what the application gets."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

from dapr_client import wire
from dapr_client.wire import common_pb2
from fakesidecar.clock import VirtualClock
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.sidecar import Sidecar

from .doors import SECONDS, GrpcStream, Refused, grpc_call, http_call, http_ok

Set = Callable[[str, str | None], None]
"""Sets a key to a text, `value||version`; None deletes it."""

HOST = "configuration.test:6379"


def setter(sidecar: Sidecar) -> Set:
    """How an operator changes the store of a sidecar."""
    store = sidecar.core.configuration.store("config")
    if store.component_type.name == "configuration.redis":

        def set_in_redis(key: str, text: str | None) -> None:
            with closing(sidecar.core.around.redis.connect({"redisHost": HOST})) as redis:
                redis(lambda client: client.delete(key) if text is None else client.set(key, text))

        return set_in_redis

    def set_in_memory(key: str, text: str | None) -> None:
        in_memory: Any = store
        if text is None:
            in_memory.delete(key)
        else:
            in_memory.set(key, *text.split("||")[:2])

    return set_in_memory


@pytest.fixture(params=["configuration.in-memory", "configuration.redis"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def running(kind: str, **options: Any) -> Iterator[Sidecar]:
    component = Component("config", kind, metadata={"redisHost": HOST} if kind.endswith("redis") else {})
    with Sidecar(Options(**options), components=[component], clock=VirtualClock()) as sidecar:
        yield sidecar


@pytest.fixture
def sidecar(kind: str) -> Iterator[Sidecar]:
    with running(kind) as sidecar:
        yield sidecar


@pytest.fixture
def change(sidecar: Sidecar) -> Set:
    return setter(sidecar)


def over_grpc(sidecar: Sidecar, *keys: str) -> Any:
    items = MessageToDict(grpc_call(sidecar, "GetConfiguration", store_name="config", keys=keys)).get("items", {})
    alpha = MessageToDict(grpc_call(sidecar, "GetConfigurationAlpha1", store_name="config", keys=keys)).get("items", {})
    assert items == alpha
    return items


def over_http(sidecar: Sidecar, *keys: str) -> Any:
    status, items = http_call(sidecar, "GET", "/v1.0/configuration/config", query={"key": keys})
    assert (status, items) == http_call(sidecar, "GET", "/v1.0-alpha1/configuration/config", query={"key": keys})
    assert (status == 204) == (items is None)
    return items or {}


BOTH = pytest.mark.parametrize("get", [over_grpc, over_http])


@BOTH
def test_a_value_is_told_with_its_version(sidecar: Sidecar, change: Set, get: Any) -> None:
    change("plain", "value")
    change("versioned", "value||1")
    change("extra", "value||2||more")
    assert get(sidecar, "plain", "versioned", "extra", "missing") == {
        "plain": {"value": "value"},
        "versioned": {"value": "value", "version": "1"},
        "extra": {"value": "value", "version": "2"},
    }


@BOTH
def test_no_keys_are_all_keys(sidecar: Sidecar, change: Set, get: Any) -> None:
    assert get(sidecar) == {}
    change("a", "1")
    change("b", "2")
    assert get(sidecar) == {"a": {"value": "1"}, "b": {"value": "2"}}


@BOTH
def test_missing_and_empty_values_are_left_out(sidecar: Sidecar, change: Set, get: Any) -> None:
    change("empty", "")
    change("only-version", "||7")
    assert get(sidecar, "empty", "only-version", "missing") == {}


@pytest.mark.parametrize("name", ["SubscribeConfiguration", "SubscribeConfigurationAlpha1"])
def test_a_stream_begins_with_its_id_and_tells_of_every_change(sidecar: Sidecar, change: Set, name: str) -> None:
    change("watched", "first||1")
    with closing(GrpcStream(sidecar, name, store_name="config", keys=["watched", "other"])) as stream:
        id = stream.next()["id"]
        change("watched", "second||2")
        assert stream.next() == {"id": id, "items": {"watched": {"value": "second", "version": "2"}}}
        change("watched", "second||2")
        assert stream.next() == {"id": id, "items": {"watched": {"value": "second", "version": "2"}}}
        change("unwatched", "x")
        change("other", "new")
        assert stream.next() == {"id": id, "items": {"other": {"value": "new"}}}
        change("watched", None)
        assert stream.next() == {"id": id, "items": {"watched": {}}}
        change("watched", "||8")
        assert stream.next() == {"id": id, "items": {"watched": {}}}


def test_a_stream_without_keys_tells_of_all(sidecar: Sidecar, change: Set) -> None:
    with closing(GrpcStream(sidecar, "SubscribeConfiguration", store_name="config")) as stream:
        id = stream.next()["id"]
        change("anything", "v||1")
        assert stream.next() == {"id": id, "items": {"anything": {"value": "v", "version": "1"}}}


def test_unsubscribing_ends_the_stream_whatever_store_is_named(sidecar: Sidecar) -> None:
    with closing(GrpcStream(sidecar, "SubscribeConfiguration", store_name="config", keys=["k"])) as stream:
        id = stream.next()["id"]
        assert grpc_call(sidecar, "UnsubscribeConfiguration", store_name="nowhere", id=id).ok
        assert list(stream.rest()) == []
        assert stream.code() == "OK"
    again = grpc_call(sidecar, "UnsubscribeConfigurationAlpha1", store_name="config", id=id)
    assert not again.ok
    assert again.message == f"failed to unsubscribe to configuration request {id}: subscription does not exist"


def test_a_stream_that_is_left_is_unsubscribed(sidecar: Sidecar) -> None:
    stream = GrpcStream(sidecar, "SubscribeConfiguration", store_name="config", keys=["k"])
    id = stream.next()["id"]
    other = GrpcStream(sidecar, "SubscribeConfiguration", store_name="config", keys=["k"])
    stream.close()
    other_id = other.next()["id"]
    other.close()
    for left in (id, other_id):
        until(lambda left=left: not grpc_call(sidecar, "UnsubscribeConfiguration", id=left).ok)  # type: ignore[misc]  # mypy cannot infer a lambda with a default


def until(claim: Callable[[], bool]) -> None:
    """Ask again until it is so; every question is a call that gives the sidecar its turn."""
    assert any(claim() for _ in range(1000))


def test_over_http_a_stream_is_silenced_and_then_ends_in_an_error(sidecar: Sidecar, change: Set) -> None:
    with closing(GrpcStream(sidecar, "SubscribeConfiguration", store_name="config", keys=["k"])) as stream:
        id = stream.next()["id"]
        assert http_ok(sidecar, "GET", f"/v1.0/configuration/config/{id}/unsubscribe") == {"ok": True}
        change("k", "unheard")
        assert grpc_call(sidecar, "UnsubscribeConfiguration", store_name="config", id=id).ok
        with pytest.raises(grpc.RpcError):
            list(stream.rest())
        assert (stream.code(), stream.details()) == ("UNKNOWN", f"subscription with id {id} does not exist")


def test_a_reset_ends_subscriptions_and_forgets_what_was_set(sidecar: Sidecar, change: Set) -> None:
    change("k", "v")
    with closing(GrpcStream(sidecar, "SubscribeConfiguration", store_name="config", keys=["k"])) as stream:
        stream.next()
        sidecar.reset()
        list(stream.rest())
        assert stream.code() == "OK"
    assert over_grpc(sidecar) == {}


def test_unknown_stores_are_refused(sidecar: Sidecar) -> None:
    for name in ("GetConfiguration", "GetConfigurationAlpha1"):
        with pytest.raises(Refused) as refused:
            grpc_call(sidecar, name, store_name="nowhere")
        assert refused.value == Refused("INVALID_ARGUMENT", "configuration store nowhere not found")
    for path in ("", "/subscribe", "/some-id/unsubscribe"):
        status, answer = http_call(sidecar, "GET", f"/v1.0/configuration/nowhere{path}")
        assert (status, answer["errorCode"]) == (400, "ERR_CONFIGURATION_STORE_NOT_FOUND")


def test_without_a_store_nothing_is_configured() -> None:
    with Sidecar() as sidecar:
        with pytest.raises(Refused) as refused:
            grpc_call(sidecar, "GetConfiguration", store_name="config")
        assert refused.value == Refused("FAILED_PRECONDITION", "configuration stores not configured")
        status, answer = http_call(sidecar, "GET", "/v1.0/configuration/config/some-id/unsubscribe")
        assert (status, answer["errorCode"]) == (500, "ERR_CONFIGURATION_STORE_NOT_CONFIGURED")
        assert not grpc_call(sidecar, "UnsubscribeConfiguration", store_name="config", id="some-id").ok


def test_without_an_application_there_is_nobody_to_tell(sidecar: Sidecar) -> None:
    status, answer = http_call(sidecar, "GET", "/v1.0/configuration/config/subscribe", query={"key": "k"})
    message = "app channel is not initialized. cannot subscribe to configuration updates"
    assert (status, answer) == (500, {"errorCode": "ERR_APP_CHANNEL_NIL", "message": message})


# --- the application -----------------------------------------------------------------------------


class HttpApp:
    """An application that notes what it is sent, and answers with a status."""

    protocol = "http"

    def __init__(self, status: int = 200) -> None:
        self.received: queue.Queue[Any] = queue.Queue()
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                app.received.put((self.path, self.headers["content-type"], body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class GrpcApp:
    """The same over gRPC."""

    protocol = "grpc"

    def __init__(self) -> None:
        self.received: queue.Queue[Any] = queue.Queue()
        method = wire.method(wire.APP_CALLBACK, "OnInvoke")

        def on_invoke(request: common_pb2.InvokeRequest, context: grpc.ServicerContext) -> common_pb2.InvokeResponse:
            assert request.http_extension.verb == common_pb2.HTTPExtension.POST
            self.received.put((request.method, request.content_type, request.data.value))
            return common_pb2.InvokeResponse()

        handler = grpc.unary_unary_rpc_method_handler(
            on_invoke, method.request.FromString, method.response.SerializeToString
        )
        self._pool = ThreadPoolExecutor(2)
        self._server = grpc.server(self._pool)
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(wire.APP_CALLBACK, {"OnInvoke": handler}),)
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()
        self._pool.shutdown()


@pytest.fixture(params=[HttpApp, GrpcApp])
def app(request: pytest.FixtureRequest) -> Iterator[Any]:
    with closing(request.param()) as app:
        yield app


def test_the_application_is_called_once_for_every_change_until_it_unsubscribes(kind: str, app: Any) -> None:
    with running(kind, app_port=app.port, app_protocol=app.protocol) as sidecar:
        change = setter(sidecar)
        id = http_ok(sidecar, "GET", "/v1.0/configuration/config/subscribe", query={"key": ["a", "b"]})["id"]
        for key, text, item in [
            ("a", "one||1", '{"value":"one","version":"1"}'),
            ("b", "<two>", '{"value":"\\u003ctwo\\u003e"}'),
            ("a", None, "{}"),
            ("a", "||9", "{}"),
        ]:
            change(key, text)
            assert app.received.get(timeout=SECONDS) == delivery(key, id, f'{{"{key}":{item}}}')
        assert not grpc_call(sidecar, "UnsubscribeConfiguration", store_name="config", id=id).ok  # it is no stream
        assert http_ok(sidecar, "GET", f"/v1.0/configuration/config/{id}/unsubscribe") == {"ok": True}
        change("a", "unheard")
        status, answer = http_call(sidecar, "GET", f"/v1.0/configuration/config/{id}/unsubscribe")
        message = f"failed to unsubscribe to configuration request {id}: subscription with id {id} does not exist"
        assert (status, answer) == (500, {"message": message})
        alpha = http_ok(sidecar, "GET", "/v1.0-alpha1/configuration/config/subscribe")["id"]
        change("anything", "x")
        assert app.received.get(timeout=SECONDS) == delivery("anything", alpha, '{"anything":{"value":"x"}}')


def delivery(key: str, id: str, items: str) -> tuple[str, str, bytes]:
    body = f'{{"id":"{id}","items":{items}}}\n'
    return f"/configuration/config/{key}", "application/json", body.encode()


def test_an_application_that_fails_is_told_of_the_next_change_all_the_same(kind: str) -> None:
    with closing(HttpApp(status=500)) as app, running(kind, app_port=app.port) as sidecar:
        change = setter(sidecar)
        id = http_ok(sidecar, "GET", "/v1.0/configuration/config/subscribe", query={"key": "k"})["id"]
        for text in ("1", "2"):
            change("k", text)
            assert app.received.get(timeout=SECONDS) == delivery("k", id, f'{{"k":{{"value":"{text}"}}}}')
