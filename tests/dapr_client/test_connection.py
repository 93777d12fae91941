"""The way to the sidecar: certificates, message sizes, retries of each method, and what is left when it is closed."""

from __future__ import annotations

import asyncio
import datetime
import gc
import http.server
import ipaddress
import pickle
import ssl
import threading
import tomllib
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf.message import Message

from dapr_client import DaprClient, DaprGrpcError, DaprInternalError, RetryPolicy, StateItem, _version
from dapr_client._async.health import wait_for_sidecar as async_wait_for_sidecar
from dapr_client._sync.health import wait_for_sidecar
from dapr_client._transport import HttpReply
from dapr_client._transport.http_aio import AsyncHttp
from dapr_client._transport.http_sync import Http
from dapr_client.aio import DaprClient as AsyncDaprClient
from dapr_client.errors import _Ended
from dapr_client.interceptors import DaprClientInterceptor, DaprClientInterceptorAsync
from dapr_client.jobs import Job
from dapr_client.wire import configuration_pb2, state_pb2
from fakesidecar import Sidecar
from tests.dapr_client.scripted import Fails, recorder, served

VALUE = state_pb2.GetStateResponse(data=b"value", etag="1").SerializeToString()
FIRST = configuration_pb2.SubscribeConfigurationResponse(id="id").SerializeToString()
ASKED = configuration_pb2.SubscribeConfigurationRequest(store_name="store")
LARGE = state_pb2.GetStateResponse(data=bytes(5 * 1024 * 1024)).SerializeToString()
"""More than the 4 MiB that gRPC takes unless it is told otherwise."""

METHODS: Mapping[str, tuple[Any, ...]] = {
    "get_state": ("store", "key"),
    "get_bulk_state": ("store", ["key"]),
    "query_state": ("store", "{}"),
    "save_state": ("store", "key", "value"),
    "save_bulk_state": ("store", [StateItem("key", "value")]),
    "execute_state_transaction": ("store", []),
    "delete_state": ("store", "key"),
    "delete_bulk_state": ("store", ["key"]),
    "get_secret": ("store", "key"),
    "get_bulk_secret": ("store",),
    "get_configuration": ("store", ["key"]),
    "unsubscribe_configuration": ("store", "id"),
    "try_lock": ("store", "resource", "owner", 5),
    "unlock": ("store", "resource", "owner"),
    "invoke_binding": ("name", "operation"),
    "publish_event": ("pubsub", "topic", "data"),
    "publish_events": ("pubsub", "topic", ["data"]),
    "schedule_job": (Job("name", schedule="@daily"),),
    "schedule_job_alpha1": (Job("name", schedule="@daily"),),
    "get_job": ("name",),
    "get_job_alpha1": ("name",),
    "delete_job": ("name",),
    "delete_job_alpha1": ("name",),
    "list_jobs": (),
    "delete_jobs_by_prefix": ("prefix",),
    "converse_alpha1": ("model", []),
    "converse_alpha2": ("model", []),
    "get_metadata": (),
    "set_metadata": ("name", "value"),
    "shutdown": (),
}
"""Every method that is one call, and arguments for it."""

NOT_ONE_CALL = {
    "close",
    "decrypt",
    "encrypt",
    "get_credentials",
    "invoke_method",
    "subscribe",
    "subscribe_configuration",
    "subscribe_with_handler",
    "wait",
}


OLD_CONTRACT = {name for name in dir(DaprClient) if "_workflow" in name}
"""The errors of these are those of the official methods that are gone."""


def test_no_method_is_forgotten() -> None:
    public = {name for name in dir(DaprClient) if not name.startswith("_")}
    assert public - NOT_ONE_CALL - OLD_CONTRACT == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.filterwarnings("ignore:.*Alpha version:UserWarning", "ignore:.*deprecated.*:DeprecationWarning")
def test_each_method_is_tried_again_and_raises_the_one_error(name: str) -> None:
    slept, sleep, _ = recorder()
    policy = RetryPolicy(max_attempts=2, sleep=sleep)
    with (
        served(Fails(grpc.StatusCode.UNAVAILABLE), b"", Fails(grpc.StatusCode.INTERNAL, "no")) as script,
        DaprClient(channel=grpc.insecure_channel(script.address), api_token="secret", retry_policy=policy) as dapr,
    ):
        getattr(dapr, name)(*METHODS[name])
        with pytest.raises(DaprGrpcError, match="no"):
            getattr(dapr, name)(*METHODS[name])
    assert slept == [1.0]
    assert [call["dapr-api-token"] for call in script.calls] == ["secret"] * 3


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.filterwarnings("ignore:.*Alpha version:UserWarning", "ignore:.*deprecated.*:DeprecationWarning")
async def test_each_async_method_is_tried_again_and_raises_the_one_error(name: str) -> None:
    slept, _, sleep = recorder()
    policy = RetryPolicy(max_attempts=2, async_sleep=sleep)
    with served(Fails(grpc.StatusCode.UNAVAILABLE), b"", Fails(grpc.StatusCode.INTERNAL, "no")) as script:
        channel = grpc.aio.insecure_channel(script.address)
        async with AsyncDaprClient(channel=channel, api_token="secret", retry_policy=policy) as dapr:
            await getattr(dapr, name)(*METHODS[name])
            with pytest.raises(DaprGrpcError, match="no"):
                await getattr(dapr, name)(*METHODS[name])
    assert slept == [1.0]
    assert [call["dapr-api-token"] for call in script.calls] == ["secret"] * 3


def test_a_stream_that_is_closed_during_a_wait_is_not_opened_again() -> None:
    with (
        served(Fails(grpc.StatusCode.UNAVAILABLE)) as script,
        DaprClient(
            channel=grpc.insecure_channel(script.address),
            retry_policy=RetryPolicy(max_attempts=-1, sleep=lambda seconds: stream.close()),
        ) as dapr,
    ):
        stream = dapr._transport.server_stream(
            "SubscribeConfiguration",
            configuration_pb2.SubscribeConfigurationRequest(),
            configuration_pb2.SubscribeConfigurationResponse,
        )
        assert list(stream) == []
    assert len(script.calls) == 1


def test_a_stream_in_both_directions_has_token_and_interceptors_and_is_opened_again() -> None:
    slept, sleep, _ = recorder()
    with (
        served(Fails(grpc.StatusCode.UNAVAILABLE), (FIRST,)) as script,
        DaprClient(
            channel=grpc.insecure_channel(script.address),
            interceptors=[DaprClientInterceptor([("added", "yes")])],
            api_token="secret",
            retry_policy=RetryPolicy(max_attempts=2, sleep=sleep),
        ) as dapr,
    ):
        stream = dapr._transport.bidirectional("SubscribeX", lambda: iter((ASKED,)), type(ASKED))
        assert len(list(stream)) == 1
    assert [(call["dapr-api-token"], call["added"]) for call in script.calls] == [("secret", "yes")] * 2
    assert slept == [1.0]


async def test_an_async_stream_in_both_directions_has_token_and_interceptors_and_is_opened_again(
    without_health: None,
) -> None:
    slept, _, sleep = recorder()

    async def requests() -> AsyncIterator[Message]:
        yield ASKED

    with served(Fails(grpc.StatusCode.UNAVAILABLE), (FIRST,)) as script:
        async with AsyncDaprClient(
            script.address,
            interceptors=[DaprClientInterceptorAsync([("added", "yes")])],
            api_token="secret",
            retry_policy=RetryPolicy(max_attempts=2, async_sleep=sleep),
        ) as dapr:
            stream = await dapr._transport.bidirectional("SubscribeX", requests, type(ASKED))
            assert len([told async for told in stream]) == 1
    assert [(call["dapr-api-token"], call["added"]) for call in script.calls] == [("secret", "yes")] * 2
    assert slept == [1.0]


async def test_a_function_of_grpc_is_called_with_the_policy() -> None:
    slept, sleep, async_sleep = recorder()
    policy = RetryPolicy(max_attempts=2, sleep=sleep, async_sleep=async_sleep)
    arguments = (state_pb2.GetStateRequest().SerializeToString(),)
    path = "/dapr.proto.runtime.v1.Dapr/GetState"
    gone = Fails(grpc.StatusCode.UNAVAILABLE)
    with served(gone, VALUE, gone, VALUE) as script:
        with grpc.insecure_channel(script.address) as channel:
            call: Callable[..., Any] = channel.unary_unary(path)
            answers = [policy.run_rpc(call, *arguments)]
        async with grpc.aio.insecure_channel(script.address) as async_channel:
            async_call: Callable[..., Any] = async_channel.unary_unary(path)
            answers.append((await policy.run_rpc_async(async_call, *arguments))[0])
    assert answers == [VALUE, VALUE]
    assert slept == [1.0, 1.0]


async def test_a_lock_of_the_async_client_is_not_for_plain_with(sidecar: Sidecar) -> None:
    async with AsyncDaprClient() as dapr:
        with pytest.warns(UserWarning, match="Distributed Lock"):
            lock = await dapr.try_lock("locks", "resource", "owner", 5)
        with pytest.raises(TypeError, match="async with"):
            lock.__enter__()


# --- message size ---


def test_messages_are_as_large_as_the_client_or_the_settings_say(
    without_health: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(LARGE, LARGE, LARGE) as script:
        with DaprClient(script.address) as dapr, pytest.raises(DaprGrpcError) as caught:
            dapr.get_state("store", "key")
        with DaprClient(script.address, max_grpc_message_length=6 * 1024 * 1024) as dapr:
            assert len(dapr.get_state("store", "key").data) == 5 * 1024 * 1024
            with pytest.raises(DaprGrpcError):
                dapr.save_state("store", "key", bytes(7 * 1024 * 1024))
        monkeypatch.setenv("DAPR_GRPC_MAX_INBOUND_MESSAGE_SIZE_BYTES", str(6 * 1024 * 1024))
        with DaprClient(script.address) as dapr:
            assert len(dapr.get_state("store", "key").data) == 5 * 1024 * 1024
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


# --- TLS ---


class Certificate(NamedTuple):
    """A certificate that nobody trusts unless told to, and its key, as files and as what gRPC takes."""

    key: Path
    chain: Path

    def trusting(self) -> Callable[[], grpc.ChannelCredentials]:
        return lambda: grpc.ssl_channel_credentials(self.chain.read_bytes())

    def serving(self) -> grpc.ServerCredentials:
        return grpc.ssl_server_credentials([(self.key.read_bytes(), self.chain.read_bytes())])


@pytest.mark.filterwarnings("ignore:http and https schemes:DeprecationWarning")
def test_a_connection_with_tls_verifies_the_certificate(
    without_health: None, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(VALUE, VALUE, credentials=certificate.serving()) as script:
        for address in (f"{script.address}?tls=true", f"https://{script.address}"):
            with DaprClient(address) as dapr, pytest.raises(DaprGrpcError) as caught:
                dapr.get_state("store", "key")
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert script.calls == []
        monkeypatch.setattr(DaprClient, "get_credentials", staticmethod(certificate.trusting()))
        for address in (f"{script.address}?tls=true", f"https://{script.address}"):
            with DaprClient(address) as dapr:
                assert dapr.get_state("store", "key").data == b"value"


async def test_an_async_connection_with_tls_verifies_the_certificate(
    without_health: None, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(VALUE, credentials=certificate.serving()) as script:
        async with AsyncDaprClient(f"{script.address}?tls=true") as dapr:
            with pytest.raises(DaprGrpcError) as caught:
                await dapr.get_state("store", "key")
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert script.calls == []
        monkeypatch.setattr(AsyncDaprClient, "get_credentials", staticmethod(certificate.trusting()))
        async with AsyncDaprClient(f"{script.address}?tls=true") as dapr:
            assert (await dapr.get_state("store", "key")).data == b"value"


async def test_the_wait_for_health_verifies_the_certificate(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(200, certificate=certificate) as (port, seen):
        url = f"https://127.0.0.1:{port}/v1.0"
        with pytest.raises(TimeoutError, match=r"(?i)certificate"):
            await asyncio.to_thread(wait_for_sidecar, url, "secret", 0)
        with pytest.raises(TimeoutError, match=r"(?i)certificate"):
            await async_wait_for_sidecar(url, "secret", 0)
        assert seen == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.chain))
        await asyncio.to_thread(wait_for_sidecar, url, "secret", 5)
    assert [headers["dapr-api-token"] for headers in seen] == ["secret"]


# --- HTTP ---


async def test_http_follows_the_policy_and_what_the_server_asks_for() -> None:
    slept, sleep, async_sleep = recorder()
    policy = RetryPolicy(max_attempts=2, sleep=sleep, async_sleep=async_sleep)
    with answering(503, 200, 503, 200, headers={"Retry-After": "7"}) as (port, seen):
        url = f"http://127.0.0.1:{port}/"
        http, async_http = Http(policy), AsyncHttp(policy)
        replies: list[HttpReply] = [await asyncio.to_thread(http.request, "GET", url)]
        replies.append(await async_http.request("GET", url))
        http.close()
        await async_http.close()
    assert [reply.status for reply in replies] == [200, 200]
    assert (slept, len(seen)) == ([7.0, 7.0], 4)


# --- what stays ---


def test_an_async_client_may_be_made_where_no_loop_runs(sidecar: Sidecar) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dapr = AsyncDaprClient()

        async def use() -> bytes:
            async with dapr:
                await dapr.save_state("statestore", "key", "value")
                return (await dapr.get_state("statestore", "key")).data

        assert asyncio.run(use()) == b"value"
        gc.collect()


def test_a_closed_client_leaves_no_thread(sidecar: Sidecar) -> None:
    with DaprClient() as dapr:  # gRPC's own threads start with the first use
        dapr.get_metadata()
    before = set(threading.enumerate())
    with DaprClient() as dapr:
        with pytest.warns(DeprecationWarning, match="wait method"):
            dapr.wait(5)
        dapr.subscribe_configuration("settings", ["key"], lambda told, changed: None)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert set(threading.enumerate()) <= before


async def test_a_closed_async_client_leaves_no_task(sidecar: Sidecar) -> None:
    async with AsyncDaprClient() as dapr:
        await dapr.subscribe_configuration("settings", ["key"], lambda told, changed: None)
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        _, left = await asyncio.wait(others, timeout=5)  # grpc's own end on their own
        assert not left


async def test_a_closed_client_says_so(without_health: None) -> None:
    dapr, async_dapr = DaprClient(), AsyncDaprClient()
    for _ in range(2):
        dapr.close()
        await async_dapr.close()
    with pytest.raises(DaprInternalError, match="the client is closed"):
        dapr.get_metadata()
    with pytest.raises(DaprInternalError, match="the client is closed"):
        await async_dapr.get_metadata()


def test_details_that_cannot_be_read_hide_no_error() -> None:
    error = DaprGrpcError(_Ended(grpc.StatusCode.UNAVAILABLE, "gone", (("grpc-status-details-bin", b"\xff"),)))
    assert (str(error), error.error_info) == ("gone (UNAVAILABLE)", None)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert RetryPolicy(max_attempts=2).wait_after_grpc(0, error) == 1


def test_the_version_is_the_project_s() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"] == _version.VERSION


# --- helpers ---


@pytest.fixture
def without_health(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from outside, and no wait: the scripted server has no HTTP door."""

    async def ready(*arguments: object) -> None:
        """At once."""

    for name in ("DAPR_API_TOKEN", "DAPR_GRPC_ENDPOINT", "DAPR_HTTP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("dapr_client._async.client.wait_for_sidecar", ready)
    monkeypatch.setattr("dapr_client._sync.client.wait_for_sidecar", lambda *arguments: None)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2120, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(*(tmp_path_factory.mktemp("tls") / name for name in ("key.pem", "chain.pem")))
    pem = serialization.Encoding.PEM
    made.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    made.chain.write_bytes(signed.public_bytes(pem))
    return made


@contextmanager
def answering(
    *statuses: int, headers: Mapping[str, str] | None = None, certificate: Certificate | None = None
) -> Iterator[tuple[int, list[dict[str, str]]]]:
    """An HTTP server that answers with these, and the headers of the requests that reached it."""
    left, seen = list(statuses), list[dict[str, str]]()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            self.send_response(left.pop(0))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """The output of the tests stays clean."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: Any) -> None:
            """A refused certificate is what is tested."""

    with Server(("127.0.0.1", 0), Answers) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain, certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, seen
        finally:
            server.shutdown()
            thread.join()


def test_a_stream_that_broke_while_it_was_written_to_may_be_opened_again() -> None:
    from dapr_client._transport.aio import CUT_SHORT, _status_of

    nothing = grpc.aio.Metadata()
    broken = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, nothing, nothing, details=CUT_SHORT)
    told: Any = _status_of(broken)
    assert (told.code(), told.details()) == (
        grpc.StatusCode.UNAVAILABLE,
        "the stream ended while a message was being sent",
    )
    said = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, nothing, nothing, details="the server's own")
    assert _status_of(said) is said
