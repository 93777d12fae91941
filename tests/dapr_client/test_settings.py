"""Settings, endpoints, health, retries: what a client is told, without a sidecar where none is needed."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from dapr_client import DaprGrpcError, DaprHttpError, RetryPolicy
from dapr_client._async.health import wait_for_sidecar as async_wait_for_sidecar
from dapr_client._sync.health import wait_for_sidecar
from dapr_client.endpoint import GrpcEndpoint
from dapr_client.errors import _Ended
from dapr_client.settings import Settings, grpc_address, http_url
from fakesidecar import Sidecar

ENDPOINTS = {
    "": ("dns:localhost:443", False),
    ":5000": ("dns:localhost:5000", False),
    ":5000?tls=true": ("dns:localhost:5000", True),
    "MyHost": ("dns:myhost:443", False),
    "myhost:50051?tls=true": ("dns:myhost:50051", True),
    "myhost?tls=1": ("dns:myhost:443", False),
    "dns:myhost:5000": ("dns:myhost:5000", False),
    "dns://authority:53/myhost": ("dns://authority:53/myhost:443", False),
    "unix:relative.sock": ("unix:relative.sock", False),
    "unix:///absolute/Path.sock": ("unix:///absolute/Path.sock", False),
    "unix-abstract:name?tls=true": ("unix-abstract:name", True),
    "vsock:cid:7": ("vsock:cid:7", False),
    "[::1]:5000": ("dns:[::1]:5000", False),
    "[::1]?tls=true": ("dns:[::1]:443", True),
    "::1": ("dns:[::1]:443", False),
    "dns:[2001:db8::2]:9": ("dns:[2001:db8::2]:9", False),
    "[2001:0db8:1:1:1:1:1:2]": ("dns:[2001:0db8:1:1:1:1:1:2]:443", False),
}

NOT_ENDPOINTS = {
    "grpc://h:1": "invalid scheme 'grpc' in URL 'grpc://h:1'",
    "dns://myhost": "invalid dns authority 'myhost' in URL 'dns://myhost'",
    "unix://my.sock": "unix:// endpoints require an absolute path",
    "h:5000/v1/dapr": "paths are not supported for gRPC endpoints: '/v1/dapr'",
    "h?a=1": "query parameters are not supported for gRPC endpoints: 'a=1'",
    "https://h?tls=true": "the tls query parameter is not supported for http",
    "bad:host": "Port could not be cast to integer value as 'host'",
    "host:70000": "Port out of range 0-65535",
}


@pytest.mark.parametrize("url", ENDPOINTS)
def test_an_endpoint_is_understood(url: str) -> None:
    endpoint = GrpcEndpoint(url)
    assert (endpoint.endpoint, endpoint.tls) == ENDPOINTS[url]


@pytest.mark.parametrize("url", NOT_ENDPOINTS)
def test_what_is_no_endpoint_is_told(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        GrpcEndpoint(url)
    assert NOT_ENDPOINTS[url] in str(caught.value)


@pytest.mark.parametrize(("url", "tls"), [("http://myhost:1", False), ("https://myhost:1", True)])
def test_web_addresses_are_old_but_work(url: str, tls: bool) -> None:
    with pytest.warns(DeprecationWarning, match=f"use myhost:1\\?tls={str(tls).lower()} instead"):
        endpoint = GrpcEndpoint(url)
    assert (endpoint.endpoint, endpoint.tls) == ("dns:myhost:1", tls)


def test_a_setting_is_assigned_or_from_the_environment_or_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    monkeypatch.delenv("DAPR_GRPC_PORT", raising=False)
    assert settings.DAPR_GRPC_PORT == 50001
    monkeypatch.setenv("DAPR_GRPC_PORT", "6000")
    assert settings.DAPR_GRPC_PORT == 6000
    settings.DAPR_GRPC_PORT = 7000
    assert settings.DAPR_GRPC_PORT == 7000


def test_a_setting_that_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAPR_HTTP_PORT", "abc")
    with pytest.raises(ValueError, match="Invalid value for DAPR_HTTP_PORT: 'abc'"):
        _ = Settings().DAPR_HTTP_PORT


def test_an_endpoint_comes_before_host_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    for name in ("DAPR_GRPC_ENDPOINT", "DAPR_HTTP_ENDPOINT", "DAPR_HTTP_PORT", "DAPR_GRPC_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DAPR_RUNTIME_HOST", "::1")
    assert (grpc_address(settings), http_url(settings)) == ("[::1]:50001", "http://[::1]:3500")
    monkeypatch.setenv("DAPR_GRPC_ENDPOINT", "grpc.example:1")
    monkeypatch.setenv("DAPR_HTTP_ENDPOINT", "https://http.example/")
    assert (grpc_address(settings), http_url(settings)) == ("grpc.example:1", "https://http.example")


def test_waits_grow_up_to_the_limit_and_jitter_draws_below_them() -> None:
    failure = DaprGrpcError(_Ended(grpc.StatusCode.UNAVAILABLE, "gone"))
    policy = RetryPolicy(max_attempts=-1, initial_backoff=2, max_backoff=10, backoff_multiplier=2)
    assert [policy.wait_after_grpc(attempt, failure) for attempt in (0, 1, 2, 3, 10_000)] == [2, 4, 8, 10, 10]
    shaken = RetryPolicy(max_attempts=-1, initial_backoff=2, jitter=True, random=lambda: 0.25)
    assert shaken.wait_after_grpc(0, failure) == 0.5


def test_a_server_may_forbid_another_try() -> None:
    failure = DaprGrpcError(_Ended(grpc.StatusCode.UNAVAILABLE, "gone", (("grpc-retry-pushback-ms", "-1"),)))
    assert RetryPolicy(max_attempts=5).wait_after_grpc(0, failure) is None


def test_http_answers_follow_the_same_policy() -> None:
    policy = RetryPolicy(max_attempts=2)
    assert policy.wait_after_http(0, 503) == 1
    assert policy.wait_after_http(0, 503, retry_after="9") == 9
    assert policy.wait_after_http(0, 404) is None
    assert policy.wait_after_http(1, 503) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_attempts": -2}, "max_attempts must be greater than or equal to -1"),
        ({"max_attempts": None}, "max_attempts must be greater than or equal to -1"),
        ({"initial_backoff": 0}, "initial_backoff must be greater than or equal to 1"),
        ({"retryable_http_status_codes": []}, "retryable_http_status_codes can't be empty"),
    ],
)
def test_a_policy_that_makes_no_sense_is_told(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RetryPolicy(**arguments)  # type: ignore[arg-type]  # what is tested


def test_an_http_error_reads_the_answer() -> None:
    error = DaprHttpError(None, b'{"errorCode": "ERR_X", "message": "no"}', 500, "Internal Server Error")
    assert (error.message, error.error_code, str(error)) == ("no", "ERR_X", "no (Error Code: ERR_X, Status Code: 500)")
    assert DaprHttpError(None, b"", 404).error_code == "ERR_DOES_NOT_EXIST"


def test_the_wait_for_the_sidecar_ends_with_its_health(sidecar: Sidecar) -> None:
    wait_for_sidecar(f"http://127.0.0.1:{sidecar.http_port}/v1.0", None, 10)


def test_the_wait_for_a_sidecar_that_is_not_there_ends_in_time() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(TimeoutError, match=r"Dapr health check timed out, after 2\.5\."):
        wait_for_sidecar("http://127.0.0.1:1/v1.0", None, 2.5, monotonic=lambda: now[0], sleep=sleep)
    assert now == [2.5]


async def test_the_async_wait_leaves_the_loop_free() -> None:
    now, others = [0.0], []

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        await asyncio.sleep(0)
        others.append(seconds)

    with pytest.raises(TimeoutError):
        await async_wait_for_sidecar("http://127.0.0.1:1/v1.0", None, 1.5, monotonic=lambda: now[0], sleep=sleep)
    assert others == [1.0, 0.5]
