"""The sidecar's own APIs and its doors: health, metadata, shutdown, tokens, lists, traces, limits, controls."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from dapr_client.wire import dapr_pb2, metadata_pb2, state_pb2
from fakesidecar import redis_place
from fakesidecar.clock import SystemClock, VirtualClock
from fakesidecar.errors import ApiError
from fakesidecar.grpcapi.api import GrpcApi
from fakesidecar.grpcapi.registry import Context
from fakesidecar.grpcapi.status import status_of
from fakesidecar.httpapi.api import HttpApi, public_api
from fakesidecar.ids import SeededIds
from fakesidecar.interceptors.recording import Event
from fakesidecar.options import AppHealth, Options
from fakesidecar.resources import Component, Configuration, HttpEndpoint, Resiliency, Resources, Subscription
from fakesidecar.resources.configuration import ApiRule, Handler, Tracing
from fakesidecar.resources.errors import StartupError
from fakesidecar.resources.subscription import Rule
from fakesidecar.sidecar import Sidecar
from fakesidecar.web import Request, Response

STORE = Component("store", "state.in-memory")
GET_STATE = "/dapr.proto.runtime.v1.Dapr/GetState"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
NONE = f"00-{'0' * 32}-{'0' * 16}-00"
NO_APP = {
    "errorCode": "ERR_DIRECT_INVOKE",
    "message": "failed getting app id either from the URL path or the header dapr-app-id",
}


def sidecar(configuration: Configuration | None = None, *components: Component, **options: Any) -> Sidecar:
    resources = Resources(components=(STORE, *components), configuration=configuration or Configuration())
    return Sidecar(Options(**options), resources=resources, clock=VirtualClock(), ids=SeededIds())


def ask(api: HttpApi, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
    path, _, query = path.partition("?")
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return api.prepare(Request(method, path, query, pairs, body)).run()


GET_K = state_pb2.GetStateRequest(store_name="store", key="k").SerializeToString()


def call(api: GrpcApi, path: str = GET_STATE, data: bytes = GET_K, **metadata: str) -> Any:
    """The answer of a call and its metadata, or the status that it ends with."""
    context = Context(tuple((name.replace("_", "-"), value) for name, value in metadata.items()))
    served = api.find(path)
    try:
        if served is None:
            api.refuse(path, context)
        answer = api.prepare(served, data, context).run()
        assert isinstance(answer, bytes)
        return served.method.response.FromString(answer), context.header
    except ApiError as error:
        status = status_of(error)
        return status.code.name, status.message


def headers_of(response: Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers}


# --- health ------------------------------------------------------------------------------------------------------


def test_a_sidecar_without_an_app_is_healthy() -> None:
    api = sidecar(app_id="shop").http
    for path in ("/v1.0/healthz", "/v1.0/healthz/", "/v1.0/healthz?appid=shop", "/v1.0/healthz/outbound?appid=other"):
        assert ask(api, "GET", path) == Response(204), path


@pytest.mark.parametrize("query", ["appid=other", "appid="])
def test_the_health_of_another_app_is_not_told(query: str) -> None:
    answer = ask(sidecar(app_id="shop").http, "GET", f"/v1.0/healthz?{query}")
    assert (answer.status, json.loads(answer.body)["errorCode"]) == (500, "ERR_HEALTH_APPID_NOT_MATCH")


def test_a_sidecar_waits_for_its_app() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        waiting = Sidecar(Options(app_port=reserved.getsockname()[1]))
        with waiting:
            answer = ask(waiting.http, "GET", "/v1.0/healthz")
            assert (answer.status, json.loads(answer.body)["message"]) == (500, "dapr is not ready: [runtime]")
            assert ask(waiting.http, "GET", "/v1.0/healthz/outbound").status == 204
            assert waiting.core.metadata.get().actor_runtime.status == "INITIALIZING"


# --- metadata ----------------------------------------------------------------------------------------------------


@pytest.fixture
def described() -> Sidecar:
    resources = Resources(
        components=[STORE],
        subscriptions=[Subscription("bus", "orders", [Rule("/orders")], {"k": "v"}, "dead")],
        http_endpoints=[HttpEndpoint("far", "http://127.0.0.1:1")],
        resiliencies=[Resiliency("tough")],
        configuration=Configuration(features={"HotReload": False, "Unheard": True}),
    )
    options = Options(
        app_id="shop", app_port=8080, app_max_concurrency=5, app_health=AppHealth(interval=2, timeout=0.3)
    )
    return Sidecar(options, resources=resources)


def test_both_doors_tell_the_same_of_the_sidecar(described: Sidecar) -> None:
    described.core.metadata.set("color", "blue")
    found, _ = call(described.grpc, "/dapr.proto.runtime.v1.Dapr/GetMetadata", b"")
    assert isinstance(found, metadata_pb2.GetMetadataResponse)
    said = json.loads(ask(described.http, "GET", "/v1.0/metadata").body)
    assert (found.id, list(found.enabled_features)) == (said["id"], said["enabledFeatures"]) == ("shop", ["Unheard"])
    assert dict(found.extended_metadata) == said["extended"] == {"color": "blue", "daprRuntimeVersion": "1.18.3"}
    assert [c.name for c in found.registered_components] == [c["name"] for c in said["components"]] == ["store"]
    assert list(found.registered_components[0].capabilities) == said["components"][0]["capabilities"]
    assert said["subscriptions"] == [
        {
            "pubsubname": "bus",
            "topic": "orders",
            "metadata": {"k": "v"},
            "rules": [{"path": "/orders"}],
            "deadLetterTopic": "dead",
            "type": "DECLARATIVE",
        }
    ]
    assert [rule.path for rule in found.subscriptions[0].rules.rules] == ["/orders"]
    assert [one.name for one in found.http_endpoints] == ["far"]
    assert said["resiliencies"] == [{"name": "tough"}]
    assert said["appConnectionProperties"] == {
        "port": 8080,
        "protocol": "http",
        "channelAddress": "127.0.0.1",
        "maxConcurrency": 5,
        "health": {
            "healthCheckPath": "/healthz",
            "healthProbeInterval": "2s",
            "healthProbeTimeout": "300ms",
            "healthThreshold": 3,
        },
    }
    assert found.app_connection_properties.health.health_probe_timeout == "300ms"


def test_values_are_set_over_both_doors_and_forgotten_by_a_reset() -> None:
    it = sidecar()
    assert ask(it.http, "PUT", "/v1.0/metadata/a%20key%2Fwith", b"v").status == 204
    request = metadata_pb2.SetMetadataRequest(key="shape", value="round")
    call(it.grpc, "/dapr.proto.runtime.v1.Dapr/SetMetadata", request.SerializeToString())
    call(it.grpc, "/dapr.proto.runtime.v1.Dapr/SetMetadata", b"")
    version = {"daprRuntimeVersion": "1.18.3"}
    assert it.core.metadata.get().extended == {"a key/with": "v", "shape": "round", **version}
    it.reset()
    assert it.core.metadata.get().extended == version


# --- shutdown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "forced"), [("true", True), ("TRUE", True), ("false", False), ("1", False)])
def test_a_shutdown_is_asked_for_over_both_doors(value: str, forced: bool) -> None:
    it, asked = sidecar(), list[bool]()
    it.core.on_shutdown = asked.append
    assert ask(it.http, "POST", "/v1.0/shutdown", dapr_force_shutdown=value).status == 204
    call(it.grpc, "/dapr.proto.runtime.v1.Dapr/Shutdown", b"", dapr_force_shutdown=value)
    assert asked == [forced, forced]


# --- tokens and lists --------------------------------------------------------------------------------------------


def test_the_api_token_is_asked_for_everywhere_but_at_the_health() -> None:
    it = sidecar(api_token="the-token")
    for path in ("/v1.0/state/store/k", "/v1.0/nothing", "/", "/fakesidecar/v1/clock", "/v1.0/state/healthz/x"):
        refused = ask(it.http, "GET", path, dapr_api_token="The-Token")
        assert (refused.status, refused.body) == (401, b"invalid api token\n"), path
        assert headers_of(refused)["x-content-type-options"] == "nosniff"
    assert ask(it.http, "GET", "/v1.0/healthz").status == 204
    assert ask(it.http, "POST", "/v1.0/healthz").status == 401
    assert ask(it.http, "GET", "/v1.0/state/store/k", dapr_api_token="the-token").status == 204


def test_the_api_token_over_grpc() -> None:
    it = sidecar(api_token="the-token")
    assert call(it.grpc) == ("UNAUTHENTICATED", "Unauthorized")
    assert call(it.grpc, dapr_api_token="") == ("UNAUTHENTICATED", "Unauthorized")
    assert call(it.grpc, "/some.Service/Method") == ("UNAUTHENTICATED", "Unauthorized")
    assert call(it.grpc, dapr_api_token="the-token")[0] == state_pb2.GetStateResponse()
    # A message that cannot be read is refused before anybody asks for a token.
    assert call(it.grpc, data=b"\xff\xff")[0] == "INTERNAL"


def lists(allowed: Sequence[ApiRule] = (), denied: Sequence[ApiRule] = ()) -> Sidecar:
    return sidecar(Configuration(api_allowed=tuple(allowed), api_denied=tuple(denied)))


@pytest.mark.parametrize("version", ["v1.0", "v1"])
def test_an_allow_list_closes_the_rest_of_http(version: str) -> None:
    it = lists([ApiRule("state", version, "HTTP")])
    assert ask(it.http, "GET", "/v1.0/state/store/k").status == 204
    assert ask(it.http, "GET", "/v1.0/healthz").status == 204
    assert ask(it.http, "GET", "/fakesidecar/v1/clock").status == 200
    closed = ask(it.http, "GET", "/v1.0/metadata")
    assert (closed.status, closed.body) == (404, b"404 page not found\n")
    assert call(it.grpc)[0] == state_pb2.GetStateResponse()


def test_lists_over_grpc() -> None:
    not_there = ("UNIMPLEMENTED", "Not Implemented")
    assert call(lists([ApiRule("metadata", "v1", "grpc")]).grpc) == not_there
    assert call(lists(denied=[ApiRule("state", "v1", "grpc")]).grpc) == not_there
    for rule in (ApiRule("state", "v1.0", "grpc"), ApiRule("nonsense", "v1", "grpc"), ApiRule("metadata", "v1", "")):
        assert call(lists([rule]).grpc)[0] == state_pb2.GetStateResponse(), rule


def test_what_is_denied_is_left_to_apps() -> None:
    closed = ask(lists(denied=[ApiRule("state", "v1", "http")]).http, "GET", "/v1.0/state/store/k")
    assert (closed.status, json.loads(closed.body)) == (404, NO_APP)


# --- traces ------------------------------------------------------------------------------------------------------


def test_the_callers_trace_comes_back_unchanged() -> None:
    api = sidecar().http
    told = headers_of(ask(api, "GET", "/v1.0/state/store/k", traceparent=PARENT, tracestate="a=1", baggage="x=1,y=2"))
    assert told == {"traceparent": PARENT, "tracestate": "a=1", "baggage": "x=1,y=2"}
    assert headers_of(ask(api, "GET", "/v1.0/nothing"))["traceparent"] == NONE
    assert headers_of(ask(api, "GET", "/v1.0/healthz", traceparent=PARENT)) == {}


def test_a_sampling_rate_makes_every_call_a_span() -> None:
    api = sidecar(Configuration(tracing=Tracing(sampling_rate="1"))).http
    version, trace, span, flags = headers_of(ask(api, "GET", "/v1.0/state/store/k"))["traceparent"].split("-")
    assert (version, flags, len(trace), len(span)) == ("00", "01", 32, 16)
    told = headers_of(ask(api, "GET", "/v1.0/state/store/k", traceparent=PARENT[:-2] + "00"))["traceparent"]
    assert told.startswith(f"00-{TRACE}-")
    assert told.endswith("-00")
    assert SPAN not in told


def test_a_sampling_rate_of_zero_turns_trace_headers_off() -> None:
    api = sidecar(Configuration(tracing=Tracing(sampling_rate="0.0"))).http
    assert headers_of(ask(api, "GET", "/v1.0/state/store/k", traceparent=PARENT, baggage="nonsense")) == {}


def test_broken_baggage_is_refused() -> None:
    it, complaint = sidecar(), 'invalid baggage header: invalid baggage list-member: "nonsense"'
    refused = ask(it.http, "GET", "/v1.0/nothing", baggage="nonsense")
    assert (refused.status, refused.body, "traceparent" in headers_of(refused)) == (
        400,
        f"{complaint}\n".encode(),
        False,
    )
    assert call(it.grpc, baggage="nonsense") == ("INVALID_ARGUMENT", complaint)
    assert call(it.grpc, baggage="a = 1")[1] == [("baggage", "a=1")]


# --- CORS and middleware -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "origin", "answer"),
    [
        ("*", "http://evil.com", "*"),
        ("http://a.org,https://b.org", "https://b.org", "https://b.org"),
        ("http://*.a.org", "http://x.a.org", "http://x.a.org"),
        ("http://*.a.org", "http://a.org", None),
        ("http://a.org", "HTTP://A.ORG", "HTTP://A.ORG"),
        ("http://a.org", "http://evil.com", None),
    ],
)
def test_origins(allowed: str, origin: str, answer: str | None) -> None:
    api = sidecar(allowed_origins=allowed, api_token="needed").http
    preflight = ask(
        api,
        "OPTIONS",
        "/v1.0/state/store/k",
        origin=origin,
        access_control_request_method="put",
        access_control_request_headers="x-mine,  content-type",
    )
    told = headers_of(preflight)
    assert preflight.status == 200
    assert told.get("access-control-allow-origin") == answer
    assert told.get("access-control-allow-methods") == (answer and "PUT")
    assert told.get("access-control-allow-headers") == (answer and "X-Mine, Content-Type")
    got = ask(api, "GET", "/v1.0/state/store/k", origin=origin, dapr_api_token="needed")
    assert headers_of(got).get("access-control-allow-origin") == answer


def pipeline(kind: str, **metadata: str) -> Sidecar:
    component = Component("mine", f"middleware.http.{kind}", metadata=metadata)
    return sidecar(Configuration(http_pipeline=(Handler("mine", component.type),)), component)


def test_middleware_shouts() -> None:
    it = pipeline("uppercase")
    ask(it.http, "PUT", "/v1.0/metadata/k", "ß é x".encode())
    assert it.core.metadata.get().extended["k"] == "ß É X"


def test_middleware_checks_paths() -> None:
    api = pipeline("routerchecker", rule="^/v1.0/[a-z/]+$").http
    assert ask(api, "GET", "/v1.0/state/store/k").status == 204
    assert ask(api, "GET", "/v1.0/state/store/K").body == b"invalid router"


def test_middleware_writes_other_paths_for_apps_alone() -> None:
    it = pipeline("routeralias", routes='{"/call/{what}": "/v1.0/state/{x}/k"}')
    request = Request("GET", "/call/a%20b", "z=1&a=2")
    assert it.http.prepare(request).run().status == 404
    assert (request.path, request.query) == ("/v1.0/state/%7Bx%7D/k", "a=2&what=a+b&z=1")


# --- unknown and broken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "metadata", "answer"),
    [
        (
            "/some.Service/Method",
            {},
            ("UNKNOWN", "cannot proxy request: missing dapr-callee-app-id or dapr-app-id metadata"),
        ),
        (
            "/dapr.proto.runtime.v1.Dapr/Nothing",
            {},
            ("UNKNOWN", "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found"),
        ),
        ("/some.Service/Method", {"dapr_app_id": ""}, ("UNKNOWN", "app id is empty")),
        ("/nonsense", {}, ("UNIMPLEMENTED", 'malformed method name: "/nonsense"')),
    ],
)
def test_unknown_calls(path: str, metadata: dict[str, str], answer: tuple[str, str]) -> None:
    assert call(sidecar().grpc, path, GET_K, **metadata) == answer


def test_unknown_routes_and_paths_in_disorder() -> None:
    api = sidecar().http
    for method, path in [("GET", "/v1.0/nothing"), ("PATCH", "/v1.0/state/store/k"), ("HEAD", "/v1.0/healthz")]:
        answer = ask(api, method, path)
        assert (answer.status, json.loads(answer.body)) == (404, NO_APP), path
    for path in ("/v1.0//state/./store/k/", "/v1.0/secrets/../state/store/k", "/v1.0/state/store/a%25zz"):
        assert ask(api, "GET", path).status == 204, path
    assert ask(api, "GET", "/v1.0/state/store/%zz").body == b"400 Bad Request"


def test_the_public_door_has_health_and_metadata_alone() -> None:
    public = public_api(sidecar(api_token="needed").core)
    assert ask(public, "GET", "/v1.0/healthz").status == 204
    assert ask(public, "PUT", "/v1.0/metadata/k", b"v").status == 204
    assert ask(public, "GET", "/v1.0/state/store/k").body == b"404 page not found\n"
    refused = ask(public, "POST", "/v1.0/metadata")
    assert (refused.status, headers_of(refused)["allow"]) == (405, "GET")


# --- controls and recording --------------------------------------------------------------------------------------


def test_the_clock_is_moved_over_http() -> None:
    it = sidecar()
    before = it.clock.now()
    moved = ask(it.http, "POST", "/fakesidecar/v1/clock/advance", b'{"seconds": 1.5}')
    assert json.loads(moved.body) == {"time": before + 1.5, "virtual": True}
    for body in (b"", b"[]", b"{}", b'{"seconds": -1}', b'{"seconds": "1"}', b'{"seconds": true}', b'{"seconds": NaN}'):
        assert ask(it.http, "POST", "/fakesidecar/v1/clock/advance", body).status == 400, body
    assert it.clock.now() == before + 1.5


def test_nobody_moves_the_systems_clock() -> None:
    answer = ask(Sidecar(clock=SystemClock()).http, "POST", "/fakesidecar/v1/clock/advance", b'{"seconds": 1}')
    assert (answer.status, json.loads(answer.body)["errorCode"]) == (409, "ERR_CLOCK_IS_REAL")


def test_what_was_asked_is_remembered_from_the_start_of_a_recording() -> None:
    it = sidecar()
    call(it.grpc)
    ask(it.http, "POST", "/fakesidecar/v1/requests", b'{"recording": true}')
    call(it.grpc)
    call(it.grpc, data=state_pb2.GetStateRequest(store_name="none", key="k").SerializeToString())
    events = it.core.recording.events
    assert [(e.call.name, e.call.component, e.call.target, e.outcome, e.time) for e in events[-2:]] == [
        ("state.get", "store", "k", "OK", it.clock.now()),
        ("state.get", "none", "k", "INVALID_ARGUMENT", it.clock.now()),
    ]
    assert isinstance(events[-1], Event)
    assert str(events[-1].error) == "state store none is not found"
    told = json.loads(ask(it.http, "GET", "/fakesidecar/v1/requests").body)
    assert [one["outcome"] for one in told["requests"][-2:]] == ["OK", "INVALID_ARGUMENT"]
    assert ask(it.http, "POST", "/fakesidecar/v1/reset").status == 204
    ask(it.http, "POST", "/fakesidecar/v1/requests", b'{"recording": false}')
    it.core.recording.clear()
    call(it.grpc)
    assert it.core.recording.events == ()
    assert it.core.onion.interceptors == []


# --- on the wire -------------------------------------------------------------------------------------------------


@pytest.fixture
def served() -> Iterator[Sidecar]:
    with sidecar(max_body_size=1024, public_port=0) as it:
        yield it


def over_http(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_bodies_may_be_one_byte_larger_than_the_limit(served: Sidecar) -> None:
    assert over_http(served.http_port, "PUT", "/v1.0/metadata/k", b"x" * 1025)[0] == 204
    status, body = over_http(served.http_port, "PUT", "/v1.0/metadata/k", b"x" * 1026)
    assert (status, json.loads(body)["message"]) == (400, "failed to read request body: stream too large")


def test_headers_have_a_limit(served: Sidecar) -> None:
    assert over_http(served.http_port, "GET", "/v1.0/healthz", x_big="x" * 8000)[0] == 204
    too_large = (431, b"431 Request Header Fields Too Large")
    assert over_http(served.http_port, "GET", "/v1.0/healthz", x_big="x" * 20_000) == too_large
    many = {f"x_{number}": "x" * 1000 for number in range(20)}
    assert over_http(served.http_port, "GET", "/v1.0/healthz", b"", **many) == too_large


def test_the_public_port_is_another(served: Sidecar) -> None:
    assert over_http(served.public_port, "GET", "/v1.0/healthz")[0] == 204
    assert over_http(served.public_port, "GET", "/v1.0/state/store/k") == (404, b"404 page not found\n")


def test_grpc_sends_headers_and_takes_much_metadata(served: Sidecar) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{served.grpc_port}") as channel:
        get = channel.unary_unary(
            GET_STATE,
            request_serializer=state_pb2.GetStateRequest.SerializeToString,
            response_deserializer=state_pb2.GetStateResponse.FromString,
        )
        request = state_pb2.GetStateRequest(store_name="store", key="k")
        metadata = (("baggage", "a=1"), ("x-big", "x" * 100_000))
        _, done = get.with_call(request, metadata=metadata, timeout=5)
        assert ("baggage", "a=1") in [(key, value) for key, value in done.initial_metadata()]
        with pytest.raises(grpc.RpcError) as refused:
            get(state_pb2.GetStateRequest(store_name="store", key="k" * 1024), timeout=5)
        assert "larger than max (1034 vs. 1024)" in (refused.value.details() or "")


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_tells_dapr_by_its_own_names(served: Sidecar, version: str) -> None:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from grpc_reflection.v1alpha import reflection_pb2 as official  # the same messages in both versions

    def reflect(*metadata: tuple[str, str], **asked: str) -> Any:
        with grpc.insecure_channel(f"127.0.0.1:{served.grpc_port}") as channel:
            service = channel.stream_stream(
                f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                request_serializer=official.ServerReflectionRequest.SerializeToString,
                response_deserializer=official.ServerReflectionResponse.FromString,
            )
            request = official.ServerReflectionRequest(**asked)
            return next(iter(service(iter([request]), metadata=metadata, timeout=5)))

    app = ("dapr-app-id", "any")
    listed = reflect(app, list_services="*").list_services_response.service
    assert {one.name for one in listed} == {
        "dapr.proto.runtime.v1.Dapr",
        "TaskHubSidecarService",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    found = reflect(app, file_containing_symbol="dapr.proto.runtime.v1.Dapr").file_descriptor_response
    files = {file.name for file in map(FileDescriptorProto.FromString, found.file_descriptor_proto)}
    assert {"dapr/proto/runtime/v1/dapr.proto", "google/protobuf/empty.proto"} <= files
    assert reflect(app, file_by_filename=f"grpc/reflection/{version}/reflection.proto").file_descriptor_response
    assert reflect(app, file_containing_symbol="no.such.Thing").error_response.error_code == 5
    with pytest.raises(grpc.RpcError, match="cannot proxy request"):
        reflect(list_services="*")


def test_the_doors_may_be_sockets_in_a_folder(tmp_path: Path) -> None:
    with sidecar(app_id="shop", unix_domain_socket=str(tmp_path)):
        assert sorted(path.name for path in tmp_path.glob("*.socket")) == [
            "dapr-shop-grpc.socket",
            "dapr-shop-http.socket",
        ]
        with grpc.insecure_channel(f"unix:{tmp_path}/dapr-shop-grpc.socket") as channel:
            shutdown: Any = channel.unary_unary(
                "/dapr.proto.runtime.v1.Dapr/Shutdown",
                request_serializer=dapr_pb2.ShutdownRequest.SerializeToString,
            )
            assert shutdown(dapr_pb2.ShutdownRequest(), timeout=5) == b""
    assert not [*tmp_path.glob("*.socket")]


# --- beginnings and ends -----------------------------------------------------------------------------------------


def test_a_sidecar_that_could_not_start_takes_nothing_from_others() -> None:
    with sidecar() as first:
        second = sidecar(http_port=first.http_port)
        with pytest.raises(OSError):
            second.start()
        second.stop()
        with grpc.insecure_channel(f"127.0.0.1:{first.grpc_port}") as channel:
            get: Any = channel.unary_unary("/dapr.proto.runtime.v1.Dapr/GetState")
            assert get(GET_K, timeout=5) == b""


def test_what_was_loaded_is_closed_when_the_rest_cannot_be() -> None:
    redis = Component("good", "state.redis", metadata={"redisHost": "ends-with-its-sidecar"})
    for bad in (Component("bad", "state.nonsense"), Component("bad", "lock.in-memory", metadata={"keyPrefix": "||"})):
        with pytest.raises(StartupError):
            sidecar(None, redis, bad)
        assert "ends-with-its-sidecar" not in redis_place.embedded_hosts()


def test_a_sidecar_that_never_started_can_be_stopped() -> None:
    idle = sidecar(None, Component("good", "state.redis", metadata={"redisHost": "never-started"}))
    assert "never-started" in redis_place.embedded_hosts()
    idle.stop()
    assert "never-started" not in redis_place.embedded_hosts()


async def test_calls_that_come_faster_than_they_are_answered_wait(served: Sidecar) -> None:
    many = 4000  # three thousand are what grpcio lets wait at most, if nobody asks for more
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.grpc_port}") as channel:
        hello: Any = channel.unary_unary("/TaskHubSidecarService/Hello")
        assert await asyncio.gather(*(hello(b"") for _ in range(many))) == [b""] * many
